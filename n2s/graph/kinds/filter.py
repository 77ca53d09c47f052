"""Nodes that spread the light of their picture and join it with the picture."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from n2s.graph.kinds.pointwise import Pointwise


class Gaussians(NamedTuple):
    """What the light of each frame of a block is spread by: a sum of K Gaussians, K the same for all frames.

    Attributes
    ----------
    sigma : float32 (B, K)
        Their standard deviations, as shares of the frame's height, 0 or more. 0 spreads nothing.
    weight : float32 (B, K) or (B, K, 3)
        How much light each gives; with three columns, how much of red, green and blue.
    """

    sigma: np.ndarray
    weight: np.ndarray


class Filter(Pointwise):
    """A node that spreads light: each pixel is made from the picture, and from the picture's light spread around it.

    Its author writes

    - ``spread(self, <parameters>)``, once for each block of frames, on float32 (B,) arrays: it returns the `Gaussians`
      whose sum spreads the light;
    - the static method ``pixel(rgb, soft, at, <numbers>)``, which joins one (r, g, b) tuple per Frames port and
      `soft`, the spread light of the first, in light (`n2s.graph.shader.to_light`), not in display values.

    soft = sum over k of weight[k] * (the Gaussian of sigma[k] * light of the first picture). Beyond the edge the edge
    continues. ``prepare`` is as in `Pointwise`.
    """

    kind: ClassVar[str] = "filter"
    part: ClassVar[str] = "soft"
