"""Flashes in the rhythm of the music."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Node, Param, Pointwise, Resident, param, port, setting
from n2s.graph.expressions import Number
from n2s.graph.shader import mix_light
from n2s.graph.types import Frames
from n2s.nodes.stretches import SLACK, numbered, turns

SAFE = 3  # flashes in any second: what WCAG 2.3.1 and ITU-R BT.1702 allow whatever their size


class Strobe(Pointwise):
    """Flash white, black, or as a negative: once in every beat, bar or stretch of seconds, for a share of it.

    out = mix_light(rgb, F, amount * flash), F white, black or 1 - rgb; where the product is 1, F itself. ``flash`` is 1
    from the beginning of each period on, for its share ``length``, while ``on`` is 0.5 or more, and else 0. Given in
    the graph, it is any signal: an envelope of the snare, for one.

    More than three flashes a second can cause seizures in people with photosensitive epilepsy (WCAG 2.3.1, ITU-R
    BT.1702). So those that would be more than ``most`` within a second are left out, as a whole; where ``on`` falls and
    rises within one, it begins another. Raise it only for films that are shown with a warning. Only the flashes of this
    node are counted, and none of a signal that is given as ``flash``; a Guard at the end looks at the film as a whole.
    """

    frames: Frames = port("what flashes")
    amount: Param = param(0.8, ge=0, le=1, help="how strong a flash is")
    look: Literal["white", "black", "negative"] = setting("white", help="what a flash shows")
    on: Param = param(1.0, ge=0, le=1, help="0.5 or more: it flashes")
    every: MusicalTime = setting("1 beat", ge=0.01, le=3600, unit="s", keyed=False, help="the time from flash to flash")
    length: float = setting(0.15, gt=0, lt=1, keyed=False, help="how long a flash is, as a share of that time")
    most: int = setting(
        SAFE, ge=1, le=60, unit="flashes/s", keyed=False, help="more in a second are left out; above 3 is unsafe"
    )
    flash: Param = param(0.0, ge=0, le=1, help="how much of a flash there is; worked out where it is left out")

    neutral = {"amount": 0}
    example = {"every": 0.4}

    def brings(self, name: str) -> dict[str, Node]:
        unused = any(isinstance(value, Number) and value.value == 0 for value in (self.amount, self.on))
        if unused or "flash" in self.model_fields_set:
            return {}
        return {f"{name}:flash": Flashes(on=self.on, every=self.every, length=self.length, most=self.most)}

    def prepare(self, amount: np.ndarray, flash: np.ndarray, **others: np.ndarray) -> dict[str, Any]:
        base, slope = {"white": (1, 0), "black": (0, 0), "negative": (1, -1)}[self.look]
        return {"share": amount * flash, "base": np.float32(base), "slope": np.float32(slope)}

    @staticmethod
    def pixel(rgb, at, share, base, slope):
        to_r, to_g, to_b = base + slope * rgb[0], base + slope * rgb[1], base + slope * rgb[2]
        return mix_light(rgb[0], to_r, share), mix_light(rgb[1], to_g, share), mix_light(rgb[2], to_b, share)


class Flashes(Resident):
    """Work out in which frames a `Strobe` flashes: 1 there, else 0."""

    on: Param = param(1.0, ge=0, le=1, help="0.5 or more: it flashes")
    every: MusicalTime = setting("1 beat", ge=0.01, le=3600, unit="s", help="the time from flash to flash")
    length: float = setting(0.15, gt=0, lt=1, help="how long a flash is, as a share of that time")
    most: int = setting(SAFE, ge=1, le=60, help="how many flashes there are in a second at most")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene: Scene, on: np.ndarray) -> np.ndarray:
        clock = scene.clock
        number, gone = numbered(turns(clock, self.every, clock.times(-1, clock.frames)))
        first, gone = number[1:] != number[:-1], gone[1:]  # each flash is seen, for a frame at least
        lit = (on >= 0.5) & (first | (gone < self.length - SLACK))
        begins = lit & (first | ~np.concatenate([[False], lit[:-1]]))  # ``on`` may begin several in one period
        return lit & self._allowed(begins, float(clock.fps))[np.cumsum(begins)]

    def _allowed(self, begins: np.ndarray, fps: float) -> np.ndarray:
        """Return which flashes are shown, counted from 1: of those that begin within a second, the first ``most``.

        It is decided where one begins, for all of it: its later frames would be a flash of their own.
        """
        shown = [False]
        begun: list[int] = []
        for frame in np.flatnonzero(begins).tolist():
            shown.append(len(begun) < self.most or frame - begun[-self.most] >= fps)
            if shown[-1]:
                begun.append(frame)
        return np.array(shown)
