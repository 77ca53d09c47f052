"""How numba reads a picture through lenses: places row by row, then the filter of `sampling`.

Where the shutter is open, a frame is the mean of several samples, a power of two, by how far the places move while it
is: one for each pixel, at most `SAMPLES`. A run is given the lenses' numbers at `MOMENTS` moments, evenly spread from
the opening to the closing of the shutter.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import numpy as np

from n2s.graph.keys import digest_bytes
from n2s.runtime.render.kernels.pixels import helper_texts
from n2s.runtime.render.kernels.program import Load, Program, Sample
from n2s.runtime.render.kernels.writer import Writer

SAMPLES = 16
MOMENTS = 2 * SAMPLES + 1
PAD, LEVELS = 2, 8  # as in `sampling`, which imports numba
RULES = {"clamp": 0, "black": 0, "mirror": 1, "wrap": 2}

_SOURCE = Path(__file__).with_name("sampling.py")
_HEADER = """\
# {digest} is the digest of the module that these come from.
from n2s.runtime.render.kernels.sampling import (
    LEVELS, beyond, make_room, plan_levels, read_at, seen, take_row,
)

Place = namedtuple("Place", "width height aspect frame seed channel")
"""
_local = threading.local()


@cache
def lens_header() -> str:
    """Return what a kernel with lenses begins with; it names the module of the filter by its text."""
    return _HEADER.format(digest=digest_bytes(_SOURCE.read_bytes())[:16])


def scratch(size: tuple[int, int], number: int) -> np.ndarray:
    """Return memory of this thread for the light of a picture (width, height), and of its halves."""
    kept = _local.__dict__.setdefault("kept", {})
    if (size, number) not in kept:
        width, height = size
        pixels = (width + 2 * PAD) * (height + 2 * PAD)
        for _ in range(1, LEVELS):
            width, height = (width + 1) // 2, (height + 1) // 2
            pixels += width * height
        kept[size, number] = np.empty(pixels * 4, np.float32)
    return kept[size, number]


class LensedRows:
    """Writes a picture that is read through lenses. ``value`` is the number of the record that gives its colours."""

    helpers = ("to_display",)

    def __init__(self, program: Program, load: Load, sample: Sample, value: int):
        self.i, self.value, self.where = load.picture, value, sample.where
        records = program.records
        self._beside = {number: records[number].picture for step in self.where.steps for number in step.pictures}
        self.groups = 3 if self.where.per_channel else 1
        self.rule = RULES[self.where.steps[-1].edge]
        self.arguments = [f"{name}{self.i}" for name in ("in", "moves", "light")]

    @property
    def colour(self) -> list[str]:
        return [f"row{self.i}_{channel}[x]" for channel in range(3)]

    def write_function(self) -> str:
        """Return the function that fills a row of places, in pixels, and how much of each is seen."""
        code, i = Writer(), self.i
        looked_at = sorted(set(self._beside.values()))
        arguments = ["f", "moves", "seeds", "frame", "y", "channel", "width", "height", "xs", "ys", "cover"]
        code.add('@njit(error_model="numpy")')
        with code.block(f"def places{i}({', '.join([*arguments, *(f'in{picture}' for picture in looked_at)])}):"):
            code.add("wide, high = f32(width), f32(height)", "aspect = wide / high", "part = f32(1) / high")
            code.add("half_x, half_y = aspect * f32(0.5), f32(0.5)")
            code.add("offset_x, offset_y = wide * f32(0.5) - f32(0.5), high * f32(0.5) - f32(0.5)")
            for k, step in enumerate(self.where.steps):
                code.add(f"at_{k} = Place(wide, high, aspect, frame, u32(seeds[{step.seed}]), f32(channel))")
            with code.block("for k in range(width + 2):"):
                code.add("x, y_ = (f32(k - 1) - offset_x) * part, (f32(y) - offset_y) * part", "share = f32(1)")
                for k, step in enumerate(self.where.steps):
                    taken = []
                    for number in step.pictures:
                        picture = self._beside[number]
                        taken.append(f"beside_{picture}")
                        code.add(
                            f"beside_{picture} = read_at(in{picture}[f], x * high + offset_x, y_ * high + offset_y)"
                        )
                    numbers = [f"moves[{step.column + n}]" for n in range(len(step.uniforms))]
                    code.add(f"x, y_ = {step.code.name}({', '.join(['x', 'y_', *taken, f'at_{k}', *numbers])})")
                    if step.edge == "black":
                        code.add("share *= seen(x, half_x, high) * seen(y_, half_y, high)")
                    rule = RULES[step.edge]
                    code.add(f"x, y_ = beyond(x, half_x, {rule}), beyond(y_, half_y, {rule})")
                code.add("xs[k], ys[k] = x * high + offset_x, y_ * high + offset_y")
                code.add("cover[k] = share + ((x - x) + (y_ - y_))")
        return code.text

    def write_start(self, code: Writer) -> None:
        i, groups = self.i, self.groups
        code.add(f"levels{i}, state{i} = np.empty((LEVELS, 4), np.int64), np.zeros(2, np.int64)")
        code.add(f"state{i}[0] = plan_levels(height, width, levels{i})")
        code.add(f"room{i}, row{i} = make_room(width), np.empty((3, width), np.float32)")
        for name in ("xs", "ys", "cover"):
            code.add(f"{name}{i} = np.empty(({SAMPLES}, {groups}, 3, width + 2), np.float32)")

    def _write_places(self, code: Writer, moment: str, y: str, slot: str, sample: str = "s") -> None:
        i, looked_at = self.i, sorted(set(self._beside.values()))
        channel = "g" if self.groups > 1 else "1"
        target = [f"{name}{i}[{sample}, g, {slot}]" for name in ("xs", "ys", "cover")]
        given = ["f", f"moves{i}[f, {moment}]", "seeds", "frame", y, channel, "width", "height", *target]
        code.add(f"places{i}({', '.join([*given, *(f'in{picture}' for picture in looked_at)])})")

    def write_frame(self, code: Writer) -> None:
        """Find how many samples the open shutter takes, and the places of the first two rows."""
        i = self.i
        code.add(f"state{i}[1] = 0")
        code.add(f"samples{i}, first{i}, step{i} = 1, 0, 0")
        with code.block(f"if moves{i}.shape[1] > 1:"):
            code.add("g, far, places = 0, f32(0), 0")
            with code.block("for y in range(height // 16, height, max(1, height // 8)):"):
                self._write_places(code, "0", "y", "0", "0")
                self._write_places(code, str(MOMENTS - 1), "y", "1", "0")
                with code.block("for k in range(1, width + 1, 16):"):
                    code.add(f"x_, y_ = xs{i}[0, 0, 1, k] - xs{i}[0, 0, 0, k], ys{i}[0, 0, 1, k] - ys{i}[0, 0, 0, k]")
                    code.add("far, places = far + np.sqrt(x_ * x_ + y_ * y_), places + 1")
            with code.block(f"while samples{i} < {SAMPLES} and f32(samples{i}) * f32(places) < far:"):
                code.add(f"samples{i} *= 2")
            code.add(f"step{i} = {MOMENTS - 1} // samples{i}", f"first{i} = step{i} // 2")
        with code.block(f"for s in range(samples{i}):"), code.block(f"for g in range({self.groups}):"):
            for y, slot in ((-1, 0), (0, 1)):
                self._write_places(code, f"first{i} + s * step{i}", str(y), str(slot))

    def write_row(self, code: Writer) -> None:
        i = self.i
        code.add("before, here, after = y % 3, (y + 1) % 3, (y + 2) % 3")
        with code.block("for c in range(3):"):
            code.add(f"line = row{i}[c]")
            with code.block("for x in range(width):"):
                code.add("line[x] = f32(0)")
        with code.block(f"for s in range(samples{i}):"), code.block(f"for g in range({self.groups}):"):
            self._write_places(code, f"first{i} + s * step{i}", "y + 1", "after")
            rows = [f"({', '.join(f'{name}{i}[s, g, {slot}]' for slot in ('before', 'here', 'after'))})"
                    for name in ("xs", "ys")]  # fmt: skip
            colours = "(g, g)" if self.groups > 1 else "(0, 2)"
            code.add(
                f"take_row(in{i}[f], light{i}, levels{i}, state{i}, {self.rule}, {rows[0]}, {rows[1]}, "
                f"cover{i}[s, g, here], {colours}, row{i}, room{i})"
            )
        code.add(f"row{i}_0, row{i}_1, row{i}_2 = row{i}[0], row{i}[1], row{i}[2]", f"share = f32(1) / f32(samples{i})")
        with code.block("for c in range(3):"):
            code.add(f"line = row{i}[c]")
            with code.block("for x in range(width):"):
                code.add("line[x] = to_display(line[x] * share)")

    @property
    def texts(self) -> dict[str, str]:
        """The functions that it calls, by name."""
        texts = dict(helper_texts(*self.helpers))
        for step in self.where.steps:
            texts |= dict(step.code.helpers) | {step.code.name: step.code.text}
        return texts


def lens_of(program: Program, number: int) -> LensedRows | None:
    """Return how the picture of a load is read through lenses; None where it is not."""
    for value, record in enumerate(program.records):
        if isinstance(record, Sample) and record.gives_colours and record.source == number:
            return LensedRows(program, program.records[number], record, value)
    return None
