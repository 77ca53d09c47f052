"""Nodes for n2s, one of a kind.

`Scanlines` draws the lines of an old screen, `Afterglow` lets it glow on, `Mist` scatters light, `Warmth` says how warm
frames are, and `Gate` lets loud moments through.
"""

from n2s_scanlines.afterglow import Afterglow
from n2s_scanlines.gate import Gate
from n2s_scanlines.mist import Mist
from n2s_scanlines.scanlines import Scanlines
from n2s_scanlines.warmth import Warmth

__all__ = ["Afterglow", "Gate", "Mist", "Scanlines", "Warmth"]
