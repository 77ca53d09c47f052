"""New anchors: from pictures by the model's encoder, from random draws, and from typical pictures of a data set."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError, MissingFileError, RenderError
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.media.resample import fit_picture
from n2s.runtime.models.anchors import spread
from n2s.runtime.models.clusters import medoids
from n2s.runtime.models.folder import SessionEncoder

SPREAD = (0.8, 1.25)  # root mean square of an anchor's latents
FAINT = 0.05  # below, there is nothing to bring into the spread
MAGNIFIED = 8  # a picture may be this many times smaller than its anchor's frame


def balance_spread(latents: np.ndarray, what: str) -> np.ndarray:
    """Return latents, float32, scaled so that their spread lies in 0.8..1.25: z · clip(s, 0.8, 1.25) / s.

    Raises
    ------
    RenderError
        When they are not finite, or all but nothing.
    """
    size = spread(latents)
    if not np.isfinite(size):
        raise RenderError(f"{what} gives latents that are not finite numbers. Take another picture.")
    if size < FAINT:
        raise RenderError(f"{what} gives latents that are almost zero (spread {size:.3f}). Take another picture.")
    return np.ascontiguousarray(latents * (np.clip(size, *SPREAD) / size), np.float32)


def from_picture(
    path: Path,
    encoder: SessionEncoder,
    size: tuple[int, int],
    fit: str,
    say: Callable[[str], None],
    smaller: str = "a smaller --size",
) -> np.ndarray:
    """Return the latents of a picture in a file, float32 (C, h, w); transparency is ignored.

    ``smaller`` is the other way out for one that is too small.

    Raises
    ------
    MediaError
        When it is no picture, or too small a one.
    """
    picture = read_picture(path)
    height, width = picture.shape[1:]
    ratios = (size[0] / height, size[1] / width)
    times = max(ratios) if fit == "cover" else min(ratios)
    if min(height, width) < encoder.scale or times > MAGNIFIED:
        least = max(encoder.scale, -(-size[0] // MAGNIFIED)), max(encoder.scale, -(-size[1] // MAGNIFIED))
        raise MediaError(
            f"{path} is {height}x{width} pixels (height x width); at least {least[0]}x{least[1]} are needed. "
            f"Take a larger picture, or {smaller}."
        )
    if times > 2:
        say(f"{path.name} is {height}x{width} and is enlarged {times:.1f} times: its anchor will be soft.")
    return balance_spread(encoder.encode(fit_picture(picture, size, fit)), str(path))


def random_latents(seed: int, number: int, channels: int, grid: tuple[int, int]) -> np.ndarray:
    """Return a smooth Gaussian field of about unit variance, float32 (C, h, w), the same for the same seed and number.

    z = sqrt(0.3) d0 + sqrt(0.32) (d1 f1 + d2 f2) + sqrt(0.06) e: the fields f are N(0, 1) at every place, blurred over
    2 x 4 cells; d are directions over the channels, of mean square 1, so that a draw keeps to a few colours; e is
    another field for each channel, blurred over one cell.
    """
    rng = np.random.default_rng([seed, number])
    directions = rng.standard_normal((3, channels))
    directions /= np.sqrt(np.mean(directions**2, axis=1, keepdims=True))
    fields = _blurred(rng, 2, grid, (2.0, 4.0))
    detail = _blurred(rng, channels, grid, (1.0, 1.0))
    ground = directions[0][:, None, None]
    waves = np.sum(directions[1:, :, None, None] * fields[:, None], axis=0)
    return balance_spread(np.sqrt(0.3) * ground + np.sqrt(0.32) * waves + np.sqrt(0.06) * detail, "a random draw")


def _blurred(rng: np.random.Generator, count: int, grid: tuple[int, int], widths: tuple[float, float]) -> np.ndarray:
    """Return fields (count, h, w) of white noise blurred by Gaussians; each value is drawn from N(0, 1)."""
    reaches = [int(np.ceil(3 * width)) for width in widths]
    noise = rng.standard_normal((count, *(cells + 2 * reach for cells, reach in zip(grid, reaches))))
    for axis, (cells, reach, width) in enumerate(zip(grid, reaches, widths), 1):
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
        kernel /= np.sqrt(np.sum(kernel**2))
        noise = np.asarray(sum(factor * np.take(noise, range(i, i + cells), axis) for i, factor in enumerate(kernel)))
    return noise


def accepted_pictures(folder: Path, most: int) -> dict[str, list[Path]]:
    """Return the pictures of each style of a data set, from its manifest.csv; what was rejected is left out.

    Of a style with more than ``most`` pictures, so many are taken, evenly spaced in the order of their names.

    Raises
    ------
    MediaError
        When there is no data set, or its manifest is damaged.
    """
    path = folder / "manifest.csv"
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        rows = list(table)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{folder} is no data set: it has no manifest.csv. See training/README.md.") from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise MediaError(f"{path} cannot be read: {error}. Restore it, or make the data set again.") from None
    if missing := [name for name in ("file", "style") if name not in (table.fieldnames or [])]:
        raise MediaError(f"{path} lacks the column {' and '.join(missing)}; it is no manifest of a data set.")
    styles: dict[str, set[str]] = {}
    for number, row in enumerate(rows, 2):
        file, style = row["file"] or "", row["style"] or ""
        if not file or not style or Path(file).is_absolute() or ".." in Path(file).parts:
            raise MediaError(
                f"{path}, row {number}: it must name a file below the folder, and a style. Correct the row."
            )
        if (row.get("accepted") or "") != "no":
            styles.setdefault(style, set()).add(file)
    if not styles:
        raise MediaError(f"{folder} has no accepted pictures.")
    return {style: [folder / name for name in _pick_evenly(sorted(styles[style]), most)] for style in sorted(styles)}


def _pick_evenly(names: list[str], most: int) -> list[str]:
    count = min(len(names), most)
    return [names[i * len(names) // count] for i in range(count)]


def describe_latents(latents: np.ndarray) -> np.ndarray:
    """Return what clusters compare, float64 (D,): per channel, its means on at most 2 x 4 fields, and its deviation."""
    rows, columns = min(2, latents.shape[1]), min(4, latents.shape[2])
    fields = [
        part.mean(axis=(1, 2), dtype=np.float64)
        for band in np.array_split(latents, rows, axis=1)
        for part in np.array_split(band, columns, axis=2)
    ]
    return np.concatenate([*fields, latents.std(axis=(1, 2), dtype=np.float64)])


def from_data(styles: Mapping[str, Sequence[Path]], count: int, seed: int, read: Callable[[Path], np.ndarray],
              say: Callable[[str], None]) -> Iterator[tuple[str, int, Path, np.ndarray]]:  # fmt: skip
    """Yield style, number from 1, path and latents of the typical pictures of each style."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for place, (style, paths) in enumerate(styles.items()):
            latents = []
            for made in pool.map(read, paths):
                latents.append(made)
                if len(latents) % 25 == 0 or len(latents) == len(paths):
                    say(f"{style}: {len(latents)} of {len(paths)} pictures")
            points = np.stack([describe_latents(each) for each in latents])
            chosen = medoids(points, count, np.random.default_rng([seed, place]))
            if len(chosen) < count:
                say(f"{style}: its pictures give only {len(chosen)} different anchors.")
            for number, row in enumerate(chosen, 1):
                yield style, number, paths[row], latents[row]
    finally:
        pool.shutdown(cancel_futures=True)
