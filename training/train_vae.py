"""Train the β-VAE.

    python -m training.train_vae --preset cpu --minutes 50 --perceptual path/to/stlpips_pytorch.whl

loss = L1 + coarse L1 (means over 8² and 32² pixels: colour first) + share * ST-LPIPS + β * KL,
with KL summed over the latent and divided by the number of image values (3 H W).
Everything a run writes lies in `training/runs/<name>` and `training/outputs`: checkpoints every minute, metrics.csv, pictures.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

# Beside other work, threads that spin while they wait for a preempted one cost ten times the training itself. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from .compat import mend_torchvision  # noqa: E402

mend_torchvision()

import lightning as L  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import CSVLogger  # noqa: E402

from . import perceptual  # noqa: E402
from .dataset import Crops, ensure, load  # noqa: E402
from .models import VAE, Config, divergence  # noqa: E402
from .procedural import STYLES, render, sheet  # noqa: E402

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Preset:
    """What a machine can afford. Sizes are (crop, batch, share of the batches), early and late in the training."""

    count: int
    early: tuple
    late: tuple
    patch: int  # ST-LPIPS looks at one random patch of this size per crop
    precision: str
    workers: int
    rate: float = 1e-3
    threads: int = 0


PRESETS = {
    "cpu": Preset(500, ((128, 8, 0.9), (256, 2, 0.1)), ((128, 8, 0.55), (256, 2, 0.4), (512, 1, 0.05)), 64, "bf16-mixed", 0, threads=2),
    "gpu": Preset(8000, ((256, 64, 1.0),), ((256, 48, 0.6), (512, 12, 0.4)), 256, "bf16-mixed", 12),
}


def opponent(rgb):
    """Red, green, blue and, twice as dear, the two differences that the eye calls hue: (N, 3, h, w) to (N, 5, h, w)."""
    r, g, b = rgb.split(1, dim=1)
    return torch.cat([rgb, 2 * (r - g), 2 * b - r - g], dim=1)


class Average:
    """An exponential moving average of the weights: what is exported. The decay warms up with the steps taken."""

    def __init__(self, model, decay=0.998):
        self.model, self.decay, self.steps = copy.deepcopy(model).requires_grad_(False), decay, 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        values = [value.detach() for value in model.parameters()]
        torch._foreach_lerp_(list(self.model.to(values[0].device).parameters()), values, 1 - keep)


class Training(L.LightningModule):
    def __init__(self, config=Config(), beta=3.0, rate=1e-3, distance=None, share=0.35, patch=64):
        super().__init__()
        self.model = VAE(config)
        self.beta, self.rate, self.share, self.patch = beta, rate, share, patch
        self.distance = distance
        self.average = Average(self.model)
        self.price = 1.0  # of the KL, in units of beta; see Clock
        self.look = True  # at the perceptual distance; see Clock
        self.elapsed = 0.0  # seconds of training, over all resumptions

    def loss(self, frames):
        """The parts of the loss of one batch, by name."""
        got, mean, log_variance = self.model(frames)
        got = got.float()
        parts = {"l1": (got - frames).abs().mean(), "kl": divergence(mean.float(), log_variance.float(), frames)}
        coarse = [opponent(F.avg_pool2d(got - frames, k)).abs().mean() for k in (8, 32)]
        parts["coarse"] = sum(coarse) / len(coarse)
        total = parts["l1"] + parts["coarse"] + self.beta * self.price * parts["kl"]
        if self.distance is not None and self.look:
            size = min(self.patch, frames.shape[-1])
            some = max(1, len(frames) // 2)  # half of a batch is enough to look at; the distance costs as much as the net
            count = max(1, frames.shape[-1] // 128)  # larger crops are looked at in several places
            views = [[], []]
            for _ in range(count):
                y, x = (int(torch.randint(0, edge - size + 1, ())) for edge in frames.shape[-2:])
                for view, source in zip(views, (got, frames)):
                    view.append(source[:some, :, y : y + size, x : x + size])
            parts["st_lpips"] = self.distance(torch.cat(views[0]), torch.cat(views[1]))
            total = total + self.share * parts["st_lpips"]
        return total, parts

    def training_step(self, frames, index):
        total, parts = self.loss(frames)
        self.log_dict({"loss": total.detach(), **{k: v.detach() for k, v in parts.items()}})
        return total

    def configure_optimizers(self):
        return torch.optim.AdamW(self.model.parameters(), lr=self.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)

    def on_before_optimizer_step(self, optimizer):
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)

    def on_train_batch_end(self, *_):
        self.average.update(self.model)

    def on_save_checkpoint(self, checkpoint):
        checkpoint["average"] = self.average.model.state_dict()
        checkpoint["extra"] = {"elapsed": self.elapsed, "average_steps": self.average.steps, "config": self.model.config.asdict(), "beta": self.beta, "share": self.share}
        for key in [k for k in checkpoint["state_dict"] if k.startswith("distance.")]:
            del checkpoint["state_dict"][key]

    def on_load_checkpoint(self, checkpoint):
        self.average.model.load_state_dict(checkpoint["average"])
        self.elapsed, self.average.steps = checkpoint["extra"]["elapsed"], checkpoint["extra"]["average_steps"]
        if self.distance is not None:
            checkpoint["state_dict"].update({f"distance.{k}": v for k, v in self.distance.state_dict().items()})


class Clock(L.Callback):
    """A training measured in minutes: the rate's warm-up and cosine, the price of the KL, the change to larger crops, and the end.

    The KL costs a twentieth at first and its full beta from half-time on: otherwise the latents keep to the mean colour of their block.
    The perceptual distance waits until colour and form are roughly there: it is as dear as the net, and before that it only draws fringes.
    """

    def __init__(self, minutes, crops=None, late=None, warmup=100):
        self.minutes, self.crops, self.late, self.warmup = minutes, crops, late, warmup

    def on_train_start(self, trainer, module):
        self.last = time.monotonic()

    def on_train_batch_start(self, trainer, module, batch, index):
        now = time.monotonic()
        module.elapsed += now - self.last
        self.last = now
        part = min(1.0, module.elapsed / (60 * self.minutes))
        rate = module.rate * min(1.0, (trainer.global_step + 1) / self.warmup) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * part)))
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate
        module.price = min(1.0, 0.05 + 1.9 * part)
        module.look = part > 0.35
        if part > 0.6 and self.late and self.crops is not None:
            self.crops.sizes = self.late
        if part >= 1:
            trainer.should_stop = True


class Look(L.Callback):
    """Every few minutes, pictures: held-out originals, their reconstructions, and decodes half-way between neighbours."""

    def __init__(self, path: Path, minutes=5.0, size=512):
        self.path, self.every = path, 60 * minutes
        self.pictures = np.stack([render(style, 2, k, (size, size)) for style in STYLES for k in range(2)])
        self.last = time.monotonic()

    def on_train_batch_end(self, trainer, module, *_):
        if time.monotonic() - self.last > self.every:
            self.draw(module)
            self.last = time.monotonic()

    def on_train_end(self, trainer, module):
        self.draw(module)

    @torch.no_grad()
    def draw(self, module):
        from PIL import Image

        model = module.average.model.eval()
        frames = torch.from_numpy(self.pictures.transpose(0, 3, 1, 2)).to(next(model.parameters()).device)
        latents = torch.cat([model.encoder(f[None])[0] for f in frames])
        half = 0.5 * (latents + latents.roll(1, 0))
        half = half * (latents.std() / half.std())
        rows = [frames] + [torch.cat([model.decoder(z[None]) for z in group]).clamp(0, 1) for group in (latents, half)]
        error = (rows[1] - frames).square().mean((1, 2, 3))
        spread = latents.std((0, 2, 3))
        print(
            f"{module.elapsed / 60:.1f} min, step {module.global_step}: psnr {-10 * error.log10().mean():.2f} dB,"
            f" latent std {[round(float(s), 2) for s in spread]}",
            flush=True,
        )
        page = sheet([p.permute(1, 2, 0).cpu().numpy() for row in rows for p in row], len(frames))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page).save(self.path)


def average_of(checkpoint: Path) -> tuple[VAE, dict]:
    """The averaged model of a checkpoint and what the run recorded about itself."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    config = Config(**{k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in state["extra"]["config"].items()})
    model = VAE(config)
    model.load_state_dict(state["average"])
    return model.eval(), {**state["extra"], "steps": state["global_step"]}


def main():
    parser = argparse.ArgumentParser(description="Train the β-VAE.")
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--name", default="vae")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    parser.add_argument("--perceptual", help="stlpips-pytorch wheel or alex_shift_tolerant.pth; 'none' to train without")
    parser.add_argument("--beta", type=float, default=3.0)
    parser.add_argument("--share", type=float, default=0.35, help="weight of ST-LPIPS")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    preset = PRESETS[args.preset]
    if preset.threads:
        torch.set_num_threads(preset.threads)
    L.seed_everything(args.seed)
    crops = Crops(load(ensure(count=preset.count)), preset.early, seed=int(time.time()) if args.resume else args.seed)
    distance = None if args.perceptual == "none" else perceptual.STLPIPS(perceptual.weights(args.perceptual))
    module = Training(beta=args.beta, rate=args.rate or preset.rate, distance=distance, share=args.share, patch=preset.patch)
    folder = HERE / "runs" / args.name
    last = folder / "last.ckpt"
    trainer = L.Trainer(
        accelerator="cpu" if args.preset == "cpu" else "gpu",
        devices=1,
        precision=preset.precision,
        max_steps=-1,
        max_epochs=1,
        logger=CSVLogger(folder, name="", flush_logs_every_n_steps=50),
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            Clock(args.minutes, crops, preset.late),
            Look(HERE / "outputs" / "val_recon.png"),
            ModelCheckpoint(folder, filename="last", train_time_interval=timedelta(minutes=1), save_top_k=1, enable_version_counter=False),
        ],
    )
    loader = torch.utils.data.DataLoader(crops, batch_size=None, num_workers=preset.workers)
    trainer.fit(module, loader, ckpt_path=last if args.resume and last.exists() else None, weights_only=False)
    trainer.save_checkpoint(last)


if __name__ == "__main__":
    main()
