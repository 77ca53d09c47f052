"""How numba reads a picture of half the size: each row is enlarged into a row buffer."""

from __future__ import annotations

from n2s.runtime.render.kernels.program import Load
from n2s.runtime.render.kernels.pyramid import TEXTS
from n2s.runtime.render.kernels.writer import Writer


class Enlarged:
    """A picture of half the size. ``value`` is the number of the record that gives its colours."""

    channels = 3
    helpers: tuple[str, ...] = ()
    texts = {"enlarge_row": TEXTS["enlarge_row"]}

    def __init__(self, load: Load, value: int):
        self.i, self.value = load.picture, value
        self.arguments = [f"in{self.i}"]

    @property
    def colour(self) -> list[str]:
        """The three colours of the pixel at x."""
        return [f"row{self.i}_{channel}[x]" for channel in range(3)]

    def write_start(self, code: Writer) -> None:
        i = self.i
        code.add(f"tall{i} = np.empty(in{i}.shape[3] + 2, np.float32)")
        code.add(f"row{i} = np.empty((3, 2 * in{i}.shape[3]), np.float32)")

    def write_frame(self, code: Writer) -> None:
        """Write nothing: each row of the picture is read where it is."""

    def write_row(self, code: Writer) -> None:
        i = self.i
        with code.block("for c in range(3):"):
            code.add(f"enlarge_row(in{i}[f, c], y, height & 1, width & 1, tall{i}, row{i}[c])")
        code.add(f"row{i}_0, row{i}_1, row{i}_2 = row{i}[0], row{i}[1], row{i}[2]")
