"""A run's films are published: music beside their frames, chunks joined, what is told of each film."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from n2s.graph.errors import Cancelled
from n2s.runtime.films.films import Film, FilmMaker
from n2s.runtime.seeing.flashes import count_flashes
from n2s.runtime.seeing.following import follow_music
from n2s.runtime.seeing.gates import judge
from n2s.runtime.spent import Spent


class Publishing:
    """Makes finished files of the films of one run.

    Parameters
    ----------
    maker : FilmMaker
    force : bool
        Join every film, finished or not.
    spent : Spent
        Told what joining costs.
    began, log : callable
        Take what begins, and a line of the record.

    Attributes
    ----------
    has_joined : bool
        Whether a film was joined.
    """

    def __init__(
        self, maker: FilmMaker, force: bool, spent: Spent, began: Callable[[str], None], log: Callable[[str], None]
    ):
        self.maker, self._force, self._spent, self._began, self._log = maker, force, spent, began, log
        self.has_joined = False
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="music")
        self._music: dict[Path, Future] = {}
        self._stopping = threading.Event()

    def finished(self, film: Film) -> dict[str, Any] | None:
        """Return what is known of a film that stands finished and is not to be joined again; else None."""
        return None if self._force else self.maker.finished(film)

    def start_music(self, films: Iterable[Film]) -> None:
        """Encode the films' music beside their frames: one thread's work, for which only the joining waits."""
        for film in films:
            if self.finished(film) is None:
                self._music[film.path] = self._beside.submit(self.maker.music, film, self._check)

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Cancelled

    def publish(self, film: Film) -> dict[str, Any]:
        """Join a film where it is not finished, and return what a report tells of it."""
        done = self.finished(film)
        if done is None:
            self._began(f"joining {film.path.name}")
            if film.path in self._music:
                self._music[film.path].result()
            segments = self.maker.segments(film)
            done, self.has_joined = self.maker.publish(film, segments), True
            self._spent.add_film(done, segments)
            self._log(f"published {film.path}, {done['frames']} frames, sha256 {done['sha256']}")
        flashes = count_flashes(film.parts)
        gates = judge(self.maker.store, film, done, flashes)
        return done | {"following": follow_music(self.maker.store, film.parts), "flashes": flashes, "gates": gates}

    def keep_frames(self, films: Iterable[Film]) -> None:
        """Write the frames of films beside them, as PNG."""
        for film in (film for film in films if film.format.gives_frames):
            self._began(f"keeping the frames of {film.path.name}")
            self.maker.keep_frames(film)

    def give_up(self) -> None:
        """Let the work on music end soon, done or not, without waiting for it."""
        self._stopping.set()
        self._beside.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End the work on music, done or not."""
        self._stopping.set()
        self._beside.shutdown(wait=True, cancel_futures=True)
