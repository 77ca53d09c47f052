"""Nodes for n2s, one of each kind.

`Scanlines`, the lines of an old screen, `BlindsMatte`, which shows a picture through blinds, and `Gate`, which lets
loud moments through.
"""

from n2s_scanlines.blinds import BlindsMatte
from n2s_scanlines.gate import Gate
from n2s_scanlines.scanlines import Scanlines

__all__ = ["BlindsMatte", "Gate", "Scanlines"]
