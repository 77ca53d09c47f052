"""The filter of lenses in plain numpy: what `n2s.runtime.render.kernels.sampling` computes, place by place.

All numbers are float32, all sums in the order that is written here, so that the bits are the same.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from n2s.graph import shader
from n2s.runtime.render.kernels.program import Lenses, LensStep

f32, u32, fma = np.float32, np.uint32, shader.fma

SAMPLES = 16  # of an open shutter, at most
LEVELS = 15  # pictures of light: the whole one, two thirds of it, and their halves
LEAP = f32(1 / 8)  # of the height; neighbouring places farther apart lie on both sides of a seam
STEP = f32(64 / 1.03)  # pixels between places are counted in 1/64; up to 1.03 they count as one


def see(
    where: Lenses,
    functions: Sequence[Callable],
    picture: np.ndarray,
    beside: Mapping[int, np.ndarray],
    moves: np.ndarray,
    seeds: np.ndarray,
    frame: int,
) -> np.ndarray:
    """Return a picture (3, H, W) as it is seen through lenses, with their numbers (M, columns) at M moments."""
    height, width = picture.shape[1:]
    channels = (0, 1, 2) if where.per_channel else (1,)

    def places(moment: int, channel: int, ys: Sequence[int], xs: Sequence[int]) -> np.ndarray:
        found = np.empty((3, len(ys), len(xs)), f32)
        for i, y in enumerate(ys):
            for k, x in enumerate(xs):
                numbers = moves[moment], seeds, frame, channel
                found[:, i, k] = _place(where.steps, functions, beside, (height, width), x, y, *numbers)
        return found

    moments = [0]
    if len(moves) > 1:
        some = range(height // 16, height, max(1, height // 8)), range(0, width, 16)
        opened, closed = (places(moment, channels[0], *some) for moment in (0, len(moves) - 1))
        moments = _moments(opened, closed, len(moves))
    rule = where.steps[-1].edge
    levels = _levels(picture * abs(picture), rule)
    total = np.zeros_like(picture)
    for moment in moments:
        for channel in channels:
            x, y, cover = places(moment, channel, range(-1, height + 1), range(-1, width + 1))
            seen = np.stack([_row(levels, x, y, row + 1, rule) for row in range(height)], axis=1)
            for c in (channel,) if where.per_channel else (0, 1, 2):
                total[c] = total[c] + seen[c] * cover[1:-1, 1:-1]
    return shader.to_display(total * (f32(1) / f32(len(moments))))


def _moments(opened: np.ndarray, closed: np.ndarray, count: int) -> list[int]:
    """Return the moments that are mixed: as many as places move by pixels in the mean, a power of two."""
    far, samples = f32(0), 1
    dx, dy, _ = closed - opened
    for distance in np.sqrt(dx * dx + dy * dy).ravel():
        far = far + distance
    while samples < SAMPLES and f32(samples) * f32(dx.size) < far:
        samples *= 2
    step = (count - 1) // samples
    return [step // 2 + i * step for i in range(samples)]


def _place(
    steps: Sequence[LensStep],
    functions: Sequence[Callable],
    beside: Mapping[int, np.ndarray],
    shape: tuple[int, int],
    column: int,
    row: int,
    numbers: np.ndarray,
    seeds: np.ndarray,
    frame: int,
    channel: int,
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the place, in pixels, that is shown at a pixel, and how much of it is seen."""
    high, wide = f32(shape[0]), f32(shape[1])
    aspect, part = wide / high, f32(1) / high
    half_x, half_y = aspect * f32(0.5), f32(0.5)
    offset_x, offset_y = wide * f32(0.5) - f32(0.5), high * f32(0.5) - f32(0.5)
    x, y, share = (f32(column) - offset_x) * part, (f32(row) - offset_y) * part, f32(1)
    with np.errstate(all="ignore"):
        for step, function in zip(steps, functions):
            at = types.SimpleNamespace(
                width=wide, height=high, aspect=aspect, frame=u32(frame), seed=u32(seeds[step.seed]),
                channel=f32(channel if step.per_channel else 1),
            )  # fmt: skip
            if step is steps[0]:  # asked for whole pixels
                nearest = min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1)
                looked_at = [tuple(beside[number][:, *nearest]) for number in step.pictures]
            else:
                at_x, at_y = fma(x, high, offset_x), fma(y, high, offset_y)
                looked_at = [_mixed(beside[number], at_x, at_y) for number in step.pictures]
            x, y = function(x, y, *looked_at, at, *numbers[step.column : step.column + len(step.uniforms)])
            share = share + ((x - x) + (y - y))  # NaN where a place is no finite number
            if step.edge == "black":
                share = share * (_share(x, half_x, high) * _share(y, half_y, high))
            x, y = _brought_back(x, half_x, high, step.edge), _brought_back(y, half_y, high, step.edge)
        return x * high + offset_x, y * high + offset_y, share


def _share(place: np.float32, half: np.float32, height: np.float32) -> np.float32:
    """Return how much of a pixel at a place is seen where all beyond the edge is black."""
    over = np.floor((abs(place) - half) * height * f32(256) + f32(0.5)) * f32(1 / 256)
    return min(max(f32(0.5) - over, f32(0)), f32(1))


def _brought_back(place: np.float32, half: np.float32, height: np.float32, edge: str) -> np.float32:
    """Return a place, as an edge takes it back into the frame."""
    if abs(place) <= half:
        return place
    if edge in ("clamp", "black"):
        return np.copysign(half - f32(0.5) / height, place)
    span = f32(2) * half
    t = (place + half) * (f32(1) / span)
    if edge == "mirror":
        t = t - f32(2) * np.floor(t * f32(0.5))
        t = min(t, f32(2) - t)
    else:
        t = t - np.floor(t)
    return t * span - half


def _mixed(picture: np.ndarray, x: np.float32, y: np.float32) -> tuple[np.float32, ...]:
    """Return the colour of a picture at a place in pixels, mixed of four."""
    height, width = picture.shape[1:]
    x, y = (min(place if place > 0 else f32(0), f32(size - 1)) for place, size in ((x, width), (y, height)))
    left, top = int(x), int(y)
    t, u = x - f32(left), y - f32(top)
    here = picture[:, [top, min(top + 1, height - 1)]][:, :, [left, min(left + 1, width - 1)]]
    rows = fma(here[:, :, 1] - here[:, :, 0], t, here[:, :, 0])
    return tuple(fma(rows[:, 1] - rows[:, 0], u, rows[:, 0]))


def _inside(index: np.ndarray, size: int, edge: str) -> np.ndarray:
    """Return the pixels that lie at indices, as an edge says."""
    if edge == "mirror":
        index = index % (2 * size)
        return np.minimum(index, 2 * size - 1 - index)
    return index % size if edge == "wrap" else np.clip(index, 0, size - 1)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.minimum(abs(x), f32(2))
    near = (f32(1.5) * x - f32(2.5)) * x * x + f32(1)
    far = ((f32(-0.5) * x + f32(2.5)) * x - f32(4)) * x + f32(2)
    return np.where(x < 1, near, far)


def _levels(light: np.ndarray, edge: str) -> list[np.ndarray]:
    """Return the picture and its smaller copies: 1.5, 2, 3, 4, 6, 8 ... times as coarse."""
    levels = [light]
    while len(levels) < LEVELS:
        finer = levels[max(len(levels) - 2, 0)]
        if min(finer.shape[1:]) < 32:
            break
        levels.append(_smaller(finer, edge, thirds=len(levels) == 1))
    return levels


def _smaller(light: np.ndarray, edge: str, thirds: bool) -> np.ndarray:
    """Return a picture of two thirds or of half the height and the width."""
    if thirds:
        weights = _cubic((np.arange(6, dtype=f32) - f32(2.25)) * f32(1 / 1.5))
        total = f32(0)
        for weight in weights:
            total = total + weight
        weights = weights * (f32(1) / total)
    else:
        weights = _cubic((np.arange(8, dtype=f32) - f32(3.5)) * f32(0.5)) * f32(0.5)
    for axis in (2, 1):
        size = light.shape[axis]
        made = np.arange((2 * size + 2) // 3 if thirds else (size + 1) // 2)
        firsts = made // 2 * 3 - 2 + made % 2 if thirds else 2 * made - 3
        turned = (made % 2 == 1) & thirds
        parts: list = [None, None]  # columns of even numbers and of odd ones, where halves are made
        for tap, weight in enumerate(weights):
            along = np.where(turned, weights[-1 - tap], weight)
            taken = np.take(light, _inside(firsts + tap, size, edge), axis)
            part = tap % 2 if axis == 2 and not thirds else 0
            along = along[:, None] if axis == 1 else along
            parts[part] = taken * along if parts[part] is None else fma(taken, along, parts[part])
        light = parts[0] if parts[1] is None else parts[0] + parts[1]
    return light


def _row(levels: list[np.ndarray], x: np.ndarray, y: np.ndarray, row: int, edge: str) -> np.ndarray:
    """Return the light (3, W) of a row of places, which are given with one place more on all sides."""
    shape = levels[0].shape[1:]
    wide = _steps(x, y, row, f32(shape[0]) * LEAP)
    places = _held(x[row, 1:-1], shape[1], edge), _held(y[row, 1:-1], shape[0], edge)
    chosen, is_long = _choose(*wide, len(levels) - 1)
    scale = (f32(1) / _coarse(chosen)).astype(f32)
    colours = []
    for i, level in enumerate(chosen):
        taps = []
        for axis in range(2):
            place = fma(places[axis][i] + f32(0.5), scale[i], f32(-0.5))
            step = wide[axis][i] * scale[i]
            longer = is_long[i] and (wide[1][i] > wide[0][i]) == (axis == 1)
            taps.append(_eight(place, step) if longer else _four(place, _softness(step, level == 0)))
        colours.append(_sum(levels[level], *taps, edge))
    return np.stack(colours, axis=1)


def _coarse(level: np.ndarray) -> np.ndarray:
    """Return how much coarser levels are than the picture."""
    return np.ldexp(np.where(level % 2, f32(1.5), f32(1)), level // 2).astype(f32)


def _finest(step: np.ndarray) -> np.ndarray:
    """Return the first level that is as coarse as steps are or coarser."""
    level = _coarsest(step)
    return level + (_coarse(level) < step)


def _coarsest(step: np.ndarray) -> np.ndarray:
    """Return the last level that is as coarse as steps are or finer."""
    part, power = np.frexp(step)
    return 2 * (power - 1) + (part >= 0.75)


def _choose(wide_x: np.ndarray, wide_y: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the level on which each place is read, and where eight pixels are read along the longer step."""
    shorter, longer = np.minimum(wide_x, wide_y), np.maximum(wide_x, wide_y)
    wanted = _finest(longer * f32(1 / 1.5))
    is_long = (wanted > _coarsest(shorter * f32(1.25))) | (wanted > last)
    least = np.where(is_long, _finest(longer * f32(1 / 3)), wanted)
    return np.minimum(np.maximum(_coarsest(shorter), least), last), is_long


def _steps(x: np.ndarray, y: np.ndarray, row: int, leap: np.float32) -> list[np.ndarray]:
    """Return how far neighbouring places are apart along columns and along rows of the picture, at least 1."""
    steps = []
    for ahead, behind in (
        ((row, slice(2, None)), (row, slice(None, -2))),
        ((row + 1, slice(1, -1)), (row - 1, slice(1, -1))),
    ):
        ax, ay = x[ahead] - x[row, 1:-1], y[ahead] - y[row, 1:-1]
        bx, by = x[row, 1:-1] - x[behind], y[row, 1:-1] - y[behind]
        a, b = ax * ax + ay * ay, bx * bx + by * by
        seam = np.maximum(a, b) > leap * leap  # the longer step counts but for one across a seam
        first = np.where(seam, a <= b, a > b)
        steps.append((np.where(first, ax, bx), np.where(first, ay, by)))
    (across_x, across_y), (down_x, down_y) = steps
    squares = across_x * across_x + down_x * down_x, across_y * across_y + down_y * down_y
    steps = [np.floor(np.sqrt(square) * STEP + f32(0.5)) * f32(1 / 64) for square in squares]
    return [np.where(step > f32(1), step, f32(1)) for step in steps]


def _held(places: np.ndarray, size: int, edge: str) -> np.ndarray:
    """Return places rounded to 1/256 pixel, within the picture, or the middles of its pixels if the edge goes on."""
    rim = f32(0.5) if edge in ("mirror", "wrap") else f32(0)
    rounded = np.floor(places * f32(256) + f32(0.5)) * f32(1 / 256)
    return np.minimum(np.maximum(rounded, -rim), f32(size - 1) + rim)


Taps = tuple[int, np.ndarray]  # the first pixel, and the weights


def _softness(step: np.float32, is_whole: bool) -> np.float32:
    """Return how much of the B-spline is in the cubic of a step, on the picture itself or on a smaller copy."""
    if is_whole:
        return min(max(f32(4) * step - f32(4.5), f32(0)), f32(0.9))
    return min(max(fma(f32(1.9), step, f32(-1.85)), f32(-0.2)), f32(1))


def _cubic_at(t: np.float32, soft: np.float32) -> np.ndarray:
    """Return the weights of four pixels, the second of them at a distance t, between Catmull-Rom and the B-spline."""
    u = f32(1) - t
    tt, uu, spline, sharp = t * t, u * u, f32(1 / 6) * soft, fma(f32(-0.5), soft, f32(0.5))
    top, slope, rise = fma(f32(-1 / 3), soft, f32(1)), f32(1.5) - soft, fma(f32(1.5), soft, f32(-2.5))
    weights = [
        uu * fma(spline, u, -(sharp * t)),
        fma(tt, fma(slope, t, rise), top),
        fma(uu, fma(slope, u, rise), top),
        tt * fma(spline, t, -(sharp * u)),
    ]
    return np.array(weights, f32)


def _four(place: np.float32, soft: np.float32) -> Taps:
    """Return the pixels about a place, and their weights."""
    whole = np.floor(place)
    return int(whole) - 1, _cubic_at(place - whole, soft)


def _eight(place: np.float32, step: np.float32) -> Taps:
    """Return the same of the cubic that is twice as wide."""
    whole, soft = np.floor(place), _softness(step * f32(0.5), False)
    half = (place - whole) * f32(0.5)
    pairs = _cubic_at(half + f32(0.5), soft), _cubic_at(half, soft)
    return int(whole) - 3, (np.stack(pairs, axis=1) * f32(0.5)).ravel()


def _sum(light: np.ndarray, across: Taps, down: Taps, edge: str) -> np.ndarray:
    """Return the weighted sum (3,) over rows, then over columns: those of even and of odd numbers, then both."""
    (left, along), (top, beside) = across, down
    columns = _inside(left + np.arange(len(along)), light.shape[2], edge)
    rows = _inside(top + np.arange(len(beside)), light.shape[1], edge)
    total = light[:, rows[0], columns] * beside[0]
    for row, weight in zip(rows[1:], beside[1:]):
        total = fma(light[:, row, columns], weight, total)
    lanes = total[:, :2] * along[:2]
    for pair in range(2, len(along), 2):
        lanes = fma(total[:, pair : pair + 2], along[pair : pair + 2], lanes)
    return lanes[:, 0] + lanes[:, 1]
