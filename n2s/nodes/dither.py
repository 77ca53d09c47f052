"""A picture in few colours, mixed by dots."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph.colours import Colour, by_channel, display_of
from n2s.graph.declare import Filter, Gaussians, Param, param, port, setting
from n2s.graph.shader import fract, luma, mix, mix_light, to_display
from n2s.graph.types import Frames

SETS_IN = 0.0025  # heights: up to here an average comes in; a little below that of the default, which is whole


class Dither(Filter):
    """Show a picture in few colours, mixed by a pattern of dots as old computers and their printers did.

    The picture is averaged over about a dot, by a Gaussian of ``average`` dots, so that grain does not fray them. None
    is narrower than 0.0028 heights; that one is mixed in, in light, by size * average / 0.0025 where this is below 1.
    Of a display value x, held within 0..1, s = x (levels - 1) lies between the tones i and i + 1, i = floor(s). A dot
    of ``size`` shows the brighter one where (s² - i²) / (2 i + 1) is more than its threshold: so the mean light is that
    of the picture. Thresholds are those of Bayer's 8 x 8 matrix (1973), or fract(52.98 fract(0.0671 x + 0.00584 y)) of
    the dot's column and row (interleaved gradient noise, Jimenez 2014), which looks less woven. With ``dark`` and
    ``bright``, the luma alone counts, and its tones are blends of these two colours, in light.

    Dots are counted from the centre of the frame and at least a pixel wide. An edge in the picture may run through a
    dot; for a picture of coarse pixels, put a Pixelate of the same size before this node, and average 0 here.
    """

    frames: Frames = port("what is shown")
    amount: Param = param(1.0, ge=0, le=1, help="how much of it")
    levels: Param = param(3.0, ge=2, le=64, help="how many tones each colour has; whole numbers")
    size: Param = param(1 / 180, ge=0.0005, le=0.25, unit="heights", help="the side of a dot")
    average: Param = param(0.5, ge=0, le=4, help="over how many dots the picture is averaged; 0 leaves it as fine")
    pattern: Literal["bayer", "noise"] = setting("bayer", help="the order in which dots turn bright")
    dark: Colour | None = setting(None, help="the darkest colour, as #rrggbb; with it the picture has two colours")
    bright: Colour | None = setting(None, help="the brightest colour, as #rrggbb")

    neutral = {"amount": 0}
    finest = 0.0028  # half of a dot of the default size; a finer average is hardly seen, and this one is made small

    def fill(self, scene: Any) -> dict[str, Any]:
        two = self.dark is not None or self.bright is not None
        dark, bright = display_of(self.dark or "#000000"), display_of(self.bright or "#ffffff")
        colours = by_channel("dark", dark) | by_channel("bright", bright)
        return colours | {"two": float(two), "noisy": float(self.pattern == "noise")}

    def spread(self, amount, levels, size, average) -> Gaussians:
        used = np.where((amount > 0) & (average > 0), np.float32(1), np.float32(0))
        return Gaussians((size * average)[:, None], used[:, None])

    def prepare(self, amount, levels, size, average) -> dict[str, Any]:
        steps = np.floor(levels + np.float32(0.01)) - 1
        averaged = np.minimum(size * average * np.float32(1 / SETS_IN), np.float32(1))
        return {"amount": amount, "steps": steps, "size": size, "averaged": averaged}

    @staticmethod
    def pixel(
        rgb, soft, at, amount, steps, size, averaged, two, noisy,
        dark_r, dark_g, dark_b, bright_r, bright_g, bright_b,
    ):  # fmt: skip
        side = 1 / max(size * at.height, 1)
        column, row = (at.x + 0.5 - 0.5 * at.width) * side + 4096, (at.y + 0.5 - 0.5 * at.height) * side + 4096
        column, row = column - fract(column), row - fract(row)
        threshold = bayer(column, row) if noisy < 0.5 else jimenez(column, row)
        r = mix_light(rgb[0], to_display(soft[0]), averaged)
        g = mix_light(rgb[1], to_display(soft[1]), averaged)
        b = mix_light(rgb[2], to_display(soft[2]), averaged)
        grey = dithered(luma(r, g, b), steps, threshold)
        r = mix_light(dark_r, bright_r, grey) if two > 0.5 else dithered(r, steps, threshold)
        g = mix_light(dark_g, bright_g, grey) if two > 0.5 else dithered(g, steps, threshold)
        b = mix_light(dark_b, bright_b, grey) if two > 0.5 else dithered(b, steps, threshold)
        return mix(rgb[0], r, amount), mix(rgb[1], g, amount), mix(rgb[2], b, amount)


def dithered(x, steps, threshold):
    """Return the tone, 0..1, that a dot shows for a display value."""
    s = min(max(x, 0), 1) * steps
    whole = min(s - fract(s), steps - 1)
    share = (s * s - whole * whole) / (2 * whole + 1)
    return (whole + (share > threshold)) / steps


def bayer(column, row):
    """Return the threshold of a dot by Bayer's 8 x 8 matrix, 1/128 to 127/128."""
    return (
        quarter(column, row) + quarter(column * 0.5, row * 0.5) * 0.25 + quarter(column * 0.25, row * 0.25) * 0.0625
    ) + 0.0078125


def quarter(column, row):
    """Return the threshold of a dot by the 2 x 2 matrix 0 1/2, 3/4 1/4 of the last digits of its column and row."""
    a, b = fract(column * 0.5), fract(row * 0.5)
    a, b = (a >= 0.5) * 0.5, (b >= 0.5) * 0.5
    return a + 1.5 * b - 4 * a * b


def jimenez(column, row):
    """Return the threshold of a dot by interleaved gradient noise."""
    return fract(52.9829189 * fract(0.06711056 * column + 0.00583715 * row))
