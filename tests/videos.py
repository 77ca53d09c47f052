"""Small videos made by FFmpeg; each frame has its number in it, as eight bars that are bright for 1 and dark for 0."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from n2s.runtime.ffmpeg import ffmpeg_path

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]


def numbered(count: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Return frames uint8 (N, H, W, 3) with their numbers, on a ground that moves."""
    y, x = np.mgrid[0:height, 0:width]
    frames = np.empty((count, height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        bars = (number >> (x * 8 // width)) & 1
        ground = 40 * np.sin((x + 3 * number) / 9)[..., None] * [0.5, 0.3, -0.5] + 16 * np.cos(y / 7)[..., None]
        frame[:] = np.clip(70 + 110 * bars[..., None] + ground, 0, 255)
    return frames


def numbers_in(frames: np.ndarray) -> list[int]:
    """Return the numbers in frames float32 (N, 3, H, W)."""
    width = frames.shape[3]
    middles = [(2 * bit + 1) * width // 16 for bit in range(8)]
    seen = frames.mean(axis=(1, 2))[:, middles] > 125 / 255
    return [sum(int(bright) << bit for bit, bright in enumerate(row)) for row in seen]


def write_video(path: Path, frames: np.ndarray, *options: str, fps: str = "25", form: str = "rgb24") -> Path:
    """Write frames uint8 (N, H, W, C) as a video; ``options`` choose the encoder, x264 by default."""
    height, width = frames.shape[1:3]
    given = ["-f", "rawvideo", "-pix_fmt", form, "-s", f"{width}x{height}", "-r", fps, "-i", "pipe:0"]
    order = [ffmpeg_path(), "-v", "error", "-y", *given, *(options or X264), str(path)]
    subprocess.run(order, input=frames.tobytes(), check=True)
    return path


def ffmpeg(*arguments: object) -> None:
    subprocess.run([ffmpeg_path(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)
