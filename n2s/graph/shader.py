"""The arithmetic that pixel code may use: plain functions of float32 scalars, compiled into every kernel.

They are fixed polynomials and integer hashes instead of a maths library: several times faster, and the same bits on
every machine. Sums of products are rounded once where they say so, by `fma`, and nowhere else: no compiler may choose.
What all films are made with (`luma`, `smoothstep`, `exp2`) has none, so that they keep their bits.
Called from Python on numpy values they give what the compiled kernels give; the ones without a comparison take whole
arrays too.

A function here may call the ones above it, and names its number types itself with ``f32`` and ``u32``.
"""

from typing import Any

import numpy as np

f32 = np.float32
u32 = np.uint32


def fma(a, b, c) -> Any:
    """Return a * b + c rounded once: a fused multiply-add, one instruction in a kernel."""
    # A product of two float32 is exact in float64. Their sum, rounded to it and then to float32, is wrong only where
    # the first rounding made a tie for the second: the lower bits are a one and zeros, or it is no normal number.
    product = np.multiply(a, b, dtype=np.float64)
    total = np.add(product, c)
    tie, small = (total.view(np.int64) & 0x1FFFFFFF) == 0x10000000, abs(total) < 2.0**-126
    if tie.any() or (small.any() and total[small].any()):
        # Rounded to an odd number, it goes the way of the exact sum (Boldo and Melquiond, IEEE Trans. Comput., 2008).
        added = total - product
        lost = (product - (total - added)) + (c - added)
        odd = np.nextafter(total, np.copysign(np.inf, lost))
        total = np.where((lost != 0) & ((total.view(np.int64) & 1) == 0), odd, total)
    return f32(total)


def mix(a, b, amount):
    """Blend from a to b: a + (b - a) * amount, rounded once at the end."""
    return fma(b - a, amount, a)


def clamp(x, low, high):
    """Return x held within low..high."""
    return min(max(x, low), high)


def hold_unit(x):
    """Return x held within 0..1, never -0; NaN becomes 0, so that what is read with it lies inside a table."""
    x = x if x > f32(0) else f32(0)
    return min(x, f32(1))  # with a second condition it would not vectorise


def smoothstep(low, high, x):
    """Ease from 0 at low to 1 at high: t * t * (3 - 2 t), t = (x - low) / (high - low) held within 0..1."""
    t = min(
        max((x - low) * (f32(1) / (high - low)), f32(0)), f32(1)
    )  # a division that does not depend on x is done once
    return t * t * (f32(3) - f32(2) * t)


def luma(r, g, b):
    """Return the BT.709 luma of a display-referred colour."""
    return f32(0.2126) * r + f32(0.7152) * g + f32(0.0722) * b


def to_light(x):
    """Return the light of a display value: x * |x|.

    The one linearisation of the library. A square is within 3 % of full scale of BT.1886's exponent of 2.4 and needs
    no polynomial, and with its inverse, the correctly rounded square root, it gives the same bits on every machine.
    """
    return x * abs(x)


def to_display(x):
    """Return the display value of a light: sign(x) * sqrt(|x|), the inverse of `to_light`."""
    return np.copysign(np.sqrt(abs(x)), x)


def mix_light(a, b, amount):
    """Blend display values in light, as two projectors would; 0 gives a itself, and 1 gives b, to the last bit."""
    both = to_display(mix(to_light(a), to_light(b), amount))
    both = b if amount == f32(1) else both
    return a if amount == f32(0) else both


def fract(x):
    """Return what is left of x above the whole number below it: x - floor(x), from 0 to 1."""
    return x - np.floor(x)


def exp2(x):
    """Return 2**x, within 1e-6 of the value, x held within -126..127: a degree-6 polynomial on the fraction.

    The power of two is put together from its bits, because a call of ``ldexp`` does not vectorise; it is as exact.
    """
    x = np.minimum(np.maximum(x, f32(-126)), f32(127))
    whole = np.floor(x)
    t = x - whole
    p = f32(2.1702841e-4)
    p = p * t + f32(1.2444014e-3)
    p = p * t + f32(9.6777817e-3)
    p = p * t + f32(5.5484254e-2)
    p = p * t + f32(2.402295e-1)
    p = p * t + f32(6.93147e-1)
    p = p * t + f32(1)
    return p * np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


def log2(x):
    """Return the logarithm of x to base 2, within 2e-7 of it or of 1, for x from 1e-37 to 3e38; -127 for 0.

    The power of two comes from the bits of x; the rest, m within 0.71..1.42, from an odd polynomial of degree 5 on
    (m - 1) / (m + 1). Powers of two are exact.
    """
    bits = f32(x).view(np.int32)
    whole = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
    m = np.int32(bits - np.int32(whole << np.int32(23))).view(np.float32)
    t = (m - f32(1)) / (m + f32(1))
    s = t * t
    p = fma(f32(0.59898107), s, f32(0.9614706))
    p = fma(p, s, f32(2.8853913))
    return fma(p, t, f32(whole))


def power(x, exponent):
    """Return x ** exponent, within 2e-6 of it where x is from 1e-37 to 1e37 and |exponent| up to 4; below 2**-126 that.

    It is 2 ** (exponent * log2(x)), by the polynomial of `exp2`, fused.
    """
    y = np.minimum(np.maximum(exponent * log2(x), f32(-126)), f32(127))
    whole = np.floor(y)
    t = y - whole
    p = fma(fma(f32(2.1702841e-4), t, f32(1.2444014e-3)), t, f32(9.6777817e-3))
    p = fma(fma(p, t, f32(5.5484254e-2)), t, f32(2.402295e-1))
    p = fma(fma(p, t, f32(6.93147e-1)), t, f32(1))
    return p * np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


def exp(x):
    """Return e**x, within 2e-7 of the value, x held within -87..88: 2**n times `exp2` of what is left, n whole.

    The logarithm of 2 is taken off n times in two parts, the first of which loses no bit: so large x are as exact.
    """
    x = np.minimum(np.maximum(x, f32(-87)), f32(88))
    whole = np.floor(x * f32(1.442695) + f32(0.5))
    rest = fma(whole, f32(2.1219444e-4), fma(whole, f32(-0.69335938), x))
    power = np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return exp2(rest * f32(1.442695)) * power


def log(x):
    """Return the natural logarithm of x, within 2e-7 of it or of 1, for x from 1e-37 to 3e38; -88.03 for 0."""
    return log2(x) * f32(0.6931472)


def cube_root(x):
    """Return the cube root of x from 0 to 1e30, within 3e-7 of it.

    A first guess at the root of 1 / x comes from the bits of x, within 4 %; a polynomial of its error leaves 6e-5, and
    the root of x that is made of it is corrected by a step of Newton's, which squares that. There is no division.
    """
    bits = f32(np.int32(f32(x).view(np.int32)))
    r = np.int32(f32(1419967116) - bits * f32(0.33333334)).view(np.float32)
    h = fma(-(x * r), r * r, f32(1))
    r = fma(r * h, fma(h, f32(0.21787066), f32(0.33461198)), r)
    y = x * r * r
    return fma(y * f32(0.6666667), fma(-y, r, f32(1)), y)


def length(x, y):
    """Return the length of a vector: sqrt(x * x + y * y)."""
    return np.sqrt(x * x + y * y)


def near_sine(t):
    """Return the sine of an angle in turns within -0.25..0.25, within 3e-7: an odd polynomial of degree 9."""
    s = t * t
    p = fma(f32(39.536697), s, f32(-76.5498))
    p = fma(p, s, f32(81.60099))
    p = fma(p, s, f32(-41.34166))
    p = fma(p, s, f32(6.2831855))
    return p * t


def sin(turns):
    """Return the sine of an angle in turns (1 is a whole one), within 3e-7; exact at quarters.

    Any angle will do, but from 1000 turns on a float32 itself is coarser than 6e-5 turns. A triangle wave takes the
    angle into -0.25..0.25: no comparison, so that loops vectorise.
    """
    t = turns - np.floor(turns + f32(0.25))
    return near_sine(f32(0.25) - abs(t - f32(0.25)))


def cos(turns):
    """Return the cosine of an angle in turns, within 3e-7: the sine, a quarter of a turn further."""
    return near_sine(f32(0.25) - abs(turns - np.floor(turns + f32(0.5))))


def atan2(y, x):
    """Return the angle of the vector (x, y) in turns, from -0.5 to 0.5, within 1e-7; 0 for (0, 0).

    0 points along x, 0.25 along y. An odd polynomial of degree 13 on the shorter side divided by the longer one.
    """
    wide, high = abs(x), abs(y)
    t = min(wide, high) / max(max(wide, high), f32(1e-30))
    s = t * t
    p = fma(f32(0.00108409), s, f32(-0.00534827))
    p = fma(p, s, f32(0.0126725))
    p = fma(p, s, f32(-0.02106152))
    p = fma(p, s, f32(0.03152512))
    p = fma(p, s, f32(-0.05302624))
    p = fma(p, s, f32(0.15915432))
    p = p * t
    p = f32(0.25) - p if high > wide else p
    p = f32(0.5) - p if x < f32(0) else p
    return np.copysign(p, y)


def hash32(x):
    """Mix 32 bits so that every input bit moves every output bit (lowbias32 of Wellons' hash prospector)."""
    x = u32(x)  # kernels compute with 32 bits where ``u32`` says so, elsewhere with 64
    x = u32(x ^ (x >> u32(16)))
    x = u32(x * u32(0x7FEB352D))
    x = u32(x ^ (x >> u32(15)))
    x = u32(x * u32(0x846CA68B))
    x = u32(x ^ (x >> u32(16)))
    return x


def uniform(h):
    """Return a number in 0..1 (1 excluded) from 32 random bits, by their upper 24."""
    return f32(np.int32(u32(h >> u32(8)))) * f32(5.9604645e-08)  # signed integers convert faster


def counted(number):
    """Return a whole number, like that of a frame, as float32: exact below 2**24 (with one, `u32` would be float64)."""
    return f32(np.int32(number))


def gaussian(h):
    """Return a nearly normal number (mean 0, deviation 1, within +-3.45) from 32 random bits: the sum of four bytes."""
    pairs = u32(u32(h & u32(0x00FF00FF)) + u32(u32(h >> u32(8)) & u32(0x00FF00FF)))  # two sums of two bytes at once
    total = np.int32(u32(pairs & u32(0xFFFF)) + u32(pairs >> u32(16)))
    return (f32(total) - f32(510)) * f32(0.0067658)


def gaussians(h):
    """Return three nearly normal numbers without correlation from 32 random bits; the first is that of `gaussian`.

    Each is a sum of the four bytes with other signs: + + + +, + + - -, + - + -.
    """
    even, odd = u32(h & u32(0x00FF00FF)), u32(u32(h >> u32(8)) & u32(0x00FF00FF))
    a, b = np.int32(u32(even & u32(0xFFFF))), np.int32(u32(odd & u32(0xFFFF)))
    c, d = np.int32(u32(even >> u32(16))), np.int32(u32(odd >> u32(16)))
    first, second = np.int32(a + b), np.int32(c + d)
    scale = f32(0.0067658)
    return (
        (f32(np.int32(first + second)) - f32(510)) * scale,
        f32(np.int32(first - second)) * scale,
        f32(np.int32(np.int32(a + c) - np.int32(b + d))) * scale,
    )


def pixel_hash(seed, frame, row, column):
    """Return 32 random bits for a pixel of a frame: h(h(h(seed ^ h(frame)) ^ row) + column)."""
    of_row = hash32(u32(hash32(u32(u32(seed) ^ hash32(u32(frame)))) ^ u32(row)))
    return hash32(u32(of_row + u32(column)))


def fade(t):
    """Ease from 0 to 1 with two derivatives that are 0 at both ends: t³ (t (6 t - 15) + 10)."""
    return t * t * t * fma(t, fma(t, f32(6), f32(-15)), f32(10))


def slope(h, x, y, z):
    """Return x, y, z times three numbers within -1..1 from 24 random bits, added up."""
    along_x = f32(np.int32(u32(h & u32(0xFF)))) - f32(127.5)
    along_y = f32(np.int32(u32(h >> u32(8)) & u32(0xFF))) - f32(127.5)
    along_z = f32(np.int32(u32(h >> u32(16)) & u32(0xFF))) - f32(127.5)
    return fma(along_z, z, fma(along_y, y, along_x * x)) * f32(0.007843138)


def noise(x, y, z, seed):
    """Return smooth noise at a point, within -1..1 but for rare peaks: gradient noise on a lattice of distance 1.

    It is 0 in every corner of the lattice. Points are within -2e9..2e9, and fine ones within -1e5..1e5.
    """
    left, top, near = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = np.int32(left), np.int32(top), np.int32(near)
    x, y, z = x - left, y - top, z - near
    across, down, back = fade(x), fade(y), fade(z)
    one, i_1, j_1, k_1 = f32(1), np.int32(i + np.int32(1)), np.int32(j + np.int32(1)), np.int32(k + np.int32(1))
    a = mix(slope(pixel_hash(seed, k, j, i), x, y, z), slope(pixel_hash(seed, k, j, i_1), x - one, y, z), across)
    b = mix(
        slope(pixel_hash(seed, k, j_1, i), x, y - one, z),
        slope(pixel_hash(seed, k, j_1, i_1), x - one, y - one, z),
        across,
    )
    c = mix(
        slope(pixel_hash(seed, k_1, j, i), x, y, z - one),
        slope(pixel_hash(seed, k_1, j, i_1), x - one, y, z - one),
        across,
    )
    d = mix(
        slope(pixel_hash(seed, k_1, j_1, i), x, y - one, z - one),
        slope(pixel_hash(seed, k_1, j_1, i_1), x - one, y - one, z - one),
        across,
    )
    return mix(mix(a, b, down), mix(c, d, down), back)


def value_noise(x, y, frame, seed):
    """Return three fields of noise at a point, of deviation 1, without correlation: hashes on a lattice of distance 1.

    Between the four corners around it weights are linear, and of unit length, so that the deviation is 1 everywhere. On
    a corner they are `gaussians` of the `pixel_hash` of seed, frame, y and x. Points are within -2e9..2e9.
    """
    left, top = np.floor(x), np.floor(y)
    i, j = np.int32(left), np.int32(top)
    i_1, j_1 = np.int32(i + np.int32(1)), np.int32(j + np.int32(1))
    s, t, one = x - left, y - top, f32(1)
    s_0, t_0 = one - s, one - t
    gain = one / np.sqrt((s * s + s_0 * s_0) * (t * t + t_0 * t_0))
    u, v = t_0 * gain, t * gain
    a, b = gaussians(pixel_hash(seed, frame, j, i)), gaussians(pixel_hash(seed, frame, j, i_1))
    c, d = gaussians(pixel_hash(seed, frame, j_1, i)), gaussians(pixel_hash(seed, frame, j_1, i_1))
    w_a, w_b, w_c, w_d = s_0 * u, s * u, s_0 * v, s * v
    return (
        fma(w_d, d[0], fma(w_c, c[0], fma(w_b, b[0], w_a * a[0]))),
        fma(w_d, d[1], fma(w_c, c[1], fma(w_b, b[1], w_a * a[1]))),
        fma(w_d, d[2], fma(w_c, c[2], fma(w_b, b[2], w_a * a[2]))),
    )


def line_place(size, t):
    """Return the row of a line of ``size`` rows below t, and how far t is on its way to the next row."""
    x = hold_unit(t) * (size - f32(1))
    row = np.floor(min(x, size - f32(2)))
    return row, x - row


def read_line(line, t):
    """Return the colour of a line (n, 3) at t: 0 is its first row, 1 its last, linear between; held within 0..1."""
    row, part = line_place(f32(line.shape[0]), t)
    low, high, rest = line[np.int32(row)], line[np.int32(row) + 1], f32(1) - part
    return fma(part, high[0], rest * low[0]), fma(part, high[1], rest * low[1]), fma(part, high[2], rest * low[2])


def cube_place(size, r, g, b):
    """Return where a colour lies among the size**3 cells of a cube: the numbers of three cells, and four weights.

    Tetrahedral: from the corner below the colour one goes along the axis on which it is farthest (the second cell),
    then along the middle one (the third), then along the last one (the fourth: size**2 + size + 1 after the first).
    Cells are counted as float32, exact below 2**24, and comparisons are made numbers: branches would not vectorise.
    """
    one, top = f32(1), size - f32(1)
    x, y, z = hold_unit(r) * top, hold_unit(g) * top, hold_unit(b) * top
    i, j, k = np.floor(min(x, top - one)), np.floor(min(y, top - one)), np.floor(min(z, top - one))
    x, y, z = x - i, y - j, z - k
    largest, smallest = max(max(x, y), z), min(min(x, y), z)
    middle = max(min(x, y), min(max(x, y), z))
    xy, xz, yz = f32(x >= y), f32(x >= z), f32(y >= z)
    x_first, y_first = xy * xz, (one - xy) * yz
    z_last, y_last = xz * yz, xy * (one - yz)
    square = size * size
    first = fma(x_first, square, fma(y_first, size, one - x_first - y_first))
    last = fma(one - z_last - y_last, square, fma(y_last, size, z_last))
    cell = fma(fma(i, size, j), size, k)
    second, third = cell + first, cell + (square + size + one) - last
    return cell, second, third, one - largest, largest - middle, middle - smallest, smallest


def read_cube(cube, r, g, b):
    """Return the colour of a cube (n, n, n, 3), by red, green and blue, at r, g, b: tetrahedral; held within 0..1."""
    first, second, third, w0, w1, w2, w3 = cube_place(f32(cube.shape[0]), r, g, b)
    cells, n = cube.reshape(-1, cube.shape[-1]), cube.shape[0]
    last = cells[np.int32(first) + n * n + n + 1]
    first, second, third = cells[np.int32(first)], cells[np.int32(second)], cells[np.int32(third)]
    return (
        fma(w3, last[0], fma(w2, third[0], fma(w1, second[0], w0 * first[0]))),
        fma(w3, last[1], fma(w2, third[1], fma(w1, second[1], w0 * first[1]))),
        fma(w3, last[2], fma(w2, third[2], fma(w1, second[2], w0 * first[2]))),
    )


def tile_place(height, width, x, y):
    """Return the number of the pixel of a tile that lies at x, y where the tile is repeated for ever."""
    row, column = np.floor(y), np.floor(x)
    row, column = row - np.floor(row / height) * height, column - np.floor(column / width) * width
    row, column = (row if row > f32(0) else f32(0)), (column if column > f32(0) else f32(0))
    return min(row, height - f32(1)) * width + min(column, width - f32(1))


def read_tile(tile, x, y):
    """Return a pixel of a tile that is repeated for ever: a colour of (h, w, 3), one number of (h, w); nearest."""
    height, width = tile.shape[:2]
    found = tile.reshape(height * width, -1)[np.int32(tile_place(f32(height), f32(width), x, y))]
    return found[0] if tile.ndim == 2 else (found[0], found[1], found[2])
