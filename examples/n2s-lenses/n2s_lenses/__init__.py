"""Four lenses for n2s: `Swirl`, `Ripple`, `Barrel` and `Kaleidoscope`."""

from n2s_lenses.barrel import Barrel
from n2s_lenses.kaleidoscope import Kaleidoscope
from n2s_lenses.ripple import Ripple
from n2s_lenses.swirl import Swirl

__all__ = ["Barrel", "Kaleidoscope", "Ripple", "Swirl"]
