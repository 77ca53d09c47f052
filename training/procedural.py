"""Abstract art from numbers: the pictures the decoder learns from, and so the source of what the films look like.

    python -m training.procedural --out FOLDER --count 1000 --seed 1       a data set, `count` pictures of each style
    python -m training.procedural --sheet sheet.png                        a contact sheet, to look at

    picture = render("organic", seed=7, index=3, size=(512, 512))          float32 (h, w, 3), 0..1, display-referred

A picture is a function of (style, seed, index), so the same command makes the same bytes, with however many processes.
On another class of CPU numpy's sines and powers may end in another bit: there some pictures differ by a code value in a
few pixels. Sidecar and picture are written first and the row last (`manifest.py`): interrupted at any moment, the same
command goes on with what is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import hashlib
import io
import json
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from . import manifest, palettes
from .arguments import at_least
from .errors import KEPT, TrainingError, run_command
from .files import lock_folder
from .progress import Progress, cores
from .styles import STYLES, draw

SOURCE = "procedural"
LICENCE = "CC0-1.0"
COMPRESSION = 2  # zlib level of the PNGs: a tenth larger than the best, several times faster
SAVE_SECONDS = 3.0  # between two writings of the manifest
STALE_SECONDS = 60.0  # a temporary file older than this belongs to no running program
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG)


def render(
    style: str,
    seed: int,
    index: int,
    size: tuple[int, int] = (512, 512),
    palette: str | None = None,
    composition: str | None = None,
) -> np.ndarray:
    """One picture, float32 (h, w, 3) in 0..1; see `styles.draw`."""
    return draw(style, seed, index, size, palette, composition)[0]


def sheet(pictures, columns: int, gap: int = 6) -> np.ndarray:
    """A contact sheet: pictures (h, w, 3) of one size to uint8 (H, W, 3)."""
    h, w, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    page = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 24, np.uint8)
    for k, picture in enumerate(pictures):
        y, x = gap + (k // columns) * (h + gap), gap + (k % columns) * (w + gap)
        page[y : y + h, x : x + w] = np.rint(np.clip(picture, 0, 1) * 255)
    return page


@functools.cache
def code_digest() -> str:
    """SHA-256 over the source of everything that draws; 16 hex digits."""
    here = Path(__file__).parent
    files = [here / f"{name}.py" for name in ("fields", "paint", "palettes")] + sorted((here / "styles").glob("*.py"))
    texts = [file.read_bytes().replace(b"\r\n", b"\n") for file in files]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def png(picture: np.ndarray) -> bytes:
    """A picture in 0..1 as an 8-bit RGB PNG."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(data, "PNG", compress_level=COMPRESSION)
    return data.getvalue()


def settings(seed: int, size: tuple[int, int]) -> dict:
    """What every picture of a data set shares: part of each sidecar."""
    about = {"source": SOURCE, "seed": seed, "height": size[0], "width": size[1], "licence": LICENCE}
    return about | {"code": code_digest()}


def make(folder: Path, style: str, index: int, about: dict) -> manifest.Row:
    """Draw a picture, write its sidecar, then the picture; return its row."""
    picture, chosen = draw(style, about["seed"], index, (about["height"], about["width"]))
    data = png(picture)
    about = {"style": style, "index": index, **chosen, **about, "sha256": hashlib.sha256(data).hexdigest()}
    row = _row(about)
    manifest.write_sidecar(folder, row, about)
    manifest.publish(folder / row.file, data)
    return row


def _row(about: dict) -> manifest.Row:
    """The row of a picture by its sidecar."""
    names = ("style", "index", "seed", "source", "width", "height", "licence", "sha256")
    return manifest.Row(manifest.file_name(about["style"], about["index"]), **{name: about[name] for name in names})


def existing(folder: Path, about: dict) -> dict[tuple[str, int], manifest.Row]:
    """The rows of the pictures that are whole, by style and index.

    A picture that has no row, but a sidecar of these settings that names its digest, gets its row. A rejected picture
    may lack its file.

    Raises
    ------
    TrainingError
        When the folder has pictures of another origin, seed, size or drawing code.
    """
    listed = {row.file: row for row in manifest.read(folder)} if (folder / manifest.NAME).exists() else {}
    found = sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/*.png") if not p.name.startswith("."))
    rows = {}
    for file in [*listed, *(name for name in found if name not in listed)]:
        made, row = _sidecar(folder, file), listed.get(file)
        if row:
            made |= {"source": row.source, "seed": row.seed, "width": row.width, "height": row.height}
        if made.get("source") != SOURCE:
            raise TrainingError(
                f"{folder} has pictures that were not drawn here ({file}), and file names would clash. "
                "Take another folder for --out; training takes several with --data."
            )
        _same_settings(folder, made, about)
        if not row:
            with contextlib.suppress(KeyError, TypeError):
                row = _row(made)
        if row and row.file == file and (_is_whole(folder, row, made) or row.accepted == "no" and file not in found):
            rows[row.style, row.index] = row
    return rows


def _sidecar(folder: Path, file: str) -> dict:
    """What the sidecar of a picture says; {} where there is none or it is damaged."""
    try:
        about = json.loads((folder / file).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _same_settings(folder: Path, made: dict, about: dict) -> None:
    """Refuse to mix pictures; what a lost sidecar would have said is not asked."""
    for key in ("seed", "width", "height", "code"):
        if key in made and made[key] != about[key]:
            what = "other drawing code" if key == "code" else f"{key} {made[key]}, now {about[key]} is asked for"
            remedy = "Take" if key == "code" else "Give the same settings to go on, or take"
            raise TrainingError(f"{folder} was made with {what}. {remedy} another folder for --out, or remove it.")


def _is_whole(folder: Path, row: manifest.Row, made: dict) -> bool:
    """Whether a picture is on disk as it was written, with its sidecar."""
    try:
        digest = hashlib.sha256((folder / row.file).read_bytes()).hexdigest()
    except OSError:
        return False
    return digest == row.sha256 == made.get("sha256")


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half-written."""
    for part in [*folder.glob(".*.part"), *folder.glob("*/.*.part")]:
        if re.fullmatch(r"\..+\.(png|json|csv)\.\d+\.part", part.name):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE_SECONDS:
                    part.unlink()


def _start_worker() -> None:
    """In a worker: leave Ctrl-C to the parent, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Processes started here keep to one thread each, and never hear Ctrl-C, not even while they load."""
    before = {name: os.environ.get(name) for name in THREADS}
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        if main:
            signal.signal(signal.SIGINT, handler)


def _made(folder: Path, jobs: list[tuple[str, int]], about: dict, workers: int) -> Iterator[manifest.Row]:
    """Make pictures, in this process or in several; rows in the order in which they are done."""
    if workers == 1 or len(jobs) <= 1:
        for style, index in jobs:
            yield make(folder, style, index, about)
        return
    pool = ProcessPoolExecutor(min(workers, len(jobs)), multiprocessing.get_context("spawn"), _start_worker)
    try:
        with _quiet_start():
            futures = [pool.submit(make, folder, style, index, about) for style, index in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise TrainingError(
            "a drawing process was ended from outside, perhaps for want of memory. What is finished is "
            "kept; run the same command again, with fewer --workers."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def generate(
    folder: Path,
    styles: list[str],
    count: int,
    seed: int,
    size: tuple[int, int] = (512, 512),
    workers: int = 1,
    say: Callable[[str], None] = print,
) -> int:
    """Make what is missing of `count` pictures of each style; return how many were made."""
    about = settings(seed, size)
    _sweep(folder)
    rows = existing(folder, about)
    wanted = [(style, index) for index in range(count) for style in styles]
    jobs = [key for key in wanted if key not in rows]
    if len(jobs) < len(wanted):
        say(f"{len(wanted) - len(jobs)} of {len(wanted)} pictures are there already")
    saved = time.monotonic()
    try:
        made = _made(folder, jobs, about, workers)
        with Progress("drawing", len(jobs)) as progress, contextlib.closing(made):
            for row in made:
                rows[row.style, row.index] = row
                progress.step()
                if time.monotonic() - saved > SAVE_SECONDS:
                    manifest.write(folder, rows.values())
                    saved = time.monotonic()
    except BaseException:  # whatever ended it: what the workers have finished gets its rows
        manifest.write(folder, existing(folder, about).values())
        raise
    manifest.write(folder, rows.values())
    for first, second in alike(rows.values()):
        say(f"warning: {second} is the same picture as {first}")
    return len(jobs)


def alike(rows) -> list[tuple[str, str]]:
    """Pairs of files with the same bytes."""
    seen, pairs = {}, []
    for row in rows:
        first = seen.setdefault(row.sha256, row.file)
        if first != row.file:
            pairs.append((first, row.file))
    return pairs


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.procedural", description="Draw a data set of abstract pictures, or a contact sheet."
    )
    option = parser.add_argument
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="FOLDER", help="the data set; goes on where it stopped")
    where.add_argument("--sheet", type=Path, metavar="PATH", help="write a contact sheet instead")
    option("--count", type=at_least(1), help="pictures of each style (default: 1000; on a sheet 6)")
    option("--seed", type=at_least(0), default=1, help="default: %(default)s")
    option("--styles", nargs="+", choices=STYLES, default=list(STYLES), help="default: all")
    option("--size", type=at_least(32), nargs="+", metavar="PIXELS",
           help="edge, or height and width (default: 512; on a sheet 256)")  # fmt: skip
    option("--workers", type=at_least(1), default=cores(), help="processes (default: %(default)s)")
    option("--composition", help="on a sheet: this one alone")
    option("--palette", choices=palettes.OKLCH, metavar="NAME", help="on a sheet: this one alone")
    args = parser.parse_args(arguments)
    edges = args.size or [512 if args.out else 256]
    if len(edges) > 2:
        parser.error("--size takes an edge, or a height and a width")
    size = (edges[0], edges[-1])
    try:
        if args.sheet:
            _write_sheet(args, size, args.count or 6)
        else:
            _write_set(args, size, args.count or 1000)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise TrainingError(
            f"{error.filename or args.out or args.sheet} cannot be written ({error.strerror}); "
            f"take another place for --{'sheet' if args.sheet else 'out'}."
        ) from None


def _write_set(args: argparse.Namespace, size: tuple[int, int], count: int) -> None:
    if args.composition or args.palette:
        raise TrainingError("--composition and --palette are for a --sheet; a data set has all of them.")
    if args.out.exists() and not args.out.is_dir():
        raise TrainingError(f"{args.out} is a file; --out takes a folder.")
    styles = list(dict.fromkeys(args.styles))
    say = functools.partial(print, file=sys.stderr)
    with lock_folder(args.out):
        made = generate(args.out, styles, count, args.seed, size, args.workers, say)
    print(f"{made} pictures made in {args.out}. Next: python -m training.filter {args.out}")


def _write_sheet(args: argparse.Namespace, size: tuple[int, int], count: int) -> None:
    from PIL import Image

    styles = args.styles
    if args.composition:
        styles = [style for style in styles if args.composition in {piece.__name__ for piece in STYLES[style]}]
        if not styles:
            names = ", ".join(piece.__name__ for style in args.styles for piece in STYLES[style])
            raise TrainingError(f"there is no composition {args.composition}; there are {names}.")
    pictures = [render(s, args.seed, i, size, args.palette, args.composition) for s in styles for i in range(count)]
    data = io.BytesIO()
    Image.fromarray(sheet(pictures, count)).save(data, "PNG")
    manifest.publish(args.sheet, data.getvalue())
    print(args.sheet)


if __name__ == "__main__":
    run_command(main, KEPT)
