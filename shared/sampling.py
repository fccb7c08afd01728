"""The sampling hash, once for the worker's kernel and the kernel's filter program: what they share are its numbers.

Words and sums are of 32 bits. `mixed` is a bijection with full avalanche (multipliers and shifts below):

    end(address, port) = the words of the address in network order (one in IPv4, four in IPv6), then the word
                         protocol << 16 | port, each xored into the hash so far, which begins as the end key,
                         and mixed
    flow               = mixed((end(source) + end(destination)) xor the pair key)

A sum does not know which end was the source, so both directions are decided alike. Xor with a random pair key
makes each value of one flow exactly as likely as any other, so the chance to be kept is `sample_below` / 2^32, and
there is no modulo whose remainder could favour a flow. Ports are 0 where a packet has none.
"""

from typing import NamedTuple

SHIFTS = (16, 15, 16)
MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
WORDS = 1 << 32
KEY_BYTES = 8


class Sampling(NamedTuple):
    """A flow is kept when its hash under both keys is less than `sample_below`."""

    sample_below: int
    end_key: int
    pair_key: int

    @property
    def keeps_all(self) -> bool:
        """Nothing is left to decide."""
        return self.sample_below >= WORDS


def sampling_of(sample: int, key: int) -> Sampling:
    """One of `sample` flows, by the run's key of 64 bits; 0 and 1 keep every flow."""
    return Sampling(WORDS // max(sample, 1), key % WORDS, (key >> 32) % WORDS)
