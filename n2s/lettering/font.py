"""Fonts: the one that is shipped, and files of others, opened with HarfBuzz."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import MediaError
from n2s.lettering.raster import flatten

FOLDER = Path(__file__).parent / "fonts"
SHIPPED = {300: "Manrope-Light.ttf", 600: "Manrope-SemiBold.ttf"}  # by weight
NAMES = "Manrope (300 and 600)"
SOUND = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")  # how files begin whose outlines HarfBuzz reads
WEB = {b"wOFF": "WOFF", b"wOF2": "WOFF2"}
MOST_BYTES = 128 << 20
MOST_KNOWN = 4096  # glyphs in a size, whose edges are remembered
MISSING = "Text needs uharfbuzz, which is not installed. Cure: pip install uharfbuzz."


class FontError(MediaError):
    """A file that is no font that can be used."""


def shipped_font(weight: float) -> Path:
    """Return the file of the shipped font whose weight is nearest."""
    return FOLDER / SHIPPED[min(SHIPPED, key=lambda known: abs(known - weight))]


def shaper_version() -> str:
    """Return the version of what decides how glyphs are chosen, placed and drawn."""
    try:
        return version("uharfbuzz")
    except PackageNotFoundError:
        raise FontError(MISSING) from None


def harfbuzz() -> Any:
    """Return the module uharfbuzz, which is imported when text is first drawn or checked: its import takes time.

    Raises
    ------
    FontError
        When it is not installed.
    """
    try:
        import uharfbuzz  # only graphs with text need it
    except ImportError:
        raise FontError(MISSING) from None
    return uharfbuzz


@dataclass(frozen=True, eq=False)
class Font:
    """An open font. Lengths are in em: the size of the font is 1.

    Attributes
    ----------
    path : Path
    face : a font of uharfbuzz
        In units of the font.
    units : float
        Units in an em.
    cap : float
        How high capitals are.
    """

    path: Path
    face: Any
    units: float
    cap: float
    _outlines: dict[int, tuple[tuple[np.ndarray, ...], ...]] = field(default_factory=dict, repr=False)
    _reaches: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)
    _edges: dict[tuple[int, float], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f'"{self.path.stem}"'

    def outline(self, glyph: int) -> tuple[tuple[np.ndarray, ...], ...]:
        """Return the contours of a glyph: curves of 2, 3 or 4 points (x, y) in em, y up, each from the last's end."""
        if glyph not in self._outlines:
            self._outlines[glyph] = _draw(self.face, glyph, self.units)
        return self._outlines[glyph]

    def edges(self, glyph: int, scale: float) -> np.ndarray:
        """Return the edges of a glyph in pixels, (N, 4), y down; an em has ``scale``."""
        edges = self._edges.get((glyph, scale))
        if edges is None:
            if len(self._edges) >= MOST_KNOWN:
                self._edges.clear()
            edges = self._edges[glyph, scale] = flatten(self.outline(glyph), scale)
        return edges

    def reach(self, glyph: int) -> tuple[float, float]:
        """Return how far a glyph's outline, with the points that draw its curves, reaches above and below the line."""
        if glyph not in self._reaches:
            heights = [point[1] for contour in self.outline(glyph) for curve in contour for point in curve]
            self._reaches[glyph] = max([0.0, *heights]), max([0.0, *(-height for height in heights)])
        return self._reaches[glyph]


def open_font(path: Path, weight: float) -> Font:
    """Return a font file, opened; a variable one in a weight, as far as it has it.

    Raises
    ------
    FontError
        When the file is no font, or cannot be read.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise FontError(f"{path} cannot be read: {error.strerror}. Check the path.") from None
    return _opened(path, state.st_mtime_ns, state.st_size, float(weight))


@lru_cache(maxsize=16)
def _opened(path: Path, changed: int, size: int, weight: float) -> Font:
    if size > MOST_BYTES:
        raise FontError(f"{path} has {size >> 20} MiB; a font has at most {MOST_BYTES >> 20}.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FontError(f"{path} cannot be read: {error.strerror}. Check the path.") from None
    if kind := WEB.get(data[:4]):
        raise FontError(f"{path} is a web font ({kind}), which is packed. Name its .ttf or .otf.")
    if data[:4] not in SOUND:
        raise FontError(f"{path} is no font. Name a .ttf or .otf file.")
    hb = harfbuzz()
    face = hb.Face(hb.Blob(data))
    if not face.glyph_count or not len(face.unicodes):
        raise FontError(f"{path} is a damaged font: no character of it can be read. Get it again.")
    font = hb.Font(face)
    if any(axis.tag == "wght" for axis in face.axis_infos):
        font.set_variations({"wght": weight})
    cap = font.get_metric_position_with_fallback(hb.OTMetricsTag.CAP_HEIGHT)
    return Font(path, font, float(face.upem), cap / face.upem)


def _draw(font: Any, glyph: int, units: float) -> tuple[tuple[np.ndarray, ...], ...]:
    hb = harfbuzz()
    contours: list[list[np.ndarray]] = []
    here: list[tuple[float, float]] = []

    def curve(*points: float) -> None:
        given = list(zip(points[::2], points[1::2]))
        contours[-1].append(np.array([here[-1], *given], np.float64) / units)
        here.append(given[-1])

    def begin(x: float, y: float) -> None:
        contours.append([])
        here.append((x, y))

    functions = hb.DrawFuncs()
    functions.set_move_to_func(lambda x, y, _: begin(x, y))
    functions.set_line_to_func(lambda x, y, _: curve(x, y))
    functions.set_quadratic_to_func(lambda a, b, x, y, _: curve(a, b, x, y))
    functions.set_cubic_to_func(lambda a, b, c, d, x, y, _: curve(a, b, c, d, x, y))
    functions.set_close_path_func(lambda _: None)
    font.draw_glyph(glyph, functions, None)
    return tuple(tuple(contour) for contour in contours)
