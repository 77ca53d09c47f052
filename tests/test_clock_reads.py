"""What of a track's time a node reads is in its key, and a stated duration holds."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from stills_read import picture, shown, still

from n2s.graph.context import Block
from n2s.graph.declare import FRAMES_OUTPUT, Streamed, port
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.graph.types import Frames
from n2s.nodes import AudioSource, DigestSink, FFmpegSink, ImageSource


class FadeOut(Streamed):
    """Fade to black over the whole track."""

    frames: Frames = port("what fades")
    outputs = FRAMES_OUTPUT

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        left = 1 - block.times / block.scene.clock.duration
        return frames * left[:, None, None, None].astype(np.float32)


class Beats(Streamed):
    """Grow with the tempo."""

    frames: Frames = port("what grows")
    outputs = FRAMES_OUTPUT

    def open(self, scene: Any, grid: Any) -> float:
        return scene.clock.tempo / 200

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        return frames * np.float32(block.resources)


class Sly(FadeOut):
    """Read what it says it does not."""

    reads = frozenset()


class LookAhead(Streamed):
    """Show the frame of half a second later."""

    frames: Frames = port("what is shown early")
    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def window(self, fps: Any) -> tuple[int, int]:
        return 0, int(fps / 2)

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(frames[-block.count :])


class Count(Streamed):
    """A source that nothing drives: frame k is k / 100."""

    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def compute(self, block: Block) -> np.ndarray:
        levels = np.arange(block.start, block.stop, dtype=np.float32) / 100
        return np.broadcast_to(levels[:, None, None, None], (block.count, 3, 32, 32)).copy()


@pytest.mark.parametrize(
    ("node", "changes"),
    [(FadeOut(), [{"duration": 0.5}, {"duration": 0.8}, {"duration": 0.6}]),
     (Beats(), [{"tempo": 100}, {"tempo": 140}]),
     (None, [{"duration": 0.5}, {"duration": 0.8}, {"duration": 0.6}])],
    ids=["duration", "tempo", "window"],
)  # fmt: skip
def test_what_a_node_reads_of_the_clock_is_in_its_key(
    node: Any, changes: list[dict[str, Any]], tmp_path: Path, new_store: Any
) -> None:
    picture(tmp_path / "picture.png", 200)
    warm = new_store()

    def graph(change: dict[str, Any]) -> Graph:
        if node is not None:
            return still(tmp_path, node, **change)
        return Graph(DigestSink(path="frames.txt", chunk=5)(LookAhead()(Count()())), size=(32, 32), **change)

    for change in changes:
        harness.run(graph(change), tmp_path, warm)
        harness.run(graph(change), tmp_path / "cold", new_store())
        assert shown(tmp_path) == shown(tmp_path / "cold"), change


def test_a_key_holds_no_more_of_the_clock_than_is_read(tmp_path: Path, store: Any) -> None:
    picture(tmp_path / "picture.png", 200)
    for behind in (None, LookAhead()):
        short, long = (set(harness.keys(still(tmp_path, behind, duration=seconds), store)) for seconds in (2, 3))
        assert len(short & long) == (12 if behind is None else 9)
    assert harness.keys(still(tmp_path, tempo=90), store) == harness.keys(still(tmp_path, tempo=91), store)


def test_what_is_not_declared_cannot_be_read(tmp_path: Path, store: Any) -> None:
    picture(tmp_path / "picture.png", 200)
    with pytest.raises(
        GraphError, match="Sly reads clock.duration and declares that it does not; add 'duration' to its reads"
    ):
        harness.run(still(tmp_path, Sly()), tmp_path, store)


def lengths(path: Path) -> tuple[int, Fraction]:
    """Return a film's frames and the length of its sound in seconds."""
    with av.open(str(path)) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        return video.frames, audio.duration * audio.time_base


@pytest.mark.parametrize("seconds", [0.7, 1.0, 1.5])
def test_a_stated_duration_holds_for_picture_and_sound(seconds: float, tmp_path: Path, store: Any) -> None:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1.0))
    picture(tmp_path / "picture.png", 100)
    sink = FFmpegSink(path="film.mp4")(ImageSource(path="picture.png")(), AudioSource(path="music.wav")())
    harness.run(Graph(sink, size=(32, 32), duration=seconds, base=tmp_path), tmp_path, store)
    frames, sound = lengths(tmp_path / "film.mp4")
    assert frames == round(30 * seconds) and abs(sound - Fraction(frames, 30)) <= Fraction(1, 22050)
    with av.open(str(tmp_path / "film.mp4")) as film:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
    assert (
        np.abs(heard[round(1.1 * 22050) : round(seconds * 22050)]).max(initial=0) < 0.01
    )  # past the music there is silence


def test_a_stated_duration_holds_in_an_album(studio: Any, tmp_path: Path, store: Any) -> None:
    tracks = {}
    for i, seconds in enumerate((0.8, 2.0)):
        tiny.write_wav(tmp_path / f"music{i}.wav", tiny.clicks(1.2))
        path = tiny.write_graph(tmp_path, studio.model, f"music{i}.wav", f"track{i}", settings="crf: 28")
        tiny.edit(path, "fps: 30\n", f"fps: 30\nduration: {seconds}\n")
        tracks[f"track{i}"] = {"node": "Track", "path": f"track{i}.yaml"}
    nodes = tracks | {"album": {"node": "Album", "tracks": list(tracks), "path": "album.mp4", "crf": 28}}
    path = tmp_path / "album.yaml"
    path.write_text(json.dumps({"n2s": 1, "fps": 30, "size": [96, 64], "nodes": nodes}))
    harness.run(Graph.load(path), tmp_path / "out", store)
    assert [lengths(tmp_path / f"out/{name}.mp4")[0] for name in ("track0", "track1", "album")] == [24, 60, 84]
    assert abs(lengths(tmp_path / "out/album.mp4")[1] - Fraction(84, 30)) <= Fraction(2, 22050)
