"""Places that a camera in front of the latent grid shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Move(NamedTuple):
    """A camera of each frame, float64 (B,): it shows (along x + beside y + right, along y - beside x + down) at (x, y).

    Places are counted in cells from the centre.
    """

    along: np.ndarray
    beside: np.ndarray
    right: np.ndarray
    down: np.ndarray

    def places(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns (B, h, w) that it shows at some."""
        along, beside, right, down = (number[:, None, None] for number in self)
        return along * y - beside * x + down, along * x + beside * y + right

    def after(self, other: Move) -> Move:
        """Return the camera that shows what this one shows of what another shows."""
        return Move(
            self.along * other.along - self.beside * other.beside,
            self.along * other.beside + self.beside * other.along,
            self.along * other.right + self.beside * other.down + self.right,
            self.along * other.down - self.beside * other.right + self.down,
        )


def camera_move(zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray, shift_y: np.ndarray, rows: int) -> Move:
    """Return the move R(-turn) (x, y) / zoom + (shift_x, shift_y) of parameters, float32 (B,).

    Turns are in degrees, clockwise; shifts in heights of a grid of so many rows.
    """
    degrees = np.remainder(turn.astype(np.float64), 360)
    angle = np.deg2rad(degrees)
    quarters = np.remainder(degrees, 90) == 0  # a turn of a quarter is exact, and so is none
    cosine, sine = (np.where(quarters, np.round(part), part) for part in (np.cos(angle), np.sin(angle)))
    right, down = (shift.astype(np.float64) * rows for shift in (shift_x, shift_y))
    return Move(cosine / zoom, sine / zoom, right, down)
