"""The perceptual distance: LPIPS (Zhang et al. 2018) if the weights of its network are installed, else ST-LPIPS.

ST-LPIPS (Ghildyal and Liu 2022) is LPIPS made tolerant of shifts, here on an AlexNet trunk and written for training on
a CPU. Only the weights come from the package `stlpips-pytorch`; its code is never imported. The blur after the first
convolution is linear, so both are folded into one 13x13 convolution with stride 2: a third of the work, the same values
away from the border.

The two are different measures with figures of their own; every record names the one it holds.
"""

from __future__ import annotations

import pickle
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from .errors import TrainingError

TRUNK = "alexnet-owt-7be5be79.pth"  # torchvision's name for it
MEMBER = "stlpips_pytorch/weights/vST0.0/alex_shift_tolerant.pth"
BLUR = torch.tensor([1.0, 2.0, 1.0])
BLUR = BLUR[:, None] * BLUR[None] / 16


def choose(source: str | None = None) -> nn.Module | None:
    """Return a perceptual distance with fixed weights; None for "none".

    It is called with two batches (N, 3, H, W) in 0..1 and returns their mean distance.

    Parameters
    ----------
    source : str or None
        "lpips", "none", a wheel of stlpips-pytorch or its alex_shift_tolerant.pth; None takes the best that is
        installed.

    Raises
    ------
    TrainingError
        When no weights are found.
    """
    if source == "none":
        return None
    if source == "lpips" or (source is None and _trunk().exists() and find_spec("lpips")):
        return _LPIPS()
    return STLPIPS(weights(source))


def _trunk() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / TRUNK


class _LPIPS(nn.Module):
    name = "LPIPS (AlexNet)"

    def __init__(self):
        super().__init__()
        if not find_spec("lpips"):
            raise TrainingError("--perceptual lpips needs the package lpips, which is not installed: pip install lpips")
        if not _trunk().exists():
            raise TrainingError(
                f"{_trunk()}, the network that LPIPS needs, is missing: download torchvision's {TRUNK} to that place, "
                "or leave out --perceptual."
            )
        from .compat import mend_torchvision

        mend_torchvision()
        import lpips

        self.net = lpips.LPIPS(net="alex", verbose=False).eval().requires_grad_(False)

    def forward(self, a, b):
        return self.net(a, b, normalize=True).mean()


def weights(source: str | Path | None = None) -> dict:
    """Return the weights of ST-LPIPS: from a wheel or a .pth; for None, from training/data or the installed package."""
    if source is None:
        source = next(iter(sorted((Path(__file__).parent / "data").glob("stlpips_pytorch-*.whl"))), None)
    if source is None:
        try:
            source = metadata.distribution("stlpips-pytorch").locate_file(MEMBER)
        except metadata.PackageNotFoundError:
            raise TrainingError(
                "There are no weights for a perceptual distance. Install some with pip install --no-deps "
                "stlpips-pytorch (only its weights are read), or train without one: --perceptual none."
            ) from None
    try:
        if str(source).endswith(".whl"):
            with zipfile.ZipFile(source) as wheel, wheel.open(MEMBER) as file:
                return torch.load(file, map_location="cpu", weights_only=True)
        return torch.load(source, map_location="cpu", weights_only=True)
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{source} holds no weights of ST-LPIPS ({error}); give --perceptual a wheel of stlpips-pytorch."
        ) from None


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
        self.convs = nn.ParameterList(
            [flat] + [state[f"net.slice{k}.{i}.weight"] for k, i in ((2, 5), (3, 9), (4, 11), (5, 13))]
        )
        self.biases = nn.ParameterList(
            [state[f"net.slice{k}.{i}.bias"] for k, i in ((1, 0), (2, 5), (3, 9), (4, 11), (5, 13))]
        )
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
