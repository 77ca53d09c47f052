"""The README's pictures of the model, made with the files that are shipped.

    python -m training.gallery --data training/data/procedural --out docs/images

reconstructions.png: held-out pictures, what the int8 decoder makes of their latents below; interpolations.png: from one
named place to another at 16:9, on the great circle that the node Anchors takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from . import card, kept_anchors
from .dataset import Pictures, load
from .errors import run_command
from .export_onnx import MODELS
from .latents import slerp
from .look import page, save
from .models import SCALE

JOURNEYS = (("dawn", "borealis"), ("lava", "abyss"), ("vortex", "eclipse"), ("opal", "velvet"))
STEPS = 7
GRID = (16, 28)


def reconstructions(models: Path, pictures: Pictures) -> list[torch.Tensor]:
    """Return ten held-out pictures, two of each style, then what becomes of them."""
    encoder, decoder = (card.session(models / name, 2) for name in ("encoder.fp16.onnx", "decoder.int8.onnx"))
    frames = [pictures.frame(k) for k in pictures.some(held_out=True, most=10)]
    latents = [encoder.run(None, {"frames": frame[None].numpy()})[0] for frame in frames]
    return [*frames, *(torch.from_numpy(decoder.run(None, {"latents": z})[0][0]) for z in latents)]


def journeys(models: Path) -> list[torch.Tensor]:
    """Return the frames of `JOURNEYS`, row by row."""
    decoder = card.session(models / "decoder.int8.onnx", 2)
    frames = []
    anchors = kept_anchors.read(models)
    for names in JOURNEYS:
        start = (anchors[names[0]].shape[2] - GRID[1]) // 2
        ends = [anchors[name][:, :, start : start + GRID[1]] for name in names]
        frames += [
            torch.from_numpy(decoder.run(None, {"latents": slerp(*ends, t)[None]})[0][0])
            for t in np.linspace(0, 1, STEPS)
        ]
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the README's pictures of the model.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data sets it was trained on")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--out", type=Path, default=MODELS.parent / "docs/images")
    args = parser.parse_args()
    card.require(args.models, "decoder.int8.onnx", card=False)
    save(page(reconstructions(args.models, load(args.data, SCALE)), 10, 176), args.out / "reconstructions.png")
    save(page(journeys(args.models), STEPS, 144), args.out / "interpolations.png")
    print(*(args.out / f"{name}.png" for name in ("reconstructions", "interpolations")), sep="\n")


if __name__ == "__main__":
    run_command(main)
