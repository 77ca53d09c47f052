"""Train the β-VAE.

    python -m training.train_vae --data training/data/procedural --preset cpu --minutes 90
    python -m training.train_vae --data training/data/procedural --preset gpu --minutes 10
    python -m training.train_vae ... --resume                    goes on after an interruption; at most a minute is lost
    python -m training.train_vae ... --start models --minutes 20 teaches a trained model other pictures
    python -m training.train_vae --data training/data/procedural-1024 --start models --finer 32 --name x2
                                                                 doubles the size of what its decoder draws

`teaching.py` has the loss and the schedule.

A run writes last.ckpt (every minute), metrics.csv and curves.png into `training/runs/<name>`, and val_recon.png into
`training/outputs`.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch

from .compat import fast_bf16, mend_torchvision

mend_torchvision()

import lightning as L  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402

from . import arguments, checkpoint, perceptual  # noqa: E402
from .dataset import Crops, load  # noqa: E402
from .errors import TrainingError, run_command  # noqa: E402
from .files import lock_folder  # noqa: E402
from .latents import STRAIN, statistics  # noqa: E402
from .models import SCALE, VAE, Config  # noqa: E402
from .norms import is_folded, remove_norms  # noqa: E402
from .teaching import Average, Clock, Training  # noqa: E402
from .watch import Watch  # noqa: E402

HERE = Path(__file__).parent
warnings.filterwarnings(
    "ignore",
    message=".*LeafSpec.*|.*is not empty.*|.*does not have many workers.*|.*dirpath has changed.*",
    module="lightning",
)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Preset:
    """Settings for a kind of machine. Sizes are (crop, batch, share of the batches), early and late in the training."""

    early: tuple
    late: tuple
    patch: int  # the perceptual distance looks at random patches of this size
    rate: float = 5e-4
    threads: int = 0
    finer: tuple = ()  # sizes for a finer stage
    finer_rate: float = 1.5e-3  # it begins with nothing to add, and bears a higher rate than a trained decoder
    body: float = 0.0  # beside a finer stage: the rate of the rest of the decoder, as a part of that of the stage


PRESETS = {
    "cpu": Preset(
        ((192, 3, 0.7), (256, 2, 0.3)),
        ((192, 3, 0.4), (256, 2, 0.5), (512, 1, 0.1)),
        64,
        threads=2,
        finer=((384, 3, 0.7), (512, 2, 0.3)),
    ),
    "gpu": Preset(
        ((256, 96, 0.7), (512, 24, 0.3)),
        ((256, 96, 0.4), (512, 24, 0.6)),
        128,
        rate=1e-3,
        finer=((512, 24, 0.7), (1024, 6, 0.3)),
        body=0.1,
    ),
}
BODY = "only beside a finer stage has the rest of the decoder a rate of its own."
ONWARD = (
    "What was learned until the last checkpoint is kept: run the command again with --resume, in place of --start, to "
    "go on. If there is no checkpoint yet, run the same command again."
)
NORMLESS = 0.2  # of a preset's rate, for a model without norms: at 0.6 its loss trebled within two minutes


def load_resumed(path: Path, config: Config | None) -> VAE:
    """Return a new model with the architecture of a checkpoint, to go on from it.

    Raises
    ------
    TrainingError
        When other widths were asked for.
    """
    state = checkpoint.read(path)
    found = checkpoint.config_of(state, path)
    if config is not None and found != config:
        raise TrainingError(
            f"{path} was trained with {found}, which is not {config}. Train under another --name, or without --resume."
        )
    model = VAE(found)
    if state["extra"].get("folded"):
        remove_norms(model.decoder)
    return model


def highest_rate(rate: float, model: VAE | None) -> float:
    """Return the highest learning rate: ``rate``, or a fifth of it for a model without norms. None: a new model."""
    return rate * (NORMLESS if model is not None and is_folded(model.decoder) else 1.0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the β-VAE.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets: folders with a manifest.csv")
    parser.add_argument("--preset", choices=PRESETS, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--minutes", type=arguments.minutes, default=60, help="length of the whole training, over all resumptions"
    )
    parser.add_argument("--name", default="vae", help="the run's folder in --runs")
    parser.add_argument("--runs", type=Path, default=HERE / "runs")
    parser.add_argument("--outputs", type=Path, default=HERE / "outputs", help="for val_recon.png")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint of the run, in place of --start"
    )
    parser.add_argument(
        "--start", type=Path, metavar="MODEL", help="begin with the weights of a model folder, such as models/"
    )
    parser.add_argument(
        "--finer",
        type=arguments.width,
        metavar="WIDTH",
        help="with --start: give the decoder one more stage of so many channels, for frames of twice the size; the "
        "pictures of --data must be twice as large as those that the model was trained on",
    )
    parser.add_argument(
        "--detail",
        type=arguments.count,
        metavar="FACTOR",
        help="with --start: go on from the finer decoder of so many times the size, 2 for decoder.x2",
    )
    parser.add_argument(
        "--body",
        type=arguments.weight,
        help="with --finer or --detail: the learning rate of the rest of the decoder, as a part of that of the stage; "
        "0: it stays as it is",
    )
    parser.add_argument(
        "--perceptual", help="lpips, none, or a wheel of stlpips-pytorch; the best that is installed by default"
    )
    parser.add_argument("--beta", type=arguments.weight, default=3.0, help="weight of the KL")
    parser.add_argument("--share", type=arguments.weight, default=0.3, help="weight of the perceptual distance")
    parser.add_argument(
        "--critic",
        type=arguments.weight,
        default=0.5,
        help="weight of the critic, as a part of the pixel errors' gradient; 0: no critic",
    )
    parser.add_argument(
        "--judged",
        type=arguments.part,
        default=0.5,
        help="part of the training after which the critic starts, 0 to 1",
    )
    parser.add_argument(
        "--rate",
        type=arguments.rate,
        help="highest learning rate; by default the preset's, or a fifth of it for a model without norms, or that of "
        "a finer stage",
    )
    parser.add_argument(
        "--widths", type=arguments.width, nargs=4, metavar="N", help="of the decoder, from the latent grid outwards"
    )
    parser.add_argument("--crop", type=arguments.crop, help="one size of crops instead of the preset's")
    parser.add_argument("--batch", type=arguments.count, help="crops per step, with --crop; 8 by default")
    parser.add_argument(
        "--spare-memory",
        action="store_true",
        help="compute blocks twice instead of keeping them (gradient checkpointing)",
    )
    parser.add_argument(
        "--patience",
        type=arguments.at_least(0),
        default=8,
        help="end after so many measurements of held-out pictures without improvement; 0: never",
    )
    parser.add_argument("--seed", type=arguments.seed, default=1)
    args = parser.parse_args()
    as_begun = "a run goes on with the model that it began with. Leave one of them out, or train under another --name."
    arguments.exclude(args, "resume", ("start", "finer", "detail"), as_begun)
    arguments.exclude(args, "start", ("widths",), "the model to start from has its widths. Leave one of them out.")
    arguments.need(args, "finer", ("start",), "a stage is added to a trained model; name its folder with --start.")
    arguments.need(args, "detail", ("start",), "it names a decoder of a trained model; name its folder with --start.")
    arguments.need(args, "body", ("finer", "detail", "resume"), f"{BODY} Leave it out.")
    arguments.need(args, "batch", ("crop",), "a preset has batches for its own crops. Give both.")
    return args


def main() -> None:
    args = parse()
    preset = PRESETS[args.preset]
    if args.preset == "gpu" and not torch.cuda.is_available():
        raise TrainingError("There is no GPU that torch can use; train with --preset cpu.")
    if preset.threads:
        torch.set_num_threads(preset.threads)
    folder = args.runs / args.name
    last = folder / "last.ckpt"
    config = Config(decoder=tuple(args.widths)) if args.widths else None
    start = None  # the record of the model that this training started from
    before = {}  # the record of the training that is resumed
    if args.resume:
        model = load_resumed(last, config)
        before = checkpoint.read(last)["extra"]
        start = before.get("start")
    elif last.exists():
        raise TrainingError(f"{last} exists: go on with --resume, in place of --start, or train under another --name.")
    elif args.start:
        detail = args.detail or 1
        model, known = checkpoint.from_model(args.start, detail)
        start = checkpoint.ancestor(known, detail)
        if args.finer:
            if not is_folded(model.decoder):
                raise TrainingError(
                    f"The decoder of {args.start} has norms; fold it first, export it, and start again."
                )
            model = model.with_finer(args.finer)
    else:
        model = None
    is_finer = model is not None and model.config.detail > 1
    if args.body is not None and not is_finer:
        raise TrainingError(f"--body: {BODY} The model that this training goes on with has none; leave it out.")
    L.seed_everything(args.seed, verbose=False)
    device = "cuda" if args.preset == "gpu" else "cpu"
    cell = model.config.scale if model is not None else SCALE
    pictures = load(args.data, cell)
    early, late = (preset.finer, None) if is_finer else (preset.early, preset.late)
    if args.crop:
        early, late = ((args.crop, args.batch or 8, 1.0),), None
    # A resumed run must not see the crops of its beginning again.
    crops = Crops(
        pictures,
        early,
        seed=time.time_ns() % 2**32 if args.resume else args.seed,
        device=device,
        cell=cell,
    )
    distance = perceptual.choose(args.perceptual)
    rate = args.rate or (preset.finer_rate if is_finer else highest_rate(preset.rate, model))
    body = preset.body if args.body is None else args.body
    module = Training(config or Config(), args.beta, rate, distance, args.share, preset.patch, model, args.critic, body)
    if model is None:
        module.model.start_linear(crops.patches(6000 if device == "cuda" or len(pictures) > 100 else 500, 64))
        module.average = Average(module.model)
    for part in (module.model.encoder.body, module.model.decoder.body):
        part.sparing = args.spare_memory
    module.facts = {**checkpoint.continued(pictures.record, before, start or {}),
                    "distance": getattr(module.distance, "name", "none"), "preset": args.preset,
                    "critic": args.critic if module.critic else 0.0, "prices": module.prices, "strained": STRAIN,
                    "body": module.body,
                    **({"start": start} if start else {})}  # fmt: skip
    trainer = L.Trainer(
        accelerator="cpu" if device == "cpu" else "gpu",
        devices=1,
        precision="bf16-mixed" if fast_bf16(device) else "32-true",
        max_steps=-1,
        max_epochs=-1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            Clock(args.minutes, crops, late, judged=args.judged, started=start is not None),
            Watch(
                folder,
                pictures,
                args.outputs,
                last,
                args.minutes,
                minutes=min(5.0, args.minutes / 4),
                patience=args.patience,
            ),
            ModelCheckpoint(
                folder,
                filename="last",
                train_time_interval=timedelta(minutes=1),
                save_top_k=1,
                enable_version_counter=False,
            ),
        ],
    )
    loader = torch.utils.data.DataLoader(crops, batch_size=None)
    with lock_folder(folder):
        try:
            trainer.fit(module, loader, ckpt_path=last if args.resume else None, weights_only=False)
        except SystemExit:  # how lightning ends after Ctrl-C, when Watch has saved what there is
            raise KeyboardInterrupt from None
        if not is_finer:  # β draws the latents towards unit deviation; what is left of the way is exact
            aggregate = statistics(module.average.model.cpu().encoder, pictures)["trained_aggregate"]
            for model in (module.model, module.average.model):
                model.rescale(aggregate.to(next(model.parameters()).device))
        trainer.save_checkpoint(last)


if __name__ == "__main__":
    run_command(main, ONWARD)
