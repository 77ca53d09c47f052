"""Texts are read as syntax trees, whatever other threads do meanwhile."""

from __future__ import annotations

import ast
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_one_at_a_time = threading.RLock()


def syntax_tree(text: str | bytes) -> ast.Module:
    """Return the syntax tree of a text of Python.

    Raises
    ------
    SyntaxError
        When it is none.
    """
    with undisturbed():
        return ast.parse(text)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no other thread come between while a syntax tree is made, by this code or within a library.

    CPython 3.11 up to 3.11.7 and 3.12 up to 3.12.1 keep the depth of the tree in one place for all threads, so that
    trees that are made at the same time may end in a ``SystemError`` (CPython issue 106905). A lock alone does not
    help: libraries make trees on threads of their own (numpy for the header of an array, ``traceback`` and ``inspect``
    for what they print). While Python makes a tree it runs nothing else but the search for circles among its objects,
    which may call code and so let other threads go on. Without that search no thread can come between. It is in vain
    here anyway: a tree has thousands of objects and no circle.
    """
    with _one_at_a_time:
        enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if enabled:
                gc.enable()
