"""A critic: an eye on pixels, and small heads over the trunk of the perceptual distance, that learn to tell decoded pictures from drawn.

The decoder is trained to please it. A reconstruction can be near its picture and still show what no picture has: beads along a line,
a weave in a flat field. And between two places of the latent space there is no picture to be near to; there the critic alone says
what belongs. Because it looks through a trained and frozen trunk (Sauer et al. 2021, "Projected GANs Converge Faster"), it needs few
weights and little time, and the trunk's work is shared with the perceptual distance.

    critic:  mean relu(1 - score(drawn)) + mean relu(1 + score(decoded))       (hinge)
    decoder: -mean score(decoded)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH = 32
GAIN = 10.0  # spectral norm keeps a head's answers small; the hinge wants them at ±1


def head(channels: int) -> nn.Sequential:
    """A map of scores (N, 1, h, w) from one level of features; every convolution has spectral norm 1."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, WIDTH, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, 1, 1)),
    )


def eye(width: int = WIDTH) -> nn.Sequential:
    """A map of scores (N, 1, h/8, w/8) from pixels in 0..1; each score sees 46 by 46 of them."""
    layers: list[nn.Module] = []
    for inner, outer in ((3, width), (width, 2 * width), (2 * width, 3 * width)):
        layers += [spectral_norm(nn.Conv2d(inner, outer, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(3 * width, 1, 4, padding=1)))


class Critic(nn.Module):
    """An eye, and heads over levels of features of unit length along their channels, as `perceptual` distances give them.

    What it is shown is a list: the pixels (N, 3, H, W) in 0..1, then the levels of features.

    Parameters
    ----------
    channels : sequence of int
        Of each level.
    rate : float
        Learning rate of the heads, which have an optimiser of their own.
    """

    def __init__(self, channels: Sequence[int], rate: float = 4e-4):
        super().__init__()
        self.channels = tuple(channels)
        self.heads = nn.ModuleList([eye(), *(head(count) for count in channels)])
        self.optimizer = torch.optim.AdamW(self.heads.parameters(), lr=rate, betas=(0.0, 0.99), weight_decay=0.0)

    def scores(self, shown: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return a map of scores for the pixels and each level: high where a picture looks drawn."""
        pixels, *levels = shown
        shown = [4 * (pixels - 0.5), *(count**0.5 * level for level, count in zip(levels, self.channels, strict=True))]
        return [GAIN * head(part) for head, part in zip(self.heads, shown, strict=True)]

    def learn(self, drawn: Sequence[torch.Tensor], decoded: Sequence[torch.Tensor]) -> torch.Tensor:
        """Take one step on what is shown of both kinds; return the hinge loss: 2 at the beginning, 0 when it is never wrong."""
        self.heads.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        true = self.scores([part.detach() for part in drawn])
        false = self.scores([part.detach() for part in decoded])
        loss = self._mean([F.relu(1 - a).mean() + F.relu(1 + b).mean() for a, b in zip(true, false)])
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def displeasure(self, decoded: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what the decoder is to make small. The gradient goes to what is shown, not into the heads."""
        self.heads.requires_grad_(False)
        return -self._mean([score.mean() for score in self.scores(decoded)])

    @staticmethod
    def _mean(parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """The eye says as much as all levels together."""
        return 0.5 * parts[0] + 0.5 * sum(parts[1:]) / (len(parts) - 1)
