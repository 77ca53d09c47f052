"""What the β-VAE is trained for, piece by piece: functions of frames (N, 3, H, W) that give one number each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def opponent(rgb: torch.Tensor) -> torch.Tensor:
    """Red, green, blue and, twice as dear, the two differences that the eye calls hue: (N, 3, h, w) to (N, 5, h, w)."""
    r, g, b = rgb.split(1, dim=1)
    return torch.cat([rgb, 2 * (r - g), 2 * b - r - g], dim=1)


def coarse(error: torch.Tensor, sizes: Sequence[int] = (8, 32)) -> torch.Tensor:
    """Mean absolute error of the means over squares of so many pixels: colour first."""
    return sum(opponent(F.avg_pool2d(error, size)).abs().mean() for size in sizes) / len(sizes)


def edges(error: torch.Tensor, sizes: Sequence[int] = (1, 2, 4)) -> torch.Tensor:
    """Mean absolute slope of the error between neighbours, down and across, at full size and halved twice: a line that is in
    the wrong place, or comes as a row of beads, is dear; a field that is a little too bright is not."""
    total = error.new_zeros(())
    for size in sizes:
        small = F.avg_pool2d(error, size) if size > 1 else error
        total = total + small.diff(dim=2).abs().mean() + small.diff(dim=3).abs().mean()
    return total / len(sizes)


PRICES = {
    "beyond": 1.0,
    "rounding": 1.0,
    "weave": 5.0,
    "rim": 5.0,
}  # of frames between pictures, where there is nothing to compare with


def beyond(frames: torch.Tensor, free: float = 0.2) -> torch.Tensor:
    """Mean distance of frames from what can be shown, 0..1, less what is free: a black a little below black is black."""
    return F.relu((frames - 0.5).abs() - 0.5 - free).mean()


def weave(frames: torch.Tensor) -> torch.Tensor:
    """How strongly frames carry the finest stripes and checks that the decoder's body can draw, four pixels wide.

    At half the size such a pattern is v, -v, v, ... It is what second differences, (2 f[i] - f[i-1] - f[i+1]) / 4, times 1, -1, 1, ... have in
    common over neighbourhoods of some twenty pixels: |mean|, on average, down, across and both. Slopes and curves do not count, edges hardly.
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
    """How far frames flare where they end: what the slopes between their outermost pixels have more than any slope a little further in.

    Along each side slopes (absolute, across it) are averaged over stretches of 16 pixels; what they exceed the steepest at 8 to 32 pixels
    from the end by is averaged over the outermost 8. Contours that run through a frame do not count: they end nowhere near it.

    Convolutions see nothing where a frame ends. From what they make of that, a decoder draws an end as it should be for latents of
    pictures; for stronger ones, as mixes are, it may come out as a bright or dark line.
    """
    total = frames.new_zeros(())
    for steps in (frames.diff(dim=2).abs().transpose(2, 3), frames.diff(dim=3).abs()):
        steps = F.avg_pool2d(steps, (16, 1))
        for side in (steps, steps.flip(3)):
            steepest = side[..., width : 4 * width].detach().amax(3, keepdim=True)
            total = total + F.relu(side[..., :width] - steepest).mean() / 4
    return total


def views(sources: Sequence[torch.Tensor], size: int, count: int) -> list[torch.Tensor]:
    """Cut the same ``count`` random squares out of each source; those of one source become one batch. Uses torch's generator."""
    height, width = sources[0].shape[-2:]
    size = min(size, height, width)
    cut: list[list[torch.Tensor]] = [[] for _ in sources]
    for _ in range(count):
        y, x = (int(torch.randint(0, edge - size + 1, ())) for edge in (height, width))
        for pieces, source in zip(cut, sources):
            pieces.append(source[:, :, y : y + size, x : x + size])
    return [
        torch.cat(pieces).contiguous() for pieces in cut
    ]  # the trunk runs three times as fast on planes as on channels last


def balance(leading: torch.Tensor, other: torch.Tensor, at: torch.Tensor) -> float:
    """Return the factor that gives ``other`` a gradient as long as that of ``leading``, both taken at the frames ``at``."""
    long, short = (torch.autograd.grad(part, at, retain_graph=True)[0].norm() for part in (leading, other))
    return float(long / short.clamp_min(1e-12))
