"""Flashes, counted on a coarse grid of a film by the rules of WCAG 2.3.1 and ITU-R BT.1702; see docs/flash-safety.md.

Arrays are (T, C, ...): frames, then the cells of the grid row by row. A flash is counted when it rises, so four flashes
are four rises with three falls between them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LONG, SHORT = 30, 18  # cells along the longer and the shorter side of a frame
CELLS = LONG * SHORT
CHANGE = 0.1 - 2**-14  # of relative luminance, of a rise or fall that counts; signals are rounded to 2**-16
BRIGHT = 0.8  # changes between states that are both as bright as this do not count
RED_CHANGE = 20 / 320 - 2**-14  # of R - G - B of what is saturated red, by the older rule
SATURATED, HUES = 0.8, 0.2  # R / (R + G + B) of saturated red, and how far in u'v' the other state is from it
FAINT = 2.0**-10  # white light that is added before a hue is judged: what is nearly black has none
ALLOWED = 3  # flashes in a second
FIELD = 3  # a field of view of 10 degrees is a third of the frame's width and of its height
SHARE = 4  # more than one quarter of a field must flash
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # BT.709
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


class Grid(NamedTuple):
    """How many rows and columns of cells a frame has."""

    rows: int
    columns: int

    @classmethod
    def of(cls, size: tuple[int, int]) -> Grid:
        """Return the grid of frames of a (width, height)."""
        return cls(LONG, SHORT) if size[1] > size[0] else cls(SHORT, LONG)

    def area(self, cells: np.ndarray) -> np.ndarray:
        """Return how many cells of each field are marked, (T, fields down, fields across), of bool (T, C)."""
        down, across = self.rows // FIELD, self.columns // FIELD
        sums = np.zeros((len(cells), self.rows + 1, self.columns + 1), np.int32)
        sums[:, 1:, 1:] = cells.reshape(-1, *self).cumsum(axis=1, dtype=np.int32).cumsum(axis=2)
        rows = sums[:, down:] - sums[:, :-down]
        return rows[..., across:] - rows[..., :-across]

    @property
    def allowed_area(self) -> int:
        """The most cells of a field that may flash."""
        return (self.rows // FIELD) * (self.columns // FIELD) // SHARE

    def in_fields(self, fields: np.ndarray) -> np.ndarray:
        """Return which cells lie in marked fields, bool (T, C)."""
        down, across = self.rows // FIELD, self.columns // FIELD
        cells = np.zeros((len(fields), *self), bool)
        for i in range(down):
            for j in range(across):
                cells[:, i : i + fields.shape[1], j : j + fields.shape[2]] |= fields
        return cells.reshape(len(fields), self.rows * self.columns)


def rises_of(light: np.ndarray, change: float, bright: float) -> np.ndarray:
    """Return where a flash rises, bool (T, C), of light (T, C).

    It rises where the light is ``change`` above the lowest since the last fall of as much, if that was below
    ``bright``.
    """
    rises = np.zeros(light.shape, bool)
    if not len(light):
        return rises
    extreme, falling = light[0].copy(), np.ones(light.shape[1], bool)
    for t, now in enumerate(light):
        rise = falling & (now - extreme >= change) & (extreme < bright)
        fall = ~falling & (extreme - now >= change) & (now < bright)
        extreme = np.where(falling, np.minimum(extreme, now), np.maximum(extreme, now))
        extreme = np.where(rise | fall, now, extreme)
        falling ^= rise | fall
        rises[t] = rise
    return rises


def hue_rises(light: np.ndarray) -> np.ndarray:
    """Return where a flash to red rises, bool (T, C), of the light of red, green and blue (T, C, 3).

    It rises where a cell becomes saturated red and was, since its last fall, ``HUES`` away from that in u'v'; it falls
    where it is as far away from the reddest that it was.
    """
    rises = np.zeros(light.shape[:2], bool)
    if not len(light) or not is_saturated(light).any():
        return rises
    is_red, hue = is_saturated(light), hues(light)
    primary = hues(np.array([1.0, 0.0, 0.0]))
    extreme, falling = hue[0].copy(), np.ones(light.shape[1], bool)
    for t in range(len(light)):
        apart = np.hypot(*(hue[t] - extreme).T) > HUES
        rise, fall = falling & is_red[t] & apart, ~falling & apart
        reddish, before = (-np.hypot(*(value - primary).T) for value in (hue[t], extreme))
        further = np.where(falling, reddish < before, reddish > before)
        extreme = np.where((rise | fall | further)[:, None], hue[t], extreme)
        falling ^= rise | fall
        rises[t] = rise
    return rises


def is_saturated(light: np.ndarray) -> np.ndarray:
    """Say whether light (..., 3) is saturated red."""
    light = light + FAINT
    return light[..., 0] >= SATURATED * light.sum(axis=-1)


def hues(light: np.ndarray) -> np.ndarray:
    """Return u' and v' of CIE 1976 (..., 2) of light (..., 3)."""
    x, y, z = np.moveaxis((light + FAINT) @ XYZ.T, -1, 0)
    return np.stack([4 * x, 9 * y], axis=-1) / (x + 15 * y + 3 * z)[..., None]


def in_a_second(happens: np.ndarray, second: int) -> np.ndarray:
    """Return how often something happens in the ``second`` frames that end with each, of bool (T, ...)."""
    total = np.cumsum(happens, axis=0, dtype=np.int32)
    total[second:] -= total[:-second].copy()
    return total


def worst(flashes: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the number of flashes, (T,), that more than a quarter of some field has; ``flashes`` is (T, C)."""
    found = np.zeros(len(flashes), np.int32)
    for count in range(1, flashes.max(initial=0) + 1):
        at = np.flatnonzero((flashes >= count).sum(axis=1) > grid.allowed_area)
        found[at[(grid.area(flashes[at] >= count) > grid.allowed_area).any(axis=(1, 2))]] = count
    return found


def breaking(rises: np.ndarray, grid: Grid, second: int) -> np.ndarray:
    """Return which cells break the rule in the second that ends with each frame, bool (T, C)."""
    many = in_a_second(rises, second) > ALLOWED
    cells, at = np.zeros(many.shape, bool), np.flatnonzero(many.sum(axis=1) > grid.allowed_area)
    cells[at] = many[at] & grid.in_fields(grid.area(many[at]) > grid.allowed_area)
    return cells


class Counted(NamedTuple):
    """Where flashes rise, of one kind: in the cells, bool (T, C), and in the mean of the whole frame, bool (T, 1)."""

    cells: np.ndarray
    whole: np.ndarray

    def flashes(self, grid: Grid, second: int) -> np.ndarray:
        """Return how many there are in the second that ends with each frame, (T,)."""
        return np.maximum(worst(in_a_second(self.cells, second), grid), in_a_second(self.whole, second)[:, 0])

    def broken(self, grid: Grid, second: int) -> np.ndarray:
        """Return which cells break the rule in the second that ends with each frame; all where the mean does."""
        return breaking(self.cells, grid, second) | (in_a_second(self.whole, second) > ALLOWED)


class Kind(NamedTuple):
    """What of a cell flashes: changes of ``change`` from below ``bright`` count; ``left`` of them may stay.

    ``dims`` says whether all light around may be dimmed where nothing else helps.
    """

    change: float
    bright: float
    left: float
    dims: bool

    def flashes(self, values: np.ndarray) -> Counted:
        """Count the flashes of this kind, of (T, C)."""
        of = (rises_of(each, self.change, self.bright) for each in (values, values.mean(axis=1, keepdims=True)))
        return Counted(*of)


# What stays is below what counts by what the grid and the codes of a film may be off.
LIGHT = Kind(CHANGE, BRIGHT, 0.085, True)  # relative luminance
REDNESS = Kind(RED_CHANGE, np.inf, 0.05, False)  # R - G - B of what is saturated red


def flashes_of_hue(light: np.ndarray) -> Counted:
    """Count the flashes between saturated red and other hues, of red, green and blue (T, C, 3)."""
    return Counted(hue_rises(light), np.zeros((len(light), 1), bool))


def extended(flashes: np.ndarray, second: int) -> np.ndarray:
    """Say of each frame whether there were two or three flashes a second in four of the last five, of `worst` (T,)."""
    return in_a_second(flashes >= 2, 5 * second) >= 4 * second
