"""A picture on a tube."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph.declare import Param, Pointwise, param, port, setting
from n2s.graph.shader import cos, sin, smoothstep, to_display
from n2s.graph.types import Frames


class CRT(Pointwise):
    """Show a picture on a tube: lines that a beam draws, thicker where it is bright, through a mask of three colours.

    Of a display value x with the light L, out = x (1 + amount (sqrt(beam * mask) - 1)); so at an amount of 1 the light
    is L * beam * mask, both of mean 1, and the picture does not become dark:

    beam = 1 + a c + a⁴/8 (2 c² - 1), c = -cos(2 pi (v lines + shift)), v from 0 to 1 down the frame, a = scan * (1 -
    thicken L): two harmonics of a row of Gaussian beams, narrow ones where it is dark and wide ones where it is bright;
    mask = 1 + b cos(2 pi (x / triad - k / 3)) cos(pi y / h), b = mask * (1 - thicken L), k = 0, 1, 2 for red, green and
    blue, h = 0.866 triad for a shadow mask and endless for an aperture grille.

    Each wave fades out where it is finer than 3.2 to 2 pixels, so that a draft has no moiré: then its mean is seen. The
    picture between the lines is not coarser than the film; a Pixelate before this node makes it so, and a Barrel after
    it bends the screen.
    """

    frames: Frames = port("what is shown on the screen")
    amount: Param = param(1.0, ge=0, le=1, help="how much of it")
    lines: Param = param(120.0, ge=1, le=2160, unit="lines", help="how many there are from top to bottom")
    shift: Param = param(0.0, ge=-1e6, le=1e6, unit="lines", help="how far they have moved up: = 2 * time")
    scan: Param = param(0.85, ge=0, le=1, help="how dark it is between the lines")
    thicken: Param = param(0.75, ge=0, le=1, help="how much thicker bright lines are; at 1, white is even")
    mask: Param = param(0.4, ge=0, le=1, help="how strong the mask is")
    triad: Param = param(
        0.005, ge=0.0005, le=0.2, unit="heights", help="the width of one red, one green and one blue stripe together"
    )
    pattern: Literal["grille", "shadow"] = setting("grille", help="stripes, or dots in staggered rows")

    neutral = {"amount": 0}

    def prepare(self, amount, lines, shift, scan, thicken, mask, triad) -> dict[str, Any]:
        rows = np.float32(0.5 / 0.8660254 if self.pattern == "shadow" else 0)
        return {
            "amount": amount, "lines": lines, "shift": np.remainder(shift, 1), "scan": scan, "thicken": thicken,
            "mask": mask, "triads": 1 / triad, "rows": rows / triad,
        }  # fmt: skip

    @staticmethod
    def pixel(rgb, at, amount, lines, shift, scan, thicken, mask, triads, rows):
        wave = -cos(at.v * lines + shift)
        scan = scan * seen(at.height / lines)
        finer = (2 * wave * wave - 1) * 0.125 * seen(0.5 * at.height / lines)
        turns = (at.u - 0.5) * (at.width / at.height) * triads
        mask = mask * seen(at.height / triads) * cos((at.v - 0.5) * rows)
        even, odd = -0.5 * cos(turns) * mask, 0.8660254 * sin(turns) * mask
        return (
            on_tube(rgb[0], amount, thicken, scan, wave, finer, -2 * even),
            on_tube(rgb[1], amount, thicken, scan, wave, finer, even + odd),
            on_tube(rgb[2], amount, thicken, scan, wave, finer, even - odd),
        )


def seen(pixels):
    """Return how much of a wave is seen that is so many pixels long."""
    return smoothstep(2, 3.2, pixels)


def on_tube(x, amount, thicken, scan, wave, finer, mask):
    """Return a display value as the beam and the mask show it."""
    held = min(max(x, 0), 1)
    thin = 1 - thicken * (held * held)
    a = scan * thin
    square = a * a
    gain = (1 + a * wave + square * square * finer) * (1 + thin * mask)
    return x * (1 + amount * (to_display(max(gain, 0)) - 1))
