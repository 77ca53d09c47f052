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
