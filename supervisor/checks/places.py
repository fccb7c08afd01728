"""Where things go: folders and their room, sinks, and Kentik, which is spoken to only where it is a sink."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shared import giving
from shared.kentik_endpoints import ends
from shared.settings import KentikSettings, Settings
from supervisor import account, sinks
from supervisor.checks.finding import Finding, failed, ok, warning

CONNECT_S = 3.0
MIB = 1 << 20
ROOM = {"state_dir": MIB, "runtime_dir": MIB >> 4, "cache_dir": 16 * MIB}  # what a start needs there
LEAST_MIB = 64  # no settings make a store of what is less


def folders(settings: Settings) -> Iterator[Finding]:
    """Those of our own."""
    for name, room in ROOM.items():
        path = Path(getattr(settings, name))
        nearest, flag = _nearest(path), f"--{name.replace('_', '-')}"
        has_kernels = name == "cache_dir" and any(path.glob("kernels-*"))
        if not os.access(nearest, os.W_OK | os.X_OK):
            yield failed("folders", f"{name}: {path} cannot be written by us", f"{flag} DIR, or as root")
        elif shutil.disk_usage(nearest).free >= room:
            yield ok("folders", f"{name}: {path}" + ("" if nearest == path else " (will be made)"))
        elif has_kernels:
            what = f"{name}: {path} has no room for the kernels of another version"
            yield warning("folders", what, f"make some before an update, or {flag} DIR elsewhere")
        else:
            yield failed("folders", f"{name}: {path} has no room left", f"make some, or {flag} DIR elsewhere")


def sinks_of(settings: Settings) -> Iterator[Finding]:
    """Each sink, and what it needs."""
    who = account.service_account(settings.user)
    for sink in sinks.of(settings, str(Path.cwd())):
        name = sink.name + (
            f" → {sink.target}" if sink.target not in {"", "-", sink.name.partition(":")[2]} else ""
        )
        if sink.kind == "store":
            yield from _store(name, Path(sink.target), who, settings)
        elif sink.kind.startswith("kentik"):
            yield from reached(settings.kentik)
        elif (
            sink.kind == "jsonl"
            and sink.target != "-"
            and not os.access(_nearest(Path(sink.target)), os.W_OK)
        ):
            yield failed("sinks", f"{name}: cannot be written by us", "choose another place, or as root")
        elif (
            sink.kind == "jsonl"
            and sink.target != "-"
            and not shutil.disk_usage(_nearest(Path(sink.target))).free
        ):
            yield warning("sinks", f"{name}: no room is left there", "make some, or choose another place")
        else:
            yield ok("sinks", name)


def _store(name: str, folder: Path, who: account.Account, settings: Settings) -> Iterator[Finding]:
    nearest = _nearest(folder)
    if not nearest.is_dir():
        yield failed("sinks", f"{name}: {nearest} is no folder", "name a folder of its own")
        return
    if nearest == folder and not _can_write(folder, who):
        yield failed("sinks", f"{name}: cannot be written by {who.user}", giving.remedy(folder, who.user))
        return
    held = _held_mib(folder) + _held_mib(Path(settings.state_dir, "spool"))
    yield judged_store(name, _free_mib(nearest), held, settings.store_mib, settings.spool_mib)


def judged_store(name: str, free: int, held: int, store: int, spool: int) -> Finding:
    """Pure: whether store and spool may grow to what they are allowed; `held`: what they have already."""
    wanted = max(store + spool - held, 0)
    if not free:
        return failed("sinks", f"{name}: no room is left there", "make some, or --sink store:DIR elsewhere")
    if free >= wanted:
        return ok("sinks", f"{name}: {free:,} MiB free")
    what = f"{name}: {free:,} MiB free, less than the {wanted:,} that store and spool may still take"
    fitting = free + held
    smaller = min(spool, max(fitting // 8, 1))
    flags = f"--store-mib {max((fitting - smaller) * 7 // 8, 1)}"
    flags += f" --spool-mib {smaller}" if smaller < spool else ""
    return warning("sinks", what, "make room" + (f", or {flags}" if fitting >= LEAST_MIB else ""))


def _free_mib(path: Path) -> int:
    return shutil.disk_usage(path).free // MIB


def _held_mib(folder: Path) -> int:
    """What its files take; of one that we may not look into, nothing."""
    with suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()) // MIB
    return 0


def _can_write(folder: Path, who: account.Account) -> bool:
    """As that user, for root may write anywhere."""
    if who.uid is None:
        return os.access(folder, os.W_OK | os.X_OK)
    asked = ["test", "-w", str(folder), "-a", "-x", str(folder)]
    return not subprocess.run(asked, user=who.uid, group=who.gid, extra_groups=[], check=False).returncode


def reached(kentik: KentikSettings) -> Iterator[Finding]:
    """A connection to each of its places, or to the proxy alone where there is one; nothing is said on it."""
    places = ends(kentik)[-1:] if kentik.proxy_url else ends(kentik)
    what = "the proxy" if kentik.proxy_url else "kentik"
    for host, port in places:
        try:
            socket.create_connection((host, port), CONNECT_S).close()
        except OSError as error:
            why = error.strerror or str(error) or "it does not answer"
            remedy = "open the way, or --proxy-url; records wait in the spool meanwhile"
            yield warning("sinks", f"{what} {host}:{port} is not reached: {why.lower()}", remedy)
        else:
            yield ok("sinks", f"{what} {host}:{port} is reached")


def _nearest(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())
