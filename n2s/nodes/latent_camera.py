"""The camera in front of the latent grid."""

from __future__ import annotations

from typing import Literal

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, FolderPath, Param, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.cells import Around, read_cells
from n2s.nodes.channels import _MovesForms
from n2s.nodes.drift import drift_key, from_centre
from n2s.nodes.grounds import Noise, joined, repeated
from n2s.nodes.moves import camera_move


class LatentCamera(_MovesForms):
    """Zoom, turn and shift the latent grid, without end: the decoder draws what comes into view.

    (x, y) shows R(-turn) (x, y) / zoom + (shift_x, shift_y), as with Camera, in heights of the latent grid from its
    centre. Zoom and turn move forms, the channels that the model's card gives a wide reach. Details, which lie within
    cells and can neither be enlarged nor turned, are only shifted, (x, y) + (shift_x, shift_y): it is colours and light
    that come nearer, and no comb of cells shows. Camera, behind the decoder, enlarges the picture as it is. Between
    cells forms are read with weights that keep the variance of each channel in each frame.

    Beyond the edge lies the picture again, whose forms grow out of the end of the one before; with ``hash`` these
    become one half noise of the same colours and smoothness. ``mirror`` shows cells where it is sharp, as what lies
    within them is not turned over.

    A shift moves details by whole cells; by the part below a cell VAEDecode moves what it shows of the decoded frames
    (``scroll: pixels``). So a scrolling picture neither jumps nor shimmers, and costs what a still one costs; where it
    ever moves by a part of a cell along an axis, the film shows one cell less of this axis. VAEDecode has to read such
    a camera itself; nodes that change latents come before it. With ``scroll: latents`` neighbouring cells are mixed
    instead, which changes details on the way, and other nodes may follow.
    """

    latents: Latents = port("what is in front of the camera")
    zoom: Param = param(1.0, ge=0.1, le=50, help="how near it comes; above 1 nearer")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the picture is turned clockwise")
    shift_x: Param = param(0.0, ge=-1000, le=1000, unit="heights", help="how far it has moved to the right")
    shift_y: Param = param(0.0, ge=-1000, le=1000, unit="heights", help="how far it has moved down")
    ground: Literal["repeat", "hash", "mirror"] = setting(
        "repeat", help="what lies beyond the edge: the picture again, changed by noise, mirrored"
    )
    scroll: Literal["pixels", "latents"] = setting("pixels", help="what moves by parts of a cell")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other noise beyond the edge")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"zoom": 1, "turn": 0, "shift_x": 0, "shift_y": 0}

    def open(self, scene: Scene, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return self._forms(scene), drift_key(scene.seed, b"LCAM", self.seed)

    def leaves_remainder(self) -> bool:
        return self.scroll == "pixels"

    def remainder(self, grid: tuple[int, int], zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray,
                  shift_y: np.ndarray) -> np.ndarray:  # fmt: skip
        cells = np.stack([shift_y, shift_x], axis=1).astype(np.float64) * grid[0]
        return cells - np.floor(cells + 0.5)

    def compute(self, block: Block, latents: np.ndarray, zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray,
                shift_y: np.ndarray) -> np.ndarray:  # fmt: skip
        forms, key = block.resources
        of_forms, of_details = self._split(latents, forms)
        rows, columns = latents.shape[2:]
        shift = np.stack([shift_y, shift_x], axis=1).astype(np.float64) * rows
        left = self.remainder((rows, columns), zoom, turn, shift_x, shift_y) * (self.scroll == "pixels")
        y, x = np.broadcast_arrays(from_centre(rows)[None, :, None], from_centre(columns)[None, None, :])
        down, right = (cells[:, None, None] for cells in shift.T)
        down_left, right_left = (cells[:, None, None] for cells in left.T)
        grounds = {"mirror": (None, None), "repeat": (joined, repeated), "hash": (Noise(key), repeated)}[self.ground]
        move = camera_move(zoom, turn, shift_x, shift_y, rows)
        of_forms = _read(of_forms, *move.places(y - down_left, x - right_left), grounds[0])
        of_details = _read(of_details, y + (down - down_left), x + (right - right_left), grounds[1])
        return self._joined(forms, of_forms, of_details)


def _read(latents: np.ndarray, y: np.ndarray, x: np.ndarray, around: Around | None) -> np.ndarray:
    """Return some channels at places counted from the centre."""
    if not latents.shape[1]:
        return latents
    rows, columns = latents.shape[2:]
    return read_cells(latents, y + (rows - 1) / 2, x + (columns - 1) / 2, around)
