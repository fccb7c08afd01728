"""The spool's budget: what every sink has is let go; the oldest beyond bytes and age is dropped and counted.

A spool of one run (replay) drops nothing: when it is full, nothing more is read and the worker waits.
"""

from exporter.orders import Orders
from exporter.spool import Spool
from exporter.spoolfile import Entry
from exporter.start import Parts


class Budget:
    """Kept by the loop's thread."""

    def __init__(self, orders: Orders, parts: Parts) -> None:
        self._orders = orders
        self._parts = parts
        self._limit_bytes = orders.spool_mib << 20

    @property
    def has_room(self) -> bool:
        """Whether more may be read from the workers."""
        keeper = self._parts.keeper
        return self._orders.durable or not isinstance(keeper, Spool) or keeper.bytes < self._limit_bytes

    def keep(self) -> None:
        """Release and drop as the budget asks."""
        spool = self._parts.keeper
        if not isinstance(spool, Spool):
            return
        spool.release(min(delivery.cursor for delivery in self._parts.deliveries))
        spool.forget()
        if not self._orders.durable:
            return
        spool.keep_within(self._limit_bytes, self._orders.spool_age_s, self._dropped)

    def _dropped(self, entry: Entry) -> None:
        self._parts.figures.spool_dropped_records += entry.records
        for delivery in self._parts.deliveries:
            delivery.missed(entry)
