"""Trains the net that hears beats, bars and drums.

python -m training.hearing.train --data training/data/songs --minutes 30 --out n2s/hearing/net.npz
"""

from __future__ import annotations

import argparse
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from n2s.hearing.net import BLOCKS, HEARD, TAPS, inputs
from n2s.hearing.rows import STEP
from training import arguments
from training.errors import TrainingError, run_command
from training.files import write_whole

CHANNELS = 32
ROWS = 1024  # of a song that are seen at once: 24 s
STATES = 0.25, 0.5, 0.75, 2.0  # of the time, after which the net is kept, beside the last one
TRUTHS = {"beat": "beats", "downbeat": "downbeats", "kick": "kick", "snare": "snare", "hat": "hat"}
ONWARD = "From a quarter of the time on, --out holds what was learned, and --start goes on from it."
SPEED, BALANCE = 0.16, 0.4  # deviations of the logarithms by which songs are varied
WEIGHT = torch.tensor([4.0, 8.0, 3.0, 4.0, 2.0])[:, None]  # of rows where something is


class BeatNet(nn.Module):
    """The net of `n2s.hearing.net`, to be trained."""

    def __init__(self, channels: int = CHANNELS):
        super().__init__()
        self.first = nn.Conv1d(60, channels, 3, padding=1)
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, TAPS, padding=2 * 2**block, dilation=2**block) for block in range(BLOCKS)
        )
        self.mixes = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(BLOCKS))
        self.last = nn.Conv1d(channels, len(HEARD), 1)
        self.drop = nn.Dropout1d(0.1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        found = functional.elu(self.first(seen))
        for conv, mix in zip(self.convs, self.mixes):
            found = found + mix(self.drop(functional.elu(conv(found))))
        return self.last(functional.elu(found))

    def _layers(self) -> dict[str, nn.Conv1d]:
        layers = {"in": self.first, "out": self.last}
        layers |= {f"conv {i}": conv for i, conv in enumerate(self.convs)}
        return layers | {f"mix {i}": mix for i, mix in enumerate(self.mixes)}

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights as `n2s.hearing.net.Net` takes them."""
        layers, found = self._layers(), {}
        for name, layer in layers.items():
            weight = layer.weight.detach().numpy()
            found[name] = (weight if name == "in" or name.startswith("conv") else weight[:, :, 0]).astype(np.float16)
            found[f"{name} bias"] = layer.bias.detach().numpy().astype(np.float16)
        # Rows where something is were weighed more: without that, these would be the logarithms of true odds.
        found["out bias"] = (layers["out"].bias.detach() - WEIGHT[:, 0].log()).numpy().astype(np.float16)
        return found

    @torch.no_grad()
    def take(self, weights: dict[str, np.ndarray]) -> None:
        """Go on from weights that `weights` returned."""
        for name, layer in self._layers().items():
            weight = torch.from_numpy(weights[name].astype(np.float32))
            layer.weight.copy_(weight.reshape(layer.weight.shape))
            layer.bias.copy_(torch.from_numpy(weights[f"{name} bias"].astype(np.float32)))
        self.last.bias.add_(WEIGHT[:, 0].log())


@dataclass
class Song:
    """What the net sees of a song, float16 (60, K), and the rows at which each of `HEARD` is true."""

    seen: np.ndarray
    true: list[np.ndarray]


# What numpy raises for a file that is missing, damaged, or of something else.
NOT_THERE = (OSError, EOFError, ValueError, KeyError, IndexError, RuntimeError, zipfile.BadZipFile, zlib.error)


def load(folder: Path) -> list[Song]:
    """Read the songs of a folder.

    Raises
    ------
    TrainingError
        When one cannot be read, or there are fewer than two: one to learn from, and one that is held out.
    """
    # The others are what a killed command left, of this version or of earlier ones.
    paths = [p for p in sorted(folder.glob("*.npz")) if not p.name.startswith(".") and ".tmp" not in p.name]
    if len(paths) < 2:
        raise TrainingError(
            f"{folder} holds {len(paths) or 'no'} song{'' if len(paths) == 1 else 's'}, and two at least are wanted. "
            f"Make some with python -m training.hearing.dataset --font FONT --out {folder}"
        )
    return [_read_song(path) for path in paths]


def _read_song(path: Path) -> Song:
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            song = dict(arrays)
        return Song(inputs(song).T.astype(np.float16), [song[name] / STEP for name in TRUTHS.values()])
    except NOT_THERE as error:
        raise TrainingError(
            f"{path} cannot be read as a song ({type(error).__name__}: {str(error)[:120]}); remove it, and run "
            "python -m training.hearing.dataset again with the same options, which makes what is missing."
        ) from None


def start(net: BeatNet, path: Path) -> None:
    """Let a net go on from a file that `save` wrote, as it was at its end: from the state of the highest number.

    Raises
    ------
    TrainingError
        When the file does not hold the weights of such a net.
    """
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            last = max(int(name.partition(" ")[0]) for name in arrays.files)
            net.take({name.partition(" ")[2]: arrays[name] for name in arrays.files if name.startswith(f"{last} ")})
    except NOT_THERE as error:
        raise TrainingError(
            f"{path} holds no net to start from ({type(error).__name__}: {str(error)[:120]}); name a file that --out "
            "wrote, or begin without --start."
        ) from None


def targets(true: list[np.ndarray]) -> np.ndarray:
    """Return how true each of `HEARD` is at each row, (5, ROWS): 1 at the nearest row, half beside it."""
    found = np.zeros((len(HEARD), ROWS + 2), np.float32)
    for row, places in zip(found, true):
        places = np.round(places).astype(int) + 1
        places = places[(places > 0) & (places <= ROWS)]
        for shift, value in ((-1, 0.5), (1, 0.5), (0, 1.0)):
            np.maximum.at(row, places + shift, value)
    return found[:, 1:-1]


def batch(
    songs: list[Song], rng: np.random.Generator, size: int, vary: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pieces of songs, played faster or slower, with the balance of their bands changed."""
    seen, true = np.zeros((size, 60, ROWS), np.float32), np.zeros((size, len(HEARD), ROWS), np.float32)
    for i, which in enumerate(rng.integers(len(songs), size=size)):
        song = songs[which]
        speed = float(np.exp(rng.normal(0, SPEED))) if vary else 1.0
        rows = song.seen.shape[1]
        start = float(rng.uniform(0, max(1.0, rows - ROWS * speed)))
        places = start + np.arange(ROWS) * speed
        places = places[places < rows - 1]
        low = places.astype(int)
        share = (places - low).astype(np.float32)
        piece = song.seen[:, low].astype(np.float32) * (1 - share) + song.seen[:, low + 1].astype(np.float32) * share
        if speed != 1:  # what begins lasts for one row, however fast it is played
            piece[24:48] = np.maximum(song.seen[24:48, low], song.seen[24:48, low + 1])
        if vary:
            tilt = np.exp(np.interp(np.arange(24), np.linspace(0, 23, 6), rng.normal(0, BALANCE, 6)))[:, None]
            piece[:24] = (piece[:24] + 1) * tilt - 1
            piece[24:48] *= tilt * np.exp(rng.normal(0, 0.15))
            if rng.random() < 0.15:
                piece[48:] = 0
        seen[i, :, : piece.shape[1]] = piece
        true[i] = targets([(rows_of - start) / speed for rows_of in song.true])
        true[i, :, piece.shape[1] :] = 0
    return torch.from_numpy(seen), torch.from_numpy(true)


def loss_of(net: nn.Module, seen: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    weight = 1 + (WEIGHT - 1) * (true > 0)
    return functional.binary_cross_entropy_with_logits(net(seen), true, weight=weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("training/data/songs"))
    parser.add_argument("--out", type=Path, default=Path("n2s/hearing/net.npz"))
    parser.add_argument("--minutes", type=arguments.minutes, default=30)
    parser.add_argument("--batch", type=arguments.count, default=16)
    parser.add_argument("--rate", type=arguments.rate, default=3e-3)
    parser.add_argument("--start", type=Path, help="a net to go on from, as it was at its end")
    parser.add_argument("--seed", type=arguments.seed, default=0)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    rng = np.random.default_rng(given.seed)
    net = BeatNet()
    if given.start:
        start(net, given.start)
    songs = load(given.data)
    held = songs[:: max(10, len(songs) // 60)]
    songs = [song for i, song in enumerate(songs) if i % max(10, len(songs) // 60)]
    print(f"{len(songs)} songs, {len(held)} held out, {sum(p.numel() for p in net.parameters())} weights")
    optimizer = torch.optim.AdamW(net.parameters(), given.rate, weight_decay=1e-3)
    checks = [batch(held, np.random.default_rng(i), 32, vary=False) for i in range(3)]
    began, step, seconds, lowest = time.monotonic(), 0, 60 * given.minutes, 0.0
    running: list[float] = []
    states: list[dict[str, np.ndarray]] = []
    while (share := (time.monotonic() - began) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = given.rate * min(1.0, step / 100) * (0.5 + 0.5 * np.cos(np.pi * share))
        loss = loss_of(net, *batch(songs, rng, given.batch))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        running.append(loss.item())
        step += 1
        if step % 200 == 0:
            net.eval()
            with torch.no_grad():
                lowest = float(np.mean([loss_of(net, *check).item() for check in checks]))
            net.train()
            print(f"{step} steps, {share:.0%}: {np.mean(running):.4f}, held out {lowest:.4f}", flush=True)
            running = []
        if share >= STATES[len(states)]:
            states.append(net.weights())
            save(given.out, states)
    save(given.out, [*states, net.weights()])


def save(path: Path, states: list[dict[str, np.ndarray]]) -> None:
    """Write several states of the net, as `n2s.hearing.net.Ears` reads them."""
    weights = {f"{i} {name}": weight for i, state in enumerate(states) for name, weight in state.items()}
    write_whole(path, lambda partial: np.savez(partial, **weights))


if __name__ == "__main__":
    run_command(main, ONWARD)
