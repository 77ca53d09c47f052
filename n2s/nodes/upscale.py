"""Larger frames."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np

from n2s.graph.context import Block, ModelCard, Scene
from n2s.graph.declare import FRAMES_OUTPUT, FolderPath, Streamed, port, setting
from n2s.graph.types import Frames

LOBES = 3


class Upscale(Streamed):
    """Enlarge frames to twice or four times their size, with a small net that draws edges sharp.

    All that comes before it is computed in the smaller size, and costs a quarter or a sixteenth: for a film of
    3840x2160 with a factor of 2, what reads ``frames`` is 1920x1080. Put it after what draws and grades, and before
    Grain and letters, which are sharp in any size.

    net: out = lanczos(rgb) + d, where d is what the net of the model adds to the luma 0.2126 r + 0.7152 g + 0.0722 b,
    twice for a factor of 4. lanczos: the separable filter sinc(x) sinc(x / 3), |x| < 3, alone. Beyond the edge of the
    frame the edge continues. Sizes that the factor does not divide are rounded up before, and cropped after.
    """

    frames: Frames = port("what is enlarged")
    factor: Literal[2, 4] = setting(2, help="how many times as wide and high frames become")
    method: Literal["net", "lanczos"] = setting("net", help="net: sharp edges; lanczos: plain and quicker")
    model: FolderPath | None = setting(
        None, help="folder of the model with the net; default: the graph's model, or the shipped one", keyed=False
    )
    provider: Literal["auto", "cpu", "cuda"] = setting("auto", help="what the net runs on", keyed=False)

    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def check_model(self, model: ModelCard) -> list[tuple[tuple, str]]:
        text = model.lacks_upscaler() if self.method == "net" else ""
        return [(("method",), text)] if text else []

    def required_tools(self) -> tuple[str, ...]:
        return ("onnxruntime",) if self.method == "net" else ()

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        return -(-width // self.factor), -(-height // self.factor)

    def digests(self, scene: Scene) -> dict[str, str]:
        return scene.model(self.model).upscaler_identity(self.provider) if self.method == "net" else {}

    def open(self, scene: Scene, grid: Any) -> Any:
        return scene.model(self.model).upscaler(self.provider) if self.method == "net" else None

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        for _ in range(self.factor // 2):
            frames = double_by_lanczos(frames) if block.resources is None else block.resources.enlarge(frames)
        width, height = cast(tuple[int, int], block.size)
        top, left = (frames.shape[2] - height) // 2, (frames.shape[3] - width) // 2
        return frames[:, :, top : top + height, left : left + width]


def double_by_lanczos(frames: np.ndarray) -> np.ndarray:
    """Return frames float32 (B, C, h, w) in twice the size: the new pixels lie a quarter pixel beside the old ones."""
    wide = _double(frames, 3)
    return _double(wide, 2)


def _double(values: np.ndarray, axis: int) -> np.ndarray:
    """Return values with twice as many samples along an axis, the last or the one before it."""
    count = values.shape[axis]
    around = [(LOBES, LOBES) if each == axis else (0, 0) for each in range(values.ndim)]
    padded = np.pad(values, around, mode="edge")
    out = np.empty(tuple(2 * side if each == axis else side for each, side in enumerate(values.shape)), np.float32)
    part, place = np.empty_like(values), [slice(None)] * values.ndim
    for phase, weights in enumerate(_phases()):
        total = np.zeros_like(values)
        for first, weight in enumerate(weights):
            if weight:
                place[axis] = slice(first, first + count)
                total += np.multiply(padded[tuple(place)], weight, out=part)
        place[axis] = slice(phase, None, 2)
        out[tuple(place)] = total
    return out


def _phases() -> np.ndarray:
    """Return the weights of seven neighbours for the two new samples in place of one, float32 (2, 7)."""
    away = np.arange(-LOBES, LOBES + 1) + np.array([[0.25], [-0.25]])
    weights = np.sinc(away) * np.sinc(away / LOBES) * (np.abs(away) < LOBES)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
