"""Bad input: every mistake and every accident ends in a clear sentence with the way out, and nothing is lost by it."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from n2s.graph.errors import GraphError, MediaError, N2SError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime import machine
from n2s.runtime.events import Events
from n2s.runtime.executors import LocalExecutor
from n2s.runtime.models import ModelFolder
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
        text = self.graph.read_text()
        assert old in text
        self.graph.write_text(text.replace(old, new))

    def run(self, **options: Any) -> Report:
        """Run with one chunk in flight, so that what is finished when something fails is always the same."""
        options = {"out": self.out, "store": self.store, "executor": LocalExecutor(1), "events": self} | options
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


@pytest.fixture
def place(tmp_path: Path, studio: Any, store: Store) -> Place:
    """One second of music, two chunks of 15 frames, pictures that need no resampling."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    graph = tiny.write_graph(tmp_path, studio.model, settings=f"chunk: {CHUNK}, crf: 20")
    made = Place(tmp_path, graph, store)
    made.edit("latents: drift, model", "latents: drift, grid: [2, 3], model")
    return made


@pytest.fixture
def model(place: Place, studio: Any) -> Path:
    """A copy of the model that the place's graph uses, to be spoilt."""
    folder = place.folder / "model"
    shutil.copytree(studio.model, folder)
    place.edit(str(studio.model), str(folder))
    return folder


def n2s(*arguments: Any, **environment: str) -> subprocess.CompletedProcess:
    """Run the command line; whatever happens, no user sees a traceback."""
    done = subprocess.run(
        [str(N2S), *map(str, arguments)], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


# Music


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def samples(values: Any, rate: int = 22050) -> Callable[[Path], None]:
    return lambda path: tiny.write_wav(path, np.asarray(values, np.float32).reshape(len(values), -1), rate) and None


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MUSIC = {
    "missing": (Path.unlink, ["does not exist", "Check the path."]),
    "empty": (lambda path: path.write_bytes(b""), ["is empty (0 bytes)", "Export or copy it again."]),
    "truncated": (cut, ["is truncated: it holds", "bytes its header promises", "Export or copy it again."]),
    "corrupt": (
        lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        ["is not audio, or too damaged to be read", "wanted: wav, flac, ogg"],
    ),
    "a folder": (as_folder, ["is a folder", "Name the file itself."]),
    "NaN": (
        samples([0.1] * 22050 + [np.nan]),
        ["not finite numbers (NaN or infinity)", "the first at 1.000 s", "Export it again"],
    ),
    "infinite": (samples([0.1] * 11025 + [-np.inf]), ["the first at 0.500 s", "Export it again"]),
    "no samples": (
        lambda path: tiny.write_wav(path, np.zeros((0, 1), np.float32)),
        ["holds no samples; at least one is needed", "Export or copy it again."],
    ),
    "far too loud": (samples([1e30] * 2205), []),
}


@pytest.mark.parametrize("what", MUSIC)
def test_music_that_is_none(place: Place, what: str) -> None:
    good = place.music.read_bytes()
    spoil, words = MUSIC[what]
    spoil(place.music)
    place.refused(MediaError, str(place.music), *words)
    place.music.rmdir() if place.music.is_dir() else place.music.unlink(missing_ok=True)
    place.music.write_bytes(good)
    assert place.run().rendered == 2


@pytest.mark.parametrize(
    ("values", "rate", "frames"),
    [
        pytest.param(np.zeros(8000), 8000, 30, id="silent, 8 kHz"),
        pytest.param(tiny.clicks(1, rate=8000), 8000, 30, id="8 kHz mono"),
        pytest.param([0.5], 22050, 1, id="one sample"),
        pytest.param([0.0], 48000, 1, id="one silent sample"),
        pytest.param(np.ones(735 * 7) * 0.3, 22050, 7, id="direct current"),
        pytest.param(np.random.default_rng(1).uniform(-1, 1, (4801, 6)), 96000, 2, id="six channels at 96 kHz"),
    ],
)
def test_odd_music_that_makes_a_film(place: Place, values: Any, rate: int, frames: int) -> None:
    samples(values, rate)(place.music)
    report = place.run()
    assert report.films[0]["frames"] == report.frames == frames
    assert report.films[0]["samples"] == len(values)
    assert place.film.stat().st_size == report.films[0]["bytes"]
    assert place.rubbish() == []


@pytest.mark.parametrize("rate", [1, 10, 100])
def test_music_of_an_absurd_rate_is_a_film_or_refused(place: Place, rate: int) -> None:
    samples(np.linspace(-0.5, 0.5, rate + 1), rate)(place.music)
    try:
        assert place.run().films[0]["samples"] == rate + 1
    except MediaError as error:
        assert str(place.music) in str(error)


def test_music_that_goes_bad_between_runs_leaves_the_film(place: Place) -> None:
    place.run()
    samples([np.nan] * 9)(place.music)
    place.refused(MediaError, "not finite")


# Models


def write_onnx(nodes: list, inputs: list, outputs: list) -> Callable[[Path], None]:
    """Return what puts another decoder in place of a model's, with a card that fits."""

    def spoil(folder: Path) -> None:
        from onnx import helper

        graph = helper.make_graph(
            [helper.make_node(*node) for node in nodes], "odd",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
        )  # fmt: skip
        odd = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        (folder / "decoder.fp32.onnx").write_bytes(odd.SerializeToString())
        tiny.write_card(folder)

    return spoil


def decoder_bytes(make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes a model's decoder and its card with it."""

    def spoil(folder: Path) -> None:
        path = folder / "decoder.fp32.onnx"
        path.write_bytes(make(path.read_bytes()))
        tiny.write_card(folder)

    return spoil


def card(old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / "meta.json").read_text()
        assert old in text
        (folder / "meta.json").write_text(text.replace(old, new))

    return spoil


def anchors(**arrays: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        whole = {name: np.zeros((tiny.CHANNELS, 4, 4), np.float32) for name in ("red", "green", "blue")}
        np.savez(folder / "anchors.npz", **{k: v for k, v in (whole | arrays).items() if v is not None})
        tiny.write_card(folder)

    return spoil


def anchor_bytes(make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "anchors.npz").write_bytes(make((folder / "anchors.npz").read_bytes()))
        tiny.write_card(folder)

    return spoil


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def external_data(folder: Path) -> None:
    import onnx

    whole = onnx.load(folder / "decoder.fp32.onnx")
    onnx.save_model(
        whole, folder / "decoder.fp32.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    tiny.write_card(folder)


def swapped(folder: Path) -> None:
    path = folder / "decoder.fp32.onnx"
    path.write_bytes(flip(path.read_bytes(), 100))


LATENTS = ("x", 1, ["n", tiny.CHANNELS, "h", "w"])
NOT_A_DECODER = ["decoder.fp32.onnx is no decoder: it must take float32 latents (N, C, h, w) and give float32 frames"]
NO_CARD = ["meta.json is no model card", "export the model again with training/export_onnx.py"]
ANCHORS_AGAIN = ["(8, rows, columns) of finite numbers were wanted. Make the anchors again."]
MODELS = {
    "no folder": (shutil.rmtree, ["There is no model in", "meta.json is missing", "Leave the node's model out to use"]),
    "no card": (lambda folder: (folder / "meta.json").unlink(), ["There is no model in", "meta.json is missing"]),
    "card cut off": (lambda folder: (folder / "meta.json").write_text('{"latent":'), NO_CARD),
    "card is a list": (lambda folder: (folder / "meta.json").write_text("[]"), NO_CARD),
    "card lists no sums": (card('{"sha256"', '"x", "y": {"sha256"'), NO_CARD),
    "card's channels are text": (card('"channels": 8', '"channels": "eight"'), NO_CARD),
    "card's scale is nothing": (card('"scale": 32', '"scale": 0'), []),
    "decoder missing": (
        lambda folder: (folder / "decoder.fp32.onnx").unlink(),
        ["decoder.fp32.onnx is missing though the model's card lists it", "export the model again"],
    ),
    "anchors missing": (lambda folder: (folder / "anchors.npz").unlink(), ["anchors.npz is missing though"]),
    "digest mismatch": (
        swapped,
        ["decoder.fp32.onnx is not the file its card describes (SHA-256", "damaged or was replaced", "export the model again"],
    ),
    "garbage": (decoder_bytes(lambda _: np.random.default_rng(0).bytes(500)), ["is no ONNX file. Export the model again."]),
    "cut off": (decoder_bytes(lambda data: data[:200]), ["is no ONNX file. Export the model again."]),
    "empty": (decoder_bytes(lambda _: b""), ["decoder.fp32.onnx cannot be opened", "Export the model again."]),
    "external data": (external_data, ["keeps weights in another file, which is not allowed: export it as one file."]),
    "other frames": (
        write_onnx([("Identity", ["x"], ["y"])], [LATENTS], [("y", 1, ["n", 8, "h", "w"])]),
        ["turns latents (1, 8, 2, 3) into (1, 8, 2, 3); its card promises (1, 3, 64, 96)."],
    ),
    "other scale": (card('"scale": 32', '"scale": 16'), ["into (1, 3, 64, 96); its card promises (1, 3, 32, 48)."]),
    "flat input": (write_onnx([("Identity", ["x"], ["y"])], [("x", 1, ["n", 8])], [("y", 1, ["n", 8])]), NOT_A_DECODER),
    "two inputs": (
        write_onnx([("Add", ["x", "z"], ["y"])], [LATENTS, ("z", *LATENTS[1:])], [("y", *LATENTS[1:])]), NOT_A_DECODER,
    ),
    "doubles": (
        write_onnx([("Identity", ["x"], ["y"])], [("x", 11, LATENTS[2])], [("y", 11, LATENTS[2])]), NOT_A_DECODER,
    ),
    "other channels": (
        write_onnx([("Identity", ["x"], ["y"])], [("x", 1, ["n", 4, "h", "w"])], [("y", 1, ["n", 4, "h", "w"])]),
        ["does not decode latents of shape (1, 8, 2, 3), which its card promises"],
    ),
    "unknown anchor": (
        anchors(green=None, greem=np.zeros((8, 4, 4))), ['The model has no anchor "green". Did you mean "greem"?'],
    ),
    "anchor of other channels": (anchors(green=np.zeros((4, 4, 4))), ['The anchor "green" is (4, 4, 4)', *ANCHORS_AGAIN]),
    "flat anchor": (anchors(green=np.zeros(8)), ['The anchor "green" is (8,)', *ANCHORS_AGAIN]),
    "NaN anchor": (anchors(green=np.full((8, 4, 4), np.nan)), ['The anchor "green" is', *ANCHORS_AGAIN]),
    "empty anchor": (anchors(green=np.zeros((8, 0, 4))), ['"green"']),
    "anchor of objects": (anchors(green=np.array([{}], object)), ["anchors.npz cannot be read", "Make the anchors again."]),
    "anchors garbage": (anchor_bytes(lambda _: b"PK\3\4garbage" * 30), ["anchors.npz cannot be read"]),
    "anchors damaged": (anchor_bytes(lambda data: flip(data, 4000)), ["anchors.npz cannot be read"]),
    "anchors cut off": (anchor_bytes(lambda data: data[:4000]), ["anchors.npz cannot be read"]),
}


@pytest.mark.parametrize("what", MODELS)
def test_models_that_cannot_be_used(place: Place, model: Path, what: str, studio: Any) -> None:
    spoil, words = MODELS[what]
    spoil(model)
    place.refused(RenderError, *words)
    place.edit(str(model), str(studio.model))
    assert place.run().rendered == 2


def test_a_precision_that_the_model_lacks(place: Place) -> None:
    place.edit("grid: [2, 3]", "grid: [2, 3], precision: int8")
    place.refused(RenderError, "has no decoder.int8.onnx; its card lists anchors.npz, decoder.fp32.onnx")


def test_weights_that_do_not_fit_the_anchors(place: Place) -> None:
    place.edit("count: 3", "count: 2")
    place.refused(
        RenderError, "Anchors blends 3 anchors but gets 2 columns of weights; set count: 3 on the Weights before it."
    )
    place.edit("count: 2", "count: 3")
    assert place.run().rendered == 2


# The memory of the machine, and CUDA

OUT_OF_MEMORY = "[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 123"


class Hungry:
    """A session on which decoding fails when ``refuse`` says so of the latents' shape; it counts the runs."""

    def __init__(self, session: Any, refuse: Callable[[tuple], bool], batches: list[int]):
        self.session, self.refuse, self.batches = session, refuse, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, wanted: Any, feed: dict[str, np.ndarray]) -> Any:
        shape = next(iter(feed.values())).shape
        if self.refuse(shape):
            raise RuntimeError(OUT_OF_MEMORY)
        self.batches.append(shape[0])
        return self.session.run(wanted, feed)


def is_probe(shape: tuple) -> bool:
    return shape[2:] == (2, 3)


@pytest.fixture
def digests(place: Place) -> Place:
    """The place with a list of digests for a film, and a grid that is not the one of the decoder's own check."""
    place.edit("grid: [2, 3]", "grid: [4, 6], batch: 4")
    place.edit("size: [96, 64]", "size: [192, 128]")
    place.edit("node: FFmpegSink", "node: DigestSink")
    place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames.txt, chunk: 15")
    return place


def make_hungry(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[str, tuple], bool]) -> list[int]:
    """Let sessions run out of memory when ``refuse(provider, shape)``; returns the sizes of the batches that ran."""
    batches: list[int] = []
    real = ModelFolder._session

    def session(self: ModelFolder, path: Path, provider: str) -> Hungry:
        return Hungry(real(self, path, "cpu"), lambda shape: refuse(provider, shape), batches)

    monkeypatch.setattr(ModelFolder, "_session", session)
    return batches


def test_a_batch_that_memory_does_not_hold_is_made_smaller(
    digests: Place, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests.run()
    usual = (digests.out / "frames.txt").read_bytes()
    assert usual.count(b"\n") == FRAMES
    digests.store = new_store()
    batches = make_hungry(monkeypatch, lambda _, shape: shape[0] > 1)
    assert digests.run().rendered == 2
    assert (digests.out / "frames.txt").read_bytes() == usual
    assert set(batches) == {1}


def test_memory_that_holds_no_frame(digests: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        make_hungry(patch, lambda _, shape: not is_probe(shape))
        digests.refused(RenderError, "Memory does not hold one decoded frame. Lower the decoder's grid, or the number of --jobs.")
    assert digests.run().rendered == 2


def test_memory_that_is_gone_while_the_decoder_is_checked(digests: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    make_hungry(monkeypatch, lambda *_: True)
    digests.refused(RenderError, "Memory does not hold one decoded frame")


@pytest.mark.parametrize("after", [0, 5])
def test_cuda_without_memory_hands_over_to_the_cpu(
    digests: Place, new_store: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    digests.run()
    usual = (digests.out / "frames.txt").read_bytes()
    digests.store = new_store()
    ran: list[str] = []

    def refuse(provider: str, shape: tuple) -> bool:
        if is_probe(shape) or provider == "cpu":
            return False
        ran.append(provider)
        return len(ran) > after

    with monkeypatch.context() as patch:
        make_hungry(patch, refuse)
        patch.setattr(ModelFolder, "provider", lambda self, wanted: "cpu" if self.force_cpu else "cuda")
        report = digests.run()
    assert digests.said_.count("CUDA's memory does not hold one frame; the CPU goes on from here.") == 1
    assert (digests.out / "frames.txt").read_bytes() == usual
    assert report.rendered >= 2
    (digests.out / "frames.txt").unlink()
    again = digests.run()  # a run on the CPU from the beginning wants the same keys
    assert (again.rendered, again.stored) == (0, 2)


def test_cuda_that_is_asked_for_and_not_there(place: Place) -> None:
    if machine.onnxruntime_flavour() == "gpu":
        pytest.skip("CUDA may well be there")
    place.edit("grid: [2, 3]", "grid: [2, 3], provider: cuda")
    assert place.run().rendered == 2
    assert "CUDA was asked for and cannot be used here; the CPU decodes instead." in place.said_


# FFmpeg

FAKE = """\
#!/bin/sh
real='{real}'
broken="$0.broken"
case "$*" in *rawvideo*) what=segment;; *f32le*) what=audio;; *concat*) what=film;; *) what=other;; esac
if [ -e "$broken" ] && [ $what = "$(cat "$broken")" ] && [ -e "$0.$what.$(cat "$0.good")" ]; then
    for output; do :; done
    {trouble}
fi
if [ -e "$broken" ]; then touch "$0.$what.1"; fi
exec "$real" "$@"
"""
TROUBLE = {
    "fails": (
        'cat > /dev/null; echo "[libx264 @ 0x55d] the encoder broke" >&2; exit 1',
        ["FFmpeg failed (status 1) while it wrote", "the encoder broke"],
    ),
    "is killed": (
        "kill -9 $$", ["FFmpeg was killed (SIGKILL) while it wrote", "What is finished is kept; run again to go on."],
    ),
    "finds the disk full": (
        'echo x > "$output"; echo "av_interleaved_write_frame(): No space left on device" >&2; exit 228',
        ["The disk is full", "What is finished is kept; free some space", "--store and --out, and run again"],
    ),
    "ends well with a short film": (
        '{ head -c 18432; cat > /dev/null; } | "$real" "$@"; exit 0', ["FFmpeg made a segment of 2 frames instead of 15; run again to go on."],
    ),
    "ends well with garbage": (
        'cat > /dev/null; echo x > "$output"; exit 0', ["FFmpeg made a segment of", "instead of 15; run again to go on."],
    ),
    "ends well with nothing": (
        "cat > /dev/null; exit 0", ["FFmpeg made a segment of", "instead of 15; run again to go on."],
    ),
}


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a script in FFmpeg's place that makes trouble when asked; its path is part of the keys, its text is not."""
    script = tmp_path / "ffmpeg"
    real = machine.ffmpeg_path()

    def trouble(commands: str, what: str = "segment", good: int = 1) -> Path:
        """Make trouble from the call for a segment, audio or film after ``good`` ones on."""
        script.write_text(FAKE.format(real=real, trouble=commands))
        script.chmod(0o755)
        for path in tmp_path.glob("ffmpeg.*"):
            path.unlink()
        Path(f"{script}.broken").write_text(what)
        Path(f"{script}.good").write_text(str(good))
        if not good:
            Path(f"{script}.{what}.0").touch()
        return Path(f"{script}.broken")

    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    machine.ffmpeg_path.cache_clear()
    yield trouble
    machine.ffmpeg_path.cache_clear()


@POSIX
@pytest.mark.parametrize("how", TROUBLE)
def test_ffmpeg_in_trouble(place: Place, ffmpeg: Any, how: str) -> None:
    commands, words = TROUBLE[how]
    broken = ffmpeg(commands)
    place.refused(RenderError, *words)
    broken.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (1, 1)  # the segment before the trouble was kept
    assert report.films[0]["frames"] == FRAMES


@POSIX
@pytest.mark.parametrize(
    ("what", "commands", "words"),
    [
        ("audio", "cat > /dev/null; echo the aac encoder broke >&2; exit 1", ["FFmpeg failed (status 1)", "the aac encoder broke"]),
        ("film", "echo could not join >&2; exit 1", ["FFmpeg failed (status 1)", "could not join"]),
        ("film", "kill -9 $$", ["FFmpeg was killed (SIGKILL)", "run again to go on"]),
        ("film", 'echo x > "$output"; exit 0', ["track.mp4 came out with None frames instead of 30 and was not published"]),
        ("film", "exit 0", ["track.mp4 came out with None frames instead of 30 and was not published"]),
    ],
)  # fmt: skip
def test_ffmpeg_in_trouble_after_the_segments(place: Place, ffmpeg: Any, what: str, commands: str, words: list[str]) -> None:
    broken = ffmpeg(commands, what, good=0)
    place.refused(RenderError, *words)
    broken.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (0, 2)


@POSIX
def test_a_failure_leaves_the_film_of_before(place: Place, ffmpeg: Any) -> None:
    ffmpeg("").unlink()
    place.run()
    place.edit("amount: 0.04", "amount: 0.05")
    ffmpeg("exit 1", good=0)
    place.refused(RenderError, "FFmpeg failed (status 1)", "it said nothing")
    assert place.film.is_file()


@POSIX
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, ["There is no FFmpeg: IMAGEIO_FFMPEG_EXE names", "which cannot be run", "Cure: pip install"]),
        (lambda path: path.write_text("x"), ["There is no FFmpeg", "which cannot be run", "Cure: pip install"]),
        (lambda path: path.write_text("x") and path.chmod(0o755), ["FFmpeg cannot be started: Exec format error. Cure:"]),
        (lambda path: path.mkdir(), ["FFmpeg", "Cure: pip install"]),
    ],
    ids=["missing", "not executable", "no program", "a folder"],
)
def test_ffmpeg_that_is_none(place: Place, monkeypatch: pytest.MonkeyPatch, make: Any, words: list[str]) -> None:
    path = place.folder / "no-ffmpeg"
    make(path)
    with monkeypatch.context() as patch:
        patch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
        machine.ffmpeg_path.cache_clear()
        place.refused(RenderError, *words)
    machine.ffmpeg_path.cache_clear()
    assert place.run().rendered == 2


# Disks and folders


@pytest.mark.parametrize(
    ("where", "kept"),
    [("/audio/", 0), ("/analysis/", 0), ("/segments/", 0), (2, 1), ("/audio-tracks/", 2), ("track.mp4", 2), ("/films/", 2), ("run.json", 2)],
)
def test_a_full_disk(place: Place, monkeypatch: pytest.MonkeyPatch, where: Any, kept: int) -> None:
    real, written = os.replace, []

    def replace(source: Any, target: Any) -> None:
        written.append(str(target))
        count = sum("/segments/" in name and name.endswith(".mp4") for name in written)
        if (where == count and "/segments/" in str(target)) if isinstance(where, int) else where in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        if where in ("/films/", "run.json"):  # the film itself is whole then
            with pytest.raises(RenderError) as caught:
                place.run()
            text = str(caught.value)
            assert place.rubbish() == []
        else:
            text = place.refused(RenderError)
    assert text.startswith("The disk is full: ")
    assert "What is finished is kept; free some space, or name a folder on another disk with --store and --out" in text
    report = place.run()
    assert (report.rendered, report.stored) == (2 - kept, kept)
    assert report.films[0]["frames"] == FRAMES


@POSIX
def test_a_full_disk_while_a_kernel_is_kept(place: Place, studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.caching import IndexDataCacheFile

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    place.store = Store(place.folder / "bare")
    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    try:  # a kernel that cannot be kept can still be used
        with forgotten_kernels():
            place.run()
    except RenderError as error:
        assert "The disk is full" in str(error)


@pytest.mark.parametrize("at", ["write", "sync"])
def test_a_full_disk_that_shows_early(place: Place, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "write_text") if at == "write" else (os, "fsync")), full)
        place.refused(RenderError, "The disk is full")
    assert place.run().rendered == 2


@POSIX
def test_a_disk_that_is_really_full(place: Place) -> None:
    disk = place.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk")
    try:
        place.edit("crf: 20", "crf: 0")  # about 200 kB a segment
        place.edit("amount: 0.04", "amount: 0.5")
        (disk / "store").mkdir()
        (disk / "store" / "kernels").symlink_to(place.store.kernels.resolve())
        place.store = Store(disk / "store")
        place.refused(RenderError, "The disk is full", "free some space")
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        report = place.run()
        assert report.rendered + report.stored == 2
        assert report.films[0]["frames"] == FRAMES
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("below", ["", "sub/sub"])
@pytest.mark.parametrize("which", ["out", "store"])
def test_a_folder_that_is_a_file(place: Place, which: str, below: str) -> None:
    file = place.folder / "file"
    file.write_text("precious")
    folder = file / below
    options = {"out": folder} if which == "out" else {"store": Store(folder)}
    place.refused(RenderError, str(folder), "cannot be written", "Choose another folder with --store or --out.", **options)
    assert file.read_text() == "precious"
    report = place.run()
    assert report.rendered + report.stored == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("which", ["out", "store"])
def test_a_folder_without_permission(place: Place, which: str) -> None:
    folder = place.folder / "closed"
    folder.mkdir(mode=0o500)
    options = {"out": folder} if which == "out" else {"store": Store(folder)}
    place.refused(RenderError, str(folder), "cannot be written: Permission denied", "Choose another folder", **options)
    assert place.run().films[0]["frames"] == FRAMES


def test_an_output_folder_that_cannot_be_written_is_found_before_the_render(place: Place) -> None:
    (place.folder / "file").write_text("x")
    with pytest.raises((RenderError, OSError)):
        place.run(out=place.folder / "file")
    assert place.entries("segments", ".mp4") == []


def test_a_folder_where_the_film_should_go(place: Place) -> None:
    (place.film / "precious").mkdir(parents=True)
    place.refused(RenderError, "track.mp4 cannot be written: Is a directory")
    assert (place.film / "precious").is_dir()
    shutil.rmtree(place.film)
    assert place.run().stored == 2


@pytest.mark.parametrize("name", ["music.wav", "track.yaml", "model/meta.json"])
def test_a_film_is_not_written_over_what_it_is_made_of(place: Place, model: Path, name: str) -> None:
    before = (place.folder / name).read_bytes()
    place.edit("path: track.mp4", f"path: {name}")
    before = (place.folder / name).read_bytes()
    with pytest.raises(N2SError, match=re.escape(name)):
        place.run(out=place.folder)
    assert (place.folder / name).read_bytes() == before


# The store


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


FLIPPED = damage(lambda data: flip(data, len(data) // 2))
CUT = damage(lambda data: data[: len(data) // 2])
EMPTIED = damage(lambda _: b"")
GARBAGE = damage(lambda _: b"\xff\xfe garbage")
LISTED = damage(lambda _: b"[]")
CURT = damage(lambda _: b'{"bytes": 1}')


@pytest.mark.parametrize(
    ("kind", "suffix", "how", "rendered"),
    [
        *[("segments", ".mp4", how, 1) for how in (FLIPPED, CUT, EMPTIED, Path.unlink)],
        *[("segments", ".json", how, 1) for how in (CUT, EMPTIED, GARBAGE, LISTED, CURT, Path.unlink)],
        *[("analysis", ".npz", how, 0) for how in (FLIPPED, CUT, Path.unlink)],
        *[("analysis", ".json", how, 0) for how in (GARBAGE, Path.unlink)],
        *[("audio-tracks", ".mp4", how, 0) for how in (FLIPPED, Path.unlink)],
        *[(kind, ".json", how, 0) for kind in ("films", "audio", "digests") for how in (GARBAGE, CURT, LISTED)],
    ],
)
def test_a_store_that_was_damaged_between_two_runs(place: Place, kind: str, suffix: str, how: Any, rendered: int) -> None:
    place.run()
    film = place.film.read_bytes()
    how(place.entries(kind, suffix)[0])
    place.film.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (rendered, 2 - rendered)
    assert place.film.read_bytes() == film
    assert place.rubbish() == []
    assert place.run().rendered == 0


def test_a_store_that_was_deleted(place: Place) -> None:
    place.run()
    film = place.film.read_bytes()
    for folder in place.store.root.iterdir():
        if not folder.is_symlink():
            shutil.rmtree(folder)
    assert place.run().rendered == 2
    assert place.film.read_bytes() == film


def test_a_segment_that_vanishes_before_the_film_is_joined(place: Place) -> None:
    class Thief(Events):
        def began(self, what: str) -> None:
            if what.startswith("joining"):
                place.entries("segments", ".mp4")[0].unlink()

    words = ["A finished segment vanished from the store", "before track.mp4 was joined. Run again"]
    place.refused(RenderError, *words, events=Thief())
    report = place.run()
    assert (report.rendered, report.stored) == (1, 1)


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"x" * path.stat().st_size), Path.unlink, EMPTIED])
def test_a_film_that_was_changed_is_joined_again(place: Place, change: Any) -> None:
    place.run()
    film = place.film.read_bytes()
    time.sleep(0.02)
    change(place.film)
    report = place.run()
    assert (report.rendered, report.stored) == (0, 2)
    assert place.film.read_bytes() == film


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


@pytest.fixture(scope="module")
def minimal(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the minimal graph's film and a store with its kernels."""
    folder = tmp_path_factory.mktemp("minimal")
    tiny.write_wav(folder / "music.wav", tiny.clicks(1))
    (folder / "graph.yaml").write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    with forgotten_kernels():
        Run(Graph.load(folder / "graph.yaml"), out=folder, store=Store(folder / "store")).execute()
    return folder


@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        (".nbi", GARBAGE), (".nbi", EMPTIED), (".nbc", GARBAGE), (".nbc", CUT), (".py", CUT),
        (".py", GARBAGE),
    ],
    ids=["index garbage", "index emptied", "code garbage", "code cut", "source cut", "source garbage"],
)  # fmt: skip
def test_kernels_that_were_damaged(place: Place, studio: Any, minimal: Path, suffix: str, how: Any) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    shutil.copytree(minimal / "store" / "kernels", place.folder / "copy" / "kernels")
    spoilt = list((place.folder / "copy" / "kernels").rglob(f"k*{suffix}"))
    assert spoilt
    for path in spoilt:
        how(path)
    place.store = Store(place.folder / "copy")
    with forgotten_kernels():
        assert place.run().rendered == 2
    assert (place.out / "film.mp4").read_bytes() == (minimal / "film.mp4").read_bytes()


# Several processes


LONG = {"size": "256, 256", "grid": "20, 20"}


@pytest.fixture
def long_place(place: Place, studio: Any) -> Place:
    """Three seconds with much to decode: six chunks, of which each takes a while."""
    tiny.write_wav(place.music, tiny.clicks(3))
    place.graph.write_text(MINIMAL.format(**LONG, model=studio.model))
    return place


@pytest.fixture(scope="module")
def undisturbed(studio: Any, kernel_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film of the long place, made in peace elsewhere; its kernels are compiled by then."""
    folder = tmp_path_factory.mktemp("peace")
    tiny.write_wav(folder / "music.wav", tiny.clicks(3))
    (folder / "graph.yaml").write_text(MINIMAL.format(**LONG, model=studio.model))
    (folder / "store").mkdir()
    (folder / "store" / "kernels").symlink_to(kernel_cache)
    Run(Graph.load(folder / "graph.yaml"), out=folder, store=Store(folder / "store")).execute()
    return (folder / "film.mp4").read_bytes()


def start(place: Place, out: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [str(N2S), "run", str(place.graph), "--out", str(out), "--store", str(place.store.root), "--jobs", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for_a_segment(process: subprocess.Popen, place: Place) -> None:
    end = time.monotonic() + 60
    while not place.entries("segments", ".json"):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.005)


@POSIX
def test_a_killed_run_goes_on(long_place: Place, undisturbed: bytes) -> None:
    process = start(long_place, long_place.out)
    wait_for_a_segment(process, long_place)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (long_place.out / "film.mp4").exists()
    report = long_place.run()
    assert 1 <= report.stored < 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed
    long_place.store.trim(time.time() + 25 * 3600)  # what the killed run left is swept up a day later
    assert long_place.rubbish() == []
    assert long_place.run().rendered == 0


@POSIX
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on(long_place: Place, undisturbed: bytes, how: signal.Signals) -> None:
    process = start(long_place, long_place.out)
    wait_for_a_segment(process, long_place)
    process.send_signal(how)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted. What is finished is kept: run the same command again to go on." in said
    assert "Traceback" not in said
    assert long_place.rubbish() == []
    assert not (long_place.out / "film.mp4").exists()
    record = json.loads(next(long_place.out.glob("*/run.json")).read_text())
    assert record["status"] == "interrupted"
    report = long_place.run()
    assert 1 <= report.stored < 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed


@POSIX
def test_two_runs_at_once_on_one_empty_store(place: Place, studio: Any) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    place.store = Store(place.folder / "shared")  # without kernels: both compile
    outs = [place.folder / "a", place.folder / "b"]
    processes = [start(place, out) for out in outs]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "Traceback" not in said
    films = [(out / "film.mp4").read_bytes() for out in outs]
    assert films[0] == films[1]
    assert place.rubbish() == []
    assert place.run(out=outs[0]).rendered == 0


# The command line: its status, its words


def test_statuses_of_the_command_line(place: Place) -> None:
    where = ["--out", place.out, "--store", place.store.root]
    good = n2s("run", place.graph, *where)
    assert (good.returncode, place.film.is_file()) == (0, True)
    place.edit("contrast: 1.1", "contrst: 1.1")
    wrong = n2s("run", place.graph, *where)
    assert wrong.returncode == 2
    assert wrong.stderr == f'{place.graph}:19:5  tone.contrst: Tone has no such setting. Did you mean "contrast"?\n'
    assert n2s("check", place.graph).returncode == 2
    place.edit("contrst: 1.1", "contrast: 1.1")
    place.music.unlink()
    lost = n2s("run", place.graph, *where)
    assert lost.returncode == 1
    assert lost.stderr.endswith(f"{place.music} does not exist; a piece of music is wanted. Check the path.\n")
    assert place.film.is_file() and place.rubbish() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing argument 'GRAPH'"),
        (["rnu"], "Did you mean 'run'?"),
        (["run", "nowhere.yaml"], "nowhere.yaml  There is no such file."),
        (["run", "GRAPH", "--nope"], "No such option: --nope"),
        (["run", "GRAPH", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["run", "GRAPH", "--set", "grain.amount"], '--set takes node.setting=value, not "grain.amount".'),
        (["run", "GRAPH", "--set", "grian.amount=1"], '--set grian.amount: the graph has no node "grian". Did you mean "grain"?'),
        (["run", "GRAPH", "--set", "grain.amount=2"], "grain.amount: 2 was given; it must be within 0..1"),
        (["run", "GRAPH", "--set", "grain.amount=["], "--set"),
        (["run", "GRAPH", "--from", "7"], "leaves no frame of a track of 1.00 s"),
        (["run", "GRAPH", "--to", "inf"], "--to"),
        (["check", "GRAPH", "--set", "grain.amont=1"], 'Did you mean "amount"?'),
        (["draw", "GRAPH", "-o", "x.xyz"], 'A diagram is written as .svg, .png, .pdf or .dot, not "x.xyz".'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_that_are_wrong(
    place: Place, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from n2s.cli import main

    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("N2S_STORE", str(place.store.root))
    monkeypatch.setattr(sys, "argv", ["n2s", *(str(place.graph) if a == "GRAPH" else a for a in arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert words in capsys.readouterr().err
    assert caught.value.code == 2


# Graphs. Each: what is replaced, by what, the place that the message must name, and its words.

GRAPHS = {
    "unknown node": ("node: Vignette", "node: Vignete", "Vignete,", 'there is no node type "Vignete". Did you mean "Vignette"?'),
    "unknown port": ("frames: tone", "frame: tone", "frame: tone", 'vignette.frame: Vignette has no such setting. Did you mean "frames"?'),
    "unknown setting": ("contrast: 1.1", "contrst: 1.1", "contrst", 'tone.contrst: Tone has no such setting. Did you mean "contrast"?'),
    "latents wanted": ("latents: drift", "latents: pulse", "pulse, grid", 'film.latents takes Latents, but "pulse" gives Signal.'),
    "frames wanted": ("frames: tone", "frames: drift", "drift, amount: 0.35", 'vignette.frames takes Frames, but "drift" gives Latents.'),
    "signal wanted": ("signal: features.onset", "signal: track", "track, half", 'pulse.signal takes Signal, but "track" gives Audio.'),
    "missing port": ("node: Vignette, frames: tone,", "node: Vignette,", "vignette:", "vignette.frames: Vignette needs it: what is darkened."),
    "cycle": ("frames: tone", "frames: grain", "vignette:", "These nodes wait for each other in a circle: vignette → grain → vignette."),
    "cycle of one": ("latents: anchors", "latents: drift", "drift:", "in a circle: drift → drift."),
    "key twice": ("contrast: 1.1", "contrast: 1.1\n    contrast: 1.2", "contrast: 1.2", '"contrast" stands here twice; keep one.'),
    "node twice": ("  tone:\n", "  tone: {node: Tone, frames: film}\n  tone:\n", "tone:\n    node", '"tone" stands here twice; keep one.'),
    "no output": ("features.onset", "features.onsets", "features.onsets", 'pulse.signal: "features" has no output "onsets". Did you mean "onset"?'),
    "several outputs": ("features.onset", "features", "features, half", '"features" has several outputs; name one: features.rms'),
    "no component": ("features.onset", "features.mfcc.13", "features.mfcc.13", '"features.mfcc.13" has components 0 to 12.'),
    "unknown link": ("signal: travel", "signal: travle", "travle", 'weights.signal: "travle" names no node. Did you mean "travel"?'),
    "from a sink": ("frames: tone", "frames: out", "out, amount", "vignette.frames takes Frames, but \"out\" gives Film."),
    "expression cut": ("= 0.8 * pulse", "= 0.8 * (pulse", "= 0.8", "in \"= 0.8 * (pulse\": ')' is missing"),
    "expression doubled": ("= 0.8 * pulse", "= 0.8 * * pulse", "= 0.8", "a number, a signal or a function was expected before '*'"),
    "unknown function": ("= 0.8 * pulse", "= sine(pulse)", "= sine", "there is no function 'sine'; there are abs, ceil, clamp"),
    "too few arguments": ("= 0.8 * pulse", "= clamp(pulse, 1)", "= clamp", "clamp takes 3 arguments, not 2"),
    "no meaning": ("= 0.8 * pulse", "= pulse $ 2", "= pulse $", "'$' has no meaning in an expression"),
    "unknown in expression": ("= 0.8 * pulse", "= 0.8 * pulze", "= 0.8", 'tone.exposure: "pulze" names no node. Did you mean "pulse"?'),
    "empty expression": ("= 0.8 * pulse", "= ", "= ", "a number, a signal or a function was expected at the end"),
    "expression cut at its comma": ("amount: 0.04", "amount: = clamp(pulse, 0, 1)", "= clamp(pulse, 0", "is cut at its comma: between { } quote the expression"),
    "code": ("= 0.8 * pulse", "= pulse.__class__()", "= pulse.__", "there is no function 'pulse.__class__'"),
    "out of range": ("amount: 0.35", "amount: 1.5", "1.5}", "vignette.amount: 1.5 was given; it must be within 0..1"),
    "not a number": ("amount: 0.04", "amount: .nan", ".nan", ".nan is not a finite number."),
    "too large a number": ("amount: 0.04", f"amount: {'9' * 400}", "9" * 400, "grain.amount"),
    "text for a number": ("count: 3", "count: many", "many", "weights.count: a whole number was wanted, not 'many'"),
    "true for a number": ("amount: 0.04", "amount: true", "true", "a number, a signal or an expression was wanted, not true"),
    "unknown choice": ("chunk: 15", "preset: fastest", "fastest", "or 'slower' was wanted, not 'fastest'"),
    "times fall": ("[[0, 0], [60, 1]]", "[[5, 0], [1, 1]]", "[[5", "travel.points: times must rise; 1 s comes after 5 s"),
    "no anchors": ("[red, green, blue]", "[]", "[], model", "anchors.names"),
    "function's name": ("  travel:", "  sin:", "sin:", 'The name "sin" means something in expressions; choose another.'),
    "variable's name": ("  travel:", "  time:", "time:", 'The name "time" means something in expressions; choose another.'),
    "no identifier": ("  travel:", "  my-travel:", "my-travel:", 'The name "my-travel" is no identifier (letters, digits, _); choose another.'),
    "absolute path": ("path: track.mp4", "path: /etc/track.mp4", "/etc/track.mp4", "out.path: \"/etc/track.mp4\" may not be written: a film's path is relative to --out and stays inside it."),
    "path outside": ("path: track.mp4", "path: a/../../track.mp4", "a/../..", 'out.path: "a/../../track.mp4" may not be written'),
    "path of a drive": ("path: track.mp4", "path: 'C:track.mp4'", "'C:track.mp4'", 'out.path: "C:track.mp4" may not be written'),
    "path is the folder": ("path: track.mp4", "path: .", "., chunk", 'out.path: "." may not be written'),
    "path is a folder": ("path: track.mp4", "path: sub/", "sub/", 'out.path: "sub/" may not be written'),
    "two sinks, one path": ("  grain:", "  second: {node: FFmpegSink, frames: tone, audio: track, path: track.mp4}\n  grain:", "track.mp4, chunk", "out.path: "),
    "odd size": ("size: [96, 64]", "size: [95, 64]", "[95", "size: width and height must be even and lie within 16..8192, not 95x64"),
    "size of one": ("size: [96, 64]", "size: 96", "96", "size: width and height were wanted, like [640, 360], not 96"),
    "no rate": ("fps: 30", "fps: fast", "fast", "fps: a frame rate is a number or a fraction like 30000/1001, not 'fast'"),
    "rate of nothing": ("fps: 30", "fps: 1/0", "1/0", "fps: a frame rate is a number or a fraction"),
    "rate too high": ("fps: 30", "fps: 1000", "1000", "fps: a frame rate lies between 1 and 240, not 1000"),
    "unknown entry": ("seed: 7", "sed: 7", "sed: 7", 'sed: a graph has no such entry. Did you mean "seed"?'),
    "other version": ("n2s: 1", "n2s: 2", None, "n2s: it must be at most 1, not 2"),
    "no version": ("n2s: 1\n", "", "title", 'A graph begins with "n2s: 1", the version of its format.'),
    "alias": ("title: Track", "title: &t Track\nartist: *t", "&t", "Aliases (*name) are not read in graphs"),
    "tag": ("title: Track", "title: !!python/name:os.system x", "!!python", "The tag !!python/name:os.system is not read in graphs"),
    "tab": ("seed: 7", "\tseed: 7", "\tseed", "This is not YAML: found character '\\t' that cannot start any token."),
    "bracket open": ("size: [96, 64]", "size: [96, 64", None, "This is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("what", GRAPHS)
def test_graphs_that_are_wrong(place: Place, what: str) -> None:
    old, new, at, words = GRAPHS[what]
    place.edit(old, new)
    text = place.graph.read_text()
    with pytest.raises(GraphError) as caught:
        Graph.load(place.graph)
    said = str(caught.value)
    assert words in said
    first = next(line for line in said.splitlines() if words in line)
    if at is None:
        assert re.match(re.escape(str(place.graph)) + r":\d+:\d+  ", first)
    else:
        offset = text.index(new) + new.index(at) if at in new else text.index(at)
        line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
        assert first.startswith(f"{place.graph}:{line}:{column}  ")
    assert caught.value.exit_status == 2


def test_everything_wrong_is_said_at_once(place: Place) -> None:
    for old, new in [
        ("seed: 7", "sed: 7"), ("latents: anchors", "latents: pulse"), ("contrast: 1.1", "contrst: 1.1"),
        ("node: Vignette", "node: Vignete"), ("amount: 0.04", "amount: 4"), ("= 0.8 * pulse", "= (pulse"),
    ]:  # fmt: skip
        place.edit(old, new)
    with pytest.raises(GraphError) as caught:
        Graph.load(place.graph)
    assert [str(problem.position).removeprefix(f"{place.graph}:") for problem in caught.value.problems] == [
        "3:1", "13:34", "18:15", "19:5", "20:20", "21:50",
    ]  # fmt: skip


def test_a_graph_without_a_sink(place: Place) -> None:
    text = place.graph.read_text()
    place.graph.write_text(text[: text.index("  out:")])
    with pytest.raises(GraphError, match=r":\d+:\d+  The graph makes no film: it needs a sink, like FFmpegSink\.$"):
        Graph.load(place.graph)


def test_two_sinks_with_one_path_write_nothing(place: Place) -> None:
    place.edit("  out:", "  second: {node: FFmpegSink, frames: grain, audio: track, path: ./track.mp4}\n  out:")
    place.refused(GraphError, "track.mp4", "is written by second already; give one of them another")
    assert place.entries("segments", ".mp4") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ':1:1  The file is empty. A graph begins with "n2s: 1".'),
        (b"- a\n", ':1:1  A graph is a mapping that begins with "n2s: 1".'),
        (b"hello", ':1:1  A graph is a mapping that begins with "n2s: 1".'),
        (b"n2s: 1\ntitle: \xff\n", "  The file is not UTF-8 text (byte 14). Save it as UTF-8."),
        ("n2s: 1\n".encode("utf-16"), "The file is not UTF-8 text (byte 0)"),
        (b"n2s: 1\n", ':1:1  A graph needs nodes: "nodes: {name: {node: Type, …}}".'),
        (b"n2s: 1\nnodes: [a]\n", ":2:8  A graph needs nodes"),
        (b"n2s: 1\nnodes:\n  a: {amount: 3}\n", ':3:6  a needs its type: "a: {node: Type, …}".'),
        (b"n2s: 1\n---\nn2s: 1\n", ":2:1  This is not YAML: one file holds one graph, and here a second document begins."),
        (b"n2s: 1\nnodes: " + b"[" * 700 + b"]" * 700, "GRAPH"),
        (b"n2s: 1\nnodes:\n" + b"".join(b" " * i + b"a:\n" for i in range(1, 190)), "nests too deep"),
        (b"#" * 1_000_001, "A graph file has at most 1 MB. Is this one?"),
        (b"n2s: 1\ntitle: \x07\n", "This is not YAML"),
    ],
    ids=range(13),
)
def test_files_that_are_no_graphs(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "GRAPH.yaml"
    path.write_bytes(text)
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_frame_rate_that_takes_for_ever_to_read(place: Place) -> None:
    place.edit("fps: 30", 'fps: "1e999999999"')
    try:
        done = subprocess.run([str(N2S), "check", str(place.graph)], capture_output=True, text=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("still reading the frame rate")
    assert done.returncode == 2
    assert "fps: a frame rate" in done.stderr


@pytest.mark.parametrize(
    ("expression", "reaches"), [("3 * pulse", r"2\.\d+|3"), ("pulse - 2", r"-2|-1\.\d+"), ("where(frame > 19, 2, pulse)", "2")]
)
def test_a_driven_parameter_that_leaves_its_range(place: Place, expression: str, reaches: str) -> None:
    place.edit("amount: 0.35", f'amount: "= {expression}"')
    text = place.refused(GraphError, f"Wrap it: = clamp({expression}, 0, 1).")
    assert re.fullmatch(
        re.escape(f"{place.graph}:20:52  vignette.amount is driven by = {expression} and reaches ")
        + rf"({reaches}) at frame (\d+) \(00:00\.\d\d\); it must be within 0\.\.1\. Wrap it: .*", text,
    )  # fmt: skip
    place.edit(f"= {expression}", f"= clamp({expression}, 0, 1)")  # the advice is sound
    assert place.run().rendered == 2


def test_a_driven_parameter_that_is_no_number(place: Place) -> None:
    place.edit("= 0.8 * pulse", "= 1 / (pulse - pulse)")
    place.refused(GraphError, f"{place.graph}:18:15  tone.exposure is driven by = 1 / (pulse - pulse) and is no finite number at frame 0.")


def test_a_film_without_a_length(place: Place) -> None:
    place.edit("frames: grain, audio: track", "frames: grain")
    place.edit("  features:", "  other: {node: AudioSource, path: other.wav}\n  features:")
    tiny.write_wav(place.folder / "other.wav", tiny.clicks(2))
    place.refused(GraphError, "several pieces of music", 'connect the sink\'s audio, or set "duration: 10" (seconds)')


@pytest.mark.parametrize("name", ["it's [x] %d", "-dash, ünï #;="])
def test_folders_and_films_of_odd_names(place: Place, name: str) -> None:
    folder = place.folder / name
    folder.mkdir()
    for file in (place.music, place.graph):
        file.rename(folder / file.name)
    place.graph = folder / place.graph.name
    place.edit("path: track.mp4", f"path: {json.dumps(name + '/' + name)}")
    place.edit("title: Track", f"title: {json.dumps(name)}")
    assert place.run(out=folder / "out").films[0]["frames"] == FRAMES
    assert (folder / "out" / name / name).is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: music.wav", 'path: "a\\0.wav"'),
        ("path: music.wav", f"path: {'x' * 300}.wav"),
        ("path: track.mp4", f"path: {'x' * 245}.mp4"),
        ("title: Track", 'title: "\\ud800"'),
    ],
    ids=["NUL in a path", "music of a long name", "film of a long name", "half a character"],
)
def test_names_that_cannot_be(place: Place, old: str, new: str) -> None:
    place.edit(old, new)
    with pytest.raises(N2SError):
        place.run()
    assert place.rubbish() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, ["picture.png"]),
        (b"", ["picture.png cannot be read as a picture", "PNG, JPEG, TIFF and WebP are understood."]),
        (b"\x89PNG\r\n\x1a\nxxxx", ["picture.png cannot be read as a picture", "PNG, JPEG, TIFF and WebP are understood."]),
    ],
    ids=["missing", "empty", "damaged"],
)
def test_pictures_that_are_none(place: Place, data: bytes | None, words: list[str]) -> None:
    text = place.graph.read_text()
    place.graph.write_text(re.sub(r"film: {.*}", "film: {node: ImageSource, path: picture.png}", text))
    if data is not None:
        (place.folder / "picture.png").write_bytes(data)
    place.refused(MediaError, *words)
    place.graph.write_text(text)
    assert place.run().rendered == 2
