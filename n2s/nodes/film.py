"""What befalls a film and its projector: dust, hairs, scratches, light that trembles."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Param, Pointwise, Seconds, param, port, setting
from n2s.graph.shader import cos, counted, exp2, fade, fract, hash32, length, mix, pixel_hash, sin, uniform
from n2s.graph.types import Frames

WIDE = 16 / 9  # heights; what is counted lies on a picture of this shape
CELL = 26.0  # sizes of the largest speck: the side of a cell, which holds one thing or none
LANE = 0.16  # heights: a strip that holds one scratch or none
LANES = 512  # more than any picture has
EARLY = 0.01  # of a film's frame: more than what float32 may lack where one begins, less than anyone sees


class Dust(Pointwise):
    """Put dust and hairs on each frame of a film, and scratches that stay for some frames.

    The film has ``rate`` frames a second, whatever the frame rate, and each has specks and hairs of its own. Its plane
    is cut into cells of 26 ``size``, put elsewhere in each frame, and a hash of the seed, the film's frame and the cell
    says whether a speck or a hair lies in it, where, how large, how turned and bent, and whether it is dark (dust on
    the print) or bright (dust on the negative): out = mix(rgb, tone, amount * coverage). A scratch runs from top to
    bottom in one of the strips of 0.16 heights, trembles with the film's frames, and comes and goes within ``life``.
    Edges are as soft as a pixel; what is finer than a pixel is fainter, so that a draft shows what 4K does.
    """

    frames: Frames = port("what is on the film")
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

    def fill(self, scene: Any) -> dict[str, Any]:
        fps = float(scene.clock.fps)
        return {"film_frames": self.rate / fps, "lives": 1 / (scene.clock.seconds(self.life) * fps)}

    def prepare(self, amount, specks, hairs, scratches, bright, size) -> dict[str, Any]:
        cell = size * np.float32(CELL)
        each = cell * cell * np.float32(1 / WIDE)
        return {
            "amount": amount,
            "hair": hairs * each,
            "thing": (specks + hairs) * each,
            "scratch": scratches * np.float32(LANE / WIDE),
            "bright": bright,
            "size": size,
            "cells": 1 / cell,
        }

    @staticmethod
    def pixel(rgb, at, amount, hair, thing, scratch, bright, size, cells, film_frames, lives):
        x, y = (at.u - 0.5) * (at.width / at.height), at.v - 0.5
        film_frame = counted(at.frame) * film_frames + EARLY
        film_frame = film_frame - fract(film_frame)

        # Cells, put elsewhere in each frame of the film, so that their borders are never seen.
        moved = uniform(pixel_hash(at.seed, film_frame, 0, 0))
        column, row = x * cells + moved + 512, y * cells + fract(moved * 4096) + 512
        across, down = fract(column) - 0.5, fract(row) - 0.5
        found = pixel_hash(at.seed, film_frame, row - fract(row) + 1, column - fract(column))
        kind = uniform(found)
        found = hash32(found)
        place = uniform(found)
        shape = uniform(hash32(found))
        long, turned, bow = fract(shape * 4096), shape, fract(place * 64) - 0.5
        is_hair = kind < hair
        reach = (4 + 5 * long) * size if is_hair else 0.5 * long * long * size
        radius = 0.13 * size if is_hair else (0.2 + 0.8 * long * long * long) * size
        free = 0.5 - (1.15 * reach + radius) * cells  # so that it lies in its cell
        dx = (across - (2 * place - 1) * free) * (CELL * size)
        dy = (down - (2 * fract(place * 4096) - 1) * free) * (CELL * size)
        distance = bent_line(dx * cos(turned) + dy * sin(turned), dy * cos(turned) - dx * sin(turned), reach, bow)
        fine = min(2 * radius * at.height, 1)
        cover = covered(distance, radius, at.height) * (of_line(fine) if is_hair else fine) * (kind < thing)
        tone = fract(shape * 64) < bright

        # Strips, in each of which scratches follow each other, begun at different times.
        lane = x * (1 / LANE) + LANES / 2
        number = lane - fract(lane)
        life = counted(at.frame) * lives + fract(number * 0.618034)
        drawn = pixel_hash(at.seed, 0, 1, (life - fract(life)) * LANES + number)
        chance, place = uniform(drawn), uniform(hash32(drawn))
        trembles = uniform(pixel_hash(at.seed, film_frame, 0, 2))
        sways = 0.004 * sin(0.3 * y + life + place)
        aside = (fract(lane) - (0.1 + 0.8 * place)) * LANE + sways + 0.0008 * (trembles - 0.5)
        age = fract(life)
        worn = 0.35 + 0.65 * fract(place * 64) * gaps(y, film_frame, at.seed)
        seen = min(8 * min(age, 1 - age), 1) * worn * (chance < scratch)
        radius = (0.1 + 0.15 * fract(place * 4096)) * size
        line = covered(abs(aside), radius, at.height) * of_line(min(2 * radius * at.height, 1)) * seen
        tone = tone if cover > line else fract(place * 1024) < bright
        cover = max(cover, line) * amount
        tone = 0.02 + 0.93 * tone
        return mix(rgb[0], tone, cover), mix(rgb[1], tone, cover), mix(rgb[2], tone, cover)


def bent_line(along, beside, reach, bow):
    """Return how far a point is from a line that is bent like a bow, from -reach to reach; a dot where reach is 0.

    It lies at beside = 1.2 bow reach t² + 0.3 reach (t - t³), t = along / reach; the distance is measured across it.
    """
    reach = max(reach, 0.000001)
    t = min(max(along / reach, -1), 1)
    off = beside - reach * t * (1.2 * bow * t + 0.3 * (1 - t * t))
    slope = 2.4 * bow * t + 0.3 - 0.9 * t * t
    return length(max(abs(along) - reach, 0), off / length(1, slope))


def covered(distance, radius, height):
    """Return how much of a pixel a thing covers that is so far; of one finer than a pixel, more than that."""
    return min(max(0.5 + (radius - distance) * height, 0), 1)


def of_line(fine):
    """Return which part of `covered` is true of a line that is ``fine`` pixels wide, 0..1; of a dot it is ``fine``."""
    rest = 1 - fine
    return 1 - rest * rest * rest


def gaps(y, film_frame, seed):
    """Return how strong a scratch is along its way, 0..1: it breaks off and comes again, elsewhere in each frame."""
    along = y * 5 + 1024
    part = fract(along)
    above = uniform(pixel_hash(seed, film_frame, along - part, 3))
    below = uniform(pixel_hash(seed, film_frame, along - part + 1, 3))
    return min(1.6 * mix(above, below, fade(part)), 1)


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
