"""n2s new: write a first graph for a piece of music."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from n2s.commands.common import AsJson, report_file
from n2s.graph.timecodes import minutes
from n2s.graph.whole import remove, write_whole

# Imported inside functions is what help and completion do not need, so that these start fast.

AUTO = "auto"  # of looks: the one that suits the music
LISTENING = """\
n2s: 1
fps: 30
{tempo}nodes:
  track: {{node: AudioSource, path: {music}, damaged: {damaged}}}
  features: {{node: Features, audio: track}}
"""


def new(
    music: Annotated[Path, typer.Argument(help="the piece of music", metavar="MUSIC")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the graph to write; default: the name of the music, .yaml", metavar="GRAPH"
        ),
    ] = None,
    look: Annotated[
        str, typer.Option(help="one of the looks of n2s looks; auto: one that suits the music", metavar="NAME")
    ] = AUTO,
    force: Annotated[bool, typer.Option("--force", help="replace an existing graph and its labels")] = False,
    tempo: Annotated[
        float | None,
        typer.Option(
            min=20, max=400, help="beats per minute of the music, where another tempo is heard", metavar="BPM"
        ),
    ] = None,
    keep_damaged: Annotated[
        bool, typer.Option("--keep-damaged", help="take what is there of music that is cut short or damaged")
    ] = False,
    json: AsJson = False,
) -> None:
    """Write a graph for a piece of music, with a look that suits it, to be rendered or changed.

    What was heard lies beside it as labels for Audacity, .labels.txt: correct them, and name the file as beats of
    the graph's Features node.
    """
    from n2s.graph.describe.looks import films
    from n2s.graph.describe.starter import choose_look, starter
    from n2s.graph.errors import GraphError, RenderError
    from n2s.graph.registry import suggest
    from n2s.runtime.ffmpeg import ffmpeg_path
    from n2s.runtime.media.audio import probe
    from n2s.runtime.seeing.labels import write_labels

    if look not in (AUTO, *films()):
        raise GraphError(f'There is no look "{look}". {suggest(look, [AUTO, *films()])}')
    target = output or Path(f"{file_name(music)}.yaml")
    try:
        f"{music}{target}".encode()
    except UnicodeEncodeError:
        raise GraphError(
            "The name of the music or of the graph is not Unicode, and a graph can only hold Unicode; rename the file."
        ) from None
    refuse_target(target, music, force)
    refuse_ending(target)
    labels = target.with_suffix(".labels.txt")
    refuse_target(labels, music, force)
    existed = os.path.lexists(target)
    info = probe(music, ffmpeg_path, keep_damaged)
    tags = read_tags(music)
    song, beats = listen(music, keep_damaged, tempo)
    seed = int(info.digest[:4], 16)  # two pieces of one look still differ
    chosen = choose_look(song, seed) if look == AUTO else look
    text = starter(
        music=relative(music, target),
        title=tags.get("title") or title_of(music),
        artist=tags.get("artist", ""),
        song=song,
        look=chosen,
        seed=seed,
        film=f"{file_name(target)}.mp4",
        file=target.name,
        labels=labels.name,
        keep_damaged=keep_damaged,
        tempo=tempo,
    )
    write_graph(target, text)
    try:
        write_labels(labels, beats)
    except RenderError:
        if not existed:
            remove(target)  # both or none
        raise
    then = f"n2s run {shlex.quote(str(target))}"
    about = f": {music.name}, {minutes(info.samples / info.rate)}, {song.told}. Look {chosen}. Next: {then}"
    report_file(target, json, about, heard=song.told, look=chosen, labels=str(labels))


def refuse_target(path: Path, music: Path, force: bool) -> None:
    """Refuse to write where the music is, a folder is, or without ``force`` any file is.

    Labels are corrected by hand, so they are as precious as the graph.
    """
    from n2s.graph.errors import GraphError
    from n2s.runtime.films.targets import same_file

    if not os.path.lexists(music):
        return  # it is refused where it is read
    if same_file(path, music) and music.suffix.lower() in (".yaml", ".yml"):
        raise GraphError(f"{path} is a graph, and n2s new takes music. To see or render it: n2s preview, n2s run.")
    if same_file(path, music):
        raise GraphError(f"{path} is the music, and would be lost; name another file with -o.")
    if os.path.isdir(path):
        raise GraphError(f"{path} is a folder, where a file is to be written; -o names another file.")
    if os.path.lexists(path) and not force:
        raise GraphError(f"{path} exists already; --force replaces it, -o names another file.")


def refuse_ending(target: Path) -> None:
    """Refuse to write a graph under the name of another kind of file."""
    from n2s.graph.errors import GraphError

    if target.suffix.lower() not in (".yaml", ".yml"):
        raise GraphError(f'A graph is written as .yaml, not "{target.name}".')


def write_graph(target: Path, text: str) -> None:
    """Write a graph, whole or not at all."""
    from n2s.graph.errors import GraphError

    try:
        write_whole(target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))
    except OSError as error:
        raise GraphError(f"{target} cannot be written: {error.strerror}.") from None


def listen(music: Path, keep_damaged: bool = False, tempo: float | None = None) -> tuple[Any, list[Any]]:
    """Return what there is to know of a piece of music, and its beats and sections as labels. It is kept for the film.

    Beats are looked for near ``tempo``, in beats per minute, where one is given.

    Returns
    -------
    Song, list of Label
    """
    from n2s.graph.describe.starter import yaml_text
    from n2s.graph.graph import Graph
    from n2s.hearing.mood import judge
    from n2s.runtime.seeing.labels import labels
    from n2s.runtime.session import Session

    said: list[str] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "listening.yaml"
        wanted = {"music": yaml_text(str(music.absolute())), "damaged": "keep" if keep_damaged else "refuse"}
        wanted["tempo"] = "" if tempo is None else f"tempo: {tempo:g}\n"
        path.write_text(LISTENING.format(**wanted), encoding="utf-8")
        graph = Graph.load(path)
        with _told_of(music), Session(graph, None, said.append, remember=False) as session:
            values = session.values
            beats = labels(values, "features")
    told = told_by_hearing(said, graph.resolve(graph.nodes["track"].path).name)
    heard = {output: signal for (node, output), signal in values.outputs.items() if node == "features"}
    return judge(told, heard, float(values.clock.fps)), beats


def told_by_hearing(said: list[str], name: str) -> str:
    """Return what was heard, out of what was said of a file of some name, in which anything may stand."""
    of_music = (text.removeprefix(f"{name}: ") for text in said if text.startswith(f"{name}: "))
    return next((text for text in of_music if " per minute in " in text), "nothing")


@contextmanager
def _told_of(music: Path) -> Iterator[None]:
    """Let errors name the music, and not the graph that is made for a moment to hear it."""
    from n2s.graph.errors import GraphError, N2SError, Problem

    try:
        yield
    except N2SError as error:
        if not getattr(error, "problems", None):
            raise
        texts = [re.sub(r"^(track|features)[ .:(][^:]*: ", "", problem.text) for problem in getattr(error, "problems")]
        named = [text if music.name in text else f"{music}: {text}" for text in texts]
        raise GraphError([Problem(None, text) for text in named]) from None


def relative(music: Path, graph: Path) -> str:
    """Return the path of the music as the graph has it: relative to its folder, where there is a way."""
    from n2s.graph.paths import path_from

    return path_from(graph.resolve().parent, music.absolute().as_posix())


def file_name(path: Path) -> str:
    """Return the name of a file, without its ending, as one that is safe everywhere."""
    return re.sub(r"\W+", "-", path.stem).strip("-_") or "film"


def title_of(path: Path) -> str:
    """Return a title from the name of a file: "03 - first_light.flac" is "First light"."""
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
