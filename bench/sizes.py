"""What large films cost: decoders of both details, the net that enlarges frames, with and without grain.

    python bench/sizes.py                          1920x1080 and 3840x2160, 4 s, median of 3
    python bench/sizes.py --seconds 10 --repeats 5 --json sizes.json
    python bench/sizes.py --only 1080

Each row is a whole film by a process of its own, from an empty store (only the compiled kernels are kept), in turns.
Then each decoder alone decodes 16x29 cells in one thread; its processor time stands beside that of x1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from run import RATE, empty, music  # noqa: E402

FPS = 30
HD, UHD = (1920, 1080), (3840, 2160)
ROWS = {  # name: size of the film, detail, factor of Upscale
    "1080 x1, stretched": (HD, "x1", 0),
    "1080 x2 (auto)": (HD, "x2", 0),
    "1080 x1 at 540, Upscale 2": (HD, "x1", 2),
    "2160 x1, stretched": (UHD, "x1", 0),
    "2160 x2 (auto)": (UHD, "x2", 0),
    "2160 x2 at 1080, Upscale 2": (UHD, "x2", 2),
    "2160 x1 at 540, Upscale 4": (UHD, "x1", 4),
}


def graph(row: str, grain: bool, model: Path) -> dict:
    size, detail, factor = ROWS[row]
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "features": {"node": "Features", "audio": "track"},
        "weights": {"node": "Weights", "signal": "features.low", "count": 3},
        "anchors": {
            "node": "Anchors",
            "weights": "weights",
            "names": ["ember", "crystal", "fern"],
            "model": str(model),
        },
        "drift": {"node": "Wander", "latents": "anchors", "amount": 0.35, "period": 6, "model": str(model)},
        "film": {"node": "VAEDecode", "latents": "drift", "detail": detail, "model": str(model), "provider": "cpu"},
        "tone": {"node": "Tone", "frames": "film", "exposure": "= 0.5 * features.onset"},
    }
    last = "tone"
    if factor:
        nodes["large"] = {"node": "Upscale", "frames": last, "factor": factor, "model": str(model), "provider": "cpu"}
        last = "large"
    if grain:
        nodes["grain"] = {"node": "Grain", "frames": last, "amount": 0.04}
        last = "grain"
    nodes["out"] = {"node": "FFmpegSink", "frames": last, "audio": "track", "path": "film.mp4"}
    return {"n2s": 1, "seed": 7, "fps": FPS, "size": list(size), "nodes": nodes}


def film(folder: Path) -> dict:
    """Render the film of a folder; runs in a process of its own."""
    from n2s.graph.graph import Graph
    from n2s.runtime.run import render
    from n2s.runtime.store import Store

    began = time.perf_counter()
    report = render(Graph.load(folder / "film.yaml"), out=folder, store=Store(folder / "store"), jobs=2)
    return {"frames": report.frames, "seconds": time.perf_counter() - began, "nodes": report.nodes}


def decoders(model: Path, repeats: int) -> dict[str, float]:
    """Return the processor time of one frame of 16x29 cells in ms, by detail; in turns, medians."""
    from n2s.runtime.models.folder import ModelFolder

    folder = ModelFolder(model, None)
    latents = np.random.default_rng(3).standard_normal((1, folder.channels, 16, 29)).astype(np.float32)
    made = {detail: folder.decoder("auto", "cpu", 1, detail) for detail in folder.details("auto")}
    spent: dict[str, list[float]] = {detail: [] for detail in made}
    for _ in range(3 * repeats + 1):
        for detail, decoder in made.items():
            began = time.process_time()
            decoder.decode(latents)
            spent[detail].append(1000 * (time.process_time() - began))
    return {detail: statistics.median(times[1:]) for detail, times in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="rows that begin with this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--film", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.film:
        print(json.dumps(film(args.film)))
        return
    import soundfile

    rows = [(row, grain) for row in ROWS if row.startswith(args.only) for grain in (False, True)]
    found: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        soundfile.write(folder / "music.wav", music(args.seconds), RATE, subtype="PCM_16")
        for turn in range(args.repeats + 1):  # the first compiles
            for row, grain in rows:
                (folder / "film.yaml").write_text(json.dumps(graph(row, grain, args.model.resolve())))
                empty(folder / "store")
                words = [sys.executable, __file__, "--film", str(folder)]
                done = subprocess.run(words, capture_output=True, text=True, check=True, env=dict(os.environ))
                if turn:
                    about = json.loads(done.stdout.splitlines()[-1])
                    found.setdefault(f"{row}{', grain' if grain else ''}", []).append(about)
    print(f"{'':38}{'frames/s':>9}   ms of one thread per frame")
    for name, each in found.items():
        rate = statistics.median(about["frames"] / about["seconds"] for about in each)
        last = each[-1]
        spent = sorted(last["nodes"].items(), key=lambda item: -item[1])[:4]
        parts = ", ".join(f"{node} {1000 * seconds / last['frames']:.1f}" for node, seconds in spent)
        print(f"{name:38}{rate:>9.2f}   {parts}")
    alone = decoders(args.model, args.repeats)
    for detail, spent in alone.items():
        print(f"decoder {detail}: {spent:.1f} ms, {spent / alone['x1']:.2f} times x1")
    if args.json:
        args.json.write_text(json.dumps({"films": found, "decoders": alone}, indent=1))


if __name__ == "__main__":
    main()
