"""What every source of packets offers: the next packets' places in a buffer that kernels read (step 2)."""

from typing import Any, Protocol


class Source(Protocol):
    """Fills the source fields of a block of packets; never copies a frame the meter can read in place."""

    buf: Any
    """uint8 array the packets' `at` and `end` point into; may change with every `take`."""

    def take(self, frames: Any) -> int:
        """Fill the next packets, at most len(frames); 0 when there are none now."""

    def wait(self, seconds: float) -> None:
        """Return when packets may have come, or after `seconds`."""

    def done(self) -> None:
        """The packets of the last `take` have been metered: their memory may be used again."""

    @property
    def is_pressed(self) -> bool:
        """So much waits that packets will be lost unless those at hand become cheaper."""

    @property
    def ended(self) -> bool:
        """No packet will ever come again."""

    def kernel_drops(self) -> int:
        """Packets the kernel has dropped since the last call."""
