"""The text of a first graph for a piece of music: a look that suits it, with all that can be set, to be changed."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from n2s.graph.describe.looks import describe_look, takes
from n2s.graph.describe.song import Song

# Looks that suit a mood. Which of them a song gets is drawn by its seed, so that two songs of one mood differ.
OF_MOODS = {
    "calm": ("fields", "aurora"),
    "warm": ("liquid", "film"),
    "night": ("tunnel", "feedback", "glitch"),
    "bright": ("kaleidoscope", "print"),
}
SCENES = 9  # pictures of a look, with each of which it may begin

TEMPLATE = """\
# {heading}. Made by n2s new, for you to change: n2s check finds mistakes, n2s run {file} renders it,
# n2s preview {file} --strip shows the hardest kicks, n2s looks lists the other looks.
n2s: 1
title: {title}
{artist}seed: {seed}  # another seed changes everything random
fps: 30
{tempo}size: [640, 360]  # [1280, 720] or more for the final film, [1080, 1920] upright: the same look, slower
nodes:
  track: {{node: AudioSource, path: {music}{damaged}}}

{heard}  # What was heard is written down in {labels}. Correct it there, and take the # from the line with set.
  # Numbers may move with the music: energy: = 1 + heard.drop, with heard: {{node: Features, audio: track}}
  look:
    node: Graph
    look: {look}  # n2s looks {look} -o mine.yaml gives you its graph; then write path: mine.yaml here
    audio: track
    # set: {{heard.features.beats: {labels}}}
{presets}{params}  # A title: take the # from the next line, and write title in place of look in out.
  # title: {{node: Title, frames: look, text: {title}, at: 1, length: 4}}
  out: {{node: FFmpegSink, frames: look, audio: track, path: {film}}}
"""


def starter(
    music: str,
    title: str,
    artist: str,
    song: Song,
    look: str,
    seed: int,
    film: str,
    file: str,
    labels: str,
    keep_damaged: bool = False,
    tempo: float | None = None,
) -> str:
    """Return the text of a graph.

    Parameters
    ----------
    music : str
        The path of the music, relative to the graph.
    song : Song
        What was heard.
    look : str
        The name of one that comes with the library.
    film, file, labels : str
        The names of the film, of the graph, and of the file with its beats.
    keep_damaged : bool
        Take what is there of music that is damaged.
    tempo : float, optional
        In beats per minute, where it was given and not heard.
    """
    about = describe_look(look)
    return TEMPLATE.format(
        heading=title or "A film",
        title=yaml_text(title),
        artist=f"artist: {yaml_text(artist)}\n" if artist else "",
        seed=seed,
        tempo="" if tempo is None else f"tempo: {tempo:g}  # beats per minute; beats are looked for near it\n",
        music=yaml_text(music),
        damaged=", damaged: keep" if keep_damaged else "",
        heard=f"  # Heard: {song.told}.\n".replace("; sections", ".\n  # Sections:"),
        labels=yaml_text(labels),
        look=look,
        presets=_presets(about["presets"]),
        params=_params(about["params"], seed),
        film=yaml_text(film),
        file=_typed(file),
    )


def _typed(file: str) -> str:
    """Return the name of a file as it is typed in a shell, on one line."""
    return shlex.quote(file) if file.isprintable() else yaml_text(file)


def choose_look(song: Song, seed: int) -> str:
    """Return the name of a look that suits a piece of music."""
    suiting = OF_MOODS[song.mood]
    return suiting[seed % len(suiting)]


def _presets(presets: dict[str, Any]) -> str:
    if not presets:
        return ""
    first, *others = presets
    return f"    # preset: {first}{'  # or ' + ', '.join(others) if others else ''}\n"


def _params(params: list[dict[str, Any]], seed: int) -> str:
    """Return a line for each parameter, with what it does. The seed draws the scene to begin with.

    All others stay as the look, or its preset, has them until the # before them is taken away.
    """
    lines = []
    for param in params:
        chosen = param["name"] == "scene"
        value = seed // 7 % SCENES if chosen else param["default"]
        lines.append(f"    {'' if chosen else '# '}{param['name']}: {repr(float(value)).removesuffix('.0')}")
    widest = max(map(len, lines), default=0)
    told = [f"{line:<{widest}}  # {param['help']}: {takes(param)}\n" for line, param in zip(lines, params)]
    return "".join(sorted(told, key=lambda line: line.startswith("    # ")))


def yaml_text(text: str) -> str:
    """Return a text as YAML: plain where that cannot be misread, else quoted."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 _./()'-]*[A-Za-z0-9_)]", text)
    if plain and not re.fullmatch(r"(?i)true|false|yes|no|on|off|null", text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
