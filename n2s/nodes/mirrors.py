"""Lenses that show a picture several times: mirrors, kaleidoscopes, tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import atan2, cos, fma, fract, length, sin
from n2s.graph.types import Frames


class Mirror(Lens):
    """Show one side of a line on both.

    With n = (cos angle, sin angle), what lies behind the line n p = shift shows its mirror image before it: p shows
    p + 2 max(shift - n p, 0) n.
    """

    frames: Frames = port("what is mirrored")
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="where the side lies that is kept: 0 right")
    shift: Param = param(
        0.0, ge=-10, le=10, unit="heights", help="how far the line lies from the centre, towards the side that is kept"
    )

    def prepare(self, angle, shift) -> dict[str, Any]:
        turns = np.remainder(angle, 360) * np.float32(1 / 360)
        return {"across": cos(turns), "down": sin(turns), "shift": shift}

    @staticmethod
    def where(x, y, at, across, down, shift):
        behind = 2 * max(fma(-across, x, fma(-down, y, shift)), 0)
        return fma(behind, across, x), fma(behind, down, y)


class Kaleidoscope(Lens):
    """Repeat a wedge of the picture all around a point, each time beside its mirror image, so that nothing breaks.

    At the distance d and the angle a from c = (center_x, center_y), it shows what lies at the distance d / zoom and the
    angle turn + w / segments from c + (pan_x, pan_y); w goes from 0 to half a turn and back while a - spin goes over
    one segment. So ``turn``, ``zoom``, ``pan_x`` and ``pan_y`` move the picture behind the mirrors, by which figures
    grow out of each other, and ``spin`` turns the finished figure.
    """

    frames: Frames = port("what is mirrored")
    segments: Param = param(
        6.0, ge=1, le=100, help="how often the wedge and its mirror image are seen; the whole part counts"
    )
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="the direction in which the wedge begins")
    spin: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the figure is turned clockwise")
    zoom: Param = param(1.0, ge=0.02, le=50, help="how near the wedge comes; above 1 nearer")
    pan_x: Param = param(0.0, ge=-100, le=100, unit="heights", help="how far the tip of the wedge moved to the right")
    pan_y: Param = param(0.0, ge=-100, le=100, unit="heights", help="how far the tip of the wedge moved down")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="where the mirrors meet, from the centre right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="where the mirrors meet, from the centre down")

    def prepare(self, segments, turn, spin, zoom, pan_x, pan_y, center_x, center_y) -> dict[str, Any]:
        segments = np.floor(segments)
        return {
            "segments": segments, "part": 1 / segments, "turned": np.remainder(turn, 360) * np.float32(1 / 360),
            "spun": np.remainder(spin, 360) * np.float32(1 / 360), "far": 1 / zoom, "center_x": center_x,
            "center_y": center_y, "seen_x": center_x + pan_x, "seen_y": center_y + pan_y,
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, segments, part, turned, spun, far, center_x, center_y, seen_x, seen_y):
        dx, dy = x - center_x, y - center_y
        distance = length(dx, dy) * far
        fold = abs(fract(fma(atan2(dy, dx) - spun, segments, 0.5)) - 0.5)
        angle = fma(fold, part, turned)
        return fma(distance, cos(angle), seen_x), fma(distance, sin(angle), seen_y)


class Tile(Lens):
    """Cover the frame with small copies of the picture, in columns and rows, like tiles on a wall.

    Counted from the frame's left upper corner, (x, y) lies at u = columns (x / aspect + 1/2) - move_x and
    v = rows (y + 1/2) - move_y; in row j = floor(v) the tiles stand shift * j further to the right. The tile that lies
    there shows the whole picture; with ``mirrored`` every second one in each direction shows its mirror image, so that
    neighbours join. Moves and shifts are counted in tiles.
    """

    frames: Frames = port("what is on the tiles")
    columns: Param = param(3.0, ge=0.05, le=200, help="how many tiles fill the width")
    rows: Param = param(3.0, ge=0.05, le=200, help="how many tiles fill the height")
    shift: Param = param(0.0, ge=-1000, le=1000, unit="tiles", help="how far each row is shifted; 0.5 is a brick wall")
    move_x: Param = param(0.0, ge=-1e5, le=1e5, unit="tiles", help="how far all have moved to the right, without end")
    move_y: Param = param(0.0, ge=-1e5, le=1e5, unit="tiles", help="how far all have moved down, without end")
    mirrored: bool = setting(True, help="whether every second tile shows the mirror image")

    neutral = {"columns": 1, "rows": 1, "shift": 0, "move_x": 0, "move_y": 0, "shutter": 0}

    def prepare(self, columns, rows, shift, move_x, move_y) -> dict[str, Any]:
        # In tiles from the middle of the first one, whose centre shows the centre of the picture.
        return {
            "columns": columns, "rows": rows, "shift": shift,
            "left": (columns - 1) / 2 - move_x, "top": (rows - 1) / 2 - move_y,
            "turned_over": np.full_like(columns, 4 if self.mirrored else 0),
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, columns, rows, shift, left, top, turned_over):
        v = y * rows + top
        row = v + 0.5 - fract(v + 0.5)
        across = x * columns + (left - shift * row) * at.aspect
        u = across * (1 / at.aspect) + 0.5
        column = u - fract(u)
        # fract(n / 2) is 1/2 where n is odd: there the tile is turned over.
        over_x, over_y = 1 - turned_over * fract(column * 0.5), 1 - turned_over * fract(row * 0.5)
        return (across - column * at.aspect) * over_x, (v - row) * over_y
