"""Signals that move a camera: by hand, and along places."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import field_validator

from n2s.graph import shader
from n2s.graph.context import Scene
from n2s.graph.declare import Every, MusicalTime, Output, Param, Resident, param, port, setting
from n2s.graph.types import SIGNAL, Signal
from n2s.nodes.curves import between
from n2s.nodes.drift import drift_key
from n2s.nodes.easing import EasingName, ease
from n2s.nodes.stretches import numbered, turns

OCTAVES, WAVES = 5, 3
FARTHEST = {"x": 100, "y": 100, "turn": 36000}  # what Camera's pan_x, pan_y and turn take
THROWN = 6.5  # swings per second of a camera that was hit


class Handheld(Resident):
    """Move as a camera does that is held by hand: it sways, trembles a little, and is shaken by hits.

    x and y are smooth noise of root mean square ``amount``, and turn of ``turn``: cosines in five octaves, each
    ``roughness`` times as high as the one before, three in each, of hashed phases and of frequencies of 0.5 to 1.5
    times ``speed`` and its doubles. Every rise of ``hits`` by r throws the camera ``strength`` r times as far as it
    sways, into a drawn direction, from where it swings back 6.5 times per second, half as far after each ``settle``.
    For Camera's ``pan_x``, ``pan_y`` and ``turn``; a zoom of about 1.05 keeps the edges of the picture out of sight.
    """

    hits: Signal = port("what shakes it: kicks, drops", optional=True)
    amount: Param = param(0.006, ge=0, le=10, unit="heights", help="how far the camera sways, on average")
    turn: Param = param(0.3, ge=0, le=360, unit="degrees", help="how far the camera tilts, on average")
    speed: Param = param(0.3, ge=0, le=20, unit="per second", help="how often it sways; above 0.5 it is nervous")
    strength: Param = param(4.0, ge=0, le=1000, help="how many times as far a hit throws it as it sways by itself")
    roughness: float = setting(0.5, ge=0, le=1, help="how much it trembles; 0 only sways")
    settle: MusicalTime = setting(
        0.08, ge=0.005, le=60, unit="s", help="how long a shake lasts: half of it is left after this time"
    )
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another hand")

    outputs = {"move": Output(SIGNAL, "pan_x and pan_y in heights, turn in degrees", names=("x", "y", "turn"))}
    rate = "fine"
    felt_with = {"settle": {"hits": "= sin(40 * time)"}, "strength": {"hits": "= sin(40 * time)"}}
    felt_at = {"turn": "turn"}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 3

    def compute(
        self, scene: Scene, amount: np.ndarray, turn: np.ndarray, speed: np.ndarray, strength: np.ndarray,
        hits: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        key = int(drift_key(scene.seed, b"HAND", self.seed)[0])
        step, speed = 1 / float(scene.clock.fps), speed.astype(np.float64)
        gone = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * step)])
        moved = np.stack([_sway(gone, key, axis, self.roughness) for axis in range(3)], axis=1)
        if hits is not None:
            highest = hits.astype(np.float64).reshape(len(hits), -1).max(axis=1)
            thrown = _thrown(highest, key, step, scene.clock.seconds(self.settle))
            moved = moved + strength.astype(np.float64)[:, None] * thrown
        return moved * np.stack([amount, amount, turn], axis=1).astype(np.float64)


def _drawn(key: int, number: int | np.ndarray, what: int) -> np.ndarray:
    """Return numbers in 0..1, float64, hashed from a key, numbers, and what they are for."""
    word = shader.hash32(np.atleast_1d(np.asarray(number)).astype(np.uint32) + np.uint32(key))
    return np.asarray(shader.uniform(shader.hash32(word ^ shader.hash32(np.array([what], np.uint32)))), np.float64)


def _sway(gone: np.ndarray, key: int, axis: int, roughness: float) -> np.ndarray:
    """Return noise of unit mean square, in time counted by swings."""
    total, power = np.zeros(len(gone)), 0.0
    for octave in range(OCTAVES):
        high = roughness**octave
        for wave in range(WAVES):
            number = (axis * OCTAVES + octave) * WAVES + wave
            often, offset = 2.0**octave * (0.5 + _drawn(key, number, 0)), _drawn(key, number, 1)
            total += high * np.cos(2 * np.pi * (gone * often + offset))
            power += high * high / 2
    return total / np.sqrt(power)


def _thrown(hits: np.ndarray, key: int, step: float, settle: float) -> np.ndarray:
    """Return how far hits throw along x, y and turn, (T, 3): damped swings, each hit's first one as high as the hit."""
    rises = np.maximum(np.diff(hits, prepend=0.0), 0)
    begins = (rises > 0) & ~np.concatenate([[False], rises[:-1] > 0])
    number = np.cumsum(begins)
    angle, side = 2 * np.pi * _drawn(key, number, 2), 2 * np.rint(_drawn(key, number, 3)) - 1
    fall, swing = np.log(2) / settle, 2 * np.pi * THROWN
    top = np.arctan2(swing, fall) / swing  # when it is farthest out
    pushes = rises / (np.exp(-fall * top) * np.sin(swing * top))
    pole = complex(np.exp((-fall + 1j * swing) * step))
    found = np.zeros((len(hits), 3))
    for column, push in enumerate((pushes * np.cos(angle), pushes * np.sin(angle), pushes * side)):
        state, places = 0j, []
        for impulse in push.tolist():
            state += impulse
            places.append(state.imag)
            state *= pole
        found[:, column] = places
    return found


class CameraPath(Resident):
    """Move along places in time with the music, on a smooth curve that reaches one more of them each few bars.

    Points are [x, y], [x, y, zoom] or [x, y, zoom, turn]: what Camera's ``pan_x``, ``pan_y``, ``zoom`` and ``turn``
    take. At the beginning of each stretch the camera is at a point: it stays, and during the last ``glide`` of the
    stretch goes on to the next one, along a Catmull-Rom spline, at the pace of ``ease``; zoom goes by octaves. After
    the last point a closed path goes on to the first one, and an open one stays. With ``ease: linear`` it passes points
    without stopping; with ``smooth`` it rests at each. In an upbeat it waits at the first one.
    """

    points: list[list[float]] = setting(help="[[x, y], …], [[x, y, zoom], …] or [[x, y, zoom, turn], …]")
    every: Every = setting(
        "2 bars", ge=0.001, le=3600, unit="s", help="how long it takes to the next point: a time, section, drop, A"
    )
    glide: float = setting(1.0, ge=0, le=1, help="share of the stretch in which it moves; before that it stays")
    ease: EasingName = setting("linear", help="the pace from one point to the next")
    closed: bool = setting(True, help="whether the last point is followed by the first")

    outputs = {
        "place": Output(SIGNAL, "pan_x and pan_y in heights, zoom, turn in degrees", names=("x", "y", "zoom", "turn"))
    }
    rate = "any"
    example = {"points": [[0, 0], [0.2, 0.1, 1.5], [-0.2, 0.1, 1.2, 5]], "every": 0.5}

    @field_validator("points", mode="before")
    @classmethod
    def _are_places(cls, points: list[list[float]]) -> list[list[float]]:
        if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
            raise ValueError("a list of points was wanted, like [[0, 0], [0.3, 0.1, 1.5]]")
        if len(points) < 2:
            raise ValueError("a path needs two points or more; a camera that stays takes numbers")
        for i, point in enumerate(points, 1):
            numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in point)
            if not numbers or not 2 <= len(point) <= 4:
                raise ValueError(f"point {i} is {point}; [x, y], [x, y, zoom] or [x, y, zoom, turn] was wanted")
            if len(point) > 2 and not 0.02 <= point[2] <= 50:
                raise ValueError(f"the zoom of point {i} is {point[2]:g}; it must stay within 0.02..50")
            for name, number in zip(("x", "y", "zoom", "turn"), point):
                if name in FARTHEST and not abs(number) <= FARTHEST[name]:
                    most = FARTHEST[name]
                    raise ValueError(f"the {name} of point {i} is {number:g}; it must stay within -{most}..{most}")
        return points

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 4

    def compute(self, scene: Scene) -> np.ndarray:
        rows = np.array([[*point, *(1.0, 0.0)[len(point) - 2 :]] for point in self.points], np.float64)
        rows[:, 2] = np.log2(rows[:, 2])
        number, gone = numbered(turns(scene.clock, self.every, scene.clock.times(0, scene.clock.frames)))
        share = np.zeros(len(gone))
        if self.glide:
            share = ease(self.ease, (gone - (1 - self.glide)) / self.glide)
        count, place = len(rows), np.where(number < 0, 0, number + share)  # in an upbeat it stays at the first point
        if self.closed:  # once around, and as far on both sides as slopes reach
            place, around = place % count, np.arange(-1, count + 2)
        else:
            place, around = np.clip(place, 0, count - 1), np.arange(count)
        found = between(around.astype(np.float64), rows[around % count], place, "spline")
        found[:, 2] = np.exp2(found[:, 2])
        return found
