"""Oklab, in which equal steps look equal: blends of colours in it stay bright and clean.

Björn Ottosson, "A perceptual color space for image processing", 2020 (https://bottosson.github.io/posts/oklab/), with
the matrices of his revision of 2021-01-25 for linear light of sRGB's primaries, which are those of BT.709.
"""

from __future__ import annotations

import numpy as np

_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
_FROM_LAB = np.array([
    [1.0, 0.3963377774, 0.2158037573],
    [1.0, -0.1055613458, -0.0638541728],
    [1.0, -0.0894841775, -1.2914855480],
])  # fmt: skip
_FROM_CONES = np.array([
    [4.0767416621, -3.3077115913, 0.2309699292],
    [-1.2684380046, 2.6097574011, -0.3413193965],
    [-0.0041960863, -0.7034186147, 1.7076147010],
])  # fmt: skip


def to_oklab(colours: np.ndarray) -> np.ndarray:
    """Return display values (..., 3) as Oklab (..., 3): lightness 0..1, green to red, blue to yellow; float64."""
    light = np.square(np.asarray(colours, np.float64))  # the library's linearisation, `n2s.graph.shader.to_light`
    return np.cbrt(light @ _TO_CONES.T) @ _TO_LAB.T


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """Return the display values (..., 3) of Oklab colours, held within 0..1."""
    light = (np.asarray(lab, np.float64) @ _FROM_LAB.T) ** 3 @ _FROM_CONES.T
    return np.sqrt(np.clip(light, 0, 1))
