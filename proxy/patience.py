"""Work that may take as long as it likes, while something moves."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Patience:
    """An asyncio.timeout that begins anew with each `touch`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._clock = asyncio.timeout(seconds)

    def touch(self, _octets: int = 0) -> None:
        """Something moved."""
        if not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def __aenter__(self) -> Self:
        await self._clock.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._clock.__aexit__(kind, error, trace)


async def together(
    first: Coroutine[Any, Any, None], second: Coroutine[Any, Any, None], *, both: bool
) -> None:
    """Run two; the end is that of `first`, or of both; a failure of either ends the other."""
    leading, other = asyncio.create_task(first), asyncio.create_task(second)
    pending = {leading, other}
    try:
        while pending if both else leading in pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        leading.cancel()
        other.cancel()
        await asyncio.gather(leading, other, return_exceptions=True)
