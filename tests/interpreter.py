"""A second back end for programs, slow and plain: records one by one, on numpy arrays and with Python's own calls.

It knows the records and nothing of numba. Its arithmetic is float32 in the order that the records state, so that it
gives the same bits.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import interpreted_lenses
import numpy as np

from n2s.graph import shader
from n2s.runtime.media.resample import Taps
from n2s.runtime.render.kernels import Program, Run
from n2s.runtime.render.kernels.layouts import Layout
from n2s.runtime.render.kernels.program import Enlarge, Filter, Full, LensStep, Load, Pixel, Sample, Store

f32, u32, fma = np.float32, np.uint32, shader.fma


class Interpreter:
    def compile(self, program: Program, folder: Path) -> Run:
        pixels = {record: _function(record) for record in program.pixels}
        lenses = [[_function(step) for step in sample.where.steps] for sample in program.lensed]

        def run(
            first: int,
            seeds: np.ndarray,
            uniforms: np.ndarray,
            thresholds: np.ndarray,
            pictures: Sequence[np.ndarray],
            out: np.ndarray,
            tables: Sequence[np.ndarray] = (),
            moves: Sequence[np.ndarray] = (),
            offsets: Sequence[np.ndarray] = (),
        ) -> bool:
            finite = True
            for frame in range(len(out)):
                values: list[np.ndarray] = []
                made: list[np.ndarray] = []  # mattes before they are held
                lensed = iter(zip(lenses, moves))
                for record in program.records:
                    match record:
                        case Load():
                            picture = pictures[record.picture][frame]
                            values.append(picture.astype(np.float16).astype(f32) if record.half else picture)
                        case Full():
                            values.append(np.ones((1, *program.size[::-1]), f32))
                        case Sample() if record.gives_colours:
                            functions, numbers = next(lensed)
                            given = values[record.source], dict(enumerate(values)), numbers[frame]
                            seen = interpreted_lenses.see(record.where, functions, *given, seeds, first + frame)
                            values.append(seen)
                        case Sample():
                            values.append(values[record.source])  # read where the filter's tables say
                        case Filter():
                            sample = program.records[record.source]
                            at = [places[frame] for moved, places in zip(program.moved, offsets) if moved is sample]
                            made.append(_filter(record, sample, values[record.source], *at))
                            values.append(made[-1] if len(made[-1]) == 3 else _held(made[-1]))
                        case Enlarge():
                            values.append(enlarged(values[record.source], program.size[::-1]))
                        case Pixel():
                            taken = [values[source] for source in record.pictures]
                            given = uniforms[frame, record.column : record.column + len(record.uniforms)]
                            read = tables[record.table : record.table + len(record.tables)]
                            read = [table[frame if len(table) > 1 else 0] for table in read]
                            about = first + frame, seeds[record.seed], _in_order(record, given, read)
                            made.append(_each(pixels[record], record.channels, program.size, taken, *about))
                            values.append(made[-1] if record.channels == 3 else _held(made[-1]))
                        case Store():
                            out[frame] = _store(record.layout, values[record.source], thresholds)
                finite = finite and all(np.isfinite(value).all() for value in (*values, *made))
            return not finite

        return run


def _function(pixel: Pixel | LensStep) -> Callable:
    """Return the code of a node by its text, over numbers of numpy."""
    names = {"np": np, "f32": f32, "u32": u32, "fma": fma}
    for _, text in (*pixel.code.helpers, (pixel.code.name, pixel.code.text)):
        exec(text, names)
    return names[pixel.code.name]


def _held(matte: np.ndarray) -> np.ndarray:
    """Return a matte held within 0..1, without a -0."""
    return np.where(matte > f32(1), f32(1), np.where(matte > f32(0), matte, f32(0)))


def _in_order(pixel: Pixel, numbers: np.ndarray, tables: list[np.ndarray]) -> list[Any]:
    """Return the numbers and tables of a pixel function as it takes them after ``at``."""
    given = dict(zip(pixel.uniforms, numbers)) | {name: table for (name, _), table in zip(pixel.tables, tables)}
    names = [argument.arg for argument in ast.parse(pixel.code.text).body[0].args.args]
    return [given[name] for name in names[names.index("at") + 1 :]]


def _each(
    function: Callable,
    channels: int,
    size: tuple[int, int],
    taken: list[np.ndarray],
    frame: int,
    seed: int,
    uniforms: Sequence[Any],
) -> np.ndarray:
    """Return the colours, or the matte, that a pixel function gives for each pixel."""
    width, height = size
    half_width, half_height = f32(width) * f32(0.5), f32(height) * f32(0.5)
    reach = f32(1) / np.sqrt(half_width * half_width + half_height * half_height)
    made = np.empty((channels, height, width), f32)
    for y in range(height):
        for x in range(width):
            dx, dy = f32(x) + f32(0.5) - half_width, f32(y) + f32(0.5) - half_height
            place = types.SimpleNamespace(
                x=f32(x), y=f32(y), u=(f32(x) + f32(0.5)) / f32(width), v=(f32(y) + f32(0.5)) / f32(height),
                width=f32(width), height=f32(height), radius=np.sqrt(dx * dx + dy * dy) * reach,
                row=u32(y), column=u32(x), frame=u32(frame), seed=u32(seed),
            )  # fmt: skip
            with np.errstate(all="ignore"):  # hashes overflow on purpose
                made[:, y, x] = function(*(_at(value, y, x) for value in taken), place, *uniforms)
    return made


def _at(value: np.ndarray, y: int, x: int) -> tuple | np.floating:
    """Return the colour of a pixel, or the number of a matte."""
    return tuple(value[:, y, x]) if len(value) == 3 else value[0, y, x]


def _filter(record: Filter, sample: Sample, picture: np.ndarray, *moved: np.ndarray) -> np.ndarray:
    """Return a picture that is filtered about the places of a sample: (C, h, w) to (C, H, W)."""
    rows, columns = sample.where.moved(*moved[0]) if moved else sample.where.tables
    light = getattr(shader, record.before)(picture) if record.before else picture
    if record.columns_first:
        narrow = _rows(_columns(light, columns, record), rows, record)
    else:
        narrow = _columns(_rows(light, rows, record), columns, record)
    return getattr(shader, record.after)(narrow) if record.after else narrow


def _rows(light: np.ndarray, rows: Taps, record: Filter) -> np.ndarray:
    """Return the weighted sums over rows, from the first tap to the last."""
    return sum((rows.weights[:, t, None] * light[:, rows.first + t] for t in range(1, record.rows)),
               rows.weights[:, 0, None] * light[:, rows.first])  # fmt: skip


def _columns(light: np.ndarray, columns: Taps, record: Filter) -> np.ndarray:
    """Return the weighted sums over columns."""
    return sum((columns.weights[:, t] * light[:, :, columns.first + t] for t in range(1, record.columns)),
               columns.weights[:, 0] * light[:, :, columns.first])  # fmt: skip


def mirrored(places: np.ndarray, count: int) -> np.ndarray:
    """Return which rows or columns are seen at any places of a picture that is mirrored at its edges."""
    return (order := np.r_[0:count, count - 1 : -1 : -1])[places % len(order)]


def halved(picture: np.ndarray) -> np.ndarray:
    """Return a picture of half the size."""
    for axis in (1, 2):
        side = picture.shape[axis]
        weights = (1 / 16, 4 / 16, 6 / 16) if side % 2 else (1 / 32, 5 / 32, 10 / 32)
        at = np.arange(0, side, 2)[:, None] + np.arange(-2, 3 if side % 2 else 4)
        taps = [picture.take(places, axis) for places in mirrored(at, side).T]
        pairs = [a + b for a, b in zip(taps, reversed(taps))][: len(taps) // 2]
        outer, inner, middle = [*pairs, taps[2]][:3]
        picture = fma(middle, f32(weights[2]), fma(inner, f32(weights[1]), outer * f32(weights[0])))
    return picture


def enlarged(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a picture (3, h, w) at twice the size, (H, W)."""
    for axis, side in zip((1, 2), shape):
        weights = ((2, 12, 2), (0, 8, 8)) if side % 2 else ((5, 10, 1), (1, 10, 5))
        at = np.arange(side)
        total: np.ndarray | None = None
        for tap in range(3):
            gains = np.array([weights[0][tap], weights[1][tap]], f32)[at % 2] / f32(16)
            part = picture.take(np.clip(at // 2 + tap - 1, 0, picture.shape[axis] - 1), axis)
            gains = gains[:, None] if axis == 1 else gains
            total = gains * part if total is None else fma(gains, part, total)
        picture = total
    return picture


def _store(layout: Layout, colours: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    _, height, width = colours.shape
    if layout.name == "planar":
        return colours
    if layout.name == "halved":
        return halved(colours)
    held = np.minimum(np.maximum(colours, f32(0)), f32(1))
    dither = thresholds[np.arange(height) % 64]
    if layout.name == "rgb":
        largest = f32(2**layout.bits - 1)
        return np.minimum(held * largest + dither, largest).astype(np.int32).transpose(1, 2, 0)
    scale = 2 ** (layout.bits - 8)
    red, _, blue = held
    luma = shader.luma(*held)
    planes = [f32(16 * scale) + f32(219 * scale) * luma + dither]
    for colour, spread in ((blue, 1.8556), (red, 1.5748)):
        value, taps, spots = colour - luma, 1, dither
        if layout.name == "yuv420p":
            value, taps, spots = value[0::2] + value[1::2], 2, dither[: height // 2]
        if layout.name != "yuv444p":
            left = np.concatenate([value[:, :1], value[:, 1:-1:2]], axis=1)
            value, taps = left + f32(2) * value[:, 0::2] + value[:, 1::2], 4 * taps
            spots = spots[:, : width // 2]
        planes.append(f32(128 * scale) + f32(224 * scale / spread / taps) * value + spots)
    return np.concatenate([plane.astype(np.int32).ravel() for plane in planes])
