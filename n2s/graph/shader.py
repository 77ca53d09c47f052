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


def fract(x):
    """Return what is left of x above the whole number below it: x - floor(x), from 0 to 1."""
    return x - np.floor(x)


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
    p = f32(0.59898107)
    p = p * s + f32(0.9614706)
    p = p * s + f32(2.8853913)
    return f32(whole) + p * t


def length(x, y):
    """Return the length of a vector: sqrt(x * x + y * y)."""
    return np.sqrt(x * x + y * y)


def sin(turns):
    """Return the sine of an angle in turns (1 is a whole one), within 3e-7; exact at quarters.

    Any angle will do, but from 1000 turns on a float32 itself is coarser than 6e-5 turns. A triangle wave takes the
    angle into -0.25..0.25, where an odd polynomial of degree 9 is used: no comparison, so that loops vectorise.
    """
    t = turns - np.floor(turns + f32(0.25))
    t = f32(0.25) - abs(t - f32(0.25))
    s = t * t
    p = f32(39.536697)
    p = p * s - f32(76.5498)
    p = p * s + f32(81.60099)
    p = p * s - f32(41.34166)
    p = p * s + f32(6.2831855)
    return p * t


def cos(turns):
    """Return the cosine of an angle in turns, within 3e-7: the polynomial of `sin`, a quarter of a turn further."""
    t = f32(0.25) - abs(turns - np.floor(turns + f32(0.5)))
    s = t * t
    p = f32(39.536697)
    p = p * s - f32(76.5498)
    p = p * s + f32(81.60099)
    p = p * s - f32(41.34166)
    p = p * s + f32(6.2831855)
    return p * t


def atan2(y, x):
    """Return the angle of the vector (x, y) in turns, from -0.5 to 0.5, within 1e-7; 0 for (0, 0).

    0 points along x, 0.25 along y. An odd polynomial of degree 13 on the shorter side divided by the longer one.
    """
    wide, high = abs(x), abs(y)
    t = min(wide, high) / max(max(wide, high), f32(1e-30))
    s = t * t
    p = f32(0.00108409)
    p = p * s - f32(0.00534827)
    p = p * s + f32(0.0126725)
    p = p * s - f32(0.02106152)
    p = p * s + f32(0.03152512)
    p = p * s - f32(0.05302624)
    p = p * s + f32(0.15915432)
    p = p * t
    p = f32(0.25) - p if high > wide else p
    p = f32(0.5) - p if x < f32(0) else p
    return np.copysign(p, y)


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
