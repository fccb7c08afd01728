"""Who does what on this host: the service user, and the folders it and we own."""

import fcntl
import os
import pwd
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError, FlowherdError
from shared.settings import Settings
from supervisor.sinks import Sink

PRIVATE, PUBLIC = 0o700, 0o755
RECORDS = 0o750  # they tell names and URLs: for the service user and its group


@dataclass(frozen=True, slots=True)
class Account:
    """Whom workers and exporter run as; uid and gid are None when we are not root and cannot choose."""

    user: str
    uid: int | None = None
    gid: int | None = None
    warning: str = ""

    def own(self, path: Path) -> None:
        """Give `path` to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def service_account(user: str) -> Account:
    """The service user, or nobody with a warning; ourselves when we are not root."""
    if os.geteuid() != 0:
        return Account(pwd.getpwuid(os.geteuid()).pw_name if _is_known(os.geteuid()) else str(os.geteuid()))
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        nobody = pwd.getpwnam("nobody")
        warning = (
            f"no user {user!r} here: workers and exporter run as nobody; `useradd --system {user}` adds it"
        )
        return Account("nobody", nobody.pw_uid, nobody.pw_gid, warning)
    if entry.pw_uid == 0:
        raise ConfigurationError("user: workers and exporter must not run as root")
    return Account(user, entry.pw_uid, entry.pw_gid)


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def homely(settings: Settings, chosen: frozenset[str]) -> Settings:
    """Folders below the home of a user who is not root, unless they were `chosen` (XDG base directories)."""
    if os.geteuid() == 0:
        return settings
    home = Path.home()
    places = {
        "state_dir": Path(os.environ.get("XDG_STATE_HOME") or home / ".local/state") / "flowherd",
        "cache_dir": Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "flowherd",
        "runtime_dir": Path(os.environ.get("XDG_RUNTIME_DIR") or home / ".local/run") / "flowherd",
    }
    free: dict[str, Any] = {name: str(path) for name, path in places.items() if name not in chosen}
    return replace(settings, **free)


def make_folder(path: Path, mode: int, owner: Account | None = None) -> Path:
    """`path`, made if need be, and given to `owner` when it is new or not theirs."""
    try:
        if owner is None or os.path.lexists(path):
            path.mkdir(mode=mode, parents=True, exist_ok=True)
        else:
            _make_given(path, mode, owner)
        if owner and owner.uid is not None and path.stat().st_uid != owner.uid:
            owner.own(path)
        if path.stat().st_uid in {os.geteuid(), owner.uid if owner else None}:
            path.chmod(mode)
    except OSError as error:
        why = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise FlowherdError(f"{error.filename or path}: cannot be made or used: {why}") from error
    return path


def _make_given(path: Path, mode: int, owner: Account) -> None:
    """Nobody sees it before it is its owner's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        draft.chmod(mode)
        owner.own(draft)
        draft.rename(path)
    except OSError:
        draft.rmdir()
        raise


def prepare_sinks(sinks: Iterable[Sink], owner: Account) -> None:
    """Make each store's folder, the service user's; one that exists elsewhere is left as it is."""
    for sink in sinks:
        if sink.kind == "store" and Path(sink.target).exists() and not Path(sink.target).is_dir():
            raise ConfigurationError(f"sink {sink.name}: {sink.target} is no folder; name one of its own")
        if sink.kind == "store" and not Path(sink.target).exists():
            make_folder(Path(sink.target), RECORDS, owner)


def open_jsonl(sinks: Iterable[Sink]) -> list[int]:
    """A descriptor for each `jsonl:` sink, opened before rights are dropped; stdout for `jsonl:-`."""
    return [_open_append(sink.target) for sink in sinks if sink.kind == "jsonl"]


def close_all(descriptors: Iterable[int]) -> None:
    """Once the exporter has its own copies or is gone."""
    for fd in descriptors:
        os.close(fd)


def _open_append(path: str) -> int:
    if path == "-":
        if fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise FlowherdError("jsonl:-: standard output is closed")
        return os.dup(1)
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FlowherdError(f"{path}: cannot be opened for records: {error.strerror}") from error


@contextmanager
def passing_folder(owner: Account) -> Iterator[Path]:
    """A folder of the service user's that is gone afterwards: a replay's spool."""
    import shutil

    path = Path(tempfile.mkdtemp(prefix="flowherd-"))
    try:
        owner.own(path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
