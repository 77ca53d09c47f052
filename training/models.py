"""The β-VAE: a fully convolutional encoder and decoder between frames and latents at 1/32 of their size.

frames (N, 3, H, W) display-referred 0..1  <->  latents (N, 8, H/32, W/32)

A decoder may have finer stages, each of which doubles the size of its frames: with one, a cell becomes 64 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

SCALE = 32
NODES = 4  # values per cell, down and across, in the smooth path of the decoder
LOW, HIGH = -8.0, 16.0  # the inputs of every SiLU are clamped to this range: silu(-8) = -0.003


@dataclass(frozen=True)
class Config:
    """Widths from the latent grid outwards: 1/32, 1/16, 1/8 and 1/4 of the encoder's picture.

    Further widths of the decoder are those of finer stages, at 1/2 and 1.
    """

    latent: int = 8
    decoder: tuple[int, ...] = (256, 160, 96, 48)
    encoder: tuple[int, ...] = (256, 160, 96, 64)
    blocks: int = 2
    group: int = 16  # channels per group of a GroupNorm

    @property
    def detail(self) -> int:
        """How many times as high the decoder's frames are as the encoder's pictures: 1, 2, 4."""
        return 2 ** (len(self.decoder) - len(self.encoder))

    @property
    def scale(self) -> int:
        """Pixels of the decoder's frames per cell, down and across."""
        return SCALE * self.detail

    def asdict(self):
        return asdict(self)


def norm(channels: int, group: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // group), channels, eps=1e-5)


def conv(inner: int, outer: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, size, stride=stride, padding=size // 2)


def exact(x: torch.Tensor) -> torch.Tensor:
    return x


def activation(x: torch.Tensor, show=exact) -> torch.Tensor:
    """Return the SiLU of x clamped to LOW..HIGH.

    Below LOW, SiLU is almost 0. Above HIGH, a decoder without norms would have no bound: for unusual latents every
    block would give larger values than the one before it, and destroy a part of the picture. The range is also small
    enough for the 256 levels of int8, where the clamp costs no time, because quantising saturates.
    """
    return F.silu(show(x.clamp(LOW, HIGH)))


def round_to_levels(x: torch.Tensor, levels: int = 128) -> torch.Tensor:
    """Round x (N, ...) to even levels, for each picture from its lowest value to its highest, one of them 0.

    The gradient is passed on as if nothing were rounded. It stands for the int8 decoder, whose 256 levels cover a whole
    film, so that one picture uses about half of them.
    """
    with torch.no_grad():
        low, high = (end(x, tuple(range(1, x.ndim)), keepdim=True).float() for end in (torch.amin, torch.amax))
        level = (high.clamp_min(0) - low.clamp_max(0)).clamp_min(1e-6) / (levels - 1)
        off = (x / level).round() * level - x
    return x + off


class ResBlock(nn.Module):
    """x + norm(conv(silu(norm(conv(x))))); starts as the identity.

    Only the branch is normalised; x itself is passed on unchanged, so that a flat area stays flat and a crop decodes
    like the same part of a larger picture. Each norm directly follows its convolution, so that `fold` can combine the
    two: norms make training stable, and the shipped decoder does not compute them.
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
    """Layers in a row. With `sparing`, the backward pass computes the inside of blocks again, to save memory."""

    sparing = False

    def __getitem__(self, layers):
        part = super().__getitem__(layers)
        if isinstance(layers, slice):
            part.sparing, part.training = self.sparing, self.training
        return part

    def forward(self, x, show=exact, first=0, end=None):
        """Return what the layers from ``first`` to ``end`` make of x: an export traces no part of a row of layers."""
        for layer in list(self)[first:end]:
            if self.sparing and self.training and isinstance(layer, ResBlock):
                x = checkpoint(layer, x, show, use_reentrant=False)
            elif isinstance(layer, (ResBlock, Upsample)):
                x = layer(x, show)
            else:
                x = layer(x)
        return x


class Upsample(nn.Module):
    """A 1x1 convolution, then bilinear doubling: smooth from the first step on, without blocks or checkerboards."""

    def __init__(self, inner: int, outer: int):
        super().__init__()
        self.conv = conv(inner, outer, 1)

    def forward(self, x, show=exact):
        return double_size(show(self.conv(show(x))))


def double_size(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def draw(out: nn.Conv2d, features: torch.Tensor, show=exact) -> torch.Tensor:
    """Return the picture of twice the features' size that a last convolution makes of them."""
    form = show(out(show(activation(features, show))))
    return F.pixel_shuffle(form, 2).float()  # in bfloat16, light tones are 1/256 apart


class Finer(nn.Module):
    """A stage behind a decoder that doubles the size of its frames: what it draws is added to them.

    It reads what the last stage before it reads. Its first half, ``again``, is of the form of that stage, and begins
    with its weights: the features from which edges are drawn twice as fine must tell more exactly where they are, and
    the stage before, which stays as it is, has its hands full. The second half, ``stage``, computes in twice the size.
    What it draws begins with nothing, so that the frames are the stretched ones until it has learned better.

    It has no norms: a decoder gets finer stages when its own norms are folded.
    """

    def __init__(self, inner: int, middle: int, outer: int, config: Config):
        super().__init__()
        self.again, self.stage = (
            Body(Upsample(before, after), *[ResBlock(after, config.group) for _ in range(config.blocks)])
            for before, after in ((inner, middle), (middle, outer))
        )
        self.out = conv(outer, 3 * 4)
        for block in [*self.again[1:], *self.stage[1:]]:
            block.norm1 = block.norm2 = nn.Identity()
            nn.init.zeros_(block.conv2.weight)
            nn.init.zeros_(block.conv2.bias)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)


class Decoder(nn.Module):
    """Latents (N, C, h, w) to frames (N, 3, 32h, 32w), nominal 0..1, not clamped.

    frames = 0.5 + 0.5 * double(shuffle(out(body)) + double(double(linear)))

    The body computes at a quarter of the size; a pixel shuffle doubles that, then a bilinear doubling gives the full
    size. Each pixel of a shuffle comes from a filter of its own. A shuffle of 4 by 4 pixels, straight to the full size,
    drew a comb of four pixels along every edge.

    `linear` is a lapped transform whose result is added to the body's; `Encoder.linear` is its counterpart, see
    `VAE.start_linear`. It gives 4 by 4 values per cell, the nodes, which are doubled in size three times; repeated
    bilinear doublings come near a quadratic B-spline, whose slopes are continuous. So it draws colours and soft forms,
    `level` keeps it from showing the latent grid, and every edge is left to the body. A linear path with one value per
    pixel would learn edges too, and draw them as a row of beads, one per cell.

    Each stage of `finer` doubles what was drawn before the last doubling, and adds to it what it draws itself, so that
    the frames are twice as large. With x, what the last stage before it reads:

        form = shuffle(out(body)) + double(double(linear)); form = double(form) + shuffle(finer.out(stage(again(x))))
        frames = 0.5 + 0.5 * double(form)
    """

    def __init__(self, config: Config):
        super().__init__()
        widths = config.decoder[: len(config.encoder)]
        layers = [conv(config.latent, widths[0])]
        for k, width in enumerate(widths):
            if k:
                layers.append(Upsample(widths[k - 1], width))
            layers += [ResBlock(width, config.group) for _ in range(config.blocks)]
        self.body = Body(*layers)
        self.last = len(layers) - 1 - config.blocks  # where the last stage begins
        self.out = conv(widths[-1], 3 * 4)
        with torch.no_grad():  # the four pixels of a shuffle start equal, so that training does not begin with a grid
            self.out.weight.copy_(0.1 * self.out.weight[::4].repeat_interleave(4, 0))
            self.out.bias.fill_(0.0)
        self.linear = nn.Conv2d(config.latent, 3 * NODES**2, 3, padding=1, padding_mode="replicate")
        nn.init.normal_(self.linear.weight, 0, 1e-3)
        nn.init.zeros_(self.linear.bias)
        first, every = len(widths) - 2, config.decoder
        steps = zip(every[first:], every[first + 1 :], every[first + 2 :])
        self.finer = nn.ModuleList(Finer(inner, middle, outer, config) for inner, middle, outer in steps)

    def forward(self, latents, show: Callable[[torch.Tensor], torch.Tensor] = exact):
        """Decode latents; `show` is applied to the inputs and outputs of all convolutions that do not read the latents.

        With `round_to_levels` as `show`, the result is close to that of the int8 decoder.
        """

        return self.finish(*self.begin(latents, show), show)

    def begin(self, latents, show=exact) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the last stage reads, and the form that it draws; finer stages read no more than these."""
        features = self.body(latents, show, 0, self.last)
        form = draw(self.out, self.body(features, show, self.last), show)
        return features, form + double_size(double_size(F.pixel_shuffle(self.linear(latents), NODES)))

    def finish(self, features, form, show=exact):
        """Return the frames: what finer stages add to the form, and the last doubling."""
        for finer in self.finer:
            features = finer.again(features, show)
            form = double_size(form) + draw(finer.out, finer.stage(features, show), show)
        return 0.5 + 0.5 * double_size(form)

    @torch.no_grad()
    def level(self) -> None:
        """Change the weights of `linear` so that constant latents give constant frames, and ramps give ramps.

        The sum of a node's weights over the nine cells around it is its response to a constant; the sum of the weights
        times the cells' positions, -1, 0 and 1, is its response to a ramp. The response to a constant must be the same
        at all nodes of a cell; the response to a ramp must grow evenly from node to node. What a node has too much is
        subtracted from its weights in the shape of a quadratic B-spline q, or of its derivative q', so that the kernels
        stay smooth. Over the cells:

            sum of q = 1, sum of position * q = position of the node, sum of q' = 0, sum of position * q' = 1
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
    """Return kernels (K, 96, 96) of 3 by 3 cells, averaged at nodes: (K nodes², 3, 3), in a pixel shuffle's order."""
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
        with torch.no_grad():  # begin with little noise: structure is learned first, and the KL term restrains it later
            self.out.weight.mul_(0.1)
            self.out.bias[config.latent :] = -4.0
        self.linear = nn.Conv2d(3 * SCALE**2, config.latent, 3, padding=1, padding_mode="replicate")
        nn.init.normal_(self.linear.weight, 0, 1e-3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, frames):
        frames = 2 * frames - 1
        mean, log_variance = self.out(F.silu(self.body(frames))).chunk(2, dim=1)
        return mean + self._linear_mean(frames), log_variance.clamp(-12, 4)

    def _linear_mean(self, frames):
        """Return the linear part of the mean, in float32 even where the rest is made in bfloat16.

        Its 27648 products per value are worth it, and oneDNN (3.12) writes beyond its memory for the gradient of so
        many channels to so few in bfloat16, on CPUs with AMX.
        """
        cells = F.pixel_unshuffle(frames, SCALE)
        if not torch.is_autocast_enabled(frames.device.type):
            return self.linear(cells)
        with torch.autocast(frames.device.type, enabled=False):
            return self.linear(cells.float())


class VAE(nn.Module):
    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance of pictures of the decoder's size; the encoder sees them shrunk to its own."""
        detail = self.config.detail
        return self.encoder(F.avg_pool2d(frames, detail) if detail > 1 else frames)

    def with_finer(self, *widths: int) -> VAE:
        """Return the model with finer stages of these widths behind its decoder, which has no norms.

        Its frames are those of before, doubled in size once for each stage.
        """
        made = VAE(replace(self.config, decoder=(*self.config.decoder, *widths)))
        for block in made.decoder.body:
            if isinstance(block, ResBlock):
                block.norm1 = block.norm2 = nn.Identity()
        made.load_state_dict(self.state_dict(), strict=False)
        known = len(self.decoder.finer)
        before = [made.decoder.body[made.decoder.last :], *(finer.stage for finer in made.decoder.finer)]
        for last, finer in zip(before[known:], made.decoder.finer[known:]):
            finer.again.load_state_dict({f"{k}.{name}": value for k, layer in enumerate(last)
                                         for name, value in layer.state_dict().items()})  # fmt: skip
        return made

    @torch.no_grad()
    def start_linear(self, patches: torch.Tensor) -> None:
        """Set the linear paths to the best linear codec of some pictures; training then only learns what is not linear.

        The linear paths become a lapped principal component analysis. Windowed patches w * p of 64x64 pixels, one
        around each cell of 32x32, have the principal axes v and the deviations s along them:

            latent = <v, w * p> / s, frame = sum over cells of w * (s * latent * v)

        The decoder keeps the means of v over 8x8 pixels. The window is a sine; its squares add up to 1 where patches
        overlap, so that there are no seams. Every channel starts in use and with a deviation of 1.

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
        """Divide each latent channel by a deviation s (C,), multiply the decoder's weights by it; frames do not change.

        The log-variance becomes ln(σ² / s²).
        """
        count = self.config.latent
        for layer in (self.encoder.out, self.encoder.linear):
            layer.weight[:count] /= deviation.view(-1, 1, 1, 1)
            layer.bias[:count] /= deviation
        self.encoder.out.bias[count:] -= 2 * deviation.log()
        for layer in (self.decoder.body[0], self.decoder.linear):
            layer.weight *= deviation.view(1, -1, 1, 1)

    def linear_parameters(self) -> list[nn.Parameter]:
        """Return the weights of the linear paths; they have so many inputs that they need a smaller learning rate."""
        return [*self.encoder.linear.parameters(), *self.decoder.linear.parameters()]
