"""Films of a still picture that one node changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import tiny


def codes_of(value: Any, size: tuple[int, int]) -> np.ndarray:
    """Return a picture of one display value, or one colour, uint8 (H, W, 3)."""
    return np.broadcast_to(np.uint8(np.round(255 * np.asarray(value))), (size[1], size[0], 3))


def film(
    folder: Path, store: Any, codes: np.ndarray, node: dict[str, Any], first: int = 0, count: int = 1, **head: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return a still picture (3, H, W), and the frames (T, 3, H, W) that a node makes of it, both float64."""
    tiny.write_png(folder / "still.png", np.ascontiguousarray(codes))
    nodes = {
        "still": {"node": "ImageSource", "path": "still.png"},
        "ramp": {"node": "Keyframes", "points": [[0, 0], [1, 1]], "interpolate": "linear"},
        "made": {"frames": "still", **node},
        "out": {"node": "DigestSink", "frames": "made", "path": "film.txt"},
    }
    values = {"n2s": 1, "seed": 3, "fps": 24, "duration": 4, "size": [codes.shape[1], codes.shape[0]], "nodes": nodes}
    graph = harness.load(values | head, folder)
    given = harness.frames(graph, store, "still", [(0, 1)])[0].astype(np.float64)
    return given, harness.frames(graph, store, "made", [(first, first + count)]).astype(np.float64)


def places(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of each pixel, in heights from the centre."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return (x - width / 2) / height, y / height - 0.5


def smoothstep(low: float, high: float, x: Any) -> Any:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def light(frame: np.ndarray) -> np.ndarray:
    return frame * np.abs(frame)
