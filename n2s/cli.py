"""The command line: run, check, draw."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.graph.errors import GraphError, N2SError

app = typer.Typer(
    name="n2s",
    help="noise-to-signal: turn music into film with graphs.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

GraphFile = Annotated[Path, typer.Argument(help="the graph's YAML file", metavar="GRAPH")]
Overrides = Annotated[list[str], typer.Option("--set", help="node.setting=value, as often as needed", metavar="N.S=V")]


def main() -> None:
    """Run the command line; exit with 0 done, 1 the render failed, 2 the input is wrong, 130 interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being asked to end is an interruption too
    try:
        app(standalone_mode=False)
    except KeyboardInterrupt:
        fail("Interrupted. What is finished is kept: run the same command again to go on.", 130)
    except N2SError as error:
        fail(str(error), error.exit_status)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if (show := getattr(error, "show", None)) is None:  # not one of the command line's own
            raise
        show()
        sys.exit(2)


def fail(text: str, status: int) -> None:
    """Say what went wrong and leave."""
    sys.stdout.flush()
    print(text, file=sys.stderr)
    sys.exit(status)


def load(path: Path, overrides: list[str] = ()) -> Any:
    from n2s.graph.graph import Graph

    return Graph.load(path, dict(parse_override(text) for text in overrides))


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


@app.command()
def run(
    graph: GraphFile,
    out: Annotated[Path, typer.Option(help="folder for films and records")] = Path("renders"),
    store: Annotated[Path | None, typer.Option(help="folder of kept results; the user's cache when left out")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="chunks in flight; one a processor when left out")] = None,
    set_: Overrides = (),
    from_: Annotated[float | None, typer.Option("--from", min=0, help="begin at this second")] = None,
    to: Annotated[float | None, typer.Option(min=0, help="end at this second")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be rendered, and render nothing")] = False,
    force: Annotated[bool, typer.Option("--force", help="render every chunk again")] = False,
) -> None:
    """Render a graph's films: those of its sinks, or an album's and its tracks'."""
    from n2s.runtime.executors import LocalExecutor
    from n2s.runtime.progress import watcher
    from n2s.runtime.run import Run
    from n2s.runtime.store import Store

    events = watcher()
    job = Run(load(graph, set_), out, Store(store), LocalExecutor(jobs), (from_, to), force, events)
    if dry_run:
        show_dry_run(job)
        return
    report = job.execute()
    print(summary(report))


def show_dry_run(job: Any) -> None:
    """Print what a run would render."""
    films = job.plan()
    tasks = {task.key for task in job.missing()}
    job.events.ended()
    for film in films:
        stale = [chunk for _, chunk in film.parts if chunk.key in tasks]
        frames = sum(chunk.count for chunk in stale)
        what = f"{len(stale)} of {len(film.parts)} chunks ({frames} of {film.frames} frames) to render" if stale else "up to date"
        print(f"{film.path.name}: {what}")
    job.context.close()


def summary(report: Any) -> str:
    """Return what a run did, in a few lines."""
    lines = [""]
    for film in report.films:
        path = os.path.relpath(film["path"])
        lines.append(f"{path}  {film['frames']} frames, {duration(film['seconds'])}, {film['bytes'] / 1e6:.1f} MB")
    if report.rendered:
        speed = report.frames / max(report.seconds, 1e-9)
        lines.append(f"Rendered {report.rendered} chunks ({report.frames} frames) in {duration(report.seconds)}, {speed:.1f} "
                     f"frames/s; {report.stored} came from the store.")
        spent = [f"{name} {seconds:.1f} s" for name, seconds in report.nodes.items() if seconds >= 0.05]
        lines.append(f"Time by node: {', '.join(spent)}.")
    else:
        lines.append(f"Rendered 0 chunks; {report.stored} came from the store.")
    lines.append(f"Record: {os.path.relpath(report.record)}")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"


@app.command()
def check(graph: GraphFile, set_: Overrides = ()) -> None:
    """Check a graph, and those of an album's tracks, without running anything or reading music."""
    from n2s.graph.graph import Graph

    loaded = load(graph, set_)
    problems, films = [], 0
    for name, node in loaded.nodes.items():
        if node.kind == "track":
            try:
                Graph.load(loaded.resolve(node.path), loaded.track_overrides.get(name, {}))
            except GraphError as error:
                problems += error.problems
    if problems:
        raise GraphError(problems)
    films = len(loaded.sinks())
    print(f"{graph}: {len(loaded.nodes)} nodes, {films} film{'s' if films != 1 else ''}, no problems.")


@app.command()
def draw(
    graph: GraphFile,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=".svg, .png, .pdf or .dot; GRAPH.svg when left out")] = None,
    set_: Overrides = (),
) -> None:
    """Draw a graph: nodes with their settings, links coloured by what flows."""
    from n2s.graph.diagram import diagram, render_diagram

    loaded = load(graph, set_)
    target = output or graph.with_suffix(".svg")
    render_diagram(diagram(loaded), target)
    print(target)
