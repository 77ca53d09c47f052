"""Noise: fractal fields, bent by themselves and lit; smoke, marble, silk, cut paper."""

import numpy as np

from ..fields import Noise, inside, lit, smoothstep
from ..paint import glow, over, shade


def focus(plane, rng, reach=0.55):
    """1 at a point off the middle, falling to 0: where the picture happens. The rest is allowed to be empty."""
    cx, cy = plane.aspect * rng.uniform(-0.22, 0.22), rng.uniform(-0.18, 0.18)
    turned = plane.moved(-cx, -cy).turned(rng.uniform(0, np.pi))
    return np.exp(-((turned.x / (reach * plane.aspect**0.6)) ** 2 + (turned.y / (reach * 0.72)) ** 2))


def marble(plane, rng, palette):
    """Domain-warped fractal noise, f(p + g(p + f(p))), coloured by height and by how far it was carried."""
    field = Noise(rng, slope=rng.uniform(2.0, 2.3), low=1.5, high=32, period=rng.uniform(2.2, 3.2))
    bend = rng.uniform(0.14, 0.24)
    qx, qy = field(plane.x, plane.y), field(plane.x + 0.93, plane.y + 0.37)
    x, y = plane.x + bend * qx, plane.y + bend * qy
    rx, ry = field(x + 0.21, y + 1.13), field(x + 1.71, y + 0.53)
    f = field(x + bend * rx, y + bend * ry)
    where = focus(plane, rng, 0.85)
    vein = np.exp(-np.abs(f - 0.35 * rx) * 7)
    picture = palette.ramp(0.44 + 0.21 * f + 0.1 * qx - 0.12 * (1 - where))
    picture = over(picture, palette.accent, 0.8 * smoothstep(0.9, 1.8, rx))
    picture = over(picture, palette.table[-260], 0.55 * vein * where)
    picture = shade(picture, 0.35 + 1.0 * lit(f, plane, 0.05))
    return shade(picture, 0.22 + 0.95 * where)


def nebula(plane, rng, palette):
    """Glowing filaments and clouds on black."""
    field = Noise(rng, slope=2.0, low=1.5, high=36, period=rng.uniform(2.0, 3.0))
    bend = rng.uniform(0.12, 0.24)
    wx, wy = field(plane.x, plane.y), field(plane.x + 0.7, plane.y + 1.3)
    x, y = plane.x + bend * wx, plane.y + bend * wy
    first, second = field(x + 0.4, y), field(x + 1.1, y + 0.6)
    where = focus(plane, rng, 0.72)
    ridge = np.exp(-np.abs(first) * 5.5) + 0.55 * np.exp(-np.abs(second) * 8)
    body = smoothstep(-1.4, 1.8, field(x + 1.5, y + 0.2) + 0.5 * wy)
    density = where * (0.3 + 0.7 * body)
    picture = palette.ramp(0.02 + 0.55 * density + 0.36 * ridge * where * (0.4 + body))
    picture = over(picture, palette.accent, 0.6 * where * smoothstep(0.7, 1.9, wx))
    picture = glow(picture, palette.table[-300], 0.35 * where**2 * ridge**3)
    return shade(picture, 0.1 + 1.1 * where)


def paper(plane, rng, palette):
    """Cut paper: terraces of a smooth field, each sheet throwing a soft shadow on the one below."""
    field = Noise(rng, slope=2.6, high=12, period=rng.uniform(2.4, 3.4))
    hill = 1.6 * (focus(plane, rng, 0.6) - 0.5) * rng.choice([-1, 1])
    f = field(plane.x, plane.y) + hill
    thrown = field(plane.x - 0.022, plane.y - 0.03) + hill
    levels = np.linspace(-1.5, 1.5, rng.integers(5, 9))
    down = rng.random() < 0.5
    tones = np.linspace(0.08, 0.92, len(levels) + 1)
    tones = tones[::-1] if down else tones
    tilt = 0.05 * (plane.x * rng.uniform(-1, 1) + plane.y)
    picture = palette.ramp(tones[0] + tilt)
    steep = np.float32(9.0)  # field units per height: turns a level set into about a distance
    for k, level in enumerate(levels):
        picture = shade(picture, 1 - 0.55 * smoothstep(-0.32, 0.14, thrown - level))
        colour = palette.accent if k == len(levels) - 2 and rng.random() < 0.5 else palette.ramp(tones[k + 1] + tilt)
        picture = over(picture, colour, inside((level - f) / steep * 2, plane))
    return picture


def silk(plane, rng, palette):
    """Folded cloth: a warped phase whose folds catch the light."""
    drape = Noise(rng, slope=2.3, low=1, high=9, period=2.2)
    p = plane.turned(rng.uniform(0, np.pi))
    a = drape(p.x, p.y)
    phase = 4.5 * p.x + 1.5 * a + 0.8 * drape(p.x + 0.25 * a + 1.2, p.y * 1.5)
    fold = np.sin(phase * rng.uniform(1.5, 2.3)) + 0.35 * np.sin(phase * 5.1 + a)
    sheen = lit(fold, plane, 0.055, light=(-0.7, -0.5, 0.5))
    tone = 0.05 + 0.16 * (1 + fold) + 0.55 * sheen**2
    picture = palette.ramp(tone)
    picture = over(picture, palette.accent, 0.55 * smoothstep(0.5, 1.4, drape(p.x + 0.8, p.y + 0.8)) * sheen)
    return shade(picture, 0.35 + 0.8 * focus(plane, rng, 0.85))


COMPOSITIONS = (marble, nebula, paper, silk)
