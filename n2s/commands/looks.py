"""n2s looks: list the looks that come with the library, explain one, show them on a piece of music."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import AsJson, StoreFolder, planning_watcher, refuse_overwrite, report_file
from n2s.commands.output import write_line

# Imported inside functions is what help and completion do not need, so that these start fast.

SEEN = 8  # frames of a film in a row
PACES = "looks"  # of what the store notes
# Of a song of half a minute on two cores: a look whose kernels are compiled, and which share of that it takes again.
FIRST_SECONDS, AGAIN = 45.0, 0.25


def looks(
    name: Annotated[str | None, typer.Argument(help="a look; default: list all", metavar="NAME")] = None,
    music: Annotated[
        Path | None, typer.Option(help="draw what looks make of this piece of music, one row for each", metavar="FILE")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output",
            help="with --music: the .png file to write, default renders/looks.png; with NAME alone: write the look's "
            "own graph there, to be changed",
        ),
    ] = None,
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:  # fmt: skip
    """List the looks, explain one, or show them on a piece of music: graphs that make a whole film, in one line."""
    from n2s.graph.describe.looks import describe_look, films, listing, page
    from n2s.graph.errors import GraphError
    from n2s.graph.registry import suggest

    if name is not None and name not in films():
        raise GraphError(f'There is no look "{name}". {suggest(name, films())}')
    chosen = [describe_look(look) for look in ([name] if name else films())]
    if music is not None:
        draw_looks(music, [look["name"] for look in chosen], output, json, store)
    elif output is not None:
        write_look(name, output, json)
    elif json:
        for look in chosen:
            write_line(look)
    else:
        print(page(chosen[0]) if name else listing(chosen))


def write_look(name: str | None, target: Path, json: bool) -> None:
    """Write the graph of a look to a file of the user's."""
    import os

    from n2s.commands.new import refuse_ending, write_graph
    from n2s.graph.describe.starter import yaml_text
    from n2s.graph.errors import GraphError
    from n2s.graph.looks import look_file

    if name is None:
        raise GraphError("-o writes the graph of one look, n2s looks NAME -o FILE; or with --music a picture of all.")
    refuse_ending(target)
    if os.path.lexists(target):
        raise GraphError(f"{target} exists already; -o names another file.")
    write_graph(target, look_file(name).read_text(encoding="utf-8"))
    use = f"{{node: Graph, path: {yaml_text(target.name)}, audio: track}}"
    report_file(target, json, f": the look {name}; use it as {use}")


def draw_looks(music: Path, names: list[str], output: Path | None, json: bool, store: str | None) -> None:
    """Draw frames of what looks make of a piece of music: a row for each, frames on attacks all over the piece."""
    from tempfile import TemporaryDirectory

    from n2s.graph.errors import GraphError
    from n2s.runtime.ffmpeg import ffmpeg_path
    from n2s.runtime.media.audio import probe
    from n2s.runtime.media.png import write_picture
    from n2s.runtime.progress import time_text
    from n2s.runtime.seeing.rows import draw_rows
    from n2s.runtime.stores import open_store

    target = output or Path("renders") / "looks.png"
    if target.suffix.lower() != ".png":
        raise GraphError(f'Pictures of looks are written as .png, not "{target.name}".')
    info = probe(music, ffmpeg_path)
    kept = open_store(store)
    ahead = Ahead(kept, names, info.samples / info.rate)
    rows: dict[str, list[Any]] = {}
    events = planning_watcher(json)
    told: set[str] = set()

    def say(text: str) -> None:  # what is heard in the music is the same for all looks
        if text not in told and not text.startswith("Not shown here"):  # Guard, which these few pictures do not need
            told.add(text)
            events.said(text)

    try:
        events.said(ahead.text())
        with TemporaryDirectory() as folder:
            for number, name in enumerate(names, 1):
                graph = one_line(Path(folder) / f"{name}.yaml", music, name)
                refuse_overwrite(target, output is not None, graph)
                place = f", look {number} of {len(names)}" if len(names) > 1 else ""
                events.began(f"drawing {name}{place}, about {time_text(ahead.seconds_left)} left")
                began = time.monotonic()
                rows[name] = pictures_of_look(graph, kept, say)
                ahead.done(name, time.monotonic() - began)
    finally:
        events.ended()
    write_picture(target, draw_rows(rows))
    described = ", from the top" * (len(rows) > 1)
    report_file(target, json, f": a row for each look{described}: {', '.join(rows)}", looks=list(rows))


class Ahead:
    """How long looks take to be drawn of a piece of music, by how long they took the last time.

    Parameters
    ----------
    store : Store
        Notes how long each took.
    names : list of str
        The looks, in the order in which they are drawn.
    seconds : float
        How long the music lasts. Frames all over it are looked at for their light, so a longer piece takes longer.
    """

    def __init__(self, store: Any, names: list[str], seconds: float):
        self.store, self.names, self.music = store, names, seconds
        known = {name: store.noted(PACES, {"look": name}) for name in names}
        self.new = [name for name, pace in known.items() if pace is None]
        self.expected = {
            name: FIRST_SECONDS if pace is None else pace["seconds"] * max(1.0, seconds / max(pace["music"], 1e-9))
            for name, pace in known.items()
        }

    @property
    def seconds_left(self) -> float:
        """Seconds that the looks that are not drawn yet may take."""
        return sum(self.expected.values())

    def text(self) -> str:
        """Return in a sentence what will be made, and how long it may take."""
        from n2s.graph.wording import counted
        from n2s.runtime.progress import time_text

        text = f"{counted(len(self.names), 'look')}, {SEEN} pictures of each, take about {time_text(self.seconds_left)}"
        if not self.new:
            return f"{text}, by the last time."
        return f"{text}: {counted(len(self.new), 'look')} for the first time, whose kernels are compiled and kept."

    def done(self, name: str, seconds: float) -> None:
        """Note that a look is drawn, and how long it took; those that are as new as it are taken to need as long."""
        del self.expected[name]
        if name in self.new:
            for other in set(self.expected) & set(self.new):
                self.expected[other] += (seconds - self.expected[other]) / 2
        # A look that was new compiled its kernels, as it will not the next time.
        self.store.note(
            PACES, {"look": name}, {"seconds": seconds * (AGAIN if name in self.new else 1), "music": self.music}
        )


def one_line(path: Path, music: Path, name: str) -> Any:
    """Return the graph of a film that a look makes of a piece of music, written to a file."""
    from n2s.graph.describe.starter import yaml_text
    from n2s.graph.graph import Graph

    text = (
        "n2s: 1\nsize: [208, 118]\nnodes:\n"
        f"  track: {{node: AudioSource, path: {yaml_text(str(music.absolute()))}}}\n"
        f"  look: {{node: Graph, look: {name}, audio: track}}\n"
        "  out: {node: FFmpegSink, frames: look, audio: track, path: look.mp4}\n"
    )
    path.write_text(text, encoding="utf-8")
    return Graph.load(path)


def pictures_of_look(graph: Any, store: Any, say: Callable[[str], None]) -> list[Any]:
    """Return frames of a film as pictures, uint8 (H, W, 3): on the hardest attack in each part of the music."""
    from n2s.runtime.seeing.contact import pictures_of
    from n2s.runtime.seeing.strips import spread_strikes
    from n2s.runtime.seeing.views import View
    from n2s.runtime.session import Session

    with Session(graph, store, say) as session:
        view = View(session)
        return pictures_of(view, spread_strikes(view.graph, view.values, SEEN))
