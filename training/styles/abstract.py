"""Abstract: clear forms laid over each other; discs, ribbons, panes, crystals, moiré."""

from dataclasses import replace

import numpy as np

from ..fields import Noise, box, cells, disc, inside, sampled, scattered, smoothstep
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

    picture = sampled(tiles, plane)
    lamp = (plane.x - lamp_x) ** 2 / plane.aspect**2 + (plane.y - lamp_y) ** 2
    return shade(picture, 0.5 + 0.7 * np.exp(-lamp / 0.16))


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
    lean = plane.x * lx / plane.aspect + plane.y * ly
    picture = palette.ramp(0.03 + 0.16 * np.exp(-((far / 0.5) ** 2)) + 0.05 * lean)
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
        if k == 0:
            halo = np.exp(-np.maximum(far - radius, 0) / 0.06) * inside(radius - far, plane)
            picture = glow(picture, palette.accent, 0.12 * halo)
    if rng.random() < 0.45:
        p = plane.moved(-cx, -cy).turned(rng.uniform(-0.6, 0.6))
        ellipse = np.hypot(p.x, p.y / 0.24)
        ring = inside(np.abs(ellipse - radius * 1.65) - radius * 0.2, plane, 0.004)
        front = (p.y > 0) | (np.hypot(p.x, p.y) > radius)
        grooves = 0.55 + 0.35 * band(ellipse * 2.2, np.float32(0.3))
        picture = over(picture, palette.ramp(0.25 + 0.4 * grooves), 0.75 * ring * front)
    return picture


def panes(plane, rng, palette):
    """Great translucent sheets, dense at one edge; on black they add their light, on white each filters it."""
    dark = rng.random() < 0.65
    picture = palette.ramp((0.04 if dark else 0.93) + 0.05 * plane.y)
    count = int(rng.integers(4, 7))
    turn, step = rng.uniform(0, np.pi), rng.choice([np.pi / 2, np.pi / 3, 0.3])
    tones = rng.permutation(np.linspace(0.3, 0.8, count))
    for k, tone in enumerate(tones):
        cx, cy = plane.aspect * rng.uniform(-0.22, 0.22), rng.uniform(-0.22, 0.22)
        p = plane.moved(-cx, -cy).turned(turn + step * k)
        reach, broad = rng.uniform(0.22, 0.42), rng.uniform(0.14, 0.34)
        d = disc(p, 0, 0, reach) if rng.random() < 0.35 else box(p, 0, 0, broad, reach, 0.02)
        dense = smoothstep(-1.1, 1.0, p.y / reach)
        tint = palette.accent if k == count - 1 else palette.ramp(np.float32(tone))
        if dark:
            picture = glow(picture, tint, inside(d, plane) * (0.06 + 0.7 * dense**1.6))
        else:
            picture = picture * (1 + (inside(d, plane) * (0.2 + 0.75 * dense))[..., None] * (tint - 1))
    return picture


def facets(plane, rng, palette):
    """A crystal in the dark: flat facets, each turned its own way to the light, inside a few straight cuts."""
    angle = rng.uniform(0, 2 * np.pi)
    lx, ly = np.cos(angle), np.sin(angle)
    p = plane.turned(rng.uniform(0, np.pi))
    d = np.full_like(p.x, -1)
    cuts = int(rng.integers(6, 9))
    for k in range(cuts):
        a = 2 * np.pi * (k + rng.uniform(-0.25, 0.25)) / cuts
        d = np.maximum(d, p.x * np.cos(a) / rng.uniform(1.0, 1.5) + p.y * np.sin(a) - rng.uniform(0.26, 0.4))
    points = scattered(rng, int(rng.integers(11, 20)), 1.0, 0.62)
    turn, squeeze = rng.uniform(0, np.pi), np.float32(rng.uniform(0.35, 0.7))
    lean = rng.normal(0, 1, (2, len(points))).astype(np.float32)
    lean /= np.hypot(*lean)
    marked = rng.random(len(points)) < 0.14
    px, py = points.astype(np.float32).T

    def stone(q):
        q = q.turned(turn)
        _, border, index = cells(replace(q, y=q.y * squeeze), points)
        u = (q.x - px[index]) * lean[0][index] + 0.6 * (q.y - py[index]) * lean[1][index]
        facing = (lean[0] * lx + lean[1] * ly)[index]
        colour = palette.ramp(0.42 + 0.36 * facing + 1.3 * u)
        accent = palette.accent * np.clip(0.75 + 1.5 * u, 0.1, 1.2)[..., None]
        colour = np.where(marked[index][..., None], accent, colour)
        return glow(colour, palette.table[-120], 0.3 * np.exp(-border / 0.005) * smoothstep(-0.2, 0.9, facing))

    body = sampled(stone, p)
    far = np.hypot(plane.x - 0.3 * lx, plane.y - 0.3 * ly)
    ground = palette.ramp(0.01 + 0.24 * np.exp(-((far / 0.55) ** 2)))
    return over(ground, body, inside(d, plane))


def fan(plane, rng, palette):
    """Paper folded into a fan around a point near the edge: lit sides, shaded sides, a dark beyond."""
    angle = rng.uniform(0, 2 * np.pi)
    cx, cy = 0.52 * plane.aspect * np.cos(angle), 0.52 * np.sin(angle)
    x, y = plane.x - cx, plane.y - cy
    r, turn = np.hypot(x, y), np.arctan2(y, x)
    pleats, lean = int(rng.integers(11, 20)), rng.uniform(-0.4, 0.4)
    marked, start = rng.random(pleats) < 0.25, int(rng.integers(0, pleats))
    marked[start] = True

    def paper(turn):
        at = pleats * (turn / (2 * np.pi) + 0.5) + lean * r
        side = np.abs(at % 1 - 0.5) * 2  # a ridge at 1, a valley at 0
        tone = np.where(at % 1 > 0.5, 0.4 + 0.5 * side, 0.05 + 0.3 * side) * (0.55 + 0.55 * np.exp(-r * 0.9))
        accent = palette.accent * (0.2 + 0.8 * tone[..., None])
        return np.where(marked[np.floor(at).astype(np.int32) % pleats][..., None], accent, palette.ramp(tone))

    step = plane.pixel / 3 / np.maximum(r, 0.05)  # folds have no distance field: three samples per pixel
    colour = (paper(turn - step) + paper(turn) + paper(turn + step)) / 3
    rim = rng.uniform(0.75, 1.1) + 0.03 * np.cos(2 * np.pi * (pleats * turn / (2 * np.pi) + lean * r))
    ground = palette.ramp(0.02 + 0.1 * np.exp(-np.maximum(r - rim, 0) / 0.2))
    ground = shade(ground, 1 - 0.6 * smoothstep(0.12, 0.0, r - rim))
    picture = over(ground, colour, inside(r - rim, plane))
    return over(picture, palette.ramp(np.float32(0.02)), inside(r - 0.1, plane, 0.004))


def moire(plane, rng, palette):
    """Two gratings of broad lines in a round window, one bent; what is seen is the beat between them."""
    lines = rng.uniform(7, 11)
    bend = Noise(rng, slope=2.6, high=5, period=2.6)(plane.x, plane.y)
    p = plane.turned(rng.uniform(0, np.pi))
    q = p.turned(rng.uniform(0.1, 0.35))
    first = np.sin(2 * np.pi * lines * p.y)
    if rng.random() < 0.5:
        cx, cy = rng.uniform(-0.35, 0.35, 2)
        far = np.hypot(plane.x - cx, plane.y - cy) + 0.04 * bend
        second = np.sin(2 * np.pi * lines * rng.uniform(0.9, 1.1) * far)
    else:
        second = np.sin(2 * np.pi * lines * (q.y + 0.07 * bend))
    a, b = smoothstep(-0.35, 0.35, first), smoothstep(-0.35, 0.35, second)
    cx, cy, radius = plane.aspect * rng.uniform(-0.12, 0.12), rng.uniform(-0.08, 0.08), rng.uniform(0.36, 0.46)
    window = inside(disc(plane, cx, cy, radius), plane, 0.004)
    across = 0.5 + 0.5 * (p.x / 0.5)
    colour = palette.ramp(0.05 + a * (0.2 + 0.4 * across))
    colour = over(colour, palette.ramp(0.9 - 0.35 * across), 0.85 * b * (0.3 + 0.7 * a))
    colour = over(colour, palette.accent, 0.8 * b * (1 - a) * smoothstep(0.3, 0.9, across))
    if rng.random() < 0.5:  # the window is a ball
        z = np.sqrt(np.clip(1 - ((plane.x - cx) ** 2 + (plane.y - cy) ** 2) / radius**2, 0, 1))
        colour = shade(colour, 0.1 + 0.95 * z)
    return over(palette.ramp(0.03 + 0.08 * (plane.y + 0.5)), colour, window)


def vortex(plane, rng, palette):
    """Arms of light winding into a dark heart."""
    cx, cy = plane.aspect * rng.uniform(-0.14, 0.14), rng.uniform(-0.12, 0.12)
    p = plane.moved(-cx, -cy).turned(rng.uniform(0, np.pi))
    y = p.y / rng.uniform(0.55, 1.0)
    r, angle = np.hypot(p.x, y) + 1e-4, np.arctan2(y, p.x)
    sway = Noise(rng, slope=2.0, high=14, period=2.4)(plane.x, plane.y)
    arms, twist = int(rng.integers(2, 5)), rng.uniform(2.2, 4.5) * rng.choice([-1, 1])
    phase = arms * angle + twist * np.log(r) + 0.7 * sway
    arm = (0.5 + 0.5 * np.sin(phase)) ** rng.uniform(1.0, 2.5)
    reach = np.exp(-((r / rng.uniform(0.38, 0.6)) ** 2))
    heart = smoothstep(0.03, 0.2, r)
    picture = palette.ramp(0.01 + heart * reach * (0.16 + 0.84 * arm))
    picture = glow(picture, palette.accent, 0.55 * heart * reach * smoothstep(0.3, 1.0, np.sin(phase + 1.2)))
    ring = np.exp(-(((r - 0.12) / 0.018) ** 2))
    return glow(picture, palette.table[-200], 0.5 * ring * (0.3 + 0.7 * arm))


def monoliths(plane, rng, palette):
    """Tall dark slabs before a low light, mist between them, the floor giving it back."""
    level, cx = rng.uniform(0.2, 0.34), plane.aspect * rng.uniform(-0.25, 0.25)
    y = np.where(plane.y > level, 2 * level - plane.y, plane.y)  # the floor mirrors
    rise = level - y
    light = np.exp(-(((plane.x - cx) / (0.5 * plane.aspect**0.5)) ** 2 + (rise / 0.5) ** 2))
    picture = palette.ramp(0.1 + 0.8 * light)
    sun = disc(plane.moved(0, y - plane.y), cx, level - rng.uniform(0.2, 0.36), rng.uniform(0.07, 0.15))
    picture = over(picture, palette.accent if rng.random() < 0.5 else palette.table[-60], inside(sun, plane, 0.003))
    count = int(rng.integers(6, 10) * plane.aspect**0.6)
    for depth in np.linspace(0, 1, count):
        bx = plane.aspect * rng.uniform(-0.5, 0.5)
        half, tall = rng.uniform(0.025, 0.06) * (0.6 + depth), rng.uniform(0.15, 0.6)
        d = np.maximum(np.abs(plane.x - bx) - half, rise - tall)
        toward = np.clip((plane.x - bx) * np.sign(cx - bx) / half, -1, 1)
        mist = np.exp(-np.maximum(rise, 0) / 0.14) * (1 - 0.7 * depth)
        tone = 0.04 + (1 - depth) * (0.1 + 0.45 * light) + (0.12 * toward + 0.35 * mist) * light
        picture = over(picture, palette.ramp(tone), inside(d, plane))
    floor = inside(level - plane.y, plane, 0.003)
    deep = np.clip((plane.y - level) / (0.5 - level), 0, 1)
    return shade(picture, 1 - floor * (0.3 + 0.5 * deep))


def knot(plane, rng, palette):
    """A thick cord wound into a loop that passes over and under itself: spheres along a curve, the nearest seen."""
    thick, size = rng.uniform(0.035, 0.065), rng.uniform(0.26, 0.36)
    cx, cy = plane.aspect * rng.uniform(-0.08, 0.08), rng.uniform(-0.05, 0.05)
    winds, lobes = rng.choice([(2, 3), (2, 5), (3, 4), (3, 5), (1, 3)])
    t = np.linspace(0, 2 * np.pi, 900, endpoint=False)
    wide = 1 + rng.uniform(0.3, 0.5) * np.cos(lobes * t)
    turn = winds * t + rng.uniform(0, 2 * np.pi)
    xs = cx + size / 1.35 * wide * np.cos(turn) * plane.aspect**0.3
    ys = cy + size / 1.35 * wide * np.sin(turn) * rng.uniform(0.75, 1.0)
    zs = 0.1 * np.sin(lobes * t)
    path = np.stack([xs, ys, zs], -1)
    tangents = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    tangents /= np.linalg.norm(tangents, axis=-1, keepdims=True)
    depth = np.full_like(plane.x, -9)
    nx, ny, at, cover = (np.zeros_like(plane.x) for _ in range(4))
    reach = thick + plane.pixel
    for (x, y, z), (tx, ty, tz), where in zip(path.astype(np.float32), tangents.astype(np.float32), t):
        i = slice(*np.searchsorted(plane.y[:, 0], (y - reach, y + reach)))
        j = slice(*np.searchsorted(plane.x[0], (x - reach, x + reach)))
        dx, dy = (plane.x[i, j] - x) / thick, (plane.y[i, j] - y) / thick
        r = np.sqrt(dx * dx + dy * dy)
        cover[i, j] = np.maximum(cover[i, j], inside((r - 1) * thick, plane))
        dz = np.sqrt(np.clip(1 - r * r, 0, 1))
        front = z + thick * dz
        along = dx * tx + dy * ty + dz * tz  # taken off the normal, so that the spheres make one smooth cord
        near = (r < 1 + plane.pixel / thick) & (front > depth[i, j])
        for field, value in ((depth, front), (nx, dx - along * tx), (ny, dy - along * ty), (at, where)):
            field[i, j] = np.where(near, value, field[i, j])
    light = np.clip(0.5 - 0.55 * nx - 0.65 * ny, 0, 1.3) * (0.5 + 0.5 * np.clip((depth + 0.12) / 0.26, 0, 1))
    body = palette.ramp(0.06 + 0.66 * light)
    turns = smoothstep(-0.2, 0.7, np.cos(at - rng.uniform(0, 2 * np.pi)))
    body = over(body, palette.accent * (0.08 + 0.92 * light[..., None]), turns)
    body = glow(body, palette.table[-60], 0.5 * smoothstep(0.97, 1.15, 0.5 - 0.55 * nx - 0.65 * ny))
    far = np.hypot(plane.x - cx, plane.y - cy)
    ground = palette.ramp(0.02 + 0.22 * np.exp(-((far / 0.5) ** 2)))
    return over(ground, body, cover)


COMPOSITIONS = (
    discs, ribbons, arches, interference, sphere, panes, facets, fan, moire, vortex, monoliths, knot,
)  # fmt: skip
