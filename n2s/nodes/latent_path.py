"""A round trip through named latents."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, AnchorOrPicture, FolderPath, Param, param, setting
from n2s.nodes.latents import OfAnchors, gram_matrix, shares

STEPS = 64  # of the table of lengths, from each place to the next


class LatentPath(OfAnchors):
    """Travel along a smooth closed path through named latents of a model; an expression of the music moves the place.

    Between two places the path is a centripetal Catmull-Rom spline (Yuksel et al. 2011), so that it never turns sharply
    at a place, drawn on the sphere on which pictures lie: out = s * |A| / |s|, s the point of the spline and |A| the
    strength of the two anchors, from one to the other. ``place`` 0 is the first name, 1 the second, and so on; from one
    to the next it goes at even speed, by a table of lengths. A closed path goes on from the last to the first without
    end (``place: = bar / 4``), an open one stops at its ends. At whole numbers the anchor itself comes out. Halfway
    between two places both pictures are seen; with ``stay: 0.7`` each stands by itself for 70 % of its time, and then
    quickly becomes the next one. A path in place of a name, ``our/cat.jpg``, makes a picture a place, as in `Anchors`.
    """

    names: list[AnchorOrPicture] = setting(
        help="the places: anchors as the model's card lists them, or pictures by their paths", keyed=False
    )
    place: Param = param(0.0, ge=-1e5, le=1e5, unit="places", help="where on the path: 0 the first, 1 the second")
    stay: Param = param(
        0.0,
        ge=0,
        lt=1,
        unit="share",
        help="how much of the way to the next place is spent at this one, before it goes on; what drives it must move "
        "slowly, as a higher value steps back",
    )
    closed: bool = setting(True, help="whether the last place is followed by the first")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    example = {"names": ["red", "green", "blue"]}

    @field_validator("names")
    @classmethod
    def _several(cls, names: list[str]) -> list[str]:
        if len(names) < 2:
            raise ValueError("a path needs two places or more; a single one is given by Anchors")
        if len(names) > 256:
            raise ValueError(f"{len(names)} places were given; at most 256 make a path")
        return names

    def open(self, scene: Scene, grid: tuple[int, int]) -> tuple[np.ndarray, Path]:
        anchors = self._anchors(scene, grid)
        return anchors, Path(gram_matrix(anchors), self.closed)

    def compute(self, block: Block, place: np.ndarray, stay: np.ndarray) -> np.ndarray:
        anchors, path = block.resources
        latents = np.zeros((len(place), *anchors.shape[1:]), np.float32)
        for out, at in zip(latents, stayed(place, stay)):
            for i, factor in path.factors(float(at)):
                out += np.float32(factor) * anchors[i]
        return latents

    def places_shown(self, place: np.ndarray, stay: np.ndarray) -> dict[str, float]:
        """Return how much of which places is seen, as far as the way to the next one is gone, for `n2s explain`."""
        count, at = len(self.names), float(stayed(np.atleast_1d(place), np.atleast_1d(stay))[0])
        at = at % count if self.closed else min(max(at, 0.0), count - 1.0)
        here, way = int(at), at - int(at)
        return shares([(self.names[here], 1 - way), (self.names[(here + 1) % count], way)])


def stayed(place: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Return where on a path one is who spends a share of each step, 0..1, at the place that it begins at: (N,).

    Of a step's way w = place - floor(place), max(w - stay, 0) / (1 - stay) is gone.
    """
    place, stay = place.astype(np.float64), stay.astype(np.float64)
    before = np.floor(place)
    gone = np.maximum(place - before - stay, 0) / np.maximum(1 - stay, 1e-9)  # of what is nearly 1 float32 makes 1
    return np.where(stay > 0, before + gone, place)


class Path:
    """A spline through places of which only dot products are known: what it gives are factors of the places.

    Parameters
    ----------
    gram : float64 (K, K)
        The dot products of the places.
    closed : bool
    """

    def __init__(self, gram: np.ndarray, closed: bool):
        self.gram, self.closed, self.count = gram, closed, len(gram)
        self.strengths = np.sqrt(np.maximum(np.diag(gram), 1e-30))
        self.segments = [self._segment(i) for i in range(self.count if closed else self.count - 1)]

    def factors(self, place: float) -> list[tuple[int, float]]:
        """Return which places are mixed at a place of the path, and by which factors."""
        place = place % self.count if self.closed else min(max(place, 0.0), self.count - 1.0)
        segment = min(int(place), len(self.segments) - 1)
        way = place - segment
        if way in (0.0, 1.0):
            return [((segment + int(way)) % self.count, 1.0)]
        numbers, knots, lengths = self.segments[segment]
        t = np.interp(way * lengths[-1], lengths, np.linspace(0, 1, len(lengths)))
        return list(zip(numbers, self._on_sphere(numbers, knots, np.array([t]))[0].tolist()))

    def _segment(self, i: int) -> tuple[list[int], np.ndarray, np.ndarray]:
        """Return the four places about a segment, the spline's knots there, and the lengths up to each step."""
        around = np.arange(i - 1, i + 3)
        numbers = (around % self.count if self.closed else np.clip(around, 0, self.count - 1)).tolist()
        apart = [self._distance(a, b) for a, b in zip(numbers, numbers[1:])]
        apart = [apart[0] or apart[1], apart[1], apart[2] or apart[1]]  # an open end goes on as far as it came
        knots = np.cumsum([0, *(np.sqrt(max(d, 1e-6 * self.strengths.max())) for d in apart)])
        points = self._on_sphere(numbers, knots, np.linspace(0, 1, STEPS + 1))
        steps = np.diff(points, axis=0)
        lengths = np.sqrt(np.maximum(_squares(steps, self._among(numbers)), 0))
        return numbers, knots, np.cumsum([0, *np.maximum(lengths, 1e-12)])

    def _distance(self, a: int, b: int) -> float:
        return float(np.sqrt(max(self.gram[a, a] + self.gram[b, b] - 2 * self.gram[a, b], 0)))

    def _among(self, numbers: list[int]) -> np.ndarray:
        return self.gram[np.ix_(numbers, numbers)]

    def _on_sphere(self, numbers: list[int], knots: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return the factors (N, 4) of the four places at parameters 0..1 of a segment."""
        corners = np.eye(4)
        if not self.closed:  # beyond an open end the way goes on straight
            if numbers[0] == numbers[1]:
                corners[0] = 2 * corners[1] - corners[2]
            if numbers[3] == numbers[2]:
                corners[3] = 2 * corners[2] - corners[1]
        points = spline(corners, knots, t)
        wanted = self.strengths[numbers[1]] * (1 - t) + self.strengths[numbers[2]] * t
        strength = np.sqrt(np.maximum(_squares(points, self._among(numbers)), 1e-30))
        return points * (wanted / strength)[:, None]


def spline(points: np.ndarray, knots: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the Catmull-Rom spline from the second to the third of four points, by the pyramid of Barry and Goldman.

    Parameters
    ----------
    points : float64 (4, K)
    knots : float64 (4,)
        Rising.
    t : float64 (N,)
        0 is the second point, 1 the third.
    """
    at = (knots[1] + (knots[2] - knots[1]) * t)[:, None]

    def between(a: Any, b: Any, i: int, j: int) -> np.ndarray:
        return ((knots[j] - at) * a + (at - knots[i]) * b) / (knots[j] - knots[i])

    first = [between(points[i], points[i + 1], i, i + 1) for i in range(3)]
    second = [between(first[i], first[i + 1], i, i + 2) for i in range(2)]
    return between(second[0], second[1], 1, 2)


def _squares(points: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Return the squared lengths of points (N, 4) given by factors."""
    return np.asarray(sum(points[:, i] * points[:, j] * gram[i, j] for i in range(4) for j in range(4)))
