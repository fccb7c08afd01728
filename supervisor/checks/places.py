"""Where things go: folders and their room, sinks, and Kentik, which is spoken to only where it is a sink."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from shared.kentik_endpoints import ends
from shared.settings import KentikSettings, Settings
from supervisor import account, sinks
from supervisor.checks.finding import Finding, failed, ok, warning

CONNECT_S = 3.0
MIB = 1 << 20


def folders(settings: Settings) -> Iterator[Finding]:
    """Those of our own."""
    for name in ("state_dir", "runtime_dir", "cache_dir"):
        path = Path(getattr(settings, name))
        nearest = _nearest(path)
        if os.access(nearest, os.W_OK | os.X_OK):
            yield ok("folders", f"{name}: {path}" + ("" if nearest == path else " (will be made)"))
        else:
            flag = name.replace("_", "-")
            yield failed("folders", f"{name}: {path} cannot be written by us", f"--{flag} DIR, or as root")


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
        else:
            yield ok("sinks", name)


def _store(name: str, folder: Path, who: account.Account, settings: Settings) -> Iterator[Finding]:
    nearest = _nearest(folder)
    if not nearest.is_dir():
        yield failed("sinks", f"{name}: {nearest} is no folder", "name a folder of its own")
        return
    if nearest == folder and not _can_write(folder, who):
        yield failed("sinks", f"{name}: cannot be written by {who.user}", f"chown -R {who.user} {folder}")
        return
    free, wanted = shutil.disk_usage(nearest).free // MIB, settings.store_mib + settings.spool_mib
    what = f"{name}: {free:,} MiB free"
    if free < wanted:
        remedy = f"make room, or --store-mib {max(free // 2, 1)}"
        yield warning("sinks", f"{what}, less than the {wanted:,} that store and spool may take", remedy)
    else:
        yield ok("sinks", what)


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
