"""Texts are read as syntax trees, by one thread at a time."""

from __future__ import annotations

import ast
import threading

_one_at_a_time = threading.RLock()  # garbage that is collected meanwhile may read a text, too


def syntax_tree(text: str | bytes) -> ast.Module:
    """Return the syntax tree of a text of Python.

    Raises
    ------
    SyntaxError
        When it is none.

    Notes
    -----
    CPython 3.11 up to 3.11.7 and 3.12 up to 3.12.1 keep the depth of the tree in one place for all threads, so that
    trees that are made at the same time may end in a ``SystemError`` (CPython issue 106905).
    """
    with _one_at_a_time:
        return ast.parse(text)
