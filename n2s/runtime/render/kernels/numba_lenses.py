"""How numba reads a picture through lenses: places row by row, then the filter of `sampling`.

Where the shutter is open, a frame is the mean of several samples, a power of two, by how far the places move while it
is: one for each pixel, at most `SAMPLES`. A run is given the lenses' numbers at `MOMENTS` moments, evenly spread from
the opening to the closing of the shutter.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from n2s.runtime.render.kernels.jit import INNER, decorator
from n2s.runtime.render.kernels.kept import compile_kernel, digest_of
from n2s.runtime.render.kernels.pixels import helper_texts
from n2s.runtime.render.kernels.program import LensStep, Load, Program, Sample
from n2s.runtime.render.kernels.texts import kernel_of
from n2s.runtime.render.kernels.writer import Writer

SAMPLES = 16
MOMENTS = 2 * SAMPLES + 1
RULES = {"clamp": 0, "black": 0, "mirror": 1, "wrap": 2}

_HEADER = """\
# {digest} is the digest of the modules that these come from.
from n2s.runtime.render.kernels.maps import beyond, copy_row, read_row, seen
from n2s.runtime.render.kernels.lens_room import JOB
from n2s.runtime.render.kernels.light_levels import STATE
from n2s.runtime.render.kernels.addresses import call_at

Place = record("Place", "width height aspect frame seed channel")
"""
_MODULES = (
    "addresses", "filter_weights", "jit", "lens_room", "level_rows", "light_levels", "light_making", "maps",
    "plane_vectors", "sampling", "vectors",
)  # fmt: skip
# The parts of the filter: their modules, and how many characters a kernel has that takes as long to compile.
_PARTS = {
    "take_row": ("sampling", 40_000),
    "make_light": ("light_making", 15_000),
    "take_level_row": ("level_rows", 12_000),
}
_local = threading.local()


def lens_header() -> str:
    """Return what a kernel with lenses begins with."""
    return _HEADER.format(digest=digest_of(*_MODULES))


def sampler(folder: Path) -> np.ndarray:
    """Return the addresses of the compiled parts of the filter, int64; 0 where kernels are only asked for.

    They are compiled once for all kernels, which call them: in each it would take several seconds. Parts can be
    compiled at the same time.
    """
    addresses = []
    for name, (module, work) in _PARTS.items():
        kept: Any = compile_kernel(kernel_of(module, name, digest_of(*_MODULES)), folder, work)
        kept(0)
        if kept.checked:
            (compiled,) = kept.kernel.overloads.values()
            addresses.append(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))
        else:  # it is only asked for
            addresses.append(0)
    return np.array(addresses, np.int64)


@lru_cache(maxsize=64)
def levels_of(width: int, height: int) -> np.ndarray:
    """Return the levels of a picture's light, as `plan_levels` fills them."""
    from n2s.runtime.render.kernels.light_levels import LEVELS, plan_levels  # imports numba

    levels = np.zeros((LEVELS + 1, 4), np.int64)
    plan_levels(height, width, levels)
    return levels


def _scratch(size: tuple[int, int], number: int, per_channel: bool) -> np.ndarray:
    """Return memory of this thread for the light of a picture (width, height), and of its smaller copies.

    Where each channel has places of its own, the light of each colour by itself follows. Memory is kept from picture to
    picture, as much as the largest needed.
    """
    from n2s.runtime.render.kernels.light_levels import ALL  # imports numba

    floats = int(levels_of(*size)[-1, 2])
    floats += 3 * (floats // ALL) if per_channel else 0
    kept = _local.__dict__.setdefault("kept", {})
    if number not in kept or kept[number].size < floats:
        kept[number] = np.empty(floats, np.float32)
    return kept[number][:floats]


def arguments_of(size: tuple[int, int], number: int, per_channel: bool, moves: bool) -> tuple[np.ndarray, ...]:
    """Return what a kernel is given for a picture that is read through lenses: light, levels, and memory to work in.

    Each sample of an open shutter has memory of its own, which keeps what its next row may need.
    """
    from n2s.runtime.render.kernels.lens_room import room_for  # imports numba

    levels = levels_of(*size)
    each = room_for(size[0], int(levels[0, 3]))
    room = np.zeros((SAMPLES if moves else 1, 3 if per_channel else 1, each), np.float32)
    return _scratch(size, number, per_channel), levels, room


class LensedRows:
    """Writes a picture that is read through lenses. ``value`` is the number of the record that gives its colours."""

    channels = 3
    helpers = ("to_display",)

    def __init__(self, program: Program, load: Load, sample: Sample, value: int):
        self.i, self.value, self.where = load.picture, value, sample.where
        records = program.records
        self._beside = {number: records[number].picture for step in self.where.steps for number in step.pictures}
        self.groups = 3 if self.where.per_channel else 1
        # How many lenses come before those of which each channel has places of its own: they are asked once for all.
        self.common = [step.per_channel for step in self.where.steps].index(True) if self.where.per_channel else 0
        self.rule = RULES[self.where.steps[-1].edge]
        self.looks = max(len(step.pictures) for step in self.where.steps)
        self.reads = any(step.pictures for step in self.where.steps[1:])
        self.arguments = [f"{name}{self.i}" for name in ("in", "moves", "light", "levels", "room", "sampler")]

    @property
    def colour(self) -> list[str]:
        return [f"row{self.i}_{channel}[x]" for channel in range(3)]

    def write_function(self) -> str:
        """Return the function that fills a row of places, in pixels, and how much of each is seen.

        Where channels have places of their own it is called for red first, which fills what is common to all.
        """
        code, i = Writer(), self.i
        looked_at = sorted(set(self._beside.values()))
        arguments = ["f", "moves", "seeds", "frame", "y", "channel", "width", "height"]
        arguments += ["xs", "ys", "cover", "common", "near", *(["spots", "parts"] if self.reads else [])]
        arguments += [f"in{picture}" for picture in looked_at]
        code.add(decorator(INNER))
        with code.block(f"def places{i}({', '.join(arguments)}):"):
            code.add("wide, high = f32(width), f32(height)", "aspect = wide / high", "part = f32(1) / high")
            code.add("half_x, half_y = aspect * f32(0.5), f32(0.5)")
            code.add("offset_x, offset_y = wide * f32(0.5) - f32(0.5), high * f32(0.5) - f32(0.5)")
            for k, step in enumerate(self.where.steps):
                channel = "channel" if step.per_channel else "1"
                code.add(f"at_{k} = Place(wide, high, aspect, frame, u32(seeds[{step.seed}]), f32({channel}))")
            if self.common:
                with code.block("if channel == 0:"):
                    self._write_steps(code, range(self.common))
            self._write_steps(code, range(self.common, len(self.where.steps)))
        return code.text

    def _write_steps(self, code: Writer, which: range) -> None:
        """Write some lenses, in loops of their own, which keep their numbers in registers."""
        for k in which:
            places = "common[0], common[1]" if k <= self.common else "xs, ys"
            for n, number in enumerate(self.where.steps[k].pictures):
                picture = f"in{self._beside[number]}[f]"
                if k == 0:  # the last lens of the film is asked for whole pixels
                    code.add(f"copy_row({picture}, y, near[{n}])")
                else:
                    code.add(f"read_row({picture}, {places}, high, offset_x, offset_y, spots, parts, near[{n}])")
            with code.block("for k in range(width + 2):"):
                if k == 0:
                    code.add("x, y_ = (f32(k - 1) - offset_x) * part, (f32(y) - offset_y) * part", "share = f32(1)")
                elif k <= self.common:
                    code.add("x, y_, share = common[0, k], common[1, k], common[2, k]")
                else:
                    code.add("x, y_, share = xs[k], ys[k], cover[k]")
                self._write_step(code, k, self.where.steps[k])
                if k == len(self.where.steps) - 1:
                    code.add("x, y_ = x * high + offset_x, y_ * high + offset_y")
                target = "common[0, k], common[1, k], common[2, k]" if k < self.common else "xs[k], ys[k], cover[k]"
                code.add(f"{target} = x, y_, share")

    def _write_step(self, code: Writer, k: int, step: LensStep) -> None:
        """Write what one lens makes of a place."""
        taken = []
        for n, number in enumerate(step.pictures):
            picture = self._beside[number]
            taken.append(f"beside_{picture}")
            found = ", ".join(f"near[{n}, {channel}, k]" for channel in range(3))
            code.add(f"beside_{picture} = {found}")
        numbers = [f"moves[{step.column + n}]" for n in range(len(step.uniforms))]
        code.add(f"x, y_ = {step.code.name}({', '.join(['x', 'y_', *taken, f'at_{k}', *numbers])})")
        code.add("share += (x - x) + (y_ - y_)")  # NaN where a place is no finite number
        if step.edge == "black":
            code.add("share *= seen(x, half_x, high) * seen(y_, half_y, high)")
        rule = RULES[step.edge]
        code.add(f"x, y_ = beyond(x, half_x, high, {rule}), beyond(y_, half_y, high, {rule})")

    def write_start(self, code: Writer) -> None:
        i, groups = self.i, self.groups
        code.add(f"state{i}, job{i} = np.zeros(STATE, np.int64), np.empty(JOB, np.int64)")
        code.add(f"row{i} = np.empty((3, width), np.float32)")
        code.add(f"common{i} = np.empty((3, {'width + 2' if self.common else '0'}), np.float32)")
        code.add(f"near{i} = np.empty(({self.looks}, 3, width + 2), np.float32)")
        if self.reads:
            code.add(f"spots{i} = np.empty((3, width + 2), np.int32)")
            code.add(f"parts{i} = np.empty((2, width + 2), np.float32)")
        for name in ("xs", "ys", "cover"):
            code.add(f"{name}{i} = np.empty(({SAMPLES}, {groups}, 3, width + 2), np.float32)")

    def _write_places(self, code: Writer, moment: str, y: str, slot: str, sample: str = "s") -> None:
        i, looked_at = self.i, sorted(set(self._beside.values()))
        channel = "g" if self.groups > 1 else "1"
        # A function is compiled once more for each whole number that a call names; `np.int64` prevents it.
        target = [f"{name}{i}[{sample}, g, {slot}]" for name in ("xs", "ys", "cover")]
        given = ["f", f"moves{i}[f, {moment}]", "seeds", "frame", y, channel, "width", "height"]
        given += [*target, f"common{i}", f"near{i}", *([f"spots{i}", f"parts{i}"] if self.reads else [])]
        given += [f"in{picture}" for picture in looked_at]
        code.add(f"places{i}({', '.join(given)})")

    def write_frame(self, code: Writer) -> None:
        """Find how many samples the open shutter takes, and the places of the first two rows."""
        i = self.i
        # Addresses are taken anew for each frame: an array that no later line names may be given back before.
        values = {0: f"in{i}[f].ctypes.data", 1: f"light{i}.ctypes.data", 2: f"levels{i}.ctypes.data"}
        values |= {3: f"state{i}.ctypes.data", 11: f"row{i}.ctypes.data"}
        values |= {20: f"sampler{i}[1]", 21: f"sampler{i}[2]"}
        values |= {13: "height", 14: "width", 15: str(self.rule), 18: f"light{i}.size"}
        code.add(
            *(f"job{i}[{place}] = {value}" for place, value in values.items()),
        )
        with code.block("for k in range(STATE // 2):"):
            code.add(f"state{i}[STATE // 2 + k], state{i}[k] = state{i}[k], 0")
        code.add(f"samples{i}, first{i}, step{i} = 1, 0, 0")
        with code.block(f"if moves{i}.shape[1] > 1:"):
            code.add("g, far, places = np.int64(0), f32(0), 0")
            with code.block("for y in range(height // 16, height, max(1, height // 8)):"):
                self._write_places(code, "0", "y", "0", "0")
                self._write_places(code, str(MOMENTS - 1), "y", "1", "0")
                with code.block("for k in range(1, width + 1, 16):"):
                    code.add(f"x_, y_ = xs{i}[0, 0, 1, k] - xs{i}[0, 0, 0, k], ys{i}[0, 0, 1, k] - ys{i}[0, 0, 0, k]")
                    code.add("far, places = far + np.sqrt(x_ * x_ + y_ * y_), places + 1")
            with code.block(f"while samples{i} < {SAMPLES} and f32(samples{i}) * f32(places) < far:"):
                code.add(f"samples{i} *= 2")
            code.add(f"step{i} = {MOMENTS - 1} // samples{i}", f"first{i} = step{i} // 2")
        with code.block(f"for s in range(samples{i}):"):
            for y, slot in ((-1, 0), (0, 1)):  # all channels of a row, before what they have in common is another row's
                with code.block(f"for g in range({self.groups}):"):
                    self._write_places(code, f"first{i} + s * step{i}", f"np.int64({y})", str(slot))

    def write_row(self, code: Writer) -> None:
        i = self.i
        code.add("before, here, after = y % 3, (y + 1) % 3, (y + 2) % 3")
        with code.block(f"for s in range(samples{i}):"), code.block(f"for g in range({self.groups}):"):
            self._write_places(code, f"first{i} + s * step{i}", "y + 1", "after")
            for place, (name, slot) in enumerate(product(("xs", "ys"), ("before", "here", "after")), 4):
                code.add(f"job{i}[{place}] = {name}{i}[s, g, {slot}].ctypes.data")
            first, last = ("g", "g") if self.groups > 1 else ("0", "2")
            values = f"cover{i}[s, g, here].ctypes.data, {first}, {last}, s"
            code.add(f"job{i}[10], job{i}[16], job{i}[17], job{i}[19] = {values}")
            code.add(f"job{i}[12] = room{i}[s, g].ctypes.data")
            code.add(f"call_at(sampler{i}[0], job{i}.ctypes.data)")
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
