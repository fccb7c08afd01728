"""HTTP/1.1 over a wire, in either role: h11 knows the protocol, the wire moves the octets."""

import h11

from proxy.wire import Wire

Sent = h11.Request | h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage
Heard = Sent | h11.ConnectionClosed | type[h11.PAUSED]


class Line:
    """Events in, events out."""

    def __init__(self, wire: Wire, role: type[h11.CLIENT] | type[h11.SERVER], head_bytes: int) -> None:
        self.wire = wire
        self.http = h11.Connection(role, max_incomplete_event_size=head_bytes)

    async def hear(self) -> Heard:
        """The next event; h11.RemoteProtocolError when what came is not HTTP."""
        while (event := self.http.next_event()) is h11.NEED_DATA:
            await self.wait()
        return event  # type: ignore[return-value]  # NEED_DATA is a class of its own to h11, not a literal

    async def wait(self) -> None:
        """Until something has come."""
        self.http.receive_data(await self.wire.read())

    async def say(self, event: Sent) -> None:
        """Send one event."""
        if data := self.http.send(event):
            await self.wire.write(data)

    async def answer(
        self, status: int, kind: str, body: bytes, *more: tuple[str, str], silent: bool = False
    ) -> None:
        """A whole response, the last on this line; `silent`: its body is not asked for."""
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close"), *more]
        await self.say(h11.Response(status_code=status, headers=headers))
        if not silent:
            await self.say(h11.Data(data=body))
        await self.say(h11.EndOfMessage())

    @property
    def has_more(self) -> bool:
        """Whether something of the next message is here already."""
        return bool(self.http.trailing_data[0])

    @property
    def can_answer(self) -> bool:
        """Whether a whole response can still be sent."""
        return self.http.our_state in {h11.IDLE, h11.SEND_RESPONSE}

    @property
    def is_reusable(self) -> bool:
        """Whether both sides have said all of this exchange, and there may be another."""
        return self.http.our_state is h11.DONE and self.http.their_state is h11.DONE
