"""Grading: curves and colours of a picture, as a colourist sets them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import field_validator

from n2s.graph.colours import Colour, by_channel, light_of
from n2s.graph.declare import Line, Param, Pointwise, param, port, setting
from n2s.graph.shader import (
    cos,
    cube_root,
    exp2,
    fma,
    fract,
    length,
    log2,
    luma,
    mix,
    power,
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

    out = max(gain * (x + lift (1 - x)), 0) ** (1 / gamma), x a display value: lift moves black and leaves white, gain
    moves white and leaves black, gamma moves what lies between, and what is brighter than white likewise.
    """

    frames: Frames = port("what is graded")
    lift: Param = param(0.0, ge=-1, le=1, help="what black becomes")
    gamma: Param = param(1.0, ge=0.1, le=10, help="brighter middle tones above 1, darker below")
    gain: Param = param(1.0, ge=0, le=8, help="what white becomes")

    neutral = {"lift": 0, "gamma": 1, "gain": 1}

    def prepare(self, lift, gamma, gain) -> dict[str, Any]:
        one = np.float32(1)
        graded = (lift != 0) | (gamma != one) | (gain != one)  # else what lies below 0 stays there
        return {
            "lift": lift, "exponent": one / gamma, "gain": gain, "bent": (gamma != one).astype(np.float32),
            "least": np.where(graded, np.float32(0), np.finfo(np.float32).min),
        }  # fmt: skip

    @staticmethod
    def pixel(rgb, at, lift, exponent, gain, bent, least):
        r = max(gain * mix(rgb[0], 1, lift), least)
        g = max(gain * mix(rgb[1], 1, lift), least)
        b = max(gain * mix(rgb[2], 1, lift), least)
        # Without a gamma the values themselves, which no logarithm can give.
        r = mix(r, power(max(r, 0), exponent) * (r > 0), bent)
        g = mix(g, power(max(g, 0), exponent) * (g > 0), bent)
        b = mix(b, power(max(b, 0), exponent) * (b > 0), bent)
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
        return {
            "gain": exp2(exposure),
            "contrast": contrast,
            "k": power(np.float32(-LOW / HIGH), contrast) * np.float32((1 - GREY) / GREY),
            "least": exp2(-np.float32(STEEPEST) / np.maximum(contrast, np.float32(1))),
            "bleach": bleach,
            "strength": strength,
        }

    @staticmethod
    def pixel(rgb, at, gain, contrast, k, least, bleach, strength):
        r, g, b = max(to_light(rgb[0]), 0) * gain, max(to_light(rgb[1]), 0) * gain, max(to_light(rgb[2]), 0) * gain
        most = max(max(r, g), b)
        share = bleach * most / (most + 1)
        r, g, b = mix(r, most, share), mix(g, most, share), mix(b, most, share)
        r, g, b = roll_off(r, contrast, k, least), roll_off(g, contrast, k, least), roll_off(b, contrast, k, least)
        return (
            mix(rgb[0], to_display(r), strength),
            mix(rgb[1], to_display(g), strength),
            mix(rgb[2], to_display(b), strength),
        )


LOW, HIGH = -8.0, 4.0  # stops about middle grey, between which the curve runs
GREY = 0.18  # of light, that the curve keeps
STOP = 1 / (HIGH - LOW)
WHITE = (-LOW - math.log2(GREY)) * STOP  # the place of a light of 1
STEEPEST = 100.0  # powers of two that the curve's quotient may reach: none of black is seen then, and all is finite


def roll_off(light, contrast, k, least):
    """Return the light of the filmic curve, of which ``least`` is the place of black: just above 0."""
    t = min(max(fma(log2(light), STOP, WHITE), least), 1)
    return 1 / fma(k, power((1 - t) / t, contrast), 1)  # both powers at once: logarithms are dear


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
        long = cube_root(weighted(r, g, b, 0.4122214708, 0.5363325363, 0.0514459929))
        middle = cube_root(weighted(r, g, b, 0.2119034982, 0.6806995451, 0.1073969566))
        short = cube_root(weighted(r, g, b, 0.0883024619, 0.2817188376, 0.6299787005))
        lightness = weighted(long, middle, short, 0.2104542553, 0.7936177850, -0.0040720468)
        a = weighted(long, middle, short, 1.9779984951, -2.4285922050, 0.4505937099)
        c = weighted(long, middle, short, 0.0259040371, 0.7827717662, -0.8086757660)
        chroma = length(a, c)
        stronger = saturation * fma(vibrance, 0.1 / (chroma + 0.1), 1)
        turned = fma(a, cosine, -(c * sine)) * stronger
        beside = fma(a, sine, c * cosine) * stronger
        long = weighted(lightness, turned, beside, 1, 0.3963377774, 0.2158037573)
        middle = weighted(lightness, turned, beside, 1, -0.1055613458, -0.0638541728)
        short = weighted(lightness, turned, beside, 1, -0.0894841775, -1.2914855480)
        long, middle, short = long * long * long, middle * middle * middle, short * short * short
        r = weighted(long, middle, short, 4.0767416621, -3.3077115913, 0.2309699292)
        g = weighted(long, middle, short, -1.2684380046, 2.6097574011, -0.3413193965)
        b = weighted(long, middle, short, -0.0041960863, -0.7034186147, 1.7076147010)
        # Towards the grey of the same lightness, until all three are light.
        grey = lightness * lightness * lightness
        low, high = min(min(r, g), b), max(max(r, g), b)
        below, above = max(grey - low, 0.000001), max(high - grey, 0.000001)
        fit = min(1, min(grey * above, max(1 - grey, 0) * below) / (below * above))
        r, g, b = mix(grey, r, fit), mix(grey, g, fit), mix(grey, b, fit)
        return (
            mix(rgb[0], to_display(max(r, 0)), moved),
            mix(rgb[1], to_display(max(g, 0)), moved),
            mix(rgb[2], to_display(max(b, 0)), moved),
        )


def weighted(x, y, z, first, second, third):
    """Return the sum of three numbers, each times its weight."""
    return fma(third, z, fma(second, y, first * x))


class Duotone(Pointwise):
    """Print a picture with two inks: one for its shadows, one for its lights, blended in light by its luma."""

    frames: Frames = port("what is printed")
    dark: Colour = setting("#101a3c", help="the colour of black, as #rrggbb")
    bright: Colour = setting("#ffd9a0", help="the colour of white, as #rrggbb")
    strength: Param = param(1.0, ge=0, le=1, help="how much of it, in light")

    neutral = {"strength": 0}

    def fill(self, scene: Any) -> dict[str, Any]:
        return by_channel("dark", light_of(self.dark)) | by_channel("bright", light_of(self.bright))

    @staticmethod
    def pixel(rgb, at, strength, dark_r, dark_g, dark_b, bright_r, bright_g, bright_b):
        grey = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        r = to_display(mix(to_light(rgb[0]), mix(dark_r, bright_r, grey), strength))
        g = to_display(mix(to_light(rgb[1]), mix(dark_g, bright_g, grey), strength))
        b = to_display(mix(to_light(rgb[2]), mix(dark_b, bright_b, grey), strength))
        r = rgb[0] if strength <= 0 else r
        g = rgb[1] if strength <= 0 else g
        b = rgb[2] if strength <= 0 else b
        return r, g, b


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
