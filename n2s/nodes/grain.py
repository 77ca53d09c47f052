"""Film grain."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Param, Pointwise, param, port, setting
from n2s.graph.shader import gaussian, gaussians, length, luma, mix, pixel_hash, to_display, value_noise
from n2s.graph.types import Frames

RED, BLUE = 0.8, 2.0  # deviations of the grain of their layers, where that of green is 1
COSINE, SINE = 0.8660254, 0.5  # of the angle by which grains are turned against pixels, so that no rows of them show
BLURRED = 0.69  # a pixel as wide as one grain is the mean over more than one: in grains, what is missing to fit them
FINEST = 0.25  # pixels: grains are told apart down to this size


def response(rgb, amount, shadows, rise):
    """Return the deviation of the grain of a colour: amount * mix(m, sqrt(m), mix(shadows, highlights, luma))."""
    y = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
    m = 4 * y * (1 - y)
    return amount * mix(m, to_display(m), shadows + rise * y)


def grained(rgb, deviation, noise, same, red, blue):
    """Return a colour with three fields of noise added: one for all layers, and more and more one for each."""
    r = rgb[0] + deviation * (same * noise[0] + red * noise[1])
    b = rgb[2] + deviation * (same * noise[0] + blue * noise[2])
    return r, rgb[1] + deviation * noise[0], b


class Grain(Pointwise):
    """Add grain, new in every frame, strongest in the mid-tones and gone in pure black and white.

    out = rgb + amount * f(y) * n, y the luma held within 0..1. n is nearly normal with deviation 1, a hash of seed,
    frame and place, so that any frame can be made alone. f = m + (sqrt(m) - m) * s, m = 4 y (1 - y), s going from
    ``shadows`` at black to ``highlights`` at white: sqrt(m) is the response of film, whose grains are there or not,
    with the deviation sqrt(p (1 - p)) for a share p of them. n is the same for the three colours, or with ``colour``
    that of layers of their own, n = sqrt(1 - colour) * shared + sqrt(colour) * own * (0.8 for red, 1 green, 2 blue):
    the blue layer of film has the largest grains. ``size`` is how far grains are apart. Pixels larger than that hold
    the mean of several, so that a preview looks like the film: their deviation is 1 / sqrt(1 + (0.69 / p)²), p grains'
    distance in pixels. About 0.001 is 35 mm film, 0.002 16 mm, 0.004 Super 8.
    """

    frames: Frames = port("what is grained")
    amount: Param = param(0.04, ge=0, le=1, help="how strong the grain is: 0 none, 0.02 fine, 0.1 strong")
    size: Param = param(
        0.0, ge=0, le=0.05, unit="heights", help="how large grains are; 0: one pixel, whatever the size of the frame"
    )
    shadows: Param = param(0.0, ge=0, le=1, help="how far it reaches into shadows: 0 little, 1 as in film")
    highlights: Param = param(0.0, ge=0, le=1, help="how far it reaches into highlights: 0 little, 1 as in film")
    colour: Param = param(0.0, ge=0, le=1, help="how much each colour has grain of its own; 0: all have the same")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another grain")

    neutral = {"amount": 0}

    def prepare(self, amount, size, shadows, highlights, colour) -> dict[str, Any]:
        apart = np.sqrt(colour)
        sized = (size > 0).astype(np.float32)
        return {
            "amount": amount, "shadows": shadows, "rise": highlights - shadows,
            "same": np.sqrt(1 - colour), "red": np.float32(RED) * apart, "blue": np.float32(BLUE) * apart,
            "size": size, "cosine": 1 - sized * np.float32(1 - COSINE), "sine": sized * np.float32(SINE),
        }  # fmt: skip

    def pixel_code(self) -> str:
        fixed = {
            name: getattr(getattr(self, name), "value", None) for name in ("size", "shadows", "highlights", "colour")
        }
        if all(value == 0 for value in fixed.values()):
            return "plain_pixel"
        return "pixel" if fixed["size"] == 0 else "sized_pixel"

    @staticmethod
    def plain_pixel(rgb, at, amount):
        # What `pixel` gives, bit by bit, where only the amount is not 0: with less to work out.
        y = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        more = amount * (4 * y * (1 - y)) * gaussian(pixel_hash(at.seed, at.frame, at.row, at.column))
        return rgb[0] + more, rgb[1] + more, rgb[2] + more

    @staticmethod
    def pixel(rgb, at, amount, shadows, rise, same, red, blue):
        noise = gaussians(pixel_hash(at.seed, at.frame, at.row, at.column))
        return grained(rgb, response(rgb, amount, shadows, rise), noise, same, red, blue)

    @staticmethod
    def sized_pixel(rgb, at, amount, shadows, rise, same, red, blue, size, cosine, sine):
        apart = size * at.height  # pixels from grain to grain
        step = 1 / max(apart, FINEST) if size > 0 else 1
        middle = 0.5 if size > 0 else 0
        gain = apart / length(apart, BLURRED) if size > 0 else 1
        x, y = at.x + middle, at.y + middle
        noise = value_noise((x * cosine - y * sine) * step, (x * sine + y * cosine) * step, at.frame, at.seed)
        return grained(rgb, response(rgb, amount * gain, shadows, rise), noise, same, red, blue)
