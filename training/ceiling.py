"""Measure what latents can carry at twice the size, and how far decoder.x2 goes towards it.

    python -m training.ceiling --data training/data/procedural-1024 --models models --steps 1000 1000 300

Decoders are trained for PSNR alone, with the latents that the model's encoder gives, two of them on the very held-out
pictures that all are then measured on. Nothing these two learn is of use elsewhere; they show how near a decoder can
come:

    others    only the finer stage is trained, as decoder.x2 was, on pictures that are not held out: what a stage gains
              that need not look sharp.
    stage     only the finer stage is trained, on the held-out pictures. It has too few weights to remember them
              (130,000 for 100 pictures of 3,145,728 values), so this is what the features before it tell.
    decoder   all of the decoder is trained, from there on. It also remembers some of what the latents do not tell; no
              decoder of this form that must serve other pictures too comes as far.

The last two are lower bounds after so many steps; their curves say how fast they still rise. With s for the frames of
x1, stretched by Catmull-Rom, the way of a decoder is

    way = (PSNR - PSNR of s) / (PSNR of the overfitted decoder - PSNR of s)
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from . import arguments, card, checkpoint, metrics, perceptual, report
from .compat import fast_bf16
from .dataset import Pictures, load
from .errors import KEPT, TrainingError, run_command
from .export_onnx import MODELS, OUTPUTS
from .files import write_whole
from .models import VAE
from .teaching import Average, Training

PARTS = {"others": 0.0, "stage": 0.0, "decoder": 0.03}  # the rate of what lies before the stage, as a part of its own
CEILINGS = ("stage", "decoder")
RATE = 1e-3
DECAY = 0.99  # of the averaged weights
WARMUP = 50  # steps
JUDGED = 15  # pictures whose perceptual distance is measured
MARKS = 3  # how often the averaged weights are measured
SHIPPED = {"stretched": "decoder", "x2": "decoder.x2"}
NAME = "ceiling"

Decode = Callable[[torch.Tensor], np.ndarray]  # latents (1, C, h, w) in unit variance to a frame (3, H, W)


def read_latents(encoder: Path, pictures: Pictures, numbers: list[int], detail: int) -> torch.Tensor:
    """Return the latents (N, C, h, w) of pictures, in unit variance, as films have them."""
    session = card.session(encoder)
    small = (F.avg_pool2d(pictures.frame(k)[None], detail).numpy() for k in numbers)
    return torch.from_numpy(np.concatenate([session.run(None, {"frames": frame})[0] for frame in small]))


class Fitting:
    """A decoder, the pictures that it is trained on, and what it reads of each.

    Parameters
    ----------
    places : tensor
        The latents (N, C, h, w) of the pictures with these ``numbers``, in the decoder's own units.
    body : float
        The rate of what lies before the finer stage, as a part of that of the stage. 0: it stays as it is, and what it
        gives is computed once.
    cells : int
        Cells of a crop, down and across.
    """

    def __init__(
        self, model: VAE, places: torch.Tensor, pictures: Pictures, numbers: list[int], body: float, cells: int = 8
    ):
        self.training = Training(model=model, body=body, rate=RATE)
        self.training.average = Average(model, DECAY)
        self.pictures, self.numbers, self.grid = pictures, numbers, tuple(places.shape[2:])
        self.body, self.cells = body, cells
        self.scale, self.inputs = model.config.scale, [(z,) for z in places]
        if not body:
            with torch.no_grad():
                self.inputs = [tuple(each[0] for each in model.decoder.begin(z[None])) for z in places]

    def decode(self, model: VAE, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16("cpu")):
            return (model.decoder if self.body else model.decoder.finish)(*inputs).float()

    @torch.no_grad()
    def errors(self) -> torch.Tensor:
        """Return the mean squared error of each picture by the averaged weights, (N,), frames clamped to 0..1."""
        found = []
        for k, inputs in zip(self.numbers, self.inputs):
            made = self.decode(self.training.average.model, tuple(each[None] for each in inputs))[0]
            found.append((made.clamp(0, 1) - self.pictures.frame(k)).square().mean())
        return torch.stack(found)

    def cut(self, which: int, y: int, x: int) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """Return a crop's inputs and its picture."""

        def part(values: torch.Tensor, size: int) -> torch.Tensor:
            return values[..., size * y : size * (y + self.cells), size * x : size * (x + self.cells)]

        picture = torch.from_numpy(self.pictures[self.numbers[which]].transpose(2, 0, 1).copy())
        inputs = tuple(part(each, each.shape[-1] // self.grid[1]) for each in self.inputs[which])
        return inputs, part(picture, self.scale).float() / 255

    def run(self, steps: int, batch: int = 2, seed: int = 1) -> list[dict[str, float]]:
        """Train for so many steps; return the curve: ``step`` and ``psnr_db``, the mean PSNR of all the pictures.

        Each crop's squared error is divided by the error of its whole picture, so that the gradient is that of the mean
        PSNR. Half a cell along the crop's borders is left out, because they are no borders of the picture.
        """
        model, half = self.training.model, self.scale // 2
        optimizer = self.training.configure_optimizers()
        whole = self.errors()
        curve = [{"step": 0, "psnr_db": decibels(whole)}]
        marks = {round(steps * (k + 1) / MARKS) for k in range(MARKS)}
        for step, chosen in zip(range(1, steps + 1), crops(len(self.numbers), self.grid, self.cells, batch, seed)):
            for group in optimizer.param_groups:
                group["lr"] = self.training.rate * group["share"] * min(1.0, step / WARMUP)
            pairs = [self.cut(*place) for place in chosen]
            inputs = tuple(torch.stack(each) for each in zip(*(inputs for inputs, _ in pairs)))
            error = self.decode(model, inputs) - torch.stack([picture for _, picture in pairs])
            squares = error[:, :, half:-half, half:-half].square().mean((1, 2, 3))
            loss = (squares / whole[[which for which, *_ in chosen]]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.decoder.parameters(), 1.0)
            optimizer.step()
            if self.body:
                model.decoder.level()
            self.training.average.update(model)
            if step in marks:
                whole = self.errors()
                curve.append({"step": step, "psnr_db": decibels(whole)})
                print(f"step {step} of {steps}: {curve[-1]['psnr_db']:.3f} dB", flush=True)
        return curve


def decibels(squares: torch.Tensor) -> float:
    """Return the mean PSNR of pictures with these mean squared errors."""
    return round(float(-10 * squares.clamp_min(1e-12).log10().mean()), 4)


def crops(count: int, grid: Sequence[int], cells: int, batch: int, seed: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield batches of (picture, first row, first column), in cells: every picture as often as any other."""
    rng = np.random.default_rng(seed)
    waiting: list[int] = []
    while True:
        while len(waiting) < batch:
            waiting += rng.permutation(count).tolist()
        chosen, waiting = waiting[:batch], waiting[batch:]
        yield [(k, *(int(rng.integers(0, edge - cells + 1)) for edge in grid)) for k in chosen]


def ways(found: dict[str, dict], decoder: str, ceiling: str) -> dict[str, float | None]:
    """Return the way of a decoder in PSNR, for all pictures and each style; None where there is no way to go."""
    made = {}
    for group, start in found["stretched"].items():
        far = found[ceiling][group]["psnr_db"] - start["psnr_db"]
        made[group] = round((found[decoder][group]["psnr_db"] - start["psnr_db"]) / far, 3) if far > 0 else None
    return made


def rise(curve: list[dict[str, float]]) -> float:
    """Return by how many dB per 1000 steps a curve rises at its end."""
    last, before = curve[-1], curve[-2]
    return round(1000 * (last["psnr_db"] - before["psnr_db"]) / (last["step"] - before["step"]), 2)


def measure(
    decode: Decode, places: torch.Tensor, pictures: Pictures, numbers: list[int], distance: Any
) -> dict[str, dict[str, float]]:
    """Return the card's measures of a decoder on pictures, for all and per style.

    The perceptual distance, which takes seconds for each picture, is that of the 15 pictures that the card has.
    """
    height = pictures.size[0]

    def pairs(wanted: list[int]) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
        for z, k in zip(places, numbers):
            if k in wanted:
                made = decode(z[None])
                if (factor := height // made.shape[1]) > 1:
                    made = report.stretch(made, factor)
                yield pictures.styles[k], pictures.frame(k), torch.from_numpy(made)

    found = metrics.compare(pairs(numbers), None)
    if distance is not None:
        near = metrics.compare(pairs(pictures.some(held_out=True, most=JUDGED)), distance)
        found = {group: values | {distance.name: near[group][distance.name]} for group, values in found.items()}
    return found


def by_file(path: Path) -> Decode:
    session = card.session(path)
    return lambda latents: session.run(None, {"latents": latents.numpy()})[0][0]


def by_weights(model: VAE, mean: torch.Tensor, std: torch.Tensor) -> Decode:
    return lambda latents: model.decoder(mean + std * latents)[0].detach().numpy()


class Record:
    """What was found so far, in a file, so that an interrupted measurement goes on."""

    def __init__(self, path: Path):
        self.path = path
        self.known = json.loads(path.read_bytes()) if path.exists() else {}

    def get(self, name: str, of: list, find: Callable[[], Any]) -> Any:
        """Return what is known under a name if it was found of the same, or find it and keep it."""
        if self.known.get(name, {}).get("of") != of:
            self.known[name] = {"of": of, "found": find()}
            write_whole(self.path, lambda partial: partial.write_text(json.dumps(self.known, indent=1)))
        return self.known[name]["found"]


def find(args: argparse.Namespace) -> dict[str, Any]:
    """Overfit, measure, and return the card's entry. What an earlier call has finished is not done again."""
    model, about = checkpoint.from_model(args.models, 2)
    mean, std = (torch.tensor(about["latent"][name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    pictures, distance = load(args.data, model.config.scale), perceptual.choose(args.perceptual)
    edge = args.cells * model.config.scale
    if min(pictures.size) < edge:
        raise TrainingError(
            f"Pictures of {pictures.size[1]}x{pictures.size[0]} are too small for crops of {edge}x{edge}; give --cells."
        )
    numbers = pictures.some(held_out=True, most=args.most)
    encoder = args.models / "encoder.fp16.onnx"
    places = read_latents(encoder, pictures, numbers, 2)
    args.outputs.mkdir(parents=True, exist_ok=True)
    record = Record(args.outputs / f"{NAME}.json")
    files = {name: args.models / f"{file}.fp16.onnx" for name, file in SHIPPED.items()}
    of = [pictures.digest, len(numbers), *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files.values())]
    named = getattr(distance, "name", "none")
    found = {
        name: record.get(name, [*of, named], lambda: measure(by_file(file), places, pictures, numbers, distance))
        for name, file in files.items()
    }
    curves = {}
    of += [args.batch, args.cells]
    for (name, body), steps in zip(PARTS.items(), args.steps):
        weights, of = args.outputs / f"{NAME}.{name}.pt", [*of, name, body, steps]
        model = model if body else checkpoint.from_model(args.models, 2)[0]

        def train(name=name, body=body, steps=steps, weights=weights, model=model) -> list[dict[str, float]]:
            print(f"{name}:", flush=True)
            learned = numbers if name in CEILINGS else pictures.some(held_out=False, most=2 * args.most)
            read = places if name in CEILINGS else read_latents(encoder, pictures, learned, 2)
            work = Fitting(model.requires_grad_(True), mean + std * read, pictures, learned, body, args.cells)
            curve = work.run(steps, args.batch)
            state = work.training.average.model.state_dict()
            write_whole(weights, lambda partial: torch.save(state, partial))
            return curve

        curves[name] = record.get(f"{name}, trained", of, train)
        model.load_state_dict(torch.load(weights, weights_only=True))
        decode = by_weights(model.eval(), mean, std)
        found[name] = record.get(name, [*of, named], lambda: measure(decode, places, pictures, numbers, distance))
    return {
        "what": f"{len(numbers)} held-out pictures of {pictures.size[1]}x{pictures.size[0]}, the perceptual distance "
                f"of {JUDGED} of them; decoders trained for PSNR alone: 'others' the finer stage, on pictures that are "
                "not held out, 'stage' the finer stage, on these very pictures, 'decoder' then all of it; 'stretched' "
                "as in metrics",
        "distance": getattr(distance, "name", None),
        "data": {"digest": pictures.digest, "licence": ", ".join(pictures.licences)},
        "steps": dict(zip(PARTS, args.steps)),
        "to_pictures": found,
        "curves": {name: curves[name] for name in CEILINGS},
        "db_per_1000_steps": {name: rise(curves[name]) for name in CEILINGS},
        "way": {f"{name} to {far}": ways(found, name, far) for name in ("x2", "others") for far in CEILINGS},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what latents can carry, and how far decoder.x2 goes.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets of large pictures")
    parser.add_argument("--models", type=Path, default=MODELS, help="the model's folder")
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="for the overfitted decoders and ceiling.json")
    parser.add_argument(
        "--steps",
        type=arguments.count,
        nargs=3,
        default=(1000, 1000, 300),
        help="of the three trainings: others, stage, decoder",
    )
    parser.add_argument("--most", type=arguments.count, default=100, help="held-out pictures")
    parser.add_argument("--batch", type=arguments.count, default=2, help="crops per step")
    parser.add_argument("--cells", type=arguments.count, default=8, help="cells of a crop, down and across")
    parser.add_argument("--perceptual", help="as for train_vae")
    args = parser.parse_args()
    card.require(args.models)
    entry = find(args)
    details = checkpoint.from_model(args.models, 2)[1]["details"]
    card.add(args.models, "details", details | {"x2": details["x2"] | {NAME: entry}})
    print(json.dumps({name: entry[name] for name in ("curves", "db_per_1000_steps", "way")}, indent=1))


if __name__ == "__main__":
    run_command(main, KEPT)
