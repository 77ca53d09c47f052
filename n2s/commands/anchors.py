"""n2s anchors: list, add, remove and draw the anchors of a model, which are named latents."""

from __future__ import annotations

import os
import re
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from n2s.commands.common import AsJson, StoreFolder, print_line, report_file, say
from n2s.commands.output import work_is_done
from n2s.graph.errors import ArgumentError

# Imported inside functions is what help and completion do not need, so that these start fast.

app = typer.Typer(
    name="anchors", help="List, add, remove or show a model's anchors.", no_args_is_help=True, rich_markup_mode=None
)
Fit = StrEnum("Fit", ["cover", "mirror"])
SIZE = "512x1024"
LARGEST = 2048

ModelPath = Annotated[
    Path | None,
    typer.Option("--model", help="folder of the model; default: the shipped model", metavar="FOLDER"),
]
CopyTo = Annotated[
    Path | None,
    typer.Option("--copy-to", help="make a copy of the model here, and change the copy", metavar="FOLDER"),
]


@app.command(name="list", short_help="List the anchors.")
def list_(model: ModelPath = None, store: StoreFolder = None, json: AsJson = False) -> None:
    """List the anchors: name, grid (rows x columns), spread (usually about 1), and origin."""
    from n2s.runtime.models.anchors import anchors

    print_anchors(anchors(open_model(model, store)), json)


@app.command(short_help="Add anchors: pictures, random or typical ones.")
def add(
    name: Annotated[str | None, typer.Argument(help="name of the anchor", metavar="NAME")] = None,
    picture: Annotated[
        Path | None, typer.Argument(help="a PNG, JPEG, TIFF or WebP file; transparency is ignored", metavar="PICTURE")
    ] = None,
    random: Annotated[
        int | None, typer.Option(min=1, max=100, help="instead of a picture, add this many random anchors")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="instead of a picture, add the typical pictures of each style of a data set", metavar="FOLDER"
        ),
    ] = None,
    per_style: Annotated[int, typer.Option(min=1, max=50, help="number of anchors per style, with --data")] = 6,
    most: Annotated[int, typer.Option(min=1, help="number of pictures per style to choose from, with --data")] = 200,
    prefix: Annotated[
        str | None,
        typer.Option(
            help="names become PREFIX-1 … with --random (default: drift-1 …), PREFIX-STYLE-1 … with --data",
            metavar="PREFIX",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="seed of --random, and of the choice of --data")] = 1,
    size: Annotated[
        str, typer.Option(help="size that a picture is scaled to, multiples of 32", metavar="HEIGHTxWIDTH")
    ] = SIZE,
    fit: Annotated[Fit, typer.Option(help="crop the picture, or keep all of it and mirror its edges")] = Fit.cover,
    force: Annotated[bool, typer.Option("--force", help="replace existing anchors of the same name")] = False,
    model: ModelPath = None,
    copy_to: CopyTo = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Add anchors: a picture under a name, random ones (--random), or typical pictures of a data set (--data).

    The same seed and the same data give the same anchors. Films that use only other anchors are not rendered again.
    """
    from n2s.runtime.models.anchor_sources import accepted_pictures, from_data, from_picture, random_latents
    from n2s.runtime.models.anchors import Anchor, change, check_new

    if sum((name is not None, random is not None, data is not None)) != 1 or (name is None) != (picture is None):
        raise ArgumentError("Give one of these: NAME and PICTURE, --random COUNT, or --data FOLDER.")
    files = model_to_change(model, copy_to, store)
    shape = parse_size(size, files.scale)
    if name is not None and picture is not None:
        check_new(files, [name], force)
        latents = from_picture(picture, files.encoder(), shape, fit, say)
        new = {name: Anchor(latents, f"picture {to_unicode(picture.name)}")}
    elif random is not None:
        names = {number: join_name("drift" if prefix is None else prefix, number) for number in range(1, random + 1)}
        check_new(files, list(names.values()), force)
        grid = (shape[0] // files.scale, shape[1] // files.scale)
        new = {
            name: Anchor(random_latents(seed, number, files.channels, grid), f"random draw {number} of seed {seed}")
            for number, name in names.items()
        }
    else:
        data = cast(Path, data)
        styles = accepted_pictures(data, most)
        most_names = {style: range(1, min(per_style, len(paths)) + 1) for style, paths in styles.items()}
        check_new(files, [join_name(prefix, style, n) for style, numbers in most_names.items() for n in numbers], force)
        encoder = files.encoder()
        read = lambda path: from_picture(path, encoder, shape, fit, lambda text: None)  # noqa: E731
        new = {
            join_name(prefix, style, number): Anchor(latents, f"data {to_unicode(path.relative_to(data).as_posix())}")
            for style, number, path, latents in from_data(styles, per_style, seed, read, say)
        }
    folder = prepare_folder(files, copy_to)
    change(folder, files.store, new, force=force)
    print_anchors(new, json)
    finish_change(folder, files.store, json, copy_to)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="the anchors", metavar="NAME...")],
    model: ModelPath = None,
    copy_to: CopyTo = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Remove anchors. Graphs that use them can no longer be rendered."""
    from n2s.runtime.models.anchors import change, check_known

    files = model_to_change(model, copy_to, store)
    check_known(files, names)
    folder = prepare_folder(files, copy_to)
    change(folder, files.store, {}, remove=names)
    if json:
        print_line({"removed": list(dict.fromkeys(names))})
    else:
        print(f"removed {', '.join(dict.fromkeys(names))}")
    finish_change(folder, files.store, json, copy_to)


@app.command()
def sheet(
    path: Annotated[Path, typer.Argument(help="the .png to write", metavar="[PATH]")] = Path("renders/anchors.png"),
    model: ModelPath = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Draw the decoded picture of every anchor, with its name."""
    from n2s.runtime.models.thumbnails import draw

    if path.suffix.lower() != ".png":
        raise ArgumentError(f'A sheet is written as .png, not "{path.name}".')
    draw(open_model(model, store), path)
    report_file(path, json)


def open_model(model: Path | None, store: str | None) -> Any:
    """Return the files of a model; of the shipped one when none is named."""
    from n2s.runtime.models.cards import shipped_folder
    from n2s.runtime.models.folder import ModelFolder
    from n2s.runtime.store import absolute
    from n2s.runtime.stores import open_store

    return ModelFolder(shipped_folder() if model is None else absolute(model), open_store(store), say)


def model_to_change(model: Path | None, copy_to: Path | None, store: str | None) -> Any:
    """Return the files of the model to change or copy, after checking that it may be changed.

    Raises
    ------
    ArgumentError
        When it is the shipped model and was not named: a new version of the library would undo the change.
    """
    from n2s.runtime.models.anchors import check_writable
    from n2s.runtime.models.cards import CARD

    files = open_model(model, store)
    if copy_to is None:
        if model is None:
            raise ArgumentError(
                "The shipped model is only changed if you name it. Add --copy-to FOLDER to change a copy of it, "
                f"--model FOLDER to change another model, or {_model_typed(files.folder)} to change the shipped one."
            )
        check_writable(files.folder)
    elif os.path.exists(copy_to / CARD):
        raise ArgumentError(f"{copy_to} already holds a model; change that one with {_model_typed(copy_to)}.")
    return files


def _model_typed(folder: Path) -> str:
    """Return the option that names a model's folder, as it is typed in a shell."""
    return f"--model {shlex.quote(str(folder))}"


def prepare_folder(files: Any, copy_to: Path | None) -> Path:
    """Return the folder to change: the model's, or that of a copy, which is made now."""
    from n2s.runtime.models.anchors import copy_model
    from n2s.runtime.store import absolute

    if copy_to is None:
        return files.folder
    copy_model(files, absolute(copy_to))
    return absolute(copy_to)


def finish_change(folder: Path, store: Any, json: bool, copy_to: Path | None) -> None:
    """Draw the thumbnails again, and print how a graph uses a copy."""
    from n2s.runtime.models.thumbnails import redraw

    work_is_done()
    if path := redraw(folder, store, say):
        report_file(path, json)
    if copy_to is not None:
        say(f"To use this copy, write model: {copy_to} in the header of a graph, as a path from the graph's folder.")


def print_anchors(anchors: dict[str, Any], json: bool) -> None:
    """Print anchors, one line per anchor."""
    wide = max(map(len, anchors), default=0)
    for name, anchor in anchors.items():
        if json:
            print_line(
                {"name": name, "grid": list(anchor.grid), "spread": round(anchor.spread, 4), "from": anchor.source}
            )
        else:
            grid = f"{anchor.grid[0]}x{anchor.grid[1]}"
            print(f"{name:{wide}}  {grid:>7}  spread {anchor.spread:.2f}  {anchor.source}")


def join_name(*parts: Any) -> str:
    """Return the parts that are not empty, joined by hyphens, as the name of an anchor."""
    return "-".join(str(part) for part in parts if part not in (None, ""))


def to_unicode(name: str) -> str:
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
