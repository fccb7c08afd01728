"""What every sink of Kentik's has: cursor, connection, devices, chores and counts."""

import json
import math
import time
from collections import Counter

from exporter.disk import replace_file
from exporter.kentik.chores import Chores
from exporter.kentik.client import Client
from exporter.kentik.errors import Rejected, Unknown, Unreachable
from exporter.kentik.fleet import Fleet
from exporter.log import log
from exporter.sinks.base import Place
from shared.errors import FlowherdError

START_S = 5.0


class Agent:
    """Lives in the sink's thread; a second thread of its own reads devices again and posts figures."""

    def __init__(self, place: Place) -> None:
        self.orders = place.orders.kentik
        self.counts: Counter[str] = Counter()
        self.client, self.fleet = Client(self.orders), Fleet(self.orders)
        self.chores = Chores(self.orders, self.fleet, self.counts)
        self._cursor_path = place.spool_dir / f"cursor-{place.order.name}"
        self._durable, self._starts_again = place.orders.durable, place.orders.again

    def open(self, start: int) -> int:
        """The cursor; and the devices. That Kentik says no ends the first start, no answer within START_S does not."""
        try:
            sequence = int(json.loads(self._cursor_path.read_bytes())["sequence"])
        except (FileNotFoundError, ValueError):
            sequence = start
            self.commit(sequence)
        self._find()
        self.chores.start()
        return sequence

    def _find(self) -> None:
        """With kprobe's words for what ends it, so that who looks for them in a log finds them."""
        self.client.until_s = time.monotonic() + START_S  # capture waits for us
        try:
            self.fleet.find(self.client)
        except (Unreachable, FlowherdError) as error:
            if isinstance(error, FlowherdError) and not self._starts_again:
                raise _in_kprobes_words(error) from error
            log.warning("Kentik cannot be reached yet, records wait in the spool", why=error)
        self.client.until_s = math.inf

    def know_devices(self) -> None:
        """Nothing can be sent before Kentik has told the devices."""
        if not self.fleet.lines:
            self.fleet.find(self.client)

    def commit(self, sequence: int) -> None:
        """What is up to `sequence` is delivered."""
        content = json.dumps({"sequence": sequence}).encode()
        replace_file(self._cursor_path, content, durable=self._durable)

    def close(self) -> None:
        """Let go of the connections."""
        self.chores.stop()
        self.client.close()


def _in_kprobes_words(error: FlowherdError) -> FlowherdError:
    if isinstance(error, Unknown):
        return Unknown(f"device not found: {error}")
    if isinstance(error, Rejected):
        return FlowherdError(f"failed to configure delivery to Kentik: {error}")
    return error


def warm() -> None:
    """What requests and the resolver import at their first use."""
    import encodings.idna
    import http.cookiejar

    del encodings, http
