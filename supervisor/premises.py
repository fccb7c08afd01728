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


def take(settings: Settings, who: account.Account) -> lock.Lock:
    """Make what is ours; one instance at a time may have the runtime folder."""
    runtime = _make_runtime(settings)
    account.make_folder(Path(settings.cache_dir), account.PUBLIC)
    state = account.make_folder(Path(settings.state_dir), account.PUBLIC)
    account.make_folder(state / "spool", account.PRIVATE, who)
    account.make_folder(state / "store", account.PUBLIC, who)
    return lock.Lock.take(runtime / "lock", lambda pid: holder_sentence(settings, pid))


def _make_runtime(settings: Settings) -> Path:
    account.make_folder(lock.FOLDER, account.PRIVATE)
    return account.make_folder(Path(settings.runtime_dir), account.PUBLIC)


@dataclass(slots=True)
class Foothold:
    """What says that we are here, locks and control socket: made again when somebody removed it under us."""

    settings: Settings
    log: Log
    lock: lock.Lock
    control: Control
    fault: str = ""

    def keep(self, posts: Iterable[Post]) -> None:
        """One line when it was so, and one for why it cannot be made."""
        parts: list[lock.Lock | Control] = [self.lock, self.control]
        parts += [post.lock for post in posts if post.lock]
        if all(part.is_there for part in parts):
            return
        try:
            _make_runtime(self.settings)
            for part in parts:
                part.renew()
        except (FlowherdError, OSError) as error:
            self._say(str(error))
        else:
            self.fault = ""
            folder = self.settings.runtime_dir
            self.log.warning(
                "locks and control socket were removed under us and are made again", folder=folder
            )

    def _say(self, why: str) -> None:
        if self.fault != why:
            self.log.error("locks and control socket were removed under us and cannot be made again", why=why)
        self.fault = why


def restore(settings: Settings, log: Log, orders: ExporterOrders) -> bool:
    """Somebody removed a folder under us. The exporter may not make it again, so we do; whether it was so."""
    wanted = [(Path(settings.state_dir) / "spool", account.PRIVATE)]
    wanted += [(Path(sink.target), account.PUBLIC) for sink in orders.sinks if sink.kind == "store"]
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
