"""Values of a view as an .npz file, written block by block, so that a whole film never has to be in memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from n2s.runtime.seeing.views import View
from n2s.runtime.store import publish

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same values give the same file


def write_arrays(path: Path, view: View, frames: range) -> tuple[int, ...]:
    """Write ``values``, ``frames``, ``times`` and ``fps``, whole or not at all; return the shape of the values."""
    blocks = view.blocks(frames)
    first = next(blocks)
    shape = (len(frames), *first.shape[1:])
    times = np.array(frames) * view.clock.fps.denominator / np.float64(view.clock.fps.numerator)

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            with archive.open(_entry("values"), "w", force_zip64=True) as file:
                npy.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
                file.write(_bytes(first))
                for block in blocks:
                    file.write(_bytes(block))
            for name, array in (
                ("frames", np.array(frames, np.int64)), ("times", times), ("fps", np.float64(view.clock.fps)),
            ):  # fmt: skip
                buffer = io.BytesIO()
                npy.write_array(buffer, array, allow_pickle=False)
                archive.writestr(_entry(name), buffer.getvalue())

    publish(path, write)
    return shape


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{name}.npy", _LONG_AGO)


def _bytes(block: np.ndarray) -> memoryview:
    return memoryview(np.ascontiguousarray(block, "<f4")).cast("B")
