"""What this kernel has of what we use: the ring, memory files and huge pages, the sandbox, the filter's compiler."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shared import landlock, syscalls
from shared.settings import Settings
from supervisor import huge_pages
from supervisor.checks.finding import Finding, failed, ok, warning
from supervisor.ring import PACKET_VERSION, SOL_PACKET, TPACKET_V3

SHARED_HUGE = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
SECCOMP = Path("/proc/sys/kernel/seccomp/actions_avail")
BPF_JIT = Path("/proc/sys/net/core/bpf_jit_enable")
FULL_LANDLOCK = 6


def capture(_settings: Settings) -> Iterator[Finding]:
    """The ring's version; not asked without rights."""
    if os.geteuid():
        return
    release = os.uname().release
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
    except OSError as error:
        remedy = (
            "modprobe af_packet; in a container: --cap-add NET_RAW --cap-add NET_ADMIN; or --capture pcap"
        )
        yield failed("kernel", f"Linux {release} gives no TPACKET_V3 ring: {error.strerror}", remedy)
    else:
        yield ok("kernel", f"Linux {release}: TPACKET_V3 rings with fanout")


def pages(_settings: Settings) -> Iterator[Finding]:
    """Where flow tables lie."""
    with suppress(OSError):
        os.close(huge_pages.make_file("flowherd-check", 2))
        yield ok("tables", "flow tables get huge pages")
        return
    with suppress(OSError):
        if "[always]" in (shown := SHARED_HUGE.read_text()) or "[advise]" in shown:
            yield ok("tables", "flow tables are memory files, and the host gives those huge pages")
            return
    remedy = f"echo advise >{SHARED_HUGE}, as root of the host" + (
        "" if os.geteuid() else ", or leave us CAP_SYS_ADMIN"
    )
    yield warning(
        "tables", "flow tables get pages of 4 KiB: a packet costs up to half more with many flows", remedy
    )


def sandbox(settings: Settings) -> Iterator[Finding]:
    """Landlock and seccomp."""
    if not settings.sandbox:
        yield warning("sandbox", "switched off by --no-sandbox", "leave it on")
        return
    version, has_filter = landlock.version(), _filters()
    had = [f"Landlock {version}"] * bool(version) + ["seccomp"] * has_filter
    if version >= FULL_LANDLOCK and has_filter:
        yield ok("sandbox", f"{' and '.join(had)} keep workers and exporter in")
        return
    what = f"only {' and '.join(had)} keep" if had else "neither Landlock nor seccomp keeps"
    remedy = (
        "Linux 6.12 with landlock in its list of security modules (lsm=) has all; a container may forbid them"
    )
    yield warning("sandbox", f"{what} workers and exporter in", remedy)


def _filters() -> bool:
    with suppress(OSError):
        return bool(syscalls.machine()) and "errno" in SECCOMP.read_text().split()
    return False


def filters(_settings: Settings) -> Iterator[Finding]:
    """Whether the kernel compiles filter programs; a network namespace may not show it."""
    with suppress(OSError, ValueError):
        if int(BPF_JIT.read_text()):
            yield ok("filters", "the kernel compiles filters and --sample")
        else:
            what = "the kernel interprets filters and --sample, which costs each packet several times as much"
            yield warning("filters", what, "sysctl -w net.core.bpf_jit_enable=1")
