"""The latents of a data set: their statistics, and the mixed and strengthened latents that training adds."""

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

    ``mean``, ``std`` : mean and deviation of the posterior's means, from which films are decoded.
    ``trained_aggregate`` : deviation of the samples that training decodes, sqrt(var(mean) + mean(var)); the KL term
    pulls it towards 1. ``aggregate`` : the same in the units of the exported files, 1 / sqrt(1 - noise).
    ``noise`` : part of a channel's variance that is noise, mean(var) / trained_aggregate², 0..1. Near 1 the channel
    carries nothing.
    ``reach`` : for squares of 2, 4 and 8 cells, the deviation of the squares' means in units of ``std``, by
    `robust_deviation`: how far a channel may drift as a whole. A channel that is strong along a few edges and almost 0
    in every flat area has a small reach; if it drifted as far as the others, flat areas would show the latent grid.
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
        str(cells): robust_deviation(torch.cat(kept, 1).double()) / found["std"]
        for cells, kept in means.items()
        if kept
    }
    found["trained_aggregate"] = found["trained_aggregate"].float()
    return found


def robust_deviation(values: torch.Tensor) -> torch.Tensor:
    """Return 1.4826 * median |x - median x| of each row of (C, n).

    It equals the standard deviation where values are normal, and a few large values hardly change it.
    """
    return 1.4826 * (values - values.median(1, keepdim=True).values).abs().median(1).values


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Return the point at t on the great circle from a (t = 0) to b (t = 1), the way that films take.

    (sin((1 - t) α) a + sin(t α) b) / sin α, with α the angle between a and b; linear where α is 0 or π.
    """
    angle = np.arccos(np.clip(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)), -1, 1))
    if np.sin(angle) < 1e-4:
        return ((1 - t) * a + t * b).astype(np.float32)
    return ((np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)).astype(np.float32)


def cut_borders(
    latents: torch.Tensor, frames: torch.Tensor, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents and their frames without the outermost row or column of cells on some sides, chosen at random.

    A film's latents are cut out of larger ones, so their borders are not borders of a picture. Latents of a whole
    picture show where it ends, and the decoder must not learn to rely on that.
    """
    scale = frames.shape[-1] // latents.shape[-1]
    top, bottom, left, right = (int(cells) for cells in rng.integers(0, 2, 4))
    height, width = latents.shape[-2:]
    if min(height, width) < 3:
        return latents, frames
    bottom, right = height - bottom, width - right
    return latents[..., top:bottom, left:right], frames[..., scale * top : scale * bottom, scale * left : scale * right]


STRAIN = 1.5  # a film's latents are up to sqrt 2 times as strong as pictures'


def strengthen(
    latents: torch.Tensor, frames: torch.Tensor, rng: np.random.Generator, most: float = STRAIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return latents of which a third is multiplied by s in 1..``most``, and frames with the contrast multiplied by s.

        latents s z, frames clamp(1/2 + s (x - 1/2)); s = 1 for two of three, on average

    A mix of two latents that are alike, such as two black backgrounds, is stronger than both, and no picture has
    latents as strong. A decoder that was not trained on them may show grey instead of black, and blurred edges.
    """
    count = len(latents)
    chosen = rng.random(count) < 1 / 3
    strength = np.where(chosen, rng.uniform(1, most, count), 1)
    strength = torch.from_numpy(strength.astype(np.float32)).to(latents, non_blocking=True).view(-1, 1, 1, 1)
    return strength * latents, multiply_contrast(frames, strength.to(frames))


def multiply_contrast(frames: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
    """Return frames with their contrast about mid-grey (which latents of zeros show) multiplied, clamped to 0..1."""
    return (0.5 + strength * (frames - 0.5)).clamp(0, 1)


def mix_latents(mean: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return latents like those of films, (N, C, h, w), from those of pictures: mixes of two, some with smooth noise.

    Mixes are scaled to unit variance for two latents that are independent; where the two are alike, the mix is up to
    1.4 times as strong, as in a film.
    """
    spread = mean.std()
    other = mean.roll(1, 0).flip(int(rng.integers(2, 4)))
    part = float(rng.uniform(0, 0.5)) if rng.random() < 0.5 else 0.0
    mixed = ((1 - part) * mean + part * other) / np.hypot(1 - part, part)
    if rng.random() < 0.5:
        away = float(rng.uniform(0.1, 0.5))
        noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32)).to(mean, non_blocking=True)
        smooth = F.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)  # Wander moves neighbouring cells together
        mixed = np.sqrt(1 - away**2) * mixed + away * spread * smooth / smooth.std()
    return mixed


def sample_posterior(mean, log_variance):
    """Return latents drawn from the posterior."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
