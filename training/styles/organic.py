"""Organic: things that seem to have grown; cells, petals, drops, skins, currents."""

import numpy as np

from ..fields import Noise, cells, inside, lit, scattered, slope, smoothstep
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
        tone = (0.2 + 0.62 * along * part + 0.15 * (1 - part)) if dark_heart else (0.88 - 0.6 * along * (0.4 + 0.6 * part))
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
    fine = smoothstep(0.004, 0.014, thickness)  # strands thinner than a few pixels dissolve instead of flickering
    return over(palette.ramp(0.02 + 0.12 * where), colour, inside(d, plane) * fine)


COMPOSITIONS = (tissue, drops, skin, bloom, current)
