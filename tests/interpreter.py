"""A second back end for programs, slow and plain: records one by one, on numpy arrays and with Python's own calls.

It knows the records and nothing of numba. Its arithmetic is float32 in the order that the records state, so that it
gives the same bits.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from pathlib import Path

import interpreted_lenses
import numpy as np

from n2s.graph import shader
from n2s.runtime.render.kernels import Program, Run
from n2s.runtime.render.kernels.program import Filter, Layout, LensStep, Load, Pixel, Sample, Store

f32, u32 = np.float32, np.uint32


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
            moves: Sequence[np.ndarray] = (),
        ) -> bool:
            finite = True
            for frame in range(len(out)):
                values: list[np.ndarray] = []
                lensed = iter(zip(lenses, moves))
                for record in program.records:
                    match record:
                        case Load():
                            picture = pictures[record.picture][frame]
                            values.append(picture.astype(np.float16).astype(f32) if record.half else picture)
                        case Sample() if record.gives_colours:
                            functions, numbers = next(lensed)
                            given = values[record.source], dict(enumerate(values)), numbers[frame]
                            seen = interpreted_lenses.see(record.where, functions, *given, seeds, first + frame)
                            values.append(seen)
                        case Sample():
                            values.append(values[record.source])  # read where the filter's tables say
                        case Filter():
                            values.append(_filter(record, program.records[record.source], values[record.source]))
                        case Pixel():
                            taken = [values[source] for source in record.pictures]
                            given = uniforms[frame, record.column : record.column + len(record.uniforms)]
                            values.append(_each(pixels[record], taken, first + frame, seeds[record.seed], given))
                        case Store():
                            out[frame] = _store(record.layout, values[record.source], thresholds)
                finite = finite and all(np.isfinite(value).all() for value in values)
            return not finite

        return run


def _function(pixel: Pixel | LensStep) -> Callable:
    """Return the code of a node by its text, over numbers of numpy."""
    names = {"np": np, "f32": f32, "u32": u32}
    for _, text in (*pixel.code.helpers, (pixel.code.name, pixel.code.text)):
        exec(text, names)
    return names[pixel.code.name]


def _each(function: Callable, taken: list[np.ndarray], frame: int, seed: int, uniforms: np.ndarray) -> np.ndarray:
    """Return the colours that a pixel function gives for each pixel."""
    _, height, width = taken[0].shape
    half_width, half_height = f32(width) * f32(0.5), f32(height) * f32(0.5)
    reach = f32(1) / np.sqrt(half_width * half_width + half_height * half_height)
    made = np.empty((3, height, width), f32)
    for y in range(height):
        for x in range(width):
            dx, dy = f32(x) + f32(0.5) - half_width, f32(y) + f32(0.5) - half_height
            place = types.SimpleNamespace(
                x=f32(x), y=f32(y), u=(f32(x) + f32(0.5)) / f32(width), v=(f32(y) + f32(0.5)) / f32(height),
                width=f32(width), height=f32(height), radius=np.sqrt(dx * dx + dy * dy) * reach,
                row=u32(y), column=u32(x), frame=u32(frame), seed=u32(seed),
            )  # fmt: skip
            with np.errstate(all="ignore"):  # hashes overflow on purpose
                made[:, y, x] = function(*(tuple(value[:, y, x]) for value in taken), place, *uniforms)
    return made


def _filter(record: Filter, sample: Sample, picture: np.ndarray) -> np.ndarray:
    """Return a picture that is filtered about the places of a sample: (3, h, w) to (3, H, W)."""
    rows, columns = sample.where.tables
    light = getattr(shader, record.before)(picture)
    wide = sum((rows.weights[:, t, None] * light[:, rows.first + t] for t in range(1, record.rows)),
               rows.weights[:, 0, None] * light[:, rows.first])  # fmt: skip
    narrow = sum((columns.weights[:, t] * wide[:, :, columns.first + t] for t in range(1, record.columns)),
                 columns.weights[:, 0] * wide[:, :, columns.first])  # fmt: skip
    return getattr(shader, record.after)(narrow)


def _store(layout: Layout, colours: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    _, height, width = colours.shape
    if layout.name == "planar":
        return colours
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
        pairs = (colour - luma)[0::2] + (colour - luma)[1::2]
        left = np.concatenate([pairs[:, :1], pairs[:, 1:-1:2]], axis=1)
        value = left + f32(2) * pairs[:, 0::2] + pairs[:, 1::2]
        planes.append(f32(128 * scale) + f32(224 * scale / spread / 8) * value + dither[: height // 2, : width // 2])
    return np.concatenate([plane.astype(np.int32).ravel() for plane in planes])
