"""The terms of the training's loss: functions of frames (N, 3, H, W) that return one number each.

docs/glossary.md explains the names of all terms.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def opponent(rgb: torch.Tensor) -> torch.Tensor:
    """Return red, green, blue and two colour differences of double weight: (N, 3, h, w) to (N, 5, h, w)."""
    r, g, b = rgb.split(1, dim=1)
    return torch.cat([rgb, 2 * (r - g), 2 * b - r - g], dim=1)


def coarse(error: torch.Tensor, sizes: Sequence[int] = (8, 32)) -> torch.Tensor:
    """Return the mean absolute error of averages over squares of 8 and 32 pixels: it makes colours be learned first."""
    return sum(opponent(F.avg_pool2d(error, size)).abs().mean() for size in sizes) / len(sizes)


def edges(error: torch.Tensor, sizes: Sequence[int] = (1, 2, 4)) -> torch.Tensor:
    """Return the mean absolute difference between neighbouring pixels of the error, at full, half and quarter size.

    It is large where a line is in the wrong place or drawn as a row of beads, and 0 where a flat area is only a little
    too bright.
    """
    total = error.new_zeros(())
    for size in sizes:
        small = F.avg_pool2d(error, size) if size > 1 else error
        total = total + small.diff(dim=2).abs().mean() + small.diff(dim=3).abs().mean()
    return total / len(sizes)


# The weights in the loss of the terms that need no picture to compare with; they are taken of frames of mixed latents.
PRICES = {"beyond": 1.0, "rounding": 1.0, "weave": 5.0, "rim": 5.0}


def beyond(frames: torch.Tensor, free: float = 0.2) -> torch.Tensor:
    """Return how far values lie outside -free..1 + free, on average; a little beyond black and white costs nothing."""
    return F.relu((frames - 0.5).abs() - 0.5 - free).mean()


def weave(frames: torch.Tensor) -> torch.Tensor:
    """Return how strong the finest stripes and checks are that the decoder's body can draw: a period of four pixels.

    At half the size such a pattern is v, -v, v, ... The second differences (2 f[i] - f[i-1] - f[i+1]) / 4 are
    multiplied by 1, -1, 1, ..., averaged over neighbourhoods of about twenty pixels, and the absolute values of these
    means are averaged; the result is the sum over the directions down, across and both. Even slopes and curves give 0,
    single edges almost 0.
    """

    def alternating(values: torch.Tensor, dim: int) -> torch.Tensor:
        bends = values.diff(n=2, dim=dim) / 4
        signs = 1.0 - 2 * (torch.arange(bends.shape[dim], device=frames.device) % 2)
        return bends * (signs[:, None] if dim == 2 else signs)

    half = F.avg_pool2d(frames, 2)
    down, across = alternating(half, 2), alternating(half, 3)
    return sum(
        F.avg_pool2d(F.avg_pool2d(each, 4, 2), 4, 2).abs().mean() for each in (down, across, alternating(down, 3))
    )


def rim(frames: torch.Tensor, width: int = 8) -> torch.Tensor:
    """Return how strong the bright or dark lines are that a decoder draws along the borders of frames.

    For each border, the absolute differences between neighbouring pixels across it are averaged over stretches of 16
    pixels along it. By how much those of the outermost 8 pixels exceed the largest one at 8 to 32 pixels from the
    border is averaged. Contours that run through a frame give 0, because they are as steep further inside.

    Such lines come from the zeros that convolutions read beyond the border. A decoder learns to draw the border
    correctly for the latents of pictures, but not for the stronger ones that mixes have.
    """
    total = frames.new_zeros(())
    for steps in (frames.diff(dim=2).abs().transpose(2, 3), frames.diff(dim=3).abs()):
        steps = F.avg_pool2d(steps, (16, 1))
        for side in (steps, steps.flip(3)):
            steepest = side[..., width : 4 * width].detach().amax(3, keepdim=True)
            total = total + F.relu(side[..., :width] - steepest).mean() / 4
    return total


def views(sources: Sequence[torch.Tensor], size: int, count: int) -> list[torch.Tensor]:
    """Cut the same ``count`` random squares, by torch's generator, out of each source; return one batch per source."""
    height, width = sources[0].shape[-2:]
    size = min(size, height, width)
    cut: list[list[torch.Tensor]] = [[] for _ in sources]
    for _ in range(count):
        y, x = (int(torch.randint(0, edge - size + 1, ())) for edge in (height, width))
        for pieces, source in zip(cut, sources):
            pieces.append(source[:, :, y : y + size, x : x + size])
    # The network of the perceptual distance runs three times as fast on this layout as on channels last.
    return [torch.cat(pieces).contiguous() for pieces in cut]


def balance(leading: torch.Tensor, other: torch.Tensor, at: torch.Tensor) -> float:
    """Return the factor that makes the gradient of ``other`` at the frames ``at`` as long as that of ``leading``."""
    long, short = (torch.autograd.grad(part, at, retain_graph=True)[0].norm() for part in (leading, other))
    return float(long / short.clamp_min(1e-12))


def divergence(mean, log_variance, frames):
    """Return KL(posterior || N(0, 1)), summed over the latent and divided by 3 H W: nats per image value."""
    total = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
    return total / frames.numel()
