"""Colour field: few, large, soft-edged areas; the subject is how two colours meet."""

import numpy as np

from ..fields import Noise, box, disc, inside, smoothstep
from ..paint import glow, over, shade


def slabs(plane, rng, palette):
    """Two or three floating slabs on a ground, their edges breathing."""
    count = rng.integers(2, 4)
    tones = rng.permutation([0.3, 0.5, 0.68, 0.86])[:count]
    ground = rng.uniform(0.08, 0.24)
    wool = Noise(rng, slope=1.6, high=24, period=2.5)
    breath = wool(plane.x, plane.y)
    picture = palette.ramp(ground + 0.06 * plane.y + 0.012 * breath)
    heights = rng.dirichlet(np.full(count, 5.0)) * (0.86 - 0.05 * (count - 1))
    top = -0.43
    half_w = plane.aspect * rng.uniform(0.36, 0.43)
    edge = 0.014 * Noise(rng, slope=1.5, high=20, period=1.6)(plane.x, plane.y)
    for tone, height in zip(tones, heights):
        d = box(plane, 0.0, top + height / 2, half_w, height / 2, 0.03) + edge
        within = (plane.y - top) / height
        colour = palette.ramp(tone + rng.uniform(-0.12, 0.12) * (within - 0.5) + 0.02 * breath)
        picture = over(picture, colour, inside(d, plane, rng.uniform(0.012, 0.05)) * 0.95)
        top += height + 0.05
    if rng.random() < 0.35:
        d = box(plane, 0.0, top - 0.05 - heights[-1] * 0.8, half_w, 0.012) + edge
        picture = over(picture, palette.accent, inside(d, plane, 0.012) * 0.9)
    return picture


def aperture(plane, rng, palette):
    """Light through nested openings, in the manner of a light room."""
    cx, cy = plane.aspect * rng.uniform(-0.16, 0.16), rng.uniform(-0.1, 0.1)
    power = rng.choice([2.0, 2.0, 3.0, 5.0])
    stretch = rng.uniform(0.75, 1.3) * (plane.aspect**0.35)
    d = (np.abs((plane.x - cx) / stretch) ** power + np.abs(plane.y - cy) ** power) ** (1 / power)
    turn = rng.uniform(0.55, 1.0)
    rings = rng.integers(3, 6)
    at = d / rng.uniform(0.5, 0.68)
    steps = np.zeros_like(d)
    for k in range(rings):  # each ring a smooth ramp with one soft edge, so that the light seems to come from behind it
        radius = (k + 1) / (rings + 0.3) * turn
        steps += smoothstep(radius + 0.012, radius - 0.012 - 0.02 * k, at) / rings
    tone = 0.55 * steps + 0.5 * np.exp(-2.4 * at * at)
    picture = palette.ramp(0.04 + 0.94 * tone if rng.random() < 0.7 else 0.9 - 0.82 * tone)
    halo = np.exp(-((at - turn) ** 2) / 0.03)
    return glow(picture, palette.accent, 0.25 * halo * rng.random())


def horizon(plane, rng, palette):
    """A sky, a sun or moon, ridges in mist, water."""
    level = rng.uniform(0.05, 0.3)
    up = (level - plane.y) / (0.5 + level)
    night = rng.random() < 0.5
    sky = 0.62 - 0.6 * up if night else 0.3 + 0.5 * np.exp(-2.2 * np.maximum(up, 0))
    cloud = Noise(rng, slope=1.9, high=20, period=3)(plane.x * 0.5, plane.y * 2.2)
    sun_x, sun_y = plane.aspect * rng.uniform(-0.3, 0.3), level - rng.uniform(0.05, 0.34)
    radius = rng.uniform(0.06, 0.17)
    d = disc(plane, sun_x, sun_y, radius)
    near = np.exp(-np.maximum(d, 0) / 0.22)
    picture = palette.ramp(sky + 0.035 * cloud + 0.26 * near)
    sun = palette.ramp(np.clip(0.92 + 0.5 * (sun_y - plane.y), 0, 1)) if rng.random() < 0.6 else palette.accent
    picture = over(picture, sun, inside(d, plane, 0.003))
    if rng.random() < 0.6:
        count = rng.integers(3, 6)
        ridge = Noise(rng, slope=1.7, high=30, period=3.2)
        for k in range(count):
            depth = (k + 1) / count
            skyline = level - 0.16 + 0.36 * depth + (0.035 + 0.04 * depth) * ridge(plane.x * (0.7 + 0.5 * depth), np.float32(k * 0.71))
            mist = np.clip((plane.y - skyline) * 2.2, 0, 1) * (1 - depth * 0.7)
            colour = palette.ramp((0.5 - 0.46 * depth) * (1 if night else 1.15) + 0.32 * mist)
            picture = over(picture, colour, inside(skyline - plane.y, plane, 0.002 + 0.006 * (1 - depth)))
    else:
        water = inside(level - plane.y, plane, 0.004)
        deep = (plane.y - level) / (0.5 - level)
        ripple = Noise(rng, slope=1.2, low=2, high=26, period=2)(plane.x * 0.45, (plane.y - level) * 2.6)
        path = np.exp(-(((plane.x - sun_x) / (radius * (0.7 + 1.1 * deep))) ** 2)) * smoothstep(-0.4, 1.0, ripple)
        picture = over(picture, palette.ramp(0.3 - 0.26 * deep + 0.06 * ripple + 0.62 * path * (1 - 0.4 * deep)), water)
    return picture


def veil(plane, rng, palette):
    """A mesh of colours flowing into each other, one edge of light folded across it."""
    sway = Noise(rng, slope=2.4, high=8, period=3.0)
    x = plane.x + 0.16 * sway(plane.x, plane.y)
    y = plane.y + 0.16 * sway(plane.x + 1.1, plane.y + 0.7)
    weight = np.zeros_like(x)
    tone = np.zeros_like(x)
    accent = np.zeros_like(x)
    for k in range(6):
        px, py = plane.aspect * rng.uniform(-0.55, 0.55), rng.uniform(-0.55, 0.55)
        w = 1 / ((x - px) ** 2 + (y - py) ** 2 + 0.02) ** 1.6
        tone += w * [0.04, 0.16, 0.36, 0.55, 0.75, 0.95][k]
        accent += w * (k == 2)
        weight += w
    picture = over(palette.ramp(tone / weight), palette.accent, 0.8 * (accent / weight) ** 1.5)
    angle = rng.uniform(0, np.pi)
    fold = x * np.cos(angle) + y * np.sin(angle) + 0.12 * sway(x * 0.7 + 2, y * 0.7)
    side = np.where(fold > 0, np.exp(-np.maximum(fold, 0) / 0.12), 0)
    keep = smoothstep(-plane.pixel, plane.pixel, fold)
    return shade(picture, 1 - rng.uniform(0.2, 0.65) * side * keep)


COMPOSITIONS = (slabs, aperture, horizon, veil)
