"""Progress of a training: printed lines, a table, curves, and held-out pictures."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .compat import mend_torchvision

mend_torchvision()

import lightning as L  # noqa: E402

from . import look, metrics, objective  # noqa: E402
from .curves import draw_curves  # noqa: E402
from .dataset import Pictures  # noqa: E402
from .files import write_whole  # noqa: E402
from .latents import multiply_contrast  # noqa: E402
from .models import Decoder, round_to_levels  # noqa: E402

STRONGER = 1.4  # factor of the latents that the strained figure decodes; training has factors up to `latents.STRAIN`


@torch.no_grad()
def among_mixes(decoder: Decoder, places: Sequence[torch.Tensor], ends: Sequence[torch.Tensor]) -> dict[str, float]:
    """Return measures of the frames half way between neighbouring places (1, C, h, w), averaged over all pairs.

    ``lattice``, ``weave`` and ``rim`` are defined in `metrics` and `objective`. ``sharpness`` is the mean slope of the
    mixes' frames divided by that of ``ends``, the places' own frames. ``8_bits_db`` is the PSNR between frames decoded
    with rounded and with float values. Mixes are (a + b) / sqrt 2, without their outermost cells, because a film's
    frames do not end where a picture does.
    """

    def slopes(pictures: Sequence[torch.Tensor]) -> float:
        return float(np.mean([float(objective.edges(picture, (1,))) for picture in pictures]))

    mixes = [(a + b) / 2**0.5 for a, b in zip(places, [*places[1:], places[0]]) if a.shape == b.shape] or [places[0]]
    if min(mixes[0].shape[2:]) > 2:
        mixes = [mix[..., 1:-1, 1:-1] for mix in mixes]
    frames = [decoder(mix).clamp(0, 1) for mix in mixes]
    return {
        "sharpness": slopes(frames) / slopes([end.clamp(0, 1) for end in ends]),
        "8_bits_db": float(
            np.mean([metrics.psnr(decoder(mix, show=round_to_levels), frame) for mix, frame in zip(mixes, frames)])
        ),
        "lattice": metrics.lattice([frame[0] for frame in frames], frames[0].shape[3] // mixes[0].shape[3]),
        "weave": float(np.mean([float(objective.weave(frame)) for frame in frames])),
        "rim": float(np.mean([float(objective.rim(frame)) for frame in frames])),
    }


class Watch(L.Callback):
    """Print the losses every few seconds; every few minutes measure held-out pictures, and stop when nothing improves.

    Parameters
    ----------
    folder : Path
        For metrics.csv and curves.png.
    pictures : Pictures
    outputs : Path
        For val_recon.png.
    minutes : float
        Between two looks at the held-out pictures.
    patience : int
        Training ends after so many looks at the held-out pictures without an improvement of 0.2 % of L1 + distance;
        0 never ends it.
    last : Path
        Where an interruption leaves the checkpoint.
    total : float
        Minutes of the whole training.
    """

    COLUMNS = (
        *("minutes", "step", "loss", "l1", "coarse", "edges", "beyond", "rounding", "weave", "rim", "kl", "perceptual"),
        *("teeth", "ragged"),
        *("critic", "blame", "rate", "held_out_l1", "held_out_perceptual", "held_out_psnr_db", "held_out_strained_db"),
        *("mixed_8_bits_db", "mixed_sharpness", "mixed_lattice", "mixed_weave", "mixed_rim"),
    )

    def __init__(
        self, folder, pictures: Pictures, outputs: Path, last: Path, total: float, minutes=5.0, patience=8, every=15.0
    ):
        self.folder, self.pictures, self.outputs, self.last, self.total = folder, pictures, outputs, last, total
        self.looking, self.patience, self.every = 60 * minutes, patience, every
        self.numbers = pictures.some(held_out=True, most=10)
        self.best, self.waited = float("inf"), 0
        self.sums: dict[str, float] = {}
        self.steps = 0

    def state_dict(self):
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state):
        self.best, self.waited = state["best"], state["waited"]

    def on_train_start(self, trainer, module):
        self.reported = self.looked = time.monotonic()
        print(
            f"{len(self.pictures)} pictures, {len(self.pictures.some(held_out=True))} of them held out; distance: "
            f"{getattr(module.distance, 'name', 'none')}; at {module.elapsed / 60:.1f} of {self.total:g} minutes",
            flush=True,
        )

    def on_train_batch_end(self, trainer, module, outputs, *_):
        self.steps += 1
        for name, value in outputs["parts"].items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        now = time.monotonic()
        if now - self.reported >= self.every:
            self._say(trainer, module, now)
        if now - self.looked >= self.looking:
            self._look(trainer, module)
            self.looked = self.reported = time.monotonic()

    def _say(self, trainer, module, now):
        means = {name: float(value) / self.steps for name, value in self.sums.items()}
        parts = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(
            f"{module.elapsed / 60:6.1f} of {self.total:g} min, step {trainer.global_step} "
            f"({self.steps / (now - self.reported):.1f}/s): {parts}",
            flush=True,
        )
        self._note(trainer, module, means)
        self.sums, self.steps, self.reported = {}, 0, now

    def _note(self, trainer, module, values):
        path = self.folder / "metrics.csv"
        fresh = self._begin(path)
        row = {
            "minutes": round(module.elapsed / 60, 2),
            "step": trainer.global_step,
            "rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        with open(path, "a", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, self.COLUMNS)
            if fresh:
                table.writeheader()
            table.writerow({**row, **{name: f"{value:.6g}" for name, value in values.items()}})

    def _begin(self, path: Path) -> bool:
        """Return whether the table still lacks its header; give a table of another version the columns of this one."""
        if not path.exists():
            return True
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) == self.COLUMNS:
                return False
            kept = [{name: row.get(name, "") for name in self.COLUMNS} for row in rows]

        def write(partial: Path) -> None:
            with open(partial, "w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, self.COLUMNS)
                table.writeheader()
                table.writerows(kept)

        write_whole(path, write)
        return False

    @torch.no_grad()
    def _look(self, trainer, module):
        model = module.average.model.eval()
        device = next(model.parameters()).device
        found = []
        spread, places, ends, strain = [], [], [], []
        for k in self.numbers:
            frame = self.pictures.frame(k)
            mean, log_variance = model.encode(frame[None].to(device))
            spread.append((mean.var((0, 2, 3)) + log_variance.exp().mean((0, 2, 3))).sqrt())
            places.append(mean)
            ends.append(model.decoder(mean))
            strain.append(metrics.psnr(model.decoder(STRONGER * mean).cpu(), multiply_contrast(frame, STRONGER)[None]))
            found.append((self.pictures.styles[k], frame, ends[-1][0].cpu()))
        distance = module.distance.cpu() if module.distance is not None else None
        every = metrics.compare(found, distance)
        if distance is not None:
            distance.to(device)
        between = among_mixes(model.decoder, places, ends)
        values = {"held_out_l1": float(np.mean([float((made - frame).abs().mean()) for _, frame, made in found])),
                  "held_out_psnr_db": every["all"]["psnr_db"], "held_out_strained_db": float(np.mean(strain)),
                  **{f"mixed_{name}": value for name, value in between.items()}}  # fmt: skip
        if distance is not None:
            values["held_out_perceptual"] = every["all"][distance.name]
        self._note(trainer, module, values)
        look.save(
            look.page([f for _, f, _ in found] + [m for *_, m in found], len(found)), self.outputs / "val_recon.png"
        )
        draw_curves(self.folder / "metrics.csv", self.folder / "curves.png")
        aggregate = ", ".join(f"{float(s):.2f}" for s in torch.stack(spread).mean(0))
        grid = metrics.lattice([made for *_, made in found], model.config.scale)
        print(
            f"{module.elapsed / 60:6.1f} min, held out: {every['all']}, lattice {grid:.3f}, "
            f"strained {np.mean(strain):.2f} dB; "
            f"of mixes: sharpness {between['sharpness']:.2f}, lattice {between['lattice']:.3f}, "
            f"weave {between['weave']:.2g}, rim {between['rim']:.2g}, "
            f"in 8 bits {between['8_bits_db']:.1f} dB from float; "
            f"aggregate deviation of the channels: {aggregate}",
            flush=True,
        )
        score = values["held_out_l1"] + values.get("held_out_perceptual", 0.0)
        self.waited = 0 if score < self.best * 0.998 else self.waited + 1
        self.best = min(self.best, score)
        if self.patience and self.waited >= self.patience:
            print(f"No improvement in {self.waited} looks; the training ends here.", flush=True)
            trainer.should_stop = True

    def on_train_end(self, trainer, module):
        self._look(trainer, module)

    def on_exception(self, trainer, module, exception):
        if isinstance(exception, KeyboardInterrupt):
            trainer.save_checkpoint(self.last)
