"""Compile the parts of a kernel once, with the kernel: not each part with all its own parts at every level above.

numba optimises and emits the library of every function it compiles, with all that is linked into it. In a chain of
eleven calls the innermost is so compiled eleven times, which made three minutes of ten seconds. A part nobody calls
from Python needs neither: its code goes into the kernel as it is, and LLVM sees the whole there.
"""

from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import CPUCodeLibrary, JITCPUCodegen

_parts: dict[str, bool] = {}
_finalize: Any = CPUCodeLibrary.finalize
_set_env: Any = getattr(JITCPUCodegen, "set_env", None)
_optimize: Any = getattr(CPUCodeLibrary, "_optimize_final_module", None)


def only_within_kernels(function: Any, *, apart: bool) -> None:
    """The function is a part: no way in from Python; `apart`: nor is it laid out anew at each place that calls it."""
    _parts[function.__qualname__] = apart


def _link(library: Any) -> None:
    """`finalize` of a part: what it calls is linked in, and that is all."""
    if library.name not in _parts:
        _finalize(library)
        return
    if _parts[library.name]:
        for function in library._final_module.functions:  # noqa: SLF001
            if not function.is_declaration:
                function.add_function_attribute("noinline")
    for other in dict.fromkeys(library._linking_libraries):  # noqa: SLF001 - numba has no other door
        library._reload_init.update(other._reload_init)  # noqa: SLF001
        library._final_module.link_in(other._get_module_for_linking(), preserve=True)  # noqa: SLF001
    library._finalized = True  # noqa: SLF001


def _optimize_whole(library: Any) -> None:
    """Before a kernel is optimised: its parts are nobody else's, so that LLVM may drop arguments they do not use.

    A Table is two hundred words, passed by value.
    """
    for function in library._final_module.functions:  # noqa: SLF001
        if function.linkage == Linkage.linkonce_odr and not function.is_declaration:
            function.linkage = "internal"
    _optimize(library)


def _set_env_of_kernels(codegen: Any, name: str, env: Any) -> None:
    """`set_env` where there is code of its own to have an environment."""
    if codegen._engine.get_global_value_address(name):  # noqa: SLF001
        _set_env(codegen, name, env)


if (
    _optimize and _set_env
):  # a numba built otherwise does as it always did: the same kernels, later and slower
    CPUCodeLibrary._optimize_final_module = _optimize_whole  # type: ignore[method-assign]  # noqa: SLF001
    CPUCodeLibrary.finalize = _link  # type: ignore[method-assign]
    JITCPUCodegen.set_env = _set_env_of_kernels  # type: ignore[method-assign]
