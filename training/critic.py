"""A critic: a small network that learns to tell reconstructions from pictures; the decoder learns to deceive it.

A reconstruction can be near its picture in every error and still show what no picture has: beads along a line, speckle
beside an edge, fine stripes in a flat area. A perceptual distance that tolerates shifts does not see them. The critic
compares each place of a reconstruction with the same place of its picture (Jolicoeur-Martineau 2018, "The relativistic
discriminator"). In such pairs it finds the beads within a few dozen steps; in unpaired batches of this size it does not
within hundreds, because it has to learn first how pictures differ from each other.

    critic:  mean softplus(score(decoded) - score(drawn))
    decoder: mean softplus(score(drawn) - score(decoded))        both ln 2 when it sees no difference
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH = 32
GAIN = 10.0  # spectral norm keeps the outputs of a network small


class Critic(nn.Module):
    """Frames (N, 3, H, W) in 0..1 to a map of scores (N, 1, H/8, W/8), each of which sees 46 by 46 pixels.

    Parameters
    ----------
    rate : float
        Learning rate. The critic has an optimiser of its own.
    """

    def __init__(self, rate: float = 1e-3):
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in ((3, WIDTH), (WIDTH, 2 * WIDTH), (2 * WIDTH, 3 * WIDTH)):
            layers += [spectral_norm(nn.Conv2d(inner, outer, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, spectral_norm(nn.Conv2d(3 * WIDTH, 1, 4, padding=1)))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=rate, betas=(0.5, 0.99), weight_decay=0.0)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return GAIN * self.net(4 * (frames - 0.5))

    def learn(self, drawn: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Train the critic one step on pictures and their reconstructions; return its loss, ln 2 at chance level."""
        self.net.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.softplus(self(decoded.detach()) - self(drawn)).mean()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def blame(self, drawn: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Return the decoder's loss. Its gradient goes to the decoded frames, not into the critic."""
        self.net.requires_grad_(False)
        with torch.no_grad():
            target = self(drawn)
        return F.softplus(target - self(decoded)).mean()
