"""A critic: a small net that learns to tell decoded pictures from drawn ones, and the decoder to please it.

A reconstruction can be near its picture and still show what no picture has: beads along a line, speckle beside an edge, a weave in a
flat field. A perceptual distance that forgives shifts even invites them. The critic compares each place of a reconstruction with the
same place of its picture (Jolicoeur-Martineau 2018, "The relativistic discriminator"), so that it need not learn first how pictures
differ from each other: in pairs it finds the beads within a few dozen steps, in unpaired batches of this size it does not within
hundreds.

    critic:  mean softplus(score(decoded) - score(drawn))
    decoder: mean softplus(score(drawn) - score(decoded))        ln 2 when they look alike
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH = 32
GAIN = 10.0  # spectral norm keeps the answers of a net small


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
        """Take one step on pictures and their reconstructions; return the critic's loss, ln 2 where it can tell nothing."""
        self.net.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.softplus(self(decoded.detach()) - self(drawn)).mean()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def blame(self, drawn: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Return what the decoder is to make small. The gradient goes to the decoded frames, not into the critic."""
        self.net.requires_grad_(False)
        with torch.no_grad():
            wanted = self(drawn)
        return F.softplus(wanted - self(decoded)).mean()
