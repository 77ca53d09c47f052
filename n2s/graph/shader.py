"""The arithmetic that pixel code may use: plain functions of float32 scalars, compiled into every kernel.

They are fixed polynomials and integer hashes instead of a maths library: several times faster, and the same bits on
every machine. Called from Python on numpy values they give what the compiled kernels give; the ones without a
comparison take whole arrays too.

A function here may call the ones above it, and names its number types itself with ``f32`` and ``u32``.
"""

import numpy as np

f32 = np.float32
u32 = np.uint32


def mix(a, b, amount):
    """Blend from a to b: a + (b - a) * amount."""
    return a + (b - a) * amount


def clamp(x, low, high):
    """Return x held within low..high."""
    return min(max(x, low), high)


def hold(x):
    """Return x held within 0..1, as every matte is; never -0."""
    return f32(1) if x > f32(1) else (x if x > f32(0) else f32(0))


def smoothstep(low, high, x):
    """Ease from 0 at low to 1 at high: t * t * (3 - 2 t), t = (x - low) / (high - low) held within 0..1."""
    t = min(
        max((x - low) * (f32(1) / (high - low)), f32(0)), f32(1)
    )  # a division that does not depend on x is done once
    return t * t * (f32(3) - f32(2) * t)


def root(x):
    """Return the square root of x, correctly rounded; NaN below 0."""
    return np.sqrt(x)


def sine(turns):
    """Return the sine of an angle in turns, within 2e-7: a degree-11 polynomial on the quarter turn next to 0."""
    t = turns - np.floor(turns + f32(0.5))
    x = (f32(0.25) - abs(abs(t) - f32(0.25))) * f32(6.2831855)
    s = x * x
    p = f32(-2.5052108e-8)
    p = p * s + f32(2.7557319e-6)
    p = p * s + f32(-1.9841270e-4)
    p = p * s + f32(8.3333333e-3)
    p = p * s + f32(-0.16666667)
    return np.copysign(x + x * s * p, t)


def cosine(turns):
    """Return the cosine of an angle in turns, within 1e-6 for a few turns."""
    return sine(turns + f32(0.25))


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


def exp2(x):
    """Return 2**x for x in -126..126, within 1e-6 of the value: a degree-6 polynomial on the fraction, exact powers."""
    whole = np.floor(x)
    t = x - whole
    p = f32(2.1702841e-4)
    p = p * t + f32(1.2444014e-3)
    p = p * t + f32(9.6777817e-3)
    p = p * t + f32(5.5484254e-2)
    p = p * t + f32(2.402295e-1)
    p = p * t + f32(6.93147e-1)
    p = p * t + f32(1)
    return np.ldexp(p, np.int32(whole))


def hash32(x):
    """Mix 32 bits so that every input bit moves every output bit (lowbias32 of Wellons' hash prospector)."""
    x = u32(x)  # compiled integer arithmetic is 64 bits wide unless told otherwise
    x = u32(x ^ (x >> u32(16)))
    x = u32(x * u32(0x7FEB352D))
    x = u32(x ^ (x >> u32(15)))
    x = u32(x * u32(0x846CA68B))
    x = u32(x ^ (x >> u32(16)))
    return x


def uniform(h):
    """Return a number in 0..1 (1 excluded) from 32 random bits, by their upper 24."""
    return f32(np.int32(h >> u32(8))) * f32(5.9604645e-08)  # signed integers convert faster


def gaussian(h):
    """Return a nearly normal number (mean 0, deviation 1, within +-3.45) from 32 random bits: the sum of four bytes."""
    pairs = u32(u32(h & u32(0x00FF00FF)) + u32(u32(h >> u32(8)) & u32(0x00FF00FF)))  # two sums of two bytes at once
    total = np.int32(u32(pairs & u32(0xFFFF)) + u32(pairs >> u32(16)))
    return (f32(total) - f32(510)) * f32(0.0067658)


def pixel_hash(seed, frame, row, column):
    """Return 32 random bits for a pixel of a frame: h(h(h(seed ^ h(frame)) ^ row) + column)."""
    return hash32(hash32(hash32(u32(seed) ^ hash32(u32(frame))) ^ u32(row)) + u32(column))


def fade(t):
    """Ease from 0 to 1 with two derivatives that are 0 at both ends: t³ (t (6 t - 15) + 10)."""
    return t * t * t * (t * (t * f32(6) - f32(15)) + f32(10))


def slope(h, x, y, z):
    """Return x, y, z times three numbers within -1..1 from 24 random bits, added up."""
    along_x = f32(np.int32(h & u32(0xFF))) - f32(127.5)
    along_y = f32(np.int32(u32(h >> u32(8)) & u32(0xFF))) - f32(127.5)
    along_z = f32(np.int32(u32(h >> u32(16)) & u32(0xFF))) - f32(127.5)
    return (along_x * x + along_y * y + along_z * z) * f32(0.007843138)


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
