"""A data set on disk: pictures, one sidecar per picture, and one manifest that lists what belongs to it.

    python -m training.manifest FOLDER --licence CC-BY-4.0           lists pictures of your own, FOLDER/STYLE/*.png;
                                                                     again where some came, went or changed

    <folder>/manifest.csv                          one row per picture, in the order of (style, index)
    <folder>/<style>/<style>-000017.png            8-bit RGB
    <folder>/<style>/<style>-000017.json           how it was made: everything needed to make it again

A generator writes PNG and sidecar first and the row last, each file under a temporary name that is then renamed; so
every picture with a row is complete. Pictures of your own have any names, and no sidecars. Filtering adds measures and
a verdict to the rows; a rejected picture keeps its row, with the reason.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import itertools
import json
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from .errors import TrainingError, run_command
from .pictures import lies_on_its_side

NAME = "manifest.csv"
OWN = "pictures"  # the source of a user's own pictures
GENERATED = ("procedural", "stable-diffusion")  # the sources of generators
STYLES = ("abstract", "glitch", "color-field", "noise", "organic")


@dataclass
class Row:
    """A picture of a data set.

    Attributes
    ----------
    file : str
        Path below the data set's folder, with forward slashes.
    style : str
        One of `STYLES`, or the folder of a user's own pictures.
    index : int
        Number within the style, from 0.
    seed : int
        The seed it was made with.
    source : str
        "procedural", "stable-diffusion", or "pictures" (a user's own) or what the user calls them.
    width, height : int
        Pixels.
    licence : str
        SPDX identifier or name of the picture's licence.
    sha256 : str
        Of the PNG file.
    accepted : str
        "" before filtering, then "yes" or "no".
    reason : str
        Why it was rejected, e.g. "near-duplicate of noise/noise-000003.png".
    entropy, sharpness, colourfulness : str
        Measures without weights, as decimal numbers; "" before filtering. See `filter.py` for the formulas.
    aesthetic, text, face : str
        CLIP scores; "" where no CLIP weights were given.
    """

    file: str
    style: str
    index: int
    seed: int
    source: str
    width: int
    height: int
    licence: str
    sha256: str
    accepted: str = ""
    reason: str = ""
    entropy: str = ""
    sharpness: str = ""
    colourfulness: str = ""
    aesthetic: str = ""
    text: str = ""
    face: str = ""

    @property
    def sidecar(self) -> str:
        return self.file.rsplit(".", 1)[0] + ".json"


COLUMNS = [field.name for field in fields(Row)]
NUMBERS = ("index", "seed", "width", "height")


def file_name(style: str, index: int) -> str:
    return f"{style}/{style}-{index:06d}.png"


def publish(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a temporary name in the same folder, flushed to disk, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read(folder: Path) -> list[Row]:
    """Return the rows of a data set.

    Raises
    ------
    TrainingError
        When there is no manifest, or it is none; with the line.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(
            f"{folder} is no data set: it has no {NAME}. Make one with python -m training.procedural "
            f"--out FOLDER, list pictures of your own with python -m training.manifest {folder} --licence LICENCE, or "
            "point --data at one."
        ) from None
    except UnicodeDecodeError:
        raise TrainingError(f"{path} is not UTF-8 text; make the data set again or restore the file.") from None
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (table.fieldnames or [])]
    if missing:
        raise TrainingError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it was not written by "
            "these tools."
        )
    rows = []
    for values in table:
        try:
            row = Row(**{name: int(values[name]) if name in NUMBERS else values[name] or "" for name in COLUMNS})
        except (TypeError, ValueError):
            raise TrainingError(
                f"{path}, line {table.line_num}: the row is damaged; remove the line, then {_AGAIN}."
            ) from None
        rows.append(row)
    return rows


def write(folder: Path, rows: Iterable[Row]) -> None:
    """Write the manifest, in the order of (style, index)."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in in_order(rows):
        table.writerow(asdict(row))
    publish(folder / NAME, text.getvalue().encode())


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of (style, index), wherever a spreadsheet has put them."""
    return sorted(
        rows,
        key=lambda row: (
            STYLES.index(row.style) if row.style in STYLES else len(STYLES),
            row.style,
            row.index,
            row.file,
        ),
    )


def usable_rows(folder: Path, rows: list[Row] | None = None) -> list[Row]:
    """Return the rows that may be trained on, in order, after checking that the folder is a whole data set of one size.

    Raises
    ------
    TrainingError
        When it is empty, pictures lack rows or rows lack pictures, or the sizes are mixed.
    """
    rows = read(folder) if rows is None else rows
    known = {row.file for row in rows}
    lost = [row.file for row in rows if row.accepted != "no" and not (folder / row.file).is_file()]
    if lost:
        raise TrainingError(
            f"{folder}: {_some(lost)} in {NAME} but not on disk. Put back what is missing, or {_AGAIN}."
        )
    stray = [name for path in pictures_in(folder) if (name := path.relative_to(folder).as_posix()) not in known]
    if stray:
        raise TrainingError(
            f"{folder}: {_some(stray)} on disk but without a row in {NAME}. Remove what does not belong, or {_AGAIN}."
        )
    rows = [row for row in rows if row.accepted != "no"]
    if not rows:
        raise TrainingError(
            f"{folder} has no pictures to train on"
            + (
                "; all were rejected, see the reasons in its manifest."
                if known
                else "; make some with python -m training.procedural --out FOLDER."
            )
        )
    sizes = sorted({(row.width, row.height) for row in rows})
    if len(sizes) > 1:
        some = ", ".join(f"{w}x{h}" for w, h in sizes[:3])
        raise TrainingError(
            f"{folder} mixes sizes ({some}); all pictures must have the same size. Resize them, or split the folder."
        )
    return in_order(rows)


_AGAIN = "run the generator again with the same options, or, for pictures of your own, python -m training.manifest"


def pictures_in(folder: Path) -> list[Path]:
    """Return the PNG files of the styles of a data set, sorted; what is hidden, as a folder or a file, is none."""
    found = (path for path in folder.glob("*/*.[pP][nN][gG]") if path.is_file())
    return sorted(path for path in found if not path.name.startswith(".") and not path.parent.name.startswith("."))


def _some(names: list[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more are"


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 over what is trained on: file names and their digests; 16 hex digits."""
    lines = sorted(f"{row.file} {row.sha256}\n" for row in rows if row.accepted != "no")
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def write_sidecar(folder: Path, row: Row, about: dict) -> None:
    """Write how a picture was made; `about` is plain data."""
    publish(folder / row.sidecar, (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode())


# Pictures of a user's own --------------------------------------------------------------------------------------------


def size_of_png(path: Path, data: bytes) -> tuple[int, int]:
    """Return width and height of a PNG of 8 bits for each value, as it looks.

    Raises
    ------
    TrainingError
        When it is no such file.
    """
    if len(data) < 25 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR" or data[24] > 8:
        raise TrainingError(f"{path} is no PNG of 8 bits for each value; save the picture as one, or take it away.")
    width, height = struct.unpack(">II", data[16:24])
    return (height, width) if lies_on_its_side(data) else (width, height)


def rows_of(folder: Path, licence: str, source: str, known: Sequence[Row] = ()) -> list[Row]:
    """Return a row for each picture in the folders of a folder; a style has the name of its folder.

    Rows of pictures that are still what they were stay as they are, with their licence and the filter's verdict, and
    so does the number of a picture that changed; new pictures are numbered on, so that what was held out still is.

    Raises
    ------
    TrainingError
        When there are none, or they are not all PNG of 8 bits and of one size.
    """
    by_file, numbers = {row.file: row for row in known}, {}
    rows = []
    for path in pictures_in(folder):
        data, style = path.read_bytes(), path.parent.name
        file, digest = path.relative_to(folder).as_posix(), hashlib.sha256(data).hexdigest()
        before = by_file.get(file)
        if before and before.sha256 == digest:
            width, height = size_of_png(path, data)  # rows of earlier versions had the stored size of turned pictures
            rows.append(replace(before, width=width, height=height))
            continue
        if style not in numbers:
            numbers[style] = itertools.count(1 + max((row.index for row in known if row.style == style), default=-1))
        index = before.index if before else next(numbers[style])
        rows.append(Row(file, style, index, 0, source, *size_of_png(path, data), licence, digest))
    if not rows:
        raise TrainingError(
            f"{folder} has no pictures of the form STYLE/NAME.png. Put them as PNG into a folder of {folder}, such as "
            f"{folder / 'mine'}."
        )
    usable_rows(folder, rows)
    return in_order(rows)  # those that the filter rejected keep their row, with the reason


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.manifest", description="List pictures of your own as a data set."
    )
    option = parser.add_argument
    option("folder", type=Path, metavar="FOLDER", help="a folder with FOLDER/STYLE/*.png, all of one size")
    option("--licence", required=True, help="of new pictures: an SPDX identifier such as CC-BY-4.0, or a name")
    option("--source", default=OWN, help="where they come from, a word for the model's card (default: %(default)s)")
    args = parser.parse_args(arguments)
    path = args.folder / NAME
    if not args.folder.is_dir():
        raise TrainingError(f"{args.folder} is no folder.")
    known = read(args.folder) if path.exists() else []
    if any(row.source in GENERATED for row in known):
        raise TrainingError(f"{path} lists what a generator made; run that to add pictures, or take another folder.")
    rows = rows_of(args.folder, args.licence, args.source, known)
    write(args.folder, rows)
    changes = _difference(known, rows)
    print(f"{len(rows)} pictures listed in {path}{changes}. Next: python -m training.filter {args.folder}")
    if kept := sum((row.licence, row.source) != (args.licence, args.source) for row in rows):
        print(f"{kept} of them keep another licence or source, that of their rows; edit these columns to change it.")


def _difference(known: Sequence[Row], rows: Sequence[Row]) -> str:
    """Say what became of the rows that there were, " (2 new, 1 changed, 1 gone)"."""
    before, now = ({row.file: row.sha256 for row in some} for some in (known, rows))
    changed = sum(before[file] != now[file] for file in before.keys() & now.keys())
    counts = {"new": len(now.keys() - before.keys()), "changed": changed, "gone": len(before.keys() - now.keys())}
    return f" ({', '.join(f'{count} {what}' for what, count in counts.items())})" if known else ""


if __name__ == "__main__":
    run_command(main)
