"""The camera in front of the latent grid."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, FolderPath, Param, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.cells import Around, read_cells
from n2s.nodes.channels import _MovesForms
from n2s.nodes.drift import drift_key, from_centre
from n2s.nodes.grounds import Noise, joined, repeated


class LatentCamera(_MovesForms):
    """Zoom, turn and shift the latent grid, without end: the decoder draws what comes into view.

    (x, y) shows R(-turn) (x, y) / zoom + (shift_x, shift_y), as with Camera, in heights of the latent grid from its
    centre. Zoom and turn move forms, the channels that the model's card gives a wide reach; details, which lie within
    cells and can neither be enlarged nor turned, are only shifted. So it is colours and light that come nearer, and no
    comb of cells shows; Camera, behind the decoder, enlarges the picture as it is. Between cells latents are read with
    weights that keep the variance of each channel in each frame. Beyond the edge lies the
    picture again, whose forms grow out of the end of the one before; with ``hash`` these become one half noise of the
    same colours and smoothness. ``mirror`` shows cells where it is sharp, as what lies within them is not turned over.

    A shift moves whole cells; by the part below a cell VAEDecode moves what it shows of the decoded frames
    (``scroll: pixels``). So a scrolling picture neither jumps nor shimmers, and costs what a still one costs; where
    it ever moves by a part of a cell along an axis, the film shows one cell less of this axis. VAEDecode has to read
    such a camera itself; nodes that change latents come before it. With ``scroll: latents`` neighbouring cells are
    mixed instead, which changes details on the way and needs no such place.
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

    def remainder(self, grid: tuple[int, int], zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray,
                  shift_y: np.ndarray) -> np.ndarray | None:  # fmt: skip
        view = view_of(grid, zoom, turn, shift_x, shift_y)
        return np.stack([view.down - np.floor(view.down + 0.5), view.right - np.floor(view.right + 0.5)], axis=1)

    def leaves_remainder(self) -> bool:
        return self.scroll == "pixels"

    def compute(self, block: Block, latents: np.ndarray, zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray,
                shift_y: np.ndarray) -> np.ndarray:  # fmt: skip
        rows, columns = latents.shape[2:]
        of_forms, of_details = self._split(latents, block.resources[0])
        view = view_of((rows, columns), zoom, turn, shift_x, shift_y)
        down, right = view.down, view.right
        if self.scroll == "pixels":
            down, right = np.floor(down + 0.5), np.floor(right + 0.5)
        y = from_centre(rows)[:, None] + down[:, None, None]
        x = from_centre(columns)[None, :] + right[:, None, None]
        along, beside = view.along[:, None, None], view.beside[:, None, None]
        forms, key = block.resources
        grounds = {"mirror": (None, None), "repeat": (joined, repeated), "hash": (Noise(key), repeated)}[self.ground]
        y, x = np.broadcast_arrays(y, x)
        of_forms = _read(of_forms, along * y - beside * x, along * x + beside * y, grounds[0])
        return self._joined(forms, of_forms, _read(of_details, y, x, grounds[1]))


def _read(latents: np.ndarray, y: np.ndarray, x: np.ndarray, around: Around | None) -> np.ndarray:
    """Return some channels at places counted from the centre."""
    if not latents.shape[1]:
        return latents
    rows, columns = latents.shape[2:]
    return read_cells(latents, y + (rows - 1) / 2, x + (columns - 1) / 2, around)


class View(NamedTuple):
    """What a camera shows of a grid: R(-turn) (p + (right, down)) / zoom at the place p, in cells from the centre.

    Its numbers are float64 (B,). So a shift is counted in cells as they are shown; that moves the picture by whole
    cells without reading latents anywhere else than before, whatever zoom and turn are.
    """

    along: np.ndarray  # of R(-turn) / zoom
    beside: np.ndarray
    right: np.ndarray
    down: np.ndarray


def view_of(
    grid: tuple[int, int], zoom: np.ndarray, turn: np.ndarray, shift_x: np.ndarray, shift_y: np.ndarray
) -> View:
    """Return the view of a camera's parameters, float32 (B,), shifts in heights of the grid."""
    degrees = np.remainder(turn.astype(np.float64), 360)
    angle = np.deg2rad(degrees)
    quarters = np.remainder(degrees, 90) == 0  # a turn of a quarter is exact, and so is none
    cosine, sine = (np.where(quarters, np.round(part), part) for part in (np.cos(angle), np.sin(angle)))
    x, y = (shift.astype(np.float64) * grid[0] * zoom for shift in (shift_x, shift_y))
    return View(cosine / zoom, sine / zoom, cosine * x - sine * y, sine * x + cosine * y)
