"""What teaches the β-VAE: its loss, the averaged weights that are exported, and the schedule.

The loss of pictures is

    L1 + coarse + edges + share * perceptual + β * KL

with β = 3. Frames of mixed and drifted latents have no picture to compare with; they add

    beyond + rounding + 5 weave + 5 rim

A decoder that gets a finer stage learns from larger pictures; its encoder stays as it is, so that the same latents give
the same picture, and there is no KL. Two terms are added, because a stage that draws twice as fine draws slanted edges
as steps that it does not see itself:

    4 teeth of pictures + 2 ragged of mixes

docs/glossary.md explains each term. In the second half of a training a critic (`critic.py`) is added, a second network
that learns to tell reconstructions from their pictures.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from .compat import mend_torchvision

mend_torchvision()

import lightning as L  # noqa: E402

from . import objective  # noqa: E402
from .critic import Critic  # noqa: E402
from .dataset import Crops  # noqa: E402
from .latents import cut_borders, mix_latents, sample_posterior, strengthen  # noqa: E402
from .models import VAE, Config, round_to_levels  # noqa: E402
from .norms import is_folded  # noqa: E402

AGAIN = 0.3  # of the rate of a finer stage, for its half that begins with trained weights


class Average:
    """An exponential moving average of the weights: what is exported. The decay warms up with the steps taken."""

    def __init__(self, model: VAE, decay: float = 0.999):
        self.model, self.decay, self.steps = copy.deepcopy(model).requires_grad_(False), decay, 0

    @torch.no_grad()
    def update(self, model: VAE) -> None:
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        values = [value.detach() for value in model.parameters()]
        torch._foreach_lerp_(list(self.model.to(values[0].device).parameters()), values, 1 - keep)


class Training(L.LightningModule):
    """The model in training, its loss, and its averaged weights.

    Parameters
    ----------
    config : Config
    beta : float
        Weight of the KL in the loss.
    rate : float
        Learning rate of AdamW at its highest.
    distance : Module or None
        The perceptual distance, with the weight ``share``, measured on patches of ``patch`` pixels.
    model : VAE or None
        The weights to start with; at random by default.
    say : float
        Weight of the critic: the length of its gradient at the frames, divided by that of the pixel errors. 0: no
        critic.
    body : float
        Where the decoder has finer stages: the rate of the rest of it, as a part of theirs. 0: it stays as it is.
    """

    def __init__(
        self,
        config: Config = Config(),
        beta=3.0,
        rate=5e-4,
        distance=None,
        share=1.0,
        patch=64,
        model: VAE | None = None,
        say=0.0,
        body=1.0,
    ):
        super().__init__()
        self.model = (model or VAE(config)).to(memory_format=torch.channels_last)
        self.is_finer = self.model.config.detail > 1
        self.prices = objective.PRICES | (objective.FINER if self.is_finer else {})
        self.body = body if self.is_finer else 1.0
        if self.is_finer:  # what is not trained; the latents stay those of the model that it started from
            self.model.encoder.requires_grad_(False)
            if not body:
                self.model.decoder.requires_grad_(False)
                self.model.decoder.finer.requires_grad_(True)
        self.beta, self.rate, self.share, self.patch = beta, rate, share, patch
        self.distance = distance
        self.critic = Critic() if say else None
        self.say, self.balance, self.calls = say, 0.0, 0
        self.critic_state: dict | None = None  # of its optimiser, until the weights are on their device
        self.average = Average(self.model)
        self.rng = np.random.default_rng(11)  # of the latents that films visit
        self.price = 1.0  # factor of beta, 0 to 1; see Clock
        self.look = True  # whether the perceptual distance counts; see Clock
        self.awake = 0.0  # factor of the critic's weight, 0 to 1; see Clock
        self.elapsed = 0.0  # seconds of training, over all resumptions
        # The weights of the loss, and the minute from which on they hold; several where a training was resumed.
        self.stages: list[dict[str, float]] = []
        self.facts: dict[str, Any] = {}  # for the record: the data, and the settings of the training

    def loss(self, frames: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss of one batch and its parts by name."""
        mean, log_variance = self.model.encode(frames)
        kl = frames.new_zeros(()) if self.is_finer else objective.divergence(mean.float(), log_variance.float(), frames)
        both, frames = cut_borders(torch.cat([sample_posterior(mean, log_variance), mean.detach()]), frames, self.rng)
        latents, places = both.chunk(2)
        latents, frames = strengthen(latents, frames, self.rng)
        decoded = self.model.decoder(latents).float()
        error = decoded - frames
        parts = {"l1": error.abs().mean(), "coarse": objective.coarse(error), "edges": objective.edges(error), "kl": kl}
        # A quarter of the mixes is enough, and each is decoded twice.
        between = mix_latents(places, self.rng)[: -(-len(places) // 4)]
        drawn, coarsely = self.model.decoder(between), self.model.decoder(between, show=round_to_levels)
        shown = drawn.clamp(0, 1)  # `beyond` alone restrains values outside 0..1
        parts |= {"beyond": objective.beyond(drawn), "rounding": (coarsely.clamp(0, 1) - shown).abs().mean(),
                  "weave": sum(map(objective.weave, self._sizes(shown))), "rim": objective.rim(shown)}  # fmt: skip
        if self.is_finer:
            parts["teeth"] = sum(map(objective.teeth, self._sizes(error), self._sizes(frames)))
            parts["ragged"] = sum(objective.teeth(each, each) for each in self._sizes(shown))
        exact = parts["l1"] + parts["coarse"] + parts["edges"]
        total = (
            exact
            + self.beta * self.price * parts["kl"]
            + sum(price * parts[name] for name, price in self.prices.items())
        )
        if self.distance is not None and self.look:
            places = max(1, frames.shape[-1] // 128)  # larger crops are looked at in several places
            parts["perceptual"] = self.distance(*objective.views([decoded, frames], self.patch, places))
            total = total + self.share * parts["perceptual"]
        if self.critic is not None and self.awake:
            parts["critic"] = self.critic.learn(frames, decoded)
            parts["blame"] = self.critic.blame(frames, decoded)
            if self.calls % 10 == 0:
                now = objective.balance(exact, parts["blame"], decoded)
                self.balance = 0.5 * (self.balance + now) if self.balance else now
            self.calls += 1
            total = total + self.awake * self.say * self.balance * parts["blame"]
        return total, parts

    def _sizes(self, frames: torch.Tensor) -> list[torch.Tensor]:
        """Return frames as large as each stage draws them: each may draw stripes and teeth of its own."""
        return [F.avg_pool2d(frames, 2**k) for k in range(self.model.config.detail.bit_length())]

    def on_train_start(self):
        if self.critic_state:
            self.critic.optimizer.load_state_dict(self.critic_state)
            self.critic_state = None
        stage = {"minute": round(self.elapsed / 60, 1), "share": self.share, "critic": self.say if self.critic else 0.0}
        if not self.stages or any(self.stages[-1][name] != stage[name] for name in ("share", "critic")):
            self.stages.append(stage)

    def training_step(self, frames, index):
        total, parts = self.loss(frames)
        return {
            "loss": total,
            "parts": {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}},
        }

    def configure_optimizers(self):
        linear, stages = self.model.linear_parameters(), self.model.decoder.finer
        again = [parameter for finer in stages for parameter in finer.again.parameters()]
        fresh = [parameter for finer in stages for half in (finer.stage, finer.out) for parameter in half.parameters()]
        known = {id(parameter) for parameter in [*linear, *again, *fresh]}
        rest = [parameter for parameter in self.model.parameters() if id(parameter) not in known]
        shares = [(fresh, 1.0), (again, AGAIN), (rest, self.body), (linear, 0.03 * self.body)]
        groups = [
            {"params": trained, "share": share}
            for parameters, share in shares
            if (trained := [parameter for parameter in parameters if parameter.requires_grad])
        ]
        return torch.optim.AdamW(groups, lr=self.rate, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)

    def on_before_optimizer_step(self, optimizer):
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)

    def on_train_batch_end(self, *_):
        self.model.decoder.level()
        self.average.update(self.model)

    def on_save_checkpoint(self, saved):
        saved["average"] = self.average.model.state_dict()
        if self.critic is not None:
            saved["critic"] = {
                "optimizer": self.critic.optimizer.state_dict(),
                "balance": self.balance,
                "calls": self.calls,
            }
        saved["extra"] = {
            "elapsed": self.elapsed,
            "average_steps": self.average.steps,
            "config": self.model.config.asdict(),
            "beta": self.beta,
            "share": self.share,
            "folded": is_folded(self.model.decoder),
            "stages": self.stages,
            **self.facts,
        }
        for key in [k for k in saved["state_dict"] if k.startswith("distance.")]:
            del saved["state_dict"][key]

    def on_load_checkpoint(self, saved):
        self.average.model.load_state_dict(saved["average"])
        self.elapsed, self.average.steps = saved["extra"]["elapsed"], saved["extra"]["average_steps"]
        before = saved["extra"]
        self.stages = before.get("stages") or [
            {"minute": 0.0, "share": before["share"], "critic": before.get("critic", 0.0)}
        ]
        self._load_critic(saved)
        if self.distance is not None:
            saved["state_dict"].update({f"distance.{k}": v for k, v in self.distance.state_dict().items()})

    def _load_critic(self, saved):
        """Restore the critic from a checkpoint.

        If the checkpoint has no critic of this architecture, it starts with new weights; if this training has no
        critic, that of the checkpoint is dropped.
        """
        state, known = saved["state_dict"], saved.get("critic")
        ours = {f"critic.{name}": value for name, value in self.critic.state_dict().items()} if self.critic else {}
        theirs = {name: value for name, value in state.items() if name.startswith("critic.")}
        if known and {name: value.shape for name, value in ours.items()} == {
            name: value.shape for name, value in theirs.items()
        }:
            self.critic_state, self.balance, self.calls = known["optimizer"], known["balance"], known["calls"]
            return
        for name in theirs:
            del state[name]
        state.update(ours)


class Clock(L.Callback):
    """The schedule of a training, by minutes: learning rate, weights of the loss, larger crops, and the end.

    The learning rate warms up, then falls as a cosine. The weight of the KL rises from a twentieth to all of beta at
    half of the training; with all of it from the start, latents would only hold the mean colours of their cells. The
    perceptual distance counts from 3 % on, because before colours are roughly right it only produces fringes. The
    critic starts when the part ``judged`` of the training is over, and reaches its full weight within the next
    twentieth, because before there are forms it has nothing to compare. A training that ``started`` from a trained
    model has full weights of KL and perceptual distance from the first step.
    """

    def __init__(
        self,
        minutes: float,
        crops: Crops | None = None,
        late: tuple | None = None,
        warmup: int = 100,
        judged: float = 0.5,
        started: bool = False,
    ):
        self.minutes, self.crops, self.late = minutes, crops, late
        self.warmup, self.judged, self.started = warmup, judged, started

    def on_train_start(self, trainer, module):
        self.last = time.monotonic()

    def on_train_batch_start(self, trainer, module, batch, index):
        now = time.monotonic()
        module.elapsed += now - self.last
        self.last = now
        part = min(1.0, module.elapsed / (60 * self.minutes))
        rate = (
            module.rate
            * min(1.0, (trainer.global_step + 1) / self.warmup)
            * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * part)))
        )
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        module.price = 1.0 if self.started else min(1.0, 0.05 + 1.9 * part)
        module.look = self.started or part > 0.03
        module.awake = min(1.0, max(0.0, (part - self.judged) / 0.05))
        if part > 0.6 and self.late and self.crops is not None:
            self.crops.sizes = self.late
        if part >= 1:
            trainer.should_stop = True
