"""The decoder without norms: each GroupNorm becomes a fixed scale and shift, melted into the convolution before it.

    python -m training.fold training/runs/vae/last.ckpt --data training/data/procedural --minutes 8

writes folded.ckpt beside the checkpoint, ready for export. The file also holds the decoder with its norms, so that the
two can be compared.

A GroupNorm needs statistics of the whole picture before it can give one pixel. In int8 that costs more than the
convolutions around it, and a part of a picture decodes differently from the same part of a larger picture. For latents
like those of films its effect is nearly constant:

    norm(u) ≈ scale * u + shift, least squares per channel over calibration latents
    scale * (W x + b) + shift = (scale * W) x + (scale * b + shift)

Convolutions are fitted one after the other, from the latents to the frame. Each is fitted to what the folded ones
before it give, so that a later fit corrects the errors of earlier ones. Then `tune` trains the folded decoder (the
student) to give the same frames as the one with norms (the teacher).
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import arguments, checkpoint, exported, perceptual
from .compat import fast_bf16
from .dataset import Crops, load
from .errors import TrainingError, run_command
from .latents import mix_latents
from .models import Decoder, Encoder
from .norms import blocks, is_folded

PAIRS = (("conv1", "norm1"), ("conv2", "norm2"))


class Fit:
    """Least squares of y against u, channel by channel, from sums over any number of batches (N, C, h, w)."""

    def __init__(self):
        self.sums: torch.Tensor | float = 0.0

    def add(self, u: torch.Tensor, y: torch.Tensor) -> None:
        u, y = u.double(), y.double()
        self.sums = self.sums + torch.stack([v.mean((0, 2, 3)) for v in (torch.ones_like(u), u, y, u * u, u * y)])

    def solve(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scale and shift, each (C,). A channel that never moves keeps scale 1."""
        count, u, y, uu, uy = self.sums
        u, y, uu, uy = u / count, y / count, uu / count, uy / count
        spread = uu - u * u
        still = spread < 1e-12
        scale = torch.where(still, 1.0, (uy - u * y) / spread.clamp_min(1e-12))
        return scale.float(), (y - scale * u).float()


@contextmanager
def record_output(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list that holds the last output of a module while the block lasts."""
    seen: list[torch.Tensor] = []
    handle = module.register_forward_hook(lambda _, __, out: seen.__setitem__(slice(None), [out]))
    try:
        yield seen
    finally:
        handle.remove()


@torch.no_grad()
def fold(teacher: Decoder, latents: Iterable[torch.Tensor]) -> Decoder:
    """Return a decoder without norms that comes as near to the teacher as scales and shifts allow.

    Parameters
    ----------
    teacher : Decoder
        In evaluation; left as it is.
    latents : iterable of tensor
        Batches (N, C, h, w) in the decoder's own units, such as films visit.
    """
    latents = list(latents)
    student = copy.deepcopy(teacher).eval()
    for theirs, ours in zip(blocks(teacher), blocks(student)):
        for conv, norm in PAIRS:
            layer, fit = getattr(ours, conv), Fit()
            with record_output(getattr(theirs, norm)) as target, record_output(layer) as output:
                for batch in latents:
                    teacher(batch)
                    student(batch)
                    fit.add(output[0], target[0])
            scale, shift = fit.solve()
            layer.weight.mul_(scale.view(-1, 1, 1, 1))
            layer.bias.mul_(scale).add_(shift)
            setattr(ours, norm, nn.Identity())
    return student


def tune(
    student: Decoder,
    teacher: Decoder,
    encoder: Encoder,
    crops: Crops,
    distance: nn.Module | None,
    minutes: float,
    rate: float = 1.5e-4,
    share: float = 1.0,
    patch: int = 64,
    say: Callable[[str], None] = print,
    device: str = "cpu",
    most: int | None = None,
) -> Decoder:
    """Train the folded decoder to give its teacher's frames, for some minutes or ``most`` steps; return its average.

    loss = L1(student, teacher) + share * LPIPS(student, teacher), over the latents of `mix_latents`.
    """
    student, teacher, encoder = (m.to(device) for m in (student, teacher, encoder))
    student.train()
    average = copy.deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    half = partial(torch.autocast, torch.device(device).type, torch.bfloat16, enabled=fast_bf16(device))
    rng = np.random.default_rng(11)
    began = reported = time.monotonic()
    sums, steps = np.zeros(2), 0
    for frames in crops:
        part = max((time.monotonic() - began) / (60 * minutes), steps / most if most else 0.0)
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (steps + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * part)))
        frames = frames.to(device)
        with torch.no_grad(), half():
            latents = mix_latents(encoder(frames)[0], rng).float()
            target = teacher(latents).float()
        with half():
            output = student(latents).float()
        near = (output - target).abs().mean()
        look = torch.zeros(())
        if distance is not None:
            size = min(patch, output.shape[-1])
            y, x = (int(rng.integers(0, edge - size + 1)) for edge in output.shape[-2:])
            look = distance(output[:, :, y : y + size, x : x + size], target[:, :, y : y + size, x : x + size])
        optimizer.zero_grad(set_to_none=True)
        (near + share * look).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        student.level()
        steps += 1
        with torch.no_grad():
            keep = min(0.998, (1 + steps) / (10 + steps))
            torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 1 - keep)
        sums += float(near.detach()), float(look.detach())
        if time.monotonic() - reported > 20:
            reported = time.monotonic()
            say(
                f"{(reported - began) / 60:5.1f} of {minutes:g} min, {steps} steps: "
                f"L1 {sums[0] / steps:.4f}, distance {sums[1] / steps:.4f}"
            )
    return average.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the norms out of a decoder.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data sets it was trained on")
    parser.add_argument("--minutes", type=arguments.some_minutes, default=8, help="of learning from its teacher")
    parser.add_argument("--perceptual", help="as for train_vae")
    parser.add_argument("--crop", type=arguments.crop, default=512, help="size of the pictures it learns on")
    parser.add_argument("--batch", type=arguments.count, default=2)
    args = parser.parse_args()
    model, facts = checkpoint.load_averaged(args.checkpoint)
    if is_folded(model.decoder):
        raise TrainingError(f"{args.checkpoint} is folded already.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pictures = load(args.data, model.config.scale)
    exported.require_data(facts, pictures.digest, args.checkpoint)
    teacher = copy.deepcopy(model.decoder)
    with torch.no_grad():
        rng = np.random.default_rng(7)
        frames = [pictures.frame(k)[None] for k in pictures.some(held_out=False, most=40)]
        pairs = [torch.cat(frames[k : k + 2]) for k in range(0, len(frames) - 1, 2)] or frames
        latents = [mix_latents(model.encoder(pair)[0], rng) for pair in pairs]
    print(f"fitting scales and shifts over {len(latents)} batches of latents", flush=True)
    student = fold(model.decoder, latents)
    if args.minutes > 0:
        crops = Crops(pictures, ((args.crop, args.batch, 1.0),), seed=3, device=device)
        distance = perceptual.choose(args.perceptual)
        distance = distance.to(device) if distance is not None else None
        student = tune(student, teacher, model.encoder, crops, distance, args.minutes, device=device)
    model = model.cpu()
    model.decoder = student.cpu()
    facts |= {"folded": True, "fold_minutes": args.minutes, "teacher": teacher.cpu().state_dict()}
    target = args.checkpoint.with_name("folded.ckpt")
    checkpoint.write(target, model, facts)
    print(target)


if __name__ == "__main__":
    run_command(main)
