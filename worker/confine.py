"""The doors that close behind nursery and worker: what either needs is loaded and open before."""

from shared import sandbox
from shared.sandbox import Sandbox

LIBPCAP_READS = ("/proc", "/sys", "/dev")


def nursery(*, raw: bool) -> str:
    """It forks and does nothing else; `raw`: a worker to come opens a libpcap handle first. What the kernel had."""
    opening = Sandbox(reads=LIBPCAP_READS, families=None, ports=None) if raw else Sandbox()
    return sandbox.enter(
        Sandbox(opening.reads, (), opening.families, opening.ports, forks=True, signals=True)
    )


def worker() -> str:
    """It has all it needs: no file, no socket, no process, no signal to another. What the kernel had."""
    return sandbox.enter(Sandbox())
