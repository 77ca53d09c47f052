"""Light and colour."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.shader import exp2, luma, smoothstep
from n2s.graph.types import Frames


class Tone(Pointwise):
    """Expose, balance, contrast and saturate.

    Exposure and warmth are gains on light: a gain of 2**e on light is one of 2**(e / 2) on display values under the
    library's linearisation (`n2s.graph.shader.to_light`). Then out = pivot + (rgb - pivot) * contrast, and saturation
    is the distance from luma.
    """

    frames: Frames = port("what is toned")
    exposure: Param = param(0.0, ge=-8, le=8, unit="stops", help="brighter or darker; each stop doubles the light")
    warmth: Param = param(
        0.0, ge=-2, le=2, unit="stops", help="above 0 warmer, towards red; below 0 cooler, towards blue"
    )
    contrast: Param = param(
        1.0, ge=0, le=4, help="how far light and dark lie apart: 1 as it is, above 1 harder, below 1 flatter"
    )
    pivot: Param = param(0.4, ge=0, le=1, help="the brightness that contrast leaves as it is")
    saturation: Param = param(1.0, ge=0, le=4, help="0 is black and white, 1 leaves colours as they are")

    neutral = {"exposure": 0, "warmth": 0, "contrast": 1, "saturation": 1}

    def prepare(self, exposure, warmth, contrast, pivot, saturation) -> dict[str, Any]:
        half = np.float32(0.5)
        return {
            "red": exp2((exposure + warmth * half) * half) * contrast,
            "green": exp2(exposure * half) * contrast,
            "blue": exp2((exposure - warmth * half) * half) * contrast,
            "lift": pivot * (np.float32(1) - contrast),
            "saturation": saturation,
        }

    @staticmethod
    def pixel(rgb, at, red, green, blue, lift, saturation):
        r = rgb[0] * red + lift
        g = rgb[1] * green + lift
        b = rgb[2] * blue + lift
        grey = luma(r, g, b) * (1 - saturation)
        return grey + r * saturation, grey + g * saturation, grey + b * saturation


class Vignette(Pointwise):
    """Darken towards the corners.

    out = rgb * (1 - amount * smoothstep(radius, 1, d)), d = distance from the centre over the half diagonal.
    """

    frames: Frames = port("what is darkened")
    amount: Param = param(0.35, ge=0, le=1, help="how dark the corners get")
    radius: Param = param(0.4, ge=0, le=0.99, help="where the darkening starts")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(rgb, at, amount, radius):
        gain = 1 - amount * smoothstep(radius, 1, at.radius)
        return rgb[0] * gain, rgb[1] * gain, rgb[2] * gain
