"""How rows that numba computes read pictures and mattes: where each pixel is, or filtered into a row buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from n2s.runtime.render.kernels.numba_enlarge import Enlarged
from n2s.runtime.render.kernels.numba_lenses import LensedRows, lens_of
from n2s.runtime.render.kernels.program import Enlarge, Filter, Load, Program, Sample
from n2s.runtime.render.kernels.writer import Writer


class Loaded:
    """A picture that is read where each pixel is. ``value`` is the number of the record that gives its colours."""

    helpers: tuple[str, ...] = ()  # of `n2s.graph.shader`
    texts: Mapping[str, str] = {}  # of other functions that it calls, by their names

    def __init__(self, load: Load, value: int):
        self.i, self.half, self.value, self.channels = load.picture, load.half, value, load.channels
        self.arguments = [f"in{self.i}"]

    @property
    def colour(self) -> list[str]:
        """The colours of the pixel at x, or the one number of a matte."""
        colours = [f"in{self.i}_{channel}[x]" for channel in range(self.channels)]
        return [f"round_half({colour})" for colour in colours] if self.half else colours

    def write_start(self, code: Writer) -> None:
        """Write what is done once."""

    def write_frame(self, code: Writer) -> None:
        """Write what is done before each frame."""

    def write_row(self, code: Writer) -> None:
        """Write what is done before each row."""
        self._write_planes(code, f"in{self.i}", [f"in{self.i}[f, {channel}, y]" for channel in range(self.channels)])

    def _write_planes(self, code: Writer, name: str, rows: Sequence[str]) -> None:
        code.add(f"{', '.join(f'{name}_{channel}' for channel in range(self.channels))} = {', '.join(rows)}")


class Filtered(Loaded):
    """A picture that is filtered about the places that a map tells."""

    def __init__(self, load: Load, filter_: Filter, value: int, is_moved: bool = False):
        super().__init__(load, value)
        self.filter, self.helpers = filter_, tuple(filter(None, (filter_.before, filter_.after)))
        self.tables = [f"{name}{self.i}" for name in ("rows", "row_weights", "columns", "column_weights")]
        self.is_moved = is_moved
        self.arguments += [f"moved_{table}" if is_moved else table for table in self.tables]

    @property
    def colour(self) -> list[str]:
        return [f"row{self.i}_{channel}[x]" for channel in range(self.channels)]

    def write_start(self, code: Writer) -> None:
        i = self.i
        if self.filter.columns_first:
            code.add(f"light{i} = np.empty(in{i}.shape[3], np.float32)")
            code.add(f"wide{i} = np.empty(({self.channels}, in{i}.shape[2], width), np.float32)")
        else:
            code.add(f"light{i} = np.empty(in{i}.shape[1:], np.float32)")
            code.add(f"wide{i} = np.empty(in{i}.shape[3], np.float32)")
        code.add(f"row{i} = np.empty(({self.channels}, width), np.float32)")

    def write_frame(self, code: Writer) -> None:
        """Turn the whole picture into light first, because its rows are read several times.

        Where columns come first, they are summed here, too.
        """
        if self.is_moved:
            code.add(*(f"{table} = moved_{table}[f]" for table in self.tables))
        first = self.filter.columns_first
        source = "round_half(source[x])" if self.half else "source[x]"
        if first:
            self._write_columns(code)
        with code.block(f"for c in range({self.channels}):"), code.block(f"for y in range(in{self.i}.shape[2]):"):
            code.add(f"source = in{self.i}[f, c, y]", f"light = light{self.i}{'' if first else '[c, y]'}")
            looks = first and self.channels == 1  # most rows of a matte may be empty, and the sums of those are 0
            code.add(*(["covered = np.int32(0)"] if looks else []))
            with code.block("for x in range(source.size):"):
                code.add(f"light[x] = {_called(self.filter.before, source)}")
                code.add(*(["covered |= f32(light[x]).view(np.int32)"] if looks else []))
            if first:
                code.add(f"wide = wide{self.i}[c, y]")
            if looks:
                with code.block("if covered == 0:"):
                    code.add("wide[:] = f32(0)")
                with code.block("else:"):
                    self._write_sum_of_columns(code, "wide[x]", "light", "")
            elif first:
                self._write_sum_of_columns(code, "wide[x]", "light", "")

    def write_row(self, code: Writer) -> None:
        """Sum over rows, then over columns if they are not. Taps are written out: their loop would not vectorise."""
        i, rows, first = self.i, range(self.filter.rows), self.filter.columns_first
        after = self.filter.after
        code.add(*(f"weight_{t} = row_weights{i}[y, {t}]" for t in rows))
        if not first:
            self._write_columns(code)
        with code.block(f"for c in range({self.channels}):"):
            total = " + ".join(f"weight_{t} * light_{t}[x]" for t in rows)
            code.add(f"wide, narrow = wide{i}{'[c, 0]' if first else ''}, row{i}[c]")
            code.add(*(f"light_{t} = {'wide' if first else 'light'}{i}[c, rows{i}[y] + {t}]" for t in rows))
            with code.block("for x in range(wide.size):"):
                code.add(f"{'narrow' if first else 'wide'}[x] = {_called(after if first else '', total)}")
            if not first:
                self._write_sum_of_columns(code, "narrow[x]", "wide", after)
        self._write_planes(code, f"row{i}", [f"row{i}[{channel}]" for channel in range(self.channels)])

    def _write_columns(self, code: Writer) -> None:
        code.add(*(f"weights_{t} = column_weights{self.i}[{t}]" for t in range(self.filter.columns)))

    def _write_sum_of_columns(self, code: Writer, target: str, line: str, after: str) -> None:
        with code.block("for x in range(width):"):
            code.add(f"k = columns{self.i}[x]")
            taps = range(self.filter.columns)
            total = " + ".join(f"weights_{t}[x] * {line}[k + np.uint64({t})]" for t in taps)
            code.add(f"{target} = {_called(after, total)}")


def _called(function: str, value: str) -> str:
    return f"{function}({value})" if function else value


def input_of(program: Program, number: int) -> Loaded | LensedRows | Enlarged:
    """Return how the picture of a load is read."""
    if lensed := lens_of(program, number):
        return lensed
    for value, record in enumerate(program.records):
        if isinstance(record, Enlarge) and record.source == number:
            return Enlarged(program.records[number], value)
    for sample, record in enumerate(program.records):
        if isinstance(record, Sample) and record.source == number:
            for value, filter_ in enumerate(program.records):
                if isinstance(filter_, Filter) and filter_.source == sample:
                    return Filtered(program.records[number], filter_, value, record.where.is_moved)
    return Loaded(program.records[number], number)
