"""The anchors of a model folder: made from pictures, data sets and random draws, kept in anchors.npz, shown on a sheet.

A model is usable at every moment of a change. The card first names the archive that is to come beside the one that is
there (``next``), then the archive is renamed into place, then the card describes it alone; ``ModelFolder.checked``
accepts either. What is killed in between therefore leaves a whole model, and the next change tidies its card.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import ArgumentError, MediaError, N2SError, RenderError
from n2s.graph.registry import suggest
from n2s.runtime.contact import WIDEST, as_shown, columns_for, sheet
from n2s.runtime.models import ModelFolder, SessionEncoder
from n2s.runtime.pictures import read_picture, write_picture
from n2s.runtime.resample import Taps
from n2s.runtime.store import Store, check_folder, publish

ARCHIVE, CARD, THUMBNAILS = "anchors.npz", "meta.json", "anchors.png"
SPREAD = (0.8, 1.25)  # root mean square of an anchor's latents
FAINT = 0.05  # below, there is nothing to bring into the spread
MAGNIFIED = 8  # a picture may be this many times smaller than its anchor's frame
TILE = 340  # widest thumbnail, pixels
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
WORDS = {"null", "true", "false", "yes", "no", "on", "off"}  # YAML may read them as something else


@dataclass(frozen=True)
class Anchor:
    """Latents float32 (C, h, w), and in a few words where they come from."""

    latents: np.ndarray
    source: str

    @property
    def grid(self) -> tuple[int, int]:
        return self.latents.shape[1:]

    @property
    def spread(self) -> float:
        return spread(self.latents)


# Making anchors


def spread(latents: np.ndarray) -> float:
    """Return sqrt(mean(z²)): about 1, the latents of a model having unit variance."""
    return float(np.sqrt(np.mean(np.square(latents, dtype=np.float64))))


def balanced(latents: np.ndarray, what: str) -> np.ndarray:
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
        raise RenderError(f"{what} gives latents of spread {size:.3f}, all but nothing. Take another picture.")
    return np.ascontiguousarray(latents * (np.clip(size, *SPREAD) / size), np.float32)


def fitted(picture: np.ndarray, size: tuple[int, int], fit: str = "cover") -> np.ndarray:
    """Return a picture (3, H, W), 0..1, at a size (height, width), resampled in light like decoded frames.

    ``cover`` fills the size and crops about the centre; ``mirror`` shows the whole picture and mirrors its edges.
    """
    shape = picture.shape[1:]
    ratios = [have / wanted for have, wanted in zip(shape, size)]
    scale = min(ratios) if fit == "cover" else max(ratios)
    inner = [min(wanted, max(1, round(have / scale))) for have, wanted in zip(shape, size)]
    light = np.square(picture)
    for axis in (1, 2):
        light = _resampled(light, axis, Taps.make(shape[axis - 1], inner[axis - 1], scale))
    margins = [((wanted - have) // 2, wanted - have - (wanted - have) // 2) for have, wanted in zip(inner, size)]
    return np.pad(np.sqrt(np.clip(light, 0, 1)), [(0, 0), *margins], mode="symmetric")


def _resampled(picture: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    source = np.moveaxis(picture, axis, 0)
    reach = taps.weights.shape[1]
    lines = [np.einsum("t,tab->ab", row, source[first : first + reach]) for first, row in zip(taps.first, taps.weights)]
    return np.moveaxis(np.stack(lines), 0, axis)


def from_picture(
    path: Path, encoder: SessionEncoder, size: tuple[int, int], fit: str, say: Callable[[str], None]
) -> np.ndarray:
    """Return the latents of a picture in a file, float32 (C, h, w); transparency is ignored.

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
        raise MediaError(f"{path} is {height}x{width} pixels (height x width); at least {least[0]}x{least[1]} were "
                         "wanted. Take a larger picture, or a smaller --size.")
    if times > 2:
        say(f"{path.name} is {height}x{width} and is magnified {times:.1f} times: its anchor will be soft.")
    return balanced(encoder.encode(fitted(picture, size, fit)), str(path))


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
    return balanced(np.sqrt(0.3) * ground + np.sqrt(0.32) * waves + np.sqrt(0.06) * detail, "a random draw")


def _blurred(rng: np.random.Generator, count: int, grid: tuple[int, int], widths: tuple[float, float]) -> np.ndarray:
    """Return fields (count, h, w) of white noise blurred by Gaussians; each value is drawn from N(0, 1)."""
    reaches = [int(np.ceil(3 * width)) for width in widths]
    noise = rng.standard_normal((count, *(cells + 2 * reach for cells, reach in zip(grid, reaches))))
    for axis, (cells, reach, width) in enumerate(zip(grid, reaches, widths), 1):
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
        kernel /= np.sqrt(np.sum(kernel**2))
        noise = sum(factor * np.take(noise, range(i, i + cells), axis) for i, factor in enumerate(kernel))
    return noise


# Anchors of a data set


def accepted(folder: Path, most: int) -> dict[str, list[Path]]:
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
    except FileNotFoundError:
        raise MediaError(f"{folder} is no data set: it has no manifest.csv. See training/README.md.") from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise MediaError(f"{path} cannot be read: {error}. Restore it, or make the data set again.") from None
    if missing := [name for name in ("file", "style") if name not in (table.fieldnames or [])]:
        raise MediaError(f"{path} lacks the column {' and '.join(missing)}; it is no manifest of a data set.")
    styles: dict[str, set[str]] = {}
    for number, row in enumerate(rows, 2):
        file, style = row["file"] or "", row["style"] or ""
        if not file or not style or Path(file).is_absolute() or ".." in Path(file).parts:
            raise MediaError(f"{path}, row {number}: a file below the folder and its style were wanted. Mend the row.")
        if (row.get("accepted") or "") != "no":
            styles.setdefault(style, set()).add(file)
    if not styles:
        raise MediaError(f"{folder} has no accepted pictures.")
    return {style: [folder / name for name in _spaced(sorted(styles[style]), most)] for style in sorted(styles)}


def _spaced(names: list[str], most: int) -> list[str]:
    count = min(len(names), most)
    return [names[i * len(names) // count] for i in range(count)]


def described(latents: np.ndarray) -> np.ndarray:
    """Return what clusters compare, float64 (D,): each channel's means on at most 2 x 4 fields, and its deviation."""
    rows, columns = min(2, latents.shape[1]), min(4, latents.shape[2])
    fields = [part.mean(axis=(1, 2), dtype=np.float64)
              for band in np.array_split(latents, rows, axis=1) for part in np.array_split(band, columns, axis=2)]
    return np.concatenate([*fields, latents.std(axis=(1, 2), dtype=np.float64)])


def medoids(points: np.ndarray, count: int, rng: np.random.Generator, rounds: int = 50) -> list[int]:
    """Return the rows of points (N, D) that stand for clusters, the largest cluster first; at most ``count``.

    k-means from k-means++ beginnings; of each cluster the row nearest to its mean. Equal points make no two clusters.
    """
    centres = points[[rng.integers(len(points))]]
    while len(centres) < count:
        near = _squares(points, centres).min(axis=1)
        if near.max() <= 1e-12:
            break
        centres = np.concatenate([centres, points[[rng.choice(len(points), p=near / near.sum())]]])
    for _ in range(rounds):
        labels = _squares(points, centres).argmin(axis=1)
        before = centres.copy()
        for k in np.unique(labels):
            centres[k] = points[labels == k].mean(axis=0)
        if np.array_equal(before, centres):
            break
    distances = _squares(points, centres)
    labels = distances.argmin(axis=1)
    found = []
    for k in range(len(centres)):
        members = np.flatnonzero(labels == k)
        if len(members):
            found.append((-len(members), int(members[distances[members, k].argmin()])))
    return [row for _, row in sorted(found)]


def _squares(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return squared distances (N, K)."""
    return np.sum((points[:, None] - centres[None]) ** 2, axis=2)


def from_data(styles: Mapping[str, Sequence[Path]], count: int, seed: int, read: Callable[[Path], np.ndarray],
              say: Callable[[str], None]) -> Iterator[tuple[str, int, Path, np.ndarray]]:  # fmt: skip
    """Yield style, number from 1, picture and latents of the pictures that stand for each style's clusters."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        for place, (style, paths) in enumerate(styles.items()):
            latents = []
            for made in pool.map(read, paths):
                latents.append(made)
                if len(latents) % 25 == 0 or len(latents) == len(paths):
                    say(f"{style}: {len(latents)} of {len(paths)} pictures")
            points = np.stack([described(each) for each in latents])
            chosen = medoids(points, count, np.random.default_rng([seed, place]))
            if len(chosen) < count:
                say(f"{style}: its pictures make no more than {len(chosen)} anchors.")
            for number, row in enumerate(chosen, 1):
                yield style, number, paths[row], latents[row]
    finally:
        pool.shutdown(cancel_futures=True)


# The folder


def check_name(name: str) -> None:
    """Refuse what is no name of an anchor.

    Raises
    ------
    ArgumentError
    """
    if not NAME.fullmatch(name) or name.lower() in WORDS:
        raise ArgumentError(f'"{name}" is no name for an anchor: up to 32 letters, digits, "-" and "_", a letter '
                            "first, and no word that YAML reads as something else.")


def check_new(model: ModelFolder, names: Sequence[str], force: bool) -> None:
    """Refuse names that are none, or that the model has already."""
    for name in names:
        check_name(name)
    taken = [name for name in names if name in members(model)]
    if taken and not force:
        raise ArgumentError(f"The model has {', '.join(taken)} already; --force replaces, or choose another name.")


def check_known(model: ModelFolder, names: Sequence[str]) -> None:
    """Refuse names that the model has not, and taking away all it has."""
    known = list(members(model))
    for name in names:
        if name not in known:
            raise ArgumentError(f'The model has no anchor "{name}". {suggest(name, sorted(known))}')
    if set(names) >= set(known):
        raise ArgumentError("A model keeps at least one anchor; add another first.")


def members(model: ModelFolder) -> dict[str, bytes]:
    """Return the anchors as they lie in the archive: name to the bytes of its .npy file.

    Raises
    ------
    RenderError
        When the archive is not the one its card describes, or cannot be read.
    """
    if ARCHIVE not in model.card["files"]:
        return {}
    path, _ = model.checked(ARCHIVE)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    except Exception as error:  # zipfile has many ways to fail on a damaged archive
        raise RenderError(f"{path} cannot be read: {error}. Make the anchors again.") from None


def anchors(model: ModelFolder) -> dict[str, Anchor]:
    """Return the anchors of a model, in the order of its archive."""
    sources = model.card.get("anchor_sources", {})
    return {name: Anchor(model.anchor(name), sources.get(name, "the model's own")) for name in members(model)}


def change(
    folder: Path, store: Store, add: Mapping[str, Anchor], remove: Sequence[str] = (), force: bool = False
) -> None:
    """Add and remove anchors of a model folder; the bytes of all others stay as they are.

    Raises
    ------
    ArgumentError
        When a name is taken or unknown.
    RenderError
        When the folder cannot be written.
    """
    check_writable(folder)
    with _alone(folder):
        model = ModelFolder(folder, store)
        check_new(model, list(add), force)
        if remove:
            check_known(model, remove)
        kept = members(model)
        sources = dict(model.card.get("anchor_sources", {}))
        before = list(kept)
        for name in remove:
            kept.pop(name, None)
            sources.pop(name, None)
        for name, anchor in add.items():
            kept[name] = _npy(anchor.latents)
            sources[name] = anchor.source
        _write(folder, model.card, _npz(kept), before, list(kept), sources)


def _write(
    folder: Path, card: dict[str, Any], data: bytes, before: list[str], after: list[str], sources: dict[str, str]
) -> None:
    """Publish archive and card, so that after each rename the card accepts the archive that is there."""
    about = described_file(data)
    if ARCHIVE in card["files"]:
        either = described_file((folder / ARCHIVE).read_bytes()) | {"next": about["sha256"]}
        _write_card(folder, card | {
            "files": card["files"] | {ARCHIVE: either},
            "anchors": [name for name in before if name in after],
            "anchor_sources": sources | card.get("anchor_sources", {}),
        })  # fmt: skip
    publish(folder / ARCHIVE, lambda path: path.write_bytes(data))
    files = card["files"] | {ARCHIVE: about}
    _write_card(folder, card | {"files": files, "anchors": after, "anchor_sources": sources})


def described_file(data: bytes) -> dict[str, Any]:
    """Return what a card says of a file."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _write_card(folder: Path, card: dict[str, Any]) -> None:
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    publish(folder / CARD, lambda path: path.write_bytes(text.encode()))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array, np.float32), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _npz(kept: Mapping[str, bytes]) -> bytes:
    """Return an archive that numpy reads; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in kept.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data)  # dated 1980
    return buffer.getvalue()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change a folder, where the system has such locks; they end with the process."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network folders have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_writable(folder: Path) -> None:
    """Refuse a model folder that is there and cannot be changed, before the work."""
    try:
        if folder.is_dir():
            check_folder(folder)
    except RenderError as error:
        reason = getattr(error.__cause__, "strerror", None) or error
        raise RenderError(f"The model in {folder} cannot be changed: {reason}. Add --copy-to FOLDER to change a copy "
                          "of it.") from None


def copy_model(model: ModelFolder, target: Path) -> None:
    """Copy the files that a model's card lists, each checked, and the card last: without it there is no model."""
    if (target / CARD).exists():
        raise ArgumentError(f"{target} holds a model already; change that one with --model {target}.")
    for name in model.card["files"]:
        path, _ = model.checked(name)
        publish(target / name, lambda temporary, path=path: shutil.copyfile(path, temporary))
    _write_card(target, model.card)


# Thumbnails


def draw(model: ModelFolder, path: Path) -> None:
    """Write a contact sheet of what every anchor decodes to, its name below."""
    latents = {name: model.anchor(name) for name in members(model)}
    if not latents:
        raise RenderError(f"The model in {model.folder} has no anchors to show.")
    decoder = model.decoder("auto", "cpu", 1)
    (rows, columns), _ = Counter(each.shape[1:] for each in latents.values()).most_common(1)[0]
    wide = min(columns * model.scale, TILE, WIDEST // columns_for(len(latents), columns, rows) - 8)
    size = (max(1, round(wide * rows / columns)), wide)
    tiles = [as_shown(fitted(np.clip(decoder.decode(each[None])[0], 0, 1), size)) for each in latents.values()]
    write_picture(path, sheet(tiles, list(latents)))


def redraw(folder: Path, store: Store, say: Callable[[str], None]) -> Path | None:
    """Bring a folder's thumbnails up to date; that they cannot be drawn is said, and fails nothing."""
    try:
        draw(ModelFolder(folder, store, say), folder / THUMBNAILS)
    except N2SError as error:
        say(f"The thumbnails were not drawn: {error}")
        return None
    return folder / THUMBNAILS
