"""The β-VAE: a fully convolutional encoder and decoder between frames and latents at 1/32 of their size.

frames (N, 3, H, W) display-referred 0..1  <->  latents (N, 8, H/32, W/32)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

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
    """x + norm(conv(silu(norm(conv(x))))); starts as the identity.

    Only the branch is normalised: what travels along the sum keeps its level, so that a flat field stays flat and a crop
    means the same as the picture around it. Each norm follows its convolution directly, so that `fold` can melt the two into
    one: while training, norms steady every step; in the decoder that is shipped they cost nothing.
    """

    def __init__(self, channels: int, group: int):
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.norm1, self.norm2 = norm(channels, group), norm(channels, group)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x):
        return x + self.norm2(self.conv2(F.silu(self.norm1(self.conv1(x)))))


class Body(nn.Sequential):
    """Layers in turn. With `sparing`, what lies inside a block is computed again on the way back instead of being kept."""

    sparing = False

    def forward(self, x):
        for layer in self:
            if self.sparing and self.training and isinstance(layer, ResBlock):
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        return x


class Upsample(nn.Module):
    """1x1 convolution, then bilinear: smooth from the first step of training, so neither blocks nor checkerboards have to be unlearned."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        self.conv = conv(inner, outer, 1)

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2.0, mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Latents (N, C, h, w) to frames (N, 3, 32h, 32w), nominal 0..1, not clamped.

    `linear` is a lapped transform beside the body, with `Encoder.linear` its counterpart; see `VAE.start_linear`.
    """

    def __init__(self, config: Config):
        super().__init__()
        widths = config.decoder
        layers = [conv(config.latent, widths[0])]
        for k, width in enumerate(widths):
            if k:
                layers.append(Upsample(widths[k - 1], width))
            layers += [ResBlock(width, config.group) for _ in range(config.blocks)]
        self.body = Body(*layers)
        self.out = conv(widths[-1], 3 * 16)
        with torch.no_grad():  # all sixteen pixels of a shuffle start equal: no grid to unlearn
            self.out.weight.copy_(0.1 * self.out.weight[::16].repeat_interleave(16, 0))
            self.out.bias.fill_(0.0)
        self.linear = nn.Conv2d(config.latent, 3 * SCALE**2, 3, padding=1, padding_mode="replicate")
        nn.init.normal_(self.linear.weight, 0, 1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, latents):
        form = F.pixel_shuffle(self.out(F.silu(self.body(latents))), 4)
        return 0.5 + 0.5 * (form + F.pixel_shuffle(self.linear(latents), SCALE))


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
        self.body = Body(*layers)
        self.out = conv(widths[-1], 2 * config.latent)
        with torch.no_grad():  # begin with little noise: structure is learned first, its price is paid later
            self.out.weight.mul_(0.1)
            self.out.bias[config.latent :] = -4.0
        self.linear = nn.Conv2d(3 * SCALE**2, config.latent, 3, padding=1, padding_mode="replicate")
        nn.init.normal_(self.linear.weight, 0, 1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, frames):
        frames = 2 * frames - 1
        mean, log_variance = self.out(F.silu(self.body(frames))).chunk(2, dim=1)
        mean = mean + self.linear(F.pixel_unshuffle(frames, SCALE))
        return mean, log_variance.clamp(-12, 4)


class VAE(nn.Module):
    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    @torch.no_grad()
    def start_linear(self, patches: torch.Tensor) -> None:
        """Begin as the best linear codec of some pictures, so that training only has to learn what is not linear.

        The linear paths become a lapped principal component analysis. Windowed patches w * p of 64x64 pixels, one around each cell of
        32x32, have the principal axes v and the deviations s along them:

            latent = <v, w * p> / s, frame = sum over cells of w * (s * latent * v)

        The window is a sine, whose squares add up to 1 where neighbours overlap: patches melt into each other without a seam, and
        every channel starts in use and at unit scale.

        Parameters
        ----------
        patches : tensor
            (n, 3, 64, 64), 0..1, at random from the data set; a few thousand.
        """
        edge = 2 * SCALE
        wave = torch.sin(torch.pi * (torch.arange(edge) + 0.5) / edge)
        window = wave[:, None] * wave
        seen = ((2 * patches - 1) * window).flatten(1)
        count = self.config.latent
        axes = torch.pca_lowrank(seen, q=min(3 * count, *seen.shape), center=False, niter=4)[2][:, :count]
        axes = axes * torch.sign(axes.sum(0) + 1e-9)
        spread = (seen @ axes).square().mean(0).sqrt().clamp_min(1e-3).view(-1, 1, 1, 1)
        kernels = F.pad((axes.T.reshape(-1, 3, edge, edge) * window), (SCALE // 2,) * 4)  # (C, 3, 96, 96): three cells by three
        tiles = kernels.unflatten(3, (3, SCALE)).unflatten(2, (3, SCALE)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
        self.encoder.linear.weight.copy_(tiles / spread)
        self.decoder.linear.weight.copy_((tiles * spread).transpose(0, 1).flip(2, 3))

    @torch.no_grad()
    def rescale(self, deviation: torch.Tensor) -> None:
        """Divide each latent channel by a deviation (C,) without changing a picture: what the encoder gives less of, the decoder
        takes more of. The log-variance follows, ln(σ² / s²).
        """
        count = self.config.latent
        for layer in (self.encoder.out, self.encoder.linear):
            layer.weight[:count] /= deviation.view(-1, 1, 1, 1)
            layer.bias[:count] /= deviation
        self.encoder.out.bias[count:] -= 2 * deviation.log()
        for layer in (self.decoder.body[0], self.decoder.linear):
            layer.weight *= deviation.view(1, -1, 1, 1)

    def linear_parameters(self) -> list[nn.Parameter]:
        """The weights of the linear paths. Their many inputs add up: they want a smaller rate than the rest."""
        return [*self.encoder.linear.parameters(), *self.decoder.linear.parameters()]

    def forward(self, frames, generator=None):
        """Reconstruction from a sample of the posterior, and the posterior's mean and log-variance."""
        mean, log_variance = self.encoder(frames)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return self.decoder(mean + torch.exp(0.5 * log_variance) * noise), mean, log_variance


def divergence(mean, log_variance, frames):
    """KL(posterior || N(0, 1)) summed over the latent, in nats per image value: / (3 H W), averaged over the batch."""
    total = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
    return total / frames.numel()
