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
            height = ridge(plane.x * (0.7 + 0.5 * depth), np.float32(k * 0.71))
            skyline = level - 0.16 + 0.36 * depth + (0.035 + 0.04 * depth) * height
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


def eclipse(plane, rng, palette):
    """A black disc before a great light: the corona, and perhaps one bead where the light breaks through."""
    cx, cy, radius = plane.aspect * rng.uniform(-0.2, 0.2), rng.uniform(-0.12, 0.12), rng.uniform(0.16, 0.3)
    x, y = plane.x - cx, plane.y - cy
    r, side = np.hypot(x, y), rng.uniform(0, 2 * np.pi)
    toward = (x * np.cos(side) + y * np.sin(side)) / np.maximum(r, 1e-3)
    rays = Noise(rng, slope=1.6, high=10, period=2.0)(1.3 * x / np.maximum(r, 1e-3), 1.3 * y / np.maximum(r, 1e-3))
    d = r - radius
    out = np.maximum(d, 0)
    lean = 0.45 + 0.55 * smoothstep(-1.0, 1.0, toward)
    corona = np.exp(-out / (rng.uniform(0.05, 0.12) * lean * (1 + 0.18 * rays)))
    veil = np.exp(-out / 0.4) * lean
    picture = palette.ramp(0.01 + 0.3 * veil + 0.66 * corona * lean)
    tint = np.exp(-out / 0.2) * lean * smoothstep(-0.2, 1.0, toward)
    picture = glow(picture, palette.accent, 0.4 * rng.random() * tint)
    picture = over(picture, palette.ramp(0.01 + 0.05 * smoothstep(-radius, radius, -x - y)), inside(d, plane, 0.004))
    if rng.random() < 0.6:
        bead = np.hypot(x - radius * np.cos(side), y - radius * np.sin(side))
        picture = glow(picture, palette.table[-40], 1.4 * np.exp(-((bead / 0.02) ** 2)) + 0.25 * np.exp(-bead / 0.06))
    return picture


def leaks(plane, rng, palette):
    """Light that got in at the sides of the film: soft flames of colour around a dark middle."""
    bend = Noise(rng, slope=2.4, high=6, period=2.8)
    x, y = plane.x + 0.1 * bend(plane.x, plane.y), plane.y + 0.1 * bend(plane.x + 1.3, plane.y + 0.6)
    picture = palette.ramp(np.full_like(plane.x, 0.02))
    count = int(rng.integers(3, 6))
    start = rng.uniform(0, 2 * np.pi)
    for k in range(count):
        angle = start + 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / count
        px, py = 0.55 * plane.aspect * np.cos(angle), 0.55 * np.sin(angle)
        lie = angle + np.pi / 2 + rng.uniform(-0.4, 0.4)
        along = (x - px) * np.cos(lie) + (y - py) * np.sin(lie)
        across = -(x - px) * np.sin(lie) + (y - py) * np.cos(lie)
        flame = np.exp(-((along / rng.uniform(0.3, 0.7)) ** 2) - (across / rng.uniform(0.1, 0.28)) ** 2)
        tint = palette.accent if k == 1 else palette.ramp(np.clip(0.25 + 0.6 * flame, 0, 1) * rng.uniform(0.7, 1.1))
        picture = glow(picture, tint, rng.uniform(0.5, 1.0) * flame)
    return picture


def meeting(plane, rng, palette):
    """Two or three areas parted by great arcs; each deepens towards the seam, and the seam glows."""
    angle = rng.uniform(0, 2 * np.pi)
    tones = rng.permutation([0.12, 0.45, 0.8])
    picture = palette.ramp(tones[0] + 0.25 * (plane.x * np.cos(angle) / plane.aspect + plane.y * np.sin(angle)))
    for k in range(1, int(rng.integers(2, 4))):
        angle += rng.uniform(0.6, 2.4)
        radius, off = rng.choice([0.45, 0.8, 1.6]), rng.uniform(-0.12, 0.2)
        far = off + radius
        d = disc(plane, far * np.cos(angle), far * np.sin(angle), radius)
        deep = np.exp(np.minimum(d, 0) / rng.uniform(0.15, 0.4))
        way = rng.choice([-1, 1])
        picture = shade(picture, 1 - rng.uniform(0.3, 0.75) * np.exp(-np.maximum(d, 0) / 0.16))
        colour = palette.accent * (1 - 0.75 * deep[..., None]) if k == 2 else palette.ramp(tones[k] + 0.3 * way * deep)
        picture = over(picture, colour, inside(d, plane))
        picture = glow(picture, palette.table[-200], rng.uniform(0.0, 0.35) * np.exp(-np.abs(d) / 0.012))
    return picture


def curtains(plane, rng, palette):
    """Curtains of light hung over a black land: sharp below, fading upward, pleated."""
    level = rng.uniform(0.2, 0.38)
    picture = palette.ramp(0.02 + 0.1 * (plane.y + 0.5))
    sway = Noise(rng, slope=2.4, high=6, period=3.2)
    pleat = Noise(rng, slope=1.3, low=3, high=30, period=3.2)
    count = int(rng.integers(2, 4))
    for k in range(count):
        hem = level - rng.uniform(0.0, 0.3) + rng.uniform(-0.3, 0.3) * plane.x
        hem += 0.08 * sway(plane.x, np.float32(0.4 * k))
        x = plane.x + 0.04 * sway(plane.x, plane.y + k)
        fold = pleat(x, np.float32(0.6 * k))
        up = hem - plane.y
        tall = rng.uniform(0.16, 0.34) * (1 + 0.35 * np.tanh(fold))
        sheet = np.exp(-np.maximum(up, 0) / tall) * smoothstep(-0.03, 0.03, up)
        sheet *= 0.52 + 0.48 * np.tanh(1.6 * fold + 0.3)
        sheet = sheet * smoothstep(-1.6, 0.4, sway(plane.x * 0.8 + 1, np.float32(0.9 * k)))
        colour = palette.ramp(0.9 - 0.75 * np.clip(up / 0.45, 0, 1))
        colour = over(colour, palette.accent, 0.7 * smoothstep(0.1, 0.4, up) * (k == 0))
        picture = glow(picture, colour, 1.3 * sheet)
    land = level + 0.03 * Noise(rng, slope=1.7, high=30, period=3.2)(plane.x, np.float32(0))
    below = inside(land - plane.y, plane)
    picture = over(picture, 0.12 * picture[::-1] + 0.3 * palette.table[0], below)
    return picture


def beam(plane, rng, palette):
    """A shaft of light falls through the dark and lies on the floor."""
    level, cx = rng.uniform(0.2, 0.32), plane.aspect * rng.uniform(-0.2, 0.2)
    top, spread = plane.aspect * rng.uniform(-0.35, 0.35), rng.uniform(0.12, 0.24)
    down = np.clip((plane.y + 0.62) / (level + 0.62), 0, 1.4)
    middle, half = top + (cx - top) * down, spread * (0.18 + 0.82 * down)
    air = Noise(rng, slope=1.9, high=14, period=2.6)(plane.x - 0.4 * plane.y, plane.y)
    across = (plane.x - middle) / half
    shaft = smoothstep(1.15, 0.75, np.abs(across)) * (1 - 0.35 * down) * (1 + 0.14 * air) * (0.8 + 0.2 * across)
    shaft *= (plane.y < level) | (np.hypot(plane.x - cx, (plane.y - level) / 0.26) < spread)
    picture = palette.ramp(0.03 + 0.1 * np.exp(-((plane.x - cx) ** 2 + (plane.y - level) ** 2) / 0.2) + 0.5 * shaft)
    pool = np.hypot(plane.x - cx, (plane.y - level) / 0.26)
    lit = smoothstep(spread * 1.06, spread * 0.9, pool)
    spill = np.exp(-np.maximum(pool - spread, 0) / 0.14) * smoothstep(level - 0.14, level, plane.y)
    picture = glow(picture, palette.table[len(palette.table) // 3], 0.8 * spill)
    picture = over(picture, palette.ramp(0.97 - 0.25 * pool / spread), lit)
    if rng.random() < 0.6:  # something stands in it
        tall = rng.uniform(0.07, 0.2)
        ball, post = disc(plane, cx, level - tall, tall), box(plane, cx, level - tall, 0.3 * tall, tall)
        d = ball if rng.random() < 0.6 else post
        round_ = smoothstep(tall, -tall, plane.y - level + tall)
        shadow = np.hypot(plane.x - cx, (plane.y - level) / 0.3) - tall
        picture = shade(picture, 1 - 0.7 * smoothstep(0.05, -0.02, shadow))
        picture = over(picture, palette.accent * (0.1 + 0.9 * round_[..., None] ** 1.5), inside(d, plane))
    return picture


def bars(plane, rng, palette):
    """Upright bars, each a gradient from a lit edge into the dark, like light through half-open blinds."""
    p = plane.turned(rng.choice([0.0, 0.0, np.pi / 2, 0.3, -0.3]))
    count = int(rng.integers(4, 8))
    edges = (np.cumsum(rng.dirichlet(np.full(count, 4.0))) - 0.5) * 1.3 * plane.aspect
    side = rng.choice([-1, 1])
    tones = rng.permutation(np.linspace(0.35, 0.92, count))
    marked = int(rng.integers(0, count))
    fade = smoothstep(rng.uniform(0.5, 0.9), -0.5, rng.choice([-1, 1]) * p.y)
    picture, start = palette.ramp(np.full_like(p.x, 0.03)), -0.65 * plane.aspect
    for k, (end, tone) in enumerate(zip(edges, tones)):
        u = np.clip((p.x - start) / (end - start), 0, 1)
        u = u if side > 0 else 1 - u
        deep = np.exp(-u * rng.uniform(1.5, 3.5)) * (0.35 + 0.65 * fade)
        colour = palette.accent * deep[..., None] if k == marked else palette.ramp(0.02 + tone * deep)
        picture = over(picture, colour, inside(np.maximum(start - p.x, p.x - end), plane))
        start = end
    return picture


COMPOSITIONS = (slabs, aperture, horizon, veil, eclipse, leaks, meeting, curtains, beam, bars)
