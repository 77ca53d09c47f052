"""Signals: one number per film frame, made by hand or from other signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Param, Resident, param, port, setting
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.landmarks import Moment
from n2s.graph.time import Clock, outside
from n2s.graph.times import Point, check_rising, is_musical
from n2s.graph.types import Signal
from n2s.nodes.curves import between
from n2s.nodes.easing import EasingName


class Constant(Resident):
    """Give one number for the whole track."""

    value: float = setting(1.0, ge=-1e6, le=1e6, help="the number")

    rate = "any"
    outputs = SIGNAL_OUTPUT

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def compute(self, scene: Scene) -> np.ndarray:
        return np.full(scene.clock.frames, self.value)


class Value(Resident):
    """Give an expression a name, so that it is written once and read wherever it is needed."""

    value: Param = param(0.0, ge=-1e9, le=1e9, help="the expression")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    example = {"value": 0.5}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def around(self, clock: Clock) -> int:
        return 0

    def compute(self, scene: Scene, value: np.ndarray) -> np.ndarray:
        return value


class Keyframes(Resident):
    """Draw a curve through points in time; before the first and after the last one it is constant.

    ``linear`` joins the points by straight lines; ``smooth`` eases from each to the next, a + (b - a) * t² (3 - 2 t),
    so that a point moves only the two stretches beside it; ``hold`` keeps each value until the next point; ``spline``
    passes through the points without stopping at them; and easings like ``out_cubic`` go from each to the next.
    """

    points: list[Point] = setting(
        help="[[time, value], …] in order; a time is 10, 1:20.5, 8 bars, at drop; with more values more columns"
    )
    interpolate: Literal["hold", "spline", EasingName] = setting("smooth", help="the way between two points")

    rate = "any"
    outputs = SIGNAL_OUTPUT
    example = {"points": [[0, 0.0], [1.5, 1.0], [4, 0.25]]}

    @field_validator("points")
    @classmethod
    def _in_order(cls, points: list[list[float]]) -> list[list[float]]:
        if not points or any(len(point) < 2 or len(point) != len(points[0]) for point in points):
            raise ValueError("every point needs a time and the same number of values, like [[0, 0.2], [4, 1]]")
        if not all(
            abs(number) <= 1e6 for point in points for number in point if not isinstance(number, Number | Moment)
        ):
            raise ValueError("times and values lie within -1e6..1e6")
        times = [point[0] for point in points]
        # Beats, seconds and moments are compared when the music is known.
        for kind in (False, True):
            alike = [time for time in times if is_musical(time) is kind and not isinstance(time, Moment)]
            check_rising(alike, REFERENCE_CLOCK.place)
        return points

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        values = len(self.points[0]) - 1
        return values if values > 1 else 0

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        times = [clock.place(point[0]) for point in self.points]
        reach = 2 if self.interpolate == "spline" else 1  # points before one that it has an influence on
        for i, time in enumerate(times):
            if times[max(i - reach, 0)] >= clock.duration:
                return [(("points", i), outside(clock, "this point", time))]
        return []

    def compute(self, scene: Scene) -> np.ndarray:
        try:
            times = np.array(check_rising([point[0] for point in self.points], scene.clock.place), np.float64)
        except ValueError as error:
            raise GraphError(f"points: at {scene.clock.tempo:g} beats per minute, {error}") from None
        values = np.array([point[1:] for point in self.points], np.float64)
        now = scene.clock.times(0, scene.clock.frames)
        curve = between(scene.clock.on_frames(times), values, now, self.interpolate)
        return curve[:, 0] if values.shape[1] == 1 else curve


REFERENCE_CLOCK = Clock(Fraction(30), 1)


class EMA(Resident):
    """Smooth a signal by an exponential moving average: rise with one half-life, fall with another.

    y[k] = y[k-1] + (x[k] - y[k-1]) * (1 - 2 ** (-1 / (fps * h))), h = attack where x[k] > y[k-1], else release; y[0] =
    x[0]. A half-life of 0 follows at once. The recursion runs in float64 and forgets completely, because every signal
    is rounded to multiples of 2**-16.
    """

    signal: Signal = port("what is smoothed")
    half_life: MusicalTime = setting(
        0.2, ge=0, le=600, unit="s", help="how slowly it follows: the time in which half of a change is done"
    )
    attack: MusicalTime = setting(
        None,
        ge=0,
        le=600,
        unit="s",
        help="how slowly it follows a hit: the time in which half of a rise is done; default: half_life",
    )
    release: MusicalTime = setting(
        None,
        ge=0,
        le=600,
        unit="s",
        help="how slowly it fades after a hit: the time in which half of a fall is done; default: half_life",
    )

    rate = "any"
    outputs = SIGNAL_OUTPUT
    neutral = {"half_life": 0}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        rise, fall = (
            follow_rate(scene.clock.seconds(self.half_life if half_life is None else half_life), scene.clock.fps)
            for half_life in (self.attack, self.release)
        )
        columns = signal.astype(np.float64).reshape(len(signal), -1).T
        smooth = [follow(column.tolist(), rise, fall) for column in columns]
        return np.array(smooth).T.reshape(signal.shape)


def follow_rate(half_life: float, fps: float | Fraction) -> float:
    """Return by which part an average with half-life h (s) approaches its input per frame: 1 - 2**(-1 / (fps h))."""
    return 1.0 if half_life <= 0 else 1.0 - 2.0 ** (-1.0 / (float(fps) * half_life))


def follow(values: list[float], rise: float, fall: float) -> list[float]:
    """Run the average over plain floats; for such a recursion that is faster than numpy."""
    y = values[0]
    result = []
    for x in values:
        y += (x - y) * (rise if x > y else fall)
        result.append(y)
    return result


class Weights(Resident):
    """Turn a signal in 0..1 into weights of a row of things: at 0 the first has all the weight, at 1 the last.

    w[i] = max(0, 1 - |p - i|), p = signal * (count - 1), so that two neighbours share each moment and all sum to 1.
    With ``wrap`` the row is a circle, p = signal * count, and 1 is the first one again.
    """

    signal: Signal = port("where on the row, 0..1")
    count: int = setting(3, ge=1, le=64, help="how many things")
    wrap: bool = setting(False, help="close the row to a circle")

    rate = "any"
    outputs = SIGNAL_OUTPUT

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return self.count

    def wanted_columns(self) -> dict[str, tuple[int, str]]:
        return {"signal": (1, "a place on the row")}

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        if signal.ndim > 1 and signal.shape[1] > 1:  # as of a table without `columns`, which the check does not read
            raise GraphError(f"signal has {signal.shape[1]} columns, but 1 is wanted, a place on the row; name one.")
        x = signal.astype(np.float64).reshape(len(signal))
        places = np.arange(self.count)
        if self.wrap:
            apart = np.abs((x[:, None] * self.count - places + self.count / 2) % self.count - self.count / 2)
        else:
            apart = np.abs(np.clip(x, 0, 1)[:, None] * (self.count - 1) - places)
        return np.maximum(0.0, 1.0 - apart) if self.count > 1 else np.ones((len(x), 1))
