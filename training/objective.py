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
# The weights of `teeth` for a finer stage: of its errors, and, as "ragged", of frames of mixed latents.
FINER = {"teeth": 4.0, "ragged": 2.0}


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


def teeth(values: torch.Tensor, pictures: torch.Tensor, reach: int = 9) -> torch.Tensor:
    """Return how much values change along the contours of pictures, on average: slanted edges drawn as a row of steps.

    Given the error of reconstructions, it is large where an edge is ragged, and 0 where an edge is only a little soft
    or in a place that is a little wrong; given the pictures themselves, straight edges give 0.

    Contours are found by the structure tensor J: the products of slopes, averaged over squares of ``reach`` pixels.
    Across a contour lies its first axis, so with e the slopes of the values, whose part along the contour is e_t,

        e_t^2 = (|e|^2 - (e_x^2 - e_y^2) cos 2a - 2 e_x e_y sin 2a) / 2,
        r = sqrt((J_xx - J_yy)^2 + 4 J_xy^2), (cos 2a, sin 2a) = (J_xx - J_yy, 2 J_xy) / r

    and the result is the mean of r / (J_xx + J_yy) |e_t|: what has no direction counts nothing. Slopes are measured
    over two pixels, so a period of four pixels counts most.
    """

    def slopes(of: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        of = F.pad(of, (1, 1, 1, 1), mode="replicate")
        return (of[..., 1:-1, 2:] - of[..., 1:-1, :-2]) / 2, (of[..., 2:, 1:-1] - of[..., :-2, 1:-1]) / 2

    with torch.no_grad():
        x, y = slopes(pictures)
        xx, yy, xy = (F.avg_pool2d(each.mean(1, keepdim=True), reach, 1, reach // 2) for each in (x * x, y * y, x * y))
        strength = ((xx - yy) ** 2 + 4 * xy**2).sqrt()
        cosine, sine = (xx - yy) / (strength + 1e-9), 2 * xy / (strength + 1e-9)
        shown = strength / (xx + yy + 1e-6)
    x, y = slopes(values)
    along = (x * x + y * y - (x * x - y * y) * cosine - 2 * x * y * sine) / 2
    return (shown * (along.clamp_min(0) + 1e-8).sqrt()).mean()


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
