"""What kernels ask of memory beyond loads and stores: an ordered store, a move by the C library, a prefetch."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from worker.jit import WITHOUT_JIT, inlined

LINE = 64
TO_READ, ALL_LEVELS, DATA = 0, 3, 1  # LLVM Language Reference, llvm.prefetch


def _address(context: Any, builder: Any, kind: Any, array: Any, of: Any, index: Any) -> Any:
    """Pointer to array[index] of a one-dimensional array."""
    view = context.make_array(kind)(context, builder, array)
    place = context.cast(builder, index, of, types.intp)
    return cgutils.get_item_pointer(context, builder, kind, view, [place])


@intrinsic
def _ordered_store(_context: Any, words: Any, index: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, of, value_type = signature.args
        pointer = _address(context, builder, kind, arguments[0], of, arguments[1])
        stored = context.cast(builder, arguments[2], value_type, kind.dtype)
        builder.store_atomic(stored, pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(words, index, value), build


def _plain_store(words: Any, index: int, value: int) -> None:
    words[index] = value


@inlined
def _commit(words: Any, index: int, value: int) -> None:
    _ordered_store(words, index, value)  # type: ignore[call-arg]


@intrinsic
def _move(_context: Any, target: Any, into: Any, source: Any, out_of: Any, octets: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, into_of, source_of, out_of_of, count_of = signature.args
        there = _address(context, builder, to, arguments[0], into_of, arguments[1])
        here = _address(context, builder, source_of, arguments[2], out_of_of, arguments[3])
        count = context.cast(builder, arguments[4], count_of, types.intp)
        cgutils.raw_memmove(builder, there, here, count, 1)
        return context.get_dummy_value()

    return types.void(target, into, source, out_of, octets), build


def _plain_move(target: Any, into: int, source: Any, out_of: int, octets: int) -> None:
    target[into : into + octets] = source[out_of : out_of + octets].copy()


@inlined
def _move_octets(target: Any, into: int, source: Any, out_of: int, octets: int) -> None:
    _move(target, into, source, out_of, octets)  # type: ignore[call-arg]


@intrinsic
def _fetch(_context: Any, array: Any, index: Any, _beyond: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, of, _ = signature.args
        address = _address(context, builder, kind, arguments[0], of, arguments[1])
        address = builder.gep(builder.bitcast(address, cgutils.voidptr_t), [arguments[2]])
        word = cgutils.int32_t
        signature = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        fetch = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
        builder.call(fetch, [address, word(TO_READ), word(ALL_LEVELS), word(DATA)])
        return context.get_dummy_value()

    return types.void(array, index, types.int64), build


def _plain_fetch(array: Any, index: int, octets: int = 1) -> None:
    """Plain Python has nothing to fetch ahead."""


@inlined
def _prefetch(array: Any, index: Any, octets: int = 1) -> None:
    for beyond in range(0, octets, LINE):
        _fetch(array, index, beyond)  # type: ignore[call-arg]


prefetch = _plain_fetch if WITHOUT_JIT else _prefetch
"""In kernels: so many octets from array[index] on are needed soon; the processor fetches them and waits for nothing.

`index` may lie outside.
"""

move_octets = _plain_move if WITHOUT_JIT else _move_octets
"""In kernels: target[into : into + octets] = source[out_of : …], both within their arrays, by the C library."""

commit = _plain_store if WITHOUT_JIT else _commit
"""In kernels: words[index] = value, after every store before it; the compiler may neither move nor drop it."""
