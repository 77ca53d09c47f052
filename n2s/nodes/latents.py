"""Latents from named places, blended and smoothed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from n2s.graph.context import Block, ModelCard, Scene
from n2s.graph.declare import LATENTS_OUTPUT, AnchorOrPicture, FolderPath, Seconds, Streamed, port, setting
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest_array
from n2s.graph.paths import is_name
from n2s.graph.types import Latents, Signal
from n2s.nodes.signals import follow_rate


class OfAnchors(Streamed):
    """A node that reads anchors of a model, or pictures: it has the settings ``names`` and ``model``."""

    def check_model(self, model: ModelCard) -> list[tuple[tuple, str]]:
        lacks = [model.lacks_anchor(name) if is_name(name) else model.lacks_encoder() for name in self.names]
        return [(("names", i), text) for i, text in enumerate(lacks) if text]

    def required_tools(self) -> tuple[str, ...]:
        return () if all(map(is_name, self.names)) else ("onnxruntime",)  # which encodes pictures

    def digests(self, scene: Scene) -> dict[str, str]:
        model, found = scene.model(self.model), []
        for name in self.names:
            if is_name(name):
                found.append(digest_array(model.anchor(name)))
            else:
                found.append(f"{scene.context.file_digest(scene.path(name))} encoded by {model.encoder_digest()}")
        return {"anchors": " ".join(found)}

    def _anchors(self, scene: Scene, grid: tuple[int, int]) -> np.ndarray:
        """Return all of them on a grid, (K, C, h, w). A picture is cropped to its shape before it is encoded."""
        model = scene.model(self.model)
        return np.stack(
            [
                fit_grid(model.anchor(name), grid)
                if is_name(name)
                else scene.context.encoded_image(scene.path(name), model, grid)
                for name in self.names
            ]
        )


class Anchors(OfAnchors):
    """Blend named latents of a model by weights, one column of weights per anchor.

    ``spherical`` goes from one to the next along great circles and keeps their strength; with two anchors it is slerp,
    with more, each anchor in turn is blended with the result of those before it. ``linear`` is the weighted sum, which
    is paler half way. An anchor is cropped at its centre to the latent grid, or mirrored at its edges where the grid is
    larger; both keep the variance of each channel.

    Where a path stands in place of a name, ``names: [dawn, our/cat.jpg]``, the picture is cropped to the grid's shape
    and encoded by the model, once: the store keeps its latents.
    """

    weights: Signal = port("one column per anchor")
    names: list[AnchorOrPicture] = setting(
        help="the anchors, as the model's card lists them, or pictures by their paths", min_length=1, keyed=False
    )
    blend: Literal["spherical", "linear"] = setting("spherical", help="the way between anchors")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    example = {"names": ["red", "green", "blue"]}

    def wanted_columns(self) -> dict[str, tuple[int, str]]:
        return {"weights": (len(self.names), "one for each of its names")}

    def open(self, scene: Scene, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        anchors = self._anchors(scene, grid)
        return anchors, gram_matrix(anchors)

    def compute(self, block: Block, weights: np.ndarray) -> np.ndarray:
        anchors, gram = block.resources
        weights = weights.reshape(len(weights), -1)
        if weights.shape[1] != len(anchors):
            raise RenderError(
                f"Anchors blends {len(anchors)} anchors but gets {weights.shape[1]} columns of weights; "
                f"set count: {len(anchors)} on the Weights before it."
            )
        factors = weights if self.blend == "linear" else np.stack([spherical_factors(row, gram) for row in weights])
        latents = np.zeros((len(weights), *anchors.shape[1:]), np.float32)
        for i, anchor in enumerate(anchors):
            # Anchor by anchor and not as a matrix product, whose order of sums depends on the library and the batch.
            latents += factors[:, i, None, None, None].astype(np.float32) * anchor
        return latents

    def places_shown(self, weights: np.ndarray) -> dict[str, float]:
        """Return the share of each anchor in the blend, for `n2s explain`."""
        return shares(zip(self.names, np.maximum(np.atleast_1d(weights), 0).tolist()))


def shares(weighted: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the share of each name in a sum of weights; names may come more than once."""
    found: dict[str, float] = {}
    for name, weight in weighted:
        found[name] = found.get(name, 0.0) + weight
    total = sum(found.values())
    return {name: weight / total for name, weight in found.items()} if total > 0 else {}


def fit_grid(anchor: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return an anchor (C, h, w) on another grid: cropped about its centre, mirrored where it is too small."""
    for axis, wanted in zip((1, 2), grid):
        have = anchor.shape[axis]
        if have > wanted:
            start = (have - wanted) // 2
            anchor = np.take(anchor, range(start, start + wanted), axis)
        elif have < wanted:
            before = (wanted - have) // 2
            pad = [(0, 0)] * 3
            pad[axis] = (before, wanted - have - before)
            anchor = np.pad(anchor, pad, mode="symmetric")
    return np.ascontiguousarray(anchor, np.float32)


def gram_matrix(anchors: np.ndarray) -> np.ndarray:
    """Return the dot products (K, K) of anchors, float64, summed pairwise by numpy and not by a threaded library."""
    flat = anchors.reshape(len(anchors), -1).astype(np.float64)
    return np.array([[np.sum(a * b) for b in flat] for a in flat])


def spherical_factors(weights: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return the factors of slerps over all anchors in turn, from their dot products ``gram``.

    The blend so far and the next anchor are joined at t = w / (sum of weights so far). Every step needs only dot
    products of combinations of anchors, so the latents themselves are touched once.
    """
    factors = np.zeros(len(gram))
    total = 0.0
    for i, weight in enumerate(np.maximum(weights.astype(np.float64), 0.0)):
        if weight <= 0:
            continue
        total += weight
        t = weight / total
        if t >= 1:
            factors[i] = 1.0
            continue
        size_a = np.sqrt(max(np.sum(factors[:, None] * gram * factors), 1e-30))
        cosine = np.sum(factors * gram[:, i]) / (size_a * np.sqrt(max(gram[i, i], 1e-30)))
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        if np.sin(angle) < 1e-4:
            factors *= 1 - t
            factors[i] += t
        else:
            factors *= np.sin((1 - t) * angle) / np.sin(angle)
            factors[i] += np.sin(t * angle) / np.sin(angle)
    return factors


class LatentEMA(Streamed):
    """Smooth latents by an exponential moving average over the frames before, like EMA does a signal.

    Each frame runs the average from 16 half-lives before it, where 2**-16 of a step is left, so that any frame can be
    made alone and comes out the same.
    """

    latents: Latents = port("what is smoothed")
    half_life: Seconds = setting(
        0.2, ge=0, le=4, unit="s", help="how slowly it follows: the time in which half of a change is done"
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"half_life": 0}

    def window(self, fps: Any) -> tuple[int, int]:
        return int(np.ceil(16 * self.half_life.resolve(120) * float(fps))), 0

    def compute(self, block: Block, latents: np.ndarray) -> np.ndarray:
        fps = block.scene.clock.fps
        before, _ = self.window(fps)
        rate = np.float32(follow_rate(self.half_life.resolve(120), fps))
        smooth = latents[: block.count].copy()
        for step in range(1, before + 1):
            smooth += (latents[step : step + block.count] - smooth) * rate
        return smooth
