"""Nodes that spread the light of their picture and join it with the picture."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from n2s.graph.kinds.pointwise import Pointwise
from n2s.graph.shader import to_light

HALF_SIZE_FROM = 3.0  # pixels: from this deviation on, half the size holds a Gaussian within 1 %


class Gaussians(NamedTuple):
    """What the light of each frame of a block is spread by: a sum of K Gaussians, K the same for all frames.

    One row, (1, K), holds for all of them.

    Attributes
    ----------
    sigma : float32 (B, K)
        Their standard deviations, as shares of the frame's height, within 0..4. 0 spreads nothing.
    weight : float32 (B, K) or (B, K, 3)
        How much light each gives; with three columns, how much of red, green and blue. What has no weight in a frame
        takes no time.
    """

    sigma: np.ndarray
    weight: np.ndarray


class Filter(Pointwise):
    """A node that spreads light: each pixel is made from the picture, and from light of the picture spread around it.

    Its author writes

    - ``spread(self, <parameters>)``, once for each block of frames, on float32 (B,) arrays: it returns the `Gaussians`
      whose sum spreads the light;
    - the static method ``pixel(rgb, soft, at, <numbers>)``: one (r, g, b) tuple per Frames port, then `soft`, the
      spread light, in light (`n2s.graph.shader.to_light`) and not in display values; the rest is as in `Pointwise`;
    - perhaps the static method ``source(rgb, at, <numbers>)``: the (r, g, b) that is spread, in light, made from the
      first picture. By default it is the light of this picture.

    soft = sum over k of weight[k] * (the Gaussian of sigma[k] * source). Beyond the edge the picture is
    mirrored. Numbers of ``pixel`` and ``source`` come from the parameters, or from ``prepare``.

    ``finest`` is the smallest deviation there is, as a share of the frame's height: smaller ones are taken as this one.
    Where it is `HALF_SIZE_FROM` pixels or more, the light is spread in half the size, which takes a third of the time.
    """

    kind: ClassVar[str] = "filter"
    part: ClassVar[str] = "soft"
    finest: ClassVar[float] = 0.0

    @staticmethod
    def source(rgb, at):
        return to_light(rgb[0]), to_light(rgb[1]), to_light(rgb[2])

    def part_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height of the spread light of a picture of a size."""
        return halved(size) if self.finest * size[1] >= HALF_SIZE_FROM else size


def halved(sides: tuple[int, int]) -> tuple[int, int]:
    """Return half of two sides, rounded up."""
    return (sides[0] + 1) // 2, (sides[1] + 1) // 2
