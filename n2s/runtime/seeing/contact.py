"""Contact sheets: pictures side by side, the time under each; frames and latents as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from n2s.runtime.seeing.lettering import HEIGHT, letter, width

WIDEST = 2000
PAPER, INK = (18, 20, 24), (206, 211, 218)
GAP = 8
# From strongly negative over nothing to strongly positive.
_COLOURS = np.array(
    [(17, 33, 84), (41, 98, 168), (120, 176, 214), (242, 240, 234), (238, 158, 104), (196, 62, 52), (92, 14, 34)]
)
_STRONG = 3.0  # latents have unit variance: nearly all lie within three


def to_pixels(frame: np.ndarray) -> np.ndarray:
    """Return a frame, float32 (3, H, W), as uint8 (H, W, 3); a matte, (1, H, W), as grey."""
    colours = np.broadcast_to(frame, (3, *frame.shape[1:]))
    return np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)


def mosaic(latents: np.ndarray) -> np.ndarray:
    """Return latents (C, h, w) as a picture: the channels side by side, blue below zero and red above."""
    channels, rows, columns = latents.shape
    ideal = math.sqrt(channels * rows / columns * 1.6)
    across = min((n for n in range(1, channels + 1) if channels % n == 0), key=lambda n: abs(math.log(n / ideal)))
    cell = max(1, min(12, 1200 // (across * columns)))
    down = -(-channels // across)
    gap = 2
    picture = np.full((down * (rows * cell + gap) - gap, across * (columns * cell + gap) - gap, 3), PAPER, np.uint8)
    place = (np.clip(latents / _STRONG, -1, 1) + 1) / 2 * (len(_COLOURS) - 1)
    knots = np.arange(len(_COLOURS))
    coloured = np.stack([np.interp(place, knots, _COLOURS[:, c]) for c in range(3)], axis=-1)
    coloured = np.rint(coloured).astype(np.uint8).repeat(cell, axis=1).repeat(cell, axis=2)
    for i in range(channels):
        y, x = i // across * (rows * cell + gap), i % across * (columns * cell + gap)
        picture[y : y + rows * cell, x : x + columns * cell] = coloured[i]
    return picture


def pictures_of(view: Any, frames: Sequence[int]) -> list[np.ndarray]:
    """Return what a `View` sees at some rising frame numbers as pictures, uint8 (H, W, 3)."""
    draw = mosaic if view.kind == "latents" else to_pixels
    return [draw(value) for block in view.blocks(frames) for value in block]


def sheet(pictures: list[np.ndarray], labels: list[str]) -> np.ndarray:
    """Return one picture as it is, or several on a sheet, each in the middle of its cell, a label under each."""
    if len(pictures) == 1:
        return pictures[0]
    height, wide = _largest(pictures)
    across = columns_for(len(pictures), wide, height)
    tiles = [shrink(picture, -(-across * (wide + GAP) // WIDEST)) for picture in pictures]
    height, wide = _largest(tiles)
    scale = 2 if wide >= max(width(label) for label in labels) else 1
    strip = HEIGHT * scale + 10
    down = -(-len(tiles) // across)
    picture = np.full((down * (height + strip) + GAP, across * (wide + GAP) + GAP, 3), PAPER, np.uint8)
    for i, (tile, label) in enumerate(zip(tiles, labels)):
        y, x = i // across * (height + strip) + GAP, i % across * (wide + GAP) + GAP
        top, left = y + (height - tile.shape[0]) // 2, x + (wide - tile.shape[1]) // 2
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        letter(picture, x + max(0, (wide - width(label, scale)) // 2), y + height + 4, label, INK, scale)
    return picture


def _largest(pictures: list[np.ndarray]) -> tuple[int, int]:
    return max(picture.shape[0] for picture in pictures), max(picture.shape[1] for picture in pictures)


def columns_for(count: int, wide: int, height: int) -> int:
    """Return how many columns make a sheet about 16:9 with few empty places."""

    def cost(across: int) -> tuple[float, int]:
        down = -(-count // across)
        empty, shape = (across * down - count) / count, across * wide / (down * height) / (16 / 9)
        return round(1.5 * empty + 0.25 * abs(math.log(shape)), 6), -across  # of two as good, the wider

    return min(range(1, count + 1), key=cost)


def shrink(picture: np.ndarray, by: int) -> np.ndarray:
    """Return a picture at 1 / ``by`` of its size; each pixel is the mean of a square."""
    if by <= 1:
        return picture
    by = min(by, *picture.shape[:2])
    height, wide = picture.shape[0] // by, picture.shape[1] // by
    parts = picture[: height * by, : wide * by].reshape(height, by, wide, by, 3)
    return np.rint(parts.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)
