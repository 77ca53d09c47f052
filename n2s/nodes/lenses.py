"""Lenses that drive a picture on and break it: Milkdrop's field of motion, broken signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import cos, exp2, fma, fract, length, log2, pixel_hash, sin, uniform
from n2s.graph.types import Frames

FAR = 60.0  # halvings by which a place may be moved out


class Warp(Lens):
    """Move a picture by the field of motion of Milkdrop's presets: zoom, turn, stretch, shift and slow waves.

    p is divided by zoom ** (bend ** (2 d - 1)), d the distance from the centre, 0 there and 1 in the corners, so that a
    bend other than 1 zooms the middle otherwise than the edge; then by the stretches; then moved by four waves that
    drift, 0.0035 * waves high each; turned by ``turn`` and shifted. Behind Trails' past it makes a feedback. The field
    is that of Ryan Geiss' Milkdrop as butterchurn documents it, in this library's units.
    """

    frames: Frames = port("what moves")
    zoom: Param = param(1.02, ge=0.05, le=20, help="how much nearer it comes; Milkdrop's presets stay near 1")
    bend: Param = param(1.0, ge=0.01, le=100, help="above 1 the edge zooms more than the middle")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far it turns, clockwise")
    waves: Param = param(1.0, ge=0, le=100, help="height of the waves")
    size: Param = param(1.0, ge=0.01, le=100, help="their length")
    drift: Param = param(0.0, ge=-1e5, le=1e5, unit="s", help="their time: = time lets them drift as in Milkdrop")
    stretch_x: Param = param(1.0, ge=0.01, le=100, help="wider above 1")
    stretch_y: Param = param(1.0, ge=0.01, le=100, help="higher above 1")
    shift_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="shows what lies to the right")
    shift_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="shows what lies below")

    neutral = {
        "zoom": 1, "turn": 0, "waves": 0, "stretch_x": 1, "stretch_y": 1, "shift_x": 0, "shift_y": 0, "shutter": 0,
    }  # fmt: skip

    def prepare(
        self, zoom, bend, turn, waves, size, drift, stretch_x, stretch_y, shift_x, shift_y
    ) -> dict[str, Any]:  # fmt: skip
        turns = np.remainder(turn, 360) * np.float32(1 / 360)
        time = drift.astype(np.float64)
        # How often Milkdrop's four waves turn across half a picture, which slowly changes, and how fast they drift.
        turns_of = [11.68 + 4 * np.cos(time * 1.413 + 10), 8.77 + 3 * np.cos(time * 1.113 + 7),
                   10.54 + 3 * np.cos(time * 1.233 + 3), 11.49 + 4 * np.cos(time * 0.933 + 5)]  # fmt: skip
        phases = [time * rate / (2 * np.pi) for rate in (0.333, 0.375, 0.753, 0.825)]
        scale = 2 * np.pi * size.astype(np.float64)
        made = {f"often_{i}": (often / scale).astype(np.float32) for i, often in enumerate(turns_of)}
        made |= {f"phase_{i}": np.remainder(phase, 1).astype(np.float32) for i, phase in enumerate(phases)}
        return made | {
            "power": log2(zoom), "bent": log2(bend), "cosine": cos(turns) - 1, "sine": sin(turns),
            "high": waves * np.float32(0.0035), "narrow": 1 / stretch_x - 1, "low": 1 / stretch_y - 1,
            "shift_x": shift_x, "shift_y": shift_y,
        }  # fmt: skip

    @staticmethod
    def where(
        x, y, at, power, bent, cosine, sine, high, narrow, low, shift_x, shift_y,
        often_0, often_1, often_2, often_3, phase_0, phase_1, phase_2, phase_3,
    ):  # fmt: skip
        distance = length(x, y) / (length(1, at.aspect) * 0.5)
        # Beyond 2 ** FAR what follows would leave float32.
        near = exp2(min(-(power * exp2(bent * fma(2, distance, -1))), FAR)) - 1
        u, v = fma(x, near, x), fma(y, near, y)
        u, v = fma(u, narrow, u), fma(v, low, v)
        # Milkdrop counts from -1 to 1.
        a, b = 2 * x, 2 * y
        u = fma(high, sin(fma(a, often_0, fma(-b, often_3, phase_0))), u)
        v = fma(high, cos(fma(-a, often_2, fma(-b, often_1, phase_1))), v)
        u = fma(high, cos(fma(-a, often_1, fma(b, often_2, phase_2))), u)
        v = fma(high, sin(fma(a, often_0, fma(b, often_3, phase_3))), v)
        return u + fma(u, cosine, v * sine) + shift_x, v + fma(v, cosine, -(u * sine)) + shift_y


class Glitch(Lens):
    """Break a picture as a bad signal does: bands of lines jump aside, other ones for each pattern.

    The frame is cut into ``bands`` of equal height. In a pattern, which the whole part of ``pattern`` chooses, a band
    jumps where its hash lies below ``amount``, by up to ``reach`` to either side, as another hash says; its lines stay
    straight.
    """

    frames: Frames = port("what is broken")
    amount: Param = param(0.3, ge=0, le=1, help="how many bands jump")
    reach: Param = param(0.12, ge=-10, le=10, unit="heights", help="how far they jump at most")
    bands: Param = param(24.0, ge=1, le=2000, help="how many bands the frame has")
    pattern: Param = param(0.0, ge=-1e6, le=1e6, help="its whole part chooses the jumps: = 4 * beat")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other jumps")

    neutral = {"amount": 0, "shutter": 0}

    def prepare(self, amount, reach, bands, pattern) -> dict[str, Any]:
        return {"amount": amount, "reach": reach, "bands": bands, "step": np.floor(pattern) + np.float32(1 << 20)}

    @staticmethod
    def where(x, y, at, amount, reach, bands, step):
        row = (y + 0.5) * bands
        band = row - fract(row) + 65536  # from 0 on, wherever another lens asks
        jumps = uniform(pixel_hash(at.seed, step, band, 0)) < amount
        aside = uniform(pixel_hash(at.seed, step, band, 1)) * 2 - 1
        return x + jumps * aside * reach, y
