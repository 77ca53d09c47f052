"""The composition of one latent with the texture of another."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, Param, Streamed, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.blending import angle_between, arc_weights, power


class LatentBands(Streamed):
    """Join the composition of one place, what is wider than a few cells, with the texture of another.

    out = n * (low(a) + wa * high(a) + wb * high(b)), high(x) = x - low(x). low keeps the waves (of a cosine transform)
    that are longer than ``split`` cells along rows and along columns, with a soft edge of an octave. wa and wb go along
    the arc from a to b by ``amount``, channel by channel: sin((1 - t) A) / sin A and sin(t A) / sin A, A the angle
    between high(a) and high(b). n gives each channel of each frame the power of the parts it is made of: that of a
    below the split, and beyond it one whose root goes straight from that of a to that of b.
    """

    composition: Latents = port("where the large forms come from")
    texture: Latents = port("where the details come from")
    amount: Param = param(1.0, ge=0, le=1, help="how much of its own details the composition gives up")
    split: float = setting(6.0, ge=2, le=128, unit="latent cells", help="waves longer than this are composition")

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"amount": 0}

    def open(self, scene: Scene, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return low_pass(grid[0], self.split), low_pass(grid[1], self.split)

    def compute(self, block: Block, composition: np.ndarray, texture: np.ndarray, amount: np.ndarray) -> np.ndarray:
        a, b = composition, texture
        low_a, low_b = (_along(_along(x, block.resources[0], 2), block.resources[1], 3) for x in (a, b))
        high_a, high_b = a - low_a, b - low_b
        amount = amount[:, None, None, None]
        of_a, of_b = arc_weights(amount, angle_between(high_a, high_b))
        made = low_a + (of_a * high_a + of_b * high_b)
        ends = (np.sqrt(np.maximum(power(high, x), 0)) for high, x in ((high_a, a), (high_b, b)))
        beyond = (1 - amount) * next(ends) + amount * next(ends)
        wanted = np.maximum(power(low_a, a), 0) + beyond * beyond
        gain = np.sqrt(wanted / np.maximum(power(made, made), np.float32(1e-12)))
        return np.where(amount > 0, gain * made, a)

    def latents_shown(self, amount: np.ndarray, **_: np.ndarray) -> dict[str, float]:
        """Return how much of each is seen, where forms count as much as details, for `n2s explain`."""
        return {"composition": 1 - float(amount) / 2, "texture": float(amount) / 2}


def low_pass(cells: int, split: float) -> np.ndarray:
    """Return the float32 matrix (cells, cells) that keeps the long waves of a row: D' g D, D the orthonormal DCT-II.

    Wave k is 2 cells / k long. g is 1 from sqrt(2) * split on, 0 to split / sqrt(2), and half a cosine over the octave
    between them.
    """
    k, n = np.arange(cells)[:, None], np.arange(cells)[None, :]
    transform = np.cos(np.pi * k * (2 * n + 1) / (2 * cells)) * np.sqrt(np.where(k == 0, 1, 2) / cells)
    octaves = np.log2(np.maximum(k[:, 0], 1e-9) / (2 * cells) * split)  # 0 where the wave is as long as split
    gain = 0.5 - 0.5 * np.sin(np.pi * np.clip(octaves, -0.5, 0.5))
    return np.einsum("kn,k,km->nm", transform, gain, transform).astype(np.float32)


def _along(latents: np.ndarray, matrix: np.ndarray, axis: int) -> np.ndarray:
    """Return a matrix times the rows or columns of latents, term by term in this order, whatever the batch is."""
    shape = (-1, 1) if axis == 2 else (1, -1)
    total = np.zeros_like(latents)
    for cell in range(len(matrix)):
        source = latents[:, :, cell : cell + 1] if axis == 2 else latents[..., cell : cell + 1]
        total += matrix[:, cell].reshape(shape) * source
    return total
