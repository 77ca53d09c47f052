"""Frames in twice the size: how near to the truth, and how fast on one core.

    pip install pyanime4k
    python bench/upscale.py                                                the sheet of the shipped anchors, halved
    python bench/upscale.py --data training/data/procedural-1024           and held-out pictures, halved

All contestants enlarge the same 8-bit pictures, which are the means of 2 by 2 pixels of the truth, one thread each; in
turns, medians. PSNR is that of the enlarged 8-bit pictures against the truth, in dB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from n2s.nodes.upscale import double_by_lanczos  # noqa: E402
from n2s.runtime.models.folder import ModelFolder  # noqa: E402

HELD_OUT = 20  # see training/dataset.py
Enlarge = Callable[[np.ndarray], np.ndarray]  # uint8 (h, w, 3) to uint8 (2h, 2w, 3)


def by_planes(enlarge: Callable[[np.ndarray], np.ndarray]) -> Enlarge:
    """Return what takes float32 (1, 3, h, w) as something that takes 8-bit pictures."""

    def run(picture: np.ndarray) -> np.ndarray:
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        return np.rint(enlarge(planes)[0].clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)

    return run


def contestants(model: Path) -> dict[str, Enlarge]:
    found = {
        "n2s lanczos": by_planes(double_by_lanczos),
        "n2s net, int8": by_planes(ModelFolder(model, None).upscaler("cpu").enlarge),
    }
    try:
        import pyanime4k
    except ImportError:
        print("pyanime4k is not installed: its rows are left out.")
        return found
    for name in ("arnet-hdn", "acnet-gan"):
        processor = pyanime4k.Processor(processor_type="cpu", device=0, model=name)
        found[f"pyanime4k {name}"] = lambda picture, processor=processor: processor(src=picture, factor=2.0)
    return found


def halved(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    means = picture.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return np.ascontiguousarray(np.rint(means).astype(np.uint8))


def psnr(made: np.ndarray, truth: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((made / 255.0 - truth / 255.0) ** 2) + 1e-12))


def pictures_of(folder: Path, most: int) -> list[np.ndarray]:
    """Return held-out pictures, as many of each style."""
    found = []
    for style in sorted(path for path in folder.iterdir() if path.is_dir()):
        held = [path for k, path in enumerate(sorted(style.glob("*.png"))) if k % HELD_OUT == HELD_OUT - 1]
        found += [np.asarray(Image.open(path).convert("RGB")) for path in held[:most]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a data set, whose held-out pictures are enlarged too")
    parser.add_argument("--most", type=int, default=8, help="held-out pictures of each style")
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sheet = np.asarray(Image.open(args.model / "anchors.png").convert("RGB"))
    sheet = sheet[: sheet.shape[0] // 2 * 2, : sheet.shape[1] // 2 * 2]
    sets = {"sheet": [sheet]}
    if args.data:
        sets["held out"] = pictures_of(args.data, args.most)
    names = contestants(args.model)
    found: dict[str, dict] = {name: {"seconds": []} for name in names}
    for what, pictures in sets.items():
        for name, enlarge in names.items():
            found[name][what] = statistics.fmean(psnr(enlarge(halved(each)), each) for each in pictures)
    small = halved(sheet)
    for _ in range(args.repeats):
        for name, enlarge in names.items():
            began = time.perf_counter()
            enlarge(small)
            found[name]["seconds"].append(time.perf_counter() - began)
    print(f"{'':22}" + "".join(f"{what:>12}" for what in sets) + f"{'megapixels/s':>15}")
    for name, about in found.items():
        speed = sheet.shape[0] * sheet.shape[1] / 1e6 / statistics.median(about["seconds"])
        print(f"{name:22}" + "".join(f"{about[what]:>9.2f} dB" for what in sets) + f"{speed:>15.1f}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
