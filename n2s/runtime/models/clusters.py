"""Choosing a few typical points out of many."""

from __future__ import annotations

import numpy as np


def medoids(points: np.ndarray, count: int, rng: np.random.Generator, rounds: int = 50) -> list[int]:
    """Return the rows of points (N, D) that are typical of clusters, the largest cluster first; at most ``count``.

    Clusters are found by k-means from k-means++ starts; of each, the row nearest to its mean is returned. Equal points
    never form two clusters.
    """
    centres = points[[rng.integers(len(points))]]
    while len(centres) < count:
        near = _squares(points, centres).min(axis=1)
        if near.max() <= 1e-12:
            break
        centres = np.concatenate([centres, points[[rng.choice(len(points), p=near / near.sum())]]])
    for _ in range(rounds):
        labels = _squares(points, centres).argmin(axis=1)
        before = centres.copy()
        for k in np.unique(labels):
            centres[k] = points[labels == k].mean(axis=0)
        if np.array_equal(before, centres):
            break
    distances = _squares(points, centres)
    labels = distances.argmin(axis=1)
    found = []
    for k in range(len(centres)):
        members = np.flatnonzero(labels == k)
        if len(members):
            found.append((-len(members), int(members[distances[members, k].argmin()])))
    return [row for _, row in sorted(found)]


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances (N, K)."""
    return np.sum((points[:, None] - centres[None]) ** 2, axis=2)
