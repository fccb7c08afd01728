"""Before the first batch: folders, sinks, status page opened, privileges dropped, doors closed, what is wrong said."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from exporter import privileges, sinks, spool_lock
from exporter.confine import confine
from exporter.delivery import Delivery
from exporter.discard import Discard
from exporter.figures import Figures
from exporter.log import log
from exporter.orders import Orders, SinkOrder
from exporter.sinks.base import Place, Sink
from exporter.spool import Spool
from exporter.status import StatusPage
from shared import giving
from shared.errors import ConfigurationError, FlowherdError


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop in exporter/run.py works with."""

    keeper: Spool | Discard
    deliveries: list[Delivery]
    figures: Figures
    page: StatusPage | None
    sandbox: str


def prepare(orders: Orders, descriptors: list[int]) -> Parts:
    """Everything opened, as the service user. FlowherdError: a sentence for the user."""
    makers = [_load(sink) for sink in orders.sinks]
    figures = Figures()
    page = StatusPage(orders.status_host, orders.status_port, figures) if orders.status_port else None
    for sink in orders.sinks:
        if sink.kind == "store":
            _own(sink.target, "store", orders)
    if not orders.discards_all:
        _own(orders.spool_dir, "spool", orders)
    if orders.uid is not None:
        log.warm()
    privileges.become(orders)
    sandbox = confine(orders)
    if orders.discards_all:
        return Parts(Discard(), [], figures, page, sandbox)
    spool = _spool(orders)
    deliveries = _deliveries(orders, makers, spool, descriptors)
    spool.start_after(max(delivery.cursor for delivery in deliveries))
    return Parts(spool, deliveries, figures, page, sandbox)


def _load(sink: SinkOrder) -> type[Sink]:
    if sink.kind not in sinks.KINDS:
        raise ConfigurationError(f"sink {sink.name}: no such kind; there are {', '.join(sinks.KINDS)}")
    kind = sinks.load(sink.kind)
    kind.warm()
    return kind


def _own(folder: str, what: str, orders: Orders) -> None:
    try:
        privileges.own_folder(Path(folder), orders)
    except OSError as error:
        raise _unwritable(what, folder, orders, error) from error


def _spool(orders: Orders) -> Spool:
    try:
        _try_to_write(Path(orders.spool_dir))
        spool_lock.take(Path(orders.spool_dir))
        return Spool(Path(orders.spool_dir), durable=orders.durable)
    except OSError as error:
        raise _unwritable("spool", orders.spool_dir, orders, error) from error


def _deliveries(
    orders: Orders, makers: list[type[Sink]], spool: Spool, descriptors: list[int]
) -> list[Delivery]:
    given = iter(descriptors)
    deliveries = []
    for order, make in zip(orders.sinks, makers, strict=True):
        descriptor = next(given, -1) if order.kind == "jsonl" else -1
        sink = make(Place(order, orders, spool.folder, spool.identity, descriptor))
        deliveries.append(Delivery(order.name, sink, spool, order.target))
        try:
            if order.kind == "store":
                _try_to_write(Path(order.target))
            deliveries[-1].open()
        except OSError as error:
            raise _unwritable(order.kind, order.target, orders, error) from error
    return deliveries


def _try_to_write(folder: Path) -> None:
    probe = folder / f".probe-{os.getpid()}"
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"?")
    finally:
        os.close(descriptor)
        probe.unlink()


def _unwritable(what: str, place: str, orders: Orders, error: OSError) -> FlowherdError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FlowherdError(
            f"{what} {place}: no space left on the device; make room or choose another place"
        )
    who = f"user {orders.user}" if orders.user else f"user id {os.geteuid()}"
    return ConfigurationError(
        f"{what} {place} cannot be written by {who}: {error.strerror}; {_remedy(place, orders)}"
    )


def _remedy(place: str, orders: Orders) -> str:
    for folder in reversed(Path(place).absolute().parents):
        if folder.is_dir() and not os.access(folder, os.X_OK, effective_ids=True):
            return f"{folder} lets that user not even in, so choose a folder elsewhere"
    return giving.remedy(place, orders.user) if orders.user else "choose a folder of yours"
