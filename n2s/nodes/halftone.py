"""A picture as a press prints it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph.colours import Colour, by_channel, light_of
from n2s.graph.declare import Filter, Gaussians, Param, param, port, setting
from n2s.graph.shader import cos, fma, fract, luma, mix, sin, smoothstep, to_display, to_light
from n2s.graph.types import Frames

DOT = 0.35  # of a cell: the deviation of what is averaged for its dot
DIAGONAL = 0.70710678  # from the middle of a cell to its corner
ANGLES = {"cyan": 15.0, "magenta": 75.0, "yellow": 0.0, "black": 45.0}  # degrees


class Halftone(Filter):
    """Print a picture with round dots, of one ink or of four, in rows at an angle.

    The picture is averaged over about a cell, by a Gaussian of 0.35 ``size``, and of 0.0028 heights at least. Of its
    light, in four inks, black = (1 - m)², m = max(R, G, B), and cyan = 1 - R / (1 - black), magenta and yellow alike;
    in one ink black is 1 - luma.
    Of each cell an ink covers just this share: the radius of its dot is sqrt(ink / pi) cells, and where dots touch,
    sqrt(1/2) - s (0.492 + 0.0227 s - 0.2583 s²) with s = sqrt(1 - ink). Edges are a pixel wide, and so made that this
    holds for cells of few pixels, too, within 0.7 %. What is not covered is the paper; each coloured ink takes
    one colour of light away, black all. So the mean light is that of the picture, and a draft, in which cells of less
    than 3.5 to 2 pixels turn into their mean, looks like 4K. Rows of the inks lie at 15 (cyan), 75 (magenta), 0
    (yellow) and 45 degrees (black, and a single ink).
    """

    frames: Frames = port("what is printed")
    amount: Param = param(1.0, ge=0, le=1, help="how much of the print, in light")
    size: Param = param(0.012, ge=0.002, le=0.25, unit="heights", help="the side of a cell, which holds one dot")
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far all rows are turned on, clockwise")
    inks: Literal["cmyk", "one"] = setting("cmyk", help="cyan, magenta, yellow and black, or one ink")
    paper: Colour = setting("#f7f2e8", help="the colour of the paper, as #rrggbb")
    ink: Colour = setting("#17130f", help="the colour of the black or single ink, as #rrggbb")

    neutral = {"amount": 0}
    finest = 0.0028  # a finer average is hardly seen beside its dots, and this one is made in half the size

    def spread(self, amount, size, angle) -> Gaussians:
        return Gaussians(size[:, None] * np.float32(DOT), np.where(amount > 0, np.float32(1), np.float32(0))[:, None])

    def fill(self, scene: Any) -> dict[str, Any]:
        colours = by_channel("paper", light_of(self.paper)) | by_channel("ink", light_of(self.ink))
        return colours | {"one": float(self.inks == "one")}

    def prepare(self, amount, size, angle) -> dict[str, Any]:
        made = {"amount": amount, "cells": 1 / size}
        for name, own in ANGLES.items():
            turns = np.remainder(angle + np.float32(own), 360) * np.float32(1 / 360)
            made |= {f"cos_{name[0]}": cos(turns), f"sin_{name[0]}": sin(turns)}
        return made

    @staticmethod
    def pixel(
        rgb, soft, at, amount, cells, one, cos_c, sin_c, cos_m, sin_m, cos_y, sin_y, cos_b, sin_b,
        paper_r, paper_g, paper_b, ink_r, ink_g, ink_b,
    ):  # fmt: skip
        r, g, b = min(max(soft[0], 0), 1), min(max(soft[1], 0), 1), min(max(soft[2], 0), 1)
        most = max(max(r, g), b)
        left = mix(most * (2 - most), luma(r, g, b), one)  # of light by black
        colour = (1 - one) / max(left, 0.000001)
        x, y = (at.u - 0.5) * (at.width / at.height) * cells, (at.v - 0.5) * cells
        pixels = at.height / cells
        cyan = printed(x, y, cos_c, sin_c, (left - r) * colour, pixels)
        magenta = printed(x, y, cos_m, sin_m, (left - g) * colour, pixels)
        yellow = printed(x, y, cos_y, sin_y, (left - b) * colour, pixels)
        black = printed(x, y, cos_b, sin_b, 1 - left, pixels)
        r = mix(to_light(rgb[0]), mix(paper_r * (1 - cyan), ink_r, black), amount)
        g = mix(to_light(rgb[1]), mix(paper_g * (1 - magenta), ink_g, black), amount)
        b = mix(to_light(rgb[2]), mix(paper_b * (1 - yellow), ink_b, black), amount)
        r = rgb[0] if amount <= 0 else to_display(r)
        g = rgb[1] if amount <= 0 else to_display(g)
        b = rgb[2] if amount <= 0 else to_display(b)
        return r, g, b


def printed(x, y, cosine, sine, ink, pixels):
    """Return how much of a place is covered where a share of each cell, ``ink``, is; x and y are counted in cells.

    Edges go over in squares of distances, over a pixel: a disc has its area then, however small. Beside the dot of the
    cell the nearest one counts, or dots that touch would lose half a pixel there.
    """
    u, v = abs(fract(fma(x, cosine, y * sine)) - 0.5), abs(fract(fma(-x, sine, y * cosine)) - 0.5)
    ink = min(max(ink, 0), 1)
    apart = ink < 0.7853982  # dots do not touch
    root = to_display(ink * 0.31830989 if apart else 1 - ink)  # one root for both: they are dear
    radius = root if apart else overlapping(root, pixels)
    steepness = 0.5 * pixels / max(radius, 0.001)
    far, near = max(u, v), min(u, v)
    inside = fma(radius, radius, -near * near)
    own = max(fma(fma(-far, far, inside), steepness, 0.5), 0)
    beside = max(fma(fma(far - 1, 1 - far, inside), steepness, 0.5), 0)
    faint = 1 - min(root * pixels, 1)  # of dots and holes that are smaller than a pixel
    faint = faint * faint
    cover = mix(min(own + beside, 1), 0 if apart else 1, faint * faint)  # none without ink, or where all is covered
    return mix(ink, cover, smoothstep(2, 3.5, pixels))


def overlapping(root, pixels):
    """Return the radius of dots that overlap, from the root of what they leave free: in cells, for so many pixels.

    A polynomial for the area of discs in a square, exact where they touch and where nothing is free, and within 0.0005
    between. Less 0.8 (1 - 2.1586 root)² / pixels², as two edges in one pixel cover more than both discs together.
    """
    less = 0.8 / (pixels * pixels)
    by_root, by_square = fma(4.3172, less, -0.491985), fma(-4.65955, less, -0.0227)
    return fma(fma(fma(0.25829, root, by_square), root, by_root), root, DIAGONAL - less)
