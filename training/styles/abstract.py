"""Abstract: clear forms laid over each other; discs, ribbons, arches, interference."""

import numpy as np

from ..fields import Noise, box, disc, inside, smoothstep
from ..paint import glow, over, shade


def discs(plane, rng, palette):
    """A few translucent discs, rings and bars in balance around one large form."""
    light_ground = rng.random() < 0.4
    angle = rng.uniform(0, 2 * np.pi)
    lean = plane.x * np.cos(angle) / plane.aspect + plane.y * np.sin(angle)
    picture = palette.ramp((0.9 if light_ground else 0.08) + (0.1 if not light_ground else -0.08) * lean)
    count = rng.integers(4, 8)
    for k in range(count):
        large = k == 0
        radius = rng.uniform(0.22, 0.34) if large else rng.uniform(0.04, 0.2)
        reach = 0.16 if large else 0.42
        cx, cy = plane.aspect * rng.uniform(-reach, reach), rng.uniform(-reach, reach)
        d = disc(plane, cx, cy, radius)
        kind = rng.random()
        if not large and kind < 0.25:
            d = np.abs(d) - radius * rng.uniform(0.06, 0.25)
        elif kind < 0.45:  # half a disc, cut by a straight line
            cut = rng.uniform(0, 2 * np.pi)
            d = np.maximum(d, (plane.x - cx) * np.cos(cut) + (plane.y - cy) * np.sin(cut))
        turn = rng.uniform(0, 2 * np.pi)
        along = ((plane.x - cx) * np.cos(turn) + (plane.y - cy) * np.sin(turn)) / radius
        colour = palette.ramp(rng.uniform(0.25, 0.85) + rng.uniform(0.1, 0.3) * along)
        if k == count - 1 or rng.random() < 0.12:
            colour = palette.accent * (0.85 + 0.15 * along[..., None])
        shadow = smoothstep(0.09, -0.02, disc(plane, cx + 0.015, cy + 0.03, radius)) if kind >= 0.45 else 0 * d
        picture = shade(picture, 1 - 0.35 * shadow)
        picture = over(picture, colour, inside(d, plane) * rng.choice([0.72, 0.9, 1.0]))
    if rng.random() < 0.5:
        turned = plane.turned(rng.choice([0, np.pi / 4, np.pi / 2, -np.pi / 4]))
        d = box(turned, rng.uniform(-0.2, 0.2), rng.uniform(-0.3, 0.3), 0.5, 0.007)
        picture = over(picture, palette.ramp(0.05 if light_ground else 0.95), inside(d, plane) * 0.9)
    return picture


def ribbons(plane, rng, palette):
    """Wide ribbons of gradient light flowing across, the nearest brightest."""
    p = plane.turned(rng.uniform(-0.7, 0.7) + rng.choice([0, np.pi / 2]))
    wave = Noise(rng, slope=2.4, high=6, period=3.4)
    count = int(rng.integers(4, 8))
    picture = palette.ramp(0.04 + 0.1 * (p.y + 0.5))
    order = rng.permutation(count)
    start, reach = rng.uniform(-0.5, -0.35), rng.uniform(0.75, 1.0)
    for k in range(count):
        middle = start + reach * (k + 0.5) / count
        top = middle - 0.12 + 0.11 * wave(p.x, np.float32(0.16 * k))
        bottom = top + 0.2 + 0.1 * wave(p.x * 0.8 + 0.5, np.float32(0.16 * k + 1.3))
        across = (p.y - top) / np.maximum(bottom - top, 0.02)
        d = np.maximum(top - p.y, p.y - bottom)
        tone = 0.22 + 0.62 * order[k] / count
        bend = 0.5 + 0.5 * np.tanh(1.2 * wave(p.x + 0.2 * k, np.float32(2.2)))
        colour = palette.ramp(tone * (0.55 + 0.45 * bend) + 0.38 * (0.5 - across) * bend)
        if k == count // 2:
            colour = over(colour, palette.accent, 0.9 * smoothstep(0.15, 0.9, bend))
        picture = shade(picture, 1 - 0.5 * smoothstep(0.1, 0.0, np.maximum(d, 0)))
        picture = over(picture, colour, inside(d, plane))
    return picture


def arches(plane, rng, palette):
    """Quarter rings on a coarse grid, as in tiles of the seventies; here and there a ring in the accent."""
    size = np.float32(1 / rng.choice([2, 3, 3, 4]))
    turn = rng.choice([0.0, 0.0, np.pi / 4])
    rings = int(rng.integers(3, 6))
    corners = rng.integers(0, 4, (32, 32))
    tones = rng.uniform(0.1, 0.9, (32, 32)).astype(np.float32)
    lamp_x, lamp_y = plane.aspect * rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)

    def tiles(p):
        p = p.turned(turn)
        i, j = np.floor(p.x / size).astype(np.int32), np.floor((p.y + 0.5) / size).astype(np.int32)
        u, v = p.x / size - i, (p.y + 0.5) / size - j
        corner, tone, other = corners[j % 32, i % 32], tones[j % 32, i % 32], tones[i % 32, j % 32]
        r = rings * np.hypot(np.where(corner % 2 == 0, u, 1 - u), np.where(corner < 2, v, 1 - v))
        ring = np.floor(r)
        empty = (other < 0.22) | (ring >= rings)
        flip = np.where(ring % 2 == 0, np.float32(0.75), np.float32(0.12))
        colour = palette.ramp(np.where(empty, 0.08 + 0.1 * tone, flip * (0.55 + 0.4 * tone) + 0.16 * (r - ring)))
        special = (corners[(j + 7) % 32, (i + 3) % 32] == 0) & (ring == rings - 2) & ~empty
        return np.where(special[..., None], palette.accent, colour)

    q = plane.pixel / 4  # edges of tiles have no distance field: four samples a pixel
    picture = sum(tiles(plane.moved(dx, dy)) for dx, dy in ((-q, -q / 2), (q, q / 2), (-q / 2, q), (q / 2, -q))) / 4
    return shade(picture, 0.78 + 0.4 * np.exp(-((plane.x - lamp_x) ** 2 / plane.aspect**2 + (plane.y - lamp_y) ** 2) / 0.2))


def interference(plane, rng, palette):
    """Two or three wave sources; where their rings cross, moiré."""
    total = np.zeros_like(plane.x)
    count = int(rng.integers(2, 4))
    frequency = rng.uniform(7, 13)
    envelope = np.zeros_like(plane.x)
    for _ in range(count):
        cx, cy = plane.aspect * rng.uniform(-0.42, 0.42), rng.uniform(-0.42, 0.42)
        r = np.hypot(plane.x - cx, plane.y - cy)
        total += np.sin(2 * np.pi * frequency * r * rng.uniform(0.8, 1.1))
        envelope += np.exp(-((r / 0.5) ** 2))
    crest = total / count
    keep = smoothstep(0.15, 1.1, envelope)
    sharp = rng.random() < 0.5
    tone = smoothstep(-0.12, 0.12, crest) if sharp else 0.5 + 0.5 * crest
    picture = palette.ramp(0.03 + keep * (0.12 + 0.66 * tone) * (0.45 + 0.55 * envelope / count))
    return glow(picture, palette.accent, 0.55 * keep * smoothstep(0.55, 0.95, crest))


def sphere(plane, rng, palette):
    """One great body in the dark, lit from the side, perhaps ringed, perhaps with a companion."""
    cx, cy, radius = plane.aspect * rng.uniform(-0.16, 0.16), rng.uniform(-0.1, 0.1), rng.uniform(0.2, 0.34)
    angle = rng.uniform(0, 2 * np.pi)
    lx, ly = np.cos(angle), np.sin(angle)
    far = np.hypot(plane.x - cx, plane.y - cy)
    picture = palette.ramp(0.03 + 0.16 * np.exp(-((far / 0.5) ** 2)) + 0.05 * (plane.x * lx / plane.aspect + plane.y * ly))
    band = Noise(rng, slope=2.1, high=16, period=2.2)
    tilt = rng.uniform(0, np.pi)
    bodies = [(cx, cy, radius)]
    if rng.random() < 0.6:
        bodies.append((cx + lx * radius * 1.45, cy + ly * radius * 1.2 + 0.05, radius * rng.uniform(0.14, 0.32)))
    for k, (bx, by, size) in enumerate(bodies):
        dx, dy = (plane.x - bx) / size, (plane.y - by) / size
        z = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
        light = np.clip(0.85 * (dx * lx + dy * ly) + 0.5 * z, 0, 1)
        lat = dx * np.sin(tilt) + dy * np.cos(tilt)
        streak = band(0.2 * dx * z + k, 0.55 * lat)
        body = palette.ramp(0.04 + 0.86 * light**0.9 + 0.1 * light * streak)
        rim = np.exp(-z * 5) * np.clip(dx * lx + dy * ly + 0.3, 0, 1)
        body = glow(body, palette.accent, 0.8 * rim)
        picture = over(picture, body, inside(np.hypot(dx, dy) * size - size, plane))
        picture = glow(picture, palette.accent, 0.12 * np.exp(-np.maximum(far - radius, 0) / 0.06) * (far > radius) if k == 0 else 0 * far)
    if rng.random() < 0.45:
        p = plane.moved(-cx, -cy).turned(rng.uniform(-0.6, 0.6))
        ellipse = np.hypot(p.x, p.y / 0.24)
        ring = inside(np.abs(ellipse - radius * 1.65) - radius * 0.2, plane, 0.004)
        front = (p.y > 0) | (np.hypot(p.x, p.y) > radius)
        grooves = 0.55 + 0.35 * band(ellipse * 2.2, np.float32(0.3))
        picture = over(picture, palette.ramp(0.25 + 0.4 * grooves), 0.75 * ring * front)
    return picture


COMPOSITIONS = (discs, ribbons, arches, interference, sphere)
