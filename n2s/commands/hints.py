"""What to type instead, where the words of a command line stand in the wrong place: a song where a graph belongs.

Each word is taken for what it looks like: music, a graph, a film, a picture, the name of a look, a time. Where a
command was given something that it does not take, the line is told that does what was probably meant: with the words in
their places, or by the command that takes them. Nothing of this is imported before a command has failed.
"""

# Imported inside functions is what few mistakes need. A word may be no path at all: os.path says no, Path raises.

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

SUFFIXES = {
    "music": "wav wave flac ogg oga opus mp3 aif aiff aifc caf m4a aac wma mka au",
    "graph": "yaml yml",
    "film": "mp4 mov mkv avi webm gif webp",
    "picture": "png jpg jpeg svg pdf dot exr",
}
KINDS = {f".{suffix}": kind for kind, names in SUFFIXES.items() for suffix in names.split()}
NAMED = {"music": "music", "graph": "a graph", "film": "a film", "picture": "a picture", "look": "a look"}
NAMED |= {"type": "a node type", "time": "a time", "size": "a size", "profile": "a profile"}
A_SONG = "song.mp3"  # stands for music that was not named

# What the argument of each command is; others take none, or something that looks like nothing else.
TAKES = {
    **dict.fromkeys(("run", "preview", "check", "plan", "why", "export", "draw", "cache verify"), "graph"),
    "new": "music",
    "looks": "look",
    "nodes": "type",
    "explain": "film",
}
ALSO = {"music": {"film"}, "film": {"picture"}}  # what is taken too: the sound of a video, a film of pictures
# Which option takes what is not the argument, where the command has it.
OPTIONS = {"look": "--look", "music": "--music", "time": "--at", "size": "--size", "profile": "--profile"}
OPTIONS |= {"graph": "-o", "picture": "-o", "film": "-o"}
# Options of other programs, and what they are called here.
SYNONYMS = {
    "--output": "--out -o", "--out": "-o", "-o": "--out", "--time": "--at", "--start": "--from", "--begin": "--from",
    "--end": "--to", "--stop": "--to", "--resolution": "--size", "--bpm": "--tempo", "--threads": "--jobs",
    "-j": "--jobs", "--preset": "--profile", "--for": "--profile", "--rate": "--fps", "--framerate": "--fps",
    "--song": "--music", "--audio": "--music", "--input": "", "--graph": "", "-i": "", "-y": "--force",
}  # fmt: skip


@dataclass
class Line:
    """A command line, word by word.

    Attributes
    ----------
    command : str
        "run", "cache verify"; "" where no command is named.
    words : list of (str, str)
        What stands alone, each with its kind; "" where it looks like nothing.
    kept : list of (str, str or None)
        Options that the command has, with their values.
    strange : list of (str, str or None)
        Options that it has not.
    """

    root: Any
    command: str = ""
    words: list[tuple[str, str]] = field(default_factory=list)
    kept: list[tuple[str, str | None]] = field(default_factory=list)
    strange: list[tuple[str, str | None]] = field(default_factory=list)

    @cached_property
    def options(self) -> dict[str, Any]:
        """The options of the command by their names."""
        return options_of(find_command(self.root, self.command))

    @property
    def takes(self) -> str:
        """The kind of its argument."""
        return TAKES.get(self.command, "")

    def first(self, kind: str) -> str:
        """Return the first word of a kind; "" without one."""
        return next((text for of, text in self.words if of == kind), "")


def hint(arguments: Sequence[str], root: Any) -> str:
    """Return in sentences what to type in place of a command line that failed; "" where its words are in place.

    Parameters
    ----------
    arguments : sequence of str
        The words behind ``n2s``.
    root : click command
        All commands of ``n2s``.
    """
    line = read(arguments, root)
    why, lines = (_without_command if not line.command else _of_command)(line)
    return " ".join(filter(None, [why, f"Type: {' && '.join(lines)}" if lines else ""]))


def read(arguments: Sequence[str], root: Any) -> Line:
    """Sort the words of a command line."""
    line, left = Line(root), list(arguments)
    if left and find_command(root, left[0]) is not None:
        line.command = left.pop(0)
        if left and find_command(root, f"{line.command} {left[0]}") is not None:
            line.command += f" {left.pop(0)}"
    while left:
        text = left.pop(0)
        if not re.match(r"--?[A-Za-z]", text):
            text = _completed(text)
            line.words.append((kind_of(text), text))
            continue
        name, equals, value = text.partition("=")
        name, known = _option(line, name)
        takes_value = known is not None and not known.is_flag
        given = value if equals else left.pop(0) if left and _is_value(left[0], takes_value, known) else None
        (line.kept if name in line.options else line.strange).append((name, given))
    return line


def _option(line: Line, name: str) -> tuple[str, Any]:
    """Return an option by its name, and what the command, or the first other one that has it, knows of it."""
    elsewhere = {option: known for command in commands(line.root) for option, known in options_of(command).items()}
    for options in (line.options, elsewhere):
        for written in (name, f"-{name}"):  # -look stands for --look
            if written in options:
                return written, options[written]
    return name, None


def _completed(text: str) -> str:
    """Return the name of the music that a word means which is no file, without its ending; else the word."""
    if Path(text).suffix or os.path.exists(text) or kind_of(text):
        return text
    songs = [] if _beside(text, "graph") else _beside(text, "music")
    return songs[0] if len(songs) == 1 else text


def _is_value(text: str, takes_value: bool, known: Any) -> bool:
    """Say whether a word is the value of the option before it; of one that nobody knows, if it looks like nothing."""
    if re.match(r"--?[A-Za-z]", text):
        return False
    return takes_value if known is not None else kind_of(text) in ("", "time", "size")


def kind_of(text: str) -> str:
    """Return what a word looks like; "" for nothing that is known."""
    from n2s.graph.looks import look_names
    from n2s.graph.profiles import PROFILES

    if kind := KINDS.get(Path(text).suffix.lower()):
        return kind
    if os.path.exists(text):
        return ""
    if text in look_names():
        return "look"
    if text in PROFILES:
        return "profile"
    if re.fullmatch(r"\d+(:\d\d)+(\.\d+)?", text):
        return "time"
    if re.fullmatch(r"[A-Z][A-Za-z0-9]+", text):
        from n2s.graph.registry import registry  # it imports all nodes, which few mistakes are worth

        return "type" if text in registry().types else ""
    return "size" if re.fullmatch(r"\d+x\d+", text) else ""


def _of_command(line: Line) -> tuple[str, list[str]]:
    """Return why a line fails, and lines to type instead."""
    if line.command == "cache" and (graph := line.first("graph")):
        return "", [_typed("cache verify", graph, [])]
    if not line.takes:
        return "", []
    placed = _place_named(line)
    line.words = list(dict.fromkeys(line.words))
    wanted = {line.takes, "", *ALSO.get(line.takes, ())}
    argument = next((word for word in line.words if word[0] in wanted), None)
    others = [word for word in line.words if word is not argument]
    if not line.words and line.takes in ("graph", "music", "film"):
        return "", _without_argument(line)
    if not others and not line.strange:
        return "", [_typed(line.command, line.words[0][1], line.kept)] if placed else []
    if argument is None:
        return _by_others(line, others)
    moved = [_moved(line, *word) for word in others]
    renamed = [_renamed(line, *option) for option in line.strange]
    if None not in moved and None not in renamed:
        told = [option for options in (*moved, *renamed) for option in options or []]
        return _why(line, others), [_typed(line.command, argument[1], [*line.kept, *told])]
    return _by_options(line, argument[1], others)


def _place_named(line: Line) -> bool:
    """Make words of the values of options that the command lacks, where the option's name says what they are."""
    placed = False
    for name, value in list(line.strange):
        kind = {"--look": "look", "--music": "music"}.get(name, "")
        if not kind and value and {"", "--music"} & set(SYNONYMS.get(name, "none").split(" ")):
            kind = kind_of(value)
        if kind and value:
            line.strange.remove((name, value))
            line.words.append((kind, value))
            placed = True
    return placed


def _without_argument(line: Line) -> list[str]:
    """Return an example of a line that lacks what the command takes: with a file that lies here, if there is one."""
    found = sorted(path.name for path in Path().glob("*") if KINDS.get(path.suffix.lower()) == line.takes)
    if found:
        return [_typed(line.command, found[0], line.kept)]
    if line.takes == "graph":
        return _from_music(line, "", "", line.command)
    return [_typed(line.command, A_SONG if line.takes == "music" else "renders/song.mp4", line.kept)]


def _moved(line: Line, kind: str, text: str) -> list[tuple[str, str | None]] | None:
    """Return the option that takes a word which is not the argument; None without one."""
    option = OPTIONS.get(kind)
    if option is None or option not in line.options or option in dict(line.kept):
        return None
    if line.command == "new" and kind != "graph" and option == "-o":
        return []  # it writes graphs alone
    flag = f"--{Path(text).suffix[1:].lower()}"  # n2s preview --gif -o out.gif
    flags = [(flag, None)] if kind == "film" and flag in line.options and flag not in dict(line.kept) else []
    return [*flags, (option, text)]


def _renamed(line: Line, name: str, value: str | None) -> list[tuple[str, str | None]] | None:
    """Return what an option is called that the command has under another name, nothing of one that names its argument;
    None without one."""
    from n2s.graph.file.given import given_text

    if SYNONYMS.get(name) == "" and value is None:
        return []
    found = next((option for option in SYNONYMS.get(name, "").split() if option in line.options), None)
    if found == "--out" and value is not None and KINDS.get(Path(value).suffix.lower()) == "film":
        return [("--set", f"out.path={given_text(value)}")]  # --out is a folder
    return None if found is None else [(found, None if line.options[found].is_flag else value)]


def _by_others(line: Line, others: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return why a line fails whose argument is of another kind, and which commands take what there is."""
    why, song, look = _why(line, others), line.first("music"), line.first("look")
    graph, film, command = line.first("graph"), line.first("film"), line.command
    if line.takes == "graph" and (song or look):
        return why, _from_music(line, song, look, command)
    if line.takes == "graph" and film:
        graphs = _beside(film, "graph")
        return why, [_typed(command, graphs[0], line.kept) if graphs else _typed("explain", film, [])]
    if line.takes == "music":
        if look:
            return why, [_typed("new", A_SONG, [*line.kept, ("--look", look)])]
        return why, [_typed("run", graph, [])] if graph else []
    if line.takes == "look":
        if song:
            return why, [_typed("looks", "", [*line.kept, ("--music", song)])]
        return why, [_typed("nodes", line.first("type"), [])] if line.first("type") else []
    if line.takes == "film":
        named = song or graph
        films = _beside(named, "film") if named else []
        if films:
            return why, [_typed("explain", films[0], line.kept)]
        return why, [_typed("run", graph, [])] if graph else _from_music(line, song, "", "run") if song else []
    if line.takes == "type" and look:
        return why, [_typed("looks", look, [])]
    return "", []


def _from_music(line: Line, song: str, look: str, command: str) -> list[str]:
    """Return the lines that write a graph for a song and do with it what was asked for."""
    from n2s.commands.new import file_name

    song = song or A_SONG
    graph = f"{file_name(Path(song))}.yaml"
    begun = [] if os.path.exists(graph) and not look else [_typed("new", song, [("--look", look)] if look else [])]
    options = line.kept if command == line.command else []
    return [*begun, _typed(command, graph, options)]


def _by_options(line: Line, argument: str, others: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return which command has the options, or takes the words, that this one does not."""
    if line.takes == "graph" and (look := line.first("look")):
        why = f"The look of a graph stands in it; n2s new writes a graph with the look {look}."
        return why, [_typed("new", line.first("music") or A_SONG, [("--look", look)])]
    if line.takes == "graph" and line.first("music") and not line.strange:
        return "The music of a graph is named in it.", [_typed(line.command, argument, line.kept)]
    if not line.strange:
        return "", []
    name = line.strange[0][0]
    everywhere = {option for command in commands(line.root) for option in options_of(command)}
    name = (
        name if name in everywhere else next((one for one in SYNONYMS.get(name, "").split() if one in everywhere), name)
    )
    has = [known for known in names(line.root) if name in options_of(find_command(line.root, known))]
    same = [known for known in has if TAKES.get(known) == line.takes]
    if same and not others:
        there = options_of(find_command(line.root, same[0]))
        options = [option for option in [*line.kept, *line.strange] if option[0] in there]
        return f"{name} is an option of n2s {same[0]}.", [_typed(same[0], argument, options)]
    if line.takes == "music" and "run" in has:
        there = options_of(find_command(line.root, "run"))
        begun = _from_music(line, argument, "", "run")
        options = [option for option in line.strange if option[0] in there]
        return f"{name} is an option of n2s run.", [
            _typed("new", argument, line.kept),
            begun[-1] + _options_text(options),
        ]
    if has:
        return f"{name} is an option of n2s {has[0]}; n2s {has[0]} --help explains it.", []
    return "", []


def _without_command(line: Line) -> tuple[str, list[str]]:
    """Return what to type where no command is named, or none of that name is there."""
    if not line.words:
        return "", []
    kind, text = line.words[0]
    line.kept, line.strange = line.strange, []
    if kind == "music":
        look = dict(line.kept).get("--look")
        return f"{text} is music.", _from_music(line, text, look or "", "run")
    command = {"graph": "run", "film": "explain", "look": "looks", "type": "nodes"}.get(kind)
    if command is None:
        return "", []
    there = options_of(find_command(line.root, command))
    return f"{text} is {NAMED[kind]}.", [_typed(command, text, [one for one in line.kept if one[0] in there])]


def _why(line: Line, others: list[tuple[str, str]]) -> str:
    """Return in a sentence what a command takes, and what it was given."""
    given = [f"{text} is {NAMED[kind]}" for kind, text in others if kind in NAMED]
    if not given:
        return ""
    return f"n2s {line.command} takes {NAMED.get(line.takes, 'something else')}; {', and '.join(given)}."


def _beside(name: str, kind: str) -> list[str]:
    """Return the files of a kind that have the name of another: here, or in the folder of films."""
    stem = Path(name).stem
    folders = [Path(name).parent, Path("renders")]
    there = [folder for folder in folders if os.path.isdir(folder)]
    found = [str(path) for folder in there for path in sorted(folder.glob("*")) if path.stem == stem]
    return [path for path in found if KINDS.get(Path(path).suffix.lower()) == kind]


def _typed(command: str, argument: str, options: Iterable[tuple[str, str | None]]) -> str:
    """Return a command line as it is typed."""
    return f"n2s {command}{f' {shlex.quote(argument)}' if argument else ''}{_options_text(options)}"


def _options_text(options: Iterable[tuple[str, str | None]]) -> str:
    return "".join(f" {name}" + ("" if value is None else f" {shlex.quote(value)}") for name, value in options)


def find_command(root: Any, name: str) -> Any:
    """Return a command by its name, "run" or "cache verify"; None without one."""
    found = root
    for word in name.split():
        found = getattr(found, "commands", {}).get(word)
        if found is None:
            return None
    return found


def names(root: Any) -> list[str]:
    """Return the names of all commands, those of groups with their group's."""
    found = []
    for name, command in root.commands.items():
        found += [f"{name} {inner}" for inner in command.commands] if hasattr(command, "commands") else [name]
    return found


def commands(root: Any) -> Iterator[Any]:
    """Yield all commands."""
    for name in reversed(names(root)):  # so that the first of a name is the one that stays
        yield find_command(root, name)


def options_of(command: Any) -> dict[str, Any]:
    """Return the options of a command by all their names."""
    return {
        name: param
        for param in getattr(command, "params", ())
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }
