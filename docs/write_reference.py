"""Write the pages that are read off the code: docs/command-line.md, docs/api.md, docs/features.md, docs/nodes.md.

python docs/write_reference.py
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

DOCS = Path(__file__).resolve().parent

# An example or two of each command, in the order of use.
EXAMPLES = {
    "run": ["n2s run song.yaml", "n2s run song.yaml --draft --from 1:00 --to 1:20",
            "n2s run song.yaml --profile youtube --profile canvas", "n2s run song.yaml --set look.glow=0.8"],
    "check": ["n2s check song.yaml"],
    "plan": ["n2s plan song.yaml", "n2s plan song.yaml --json"],
    "why": ["n2s why song.yaml --at 1:20"],
    "explain": ["n2s explain renders/song.mp4 --at 1:22.6"],
    "preview": ["n2s preview song.yaml --sheet 12", "n2s preview song.yaml --strip", "n2s preview song.yaml --webp",
                "n2s preview song.yaml --node features.kick -o kick.svg",
                "n2s preview song.yaml --vary look.warmth=-0.3,0,0.3"],
    "draw": ["n2s draw song.yaml -o song.svg", "n2s draw song.yaml --plan -o plan.png"],
    "export": ["n2s export song.yaml --labels -o song.labels.txt", "n2s export song.yaml --timelines -o song.npz",
               "n2s export song.yaml --node drift --every 5 -o latents.npz"],
    "new": ["n2s new song.mp3", "n2s new song.mp3 --look liquid -o films/song.yaml"],
    "looks": ["n2s looks", "n2s looks liquid", "n2s looks liquid -o mine.yaml", "n2s looks --music song.mp3"],
    "nodes": ["n2s nodes", "n2s nodes Camera"],
    "schema": ["n2s schema -o n2s.schema.json"],
    "cache info": ["n2s cache info"],
    "cache verify": ["n2s cache verify", "n2s cache verify song.yaml --render 2%"],
    "cache trim": ["n2s cache trim --to 5GB"],
    "anchors list": ["n2s anchors list"],
    "anchors add": ["n2s anchors add beach beach.jpg --copy-to mymodel",
                    "n2s anchors add --random 4 --model mymodel"],
    "anchors remove": ["n2s anchors remove beach --model mymodel"],
    "anchors sheet": ["n2s anchors sheet anchors.png"],
}  # fmt: skip

# The modules whose names are public, and which of them are on the page; None: all that the module says are its own.
PUBLIC: dict[str, tuple[str, ...] | None] = {
    "n2s": None,
    "n2s.functions": None,
    "n2s.runtime.session": ("Session",),
    "n2s.runtime.run": ("Run",),
    "n2s.runtime.records": ("Report",),
    "n2s.runtime.seeing.preview": ("preview", "Preview"),
    "n2s.runtime.events": ("Events",),
    "n2s.runtime.store": ("Store",),
    "n2s.runtime.executors.threads": ("ThreadExecutor",),
    "n2s.runtime.executors.processes": ("ProcessExecutor",),
}

# What users need of these classes; other methods serve the library itself.
MEMBERS = {
    "Graph": ("load", "edit", "save", "to_yaml", "draw", "sinks", "order", "links", "network"),
    "Session": ("frame", "pick", "values", "plan", "edited", "of", "changed", "films", "close"),
    "Preview": ("save",),
    "Run": ("plan", "missing", "execute"),
    "Store": ("find", "entries", "verify", "trim"),
    "Events": ("said", "began", "planned", "rendered", "published", "ended"),
}

COMMANDS_BEGIN = """\
# The command line

Written by `python docs/write_reference.py` from the commands themselves; `n2s COMMAND --help` prints the same.

`n2s --install-completion` lets the shell complete commands and options. All commands but `schema` take `--json`: then
they print one JSON object per line, also for errors. A time is written `80`, `1:20`, `1:20.5`, `250 ms`, `8 bars`,
`at drop` or `at B 2 - 1 bar`; [graphs.md](graphs.md#times) explains it.

| exit status | meaning |
|---|---|
| 0 | all is done |
| 1 | rendering failed, or `--strict` found a broken [quality gate](delivery.md#quality-gates) |
| 2 | the graph, the arguments or a file that they name are wrong: music that is missing or damaged, too |
| 130 | interrupted; what is finished is kept, and the same command goes on from there |

| environment variable | what it does |
|---|---|
| `N2S_STORE` | the folder of kept results, where `--store` is not given |
| `N2S_STORE_LIMIT` | how much the store may hold, such as `50GB`; 20 GB without it |
| `IMAGEIO_FFMPEG_EXE` | the FFmpeg to use in place of the one that comes with imageio-ffmpeg |

"""

API_BEGIN = """\
# Python reference

Written by `python docs/write_reference.py` from the docstrings. [python.md](python.md) shows how these names are used;
[nodes.md](nodes.md) has the node types, all of which are in `n2s.nodes`; [writing-nodes.md](writing-nodes.md) has what
a package of nodes imports.

"""

HELPERS_BEGIN = """\
## Helpers of pixel code

`n2s.graph.shader` has the functions that pixel code may call, as [writing-nodes.md](writing-nodes.md#what-is-written)
explains; `abs`, `min` and `max` are Python's own. They take and give numbers of float32, with the same bits on every
machine; a colour is a tuple of three.

| helper | what it does |
|---|---|
"""
PARTS_OF_HELPERS = ("near_sine", "slope", "line_place", "cube_place", "tile_place")  # what others are made of

FEATURES_BEGIN = """\
# Feature schema

Written by `python docs/write_reference.py` from the declarations of the nodes. Each row is an output of the node, read
as `features.rms`; one column of several is `features.mfcc.3`, `features.chroma.Cs` or `features.section_is.B`.

A signal is float32, one row for each film frame, `(frames,)` or `(frames, columns)`, rounded to multiples of 2⁻¹⁶.
What is heard lies on a grid of its own, about 12 ms apart, and is brought to the film's frames by its mean around the
exact time of each frame. *Impulses* are not averaged: they are 0 but in the frame in which something begins, so no
frame rate swallows one. What lies in 0..1 does so within the track: 0 is its 2nd percentile, 1 its 99.8th.
[hearing.md](hearing.md) says how all this is heard, and how to correct it.

`n2s export song.yaml --timelines -o song.npz` writes the signals of a track for other programs, as arrays
`signal/NODE.OUTPUT`, with `times` in seconds and a description of each in `schema`.

"""
HEARING = ("Features", "Harmony", "Melody")


def words_of(kind: Any) -> str:
    """Return what an option takes, in a word or two; "" for a flag."""
    if isinstance(kind, types.UnionType):
        return words_of(next(each for each in typing.get_args(kind) if each is not type(None)))
    if typing.get_origin(kind) is list:
        return words_of(typing.get_args(kind)[0])
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " or ".join(str(each.value) for each in kind)
    return {bool: "", int: "whole number", float: "number", str: "text", Path: "path"}[kind]


def rows_of(function: Any) -> Iterator[tuple[bool, str, str, str]]:
    """Yield of each parameter of a command: whether it is an option, how it is written, what it takes, what it is."""
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        kind, info, default = *typing.get_args(hints[parameter.name])[:2], parameter.default
        option = isinstance(info, typer.models.OptionInfo)
        # Within Annotated, the first name of an option stands where its default would.
        names = [name for name in (info.default, *(info.param_decls or ())) if str(name).startswith("-")]
        written = ", ".join(f"`{name}`" for name in names or [f"--{parameter.name.strip('_').replace('_', '-')}"])
        takes = [
            re.sub(r"^\[(.*)\]$", r"\1", info.metavar or "") or (words_of(kind) if option else parameter.name.upper())
        ]
        if info.min is not None or info.max is not None:
            least, most = (f"{edge:g}" if edge is not None else "" for edge in (info.min, info.max))
            takes.append(f"{least}..{most}" if least and most else f"at least {least}" if least else f"at most {most}")
        said = (info.help or "").rstrip(".")
        if default not in (inspect.Parameter.empty, None, False, ()) and "default" not in said:
            said += f"; default `{default}`"
        yield option, written if option else f"`{takes[0]}`", ", ".join(filter(None, takes)), said


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def command_page(name: str, function: Any) -> list[str]:
    """Return the lines that describe a command."""
    rows = list(rows_of(function))
    required = {parameter.name for parameter in inspect.signature(function).parameters.values()
                if parameter.default is inspect.Parameter.empty}  # fmt: skip
    arguments = [written.strip("`") for option, written, _, _ in rows if not option]
    shown = " ".join(word if required else f"[{word}]" for word in arguments)
    lines = [f"## n2s {name}", "", prose(inspect.getdoc(function) or ""), ""]
    lines += ["```text", f"n2s {name} {shown} [OPTIONS]".replace("  ", " "), "```", "", "| | takes | what it does |",
              "|---|---|---|"]  # fmt: skip
    for option, written, takes, said in rows:
        lines.append(f"| {cell(written)} | {cell(takes) if option else ''} | {cell(said)} |")
    return [*lines, "", "```bash", *EXAMPLES[name], "```", ""]


def commands(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield every command of the command line: its words and its function."""
    for command in app.registered_commands:
        yield (command.name or command.callback.__name__).replace("_", "-"), command.callback
    for group in app.registered_groups:
        nested = group.typer_instance
        name = group.name if isinstance(group.name, str) else nested.info.name
        yield from ((f"{name} {word}", function) for word, function in commands(nested))


def command_line() -> str:
    from n2s.cli import app

    every = list(commands(app))
    lines = ["| command | what it does |", "|---|---|"]
    for name, function in every:
        first = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
        lines.append(f"| [`n2s {name}`](#n2s-{name.replace(' ', '-')}) | {cell(first.replace('``', '`'))} |")
    for name, function in every:
        lines += ["", *command_page(name, function)[:-1]]
    return COMMANDS_BEGIN + "\n".join(lines) + "\n"


def prose(text: str) -> str:
    """Return a docstring as Markdown: its sections become lists."""
    parts = re.split(r"^(\w[\w ]*)\n-+\n", text.replace("``", "`"), flags=re.M)
    said = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2]):
        said.append(f"**{title}**")
        said.append(_entries(body))
    return "\n\n".join(filter(None, said))


def _entries(body: str) -> str:
    """Return the entries of a section of a docstring as a list."""
    lines = []
    for entry in re.split(r"\n(?=\S)", body.strip()):
        head, _, told = inspect.cleandoc(entry).partition("\n")
        name, colon, kind = head.partition(" : ")
        text = " ".join(inspect.cleandoc(told).split())
        lines.append(f"- `{name}`{f' ({kind})' if colon else ''}{f': {text}' if text else ''}")
    return "\n".join(lines)


def signature(name: str, function: Any, drop_first: bool = False) -> str:
    """Return how something is called, as text."""
    if isinstance(function, type) and function.__init__ is Exception.__init__:  # versions of Python tell it otherwise
        return name
    parameters = list(inspect.signature(function).parameters.values())[drop_first:]
    words, starred = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            words, starred = [*words, "*"], True
        before = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        starred = starred or before == "*"
        default = "" if parameter.default is parameter.empty else f"={_shown(parameter.default)}"
        words.append(f"{before}{parameter.name}{default}")
    return f"{name}({', '.join(words)})"


def _shown(default: Any) -> str:
    return "…" if callable(default) or type(default).__module__ != "builtins" else repr(default)


def members(cls: type) -> Iterator[tuple[str, str, str]]:
    """Yield the methods and properties of a class that users need: name, how it is called, docstring."""
    for name in MEMBERS[cls.__name__]:
        value = inspect.getattr_static(cls, name)
        is_property = isinstance(value, property) or type(value).__name__ == "cached_property"
        function = getattr(value, "__func__", value)
        how = name if is_property else signature(name, function, not isinstance(value, staticmethod))
        yield name, how, inspect.getdoc(value) or ""


def public(module: str) -> list[str]:
    """Return the names of a module that are on the page."""
    return list(PUBLIC[module] or importlib.import_module(module).__all__)


def name_page(module: str, name: str) -> list[str]:
    """Return the lines that describe a public class or function."""
    value = getattr(importlib.import_module(module), name)
    lines = [f"### {module}.{name}", "", "```text", signature(name, value), "```", "",
             prose(inspect.getdoc(value) or ""), ""]  # fmt: skip
    for called, how, told in members(value) if name in MEMBERS else ():
        lines += [f"#### {name}.{called}", "", "```text", how, "```", "", prose(told), ""]
    return lines


def api() -> str:
    lines = []
    for module in PUBLIC:
        about = inspect.getdoc(importlib.import_module(module)) or ""
        first = about.partition("\n\n")[0].replace("\n", " ").replace("``", "`")
        lines += [f"## {module}", "", first[:1].upper() + first[1:], ""]
        if module == "n2s.functions":
            lines += _names_of_expressions(module)
        else:
            lines += [line for name in public(module) for line in name_page(module, name)]
    return API_BEGIN + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n\n" + helpers_of_pixels()


def helpers_of_pixels() -> str:
    """Return the table of the functions that pixel code may call."""
    from n2s.graph import shader

    rows = []
    for name, value in vars(shader).items():
        if inspect.isfunction(value) and value.__module__ == shader.__name__ and name not in PARTS_OF_HELPERS:
            told = (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
            rows.append(f"| `{signature(name, value)}` | {cell(told.replace('**', chr(92) + '*' + chr(92) + '*'))} |")
    return HELPERS_BEGIN + "\n".join(rows) + "\n"


def _names_of_expressions(module: str) -> list[str]:
    """Return two lists: the functions of expressions, and the numbers that they may name."""
    values = {name: getattr(importlib.import_module(module), name) for name in public(module)}
    functions = ", ".join(f"`{name}`" for name, value in values.items() if callable(value))
    numbers = ", ".join(f"`{name}`" for name, value in values.items() if not callable(value))
    return [f"Functions: {functions}.", "", f"Numbers that move: {numbers}.", "",
            "[graphs.md](graphs.md#expressions) says what each of them is.", ""]  # fmt: skip


def features() -> str:
    import n2s.nodes

    lines = []
    for name in HEARING:
        lines += [f"## {name}", "", "| output | columns | unit or range | what it is |", "|---|---|---|---|"]
        for output, about in getattr(n2s.nodes, name).outputs.items():
            columns = about.column_words if about.columns else "one number"
            told = f"{about.help}; impulses" if about.impulses else about.help
            lines.append(f"| `{output}` | {columns} | {about.unit} | {cell(told)} |")
        lines.append("")
    return FEATURES_BEGIN + "\n".join(lines)


def nodes() -> str:
    from n2s.graph.describe.descriptions import own
    from n2s.graph.describe.page import handbook
    from n2s.graph.registry import node_types

    return handbook(own(node_types().values()))


PAGES = {"command-line.md": command_line, "api.md": api, "features.md": features, "nodes.md": nodes}


def main() -> None:
    for page, write in PAGES.items():
        (DOCS / page).write_text(write(), encoding="utf-8")
        print(f"docs/{page}")


if __name__ == "__main__":
    main()
