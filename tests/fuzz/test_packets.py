"""The target of the packet kernels on inputs a fuzzer kept, and on random ones; plain where the JIT is off."""

import random

import pytest

from tests.fuzz.packets import target


@pytest.mark.parametrize("seed", range(40))
def test_any_bytes(seed):
    rng = random.Random(seed)
    target(rng.randbytes(rng.randrange(1, 600)))
