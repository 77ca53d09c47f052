"""Signals from signals: other ranges and curves, gates, delays, choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Param, Resident, param, port, setting
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.types import Signal
from n2s.nodes.easing import EasingName, ease
from n2s.nodes.signals import follow, follow_rate

Columns = Mapping[str, int | None]


class Remap(Resident):
    """Bring a signal from one range to another, along an easing.

    y = to_low + (to_high - to_low) * e(t), t = (x - from_low) / (from_high - from_low) kept within 0..1, e the easing.
    A range may run backwards: to_low 1 and to_high 0 turn a signal over. Where signals drive from_low and from_high and
    these meet, t is 0 up to there and 1 above.
    """

    signal: Signal = port("what is brought to another range")
    from_low: Param = param(0.0, ge=-1e6, le=1e6, help="the value that becomes to_low")
    from_high: Param = param(1.0, ge=-1e6, le=1e6, help="the value that becomes to_high")
    to_low: Param = param(0.0, ge=-1e6, le=1e6, help="what comes out at from_low and beyond")
    to_high: Param = param(1.0, ge=-1e6, le=1e6, help="what comes out at from_high and beyond")
    ease: EasingName = setting("linear", help="the way in between")

    outputs = SIGNAL_OUTPUT
    rate = "any"

    @field_validator("from_high")
    @classmethod
    def _apart(cls, high: Any, info: Any) -> Any:
        low = info.data.get("from_low")
        if isinstance(low, Number) and low == high:
            raise ValueError("from_low is the same; a signal cannot be brought from there anywhere")
        return high

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(
        self,
        scene: Scene,
        signal: np.ndarray,
        from_low: np.ndarray,
        from_high: np.ndarray,
        to_low: np.ndarray,
        to_high: np.ndarray,
    ) -> np.ndarray:
        low, high, begin, end = (_beside(signal, value) for value in (from_low, from_high, to_low, to_high))
        width = high - low
        way = np.where(width != 0, (signal - low) / np.where(width != 0, width, 1), signal > low)
        return begin + (end - begin) * ease(self.ease, way)


LEAST = 1e-12  # a step below which no signal has a whole number of steps that float64 tells from the next


class Quantise(Resident):
    """Bring a signal to steps: y = round(x / step) * step, halves to the even one.

    A step of 0 leaves it as it is.
    """

    signal: Signal = port("what is brought to steps")
    step: Param = param(0.25, ge=0, le=1e6, help="the distance of two steps; 0 leaves it as it is")

    outputs = SIGNAL_OUTPUT
    rate = "any"

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray, step: np.ndarray) -> np.ndarray:
        step = _beside(signal, step)
        some = np.where(step > LEAST, step, 1)
        return np.where(step > LEAST, np.rint(signal / some) * step, signal)


def check_off(off: float | None, info: Any) -> float | None:
    """Refuse an ``off`` above ``on``; a validator of that setting."""
    on = info.data.get("on")
    if None not in (on, off) and off > on:
        raise ValueError(f"off is {off:g}, above on, which is {on:g}; it would be on and off at once")
    return off


class Threshold(Resident):
    """Say when a signal is high: 1 from where it rises above ``on``, until it falls below ``off``, else 0.

    With ``off`` below ``on`` it does not flutter on a signal that trembles about one of them (hysteresis). It stays at
    1 for at least ``hold``.
    """

    signal: Signal = port("what is looked at")
    on: float = setting(0.5, ge=-1e6, le=1e6, help="above it, it is on")
    off: float | None = setting(None, ge=-1e6, le=1e6, help="below it, it is off again; default: on")
    hold: MusicalTime = setting(0.0, ge=0, le=600, unit="s", help="how long it is on at least")

    outputs = SIGNAL_OUTPUT
    rate = "any"

    _below = field_validator("off")(check_off)
    felt_with = {"hold": {"signal": "= sin(40 * time)"}}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        return is_on(scene, signal, self.on, self.off, self.hold).astype(np.float64)


class Gate(Threshold):
    """Let a signal pass where it is high, and give 0 elsewhere: where a `Threshold` of the same settings is on."""

    felt_with = {"hold": {"signal": "= sin(40 * time)"}}

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        return np.where(is_on(scene, signal, self.on, self.off, self.hold), signal, 0)


def is_on(scene: Scene, signal: np.ndarray, on: float, off: float | None, hold: MusicalTime) -> np.ndarray:
    """Return where a signal (T,) or (T, K) is high, by a threshold with hysteresis, bool."""
    off = on if off is None else off
    least = round(scene.clock.seconds(hold) * float(scene.clock.fps))
    columns = signal.astype(np.float64).reshape(len(signal), -1).T
    found = []
    for column in columns.tolist():
        state, until, states = False, 0, []
        for i, value in enumerate(column):
            if not state and value > on:
                state, until = True, i + least
            elif state and value < off and i >= until or state and value <= on and off == on and i >= until:
                state = False
            states.append(state)
        found.append(states)
    return np.array(found).T.reshape(signal.shape)


class Relative(Resident):
    """Say how loud a signal is for its surroundings: over its own slow mean, 1 is usual, 2 is twice that.

    y = quick / slow: both are averages that follow x, the quick one with the half-lives ``rise`` and ``fall``, the slow
    one with ``slow``, which begins at the mean of the first seconds. Where the slow one is below a hundredth of the
    signal's largest value that hundredth takes its place, so silence gives 0. Milkdrop's ``bass_att`` is such a number;
    by its defaults 14 ms, 33 ms and 2.9 s.
    """

    signal: Signal = port("what is judged: a loudness, a band; not below 0")
    rise: MusicalTime = setting(
        0.014, ge=0, le=60, unit="s", help="how quickly it follows music that gets louder: half of the way in this time"
    )
    fall: MusicalTime = setting(
        0.033,
        ge=0,
        le=60,
        unit="s",
        help="how quickly it follows music that gets quieter: half of the way in this time",
    )
    slow: MusicalTime = setting(
        2.9,
        ge=0.001,
        le=3600,
        unit="s",
        help="how slowly it gets used to another loudness: half of the way in this time",
    )
    most: float = setting(4.0, gt=0, le=1e6, help="the largest value that comes out")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    felt_with = {"most": {"most": 1.5}}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        fps, seconds = scene.clock.fps, scene.clock.seconds
        rise, fall, slowly = (follow_rate(seconds(time), fps) for time in (self.rise, self.fall, self.slow))
        first = max(1, min(len(signal), round(seconds(self.slow) * float(fps))))
        found = []
        for column in np.maximum(signal.astype(np.float64).reshape(len(signal), -1), 0).T:
            quick = np.array(follow(column.tolist(), rise, fall))
            usual = np.array(follow([float(column[:first].mean()), *column.tolist()], slowly, slowly)[1:])
            least = 0.01 * float(column.max())
            usual = np.maximum(usual, least)
            found.append(np.minimum(quick / np.where(usual > 0, usual, 1), self.most))
        return np.array(found).T.reshape(signal.shape)


class Normalise(Resident):
    """Bring a signal to the same strength in every song: its harder strikes, or its louder moments, become 1.

    y = x * min(1 / p, most), p the percentile ``of`` of the values above 0, on straight lines between them. Each column
    is brought to 1 by itself; what is never above 0 stays as it is.
    """

    signal: Signal = port("what is made stronger or weaker")
    of: float = setting(
        80.0,
        gt=0,
        le=100,
        unit="%",
        help="the level that becomes 1: 95 is reached 5 % of the time, 100 only by the loudest moment",
    )
    most: float = setting(4.0, gt=0, le=1e6, help="how many times stronger it may become at most")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    felt_with = {"most": {"signal": "= 0.1 * ramp"}}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        return signal * np.array([self._gain(column) for column in signal.reshape(len(signal), -1).T]).reshape(
            signal.shape[1:]
        )

    def _gain(self, column: np.ndarray) -> float:
        above = column[column > 0].astype(np.float64)
        return 1.0 if not len(above) else min(1 / max(float(np.percentile(above, self.of)), 1 / self.most), self.most)


class Delay(Resident):
    """Move a signal in time: later, or with a negative time before what it is heard from.

    y(t) = x(t - time), along straight lines between frames; what is 0 but in single frames is moved by whole ones, so
    that attacks keep their height. Before the beginning stands the first value, and after the end the last.
    """

    signal: Signal = port("what is moved")
    time: MusicalTime = setting("1 beat", ge=-600, le=600, unit="s", help="how much later; negative for earlier")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    neutral = {"time": 0}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        later = scene.clock.seconds(self.time) * float(scene.clock.fps)
        place = np.arange(len(signal), dtype=np.float64)
        found = []
        for column in signal.astype(np.float64).reshape(len(signal), -1).T:
            around = np.pad(column, 1)
            single = (column != 0) & (around[:-2] == 0) & (around[2:] == 0) & (len(column) > 1)
            moved = np.interp(place - later, place, np.where(single, 0, column))
            at = np.flatnonzero(single)
            to = np.floor(at + later + 0.5).astype(np.int64)
            inside = (to >= 0) & (to < len(column))
            moved[to[inside]] += column[at[inside]]
            found.append(moved)
        return np.array(found).T.reshape(signal.shape)


class Select(Resident):
    """Choose one of up to four signals: at ``index`` 0 the first, at 1 the second; in between the nearer one.

    Where none is connected for an index the nearest one that is connected is chosen.
    """

    a: Signal = port("chosen at 0")
    b: Signal = port("chosen at 1")
    c: Signal = port("chosen at 2", optional=True)
    d: Signal = port("chosen at 3", optional=True)
    index: Param = param(0.0, ge=0, le=3, help="which one")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    same_columns = ("a", "b", "c", "d")
    felt_with = {"index": {"b": "= 1 - ramp", "a": "= 2 * ramp"}}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["a"]

    def compute(
        self,
        scene: Scene,
        a: np.ndarray,
        b: np.ndarray,
        index: np.ndarray,
        c: np.ndarray | None = None,
        d: np.ndarray | None = None,
    ) -> np.ndarray:
        given = {number: signal for number, signal in enumerate((a, b, c, d)) if signal is not None}
        _check_alike(list(given.values()))
        numbers = np.array(list(given))[::-1]  # of two that are equally near the later one is chosen
        which = np.argmin(np.abs(index.astype(np.float64)[:, None] - numbers), axis=1)
        return np.stack(list(given.values())[::-1])[which, np.arange(len(which))]


class Crossfade(Resident):
    """Go from one signal to another: a where ``amount`` is 0, b where it is 1.

    ``linear`` is a + (b - a) * amount; ``power`` a cos(q) + b sin(q), q = amount * pi / 2, which keeps the power of two
    signals that have nothing to do with each other.
    """

    a: Signal = port("what it is at 0")
    b: Signal = port("what it is at 1")
    amount: Param = param(0.5, ge=0, le=1, help="how far it has come")
    law: Literal["linear", "power"] = setting("linear", help="what is kept on the way: the value, or the power")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    same_columns = ("a", "b")
    felt_with = {"amount": {"b": "= 1 - ramp"}}

    def signal_columns(self, output: str, inputs: Columns) -> int | None:
        return inputs["a"]

    def compute(self, scene: Scene, a: np.ndarray, b: np.ndarray, amount: np.ndarray) -> np.ndarray:
        _check_alike([a, b])
        share = _beside(a, amount)
        if self.law == "linear":
            return a + (b.astype(np.float64) - a) * share
        quarter = share * np.pi / 2
        return a * np.where(share == 1, 0, np.cos(quarter)) + b * np.sin(quarter)  # the cosine is not quite 0 there


def _beside(signal: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return a parameter (T,) so that it goes with each column of a signal, float64."""
    value = value.astype(np.float64)
    return value if signal.ndim == 1 else value[:, None]


def _check_alike(signals: list[np.ndarray]) -> None:
    if len({signal.shape for signal in signals}) > 1:
        columns = ", ".join(str(signal.shape[1]) if signal.ndim > 1 else "1" for signal in signals)
        raise GraphError(f"the signals have {columns} columns; they must have as many each.")
