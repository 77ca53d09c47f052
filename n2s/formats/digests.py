"""A list of the SHA-256 of every frame, to compare the pictures of two machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.format import Format, Pixels, Shape

LINE = 65  # 64 hexadecimal digits and a line feed


class Digests(Format):
    """A text of one line per frame. A sink gives ``depth`` and ``dither``."""

    suffix = ".txt"
    endings = (".txt", ".sha256")
    any_chunk = True

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("yuv420p", sink.depth, sink.dither)

    def describe(self, sink: Any) -> str:
        return "SHA-256 of every frame"

    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[np.ndarray]) -> None:
        with open(path, "wb") as file:
            for codes in blocks:
                file.writelines(f"{hashlib.sha256(frame).hexdigest()}\n".encode() for frame in codes)

    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        if path.stat().st_size != LINE * frames:
            raise RenderError(f"A list of digests does not have its {frames} lines; run again to go on.")

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        with open(path, "wb") as file:
            file.writelines(segment.read_bytes() for segment in segments)

    def verify(self, path: Path, film: Any) -> None:
        if path.stat().st_size != LINE * film.frames:
            raise RenderError(
                f"{film.path.name} does not have its {film.frames} lines and was not published; "
                "run again, with --force if it happens twice."
            )
