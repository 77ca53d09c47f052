"""Rows of pictures: one row per film, its name before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from n2s.runtime.seeing.contact import GAP, INK, PAPER, WIDEST, shrink
from n2s.runtime.seeing.lettering import HEIGHT, letter, width


def draw_rows(rows: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    """Return rows of pictures of one size, by their names, as one picture, uint8 (H, W, 3)."""
    left = max(map(width, rows)) + 2 * GAP
    count = max(map(len, rows.values()))
    wide = next(iter(rows.values()))[0].shape[1]
    by = max(1, -(-count * wide // (WIDEST - left - count * GAP)))
    tall, wide = shrink(next(iter(rows.values()))[0], by).shape[:2]
    drawn = np.full((len(rows) * (tall + GAP) + GAP, left + count * (wide + GAP), 3), PAPER, np.uint8)
    for i, (name, pictures) in enumerate(rows.items()):
        y = GAP + i * (tall + GAP)
        letter(drawn, GAP, y + (tall - HEIGHT) // 2, name, INK)
        for j, picture in enumerate(pictures):
            x = left + j * (wide + GAP)
            drawn[y : y + tall, x : x + wide] = shrink(picture, by)
    return drawn
