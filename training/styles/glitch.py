"""Glitch: a clear picture, then a machine's mistakes, placed with intent: tears, split colours, blocks, streaks."""

import numpy as np

from ..fields import Flow, Noise, box, inside, smoothstep
from ..paint import glow, over, shade
from . import abstract, color_field, noise, organic

SUBJECTS = (
    abstract.ribbons, abstract.sphere, abstract.discs, abstract.interference, abstract.panes, abstract.facets,
    abstract.vortex, abstract.monoliths, organic.drops, organic.medusa, color_field.horizon, color_field.aperture,
    color_field.eclipse, color_field.meeting, noise.paper,
)  # fmt: skip


def bands(plane, rng, count):
    """Cut the height into `count` bands of very unequal heights: the band index per pixel, (h, w)."""
    edges = np.cumsum(rng.dirichlet(np.full(count, 0.6))) - 0.5
    return np.minimum(np.searchsorted(edges, plane.y[:, 0]), count - 1)[:, None]


def split(picture, plane, offset):
    """Move red left and blue right by `offset` heights (h, w): gathered per row, edges repeated."""
    h, w, _ = picture.shape
    columns = np.arange(w)[None]
    shift = np.rint(offset / plane.pixel).astype(np.int32)
    rows = np.arange(h)[:, None]
    red = picture[rows, np.clip(columns + shift, 0, w - 1), 0]
    blue = picture[rows, np.clip(columns - shift, 0, w - 1), 2]
    return np.stack([red, picture[..., 1], blue], axis=-1)


def subject(plane, rng, palette):
    return SUBJECTS[rng.integers(len(SUBJECTS))](plane, rng, palette)


def torn(plane, rng, palette):
    """Bands of lines slip sideways inside a window; the colours come apart where they slip most."""
    count = int(rng.integers(9, 20))
    index = bands(plane, rng, count)
    slip = rng.normal(0, 0.11, count) * (rng.random(count) < 0.55)
    middle, reach = rng.uniform(-0.25, 0.25), rng.uniform(0.15, 0.4)
    window = (np.abs(plane.y[:, :1] - middle) < reach).astype(np.float32)
    offset = (slip[index] * window).astype(np.float32)
    picture = subject(plane.moved(offset * np.ones_like(plane.x)), rng, palette)
    return split(picture, plane, 0.006 + 0.22 * np.abs(offset) * np.ones_like(plane.x))


def mosaic(plane, rng, palette):
    """Parts of the picture fall into blocks, as when a stream loses its detail."""
    size = 1 / rng.choice([10, 14, 20])
    i, j = np.floor(plane.x / size), np.floor((plane.y + 0.5) / size)
    table = rng.random((64, 64))
    cx, cy = plane.aspect * rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3)
    far = np.hypot((i + 0.5) * size - cx, (j + 0.5) * size - 0.5 - cy)
    pick = table[j.astype(np.int32) % 64, i.astype(np.int32) % 64]
    lost = pick > 0.25 + 1.5 * far
    held = np.where(lost, (i + 0.5) * size - plane.x, 0), np.where(lost, (j + 0.5) * size - 0.5 - plane.y, 0)
    thrown = np.where(pick > 0.93, 0.3 * (pick - 0.96) * 20, 0)
    picture = subject(plane.moved(held[0] + thrown, held[1]), rng, palette)
    picture = over(picture, palette.accent, (lost & (pick > 0.955)).astype(np.float32) * 0.9)
    return split(picture, plane, np.full_like(plane.x, rng.uniform(0.002, 0.01)))


def streaks(plane, rng, palette):
    """Pixel sorting: beyond a ragged edge every line keeps its last colour and drags it across."""
    rows = int(rng.integers(28, 60))
    line = np.minimum(((plane.y[:, :1] + 0.5) * rows).astype(np.int32), rows - 1)
    walk = np.cumsum(rng.normal(0, 0.06, rows)) + rng.normal(0, 0.05, rows)
    edge = plane.aspect * rng.uniform(-0.1, 0.15) + (walk - walk.mean())[line]
    across = np.maximum(plane.x - edge, 0).astype(np.float32)
    drag = rng.uniform(0.86, 0.97)
    picture = subject(plane.moved(-drag * across), rng, palette)
    fade = 1 - 0.55 * smoothstep(0.0, 0.9 * plane.aspect, across)
    picture = picture * fade[..., None]
    spark = np.exp(-np.abs(plane.x - edge) / 0.008) * (rng.random(rows) < 0.3)[line]
    return glow(picture, palette.accent, 0.7 * spark.astype(np.float32))


def scan(plane, rng, palette):
    """A cathode tube out of step: the picture rolls and bends, lines of light, split colours."""
    roll = rng.uniform(-0.35, 0.35)
    bend = 0.05 * np.exp(-(((plane.y - roll) / 0.09) ** 2)) * np.sin(plane.y * 34) + 0.012 * np.sin(plane.y * 9)
    picture = subject(plane.moved(bend), rng, palette)
    picture = split(picture, plane, 0.006 + 0.35 * np.abs(bend))
    lines = rng.choice([24, 32, 40])
    phase = plane.y * lines
    line = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
    strength = rng.uniform(0.25, 0.6)
    picture = picture * (1 - strength * line)[..., None]
    bar = np.exp(-(((plane.y - roll) / 0.03) ** 2))
    return glow(picture, palette.accent, 0.3 * bar * (0.5 + 0.5 * line))


def mosh(plane, rng, palette):
    """Blocks that went on moving after the picture had stopped: each takes its part from further along the motion."""
    size = 1 / rng.choice([8, 10, 14])
    at = plane.moved(0, 0.5)
    bx, by = (np.floor(at.x / size) + 0.5) * size, (np.floor(at.y / size) + 0.5) * size - 0.5
    drift, field = Noise(rng, slope=2.2, high=6, period=2.4), Noise(rng, slope=2.0, high=8, period=2.4)
    angle = rng.uniform(0, 2 * np.pi)
    moved = smoothstep(-0.2, 0.2, field(bx, by) + 0.3)
    length = moved * (0.16 + 0.08 * drift(bx, by))
    dx = length * (np.cos(angle) + 0.5 * drift(bx + 0.7, by))
    dy = length * (np.sin(angle) + 0.5 * drift(bx, by + 0.7))
    smear = np.where(drift(bx + 1.3, by + 0.4) > 0.4, moved, 0)  # here the block holds one line of pixels
    if abs(np.cos(angle)) > 0.7:
        dx = dx + smear * (bx - plane.x)
    else:
        dy = dy + smear * (by - plane.y)
    picture = subject(plane.moved(dx, dy), rng, palette)
    ghost = (drift(bx + 0.2, by + 1.1) > 1.2).astype(np.float32) * moved
    picture = over(picture, palette.accent * picture.mean(-1, keepdims=True) * 2.5, 0.85 * ghost)
    return split(picture, plane, 0.003 + 0.03 * moved)


def echo(plane, rng, palette):
    """Three exposures of one motion, each in a light of its own."""
    seed, angle = rng.integers(2**32), rng.uniform(0, 2 * np.pi)
    step, grow, turn = rng.uniform(0.02, 0.09), rng.uniform(-0.12, 0.12), rng.uniform(-0.12, 0.12)
    lights = []
    for k in (-1, 0, 1):
        p = plane.moved(k * step * np.cos(angle), k * step * np.sin(angle)).turned(k * turn).scaled(1 + k * grow)
        light = subject(p, np.random.default_rng(seed), palette) @ np.array([0.3, 0.5, 0.2], np.float32)
        lights.append(np.sqrt(np.clip(light, 0, 1)))
    shared = np.minimum(np.minimum(lights[0], lights[1]), lights[2])
    picture = palette.ramp(shared)
    for light, tint in zip(lights, (palette.table[len(palette.table) // 2], palette.accent, palette.table[-400])):
        picture = glow(picture, tint / max(tint.max(), 0.3), 1.1 * (light - shared) ** 1.5)
    return picture


def feedback(plane, rng, palette):
    """A camera that looks at its own screen: the picture within itself, turned and further away each time."""
    seed, turn, shrink = rng.integers(2**32), rng.uniform(0.06, 0.4) * rng.choice([-1, 1]), rng.uniform(0.6, 0.74)
    cx, cy = plane.aspect * rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08)
    picture, p = subject(plane, np.random.default_rng(seed), palette), plane
    for k in range(3):
        p = p.moved(-cx, -cy).turned(turn).scaled(1 / shrink)
        d = box(p, 0, 0, 0.5 * plane.aspect, 0.5, 0.05)
        inner = subject(p, np.random.default_rng(seed), palette)
        picture = shade(picture, 1 - 0.6 * smoothstep(0.12, 0.0, d))
        tint = over(inner, palette.accent * inner.mean(-1, keepdims=True) * 2, np.full_like(d, 0.1 * (k + 1)))
        picture = over(picture, tint, inside(d, p))
    return picture


def reeded(plane, rng, palette):
    """The picture behind reeded glass: every reed is a lens with a light and a dark side."""
    p = plane.turned(rng.choice([0.0, 0.0, np.pi / 2, 0.35]))
    count, power = rng.uniform(7, 14), rng.uniform(0.06, 0.18)
    u = p.x * count - np.floor(p.x * count) - 0.5
    lens = power * u * (1 + 0.6 * np.abs(u))
    picture = subject(plane.moved(lens, 0.25 * lens), rng, palette)
    gleam = np.exp(-(((u + 0.3) / 0.09) ** 2))
    picture = shade(picture, 1 - 0.55 * smoothstep(0.05, 0.5, u) + 0.35 * gleam)
    return split(picture, plane, 0.002 + 0.02 * np.abs(u))


def melt(plane, rng, palette):
    """The picture runs like wet paint, but in steps, as a slow stream updates it."""
    flow = Flow(rng, slope=2.6, high=6, period=2.6)
    steps = int(rng.integers(5, 9))
    angle = rng.uniform(0, 2 * np.pi)
    along = (plane.x * np.cos(angle) + plane.y * np.sin(angle)) + 0.5
    stage = np.clip(np.floor(along * steps) / steps, 0, 1)
    far = flow.carried(plane, 0.34)
    picture = subject(plane.moved(stage * (far.x - plane.x), stage * (far.y - plane.y)), rng, palette)
    edge = along * steps - np.floor(along * steps)
    return split(shade(picture, 1 - 0.4 * np.exp(-edge / 0.14)), plane, 0.012 * stage)


COMPOSITIONS = (torn, mosaic, streaks, scan, mosh, echo, feedback, reeded, melt)
