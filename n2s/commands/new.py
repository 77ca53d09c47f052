"""n2s new: write a first graph for a piece of music."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from n2s.commands.common import AsJson, report_file
from n2s.graph.timecodes import minutes
from n2s.graph.whole import write_whole

# Imported inside functions is what help and completion do not need, so that these start fast.

HEARING = "  features: {node: Features, audio: track}\n"  # the line of the graph before which stands what is heard
Look = StrEnum("Look", ["warm", "calm", "night"])


def new(
    music: Annotated[Path, typer.Argument(help="the piece of music", metavar="MUSIC")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the graph to write; default: the name of the music, .yaml", metavar="GRAPH"
        ),
    ] = None,
    look: Annotated[Look, typer.Option(help="the look to begin with")] = Look.warm,
    force: Annotated[bool, typer.Option("--force", help="replace an existing graph")] = False,
    json: AsJson = False,
) -> None:
    """Write a graph for a piece of music: a whole film, with comments, to render at once or to edit."""
    from n2s.graph.describe.starter import starter
    from n2s.graph.errors import GraphError
    from n2s.runtime.machine import ffmpeg_path
    from n2s.runtime.media.audio import probe
    from n2s.runtime.models.cards import shipped_folder
    from n2s.runtime.models.folder import ModelFolder

    target = output or Path(f"{file_name(music)}.yaml")
    try:
        f"{music}{target}".encode()
    except UnicodeEncodeError:
        raise GraphError(
            "The name of the music or of the graph is not Unicode, and a graph can only hold Unicode; rename the file."
        ) from None
    if os.path.exists(target) and not force:
        raise GraphError(f"{target} exists already; --force replaces it, -o names another file.")
    info = probe(music, ffmpeg_path)
    tags = read_tags(music)
    text = starter(
        music=relative(music, target),
        title=tags.get("title") or title_of(music),
        artist=tags.get("artist", ""),
        seconds=info.samples / info.rate,
        known=list(ModelFolder(shipped_folder(), None).card.get("anchors", [])),
        look=look,
        seed=int(info.digest[:4], 16),  # two pieces of one look still differ
        film=f"{file_name(target)}.mp4",
    )
    write_graph(target, text)
    told = listen(target)
    lines = f"  # Heard: {told}.\n".replace("; sections", ".\n  # Sections:")
    write_graph(target, text.replace(HEARING, f"{lines}  # docs/hearing.md tells how to correct it.\n{HEARING}", 1))
    about = f": {music.name}, {minutes(info.samples / info.rate)}, {told}. Look {look}. Next: n2s run {target}"
    report_file(target, json, about, heard=told)


def write_graph(target: Path, text: str) -> None:
    """Write a graph, whole or not at all."""
    from n2s.graph.errors import GraphError

    try:
        write_whole(target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        raise GraphError(f"{target} cannot be written: {error.strerror}.") from None


def listen(target: Path) -> str:
    """Return in words what is heard of a graph's music: tempo, metre, sections. It is kept for the film."""
    from n2s.graph.graph import Graph
    from n2s.runtime.session import Session

    said: list[str] = []
    with Session(Graph.load(target), None, said.append, remember=False) as session:
        _ = session.values
    return next((text.partition(": ")[2] for text in said if "per minute" in text), "nothing")


def relative(music: Path, graph: Path) -> str:
    """Return the path of the music as the graph has it: relative to its folder, where there is a way."""
    music = music.absolute()
    try:
        return Path(os.path.relpath(music, graph.resolve().parent)).as_posix()
    except ValueError:  # another drive
        return music.as_posix()


def file_name(path: Path) -> str:
    """Return the name of a file, without its ending, as one that is safe everywhere."""
    return re.sub(r"\W+", "-", path.stem).strip("-_") or "film"


def title_of(path: Path) -> str:
    """Return a title from the name of a file: "03 - first_light.flac" is "first light"."""
    words = re.sub(r"[_\s]+", " ", path.stem).strip()
    words = re.sub(r"^\d{1,3}[ .-]+(?=\D)", "", words)
    return printable(words[:1].upper() + words[1:])


def read_tags(music: Path) -> dict[str, str]:
    """Return the title and the artist that the file itself names, where libsndfile reads them."""
    import soundfile

    from n2s.runtime.media.quiet import quiet_libraries

    try:
        with quiet_libraries(), soundfile.SoundFile(music) as file:
            return {tag: text for tag in ("title", "artist") if (text := printable(getattr(file, tag) or ""))}
    except (RuntimeError, UnicodeError):  # another format, or tags in another coding
        return {}


def printable(text: str) -> str:
    """Return a text on one line, of what can be shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
