"""Measures of reconstructions: PSNR, SSIM, sharpness, the perceptual distance, and how visible the latent grid is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import nn


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Decibels: -10 log10 of the mean squared difference, both clamped to 0..1; at most 120."""
    error = (a.clamp(0, 1) - b.clamp(0, 1)).double().square().mean()
    return float(-10 * torch.log10(error.clamp_min(1e-12)))


def ssim(a: torch.Tensor, b: torch.Tensor) -> float:
    """Return the structural similarity of luma (BT.709), -1..1, mean over the picture.

    Wang et al. 2004, with a Gaussian window of 11 pixels and σ = 1.5.
    """
    weights = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64).view(1, 3, 1, 1)
    x, y = ((v.double().cpu().clamp(0, 1) * weights).sum(1, keepdim=True) for v in (a, b))
    at = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(at**2) / (2 * 1.5**2))
    line = line / line.sum()

    def blur(v: torch.Tensor) -> torch.Tensor:
        for dim in (2, 3):  # as shifted sums: torch has no fast convolution in float64
            count = v.shape[dim] - len(line) + 1
            v = sum(weight * v.narrow(dim, first, count) for first, weight in enumerate(line.tolist()))
        return v

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y, both = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    found = ((2 * mean_x * mean_y + c1) * (2 * both + c2)) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(found.mean())


def slope(frame: torch.Tensor) -> float:
    """Return the mean absolute difference between neighbouring pixels, down and across, added up."""
    return float(frame.diff(dim=-2).abs().mean() + frame.diff(dim=-1).abs().mean())


LUMA = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)


def lattice(frames: Iterable[torch.Tensor], period: int) -> float:
    """Return how visible a grid of ``period`` pixels is in frames (3, H, W), as beads, seams or checkerboards; 0: not.

    The absolute differences of luma between neighbouring pixels, divided by their mean over the frame, are averaged
    over all pixels with the same position within a cell. lattice = deviation / mean of these averages; the larger one
    of rows and columns. It is 0 where all positions are alike, and where frames are too small to hold a whole cell. A
    few pictures never give exactly 0, so compare with the value of the original pictures.
    """
    found = [0.0]
    lumas = [(frame.clamp(0, 1).cpu() * LUMA).sum(0).double() for frame in frames]
    for axis in (0, 1):
        total = torch.zeros(period, dtype=torch.float64)
        for luma in lumas:
            slopes = luma.diff(dim=axis).abs().mean(1 - axis)
            if len(slopes) >= period:
                cells = slopes[: len(slopes) // period * period].view(-1, period)
                total += cells.mean(0) / slopes.mean().clamp_min(1e-9)
        found.append(float(total.std(correction=0) / total.mean().clamp_min(1e-9)))
    return max(found)


@torch.no_grad()
def compare(
    pairs: Iterable[tuple[str, torch.Tensor, torch.Tensor]], distance: nn.Module | Callable | None
) -> dict[str, dict[str, float]]:
    """Return the means of every measure, over all pictures and per style.

    Parameters
    ----------
    pairs : iterable of (style, picture, reconstruction)
        float32 (3, H, W), nominal 0..1.
    distance : callable or None
        The perceptual distance; its ``name`` becomes the measure's.

    Returns
    -------
    dict
        ``{"all": {"psnr_db": ..., "ssim": ..., "sharpness": ..., "<distance>": ...}, "<style>": {...}}``, rounded to
        four decimals. ``sharpness`` is the mean `slope` of the reconstructions, divided by that of the pictures.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    slopes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for style, picture, decoded in pairs:
        picture, decoded = picture[None].clamp(0, 1).cpu(), decoded[None].clamp(0, 1).cpu()
        values = {"psnr_db": psnr(decoded, picture), "ssim": ssim(decoded, picture)}
        if distance is not None:
            values[distance.name] = float(distance(decoded, picture))
        for group in ("all", style):
            slopes[group].append((slope(decoded), slope(picture)))
            for name, value in values.items():
                found[group][name].append(value)
    for group, each in slopes.items():
        ours, theirs = map(sum, zip(*each))
        found[group]["sharpness"] = [ours / max(theirs, 1e-9)]
    return {group: {name: round(sum(v) / len(v), 4) for name, v in names.items()} for group, names in found.items()}
