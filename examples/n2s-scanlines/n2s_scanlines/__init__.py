"""Nodes for n2s: `Scanlines` and `Afterglow` of an old screen, and `Gate`, which lets loud moments through."""

from n2s_scanlines.afterglow import Afterglow
from n2s_scanlines.gate import Gate
from n2s_scanlines.scanlines import Scanlines

__all__ = ["Afterglow", "Gate", "Scanlines"]
