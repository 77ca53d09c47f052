"""Blend a trained model with the one that it started from: the mean of their weights.

    python -m training.blend training/runs/x2/last.ckpt --start models --detail 2 --share 0.65

writes blended.ckpt beside the checkpoint, ready for export. A training with another loss gains by that loss, and loses
a part of what the model before was good at. Where one began with the weights of the other, what lies between both on a
straight line often keeps most of the two (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022):

    weights = share * trained + (1 - share) * start
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from . import arguments, checkpoint
from .errors import TrainingError, run_command
from .licence import together
from .models import VAE
from .norms import is_folded


@torch.no_grad()
def blend(trained: VAE, start: VAE, share: float) -> VAE:
    """Return the trained model with weights between both; those that are alike keep their bits.

    Raises
    ------
    TrainingError
        When the two are of different architectures, or only one of them is folded.
    """
    if trained.config != start.config:
        raise TrainingError(f"the two models are of different architectures: {trained.config} and {start.config}.")
    before = start.state_dict()
    if before.keys() != trained.state_dict().keys():
        trained_is, start_is = ("folded" if is_folded(model.decoder) else "with norms" for model in (trained, start))
        raise TrainingError(
            f"one decoder is folded and the other has norms: the trained one is {trained_is}, the one of --start "
            f"{start_is}. Fold the one with norms first, by python -m training.fold."
        )
    for name, weight in trained.state_dict().items():
        if not torch.equal(weight, before[name]):
            weight.lerp_(before[name], 1 - share)
    return trained


def main() -> None:
    parser = argparse.ArgumentParser(description="Blend a trained model with the one that it started from.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", type=Path, required=True, metavar="MODEL", help="the folder that --start named")
    parser.add_argument("--detail", type=arguments.count, default=1, metavar="FACTOR", help="as for train_vae")
    parser.add_argument("--share", type=float, default=0.5, help="of the trained weights, 0 to 1")
    args = parser.parse_args()
    if not 0 <= args.share <= 1:
        raise TrainingError(f"--share {args.share:g}: a number from 0 to 1 was wanted.")
    trained, facts = checkpoint.load_averaged(args.checkpoint)
    start, card = checkpoint.from_model(args.start, args.detail)
    model = blend(trained, start, args.share)
    learned = together(facts, checkpoint.learned(card, args.detail))
    target = args.checkpoint.with_name("blended.ckpt")
    checkpoint.write(target, model, facts | learned | {"blended": args.share})
    print(target)


if __name__ == "__main__":
    run_command(main)
