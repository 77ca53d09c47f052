"""Two nodes for n2s: `Scanlines`, the lines of an old screen, and `Gate`, which lets loud moments through."""

from n2s_scanlines.gate import Gate
from n2s_scanlines.scanlines import Scanlines

__all__ = ["Gate", "Scanlines"]
