"""Watchers that show a run: a bar on a terminal, elsewhere a line of text every few seconds."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from n2s.graph.timecodes import minutes
from n2s.graph.wording import counted
from n2s.runtime.events import Events

LINE_EVERY_SECONDS = 5.0
SURE_SECONDS = 2.0  # after the first frames, from when on those that follow tell how fast they come
SIGNS, PLAIN_SIGNS = "░▒█", ".+#"  # of chunks: none of them done, some, all
WIDTH, BESIDE = 40, 62  # columns of their picture, and of what stands beside it


def watcher() -> Events:
    """Return a bar if standard error is a terminal, else plain lines."""
    return BarEvents() if sys.stderr.isatty() else LineEvents()


@contextmanager
def shown_progress(progress: bool | None, events: Events | None = None) -> Iterator[Events]:
    """Give what shows the progress of a call in Python: as the command line does, or nothing; or ``events``, if given.

    A library is quiet unless it is asked, or somebody sits before it: None shows progress where standard error is a
    terminal, and nothing in programs whose output is read later, and in notebooks; True and False decide it.
    """
    shown = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
    chosen = events or (watcher() if shown else Events())
    try:
        yield chosen
    finally:
        chosen.ended()


def time_text(seconds: float) -> str:
    """Return how long something takes, in words that never promise too little: "1 s", "45 s", "2:30"."""
    whole = max(1, math.ceil(seconds))
    return f"{whole} s" if whole < 60 else minutes(whole, 0)


@dataclass
class Count:
    """Counts the frames of a round, and says how fast they come and how long the rest takes.

    Attributes
    ----------
    again : bool
        They were made before in this run, and come once more.
    open_end : bool
        More may follow them, how many is not known yet; so the time left is the least.
    """

    all: int = 0
    done: int = 0
    again: bool = False
    open_end: bool = False
    began: float = field(default_factory=time.monotonic)
    _first: tuple[int, float] | None = None  # how many frames came first, and when

    def begin(self) -> None:
        """Note that frames begin to be made."""
        self.began, self._first = time.monotonic(), None

    def planned(self, frames: int) -> None:
        """Note that so many frames are to be made."""
        self.all, self.done, self._first = frames, 0, None

    def add(self, frames: int) -> None:
        """Note that so many frames were made; fewer than none where some have to be made anew."""
        self.done += frames
        if self._first is None:
            self._first = self.done, time.monotonic()

    def announced(self, again: int, open_end: bool) -> None:
        """Note what was told of the next frames."""
        self.again, self.open_end = again > 0, open_end

    @property
    def speed(self) -> float:
        """Frames per second."""
        return self.done / max(time.monotonic() - self.began, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest of the frames takes; None where nothing tells.

        The first frames wait for what all others find done, so that they count only until others tell more.
        """
        speed, now = self.speed, time.monotonic()
        if self._first and self.done > self._first[0] and now - self._first[1] >= SURE_SECONDS:
            speed = (self.done - self._first[0]) / (now - self._first[1])
        return (self.all - self.done) / speed if speed > 0 else None

    def text(self) -> str:
        """Return it in words: "72/389 frames, 14.2 frames/s, 22 s left"; without a time when all are done."""
        told = f"{self.done}/{self.all} frames{' again' * self.again}, {self.speed:.1f} frames/s"
        left = self.seconds_left
        if self.done >= self.all or left is None:
            return told
        return f"{told}, {'at least ' * self.open_end}{time_text(left)} left"


class LineEvents(Events):
    """Plain lines: one when a step begins, and the number of frames done every few seconds."""

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), Count()
        self._last = time.monotonic()
        self.announced = self._count.announced

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def said(self, text: str) -> None:
        self._print(text)

    def began(self, what: str) -> None:
        self._print(f"{what} …")
        self._count.begin()
        self._last = time.monotonic()

    def planned(self, frames: int, stored: int) -> None:
        self._count.planned(frames)
        if frames and not self._count.again:  # else it was said
            self._print(f"{counted(frames, 'frame')} to render, {stored} in the store")

    def rendered(self, frames: int) -> None:
        with self._lock:
            self._count.add(frames)
            now = time.monotonic()
            if now - self._last >= LINE_EVERY_SECONDS or self._count.done == self._count.all:
                self._last = now
                self._print(self._count.text())


class JsonEvents(Events):
    """Structured lines, one object each; progress about once per second.

    Parameters
    ----------
    write : callable
        Writes plain data as a line; threads call it at the same time.
    """

    def __init__(self, write: Callable[[dict[str, object]], None]) -> None:
        self._write = write
        self._lock, self._count = threading.Lock(), Count()
        self._last = time.monotonic()

    def _print(self, **values: object) -> None:
        self._write(values)

    def said(self, text: str) -> None:
        self._print(event="said", text=text)

    def began(self, what: str) -> None:
        self._print(event="began", what=what)
        self._count.begin()
        self._last = time.monotonic()

    def announced(self, again: int, open_end: bool) -> None:
        if again or open_end:
            self._print(event="announced", frames_again=again, more_may_follow=open_end)

    def planned(self, frames: int, stored: int) -> None:
        self._count.planned(frames)
        self._print(event="planned", frames=frames, stored=stored)

    def rendered(self, frames: int) -> None:
        with self._lock:
            count = self._count
            count.add(frames)
            now = time.monotonic()
            if now - self._last >= 1.0 or count.done == count.all:
                self._last = now
                left = count.seconds_left
                self._print(
                    event="rendered",
                    frames=count.done,
                    of=count.all,
                    frames_per_second=round(count.speed, 2),
                    seconds_left=None if left is None else round(left, 1),
                )

    def published(self, path: str) -> None:
        self._print(event="published", path=path)


def draw_chunks(done: Sequence[bool], width: int) -> str:
    """Return a picture of which chunks are done, in their order, in at most so many signs of `SIGNS`.

    A sign stands for its share of the chunks: all of them are done, some, or none.
    """
    if len(done) <= width:
        return "".join(SIGNS[2 if one else 0] for one in done)
    edges = [number * len(done) // width for number in range(width + 1)]
    parts = [done[start:stop] for start, stop in zip(edges, edges[1:])]
    return "".join(SIGNS[2 if all(part) else 1 if any(part) else 0] for part in parts)


class BarEvents(Events):
    """One line with a picture of the chunks, frames per second and the time left."""

    def __init__(self) -> None:
        # Slow to import, and only needed where a bar is shown.
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn

        console = Console(stderr=True)
        self._signs = SIGNS if console.encoding.startswith("utf") else PLAIN_SIGNS
        self._width = min(WIDTH, max(8, console.width - BESIDE))
        self._chunks: list[bool] = []
        self._progress = Progress(
            SpinnerColumn("dots" if self._signs == SIGNS else "line"),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[chunks]}", markup=False, style="cyan"),
            TextColumn("{task.fields[speed]}"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("reading", total=None, speed="", chunks="")
        self._lock = threading.Lock()
        self._count = Count()
        self.announced = self._count.announced
        self._progress.start()

    def said(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def began(self, what: str) -> None:
        self._progress.update(self._task, description=what)
        if what == "rendering":
            self._count.begin()
            self._progress.reset(self._task, total=self._count.all, description=what)

    def planned(self, frames: int, stored: int) -> None:
        self._count.planned(frames)

    def laid_out(self, stored: Sequence[bool]) -> None:
        self._chunks = list(stored)
        self._show_chunks()

    def finished(self, chunk: int) -> None:
        self._chunks[chunk] = True
        self._show_chunks()

    def _show_chunks(self) -> None:
        drawn = draw_chunks(self._chunks, self._width).translate(str.maketrans(SIGNS, self._signs))
        self._progress.update(self._task, chunks=drawn)

    def rendered(self, frames: int) -> None:
        with self._lock:
            self._count.add(frames)
            self._progress.update(self._task, completed=self._count.done, speed=self._count.text())

    def ended(self) -> None:
        self._progress.stop()
