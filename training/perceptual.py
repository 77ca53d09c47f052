"""ST-LPIPS, the shift-tolerant perceptual distance (Ghildyal and Liu 2022), on an AlexNet trunk, written for training on a CPU.

Only the weights come from the package `stlpips-pytorch`; its wheel is never imported. The blur after the first convolution is linear,
so both are folded into one 13x13 convolution with stride 2: a third of the work, the same values away from the border.
"""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

MEMBER = "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth"
BLUR = torch.tensor([1.0, 2.0, 1.0])
BLUR = BLUR[:, None] * BLUR[None] / 16


def weights(source: str | Path | None = None) -> dict:
    """The state of the distance: from a wheel, from a .pth, or from the installed package."""
    if source is None:
        source = metadata.distribution("stlpips-pytorch").locate_file(MEMBER)
    if str(source).endswith(".whl"):
        with zipfile.ZipFile(source) as wheel, wheel.open(MEMBER) as file:
            return torch.load(file, map_location="cpu", weights_only=True)
    return torch.load(source, map_location="cpu", weights_only=True)


def blur(x):
    """Blur by [1 2 1] and halve, borders reflected by two as in the trained network."""
    kernel = BLUR.to(x).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


class STLPIPS(nn.Module):
    """Distance of two batches (N, 3, H, W) in 0..1: the mean over the batch. Frozen."""

    name = "ST-LPIPS (AlexNet)"

    def __init__(self, state: dict):
        super().__init__()
        self.register_buffer("shift", state["scaling_layer.shift"])
        self.register_buffer("gain", state["scaling_layer.scale"])
        first = state["net.slice1.0.weight"]
        flat = F.conv_transpose2d(first.reshape(-1, 1, 11, 11), BLUR[None, None]).reshape(64, 3, 13, 13)
        self.convs = nn.ParameterList([flat] + [state[f"net.slice{k}.{i}.weight"] for k, i in ((2, 5), (3, 9), (4, 11), (5, 13))])
        self.biases = nn.ParameterList([state[f"net.slice{k}.{i}.bias"] for k, i in ((1, 0), (2, 5), (3, 9), (4, 11), (5, 13))])
        self.heads = nn.ParameterList([state[f"lin{k}.model.1.weight"] for k in range(5)])
        self.requires_grad_(False)

    def features(self, x):
        x = (2 * x - 1 - self.shift) / self.gain
        for k, (weight, bias) in enumerate(zip(self.convs, self.biases)):
            if k in (1, 2):
                x = blur(F.max_pool2d(x, 3, 1))
            x = F.relu(F.conv2d(x, weight, bias, stride=2 if k == 0 else 1, padding=(4, 2, 1, 1, 1)[k]))
            yield x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt()

    def forward(self, a, b):
        with torch.no_grad():
            wanted = list(self.features(b))
        total = 0.0
        for got, want, head in zip(self.features(a), wanted, self.heads):
            total = total + F.conv2d((got - want).square(), head).mean()
        return total
