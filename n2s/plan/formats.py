"""What a sink's format decides of a plan: the codes that are stored, and its part of every chunk's recipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from n2s.graph import authors
from n2s.graph.code.identity import code_digest
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.format import Pixels
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.keys import digest, plain


def pixels_of(graph: Graph, sink: str) -> Pixels:
    """Return which codes a sink's format stores, as its author says."""
    node = graph.nodes[sink]
    made = authors.call(graph, sink, "pixels", format_of(node).pixels, node)
    if not isinstance(made, Pixels):
        raise authors.wrong(graph, sink, f"pixels gave {authors.shown(made)}; Pixels were wanted.")
    return made


def resolved_sink(graph: Graph, sink: str) -> Any:
    """Return a sink in which settings that mean the same are alike, as its format's author says."""
    node = graph.nodes[sink]
    made = authors.call(graph, sink, "resolved", format_of(node).resolved, node)
    if type(made) is not type(node):
        raise authors.wrong(graph, sink, f"resolved gave {authors.shown(made)}; a {type(node).__name__} was wanted.")
    return made


def coding_of(graph: Graph, sink: str) -> str:
    """Return how a sink's frames are coded, in the words of its format's author."""
    node = graph.nodes[sink]
    said = authors.call(graph, sink, "describe", format_of(node).describe, node)
    if not isinstance(said, str):
        raise authors.wrong(graph, sink, f"describe gave {authors.shown(said)}; a few words were wanted.")
    return said


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
    authors.call(graph, sink, "recipe", digest, own)  # says what of it is no plain data
    if not isinstance(own, dict):
        raise authors.wrong(graph, sink, f"recipe gave {authors.shown(own)}; plain data by name were wanted.")
    told = [pixels.layout, pixels.bits, pixels.dither, *(["alpha"] if pixels.alpha else [])]
    return {"code": code, "pixels": told, "own": own}


def call_format(
    graph: Graph, sink: str, method: Callable, *arguments: Any, passing: Sequence[BaseException] = ()
) -> Any:
    """Call what the author of a sink's format wrote; an error in it is reported with the sink and its place.

    Errors of the files that it was given pass through, because who publishes them knows more of them; so do the errors
    in ``passing``.
    """
    try:
        return authors.call(graph, sink, method.__name__, method, *arguments)
    except RenderError as error:
        cause = error.__cause__
        given = [argument for argument in arguments if isinstance(argument, Path)]
        if cause and (any(cause is other for other in passing) or (given and _is_of_files(cause, given))):
            raise cause from cause.__cause__
        raise


def _is_of_files(error: BaseException | None, files: Sequence[Path]) -> bool:
    """Say whether an error of the system names one of some files, or something in one, or no file at all."""
    if not isinstance(error, OSError):
        return False
    named = error.filename
    return not isinstance(named, str | os.PathLike) or bool({Path(named), *Path(named).parents} & set(files))


def check_written(
    graph: Graph, sink: str, wrote: str, check: Callable, path: Path, *arguments: Any, is_folder: bool = False
) -> None:
    """Let a format check what its method ``wrote`` at a path; a `RenderError` says where nothing lies there."""
    missing = None
    try:
        call_format(graph, sink, check, path, *arguments)
    except FileNotFoundError as error:
        missing = error
    if not (path.is_dir() if is_folder else path.is_file()):
        what = "folder" if is_folder else "file"
        raise authors.wrong(graph, sink, f"{wrote} wrote no {what} at the path that it was given.") from missing
    if missing:
        raise missing
