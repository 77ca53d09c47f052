"""The film of `script.py` as a script of its own: librosa, onnxruntime, numpy and imageio-ffmpeg, without n2s.

    python bench/plain_script.py music.wav film.mp4 --model models --glow 0.1

It is written as one writes such a script with care: frames are decoded eight at a time by two threads, arithmetic is
float32 and in place, and FFmpeg encodes while the next frames are made. Loudness moves between three anchors, drift
never stops, attacks and loudness drive exposure and contrast. ``glow`` brightens six seconds from 1:00 on: the edit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

SIZE, FPS, GRID, BATCH = 512, 30, 16, 8
NAMES = ("ember", "crystal", "fern")
GLOWS = 60.0, 66.0  # s: from when to when the film glows


def hear(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return loudness and attacks of the music, one number in 0..1 for each film frame."""
    import librosa

    samples, rate = librosa.load(path, sr=None)
    hop = rate // FPS  # 44100 and 48000 Hz divide evenly
    rms = librosa.feature.rms(y=samples, hop_length=hop)[0]
    onset = librosa.onset.onset_strength(y=samples, sr=rate, hop_length=hop)
    count = -(-len(samples) * FPS // rate)
    return stretched(rms)[:count], stretched(onset)[:count]


def stretched(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [2, 99.8])
    return np.clip((values - low) / max(high - low, 1e-9), 0, 1)


def smoothed(values: np.ndarray, half_life: float) -> np.ndarray:
    rate, out = 1 - 0.5 ** (1 / (half_life * FPS)), np.empty_like(values)
    level = values[0]
    for i, value in enumerate(values):
        level += (value - level) * rate
        out[i] = level
    return out


def drive(rms: np.ndarray, onset: np.ndarray, glow: float) -> dict[str, np.ndarray]:
    """Return what moves the film, a row for each frame."""
    level, pulse = smoothed(rms, 0.3), smoothed(onset, 0.1)
    time = np.arange(len(rms)) / FPS
    position = level * (len(NAMES) - 1)
    weights = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(len(NAMES))))
    lit = (time >= GLOWS[0]) & (time < GLOWS[1])
    exposure, contrast = 0.5 * pulse + glow * lit, 1 + 0.2 * level
    return {"time": time, "weights": weights, "exposure": exposure, "contrast": contrast}


class Film:
    """What frames are made with, opened once."""

    def __init__(self, model: Path, threads: int = 2):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            str(model / "decoder.int8.onnx"), options, providers=["CPUExecutionProvider"]
        )
        with np.load(model / "anchors.npz") as anchors:
            left = (anchors[NAMES[0]].shape[2] - GRID) // 2
            self.anchors = np.stack([anchors[name][:, :, left : left + GRID] for name in NAMES]).reshape(len(NAMES), -1)
        rng = np.random.default_rng(7)
        self.speed, self.phase = rng.uniform(0.5, 1.5, (3, 8, 5, 5)) / 6, rng.uniform(0, 1, (3, 8, 5, 5))
        place = np.linspace(0, 4, GRID)
        self.rows = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(5)))  # bilinear, from 5 values to the grid
        y, x = (np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) + 0.5 - SIZE / 2) / (SIZE / np.sqrt(2))
        t = np.clip((np.hypot(x, y) - 0.4) / 0.6, 0, 1)
        self.vignette = (1 - 0.35 * t * t * (3 - 2 * t)).astype(np.float32)

    def latents(self, weights: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return a blend of the anchors, of their strength, and a drift of three cosines in each place."""
        blend = (weights / np.linalg.norm(weights, axis=1, keepdims=True)) @ self.anchors
        turns = time[:, None, None, None, None] * self.speed + self.phase
        drift = np.cos(2 * np.pi * turns).sum(axis=1) * np.sqrt(2 / 3)
        drift = self.rows @ drift @ self.rows.T
        return (blend.reshape(drift.shape) + 0.35 * drift).astype(np.float32)

    def frames(self, driven: dict[str, np.ndarray], start: int, stop: int):
        """Yield frames as 8-bit RGB, (H, W, 3)."""
        for first in range(start, stop, BATCH):
            part = {name: values[first : min(first + BATCH, stop)] for name, values in driven.items()}
            latents = self.latents(part["weights"], part["time"])
            (decoded,) = self.session.run(None, {"latents": latents})
            for i, rgb in enumerate(decoded):
                yield self.finish(rgb, part["exposure"][i], part["contrast"][i], first + i)

    def finish(self, rgb: np.ndarray, exposure: float, contrast: float, number: int) -> np.ndarray:
        """Return a frame with tone, vignette and grain, (3, H, W) in place, as 8-bit RGB (H, W, 3)."""
        rgb *= np.float32(2 ** (exposure / 2) * contrast)
        rgb += np.float32(0.4 * (1 - contrast))
        rgb *= self.vignette
        luma = np.float32(0.2126) * rgb[0] + np.float32(0.7152) * rgb[1] + np.float32(0.0722) * rgb[2]
        np.clip(luma, 0, 1, out=luma)
        noise = np.random.default_rng(number).standard_normal(luma.shape, np.float32)
        noise *= np.float32(0.16) * luma * (1 - luma)
        rgb += noise
        np.clip(rgb, 0, 1, out=rgb)
        rgb *= 255
        rgb += np.float32(0.5)
        return np.ascontiguousarray(rgb.astype(np.uint8).transpose(1, 2, 0))


def write(path: Path, frames, music: Path | None = None, threads: int = 0) -> None:
    """Encode frames as H.264, with the music."""
    import imageio_ffmpeg

    sound = {"audio_path": str(music), "audio_codec": "aac"} if music else {}
    words = ["-crf", "18", "-preset", "veryfast", *(["-threads", str(threads)] if threads else [])]
    writer = imageio_ffmpeg.write_frames(
        str(path), (SIZE, SIZE), fps=FPS, codec="libx264", quality=None, output_params=words, **sound
    )
    writer.send(None)
    for frame in frames:
        writer.send(frame)
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path)
    parser.add_argument("film", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--glow", type=float, default=0.1, help="stops from 1:00 to 1:06")
    options = parser.parse_args()
    driven = drive(*hear(options.music), options.glow)
    film = Film(options.model)
    write(options.film, film.frames(driven, 0, len(driven["time"])), options.music)


if __name__ == "__main__":
    main()
