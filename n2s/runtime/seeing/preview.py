"""Previews: what a node gives, as a picture or a drawing that a notebook shows and that can be saved.

Frames, mattes and latents become pictures, several of them on one sheet; signals become plots, and what a node hears of
the music a timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.errors import ArgumentError, checked_name
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Moment
from n2s.graph.timecodes import timecode
from n2s.graph.times import parse_time
from n2s.runtime.media.png import encode_png
from n2s.runtime.progress import shown_progress
from n2s.runtime.seeing import contact
from n2s.runtime.seeing.drawing import Drawing
from n2s.runtime.seeing.labels import counts_beats
from n2s.runtime.seeing.painting import paint
from n2s.runtime.seeing.plots import plot
from n2s.runtime.seeing.svg import to_svg
from n2s.runtime.seeing.timeline import timeline
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session
from n2s.runtime.store import Store, publish

MOST = 400  # pictures on a sheet


@dataclass(frozen=True, repr=False)
class Preview:
    """What a node gives, to be looked at: the last value of a notebook's cell is shown.

    Attributes
    ----------
    name : str
        What is shown, in the words of the graph.
    frames : tuple of int
        The film's frames that are shown, or that are marked in a plot.
    pixels : array or None
        The picture, uint8 (height, width, 3); None for a plot.
    drawing : Drawing or None
        The plot of a signal, or the timeline of what is heard.
    """

    name: str
    frames: tuple[int, ...]
    pixels: np.ndarray | None = None
    drawing: Drawing | None = None

    def save(self, path: str | Path) -> Path:
        """Write it as .png, a plot as .svg too; whole or not at all.

        Raises
        ------
        ArgumentError
            When the ending is another.
        """
        path = Path(path)
        data = {".png": self._png, ".svg": self._repr_svg_}.get(path.suffix.lower(), lambda: None)()
        if data is None:
            forms = ".png" if self.drawing is None else ".png or .svg"
            raise ArgumentError(f'This preview is written as {forms}, not "{path.name}".')
        data = data.encode() if isinstance(data, str) else data
        publish(path, lambda temporary: temporary.write_bytes(data))
        return path

    def _png(self) -> bytes:
        return encode_png(paint(self.drawing) if self.drawing else cast(np.ndarray, self.pixels))

    def _repr_png_(self) -> bytes | None:
        return None if self.drawing else self._png()

    def _repr_svg_(self) -> str | None:
        return to_svg(self.drawing).decode() if self.drawing else None

    def __repr__(self) -> str:
        frames = ", ".join(map(str, self.frames))
        return f"<Preview of {self.name}{f', frames {frames}' if frames else ''}>"


def preview(
    graph: Graph | Session,
    node: str | None = None,
    at: Any = None,
    sheet: int | None = None,
    store: Store | str | Path | None = None,
    progress: bool | None = None,
) -> Preview:
    """Show what a node gives, computing no more than that needs.

    Parameters
    ----------
    graph : Graph or Session
        Of a track. A session keeps what it opened from preview to preview.
    node : str, optional
        ``node``, ``node.output`` or ``node.parameter``; the first film by default. Of a node that hears beats, such as
        Features, all that it hears.
    at : time or list of times, optional
        Seconds, "1:20", "8 bars", "at drop"; the middle by default. A plot has these times marked.
    sheet : int, optional
        In place of ``at``: so many pictures, spread over the track, 1 to 400.
    store : Store or path of its folder, optional
        The user's own by default; a session has its own.
    progress : bool, optional
        Whether it is shown on standard error what is done; by default where that is a terminal. A session tells what it
        was made to tell.

    Raises
    ------
    GraphError, ArgumentError
        When there is no such node or time.
    """
    is_count = isinstance(sheet, int) and not isinstance(sheet, bool) and 1 <= sheet <= MOST
    if sheet is not None and (at is not None or not is_count):
        raise ArgumentError(f"sheet: a number of pictures, 1 to {MOST}, in place of at, was wanted.")
    if isinstance(graph, Session):
        return _preview(graph, node, at, sheet)
    with shown_progress(progress) as events, Session(graph, store, events.said) as session:
        events.began(f"drawing {node or 'the film'}")
        return _preview(session, node, at, sheet)


def _preview(session: Session, node: str | None, at: Any, sheet: int | None) -> Preview:
    nodes = session.graph.flat.nodes
    hears = node is not None and checked_name("A node or an output", node) in nodes and counts_beats(nodes[node])
    view = View(session, f"{node}.beat" if hears else node)
    frames = _frames(view, at, sheet)
    if hears:
        return Preview(str(node), tuple(frames), drawing=draw_heard(view, frames))
    if view.kind == "signal":
        return Preview(view.name, tuple(frames), drawing=draw_signal(view, frames))
    return Preview(view.name, tuple(frames), draw_frames(view, frames))


def _frames(view: View, at: Any, sheet: int | None) -> list[int]:
    """Return the numbers of the frames to show, in rising order."""
    is_several = isinstance(at, Sequence | np.ndarray) and not isinstance(at, str)
    times = at if is_several else [] if at is None else [at]
    try:
        places: list[Number | Moment] = [parse_time(time) for time in times]
    except ValueError as error:
        raise ArgumentError(f"at: {error}") from None
    if sheet:
        places = spread(view, sheet)
    elif not places and view.kind != "signal":
        places = [Number(view.clock.duration / 2)]
    return sorted({view.frame_at(place, "at") for place in places})


def spread(view: View, count: int) -> list[Number | Moment]:
    """Return so many times, evenly over the track, half a step from its ends."""
    return [Number((i + 0.5) * view.clock.duration / count) for i in range(count)]


def draw_heard(view: View, frames: Sequence[int]) -> Drawing:
    """Return the timeline of what the node of a view hears of the music, with some frames marked."""
    return timeline(view.link.node, heard_by(view), view.clock, _seconds(view, frames))


def heard_by(view: View) -> dict[str, np.ndarray]:
    """Return the signals that the node of a view gives, by output."""
    return {output: value for (name, output), value in view.values.outputs.items() if name == view.link.node}


def draw_signal(view: View, frames: Sequence[int]) -> Drawing:
    """Return the plot of a signal, with some frames marked."""
    times = view.clock.times(0, view.clock.frames)
    return plot(view.signal, times, view.name, _seconds(view, frames), view.names)


def draw_frames(view: View, frames: Sequence[int]) -> np.ndarray:
    """Return frames, mattes or latents as one picture, uint8 (H, W, 3), several with their times."""
    return contact.sheet(contact.pictures_of(view, frames), [timecode(frame, view.clock.fps) for frame in frames])


def _seconds(view: View, frames: Sequence[int]) -> list[float]:
    return [float(frame / view.clock.fps) for frame in frames]
