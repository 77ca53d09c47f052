"""Silence for libraries that print to the C library's standard error, such as libmpg123 inside libsndfile.

Such a library writes to the C variable ``stderr``, Python to file descriptor 2. So for a while the variable is given
another stream, which leads nowhere: nothing that Python, a progress bar or another thread writes is touched, and a
closed descriptor 2 does no harm.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_within = 0
_own: int | None = None


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what C libraries print to standard error meanwhile; may be nested, and entered from several threads."""
    global _within, _own
    variable, nowhere = _c_stderr()
    with _lock:
        if variable is not None and not _within:
            _own, variable.value = variable.value, nowhere
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if variable is not None and not _within:
                variable.value = _own


@cache
def _c_stderr() -> tuple[ctypes.c_void_p | None, int | None]:
    """Return the C variable that holds standard error, and a stream that leads nowhere; None where it is a constant."""
    name = "__stderrp" if sys.platform == "darwin" else "stderr" if _is_glibc() else None
    if name is None:
        return None, None
    try:
        library = ctypes.CDLL(None)
        library.fopen.restype, library.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p] * 2
        nowhere = library.fopen(os.devnull.encode(), b"w")
        return (ctypes.c_void_p.in_dll(library, name), nowhere) if nowhere else (None, None)
    except (OSError, ValueError, AttributeError):
        return None, None


def _is_glibc() -> bool:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") is not None
    except (AttributeError, ValueError, OSError):
        return False
