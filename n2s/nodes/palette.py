"""Pictures in the colours of a gradient."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import field_validator, model_validator

from n2s.graph.colours import Colour, display_of
from n2s.graph.declare import Line, Param, Pointwise, param, port, setting
from n2s.graph.shader import fract, luma, mix, mix_light, read_line
from n2s.graph.types import Frames
from n2s.nodes.oklab import from_oklab, to_oklab

ROWS = 512  # of a gradient's table: steps of colour below a code of 8 bits


class Palette(Pointwise):
    """Recolour a picture with a gradient, by its luma or by any signal.

    out = mix_light(rgb, gradient(shift + spread * luma(rgb)), strength). The gradient runs evenly in Oklab
    from the first colour, at 0, to the last, at 1. With ``spread`` at 0 the place in the gradient is ``shift`` alone,
    which any signal may drive. With ``keep: luma`` the gradient gives hue and saturation only: its colour is moved to
    the luma of the picture, and where it would leave 0..1, towards grey (the blend mode "color" of W3C's Compositing
    and Blending).
    """

    frames: Frames = port("what is recoloured")
    colours: list[Colour] = setting(
        ["#0b1030", "#5b2a86", "#d9516b", "#ffd9a0"], help="2 to 16 colours from dark to bright, as #rrggbb"
    )
    positions: list[float] | None = setting(
        None, ge=0, le=1, help="where each colour lies, rising from 0 to 1; even steps without it"
    )
    strength: Param = param(1.0, ge=0, le=1, help="how much of the gradient, in light")
    spread: Param = param(1.0, ge=-4, le=4, help="how much of the gradient black to white covers; 0: none, see shift")
    shift: Param = param(0.0, ge=-1000, le=1000, help="where in the gradient black lies; a signal moves the colours")
    beyond: Literal["hold", "mirror", "wrap"] = setting(
        "hold", help="past the ends: the last colour, the way back, or on to the first colour again"
    )
    keep: Literal["luma", None] = setting(None, help="luma: the picture keeps its luma, the gradient gives the hue")

    neutral = {"strength": 0}
    tables = {"gradient": Line()}

    @field_validator("colours")
    @classmethod
    def _are_few(cls, value: list[str]) -> list[str]:
        if not 2 <= len(value) <= 16:
            raise ValueError(f"2 to 16 colours were wanted, not {len(value)}")
        return value

    @model_validator(mode="after")
    def _has_a_position_for_each(self) -> Palette:
        rising = self.positions
        if rising is None:
            return self
        if len(rising) != len(self.colours):
            raise ValueError(f"positions has {len(rising)} numbers for {len(self.colours)} colours; one for each")
        if rising[0] != 0 or rising[-1] != 1 or any(b <= a for a, b in zip(rising, rising[1:])):
            raise ValueError("positions must rise from 0 to 1, as in [0, 0.2, 1]")
        return self

    def fill(self, scene: Any) -> dict[str, Any]:
        colours = [display_of(colour) for colour in self.colours]
        places = self.positions or np.linspace(0, 1, len(colours)).tolist()
        pieces = 1.0
        if self.beyond == "mirror":  # the table holds the way there and back
            colours, places, pieces = colours + colours[-2::-1], places + [2 - place for place in places[-2::-1]], 2.0
        elif self.beyond == "wrap":  # the last colour runs into the first as fast as the gradient runs on average
            pieces = len(colours) / (len(colours) - 1)
            colours, places = [*colours, colours[0]], [*places, pieces]
        at, lab = np.linspace(0, pieces, ROWS * int(np.ceil(pieces))), to_oklab(np.array(colours))
        gradient = from_oklab(np.stack([np.interp(at, places, channel) for channel in lab.T], axis=-1))
        return {
            "gradient": gradient,
            "scale": 1 / pieces,
            "repeats": self.beyond != "hold",
            "keeps_luma": self.keep == "luma",
        }

    @staticmethod
    def pixel(rgb, at, gradient, strength, spread, shift, scale, repeats, keeps_luma):
        grey = luma(rgb[0], rgb[1], rgb[2])
        t = (shift + spread * grey) * scale
        r, g, b = read_line(gradient, t - repeats * (t - fract(t)))
        # The colour at the luma of the picture, where that is wanted: its distance from grey, shortened to fit 0..1.
        held = min(max(grey, 0), 1)
        own = luma(r, g, b)
        low, high = own - min(min(r, g), b), max(max(r, g), b) - own
        fit = min(1, min(held / max(low, 1e-6), (1 - held) / max(high, 1e-6)))
        chroma, base = mix(1, fit, keeps_luma), mix(own, grey, keeps_luma)
        r, g, b = base + (r - own) * chroma, base + (g - own) * chroma, base + (b - own) * chroma
        return mix_light(rgb[0], r, strength), mix_light(rgb[1], g, strength), mix_light(rgb[2], b, strength)
