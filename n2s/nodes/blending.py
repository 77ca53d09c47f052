"""The way from one latent to another that keeps its strength, channel by channel."""

from __future__ import annotations

import numpy as np

from n2s.graph import shader

STRAIGHT = 0.05  # radians: below this angle the arc is as good as its chord


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the angle between two latents in each frame and channel, float32 (N, C, 1, 1), in radians.

    cos angle = sum(a b) / sqrt(sum(a²) sum(b²)): 0 where they are alike, pi / 2 where they have nothing in common.
    """
    both, of_a, of_b = (power(x, y).astype(np.float64) for x, y in ((a, b), (a, a), (b, b)))
    sizes = np.sqrt(of_a * of_b)
    cosine = np.where(sizes > 0, both / np.maximum(sizes, 1e-300), 1)
    # What is nearly opposite has no way round the sphere that could be told from others.
    return np.arccos(np.clip(cosine, -0.9, 1)).astype(np.float32)


def arc_weights(amount: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a and b on the arc from a (amount 0) to b (1): sin((1 - t) A) / sin A, sin(t A) / sin A."""
    turns = angle * np.float32(0.5 / np.pi)
    straight = angle < STRAIGHT
    whole = np.where(straight, np.float32(1), shader.sin(turns))
    rest = 1 - amount
    a = np.where(straight, rest, shader.sin(rest * turns) / whole)
    return a, np.where(straight, amount, shader.sin(amount * turns) / whole)


def power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean of a b over each channel of each frame, float32 (N, C, 1, 1); of a a it is the power of a."""
    n, channels = a.shape[:2]
    a, b = (np.ascontiguousarray(v, np.float64).reshape(n * channels, -1) for v in (a, b))
    return ((a * b).sum(axis=1) / a.shape[1]).astype(np.float32).reshape(n, channels, 1, 1)
