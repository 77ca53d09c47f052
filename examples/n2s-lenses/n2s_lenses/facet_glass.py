"""Glass of many faces."""

from __future__ import annotations

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import cos, fract, pixel_hash, sin, uniform
from n2s.graph.types import Frames


class FacetGlass(Lens):
    """Look through glass that is cut into diamonds, each of which shows what lies a little aside.

    Diamonds are counted along both diagonals, u = (x + y) / size and v = (x - y) / size. All of p that lies in the one
    with the whole numbers (floor u, floor v) shows p + reach d (cos a, sin a); d, within 0..1, and a are hashes of
    these numbers and the seed.
    """

    frames: Frames = port("what is behind the glass")
    reach: Param = param(0.05, ge=-10, le=10, unit="heights", help="how far aside a diamond shows at most")
    size: Param = param(0.14, ge=0.001, le=10, unit="heights", help="how large a diamond is, from corner to corner")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the directions have turned")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other directions")

    neutral = {"reach": 0, "shutter": 0}

    def prepare(self, reach, size, turn):
        return {"reach": reach, "often": 1 / size, "turns": turn / 360}

    @staticmethod
    def where(x, y, at, reach, often, turns):
        u, v = (x + y) * often, (x - y) * often
        row, column = u - fract(u) + 65536, v - fract(v) + 65536  # from 0 on, wherever another lens asks
        angle = uniform(pixel_hash(at.seed, 0, row, column)) + turns
        far = reach * uniform(pixel_hash(at.seed, 1, row, column))
        return x + far * cos(angle), y + far * sin(angle)
