"""Nodes for n2s: `Scanlines`, the lines of an old screen; `Thermal`, a thermal camera; `Gate`, for loud moments."""

from n2s_scanlines.gate import Gate
from n2s_scanlines.scanlines import Scanlines
from n2s_scanlines.thermal import Thermal

__all__ = ["Gate", "Scanlines", "Thermal"]
