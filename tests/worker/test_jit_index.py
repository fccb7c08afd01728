"""Indices that are taken as they are."""

import numba
import numpy as np
import pytest

from worker import jit
from worker.jit_index import take_as_they_are


@pytest.mark.skipif(jit.WITHOUT_JIT, reason="needs compiled code")
@pytest.mark.parametrize("index", [-1, 3])
def test_where_bounds_are_checked_no_index_counts_from_the_end(index):
    take_as_they_are()

    @numba.njit(boundscheck=True)
    def pick(numbers, at):
        return numbers[at]

    assert pick(np.arange(3), 2) == 2
    with pytest.raises(IndexError):
        pick(np.arange(3), index)
