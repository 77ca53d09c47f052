"""Pictures, videos, tables, fonts and models on their way to machines that do not see the files of this one.

They go through the store, each file once, known by its bytes; whoever opens the job finds them in a folder of its own.
Music stays at home: what was heard of it is in the job's signals.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from n2s.graph.code.files import files_below
from n2s.graph.errors import MissingFileError, RenderError
from n2s.graph.keys import digest
from n2s.runtime.context import RunContext
from n2s.runtime.disk_errors import disk_error

KIND = "sources"  # of the store's entries

# The digest of a file or folder, and of each file in it: its name there, its key and its ending.
Sent = tuple[str, tuple[tuple[str, str, str], ...]]


def send_sources(paths: Iterable[Path], context: RunContext) -> dict[Path, Sent]:
    """Put files, and all that is in folders, into the store; return what was sent, by path."""
    sent: dict[Path, Sent] = {}
    for path in paths:
        if not path.exists():  # whoever reads it says so in its own words
            continue
        files = files_below(path) if path.is_dir() else [path]
        sent[path] = context.file_digest(path), tuple(_send(file, path, context) for file in files)
    return sent


def _send(file: Path, below: Path, context: RunContext) -> tuple[str, str, str]:
    name = file.relative_to(below).as_posix() if file != below else file.name
    recipe = {"source": context.file_digest(file)}
    key = digest(recipe)
    if not context.store.has_for_others(KIND, key, file.suffix):
        context.say(f"sending {file.name} to the store, once")
        context.store.add(KIND, key, file.suffix, recipe, lambda path: shutil.copyfile(file, path))
    return name, key, file.suffix


def placed_sources(sent: Mapping[Path, Sent], context: RunContext, folder: Path) -> dict[Path, Path]:
    """Return where each of them is on this machine: where it was, if it is the same there, else below a folder."""
    return {
        path: path if _is_here(path, its, context) else _place(path, its, context, folder) for path, its in sent.items()
    }


def _is_here(path: Path, sent: Sent, context: RunContext) -> bool:
    try:
        return context.file_digest(path) == sent[0]
    except MissingFileError:
        return False


def _place(path: Path, sent: Sent, context: RunContext, folder: Path) -> Path:
    """Take one of them from the store, under its own name."""
    place = folder / digest(str(path))[:12]
    is_folder = len(sent[1]) != 1 or sent[1][0][0] != path.name
    for name, key, suffix in sent[1]:
        found = context.store.find(KIND, key, suffix)
        if found is None:
            raise RenderError(f"{path} was sent, and is in the store no more. Run again.")
        target = place / path.name / PurePosixPath(name) if is_folder else place / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(found, target)  # it costs nothing, and stays when the store makes room
            except OSError:
                shutil.copyfile(found, target)
        except OSError as error:
            raise disk_error(error, target) from error
    return place / path.name
