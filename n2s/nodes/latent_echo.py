"""The past of latents, moved and fading."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, FolderPath, Param, Seconds, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.cells import read_cells
from n2s.nodes.channels import _MovesForms
from n2s.nodes.drift import from_centre


class LatentEcho(_MovesForms):
    """Let what was there before show through, each time smaller, larger or turned: trails that the decoder draws.

    out = n * sum over k = 0..copies of decay^k * c^k(latents[t - k * step]); c shows a frame through a camera: (x, y)
    shows R(-turn) (x, y) / zoom + (shift_x, shift_y), in heights from the centre, and c^k does so k times. n, one
    number per channel and frame, gives the sum the strength of its frames, sqrt(mean of squares), in the mean by their
    weights; so it matters not how alike they are. Details, which lie within cells, are only shifted (see LatentCamera).
    Between cells latents are read with weights that keep their variance. What lies before the first frame is the first
    frame.
    """

    latents: Latents = port("what leaves trails")
    decay: Param = param(0.6, ge=0, lt=1, help="how strong each copy is beside the one after it; 0: no trails")
    step: Seconds = setting(0.15, ge=0.01, le=2, unit="s", help="the time between two copies")
    copies: int = setting(5, ge=1, le=16, help="how many past frames are seen")
    zoom: Param = param(1.05, ge=0.25, le=4, help="how much larger each copy is than the one after it")
    turn: Param = param(0.0, ge=-360, le=360, unit="degrees", help="how much further each copy is turned, clockwise")
    shift_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="how far the camera goes right for each copy")
    shift_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="how far the camera goes down for each copy")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"decay": 0}

    def _stride(self, fps: Any) -> int:
        return max(1, round(self.step.resolve(120) * float(fps)))

    def open(self, scene: Scene, grid: tuple[int, int]) -> np.ndarray:
        return self._forms(scene)

    def window(self, fps: Any) -> tuple[int, int]:
        return self.copies * self._stride(fps), 0

    def compute(self, block: Block, latents: np.ndarray, decay: np.ndarray, zoom: np.ndarray, turn: np.ndarray,
                shift_x: np.ndarray, shift_y: np.ndarray) -> np.ndarray:  # fmt: skip
        count, stride = block.count, self._stride(block.scene.clock.fps)
        newest, rows = self.copies * stride, latents.shape[2]
        angle, zoom = np.deg2rad(turn.astype(np.float64)), zoom.astype(np.float64)
        step = Move(np.cos(angle) / zoom, np.sin(angle) / zoom, shift_x.astype(np.float64) * rows,
                    shift_y.astype(np.float64) * rows)  # fmt: skip
        move = None
        weight, fading = np.ones((count, 1, 1, 1), np.float32), decay[:, None, None, None]
        total, strength, weights = 0.0, 0.0, 0.0
        for k in range(self.copies + 1):
            seen = latents[newest - k * stride :][:count]
            if k:
                move = step if move is None else step.after(move)
                seen = self._seen(seen, move, block.resources)
            total = total + weight * seen
            strength = strength + weight * root_mean_square(seen)
            weights = weights + weight
            weight = weight * fading
        made = total * (strength / weights / np.maximum(root_mean_square(total), np.float32(1e-6)))
        return np.where(fading > 0, made, latents[newest:][:count])

    def _seen(self, latents: np.ndarray, move: Move, forms: np.ndarray) -> np.ndarray:
        """Return latents through a camera: forms as it sees them, details only shifted."""
        of_forms, of_details = self._split(latents, forms)
        rows, columns = latents.shape[2:]
        y, x = from_centre(rows)[:, None], from_centre(columns)[None, :]
        down, across = move.places(y, x)
        seen = read_cells(of_forms, down + (rows - 1) / 2, across + (columns - 1) / 2)
        if of_details.shape[1]:
            down, across = move.straight().places(y, x)
            of_details = read_cells(of_details, down + (rows - 1) / 2, across + (columns - 1) / 2)
        return self._joined(forms, seen, of_details)


class Move(NamedTuple):
    """A camera of each frame, float64 (B,): it shows (along x + beside y + right, along y - beside x + down)."""

    along: np.ndarray
    beside: np.ndarray
    right: np.ndarray
    down: np.ndarray

    def places(self, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns, (B, h, w), that it shows at some."""
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

    def straight(self) -> Move:
        """Return the camera without zoom and turn that shifts what is shown by as much."""
        size = self.along * self.along + self.beside * self.beside
        right = (self.along * self.right - self.beside * self.down) / size
        down = (self.along * self.down + self.beside * self.right) / size
        return Move(np.ones_like(size), np.zeros_like(size), right, down)


def root_mean_square(latents: np.ndarray) -> np.ndarray:
    """Return the strength of each channel of each frame, float32 (N, C, 1, 1)."""
    n, channels = latents.shape[:2]
    wide = latents.astype(np.float64).reshape(n * channels, -1)
    return np.sqrt((wide * wide).sum(axis=1) / wide.shape[1]).astype(np.float32).reshape(n, channels, 1, 1)
