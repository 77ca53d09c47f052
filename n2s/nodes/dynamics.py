"""Signals that move by themselves when the music pushes them: springs, integrals, envelopes, slow averages."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Param, Resident, param, port, setting
from n2s.graph.types import Signal


class Spring(Resident):
    """Let attacks kick a damped spring, which swings back to its target.

    x'' = -2 d w x' - w² (x - target), w = 2 pi / period, d = damping. Every rise of the signal by r kicks the velocity
    so that the spring, at rest before, swings out by r * strength at most. It is exact for kicks and for targets that
    move in steps of 1/86 s; with a damping of 1 it does not swing over, and below it does. A kick is felt at once and
    seen a moment later, as that of a drum is.
    """

    kick: Signal = port("what kicks it: attacks, drums")
    target: Param = param(0.0, ge=-1e6, le=1e6, help="where it rests")
    strength: Param = param(1.0, ge=-1e6, le=1e6, help="how far a kick of 1 swings it")
    period: MusicalTime = setting(0.5, ge=0.02, le=600, unit="s", help="the time of one swing, without damping")
    damping: float = setting(0.3, ge=0, le=10, help="0 swings for ever, 1 comes back without swinging over")

    outputs = SIGNAL_OUTPUT
    rate = "fine"

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        return inputs["kick"]

    def compute(self, scene: Scene, kick: np.ndarray, target: np.ndarray, strength: np.ndarray) -> np.ndarray:
        swing = 2 * math.pi / scene.clock.seconds(self.period)
        move = _spring_step(swing, self.damping, 1 / float(scene.clock.fps))
        columns = kick.astype(np.float64).reshape(len(kick), -1)
        pushes = np.maximum(np.diff(columns, axis=0, prepend=0.0), 0) * strength.astype(np.float64)[:, None]
        pushes *= swing * _out(self.damping)
        rest = target.astype(np.float64).tolist()
        moved = [_swing(column.tolist(), rest, move) for column in pushes.T]
        return np.array(moved).T.reshape(kick.shape)


def _out(damping: float) -> float:
    """Return the velocity, over w, that swings a spring at rest out by 1: exp(d w t), t the time of its first turn."""
    if damping == 1:
        return math.e
    if damping < 1:
        root = math.sqrt(1 - damping * damping)
        return math.exp(damping * math.atan2(root, damping) / root)
    root = math.sqrt(damping * damping - 1)
    return math.exp(damping * math.atanh(root / damping) / root)


def _spring_step(w: float, d: float, h: float) -> tuple[float, float, float, float]:
    """Return the matrix that takes place and velocity h seconds on: exp of [[0, 1], [-w², -2 d w]] h."""
    decay, root = math.exp(-d * w * h), w * math.sqrt(abs(1 - d * d))
    if d == 1:
        even, odd = 1.0, h
    elif d < 1:
        even, odd = math.cos(root * h), math.sin(root * h) / root
    else:
        even, odd = math.cosh(root * h), math.sinh(root * h) / root
    return (
        decay * (even + d * w * odd), decay * odd, -decay * w * w * odd, decay * (even - d * w * odd)
    )  # fmt: skip


def _swing(pushes: list[float], rest: list[float], move: tuple[float, float, float, float]) -> list[float]:
    """Run the spring over plain floats; for such a recursion that is faster than numpy."""
    a, b, c, d = move
    place, speed, found = rest[0], 0.0, []
    for push, target in zip(pushes, rest):
        speed += push
        found.append(place)
        off = place - target
        place, speed = target + a * off + b * speed, c * off + d * speed
    return found


class Integrate(Resident):
    """Let the music drive a speed, and give the way that was gone: it moves on, faster where more happens.

    y(t) = start + the integral of speed from 0 to t, over ``per``: with speed 1 and per "1 bar" it grows by 1 in a bar.
    ``= way % 1`` makes a phase of it. Between values of the speed, 86 per second, it is the integral of the straight
    line (trapezoids).
    """

    speed: Param = param(1.0, ge=-1e6, le=1e6, help="how fast it moves")
    per: MusicalTime = setting(1.0, ge=0.001, le=3600, unit="s", help="the time in which speed 1 moves it by 1")
    start: float = setting(0.0, ge=-1e6, le=1e6, help="where it begins")

    outputs = SIGNAL_OUTPUT
    rate = "fine"
    example = {"speed": 0.5}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def compute(self, scene: Scene, speed: np.ndarray) -> np.ndarray:
        speed = speed.astype(np.float64)
        steps = (speed[1:] + speed[:-1]) / 2 / float(scene.clock.fps) / scene.clock.seconds(self.per)
        return self.start + np.concatenate([[0.0], np.cumsum(steps)])


class Envelope(Resident):
    """Answer attacks by an envelope: delay, attack, hold, decay, sustain, release.

    When the trigger rises above ``threshold`` the envelope waits ``delay``, rises to 1 in ``attack``, stays for
    ``hold``, falls to ``sustain`` in ``decay``, stays there as long as the trigger is above the threshold, and falls to
    0 in ``release``; all along straight lines, from wherever it is. What it does for a trigger of one frame ends after
    the decay, unless ``sustain`` is above 0: then it is released from there. With ``velocity`` it is as high as the
    trigger was, in place of 1. A trigger while it runs begins it anew, or with ``retrigger: false`` does nothing.
    """

    trigger: Signal = port("what sets it off: attacks, drums, anything that rises")
    threshold: float = setting(0.1, ge=-1e6, le=1e6, help="the trigger must rise above this")
    delay: MusicalTime = setting(0.0, ge=0, le=600, unit="s", help="how long it waits")
    attack: MusicalTime = setting(0.02, ge=0, le=600, unit="s", help="how long it rises")
    hold: MusicalTime = setting(0.0, ge=0, le=600, unit="s", help="how long it stays at the top")
    decay: MusicalTime = setting(0.3, ge=0, le=600, unit="s", help="how long it falls to the sustained level")
    sustain: float = setting(0.0, ge=0, le=1, help="its level while the trigger stays above the threshold")
    release: MusicalTime = setting(0.3, ge=0, le=600, unit="s", help="how long it falls to 0 afterwards")
    velocity: bool = setting(True, help="as high as the trigger, in place of 1")
    retrigger: bool = setting(True, help="a trigger while it runs begins it anew")

    outputs = SIGNAL_OUTPUT
    rate = "fine"
    felt_with = {
        "release": {"sustain": 0.5, "decay": 0.02, "trigger": "= sin(40 * time)"},
        "retrigger": {"trigger": "= sin(40 * time)"},
    }

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        return inputs["trigger"]

    def compute(self, scene: Scene, trigger: np.ndarray) -> np.ndarray:
        columns = trigger.astype(np.float64).reshape(len(trigger), -1)
        return np.stack([self._follow(scene, column) for column in columns.T], axis=1).reshape(trigger.shape)

    def _follow(self, scene: Scene, trigger: np.ndarray) -> np.ndarray:
        """Return the envelope at all times: the lines of each note until the next one begins."""
        seconds = scene.clock.seconds
        delay, attack, hold, decay, release = map(
            seconds, (self.delay, self.attack, self.hold, self.decay, self.release)
        )
        times = scene.clock.times(0, len(trigger) + 1)  # a trigger that is held to the end falls after it
        over = trigger > self.threshold
        begins = np.flatnonzero(over & ~np.concatenate([[False], over[:-1]]))
        ends = np.flatnonzero(over & ~np.concatenate([over[1:], [False]])) + 1
        found, level, busy = np.zeros(len(trigger)), 0.0, -1.0
        for i, (begin, end) in enumerate(zip(begins, ends)):
            start = times[begin]
            if not self.retrigger and start < busy:
                continue
            height = float(trigger[begin:end].max()) if self.velocity else 1.0
            level = float(found[begin])
            top = start + delay + attack
            low = top + hold + decay
            until = max(low, times[end]) if self.sustain else low
            places = [start, start + delay, top, top + hold, low, until, until + release * (self.sustain > 0)]
            levels = [level, level, height, height, *[height * self.sustain] * 2, 0.0]
            stop = min(int(np.searchsorted(times, places[-1], side="right")) + 1, len(found))  # from there on it is 0
            if self.retrigger and i + 1 < len(begins):
                stop = min(stop, begins[i + 1] + 1)
            found[begin:stop] = _lines(times[begin:stop], places, levels)
            busy = places[-1]
        return found


def _lines(times: np.ndarray, places: list[float], levels: list[float]) -> np.ndarray:
    """Return straight lines between levels at places, some of which may be the same; then it jumps to the later one."""
    right = np.clip(np.searchsorted(places, times, side="right"), 1, len(places) - 1)
    at, to = np.array(places), np.array(levels)
    span = at[right] - at[right - 1]
    share = np.clip(np.where(span > 0, (times - at[right - 1]) / np.where(span > 0, span, 1), 1.0), 0, 1)
    return to[right - 1] + (to[right] - to[right - 1]) * share


class Smooth(Resident):
    """Smooth a signal by a Gaussian that may look ahead: the picture begins to move before the music does.

    y(t) = the mean of x around t with weights exp(-(tau / width)² / 2); those of the future are multiplied by
    ``ahead``, 0 for the past alone and 1 for both sides alike. At the ends the weights that fall outside are left out.
    """

    signal: Signal = port("what is smoothed")
    width: MusicalTime = setting(0.2, ge=0, le=30, unit="s", help="over how much time it is smoothed: longer is calmer")
    ahead: float = setting(1.0, ge=0, le=1, help="how much of the future counts")

    outputs = SIGNAL_OUTPUT
    rate = "fine"

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        return inputs["signal"]

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        width = scene.clock.seconds(self.width) * float(scene.clock.fps)
        if width < 0.1:  # beside a weight of 1 those of the neighbours are below 2e-22
            return signal
        reach = min(math.ceil(4 * width), len(signal) - 1)
        weights = np.exp(-((np.arange(-reach, reach + 1) / width) ** 2) / 2)
        weights[reach + 1 :] *= self.ahead
        columns = signal.astype(np.float64).reshape(len(signal), -1)
        whole = _weighted(np.ones(len(signal)), weights)
        return np.stack([_weighted(column, weights) / whole for column in columns.T], axis=1).reshape(signal.shape)


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum around each value with weights from the past to the future; outside there is nothing."""
    reach = len(weights) // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, reach), len(weights))
    return np.einsum("tk,k->t", windows, weights)
