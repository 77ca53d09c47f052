"""How rows that numba computes are stored, for each layout."""

from __future__ import annotations

from collections.abc import Mapping

from n2s.runtime.render.kernels.program import Program
from n2s.runtime.render.kernels.pyramid import TEXTS
from n2s.runtime.render.kernels.writer import Writer


class StoreRows:
    """Writes what is done with the colours of each pixel: once, before each row, for each pixel, after each row."""

    helpers: tuple[str, ...] = ()  # of `n2s.graph.shader`
    texts: Mapping[str, str] = {}  # of other functions that it calls, by their names

    def __init__(self, program: Program):
        self.layout, value = program.store.layout, f"value{program.store.source}"
        self.colours = [f"{value}[{channel}]" for channel in range(3)] if self.layout.channels == 3 else [value]

    def write_start(self, code: Writer) -> None:
        """Write what is done once."""

    def write_row(self, code: Writer) -> None:
        """Write what is done before each row."""

    def write_pixel(self, code: Writer) -> None:
        """Write what is done for each pixel."""

    def write_row_end(self, code: Writer) -> None:
        """Write what is done after each row."""

    @property
    def held(self) -> list[str]:
        """The colours, held within 0..1."""
        return [f"min(max({colour}, f32(0)), f32(1))" for colour in self.colours]


class Planar(StoreRows):
    """Colours as they were computed."""

    def write_row(self, code: Writer) -> None:
        channels = range(self.layout.channels)
        rows = (f"out[f, {channel}, y]" for channel in channels)
        code.add(f"{', '.join(f'out_{channel}' for channel in channels)} = {', '.join(rows)}")

    def write_pixel(self, code: Writer) -> None:
        code.add(*(f"out_{channel}[x] = {colour}" for channel, colour in enumerate(self.colours)))


class Halved(StoreRows):
    """Colours of half the size: the last rows stay in a ring, and are halved as soon as all of a half row's are there.

    Six rows make one, and two more are kept for the last ones, which come together.
    """

    texts = {name: TEXTS[name] for name in ("mirrored", "halve_rows")}

    def write_start(self, code: Writer) -> None:
        code.add("ring, tall = np.empty((3, 8, width), np.float32), np.empty(width + 5, np.float32)", "half_y = 0")

    def write_row(self, code: Writer) -> None:
        code.add("ring_0, ring_1, ring_2 = ring[0, y & 7], ring[1, y & 7], ring[2, y & 7]")
        with code.block("if y == 0:"):
            code.add("half_y = 0")

    def write_pixel(self, code: Writer) -> None:
        code.add(*(f"ring_{channel}[x] = {colour}" for channel, colour in enumerate(self.colours)))

    def write_row_end(self, code: Writer) -> None:
        with code.block("while half_y < out.shape[2] and min(2 * half_y + 3, height - 1) <= y:"):
            places = [f"mirrored(2 * half_y + {i}, height)" for i in range(-2, 4)]
            with code.block("for c in range(3):"):
                rows = ", ".join(f"ring[c, {place} & 7]" for place in places)
                code.add(f"halve_rows({rows}, height & 1, width & 1, tall, out[f, c, half_y])")
            code.add("half_y += 1")


class Rgb(StoreRows):
    """Interleaved codes, held within the largest, because float32 may round the sum up to one above it.

    The loop over pixels writes three rows, which are interleaved after it: with steps of three it would not vectorise.
    """

    def write_start(self, code: Writer) -> None:
        code.add("codes = np.empty((3, width), np.int32)", "codes_0, codes_1, codes_2 = codes[0], codes[1], codes[2]")

    def write_row(self, code: Writer) -> None:
        code.add("out_row, thresholds = out[f, y], dither[y & 63]")

    def write_pixel(self, code: Writer) -> None:
        largest = f"f32({self.layout.largest})"
        for channel, value in enumerate(self.held):
            code.add(f"codes_{channel}[x] = np.int32(min({value} * {largest} + thresholds[x], {largest}))")

    def write_row_end(self, code: Writer) -> None:
        with code.block("for x in range(width):"):
            code.add(*(f"out_row[x, {channel}] = codes_{channel}[x]" for channel in range(3)))


class Yuv420(StoreRows):
    """BT.709 limited range, chroma averaged over two rows and sited on the left column: (1 2 1) / 4 across.

    Luma leaves the loop over pixels as codes; the colour differences of two rows are summed in ``chroma``, and filtered
    when the second row is done.
    """

    helpers = ("luma",)

    def __init__(self, program: Program):
        super().__init__(program)
        self.scale = 1 << (self.layout.bits - 8)

    def write_start(self, code: Writer) -> None:
        code.add("chroma = np.zeros((2, width + 1), np.float32)")

    def write_row(self, code: Writer) -> None:
        code.add("luma_row, thresholds = out[f, y * width : (y + 1) * width], dither[y & 63]")
        code.add("second, blue_row, red_row = f32(y & 1), chroma[0, 1:], chroma[1, 1:]")

    def write_pixel(self, code: Writer) -> None:
        scale = self.scale
        code.add(f"red, green, blue = {', '.join(self.held)}", "grey = luma(red, green, blue)")
        code.add(f"luma_row[x] = np.int32(f32({16 * scale}) + f32({219 * scale}) * grey + thresholds[x])")
        code.add(
            "blue_row[x] = blue_row[x] * second + (blue - grey)", "red_row[x] = red_row[x] * second + (red - grey)"
        )

    def write_row_end(self, code: Writer) -> None:
        with code.block("if y & 1:"):
            self._write_chroma(code, "y // 2", "(height // 2)", samples=8)

    def _write_chroma(self, code: Writer, row: str, rows: str, samples: int) -> None:
        """Write a row of both planes of chroma out of what was summed: ``samples`` is the sum of the weights."""
        blue, red = (f"f32({224 * self.scale / spread / samples!r})" for spread in (1.8556, 1.5748))
        code.add("half = width // 2", f"start = width * height + ({row}) * half", f"thresholds = dither[({row}) & 63]")
        with code.block("for plane in range(2):"):
            code.add("line = chroma[plane]", "line[0] = line[1]", f"gain = {blue} if plane == 0 else {red}")
            code.add(f"at = start + plane * half * {rows}", "plane_row = out[f, at : at + half]")
            with code.block("for k in range(half):"):
                code.add("value = line[2 * k] + f32(2) * line[2 * k + 1] + line[2 * k + 2]")
                code.add(f"plane_row[k] = np.int32(f32({128 * self.scale}) + gain * value + thresholds[k])")


class Yuv422(Yuv420):
    """BT.709 limited range, chroma in every row, sited on the left column: (1 2 1) / 4 across."""

    def write_row(self, code: Writer) -> None:
        code.add("luma_row, thresholds = out[f, y * width : (y + 1) * width], dither[y & 63]")
        code.add("second, blue_row, red_row = f32(0), chroma[0, 1:], chroma[1, 1:]")

    def write_row_end(self, code: Writer) -> None:
        self._write_chroma(code, "y", "height", samples=4)


class Yuv444(Yuv420):
    """BT.709 limited range, chroma in every pixel."""

    def write_start(self, code: Writer) -> None:
        """Write nothing: no chroma is gathered."""

    def write_row(self, code: Writer) -> None:
        planes = ", ".join(f"out[f, {k} * width * height + y * width : {k} * width * height + (y + 1) * width]"
                           for k in range(3))  # fmt: skip
        code.add(f"luma_row, blue_row, red_row = {planes}", "thresholds = dither[y & 63]")

    def write_pixel(self, code: Writer) -> None:
        scale = self.scale
        blue, red = (f"f32({224 * scale / spread!r})" for spread in (1.8556, 1.5748))
        middle = f"f32({128 * scale})"
        code.add(f"red, green, blue = {', '.join(self.held)}", "grey = luma(red, green, blue)")
        code.add(f"luma_row[x] = np.int32(f32({16 * scale}) + f32({219 * scale}) * grey + thresholds[x])")
        code.add(f"blue_row[x] = np.int32({middle} + {blue} * (blue - grey) + thresholds[x])")
        code.add(f"red_row[x] = np.int32({middle} + {red} * (red - grey) + thresholds[x])")

    def write_row_end(self, code: Writer) -> None:
        """Write nothing: each pixel has its own codes."""


STORES = {"planar": Planar, "halved": Halved, "yuv420p": Yuv420, "yuv422p": Yuv422, "yuv444p": Yuv444, "rgb": Rgb}
