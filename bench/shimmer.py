"""How much the pictures of each decoder tremble while latents drift slowly: energy of change above 5 Hz.

    python bench/shimmer.py                              three places, 3 s at 30 frames/s, 1920x1080

Wander alone moves the latents. The middle of each frame, 960x540 pixels of the film, is looked at: the luma of every
pixel over time, without its mean, as a spectrum. Printed are the root mean square of what lies above 5 Hz, in code
values of 255, and the same against x1, which a film of this size stretches. The second line is of means over squares of
4 x 4 pixels, which hold what x1 can draw, too: a pixel of x1 is 2.1 pixels of this film.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from n2s.graph.graph import Graph  # noqa: E402
from n2s.runtime.session import Session  # noqa: E402

SQUARES = (1, 4)  # pixels
PLACES, FPS, SLOW = ("ember", "crystal", "fern"), 30, 5.0
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)[:, None, None]


def lumas(place: str, detail: str, model: Path, seconds: float) -> np.ndarray:
    """Return the middle of each frame, float32 (T, 540, 960)."""
    nodes = {
        "place": {"node": "LatentPath", "names": [place, PLACES[0]], "place": 0, "model": str(model)},
        "drift": {"node": "Wander", "latents": "place", "amount": 0.35, "period": 6, "model": str(model)},
        "film": {"node": "VAEDecode", "latents": "drift", "model": str(model), "detail": detail, "provider": "cpu"},
        "out": {"node": "DigestSink", "frames": "film", "path": "out.txt"},
    }
    values = {"n2s": 1, "fps": FPS, "duration": seconds, "size": [1920, 1080], "nodes": nodes}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.yaml"
        file.write_text(json.dumps(values))
        session = Session(Graph.load(file))
    frames = (session.frame("film", k) for k in range(round(seconds * FPS)))
    return np.stack([(frame[:, 270:810, 480:1440].clip(0, 1) * LUMA).sum(axis=0) for frame in frames])


def averaged(values: np.ndarray, size: int) -> np.ndarray:
    """Return the means over squares of so many pixels, (T, H / size, W / size)."""
    count, height, width = values.shape
    return values.reshape(count, height // size, size, width // size, size).mean(axis=(2, 4))


def trembling(values: np.ndarray) -> float:
    """Return the root mean square of change above 5 Hz, in code values."""
    count = len(values)
    window = np.hanning(count).astype(np.float32)[:, None, None]
    spectrum = np.fft.rfft((values - values.mean(axis=0)) * window, axis=0)
    fast = np.fft.rfftfreq(count, 1 / FPS) > SLOW
    power = 2 * (np.abs(spectrum[fast]) ** 2).sum(axis=0) / count / float((window**2).sum())
    return 255 * float(np.sqrt(power.mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for place in PLACES:
        seen = {detail: lumas(place, detail, args.model.resolve(), args.seconds) for detail in ("x1", "x2")}
        for size in SQUARES:
            name = place if size == 1 else f"{place}, {size} x {size}"
            x1, x2 = (trembling(averaged(seen[detail], size)) for detail in ("x1", "x2"))
            found[name] = {"x1": x1, "x2": x2}
            print(f"{name:16} x1 {x1:.4f}   x2 {x2:.4f}   {x2 / x1:.3f} times", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
