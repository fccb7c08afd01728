"""The folders of a live run, made and given to whom they belong; one instance at a time may have them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import FlowherdError
from shared.logs import Log
from shared.settings import Settings
from supervisor import account, inventory, lock, roster
from supervisor.control import Control
from supervisor.outbound import ExporterOrders
from supervisor.post import Post

Locks = tuple[lock.Lock, ...]


def take(settings: Settings, who: account.Account) -> Locks:
    """Make what is ours; one instance at a time may have the runtime folder, and one the state folder.

    The kernel lets go of both when we are killed: a new flowherd may come while our orphan exporter still delivers.
    """
    _make_ours(settings)
    account.make_folder(Path(settings.cache_dir), account.PUBLIC)
    runtime = lock.Lock.take(Path(settings.runtime_dir) / "lock", lambda pid: holder_sentence(settings, pid))
    try:
        state = lock.Lock.take(state_lock(settings), lambda pid: used_by(settings, pid))
    except (FlowherdError, OSError) as error:
        runtime.release()
        if isinstance(error, OSError):
            place, why = settings.state_dir, error.strerror
            raise FlowherdError(
                f"state_dir: {place} cannot be written: {why}; --state-dir DIR takes another"
            ) from error
        raise
    account.make_folder(Path(settings.state_dir) / "spool", account.PRIVATE, who)
    account.make_folder(Path(settings.state_dir) / "store", account.RECORDS, who)
    return runtime, state


def state_lock(settings: Settings) -> Path:
    """Held by the one supervisor whose spool and store these are."""
    return Path(settings.state_dir) / "lock"


def used_by(settings: Settings, pid: str) -> str:
    """The sentence for whoever has a runtime folder of their own, but not a state folder."""
    return (
        f"the flowherd with pid {pid} already keeps its records in {settings.state_dir}; "
        "give this one its own --state-dir, or stop the other"
    )


def _make_ours(settings: Settings) -> None:
    account.make_folder(lock.FOLDER, account.PRIVATE)
    for folder in (settings.runtime_dir, settings.state_dir):
        account.make_folder(Path(folder), account.PUBLIC)


@dataclass(slots=True)
class Foothold:
    """What says that we are here, locks and control socket: made again when somebody removed it under us."""

    settings: Settings
    log: Log
    locks: Locks
    control: Control
    fault: str = ""

    def keep(self, posts: Iterable[Post]) -> None:
        """One line when it was so, and one for why it cannot be made."""
        parts: list[lock.Lock | Control] = [*self.locks, self.control]
        parts += [post.lock for post in posts if post.lock]
        gone = [part for part in parts if not part.is_there]
        if not gone:
            return
        try:
            _make_ours(self.settings)
            for part in gone:
                part.renew()
        except (FlowherdError, OSError) as error:
            self._say(str(error))
        else:
            self.fault = ""
            folders = " ".join(sorted({str(part.path.parent) for part in gone}))
            self.log.warning(
                "locks or control socket were removed under us and are made again", folder=folders
            )

    def _say(self, why: str) -> None:
        if self.fault != why:
            self.log.error("locks or control socket were removed under us and cannot be made again", why=why)
        self.fault = why


def restore(settings: Settings, log: Log, orders: ExporterOrders) -> bool:
    """Somebody removed a folder under us. The exporter may not make it again, so we do; whether it was so."""
    wanted = [(Path(settings.state_dir) / "spool", account.PRIVATE)]
    wanted += [(Path(sink.target), account.RECORDS) for sink in orders.sinks if sink.kind == "store"]
    gone = [(folder, mode) for folder, mode in wanted if not folder.exists()]
    try:
        for folder, mode in gone:
            account.make_folder(folder, mode, orders.account)
            log.warning("a folder was removed under us and is made again", folder=folder)
    except FlowherdError:  # the exporter says what is wrong with the place
        return False
    return bool(gone)


def holder_sentence(settings: Settings, pid: str) -> str:
    """Another flowherd has our runtime folder: say which of our interfaces it watches, if any."""
    links = inventory.read_links()
    for choice in roster.choose(settings.interface, links):
        if choice.is_wanted_now and lock.is_held(choice.link.ifindex):
            return lock.watched_by(choice.link.name, pid)
    return (
        f"the flowherd with pid {pid} already runs in {settings.runtime_dir}; "
        "give this one its own --runtime-dir and --state-dir, or stop the other"
    )
