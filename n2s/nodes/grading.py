"""Grading: curves and colours of a picture, as a colourist sets them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import field_validator

from n2s.graph.colours import Colour, by_channel, display_of
from n2s.graph.declare import Line, Param, Pointwise, param, port, setting
from n2s.graph.shader import (
    cos,
    cube_root,
    exp2,
    fract,
    length,
    log2,
    luma,
    mix,
    mix_light,
    read_line,
    sin,
    to_display,
    to_light,
)
from n2s.graph.types import Frames
from n2s.nodes.curves import monotone

ROWS = 1024  # of a curve's table


class LiftGammaGain(Pointwise):
    """Set shadows, middle tones and highlights apart.

    out = (gain * (x + lift (1 - x))) ** (1 / gamma), x a display value held at 0 from below: lift moves black and
    leaves white, gain moves white and leaves black, gamma moves what lies between. Above 1 of x all goes on straight.
    """

    frames: Frames = port("what is graded")
    lift: Param = param(0.0, ge=-1, le=1, help="what black becomes")
    gamma: Param = param(1.0, ge=0.1, le=10, help="brighter middle tones above 1, darker below")
    gain: Param = param(1.0, ge=0, le=8, help="what white becomes")

    neutral = {"lift": 0, "gamma": 1, "gain": 1}

    def prepare(self, lift, gamma, gain) -> dict[str, Any]:
        one = np.float32(1)
        return {"lift": lift, "power": one / gamma, "gain": gain, "bent": (gamma != one).astype(np.float32)}

    @staticmethod
    def pixel(rgb, at, lift, power, gain, bent):
        r = gain * (rgb[0] + lift * (1 - rgb[0]))
        g = gain * (rgb[1] + lift * (1 - rgb[1]))
        b = gain * (rgb[2] + lift * (1 - rgb[2]))
        # Without a gamma the values themselves, which no logarithm can give.
        r = mix(r, exp2(power * log2(max(r, 0))) * (r > 0), bent)
        g = mix(g, exp2(power * log2(max(g, 0))) * (g > 0), bent)
        b = mix(b, exp2(power * log2(max(b, 0))) * (b > 0), bent)
        return r, g, b


class Curves(Pointwise):
    """Bend the tones of a picture by a curve through points, the same for all colours or one for each.

    out = mix(x, curve(x), strength), x a display value. The curve passes through its points, never overshoots between
    them (monotone cubic pieces; Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 1984), and stays beyond both ends.
    """

    frames: Frames = port("what is bent")
    points: list[list[float]] = setting(
        [[0, 0], [0.25, 0.2], [0.75, 0.82], [1, 1]], help="[[value, what it becomes], …], rising from 0 to 1"
    )
    red: list[list[float]] | None = setting(None, help="a curve for red in place of points")
    green: list[list[float]] | None = setting(None, help="a curve for green")
    blue: list[list[float]] | None = setting(None, help="a curve for blue")
    strength: Param = param(1.0, ge=0, le=1, help="how much of it")

    neutral = {"strength": 0}
    tables = {"curve": Line()}

    @field_validator("points", "red", "green", "blue")
    @classmethod
    def _rises(cls, points: list[list[float]] | None) -> list[list[float]] | None:
        if points is None:
            return points
        if len(points) < 2 or any(len(point) != 2 for point in points):
            raise ValueError("two points or more were wanted, like [[0, 0], [0.5, 0.6], [1, 1]]")
        places = [place for place, _ in points]
        if places[0] != 0 or places[-1] != 1 or any(b <= a for a, b in zip(places, places[1:])):
            raise ValueError("the points must rise from 0 to 1, like [[0, 0], [0.5, 0.6], [1, 1]]")
        if any(not 0 <= value <= 1 for _, value in points):
            raise ValueError("what a value becomes lies within 0..1")
        return points

    def fill(self, scene: Any) -> dict[str, Any]:
        at = np.linspace(0, 1, ROWS)
        curves = [np.array(curve or self.points, np.float64) for curve in (self.red, self.green, self.blue)]
        return {"curve": np.stack([monotone(curve[:, 0], curve[:, 1], at) for curve in curves], axis=1)}

    @staticmethod
    def pixel(rgb, at, curve, strength):
        r = read_line(curve, rgb[0])[0]
        g = read_line(curve, rgb[1])[1]
        b = read_line(curve, rgb[2])[2]
        return mix(rgb[0], r, strength), mix(rgb[1], g, strength), mix(rgb[2], b, strength)


class Filmic(Pointwise):
    """Roll light off as film does: shadows that stay open, highlights that run into white without a hard edge.

    Of the light of each colour, e = log2(light * 2 ** exposure / 0.18) is brought from low..high stops to t, 0..1; then
    s = t ** a / (t ** a + k (1 - t) ** a) with k such that middle grey stays where it is, and a = contrast. A part of
    the strongest colour, ``bleach``, goes into the others as light grows, so that bright colours turn white and do not
    clip to pure hues. After the look of AgX (Troy Sobotka); the curve and its numbers are this library's own.
    """

    frames: Frames = port("what is rolled off")
    exposure: Param = param(0.0, ge=-8, le=8, unit="stops", help="before the curve")
    contrast: Param = param(2.2, ge=0.5, le=4, help="how steep the curve is")
    bleach: Param = param(0.3, ge=0, le=1, help="how white the brightest colours turn")
    strength: Param = param(1.0, ge=0, le=1, help="how much of the curve")

    neutral = {"strength": 0}

    def prepare(self, exposure, contrast, bleach, strength) -> dict[str, Any]:
        grey = np.float32(GREY_PLACE)
        wanted = np.float32(0.18)  # of light, that middle grey keeps
        k = np.power(grey / (1 - grey), contrast) * (1 - wanted) / wanted
        return {
            "gain": exp2(exposure),
            "contrast": contrast,
            "k": k.astype(np.float32),
            "bleach": bleach,
            "strength": strength,
        }

    @staticmethod
    def pixel(rgb, at, gain, contrast, k, bleach, strength):
        r, g, b = max(to_light(rgb[0]), 0) * gain, max(to_light(rgb[1]), 0) * gain, max(to_light(rgb[2]), 0) * gain
        most = max(max(r, g), b)
        share = bleach * most / (most + 1)
        r, g, b = mix(r, most, share), mix(g, most, share), mix(b, most, share)
        r, g, b = roll_off(r, contrast, k), roll_off(g, contrast, k), roll_off(b, contrast, k)
        return (
            mix(rgb[0], to_display(r), strength),
            mix(rgb[1], to_display(g), strength),
            mix(rgb[2], to_display(b), strength),
        )


LOW, HIGH = -8.0, 4.0  # stops about middle grey, between which the curve runs
GREY_PLACE = -LOW / (HIGH - LOW)


def roll_off(light, contrast, k):
    """Return the light of the filmic curve."""
    t = min(max((log2(light * 5.5555555) + 8) * 0.083333336, 0.000001), 0.999999)
    return 1 / (1 + k * exp2(contrast * log2((1 - t) / t)))  # both powers at once: logarithms are dear


class Hue(Pointwise):
    """Turn hues, and make colours stronger or paler, evenly to the eye: in Oklab.

    In Oklab (Björn Ottosson, 2020) a colour is lightness and a vector of chroma, which is turned by ``turn`` and
    lengthened by saturation * (1 + vibrance * (1 - c / (c + 0.1))): vibrance moves pale colours more. What would leave
    0..1 is drawn towards its grey, by as much as it must.
    """

    frames: Frames = port("what is coloured")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far hues are turned")
    saturation: Param = param(1.0, ge=0, le=4, help="0 is black and white")
    vibrance: Param = param(0.0, ge=-1, le=4, help="how much more of it pale colours get")

    neutral = {"turn": 0, "saturation": 1, "vibrance": 0}

    def prepare(self, turn, saturation, vibrance) -> dict[str, Any]:
        turns = turn * np.float32(1 / 360)
        still = (turn == 0) & (saturation == 1) & (vibrance == 0)
        return {
            "cosine": cos(turns), "sine": sin(turns), "saturation": saturation, "vibrance": vibrance,
            "moved": np.where(still, np.float32(0), np.float32(1)),
        }  # fmt: skip

    @staticmethod
    def pixel(rgb, at, cosine, sine, saturation, vibrance, moved):
        r, g, b = to_light(max(rgb[0], 0)), to_light(max(rgb[1], 0)), to_light(max(rgb[2], 0))
        long = cube_root(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
        middle = cube_root(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
        short = cube_root(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
        lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
        a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
        c = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
        chroma = length(a, c)
        stronger = saturation * (1 + vibrance * (0.1 / (chroma + 0.1)))
        turned = (a * cosine - c * sine) * stronger
        beside = (a * sine + c * cosine) * stronger
        long = lightness + 0.3963377774 * turned + 0.2158037573 * beside
        middle = lightness - 0.1055613458 * turned - 0.0638541728 * beside
        short = lightness - 0.0894841775 * turned - 1.2914855480 * beside
        long, middle, short = long * long * long, middle * middle * middle, short * short * short
        r = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
        g = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
        b = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
        # Towards the grey of the same lightness, until all three are light.
        grey = lightness * lightness * lightness
        low, high = min(min(r, g), b), max(max(r, g), b)
        below, above = max(grey - low, 0.000001), max(high - grey, 0.000001)
        fit = min(1, min(grey * above, max(1 - grey, 0) * below) / (below * above))
        r, g, b = grey + (r - grey) * fit, grey + (g - grey) * fit, grey + (b - grey) * fit
        return (
            mix(rgb[0], to_display(max(r, 0)), moved),
            mix(rgb[1], to_display(max(g, 0)), moved),
            mix(rgb[2], to_display(max(b, 0)), moved),
        )


class Duotone(Pointwise):
    """Print a picture with two inks: one for its shadows, one for its lights, blended in light by its luma."""

    frames: Frames = port("what is printed")
    dark: Colour = setting("#101a3c", help="the colour of black, as #rrggbb")
    bright: Colour = setting("#ffd9a0", help="the colour of white, as #rrggbb")
    strength: Param = param(1.0, ge=0, le=1, help="how much of it, in light")

    neutral = {"strength": 0}

    def fill(self, scene: Any) -> dict[str, Any]:
        return by_channel("dark", display_of(self.dark)) | by_channel("bright", display_of(self.bright))

    @staticmethod
    def pixel(rgb, at, strength, dark_r, dark_g, dark_b, bright_r, bright_g, bright_b):
        grey = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        r = mix_light(dark_r, bright_r, grey)
        g = mix_light(dark_g, bright_g, grey)
        b = mix_light(dark_b, bright_b, grey)
        return mix_light(rgb[0], r, strength), mix_light(rgb[1], g, strength), mix_light(rgb[2], b, strength)


class Invert(Pointwise):
    """Turn a picture into its negative: out = mix(x, 1 - x, amount)."""

    frames: Frames = port("what is inverted")
    amount: Param = param(1.0, ge=0, le=1, help="how much; 0.5 is grey")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(rgb, at, amount):
        turned = 1 - 2 * amount
        return rgb[0] * turned + amount, rgb[1] * turned + amount, rgb[2] * turned + amount


class Posterise(Pointwise):
    """Paint a picture with few tones: out = mix(x, floor(x (levels - 1) + 1/2) / (levels - 1), strength) per colour."""

    frames: Frames = port("what is painted")
    levels: Param = param(5.0, ge=2, le=256, help="how many tones each colour has")
    strength: Param = param(1.0, ge=0, le=1, help="how much of it")

    neutral = {"strength": 0}

    @staticmethod
    def pixel(rgb, at, levels, strength):
        steps = levels - 1
        r, g, b = rgb[0] * steps + 0.5, rgb[1] * steps + 0.5, rgb[2] * steps + 0.5
        r, g, b = (r - fract(r)) / steps, (g - fract(g)) / steps, (b - fract(b)) / steps
        return mix(rgb[0], r, strength), mix(rgb[1], g, strength), mix(rgb[2], b, strength)
