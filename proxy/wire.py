"""One TCP connection: bounded buffers, octets counted, an end for each direction."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress

CHUNK = 65536
READ_LIMIT = 65536  # asyncio reads ahead up to twice this
WRITE_LIMIT = 65536
NO_LINGER = struct.pack("ii", 1, 0)
LINGER_S = 2.0
LINGER_BYTES = 1 << 20

Count = Callable[[int], None]


def nothing(_octets: int) -> None:
    """Counts for nobody."""


class Wire:
    """Reads what has come, writes and waits until there is room; both are counted."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.read_octets: Count = nothing
        self.wrote_octets: Count = nothing
        writer.transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self._set(socket.SO_KEEPALIVE, 1)

    @property
    def peer(self) -> str:
        """The other end's address."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else "?"

    async def read(self) -> bytes:
        """What has come; nothing: the other end has said all."""
        data = await self._reader.read(CHUNK)
        self.read_octets(len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send, and wait while the other end is behind."""
        self._writer.write(data)
        self.wrote_octets(len(data))
        await self._writer.drain()

    async def flush(self) -> None:
        """Until the kernel has everything."""
        self._writer.transport.set_write_buffer_limits(high=0)
        await self._writer.drain()
        self._writer.transport.set_write_buffer_limits(high=WRITE_LIMIT)

    def finish(self) -> None:
        """We have said all; the other end may go on."""
        with suppress(OSError):
            self._writer.write_eof()

    def abort(self) -> None:
        """End it now, whatever is on its way."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """End it now, so that the other end knows it is not all: what came without a length would look complete."""
        self._set(socket.SO_LINGER, NO_LINGER)
        self.abort()

    def _set(self, option: int, value: int | bytes) -> None:
        with suppress(OSError):  # it may be gone already; reading will tell
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, value)

    async def close(self) -> None:
        """End it. Who is still sending is heard out for a while: a reset would take our answer back."""
        self.finish()
        with suppress(OSError):
            async with asyncio.timeout(LINGER_S):
                left = LINGER_BYTES
                while left > 0 and (data := await self._reader.read(CHUNK)):
                    left -= len(data)
        self.abort()
