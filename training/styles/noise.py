"""Noise: fractal fields, bent by themselves and lit; smoke, marble, silk, cut paper, sand."""

import numpy as np

from ..fields import Flow, Noise, inside, lit, slope, smoothstep
from ..paint import glow, over, shade


def focus(plane, rng, reach=0.55):
    """1 at a point off the middle, falling to 0: where the picture happens. The rest is allowed to be empty."""
    cx, cy = plane.aspect * rng.uniform(-0.22, 0.22), rng.uniform(-0.18, 0.18)
    turned = plane.moved(-cx, -cy).turned(rng.uniform(0, np.pi))
    return np.exp(-((turned.x / (reach * plane.aspect**0.6)) ** 2 + (turned.y / (reach * 0.72)) ** 2))


def marble(plane, rng, palette):
    """Domain-warped fractal noise, f(p + g(p + f(p))), coloured by height and by how far it was carried."""
    field = Noise(rng, slope=rng.uniform(2.0, 2.3), low=1.5, high=15, period=rng.uniform(2.2, 3.2))
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
    field = Noise(rng, slope=2.0, low=1.5, high=16, period=rng.uniform(2.0, 3.0))
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


def plume(plane, rng, palette):
    """Ink sinking through water, or smoke rising: a column that a current has curled."""
    rise = rng.random() < 0.5
    p = plane if rise else plane.turned(np.pi)
    light_ground = rng.random() < 0.3
    flow = Flow(rng, slope=2.2, high=9, period=2.2)
    cx = plane.aspect * rng.uniform(-0.2, 0.2)
    q = flow.carried(p, rng.uniform(0.25, 0.45), steps=8)
    up = np.clip(0.55 - q.y, 0, 1.2)
    strands = Noise(rng, slope=1.7, low=2, high=22, period=2.0)(q.x * 1.4, q.y * 0.35)
    width = 0.05 + 0.16 * up
    body = np.exp(-(((q.x - cx) / width) ** 2)) * smoothstep(1.15, 0.7, up)
    density = np.clip(body * (0.75 + 0.5 * strands), 0, 1.4)
    relief = 0.55 + 0.6 * lit(density, plane, 0.06)
    if light_ground:
        picture = palette.ramp(0.95 - 0.12 * (plane.y + 0.5) - 0.85 * np.clip(1.2 * density, 0, 1))
        return over(picture, palette.accent, 0.6 * smoothstep(0.15, 0.5, density) * smoothstep(0.8, 0.45, density))
    picture = palette.ramp(0.03 + 0.1 * np.exp(-((plane.x - cx) ** 2) / 0.1) + 0.85 * density * relief)
    return over(picture, palette.accent, 0.7 * smoothstep(0.35, 1.2, strands) * smoothstep(0.1, 0.5, density))


def floating(plane, rng, palette):
    """Marbled paper: drops of colour laid on water one inside the other, then drawn about by a current."""
    flow = Flow(rng, slope=2.5, high=7, period=2.4)
    q = flow.carried(plane, rng.uniform(0.3, 0.6), steps=8)
    dark = rng.random() < 0.7
    picture = palette.ramp(np.full_like(plane.x, 0.03 if dark else 0.92))
    for k in range(int(rng.integers(3, 5))):
        reach = 0.15 if k == 0 else 0.38
        cx, cy = plane.aspect * rng.uniform(-reach, reach), rng.uniform(-reach, reach)
        size, rings = rng.uniform(0.24, 0.44), int(rng.integers(3, 7))
        edges = np.sqrt(np.cumsum(rng.dirichlet(np.full(rings, 3.0))))[::-1] * size
        tones = rng.permutation(np.linspace(0.08, 0.92, rings))
        r = np.hypot(q.x - cx, q.y - cy)
        stretch = np.maximum(np.hypot(*slope(r, plane)), 0.3)  # a level set as a distance
        for j, (edge, tone) in enumerate(zip(edges, tones)):
            colour = palette.accent if j == 1 and k == 0 else palette.ramp(tone + 0.25 * (r / size - 0.5))
            picture = over(picture, colour, inside((r - edge) / stretch, plane))
    return picture


def strata(plane, rng, palette):
    """Layers of stone: bent by a slow fold, broken by faults, each lit along its upper edge."""
    p = plane.turned(rng.uniform(-0.5, 0.5))
    fold = Noise(rng, slope=2.6, high=7, period=3.0)
    slip = np.zeros_like(p.x)
    for _ in range(int(rng.integers(0, 4))):
        at = p.x - plane.aspect * rng.uniform(-0.4, 0.4) + rng.uniform(-0.7, 0.7) * p.y
        slip += rng.uniform(-0.14, 0.14) * (at > 0)
    depth = p.y + slip + 0.09 * fold(p.x * 0.8, p.y * 0.4)
    count = int(rng.integers(7, 13))
    edges = np.cumsum(rng.dirichlet(np.full(count, 1.2))) * 1.9 - 0.95
    tones = np.clip(np.linspace(0.75, 0.08, count) + rng.normal(0, 0.2, count), 0.03, 0.92)
    picture = palette.ramp(np.full_like(p.x, tones[0]))
    wool = Noise(rng, slope=1.5, high=30, period=1.8)(p.x * 0.6, depth * 2.5)
    marked = int(rng.integers(2, count - 1))
    steep = np.maximum(np.hypot(*slope(0.09 * fold(p.x * 0.8, p.y * 0.4) + p.y, plane)), 0.3)
    for k in range(1, count):
        d = (edges[k - 1] - depth) / steep
        below = np.clip(-d, 0, 1)
        colour = palette.ramp(tones[k] + 0.3 * np.exp(-below / 0.05) - 0.6 * below + 0.03 * wool)
        if k == marked:
            colour = palette.accent * (0.45 + 0.55 * np.exp(-below / 0.06) + 0.03 * wool)[..., None]
        picture = shade(picture, 1 - 0.5 * smoothstep(0.06, 0.0, d))
        picture = over(picture, colour, inside(d, plane))
    return shade(picture, 0.3 + 0.85 * focus(plane, rng, 0.85))


def caustics(plane, rng, palette):
    """The web of light on the floor of a pool: brightness = 1 / |det(1 + H)| of waves with the Hessian H."""
    wave = Noise(rng, slope=rng.uniform(1.4, 1.8), low=2, high=7, period=2.4)
    p = plane.turned(rng.uniform(0, np.pi))
    f = wave(p.x, p.y / rng.uniform(0.7, 1.0))
    dx, dy = slope(f, plane)
    (xx, xy), (_, yy) = slope(dx, plane), slope(dy, plane)
    strength = rng.uniform(0.7, 1.2) / np.sqrt((xx * xx + yy * yy).mean())
    fold = (1 + strength * xx) * (1 + strength * yy) - (strength * xy) ** 2
    web = (0.5 / (0.5 + np.abs(fold))) ** 1.6
    where = focus(plane, rng, 0.75)
    picture = palette.ramp(0.05 + where * (0.16 + 0.1 * np.tanh(f) + 0.62 * web))
    return glow(picture, palette.accent, 0.3 * where * web**2 * smoothstep(0.2, 1.4, f))


def dunes(plane, rng, palette):
    """Sand under a low sun: long crests, one side lit, the other black; further ones smaller."""
    level = rng.uniform(-0.32, -0.12)
    near = np.clip((plane.y - level) / (0.5 - level), 0, 1)
    sky = palette.ramp(0.55 - 0.9 * np.maximum(level - plane.y, 0) + 0.25 * np.exp(-np.abs(plane.y - level) / 0.06))
    picture = sky
    ridge = Noise(rng, slope=2.3, high=10, period=3.0)
    side = rng.choice([-1, 1])
    count = int(rng.integers(5, 8))
    for k in range(count):
        depth = (k / (count - 1)) ** 1.4
        scale = 0.5 + 1.0 * (1 - depth)
        crest = level + 0.02 + 0.62 * depth + (0.03 + 0.09 * depth) * ridge(plane.x * scale, np.float32(0.63 * k))
        d = crest - plane.y
        below = np.maximum(-d, 0)
        spine = ridge(plane.x * scale + side * below * 1.6, np.float32(0.63 * k + 0.2)) + 0.4 * ridge(plane.x, plane.y)
        sun = smoothstep(-0.12, 0.12, spine)
        tone = 0.06 + 0.05 * near + sun * (0.78 - 1.0 * below + 0.06 * ridge(plane.x * 2, plane.y * 3))
        tone = tone * (0.45 + 0.55 * depth) + 0.35 * (1 - depth) * np.exp(-below / 0.1)
        picture = over(picture, palette.ramp(tone), inside(d, plane, 0.002))
    return over(picture, palette.accent, 0.28 * near * smoothstep(0.1, 0.5, picture.mean(-1)))


def billows(plane, rng, palette):
    """Towering cloud: heaps of round noise, lit from one side, standing in a clear sky."""
    field = Noise(rng, slope=1.9, low=2, high=11, period=2.4)
    flow = Flow(rng, slope=2.6, high=6, period=2.6).carried(plane, 0.12)
    puff = np.abs(field(flow.x, flow.y)) + 0.35 * np.abs(field(1.9 * flow.x + 0.7, 1.9 * flow.y)) - 0.8
    side, cx = rng.choice([-1, 1]), plane.aspect * rng.uniform(-0.25, 0.25)
    top, broad = rng.uniform(-0.3, 0.0), rng.uniform(0.3, 0.6)
    hill = 1.5 * (plane.y - top) - 0.9 * ((plane.x - cx) / broad) ** 2
    mass = hill + 0.26 * puff
    body = smoothstep(0.0, 0.09, mass)
    light = lit(0.5 * mass + 0.6 * puff, plane, 0.12, light=(-0.8 * side, -0.6, 0.35))
    sky = palette.ramp(0.06 + 0.42 * smoothstep(-0.5, 0.6, plane.y) + 0.1 * side * -plane.x / plane.aspect)
    deep = np.clip(mass * 0.8, 0, 1)
    cloud = palette.ramp(0.12 + 0.8 * light * (1 - 0.6 * deep) + 0.1 * puff)
    cloud = over(cloud, palette.accent, 0.45 * smoothstep(0.15, 0.8, deep) * smoothstep(0.3, 0.7, light))
    return over(sky, cloud, body)


COMPOSITIONS = (marble, nebula, paper, silk, plume, floating, strata, caustics, dunes, billows)
