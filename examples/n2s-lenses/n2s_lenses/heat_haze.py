"""Air over a hot road."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import sin, smoothstep
from n2s.graph.types import Frames


class HeatHaze(Lens):
    """Let the air shimmer, most at the bottom of the frame, as it does over a hot road.

    (x, y) shows (x + s amount w(y / size + 2 phase + sway), y + s amount w(y / size / 2 + phase) / 2), w the sine of
    so many turns, sway = sin(x / size / 2 turns) / 4, s = smoothstep(top, 1/2, y); all of it moves up as the phase
    grows. Without ``rise`` s is 1.
    """

    frames: Frames = port("what is seen through hot air")
    amount: Param = param(0.012, ge=-1, le=1, unit="heights", help="how far the air moves what is seen")
    size: Param = param(0.08, ge=0.001, le=10, unit="heights", help="how far one wave is from the next")
    phase: Param = param(0.0, ge=-1e6, le=1e6, unit="waves", help="how far the air has risen; = time lets it rise")
    top: Param = param(-0.3, ge=-10, le=0.49, unit="heights", help="where it is at rest, from the centre down")
    rise: bool = setting(True, help="whether it shimmers more towards the bottom; otherwise everywhere")

    neutral = {"amount": 0, "shutter": 0}

    def prepare(self, amount, size, phase, top) -> dict[str, Any]:
        return {
            "amount": amount,
            "often": 1 / size,
            "phase": np.remainder(phase, 1),  # a wave is the same after a whole turn, and small numbers are finer
            "top": top,
            "everywhere": np.full_like(top, not self.rise),
        }

    @staticmethod
    def where(x, y, at, amount, often, phase, top, everywhere):
        far = amount * max(smoothstep(top, 0.5, y), everywhere)
        sway = 0.25 * sin(0.5 * often * x)
        return x + far * sin(y * often + 2 * phase + sway), y + 0.5 * far * sin(0.5 * often * y + phase)
