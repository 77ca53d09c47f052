"""What the commands share: their arguments, loading a graph, times and overrides in words."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from n2s.commands.output import escape_needed, work_is_done
from n2s.graph.errors import ArgumentError, GraphError, Position, Problem

if TYPE_CHECKING:
    from n2s.graph.expressions import Number

GraphFile = Annotated[Path, typer.Argument(help="the graph's YAML file", metavar="GRAPH")]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="N.S=V",
        help="node.setting=value, as often as needed; look.grain.amount=0.1 inside a sub-graph or a track, fps=25 in the header",
    ),
]
StoreFolder = Annotated[Path | None, typer.Option(help="folder of kept results; the user's cache when left out")]
Size = Annotated[str | None, typer.Option("--size", help="width and height in place of the graph's", metavar="WxH")]
Fps = Annotated[str | None, typer.Option("--fps", help="frames per second in place of the graph's", metavar="RATE")]
AsJson = Annotated[bool, typer.Option("--json", help="print structured lines, one JSON object each")]


def load(path: Path, overrides: list[str] = (), shape: Shape | None = None) -> Any:
    """Load a graph with ``--set`` overrides and the shape that is asked for."""
    from n2s.graph.file.override import merged
    from n2s.graph.graph import Graph

    values: dict[str, Any] = {}
    for text in overrides:
        values = merged(values, dict([parse_override(text)]))
    places = {target: Position(f"--set {target}", argument=True) for target in values}
    for field, (option, value) in (shape.overrides() if shape else {}).items():
        values[field], places[field] = value, Position(option, argument=True)
    graph = Graph.load(path, values, places=places)
    if not shape or not shape.draft:
        return graph
    for field, value in halved(graph.header).items():
        if getattr(graph.header, field) == graph.stated(field):
            places[field] = Position("--draft", argument=True)
        values[field] = value
    return Graph.load(path, values, places=places)


def halved(header: Any) -> dict[str, Any]:
    """Return a draft's shape: half of each side, even, and half of the frames; the composition stays."""
    return {"size": [max(16, side // 4 * 2) for side in header.size], "fps": str(max(header.fps / 2, 1))}


@dataclass(frozen=True)
class Shape:
    """Another size and frame rate than the graph's: width and height, frames per second, half of both for a draft."""

    size: str | None = None
    fps: str | None = None
    draft: bool = False

    def overrides(self) -> dict[str, tuple[str, Any]]:
        """Return the header's entries that are replaced: the option that asks for it, and the value."""
        found = {} if self.fps is None else {"fps": ("--fps", self.fps)}
        if self.size is not None:
            sides = self.size.lower().split("x")
            if len(sides) != 2 or not all(side.isdecimal() and side.isascii() and len(side) < 6 for side in sides):
                raise ArgumentError(f'--size takes width and height, like 1280x720, not "{self.size}".')
            found["size"] = ("--size", [int(side) for side in sides])
        return found


def parse_override(text: str) -> tuple[str, Any]:
    """Read ``node.setting=value``; the value is YAML, as in a graph."""
    from n2s.graph.file.document import parse_document

    target, equals, value = text.partition("=")
    target, value = target.strip(), value.strip()
    if not equals or not target:
        raise GraphError(f'--set takes node.setting=value, not "{text}".')
    if value.startswith("="):
        return target, value
    try:
        return target, parse_document(f"value: {value}\n", "--set").values["value"]
    except GraphError as error:
        place = Position(f"--set {target}", argument=True)
        said = "; ".join(problem.text.removeprefix("This is not YAML: ").rstrip(".") for problem in error.problems)
        raise GraphError([Problem(place, f'"{value}" cannot be read as YAML: {said}.')]) from None


def read_time(option: str, text: str | None) -> Number | None:
    """Read a time that an option was given: 80, 1:20, 250 ms, 8 bars."""
    from n2s.graph.times import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise ArgumentError(f"{option}: {error}.") from None


def spare(target: Path, named: bool, graph: Any) -> None:
    """Refuse to write over what a graph is made of, and, where the user did not name the file, over files of others."""
    from n2s.graph.describe.diagram import MADE as DIAGRAM
    from n2s.runtime.films.targets import same_file
    from n2s.runtime.media.pictures import MADE as PICTURE
    from n2s.runtime.readiness import input_files

    if not os.path.isfile(target):
        return
    if any(same_file(target, path) for path in input_files(graph)):
        raise ArgumentError(f"{target} is read by the graph and would be written over; name another file with -o.")
    with open(target, "rb") as file:
        data = b"" if named else file.read()
    if not named and DIAGRAM not in data and PICTURE not in data:
        raise ArgumentError(f"{target} is not what n2s wrote there and is not replaced unasked; name a file with -o.")


def duration(seconds: float) -> str:
    """Return a time as m:ss.t."""
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"


def say(text: str) -> None:
    """Tell the user a sentence beside the results."""
    print(text, file=sys.stderr, flush=True)


def made(path: Path, json: bool, words: str = "", **more: Any) -> None:
    """Say which file was made: in words, or as one structured line."""
    work_is_done()
    if json:
        line({"path": str(path), **more})
    else:
        print(f"{path}{words}")


def line(values: dict[str, Any]) -> None:
    """Print one structured line."""
    import json

    print(json.dumps(values, ensure_ascii=escape_needed()), flush=True)


def problem_line(problem: Any) -> dict[str, Any]:
    """Return a problem, or what an error says, as plain data."""
    at = getattr(problem, "position", None)
    if at is None or at.argument:
        return {"file": None, "line": None, "column": None, "text": str(problem)}
    return {"file": at.path, "line": at.line or None, "column": at.column or None, "text": problem.text}


def watching(json: bool) -> Any:
    """Return the watcher of a command that plans: silent beside structured lines."""
    from n2s.runtime.events import Events
    from n2s.runtime.progress import watcher

    return Events() if json else watcher()
