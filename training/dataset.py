"""Pictures of a data set in memory: decoded once, then read as random crops.

The first use of a data set writes `<folder>/.pixels-<digest>.npy`, uint8 (n, H, W, 3), which is mapped from then on.
The digest covers the manifest's accepted pictures and their order, so an edited data set is decoded anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import manifest
from .errors import TrainingError
from .models import SCALE
from .pictures import read_pixels

HELD_OUT = 20  # of each style every twentieth picture is never trained on, at least one


@dataclass
class Pictures:
    """The accepted pictures of one or more data sets, all of one size.

    Attributes
    ----------
    pixels : list of ndarray
        A mapped uint8 array (n, H, W, 3) for each data set, cut to whole cells.
    places : list of (int, int)
        Data set and row of each picture.
    styles : list of str
    held_out : list of bool
        Whether a picture is held out: never trained on, only measured.
    digest : str
    licences, sources : list of str
        Each licence, and each source, that occurs, sorted.
    """

    pixels: list[np.ndarray]
    places: list[tuple[int, int]]
    styles: list[str]
    held_out: list[bool]
    digest: str
    licences: list[str]
    sources: list[str]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, k: int) -> np.ndarray:
        part, row = self.places[k]
        return self.pixels[part][row]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels[0].shape[1:3]

    @property
    def record(self) -> dict[str, Any]:
        """What the record of a training says of its pictures."""
        return {
            "data": self.digest, "pictures": len(self), "licences": self.licences, "sources": self.sources,
        }  # fmt: skip

    def some(self, held_out: bool, most: int | None = None) -> list[int]:
        """Return numbers of pictures in or out of the training; at most so many, spread evenly over the styles."""
        by_style: dict[str, list[int]] = {}
        for k, style in enumerate(self.styles):
            if self.held_out[k] == held_out:
                by_style.setdefault(style, []).append(k)
        groups = list(by_style.values())
        if most is not None:
            groups = [group[: max(1, most // len(groups))] for group in groups]
        return [k for group in groups for k in group]

    def frame(self, k: int) -> torch.Tensor:
        """Return a picture as float32 (3, H, W) in 0..1."""
        return torch.from_numpy(self[k].transpose(2, 0, 1).astype(np.float32) / np.float32(255))


def load(folders: Sequence[Path], multiple: int = SCALE) -> Pictures:
    """Open data sets for training.

    Parameters
    ----------
    multiple : int
        Pixels of a cell of the model, in the decoder's size. Nets take whole cells, so the borders of pictures whose
        sides are no multiple of it are cut off.

    Raises
    ------
    TrainingError
        When one is empty, incomplete, or of another size than the others, its pictures are smaller than two cells, or
        no picture is left to measure with.
    """
    pixels, places, styles, held_out, digests, licences, sources = [], [], [], [], [], set(), set()
    size = None
    for part, folder in enumerate(map(Path, folders)):
        rows = manifest.usable_rows(folder)
        inside = _whole_cells(folder, rows[0], multiple)
        array = _decoded(folder, rows)
        size = size or array.shape[1:3]
        if array.shape[1:3] != size:
            raise TrainingError(
                f"{folder} has pictures of {array.shape[2]}x{array.shape[1]}, the data set before it of "
                f"{size[1]}x{size[0]}; pictures of one size are wanted."
            )
        pixels.append(array[inside])
        places += [(part, k) for k in range(len(rows))]
        styles += [row.style for row in rows]
        held_out += [row.index % HELD_OUT == HELD_OUT - 1 for row in rows]
        digests.append(manifest.digest(rows))
        licences.update(row.licence for row in rows)
        sources.update(row.source for row in rows)
    for style in set(styles):  # a small data set, too, needs pictures to measure
        of_style = [k for k, name in enumerate(styles) if name == style]
        if len(of_style) > 1 and not any(held_out[k] for k in of_style):
            held_out[of_style[-1]] = True
    if not any(held_out):
        raise TrainingError(
            f"{', '.join(map(str, folders))}: there is one picture of each style, and none is left to measure what was "
            "learned. Two of a style at least are needed: more files, or --count 2 of the generator."
        )
    return Pictures(pixels, places, styles, held_out, "+".join(digests), sorted(licences), sorted(sources))


def _whole_cells(folder: Path, row: manifest.Row, multiple: int) -> tuple[slice, slice, slice]:
    """Return the middle of each picture, as rows and columns of whole cells: two at least, as one has no neighbour."""
    if min(row.height, row.width) < 2 * multiple:
        raise TrainingError(
            f"{folder} has pictures of {row.width}x{row.height}, too small for cells of {multiple}x{multiple} pixels; "
            f"at least {2 * multiple}x{2 * multiple} is wanted (--size {2 * multiple} of the generator)."
        )
    first = [side % multiple // 2 for side in (row.height, row.width)]
    down, across = (slice(k, k + side // multiple * multiple) for k, side in zip(first, (row.height, row.width)))
    return slice(None), down, across


def _decoded(folder: Path, rows: list[manifest.Row]) -> np.ndarray:
    height, width = rows[0].height, rows[0].width
    shape = (len(rows), height, width, 3)
    path = folder / f".pixels-{_digest_in_order(rows)}.npy"
    try:
        array = np.load(path, mmap_mode="r")
        if array.shape == shape and array.dtype == np.uint8:
            return array
    except (OSError, ValueError):
        pass
    for stale in folder.glob(".pixels-*"):
        stale.unlink(missing_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)

        def decode(k: int) -> None:
            array[k] = read_png(folder / rows[k].file, (height, width))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(decode, range(len(rows))))
        array.flush()
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return np.load(path, mmap_mode="r")


def _digest_in_order(rows: list[manifest.Row]) -> str:
    """Return the name of decoded pictures: other than `manifest.digest`, it tells in which order they lie.

    Files of earlier versions, named by that digest, may lie in any order, so none of them may bear this name.
    """
    lines = (f"{row.file} {row.sha256}\n" for row in rows)
    return hashlib.sha256("".join(["in this order\n", *lines]).encode()).hexdigest()[:16]


def read_png(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return a picture as uint8 (H, W, 3).

    Raises
    ------
    TrainingError
        When it cannot be read, or has another size than its row says.
    """
    try:
        pixels = read_pixels(path.read_bytes())
    except FileNotFoundError:
        raise TrainingError(
            f"{path} is missing; put it back, or let the generator make what is missing: the same command again."
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read ({error}); run python -m training.filter, which rejects it, or remove it and list "
            "or make the pictures again."
        ) from None
    if size and pixels.shape[:2] != size:
        raise TrainingError(
            f"{path} is {pixels.shape[1]}x{pixels.shape[0]}, its row in {manifest.NAME} says {size[1]}x{size[0]}."
        )
    return pixels


class Crops(torch.utils.data.IterableDataset):
    """Endless batches of random crops: float32 (batch, 3, crop, crop) in 0..1, mirrored at random.

    Styles are equally likely, however many pictures they have. `sizes` is a list of (crop, batch, share): the share of
    the batches that have this crop, a multiple of ``cell``; it may be changed while training goes on. Large crops teach
    the net what a picture is away from its borders; small ones are what a CPU can afford. On a GPU all pictures are
    kept in its memory, 0.8 MB for one of 512x512.
    """

    def __init__(
        self,
        pictures: Pictures,
        sizes: Sequence[tuple[int, int, float]] = ((128, 16, 1.0),),
        seed: int = 0,
        device: str = "cpu",
        cell: int = SCALE,
    ):
        self.pictures, self.seed, self.device = pictures, seed, device
        self.edge = min(pictures.size) // cell * cell
        if not self.edge:
            raise TrainingError(
                f"Pictures of {pictures.size[1]}x{pictures.size[0]} are too small; at least {cell}x{cell} is needed."
            )
        for crop, *_ in sizes:
            if crop % cell:
                raise TrainingError(f"Crops of {crop}x{crop} do not hold whole cells; a multiple of {cell} is wanted.")
        self.sizes = sizes
        groups: dict[str, list[int]] = {}
        for k in pictures.some(held_out=False):
            groups.setdefault(pictures.styles[k], []).append(k)
        self.groups = list(groups.values())
        if not self.groups:
            raise TrainingError("Every picture of the data set is held out; make some more.")
        self._near = None
        if device != "cpu":
            self._near = torch.from_numpy(np.concatenate(pictures.pixels)).to(device)

    def __iter__(self) -> Iterator[torch.Tensor]:
        rng = np.random.default_rng(self.seed)
        while True:
            shares = np.array([share for *_, share in self.sizes])
            crop, batch, _ = self.sizes[rng.choice(len(self.sizes), p=shares / shares.sum())]
            yield self.cut(rng, batch, min(crop, self.edge)).permute(0, 3, 1, 2).float().div(255)

    def patches(self, count: int, edge: int) -> torch.Tensor:
        """Return random patches, float32 (count, 3, edge, edge) in 0..1."""
        return self.cut(np.random.default_rng([self.seed, 1]), count, edge).permute(0, 3, 1, 2).float().cpu().div(255)

    def cut(self, rng: np.random.Generator, count: int, crop: int) -> torch.Tensor:
        """Return random crops, uint8 (count, crop, crop, 3)."""
        groups = rng.integers(len(self.groups), size=count)
        numbers = [
            self.groups[group][place]
            for group, place in zip(groups, rng.integers([len(self.groups[group]) for group in groups]))
        ]
        lines = [rng.integers(0, edge - crop + 1, (count, 1)) + np.arange(crop) for edge in self.pictures.size]
        down, across = (np.where(rng.random((count, 1)) < 0.5, each[:, ::-1], each) for each in lines)
        if self._near is None:
            return torch.from_numpy(
                np.stack([self.pictures[k][np.ix_(y, x)] for k, y, x in zip(numbers, down, across)])
            )
        k, y, x = (
            torch.from_numpy(each).to(self.device, non_blocking=True) for each in (np.array(numbers), down, across)
        )
        return self._near[k[:, None, None], y[:, :, None], x[:, None]]
