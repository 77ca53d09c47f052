"""What the methods of a node class take, compared with what they will be given; words for what is told of it."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import pairwise
from types import FunctionType
from typing import Any

from n2s.graph.code.syntax import syntax_tree

Mistakes = Iterator[tuple[str, str]]  # (field or method, sentence)
# What runs while a class is made, beside pydantic.
_OF_CLASSES = tuple(f"n2s.graph.{module}" for module in ("declarations", "node", "specs", "signatures"))


def signature_mistakes(cls: Any, method: str, leading: int, wanted: list[str]) -> Mistakes:
    """Compare what a method takes after its leading arguments with the ports and parameters it will be given."""
    function = inspect.getattr_static(cls, method)
    if not isinstance(function, FunctionType):
        return
    taken = list(inspect.signature(function).parameters.values())
    positional = [p for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    place = place_of(function)
    if gives_nothing(function):
        yield method, f"it never returns anything; return what it makes{place}"
    given = {"resident": "scene", "measure": "frame"}.get(cls.kind, "block")
    first = f"self, {given}" if leading == 2 else "self"
    if len(positional) < leading and not any(p.kind is p.VAR_POSITIONAL for p in taken):
        yield method, f"it takes {len(positional)} arguments; {first}, then {known_names(wanted)} were wanted{place}"
        return
    if early := next((p.name for p in positional[:leading] if p.name in wanted), None):
        yield method, f"it takes {early} too early; {first}, then {known_names(wanted)} were wanted{place}"
        return
    named = {p.name: p for p in taken[leading:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken)
    for name in wanted:
        if name not in named and not open_ended:
            yield method, f"it does not take {name}, which is declared{place}"
        elif (
            name in named
            and name in cls.ports
            and not cls.specs[name].required
            and named[name].default is inspect.Parameter.empty
        ):
            yield method, f"{name} may be left unconnected, so it needs a default: {name}=None{place}"
    for name, parameter in named.items():
        if method == "prepare" and cls.kind != "lens" and not is_of_base(cls, "fill"):  # which may give others
            break
        if name not in wanted and parameter.default is inspect.Parameter.empty:
            yield (
                method,
                f"it takes {name}, which is neither a port nor a parameter; there are {known_names(wanted)}{place}",
            )


def is_plain(function: FunctionType) -> bool:
    """Say whether a call of a function runs it: one that yields, or is asynchronous, is run by others."""
    made_by = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return not any(kind(function) for kind in made_by)


def gives_nothing(function: FunctionType) -> bool:
    """Say whether all returns of a function give None, as when the word is left out; one that only raises has none."""
    steps = list(dis.get_instructions(function))
    returned = [step.argval for step in steps if step.opname == "RETURN_CONST"]
    returned += [
        before.argval if before.opname == "LOAD_CONST" else before
        for before, step in pairwise(steps)
        if step.opname == "RETURN_VALUE"
    ]
    return bool(returned) and is_plain(function) and all(value is None for value in returned)


def place_of(function: FunctionType) -> str:
    """Return where a function is defined, " (blur.py:12)"."""
    return f" ({function.__code__.co_filename}:{function.__code__.co_firstlineno})"


def place_of_class(cls: type) -> str:
    """Return where a class is defined, " (blur.py:5)"; "" where its text cannot be found."""
    try:
        return f" ({inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]})"
    except (OSError, TypeError):
        return ""


def known_names(names: list[str]) -> str:
    """Return names for a message, "none" where there are none."""
    return ", ".join(names) or "none"


def meant(word: object, known: Iterable[str]) -> list[str]:
    """Return 'did you mean "light"?' where a word is nearly a known one; nothing where it is not."""
    return [f'did you mean "{near}"?' for near in get_close_matches(str(word), list(known), 1, 0.7)]


def is_of_base(cls: type, method: str) -> bool:
    """Say whether a class has a method from a base of this library, and not from an author of nodes."""
    return inspect.getattr_static(cls, method).__module__.startswith("n2s.graph.kinds.")


def definition_place() -> str:
    """Return the file and line of the class statement that is being run, "blur.py:12"."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in _OF_CLASSES and module.partition(".")[0] not in ("pydantic", "abc"):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def place_within(place: str, name: str) -> str:
    """Return where the body of a class says a name, "blur.py:15"; the place of the class where it does not."""
    file, _, line = place.rpartition(":")
    linecache.checkcache(file)
    try:
        tree = syntax_tree("".join(linecache.getlines(file)))
    except SyntaxError:  # it was edited meanwhile
        return place
    bodies = [found.body for found in ast.walk(tree) if isinstance(found, ast.ClassDef) and str(found.lineno) == line]
    for part in (part for body in bodies for part in body):
        if name in _names_of(part):
            return f"{file}:{part.lineno}"
    return place


def _names_of(part: ast.stmt) -> list[str]:
    """Return the names that a statement of a class's body gives a value or a type."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        return [part.name]
    targets = part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
