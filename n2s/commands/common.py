"""What the commands share: their arguments, loading a graph, times and overrides in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.graph.errors import GraphError

GraphFile = Annotated[Path, typer.Argument(help="the graph's YAML file", metavar="GRAPH")]
Overrides = Annotated[list[str], typer.Option("--set", help="node.setting=value, as often as needed", metavar="N.S=V")]
StoreFolder = Annotated[Path | None, typer.Option(help="folder of kept results; the user's cache when left out")]
AsJson = Annotated[bool, typer.Option("--json", help="print structured lines, one JSON object each")]


def load(path: Path, overrides: list[str] = (), more: dict[str, Any] | None = None) -> Any:
    """Load a graph with ``--set`` overrides, and more of them."""
    from n2s.graph.graph import Graph

    return Graph.load(path, dict(parse_override(text) for text in overrides) | (more or {}))


def parse_override(text: str) -> tuple[str, Any]:
    """Read ``node.setting=value``; the value is YAML, as in a graph."""
    from n2s.graph.document import parse_document

    target, equals, value = text.partition("=")
    if not equals or not target.strip():
        raise GraphError(f'--set takes node.setting=value, not "{text}".')
    value = value.strip()
    if value.startswith("="):
        return target.strip(), value
    return target.strip(), parse_document(f"value: {value}\n", "--set").values["value"]


def duration(seconds: float) -> str:
    """Return a time as m:ss.t."""
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"


def say(text: str) -> None:
    """Tell the user a sentence beside the results."""
    print(text, file=sys.stderr, flush=True)


def made(path: Path, json: bool, words: str = "", **more: Any) -> None:
    """Say which file was made: in words, or as one structured line."""
    if json:
        line({"path": str(path), **more})
    else:
        print(f"{path}{words}")


def line(values: dict[str, Any]) -> None:
    """Print one structured line."""
    import json

    print(json.dumps(values, ensure_ascii=False), flush=True)


def problem_line(problem: Any) -> dict[str, Any]:
    """Return a problem, or what an error says, as plain data."""
    at = getattr(problem, "position", None)
    return {"file": at.path if at else None, "line": at.line or None if at else None,
            "column": at.column or None if at else None, "text": getattr(problem, "text", str(problem))}  # fmt: skip


def watching(json: bool) -> Any:
    """Return the watcher of a command that plans: silent beside structured lines."""
    from n2s.runtime.events import Events
    from n2s.runtime.progress import watcher

    return Events() if json else watcher()
