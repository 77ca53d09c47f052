"""Organic: things that seem to have grown; cells, petals, corals, shells, currents."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..fields import Growth, Noise, cells, disc, inside, lit, scattered, slope, smoothstep
from ..paint import glow, over, shade
from .noise import focus


def tissue(plane, rng, palette):
    """Cells under a microscope: bright walls or dark ones, thinning out into empty space."""
    bend = Noise(rng, slope=2.2, high=14, period=2.0)
    warped = plane.moved(0.035 * bend(plane.x, plane.y), 0.035 * bend(plane.x + 0.9, plane.y + 0.4))
    points = scattered(rng, int(rng.integers(14, 34) * plane.aspect**0.8), plane.aspect)
    first, border, index = cells(warped, points)
    where = focus(plane, rng, 0.62)
    wall = rng.uniform(0.012, 0.03)
    body = smoothstep(wall * 0.4, wall * 0.4 + 0.035, border)
    tone = rng.uniform(0.25, 0.75, len(points)).astype(np.float32)[index]
    core = np.exp(-((first / 0.055) ** 2))
    colour = palette.ramp(tone * (0.4 + 0.6 * where) + 0.22 * np.sqrt(np.clip(border / 0.14, 0, 1)) - 0.1)
    picture = over(palette.ramp(0.02 + 0.1 * where), colour, body * smoothstep(0.05, 0.5, where))
    nucleus = rng.random(len(points))[index] < 0.4
    return over(picture, palette.accent if rng.random() < 0.5 else palette.table[-200], 0.85 * core * nucleus * where)


def drops(plane, rng, palette):
    """Metaballs: liquid drops with a lit skin and a rim of light, in front of a gradient."""
    count = rng.integers(5, 11)
    potential = np.zeros_like(plane.x)
    for _ in range(count):
        px, py = plane.aspect * rng.normal(0, 0.2), rng.normal(0, 0.2)
        r = rng.uniform(0.05, 0.16)
        potential += (r * r) / ((plane.x - px) ** 2 + (plane.y - py) ** 2 + 1e-3)
    distance = (1 - np.sqrt(np.maximum(potential, 1e-6))) * 0.22
    depth = np.sqrt(np.clip(1 - 1 / np.maximum(potential, 1), 0, 1))
    light = lit(depth, plane, 0.16, light=(-0.55, -0.75, 0.5))
    rim = (1 - depth) ** 3
    cx, cy = plane.aspect * rng.uniform(-0.3, 0.3), rng.uniform(-0.4, 0.4)
    ground = palette.ramp(0.05 + 0.3 * np.exp(-((plane.x - cx) ** 2 + (plane.y - cy) ** 2) / 0.25))
    shadow = smoothstep(0.16, -0.02, distance)
    ground = shade(ground, 1 - 0.45 * shadow)
    body = palette.ramp(0.2 + 0.5 * light + 0.14 * depth + 0.25 * plane.y)
    body = over(body, palette.accent, 0.65 * rim)
    body = glow(body, palette.table[-80], smoothstep(0.86, 0.99, light) * 0.8)
    return over(ground, body, inside(distance, plane))


def skin(plane, rng, palette):
    """Turing patterns: one wavelength of noise, thresholded, swelling and fading over the picture."""
    wave = rng.uniform(0.055, 0.1)  # heights
    period = 2.2
    f0 = period / wave
    band = Noise(rng, slope=0, low=f0 * 0.8, high=f0 * 1.0, period=period)
    bend = Noise(rng, slope=2.4, high=6, period=3)
    ax, ay = bend(plane.x, plane.y), bend(plane.x + 1.4, plane.y + 0.8)
    stretch = rng.uniform(1.0, 1.9)
    p = plane.turned(rng.uniform(0, np.pi))
    f = band((p.x + 0.09 * ax) * 0.75, (p.y + 0.09 * ay) * 0.75 / stretch)
    where = focus(plane, rng, 0.6)
    width = 0.9 - 2.2 * where + 0.3 * ax
    edge = smoothstep(-0.25, 0.25, f - width)
    body = palette.ramp(0.3 + 0.6 * where + 0.08 * ay + 0.1 * np.tanh(f - width))
    relief = 0.6 + 0.5 * lit(np.tanh(1.2 * (f - width)), plane, 0.02)
    return over(palette.ramp(0.03 + 0.16 * where + 0.02 * ax), shade(body, relief), edge)


def bloom(plane, rng, palette):
    """A flower of nested, translucent petals around an off-centre heart."""
    cx, cy = plane.aspect * rng.uniform(-0.14, 0.14), rng.uniform(-0.1, 0.1)
    x, y = plane.x - cx, plane.y - cy
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    sway = Noise(rng, slope=2.3, high=10, period=2)(plane.x, plane.y)
    petals = int(rng.integers(5, 10))
    layers = int(rng.integers(5, 8))
    picture = palette.ramp(0.03 + 0.2 * np.exp(-((r / 0.6) ** 2)))
    size = rng.uniform(0.44, 0.56)
    twist = rng.uniform(-1.6, 1.6)
    dark_heart = rng.random() < 0.5
    for k in range(layers):
        part = 1 - k / layers
        phase = petals * (angle + 0.35 * k + twist * r) / 1.0 + 0.8 * sway
        lobe = np.sqrt(np.abs(np.cos(phase / 2)))
        edge = size * part * (0.62 + 0.38 * lobe) * (1 + 0.05 * sway)
        d = r - edge
        picture = shade(picture, 1 - 0.5 * smoothstep(0.07, -0.01, d) * (d > -0.02))
        along = r / np.maximum(edge, 1e-3)
        deep, pale = 0.2 + 0.62 * along * part + 0.15 * (1 - part), 0.88 - 0.6 * along * (0.4 + 0.6 * part)
        tone = deep if dark_heart else pale
        colour = palette.ramp(tone + 0.07 * (lobe - 0.5) + 0.03 * sway)
        picture = over(picture, colour, inside(d, plane) * 0.94)
    return over(picture, palette.accent, inside(r - size * 0.07 * (1 + 0.2 * sway), plane, 0.012))


def current(plane, rng, palette):
    """Strands along a flow: level bands of a stream function, each strand its own tone, cut to lengths that taper."""
    stream = Noise(rng, slope=2.6, high=9, period=rng.uniform(2.4, 3.4))
    psi = stream(plane.x, plane.y) + 1.2 * (plane.x * rng.uniform(-1, 1) + plane.y * rng.uniform(-1, 1))
    count = rng.uniform(5.0, 9.0)
    at = psi * count
    strand = np.floor(at).astype(np.int32)
    across = (at - strand) - 0.5
    dx, dy = slope(psi, plane)
    thickness = 1 / (count * np.hypot(dx, dy) + 1e-3)  # heights per strand: keeps the edges one pixel soft
    tones = rng.uniform(0.1, 0.95, 128).astype(np.float32)
    marks = rng.random(128) < 0.08
    where = focus(plane, rng, 0.72)
    length = Noise(rng, slope=2.0, high=10, period=2)(plane.x, plane.y + 0.37 * strand)
    width = 0.46 * smoothstep(-1.4, 0.5, length + 2.2 * (where - 0.5))
    d = (np.abs(across) - width) * thickness
    round_light = np.sqrt(np.clip(1 - (across / np.maximum(width, 1e-3)) ** 2, 0, 1))
    colour = palette.ramp(tones[strand % 128] * (0.45 + 0.55 * round_light) * (0.5 + 0.6 * where))
    colour = np.where(marks[strand % 128][..., None], palette.accent * (0.4 + 0.6 * round_light[..., None]), colour)
    fine = smoothstep(0.007, 0.026, thickness)  # strands thinner than a few pixels dissolve instead of flickering
    fine = fine * smoothstep(0.02, 0.12, width)  # and so do the ends of the others
    return over(palette.ramp(0.02 + 0.12 * where), colour, inside(d, plane) * fine)


# Feed and kill of the kinds of growth: corals, corridors, holes, worms, beads.
KINDS = ((0.0545, 0.062), (0.029, 0.057), (0.039, 0.058), (0.058, 0.0648), (0.030, 0.0615))


def coral(plane, rng, palette):
    """A colony by reaction and diffusion, grown from a few points: corridors, worms or spots, lit like wet stone."""
    size = 144
    feed, kill = KINDS[rng.choice(len(KINDS), p=(0.32, 0.28, 0.14, 0.18, 0.08))]
    spots = ndimage.gaussian_filter(rng.standard_normal((size, size)), 3.5, mode="wrap")
    at = (np.arange(size) + 0.5) / size - 0.5
    cx, cy, reach = rng.uniform(-0.1, 0.1), rng.uniform(-0.08, 0.08), rng.uniform(0.14, 0.3)
    far = np.hypot(at[None] - cx, at[:, None] - cy)
    seeds = (spots > np.quantile(spots, 0.78)) & (far < reach)
    tilt = 0.0012 * rng.uniform(0, 1) * (at[None] + at[:, None])  # one kind turns into another across the picture
    grown = Growth(seeds, feed, kill + tilt, steps=int(rng.integers(1000, 1900)), period=rng.uniform(1.7, 2.3))
    bend = Noise(rng, slope=2.4, high=6, period=3)
    ax, ay = bend(plane.x, plane.y), bend(plane.x + 1.4, plane.y + 0.8)
    v = grown(plane.x + 0.05 * ax, plane.y + 0.05 * ay)
    body = smoothstep(0.1, 0.24, v)
    light = lit(np.sqrt(np.clip(v, 0, 0.4)), plane, 0.22)
    reach = np.exp(-(((plane.x - 2.2 * cx) / plane.aspect**0.5) ** 2 + (plane.y - 2.2 * cy) ** 2) / 0.22)
    picture = palette.ramp(0.02 + 0.2 * reach + 0.05 * ay * reach)
    picture = shade(picture, 1 - 0.6 * smoothstep(0.02, 0.12, v))
    colour = palette.ramp(0.04 + 0.5 * light * (0.45 + 0.7 * reach) + 0.34 * reach * body + 0.06 * ax)
    colour = glow(colour, palette.table[-150], 0.7 * smoothstep(0.86, 1.0, light) * body)
    picture = over(picture, colour, body)
    return over(picture, palette.accent, 0.6 * smoothstep(0.6, 1.6, ax) * smoothstep(0.24, 0.4, v))


def agate(plane, rng, palette):
    """A cut stone: bands grown inward around a hollow of light, the rind dark."""
    cx, cy = plane.aspect * rng.uniform(-0.16, 0.16), rng.uniform(-0.12, 0.12)
    shape, ripple = Noise(rng, slope=2.3, high=7, period=2.6), Noise(rng, slope=1.8, low=3, high=18, period=2.4)
    x, y = plane.x - cx, (plane.y - cy) * rng.uniform(0.9, 1.4)
    r = np.hypot(x, y) + 0.075 * shape(plane.x, plane.y) + 0.012 * ripple(plane.x, plane.y)
    size = rng.uniform(0.42, 0.58)
    count = int(rng.integers(8, 14))
    edges = np.cumsum(rng.dirichlet(np.full(count, 1.6)))[::-1] * size
    tones = np.clip(np.linspace(0.12, 0.8, count) + rng.normal(0, 0.2, count), 0.05, 0.95)
    marked = rng.integers(1, count - 2)
    stretch = np.maximum(np.hypot(*slope(r, plane)), 0.4)
    picture = palette.ramp(0.02 + 0.06 * np.exp(-np.maximum(r - size, 0) / 0.1))
    for k, (edge, tone) in enumerate(zip(edges, tones)):
        within = np.clip((edge - r) / 0.09, 0, 1)
        colour = palette.ramp(tone + 0.25 * (within - 0.4) + 0.02 * ripple(plane.x + 0.7, plane.y))
        if k == marked:
            colour = palette.accent * (0.6 + 0.4 * within[..., None])
        picture = over(picture, colour, inside((r - edge) / stretch, plane, 0.003) * (0.9 if k else 1.0))
    hollow = np.exp(-((np.maximum(r, 0) / (edges[-2] * 1.1)) ** 2))
    return glow(picture, palette.table[-120], rng.uniform(0.1, 0.5) * hollow)


def kelp(plane, rng, palette):
    """Blades swaying up from the floor towards a light, the far ones pale, the near ones black."""
    lx = plane.aspect * rng.uniform(-0.3, 0.3)
    light = np.exp(-(((plane.x - lx) / (0.5 * plane.aspect**0.5)) ** 2 + ((plane.y + 0.55) / 0.75) ** 2))
    picture = palette.ramp(0.03 + 0.7 * light)
    sway = Noise(rng, slope=2.3, high=6, period=2.8)
    count = int(rng.integers(9, 15) * plane.aspect**0.7)
    drift = rng.uniform(-0.4, 0.4)
    marked = rng.integers(count // 3, count)
    for k in range(count):
        depth = k / (count - 1)
        foot, tip = plane.aspect * rng.uniform(-0.6, 0.6), rng.uniform(-0.45, 0.2)
        up = np.clip((0.55 - plane.y) / (0.55 - tip), 0, 1.2)
        middle = foot + drift * up * up * 0.5 + 0.09 * up * sway(np.float32(0.37 * k), plane.y * (1.2 - 0.4 * depth))
        half = (0.02 + 0.04 * depth) * np.sqrt(np.clip(1 - up, 0, 1)) * (1.1 + 0.3 * sway(plane.y * 2, np.float32(k)))
        across = (plane.x - middle) / np.maximum(half, 1e-4)
        rim = smoothstep(0.35, 1.0, np.sign(lx - foot) * across)
        tone = (0.55 - 0.52 * depth) * (0.35 + 0.65 * light) + 0.35 * rim * light * (1 - 0.4 * depth)
        colour = palette.ramp(tone)
        if k == marked:
            colour = palette.accent * (0.15 + 0.85 * light * (0.4 + 0.6 * rim))[..., None]
        d = np.maximum(np.abs(plane.x - middle) - half, tip - plane.y)
        picture = over(picture, colour, inside(d, plane, 0.003 + 0.004 * (1 - depth)))
    return picture


def medusa(plane, rng, palette):
    """A creature of light in deep water: a bell, its glowing rim, long veils below."""
    cx, cy = plane.aspect * rng.uniform(-0.18, 0.18), rng.uniform(-0.22, -0.08)
    p = plane.moved(-cx, -cy).turned(rng.uniform(-0.5, 0.5))
    size, tall = rng.uniform(0.2, 0.3), rng.uniform(0.75, 1.1)
    sway = Noise(rng, slope=2.3, high=8, period=2.4)
    far = np.hypot(p.x, p.y)
    picture = palette.ramp(0.02 + 0.2 * np.exp(-((far / 0.42) ** 2)))
    down = np.maximum(p.y, 0)
    loose = 1.8 * (1 - np.exp(-((down / 0.12) ** 2)))
    x = p.x + loose * (0.05 * sway(p.x * 0.5, p.y) + 0.03 * sway(p.x + 0.8, p.y * 1.6))
    for k in range(int(rng.integers(5, 9))):
        foot, reach = size * rng.uniform(-0.75, 0.75), rng.uniform(0.3, 0.7)
        thick = rng.uniform(0.008, 0.022) * (1 + 0.7 * sway(np.float32(k), p.y * 2))
        veil = np.exp(-(((x - foot * (1 - 0.5 * down / reach)) / np.maximum(thick, 0.005)) ** 2))
        veil *= smoothstep(reach, 0.3 * reach, p.y) * (p.y > -0.02)
        tint = palette.accent if k % 3 == 0 else palette.table[len(palette.table) * 2 // 3]
        picture = glow(picture, tint, 0.5 * veil)
    rim = 0.018 * np.cos(10 * p.x / size) * smoothstep(1.0, 0.75, np.abs(p.x) / size)
    bell = np.hypot(p.x, p.y / tall) - size
    d = np.logaddexp(bell / 0.012, (p.y - rim) / 0.012) * np.float32(0.012)  # the greater of the two, rounded
    depth = np.sqrt(np.clip(1 - (p.x / size) ** 2 - (np.minimum(p.y, 0) / (tall * size)) ** 2, 0, 1))
    folds = np.cos(9 * p.x / size / (0.4 + depth)) * (1 - depth)
    skin = palette.ramp(0.2 + 0.62 * (1 - depth) ** 1.5 + 0.16 * folds)
    inner = np.exp(-((p.x / (0.45 * size)) ** 2 + ((p.y + 0.35 * tall * size) / (0.4 * tall * size)) ** 2))
    skin = glow(skin, palette.accent, 0.7 * inner)
    picture = over(picture, skin, 0.9 * inside(d, plane, 0.004))
    edge = np.exp(-np.abs(p.y - rim) / 0.014) * smoothstep(0.0, -0.07, np.abs(p.x) - size)
    outline = np.exp(-np.abs(d) / 0.01) * smoothstep(0.0, -0.06, p.y)
    return glow(picture, palette.table[-150], 0.7 * edge + 0.3 * outline)


def shell(plane, rng, palette):
    """A spiral that grew by one law, r = exp(growth * turns): a round tube, ribbed, darker towards its mouth."""
    cx, cy = plane.aspect * rng.uniform(-0.14, 0.14), rng.uniform(-0.1, 0.1)
    p = plane.moved(-cx, -cy).turned(rng.uniform(0, 2 * np.pi))
    if rng.random() < 0.5:
        p = replace(p, x=-p.x)
    growth = rng.uniform(0.6, 1.0)  # log of the radius per turn
    r, angle = np.hypot(p.x, p.y) + 1e-4, np.arctan2(p.y, p.x) / (2 * np.pi) + 0.5
    reach = rng.uniform(0.42, 0.56)
    at = np.log(r / reach) / growth - angle
    turn = np.floor(at)
    u = at - turn
    mouth = np.where(turn == -2, 2 * np.pi * r * (1 - angle), 1)  # heights to the open end, along the tube
    age = turn + 1 + angle  # in turns, 0 at the mouth
    tube = np.sqrt(np.clip(1 - (2 * u - 1) ** 2, 0, 1))
    ribs = 0.5 + 0.5 * np.cos(2 * np.pi * rng.integers(9, 18) * (angle + 0.12 * u))
    light = np.clip(0.25 + 0.75 * tube - 0.5 * smoothstep(0.3, 1.0, 1 - u), 0, 1)
    tone = 0.12 + 0.62 * light + 0.14 * ribs * tube + 0.08 * np.clip(age, -3, 0)
    body = palette.ramp(tone)
    body = over(body, palette.accent, 0.75 * np.exp(-(((u - 0.5) / 0.14) ** 2)) * smoothstep(0.3, 0.9, ribs))
    body = shade(body, (0.15 + 0.85 * smoothstep(0.0, 0.2, tube)) * (0.25 + 0.75 * smoothstep(0.0, 0.12, mouth)))
    ground = palette.ramp(0.02 + 0.2 * np.exp(-((r / 0.55) ** 2)))
    ground = shade(ground, 1 - 0.6 * smoothstep(0.16, 0.0, r - 0.8 * reach))
    shape = (turn < -1) * smoothstep(0.0, 0.06, tube) * inside(-mouth, plane)
    return over(over(ground, body, shape), palette.accent, 0.8 * smoothstep(0.045, 0.02, r))


def spores(plane, rng, palette):
    """Lights out of focus, large and translucent near by, small and sharp far off, drifting along one path."""
    path = Noise(rng, slope=2.4, high=5, period=3.0)
    angle = rng.uniform(0, np.pi)
    where = focus(plane, rng, 0.8)
    picture = palette.ramp(0.02 + 0.16 * where + 0.03 * path(plane.x, plane.y))
    count = int(rng.integers(14, 26) * plane.aspect**0.8)
    for k in range(count):
        near = (k / (count - 1)) ** 1.6
        along = plane.aspect * rng.uniform(-0.6, 0.6)
        off = rng.normal(0, 0.15) + 0.12 * float(path(np.float32([[along]]), np.float32([[0.0]]))[0, 0])
        cx, cy = along * np.cos(angle) - off * np.sin(angle), along * np.sin(angle) + off * np.cos(angle)
        radius = 0.012 + 0.13 * near * rng.uniform(0.6, 1.1)
        d = disc(plane, cx, cy, radius)
        rim = 0.55 + 0.45 * np.exp(np.minimum(d, 0) / (0.3 * radius))
        tint = palette.accent if rng.random() < 0.2 else palette.ramp(np.float32(rng.uniform(0.45, 0.9)))
        picture = glow(picture, tint, (0.75 - 0.5 * near) * rim * inside(d, plane, 0.003 + 0.02 * near))
        picture = glow(picture, tint, 0.1 * np.exp(-np.maximum(d, 0) / 0.05))
    return picture


def leaf(plane, rng, palette):
    """One great leaf: a bent rib, swelling fields between its veins, light through its edge."""
    cx, cy = plane.aspect * rng.uniform(-0.1, 0.1), rng.uniform(-0.06, 0.06)
    p = plane.moved(-cx, -cy).turned(rng.uniform(0, 2 * np.pi))
    half, broad, bend = rng.uniform(0.42, 0.58), rng.uniform(0.17, 0.3), rng.uniform(-0.7, 0.7)
    sway = Noise(rng, slope=2.2, high=12, period=2.2)(plane.x, plane.y)
    t = np.clip((p.y + half) / (2 * half), 0, 1)
    x = p.x - bend * (p.y * p.y - 0.1)
    width = broad * np.abs(np.sin(np.pi * t**0.75)) ** 0.9 * (1 + 0.03 * sway)
    d = np.maximum(np.abs(x) - width, np.abs(p.y) - half)
    veins = rng.uniform(6, 10)
    at = veins * (t + np.abs(x) / broad * rng.uniform(0.12, 0.3)) + 0.5 * (x > 0) + 0.08 * sway
    u = at - np.floor(at)
    swell = np.sin(np.pi * u)
    lit_side = np.where(x * rng.choice([-1, 1]) > 0, 1.0, 0.62)
    edge = np.clip(1 + d / broad, 0, 1)
    tone = (0.16 + 0.5 * swell * (0.4 + 0.6 * u)) * lit_side + 0.22 * edge**2
    rib = np.exp(-((x / (0.012 * (1.3 - t))) ** 2))
    body = over(palette.ramp(tone), palette.accent, 0.75 * rib)
    body = over(body, palette.table[-300], 0.5 * np.exp(-((np.minimum(u, 1 - u) / 0.06) ** 2)) * (1 - edge))
    ground = palette.ramp(0.02 + 0.16 * np.exp(-(plane.x**2 / plane.aspect + plane.y**2) / 0.16))
    ground = shade(ground, 1 - 0.6 * smoothstep(0.1, 0.0, d))
    return over(ground, body, inside(d, plane))


def pebbles(plane, rng, palette):
    """Wet stones lying close, each round, each its own tone; one that is not like the others."""
    bend = Noise(rng, slope=2.2, high=8, period=2.0)
    warped = plane.moved(0.03 * bend(plane.x, plane.y), 0.03 * bend(plane.x + 0.9, plane.y + 0.4))
    points = scattered(rng, int(rng.integers(16, 40) * plane.aspect**0.8), plane.aspect)
    first, border, index = cells(warped, points)
    gap = rng.uniform(0.004, 0.014)
    d = gap - border
    height = np.sqrt(np.clip((border - gap) / 0.09, 0, 1))
    light = lit(height, plane, 0.05)
    where = focus(plane, rng, 0.75)
    tones = rng.uniform(0.12, 0.75, len(points)).astype(np.float32)
    marked = np.hypot(*(points - rng.uniform(-0.2, 0.2, 2)).T).argmin()
    shine = light * (0.35 + 0.65 * where)
    colour = palette.ramp(tones[index] * (0.25 + 1.0 * shine) + 0.02 * bend(3 * plane.x, 3 * plane.y))
    colour = np.where((index == marked)[..., None], palette.accent * (0.1 + 1.1 * shine[..., None]), colour)
    colour = glow(colour, palette.table[-80], 0.5 * smoothstep(0.93, 1.0, light) * where)
    return over(palette.ramp(0.01 + 0.04 * where), colour, inside(d, plane, 0.004))


COMPOSITIONS = (
    tissue, drops, skin, bloom, current, coral, agate, kelp, medusa, shell, spores, leaf, pebbles,
)  # fmt: skip
