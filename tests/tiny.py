"""A tiny decoder, tiny music and tiny pictures: true by construction, made in milliseconds."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import mido
import numpy as np

CHANNELS, SCALE = 8, 32


def tiny_model(
    folder: Path, scale: int = SCALE, name: str = "decoder.fp32.onnx", finer: bool = False, sketch: int = 0
) -> Path:
    """Write a model that shows latents as coloured squares: a 1x1 convolution, a sigmoid, a magnification.

    A ``finer`` decoder x2 inverts the colours, so that one sees which of the two drew a frame; so does a ``sketch`` of
    so many pixels per cell. The net that enlarges frames repeats pixels, and adds a tenth.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_decoder(folder / name, scale)
    if finer:
        _write_decoder(folder / "decoder.x2.fp32.onnx", 2 * scale, -1)
    if sketch:
        _write_decoder(folder / "sketch.fp16.onnx", sketch, -1)
    _write_upscaler(folder / "upscale.fp32.onnx")
    rng = np.random.default_rng(7)
    anchors = {anchor: rng.normal(size=(CHANNELS, 16, 16)).astype(np.float32) for anchor in ("red", "green", "blue")}
    np.savez(folder / "anchors.npz", **anchors)
    write_card(folder, finer, sketch)
    return folder


def _write_decoder(path: Path, scale: int, sign: int = 1) -> None:
    from onnx import TensorProto, helper, numpy_helper

    weights = sign * np.random.default_rng(5).normal(0, 0.6, (3, CHANNELS, 1, 1)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["latents", "weights"], ["colour"]),
            helper.make_node("Sigmoid", ["colour"], ["bounded"]),
            helper.make_node("Resize", ["bounded", "", "scales"], ["frames"], mode="nearest",
                             coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        ],
        "tiny",
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", CHANNELS, "h", "w"])],
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1, 1, scale, scale],
                                                                                       np.float32), "scales")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def _write_upscaler(path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    constants = {"scales": np.array([1, 1, 2, 2], np.float32), "tenth": np.array(0.1, np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Resize", ["frames", "", "scales"], ["larger"], mode="nearest",
                             coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
            helper.make_node("Add", ["larger", "tenth"], ["enlarged"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("enlarged", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def write_card(folder: Path, finer: bool = False, sketch: int = 0) -> None:
    """Describe the files of a model folder as they are now."""
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.glob("*.*"))
        if path.name != "meta.json"
    }
    card = {"format": 1, "name": "tiny", "latent": {"channels": CHANNELS, "scale": SCALE}, "files": files}
    if finer:
        card["details"] = {"x2": {"scale": 2 * SCALE}}
    if sketch:
        card["sketch"] = {"scale": sketch}
    (folder / "meta.json").write_text(json.dumps(card))


def clicks(seconds: float, bpm: float = 120, rate: int = 22050, channels: int = 1, first: float = 0.0) -> np.ndarray:
    """Return a click track, float32 (samples, channels): a decaying 1 kHz burst on every beat."""
    samples = np.zeros(round(seconds * rate), np.float64)
    t = np.arange(round(0.04 * rate)) / rate
    burst = 0.8 * np.sin(2 * np.pi * 1000 * t) * np.exp(-t / 0.008)
    beat = 0
    while (start := round((first + beat * 60 / bpm) * rate)) < len(samples):
        end = min(len(samples), start + len(burst))
        samples[start:end] += burst[: end - start]
        beat += 1
    return np.repeat(samples.astype(np.float32)[:, None], channels, axis=1)


def write_wav(path: Path, samples: np.ndarray, rate: int = 22050) -> Path:
    import soundfile

    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def write_png(path: Path, pixels: np.ndarray) -> Path:
    """Write uint8 (H, W, 3) pixels as PNG."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path


GRAPH = """\
n2s: 1
title: {title}
seed: 7
fps: {fps}
size: [{width}, {height}]
nodes:
  track: {{node: AudioSource, path: {audio}}}
  features: {{node: Features, audio: track}}
  pulse: {{node: EMA, signal: features.onset, half_life: 0.1}}
  travel: {{node: Keyframes, points: [[0, 0], [60, 1]], interpolate: linear}}
  weights: {{node: Weights, signal: travel, count: 3}}
  anchors: {{node: Anchors, weights: weights, names: [red, green, blue], model: {model}}}
  drift: {{node: Wander, latents: anchors, amount: 0.3, period: 6}}
  film: {{node: VAEDecode, latents: drift, model: {model}}}
  tone:
    node: Tone
    frames: film
    exposure: {exposure}
    contrast: 1.1
  vignette: {{node: Vignette, frames: tone, amount: 0.35}}
  grain: {{node: Grain, frames: vignette, amount: 0.04}}
  out: {{node: {sink}, frames: grain, audio: track, path: {path}, {settings}}}
"""


def read_png(path: Path) -> np.ndarray:
    """Return a PNG as uint8 (H, W, 3)."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that is in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def write_graph(folder: Path, model: Path, audio: str = "music.wav", name: str = "track", **options: object) -> Path:
    """Write the graph of a small film; ``options`` set title, fps, width, height, exposure, sink, path, settings."""
    values = {
        "title": name.title(), "fps": 30, "width": 96, "height": 64, "audio": audio, "model": str(model),
        "exposure": "= 0.8 * pulse", "sink": "FFmpegSink", "path": f"{name}.mp4", "settings": "crf: 20",
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(GRAPH.format(**values | options))
    return path


def write_cube(path: Path, size: int, colour: Callable[..., tuple[float, float, float]], head: str = "") -> None:
    """Write a .cube file of a function of red, green and blue, each 0..1."""
    steps = [step / (size - 1) for step in range(size)]
    rows = ["{:.9f} {:.9f} {:.9f}".format(*colour(r, g, b)) for b in steps for g in steps for r in steps]
    path.write_text(f"LUT_3D_SIZE {size}\n{head}" + "\n".join(rows) + "\n", encoding="utf-8")


def write_midi(
    path: Path, notes: list[tuple[float, int, int]], bpm: float = 120, controls: list[tuple[float, int, int]] = ()
) -> None:
    """Write notes, (seconds, number, velocity), each a tenth of a second long, and controllers, as a MIDI file."""
    track, ticks = mido.MidiTrack(), 960
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
    events = [(at, "note_on", note, velocity) for at, note, velocity in notes]
    events += [(at + 0.1, "note_off", note, 0) for at, note, _ in notes]
    events += [(at, "control_change", number, value) for at, number, value in controls]
    before = 0
    for at, kind, note, velocity in sorted(events):
        place = round(at * bpm / 60 * ticks)
        names = ("control", "value") if kind == "control_change" else ("note", "velocity")
        track.append(mido.Message(kind, **dict(zip(names, (note, velocity))), time=place - before))
        before = place
    file = mido.MidiFile(ticks_per_beat=ticks)
    file.tracks.append(track)
    file.save(path)
