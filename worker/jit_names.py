"""Short names for what kernels are given: numba spells a type out in the name of each function that takes it.

A Table is thirteen thousand letters, and with six hundred symbols the names were twenty times the code: 3 MB to read
at each start, several times that for the linker's own maps, in every worker.
"""

from typing import Any

from numba.core import itanium_mangler

_codes: dict[Any, str] = getattr(itanium_mangler, "N2CODE", {})


def call(kind: Any, name: str) -> None:
    """The type, called `name` in symbols, which no other may be. A numba built otherwise spells on."""
    _codes[kind] = f"{len(name)}{name}"
