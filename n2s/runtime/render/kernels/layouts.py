"""How the colours of a frame lie in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from n2s.graph.kinds.filter import halved


@dataclass(frozen=True)
class Layout:
    """How the colours of a frame lie in memory.

    ========  ======  =====================================================================================
    name      bits    one frame
    ========  ======  =====================================================================================
    planar    32      float32 (3, H, W), as it was computed
    halved    32      float32 (3, (H + 1) // 2, (W + 1) // 2), halved by the kernels of `pyramid`
    yuv420p   8, 10   one row of codes: H W of luma, then a quarter as many of blue and of red; BT.709 limited
    yuv422p   8, 10   the same, half as many of blue and of red, in every row
    yuv444p   8, 10   the same, as many of blue and of red
    rgb       8, 16   codes (H, W, 3): floor(value * largest + threshold), value held within 0..1
    ========  ======  =====================================================================================

    Codes of more than 8 bits are uint16. A matte lies planar, in one plane.
    """

    name: str
    bits: int
    channels: int = 3

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """The shape of a frame of a size (width, height)."""
        width, height = size
        planar = (self.channels, height, width)
        shapes = {
            "planar": planar,
            "halved": (3, *halved((height, width))),
            "yuv420p": (width * height * 3 // 2,),
            "yuv422p": (width * height * 2,),
            "yuv444p": (width * height * 3,),
            "rgb": (height, width, 3),
        }
        return shapes[self.name]

    @property
    def dtype(self) -> type[np.generic]:
        return np.float32 if self.bits == 32 else np.uint8 if self.bits == 8 else np.uint16

    @property
    def largest(self) -> int:
        """The largest code."""
        return 2**self.bits - 1

    def __str__(self) -> str:
        return f"{self.name}, {self.bits} bits{', one channel' if self.channels == 1 else ''}"


LAYOUTS = {
    "frames": Layout("planar", 32),
    "halved": Layout("halved", 32),
    "matte": Layout("planar", 32, 1),
    "yuv8": Layout("yuv420p", 8),
    "yuv10": Layout("yuv420p", 10),
    "yuv422p8": Layout("yuv422p", 8),
    "yuv422p10": Layout("yuv422p", 10),
    "yuv444p8": Layout("yuv444p", 8),
    "yuv444p10": Layout("yuv444p", 10),
    "rgb8": Layout("rgb", 8),
    "rgb16": Layout("rgb", 16),
}
