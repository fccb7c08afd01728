"""What of a device the encoding needs to know (step 10)."""

from dataclasses import dataclass, field

from exporter.kentik.columns import Columns
from exporter.kentik.layout import Column
from exporter.kentik.services import services


@dataclass(frozen=True, slots=True)
class Device:
    """A device at Kentik: its number, its custom columns, and the ports its applications are known by."""

    id: int
    columns: Columns = field(default_factory=lambda: Columns({}))
    services: Column = field(default_factory=services)
