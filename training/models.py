"""The β-VAE: a fully convolutional encoder and decoder between frames and latents at 1/32 of their size.

frames (N, 3, H, W) display-referred 0..1  <->  latents (N, 8, H/32, W/32)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

SCALE = 32


@dataclass(frozen=True)
class Config:
    """Widths from the latent grid outwards: 1/32, 1/16, 1/8 and 1/4 of the picture. The last four-fold step is a pixel shuffle."""

    latent: int = 8
    decoder: tuple[int, ...] = (256, 160, 96, 48)
    encoder: tuple[int, ...] = (256, 160, 96, 64)
    blocks: int = 2
    group: int = 16  # channels per group of a GroupNorm

    def asdict(self):
        return asdict(self)


def norm(channels: int, group: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // group), channels, eps=1e-5)


def conv(inner: int, outer: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, size, stride=stride, padding=size // 2)


class ResBlock(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))); starts as the identity.

    Only the branch is normalised: what travels along the sum keeps its level, so that a flat field stays flat and a crop means the
    same as the picture around it. One norm a block is enough to train, and norms are what int8 pays most for.
    """

    def __init__(self, channels: int, group: int):
        super().__init__()
        self.norm = norm(channels, group)
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        return x + self.conv2(F.silu(self.conv1(F.silu(self.norm(x)))))


class Upsample(nn.Module):
    """1x1 convolution, then bilinear: smooth from the first step of training, so neither blocks nor checkerboards have to be unlearned."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        self.conv = conv(inner, outer, 1)

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2.0, mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Latents (N, C, h, w) to frames (N, 3, 32h, 32w), nominal 0..1, not clamped.

    `tint` is a linear path beside the body, `hint` its counterpart in the encoder: the colour of a block travels straight through, so
    that all three axes of colour are there from the start and the body learns form.
    """

    def __init__(self, config: Config):
        super().__init__()
        widths = config.decoder
        layers = [conv(config.latent, widths[0])]
        for k, width in enumerate(widths):
            if k:
                layers.append(Upsample(widths[k - 1], width))
            layers += [ResBlock(width, config.group) for _ in range(config.blocks)]
        self.body = nn.Sequential(*layers)
        self.out = conv(widths[-1], 3 * 16)
        with torch.no_grad():  # all sixteen pixels of a shuffle start equal: no grid to unlearn
            self.out.weight.copy_(self.out.weight[::16].repeat_interleave(16, 0))
            self.out.bias.fill_(0.0)
        self.tint = conv(config.latent, 3 * 16, 1)
        nn.init.zeros_(self.tint.weight)

    def forward(self, latents):
        wide = F.interpolate(latents, scale_factor=float(SCALE // 4), mode="bilinear", align_corners=False)
        x = self.out(F.silu(self.body(latents))) + self.tint(wide)
        return 0.5 + 0.5 * F.pixel_shuffle(x, 4)


class Encoder(nn.Module):
    """Frames (N, 3, H, W) to the mean and log-variance of the posterior, each (N, C, H/32, W/32)."""

    def __init__(self, config: Config):
        super().__init__()
        widths = config.encoder[::-1]
        layers = [nn.PixelUnshuffle(4), conv(3 * 16, widths[0])]
        for k, width in enumerate(widths):
            if k:
                layers.append(conv(widths[k - 1], width, 3, stride=2))
            layers += [ResBlock(width, config.group) for _ in range(max(1, config.blocks - 1))]
        self.body = nn.Sequential(*layers)
        self.out = conv(widths[-1], 2 * config.latent)
        with torch.no_grad():  # begin with little noise: structure is learned first, its price is paid later
            self.out.bias[config.latent :] = -4.0
        self.hint = conv(3, config.latent, 1)

    def forward(self, frames):
        frames = 2 * frames - 1
        mean, log_variance = self.out(F.silu(self.body(frames))).chunk(2, dim=1)
        mean = mean + self.hint(F.avg_pool2d(frames, SCALE))
        return mean, log_variance.clamp(-12, 4)


class VAE(nn.Module):
    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    def forward(self, frames, generator=None):
        """Reconstruction from a sample of the posterior, and the posterior's mean and log-variance."""
        mean, log_variance = self.encoder(frames)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return self.decoder(mean + torch.exp(0.5 * log_variance) * noise), mean, log_variance


def divergence(mean, log_variance, frames):
    """KL(posterior || N(0, 1)) summed over the latent, in nats per image value: / (3 H W), averaged over the batch."""
    total = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
    return total / frames.numel()
