"""How numba is asked to compile: kernels, which Python calls, and the functions that are compiled into them.

A function that only compiled code calls needs no entry for Python or for C. Making the entries takes a sixth of the
time in which a kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KERNEL = {"nogil": True, "error_model": "numpy", "cache": True, "no_cfunc_wrapper": True}
INNER = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
INLINED = INNER | {"forceinline": True}


def decorator(options: Mapping[str, Any]) -> str:
    """Return the line above a function in the text of a kernel."""
    return f"@njit({', '.join(f'{name}={value!r}' for name, value in options.items())})"
