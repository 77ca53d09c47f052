"""A place that things go wrong in: a folder with a small graph, its music and its film, and a store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import tiny

from n2s.graph.errors import N2SError
from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.run import Report, Run
from n2s.runtime.store import Store

N2S = Path(sys.executable).with_name("n2s")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs shell scripts, signals or mounts")
FRAMES, CHUNK = 30, 15


MINIMAL = """\
n2s: 1
fps: 30
size: [{size}]
nodes:
  track: {{node: AudioSource, path: music.wav}}
  travel: {{node: Keyframes, points: [[0, 0], [3, 1]]}}
  weights: {{node: Weights, signal: travel, count: 3}}
  anchors: {{node: Anchors, weights: weights, names: [red, green, blue], model: {model}}}
  film: {{node: VAEDecode, latents: anchors, grid: [{grid}], model: {model}}}
  out: {{node: FFmpegSink, frames: film, audio: track, path: film.mp4, chunk: 15}}
"""


@dataclass
class Place(Events):
    """A folder with a small graph, its music, where its film goes, and a store; it hears what runs say."""

    folder: Path
    graph: Path
    store: Store
    said_: list[str] = field(default_factory=list)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def music(self) -> Path:
        return self.folder / "music.wav"

    @property
    def film(self) -> Path:
        return self.out / "track.mp4"

    def said(self, text: str) -> None:
        self.said_.append(text)

    def edit(self, old: str, new: str) -> None:
        tiny.edit(self.graph, old, new)

    def run(self, **options: Any) -> Report:
        """Run with one chunk in flight, so that what is finished when something fails is always the same."""
        options = {"out": self.out, "store": self.store, "executor": ThreadExecutor(1), "events": self} | options
        return Run(Graph.load(self.graph), **options).execute()

    def refused(self, kind: type[N2SError], *words: str, **options: Any) -> str:
        """Run into an error of exactly this kind that says these words; nothing half-written is left anywhere."""
        had = self.film.read_bytes() if self.film.is_file() else None
        with pytest.raises(N2SError) as caught:
            self.run(**options)
        text = str(caught.value)
        assert type(caught.value) is kind, text
        for word in words:
            assert word in text
        assert self.rubbish() == []
        assert (self.film.read_bytes() if self.film.is_file() else None) == had
        return text

    def rubbish(self) -> list[Path]:
        """Return the temporary files that lie in the output folder and in the store."""
        roots = [root for root in (self.out, self.store.root) if root.is_dir()]
        return sorted(path for root in roots for path in root.rglob("*.tmp*"))

    def entries(self, kind: str, suffix: str) -> list[Path]:
        return sorted(path for path in (self.store.root / kind).glob(f"*/*{suffix}") if not path.name.startswith("."))


def film_in_peace(folder: Path, kernels: Path, model: Path, shape: dict[str, str]) -> bytes:
    """Return the film of three seconds of clicks, made where nothing disturbs it; kernels are compiled by then."""
    tiny.write_wav(folder / "music.wav", tiny.clicks(3))
    (folder / "graph.yaml").write_text(MINIMAL.format(**shape, model=model))
    (folder / "store").mkdir()
    (folder / "store" / "kernels").symlink_to(kernels)
    Run(Graph.load(folder / "graph.yaml"), out=folder, store=Store(folder / "store")).execute()
    return (folder / "film.mp4").read_bytes()


def n2s(*arguments: Any, **environment: str) -> subprocess.CompletedProcess:
    """Run the command line; whatever happens, no user sees a traceback."""
    done = subprocess.run(
        [str(N2S), *map(str, arguments)], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def wait_until_nothing_runs(store: Path, session: int | None = None) -> None:
    """Wait, a few seconds at most, until no FFmpeg writes into a store, and no process of a session is left."""
    end = time.monotonic() + 5
    while left := _running(str(store), session):
        assert time.monotonic() < end, left
        time.sleep(0.02)


def _running(word: str, session: int | None) -> list[str]:
    """Return the command lines of other processes in a session, or with a word in them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            its_session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
        except OSError:  # it has ended meanwhile
            continue
        if words and (its_session == session or word in words) and folder.name != str(os.getpid()):
            found.append(words)
    return found


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@contextmanager
def forgotten_kernels() -> Iterator[None]:
    """Load kernels from their files, as in a new process."""

    def take() -> dict[str, Any]:
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("n2s_kernels.")}

    known = take()
    try:
        yield
    finally:
        take()
        sys.modules.update(known)
