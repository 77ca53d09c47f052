"""The identity of code: a digest of everything that a node's or the engine's results may come from.

It is made of whole modules, so that nothing that a function can reach is left out: constants of every type, defaults,
decorators, helpers behind `partial` or a cache, classes, modules named by modules.

- Of this library, the modules that are imported from a starting one, directly or through others. Left out is `APART`.
- Of a package of others, every module and every other file in its folder, and in the same way every package that it
  imports and that is not installed as a library. Libraries count by their version, small ones by their content too.
- Module constants and class attributes of such packages also by their present value, as far as it is plain: they may come
  from an environment variable, or be set by a script.

What counts is the code that was loaded (`n2s.graph.loaded`). A module whose file is still as it was when it was executed
is known by the syntax tree of its text, so that comments, docstrings and layout do not count (docstrings do in a module
that reads ``__doc__``), and the digest is the same in every process and on every version of Python. A module whose file
was edited meanwhile is known by the code object that was executed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph import loaded
from n2s.graph.code_files import ABSENT, OWN, file_of, installed_version, package_around, package_files
from n2s.graph.code_text import Facts, code_imports, digest_code, facts_of, is_text_of, resolve_imports
from n2s.graph.errors import GraphError
from n2s.graph.keys import digest, digest_array, digest_bytes

# Modules of this library that decide no bit of a frame beyond what stands in the recipe by its value: they read, check and
# write graphs, make keys, keep and check files. Samples of music are known by their digest.
APART = frozenset(
    f"{OWN}.{name}"
    for name in (
        "graph.build", "graph.code", "graph.code_files", "graph.code_text", "graph.declarations", "graph.errors", "graph.graph",
        "graph.keys", "graph.loaded", "graph.registry", "runtime.audio", "runtime.events", "runtime.inputs", "runtime.mp4",
        "runtime.onnxfile", "runtime.quiet", "runtime.store",
    )
)  # fmt: skip
ENGINE = tuple(f"{OWN}.runtime.{name}" for name in ("frames", "segments", "context"))  # with what they import, they make frames
_executed: dict[int, Facts] = {}  # by execution: once known, an edit of the file makes no difference


def engine_parts() -> dict[str, str]:
    """Return the digests of the modules of this library that make frames, by name; they stand beside all nodes."""
    walk = _Walk(_digest_of_file, frozenset())
    for name in ENGINE:
        walk.follow(name, 0)
    return walk.parts


def code_digest(
    subject: type | str, file_digest: Callable[[Path], str] | None = None, beside: frozenset[str] = frozenset()
) -> str:
    """Return 40 hexadecimal digits that name all code behind a class of nodes or a module of this library.

    Parameters
    ----------
    subject : type or str
        A class, or the name of a module.
    file_digest : callable, optional
        Returns a digest of a file's bytes; a store can remember it.
    beside : set of str
        Modules of this library that are left out, because their digests stand beside this one.

    Raises
    ------
    GraphError
        When the class lives in no file, or its file was edited so that what is loaded cannot be known any more.
    """
    return digest(code_parts(subject, file_digest, beside))


def code_parts(
    subject: type | str, file_digest: Callable[[Path], str] | None = None, beside: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return what `code_digest` is made of: digests and versions by module, file and library."""
    walk = _Walk(file_digest or _digest_of_file, beside)
    if isinstance(subject, str):
        walk.follow(subject, 0)
        return walk.parts
    for cls in subject.__mro__:
        top = cls.__module__.partition(".")[0]
        if top in sys.stdlib_module_names or (top not in (OWN, "__main__") and installed_version(top) not in ("", ABSENT)):
            continue
        walk.follow(cls.__module__, *vars(cls).get("_born", (0, None)))
        if top != OWN:
            walk.note_values(f"{cls.__module__}.{cls.__qualname__}", vars(cls), ())
    if subject.__module__.partition(".")[0] != OWN:
        walk.note_methods(subject)
    return walk.parts


def _digest_of_file(path: Path) -> str:
    return digest_bytes(path.read_bytes())


class _Walk:
    """Gathers the parts of one identity."""

    def __init__(self, file_digest: Callable[[Path], str], beside: frozenset[str]):
        self.parts: dict[str, str] = {}
        self._file_digest, self._beside = file_digest, beside
        self._tops: set[str] = set()

    def follow(self, name: str, since: int, file: str | None = None) -> None:
        """Take in a module, of which the file may be known, and what it imports."""
        top = name.partition(".")[0]
        if top == OWN:
            self._follow_own(name, since)
        elif name == "__main__":
            self._module(name, file or file_of(name), since)
        elif top not in self._tops:
            self._tops.add(top)
            self._follow_package(since, *(package_around(name, file) if file else package_files(top)))

    def _follow_own(self, name: str, since: int) -> None:
        start, pending = name, [(name, since)]
        while pending:
            name, since = pending.pop()
            if (name in APART and name != start) or name in self.parts or name in self._beside:
                continue
            imports, earliest = self._note_module(name, file_of(name), since)
            pending += [(other, earliest) for other in imports if other.partition(".")[0] == OWN]

    def _follow_package(self, since: int, folder: Path, files: list[Path]) -> None:
        """Every module and every other file of a package, or a module that stands alone."""
        for file in files:
            place = file.relative_to(folder)
            if file.suffix != ".py":
                self.parts[f"file {place.as_posix()}"] = self._file_digest(file)
                continue
            parts = place.with_suffix("").parts
            self._module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), str(file), since)

    def _module(self, name: str, file: str, since: int) -> None:
        imports, earliest = self._note_module(name, file, since)
        if (module := sys.modules.get(name)) and getattr(module, "__file__", None) == file:
            self.note_values(name, vars(module), facts_of(file).changing)
        for other in imports:
            top = other.partition(".")[0]
            if top in sys.stdlib_module_names:
                self.parts["python"] = "{}.{}".format(*sys.version_info)
            elif top == OWN or not (version := installed_version(top)):
                self.follow(other, earliest)
            else:
                self.parts[f"library {top}"] = version

    def _note_module(self, name: str, file: str, since: int) -> tuple[list[str], int]:
        """Note a module by the code that was executed; return what it imports, and the moment it first did so."""
        top, runs, state = name.partition(".")[0], loaded.executions(file, since), loaded.stamp(file)
        earlier, before = loaded.imported_earlier(file)
        if not runs and earlier and before != state and name in sys.modules:
            raise GraphError(f"{file} was edited after it was imported, so it is unknown which code is in use. Start Python "
                             "again, or import n2s before it.")
        for run in runs:
            if run.order not in _executed:
                edited = run.stamp != state or (top != OWN and not is_text_of(file, run.code))
                _executed[run.order] = Facts(digest_code(run.code), tuple(code_imports(run.code)), ()) if edited else facts_of(file)
        found = [_executed[run.order] for run in runs] or [facts_of(file)]
        self.parts[name] = " ".join(dict.fromkeys(facts.digest for facts in found))
        imports = [text for facts in found for text in facts.imports]
        return resolve_imports(name, file, imports), runs[0].order if runs else since

    def note_values(self, owner: str, values: Any, changing: tuple[str, ...]) -> None:
        """Note what is plain among the values of a module's or class's names, but for those that functions assign."""
        for name, value in sorted(dict(values).items()):
            if not name.startswith("__") and name not in changing and name not in ("_born", "_pixel_text"):
                if (shown := _plain(value)) is not None:
                    self.parts[f"{owner}.{name} ="] = shown

    def note_methods(self, cls: type) -> None:
        """Note methods that were put into a class from elsewhere, after it was made."""
        files = {vars(base)["_born"][1] for base in cls.__mro__ if "_born" in vars(base)}
        for name in ("compute", "digests", "open", "pixel", "prepare", "window"):
            function = getattr(getattr(cls, name, None), "__func__", getattr(cls, name, None))
            made = getattr(function, "__code__", None)
            if made is not None and made.co_filename not in files and function.__module__.partition(".")[0] != OWN:
                self.parts[f"{cls.__qualname__}.{name} ()"] = digest_code(made)
                if os.path.isfile(made.co_filename):
                    self.follow(function.__module__, 0, made.co_filename)


def _plain(value: Any) -> str | None:
    """Return a text that names an immutable plain value or an array; None for all else, and for paths on this machine."""
    if isinstance(value, np.ndarray):
        return digest_array(value) if value.dtype != object else None
    if isinstance(value, str):
        return None if os.path.isabs(value) and os.path.exists(value) else repr(value)
    if value is None or type(value) in (bool, int, float, complex, bytes) or isinstance(value, np.generic):
        return repr(value)
    if type(value) is tuple:
        items = [_plain(item) for item in value]
        return None if None in items else f"({', '.join(items)})"
    if type(value) is frozenset:
        items = [_plain(item) for item in value]
        return None if None in items else f"{{{', '.join(sorted(items))}}}"
    return None
