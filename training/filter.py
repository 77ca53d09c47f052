"""Which pictures of a data set are fit to train on.

    python -m training.filter FOLDER                                   # measures that need no weights
    python -m training.filter FOLDER --clip weights.pt                 # text, faces and beauty, too, by CLIP

Every row of the manifest gets its measures and a verdict: "yes", or "no" with a reason. Rejected are pictures that
cannot be read, are blank, are nothing but pixel noise, nearly repeat an earlier one, or show text or faces; limits are
options. Deep blacks, clean gradients and pictures without colour are welcome. The verdicts come from the pictures, the
options and the order of (style, index) alone: running twice gives the same bytes.

Beside the manifest: a contact sheet of a tenth of each style and of the rejected pictures, and the data card.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import multiprocessing
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import data_card, manifest
from .arguments import count
from .errors import TrainingError, run_command
from .manifest import Row
from .pictures import read_pixels
from .progress import Progress, cores
from .scores import Clip, Measures, Scores, measure

POOL_FROM = 100  # pictures; fewer are measured sooner than processes start
CLIP_BATCH = 32
UNREADABLE = "unreadable"
ALTERED = "altered: not the file of its row, its SHA-256 differs"


@dataclass(frozen=True)
class Limits:
    """What a picture must have; see `scores.py` for the measures. None asks for nothing.

    Attributes
    ----------
    min_entropy : float
        Of the richest of luma, red, green and blue; bits, 0..8. A disc on black that fills a hundredth has 0.08.
    min_contrast : float
        Largest standard deviation of a channel; levels, 0..127.5.
    min_structure : float
        Share of the luma variance in things larger than 8 pixels; 0..1. White noise has 0.016.
    min_sharpness, min_colourfulness : float
        Off by default: soft and grey pictures are welcome.
    max_text, max_face : float
        Shares that CLIP gives to text, logos and watermarks, and to faces and people; 0..1.
    min_aesthetic : float
        In the units of the aesthetic head, or 0..1 without one; off by default.
    """

    min_entropy: float = 0.05
    min_contrast: float = 1.5
    min_structure: float = 0.04
    min_sharpness: float = 0.0
    min_colourfulness: float = 0.0
    max_text: float = 0.5
    max_face: float = 0.5
    min_aesthetic: float = -math.inf

    def reason(self, m: Measures, s: Scores | None) -> str:
        """Why a picture is rejected by itself; "" when it is not."""
        if m.richness < self.min_entropy:
            return f"blank: {m.richness:.2f} bits in its richest channel, {self.min_entropy:g} wanted"
        if m.contrast < self.min_contrast:
            return f"blank: a contrast of {m.contrast:.2f} levels, {self.min_contrast:g} wanted"
        if m.structure < self.min_structure:
            return f"noise: {m.structure:.3f} of its variance is larger than 8 pixels, {self.min_structure:g} wanted"
        if m.sharpness < self.min_sharpness:
            return f"soft: sharpness {m.sharpness:.2f}, {self.min_sharpness:g} wanted"
        if m.colourfulness < self.min_colourfulness:
            return f"dull: colourfulness {m.colourfulness:.1f}, {self.min_colourfulness:g} wanted"
        if s and s.text > self.max_text:
            return f"text: {s.text:.2f}, at most {self.max_text:g} wanted"
        if s and s.face > self.max_face:
            return f"face: {s.face:.2f}, at most {self.max_face:g} wanted"
        if s and s.aesthetic < self.min_aesthetic:
            return f"aesthetic: {s.aesthetic:.2f}, {self.min_aesthetic:g} wanted"
        return ""


# Reading and measuring ------------------------------------------------------------------------------------------------


def decode(data: bytes) -> np.ndarray | None:
    """The pixels of a picture file, uint8 (h, w, 3); None where it is damaged, no picture, or of an unknown kind."""
    try:
        return read_pixels(data)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # a damaged file raises nearly anything
        return None


def look(job: tuple[Path, str]) -> Measures | str:
    """Measure the picture of a (path, SHA-256) pair, or say why it cannot be."""
    path, sha256 = job
    data = path.read_bytes()
    pixels = decode(data)
    if pixels is None:
        return UNREADABLE
    return measure(pixels) if hashlib.sha256(data).hexdigest() == sha256 else ALTERED


def look_at_all(folder: Path, rows: list[Row], jobs: int) -> list[Measures | str]:
    """Measure the pictures of rows, in their order, on `jobs` processes."""
    tasks = [(folder / row.file, row.sha256) for row in rows]

    def gather(results: Iterator) -> list[Measures | str]:
        found = []
        with Progress("measuring", len(tasks)) as progress:
            for result in results:
                found.append(result)
                progress.step()
        return found

    if jobs == 1 or len(tasks) < POOL_FROM:
        return gather(map(look, tasks))
    try:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            return gather(pool.map(look, tasks, chunksize=16))
    except BrokenProcessPool:
        text = "a measuring process died, most likely for want of memory; try again with --jobs 1."
        raise TrainingError(text) from None


def score_all(folder: Path, rows: list[Row], clip: Clip) -> list[Scores]:
    """What CLIP says of the pictures of rows, in their order."""
    found = []
    with Progress("scoring", len(rows)) as progress:
        for start in range(0, len(rows), CLIP_BATCH):
            pictures = [decode((folder / row.file).read_bytes()) for row in rows[start : start + CLIP_BATCH]]
            found += clip.scores(pictures)
            progress.step(len(pictures))
    return found


# Near-duplicates ------------------------------------------------------------------------------------------------------

MAX_SHIFT = 24.0  # levels: how much brighter a copy may be
MAX_TINT = 16.0  # levels: how far its mean colour may be besides
MAX_DIFFERENCE = 0.2  # of the thumbnails, as a share of their contrast
MIN_DETAIL = 0.75  # levels, rms: less than this says nothing
MIN_CORRELATION = 0.6  # of the details


def is_near(a: Measures, b: Measures) -> bool:
    """Whether one picture is the other again: encoded anew, with other grain, a little brighter or of other colour.

    The mean colours differ by at most 24 levels in brightness and 16 besides; the thumbnails, each channel less its
    mean, differ by at most a fifth of their contrast, ||a - b|| <= 0.2 (sqrt(||a|| ||b||) + 1 level rms); and their
    finer details, where there are any, have a correlation of at least 0.6. So two flat pictures of different colours
    are not the same, nor are two textures under the same vignette.
    """
    shift = (a.thumb.mean((0, 1)) - b.thumb.mean((0, 1))).astype(float)
    if abs(shift.mean()) > MAX_SHIFT or np.abs(shift - shift.mean()).max() > MAX_TINT:
        return False
    x, y = (_plain(m).astype(float) for m in (a, b))
    if np.linalg.norm(x - y) > MAX_DIFFERENCE * (math.sqrt(np.linalg.norm(x) * np.linalg.norm(y)) + math.sqrt(x.size)):
        return False
    x, y = (m.detail.astype(float) for m in (a, b))
    energies = (x * x).mean(), (y * y).mean()
    if max(energies) < MIN_DETAIL**2:
        return True
    return (x * y).mean() >= MIN_CORRELATION * math.sqrt(energies[0] * energies[1])


def _plain(m: Measures) -> np.ndarray:
    return (m.thumb - m.thumb.mean((0, 1))).ravel()


def near_duplicates(measures: list[Measures], block: int = 1024) -> dict[int, int]:
    """Map each picture that repeats an earlier, kept one to the first such: the later goes, the earlier stays.

    All pairs of thumbnails are compared by matrix products, in blocks; only what comes near is looked at closely.
    """
    copies: dict[int, int] = {}
    if not measures:
        return copies
    plain = np.stack([_plain(m) for m in measures])
    norms = np.linalg.norm(plain, axis=1)
    kept = np.ones(len(plain), bool)
    for start in range(0, len(plain), block):
        end = min(start + block, len(plain))
        own, seen = norms[start:end, None], norms[None, :end]
        squares = own**2 + seen**2 - 2 * (plain[start:end] @ plain[:end].T)
        limit = (MAX_DIFFERENCE + 0.05) * (np.sqrt(own * seen) + math.sqrt(plain.shape[1]))  # float32 needs some room
        near = squares <= limit**2
        for later in range(start, end):
            earlier = np.flatnonzero(near[later - start, :later] & kept[:later])
            first = next((int(e) for e in earlier if is_near(measures[later], measures[e])), None)
            if first is not None:
                copies[later], kept[later] = first, False
    return copies


# The verdict ----------------------------------------------------------------------------------------------------------


def judge(folder: Path, limits: Limits, clip: Clip | None = None, jobs: int = 1) -> list[Row]:
    """Return the rows of a data set with measures and verdicts; nothing is written.

    Rejected rows whose picture was removed stay as they are.

    Raises
    ------
    TrainingError
        When the folder is no whole data set; see `manifest.usable_rows`.
    """
    rows = manifest.read(folder)
    styles = data_card.in_order(row.style for row in rows)
    rows.sort(key=lambda row: (styles.index(row.style), row.index, row.file))
    gone = [row for row in rows if row.accepted == "no" and not (folder / row.file).is_file()]
    files = {row.file for row in gone}
    fresh = dict.fromkeys(("accepted", "reason", *data_card.MEASURES), "")
    rows = [replace(row, **fresh) for row in rows if row.file not in files]
    manifest.usable_rows(folder, rows + gone)
    results = look_at_all(folder, rows, jobs)
    found = [(row, result) for row, result in zip(rows, results, strict=True) if isinstance(result, Measures)]
    scores = score_all(folder, [row for row, _ in found], clip) if clip else [None] * len(found)
    unfit = [(row, result) for row, result in zip(rows, results, strict=True) if isinstance(result, str)]
    judged = [replace(row, accepted="no", reason=reason) for row, reason in unfit]
    candidates = []
    for (row, m), s in zip(found, scores, strict=True):
        row = _measured(row, m, s)
        reason = limits.reason(m, s)
        if reason:
            judged.append(replace(row, accepted="no", reason=reason))
        else:
            candidates.append((row, m))
    copies = near_duplicates([m for _, m in candidates])
    for k, (row, _) in enumerate(candidates):
        if k in copies:
            judged.append(replace(row, accepted="no", reason=f"near-duplicate of {candidates[copies[k]][0].file}"))
        else:
            judged.append(replace(row, accepted="yes"))
    return judged + gone


def _measured(row: Row, m: Measures, s: Scores | None) -> Row:
    values = {"entropy": m.entropy, "sharpness": m.sharpness, "colourfulness": m.colourfulness}
    if s:
        values |= {"aesthetic": s.aesthetic, "text": s.text, "face": s.face}
    return replace(row, **{name: f"{value:.3f}" for name, value in values.items()})


# The contact sheet ----------------------------------------------------------------------------------------------------

CELL, GAP, TITLE, COLUMNS = 112, 8, 40, 16  # pixels; thumbnails per line
SHARE, LEAST, MOST = 10, 6, 128  # a tenth of each style, at least six, at most 128; at most 128 rejected
GROUND, INK, QUIET, RED = (24, 24, 24), (230, 230, 230), (150, 150, 150), (235, 50, 40)


def sample(rows: list[Row], number: int) -> list[Row]:
    """`number` of the rows, by the SHA-256 of their files and names: as if by chance, and always the same."""
    ranked = sorted(rows, key=lambda row: hashlib.sha256(f"{row.sha256} {row.file}".encode()).digest())
    return sorted(ranked[:number], key=lambda row: row.file)


def sheet(folder: Path, rows: list[Row]) -> bytes:
    """A PNG of a tenth of each style, rejected ones framed in red, and then of the rejected ones with their reasons.

    At most 1,928 pixels wide and about 9,000 high. Beside a near-duplicate stands the picture it repeats.
    """
    parts: list[tuple[str, int, list[tuple[Row, str, bool]]]] = []  # title, height of captions; row, caption, framed
    for style in data_card.in_order(row.style for row in rows):
        own = [row for row in rows if row.style == style]
        some = sample(own, min(max(-(-len(own) // SHARE), LEAST), MOST))
        title = f"{style}: {len(some)} of {len(own)}, {sum(row.accepted == 'no' for row in own)} rejected"
        parts.append((title, 16, [(row, f"{row.index}", row.accepted == "no") for row in some]))
    rejected, files = [row for row in rows if row.accepted == "no"], {row.file: row for row in rows}
    cells = []
    for row in sample(rejected, MOST):
        cells.append((row, f"{row.style} {row.index}\n{row.reason.split(',')[0]}", True))
        original = files.get(row.reason.removeprefix("near-duplicate of "))
        if original:
            cells.append((original, f"kept: {original.style} {original.index}", False))
    if cells:
        parts.append((f"rejected: {min(len(rejected), MOST)} of {len(rejected)}", 44, cells))

    heights = [TITLE + -(-len(cells) // COLUMNS) * (CELL + GAP + caption) for _, caption, cells in parts]
    columns = min(COLUMNS, max(len(cells) for _, _, cells in parts))
    page = Image.new("RGB", (columns * (CELL + GAP) + GAP, sum(heights) + GAP), GROUND)
    draw = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(18), ImageFont.load_default(10)
    top = 0
    for (title, caption, cells), height in zip(parts, heights, strict=True):
        draw.text((GAP, top + 12), title, INK, large)
        for k, (row, text, framed) in enumerate(cells):
            x, y = GAP + k % COLUMNS * (CELL + GAP), top + TITLE + k // COLUMNS * (CELL + GAP + caption)
            picture = _thumbnail(folder / row.file)
            if picture:
                page.paste(picture, (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2))
            if framed:
                draw.rectangle((x - 3, y - 3, x + CELL + 2, y + CELL + 2), outline=RED, width=3)
            draw.multiline_text((x, y + CELL + 3), _wrapped(text), QUIET, small, spacing=1)
        top += height
    data = io.BytesIO()
    page.save(data, "PNG")
    return data.getvalue()


def _thumbnail(path: Path) -> Image.Image | None:
    """A picture as it fits into a cell; None where it cannot be read."""
    pixels = decode(path.read_bytes()) if path.is_file() else None
    if pixels is None:
        return None
    picture = Image.fromarray(pixels)
    scale = CELL / max(picture.size)
    return picture.resize([max(round(edge * scale), 1) for edge in picture.size], Image.Resampling.BOX)


def _wrapped(text: str, width: int = 22, lines: int = 3) -> str:
    return "\n".join([part for line in text.split("\n") for part in textwrap.wrap(line, width)][:lines])


# The command ----------------------------------------------------------------------------------------------------------


def summary(rows: list[Row]) -> str:
    """Counts by style and reason, one line per style."""
    lines = []
    for style in data_card.in_order(row.style for row in rows):
        own = [row for row in rows if row.style == style]
        reasons = data_card.counts(data_card.category(row.reason) for row in own if row.accepted == "no")
        text = ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "none"
        lines.append(f"{style:12} {sum(row.accepted == 'yes' for row in own):6} accepted   rejected: {text}")
    return "\n".join(lines)


def run(folder: Path, limits: Limits, clip: Clip | None, path: Path, jobs: int, say: Callable = print) -> list[Row]:
    """Judge a data set and write manifest, card and contact sheet; return the rows."""
    rows = judge(folder, limits, clip, jobs)
    picture = sheet(folder, rows)
    manifest.write(folder, rows)
    data_card.write(folder, rows)
    manifest.publish(path, picture)
    for row in rows:
        if row.reason in (UNREADABLE, ALTERED):
            say(f"{folder / row.file} is {row.reason}")
    say(summary(rows))
    accepted = sum(row.accepted == "yes" for row in rows)
    say(f"{accepted} of {len(rows)} pictures accepted, digest {manifest.digest(rows)}; look at {path}")
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.filter", description="Measure the pictures of a data set and reject the unfit."
    )
    option = parser.add_argument
    option("folder", type=Path, metavar="FOLDER", help="a folder with a manifest.csv")
    option(
        "--clip", metavar="WEIGHTS", help="a checkpoint or folder of open_clip, hf-hub:owner/name, or a name it knows"
    )
    option("--clip-model", default="ViT-B-32", metavar="NAME", help="its architecture (default: %(default)s)")
    option("--aesthetic", type=Path, metavar="HEAD", help="a linear aesthetic head for that model, .pth or .npz")
    for name, text in (
        ("min_entropy", "bits in the richest channel"),
        ("min_contrast", "levels"),
        ("min_structure", "share of the variance in things larger than 8 pixels"),
        ("min_sharpness", "log10 of the Laplacian's variance"),
        ("min_colourfulness", "levels"),
        ("max_text", "share, with --clip"),
        ("max_face", "share, with --clip"),
        ("min_aesthetic", "with --clip"),
    ):
        option(f"--{name.replace('_', '-')}", type=float, default=getattr(Limits, name), metavar="X",
               help=f"{text} (default: %(default)s)")  # fmt: skip
    option("--sheet", type=Path, metavar="PATH", help="the contact sheet (default: sheet.png in the folder)")
    option("--jobs", type=count, default=cores(), help="processes (default: one per core)")
    args = parser.parse_args(arguments)
    if args.folder.is_file():
        raise TrainingError(f"{args.folder} is a file; a data set is a folder with a {manifest.NAME}.")
    if args.aesthetic and not args.clip:
        raise TrainingError("--aesthetic needs the CLIP model that it was trained for: give --clip, too.")
    if args.sheet and args.sheet.suffix != ".png":
        raise TrainingError(f"{args.sheet}: the contact sheet is a PNG; give a name that ends in .png.")
    limits = Limits(**{name: getattr(args, name) for name in Limits.__dataclass_fields__})
    clip = Clip(args.clip, args.clip_model, args.aesthetic) if args.clip else None
    run(args.folder, limits, clip, args.sheet or args.folder / "sheet.png", args.jobs)


if __name__ == "__main__":
    run_command(main)
