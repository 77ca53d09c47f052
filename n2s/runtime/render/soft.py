"""The spread light of filters: sums of Gaussians of a picture's light."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.graph import authors
from n2s.graph.shader import to_light
from n2s.plan.stages import Stage
from n2s.runtime.render.opened import Opened


class Soft:
    """Makes the hidden stage of a filter.

    soft = sum over k of weight[k] * (the Gaussian of sigma[k] * light), whose weights are sampled on whole pixels to
    four deviations and sum to 1; beyond the edge the edge continues.
    """

    reads_in_place = False

    def __init__(self, opened: Opened, stage: Stage):
        self.graph, self.name = opened.plan.graph, stage.node

    def make(self, given: np.ndarray, span: tuple[int, int], params: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        node = self.graph.nodes[self.name]
        sigma, weight = authors.call(self.graph, self.name, "spread", node.spread, span=span, **params)
        for frame, sigmas, weights, soft in zip(given, sigma, weight, out):
            light = to_light(frame)
            soft[...] = 0
            for deviation, gain in zip(sigmas * np.float32(light.shape[1]), weights):
                soft += np.reshape(gain, (-1, 1, 1)) * _blurred(light, float(deviation))


def _blurred(light: np.ndarray, sigma: float) -> np.ndarray:
    """Return a picture blurred by a Gaussian, rows first, then columns."""
    reach = int(np.ceil(4 * sigma))
    if not reach:
        return light
    places = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (places / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (1, 2):
        at = np.arange(light.shape[axis])
        light = sum(tap * light.take(np.clip(at + place, 0, at[-1]), axis) for tap, place in zip(taps, places))
    return light
