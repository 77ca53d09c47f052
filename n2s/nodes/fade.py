"""Fading to a colour, and in and out at the ends of a film."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.colours import Colour, by_channel, display_of
from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Node, Param, Pointwise, Resident, param, port, setting
from n2s.graph.shader import mix_light
from n2s.graph.types import Frames


class Fade(Pointwise):
    """Fade a picture to a colour, to real black; with ``fade_in`` and ``fade_out``, at the ends of the film.

    out = mix_light(x, colour, a); 1 is the colour itself. a = 1 - (1 - amount) s(t / fade_in) s(r / fade_out), t the
    time since the first frame, r that until the last one, s(x) = x² (3 - 2 x) with x held within 0..1. So the first
    frame is the colour and so is the last; display values rise about evenly from it, and come to rest softly.
    """

    frames: Frames = port("what fades")
    colour: Colour = setting("#000000", help="where it fades to, as #rrggbb")
    amount: Param = param(0.0, ge=0, le=1, help="how far it has faded")
    fade_in: MusicalTime = setting(
        0.0, ge=0, le=3600, unit="s", keyed=False, help="how long the film takes to come at its beginning"
    )
    fade_out: MusicalTime = setting(
        0.0, ge=0, le=3600, unit="s", keyed=False, help="how long it takes to go at its end"
    )

    neutral = {"amount": 0, "fade_in": 0, "fade_out": 0}

    def brings(self, name: str) -> dict[str, Node]:
        if not self.fade_in.value and not self.fade_out.value:
            return {}
        ends = FadedEnds(amount=self.amount, fade_in=self.fade_in, fade_out=self.fade_out)
        return {f"{name}:amount": ends}

    def fill(self, scene: Any) -> dict[str, Any]:
        return by_channel("to", display_of(self.colour))

    @staticmethod
    def pixel(rgb, at, amount, to_r, to_g, to_b):
        return mix_light(rgb[0], to_r, amount), mix_light(rgb[1], to_g, amount), mix_light(rgb[2], to_b, amount)


class FadedEnds(Resident):
    """Work out how far a film has faded that a `Fade` lets come and go at its ends."""

    amount: Param = param(0.0, ge=0, le=1, help="how far it has faded beside that")
    fade_in: MusicalTime = setting(0.0, ge=0, le=3600, unit="s", help="how long it comes")
    fade_out: MusicalTime = setting(0.0, ge=0, le=3600, unit="s", help="how long it goes")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene: Scene, amount: np.ndarray) -> np.ndarray:
        clock = scene.clock
        times = clock.times(0, clock.frames)
        shown = 1 - amount.astype(np.float64)
        for gone, length in ((times, self.fade_in), (times[-1] - times, self.fade_out)):
            if seconds := clock.seconds(length):
                share = np.clip(gone / seconds, 0, 1)
                shown = shown * share * share * (3 - 2 * share)
        return 1 - shown
