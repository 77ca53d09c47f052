"""Lenses that count places by distance and angle: tunnels, polar pictures, zooms without end."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import atan2, cos, exp2, fma, fract, length, log2, mix, sin
from n2s.graph.types import Frames

CENTRE = 6.0  # pixels about a point where rings end, as smaller ones could not be told from each other


def within_a_period(travel: np.ndarray, edge: str, amount: np.ndarray | float = 1.0) -> np.ndarray:
    """Return how far a picture has moved, in heights, without the whole periods of 2 after which its copies look alike.

    So float32 holds the places of an endless flight as finely as those of its beginning. ``amount`` is the share of its
    way that each place goes: of that way periods are taken out. Beyond the edges "clamp" and "black" there are no
    copies, and the picture moves away for good.
    """
    if edge not in ("mirror", "wrap"):
        return travel
    share = np.asarray(amount, np.float64)
    moved = np.remainder(share * travel, 2) / np.maximum(share, 1e-9)
    return np.where(share > 0, moved, 0).astype(np.float32)


class Tunnel(Lens):
    """Wind a picture into a tunnel that one looks into: its width goes around, its height into the depth.

    At the distance d and the angle a from c = (center_x, center_y), (x, y) shows (a around, travel - depth log2(2 d))
    where a, -0.5..0.5, goes once around, times the picture's aspect; the mirrored edge joins both ends. An endless
    flight is `travel: = way` with an Integrate that the music drives.
    """

    frames: Frames = port("what the tunnel is made of")
    travel: Param = param(0.0, ge=-1e4, le=1e4, unit="heights", help="how far one has flown")
    depth: Param = param(0.5, ge=0.01, le=10, unit="heights", help="how much of the picture lies in each halving")
    around: Param = param(2.0, ge=0.1, le=32, help="how often the picture is wound around; whole even numbers join")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the tunnel is turned")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="where it leads, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="where it leads, from the centre down")

    def prepare(self, travel, depth, around, turn, center_x, center_y) -> dict[str, Any]:
        return {
            "travel": within_a_period(travel, self.edge), "depth": depth, "around": around,
            "turned": np.remainder(turn, 360) * np.float32(1 / 360), "center_x": center_x, "center_y": center_y,
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, travel, depth, around, turned, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        distance = max(length(dx, dy), 0.00001)
        angle = atan2(dy, dx) - turned
        return angle * (around * at.aspect), fma(-depth, log2(2 * distance), travel)


class Polar(Lens):
    """Wind a picture around a point, like a small planet, or unroll what lies around a point into a strip.

    To polar: at the distance d and the angle a, -0.5..0.5, from c = (center_x, center_y), (x, y) shows
    (a around aspect, 1/2 - d / radius): the lower edge of the picture lies at the point, the upper one at the radius.
    To rectangular, the other way: it shows the distance radius (1/2 - y) and the angle x / (around aspect) about c,
    so that both together give the picture back. In both directions ``turn`` turns the angle and ``travel`` moves along
    the distance; ``amount`` moves each place that share of its way, on a straight line.
    """

    frames: Frames = port("what is wound or unrolled")
    to: Literal["polar", "rectangular"] = setting("polar", help="polar winds it around a point, rectangular unrolls it")
    amount: Param = param(1.0, ge=0, le=1, help="how far it is wound or unrolled; 0 is the picture")
    radius: Param = param(0.8, ge=0.01, le=10, unit="heights", help="how far from the point its upper edge lies")
    around: Param = param(2.0, ge=0.1, le=32, help="how often it goes around; whole even numbers join when mirrored")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far it is turned clockwise")
    travel: Param = param(0.0, ge=-1e4, le=1e4, unit="heights", help="how far it has moved outwards")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre down")

    neutral = {"amount": 0, "shutter": 0}

    def prepare(self, amount, radius, around, turn, travel, center_x, center_y) -> dict[str, Any]:
        return {
            "amount": amount, "radius": radius, "around": around, "turned": np.remainder(turn, 360) / np.float32(360),
            "travel": within_a_period(travel, self.edge, amount) if self.to == "polar" else travel,
            "center_x": center_x, "center_y": center_y,
            "wound": np.full_like(amount, self.to == "polar"),
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, amount, radius, around, turned, travel, center_x, center_y, wound):
        dx, dy = x - center_x, y - center_y
        if wound > 0.5:
            u = (fract(atan2(dy, dx) + 0.25 - turned + 0.5) - 0.5) * (around * at.aspect)
            v = 0.5 + travel - length(dx, dy) * (1 / radius)
        else:
            distance, angle = radius * (0.5 + travel - y), fma(x, 1 / (around * at.aspect), turned - 0.25)
            u, v = fma(distance, cos(angle), center_x), fma(distance, sin(angle), center_y)
        return mix(x, u, amount), mix(y, v, amount)


class EndlessZoom(Lens):
    """Fly into a picture without end: it holds itself, smaller and smaller, as rings, as frames or as a spiral.

    About c = (center_x, center_y), with d and a the distance and the angle (in turns) of a place, P the period in
    octaves of distance and k = twist P: l = log2(d / size) + k a and b = a - k (ln 2 / 2 pi)^2 log2(d / size), which
    winds rings to a spiral and keeps angles (the Droste effect: de Smit and Lenstra, Notices of the AMS 50, 2003).
    For the shape ``frame`` log2 max(|cos b| / aspect, |sin b|) is added to l and taken off the distance at the end.
    With f = fract(l / P - phase), the place shows the distance size 2^(P (f - 1)) at the angle b + turn; where
    ``mirrored``, size 2^(P (|2 f - 1| - 1) / 2), so that rings join to their mirror images. P is log2 scale, and twice
    that where mirrored. The picture comes back with each whole ``phase``: `phase: = bar` passes a period in a bar, and
    an Integrate that the music drives never ends.
    """

    frames: Frames = port("what holds itself")
    phase: Param = param(0.0, ge=-1e6, le=1e6, help="how far one has flown; whole numbers look alike")
    scale: Param = param(3.0, ge=1.05, le=1000, help="how much larger a ring is than the next one")
    twist: Param = param(2.0, ge=-16, le=16, help="arms of the spiral; whole numbers join, 0 makes rings")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the picture is turned in its rings")
    size: Param = param(0.5, ge=0.01, le=10, unit="heights", help="how far from the point the picture is seen")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="where it leads, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="where it leads, from the centre down")
    shape: Literal["circle", "frame"] = setting("circle", help="the shape of the rings: circles, or that of the frame")
    mirrored: bool = setting(True, help="whether rings are mirrored by turns, so that no edge shows between them")

    def prepare(self, phase, scale, twist, turn, size, center_x, center_y) -> dict[str, Any]:
        octaves = np.log2(scale.astype(np.float64))
        period = octaves * (2 if self.mirrored else 1)
        made = {
            "phase": np.remainder(phase, 1), "octaves": octaves, "often": 1 / period, "arms": twist * period,
            "bend": twist * period * (np.log(2) / (2 * np.pi)) ** 2, "turned": np.remainder(turn, 360) / 360,
            "size": size, "center_x": center_x, "center_y": center_y,
            "framed": np.full_like(phase, self.shape == "frame"), "mirrored": np.full_like(phase, self.mirrored),
        }  # fmt: skip
        return {name: number.astype(np.float32) for name, number in made.items()}

    @staticmethod
    def where(x, y, at, phase, octaves, often, arms, bend, turned, size, center_x, center_y, framed, mirrored):
        dx, dy = x - center_x, y - center_y
        distance, least = length(dx, dy), CENTRE / at.height
        far = log2(max(distance, least) / size)
        angle = atan2(dy, dx)
        wound = fma(-bend, far, angle)
        across, down = cos(wound), sin(wound)
        if framed > 0.5:  # two loops are made of it, and that of circles has one logarithm
            inner = log2(max(abs(across) / at.aspect, abs(down)))
        else:
            inner = 0 * far
        place = fract(fma(fma(arms, angle, far) + inner, often, -phase))
        ring = mix(place, abs(fma(2, place, -1)), mirrored) - 1
        reach = size * exp2(fma(ring, octaves, -inner)) * min(distance * (1 / least), 1)
        along, beside = cos(turned), sin(turned)
        ahead, aside = fma(across, along, -(down * beside)), fma(down, along, across * beside)
        return fma(reach, ahead, center_x), fma(reach, aside, center_y)
