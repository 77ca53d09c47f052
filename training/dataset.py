"""The training pictures on disk: made once, read as crops.

A data set is a folder `training/data/<digest>` with one uint8 array (n, 512, 512, 3) per style. The digest covers the drawing code
and the request, so an edited composition makes a new data set instead of silently keeping the old one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from .procedural import STYLES, render

HERE = Path(__file__).parent
SIZE = 512


def digest(seed: int, count: int) -> str:
    """SHA-256 over the drawing code and the request, 16 hex digits."""
    sha = hashlib.sha256(f"{seed} {count} {SIZE}".encode())
    for path in sorted([*(HERE / "styles").glob("*.py"), *(HERE / f"{n}.py" for n in ("procedural", "palettes", "fields", "paint"))]):
        sha.update(path.name.encode() + path.read_bytes())
    return sha.hexdigest()[:16]


def _picture(job):
    style, seed, index = job
    return np.rint(render(style, seed, index, (SIZE, SIZE)) * 255).astype(np.uint8)


def ensure(seed: int = 1, count: int = 400, workers: int = 2, root: Path = HERE / "data") -> Path:
    """The folder of the data set with `count` pictures per style; drawn when it is not there yet."""
    folder = root / digest(seed, count)
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        for style in STYLES:
            path = folder / f"{style}.npy"
            if path.exists():
                continue
            partial = path.with_suffix(f".{os.getpid()}.part")
            pictures = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3))
            for k, picture in enumerate(pool.map(_picture, [(style, seed, k) for k in range(count)], chunksize=8)):
                pictures[k] = picture
            pictures.flush()
            os.replace(partial, path)
    return folder


def load(folder: Path) -> list[np.ndarray]:
    """The arrays of a data set, mapped, not read."""
    return [np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))]


class Crops(torch.utils.data.IterableDataset):
    """Endless batches of random crops: uint8 pictures to float32 (batch, 3, crop, crop) in 0..1, mirrored at random.

    `sizes` is a list of (crop, batch, share): the share of the batches that have this crop. Large crops teach the net what a picture
    is away from its borders; small ones are what a CPU can afford.
    """

    def __init__(self, pictures, sizes=((128, 16, 1.0),), seed=0):
        self.pictures, self.sizes, self.seed = pictures, sizes, seed

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            shares = np.array([share for *_, share in self.sizes])  # the sizes may change while training goes on
            crop, batch, _ = self.sizes[rng.choice(len(self.sizes), p=shares / shares.sum())]
            yield torch.from_numpy(np.stack([self.one(rng, crop) for _ in range(batch)]))

    def one(self, rng, crop):
        style = self.pictures[rng.integers(len(self.pictures))]
        picture = style[rng.integers(len(style))]
        y, x = (rng.integers(0, edge - crop + 1) for edge in picture.shape[:2])
        picture = picture[y : y + crop, x : x + crop]
        picture = picture[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        return np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def main():
    parser = argparse.ArgumentParser(description="Draw the procedural data set.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=400, help="pictures of each style")
    args = parser.parse_args()
    print(ensure(args.seed, args.count))


if __name__ == "__main__":
    main()
