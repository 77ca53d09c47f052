"""The filter of lenses in plain numpy: what `n2s.runtime.render.kernels.sampling` computes, place by place.

All numbers are float32, all sums in the order that is written here, so that the bits are the same.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from n2s.graph import shader
from n2s.runtime.render.kernels.program import Lenses, LensStep

f32, u32 = np.float32, np.uint32

SAMPLES = 16  # of an open shutter, at most
LEVELS = 8  # pictures of light, each half of the one before
WIDEST = 4  # times the cubic is widened on one level
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
                channel=f32(channel),
            )  # fmt: skip
            looked_at = [_mixed(beside[number], x * high + offset_x, y * high + offset_y) for number in step.pictures]
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
    rows = here[:, :, 0] + (here[:, :, 1] - here[:, :, 0]) * t
    return tuple(rows[:, 0] + (rows[:, 1] - rows[:, 0]) * u)


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
    levels = [light]
    while len(levels) < LEVELS and min(levels[-1].shape[1:]) >= 32:
        levels.append(_halved(levels[-1], edge))
    return levels


def _halved(light: np.ndarray, edge: str) -> np.ndarray:
    """Return a picture of half the height and half the width."""
    weights = _cubic((np.arange(8, dtype=f32) - f32(3.5)) * f32(0.5)) * f32(0.5)
    for axis, lanes in ((1, 1), (2, 2)):  # columns of even and of odd numbers are summed apart
        size, sums = light.shape[axis], [f32(0)] * lanes
        firsts = 2 * np.arange((size + 1) // 2) - 3
        for tap, weight in enumerate(weights):
            sums[tap % lanes] = sums[tap % lanes] + np.take(light, _inside(firsts + tap, size, edge), axis) * weight
        light = sums[0] + sums[1] if lanes == 2 else sums[0]
    return light


def _row(levels: list[np.ndarray], x: np.ndarray, y: np.ndarray, row: int, edge: str) -> np.ndarray:
    """Return the light (3, W) of a row; x and y are the places of all rows, with one more place on each side."""
    shape = levels[0].shape[1:]
    wide_x, wide_y = _steps(x, y, row, f32(shape[0]) * LEAP)
    places_x, places_y = _held(x[row, 1:-1], shape[1], edge), _held(y[row, 1:-1], shape[0], edge)
    near = (wide_x == 1) & (wide_y == 1)
    fours = [_sum(levels[0], across, down, edge) for across, down in zip(_four(places_x), _four(places_y))]
    short = np.frexp(np.minimum(wide_x, wide_y))[1] - 1
    long = np.frexp(np.maximum(wide_x, wide_y))[1] - 2
    chosen = np.clip(np.maximum(short, long), 0, len(levels) - 1)
    across, sums_x = _many(places_x, wide_x, chosen)
    down, sums_y = _many(places_y, wide_y, chosen)
    taken = [_sum(levels[level], a, d, edge) for level, a, d in zip(chosen, across, down)]
    return np.where(near, np.stack(fours, axis=1), np.stack(taken, axis=1) * (f32(1) / (sums_x * sums_y)))


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
    return [np.maximum(np.minimum(step, f32(2) * step - f32(1.25)), f32(1)) for step in steps]


def _held(places: np.ndarray, size: int, edge: str) -> np.ndarray:
    """Return places rounded to 1/256 pixel, within the picture, or the middles of its pixels if the edge goes on."""
    rim = f32(0.5) if edge in ("mirror", "wrap") else f32(0)
    rounded = np.floor(places * f32(256) + f32(0.5)) * f32(1 / 256)
    return np.minimum(np.maximum(rounded, -rim), f32(size - 1) + rim)


Taps = tuple[int, np.ndarray]  # the first pixel, and the weights


def _four(places: np.ndarray) -> list[Taps]:
    """Return the pixels about places that are a pixel apart or less, and their weights."""
    whole = np.floor(places)
    t = places - whole
    u = f32(1) - t
    weights = [
        f32(-0.5) * t * u * u,
        f32(1) + t * t * (f32(1.5) * t - f32(2.5)),
        f32(1) + u * u * (f32(1.5) * u - f32(2.5)),
        f32(-0.5) * u * t * t,
    ]
    return list(zip(whole.astype(int) - 1, np.stack(weights, axis=1)))


def _many(places: np.ndarray, wide: np.ndarray, chosen: np.ndarray) -> tuple[list[Taps], np.ndarray]:
    """Return the pixels about places on their levels, by the widened cubic, and the sums of its weights."""
    scale = np.ldexp(f32(1), -chosen).astype(f32)
    places = (places + f32(0.5)) * scale - f32(0.5)
    width = np.minimum(np.maximum(wide * scale, f32(1)), f32(WIDEST))
    reach = np.ceil(f32(2) * width).astype(int)
    first = np.floor(places).astype(int) - reach + 1
    begins, narrow, sums = first.astype(f32) - places, f32(1) / width, np.zeros_like(places)
    weights = []
    for tap in range(2 * max(reach)):
        weights.append(_cubic((begins + f32(tap)) * narrow))
        sums = sums + weights[-1]
    return [(at, line[: 2 * n]) for at, n, line in zip(first, reach, np.stack(weights, axis=1))], sums


def _sum(light: np.ndarray, across: Taps, down: Taps, edge: str) -> np.ndarray:
    """Return the weighted sum (3,) over rows, then over columns: those of even and of odd numbers, then both."""
    (left, along), (top, beside) = across, down
    columns = _inside(left + np.arange(len(along)), light.shape[2], edge)
    rows = _inside(top + np.arange(len(beside)), light.shape[1], edge)
    total = f32(0)
    for row, weight in zip(rows, beside):
        total = total + light[:, row, columns] * weight
    lanes = np.zeros((3, 2), f32)
    for pair in range(0, len(along), 2):
        lanes = lanes + total[:, pair : pair + 2] * along[pair : pair + 2]
    return lanes[:, 0] + lanes[:, 1]
