"""Nodes for n2s to learn from.

`Scanlines` draws the lines of an old screen, `Afterglow` lets it glow on, `Mist` scatters light, `BlindsMatte` shows a
picture through blinds, `Thermal` shows it as heat, `Warmth` says how warm frames are, and `NoiseGate` lets loud moments
through.
"""

from n2s_scanlines.afterglow import Afterglow
from n2s_scanlines.blinds import BlindsMatte
from n2s_scanlines.mist import Mist
from n2s_scanlines.noise_gate import NoiseGate
from n2s_scanlines.scanlines import Scanlines
from n2s_scanlines.thermal import Thermal
from n2s_scanlines.warmth import Warmth

__all__ = ["Afterglow", "BlindsMatte", "Mist", "NoiseGate", "Scanlines", "Thermal", "Warmth"]
