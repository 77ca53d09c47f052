"""The kernels of echoes: past frames join a total, one by one, and the light that small or moved ones are read from.

They are texts, compiled and kept like those of programs (`kept`). Past frames lie in the slots of a ring. Where they
stay in place, the frames of a block are made together, a piece of a row at a time: the same piece of each past frame is
turned into light once for all of them, and the totals stay in the processor's nearest memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from n2s.runtime.render.kernels.jit import INNER, KERNEL, decorator
from n2s.runtime.render.kernels.narrow import narrow_header, narrowed
from n2s.runtime.render.kernels.numba_rows import HEADER
from n2s.runtime.render.kernels.pixels import PixelCode, helper_texts
from n2s.runtime.render.kernels.writer import Writer

TILE = 256  # pixels of a row that are worked on at once
_AT = "At(at_x, at_y, at_u, at_v, f32(width), f32(height), radius, row, column, frame, seed)"

LIGHT = f'''
{decorator(KERNEL)}
def kernel(frames, scale, out):
    """Write the light of frames (B, 3, H, W) with a black border: as it is, or of half the size.

    Of half the size, a pixel of an even side is the mean of two, one of an odd side of three, (1 2 1) / 4, which keeps
    the picture in its place. Beyond the edge the edge continues.
    """
    count, _, height, width = frames.shape
    rows, columns = out.shape[2] - 2, out.shape[3] - 2
    out[:, :, 0], out[:, :, rows + 1], out[:, :, :, 0], out[:, :, :, columns + 1] = f32(0), f32(0), f32(0), f32(0)
    tall = np.empty(width + 2, f32)
    inner = tall[1:]
    for f in range(count):
        for c in range(3):
            picture = frames[f, c]
            for y in range(rows):
                line = out[f, c, y + 1, 1:]
                if scale == 1:
                    source = picture[y]
                    for x in range(width):
                        line[x] = to_light(source[x])
                    continue
                middle, lower = picture[2 * y], picture[min(2 * y + 1, height - 1)]
                if height & 1:
                    upper = picture[max(2 * y - 1, 0)]
                    for x in range(width):
                        outer = to_light(upper[x]) + to_light(lower[x])
                        inner[x] = outer * f32(0.25) + to_light(middle[x]) * f32(0.5)
                else:
                    for x in range(width):
                        inner[x] = (to_light(middle[x]) + to_light(lower[x])) * f32(0.5)
                if width & 1:
                    tall[0], tall[width + 1] = tall[1], tall[width]
                    for x in range(columns):
                        line[x] = (tall[2 * x] + tall[2 * x + 2]) * f32(0.25) + tall[2 * x + 1] * f32(0.5)
                else:
                    for x in range(columns):
                        line[x] = (inner[2 * x] + inner[2 * x + 1]) * f32(0.5)
'''


def light_source() -> str:
    """Return the text of the kernel (frames, scale, out) that turns frames into pictures of light."""
    return _module({}, LIGHT)


def still_source(step: PixelCode, step_names: Sequence[str], names: Sequence[str], is_light: bool) -> str:
    """Return the text of the kernel of an echo whose past frames stay in place.

    Its arguments: the number of the first frame and the seed; ``sources`` int64 (S,), the slots of the frames that are
    read, oldest first; ``turns`` int64 (S, B), which age each of them has for each frame that is made, -1 for none;
    ``ages`` float32 (K,); ``numbers`` float32 (B, K, N); ``slots`` float32 (slots, 3, H, W), of light with a border
    where ``is_light``; ``out`` float32 (B, 3, H, W).
    """
    code = Writer()
    edge = 1 if is_light else 0
    code.add(decorator(KERNEL))
    with code.block("def kernel(first, seed, sources, turns, ages, numbers, slots, out):"):
        _write_start(code)
        code.add(f"totals = np.empty((count, 3, {TILE}), f32)", f"light = np.empty((3, {TILE}), f32)")
        with code.block("for y in range(height):"):
            _write_row(code)
            with code.block(f"for begin in range(0, width, {TILE}):"):
                code.add(f"length = min(width - begin, {TILE})", "totals[:] = f32(0)")
                with code.block("for s in range(sources.size):"):
                    code.add("picture, lit = slots[sources[s]], False")
                    with code.block("for f in range(count):"):
                        code.add("k = turns[s, f]")
                        with code.block("if k < 0:"):
                            code.add("continue")
                        with code.block("if not lit:"):
                            code.add("lit = True")
                            with code.block("for c in range(3):"):
                                code.add(f"source, line = picture[c, y + {edge}, begin + {edge} :], light[c]")
                                with code.block("for x in range(length):"):
                                    code.add(f"line[x] = {'source[x]' if is_light else 'to_light(source[x])'}")
                        _write_numbers(code, names)
                        code.add("total_0, total_1, total_2 = totals[f, 0], totals[f, 1], totals[f, 2]")
                        code.add("light_0, light_1, light_2 = light[0], light[1], light[2]")
                        with code.block("for x in range(length):"):
                            _write_column(code, "begin + x")
                            colour = "(light_0[x], light_1[x], light_2[x])"
                            _write_step(code, step, colour, _numbers(step_names, names))
                with code.block("for f in range(count):"), code.block("for c in range(3):"):
                    code.add("source, line = totals[f, c], out[f, c, y, begin : begin + length]")
                    with code.block("for x in range(length):"):
                        code.add("line[x] = source[x]")
    return _module(_functions(step), code.text)


def moving_source(
    step: PixelCode, step_names: Sequence[str], where: PixelCode, where_names: Sequence[str], names: Sequence[str]
) -> str:
    """Return the text of the kernel of an echo whose past frames are read at other places.

    Its arguments: the number of the first frame and the seed; ``places`` int64 (B, K), the slot of each past frame, -1
    for none; ``ages``, ``numbers`` and ``out`` as those of `still_source`; ``slots`` float32 (slots, 3, H + 2, W + 2),
    light with a black border.
    """
    code = Writer()
    code.add(decorator(KERNEL))
    with code.block("def kernel(first, seed, places, ages, numbers, slots, out):"):
        _write_start(code)
        code.add("share, right, bottom = f32(1) / f32(height), f32(width + 1), f32(height + 1)")
        code.add("middle_x, middle_y = half_width + f32(0.5), half_height + f32(0.5)  # behind the border")
        code.add("totals, colours = np.empty((3, width), f32), np.empty((3, width), f32)")
        code.add("total_0, total_1, total_2 = totals[0], totals[1], totals[2]")
        code.add("colour_0, colour_1, colour_2 = colours[0], colours[1], colours[2]")
        code.add("index, stride = np.empty(width, np.uint64), np.uint64(width + 2)")
        code.add("shares = np.empty((2, width), f32)", "share_x, share_y = shares[0], shares[1]")
        code.add("flat = slots.reshape((slots.shape[0], 3, slots.shape[2] * slots.shape[3]))")
        with code.block("for f in range(count):"), code.block("for y in range(height):"):
            _write_row(code)
            code.add("totals[:] = f32(0)", "place_y = dy * share")
            with code.block("for k in range(ages.size - 1, -1, -1):"):
                with code.block("if places[f, k] < 0:"):
                    code.add("continue")
                _write_numbers(code, names)
                with code.block("for x in range(width):"):
                    _write_column(code, "x")
                    code.add(
                        f"from_x, from_y = {where.name}(dx * share, place_y, age, {_AT}{_numbers(where_names, names)})"
                    )
                    # Held within the border, whatever comes out: what compares with NaN goes to 0.
                    code.add("from_x = min(max(f32(0), from_x * f32(height) + middle_x), right)")
                    code.add("from_y = min(max(f32(0), from_y * f32(height) + middle_y), bottom)")
                    code.add("i, j = min(np.int32(from_x), np.int32(width)), min(np.int32(from_y), np.int32(height))")
                    code.add("share_x[x], share_y[x] = from_x - f32(i), from_y - f32(j)")
                    code.add("index[x] = np.uint64(j * np.int32(stride) + i)")
                with code.block("for c in range(3):"):
                    code.add("picture, colour = flat[places[f, k], c], colours[c]")
                    with code.block("for x in range(width):"):
                        code.add("i, low_x, low_y = index[x], share_x[x], share_y[x]")
                        code.add("a, b = picture[i], picture[i + np.uint64(1)]")
                        code.add("e, d = picture[i + stride], picture[i + stride + np.uint64(1)]")
                        code.add("upper, lower = a + (b - a) * low_x, e + (d - e) * low_x")
                        code.add("colour[x] = upper + (lower - upper) * low_y")
                with code.block("for x in range(width):"):
                    _write_column(code, "x")
                    _write_step(code, step, "(colour_0[x], colour_1[x], colour_2[x])", _numbers(step_names, names))
            with code.block("for c in range(3):"):
                code.add("source, line = totals[c], out[f, c, y]")
                with code.block("for x in range(width):"):
                    code.add("line[x] = source[x]")
    return _module(_functions(step) | _functions(where), code.text)


def _write_start(code: Writer) -> None:
    code.add("count, _, height, width = out.shape")
    code.add("half_width, half_height = f32(width) * f32(0.5), f32(height) * f32(0.5)")
    code.add("reach = f32(1) / np.sqrt(half_width * half_width + half_height * half_height)")


def _write_row(code: Writer) -> None:
    code.add("row = u32(y)", "at_y = f32(y)", "at_v = (at_y + f32(0.5)) / f32(height)")
    code.add("dy = at_y + f32(0.5) - half_height")


def _write_column(code: Writer, x: str) -> None:
    code.add(f"column = u32({x})", "at_x = f32(column)", "at_u = (at_x + f32(0.5)) / f32(width)")
    code.add("dx = at_x + f32(0.5) - half_width", "radius = np.sqrt(dx * dx + dy * dy) * reach")


def _write_numbers(code: Writer, names: Sequence[str]) -> None:
    """Write what does not change within a row: the age, the frame and the author's numbers."""
    code.add("age, frame = ages[k], u32(first + f)")
    code.add(*(f"number_{i} = numbers[f, k, {i}]" for i in range(len(names))))


def _numbers(taken: Sequence[str], names: Sequence[str]) -> str:
    """Return the numbers that a function takes, as its last arguments."""
    return "".join(f", number_{names.index(name)}" for name in taken)


def _write_step(code: Writer, step: PixelCode, colour: str, numbers: str) -> None:
    code.add(f"total = {step.name}((total_0[x], total_1[x], total_2[x]), {colour}, age, {_AT}{numbers})")
    code.add("total_0[x], total_1[x], total_2[x] = total")


def _functions(code: PixelCode) -> dict[str, str]:
    return dict(code.helpers) | {code.name: code.text}


def _module(functions: dict[str, str], kernel: str) -> str:
    texts = (helper_texts("to_light") | functions).values()
    compiled = [f"{decorator(INNER)}\n{narrowed(text)}" for text in texts]
    parts = [HEADER, narrow_header(texts), *compiled, kernel]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts if part)
