"""A stretch of a film that leads back to its own beginning."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import MusicalTime, Node, Output, Pointwise, Resident, port, setting
from n2s.graph.links import Link
from n2s.graph.time import Clock, cut_off, outside
from n2s.graph.times import frame_of
from n2s.graph.types import SIGNAL, Frames
from n2s.nodes.mix import Mix
from n2s.nodes.retime import Retime


class Loop(Pointwise):
    """Make a stretch of a film a seamless loop: its end dissolves into what came before its beginning.

    In the last ``blend`` of the ``length`` from ``start`` on, out = Mix(x(t), x(t - length), s(w)), where w rises
    evenly from 0 to 1 and s(w) = w² (3 - 2 w). So behind the last frame the first one is what would come next, and the
    two differ as neighbours do. Elsewhere nothing changes. Where less than ``blend`` lies before ``start``, the
    dissolve is as long as that. Of a stretch that begins with the film or ends after it, which is no loop, `n2s check`
    tells. `n2s run --from START --to END` renders the stretch alone.
    """

    frames: Frames = port("what is made a loop")
    start: MusicalTime = setting(0.0, ge=0, le=86400, unit="s", keyed=False, help="when the stretch begins")
    length: MusicalTime = setting(8.0, ge=0.001, le=3600, unit="s", keyed=False, help="how long it is")
    blend: MusicalTime = setting(1.0, ge=0, le=60, unit="s", keyed=False, help="how long its end dissolves")

    neutral = {"blend": 0}
    example = {"start": 0.5, "length": 1, "blend": 0.4}

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        begin = clock.place(self.start)
        if text := outside(clock, "the stretch", begin):
            return [(("start",), text)]
        if self.blend.value and frame_of(self.start, begin, clock.fps) == 0:
            return [(("start",), "nothing lies before the stretch for its end to dissolve into; begin it later")]
        text = cut_off(clock, "the stretch", clock.after(begin, self.length), "does not lead back to its beginning")
        return [(("length",), text)] if text and self.blend.value else []

    def brings(self, name: str) -> dict[str, Node]:
        if not self.blend.value:
            return {}
        amount, delay = (Link(f"{name}:share", output) for output in LoopShare.outputs)
        earlier = Link(f"{name}:earlier", "frames")
        return {
            f"{name}:share": LoopShare(start=self.start, length=self.length, blend=self.blend),
            f"{name}:earlier": Retime(frames=self.frames, delay=delay, cache=self.cache),
            name: Mix(a=self.frames, b=earlier, amount=amount, cache=self.cache),
        }

    @staticmethod
    def pixel(frames, at):
        return frames


class LoopShare(Resident):
    """Work out how far a `Loop` has dissolved, and how old the picture is that it dissolves into."""

    start: MusicalTime = setting(0.0, ge=0, le=86400, unit="s", help="when the stretch begins")
    length: MusicalTime = setting(8.0, ge=0.001, le=3600, unit="s", help="how long it is")
    blend: MusicalTime = setting(1.0, ge=0, le=60, unit="s", help="how long its end dissolves")

    outputs = {
        "amount": Output(SIGNAL, "0: the picture itself; 1: the earlier one"),
        "delay": Output(SIGNAL, "in seconds; 0 where nothing dissolves"),
    }
    example = {"start": 0.5, "length": 1, "blend": 0.4}

    def compute(self, scene: Scene) -> dict[str, np.ndarray]:
        clock = scene.clock
        fps = float(clock.fps)
        begin = clock.place(self.start)
        start = frame_of(self.start, begin, clock.fps)
        length = max(1, frame_of(self.length, clock.after(begin, self.length), clock.fps) - start)
        blend = min(round(clock.seconds(self.blend) * fps), start, length)
        frame = np.arange(clock.frames)
        within = (frame >= start + length - blend) & (frame < start + length)
        w = np.clip((frame - (start + length - blend) + 1) / (blend + 1), 0, 1)
        amount = np.where(within, w * w * (3 - 2 * w), 0.0)
        return {"amount": amount, "delay": np.where(within, float(Fraction(length) / clock.fps), 0.0)}
