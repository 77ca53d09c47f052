"""Light that spreads around bright places."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.colours import Colour, light_of
from n2s.graph.declare import Filter, Gaussians, Param, param, port, setting
from n2s.graph.shader import fma, to_display, to_light
from n2s.graph.types import Frames

SCALES = 6  # Gaussians, each half as wide as the one before
LEAST = np.float32(1e-6)  # of what is divided by
FALL = 0.75  # the light of each, against the next narrower one
# Halation, as film has it: 200 µm of a frame 20 mm high, and how much of each colour's light comes back, against red.
HALATION, COMES_BACK = 0.01, (1.0, 0.08, 0.02)


def bloomed(x, glow):
    """Return a display value with light added to it that fills what is missing to white, and no more."""
    light = to_light(x)
    glow = max(glow, 0)
    return to_display(fma(max(1 - light, 0), glow / (1 + glow), light))


class Bloom(Filter):
    """Let bright places glow, as light scatters in a lens and in film.

    What of the light is over the threshold, e = max(m - t, q), is spread: m the light of the strongest colour, t =
    threshold², q = (m - t + k)² / 4 k within k of the threshold, k = knee * t, so that nothing sets in suddenly. It is
    spread by six Gaussians, each half as wide as the one before; narrower ones have more light, and none is narrower
    than 0.0035 heights, whatever the radius. Then, per colour, in
    light, g = amount * spread: out = light + (1 - light) * g / (1 + g). Where g is small it is added as it is; where it
    is strong it fills what is missing to white, so that bright places keep their shapes. ``tint`` is a filter before
    this light.

    Film adds halation: light goes through its layers, is thrown back by the base, and comes to the red layer first. To
    g come halation * h * (1, 0.08, 0.02) for red, green and blue, h the same light spread by one Gaussian of 0.01
    heights (200 µm of a frame of 35 mm film). Film has 0.03 to 0.08, but its lamps are many times brighter than white.
    """

    frames: Frames = port("what glows")
    amount: Param = param(0.6, ge=0, le=8, help="how much of the spread light is added")
    threshold: Param = param(0.5, ge=0, le=4, help="how bright a colour must be to glow")
    knee: Param = param(0.6, ge=0, le=1, help="how softly that sets in: 0 all at once, 1 from black on")
    radius: Param = param(0.1, ge=0, le=0.5, unit="heights", help="how far light spreads, in heights of the frame")
    halation: Param = param(0.0, ge=0, le=4, help="red light around bright places, as of film; 0.05 to 1, 0 is none")
    tint: Colour = setting("#ffffff", help="the colour of what glows white, as #rrggbb; halation has its own")

    neutral = {"amount": 0, "halation": 0}
    finest = 0.0035  # narrower light is hardly seen, and this one is made in half the size

    def spread(self, amount, threshold, knee, radius, halation) -> Gaussians:
        each = np.arange(SCALES)
        light = np.float32(FALL) ** (SCALES - 1 - each)
        weight = np.where(amount > 0, np.float32(1), np.float32(0))[:, None] * (light / light.sum())
        tinted = weight[:, :, None] * np.array(light_of(self.tint))
        # The light of a bloom is multiplied by its amount when it is added, and this is not meant for halation.
        gain = np.maximum(_gain(amount, halation), LEAST)
        back = (halation / gain)[:, None, None] * np.array(COMES_BACK)
        sigma = radius[:, None] * (np.float32(0.5) ** each).astype(np.float32)
        sigma = np.concatenate([sigma, np.full_like(sigma[:, :1], HALATION)], axis=1)
        return Gaussians(sigma, np.concatenate([tinted, back], axis=1).astype(np.float32))

    def prepare(self, amount, threshold, knee, radius, halation) -> dict[str, Any]:
        return {"gain": _gain(amount, halation), "threshold": threshold, "knee": knee}

    @staticmethod
    def source(rgb, at, threshold, knee):  # pyright: ignore[reportIncompatibleMethodOverride] as its author chooses
        r, g, b = to_light(max(rgb[0], 0)), to_light(max(rgb[1], 0)), to_light(max(rgb[2], 0))
        strongest = max(max(r, g), b)
        start = threshold * threshold
        width = knee * start + 0.0001
        inside = min(max(strongest - start + width, 0), 2 * width)
        over = max(strongest - start, inside * inside / (4 * width))
        share = over / max(strongest, 0.0001)
        return r * share, g * share, b * share

    @staticmethod
    def pixel(rgb, soft, at, gain):
        r, g, b = (
            bloomed(rgb[0], gain * soft[0]),
            bloomed(rgb[1], gain * soft[1]),
            bloomed(rgb[2], gain * soft[2]),
        )
        r = rgb[0] if gain <= 0 else r
        g = rgb[1] if gain <= 0 else g
        b = rgb[2] if gain <= 0 else b
        return r, g, b


def _gain(amount: np.ndarray, halation: np.ndarray) -> np.ndarray:
    """Return what the spread light is multiplied by when it is added; 0 where there is nothing to add."""
    return np.where(amount > 0, amount, np.where(halation > 0, np.float32(1), np.float32(0)))
