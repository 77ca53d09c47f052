"""Pictures that are read through lenses, for CUDA: the kernels that come before that of pixels.

They do what `numba_lenses` and `sampling` do, in the same order of sums: the picture as light and smaller copies of it,
the places that lenses tell, and the filter about each place. An open shutter takes as many samples as a kernel finds
in each frame; the kernels of places and of the filter are run for each sample, and do nothing for frames that have
fewer.
"""

from __future__ import annotations

from typing import cast

from n2s.runtime.render.kernels.cuda_kernel import Kernel
from n2s.runtime.render.kernels.cuda_syntax import Functions
from n2s.runtime.render.kernels.cuda_types import COLOUR, PLACE, Refused, Value
from n2s.runtime.render.kernels.numba_lenses import RULES, SAMPLES
from n2s.runtime.render.kernels.program import Lenses, LensStep, Program, Sample
from n2s.runtime.render.kernels.texts import function_of
from n2s.runtime.render.kernels.writer import Writer

PAD, LEVELS = 4, 15  # of `light_levels`, which needs numba
_SHARED = {
    "maps": (("beyond", ("f32", "f32", "f32", "i64")), ("seen", ("f32", "f32", "f32"))),
    "filter_weights": (("softness", ("f32",)), ("soft_cubic", ("f32", "f32"))),
    "light_levels": (("cubic", ("f32",)),),
}  # functions of other modules of kernels, and the types of what they take

LENS_PRELUDE = """\
// The pixel that lies at index i of n, as the edge's rule says: 1 mirrors, 2 repeats, others continue.
__device__ inline int inside(int i, int n, int rule) {
    if (0 <= i && i < n) return i;
    if (rule == 1) return mirrored(i, n);
    if (rule == 2) return i % n < 0 ? i % n + n : i % n;
    return i < 0 ? 0 : n - 1;
}

// The colour of a picture at a place in pixels, mixed of the four about it; its edge continues.
__device__ inline float mixed(const float *plane, int width, int left, int top, int right, int bottom, float t,
                              float u) {
    const float *upper_row = plane + (long long)top * width, *lower_row = plane + (long long)bottom * width;
    float upper = fmaf(upper_row[right] - upper_row[left], t, upper_row[left]);
    float lower = fmaf(lower_row[right] - lower_row[left], t, lower_row[left]);
    return fmaf(lower - upper, u, upper);
}
__device__ inline Tuple_3fff read_at(const float *picture, int height, int width, float x, float y) {
    x = x > 0.0f ? x : 0.0f;
    y = y > 0.0f ? y : 0.0f;
    x = least(x, (float)(width - 1));
    y = least(y, (float)(height - 1));
    int left = (int)x, top = (int)y;
    int right = left + 1 < width ? left + 1 : width - 1, bottom = top + 1 < height ? top + 1 : height - 1;
    float t = x - (float)left, u = y - (float)top;
    const long long plane = (long long)height * width;
    return {mixed(picture, width, left, top, right, bottom, t, u),
            mixed(picture + plane, width, left, top, right, bottom, t, u),
            mixed(picture + 2 * plane, width, left, top, right, bottom, t, u)};
}
__device__ inline Tuple_3fff pixel_at(const float *picture, int height, int width, int x, int y) {
    const long long plane = (long long)height * width;
    const float *pixel = picture + (long long)(y < 0 ? 0 : y < height ? y : height - 1) * width;
    pixel += x < 0 ? 0 : x < width ? x : width - 1;
    return {pixel[0], pixel[plane], pixel[2 * plane]};
}

// The weighted sum of columns and rows of light from a pixel on: columns first, of each row. Of halves, columns of even
// numbers and of odd ones are summed by themselves.
__device__ inline float made_smaller(const float *pixel, int pitch, int taps, bool is_half, const float *down,
                                     const float *across) {
    float total = 0.0f;
    for (int r = 0; r < taps; r++, pixel += pitch) {
        float even = pixel[0] * across[0], odd = pixel[4] * across[1], sum = fmaf(pixel[4], across[1], even);
        for (int c = 2; c < taps; c += 2) {
            sum = fmaf(pixel[4 * c + 4], across[c + 1], fmaf(pixel[4 * c], across[c], sum));
            even = fmaf(pixel[4 * c], across[c], even);
            odd = fmaf(pixel[4 * c + 4], across[c + 1], odd);
        }
        if (is_half) sum = even + odd;
        total = r == 0 ? sum * down[0] : fmaf(sum, down[r], total);
    }
    return total;
}
// The weighted sum of rows and columns of light from a pixel on: rows first, then columns, of even numbers and of odd
// ones by themselves.
__device__ inline float summed_in_pairs(const float *pixel, int pitch, int rows, int columns, const float *down,
                                        const float *across) {
    float even = 0.0f, odd = 0.0f;
    for (int c = 0; c < columns; c++, pixel += 4) {
        float sum = pixel[0] * down[0];
        for (int r = 1; r < rows; r++) sum = fmaf(pixel[(long long)r * pitch], down[r], sum);
        if (c == 0) even = sum * across[0];
        else if (c == 1) odd = sum * across[1];
        else if (c & 1) odd = fmaf(sum, across[c], odd);
        else even = fmaf(sum, across[c], even);
    }
    return even + odd;
}

// How far two steps are across a place, the one that counts: its parts along x and y.
__device__ inline void stepped(float x, float y, float next_x, float next_y, float last_x, float last_y, float furthest,
                               float *found) {
    float ax = next_x - x, ay = next_y - y, bx = x - last_x, by = y - last_y;
    float a = ax * ax + ay * ay, b = bx * bx + by * by;
    bool ahead = (a <= b) != (most(a, b) <= furthest);
    found[0] = ahead ? ax : bx;
    found[1] = ahead ? ay : by;
}
__device__ inline float widened(float a, float b) {
    float wide = floorf(sqrtf(a * a + b * b) * (float)(64 / 1.03) + 0.5f) * (1.0f / 64.0f);
    return wide > 1.0f ? wide : 1.0f;
}
__device__ inline float resolved(float place, int size, int rule) {
    float rim = rule ? 0.5f : 0.0f, low = -rim, high = (float)(size - 1) + rim;
    place = floorf(place * 256.0f + 0.5f) * (1.0f / 256.0f);
    place = place > low ? place : low;
    return place < high ? place : high;
}

// The first pixel about a place on a level and the weights of four, or of eight where the filter is long.
__device__ inline int weighed(float place, float wide, int level, bool is_long, float *weights) {
    float scale = 1.0f / __int_as_float((level + 254) << 22), step = wide * scale;
    place = fmaf(place + 0.5f, scale, -0.5f);
    float whole = floorf(place);
    int start = (int)whole + 3;
    if (is_long) {
        float soft = softness_f(wide * scale * 0.5f), half = (place - whole) * 0.5f;
        Tuple_4ffff a = soft_cubic_ff(half + 0.5f, soft), b = soft_cubic_ff(half, soft);
        weights[0] = a._0 * 0.5f; weights[2] = a._1 * 0.5f; weights[4] = a._2 * 0.5f; weights[6] = a._3 * 0.5f;
        weights[1] = b._0 * 0.5f; weights[3] = b._1 * 0.5f; weights[5] = b._2 * 0.5f; weights[7] = b._3 * 0.5f;
        return start - 2;
    }
    float first = least(most(4.0f * step - 4.5f, 0.0f), 0.9f);
    Tuple_4ffff a = soft_cubic_ff(place - whole, level == 0 ? first : softness_f(step));
    weights[0] = a._0; weights[1] = a._1; weights[2] = a._2; weights[3] = a._3;
    return start;
}
__device__ inline int level_of(float x, int below) {
    return (int)(((long long)__float_as_int(x) + below) >> 22) - 254;
}
// Colours of light about a place, by steps in pixels along x and y.
__device__ inline void taken(const float *light, const int *levels, int count, float x, float y, float wide_x,
                             float wide_y, float *colour) {
    float shorter = least(wide_x, wide_y), longer = most(wide_x, wide_y), down[8], across[8];
    int own = level_of(shorter, 0), coarsest = level_of(shorter * 1.25f, 0);
    int wanted = level_of(longer * (float)(1 / 1.5), 0x3FFFFF), fewest = level_of(longer * (float)(1 / 3.0), 0x3FFFFF);
    bool is_long = wanted > coarsest || wanted > count - 1, is_high = is_long && wide_y > wide_x;
    bool is_wide = is_long && !is_high;
    int level = is_long ? fewest : wanted;
    level = level > own ? level : own;
    level = level < count - 1 ? level : count - 1;
    int left = weighed(x, wide_x, level, is_wide, across), top = weighed(y, wide_y, level, is_high, down);
    const int pitch = levels[4 * level + 3];
    const float *pixel = light + levels[4 * level + 2] + (long long)top * pitch + left * 4;
    for (int c = 0; c < 3; c++)
        colour[c] = summed_in_pairs(pixel + c, pitch, is_high ? 8 : 4, is_wide ? 8 : 4, down, across);
}
"""
_LIGHT = """\
const int row = inside(y - {pad}, height, {rule}), column = inside(x - {pad}, width, {rule});
const float *pixel = in{i} + (long long)f * 3 * height * width + (long long)row * width + column;
float *made = light{i} + (long long)f * room{i} + (long long)y * levels{i}[3] + x * 4;
for (int c = 0; c < 3; c++) made[c] = to_light_f(pixel[(long long)c * height * width]);
made[3] = 0.0f;
"""
_LEVEL = """\
const int *finer = levels{i} + 4 * (level > 2 ? level - 2 : 0), *about = levels{i} + 4 * level;
const int row = inside(y - {pad}, about[0], {rule}), column = inside(x - {pad}, about[1], {rule});
const float *light = light{i} + (long long)f * room{i};
float *made = light{i} + (long long)f * room{i} + about[2] + (long long)y * about[3] + x * 4;
if (level == 1) {{
    const float scale = (float)(1 / 1.5);
    float behind[6], before[6];
    const float a = cubic_f(2.25f * scale), b = cubic_f(1.25f * scale), c = cubic_f(0.25f * scale);
    const float d = cubic_f(0.75f * scale), e = cubic_f(1.75f * scale), g = cubic_f(2.75f * scale);
    const float one = 1.0f / (((((a + b) + c) + d) + e) + g);
    const float all[6] = {{a * one, b * one, c * one, d * one, e * one, g * one}};
    for (int k = 0; k < 6; k++) {{ behind[k] = all[k]; before[k] = all[5 - k]; }}
    const int top = 3 * (row >> 1) - 2 + (row & 1) + {pad}, left = 3 * (column >> 1) - 2 + (column & 1) + {pad};
    const float *pixel = light + finer[2] + (long long)top * finer[3] + left * 4;
    for (int k = 0; k < 4; k++)
        made[k] = made_smaller(pixel + k, finer[3], 6, false, row & 1 ? before : behind, column & 1 ? before : behind);
}} else {{
    float weights[8];
    for (int k = 0; k < 8; k++) weights[k] = cubic_f((float)k * 0.5f - 1.75f) * 0.5f;
    const float *pixel = light + finer[2] + (long long)(2 * row - 3 + {pad}) * finer[3] + (2 * column - 3 + {pad}) * 4;
    for (int k = 0; k < 4; k++) made[k] = made_smaller(pixel + k, finer[3], 8, true, weights, weights);
}}
"""
_FAR = """\
Tuple_3fff opened[{groups}], closed[{groups}];
const int row = height / 16 + y * step, column = x * 16;
const float *numbers = moves{i} + (long long)f * moments{i} * {columns};
const float *last = numbers + (long long)(moments{i} - 1) * {columns};
placed{i}(numbers, seeds, (unsigned int)(first + f), row, column, height, width, f, opened{beside});
placed{i}(last, seeds, (unsigned int)(first + f), row, column, height, width, f, closed{beside});
const float dx = closed[0]._0 - opened[0]._0, dy = closed[0]._1 - opened[0]._1;
far{i}[((long long)f * far_rows + y) * far_columns + x] = sqrtf(dx * dx + dy * dy);
"""
_SAMPLES = """\
float far = 0.0f;
for (int i = 0; i < count; i++) far = far + far{i}[(long long)f * count + i];
int samples = 1;
while (samples < {samples} && (float)samples * (float)count < far) samples *= 2;
samples{i}[f] = samples;
"""
_PLACES = """\
const int samples = moments{i} > 1 ? samples{i}[f] : 1, step = moments{i} > 1 ? (moments{i} - 1) / samples : 0;
if (sample >= samples) return;
const float *numbers = moves{i} + ((long long)f * moments{i} + step / 2 + sample * step) * {columns};
Tuple_3fff places[{groups}];
placed{i}(numbers, seeds, (unsigned int)(first + f), y - 1, x - 1, height, width, f, places{beside});
const long long plane = (long long)wider * higher;
for (int g = 0; g < {groups}; g++) {{
    float *made = places{i} + ((long long)f * {groups} + g) * 3 * plane + (long long)y * wider + x;
    made[0] = places[g]._0; made[plane] = places[g]._1; made[2 * plane] = places[g]._2;
}}
"""
_TAKE = """\
if (sample >= (moments{i} > 1 ? samples{i}[f] : 1)) return;
const int wider = width + 2;
const long long plane = (long long)wider * (height + 2);
const float leap = (float)height * 0.125f, furthest = leap * leap;
for (int g = 0; g < {groups}; g++) {{
    const float *xs = places{i} + ((long long)f * {groups} + g) * 3 * plane + (long long)(y + 1) * wider + x + 1;
    const float *ys = xs + plane;
    float across[2], down[2], colour[3];
    stepped(xs[0], ys[0], xs[1], ys[1], xs[-1], ys[-1], furthest, across);
    stepped(xs[0], ys[0], xs[wider], ys[wider], xs[-wider], ys[-wider], furthest, down);
    const float wide_x = widened(across[0], down[0]), wide_y = widened(across[1], down[1]);
    taken(light{i} + (long long)f * room{i}, levels{i}, count{i}, resolved(xs[0], width, {rule}),
          resolved(ys[0], height, {rule}), wide_x, wide_y, colour);
    for (int c = {first}; c <= {last}; c++) {{
        float *row = seen{i} + (((long long)f * 3 + c) * height + y) * width + x;
        *row = (sample == 0 ? 0.0f : *row) + colour[c] * ys[plane];
    }}
}}
"""


class Lensed:
    """The kernels of one picture that is read through lenses. ``value`` is the number of the record of its colours.

    Attributes
    ----------
    light, level, far, samples, places, take : Kernel
        In the order in which they are run: ``level`` for each smaller copy, ``far`` and ``samples`` where a shutter is
        open, ``places`` and ``take`` for each sample.
    columns : int
        How many numbers its lenses take.
    """

    def __init__(self, program: Program, value: int, sample: Sample, functions: Functions):
        records = program.records
        self.value, self.where, self.functions = value, cast(Lenses, sample.where), functions
        self.i = i = records[sample.source].picture
        self._beside = {number: records[number].picture for step in self.where.steps for number in step.pictures}
        self.groups = 3 if self.where.per_channel else 1
        self.common = [step.per_channel for step in self.where.steps].index(True) if self.where.per_channel else 0
        self.columns = sum(len(step.uniforms) for step in self.where.steps)
        for named in _SHARED.values():
            for name, taken in named:
                functions.get(name, taken)
        functions.type_of(COLOUR)
        looked_at = sorted(set(self._beside.values()))
        pictures = {f"in{picture}": "const float *" for picture in looked_at}
        self._given = "".join(f", {name}" for name in pictures)
        self._placed = self._function(looked_at)
        self.rule = RULES[self.where.steps[-1].edge]
        one = {"height": "int", "width": "int"}
        lit = {f"light{i}": "float *", f"room{i}": "int"}
        leveled = lit | {f"levels{i}": "const int *"}
        moved = {f"moves{i}": "const float *", f"moments{i}": "int"}
        moving = one | moved | {"seeds": "const unsigned int *", "first": "int"} | pictures
        sampled = moved | {f"samples{i}": "int *", "sample": "int"}
        self.light = self._kernel(
            "light", one | {f"in{i}": "const float *"} | leveled, (f"lit{i}_width", f"lit{i}_height"), _LIGHT
        )
        self.level = self._kernel("level", leveled | {"level": "int"}, ("level_width", "level_height"), _LEVEL)
        far = {f"far{i}": "float *"}
        self.far = self._kernel("far", moving | far | {"step": "int"}, ("far_columns", "far_rows"), _FAR)
        self.samples = self._kernel("samples", far | {f"samples{i}": "int *", "count": "int"}, (1, 1), _SAMPLES)
        placed = {f"places{i}": "float *"}
        self.places = self._kernel("places", moving | sampled | placed, ("wider", "higher"), _PLACES)
        taken = leveled | {f"count{i}": "int"} | sampled | placed | {f"seen{i}": "float *"}
        self.take = self._kernel("take", taken, ("width", "height"), _TAKE)
        self.kernels = [self.light, self.level, self.far, self.samples, self.places, self.take]

    def _kernel(self, name: str, arguments: dict[str, str], threads: tuple[int | str, int | str], body: str) -> Kernel:
        first, last = ("g", "g") if self.groups > 1 else ("0", "2")
        text = body.format(
            i=self.i, pad=PAD, rule=self.rule, groups=self.groups, columns=self.columns, beside=self._given,
            samples=SAMPLES, first=first, last=last,
        )  # fmt: skip
        functions = self._placed if name == "far" else ""  # the first that calls it
        return Kernel.of(f"{name}{self.i}", arguments, threads, text, functions)

    @staticmethod
    def texts(wanted: bool) -> dict[str, str]:
        """The functions of other modules that lenses need."""
        shared = _SHARED if wanted else {}
        return {name: function_of(module, name)[0] for module, named in shared.items() for name, _ in named}

    def write_colour(self, code: Writer, arguments: dict[str, str]) -> list[str]:
        """Write what the kernel of pixels needs; return the three colours of a pixel."""
        i = self.i
        arguments |= {f"seen{i}": "const float *", f"samples{i}": "const int *", f"moments{i}": "int"}
        code.add(f"const float share{i} = 1.0f / (float)(moments{i} > 1 ? samples{i}[f] : 1);")
        seen = f"seen{i}[((long long)f * 3 + {{}}) * plane + here]"
        return [f"to_display_f({seen.format(channel)} * share{i})" for channel in range(3)]

    def _function(self, looked_at: list[int]) -> str:
        """Return the function that fills for each group of channels a place, in pixels, and how much of it is seen."""
        code = Writer()
        code.add("const float wide = (float)width, high = (float)height, aspect = wide / high, part = 1.0f / high;")
        code.add("const float half_x = aspect * 0.5f, half_y = 0.5f;")
        code.add("const float offset_x = wide * 0.5f - 0.5f, offset_y = high * 0.5f - 0.5f;")
        code.add("float x = ((float)column - offset_x) * part, y = ((float)row - offset_y) * part, share = 1.0f;")
        steps = self.where.steps
        for k in range(self.common):
            self._write_step(code, k, steps[k])
        with code.block(f"for (int g = 0; g < {self.groups}; g++) {{"):
            if self.common:
                code.add("const float common_x = x, common_y = y, common_share = share;")
            elif self.groups > 1:
                code.add("x = ((float)column - offset_x) * part; y = ((float)row - offset_y) * part; share = 1.0f;")
            for k in range(self.common, len(steps)):
                self._write_step(code, k, steps[k])
            code.add("found[g]._0 = x * high + offset_x; found[g]._1 = y * high + offset_y; found[g]._2 = share;")
            if self.common:
                code.add("x = common_x; y = common_y; share = common_share;")
        code.add("}")
        pictures = "".join(f", const float *in{picture}" for picture in looked_at)
        lines = "".join(f"    {line}\n" for line in code.text.splitlines())
        return f"""\
__device__ inline void placed{self.i}(const float *numbers, const unsigned int *seeds, unsigned int frame, int row,
                               int column, int height, int width, int f, Tuple_3fff *found{pictures}) {{
{lines}}}"""

    def _write_step(self, code: Writer, k: int, step: LensStep) -> None:
        """Write what one lens makes of a place."""
        channel = "(float)g" if step.per_channel and self.groups > 1 else "1.0f"
        with code.block("{"):
            place = f"{{wide, high, aspect, {channel}, frame, seeds[{step.seed}]}}"
            code.add(f"const Place at = {place};")
            values = [Value("x", "f32"), Value("y", "f32")]
            for number in step.pictures:
                picture = f"in{self._beside[number]} + (long long)f * 3 * height * width, height, width"
                found = f"read_at({picture}, fmaf(x, high, offset_x), fmaf(y, high, offset_y))"
                if k == 0:  # the last lens of the film is asked for whole pixels
                    found = f"pixel_at({picture}, column, row)"
                values.append(Value(found, COLOUR))
            values.append(Value("at", PLACE))
            values += [Value(f"numbers[{step.column + n}]", "f32") for n in range(len(step.uniforms))]
            made = self.functions.get(step.code.name, [value.type for value in values])
            if made.type != ("f32", "f32"):
                raise Refused(f"{step.node} gives other places than two numbers of float32")
            call = f"{made.text}({', '.join(value.text for value in values)})"
            code.add(f"const {self.functions.type_of(made.type)} told = {call};", "x = told._0; y = told._1;")
            code.add("share = share + ((x - x) + (y - y));")
            if step.edge == "black":
                code.add("share = share * (seen_fff(x, half_x, high) * seen_fff(y, half_y, high));")
            rule = RULES[step.edge]
            code.add(f"x = beyond_fffl(x, half_x, high, {rule}); y = beyond_fffl(y, half_y, high, {rule});")
        code.add("}")
