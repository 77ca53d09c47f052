"""The formats there are: this library's own and those of installed packages, found through one entry point group.

A format is loaded when a sink names it. A package that cannot be loaded, a name that two packages define, a class that
is no format: each stops only the graphs that need it.
"""

from __future__ import annotations

import re
from functools import cache
from inspect import isclass
from typing import Any

from n2s.graph.authors import shown, told_of
from n2s.graph.entries import defined_by, entries, load_entry, package_of, suggest
from n2s.graph.errors import GraphError
from n2s.graph.format import Format

GROUP = "n2s.formats"
_SUFFIX = re.compile(r"\.[a-z0-9]+")


@cache
def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises
    ------
    GraphError
        When there is none, several, or one that cannot be used.
    """
    found = entries(GROUP)
    named = [entry for entry in found if entry.name == name]
    if not named:
        known = sorted({entry.name for entry in found})
        cure = suggest(name, known) or "No formats are installed; install the package itself: pip install -e ."
        raise GraphError(f'there is no format "{name}". {cure}')
    if len(named) > 1:
        listed = defined_by(f"{entry.value} of {package_of(entry)}" for entry in named)
        raise GraphError(
            f'the format "{name}" is defined by {listed}; it is of no use until all but one are uninstalled.'
        )
    entry = named[0]
    cls, broken = load_entry(entry)
    if broken:
        raise GraphError(f'the format "{name}" is in a package that cannot be loaded: {broken}')
    what = f'the format "{name}" of {package_of(entry)} ({entry.value})'
    if not isclass(cls) or not issubclass(cls, Format):
        raise GraphError(f"{what} is no format: a class that inherits from n2s.graph.format.Format was wanted.")
    if missing := sorted(cls.__abstractmethods__):
        raise GraphError(f"{what} is no format yet: it has no {', '.join(missing)}.")
    owed = {"write_sound": cls.carries_sound, "write_frames": cls.gives_frames}
    if missing := [name for name, promised in owed.items() if promised and getattr(cls, name) is getattr(Format, name)]:
        raise GraphError(f"{what} is no format yet: it promises what it has no {' and no '.join(missing)} for.")
    if wrong := _wrong_attribute(cls):
        raise GraphError(f"{what} is no format yet: {wrong}.")
    try:
        return cls()
    except Exception as error:  # an author's constructor may fail in any way
        raise GraphError(f"{what} cannot be made: {told_of(error, cls)}.") from error


def _wrong_attribute(cls: type[Format]) -> str:
    """Say what is wrong with a format's suffixes and endings; nothing when they can be names of files."""
    for name in ("suffix", "sound_suffix"):
        value = getattr(cls, name)
        if not isinstance(value, str) or not _SUFFIX.fullmatch(value) or value == ".json":
            return f"its {name} is {shown(value)}; a dot, small letters and digits were wanted, but not .json"
    endings = cls.endings
    if not isinstance(endings, tuple) or not all(isinstance(one, str) and _SUFFIX.fullmatch(one) for one in endings):
        return f"its endings are {shown(endings)}; a tuple of words like .mp4, in small letters, was wanted"
    return ""


def format_of(sink: Any) -> Format:
    """Return the format that a sink writes.

    Raises
    ------
    GraphError
        When it cannot be found.
    """
    if not sink.format or not isinstance(sink.format, str):
        needed = 'its class needs one: format: ClassVar[str] = "video"'
        raise GraphError(f"{type(sink).__name__} names no format; {needed}.")
    return find_format(sink.format)


def format_problem(sink: Any) -> str:
    """Say why the format of a sink cannot be found; nothing when it can."""
    try:
        format_of(sink)
    except GraphError as error:
        return str(error)
    return ""
