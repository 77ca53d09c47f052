"""The spread light of filters: sums of Gaussians, each on the level of a pyramid that is just fine enough for it.

A Gaussian of deviation sigma (pixels) is applied on the level l (whose pixels are 2**l pixels wide) where
sigma / 2**l is within 1.5..3, or on the last one, by taps that hold what the halving and the enlarging do not add to
the variance already. Over the last eighth of this range, in octaves, it moves over to the next level, so that a moving
sigma makes no jump. Its sum comes within 1 % of the peak of the exact one: 0.6 % away at 1.5, 0.1 % from 2.1 on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.declare import Filter
from n2s.graph.kinds.filter import halved
from n2s.graph.shader import smoothstep
from n2s.plan.stages import Stage
from n2s.runtime.render import kernels
from n2s.runtime.render.edges import describe, prepared_columns, wanted_by
from n2s.runtime.render.kernels import pyramid
from n2s.runtime.render.opened import Opened

COARSEST = 32  # pixels of the smaller side: half a pixel, by which an odd side moves its edge, must not be seen
LEAST = 1.5  # sigma over the pixels of its level, from here to twice this
BAND = 0.125  # octaves over which a Gaussian moves to the next level
CUT = 3.5  # deviations, where taps end
MOST_GAUSSIANS = 16
LARGEST = 4.0  # heights
_ADDED = {0: 2.5, 1: 2.0}  # by a side that is even or odd: the variance, in pixels, of halving and enlarging


class Soft:
    """Makes the hidden stage of a filter, frame by frame; the levels lie in memory that is used again."""

    reads_in_place = False

    def __init__(self, opened: Opened, stage: Stage):
        plan, (width, height) = opened.plan, cast(Any, stage.reads["0"].size)
        self.graph, self.name = plan.graph, stage.node
        self.node = cast(Filter, plan.graph.nodes[stage.node])
        self.base = int(stage.size != (width, height))  # the level of what is returned
        self.numbers = kernels.uniform_names(type(self.node), "source")
        self.filled = opened.filled.get(stage.node, ({}, {}))[1]
        self.seeds = np.array([kernels.node_seed(plan.scene.seed, self.node)], np.uint32)
        self.thresholds = kernels.dither_pattern(False, width)
        self.source = opened.source_of(stage.node, (width, height), bool(self.base))
        self.halve, self.enlarge, self.add = (
            pyramid.compile_part(name, opened.store.kernels) for name in ("halve", "enlarge", "add_gaussian")
        )
        self.shapes = [(height, width)]
        while min(self.shapes[-1]) >= 2 * COARSEST:
            self.shapes.append(halved(self.shapes[-1]))
        if self.base and len(self.shapes) == 1:
            self.shapes.append(halved(self.shapes[0]))
        self._levels: dict[int, np.ndarray] = {}
        self._sums: dict[int, np.ndarray] = {}

    def make(self, given: np.ndarray, span: tuple[int, int], params: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        wanted = wanted_by(type(self.node).prepare, self.filled)
        prepared = authors.call(self.graph, self.name, "prepare", self.node.prepare, span=span, **params, **wanted)
        columns = prepared_columns(self.graph, self.name, prepared, self.numbers, span, method="source")
        numbers = np.zeros((len(out), len(columns)), np.float32)
        for i, column in enumerate(columns):
            numbers[:, i] = column
        sigmas, weights = self._gaussians(span, params)
        for i, soft in enumerate(out):
            self._make_light(span[0] + i, numbers[i : i + 1], given[i : i + 1])
            self._spread(sigmas[i], weights[i], soft)

    def _make_light(self, frame: int, numbers: np.ndarray, picture: np.ndarray) -> None:
        """Make what is spread of one frame, on the base level.

        What is not finite in it comes out of the sums too, where the kernel that reads them finds it.
        """
        light = self._level(self.base)[None]
        try:
            self.source(frame, self.seeds, numbers, self.thresholds, [picture], light)
        except kernels.CompileError as error:
            code = type(self.node).source.__code__
            text = f"source cannot be compiled: {error} ({code.co_filename}:{code.co_firstlineno})"
            raise authors.wrong(self.graph, self.name, text) from error.__cause__

    def _gaussians(self, span: tuple[int, int], params: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the deviations (B, K), in pixels, and the weights (B, K, 3) that the node's author says."""
        made = authors.call(self.graph, self.name, "spread", self.node.spread, span=span, **params)
        problem = _problem(made, span[1] - span[0])
        if problem:
            raise authors.wrong(self.graph, self.name, f"spread gave {problem} at {authors.in_words(span)}.")
        sigma, weight = (np.broadcast_to(part, (span[1] - span[0], *part.shape[1:])) for part in made)
        pixels = np.maximum(sigma.astype(np.float64), self.node.finest) * self.shapes[0][0]
        weight = weight if weight.ndim == 3 else np.repeat(weight[:, :, None], 3, axis=2)
        return pixels, weight.astype(np.float32)

    def _spread(self, sigmas: np.ndarray, weights: np.ndarray, soft: np.ndarray) -> None:
        """Write the sum of the Gaussians of the base level's light into ``soft``."""
        shared: dict[int, list[tuple[float, np.ndarray]]] = {}
        for sigma, weight in zip(sigmas, weights):
            for level, share in self._shares(float(sigma)) if weight.any() else ():
                shared.setdefault(level, []).append((float(sigma), weight * np.float32(share)))
        top = max(shared, default=self.base)
        for level in range(self.base, top):
            self.halve(self._level(level), self._level(level + 1))
        for level in range(top, self.base - 1, -1):
            total, first = soft if level == self.base else self._sum(level), True
            for sigma, weight in shared.get(level, ()):
                rows, columns = (self._taps(sigma, axis, level) for axis in (0, 1))
                self.add(self._level(level), rows, columns, weight, total, first)
                first = False
            if level < top:
                self.enlarge(self._sum(level + 1), total, first)
            elif first:
                total[...] = 0

    def _shares(self, sigma: float) -> list[tuple[int, float]]:
        """Return the levels that make a Gaussian, and how much of it each makes."""
        last = len(self.shapes) - 1
        octaves = math.log2(sigma / LEAST) if sigma > 0 else -1.0
        level = min(max(math.floor(octaves), self.base), last)
        moved = float(smoothstep(1 - BAND, 1, octaves - level))
        if level == last or moved == 0:
            return [(level, 1.0)]
        return [(level + 1, 1.0)] if moved == 1 else [(level, 1 - moved), (level + 1, moved)]

    def _taps(self, sigma: float, axis: int, level: int) -> np.ndarray:
        """Return the weights of a Gaussian on a level, rows or columns, as `gaussians.add_gaussian` takes them."""
        added = sum(4**below * _ADDED[shape[axis] & 1] for below, shape in enumerate(self.shapes[:level]))
        return gaussian_taps((sigma * sigma - added) / 4**level)

    def _level(self, level: int) -> np.ndarray:
        return self._memory(self._levels, level)

    def _sum(self, level: int) -> np.ndarray:
        return self._memory(self._sums, level)

    def _memory(self, kept: dict[int, np.ndarray], level: int) -> np.ndarray:
        if level not in kept:
            kept[level] = np.empty((3, *self.shapes[level]), np.float32)
        return kept[level]


def gaussian_taps(variance: float) -> np.ndarray:
    """Return the weights of a Gaussian's centre and of its sides, which sum to 1; of an even number of pairs.

    A variance of 0 or below gives a one in the middle.
    """
    reach = math.ceil(CUT * math.sqrt(variance)) if variance > 0 else 0
    weights = [math.exp(-0.5 * place * place / variance) if place else 1.0 for place in range(reach + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    taps = np.zeros(1 + 2 * max(1, -(-reach // 2)), np.float32)
    taps[: reach + 1] = [weight / total for weight in weights]
    return taps


def _problem(made: object, frames: int) -> str:
    """Say what is wrong with what an author's ``spread`` returned."""
    wanted = f"Gaussians of float32 sigma ({frames}, K) and weight ({frames}, K) or ({frames}, K, 3) were wanted"
    if not isinstance(made, tuple) or len(made) != 2 or not all(isinstance(part, np.ndarray) for part in made):
        return f"{describe(made)}; {wanted}"
    sigma, weight = made
    right = sigma.ndim == 2 and len(sigma) in (1, frames) and 1 <= sigma.shape[1] <= MOST_GAUSSIANS
    columns = sigma.shape[1:]
    if (
        not right
        or len(weight) not in (1, frames)
        or weight.shape[1:] not in (columns, (*columns, 3))
        or {sigma.dtype.kind, weight.dtype.kind} != {"f"}
    ):
        return f"sigma {describe(sigma)} and weight {describe(weight)}; {wanted}, K within 1..{MOST_GAUSSIANS}"
    if not (np.isfinite(weight).all() and (sigma >= 0).all() and (sigma <= LARGEST).all()):
        return f"sigma {sigma.min():.4g} to {sigma.max():.4g} and weight {weight.min():.4g} to {weight.max():.4g}; " + (
            f"sigma must be within 0..{LARGEST:g}, and weights finite"
        )
    return ""
