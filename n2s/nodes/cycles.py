"""Signals that go round with the music: oscillators, values drawn or given for each beat, bar or section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from n2s.graph import shader
from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, Every, MusicalTime, Param, Resident, param, setting
from n2s.nodes.stretches import SLACK, check_alike, letters, numbered, turns

TYPE = 0x4C464F21  # tells the random numbers of these nodes from those of others


class LFO(Resident):
    """Oscillate between two values, locked to beats, bars or seconds.

    Of a period counted in beats or bars the phase is their count on the grid that is heard, so that it keeps step with
    music whose tempo moves; otherwise t / period. ``sine`` and ``triangle`` begin at ``low``, rise and come back,
    ``saw`` rises and jumps back, ``square`` is high for the share ``width`` of a period and then low, and ``noise``
    goes smoothly from one drawn value per period to the next. ``width`` is also where a triangle turns.
    """

    period: MusicalTime = setting("1 bar", ge=0.001, le=3600, unit="s", help="how long one cycle takes: 1 beat, 4 bars")
    shape: Literal["sine", "triangle", "saw", "square", "noise"] = setting("sine", help="its curve")
    low: Param = param(0.0, ge=-1e6, le=1e6, help="the lowest value")
    high: Param = param(1.0, ge=-1e6, le=1e6, help="the highest value")
    phase: float = setting(0.0, ge=-1, le=1, help="where in its cycle it begins: 0.25 is a quarter ahead")
    width: float = setting(0.5, gt=0, lt=1, help="share of a period that a square is high, or a triangle rises")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another noise")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    felt_with = {"seed": {"shape": "noise"}, "width": {"shape": "square"}}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def compute(self, scene: Scene, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        clock = scene.clock
        number, place = numbered(turns(clock, self.period, clock.times(0, clock.frames)) + self.phase)
        if self.shape == "sine":
            share = 0.5 - 0.5 * np.cos(2 * np.pi * place)
        elif self.shape == "triangle":
            share = np.where(place < self.width, place / self.width, (1 - place) / (1 - self.width))
        elif self.shape == "saw":
            share = place
        elif self.shape == "square":
            share = (place < self.width - SLACK).astype(np.float64)
        else:
            here, there = (drawn(scene.seed, self.seed, number + step) for step in (0, 1))
            share = here + (there - here) * place * place * (3 - 2 * place)
        return low + (high.astype(np.float64) - low) * share


class Random(Resident):
    """Draw a value for each beat, bar, section or stretch of seconds, and keep it until the next one.

    ``every: 1 beat`` counts on the grid that is heard; ``section`` and ``drop`` draw where these begin. With ``glide``
    it goes smoothly from the value before during that share of the stretch. With ``alike`` all sections of one letter
    get one value. Values are hashes of the seeds and the number of the stretch, evenly spread between low and high.
    """

    every: Every = setting(
        "1 beat", ge=0.001, le=3600, unit="s", help="how long a value stays: a time, section, drop, A"
    )
    low: Param = param(0.0, ge=-1e6, le=1e6, help="the lowest value")
    high: Param = param(1.0, ge=-1e6, le=1e6, help="the highest value")
    glide: float = setting(0.0, ge=0, le=1, help="share of the stretch in which it goes over from the value before")
    alike: bool = setting(False, help="sections of one letter get one value")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other values")

    outputs = SIGNAL_OUTPUT
    rate = "any"

    _by_sections = field_validator("alike")(check_alike)

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def compute(self, scene: Scene, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        number, before, share = _stretch(scene, self.every, self.glide, self.alike)
        here, there = (drawn(scene.seed, self.seed, which) for which in (before, number))
        return low + (high.astype(np.float64) - low) * (here + (there - here) * share)


class Sequence(Resident):
    """Give one value after the other, each for a beat, a bar, a section: moods by sections, steps by beats.

    ``values`` are numbers, or rows of numbers, which make columns: weights of anchors for instance. An upbeat is of the
    first one; after the last one comes the first again. With ``alike`` a value belongs to a letter: the first one to
    all sections A, the second one to B. With ``glide`` it goes smoothly from the value before during that share of the
    stretch.
    """

    values: list[Any] = setting(help="[0.2, 1, 0.5], or rows of numbers", min_length=1)
    every: Every = setting(
        "1 bar", ge=0.001, le=3600, unit="s", help="how long a value stays: a time, section, drop, A"
    )
    glide: float = setting(0.0, ge=0, le=1, help="share of the stretch in which it goes over from the value before")
    alike: bool = setting(False, help="values belong to the letters of sections: the first one to A")

    outputs = SIGNAL_OUTPUT
    rate = "any"
    example = {"values": [0.1, 1.0, 0.4], "every": 0.4}

    _by_sections = field_validator("alike")(check_alike)

    @field_validator("values")
    @classmethod
    def _are_rows(cls, values: list[Any]) -> list[Any]:
        rows = [value if isinstance(value, list) else [value] for value in values]
        numbers = all(
            isinstance(number, int | float) and not isinstance(number, bool) for row in rows for number in row
        )
        if not numbers or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
            raise ValueError("numbers were wanted, or rows of as many numbers each, like [[1, 0], [0, 1]]")
        if not all(abs(number) <= 1e6 for row in rows for number in row):
            raise ValueError("numbers lie within -1e6..1e6")
        return values

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return len(self.values[0]) if isinstance(self.values[0], list) and len(self.values[0]) > 1 else 0

    def compute(self, scene: Scene) -> np.ndarray:
        rows = np.array([value if isinstance(value, list) else [value] for value in self.values], np.float64)
        number, before, share = _stretch(scene, self.every, self.glide, self.alike)
        here, there = (rows[which.astype(np.int64) % len(rows)] for which in (before, number))
        found = here + (there - here) * share[:, None]
        return found[:, 0] if rows.shape[1] == 1 else found


def drawn(graph_seed: int, seed: int, numbers: np.ndarray) -> np.ndarray:
    """Return a number in 0..1 for each whole number, float64, drawn by hashes of it and both seeds."""
    key = shader.hash32(np.array([graph_seed ^ TYPE], np.uint32)) ^ np.uint32(seed)
    counted = np.asarray(numbers).astype(np.int64).astype(np.uint32)
    return np.asarray(shader.uniform(shader.hash32(shader.hash32(key) ^ shader.hash32(counted))), np.float64)


def _stretch(scene: Scene, every: Any, glide: float, alike: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the number of each frame's stretch, that of the value before, and how far it has gone over, 0..1.

    An upbeat belongs to the first stretch, before which there is no value.
    """
    clock = scene.clock
    number, gone = numbered(turns(clock, every, clock.times(0, clock.frames)))
    share = np.ones(len(gone))
    if glide:
        t = np.clip(gone / glide, 0, 1)
        share = t * t * (3 - 2 * t)
    number, before = np.maximum(number, 0), np.maximum(number - 1, 0)
    if alike:
        of = letters(clock)
        number, before = (of[np.minimum(which.astype(np.int64), len(of) - 1)] for which in (number, before))
    return number, before, share
