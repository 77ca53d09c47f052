"""Where dust, hairs and scratches lie on the frames of a film: drawn one by one, because most pixels have none."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import MATTE_OUTPUT, Param, Seconds, Streamed, param, setting
from n2s.graph.seeds import seed_of
from n2s.graph.shader import cos, fade, fract, hash32, length, mix, pixel_hash, sin, uniform

f32 = np.float32
WIDE = 16 / 9  # heights; what is counted lies on a picture of this shape
CELL = 26.0  # sizes of the largest speck: the side of a cell, which holds one thing or none in each layer
LANE = 0.16  # heights: a strip that holds one scratch or none
LANES = 512  # more than any picture has
EARLY = 0.01  # of a film's frame: more than what float32 may lack where one begins, less than anyone sees
SWAYS, TREMBLES = 0.004, 0.0008  # heights: how far a scratch winds, and goes to and fro
SOFT = 1.0  # pixels beyond its edge that a thing may still cover a part of
Lain = tuple[np.ndarray, int, int, bool]  # how much of some pixels is covered; the first row and column; bright or dark


class DustMatte(Streamed):
    """The dust of `Dust`: 0.5 + 0.5 * coverage where it is bright, 0.5 - 0.5 * coverage where it is dark."""

    specks: Param = param(6.0, ge=0, le=200, help="how many lie on a frame of 16:9, on average")
    hairs: Param = param(0.35, ge=0, le=50, help="how many hairs lie there beside them, on average")
    scratches: Param = param(0.4, ge=0, le=10, help="how many are seen at a time on 16:9, on average")
    bright: Param = param(0.4, ge=0, le=1, help="the share of bright ones; the others are dark")
    size: Param = param(0.004, ge=0.0005, le=0.03, unit="heights", help="the radius of the largest speck")
    rate: float = setting(24.0, ge=1, le=60, unit="Hz", help="frames of the film a second, each with other dust")
    life: Seconds = setting(1.5, ge=0.1, le=60, unit="s", help="how long a scratch stays")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other dust")

    outputs = MATTE_OUTPUT
    reads = frozenset()

    def open(self, scene: Scene, grid: Any) -> tuple[Any, ...]:
        fps = float(scene.clock.fps)
        seed = np.uint32(seed_of(scene.seed, "Dust", self.seed))
        return scene.size, seed, f32(self.rate / fps), f32(1 / (scene.clock.seconds(self.life) * fps))

    def compute(self, block: Block, specks, hairs, scratches, bright, size) -> np.ndarray:
        (width, height), seed, film_frames, lives = block.resources
        made = np.full((block.count, 1, height, width), f32(0.5))
        with np.errstate(over="ignore"):  # hashes overflow on purpose
            for k, plane in enumerate(made[:, 0]):
                number = f32(block.start + k)
                film_frame = np.floor(number * film_frames + f32(EARLY))
                each = (size[k] * f32(CELL)) ** 2 * f32(1 / WIDE)
                shares = hairs[k] * each, (specks[k] + hairs[k]) * each
                for lain in things_on(width, height, seed, film_frame, *shares, bright[k], size[k]):
                    _lay(plane, lain)
                share = scratches[k] * f32(LANE / WIDE)
                for lain in scratches_on(width, height, seed, film_frame, number * lives, share, bright[k], size[k]):
                    _lay(plane, lain)
        return made


def _lay(plane: np.ndarray, lain: Lain) -> None:
    """Put a thing on a frame, where it covers more than what lies there."""
    cover, top, left, bright = lain
    rows, columns = (slice(max(first, 0), max(first + side, 0)) for first, side in zip((top, left), cover.shape))
    seen = plane[rows, columns]
    half = cover[max(-top, 0) :, max(-left, 0) :][: seen.shape[0], : seen.shape[1]] * f32(0.5)
    there = half > abs(seen - f32(0.5))
    seen[there] = (f32(0.5) + half if bright else f32(0.5) - half)[there]


def things_on(
    width: int, height: int, seed: Any, film_frame: Any, hair: Any, thing: Any, bright: Any, size: Any
) -> list[Lain]:
    """Return the specks and hairs of a frame, in as many layers of cells as it takes.

    ``hair`` and ``thing`` are how many hairs, and things of any of the two kinds, a cell is asked to hold on average.
    In one layer it holds one at most; so where there are more, several layers share them, each with cells of its own.
    """
    layers = max(int(np.ceil(thing)), 1)
    seeds = [seed, *(hash32(seed + np.uint32(layer)) for layer in range(1, layers))]
    shares = hair / f32(layers), thing / f32(layers)
    return [lain for own in seeds for lain in layer_on(width, height, own, film_frame, *shares, bright, size)]


def layer_on(
    width: int, height: int, seed: Any, film_frame: Any, hair: Any, thing: Any, bright: Any, size: Any
) -> list[Lain]:
    """Return the specks and hairs of a layer: a hash of each cell says what lies in it, and where.

    ``hair`` and ``thing`` are the shares of cells that hold a hair, and any of the two. Cells are put elsewhere in each
    frame of the film, so that their borders are never seen.
    """
    cells, high = 1 / (size * f32(CELL)), f32(height)
    moved = uniform(pixel_hash(seed, film_frame, 0, 0))
    x_0, y_0 = moved + 512, fract(moved * 4096) + 512  # in cells: where the middle of the frame lies
    rows, columns = (
        np.arange(np.floor(at - half * cells), np.floor(at + half * cells) + 1, dtype=f32)
        for at, half in ((y_0, f32(0.5)), (x_0, f32(0.5 * width / height)))
    )
    row, column = (side.ravel() for side in np.meshgrid(rows, columns, indexing="ij"))
    found: Any = pixel_hash(seed, film_frame, row + 1, column)
    there: Any = uniform(found) < thing
    row, column, found = row[there], column[there], found[there]
    if not len(found):
        return []
    is_hair, found = uniform(found) < hair, hash32(found)
    place: Any = uniform(found)
    shape: Any = uniform(hash32(found))
    long = fract(shape * 4096)
    reach = np.where(is_hair, (4 + 5 * long) * size, f32(0.5) * long * long * size)
    radius = np.where(is_hair, f32(0.13) * size, (f32(0.2) + f32(0.8) * long * long * long) * size)
    free = f32(0.5) - (f32(1.15) * reach + radius) * cells  # so that it lies in its cell
    x = (column + f32(0.5) + (2 * place - 1) * free - x_0) * (f32(CELL) * size)
    y = (row + f32(0.5) + (2 * fract(place * 4096) - 1) * free - y_0) * (f32(CELL) * size)
    fine = np.minimum(2 * radius * high, f32(1))
    strong, bow = np.where(is_hair, of_line(fine), fine), fract(place * 64) - f32(0.5)
    # It is at most reach + radius long from its middle, and 0.72 reach + 2.06 radius beside it, where it is steepest.
    around = np.ceil((f32(1.24) * reach + f32(2.3) * radius) * high + f32(SOFT)).astype(int)
    made: list[Lain] = []
    for i in range(len(found)):
        middle = np.floor((y[i] + f32(0.5)) * high), np.floor(x[i] * high + f32(0.5) * width)
        top, left = (int(at) - int(around[i]) for at in middle)
        side = 2 * around[i] + 1
        dy = ((np.arange(top, top + side) + f32(0.5)) / high - f32(0.5) - y[i]).astype(f32)[:, None]
        dx = ((np.arange(left, left + side) + f32(0.5) - f32(0.5) * width) / high - x[i]).astype(f32)[None]
        c, s = cos(shape[i]), sin(shape[i])
        distance = bent_line(dx * c + dy * s, dy * c - dx * s, reach[i], bow[i])
        made.append((covered(distance, radius[i], high) * strong[i], top, left, bool(fract(shape[i] * 64) < bright)))
    return made


def scratches_on(width, height, seed, film_frame, lives, scratch, bright, size) -> list[Lain]:
    """Return the scratches of a frame: strips in each of which they follow each other, begun at different times.

    ``scratch`` is the share of strips that hold one; ``lives`` counts how many the film has seen.
    """
    high, half = f32(height), f32(0.5 * width / height)
    number = np.arange(np.floor(-half / LANE), np.floor(half / LANE) + 1, dtype=f32) + f32(LANES / 2)
    life = lives + fract(number * f32(0.618034))
    drawn: Any = pixel_hash(seed, 0, 1, np.floor(life) * LANES + number)
    there: Any = uniform(drawn) < scratch
    if not there.any():
        return []
    y = ((np.arange(height) + f32(0.5)) / high - f32(0.5)).astype(f32)
    trembles = f32(TREMBLES) * (uniform(pixel_hash(seed, film_frame, 0, 2)) - f32(0.5))
    gone = gaps(y, film_frame, seed)
    made: list[Lain] = []
    places: Any = uniform(hash32(drawn[there]))
    for number, life, place in zip(number[there], life[there], places):
        age = fract(life)
        worn = f32(0.35) + f32(0.65) * fract(place * 64) * gone
        seen = min(8 * min(age, 1 - age), f32(1)) * worn
        radius = (f32(0.1) + f32(0.15) * fract(place * 4096)) * size
        seen = seen * of_line(np.minimum(2 * radius * high, f32(1)))
        middle = (number - LANES / 2 + f32(0.1) + f32(0.8) * place) * f32(LANE) - trembles
        middle = middle - f32(SWAYS) * sin(f32(0.3) * y + life + place)
        left = int(np.floor((middle.min() - radius) * high + f32(0.5) * width - f32(SOFT)))
        right = int(np.ceil((middle.max() + radius) * high + f32(0.5) * width + f32(SOFT)))
        x = ((np.arange(left, right) + f32(0.5) - f32(0.5) * width) / high).astype(f32)
        line = covered(abs(x - middle[:, None]), radius, high) * seen[:, None]
        made.append((line, 0, left, bool(fract(place * 1024) < bright)))
    return made


def bent_line(along, beside, reach, bow):
    """Return how far points are from a line that is bent like a bow, from -reach to reach; a dot where reach is 0.

    It lies at beside = 1.2 bow reach t² + 0.3 reach (t - t³), t = along / reach; the distance is measured across it.
    """
    reach = np.maximum(reach, f32(0.000001))
    t = np.clip(along / reach, f32(-1), f32(1))
    off = beside - reach * t * (f32(1.2) * bow * t + f32(0.3) * (1 - t * t))
    slope = f32(2.4) * bow * t + f32(0.3) - f32(0.9) * t * t
    return length(np.maximum(abs(along) - reach, f32(0)), off / length(f32(1), slope))


def covered(distance, radius, height):
    """Return how much of a pixel a thing covers that is so far; of one finer than a pixel, more than that."""
    return np.clip(f32(0.5) + (radius - distance) * height, f32(0), f32(1))


def of_line(fine):
    """Return which part of `covered` is true of a line that is ``fine`` pixels wide, 0..1; of a dot it is ``fine``."""
    rest = 1 - fine
    return 1 - rest * rest * rest


def gaps(y, film_frame, seed):
    """Return how strong a scratch is along its way, 0..1: it breaks off and comes again, elsewhere in each frame."""
    along = y * 5 + 1024
    part = fract(along)
    above = uniform(pixel_hash(seed, film_frame, along - part, 3))
    below = uniform(pixel_hash(seed, film_frame, along - part + 1, 3))
    return np.minimum(f32(1.6) * mix(above, below, fade(part)), f32(1))
