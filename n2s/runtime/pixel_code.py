"""Mistakes in the pixel code of node types, found from its text: nothing is compiled, and nothing of it is called.

The types of this library are left out: its own tests hold them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from n2s.graph import authors
from n2s.graph.code.files import OWN
from n2s.graph.code.syntax import syntax_tree
from n2s.graph.declarations import PIXELWISE
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Position, Problem
from n2s.graph.graph import Graph
from n2s.graph.tracks import load_track


def pixel_problems(graph: Graph) -> list[Problem]:
    """Return what is wrong with the pixel code of the nodes of a graph, of its sub-graphs and of its tracks.

    Each problem stands at a node and tells the file and line of its author's. Tracks that cannot be read are left out.
    """
    found: dict[Problem, None] = {}
    known: dict[tuple[type, str], list[str]] = {}
    for each, name in _nodes(graph):
        node = each.nodes[name]
        if _is_own(type(node)):
            continue
        method = authors.call(each, name, "pixel_code", node.pixel_code) if node.kind in PIXELWISE else "where"
        key = type(node), method
        if key not in known:
            known[key] = list(type_mistakes(type(node), method))
        for text in known[key]:
            found[Problem(each.where(name, key=True), f"{name} ({type(node).__name__}): {text}.")] = None
    return sorted(found, key=lambda problem: problem.position or Position(""))


def type_mistakes(cls: type[Node], method: str = "pixel") -> Iterator[str]:
    """Yield what is wrong with the pixel code of a type of nodes, in sentences without a full stop.

    Parameters
    ----------
    cls : type of Node
        Of any kind; nothing is yielded for kinds without pixel code, and for types of this library.
    method : str
        The static method that is its pixel code, where it is no lens (`Pointwise.pixel_code`).
    """
    if _is_own(cls):
        return
    from n2s.runtime.render.kernels.pixels import PixelError, read_pixel  # a tenth of a second, seldom needed

    for compiled in _compiled(cls, method):
        try:
            read_pixel(cls, compiled)
        except PixelError as error:
            yield error.text
            continue
        yield from _lacking(cls, compiled)


def _nodes(graph: Graph) -> Iterator[tuple[Graph, str]]:
    """Yield each node of a graph, of its sub-graphs and tracks, as the graph it stands in and its name there."""
    for name, node in graph.nodes.items():
        if node.kind == "graph" and node.inner is not None:
            yield from _nodes(node.inner)
        elif node.kind == "track":
            try:
                yield from _nodes(load_track(graph, name))
            except GraphError:  # reported already
                continue
        else:
            yield graph, name


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == OWN


def _compiled(cls: Any, method: str) -> Iterator[str]:
    """Yield the static methods of a type that are compiled."""
    if cls.kind in PIXELWISE:
        wanted = [method, *{"filter": ["source"], "echo": ["step", "where"]}.get(cls.kind, [])]
    else:
        wanted = ["where"] if cls.kind == "lens" else []
    for name in wanted:
        static = inspect.getattr_static(cls, name, None)
        if isinstance(static, staticmethod) and not static.__func__.__module__.startswith(f"{OWN}."):
            yield name


def _lacking(cls: Any, compiled: str) -> Iterator[str]:
    """Yield that pixel code takes numbers which its author's ``prepare`` does not give, as far as its text tells."""
    prepare = "prepare_steps" if cls.kind == "echo" and compiled != "pixel" else "prepare"
    given: set[str] = set()
    for method in (prepare, *(("fill",) if hasattr(cls, "fill") and prepare == "prepare" else ())):
        names = _names_given(cls, method)
        if names is None:
            return
        given |= names
    from n2s.runtime.render.kernels.pixels import uniform_names  # as above

    lacks = [name for name in uniform_names(cls, compiled) if name not in given]
    if lacks:
        yield (
            f"{prepare} gives {', '.join(sorted(given)) or 'nothing'}; {compiled} takes {', '.join(lacks)}"
            f"{authors.defined(cls, compiled)}"
        )


def _names_given(cls: Any, method: str) -> set[str] | None:
    """Return the names in the dict that a method returns; None where its text does not tell."""
    function: Callable = getattr(cls, method)
    if function.__module__.startswith(f"{OWN}."):  # that of the base: what it takes, or no table
        return set(cls.params()) if method != "fill" else set()
    try:
        (tree,) = syntax_tree(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, SyntaxError, ValueError, TypeError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    taken = {argument.arg for argument in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)}
    rest = {tree.args.kwarg.arg: set(cls.params()) - taken} if tree.args.kwarg else {}
    parts = [part for statement in tree.body for part in ast.walk(statement)]
    returned = [part.value for part in parts if isinstance(part, ast.Return)]
    in_returned = {id(part) for value in returned if value for part in ast.walk(value)}
    if any(isinstance(part, ast.Name) and part.id in rest and id(part) not in in_returned for part in parts):
        return None  # it may be given other names
    found = [_names_in(value, rest) for value in returned]
    return set().union(*filter(None, found)) if found and None not in found else None


def _names_in(value: ast.expr | None, rest: dict[str, set[str]]) -> set[str] | None:
    """Return the names in a dict as it is written; ``rest`` are those of ``**params``. None where they are not told."""
    match value:
        case ast.Name(id=name) if name in rest:
            return rest[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            both = [_names_in(left, rest), _names_in(right, rest)]
        case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
            both = [_names_in(argument, rest) for argument in args]
            both += [{word.arg} if word.arg else _names_in(word.value, rest) for word in keywords]
        case ast.Dict(keys=keys, values=values):
            both = [
                _names_in(item, rest) if key is None else {key.value} if isinstance(key, ast.Constant) else None
                for key, item in zip(keys, values)
            ]
        case _:
            return None
    told = [names for names in both if names is not None]
    return {str(name) for names in told for name in names} if len(told) == len(both) else None
