"""What every kernel for CUDA begins with: the structs and small functions of `cuda_syntax`, and reads of pictures.

It is C++ that a compiler for processors takes too, where ``__device__`` and its like mean nothing.
"""

from __future__ import annotations

PRELUDE = """\
struct At { float x, y, u, v, width, height, radius; unsigned int row, column, frame, seed; };
struct Place { float width, height, aspect, channel; unsigned int frame, seed; };
struct Table { const float *numbers; int rows, columns; };

template <class T> __device__ inline T least(T a, T b) { return b < a ? b : a; }
template <class T> __device__ inline T most(T a, T b) { return b > a ? b : a; }
template <class T> __device__ inline T least_or_nan(T a, T b) {
    return a != a ? a : b != b ? b : a <= b ? a : b;
}
template <class T> __device__ inline T most_or_nan(T a, T b) {
    return a != a ? a : b != b ? b : a >= b ? a : b;
}

// Floats as whole numbers, towards 0; beyond the range, and of NaN, what x86 processors give.
__device__ inline int whole_i(double x) {
    return x > -2147483649.0 && x < 2147483648.0 ? (int)x : -2147483647 - 1;
}
__device__ inline long long whole_l(double x) {
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (long long)x : -9223372036854775807ll - 1;
}
__device__ inline int whole_i(float x) { return x >= -2147483648.0f && x < 2147483648.0f ? (int)x : -2147483647 - 1; }
__device__ inline unsigned int whole_u(double x) { return (unsigned int)whole_l(x); }

// The remainder whose sign is that of b.
__device__ inline float remainder_of(float a, float b) {
    float rest = fmodf(a, b);
    if (b == 0.0f) return rest;
    if (rest == 0.0f) return rest * rest * (b < 0.0f ? -1.0f : 1.0f);
    return (b < 0.0f) != (rest < 0.0f) ? rest + b : rest;
}
__device__ inline double remainder_of(double a, double b) {
    double rest = fmod(a, b);
    if (b == 0.0) return rest;
    if (rest == 0.0) return rest * rest * (b < 0.0 ? -1.0 : 1.0);
    return (b < 0.0) != (rest < 0.0) ? rest + b : rest;
}

// Round to the nearest float16, ties to even.
__device__ inline float rounded_half(float x) {
    if (!(fabsf(x) >= 6.103515625e-05f)) return (x + 0.75f) - 0.75f;
    unsigned int bits = (unsigned int)__float_as_int(x);
    return __int_as_float((int)((bits + 0x0FFFu + ((bits >> 13) & 1u)) & 0xFFFFE000u));
}

__device__ inline bool is_not_finite(float x) { return (__float_as_int(x) & 0x7FFFFFFF) >= 0x7F800000; }

__device__ inline int mirrored(int place, int count) {
    place %= 2 * count;
    if (place < 0) place += 2 * count;
    return place < 2 * count - 1 - place ? place : 2 * count - 1 - place;
}

// A pixel of a plane of half the size, enlarged: rows first, then columns.
__device__ inline float enlarged_rows(const float *plane, int rows, int columns, int y, int x, bool odd) {
    int middle = y >> 1;
    x = x < 0 ? 0 : x < columns ? x : columns - 1;
    float above = plane[(long long)(middle > 0 ? middle - 1 : 0) * columns + x];
    float here = plane[(long long)middle * columns + x];
    float below = plane[(long long)(middle + 1 < rows ? middle + 1 : rows - 1) * columns + x];
    float a, b, c;
    if (odd) {
        a = y & 1 ? 0.0f : 0.125f; b = y & 1 ? 0.5f : 0.75f; c = y & 1 ? 0.5f : 0.125f;
    } else {
        a = y & 1 ? 0.0625f : 0.3125f; b = 0.625f; c = y & 1 ? 0.3125f : 0.0625f;
    }
    return fmaf(c, below, fmaf(b, here, a * above));
}
__device__ inline float enlarged(const float *plane, int height, int width, int y, int x) {
    int rows = (height + 1) / 2, columns = (width + 1) / 2, i = x >> 1;
    float left = enlarged_rows(plane, rows, columns, y, i - 1, height & 1);
    float here = enlarged_rows(plane, rows, columns, y, i, height & 1);
    float right = enlarged_rows(plane, rows, columns, y, i + 1, height & 1);
    if (width & 1)
        return x & 1 ? fmaf(0.5f, right, 0.5f * here) : fmaf(0.125f, right, fmaf(0.75f, here, 0.125f * left));
    float first = x & 1 ? 0.0625f : 0.3125f, last = x & 1 ? 0.3125f : 0.0625f;
    return fmaf(last, right, fmaf(0.625f, here, first * left));
}

// The sum of six numbers, or of five where their count is odd.
__device__ inline float halved_sum(const float *t, bool odd) {
    if (odd) return fmaf(t[2], 0.375f, fmaf(t[1] + t[3], 0.25f, (t[0] + t[4]) * 0.0625f));
    return fmaf(t[2] + t[3], 0.3125f, fmaf(t[1] + t[4], 0.15625f, (t[0] + t[5]) * 0.03125f));
}
// A column of a plane, six rows of it (five of an odd height) made one.
__device__ inline float halved_rows(const float *plane, int height, int width, int y, int x) {
    float r[6];
    x = mirrored(x, width);
    for (int i = 0; i < 6; i++) r[i] = plane[(long long)mirrored(2 * y - 2 + i, height) * width + x];
    return halved_sum(r, height & 1);
}
__device__ inline float halved(const float *plane, int height, int width, int y, int x) {
    float t[6];
    for (int i = 0; i < 6; i++) t[i] = halved_rows(plane, height, width, y, 2 * x - 2 + i);
    return halved_sum(t, width & 1);
}

__device__ inline float held_within(float x) { return least(most(x, 0.0f), 1.0f); }
"""
