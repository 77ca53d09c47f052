"""Nodes for n2s: `Scanlines`, the lines of an old screen, `Gate`, which lets loud moments through, and `Warmth`."""

from n2s_scanlines.gate import Gate
from n2s_scanlines.scanlines import Scanlines
from n2s_scanlines.warmth import Warmth

__all__ = ["Gate", "Scanlines", "Warmth"]
