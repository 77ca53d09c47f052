"""What the commands share: their arguments, loading a graph, times and overrides in words."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from n2s.commands.output import work_is_done, write_line
from n2s.graph.errors import ArgumentError, GraphError, Position, Problem
from n2s.graph.profiles import BOUND, PROFILE_OPTION, profile_overrides

# Imported inside functions is what help and completion do not need, so that these start fast.

if TYPE_CHECKING:
    from n2s.graph.expressions import Number
    from n2s.graph.landmarks import Moment

GraphFile = Annotated[Path, typer.Argument(help="the graph's YAML file", metavar="GRAPH")]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="N.S=V",
        help="set node.setting to a value, may be repeated: --set grain.amount=0.1; look.grain.amount=0.1 inside a "
        "sub-graph or track, fps=25 in the header",
    ),
]
ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="what the films are for: archive, youtube, reels, square, canvas, apple or draft; it decides coding, size "
        "and frame rate",
    ),
]
StoreFolder = Annotated[
    str | None,
    typer.Option(
        help="folder of kept results, or a bucket, like s3://films/store; the user's cache when left out",
        metavar="ADDRESS",
    ),
]
Size = Annotated[str | None, typer.Option("--size", help="width and height in place of the graph's", metavar="WxH")]
Fps = Annotated[str | None, typer.Option("--fps", help="frames per second in place of the graph's", metavar="RATE")]
Begin = Annotated[
    str | None, typer.Option("--from", help="begin at this time: 80, 1:20, 8 bars, at drop", metavar="TIME")
]
End = Annotated[str | None, typer.Option("--to", help="end before this time", metavar="TIME")]
FilmsFolder = Annotated[Path, typer.Option("--out", help="folder of the films, to see whether they are up to date")]
FILMS = Path("renders")  # where films are written, and looked for, without --out
AsJson = Annotated[bool, typer.Option("--json", help="print structured lines, one JSON object each")]


def load(path: Path, overrides: Sequence[str] = (), shape: Shape | None = None, varied: Collection[str] = ()) -> Any:
    """Load a graph with ``--set`` overrides and the size and frame rate of the command line; --vary gave ``varied``."""
    from n2s.graph.file.override import merged
    from n2s.graph.graph import Graph
    from n2s.graph.header import Header

    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in overrides:
        try:
            values = merged(values, dict([parse_override(text)]))
        except GraphError as error:
            problems += error.problems
    if problems:
        raise GraphError(problems)
    options = {target: "--vary" if target in varied else "--set" for target in values}
    places = {target: Position(f"{option} {target}", argument=True) for target, option in options.items()}
    for field, (option, value) in (shape.overrides() if shape else {}).items():
        values[field], places[field] = value, Position(option, argument=True)
    if not shape or shape.profile is None:
        return Graph.load(path, values, places=places)
    graph = _load_for_profile(path, values, places)
    for target, value in profile_overrides(graph, shape.profile, values).items():
        if target not in Header.model_fields or getattr(graph.header, target) == graph.stated(target):
            places[target] = Position(PROFILE_OPTION, argument=True)
        elif target in values:  # half of what the user asked for, which is needed to ask for it again
            places[target] = Position(_asked(target, values[target], shape), argument=True)
        values[target] = value
        if target.endswith(".matte"):
            film = target.removesuffix(".matte")
            say(f"The matte of {film} is left out: the codec of {PROFILE_OPTION} {shape.profile} has no transparency.")
    return Graph.load(path, values, places=places)


def _load_for_profile(path: Path, values: dict[str, Any], places: dict[str, Position]) -> Any:
    """Load a graph without what the user gave that is right or wrong by what a profile decides.

    A graph that is wrong without it is loaded with it.
    """
    from n2s.graph.graph import Graph

    free = {target: value for target, value in values.items() if target.partition(".")[2] not in BOUND}
    try:
        return Graph.load(path, free, places=places)
    except GraphError:
        try:
            return Graph.load(path, values, places=places)
        except GraphError:
            pass
        raise


def _asked(target: str, value: Any, shape: Shape) -> str:
    """Return what was typed for a header's entry: "--size 640x360"."""
    typed = {"size": shape.size, "fps": shape.fps}.get(target)
    return f"--{target} {typed}" if typed is not None else f"--set {target}={json.dumps(value)}"


class Shape(NamedTuple):
    """Size, frame rate and profile from the command line, which replace the graph's."""

    size: str | None = None
    fps: str | None = None
    profile: str | None = None

    def overrides(self) -> dict[str, tuple[str, Any]]:
        """Return the header entries that are replaced, each with its option and its value."""
        found: dict[str, tuple[str, Any]] = {} if self.fps is None else {"fps": ("--fps", self.fps)}
        if self.size is not None:
            sides = self.size.lower().split("x")
            if len(sides) != 2 or not all(side.isdecimal() and side.isascii() and len(side) < 6 for side in sides):
                raise ArgumentError(f'--size takes width and height, like 1280x720, not "{self.size}".')
            found["size"] = ("--size", [int(side) for side in sides])
        return found


def parse_override(text: str, option: str = "--set") -> tuple[str, Any]:
    """Read ``node.setting=value``; the value is YAML, as in a graph, but has no comments."""
    from n2s.graph.file.given import read_given

    target, equals, value = text.partition("=")
    target, value = target.strip(), value.strip()
    if not equals or not target:
        raise GraphError(f'{option} takes node.setting=value, not "{text}".')
    try:
        return target, read_given(value)
    except GraphError as error:
        place = Position(f"{option} {target}", argument=True)
        reasons = "; ".join(problem.text.removeprefix("This is not YAML: ").rstrip(".") for problem in error.problems)
        raise GraphError([Problem(place, f'"{value}" cannot be read as YAML: {reasons}.')]) from None


def read_time(option: str, text: str | None) -> Number | Moment | None:
    """Read the time that an option was given: 80, 1:20, 250 ms, 8 bars, at drop."""
    from n2s.graph.times import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise ArgumentError(f"{option}: {error}{'' if str(error).endswith('?') else '.'}") from None


def read_amount(option: str, text: str) -> int:
    """Read the amount of memory or disk that an option was given, in bytes: 5GB, 500 MB, 1.5 GiB."""
    from n2s.graph.amounts import parse_amount

    try:
        return parse_amount(text)
    except ValueError as error:
        raise ArgumentError(f"{option}: {error}.") from None


def read_length(option: str, text: str | None) -> Number | None:
    """Read the length of time that an option was given: 80, 1:20, 250 ms, 8 bars."""
    from n2s.graph.landmarks import Moment

    time = read_time(option, text)
    if isinstance(time, Moment):
        raise ArgumentError(f'{option}: a length of time was wanted, like "250 ms" or "8 bars"; "{time}" is a place.')
    return time


def refuse_overwrite(target: Path, named: bool, graph: Any) -> None:
    """Refuse to overwrite a file that the graph reads; and one that n2s did not write, unless the user ``named`` it."""
    from n2s.graph.describe.diagram import MADE as DIAGRAM
    from n2s.runtime.films.targets import same_file
    from n2s.runtime.media.png import MADE as PICTURE
    from n2s.runtime.readiness import input_files

    if not os.path.isfile(target):
        return
    if any(same_file(target, path) for path in input_files(graph)):
        raise ArgumentError(f"{target} is read by the graph and would be overwritten; name another file with -o.")
    with open(target, "rb") as file:
        data = b"" if named else file.read()
    if not named and DIAGRAM not in data and PICTURE not in data:
        raise ArgumentError(f"{target} exists and was not written by n2s; name the file to write with -o.")


def say(text: str) -> None:
    """Print a sentence for the user on standard error, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def from_here(path: str | Path) -> str:
    """Return a path as it is seen from the current folder; absolute where there is no way, or no such folder."""
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)


def report_file(path: Path, json: bool, words: str = "", **more: Any) -> None:
    """Print which file was written: in words, or as one line of JSON."""
    work_is_done()
    if json:
        print_line({"path": str(path), **more})
    else:
        print(f"{path}{words}")


def print_line(values: dict[str, Any]) -> None:
    """Print values as one line of JSON."""
    write_line(values)


def problem_fields(problem: Any) -> dict[str, Any]:
    """Return a problem, or what an error says, as plain data."""
    at = getattr(problem, "position", None)
    if at is None or at.argument:
        return {"file": None, "line": None, "column": None, "text": str(problem)}
    return {"file": at.path, "line": at.line or None, "column": at.column or None, "text": problem.text}


def planning_watcher(json: bool) -> Any:
    """Return the watcher of a command that only plans: silent with --json."""
    from n2s.runtime.events import Events
    from n2s.runtime.progress import watcher

    return Events() if json else watcher()
