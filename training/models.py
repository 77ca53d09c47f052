"""The β-VAE: a fully convolutional encoder and decoder between frames and latents at 1/32 of their size.

frames (N, 3, H, W) display-referred 0..1  <->  latents (N, 8, H/32, W/32)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

SCALE = 32
NODES = 4  # a cell's edge in the smooth path of the decoder
LOW, HIGH = -8.0, 16.0  # of what a SiLU is given: silu(-8) = -0.003


@dataclass(frozen=True)
class Config:
    """Widths from the latent grid outwards: 1/32, 1/16, 1/8 and 1/4 of the picture."""

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


def exact(x: torch.Tensor) -> torch.Tensor:
    return x


def activation(x: torch.Tensor, show=exact) -> torch.Tensor:
    """SiLU of x held to LOW..HIGH.

    Below, nothing is lost; above, a decoder without norms would have no bound: where latents are unusual each block outdoes the one before
    it, until a spot of the picture bursts. And 256 levels from -8 to 16 are fine enough for int8, where being held costs nothing:
    quantising saturates.
    """
    return F.silu(show(x.clamp(LOW, HIGH)))


def rounded(x: torch.Tensor, levels: int = 128) -> torch.Tensor:
    """Each picture of x (N, ...) in so many even levels, of which one is 0, from its lowest value to its highest; the gradient is that of x.

    As int8 would show it: of its 256 levels a single picture uses about half, for their range is wide enough for all of a film.
    """
    with torch.no_grad():
        low, high = (end(x, tuple(range(1, x.ndim)), keepdim=True).float() for end in (torch.amin, torch.amax))
        level = (high.clamp_min(0) - low.clamp_max(0)).clamp_min(1e-6) / (levels - 1)
        off = (x / level).round() * level - x
    return x + off


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

    def forward(self, x, show=exact):
        inner = show(activation(self.norm1(self.conv1(show(x))), show))
        return x + show(self.norm2(self.conv2(inner)))


class Body(nn.Sequential):
    """Layers in turn. With `sparing`, what lies inside a block is computed again on the way back instead of being kept."""

    sparing = False

    def forward(self, x, show=exact):
        for layer in self:
            if self.sparing and self.training and isinstance(layer, ResBlock):
                x = checkpoint(layer, x, show, use_reentrant=False)
            elif isinstance(layer, (ResBlock, Upsample)):
                x = layer(x, show)
            else:
                x = layer(x)
        return x


class Upsample(nn.Module):
    """1x1 convolution, then bilinear: smooth from the first step of training, so neither blocks nor checkerboards have to be unlearned."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        self.conv = conv(inner, outer, 1)

    def forward(self, x, show=exact):
        return doubled(show(self.conv(show(x))))


def doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Latents (N, C, h, w) to frames (N, 3, 32h, 32w), nominal 0..1, not clamped.

    frames = 0.5 + 0.5 * double(shuffle(out(body)) + double(double(linear)))

    The body draws at a quarter of the size, a pixel shuffle brings it to a half, and a bilinear doubling to the whole: the pixels of a
    shuffle come from as many filters that know nothing of each other, and four by four of them left a comb on every edge.

    `linear` is a lapped transform beside the body, with `Encoder.linear` its counterpart; see `VAE.start_linear`. It is smooth by
    construction, 4 by 4 nodes per cell, doubled three times (bilinear doublings in turn come near a quadratic B-spline, whose slopes are
    continuous), and level: it gives colours and soft forms, and every edge is left to the body. A linear path with a value of its own
    for each pixel learns edges, too, but draws them as a row of beads, one per cell.
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
        self.out = conv(widths[-1], 3 * 4)
        with torch.no_grad():  # all four pixels of a shuffle start equal: no grid to unlearn
            self.out.weight.copy_(0.1 * self.out.weight[::4].repeat_interleave(4, 0))
            self.out.bias.fill_(0.0)
        self.linear = nn.Conv2d(config.latent, 3 * NODES**2, 3, padding=1, padding_mode="replicate")
        nn.init.normal_(self.linear.weight, 0, 1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, latents, show: Callable[[torch.Tensor], torch.Tensor] = exact):
        """`show` is what becomes of values on their way into a convolution and out of it, but for those that read the latents: with
        `rounded`, what becomes of them in int8."""
        form = show(self.out(show(activation(self.body(latents, show), show))))
        form = F.pixel_shuffle(form, 2).float()  # in bfloat16, light tones are 1/256 apart
        return 0.5 + 0.5 * doubled(form + doubled(doubled(F.pixel_shuffle(self.linear(latents), NODES))))

    @torch.no_grad()
    def level(self) -> None:
        """Keep the smooth path from drawing cells: where latents are constant frames are, and where latents rise evenly frames do.

        A node's weights over the nine cells around it add up to its answer to a constant, and times the cells' places, -1, 0 and 1, to its
        answer to a slope. The first is to be the same at every node of a cell; the second is to grow by as much per cell. What a node has
        more or less is taken from its weights in the shape of a quadratic B-spline q or of its slope q', so that kernels stay smooth:

            sum of q over the cells = 1, of place * q = where the node is, of q' = 0, of place * q' = 1
        """
        weight = self.linear.weight
        weights = weight.view(3, NODES, NODES, -1, 3, 3)  # colour, node down and across, latent, cell down and across
        cell = torch.arange(-1.0, 2.0).to(weight)
        node = ((torch.arange(NODES) + 0.5) / NODES - 0.5).to(weight)
        off = node[:, None] - cell
        near = off.abs() < 0.5
        spline = torch.where(near, 0.75 - off**2, 0.5 * (1.5 - off.abs()) ** 2)
        slope = torch.where(near, -2 * off, -off.sign() * (1.5 - off.abs()))

        def even(answer: torch.Tensor, down: torch.Tensor, across: torch.Tensor) -> None:
            weights.sub_(torch.einsum("oyxc,yk,xl->oyxckl", answer - answer.mean((1, 2), keepdim=True), down, across))

        flat = weights.sum((4, 5))
        even(flat, spline, spline)
        rise = flat.mean((1, 2), keepdim=True)
        even((weights.sum(4) * cell).sum(4) - rise * node.view(NODES, 1), spline, slope)
        even((weights.sum(5) * cell).sum(4) - rise * node.view(NODES, 1, 1), slope, spline)
        bias = self.linear.bias.view(3, NODES**2)
        bias.copy_(bias.mean(1, keepdim=True).expand_as(bias))


def _window() -> torch.Tensor:
    """Return the window of a patch of two by two cells, in the middle of three by three: (96, 96)."""
    edge = 2 * SCALE
    wave = torch.sin(torch.pi * (torch.arange(edge) + 0.5) / edge)
    return F.pad(wave[:, None] * wave, (SCALE // 2,) * 4)


def _tiled(kernels: torch.Tensor, nodes: int) -> torch.Tensor:
    """Return kernels (K, 96, 96) over three by three cells as means at nodes: (K nodes², 3, 3), ordered for a pixel shuffle."""
    small = F.avg_pool2d(kernels, SCALE // nodes)
    return small.unflatten(2, (3, nodes)).unflatten(1, (3, nodes)).permute(0, 2, 4, 1, 3).flatten(0, 2)


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

        of which the decoder's side keeps the means over 8x8 pixels.

        The window is a sine, whose squares add up to 1 where neighbours overlap: patches melt into each other without a seam, and
        every channel starts in use and at unit scale.

        Parameters
        ----------
        patches : tensor
            (n, 3, 64, 64), 0..1, at random from the data set; a few thousand.
        """
        window = _window()
        inside = slice(SCALE // 2, -(SCALE // 2))
        seen = ((2 * patches - 1) * window[inside, inside]).flatten(1)
        count = self.config.latent
        axes = torch.pca_lowrank(seen, q=min(3 * count, *seen.shape), center=False, niter=4)[2][:, :count]
        axes = axes * torch.sign(axes.sum(0) + 1e-9)
        spread = (seen @ axes).square().mean(0).sqrt().clamp_min(1e-3).view(-1, 1, 1, 1)
        kernels = F.pad(axes.T.reshape(-1, 3, 2 * SCALE, 2 * SCALE), (SCALE // 2,) * 4) * window  # (C, 3, 96, 96)
        self.encoder.linear.weight.copy_(torch.stack([_tiled(kernel, SCALE) for kernel in kernels / spread]))
        self.decoder.linear.weight.copy_(
            torch.stack([_tiled(kernel, NODES) for kernel in kernels * spread], 1).flip(2, 3)
        )
        self.decoder.level()

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


def sampled(mean, log_variance):
    """Latents drawn from the posterior."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


def divergence(mean, log_variance, frames):
    """KL(posterior || N(0, 1)) summed over the latent, in nats per image value: / (3 H W), averaged over the batch."""
    total = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
    return total / frames.numel()
