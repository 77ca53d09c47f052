"""Calls of code by node authors: an error in it is reported in one sentence, with the node and the place."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from n2s.graph.errors import Cancelled, GraphError, MediaError, N2SError, Problem, RenderError, shortened
from n2s.graph.signatures import is_of_base, place_of

TRACEBACK = "N2S_TRACEBACK"  # if set, the whole traceback of an author's error is shown


def call(
    graph: Any,
    name: str,
    method: str,
    function: Callable,
    *arguments: Any,
    span: tuple[int, int] | None = None,
    **named: Any,
) -> Any:
    """Call a function that a node's author wrote, and return what it returns.

    Errors of this library, interruptions and cancellations pass through; a problem of a graph or of a file that names
    no place in the graph gets that of the node.

    Parameters
    ----------
    graph, name : Graph and the name of one of its nodes
    method : str
        What is called, for the message: "compute".
    span : pair of int, optional
        The frames that it is called for.

    Raises
    ------
    RenderError
        When it fails in any other way.
    """
    try:
        return function(*arguments, **named)
    except GraphError as error:
        _place_problems(graph, name, error)
        raise
    except MediaError as error:
        if not hasattr(error, "problems"):  # what is wrong with a file tells its path, and not who names it
            error.problems = [_problem(graph, name, str(error))]
            error.args = (str(error.problems[0]),)
        raise
    except (N2SError, Cancelled, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise failed(graph, name, method, error, span) from error


def failed(
    graph: Any, name: str, method: str, error: BaseException, span: tuple[int, int] | None = None
) -> RenderError:
    """Return the error that reports an exception in a node's own code; raise it from the exception."""
    when = f" at {in_words(span)}" if span else ""
    told = told_of(error, type(graph.nodes[name]))
    return wrong(graph, name, f"{method} failed{when}: {told}. Set {TRACEBACK}=1 to see the whole traceback.")


def told_of(error: BaseException, cls: type) -> str:
    """Return the type and message of an exception in the code of a node type, and where it was raised, in one line."""
    said = " ".join(_words(error).encode(errors="backslashreplace").decode().split())
    said = f"{type(error).__name__}: {shortened(said)}" if said else type(error).__name__
    place = _place(error, cls)
    return f"{said} ({place})" if place else said


def wrong(graph: Any, name: str, text: str) -> RenderError:
    """Return the error that says what is wrong with a node: "graph.yaml:9:3  blur (Blur): …"."""
    problem = _problem(graph, name, text)
    error = RenderError(str(problem))
    error.problems = [problem]
    return error


def defined(cls: type, method: str) -> str:
    """Return where a method of a node type is defined, " (blur.py:12)"; "" where its author did not write it."""
    function = getattr(cls, method, None)
    return place_of(function) if isinstance(function, FunctionType) and not is_of_base(cls, method) else ""


def _problem(graph: Any, name: str, text: str, place: tuple = ()) -> Problem:
    if place:
        return Problem(graph.where(name, *place), f"{name.partition(':')[0]}.{place[0]}: {text}")
    return Problem(graph.where(name, key=True), f"{name} ({type(graph.nodes[name]).__name__}): {text}")


def _place_of(value: Any, moment: Any) -> tuple | None:
    """Return where in a value, or in its lists, a moment is stated: () for the value itself; None where it is not."""
    if value == moment:
        return ()
    inside = enumerate(value) if isinstance(value, list | tuple) else ()
    return next(((i, *place) for i, item in inside if (place := _place_of(item, moment)) is not None), None)


def _setting_of(node: Any, moment: Any) -> tuple:
    """Return the place in a node's settings that states a moment, the setting's name first; () where none does."""
    stated = ((field, getattr(node, field)) for field in type(node).model_fields) if moment is not None else ()
    return next(((field, *place) for field, value in stated if (place := _place_of(value, moment)) is not None), ())


def _place_problems(graph: Any, name: str, error: GraphError) -> None:
    """Give a node's name and place to what an error tells without one; its class and all else in it stay."""
    told = getattr(error, "problems", None)  # a class of the author's own may have none, or something else there
    told = told if isinstance(told, list | tuple) and told else [_words(error) or type(error).__name__]
    problems = [one if isinstance(one, Problem) else Problem(None, str(one)) for one in told]
    place = _setting_of(graph.nodes[name], getattr(error, "moment", None))
    problems = [one if one.position else _problem(graph, name, one.text, place) for one in problems]
    if problems != told:
        error.problems, error.args = problems, ("\n".join(map(str, problems)),)


def whole_traceback(error: BaseException) -> str:
    """Return the traceback behind an error of a node's own code; nothing for other errors."""
    if isinstance(error, RenderError) and error.__cause__ is not None:
        return "".join(traceback.format_exception(error.__cause__)).rstrip()
    return ""


def traceback_wanted() -> bool:
    """Say whether the user wants to see tracebacks of authors' code."""
    return bool(os.environ.get(TRACEBACK))


def shown(value: Any) -> str:
    """Return what an author's function gave as a short text of printable characters."""
    try:
        text = repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a value of the author's own may fail at showing itself
        text = f"a {type(value).__name__}"
    text = " ".join(text.encode(errors="backslashreplace").decode().split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def in_words(span: tuple[int, int]) -> str:
    """Return some frames in words: "frames 4 to 7"."""
    return f"frame {span[0]}" if span[1] - span[0] == 1 else f"frames {span[0]} to {span[1] - 1}"


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an exception of the author's own may fail at telling of itself
        return ""


def _place(error: BaseException, cls: type) -> str:
    """Return where in the author's package an exception was raised, "blur.py:31": the last line of it that was run."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}:{error.lineno}"
    top = sys.modules.get(cls.__module__.partition(".")[0])
    file = getattr(top, "__file__", None)
    if not file:
        return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    package = Path(file).parent if Path(file).name == "__init__.py" else Path(file)
    own = [frame for frame in frames if Path(frame.filename) == package or package in Path(frame.filename).parents]
    own = own or frames[-1:]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""
