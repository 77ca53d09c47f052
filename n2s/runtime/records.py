"""Run records: what was made, out of what, by what, how fast."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import Any

from n2s.graph.paths import path_from
from n2s.graph.wording import counted
from n2s.runtime.store import publish

RUN_FORMAT = 1


@dataclass
class Report:
    """What a run did.

    Attributes
    ----------
    films : list of dict
        A record for each film: path, frames, seconds, bytes, sha256, how far its tracks follow their music, and how
        much they flash.
    rendered, stored : int
        Chunks rendered now, and chunks taken from the store or not needed because their film was up to date.
    frames : int
        Frames of films rendered now.
    beside, frames_beside : int
        Chunks among those rendered now, and frames, that another run has rendered on the way: they show its frames.
    again, frames_again : int
        Chunks among those rendered now, and frames, that this run had rendered before: what was measured changed them.
    measured, measured_beside : int
        Frames that measures looked at now, and those among them that were made for a film at the same time.
    seconds : float
        Wall-clock time of the rendering.
    nodes : dict of str to float
        Seconds spent in each node or fused run of nodes, summed over threads and processes.
    computed : dict of str to int
        Frames that each of them computed, those that overlapping windows share as often as they were computed.
    memory : dict
        The most bytes that this process and all that it started used together (``peak``; None where no system tells),
        the most that was allowed (``limit``), and how many chunks were rendered at the same time (``chunks_at_once``).
    record : Path or None
        The run record.
    """

    films: list[dict[str, Any]] = field(default_factory=list)
    rendered: int = 0
    stored: int = 0
    frames: int = 0
    beside: int = 0
    frames_beside: int = 0
    again: int = 0
    frames_again: int = 0
    measured: int = 0
    measured_beside: int = 0
    frames_stored: int = 0
    seconds: float = 0.0
    nodes: dict[str, float] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int | None] = field(default_factory=dict)
    record: Path | None = None

    def made_twice(self, name: str) -> tuple[int, int]:
        """Return how many frames of films a node made, and how often it made one of them once more.

        Frames come once more where measures look at them before the film is planned, where what was measured changes
        them, and where chunks overlap: around windows, and where a loop or an echo reads frames of another chunk.
        """
        frames = max(self.frames - self.frames_again, self.measured)
        computed = self.computed.get(name, 0)
        return min(computed, frames), max(computed - frames, 0)

    def _repr_html_(self) -> str:
        """Return the report as a notebook shows it."""
        rows = "".join(
            f"<tr><td>{escape(str(film['path']))}</td><td>{film['frames']} frames</td></tr>" for film in self.films
        )
        done = f"{counted(self.rendered, 'chunk')} rendered in {self.seconds:.1f} s, {self.stored} from the store"
        return f"<table>{rows}<tr><td colspan='2' style='text-align:left'>{done}</td></tr></table>"


def current_folder() -> Path | None:
    """Return the current folder; None where it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


class RunRecord:
    """The record of one run, written to ``<out>/<run id>/run.json`` with a log beside it.

    The id is the time to a millionth of a second, so that the ids of one folder sort as its runs began, and a random
    word; nothing that is rendered depends on it.
    """

    def __init__(self, out: Path):
        now = datetime.now(timezone.utc)
        self.id = f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}"
        self.folder = out / self.id
        self.values: dict[str, Any] = {"format": RUN_FORMAT, "id": self.id, "began": now.isoformat(timespec="seconds")}
        if here := current_folder():  # what relative paths in it start from
            self.values["started_in"] = path_from(self.folder, here)
        self._log: list[str] = []
        self._began = now

    def log(self, text: str) -> None:
        elapsed = (datetime.now(timezone.utc) - self._began).total_seconds()
        self._log.append(f"{elapsed:9.2f} s  {text}")

    def write(self, **values: Any) -> Path:
        """Write what is known so far; called again it replaces the record."""
        self.values |= values
        text = json.dumps(self.values, indent=1, ensure_ascii=False, sort_keys=False)
        publish(self.folder / "run.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        publish(self.folder / "run.log", lambda path: path.write_text("\n".join(self._log) + "\n", encoding="utf-8"))
        return self.folder / "run.json"
