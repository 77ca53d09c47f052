"""Fused multiply-adds: rounded once, the same from Python and in a kernel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from n2s.graph.shader import cos, exp2, fma, log2, mix, mix_light, power, sin

f32 = np.float32
random = np.random.default_rng(7)


def numbers(count: int, low: int, high: int) -> np.ndarray:
    """Return numbers of both signs whose powers of two lie between two."""
    return f32(np.ldexp(random.uniform(-1, 1, count), random.integers(low, high, count)))


def ties(count: int) -> tuple[np.ndarray, ...]:
    """Return numbers whose sum is half-way between two float32 but for a trace: rounded twice, half go the wrong way.

    a * b is 2**-24 - 2**-70, of either sign, and c = 1 + n 2**-23: float64 loses the trace, and takes the even one.
    """
    step = f32(2.0**-23)
    sign = random.choice(f32([-1, 1]), count)
    c = f32(1) + step * np.arange(1, count + 1, dtype=f32)
    return sign * (f32(1) + step), np.full(count, f32(2.0**-24) * (f32(1) - step)), c


def cases() -> list[tuple[np.ndarray, ...]]:
    a, b = numbers(4000, -12, 12), numbers(4000, -12, 12)
    cancelled = -(a * b) * f32(1 + np.ldexp(random.integers(-3, 4, 4000), -23))
    return [
        (a, b, numbers(4000, -30, 30)),
        (a, b, cancelled),
        (numbers(4000, -80, -60), numbers(4000, -80, -60), numbers(4000, -149, -120)),
        ties(40),
    ]


@pytest.mark.parametrize("case", range(4))
def test_a_sum_is_rounded_once(case: int) -> None:
    a, b, c = cases()[case]
    made = fma(a, b, c)
    assert made.dtype == f32
    for each in zip(a.tolist(), b.tolist(), c.tolist(), made):
        exact = Fraction(each[0]) * Fraction(each[1]) + Fraction(each[2])
        off = abs(Fraction(float(each[3])) - exact)
        for other in (np.nextafter(each[3], f32(np.inf)), np.nextafter(each[3], f32(-np.inf))):
            beside = abs(Fraction(float(other)) - exact)
            is_even = each[3].view(np.int32) % 2 == 0
            assert off < beside or (off == beside and is_even), each


def test_rounding_twice_would_go_the_wrong_way() -> None:
    a, b, c = ties(40)
    twice = f32(a.astype(np.float64) * b + c)
    assert (twice != fma(a, b, c)).sum() == 20


@pytest.mark.parametrize("case", range(4))
def test_a_kernel_gives_the_same(case: int) -> None:
    from numba import njit

    from n2s.runtime.render.kernels.fused import fma as compiled

    @njit
    def run(a, b, c, out):
        for i in range(out.size):
            out[i] = compiled(a[i], b[i], c[i])

    given = cases()[case]
    out = np.empty_like(given[0])
    run(*given, out)
    assert out.tobytes() == fma(*given).tobytes()
    assert fma(*(part[0] for part in given)) == out[0]  # single numbers, too


def test_what_is_not_finite_stays_so() -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        made = fma(f32([np.inf, np.nan, 0, 3e38, -3e38]), f32([1, 1, np.inf, 2, 2]), f32([0, 1, 1, 0, 0]))
    np.testing.assert_array_equal(made, f32([np.inf, np.nan, np.nan, np.inf, -np.inf]))


def test_helpers_keep_what_is_exact() -> None:
    quarters = f32(np.arange(-8, 9) / 4)
    np.testing.assert_array_equal(sin(quarters), np.tile(f32([0, 1, 0, -1]), 5)[:17])
    np.testing.assert_array_equal(cos(quarters), np.tile(f32([1, 0, -1, 0]), 5)[:17])
    powers = f32(np.arange(-20, 21))
    np.testing.assert_array_equal(exp2(powers), np.ldexp(f32(1), powers.astype(int)))
    np.testing.assert_array_equal(log2(exp2(powers)), powers)
    a, b = numbers(50, -8, 8), numbers(50, -8, 8)
    np.testing.assert_array_equal(mix(a, b, f32(0)), a)
    np.testing.assert_array_equal(mix(a, a, f32(0.3)), a)
    for x, y in zip(a, b):
        assert mix_light(x, y, f32(0)) == x and mix_light(x, y, f32(1)) == y


def test_a_power_is_near_that_of_numpy() -> None:
    x = f32(np.exp2(random.uniform(-120, 120, 4000)))
    exponent = f32(random.uniform(-1, 1, 4000) * np.minimum(4, 120 / np.abs(np.log2(x))))
    exact = np.power(x.astype(np.float64), exponent)
    assert np.abs(power(x, exponent) / exact - 1).max() < 1e-5
    near = f32(random.uniform(0.01, 100, 4000))
    assert np.abs(power(near, exponent) / np.power(near.astype(np.float64), exponent) - 1).max() < 2e-6
    np.testing.assert_array_equal(power(f32([1, 2, 4, 0.5]), f32([3, 2, 0.5, -1])), f32([1, 4, 2, 2]))
    assert power(f32(0), f32(2)) == f32(2.0**-126) and power(f32(3), f32(0)) == 1
