"""What a sink's format decides of a plan: the codes that are stored, and its part of every chunk's recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from n2s.graph import authors
from n2s.graph.code.identity import code_digest
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.format import Pixels
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.keys import plain


def pixels_of(graph: Graph, sink: str) -> Pixels:
    """Return which codes a sink's format stores, as its author says."""
    node = graph.nodes[sink]
    made = authors.call(graph, sink, "pixels", format_of(node).pixels, node)
    if not isinstance(made, Pixels):
        raise authors.wrong(graph, sink, f"pixels gave {authors.shown(made)}; Pixels were wanted.")
    return made


def format_recipe(
    graph: Graph, sink: str, file_digest: Callable[[Path], str], engine: frozenset[str]
) -> dict[str, Any]:
    """Return what of a sink's format decides the bytes of its segments and its film.

    Parameters
    ----------
    file_digest : callable
        Returns a digest of a file's bytes.
    engine : set of str
        Modules of this library whose digests stand beside this one.
    """
    node, pixels = graph.nodes[sink], pixels_of(graph, sink)
    made = format_of(node)
    try:
        code = code_digest(type(made), file_digest, engine)
    except GraphError as error:
        raise authors.wrong(graph, sink, str(error)) from None
    own = authors.call(graph, sink, "recipe", lambda: plain(made.recipe(node)))
    if not isinstance(own, dict):
        raise authors.wrong(graph, sink, f"recipe gave {authors.shown(own)}; plain data by name were wanted.")
    return {"code": code, "pixels": [pixels.layout, pixels.bits, pixels.dither], "own": own}


def call_format(
    graph: Graph, sink: str, method: Callable, *arguments: Any, passing: Sequence[BaseException] = ()
) -> Any:
    """Call what the author of a sink's format wrote; an error in it is reported with the sink and its place.

    Errors of files pass through, because who publishes a file knows more of them; so do the errors in ``passing``.
    """
    try:
        return authors.call(graph, sink, method.__name__, method, *arguments)
    except RenderError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) or any(cause is other for other in passing):
            raise cause from cause.__cause__
        raise
