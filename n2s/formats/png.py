"""A folder of numbered PNG pictures, of 8 or 16 bits."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.format import Format, Pixels, Shape
from n2s.runtime.media.png import encode_png, png_size


class PNG(Format):
    """Pictures of the display values over the full range, 000000.png and so on; a segment is a plain zip of them.

    A sink gives ``depth`` and ``dither``.
    """

    suffix = ".zip"
    is_folder = True
    any_chunk = True

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("rgb", sink.depth, sink.dither)

    def describe(self, sink: Any) -> str:
        return f"PNG of {sink.depth} bits"

    def recipe(self, sink: Any) -> dict[str, Any]:
        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}

    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[np.ndarray]) -> None:
        width, height = shape.size
        frames = (frame for codes in blocks for frame in codes)
        with ZipFile(path, "w") as file:
            for i, frame in enumerate(frames):
                entry = ZipInfo(_name(i))  # of the year 1980, whatever the clock says
                entry.create_system = 3  # not the system that it is written on
                file.writestr(entry, encode_png(frame.reshape(height, width, 3)))

    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        try:
            with ZipFile(path) as file:
                whole = file.namelist() == [_name(i) for i in range(frames)]
        except BadZipFile:
            whole = False
        if not whole:
            raise RenderError(f"A segment does not have its {frames} pictures; run again to go on.")

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        number = 0
        for segment in segments:
            with ZipFile(segment) as file:
                for name in file.namelist():
                    (path / _name(number)).write_bytes(file.read(name))
                    number += 1

    def verify(self, path: Path, film: Any) -> None:
        wanted = [_name(i) for i in range(film.frames)]
        whole = {file.name for file in path.iterdir() if png_size(file) == tuple(film.size)}
        if whole != set(wanted):
            raise RenderError(
                f"{film.path.name} has {len(whole)} whole pictures instead of {film.frames} and was not published; run "
                "again, with --force if it happens twice."
            )


def _name(number: int) -> str:
    return f"{number:06d}.png"
