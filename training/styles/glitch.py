"""Glitch: a clear picture, then a machine's mistakes, placed with intent: torn lines, split colours, blocks, streaks."""

import numpy as np

from ..fields import smoothstep
from ..paint import glow, over
from . import abstract, color_field, organic

SUBJECTS = (abstract.ribbons, abstract.sphere, abstract.discs, organic.drops, color_field.horizon, color_field.aperture, abstract.interference)


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


COMPOSITIONS = (torn, mosaic, streaks, scan)
