"""The only place that touches numba's decorators: compile options and progress.

Kernels called from Python are `kernel(signature)`: compiled when their module is imported, kept on disk. What they
call is `inlined`, compiled into them, or `called`, compiled once beside them. NUMBA_DISABLE_JIT=1 runs the same code
as plain Python for coverage.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from worker.jit_cache import CHECK_BOUNDS  # first of all: it settles where numba keeps kernels

# isort: split
import numba

from worker.jit_load import only_from_python
from worker.jit_parts import only_within_kernels

Function = TypeVar("Function", bound=Callable[..., Any])
WITHOUT_JIT = bool(getattr(numba.config, "DISABLE_JIT", 0))
OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy", "boundscheck": CHECK_BOUNDS}
# Functions that only kernels call need no way in from Python: taking a Table apart is a page of code for each.
WITHIN: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
KERNELS = 9
_watchers: list[Callable[[int, int, str], None]] = []
dispatchers: dict[str, Any] = {}  # of the kernels, by name: numba's own objects


def watch(report: Callable[[int, int, str], None]) -> None:
    """Call `report(done, of, name)` for each kernel that had to be compiled."""
    _watchers.append(report)


def kernel(signature: Any) -> Callable[[Function], Function]:
    """Compile now for `signature`, or load from the cache; call from Python."""

    def compiled(function: Function) -> Function:
        if WITHOUT_JIT:
            return function
        only_from_python(function)
        dispatcher = numba.njit(signature, cache=True, **OPTIONS)(function)
        dispatchers[function.__name__] = dispatcher
        if not dispatcher.stats.cache_hits:
            for report in _watchers:
                report(len(dispatchers), KERNELS, function.__name__)
        # The one compiled code, without the dispatcher: to look at a Table's types takes it longer than an empty call.
        (only,) = dispatcher.overloads.values()
        return cast("Function", only.entry_point)

    return compiled


def inlined(function: Function) -> Function:
    """Compile as part of the kernels that call it."""
    only_within_kernels(function, apart=False)
    return cast("Function", numba.njit(forceinline=True, **WITHIN, **OPTIONS)(function))


def called(function: Function) -> Function:
    """Compile once, for all kernels that call it: what is large, or rare, and would only swell them."""
    only_within_kernels(function, apart=True)
    return cast("Function", numba.njit(forceinline=False, **WITHIN, **OPTIONS)(function))
