"""Errors for users: where, what was found, what was wanted, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, order=True)
class Position:
    """A place in a graph file; lines and columns count from 1.

    What was not given in a file, but as an argument, has that argument as its ``path``: "--set tone.exposure".
    """

    path: str
    line: int = 0
    column: int = 0
    argument: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


class N2SError(Exception):
    """Base of every error that the user can correct; shown without a traceback.

    ``exit_status`` is what the command line returns: 1 the render failed, 2 the graph, the arguments or a file
    that they name are wrong, so that running again without a change is in vain.
    """

    exit_status = 1
    problems: list[Problem]  # where it is known what is wrong, and where


class Cancelled(Exception):
    """Raised inside a task that was given up."""


class RenderError(N2SError):
    """Rendering failed, because of a file, a model, an encoder or the machine.

    ``of_disk`` is the reason why a disk did not take a file, and the file, where that is what failed.
    """

    of_disk: tuple[OSError, Path] | None = None


class OtherCode(RenderError):
    """This process would not make what was planned: its code, files or libraries differ."""


class ArgumentError(N2SError):
    """A command was asked for something it cannot do."""

    exit_status = 2


def checked_name(what: str, name: Any) -> str:
    """Return the name that something is called by in Python; ArgumentError for what is no text."""
    if not isinstance(name, str):
        raise ArgumentError(f"{what} is named by a text, not by {name!r:.60}.")
    return name


class MediaError(RenderError):
    """A file that was named cannot be used as it is: a picture, a piece of music, a table."""

    exit_status = 2
    missing: str  # what a damaged file lacks, where some of it could be used


class MissingFileError(MediaError):
    """A file or folder that was asked for is not there."""


class ChangedFileError(MediaError):
    """A file is not what it was when the run began; the next run takes it as it is then."""

    exit_status = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with a graph."""

    position: Position | None
    text: str

    def __str__(self) -> str:
        if self.position and self.position.argument:
            return f"{self.position}: {self._without_name()}"
        return f"{self.position}  {self.text}" if self.position else self.text

    def _without_name(self) -> str:
        """Return the text without the name of what it speaks of, where the argument has named it."""
        name, colon, rest = self.text.partition(": ")
        named = (self.position or Position("")).path.rpartition(" ")[2].lstrip("-")
        first_port = named.endswith(".in") and named.removesuffix("in") == name[: name.rfind(".") + 1]
        return rest if colon and (first_port or f".{named}".endswith(f".{name}")) else self.text


class GraphError(N2SError):
    """Everything wrong with a graph, all of it at once."""

    exit_status = 2
    parts: Any = None  # of a file with mistakes: what of its graph could be read (`n2s.graph.parts`)
    moment: Any = None  # which the music does not have (`n2s.graph.landmarks`)

    def __init__(self, problems: list[Problem] | str):
        if isinstance(problems, str):
            problems = [Problem(None, problems)]
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


def shortened(said: str, most: int = 300) -> str:
    """Return what a library's error says, the beginning of what is too long for a message."""
    return said if len(said) <= most else f"{said[:most].rstrip('. ')} …"


def short_name(path: str) -> str:
    """Return a path as a message has it: the middle of one that no file system takes is left out."""
    return path if len(path) <= 1000 else f"{path[:100]}…{path[-100:]}"
