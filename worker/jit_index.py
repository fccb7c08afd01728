"""Indices in kernels are taken as they are: none is negative, which numba would take for a place from the end.

It sees to that at each access, with a comparison and an addition that 12 % of the meter's time went into, and has no
switch for it. Where bounds are checked, as in tests, a negative index is found like one that is too large.
"""

from typing import Any


def take_as_they_are() -> None:
    """Before anything is compiled; a warm start compiles nothing, and need not import what this changes."""
    from numba.core import types
    from numba.np import arrayobj

    def as_it_is(context: Any, builder: Any, kind: Any, index: Any, _size: Any) -> Any:
        return context.cast(builder, index, kind, types.intp)

    if hasattr(
        arrayobj, "fix_integer_index"
    ):  # not in another numba than 0.68: the same kernels, a little slower
        arrayobj.fix_integer_index = as_it_is
