"""Light that comes from somewhere: a glow in the picture, and leaks at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import field_validator

from n2s.graph.colours import Colour, by_channel, light_of
from n2s.graph.declare import Param, Pointwise, param, port, setting
from n2s.graph.seeds import seed_of
from n2s.graph.shader import cos, exp2, fma, pixel_hash, power, sin, uniform
from n2s.graph.types import Frames
from n2s.nodes.bloom import bloomed


class Glow(Pointwise):
    """Let a soft light shine from a place, as strong as any signal says.

    Per colour, in light: out = light + (1 - light) * g / (1 + g), g = amount * colour * (1 + k d² / radius²) **
    -falloff, d the distance from the place in heights, and k = 2 ** (1 / falloff) - 1, so that g is half as strong at
    the radius. This profile is that of stars on film (Moffat, 1969): round in the middle, with arms that reach far.
    It is screened over the picture: bright places keep their shapes, and nothing gets whiter than white.
    """

    frames: Frames = port("what it shines over")
    amount: Param = param(0.6, ge=0, le=16, help="how strong it is in its middle, in light: 1 fills half to the colour")
    x: Param = param(0.0, ge=-4, le=4, unit="heights", help="where it is, from the centre to the right")
    y: Param = param(0.0, ge=-4, le=4, unit="heights", help="where it is, from the centre down")
    radius: Param = param(0.2, ge=0.001, le=4, unit="heights", help="where it is half as strong as in its middle")
    falloff: Param = param(3.0, ge=0.5, le=16, help="how fast it falls off beyond: 1 reaches far, 8 hardly")
    colour: Colour = setting("#ffb478", help="its colour, as #rrggbb")

    neutral = {"amount": 0}

    def fill(self, scene: Any) -> dict[str, Any]:
        return dict(zip(("red", "green", "blue"), light_of(self.colour)))

    def prepare(self, amount, x, y, radius, falloff) -> dict[str, Any]:
        tight = (exp2(np.float32(1) / falloff) - np.float32(1)) / (radius * radius)
        return {"amount": amount, "x": x, "y": y, "tight": tight, "falloff": falloff}

    @staticmethod
    def pixel(rgb, at, amount, x, y, tight, falloff, red, green, blue):
        across = (at.u - 0.5) * (at.width / at.height) - x
        down = at.v - 0.5 - y
        glow = amount * power(fma(tight, fma(across, across, down * down), 1), -falloff)
        return screened(rgb, red * glow, green * glow, blue * glow, amount)


def screened(rgb, red, green, blue, amount):
    """Return a colour with light screened over it; with an amount of 0 itself, to the last bit."""
    r, g, b = bloomed(rgb[0], red), bloomed(rgb[1], green), bloomed(rgb[2], blue)
    r = rgb[0] if amount <= 0 else r
    g = rgb[1] if amount <= 0 else g
    b = rgb[2] if amount <= 0 else b
    return r, g, b


class LightLeak(Pointwise):
    """Let light leak in at the edges, as through the back of an old camera: three soft lights that wander.

    Each light comes from a place on the edge, which a hash of seed and number says, and which swings as ``phase``
    grows, as does how strong it is. With s and t the distances from there, in and along the edge, both in heights, and
    r = 0.7 to 1.3 times the size, by a hash, f = 1 / (1 + (s / r)² + (t / 1.6 r)²): red comes as f⁴, green as f⁶ and
    blue as f⁵, so that each light runs from its colour into a deep red. Their sum, times the amount, is screened over
    the picture in light, as `Glow` is. A whole ``phase`` is about one swing there and back: ``phase: = 0.05 * time``
    lets them wander slowly.
    """

    frames: Frames = port("what light leaks over")
    amount: Param = param(1.2, ge=0, le=16, help="how strong it is where it comes in, in light")
    size: Param = param(0.4, ge=0.01, le=4, unit="heights", help="how far it reaches in, in heights of the frame")
    phase: Param = param(0.0, ge=-1e5, le=1e5, unit="swings", help="how far the lights wandered; = 0.05 * time is slow")
    colours: list[Colour] = setting(["#ff6a1a", "#ff3d7a", "#ffae42"], help="of the three lights, 1 to 3 as #rrggbb")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other places")

    neutral = {"amount": 0}

    @field_validator("colours")
    @classmethod
    def _are_few(cls, value: list[str]) -> list[str]:
        if not 1 <= len(value) <= 3:
            raise ValueError(f"1 to 3 colours were wanted, not {len(value)}")
        return value

    def fill(self, scene: Any) -> dict[str, Any]:
        a, b, c = map(light_of, (3 * self.colours)[:3])  # fewer colours are shared
        seed = seed_of(scene.seed, "LightLeak", self.seed)
        width, height = map(np.float32, scene.size)
        return {
            "drawn": [draw(seed, np.arange(3), which) for which in range(3)],
            "turn": draw(seed, np.array([3]), 0),
            "aspect": width / height,
            **by_channel("a", a), **by_channel("b", b), **by_channel("c", c),
        }  # fmt: skip

    def prepare(self, amount, size, phase, drawn, turn, aspect) -> dict[str, Any]:
        start, first, second = (each[:, None] for each in drawn)
        # in turns around the frame; the lights keep apart
        place = turn + (np.arange(3, dtype=np.float32)[:, None] + 0.5 * start) / 3
        place = place + 0.09 * sin(phase * (0.6 + 0.5 * first) + second) + 0.04 * sin(phase * (1.3 + first) + start)
        across, down = cos(place), sin(place)
        reach = 1.04 / np.maximum(abs(across) * 2 / aspect, abs(down) * 2)  # to just beyond the edge
        aim = place + 0.06 * sin(phase * (0.8 + 0.5 * second) + first)
        wide = size * (0.7 + 0.6 * second)
        # How far a place is in along the aim, and along the edge, in r and 1.6 r: each a sum of x, y and a number.
        in_x, in_y = cos(aim) / wide, sin(aim) / wide
        along_x, along_y = in_y * np.float32(1 / 1.6), -in_x * np.float32(1 / 1.6)
        lights = {
            "in_x": in_x, "in_y": in_y, "in_0": -reach * (across * in_x + down * in_y),
            "along_x": along_x, "along_y": along_y, "along_0": -reach * (across * along_x + down * along_y),
            "strong": amount * (0.58 + 0.42 * sin(phase * (0.9 + 0.6 * start) + first + second)),
        }  # fmt: skip
        each = {f"{name}_{light}": row for name, rows in lights.items() for light, row in zip("abc", rows)}
        return {"amount": amount, **each}

    @staticmethod
    def pixel(
        rgb, at, amount, in_x_a, in_y_a, in_0_a, along_x_a, along_y_a, along_0_a, strong_a, in_x_b, in_y_b, in_0_b,
        along_x_b, along_y_b, along_0_b, strong_b, in_x_c, in_y_c, in_0_c, along_x_c, along_y_c, along_0_c, strong_c,
        a_r, a_g, a_b, b_r, b_g, b_b, c_r, c_g, c_b,
    ):  # fmt: skip
        x, y = (at.u - 0.5) * (at.width / at.height), at.v - 0.5
        a = leaked(fma(x, in_x_a, fma(y, in_y_a, in_0_a)), fma(x, along_x_a, fma(y, along_y_a, along_0_a)))
        b = leaked(fma(x, in_x_b, fma(y, in_y_b, in_0_b)), fma(x, along_x_b, fma(y, along_y_b, along_0_b)))
        c = leaked(fma(x, in_x_c, fma(y, in_y_c, in_0_c)), fma(x, along_x_c, fma(y, along_y_c, along_0_c)))
        a_2, b_2, c_2 = a * a, b * b, c * c
        a_4, b_4, c_4 = a_2 * a_2, b_2 * b_2, c_2 * c_2
        # What is the same for all pixels is multiplied first, which is done once.
        red = fma(c_4, strong_c * c_r, fma(b_4, strong_b * b_r, a_4 * (strong_a * a_r)))
        green = fma(c_4 * c_2, strong_c * c_g, fma(b_4 * b_2, strong_b * b_g, a_4 * a_2 * (strong_a * a_g)))
        blue = fma(c_4 * c, strong_c * c_b, fma(b_4 * b, strong_b * b_b, a_4 * a * (strong_a * a_b)))
        return screened(rgb, red, green, blue, amount)


def leaked(inwards, along):
    """Return how near a place is to a light: 1 / (1 + (s / r)² + (t / 1.6 r)²)."""
    return 1 / fma(inwards, inwards, fma(along, along, 1))


def draw(seed, number, which):
    """Return a number in 0..1 for each of some lights."""
    with np.errstate(over="ignore"):  # hashes overflow on purpose
        return uniform(pixel_hash(np.uint32(seed), number, 0, which))
