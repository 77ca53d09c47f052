"""Teach a small net what a decoder shows from far away, and add it to the decoder's model.

    python -m training.sketch --models models --minutes 6

    latents (N, C, h, w) -> what the decoder draws of them, shrunk to 4 x 4 pixels for each cell       (N, 3, 4h, 4w)

Measures look at 64 rows of a film, and decoding 512 of them takes nearly all of their time. The sketch takes about a
thirtieth of it. It learns from the decoder alone, so it needs no pictures: mixes of the model's anchors, as films show
them, and smooth noise are decoded, and shrunk in light, as films are.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

from . import arguments, card, kept_anchors
from .errors import TrainingError, run_command
from .export_onnx import MODELS, OUTPUTS, save, to_half, trace
from .files import write_whole
from .latents import STRAIN, mix_latents
from .models import conv
from .upscale import LUMA

NAME = "sketch"
FILE = f"{NAME}.fp16.onnx"
SCALE = 4  # pixels for each cell
CELLS = 12  # rows and columns of the latents that it learns from; fewer where anchors are smaller
LEVEL = 2e-3  # of light: what rounding to 8 bits can hide near black, where the root is steep
JUDGED = 64  # latents that it does not learn from


class Sketch(nn.Module):
    """Latents (N, C, h, w) of unit variance to frames (N, 3, 4h, 4w), nominal 0..1."""

    def __init__(self, latent: int, channels: int = 96, depth: int = 3):
        super().__init__()
        self.config = {"latent": latent, "channels": channels, "depth": depth}
        self.first = conv(latent, channels)
        self.body = nn.ModuleList(conv(channels, channels) for _ in range(depth))
        self.last = conv(channels, 3 * SCALE**2)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.first(latents))
        for layer in self.body:
            x = x + F.relu(layer(x))
        return F.pixel_shuffle(self.last(x), SCALE) + 0.5


def shrink(frames: torch.Tensor, scale: int) -> torch.Tensor:
    """Return frames (N, 3, scale h, scale w) with `SCALE` pixels for each cell, whose light is the mean of what was."""
    light = F.avg_pool2d(frames * frames.abs(), scale // SCALE)
    return light.sign() * light.abs().sqrt()


def read_model(models: Path) -> tuple[dict[str, Any], list[np.ndarray], Path]:
    """Return a model's card, its anchors, and the file of the decoder that films take.

    Raises
    ------
    TrainingError
        When the folder holds no exported model with anchors.
    """
    try:
        meta = json.loads((models / "meta.json").read_bytes())
        anchors = [anchor.astype(np.float32) for anchor in kept_anchors.read(models).values()]
        names = [name for name in ("decoder.int8.onnx", "decoder.fp16.onnx") if name in meta["files"]]
        if "decoder.fp16.onnx" in names:
            return meta, anchors, models / names[0]
    except (OSError, ValueError, KeyError) as found:
        raise TrainingError(f"{models} holds no exported model: {found}. Name its folder with --models.") from None
    raise TrainingError(f"The model in {models} lacks decoder.fp16.onnx. Export it again.")


def draw_latents(anchors: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> torch.Tensor:
    """Return latents as films have them, (count, C, CELLS, CELLS), float32.

    Of ten, eight are parts of anchors and of mixes of them, also stronger and weaker ones, mirrored and turned by a
    quarter; two are smooth noise, which moves cells together.
    """
    cells = min([CELLS, *(side for anchor in anchors for side in anchor.shape[1:])])
    made = []
    while len(made) * 16 < count:
        if len(made) % 5 < 4:
            latents = mix_latents(torch.stack([_part(anchors, cells, rng) for _ in range(16)]), rng)
            latents = latents * torch.from_numpy(rng.uniform(0.4, STRAIN, (16, 1, 1, 1)).astype(np.float32))
        else:
            noise = torch.from_numpy(rng.standard_normal((16, len(anchors[0]), cells, cells), np.float32))
            width = int(rng.choice([1, 3, 5, 9]))
            smooth = F.avg_pool2d(noise, width, 1, width // 2, count_include_pad=False)
            latents = smooth / smooth.std(dim=(0, 2, 3), keepdim=True)
        made.append(latents)
    return torch.cat(made)[:count].contiguous()


def _part(anchors: Sequence[np.ndarray], cells: int, rng: np.random.Generator) -> torch.Tensor:
    anchor = anchors[rng.integers(len(anchors))]
    top, left = (int(rng.integers(0, side - cells + 1)) for side in anchor.shape[1:])
    part = anchor[:, top : top + cells, left : left + cells]
    if rng.random() < 0.5:
        part = part[:, :, ::-1]
    return torch.from_numpy(np.rot90(part, int(rng.integers(0, 4)), (1, 2)).copy())


def decode(path: Path, latents: torch.Tensor, scale: int) -> torch.Tensor:
    """Return what the decoder in a file draws of latents, shrunk."""
    session, began = card.session(path, threads=torch.get_num_threads()), time.monotonic()
    made = []
    for k, batch in enumerate(latents.split(2)):
        made.append(shrink(torch.from_numpy(session.run(None, {"latents": batch.numpy()})[0]), scale))
        if time.monotonic() - began > 20:
            began = time.monotonic()
            print(f"decoded {2 * k} of {len(latents)}", flush=True)
    return torch.cat(made)


def light_of(frames: torch.Tensor) -> torch.Tensor:
    """Return the mean light of each frame, of which `Exposure` makes its gain."""
    return (frames.clamp(0, 1).square() * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1).mean((1, 2))


def error(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the loss: L1 of display values, and of means over 4 x 4 and 16 x 16 pixels, in which errors of one sign
    add up; of smaller pictures, over as many pixels as they have across their shorter side."""
    away = made - wanted
    sizes = (min(size, *away.shape[-2:]) for size in (SCALE, 4 * SCALE))
    return away.abs().mean() + sum(F.avg_pool2d(away, size).abs().mean() for size in sizes)


def train(
    net: Sketch, latents: torch.Tensor, frames: torch.Tensor, minutes: float, seed: int, most: int | None = None
) -> dict[str, Any]:
    """Train for some minutes or ``most`` steps; return the record."""
    rate, batch, rng = 2e-3, 32, np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.0, fused=True)
    began = reported = time.monotonic()
    total, steps, seen = 0.0, 0, 0
    while (part := max((time.monotonic() - began) / (60 * minutes), steps / most if most else 0.0)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (steps + 1) / 100) * (0.005 + 0.995 * 0.5 * (1 + np.cos(np.pi * part)))
        chosen = torch.from_numpy(rng.integers(0, len(latents), batch))
        loss = error(net(latents[chosen]), frames[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total, steps, seen = total + float(loss.detach()), steps + 1, seen + 1
        if time.monotonic() - reported > 20:
            reported = time.monotonic()
            print(f"{(reported - began) / 60:5.1f} of {minutes:g} min, {steps} steps: {total / seen:.5f}", flush=True)
            total, seen = 0.0, 0
    return {"steps": steps, "minutes": round((time.monotonic() - began) / 60, 1), "latents": len(latents)}


def to_onnx(net: Sketch, path: Path, licence: str) -> None:
    """Write the net as one float32 file with free batch, rows and columns."""
    sides = {0: torch.export.Dim("n", min=1, max=64)}
    sides |= {2 + k: torch.export.Dim(name, min=2, max=1024) for k, name in enumerate("hw")}
    model = trace(net, torch.rand(2, net.config["latent"], 5, 6), ("latents", "frames"), sides)
    onnx.helper.set_model_props(model, {"n2s.kind": NAME, "n2s.scale": str(SCALE), "licence": licence})
    save(model, path)


def measure(path: Path, latents: torch.Tensor, frames: torch.Tensor) -> dict[str, Any]:
    """Return how near a file comes to the decoder, on latents that it did not learn from."""
    session = card.session(path)
    made = torch.from_numpy(session.run(None, {"latents": latents.numpy()})[0])
    square = float((made.clamp(0, 1) - frames.clamp(0, 1)).square().mean())
    stops = torch.log2((light_of(made) + LEVEL) / (light_of(frames) + LEVEL)).abs()
    film = np.random.default_rng(3).standard_normal((1, latents.shape[1], 16, 29)).astype(np.float32)
    return {
        "what": f"{len(latents)} latents of {latents.shape[2]}x{latents.shape[3]} cells, against the decoder's frames, "
                f"shrunk to {SCALE} pixels for each cell; stops are those of a frame's mean light",
        "psnr_db": round(-10 * float(np.log10(square)), 2),
        "stops": {"mean": round(float(stops.mean()), 4), "most": round(float(stops.max()), 4)},
        "cpu_ms_16x29_cells_one_thread": round(
            card.milliseconds(lambda z: session.run(None, {"latents": z}), film, 15), 2
        ),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Teach a small net what a decoder shows from far away.")
    parser.add_argument("--models", type=Path, default=MODELS, help="the model's folder")
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="where the float32 file goes")
    parser.add_argument(
        "--minutes", type=arguments.minutes, default=6, help="of training; the decoding before takes as long again"
    )
    parser.add_argument("--count", type=arguments.count, default=6000, help="of latents that it learns from")
    parser.add_argument("--channels", type=arguments.count, default=96)
    parser.add_argument("--depth", type=arguments.at_least(0), default=3, help="layers between the first and the last")
    parser.add_argument("--seed", type=arguments.seed, default=1)
    args = parser.parse_args()
    card.require(args.models)
    torch.manual_seed(args.seed)
    meta, anchors, decoder = read_model(args.models)
    latents = draw_latents(anchors, args.count + JUDGED, np.random.default_rng(args.seed))
    frames = decode(decoder, latents, meta["latent"]["scale"])
    net = Sketch(meta["latent"]["channels"], args.channels, args.depth)
    record = train(net, latents[JUDGED:], frames[JUDGED:], args.minutes, args.seed)
    args.outputs.mkdir(parents=True, exist_ok=True)
    to_onnx(net, args.outputs / f"{NAME}.fp32.onnx", meta["licence"])
    to_half(args.outputs / f"{NAME}.fp32.onnx", args.outputs / FILE)  # until it is measured: the model stays usable
    about = {
        "scale": SCALE,
        "config": net.config,
        "of": meta["files"]["decoder.fp16.onnx"]["sha256"],
        "training": record | {"loss": "L1 + L1 of means over 4 and 16 pixels"},
        "metrics": measure(args.outputs / FILE, latents[:JUDGED], frames[:JUDGED]),
    }
    write_whole(args.models / FILE, lambda partial: shutil.copyfile(args.outputs / FILE, partial))
    card.add(args.models, NAME, about)
    print(json.dumps(about["metrics"], indent=1))


if __name__ == "__main__":
    run_command(main)
