"""The latents of a data set: what a unit of them is, and how far they reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .dataset import Pictures


@torch.no_grad()
def statistics(encoder: nn.Module, pictures: Pictures, most: int = 200) -> dict[str, Any]:
    """Return the latents' statistics over the data set, per channel.

    ``mean`` and ``std`` are those of the posterior's means: films are decoded from means and mixes of means, and a unit of latent should
    be a unit of those. ``trained_aggregate`` is the deviation of what training decodes, sqrt(var(mean) + mean(var)), which β draws
    towards 1; ``aggregate`` is the same in the units of the exported files, 1 / sqrt(1 - noise). ``noise`` is the part of a channel's
    variance that is noise, mean(var) / trained_aggregate²: near 1, the channel has collapsed. ``reach`` holds, for neighbourhoods of 2,
    4 and 8 cells square, how far their means typically lie from the middle one, in units of ``std``: how far a channel may drift as a
    whole. Typically is 1.4826 times the median distance, which is the deviation where values are normal; a channel that is busy along a
    few edges and silent in every calm field has a smaller one, and in a calm field its drift would draw the cells.
    """
    total = square = inner = 0.0
    seen = 0
    means: dict[int, list[torch.Tensor]] = {2: [], 4: [], 8: []}
    for k in pictures.some(held_out=False, most=most):
        mean, log_variance = encoder(pictures.frame(k)[None])
        total, square = total + mean.double().sum((0, 2, 3)), square + mean.double().square().sum((0, 2, 3))
        inner = inner + log_variance.double().exp().sum((0, 2, 3))
        seen += mean[0, 0].numel()
        for cells, kept in means.items():
            if min(mean.shape[2:]) >= cells:
                kept.append(nn.functional.avg_pool2d(mean, cells)[0].flatten(1))
    mean, inner = total / seen, inner / seen
    variance = square / seen - mean**2
    whole = variance + inner
    found = {
        "mean": mean,
        "std": variance.sqrt(),
        "noise": inner / whole,
        "aggregate": (whole / variance).sqrt(),
        "trained_aggregate": whole.sqrt(),
    }
    found["reach"] = {
        str(cells): typical(torch.cat(kept, 1).double()) / found["std"] for cells, kept in means.items() if kept
    }
    found["trained_aggregate"] = found["trained_aggregate"].float()
    return found


def typical(values: torch.Tensor) -> torch.Tensor:
    """Return the spread of each row of (C, n), 1.4826 * median |x - median x|: the deviation of normal values, deaf to a few large ones."""
    return 1.4826 * (values - values.median(1, keepdim=True).values).abs().median(1).values


def between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Return what lies between two places, a at t = 0 and b at t = 1, on the great circle that films take: as strong as they are.

    (sin((1 - t) α) a + sin(t α) b) / sin α, α the angle between them; linear where they lie in one direction
    """
    angle = np.arccos(np.clip(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)), -1, 1))
    if np.sin(angle) < 1e-4:
        return ((1 - t) * a + t * b).astype(np.float32)
    return ((np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)).astype(np.float32)


def inside(latents: torch.Tensor, frames: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents and their frames without the outermost cells of some sides, each side by the toss of a coin.

    A film's latents are cut out of larger ones: where they end no picture ended. An encoder lets latents know where a picture ends; a
    decoder is not to rely on it.
    """
    scale = frames.shape[-1] // latents.shape[-1]
    top, bottom, left, right = (int(cells) for cells in rng.integers(0, 2, 4))
    height, width = latents.shape[-2:]
    if min(height, width) < 3:
        return latents, frames
    bottom, right = height - bottom, width - right
    return latents[..., top:bottom, left:right], frames[..., scale * top : scale * bottom, scale * left : scale * right]


STRAIN = 1.5  # a film's latents are up to sqrt 2 times as strong as pictures'


def strained(
    latents: torch.Tensor, frames: torch.Tensor, rng: np.random.Generator, most: float = STRAIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents, some of them up to ``most`` times as strong, and what they are to show: frames of as much more contrast.

        latents s z, frames clamp(1/2 + s (x - 1/2)), s = 1 for two of three on average

    Where two places are alike, as in a black ground, what lies between them is stronger than either; no picture is. A decoder that was
    never told what that means may show grey where all is black, and mist where edges are.
    """
    count = len(latents)
    chosen = rng.random(count) < 1 / 3
    strength = np.where(chosen, rng.uniform(1, most, count), 1)
    strength = torch.from_numpy(strength.astype(np.float32)).to(latents, non_blocking=True).view(-1, 1, 1, 1)
    return strength * latents, contrasted(frames, strength.to(frames))


def contrasted(frames: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
    """Frames of more contrast about mid-grey, which latents of zeros show, held to what can be shown."""
    return (0.5 + strength * (frames - 0.5)).clamp(0, 1)


def visited(mean: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return latents such as films visit, (N, C, h, w), from those of pictures: mixes of two, some carried off by noise.

    Mixes are brought to unit variance as if the two had nothing in common; alike ones come out stronger, up to 1.4 times, as a strain.
    """
    spread = mean.std()
    other = mean.roll(1, 0).flip(int(rng.integers(2, 4)))
    part = float(rng.uniform(0, 0.5)) if rng.random() < 0.5 else 0.0
    mixed = ((1 - part) * mean + part * other) / np.hypot(1 - part, part)
    if rng.random() < 0.5:
        away = float(rng.uniform(0.1, 0.5))
        noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32)).to(mean, non_blocking=True)
        smooth = F.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)  # wander moves neighbours together
        mixed = np.sqrt(1 - away**2) * mixed + away * spread * smooth / smooth.std()
    return mixed
