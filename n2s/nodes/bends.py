"""Lenses that bend a picture about a point: a swirl, waves on water, the glass of a lens."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import cos, fma, length, sin
from n2s.graph.types import Frames


class Swirl(Lens):
    """Turn the picture about a point, most at the point and less and less towards a radius.

    (x, y) shows c + R(-turn) ((x, y) - c), turn = angle (1 - d^2 / radius^2)^2 within the radius and 0 beyond it, with
    c = (center_x, center_y) and d the distance from c.
    """

    frames: Frames = port("what is stirred")
    angle: Param = param(90.0, ge=-36000, le=36000, unit="degrees", help="how far its middle is turned clockwise")
    radius: Param = param(0.5, ge=0.001, le=10, unit="heights", help="how far from the point nothing turns any more")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre down")

    neutral = {"angle": 0, "shutter": 0}

    def prepare(self, angle, radius, center_x, center_y) -> dict[str, Any]:
        return {
            "turns": angle / 360, "tight": 1 / (radius * radius), "center_x": center_x, "center_y": center_y,
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, turns, tight, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        near = max(fma(-tight, fma(dx, dx, dy * dy), 1), 0)
        turn = turns * near * near
        along, beside = cos(turn) - 1, sin(turn)
        # What is added to the place is 0 where nothing turns, whatever the point is.
        return x + fma(dx, along, dy * beside), y + fma(dy, along, -(dx * beside))


class Ripple(Lens):
    """Let waves run outwards from a point, lower and lower.

    (x, y) shows (x, y) + v amplitude sin(2 pi (d / wavelength - phase)) / (1 + d^2 / reach^2), with d the distance from
    the point c = (center_x, center_y) and v = ((x, y) - c) / sqrt(d^2 + wavelength^2 / 16): the direction away from c,
    smooth at c itself. Waves higher than a sixth of their length break: they show some places more than once.
    """

    frames: Frames = port("what lies under the water")
    amplitude: Param = param(0.012, ge=-1, le=1, unit="heights", help="how far the waves move what they pass")
    wavelength: Param = param(0.15, ge=0.001, le=10, unit="heights", help="how far one wave is from the next")
    phase: Param = param(0.0, ge=-1e6, le=1e6, unit="waves", help="how many have left; = 2 * time sends 2 per second")
    reach: Param = param(0.6, ge=0.001, le=100, unit="heights", help="how far away they are half as high")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="where they begin, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="where they begin, from the centre down")

    neutral = {"amplitude": 0, "shutter": 0}

    def prepare(self, amplitude, wavelength, phase, reach, center_x, center_y) -> dict[str, Any]:
        return {
            "amplitude": amplitude, "waves": 1 / wavelength, "phase": np.remainder(phase, 1),
            "fall": 1 / (reach * reach), "soft": wavelength / 4, "center_x": center_x, "center_y": center_y,
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, amplitude, waves, phase, fall, soft, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        distance = length(dx, dy)
        height = amplitude * sin(fma(distance, waves, -phase))
        move = height / (fma(distance * distance, fall, 1) * length(distance, soft))
        return fma(dx, move, x), fma(dy, move, y)


class Barrel(Lens):
    """Bend straight lines as the glass of a lens does, outwards like a barrel or inwards like a pincushion.

    (x, y) shows (x, y) s (1 + strength r^2), r = 1 in the corners of the frame. s is 1 / (1 + strength) where strength
    is above 0 and the picture has to fill the frame, else 1.
    """

    frames: Frames = port("what is in front of the glass")
    strength: Param = param(0.25, ge=-0.3, le=4, help="above 0 a barrel, below 0 a pincushion")
    fill: bool = setting(True, help="whether a barrel is enlarged so that the picture's corners stay in the corners")

    neutral = {"strength": 0, "shutter": 0}

    def prepare(self, strength) -> dict[str, Any]:
        scale = 1 / (1 + np.maximum(strength, 0)) if self.fill else np.ones_like(strength)
        return {"scale": scale, "bend": scale * strength}

    @staticmethod
    def where(x, y, at, scale, bend):
        corner = 4 / (1 + at.aspect * at.aspect)
        zoom = scale + bend * (x * x + y * y) * corner
        return x * zoom, y * zoom
