"""The grid of latents that a picture has, and how large a cell of it is shown."""

from __future__ import annotations

GRID_ROWS = 16


def default_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Return the latent grid of a picture: 16 rows, and as many columns as cover its width (rows where it is tall)."""
    width, height = size
    if width >= height:
        return GRID_ROWS, -(-GRID_ROWS * width // height)
    return -(-GRID_ROWS * height // width), GRID_ROWS


def pixels_per_cell(size: tuple[int, int], grid: tuple[int, int]) -> float:
    """Return how many pixels wide and high a cell is in a picture of ``size`` that shows the middle of a grid."""
    width, height = size
    rows, columns = grid
    return max(width / columns, height / rows)
