"""The back end for CUDA: a program becomes kernels on a device, which are given what a run is given.

Only what is stored travels back. What does not change from block to block (taps, thresholds, tables that a node filled
once) is sent once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from n2s.runtime.media.resample import Taps
from n2s.runtime.render.kernels.back_end import Run
from n2s.runtime.render.kernels.cuda_device import Device, Memory, OnDevice
from n2s.runtime.render.kernels.cuda_kernel import Kernel
from n2s.runtime.render.kernels.cuda_lenses import PAD, Lensed
from n2s.runtime.render.kernels.cuda_program import CudaProgram, cuda_program_of
from n2s.runtime.render.kernels.numba_lenses import SAMPLES, levels_of
from n2s.runtime.render.kernels.program import Fit, Load, Program, Sample


class CudaRuns:
    """Compiles programs for a device."""

    def __init__(self, device: Device):
        self.device = device

    def compile(self, program: Program, folder: Path) -> Run:
        """Return a program as a function; the device's code is made here."""
        made = cuda_program_of(program)
        return _CudaRun(self.device, program, made, self.device.compile(made.source, made.kernels))


class _CudaRun:
    """A compiled program; see `n2s.runtime.render.kernels.back_end.Run`.

    Pictures may lie on the device (`OnDevice`), and what is stored may stay there.
    """

    def __init__(self, device: Device, program: Program, made: CudaProgram, functions: Any):
        self.device, self.program, self.made, self.functions = device, program, made, functions
        self._sent: dict[str, tuple[np.ndarray, Memory]] = {}  # copies of what was sent last, by name
        self._lock = threading.Lock()
        records = program.records
        sampled = {record.source: record for record in records if isinstance(record, Sample)}
        fits = [(record.picture, sampled[number].where) for number, record in enumerate(records)
                if isinstance(record, Load) and number in sampled]  # fmt: skip
        self._fits: dict[int, Fit] = {picture: where for picture, where in fits if isinstance(where, Fit)}

    def __call__(
        self,
        first: int,
        seeds: np.ndarray,
        uniforms: np.ndarray,
        thresholds: np.ndarray,
        pictures: Sequence[Any],
        out: Any,
        tables: Sequence[np.ndarray] = (),
        moves: Sequence[np.ndarray] = (),
        offsets: Sequence[np.ndarray] = (),
    ) -> bool:
        device, made, frames = self.device, self.made, len(out)
        width, height = self.program.size
        values: dict[str, Any] = {"first": first, "height": height, "width": width}
        values |= {"seeds": device.upload(seeds), "uniforms": device.upload(uniforms), "columns": uniforms.shape[1]}
        values |= {"dither": self._once("dither", thresholds), "dither_width": thresholds.shape[-1]}
        values |= self._halves
        for i, picture in enumerate(pictures):
            values[f"in{i}"] = picture.memory if isinstance(picture, OnDevice) else device.upload(picture)
        for i, table in enumerate(tables):
            values |= {f"table{i}": self._once(f"table{i}", table), f"table{i}_rows": table.shape[1]}
            values |= {f"table{i}_columns": table.shape[2], f"table{i}_apart": table[0].size if len(table) > 1 else 0}
        for name, given in (self._taps | self._moved(offsets)).items():
            values[name] = given if isinstance(given, Memory) else device.upload(given)
        values["flag"] = device.empty(4)
        device.clear(values["flag"])
        stays = isinstance(out, OnDevice)
        values["out"] = out.memory if stays else device.empty(out.nbytes)
        if made.kept:
            values["kept"] = device.empty(4 * made.kept * frames * width * height)
        for lensed, numbers in zip(made.lenses, moves):
            self._see(lensed, numbers, frames, values)
        self._launch(made.pixels, values, frames)
        if made.finish:
            self._launch(made.finish, values, frames)
        flag = np.zeros(1, np.int32)
        if not stays:
            device.download(values["out"], out)
        device.download(values["flag"], flag)
        return bool(flag[0])

    def _launch(self, kernel: Kernel, values: dict[str, Any], frames: int) -> None:
        across, down = (limit if isinstance(limit, int) else values[limit] for limit in kernel.threads)
        given = [values[name] for _, name in kernel.arguments]
        numbers = [value.address if isinstance(value, Memory) else int(value) for value in given]
        self.device.launch(self.functions[kernel.name], kernel, (across, down, frames), numbers)

    @property
    def _halves(self) -> dict[str, int]:
        """How many threads finish a frame across and down, where they are half as many as pixels."""
        more = 1 if self.program.store.layout.name == "halved" else 0
        width, height = self.program.size
        return {"half_width": (width + more) // 2, "half_height": (height + more) // 2}

    def _once(self, name: str, array: np.ndarray) -> Memory:
        """Return an array on the device, sent when it is another than last time; its memory may be used again."""
        with self._lock:
            kept = self._sent.get(name)
            if kept is None or not np.array_equal(kept[0], array):
                kept = self._sent[name] = array.copy(), self.device.upload(array)
            return kept[1]

    @cached_property
    def _taps(self) -> dict[str, Memory]:
        """The taps of fits that show the same part of a picture in each frame."""
        return {
            name: self.device.upload(array)
            for picture, fit in self._fits.items()
            if not fit.is_moved
            for name, array in _named(picture, [fit.tables]).items()
        }

    def _moved(self, offsets: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return the taps of fits that are moved, for each frame."""
        moved = [(picture, fit) for picture, fit in self._fits.items() if fit.is_moved]
        return {
            name: array
            for (picture, fit), places in zip(moved, offsets)
            for name, array in _named(picture, [fit.moved(*place) for place in places.tolist()]).items()
        }

    @cached_property
    def _levels(self) -> np.ndarray:
        """What `levels_of` returns, as int32."""
        return levels_of(*self.program.size).astype(np.int32)

    def _see(self, lensed: Lensed, moves: np.ndarray, frames: int, values: dict[str, Any]) -> None:
        """Read a picture through lenses."""
        device, i, levels = self.device, lensed.i, self._levels
        width, height = self.program.size
        moments = moves.shape[1]
        room, count = int(levels[-1, 2]), int(levels[-1, 0])
        floats = lambda count: device.empty(4 * max(1, count) * frames)  # noqa: E731
        values |= {
            f"moves{i}": device.upload(moves),
            f"moments{i}": moments,
            f"levels{i}": self._once(f"levels{i}", levels),
        }
        values |= {f"light{i}": floats(room), f"room{i}": room, f"count{i}": count}
        values |= {f"lit{i}_width": width + 2 * PAD, f"lit{i}_height": height + 2 * PAD}
        values |= {"wider": width + 2, "higher": height + 2, f"seen{i}": floats(3 * width * height)}
        values |= {f"places{i}": floats(lensed.groups * 3 * (width + 2) * (height + 2)), f"samples{i}": floats(1)}
        self._launch(lensed.light, values, frames)
        for level in range(1, count):
            rows, columns = levels[level, :2] + 2 * PAD
            values |= {"level": level, "level_width": int(columns), "level_height": int(rows)}
            self._launch(lensed.level, values, frames)
        if moments > 1:
            step = max(1, height // 8)
            rows, columns = len(range(height // 16, height, step)), -(-width // 16)
            values |= {"step": step, "far_rows": rows, "far_columns": columns, "count": rows * columns}
            values[f"far{i}"] = floats(rows * columns)
            self._launch(lensed.far, values, frames)
            self._launch(lensed.samples, values, frames)
        for sample in range(SAMPLES if moments > 1 else 1):
            values["sample"] = sample
            self._launch(lensed.places, values, frames)
            self._launch(lensed.take, values, frames)


def _named(picture: int, tables: Sequence[tuple[Taps, Taps]]) -> dict[str, np.ndarray]:
    """Return the taps of rows and columns as kernels name them, those of all tables one behind the other."""
    made = {}
    for axis, first, weights in ((0, "rows", "row_weights"), (1, "columns", "column_weights")):
        made[f"{first}{picture}"] = np.concatenate([table[axis].first for table in tables]).astype(np.int32)
        made[f"{weights}{picture}"] = np.concatenate([table[axis].weights for table in tables]).astype(np.float32)
    return made
