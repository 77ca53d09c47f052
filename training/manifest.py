"""A data set on disk: pictures, one sidecar per picture, and one manifest that lists what belongs to it.

    python -m training.manifest FOLDER --licence CC-BY-4.0           lists pictures of your own, FOLDER/STYLE/*.png

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
import json
import os
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .errors import TrainingError, run_command

NAME = "manifest.csv"
OWN = "pictures"  # the source of a user's own pictures
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
                f"{path}, line {table.line_num}: the row is damaged; remove the line and run the generator again."
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
            f"{folder}: {_some(lost)} in {NAME} but not on disk. Run the generator again with the same options; "
            "it makes what is missing."
        )
    stray = sorted(p.relative_to(folder).as_posix() for p in folder.glob("*/*.png") if not p.name.startswith("."))
    stray = [name for name in stray if name not in known]
    if stray:
        raise TrainingError(
            f"{folder}: {_some(stray)} on disk but without a row in {NAME}. Run the generator again with the same "
            "options to add what belongs, or remove the files."
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


def size_of_png(path: Path, head: bytes) -> tuple[int, int]:
    """Return width and height of a PNG of 8 bits for each value, by how its file begins.

    Raises
    ------
    TrainingError
        When it is no such file.
    """
    if len(head) < 25 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR" or head[24] > 8:
        raise TrainingError(f"{path} is no PNG of 8 bits for each value; save the picture as one, or take it away.")
    return struct.unpack(">II", head[16:24])


def rows_of(folder: Path, licence: str, source: str) -> list[Row]:
    """Return a row for each picture in the folders of a folder; a style has the name of its folder.

    Raises
    ------
    TrainingError
        When there are none, or they are not all PNG of 8 bits and of one size.
    """
    styles: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*.[pP][nN][gG]")):
        if not path.name.startswith(".") and path.is_file():
            styles.setdefault(path.parent.name, []).append(path)
    rows = []
    for style, paths in styles.items():
        for index, path in enumerate(paths):
            data = path.read_bytes()
            file, digest = path.relative_to(folder).as_posix(), hashlib.sha256(data).hexdigest()
            rows.append(Row(file, style, index, 0, source, *size_of_png(path, data[:25]), licence, digest))
    if not rows:
        raise TrainingError(
            f"{folder} has no pictures of the form STYLE/NAME.png. Put them as PNG into a folder of {folder}, such as "
            f"{folder / 'mine'}."
        )
    return usable_rows(folder, rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.manifest", description="List pictures of your own as a data set."
    )
    option = parser.add_argument
    option("folder", type=Path, metavar="FOLDER", help="a folder with FOLDER/STYLE/*.png, all of one size")
    option("--licence", required=True, help="of the pictures: an SPDX identifier such as CC-BY-4.0, or a name")
    option("--source", default=OWN, help="where they come from, a word for the model's card (default: %(default)s)")
    args = parser.parse_args(arguments)
    path = args.folder / NAME
    if path.exists():
        raise TrainingError(f"{path} exists; remove it if its pictures are to be listed anew.")
    if not args.folder.is_dir():
        raise TrainingError(f"{args.folder} is no folder.")
    rows = rows_of(args.folder, args.licence, args.source)
    write(args.folder, rows)
    print(f"{len(rows)} pictures listed in {path}. Next: python -m training.filter {args.folder}")


if __name__ == "__main__":
    run_command(main)
