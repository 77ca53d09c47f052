"""The past of latents, moved and fading."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, FolderPath, Param, Seconds, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.blending import power
from n2s.nodes.cells import read_cells
from n2s.nodes.channels import _MovesForms
from n2s.nodes.drift import from_centre
from n2s.nodes.moves import Move, camera_move

STILL = np.ones(1), np.zeros(1)  # neither zoom nor turn


class LatentEcho(_MovesForms):
    """Let what was there before show through, each time larger, turned or shifted: trails that the decoder draws.

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
        step = camera_move(zoom, turn, shift_x, shift_y, rows)
        move = None
        weight, fading = np.ones((count, 1, 1, 1), np.float32), decay[:, None, None, None]
        total: Any = 0.0
        strength, weights = 0.0, 0.0
        for k in range(self.copies + 1):
            seen = latents[newest - k * stride :][:count]
            if k:
                move = step if move is None else step.after(move)
                seen = self._seen(seen, move, Move(*STILL, k * step.right, k * step.down), block.resources)
            total = total + weight * seen
            strength = strength + weight * root_mean_square(seen)
            weights = weights + weight
            weight = weight * fading
        made = total * (strength / weights / np.maximum(root_mean_square(total), np.float32(1e-6)))
        return np.where(fading > 0, made, latents[newest:][:count])

    def _seen(self, latents: np.ndarray, move: Move, shift: Move, forms: np.ndarray) -> np.ndarray:
        """Return latents through a camera: forms as it sees them, details only shifted."""
        of_forms, of_details = self._split(latents, forms)
        rows, columns = latents.shape[2:]
        y, x = from_centre(rows)[:, None], from_centre(columns)[None, :]
        down, across = move.places(y, x)
        seen = read_cells(of_forms, down + (rows - 1) / 2, across + (columns - 1) / 2)
        moves = (shift.down != 0) | (shift.right != 0)
        if of_details.shape[1] and moves.any():
            down, across = shift.places(y, x)
            shifted = read_cells(of_details, down + (rows - 1) / 2, across + (columns - 1) / 2)
            of_details = np.where(moves[:, None, None, None], shifted, of_details)
        return self._joined(forms, seen, of_details)


def root_mean_square(latents: np.ndarray) -> np.ndarray:
    """Return the strength of each channel of each frame, float32 (N, C, 1, 1)."""
    return np.sqrt(power(latents, latents))
