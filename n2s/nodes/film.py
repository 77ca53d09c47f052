"""What befalls a film and its projector: dust, hairs, scratches, light that trembles."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Node, Param, Pointwise, Seconds, param, port, setting
from n2s.graph.shader import counted, exp2, fade, fract, mix, pixel_hash, uniform
from n2s.graph.types import Frames, Matte
from n2s.nodes.dust import DustMatte


class Dust(Pointwise):
    """Put dust and hairs on each frame of a film, and scratches that stay for some frames.

    The film has ``rate`` frames a second, whatever the frame rate, and each has specks and hairs of its own. Its plane
    is cut into cells of 26 ``size``, put elsewhere in each frame, and a hash of the seed, the film's frame and the cell
    says whether a speck or a hair lies in it, where, how large, how turned and bent, and whether it is dark (dust on
    the print) or bright (dust on the negative): out = mix(rgb, tone, amount * coverage). Where more than one per cell
    are asked for, layers of such cells lie over each other. A scratch runs from top to bottom in one of the strips of
    0.16 heights, trembles with the film's frames, and comes and goes within ``life``.
    Edges are as soft as a pixel; what is finer than a pixel is fainter, so that a draft shows what 4K does.
    """

    frames: Frames = port("what is on the film")
    dust: Matte = port("how much of each pixel is hidden, and by what; made by the node", optional=True)
    amount: Param = param(0.8, ge=0, le=1, help="how much of the picture dust hides; 0 is a clean film")
    specks: Param = param(6.0, ge=0, le=200, help="how many lie on a frame of 16:9, on average")
    hairs: Param = param(0.35, ge=0, le=50, help="how many hairs lie there beside them, on average")
    scratches: Param = param(0.4, ge=0, le=10, help="how many are seen at a time on 16:9, on average")
    bright: Param = param(0.4, ge=0, le=1, help="the share of bright ones; the others are dark")
    size: Param = param(
        0.004, ge=0.0005, le=0.03, unit="heights", help="the radius of the largest speck; hairs are 8 to 18 of it long"
    )
    rate: float = setting(24.0, ge=1, le=60, unit="Hz", help="frames of the film a second, each with other dust")
    life: Seconds = setting(1.5, ge=0.1, le=60, unit="s", help="how long a scratch stays")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other dust")

    neutral = {"amount": 0}

    def brings(self, name: str) -> dict[str, Node]:
        """Return the node that draws the dust, where the graph has none."""
        if self.dust is not None:
            return {}
        shared = [*DustMatte.settings(), *DustMatte.params()]
        return {f"{name}:dust": DustMatte(**{each: getattr(self, each) for each in shared if each != "cache"})}

    def prepare(self, amount, **others) -> dict[str, Any]:
        return {"amount": amount}

    @staticmethod
    def pixel(rgb, dust, at, amount):
        shown = 2 * dust - 1
        tone, cover = 0.95 if shown > 0 else 0.02, abs(shown) * amount
        return mix(rgb[0], tone, cover), mix(rgb[1], tone, cover), mix(rgb[2], tone, cover)


class Flicker(Pointwise):
    """Let the light of a projector tremble a little.

    out = rgb * mix(2 ** (-amount / 2), 2 ** (amount / 2), n), so that light stays within ``amount`` stops of itself; n
    goes smoothly, with the easing t³ (t (6 t - 15) + 10), from one number within 0..1 to the next, ``rate`` of them a
    second, hashed from the seed and their count. So a film of 60 frames per second trembles as one of 24 does.

    With the default, no two frames differ by 0.1 in relative luminance (WCAG 2.3.1), so that they are no flash whatever
    the rate is. From an amount of 0.063 on, white may differ by more.
    """

    frames: Frames = port("what is projected")
    amount: Param = param(0.06, ge=0, le=2, unit="stops", help="how much brighter or darker it gets at most")
    rate: float = setting(12.0, ge=0.1, le=120, unit="Hz", help="how many numbers are drawn a second")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another trembling")

    neutral = {"amount": 0}

    def fill(self, scene: Any) -> dict[str, Any]:
        return {"drawn": self.rate / float(scene.clock.fps)}

    def prepare(self, amount) -> dict[str, Any]:
        half = np.float32(0.5)
        return {"low": exp2(-amount * half), "high": exp2(amount * half)}

    @staticmethod
    def pixel(rgb, at, low, high, drawn):
        time = counted(at.frame) * drawn
        part = fract(time)
        before = uniform(pixel_hash(at.seed, time - part, 0, 0))
        after = uniform(pixel_hash(at.seed, time - part + 1, 0, 0))
        gain = mix(low, high, mix(before, after, fade(part)))
        return rgb[0] * gain, rgb[1] * gain, rgb[2] * gain
