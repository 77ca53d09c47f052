"""Earlier frames in place of those of the moment: a film that is late, stands still, or repeats a slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Node, Param, Pick, Resident, param, port, setting
from n2s.graph.expressions import Number
from n2s.graph.types import Frames
from n2s.nodes.stretches import numbered, turns

ON = 0.5  # from this value on a signal counts as on
LONGEST = 3600  # s
# What is held may be as old as a film is long. In float32 such an age is less than half a frame off up to here, at 60
# frames per second; so the very frame is found.
OLDEST = 3 * 86400  # s


class Retime(Pick):
    """Show at each moment the frame of some time ago: time remapping.

    Frame f shows frame max(0, f - round(delay * fps)). A delay that grows by 1 second in a second is a still picture,
    one that grows by 2 runs backwards, and one that falls catches up, at double speed where it falls by 1. Frames are
    never mixed: they keep their bits, and those that nobody shows are not computed.
    """

    frames: Frames = port("what is shown later")
    delay: Param = param(0.0, ge=0, le=LONGEST, unit="s", help="how old the frame is that is shown")

    neutral = {"delay": 0}
    example = {"delay": 0.5}

    def pick(self, frame: np.ndarray, fps: Any, delay: np.ndarray, **others: np.ndarray) -> Any:
        ago = np.floor(delay.astype(np.float64) * float(fps) + 0.5).astype(np.int64)
        return 0, np.maximum(frame - ago, 0)


class Freeze(Retime):
    """Hold a picture as long as a signal is on: a freeze frame; with ``every``, a new one now and then: stop motion.

    While ``hold`` is 0.5 or more, the frame is shown at which it became so. With ``every``, that of the last beat, bar
    or stretch of seconds that began since: `hold: 1, every: 0.5 beats` moves in steps on the music. What follows in the
    graph goes on: grain moves on a picture that stands.

    A held frame is computed once, and the frames behind it are not computed at all.
    """

    frames: Frames = port("what stands still")
    hold: Param = param(0.0, ge=0, le=1, help="0.5 or more: the picture stands; below: it moves")
    every: MusicalTime = setting(
        None, ge=0.001, le=LONGEST, unit="s", keyed=False, help="how often a new picture is taken; default: never"
    )
    delay: Param = param(0.0, ge=0, le=OLDEST, unit="s", help="how old the picture is; worked out where it is left out")

    neutral = {"hold": 0, "delay": 0}
    example = {"hold": 1, "every": 0.25}

    def brings(self, name: str) -> dict[str, Node]:
        if _is_zero(self.hold) or "delay" in self.model_fields_set:
            return {}
        return {f"{name}:delay": HoldDelay(hold=self.hold, every=self.every)}


class Stutter(Retime):
    """Repeat a slice of the film again and again while a signal is on: beat repeat.

    The film is cut into slices of ``every``, on the grid of beats where that is in beats or bars. In the slice in which
    ``on`` becomes 0.5 or more, the film runs on; then that slice is shown again, in each of the next ones, until ``on``
    falls below 0.5: there the film is where it would be without. With ``repeats``, a new slice is taken after so many.
    A slice that is longer than the one it is repeated in is cut off; one that is shorter stays at its last frame.
    """

    frames: Frames = port("what stutters")
    on: Param = param(0.0, ge=0, le=1, help="0.5 or more: it stutters")
    every: MusicalTime = setting("0.25 beats", ge=0.001, le=LONGEST, unit="s", keyed=False, help="how long a slice is")
    repeats: int = setting(
        0,
        ge=0,
        le=1000,
        keyed=False,
        help="how often a slice is repeated before a new one is taken; 0: as long as it is on",
    )
    delay: Param = param(0.0, ge=0, le=OLDEST, unit="s", help="how old the picture is; worked out where it is left out")

    neutral = {"on": 0, "delay": 0}
    example = {"on": 1, "every": 0.2, "repeats": 2}

    def brings(self, name: str) -> dict[str, Node]:
        if _is_zero(self.on) or "delay" in self.model_fields_set:
            return {}
        return {f"{name}:delay": SliceDelay(on=self.on, every=self.every, repeats=self.repeats)}


class HoldDelay(Resident):
    """Work out, in seconds, how old the picture is that `Freeze` shows."""

    hold: Param = param(0.0, ge=0, le=1, help="0.5 or more: the picture stands")
    every: MusicalTime = setting(None, ge=0.001, le=LONGEST, unit="s", help="how often a new picture is taken")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene: Scene, hold: np.ndarray) -> np.ndarray:
        frame, on = np.arange(len(hold)), hold >= ON
        taken = np.where(_began(on), frame, 0)
        if self.every is not None:
            taken = np.where(_began(_slices(scene, self.every)), frame, taken)
        shown = np.where(on, np.maximum.accumulate(taken), frame)
        return (frame - shown) / float(scene.clock.fps)


class SliceDelay(Resident):
    """Work out, in seconds, how old the picture is that `Stutter` shows."""

    on: Param = param(0.0, ge=0, le=1, help="0.5 or more: it stutters")
    every: MusicalTime = setting("0.25 beats", ge=0.001, le=LONGEST, unit="s", help="how long a slice is")
    repeats: int = setting(0, ge=0, le=1000, help="how often a slice is repeated; 0: as long as it is on")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene: Scene, on: np.ndarray) -> np.ndarray:
        frame, on, number = np.arange(len(on)), on >= ON, _slices(scene, self.every)
        begun = np.maximum.accumulate(np.where(_began(on), frame, 0))
        first = number[begun]  # the slice in which it began
        if self.repeats:
            first = first + (number - first) // (self.repeats + 1) * (self.repeats + 1)
        start, stop = (np.searchsorted(number, which) for which in (first, first + 1))
        within = np.minimum(frame - np.searchsorted(number, number), np.maximum(stop - start, 1) - 1)
        shown = np.where(on, np.minimum(start + within, frame), frame)
        return (frame - shown) / float(scene.clock.fps)


def _slices(scene: Scene, every: Any) -> np.ndarray:
    """Return the number of the slice that each frame lies in, int64, rising."""
    clock = scene.clock
    return numbered(turns(clock, every, clock.times(0, clock.frames)))[0].astype(np.int64)


def _began(values: np.ndarray) -> np.ndarray:
    """Say at which frames values are others than before; the first one is."""
    return np.concatenate([[True], values[1:] != values[:-1]])


def _is_zero(value: Any) -> bool:
    return isinstance(value, Number) and value.value == 0
