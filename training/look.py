"""What a model has learned, as pictures.

    python -m training.look training/runs/vae/last.ckpt --data training/data/procedural

writes into training/outputs: val_recon.png (held-out pictures above their reconstructions), interpolations.png (from
one picture to another through the latents), walks.png (a film's drift, second by second), traversals.png (each channel
from -3 to 3), latent_map.png (held-out pictures where their latents lie).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from . import checkpoint, manifest
from .dataset import Pictures, load
from .errors import run_command
from .files import write_whole
from .models import VAE
from .procedural import sheet

OUTPUTS = Path(__file__).parent / "outputs"


def page(frames: Iterable[torch.Tensor], columns: int, edge: int = 256) -> Image.Image:
    """Return frames (3, H, W) side by side, each brought to a height of ``edge`` pixels."""
    pictures = []
    for frame in frames:
        size = (edge, round(edge * frame.shape[2] / frame.shape[1]))
        small = F.interpolate(
            frame[None].float().clamp(0, 1), size, mode="bilinear", antialias=True, align_corners=False
        )
        pictures.append(small[0].permute(1, 2, 0).cpu().numpy())
    return Image.fromarray(sheet(pictures, columns))


def save(image: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    write_whole(path, image.save)


class Latents:
    """A model's latents, normalised per channel over some pictures, so that 1 means the same everywhere."""

    def __init__(self, model: VAE, pictures: Pictures, numbers: Sequence[int]):
        self.model = model
        self.device = next(model.parameters()).device
        found = torch.cat([self._encode(pictures.frame(k)) for k in numbers])
        self.mean, self.std = found.mean((0, 2, 3), keepdim=True), found.std((0, 2, 3), keepdim=True)
        self.points = (found - self.mean) / self.std

    @torch.no_grad()
    def _encode(self, frame: torch.Tensor) -> torch.Tensor:
        return self.model.encode(frame[None].to(self.device))[0]

    @torch.no_grad()
    def decode(self, points: torch.Tensor) -> torch.Tensor:
        """Return the frame of one point (C, h, w)."""
        return self.model.decoder(points[None] * self.std + self.mean)[0]


def blend(a: torch.Tensor, b: torch.Tensor, t: float) -> torch.Tensor:
    """The mix that keeps the spread of two unrelated points: ((1 - t) a + t b) / sqrt((1 - t)² + t²)."""
    return ((1 - t) * a + t * b) / np.hypot(1 - t, t)


def reconstructions(model: VAE, pictures: Pictures, numbers: Sequence[int]) -> Image.Image:
    with torch.no_grad():
        device = next(model.parameters()).device
        frames = [pictures.frame(k) for k in numbers]
        decoded = [model.decoder(model.encode(frame[None].to(device))[0])[0] for frame in frames]
    return page([*frames, *decoded], len(frames))


def interpolations(latents: Latents, steps: int = 7, rows: int = 5) -> Image.Image:
    pairs = [(latents.points[k], latents.points[-1 - k]) for k in range(min(rows, len(latents.points)))]
    return page([latents.decode(blend(a, b, t)) for a, b in pairs for t in np.linspace(0, 1, steps)], steps)


def walks(latents: Latents, steps: int = 7, rows: int = 3, seed: int = 1) -> Image.Image:
    """A point drifting by half a unit of smooth noise."""
    rng = np.random.default_rng(seed)
    frames = []
    for row in range(min(rows, len(latents.points))):
        ends = torch.from_numpy(rng.standard_normal((2, *latents.points.shape[1:]), np.float32)).to(latents.device)
        for t in np.linspace(0, 1, steps):
            frames.append(latents.decode(latents.points[row] * 0.87 + 0.5 * blend(*ends, t)))
    return page(frames, steps)


def traversals(latents: Latents, steps: int = 7) -> Image.Image:
    """Each row moves one channel of one picture from -3 to 3 units."""
    frames = []
    for channel in range(latents.points.shape[1]):
        for value in np.linspace(-3, 3, steps):
            point = latents.points[0].clone()
            point[channel] += float(value)
            frames.append(latents.decode(point))
    return page(frames, steps, 160)


def latent_map(
    latents: Latents, pictures: Pictures, numbers: Sequence[int], edge: int = 1600, thumb: int = 72
) -> Image.Image:
    """Pictures placed by the two main axes of their pooled latents (mean and spread per channel)."""
    pooled = torch.cat([latents.points.mean((2, 3)), latents.points.std((2, 3))], 1).cpu().double().numpy()
    pooled = pooled - pooled.mean(0)
    at = pooled @ np.linalg.svd(pooled)[2][:2].T
    order = np.argsort(np.argsort(at, axis=0), axis=0) / max(1, len(at) - 1)  # ranks spread them evenly
    canvas = Image.new("RGB", (edge, edge), (18, 18, 20))
    for place, k in zip(order, numbers):
        picture = Image.fromarray(pictures[k]).resize((thumb, thumb), Image.LANCZOS)
        canvas.paste(picture, tuple(int(v) for v in 8 + place * (edge - thumb - 16)))
    return canvas


def draw_all(model: VAE, pictures: Pictures, folder: Path = OUTPUTS) -> list[Path]:
    """Write every picture of a model; return where they are."""
    held = pictures.some(held_out=True)
    few, many = pictures.some(held_out=True, most=10), held[:: max(1, len(held) // 150)]
    latents, wide = Latents(model, pictures, few), Latents(model, pictures, many)
    drawn = {
        "val_recon": reconstructions(model, pictures, few),
        "interpolations": interpolations(latents),
        "walks": walks(latents),
        "traversals": traversals(latents),
        "latent_map": latent_map(wide, pictures, many),
    }
    for name, image in drawn.items():
        save(image, folder / f"{name}.png")
    return [folder / f"{name}.png" for name in drawn]


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw what a model has learned.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help=f"folders with a {manifest.NAME}")
    parser.add_argument("--out", type=Path, default=OUTPUTS)
    args = parser.parse_args()
    model, _ = checkpoint.load_averaged(args.checkpoint)
    for path in draw_all(model, load(args.data, model.config.scale), args.out):
        print(path)


if __name__ == "__main__":
    run_command(main)
