"""A program in C++ for CUDA: one thread for each pixel, and a second kernel for what pixels of a store share.

Arithmetic is that of the rows for numba, in the same order, so that the bits are the same. A picture that is read
through lenses has kernels of its own before (`cuda_lenses`). What each kernel takes is listed with it by name, and
`cuda_run` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from n2s.runtime.render.kernels.cuda_kernel import Kernel
from n2s.runtime.render.kernels.cuda_lenses import LENS_PRELUDE, Lensed
from n2s.runtime.render.kernels.cuda_prelude import PRELUDE
from n2s.runtime.render.kernels.cuda_stores import STORES
from n2s.runtime.render.kernels.cuda_syntax import Functions
from n2s.runtime.render.kernels.cuda_tables import read_function
from n2s.runtime.render.kernels.cuda_types import AT, COLOUR, Refused, TableType, Value
from n2s.runtime.render.kernels.pixels import TABLE_READERS, helper_texts
from n2s.runtime.render.kernels.program import Enlarge, Filter, Fit, Full, Load, Pixel, Program, Sample
from n2s.runtime.render.kernels.strictness import unseen
from n2s.runtime.render.kernels.writer import Writer


@dataclass(frozen=True)
class CudaProgram:
    """The source of a program and its kernels: ``pixels``, ``finish`` if there is one, and those of lenses."""

    source: str
    pixels: Kernel
    finish: Kernel | None
    lenses: tuple[Lensed, ...]
    kept: int  # floats of each pixel that are kept from the one to the other

    @property
    def kernels(self) -> list[Kernel]:
        """All of them, in the order of the source."""
        made = [*(kernel for lensed in self.lenses for kernel in lensed.kernels), self.pixels]
        return [*made, self.finish] if self.finish else made


def cuda_program_of(program: Program) -> CudaProgram:
    """Return a program in C++.

    Raises
    ------
    CompileError
        When the code of a node cannot be translated.
    """
    return _Made(program).program()


class _Made:
    """A program as far as it is printed: its functions, and what the kernel of pixels takes."""

    def __init__(self, program: Program):
        self.given, self.store = program, STORES[program.store.layout.name](program)
        texts = helper_texts("luma", "to_light", "to_display", "hold_unit", "line_place", "cube_place", "tile_place")
        steps = [step for sample in program.lensed for step in sample.where.steps]
        for step in (*program.pixels, *steps):
            texts |= {name: text for name, text in step.code.helpers if name not in TABLE_READERS}
            texts[step.code.name] = step.code.text
        self.functions = Functions(texts | Lensed.texts(bool(steps)), read_function)
        for name, taken in (
            ("luma", COLOUR),
            ("to_light", ("f32",)),
            ("to_display", ("f32",)),
            ("hold_unit", ("f32",)),
        ):
            self.functions.get(name, taken)
        self.arguments: dict[str, str] = {
            "first": "int", "seeds": "const unsigned int *",
            "uniforms": "const float *", "columns": "int", "flag": "int *",
        }  # fmt: skip

    def program(self) -> CudaProgram:
        program = self.given
        lenses = [
            Lensed(program, number, record, self.functions)
            for number, record in enumerate(program.records)
            if isinstance(record, Sample) and record.gives_colours
        ]
        code = Writer()
        self._write_values(code, {lensed.value: lensed for lensed in lenses})
        self._write_look(code)
        self.arguments |= self.store.arguments
        self.store.write_pixel(code)
        pixels = Kernel.of("pixels", self.arguments, ("width", "height"), code.text)
        finish = self.store.finish()
        made = CudaProgram("", pixels, finish, tuple(lenses), self.store.kept)
        parts = [
            PRELUDE,
            self.functions.text,
            *([LENS_PRELUDE] if lenses else []),
            *(each.text for each in made.kernels),
        ]
        return replace(made, source="\n".join(part.strip("\n") + "\n" for part in parts))

    def _write_values(self, code: Writer, lenses: dict[int, Lensed]) -> None:
        """Write what gives the value of each record, ``value`` and its number."""
        code.add("const long long plane = (long long)height * width, here = (long long)y * width + x;")
        code.add("const float half_width = (float)width * 0.5f, half_height = (float)height * 0.5f;")
        code.add("const float reach = 1.0f / sqrtf(half_width * half_width + half_height * half_height);")
        code.add("const float dx = (float)x + 0.5f - half_width, dy = (float)y + 0.5f - half_height;")
        code.add("At at;", "at.x = (float)x; at.y = (float)y; at.width = (float)width; at.height = (float)height;")
        code.add("at.u = (at.x + 0.5f) / at.width; at.v = (at.y + 0.5f) / at.height;")
        code.add("at.radius = sqrtf(dx * dx + dy * dy) * reach;")
        code.add("at.row = (unsigned int)y; at.column = (unsigned int)x; at.frame = (unsigned int)(first + f);")
        for number in self.given.colours:
            record = self.given.records[number]
            match record:
                case Load():
                    self._argument(record.picture)
                    at = f"in{record.picture}[((long long)f * {record.channels} + {{}}) * plane + here]"
                    channels = [at.format(channel) for channel in range(record.channels)]
                    self._write_value(code, number, [f"rounded_half({c})" if record.half else c for c in channels])
                case Full():
                    self._write_value(code, number, ["1.0f"])
                case Sample():
                    self._write_value(code, number, lenses[number].write_colour(code, self.arguments))
                case Filter():
                    self._write_value(code, number, self._filter(code, number, record))
                case Enlarge():
                    picture = self._argument(self.given.records[record.source].picture)
                    half = "(long long)((height + 1) / 2) * ((width + 1) / 2)"
                    plane = f"in{picture} + ((long long)f * 3 + {{}}) * ({half})"
                    found = [f"enlarged({plane.format(channel)}, height, width, y, x)" for channel in range(3)]
                    self._write_value(code, number, found)
                case Pixel():
                    self._write_pixel(code, number, record)

    def _argument(self, picture: int) -> int:
        self.arguments[f"in{picture}"] = "const float *"
        return picture

    def _write_value(self, code: Writer, number: int, channels: list[str]) -> None:
        if self.given.channels(number) == 3:
            kind = self.functions.type_of(COLOUR)
            code.add(f"const {kind} value{number} = {kind}{{{', '.join(channels)}}};")
        elif self.given.is_held(number):
            code.add(f"const float raw{number} = {channels[0]}, value{number} = hold_unit_f(raw{number});")
        else:
            code.add(f"const float value{number} = {channels[0]};")

    def _filter(self, code: Writer, number: int, record: Filter) -> list[str]:
        """Write the sums over rows and columns of each channel."""
        sample = self.given.records[record.source]
        load = self.given.records[sample.source]
        i, rows, columns, fit = self._argument(load.picture), record.rows, record.columns, sample.where
        assert isinstance(fit, Fit)
        high, wide = fit.shape
        moved = fit.is_moved
        for name, kind in (("rows", "int"), ("row_weights", "float"), ("columns", "int"), ("column_weights", "float")):
            self.arguments[f"{name}{i}"] = f"const {kind} *"
        row, column = ("f * height + y", "f * width + x") if moved else ("y", "x")
        code.add(f"const int top{i} = rows{i}[{row}], left{i} = columns{i}[{column}];")
        code.add(f"const float *down{i} = row_weights{i} + (long long)({row}) * {rows};")
        code.add(f"const float *across{i} = column_weights{i} + (long long)({column}) * {columns};")
        before = f"{record.before}_f(x)" if record.before else "x"
        half = "x = rounded_half(x); " if load.half else ""
        self.functions.add(f"__device__ inline float light_{number}(float x) {{ {half}return {before}; }}")
        # The inner sum goes along one axis, the outer one along the other: count, step and weights of each.
        along = [(rows, wide, "down"), (columns, 1, "across")]
        (inner, step, near), (outer, stride, far) = reversed(along) if record.columns_first else along
        self.functions.add(
            f"""\
__device__ inline float filtered_{number}(const float *source, const float *down, const float *across) {{
    float total = 0.0f;
    for (int j = 0; j < {outer}; j++, source += {stride}) {{
        float sum = {near}[0] * light_{number}(source[0]);
        for (int i = 1; i < {inner}; i++) sum = sum + {near}[i] * light_{number}(source[(long long)i * {step}]);
        total = j == 0 ? {far}[0] * sum : total + {far}[j] * sum;
    }}
    return {f"{record.after}_f(total)" if record.after else "total"};
}}""",
        )
        found = []
        for channel in range(load.channels):
            source = f"in{i} + ((long long)f * {load.channels} + {channel}) * {high * wide}ll"
            found.append(f"filtered_{number}({source} + (long long)top{i} * {wide} + left{i}, down{i}, across{i})")
        return found

    def _write_pixel(self, code: Writer, number: int, pixel: Pixel) -> None:
        """Write the call of an author's code."""
        taken: list[Value] = [
            Value(f"value{source}", COLOUR if self.given.channels(source) == 3 else "f32") for source in pixel.pictures
        ]
        code.add(f"At at{number} = at;", f"at{number}.seed = seeds[{pixel.seed}];")
        taken.append(Value(f"at{number}", AT))
        numbers = {
            name: Value(f"uniforms[(long long)f * columns + {pixel.column + i}]", "f32")
            for i, name in enumerate(pixel.uniforms)
        }
        for i, (name, table) in enumerate(pixel.tables):
            n = pixel.table + i
            self.arguments |= {f"table{n}": "const float *", f"table{n}_apart": "int", f"table{n}_rows": "int"}
            self.arguments[f"table{n}_columns"] = "int"
            place = f"table{n} + (long long)f * table{n}_apart, table{n}_rows, table{n}_columns"
            code.add(f"const Table read{n} = {{{place}}};")
            numbers[name] = Value(f"read{n}", TableType(table.reader, getattr(table, "channels", 3)))
        names = [argument.arg for argument in self.functions.tree(pixel.code.name).args.args]
        taken += [numbers[name] for name in names[len(taken) :]]
        made = self.functions.get(pixel.code.name, [value.type for value in taken])
        if made.type != (COLOUR if pixel.channels == 3 else "f32"):
            raise Refused(f"{pixel.node} gives other numbers than float32")
        call = f"{made.text}({', '.join(value.text for value in taken)})"
        if pixel.channels == 3:
            code.add(f"const {self.functions.type_of(COLOUR)} value{number} = {call};")
        else:
            self._write_value(code, number, [call])

    def _write_look(self, code: Writer) -> None:
        """Write what raises the flag where NaN or infinity may be."""
        program = self.given
        stored = [(program.store.source, channel) for channel in range(program.store.layout.channels)]
        total = " + ".join(self._name(*seen) for seen in dict.fromkeys(stored + unseen(program)))
        code.add(f"if (is_not_finite({total})) *flag = 1;")

    def _name(self, number: int, channel: int) -> str:
        if self.given.channels(number) == 3:
            return f"value{number}._{channel}"
        return f"raw{number}" if self.given.is_held(number) else f"value{number}"
