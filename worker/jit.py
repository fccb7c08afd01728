"""The only place that touches numba's decorators: compile options, progress, and the ordered store.

Kernels called from Python are `kernel(signature)`: compiled when their module is imported, kept on disk. What they
call is `inlined`, compiled into them, or `called`, compiled once beside them. NUMBA_DISABLE_JIT=1 runs the same code
as plain Python for coverage.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from worker.jit_cache import CHECK_BOUNDS  # first of all: it settles where numba keeps kernels

# isort: split
import numba
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from worker.jit_parts import only_within_kernels

Function = TypeVar("Function", bound=Callable[..., Any])
WITHOUT_JIT = bool(getattr(numba.config, "DISABLE_JIT", 0))
OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy", "boundscheck": CHECK_BOUNDS}
# Functions that only kernels call need no way in from Python: taking a Table apart is a page of code for each.
WITHIN: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
KERNELS = 9
_watchers: list[Callable[[int, int, str], None]] = []
_ready: list[str] = []


def watch(report: Callable[[int, int, str], None]) -> None:
    """Call `report(done, of, name)` for each kernel that had to be compiled."""
    _watchers.append(report)


def kernel(signature: Any) -> Callable[[Function], Function]:
    """Compile now for `signature`, or load from the cache; call from Python."""

    def compiled(function: Function) -> Function:
        if WITHOUT_JIT:
            return function
        dispatcher = numba.njit(signature, cache=True, **OPTIONS)(function)
        _ready.append(function.__name__)
        if not dispatcher.stats.cache_hits:
            for report in _watchers:
                report(len(_ready), KERNELS, function.__name__)
        return cast("Function", dispatcher)

    return compiled


def inlined(function: Function) -> Function:
    """Compile as part of the kernels that call it."""
    only_within_kernels(function, apart=False)
    return cast("Function", numba.njit(forceinline=True, **WITHIN, **OPTIONS)(function))


def called(function: Function) -> Function:
    """Compile once, for all kernels that call it: what is large, or rare, and would only swell them."""
    only_within_kernels(function, apart=True)
    return cast("Function", numba.njit(forceinline=False, **WITHIN, **OPTIONS)(function))


@intrinsic
def _ordered_store(_context: Any, words: Any, index: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type, index_type, value_type = signature.args
        array = context.make_array(array_type)(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], index_type, types.intp)
        pointer = cgutils.get_item_pointer(context, builder, array_type, array, [place])
        stored = context.cast(builder, arguments[2], value_type, array_type.dtype)
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
        def pointer(place: int) -> Any:
            kind, at_type = signature.args[place], signature.args[place + 1]
            array = context.make_array(kind)(context, builder, arguments[place])
            at = context.cast(builder, arguments[place + 1], at_type, types.intp)
            return cgutils.get_item_pointer(context, builder, kind, array, [at])

        count = context.cast(builder, arguments[4], signature.args[4], types.intp)
        cgutils.raw_memmove(builder, pointer(0), pointer(2), count, 1)
        return context.get_dummy_value()

    return types.void(target, into, source, out_of, octets), build


def _plain_move(target: Any, into: int, source: Any, out_of: int, octets: int) -> None:
    target[into : into + octets] = source[out_of : out_of + octets].copy()


@inlined
def _move_octets(target: Any, into: int, source: Any, out_of: int, octets: int) -> None:
    _move(target, into, source, out_of, octets)  # type: ignore[call-arg]


move_octets = _plain_move if WITHOUT_JIT else _move_octets
"""In kernels: target[into : into + octets] = source[out_of : …], both within their arrays, by the C library."""

commit = _plain_store if WITHOUT_JIT else _commit
"""In kernels: words[index] = value, after every store before it; the compiler may neither move nor drop it."""
