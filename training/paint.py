"""Putting colour on a picture: pictures are linear light (h, w, 3) float32."""

from __future__ import annotations

import numpy as np


def over(picture, colour, coverage):
    """Paint `colour` (3,) or (h, w, 3) over the picture where coverage (h, w) says so."""
    c = coverage[..., None]
    return picture + c * (colour - picture)


def glow(picture, colour, amount):
    """Add light."""
    return picture + amount[..., None] * colour


def shade(picture, amount):
    """Multiply by a gain (h, w)."""
    return picture * amount[..., None]


def develop(light, plane):
    """Linear light to display values 0..1: a soft shoulder above 0.8, a slight fall-off to the corners, the sRGB curve."""
    half = np.hypot(plane.aspect, 1) / 2
    light = light * (1 - 0.22 * ((plane.x**2 + plane.y**2) / half**2))[..., None]
    light = np.maximum(light, 0)
    knee = np.float32(0.8)
    excess = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-excess / (1 - knee)))
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-8) ** np.float32(1 / 2.4) - 0.055).astype(np.float32)
