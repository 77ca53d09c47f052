"""Looks from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from n2s.graph.declare import Cube, FilePath, Param, Pointwise, param, port, setting
from n2s.graph.shader import mix_light, read_cube
from n2s.graph.types import Frames
from n2s.nodes.cubefile import read_cube_file
from n2s.nodes.unreadable import unreadable


class Lut(Pointwise):
    """Give a picture the look of a .cube file, as grading programs export it.

    out = mix_light(rgb, cube(rgb), strength). Between the steps of the cube the colour is tetrahedral, and outside the
    file's DOMAIN_MIN..DOMAIN_MAX (LUT_3D_INPUT_RANGE in files of DaVinci Resolve) it is that of the edge. The file must
    be one for display values, BT.709 or sRGB.
    """

    frames: Frames = port("what is graded")
    path: FilePath = setting(help="the .cube file, relative to the graph's; a 3D table of 2 to 129 steps")
    strength: Param = param(1.0, ge=0, le=1, help="how much of the look, in light")

    neutral = {"strength": 0}
    example = {"path": "look.cube"}
    tables = {"cube": Cube()}

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return unreadable(lambda: read_cube_file(resolve(self.path)))

    def fill(self, scene: Any) -> dict[str, Any]:
        found = read_cube_file(scene.path(self.path))
        names = ("red", "green", "blue")
        gains = {f"{name}_gain": 1 / (high - low) for name, low, high in zip(names, found.low, found.high)}
        return {"cube": found.colours, **gains, **{f"{name}_low": low for name, low in zip(names, found.low)}}

    def pixel_code(self) -> str:
        return "whole_pixel" if getattr(self.strength, "value", None) == 1 else "pixel"

    @staticmethod
    def whole_pixel(rgb, at, cube, red_low, green_low, blue_low, red_gain, green_gain, blue_gain):
        # What `pixel` gives, bit by bit, where the strength is 1: without three roots.
        r, g, b = read_cube(
            cube,
            (rgb[0] - red_low) * red_gain,
            (rgb[1] - green_low) * green_gain,
            (rgb[2] - blue_low) * blue_gain,
        )
        return r, g, b

    @staticmethod
    def pixel(rgb, at, cube, strength, red_low, green_low, blue_low, red_gain, green_gain, blue_gain):
        r, g, b = read_cube(
            cube,
            (rgb[0] - red_low) * red_gain,
            (rgb[1] - green_low) * green_gain,
            (rgb[2] - blue_low) * blue_gain,
        )
        return mix_light(rgb[0], r, strength), mix_light(rgb[1], g, strength), mix_light(rgb[2], b, strength)
