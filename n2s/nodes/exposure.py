"""Automatic exposure, which knows what comes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, Node, Param, Pointwise, Resident, Seconds, param, port, setting
from n2s.graph.expressions import Number
from n2s.graph.links import Link
from n2s.graph.shader import exp2
from n2s.graph.time import Clock
from n2s.graph.types import Frames, Signal
from n2s.nodes.measures import STEPS, LightMeter

HALVINGS = 24  # of an interval of at most 16 stops: finer than a signal's step of 2**-16


class Exposure(Pointwise):
    """Expose a film so that its mean light keeps near a target, seconds ahead of every change.

    A `LightMeter` looks at one frame in each stretch of ``every`` seconds of what comes in. Its ``histogram`` is
    averaged over ``look`` seconds before and after each frame, so that beats and flashes count by their mean and move
    nothing. Of that, the gain in stops is worked out with which the mean light becomes target², held within
    -range..range, and averaged over as many seconds once more: where a scene changes, it begins to move before and ends
    after the change, and never moves faster than 2 range / look stops per second. Both averages weigh by
    1 + cos(pi t / look). The histogram has 32 steps, so that even the light of a flat picture is met within 5 %.

    Pixels are scaled by k = s / (1 + max(s - 1, 0) m), s = 2 ** (strength gain / 2), m their strongest colour held
    within 0..1. So dark pixels get all of the gain, and what is as bright as can be stays as it is: a brighter film
    burns no highlights. Hues do not change. What is black stays black; so it belongs before nodes that add contrast.

    With ``gain`` given, nothing is measured.
    """

    frames: Frames = port("what is exposed")
    target: float = setting(
        0.35, ge=0.02, le=0.9, keyed=False, help="how bright the picture is on average: 0.2 dim, 0.35 usual, 0.5 bright"
    )
    range: float = setting(
        2.0, ge=0, le=8, unit="stops", keyed=False, help="the most by which it brightens or darkens the picture"
    )
    look: Seconds = setting(
        3.0,
        ge=0.1,
        le=60,
        unit="s",
        keyed=False,
        help="how slowly brightness follows: it is averaged over this time before and after",
    )
    every: Seconds = setting(
        0.2, ge=0, le=10, unit="s", keyed=False, help="one frame in each stretch of this length is looked at"
    )
    strength: Param = param(1.0, ge=0, le=1, help="how much of the correction is used; 0 leaves the film as it is")
    gain: Param = param(
        0.0, ge=-8, le=8, unit="stops", help="by how much it brightens; worked out where it is left out"
    )

    neutral = {"strength": 0}

    def brings(self, name: str) -> dict[str, Node]:
        unused = isinstance(self.strength, Number) and self.strength.value == 0
        if unused or "gain" in self.model_fields_set:
            return {}
        meter = LightMeter(frames=self.frames, every=self.every)
        wanted = MeanLight(
            histogram=Link(f"{name}:meter", "histogram"), target=self.target, range=self.range, look=self.look
        )
        return {f"{name}:meter": meter, f"{name}:gain": wanted}

    def prepare(self, strength: np.ndarray, gain: np.ndarray) -> dict[str, Any]:
        scale = exp2(gain * strength * np.float32(0.5))
        return {"scale": scale, "shoulder": np.maximum(scale - np.float32(1), np.float32(0))}

    @staticmethod
    def pixel(rgb, at, scale, shoulder):
        strongest = min(max(rgb[0], rgb[1], rgb[2], 0), 1)
        k = scale / (1 + shoulder * strongest)
        return rgb[0] * k, rgb[1] * k, rgb[2] * k


class MeanLight(Resident):
    """Work out the gain, in stops, by which `Exposure` brings the mean light of a film to a target."""

    histogram: Signal = port("a LightMeter's histogram")
    target: float = setting(0.35, ge=0.02, le=0.9, help="the display value whose light is wanted")
    range: float = setting(
        2.0, ge=0, le=8, unit="stops", help="the most by which it brightens, and by which it darkens"
    )
    look: Seconds = setting(
        3.0,
        ge=0.1,
        le=60,
        unit="s",
        help="how slowly brightness follows: it is averaged over this time before and after",
    )

    outputs = SIGNAL_OUTPUT

    def reach(self, clock: Clock) -> float:
        """Return how many frames each of both averages looks to either side."""
        return clock.seconds(self.look) * float(clock.fps)

    def around(self, clock: Clock) -> int:
        return 2 * math.ceil(self.reach(clock))

    def compute(self, scene: Scene, histogram: np.ndarray) -> np.ndarray:
        reach = self.reach(scene.clock)
        histogram = averaged(histogram.astype(np.float64), reach)
        low, high = np.full(len(histogram), -float(self.range)), np.full(len(histogram), float(self.range))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            too_bright = mean_light(histogram, middle) > self.target**2
            low, high = np.where(too_bright, low, middle), np.where(too_bright, middle, high)
        return averaged((low + high) / 2, reach)


def mean_light(histogram: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Return the mean light, (T,), of frames that `Exposure` scales by so many stops, (T,), of histograms (T, 32)."""
    scale = np.exp2(stops / 2)[:, None]
    strongest = (np.arange(STEPS) + 0.5) / STEPS
    return (histogram * np.square(scale / (1 + np.maximum(scale - 1, 0) * strongest))).sum(axis=1)


def averaged(values: np.ndarray, reach: float) -> np.ndarray:
    """Return the means of (T, ...) over their first axis, weighed by 1 + cos(pi d / reach) at d rows from each.

    Beyond both ends there is nothing, and it has no weight.
    """
    count = len(values)
    total, weights = 2.0 * values, np.full((count, *[1] * (values.ndim - 1)), 2.0)
    for d in range(1, min(count, int(np.ceil(reach)))):
        weight = 1.0 + np.cos(np.pi * d / reach)
        for one, other in ((slice(d, None), slice(count - d)), (slice(count - d), slice(d, None))):
            total[one] += weight * values[other]
            weights[one] += weight
    return total / weights
