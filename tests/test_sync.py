"""Sound and picture are in step, whatever kind of file the music comes in."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import music_files as files
import numpy as np
import pytest
import tiny

from n2s.graph.graph import Graph

RATE = 48000
CLICKS = [0.5, 1.113, 1.7345, 2.41]
KINDS = {
    "a.wav": ["-c:a", "pcm_s16le"], "a.flac": ["-c:a", "flac"], "a.mp3": ["-c:a", "libmp3lame", "-b:a", "256k"],
    "a.ogg": ["-c:a", "libvorbis", "-q:a", "8"], "a.opus": ["-c:a", "libopus", "-b:a", "256k"],
    "a.m4a": ["-c:a", "aac", "-b:a", "256k"], "a.webm": ["-c:a", "libopus", "-b:a", "256k"],
}  # fmt: skip


def clicking(seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    """Bursts of 1 kHz that begin at once and decay, symmetric in nothing; float32 (n, 2)."""
    samples = np.zeros(round(seconds * rate))
    time = np.arange(round(0.05 * rate)) / rate
    burst = 0.7 * np.sin(2 * np.pi * 1000 * time) * np.exp(-time / 0.008)
    for at in CLICKS:
        start = round(at * rate)
        samples[start : start + len(burst)] += burst
    return np.stack([samples, samples], axis=1).astype(np.float32)


def sound_of(film: Path) -> np.ndarray:
    command = [files.ffmpeg(), "-v", "error", "-i", film, "-ac", "1", "-f", "f32le", "-ar", str(8 * RATE), "pipe:1"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4")


@pytest.mark.parametrize("fps", ["30", "24000/1001"])
@pytest.mark.parametrize(
    ("name", "joined"),
    [*((name, False) for name in KINDS), *((name, True) for name in ("a.flac", "a.mp3", "a.ogg", "a.opus"))],
)
def test_flashes_and_clicks_are_in_step(name: str, joined: bool, fps: str, tmp_path: Path, store: Any) -> None:
    music = clicking()
    path = files.encode(tmp_path / name, music, *KINDS[name], rate=RATE)
    times = CLICKS
    if joined:
        path.write_bytes(path.read_bytes() * 2)
        times = CLICKS + [at + 3.0 for at in CLICKS]
    tiny.write_png(tmp_path / "grey.png", np.full((16, 16, 3), 128, np.uint8))
    nodes = {
        "track": {"node": "AudioSource", "path": name},
        "features": {"node": "Features", "audio": "track"},
        "grey": {"node": "ImageSource", "path": "grey.png"},
        "flash": {"node": "Tone", "frames": "grey", "contrast": 0, "pivot": "= 0.1 + 0.8 * features.onset"},
        "out": {
            "node": "FFmpegSink",
            "frames": "flash",
            "audio": "track",
            "path": "film.mp4",
            "crf": 8,
            "dither": False,
        },
    }
    (tmp_path / "graph.yaml").write_text(json.dumps({"n2s": 1, "fps": fps, "size": [16, 16], "nodes": nodes}))
    film = harness.run(Graph.load(tmp_path / "graph.yaml"), tmp_path, store).films[0]["path"]
    heard, wanted = sound_of(film), sound_of_samples(music)
    for number, at in enumerate(times):
        start = round((at - 0.01) * 8 * RATE)
        original = round((CLICKS[number % 4] - 0.01) * 8 * RATE)
        piece = heard[start - 4000 : start + 24000]
        lag = np.argmax(np.correlate(piece, wanted[original : original + 20000], "valid")) - 4000
        assert abs(lag) / (8 * RATE) < 60e-6, (at, lag)
    with av.open(film) as container:
        stream = container.streams.video[0]
        frames = [(frame.pts * stream.time_base, frame.to_ndarray()[:16].mean()) for frame in container.decode(stream)]
    lumas = np.array([luma for _, luma in frames])
    for at in times:
        near = [i for i, (when, _) in enumerate(frames) if abs(when - at) < 0.2]
        begins = next(i for i in near if lumas[i] > 0.9 * lumas[near].max())
        assert abs(frames[begins][0] - Fraction(at)) <= Fraction(1, 2) / Fraction(fps) + Fraction(1, 1000), at


def sound_of_samples(samples: np.ndarray) -> np.ndarray:
    command = [files.ffmpeg(), "-v", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0",
               "-f", "f32le", "-ar", str(8 * RATE), "pipe:1"]  # fmt: skip
    done = subprocess.run(command, input=samples[:, 0].tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4")
