"""How kernels for CUDA store pixels, for each layout.

What several pixels share (chroma, halves) is made by a second kernel, ``finish``, of what the first one kept: a thread
that made its neighbours' colours itself would run the code of all nodes for them again.
"""

from __future__ import annotations

from n2s.runtime.render.kernels.cuda_kernel import Kernel
from n2s.runtime.render.kernels.cuda_types import literal
from n2s.runtime.render.kernels.program import Program
from n2s.runtime.render.kernels.writer import Writer


class Stored:
    """Writes what is done with the colour of each pixel, and the body of ``finish``.

    Attributes
    ----------
    arguments : dict of str to str
        What the kernel of pixels takes for it: the type in C of each name.
    kept : int
        How many floats of a pixel are kept for ``finish``, in planes.
    """

    kept = 0
    finish_threads: tuple[str, str] | None = None
    finish_text = ""

    def __init__(self, program: Program):
        self.layout, self.size, self.source = program.store.layout, program.size, program.store.source
        value = f"value{self.source}"
        self.colours = [f"{value}._{channel}" for channel in range(3)] if self.layout.channels == 3 else [value]
        self.number = {"float32": "float", "uint8": "unsigned char", "uint16": "unsigned short"}[
            self.layout.dtype.__name__
        ]
        self.scale = 1 << (self.layout.bits - 8) if self.layout.bits < 32 else 1

    @property
    def arguments(self) -> dict[str, str]:
        return {"out": f"{self.number} *"}

    def finish(self) -> Kernel | None:
        """Return the kernel that comes after that of pixels, if there is one."""
        if self.finish_threads is None:
            return None
        taken = {"height": "int", "width": "int"} | self.arguments
        return Kernel.of("finish", taken, self.finish_threads, self.finish_text)

    def write_pixel(self, code: Writer) -> None:
        """Write what is done with a pixel."""
        for channel, colour in enumerate(self.colours):
            code.add(f"out[((long long)f * {len(self.colours)} + {channel}) * plane + here] = {colour};")


class Halved(Stored):
    """Colours of half the size."""

    kept = 3
    finish_threads = ("half_width", "half_height")
    finish_text = """\
for (int c = 0; c < 3; c++) {
    const float *plane = kept + ((long long)f * 3 + c) * height * width;
    out[(((long long)f * 3 + c) * half_height + y) * half_width + x] = halved(plane, height, width, y, x);
}
"""

    def write_pixel(self, code: Writer) -> None:
        for channel, colour in enumerate(self.colours):
            code.add(f"kept[((long long)f * 3 + {channel}) * plane + here] = {colour};")

    @property
    def arguments(self) -> dict[str, str]:
        return super().arguments | {"kept": "float *"}


class Coded(Stored):
    """Codes of whole numbers, rounded by thresholds."""

    @property
    def arguments(self) -> dict[str, str]:
        return super().arguments | {"dither": "const float *", "dither_width": "int"}


class Rgb(Coded):
    def write_pixel(self, code: Writer) -> None:
        largest = f"{self.layout.largest}.0f"
        code.add("const float threshold = dither[(long long)(y & 63) * dither_width + x];")
        for channel, colour in enumerate(self.colours):
            made = f"least(held_within({colour}) * {largest} + threshold, {largest})"
            code.add(f"out[((long long)f * plane + here) * 3 + {channel}] = ({self.number})whole_i({made});")


class Yuv444(Coded):
    """BT.709 limited range, chroma in every pixel."""

    def write_luma(self, code: Writer, frame: str) -> None:
        """Write luma, and leave the differences of blue and red."""
        held = ", ".join(f"{name} = held_within({colour})" for name, colour in zip(("r", "g", "b"), self.colours))
        code.add(f"const float {held}, grey = luma_fff(r, g, b);")
        code.add("const float threshold = dither[(long long)(y & 63) * dither_width + x];")
        made = f"{16 * self.scale}.0f + {219 * self.scale}.0f * grey + threshold"
        code.add(f"out[(long long)f * ({frame}) + here] = ({self.number})whole_i({made});")

    def write_pixel(self, code: Writer) -> None:
        self.write_luma(code, "3 * plane")
        for plane, (colour, spread) in enumerate((("b", 1.8556), ("r", 1.5748)), 1):
            made = f"{128 * self.scale}.0f + {_gain(self.scale, spread, 1)} * ({colour} - grey) + threshold"
            code.add(f"out[((long long)f * 3 + {plane}) * plane + here] = ({self.number})whole_i({made});")


class Yuv420(Yuv444):
    """BT.709 limited range, chroma averaged over two rows and sited on the left column: (1 2 1) / 4 across."""

    kept = 2
    samples = 8
    finish_threads = ("half_width", "half_height")
    frame, rows = "plane + 2 * (long long)(height / 2) * (width / 2)", "(height / 2)"
    difference = "line[(2 * y) * width + at[i]] + line[(2 * y + 1) * width + at[i]]"

    @property
    def arguments(self) -> dict[str, str]:
        return super().arguments | {"kept": "float *"}

    def write_pixel(self, code: Writer) -> None:
        self.write_luma(code, self.frame)
        for plane, colour in enumerate(("b", "r")):
            code.add(f"kept[((long long)f * 2 + {plane}) * plane + here] = {colour} - grey;")

    @property
    def finish_text(self) -> str:
        return f"""\
const long long plane = (long long)height * width;
const int at[3] = {{2 * x > 0 ? 2 * x - 1 : 0, 2 * x, 2 * x + 1}};
const float threshold = dither[(long long)(y & 63) * dither_width + x];
for (int c = 0; c < 2; c++) {{
    const float *line = kept + ((long long)f * 2 + c) * plane;
    float sums[3];
    for (int i = 0; i < 3; i++) sums[i] = {self.difference};
    const float gain = c == 0 ? {_gain(self.scale, 1.8556, self.samples)} : {_gain(self.scale, 1.5748, self.samples)};
    const float value = sums[0] + 2.0f * sums[1] + sums[2];
    out[(long long)f * ({self.frame}) + plane + ((long long)c * {self.rows} + y) * (width / 2) + x] =
        ({self.number})whole_i({128 * self.scale}.0f + gain * value + threshold);
}}
"""


class Yuv422(Yuv420):
    """BT.709 limited range, chroma in every row, sited on the left column: (1 2 1) / 4 across."""

    samples = 4
    finish_threads = ("half_width", "height")
    frame, rows, difference = "plane + 2 * (long long)height * (width / 2)", "height", "line[y * width + at[i]]"


def _gain(scale: int, spread: float, samples: int) -> str:
    return literal(224 * scale / spread if samples == 1 else 224 * scale / spread / samples, "f32")


STORES = {"planar": Stored, "halved": Halved, "yuv420p": Yuv420, "yuv422p": Yuv422, "yuv444p": Yuv444, "rgb": Rgb}
