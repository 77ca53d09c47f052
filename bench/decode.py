"""The decoder alone: what int8 and folding are worth, and how many frames per second two one-thread sessions give.

    python bench/decode.py                    512x512, the shipped files and their architecture in other forms
    python bench/decode.py --grid 16 29       another latent grid, rows and columns

Needs the extra [train]: the forms that are not shipped (float32; norms kept) are made here, of the shipped architecture
with weights at random, which take as long as trained ones. Everything is measured in turns, in one process; medians
with their spread.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TO_FP32, TO_NORMS, RATE = (
    2.5,
    1.4,
    55.0,
)  # wanted: times as fast as folded fp32 and as int8 with norms; frames/s of two sessions


def forms(folder: Path, config: dict) -> dict[str, Path]:
    """Make the decoder of a card's architecture, folded and with norms, in float32 and int8."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import torch

    from training.export_onnx import Generator, to_onnx
    from training.models import Config, Decoder
    from training.norms import remove_norms
    from training.quantize_onnx import quantise

    torch.manual_seed(1)
    config = Config(**{name: tuple(value) if isinstance(value, list) else value for name, value in config.items()})
    one = torch.ones(1, config.latent, 1, 1)
    rng = np.random.default_rng(2)
    calibration = [rng.standard_normal((1, config.latent, 16, 16)).astype(np.float32) for _ in range(4)]
    made = {}
    for name, build in (("folded", lambda: remove_norms(Decoder(config))), ("norms", lambda: Decoder(config))):
        decoder = build()
        for block in decoder.modules():  # a branch that starts as nothing would be optimised away
            if hasattr(block, "conv2"):
                torch.nn.init.normal_(block.conv2.weight, 0, 0.02)
                if name == "norms":
                    torch.nn.init.ones_(block.norm2.weight)
        path = folder / f"{name}.fp32.onnx"
        with open(os.devnull, "w", encoding="utf-8") as quiet:
            output, sys.stdout = sys.stdout, quiet
            try:
                to_onnx(Generator(decoder, 0 * one, one), path, "decoder", torch.randn(2, config.latent, 5, 6), {})
            finally:
                sys.stdout = output
        made[f"{name}, fp32"] = path
        made[f"{name}, int8"] = folder / f"{name}.int8.onnx"
        quantise(path, made[f"{name}, int8"], calibration)
    return made


def side_by_side(sessions: list, latents: np.ndarray, seconds: float) -> float:
    """Return the frames per second of sessions that work at the same time, one thread each."""
    until = time.perf_counter() + seconds

    def work(session) -> int:
        count = 0
        while time.perf_counter() < until:
            session.run(None, {"latents": latents})
            count += len(latents)
        return count

    began = time.perf_counter()
    with ThreadPoolExecutor(len(sessions)) as pool:
        frames = sum(pool.map(work, sessions))
    return frames / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=ROOT / "models", help="folder of a model; the shipped one by default"
    )
    parser.add_argument("--grid", type=int, nargs=2, default=(16, 16), metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement side by side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    from training.card import session

    card = json.loads((options.model / "meta.json").read_text())
    latents = (
        np.random.default_rng(3).standard_normal((1, card["latent"]["channels"], *options.grid)).astype(np.float32)
    )
    with tempfile.TemporaryDirectory() as name:
        paths = forms(Path(name), card["config"])
        paths |= {f"shipped, {p}": options.model / f"decoder.{p}.onnx" for p in ("int8", "fp16")}
        opened = {name: session(path) for name, path in paths.items()}
        pair = [session(paths["shipped, int8"]) for _ in range(2)]
    for one in (*opened.values(), *pair):
        one.run(None, {"latents": latents})
    spent: dict[str, list[float]] = {name: [] for name in opened}
    rates = []
    for _ in range(options.repeats):
        for name, one in opened.items():
            began = time.process_time()
            for _ in range(3):
                one.run(None, {"latents": latents})
            spent[name].append((time.process_time() - began) / 3 * 1000)
        rates.append(side_by_side(pair, latents, options.seconds))
    show(spent, rates, options)


def show(spent: dict[str, list[float]], rates: list[float], options: argparse.Namespace) -> None:
    """Print the table."""
    rows, columns = options.grid
    print(f"{32 * columns}x{32 * rows}, medians of {options.repeats}, one thread")
    print(f"{'ms of processor time per frame':34}{'median':>9}   {'spread':>13}")
    for name, values in spent.items():
        print(f"{name:34}{statistics.median(values):9.2f}   {f'{min(values):.1f}-{max(values):.1f}':>13}")

    def ratio(slow: str) -> float:
        return statistics.median(a / b for a, b in zip(spent[slow], spent["folded, int8"]))

    print(f"\n{'folded int8 to folded fp32':34}{ratio('folded, fp32'):8.2f}x   target: at least {TO_FP32:g}")
    print(f"{'folded int8 to int8 with norms':34}{ratio('norms, int8'):8.2f}x   target: at least {TO_NORMS:g}")
    print(
        f"{'frames/s, two one-thread sessions':34}{statistics.median(rates):9.1f}   "
        f"{f'{min(rates):.1f}-{max(rates):.1f}':>13}   the shipped int8 decoder; target: {RATE:g} at 512x512"
    )
    if options.json:
        options.json.write_text(
            json.dumps({"grid": list(options.grid), "ms": spent, "frames_per_second": rates}, indent=1)
        )


if __name__ == "__main__":
    main()
