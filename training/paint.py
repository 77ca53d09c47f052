"""Putting colour on a picture: pictures are linear light (h, w, 3) float32."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import Noise

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
TOE = np.float32(0.008)
HALO = np.array([1.0, 0.75, 0.6], np.float32)  # red light scatters furthest in film


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


def blurred(picture, plane, radius):
    """The picture (h, w, 3) under a Gaussian of `radius` heights, taken on a coarser grid."""
    h, w, _ = picture.shape
    step = max(1, int(radius / plane.pixel / 2))
    rows, columns = -(-h // step), -(-w // step)
    coarse = np.pad(picture, ((0, rows * step - h), (0, columns * step - w), (0, 0)), mode="edge")
    coarse = coarse.reshape(rows, step, columns, step, 3).mean((1, 3))
    sigma = radius / plane.pixel / step
    coarse = ndimage.gaussian_filter(coarse, (sigma, sigma, 0), mode="nearest")
    if step == 1:
        return coarse
    y, x = ((np.arange(n, dtype=np.float32) + 0.5) / step - 0.5 for n in (h, w))
    return _between(_between(coarse, y, 0), x, 1)


def _between(values, at, axis):
    """Linear interpolation along an axis, the ends held."""
    at = np.clip(at, 0, values.shape[axis] - 1)
    low = np.minimum(at.astype(np.int32), max(values.shape[axis] - 2, 0))
    high = np.minimum(low + 1, values.shape[axis] - 1)
    part = (at - low).reshape([-1 if k == axis else 1 for k in range(3)])
    return np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part


def finish(light, plane, rng):
    """What film and paper add, with restraint: halation around the lights, a tone that is a little uneven.

    Dim pictures are exposed longer: by (0.3 / m)^0.6, 1..3, where m = mean(Y^4)^(1/4) over the luminance Y.
    """
    bright = ((light @ LUMINANCE) ** 4).mean() ** 0.25
    light = light * np.float32(np.clip((0.3 / max(bright, 1e-3)) ** 0.6, 1, 3))
    lights = np.maximum(light - 0.35, 0)
    light = light + rng.uniform(0.1, 0.5) * blurred(lights, plane, rng.uniform(0.02, 0.05)) * HALO
    wool = Noise(rng, slope=1.4, high=36, period=2.0)(plane.x, plane.y)
    return shade(light, 1 + rng.uniform(0.0, 0.03) * wool)


def develop(light, plane):
    """Linear light to display values 0..1: a fall-off to the corners, a toe, a soft shoulder above 0.8, the sRGB curve.

    The toe is the gain Y / (Y + 0.008) for the luminance Y: shadows sink to black and keep their hue.
    """
    half = np.hypot(plane.aspect, 1) / 2
    light = light * (1 - 0.22 * ((plane.x**2 + plane.y**2) / half**2))[..., None]
    light = np.maximum(light, 0)
    luminance = light @ LUMINANCE
    light = shade(light, luminance / (luminance + TOE))
    knee = np.float32(0.8)
    excess = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-excess / (1 - knee)))
    curve = 1.055 * np.maximum(light, 1e-8) ** np.float32(1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curve).astype(np.float32)
