"""n2s anchors: the named places of a model's latents, those it came with and one's own."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import AsJson, StoreFolder, line, made, say
from n2s.commands.output import work_is_done
from n2s.graph.errors import ArgumentError

app = typer.Typer(
    name="anchors", help="List, add, remove or show a model's anchors.", no_args_is_help=True, rich_markup_mode=None
)
Fit = StrEnum("Fit", ["cover", "mirror"])
SIZE = "512x1024"
LARGEST = 2048

ModelPath = Annotated[
    Path | None,
    typer.Option("--model", help="folder of the model; the one that is shipped when left out", metavar="FOLDER"),
]
CopyTo = Annotated[
    Path | None,
    typer.Option("--copy-to", help="leave the model as it is and change a copy of it, made here", metavar="FOLDER"),
]


@app.command(name="list")
def list_(model: ModelPath = None, store: StoreFolder = None, json: AsJson = False) -> None:
    """List the anchors: name, grid (rows x columns), spread (about 1 is usual), and where each comes from."""
    from n2s.runtime.models.anchors import anchors

    show(anchors(opened(model, store)), json)


@app.command()
def add(
    name: Annotated[str | None, typer.Argument(help="what the anchor is to be called", metavar="NAME")] = None,
    picture: Annotated[
        Path | None, typer.Argument(help="PNG, JPEG, TIFF, WebP; transparency is ignored", metavar="PICTURE")
    ] = None,
    random: Annotated[int | None, typer.Option(min=1, max=100, help="make so many random draws instead")] = None,
    data: Annotated[
        Path | None, typer.Option(help="take what stands for each style of a data set instead", metavar="FOLDER")
    ] = None,
    per_style: Annotated[int, typer.Option(min=1, max=50, help="with --data, anchors per style")] = 6,
    most: Annotated[int, typer.Option(min=1, help="with --data, pictures per style that are looked at")] = 200,
    prefix: Annotated[
        str | None,
        typer.Option(help="PREFIX-1 … for draws (else drift-1 …), PREFIX-STYLE-1 … for data", metavar="PREFIX"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="of random draws and of clusters")] = 1,
    size: Annotated[
        str, typer.Option(help="what a picture is brought to, multiples of 32", metavar="HEIGHTxWIDTH")
    ] = SIZE,
    fit: Annotated[Fit, typer.Option(help="crop a picture, or show it whole and mirror its edges")] = Fit.cover,
    force: Annotated[bool, typer.Option("--force", help="replace anchors of the same name")] = False,
    model: ModelPath = None,
    copy_to: CopyTo = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Add anchors: a picture under a name, --random draws, or what stands for the styles of a --data set.

    The same draws and the same data give the same anchors. Films that use other anchors are not rendered again.
    """
    from n2s.runtime.models.anchor_sources import accepted, from_data, from_picture, random_latents
    from n2s.runtime.models.anchors import Anchor, change, check_new

    if sum((name is not None, random is not None, data is not None)) != 1 or (name is None) != (picture is None):
        raise ArgumentError("Give NAME and PICTURE, or --random COUNT, or --data FOLDER; one of the three.")
    files = to_change(model, copy_to, store)
    shape = parse_size(size, files.scale)
    if name is not None:
        check_new(files, [name], force)
        latents = from_picture(picture, files.encoder(), shape, fit, say)
        new = {name: Anchor(latents, f"picture {readable(picture.name)}")}
    elif random is not None:
        names = {number: joined("drift" if prefix is None else prefix, number) for number in range(1, random + 1)}
        check_new(files, list(names.values()), force)
        grid = (shape[0] // files.scale, shape[1] // files.scale)
        new = {
            name: Anchor(random_latents(seed, number, files.channels, grid), f"random draw {number} of seed {seed}")
            for number, name in names.items()
        }
    else:
        styles = accepted(data, most)
        most_names = {style: range(1, min(per_style, len(paths)) + 1) for style, paths in styles.items()}
        check_new(files, [joined(prefix, style, n) for style, numbers in most_names.items() for n in numbers], force)
        encoder = files.encoder()
        read = lambda path: from_picture(path, encoder, shape, fit, lambda text: None)  # noqa: E731
        new = {
            joined(prefix, style, number): Anchor(latents, f"data {readable(path.relative_to(data).as_posix())}")
            for style, number, path, latents in from_data(styles, per_style, seed, read, say)
        }
    folder = prepared(files, copy_to)
    change(folder, files.store, new, force=force)
    show(new, json)
    finish(folder, files.store, json, copy_to)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="the anchors", metavar="NAME...")],
    model: ModelPath = None,
    copy_to: CopyTo = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Remove anchors. Graphs that name them cannot be rendered any more."""
    from n2s.runtime.models.anchors import change, check_known

    files = to_change(model, copy_to, store)
    check_known(files, names)
    folder = prepared(files, copy_to)
    change(folder, files.store, {}, remove=names)
    if json:
        line({"removed": list(dict.fromkeys(names))})
    else:
        print(f"removed {', '.join(dict.fromkeys(names))}")
    finish(folder, files.store, json, copy_to)


@app.command()
def sheet(
    path: Annotated[Path, typer.Argument(help="the .png to write", metavar="[PATH]")] = Path("renders/anchors.png"),
    model: ModelPath = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Draw what every anchor decodes to, its name below it."""
    from n2s.runtime.models.thumbnails import draw

    if path.suffix.lower() != ".png":
        raise ArgumentError(f'A sheet is written as .png, not "{path.name}".')
    draw(opened(model, store), path)
    made(path, json)


def opened(model: Path | None, store: Path | None) -> Any:
    """Return the files of a model; of the one that is shipped when none is named."""
    from n2s.runtime.models.cards import shipped_folder
    from n2s.runtime.models.folder import ModelFolder
    from n2s.runtime.store import Store, absolute

    return ModelFolder(shipped_folder() if model is None else absolute(model), Store(store), say)


def to_change(model: Path | None, copy_to: Path | None, store: Path | None) -> Any:
    """Return the files of the model that is to be changed or copied, after checking that it may be.

    Raises
    ------
    ArgumentError
        When that is the one that is shipped, and it was not named: the next version of the library would replace it.
    """
    from n2s.runtime.models.anchors import CARD, check_writable

    files = opened(model, store)
    if copy_to is None:
        if model is None:
            raise ArgumentError(
                "The model that is shipped is not changed unasked. Add --copy-to FOLDER to change a copy of it, "
                f"--model FOLDER to change another, or --model {files.folder} to change it all the same."
            )
        check_writable(files.folder)
    elif os.path.exists(copy_to / CARD):
        raise ArgumentError(f"{copy_to} holds a model already; change that one with --model {copy_to}.")
    return files


def prepared(files: Any, copy_to: Path | None) -> Path:
    """Return the folder to change: the model's, or that of the copy, which is made now."""
    from n2s.runtime.models.anchors import copy_model
    from n2s.runtime.store import absolute

    if copy_to is None:
        return files.folder
    copy_model(files, absolute(copy_to))
    return absolute(copy_to)


def finish(folder: Path, store: Any, json: bool, copy_to: Path | None) -> None:
    """Draw the thumbnails anew, and say how a graph gets at a copy."""
    from n2s.runtime.models.thumbnails import redraw

    work_is_done()
    if path := redraw(folder, store, say):
        made(path, json)
    if copy_to is not None:
        say(f"Graphs use this copy with model: {copy_to} in their header, from their own folder.")


def show(anchors: dict[str, Any], json: bool) -> None:
    """Print anchors, one line per anchor."""
    wide = max(map(len, anchors), default=0)
    for name, anchor in anchors.items():
        if json:
            line({"name": name, "grid": list(anchor.grid), "spread": round(anchor.spread, 4), "from": anchor.source})
        else:
            grid = f"{anchor.grid[0]}x{anchor.grid[1]}"
            print(f"{name:{wide}}  {grid:>7}  spread {anchor.spread:.2f}  {anchor.source}")


def joined(*parts: Any) -> str:
    """Return the name of one of several anchors: what there is of its parts, with hyphens."""
    return "-".join(str(part) for part in parts if part not in (None, ""))


def readable(name: str) -> str:
    """Return a file's name as Unicode, which a card can hold."""
    return name.encode(errors="replace").decode()


def parse_size(text: str, scale: int) -> tuple[int, int]:
    """Read "512x1024", height and width in pixels, multiples of the model's scale."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if any(side % scale or not scale <= side <= LARGEST for side in size):
        raise ArgumentError(
            f'--size takes height and width like {SIZE}, each a multiple of {scale} up to {LARGEST}, not "{text}".'
        )
    return size
