"""A folder of numbered PNG pictures, of 8 or 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from n2s.formats.pictures import Pictures
from n2s.graph.codings import has_alpha
from n2s.graph.format import Pixels
from n2s.runtime.media.png import encode_png, png_size


class PNG(Pictures):
    """Pictures of the display values over the full range. A sink gives ``depth`` and ``dither``."""

    ending = ".png"

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("rgb", sink.depth, sink.dither, has_alpha(sink))

    def describe(self, sink: Any) -> str:
        return f"PNG of {sink.depth} bits"

    def encode(self, pixels: np.ndarray) -> bytes:
        return encode_png(pixels)

    def size_of(self, path: Path) -> tuple[int, int] | None:
        return png_size(path)
