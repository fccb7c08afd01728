"""Instead of the spool when there are only `null` sinks: records are counted and acknowledged at once."""

from shared.wire import Message


class Discard:
    """Keeps nothing. After a restart of the exporter an epoch goes on where its next message starts."""

    place = "nowhere"

    def __init__(self) -> None:
        self.records = 0

    def acknowledged(self, epoch: int) -> int | None:
        """Nothing is remembered."""
        del epoch
        return None

    def put(self, message: Message, skip: int) -> None:
        """Count one batch."""
        self.records += message.records - skip

    def sync(self) -> None:
        """Nothing to make durable."""
