"""A tunnel: octets both ways, unread, each direction with an end of its own."""

from proxy.patience import Patience, together
from proxy.wire import Wire


async def tunnel(client: Wire, server: Wire, early: bytes, idle_s: float) -> None:
    """Until both have said all; TimeoutError when nothing moves, OSError when one breaks off.

    `early`: what the client sent for the server before it knew of the tunnel.
    """
    async with Patience(idle_s) as patience:
        await server.write(early)
        await together(copy(client, server, patience), copy(server, client, patience), both=True)


async def copy(source: Wire, sink: Wire, patience: Patience) -> None:
    """One direction; reads on only when the other end has taken what was read."""
    while data := await source.read():
        patience.touch()
        await sink.write(data)
        patience.touch()
    await sink.flush()
    sink.finish()
