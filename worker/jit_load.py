"""Load kernels from the cache without what only compiling needs: half of what a warm start took.

numba keeps a kernel's bitcode beside its machine code, so that another function may inline it, and parses it at each
load; nobody calls a kernel from compiled code, so names are enough. And before a load it imports all it can compile,
linear algebra and random numbers included; when there is nothing in the cache, compiling sees to that itself.
"""

from typing import Any

from llvmlite import binding
from numba.core.caching import Cache
from numba.core.codegen import CPUCodeLibrary

from worker.jit_index import take_as_they_are

_kernels: set[str] = set()
_serialize: Any = getattr(CPUCodeLibrary, "serialize_using_object_code", None)
_load: Any = getattr(Cache, "_load_overload", None)


def only_from_python(function: Any) -> None:
    """The function is a kernel: no compiled code calls it, so none will want its bitcode."""
    _kernels.add(function.__qualname__)


def _names_instead_of_bitcode(library: Any) -> Any:
    """What the cache keeps: machine code, and a module that has nothing but the names that can be asked for."""
    name, kind, (machine_code, bitcode) = _serialize(library)
    if name in _kernels:
        defined = [f.name for f in library._final_module.functions if _is_entry(f)]  # noqa: SLF001
        text = "\n".join(f'define void @"{entry}"() {{ unreachable }}' for entry in defined)
        bitcode = binding.parse_assembly(text).as_bitcode()
    return name, kind, (machine_code, bitcode)


def _is_entry(function: Any) -> bool:
    return not function.is_declaration and function.linkage != binding.Linkage.internal


def _load_only(cache: Any, signature: Any, context: Any) -> Any:
    found = None
    with cache._guard_against_spurious_io_errors():  # noqa: SLF001
        found = cache._load_overload(signature, context)  # noqa: SLF001
    if found is None:
        take_as_they_are()
    return found


# A numba built otherwise does as it always did: the same kernels, loaded more slowly.
if _serialize and _load:
    CPUCodeLibrary.serialize_using_object_code = _names_instead_of_bitcode  # type: ignore[method-assign]
    Cache.load_overload = _load_only  # type: ignore[method-assign]
else:
    take_as_they_are()
