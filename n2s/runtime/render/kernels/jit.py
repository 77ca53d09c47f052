"""How numba is asked to compile: kernels, which Python calls, and the functions that are compiled into them.

A function that only compiled code calls needs no entry for Python or for C. Making the entries takes a sixth of the
time in which a kernel is compiled.
"""

from __future__ import annotations

import builtins
import dis
from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

KERNEL = {"nogil": True, "error_model": "numpy", "cache": True, "no_cfunc_wrapper": True}
INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
INLINED = INNER | {"forceinline": True}

IMPORTS = """\
from numba import njit

from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import record, shared
"""  # of each text


def decorator(options: Mapping[str, Any]) -> str:
    """Return the line above a function in the text of a kernel."""
    maker = "njit" if options is KERNEL else "shared"
    return f"@{maker}({', '.join(f'{name}={value!r}' for name, value in options.items())})"


_shared: dict[tuple, Any] = {}


def shared(**options: Any) -> Callable[[FunctionType], Any]:
    """Return a decorator like numba's ``njit``; a function that several kernels have is compiled once in a process.

    Nine of ten functions in the kernels of a film are also in another of them. Two functions are the same when their
    code is, and every name that it reads from its module stands for the same object there: `shared` gives kernels the
    same inner functions, and `record` the same named tuples. One that reads a name which its module does not have yet
    is compiled for itself.
    """

    def compiled(function: FunctionType) -> Any:
        from numba import njit  # which takes a third of a second, and what asks for a decorator's text needs no numba

        key = _identity(function)
        if key is None:
            return njit(**options)(function)
        key = (*key, *sorted(options.items()))
        if key not in _shared:
            _shared[key] = njit(**options)(function)
        return _shared[key]

    return compiled


@cache
def record(name: str, fields: str) -> Any:
    """Return a named tuple, the same one whenever it is asked for: numba tells types of values by it."""
    return namedtuple(name, fields)


def _identity(function: FunctionType) -> tuple | None:
    """Return what two functions that compute the same have in common; None for one that cannot be told.

    Objects are told by identity. The functions that are kept keep them alive, so that no other object gets theirs.
    """
    code, known = function.__code__, function.__globals__
    read = sorted({step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"})
    unknown = [name for name in read if name not in known and not hasattr(builtins, name)]
    parts = any(isinstance(constant, CodeType) for constant in code.co_consts)  # which read names, too
    if unknown or parts or function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        return None
    return code.replace(co_firstlineno=1), *((name, id(known[name])) for name in read if name in known)
