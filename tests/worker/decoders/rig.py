"""A decoder on bytes, compiled and as plain Python of the same source, and the promises every decoder makes.

`read` is one call; `promised` is the same call made in every way, for fuzzing: the plain decoder reads nothing
outside the message, the compiled one says the same whatever stands around it.
"""

import functools
import sys
from types import FunctionType, SimpleNamespace
from typing import NamedTuple

import numba
import numpy as np

from worker.decoders.cells import ABSENT, EXCHANGE, NUMBERS, OUT_BYTES, TEXT_MOST, TEXTS, clear
from worker.jit import OPTIONS, WITHOUT_JIT

AROUND = 48
POISON = (b"\xa5", b"\0", b"\xc0")  # 0xC0 also begins a compressed name


class Seen(NamedTuple):
    """What a decoder said: absent numbers and texts are None."""

    result: int
    numbers: list
    texts: list
    x: SimpleNamespace


def read(decoder, data, *more, plain=WITHOUT_JIT, poison=b"\xa5", before=AROUND):
    """`decoder(buf, at, end, *more, x, out)` with the message somewhere inside a larger buffer."""
    content = poison * before + bytes(data) + poison * AROUND
    place = (before, before + len(data))
    out = np.zeros(OUT_BYTES, np.uint8)
    if plain:
        x = blank()
        in_python(clear)(x)
        result = in_python(decoder)(Guarded(content, *place), *place, *more, x, out)
        return seen(result, x, out)
    exchanges = np.zeros(1, EXCHANGE)
    result = compiled(decoder)(np.frombuffer(content, np.uint8), *place, *more, exchanges, out)
    fields = {name: value_of(exchanges[0][name]) for name in EXCHANGE.names}
    return seen(result, SimpleNamespace(**fields), out)


def ask(function, data, *more, plain=WITHOUT_JIT):
    """`function(buf, at, end, *more)` of a function without an exchange, with the message inside a larger buffer."""
    content = POISON[0] * AROUND + bytes(data) + POISON[0] * AROUND
    place = (AROUND, AROUND + len(data))
    if plain:
        return in_python(function)(Guarded(content, *place), *place, *more)
    return compiled_bare(function)(np.frombuffer(content, np.uint8), *place, *more)


def promised(decoder, data, *more):
    """What all ways of reading agree on."""
    first = read(decoder, data, *more, plain=True)
    for place, poison in enumerate(POISON):
        again = read(decoder, data, *more, poison=poison, before=place)
        assert again == first, f"{poison!r} around {bytes(data).hex()}"
    return first


def blank():
    """An EXCHANGE for plain Python; np.record will not do, it has a `size` of its own."""
    x = SimpleNamespace(**dict.fromkeys(EXCHANGE.names, 0))
    x.numbers, x.lengths = [0] * NUMBERS, [0] * TEXTS
    return x


def value_of(field):
    return field.tolist() if isinstance(field, np.ndarray) else int(field)


def seen(result, x, out):
    """The cells as Python values, held against what cells.py says of them."""
    assert all(ABSENT <= number < 2**32 for number in x.numbers), x
    assert all(ABSENT <= length <= TEXT_MOST for length in x.lengths), x
    lengths = [int(length) for length in x.lengths]
    used = sum(max(length, 0) for length in lengths)
    assert used <= x.used <= OUT_BYTES, x
    assert used == x.used or np.max(result) <= 0, (
        x
    )  # one behind the other; what is refused may leave some behind
    texts, at, octets = [], 0, out.tobytes()
    for length in lengths:
        texts.append(None if length == ABSENT else octets[at : at + length])
        at += max(length, 0)
    numbers = [None if number == ABSENT else int(number) for number in x.numbers]
    x.numbers, x.lengths = [int(number) for number in x.numbers], lengths
    result = int(result) if np.ndim(result) == 0 else tuple(int(part) for part in result)
    return Seen(result, numbers, texts, x)


class Guarded:
    """A buffer that holds a decoder to [at, end)."""

    def __init__(self, content, at, end):
        self._content, self._at, self._end = content, at, end

    def __len__(self):
        return len(self._content)

    def __getitem__(self, at):
        assert self._at <= at < self._end, f"read at {at}, outside [{self._at}, {self._end})"
        return np.uint8(self._content[at])


@functools.cache
def compiled(decoder):
    """A wrapper numba compiles at its first call, one for each way it is called."""

    @numba.njit(**OPTIONS)
    def two(buf, at, end, exchanges, out):
        clear(exchanges[0])
        return decoder(buf, at, end, exchanges[0], out)

    @numba.njit(**OPTIONS)
    def three(buf, at, end, more, exchanges, out):
        clear(exchanges[0])
        return decoder(buf, at, end, more, exchanges[0], out)

    def call(buf, at, end, *rest):
        return (two if len(rest) == 2 else three)(buf, at, end, *rest)

    return call


@functools.cache
def compiled_bare(function):
    @numba.njit(**OPTIONS)
    def call(buf, at, end):
        return function(buf, at, end)

    @numba.njit(**OPTIONS)
    def call_more(buf, at, end, more):
        return function(buf, at, end, more)

    return lambda buf, at, end, *more: (call_more if more else call)(buf, at, end, *more)


_names = {}  # of each module: its globals, with plain functions for compiled ones


@functools.cache
def in_python(function):
    """The function as plain Python: its own code, which coverage sees, calling plain functions only."""
    source = getattr(function, "py_func", function)
    return FunctionType(source.__code__, plain_names(source.__module__), source.__name__, source.__defaults__)


def plain_names(module):
    """A module's globals for plain functions."""
    if module not in _names:
        names = _names[module] = dict(vars(sys.modules[module]))
        for name, value in list(names.items()):
            if hasattr(value, "py_func"):
                source = value.py_func
                own = plain_names(source.__module__)
                names[name] = FunctionType(source.__code__, own, source.__name__, source.__defaults__)
    return _names[module]
