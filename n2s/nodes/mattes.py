"""Mattes: how much of a picture shows where."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from n2s.graph.declare import MATTE_OUTPUT, Node, Param, Pointwise, param, port, setting
from n2s.graph.shader import cos, length, luma, noise, sin, smoothstep
from n2s.graph.types import Frames, Matte

SAMPLES = 8  # of noise along the side of a cell
FINEST = 8  # how many times as small the cells of the last octave are as those of the first
MOST = 0.8  # of a picture's rows: with more of them to be enlarged, noise at each pixel is as quick
LEAST = np.float32(1e-4)  # the narrowest edge, far less than a pixel


class RadialMatte(Pointwise):
    """A soft disc.

    out = 1 - smoothstep(radius - softness / 2, radius + softness / 2, d), d the distance from the centre; all lengths
    are shares of the picture's height, so that the disc is round and alike at every size.
    """

    x: Param = param(0.0, ge=-4, le=4, unit="heights", help="its centre, to the right of the picture's")
    y: Param = param(0.0, ge=-4, le=4, unit="heights", help="its centre, below the picture's")
    radius: Param = param(0.35, ge=0, le=4, unit="heights", help="where it is half transparent")
    softness: Param = param(0.1, ge=0, le=4, unit="heights", help="how wide its edge is")

    outputs = MATTE_OUTPUT

    def prepare(self, x, y, radius, softness) -> dict[str, Any]:
        return {"x": x, "y": y, **_edge(radius, softness)}

    @staticmethod
    def pixel(at, x, y, low, high):
        across = (at.u - 0.5) * (at.width / at.height) - x
        down = at.v - 0.5 - y
        return 1 - smoothstep(low, high, length(across, down))


class LinearMatte(Pointwise):
    """A wipe: a straight soft edge that moves over the picture.

    out = 1 - smoothstep(-softness / 2, softness / 2, d), d the distance from the edge in heights. Position 0 hides
    everything and 1 shows everything, whatever the angle and the softness.
    """

    position: Param = param(0.5, ge=0, le=1, help="how far the edge has come")
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="where it moves to: 0 right, 90 down")
    softness: Param = param(0.1, ge=0, le=4, unit="heights", help="how wide the edge is")

    outputs = MATTE_OUTPUT

    def prepare(self, position, angle, softness) -> dict[str, Any]:
        turns = angle * np.float32(1 / 360)
        low = _edge(np.float32(0), softness)
        return {"position": position, "across": cos(turns), "down": sin(turns), **low}

    @staticmethod
    def pixel(at, position, across, down, low, high):
        aspect = at.width / at.height
        reach = (abs(across) * aspect + abs(down)) * 0.5 + high  # from the centre to where the last corner has changed
        place = (at.u - 0.5) * aspect * across + (at.v - 0.5) * down
        return 1 - smoothstep(low, high, place - (2 * position - 1) * reach)


class NoiseField(Pointwise):
    """The noise of `NoiseMatte` before its edge: 0.5 + 0.3 n, n the sum of its four octaves."""

    scale: Param = param(0.4, ge=0.001, le=8, unit="heights", help="how large the largest clouds are")
    phase: Param = param(0.0, ge=-1e5, le=1e5, help="how far they have changed; by 1 they are others")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other clouds")

    outputs = MATTE_OUTPUT

    def prepare(self, scale, phase) -> dict[str, Any]:
        return {"across": np.float32(1) / scale, "phase": phase}

    @staticmethod
    def pixel(at, across, phase):
        x = (at.u - 0.5) * (at.width / at.height) * across
        y = (at.v - 0.5) * across
        n = noise(x, y, phase, at.seed)
        x, y = 1.6 * x - 1.2 * y, 1.2 * x + 1.6 * y
        n = n + 0.5 * noise(x + 17.3, y + 5.7, 2 * phase + 0.31, at.seed)
        x, y = 1.6 * x - 1.2 * y, 1.2 * x + 1.6 * y
        n = n + 0.25 * noise(x + 41.9, y + 73.1, 3 * phase + 0.57, at.seed)
        x, y = 1.6 * x - 1.2 * y, 1.2 * x + 1.6 * y
        n = n + 0.125 * noise(x + 89.7, y + 31.3, 4 * phase + 0.83, at.seed)
        return 0.5 + 0.3 * n


class NoiseMatte(Pointwise):
    """Clouds: smooth noise in four octaves that moves as its phase grows.

    out = smoothstep(threshold - softness / 2, threshold + softness / 2, 0.5 + 0.6 n), n the sum of four octaves of
    `n2s.graph.shader.noise`, each half as large and half as strong as the one before, and turned against it, so that
    no lattice shows. Sizes are shares of the picture's height; what moves is time, `phase: = 0.2 * time`, so that the
    motion is alike at any frame rate.

    Noise is worked out eight times along the side of each of its smallest cells, and between these places by the cubic
    that enlarges pictures; where that would be more than there are pixels, at each pixel. The smallest ``scale`` of the
    track decides.
    """

    field: Matte = port("the noise, 0.5 + 0.3 n; made by the node", optional=True)
    scale: Param = param(0.4, ge=0.001, le=8, unit="heights", help="how large the largest clouds are")
    phase: Param = param(0.0, ge=-1e5, le=1e5, help="how far they have changed; by 1 they are others")
    threshold: Param = param(0.5, ge=0, le=1, help="what noise is half transparent: more, less is covered")
    softness: Param = param(0.4, ge=0, le=2, help="how wide the edge is; 1 shows all of the noise")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other clouds")

    outputs = MATTE_OUTPUT

    def brings(self, name: str) -> dict[str, Node]:
        """Return the node that makes the noise."""
        shared = {each: getattr(self, each) for each in ("scale", "phase", "seed")}
        return {} if self.field is not None else {f"{name}:field": NoiseField(**shared)}

    def input_size(self, size: tuple[int, int], /, *, scale: np.ndarray, **others: Any) -> tuple[int, int]:
        width, height = size
        rows = math.ceil(SAMPLES * FINEST / float(np.min(scale)))
        return (-(-width * rows // height), rows) if rows < height * MOST else size

    def prepare(self, scale, phase, threshold, softness) -> dict[str, Any]:
        return _edge(threshold, softness)

    @staticmethod
    def pixel(field, at, low, high):
        return smoothstep(low, high, 2 * field - 0.5)


class LumaMatte(Pointwise):
    """Show where a picture is bright.

    out = smoothstep(low, high, luma); with high below low, where it is dark.
    """

    frames: Frames = port("whose brightness counts")
    low: Param = param(0.2, ge=-1, le=2, help="the display value that is all transparent")
    high: Param = param(0.8, ge=-1, le=2, help="the display value that is not transparent at all")

    outputs = MATTE_OUTPUT

    def prepare(self, low, high) -> dict[str, Any]:
        apart = np.where(high < low, -LEAST, LEAST)
        return {"low": low, "high": np.where(np.abs(high - low) < LEAST, low + apart, high)}

    @staticmethod
    def pixel(rgb, at, low, high):
        return smoothstep(low, high, luma(rgb[0], rgb[1], rgb[2]))


class InvertMatte(Pointwise):
    """Show what was hidden: out = matte + (1 - 2 * matte) * amount."""

    matte: Matte = port("what is inverted")
    amount: Param = param(1.0, ge=0, le=1, help="how much; 0 leaves it as it is")

    outputs = MATTE_OUTPUT
    neutral = {"amount": 0}

    @staticmethod
    def pixel(matte, at, amount):
        return matte + (1 - matte - matte) * amount


class CombineMattes(Pointwise):
    """Make one matte of two: what both show, what one of them shows, what a shows without b, what one alone shows.

    both: a * b; either: a + b - a * b; without: a - a * b; one: a + b - 2 * a * b.
    """

    a: Matte = port("one matte")
    b: Matte = port("the other")
    how: Literal["both", "either", "without", "one"] = setting("both", help="what shows")

    outputs = MATTE_OUTPUT

    def prepare(self) -> dict[str, Any]:
        factors = {"both": (0, 0, 1), "either": (1, 1, -1), "without": (1, 0, -1), "one": (1, 1, -2)}[self.how]
        return dict(zip(("own", "other", "shared"), map(np.float32, factors)))

    @staticmethod
    def pixel(a, b, at, own, other, shared):
        return a * own + b * other + a * b * shared


def _edge(middle: np.ndarray | np.float32, softness: np.ndarray) -> dict[str, np.ndarray]:
    """Return where an edge begins and ends."""
    half = np.maximum(softness, LEAST) * np.float32(0.5)
    return {"low": middle - half, "high": middle + half}
