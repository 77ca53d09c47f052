"""A folder of numbered OpenEXR pictures: light as 16-bit floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from n2s.formats.pictures import Pictures
from n2s.graph.codings import has_alpha
from n2s.graph.format import Pixels
from n2s.runtime.media.exr import encode_exr, exr_size


class EXR(Pictures):
    """Pictures of light, the square of display values, which are taken from codes of 16 bits.

    With a matte, light is multiplied by it, as OpenEXR has it.
    """

    ending = ".exr"

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("rgb", 16, False, has_alpha(sink))

    def describe(self, sink: Any) -> str:
        return "OpenEXR, half floats of light"

    def encode(self, pixels: np.ndarray) -> bytes:
        values = pixels.astype(np.float64) / 65535
        light, opacity = values[..., :3] ** 2, values[..., 3:]
        if opacity.size:
            light = np.dstack([light * opacity, opacity])
        return encode_exr(light.astype(np.float16))

    def size_of(self, path: Path) -> tuple[int, int] | None:
        return exr_size(path)
