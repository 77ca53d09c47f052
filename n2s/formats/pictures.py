"""A folder of numbered pictures, whatever their kind: segments are plain zips of them."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.format import Format, Shape


class Pictures(Format):
    """Pictures 000000, 000001 and so on of one kind, which ``ending``, `encode` and `size_of` tell."""

    suffix = ".zip"
    is_folder = True
    any_chunk = True
    ending: ClassVar[str] = ""

    @abstractmethod
    def encode(self, pixels: np.ndarray) -> bytes:
        """Return codes (H, W, 3), or with alpha (H, W, 4), as a file."""

    @abstractmethod
    def size_of(self, path: Path) -> tuple[int, int] | None:
        """Return width and height of a file that is whole; None for any other."""

    def recipe(self, sink: Any) -> dict[str, Any]:
        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}

    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[np.ndarray]) -> None:
        width, height = shape.size
        frames = (frame for codes in blocks for frame in codes)
        with ZipFile(path, "w") as file:
            for i, frame in enumerate(frames):
                entry = ZipInfo(self._name(i))  # of the year 1980, whatever the clock says
                entry.create_system = 3  # not the system that it is written on
                colours = frame[: 3 * width * height].reshape(height, width, 3)
                alpha = frame[3 * width * height :]
                picture = np.dstack([colours, alpha.reshape(height, width)]) if alpha.size else colours
                file.writestr(entry, self.encode(picture))

    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        try:
            with ZipFile(path) as file:
                whole = file.namelist() == [self._name(i) for i in range(frames)]
        except BadZipFile:
            whole = False
        if not whole:
            raise RenderError(f"A segment does not have its {frames} pictures; run again to go on.")

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        number = 0
        for segment in segments:
            with ZipFile(segment) as file:
                for name in file.namelist():
                    (path / self._name(number)).write_bytes(file.read(name))
                    number += 1

    def verify(self, path: Path, film: Any) -> None:
        wanted = [self._name(i) for i in range(film.frames)]
        whole = {file.name for file in path.iterdir() if self.size_of(file) == tuple(film.size)}
        if whole != set(wanted):
            raise RenderError(
                f"{film.path.name} has {len(whole)} whole pictures instead of {film.frames} and was not published; run "
                "again, with --force if it happens twice."
            )

    def _name(self, number: int) -> str:
        return f"{number:06d}{self.ending}"
