"""The filter that reads a picture at places that lenses tell; compiled into the kernels that need it.

A picture is turned into light once per frame: float32 red, green, blue and 0 for each pixel, side by side, so that one
vector instruction takes a pixel. Two pixels beyond each edge are those that the edge's rule puts there.

Where neighbouring places are at most `NEAR` apart, four by four pixels are weighted by the Catmull-Rom cubic; at a whole
pixel that is this pixel, bit by bit. Where they are farther apart, the cubic is widened by as much along the rows and
along the columns, on a picture that was halved until the cubic spans few pixels. Sums go over rows first, then over
columns, always in the same order, so that all ways to a pixel give the same bits.

The vector instructions are written for LLVM, which makes of them what the processor has; they are sums and products
of float32, rounded one by one, like all else in kernels.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

f32 = np.float32

PAD = 2  # pixels beyond each edge
LEVELS = 8  # pictures, each half of the one before; the first is whole
NEAR = f32(1 / 1.03)  # slightly wider steps are none: places are rounded to 1/256 of a pixel
MOST_TAPS = 16

_FLOAT, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def _vector(n):
    return ir.VectorType(_FLOAT, n)


def _take(builder, pointer, n):
    """Load n floats from anywhere."""
    value = builder.load(builder.bitcast(pointer, _vector(n).as_pointer()))
    value.align = 4
    return value


def _shuffle(builder, value, lanes):
    undefined = ir.Constant(value.type, ir.Undefined)
    return builder.shuffle_vector(value, undefined, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _spread(builder, number, n):
    """Return a vector of n times one number."""
    lane = builder.insert_element(ir.Constant(_vector(n), ir.Undefined), number, _I32(0))
    return _shuffle(builder, lane, [0] * n)


def _pointers(context, builder, signature, arguments, *which):
    return [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in which]


def _colours(context, builder, value, place_type):
    """Return red, green and blue of a vector as a tuple."""
    parts = [builder.extract_element(value, _I32(i)) for i in range(3)]
    return context.make_tuple(builder, place_type, parts)


_COLOURS = types.UniTuple(types.float32, 3)


def _across(builder, pair, weights):
    """Return the sum over four columns of two vectors of two pixels each."""
    total = None
    for half in range(2):
        lanes = _shuffle(builder, weights, [2 * half] * 4 + [2 * half + 1] * 4)
        part = builder.fmul(pair[half], lanes)
        total = part if total is None else builder.fadd(total, part)
    return builder.fadd(_shuffle(builder, total, [0, 1, 2, 3]), _shuffle(builder, total, [4, 5, 6, 7]))


@intrinsic
def take_4_by_4(typing, light, at, pitch, down, across, x):
    """Return the weighted sum of four rows of four pixels from ``at`` on, rows ``pitch`` floats apart."""
    signature = _COLOURS(light, types.int64, types.int64, down, across, types.int64)

    def generate(context, builder, signature, arguments):
        source, rows, columns = _pointers(context, builder, signature, arguments, 0, 3, 4)
        _, at, pitch, _, _, x = arguments
        first, place = builder.gep(source, [at]), builder.mul(x, _I64(4))
        pair = [None, None]
        for row in range(4):
            weight = _spread(builder, builder.load(builder.gep(rows, [builder.add(place, _I64(row))])), 8)
            line = builder.gep(first, [builder.mul(pitch, _I64(row))])
            for half in range(2):
                part = builder.fmul(_take(builder, builder.gep(line, [_I64(8 * half)]), 8), weight)
                pair[half] = part if pair[half] is None else builder.fadd(pair[half], part)
        total = _across(builder, pair, _take(builder, builder.gep(columns, [place]), 4))
        return _colours(context, builder, total, signature.return_type)

    return signature, generate


@intrinsic
def take_4(typing, line, at, across, x):
    """Return the weighted sum of four pixels of a line from ``at`` on: `take_4_by_4` where rows are summed already."""
    signature = _COLOURS(line, types.int64, across, types.int64)

    def generate(context, builder, signature, arguments):
        source, columns = _pointers(context, builder, signature, arguments, 0, 2)
        _, at, _, x = arguments
        first = builder.gep(source, [at])
        pair = [_take(builder, builder.gep(first, [_I64(8 * half)]), 8) for half in range(2)]
        weights = _take(builder, builder.gep(columns, [builder.mul(x, _I64(4))]), 4)
        return _colours(context, builder, _across(builder, pair, weights), signature.return_type)

    return signature, generate


@intrinsic
def take_many(typing, light, rows, down, height, columns, across, width):
    """Return the weighted sum over ``height`` rows, which begin at ``rows``, and ``width`` of their ``columns``."""
    signature = _COLOURS(light, rows, down, types.int64, columns, across, types.int64)

    def generate(context, builder, signature, arguments):
        source, starts, down, places, across = _pointers(context, builder, signature, arguments, 0, 1, 2, 4, 5)
        height, width = arguments[3], arguments[6]
        total = cgutils.alloca_once_value(builder, ir.Constant(_vector(4), None))
        column = cgutils.alloca_once_value(builder, ir.Constant(_vector(4), None))
        with cgutils.for_range(builder, width) as over_columns:
            builder.store(ir.Constant(_vector(4), None), column)
            place = builder.load(builder.gep(places, [over_columns.index]))
            with cgutils.for_range(builder, height) as over_rows:
                at = builder.add(builder.load(builder.gep(starts, [over_rows.index])), place)
                weight = _spread(builder, builder.load(builder.gep(down, [over_rows.index])), 4)
                part = builder.fmul(_take(builder, builder.gep(source, [at]), 4), weight)
                builder.store(builder.fadd(builder.load(column), part), column)
            weight = _spread(builder, builder.load(builder.gep(across, [over_columns.index])), 4)
            part = builder.fmul(builder.load(column), weight)
            builder.store(builder.fadd(builder.load(total), part), total)
        return _colours(context, builder, builder.load(total), signature.return_type)

    return signature, generate


@njit(error_model="numpy")
def inside(i, n, rule):
    """Return the pixel that lies at index i of n, as the edge's rule says: 1 mirrors, 2 repeats, others continue."""
    if 0 <= i < n:
        return i
    if rule == 1:
        i = i % (2 * n)
        return min(i, 2 * n - 1 - i)
    if rule == 2:
        return i % n
    return min(max(i, 0), n - 1)


@njit(error_model="numpy")
def fill_light(picture, light, rule):
    """Turn a picture (3, H, W) into light (H + 4, W + 4, 4); return the largest exponent that was met."""
    height, width = picture.shape[1:]
    largest = np.int32(0)
    for y in range(height):
        red, green, blue, line = picture[0, y], picture[1, y], picture[2, y], light[y + PAD, PAD : PAD + width]
        for x in range(width):
            r, g, b = red[x], green[x], blue[x]
            line[x, 0], line[x, 1], line[x, 2], line[x, 3] = r * abs(r), g * abs(g), b * abs(b), f32(0)
            largest = max(largest, np.int32(f32(r + g + b).view(np.int32) & np.int32(0x7FFFFFFF)))
        for x in range(-PAD, 0):
            line = light[y + PAD]
            line[x + PAD] = line[inside(x, width, rule) + PAD]
            line[width - 1 - x + PAD] = line[inside(width - 1 - x, width, rule) + PAD]
    for y in range(-PAD, 0):
        light[y + PAD] = light[inside(y, height, rule) + PAD]
        light[height - 1 - y + PAD] = light[inside(height - 1 - y, height, rule) + PAD]
    return largest


@njit(error_model="numpy")
def cubic(x):
    """Return the Catmull-Rom kernel."""
    x = min(abs(x), f32(2))
    near = (f32(1.5) * x - f32(2.5)) * x * x + f32(1)
    far = ((f32(-0.5) * x + f32(2.5)) * x - f32(4)) * x + f32(2)
    return near if x < f32(1) else far


@njit(error_model="numpy")
def weigh(place, wide, weights):
    """Fill the weights of the cubic, widened, about a place; return the first pixel and their number."""
    reach = np.int64(np.ceil(f32(2) * wide))
    first = np.int64(np.floor(place)) - reach + 1
    start, narrow, total = f32(first) - place, f32(1) / wide, f32(0)
    for i in range(MOST_TAPS):
        weights[i] = cubic((start + f32(i)) * narrow)
    for i in range(2 * reach):
        total += weights[i]
    for i in range(MOST_TAPS):
        weights[i] = weights[i] / total
    return first, 2 * reach


@njit(error_model="numpy")
def level_shapes(height, width, shapes, starts):
    """Fill (height, width) of each level, and where it begins in the light of all but the first; return their count."""
    shapes[0, 0], shapes[0, 1], starts[0], starts[1] = height, width, 0, 0
    for level in range(1, LEVELS):
        if min(shapes[level - 1, 0], shapes[level - 1, 1]) < 8:
            return level
        shapes[level, 0], shapes[level, 1] = (shapes[level - 1, 0] + 1) // 2, (shapes[level - 1, 1] + 1) // 2
        if level + 1 < LEVELS:
            starts[level + 1] = starts[level] + shapes[level, 0] * shapes[level, 1] * 4
    return LEVELS


@njit(error_model="numpy")
def halve(source, pitch, height, width, target, across, rule):
    """Halve a picture of light by the cubic of twice its width; ``across`` has room for one line."""
    weights = np.empty(MOST_TAPS, f32)
    first, taps = weigh(f32(0.5), f32(2), weights)
    half_height, half_width = (height + 1) // 2, (width + 1) // 2
    for y in range(half_height):
        for x in range(width * 4):
            across[x] = f32(0)
        for i in range(taps):
            line = source[inside(2 * y + first + i, height, rule) * pitch :]
            weight = weights[i]
            for x in range(width * 4):
                across[x] += weight * line[x]
        for x in range(half_width):
            at = (y * half_width + x) * 4
            for c in range(4):
                target[at + c] = f32(0)
            for i in range(taps):
                k = inside(2 * x + first + i, width, rule) * 4
                for c in range(4):
                    target[at + c] += weights[i] * across[k + c]


@njit(error_model="numpy")
def build_levels(light, levels, shapes, starts, count, rule):
    """Fill the levels after the first."""
    height, width = shapes[0]
    across = np.empty(width * 4, f32)
    pitch = (width + 2 * PAD) * 4
    halve(light.ravel()[PAD * pitch + PAD * 4 :], pitch, height, width, levels, across, rule)
    for level in range(2, count):
        height, width = shapes[level - 1]
        halve(levels[starts[level - 1] :], width * 4, height, width, levels[starts[level] :], across, rule)


@njit(error_model="numpy")
def take_wide(light, levels, shapes, starts, count, x, y, wide_x, wide_y, rule, room, weights):
    """Return the light about a place (pixels), as wide as the steps between places along columns and rows."""
    level = 0
    while level + 1 < count and (
        min(wide_x, wide_y) >= f32(2 << level) or max(wide_x, wide_y) >= f32(4 << level)
    ):
        level += 1
    height, width = shapes[level]
    scale = f32(1) / f32(1 << level)
    wide_x, wide_y = (min(max(wide * scale, f32(1)), f32(4)) for wide in (wide_x, wide_y))
    half = f32(0.5)
    left, columns = weigh((x + half) * scale - half, wide_x, weights[0])
    top, rows = weigh((y + half) * scale - half, wide_y, weights[1])
    pitch, start = np.int64(width) * 4, np.int64(starts[level])
    if level == 0:
        pitch = np.int64(width + 2 * PAD) * 4
        start = PAD * pitch + PAD * 4
    for i in range(rows):
        room[0, i] = start + inside(top + i, height, rule) * pitch
    for i in range(columns):
        room[1, i] = inside(left + i, width, rule) * 4
    if level == 0:
        return take_many(light, room[0], weights[1], rows, room[1], weights[0], columns)
    return take_many(levels, room[0], weights[1], rows, room[1], weights[0], columns)


@njit(error_model="numpy")
def steps_between(xs, ys, wide_x, wide_y):
    """Fill how far apart neighbouring places are along columns and rows of the picture, at least 1; return the most.

    ``xs`` and ``ys`` hold the places of the row before, the row, and the row after, each (width + 2,): with a place more
    on both sides. Of the steps forward and backward the shorter one counts: at a fold the other one leaps.
    """
    most = f32(1)
    for i in range(wide_x.size):
        k = i + 1
        x, y = xs[1][k], ys[1][k]
        ax, ay, bx, by = xs[1][k + 1] - x, ys[1][k + 1] - y, x - xs[1][k - 1], y - ys[1][k - 1]
        across_x, across_y = (ax, ay) if ax * ax + ay * ay <= bx * bx + by * by else (bx, by)
        ax, ay, bx, by = xs[2][k] - x, ys[2][k] - y, x - xs[0][k], y - ys[0][k]
        down_x, down_y = (ax, ay) if ax * ax + ay * ay <= bx * bx + by * by else (bx, by)
        wide_x[i] = max(np.sqrt(across_x * across_x + down_x * down_x) * NEAR, f32(1))
        wide_y[i] = max(np.sqrt(across_y * across_y + down_y * down_y) * NEAR, f32(1))
        most = max(most, max(wide_x[i], wide_y[i]))
    return most


@njit(error_model="numpy")
def weigh_4(places, weights, starts, unit):
    """Fill the four weights about each place, and where the first of its pixels begins."""
    for i in range(places.size):
        place = places[i]
        whole = np.floor(place)
        t = place - whole
        u = f32(1) - t
        starts[i] = (np.int64(whole) - 1 + PAD) * unit
        weights[i, 0] = f32(-0.5) * t * u * u
        weights[i, 1] = f32(1) + t * t * (f32(1.5) * t - f32(2.5))
        weights[i, 2] = f32(1) + u * u * (f32(1.5) * u - f32(2.5))
        weights[i, 3] = f32(-0.5) * u * t * t


@njit(error_model="numpy")
def resolve(places, size, out):
    """Fill places in pixels, rounded to 1/256 and held within the picture; those that are no numbers lie at its edge."""
    low, high = f32(-0.5), f32(size) - f32(0.5)
    for i in range(out.size):
        place = np.floor(places[i + 1] * f32(256) + f32(0.5)) * f32(1 / 256)
        place = place if place > low else low
        out[i] = place if place < high else high


@njit(error_model="numpy")
def is_level(ys):
    """Say whether all places of a row lie in one row of the picture."""
    for i in range(ys.size):
        if ys[i] != ys[0]:
            return False
    return True


@njit(error_model="numpy")
def take_row(light, levels, shapes, starts, state, rule, xs, ys, cover, colours, rows, room):
    """Add a row of light, as seen at its places (pixels), to the rows of some colours.

    Parameters
    ----------
    light : float32 (H + 4, W + 4, 4)
    levels : float32
        Light of the halved pictures, filled when it is needed first.
    shapes, starts : int64
        Of the levels.
    state : int64 (2,)
        How many levels there are, and whether they are filled.
    rule : int
        What lies beyond the edge.
    xs, ys : three rows of float32 (width + 2,)
        As `steps_between` takes them.
    cover : float32 (width + 2,)
        How much of each place is seen.
    colours : pair of int
        The first and the last of the rows that are added to.
    rows : float32 (3, width)
    room : tuple of arrays
        As `make_room` gives them.
    """
    places_x, places_y, wide_x, wide_y, across, down, at_x, at_y, line, many, weights = room
    height, width = shapes[0]
    flat, pitch, first, last = light.ravel(), np.int64(width + 2 * PAD) * 4, colours[0], colours[1]
    most = steps_between(xs, ys, wide_x, wide_y)
    resolve(xs[1], width, places_x)
    resolve(ys[1], height, places_y)
    weigh_4(places_x, across, at_x, 4)
    weigh_4(places_y, down, at_y, pitch)
    if most > f32(1):
        if not state[1]:
            build_levels(light, levels, shapes, starts, state[0], rule)
            state[1] = 1
        for x in range(places_x.size):
            if wide_x[x] > f32(1) or wide_y[x] > f32(1):
                colour = take_wide(
                    flat, levels, shapes, starts, state[0], places_x[x], places_y[x], wide_x[x], wide_y[x], rule,
                    many, weights,
                )  # fmt: skip
            else:
                colour = take_4_by_4(flat, at_x[x] + at_y[x], pitch, down, across, x)
            for c in range(first, last + 1):
                rows[c, x] += colour[c] * cover[x + 1]
    elif is_level(places_y):
        for i in range(line.size):
            k = at_y[0] + i
            line[i] = (
                flat[k] * down[0, 0] + flat[k + pitch] * down[0, 1] + flat[k + 2 * pitch] * down[0, 2]
                + flat[k + 3 * pitch] * down[0, 3]
            )  # fmt: skip
        for x in range(places_x.size):
            colour = take_4(line, at_x[x], across, x)
            for c in range(first, last + 1):
                rows[c, x] += colour[c] * cover[x + 1]
    else:
        for x in range(places_x.size):
            colour = take_4_by_4(flat, at_x[x] + at_y[x], pitch, down, across, x)
            for c in range(first, last + 1):
                rows[c, x] += colour[c] * cover[x + 1]


@njit(error_model="numpy")
def make_room(width, line):
    """Return memory for what `take_row` works out of a row of places, for a picture whose lines have so many floats."""
    return (
        np.empty(width, f32), np.empty(width, f32), np.empty(width, f32), np.empty(width, f32),
        np.empty((width, 4), f32), np.empty((width, 4), f32), np.empty(width, np.int64), np.empty(width, np.int64),
        np.empty(line, f32), np.empty((2, MOST_TAPS), np.int64), np.empty((2, MOST_TAPS), f32),
    )  # fmt: skip


@njit(error_model="numpy")
def mix_4(plane, left, top, right, bottom, t, u):
    """Return the mixture of four values of a plane."""
    upper = plane[top, left] + (plane[top, right] - plane[top, left]) * t
    lower = plane[bottom, left] + (plane[bottom, right] - plane[bottom, left]) * t
    return upper + (lower - upper) * u


@njit(error_model="numpy")
def read_at(picture, x, y):
    """Return the colour of a picture (3, H, W) at a place in pixels, mixed of the four about it; its edge continues."""
    height, width = picture.shape[1:]
    x = x if x > f32(0) else f32(0)
    y = y if y > f32(0) else f32(0)
    x, y = min(x, f32(width - 1)), min(y, f32(height - 1))
    left, top = np.int64(x), np.int64(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    t, u = x - f32(left), y - f32(top)
    return (
        mix_4(picture[0], left, top, right, bottom, t, u),
        mix_4(picture[1], left, top, right, bottom, t, u),
        mix_4(picture[2], left, top, right, bottom, t, u),
    )


@njit(error_model="numpy")
def beyond(place, half, rule):
    """Return a place, in heights from the centre, as an edge's rule takes it back into the frame."""
    if abs(place) <= half:
        return place
    if rule == 1:
        t = (place + half) / (f32(2) * half)
        t = t - f32(2) * np.floor(t * f32(0.5))
        return min(t, f32(2) - t) * (f32(2) * half) - half
    if rule == 2:
        t = (place + half) / (f32(2) * half)
        return (t - np.floor(t)) * (f32(2) * half) - half
    return min(max(place, -half), half)


@njit(error_model="numpy")
def seen(place, half, height):
    """Return how much of a place is seen where black lies beyond the edge: all inside, none from a pixel beyond on."""
    return min(max(f32(1) - (abs(place) - half) * height, f32(0)), f32(1))
