"""The identity of code: a digest of everything that a node's or the engine's results may come from.

It is made of whole modules, so that nothing that a function can reach is left out: constants of every type, defaults,
decorators, helpers behind `partial` or a cache, classes, modules named by modules.

- Of this library, the modules that are imported from a starting one, directly or through others. Left out is `APART`.
- Of a package of others, every module and every other file in its folder, and in the same way every package that it
  imports and that is not installed as a library. Libraries count by their version, small ones by their content too.
- Module constants and class attributes of such packages also by their present value, as far as it is plain: they may
  come from an environment variable, or be set by a script.

What counts is the code that was loaded (`n2s.graph.code.loaded`). A module whose file is still as it was when it was
executed is known by the syntax tree of its text, so that comments, docstrings and layout do not count (docstrings do in
a module that reads ``__doc__``), and the digest is the same in every process and on every version of Python. A module
whose file was edited meanwhile is known by the code object that was executed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Set
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from n2s.graph.code import loaded
from n2s.graph.code.files import (
    ABSENT,
    OWN,
    file_of,
    installed_version,
    is_small,
    is_standard,
    package_around,
    package_files,
)
from n2s.graph.code.text import Facts, code_imports, digest_code, facts_of, is_text_of, resolve_imports
from n2s.graph.errors import GraphError
from n2s.graph.keys import digest, digest_array, digest_bytes

# Modules of this library that decide no bit of a frame beyond what stands in the recipe by its value: they read, check
# and write graphs, make keys, keep and check files. Samples of music are known by their digest.
APART = frozenset(
    f"{OWN}.{name}"
    for name in (
        "graph.code.identity", "graph.code.files", "graph.code.text", "graph.code.changes", "graph.code.loaded",
        "graph.code.written", "graph.declarations", "graph.entries", "graph.errors", "graph.format_registry",
        "graph.graph", "graph.handles", "graph.keys", "graph.registry", "graph.wording", "plan.keys",
        "formats.mp4", "runtime.media.audio", "runtime.events", "graph.amounts", "runtime.budget",
        "runtime.gpu", "runtime.inputs", "runtime.media.quiet", "runtime.memory", "runtime.models.onnxfile",
        "runtime.render.helpers", "runtime.store",
    )
)  # fmt: skip
# What decides which stages there are, and what makes their frames and what is stored of them; with what they import.
ENGINE = (
    f"{OWN}.plan.film",
    f"{OWN}.runtime.render.frames",
    f"{OWN}.runtime.render.measures",
    f"{OWN}.runtime.render.together",
    f"{OWN}.runtime.context",
    # Imported by the text of kernels alone.
    *(
        f"{OWN}.runtime.render.kernels.{name}"
        for name in ("fused", "gaussians", "integers", "level_rows", "light_making", "maps", "sampling", "vectors")
    ),
)
_late: set[str] = set()  # files of modules that were not imported when they were first looked at
_executed: dict[int, Facts] = {}  # by execution: once known, an edit of the file makes no difference


def engine_parts() -> dict[str, str]:
    """Return the digests of the modules of this library that make frames, by name; they stand beside all nodes."""
    walk = _Walk(_digest_of_file, frozenset())
    for name in ENGINE:
        walk.follow(name, 0)
    return walk.parts


def engine_names() -> frozenset[str]:
    """Return the names of the modules that `engine_parts` has; they are the same until code is executed again."""
    return _engine_names(loaded.now())


@lru_cache(maxsize=1)
def _engine_names(moment: int) -> frozenset[str]:
    return frozenset(engine_parts())


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
    noted: list[tuple[str, type]] = []
    for cls in subject.__mro__:
        top, (born, file) = cls.__module__.partition(".")[0], vars(cls).get("_born", (0, None))
        if file is None and (
            is_standard(top) or (top not in (OWN, "__main__") and installed_version(top) not in ("", ABSENT))
        ):
            continue
        walk.follow(cls.__module__, born, file)
        if top != OWN:
            noted.append((f"{cls.__module__}.{cls.__qualname__}", cls))
    if subject.__module__.partition(".")[0] != OWN:
        walk.note_methods_from_elsewhere(subject)
    walk.note_values()
    for owner, cls in noted:
        walk.note_class(owner, cls)
    return walk.parts


def _digest_of_file(path: Path) -> str:
    return digest_bytes(path.read_bytes())


class _Walk:
    """Gathers the parts of one identity."""

    def __init__(self, file_digest: Callable[[Path], str], beside: frozenset[str]):
        self.parts: dict[str, str] = {}
        self._file_digest, self._beside = file_digest, beside
        self._tops: set[str] = set()
        self._changing: set[str] = set()  # names of what own packages change; see `find_changes`
        self._by_file: dict[str, ModuleType] | None = None  # the modules that are loaded
        self._holders: dict[str, ModuleType] = {}  # modules whose values count

    def follow(self, name: str, since: int, file: str | None = None) -> None:
        """Take in a module, of which the file may be known, and what it imports."""
        if name == "__main__":
            file = file or file_of(name)
            spec = getattr(sys.modules[name], "__spec__", None)
            name = spec.name if spec else Path(file).stem  # of ``python -m package.module``, and of a script
        top = name.partition(".")[0]
        if top == OWN:
            self._follow_own(name, since)
        elif top not in self._tops:
            self._tops.add(top)
            for folder, files in package_around(name, file) if file else package_files(top):
                self._follow_package(since, folder, files)

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
        top, facts = name.partition(".")[0], facts_of(file)
        self.parts["python"] = "{}.{}".format(*sys.version_info)  # even the sum of a list is another on some
        for variable in facts.variables:
            if variable in os.environ:
                self.parts[f"variable {variable}"] = os.environ[variable]
        loaded_as = self._loaded_from(name, file)
        own = not installed_version(top)
        if own:
            self._changing.update(facts.changing)
        if loaded_as is None or file in _late:
            _late.add(file)  # what it holds once it is imported was not known before, and may not matter then
            self._file_digest(Path(file))  # but its text must be then what it is now
        elif own:
            self._holders[name] = loaded_as
        for other in imports:
            top = other.partition(".")[0]
            if top != OWN and is_standard(top):
                continue
            version = "" if top == OWN else installed_version(top)
            if version:
                self.parts[f"library {top}"] = version
            if not version or (version != ABSENT and is_small(top)):
                self.follow(other, earliest)

    def _loaded_from(self, name: str, file: str) -> ModuleType | None:
        """Return the module that a file was loaded as: by its name, or by another where its folder is on sys.path."""
        for module in map(sys.modules.get, (name, "__main__")):
            if module and getattr(module, "__file__", None) == file:
                return module
        if self._by_file is None:  # once for all that are under another name, or not loaded
            modules = [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
            files = [(vars(module).get("__file__"), module) for module in modules]
            self._by_file = {os.path.abspath(place): module for place, module in files if isinstance(place, str)}
        return self._by_file.get(os.path.abspath(file))

    def _note_module(self, name: str, file: str, since: int) -> tuple[tuple[str, ...], int]:
        """Note a module by the code that was executed; return what it imports, and the moment it first did so."""
        top, runs, state = name.partition(".")[0], loaded.executions(file, since), loaded.stamp(file)
        earlier, before = loaded.imported_earlier(file)
        if not runs and earlier and before != state and name in sys.modules:
            raise GraphError(
                f"{file} was edited after it was imported, so it is unknown which code is in use. Start Python "
                "again, or import n2s before it."
            )
        for run in runs:
            if run.order not in _executed:
                edited = run.stamp != state or (top != OWN and not is_text_of(file, run.code))
                _executed[run.order] = (
                    Facts(digest_code(run.code), tuple(code_imports(run.code)), ()) if edited else facts_of(file)
                )
        found = [_executed[run.order] for run in runs] or [facts_of(file)]
        self.parts[name] = " ".join(dict.fromkeys(facts.digest for facts in found))
        imports = [text for facts in found for text in facts.imports]
        return resolve_imports(name, file, imports), runs[0].order if runs else since

    def note_values(self) -> None:
        """Note the plain values of the names of all modules and of their own classes, except for what changes.

        This comes when all packages are known, as a module may fill the tables of any other.
        """
        for owner, module in self._holders.items():
            place = owner.rpartition(".")[2]
            for name, value in sorted(dict(vars(module)).items()):
                if name in _OF_MODULES or not self._changing.isdisjoint((name, f"{place}.{name}")):
                    continue
                self._note_value(f"{owner}.{name}", value)
                if isinstance(value, type) and value.__module__ == module.__name__:
                    self.note_class(f"{owner}.{name}", value)
                elif isinstance(value, FunctionType) and value.__module__ == module.__name__:
                    self._note_function(f"{owner}.{name}", value)

    def note_class(self, owner: str, cls: type) -> None:
        """Note what is plain among the attributes of a class, and what its functions carry with them."""
        for name, value in sorted(vars(cls).items()):
            if (
                self._changing.isdisjoint((f".{name}", f"{cls.__name__}.{name}"))
                and name not in ("_born", "_pixel_text")
                and not (name.startswith("__") and not callable(_function(value)))
            ):
                self._note_value(f"{owner}.{name}", value)
                if isinstance(function := _function(value), FunctionType):
                    self._note_function(f"{owner}.{name}", function)

    def _note_value(self, name: str, value: Any) -> None:
        if (shown := _plain(value)) is not None:
            self.parts[f"{name} ="] = shown

    def _note_function(self, name: str, function: FunctionType) -> None:
        """Note defaults, and values that a function was made around, without what changes; its text says the rest."""
        code, defaults = function.__code__, function.__defaults__ or ()
        changing = self._changing
        if os.path.isfile(code.co_filename):  # what a decorator of another package made
            changing = changing.union(facts_of(code.co_filename).changing)
        by_name = zip(code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount], defaults)
        if kept := tuple(value for argument, value in by_name if not _is_changed(argument, value, changing)):
            self._note_value(f"{name} defaults", kept)
        by_name = (function.__kwdefaults__ or {}).items()
        if kept := {argument: value for argument, value in by_name if not _is_changed(argument, value, changing)}:
            self._note_value(f"{name} keyword defaults", kept)
        for variable, cell in zip(code.co_freevars, function.__closure__ or ()):
            with contextlib.suppress(ValueError):  # a cell that is empty
                if not _is_changed(variable, cell.cell_contents, changing):
                    self._note_value(f"{name} {variable}", cell.cell_contents)

    def note_methods_from_elsewhere(self, cls: type) -> None:
        """Note methods that were put into a class after it was made."""
        files = {vars(base)["_born"][1] for base in cls.__mro__ if "_born" in vars(base)}
        for base in cls.__mro__:
            for name, value in vars(base).items():
                function = _function(value)
                made = getattr(function, "__code__", None)
                if made is None or made.co_filename in files or made.co_filename[:1] == "<" or not function.__module__:
                    continue
                top = function.__module__.partition(".")[0]
                if top != OWN and not is_standard(top) and (top == "__main__" or not installed_version(top)):
                    self.parts[f"{cls.__qualname__}.{name} ()"] = digest_code(made)
                    if os.path.isfile(made.co_filename):
                        self.follow(function.__module__, 0, made.co_filename)


# What Python itself puts into a module.
_OF_MODULES = frozenset(
    (
        "__name__",
        "__doc__",
        "__file__",
        "__loader__",
        "__spec__",
        "__package__",
        "__path__",
        "__cached__",
        "__builtins__",
        "__annotations__",
        "__conditional_annotations__",
    )
)
MOST_ITEMS = 100_000  # of a table whose present contents count
DEEPEST = 8  # tables in tables
FILLED = (list, set, dict)  # tables that may be filled
NOT_PLAIN = "…"  # in place of an item whose value is not known; no text of a plain one is this


def _is_changed(variable: str, value: Any, changing: Set[str]) -> bool:
    """Say whether what a variable of a function holds counts by the text alone."""
    return variable in changing or (f"+{variable}" in changing and isinstance(value, (*FILLED, np.ndarray)))


def _function(value: Any) -> Any:
    """Return the function of a method, whatever kind it is."""
    return getattr(value, "__func__", None) or getattr(value, "fget", None) or value


def _plain(value: Any, around: tuple[Any, ...] = ()) -> str | None:
    """Return a text for a plain value, an array, or what is plain in a table; None for others.

    Paths of this machine are not plain. What is not plain in a table has a mark in its place, as it may stand beside a
    number that counts. So have lists, sets and dictionaries beside it: who keeps a lock or an object in a table keeps
    there what is filled while films are rendered, too. ``around`` are the tables that hold the value.
    """
    if isinstance(value, np.ndarray):
        return digest_array(value) if value.dtype != object else None
    if isinstance(value, str):
        return None if os.path.isabs(value) and os.path.exists(value) else repr(value)
    if value is None or type(value) in (bool, int, float, complex, bytes) or isinstance(value, np.generic):
        return repr(value)
    items = _items(value)
    if items is None or len(items) >= MOST_ITEMS or len(around) >= DEEPEST or any(value is other for other in around):
        return None
    shown = [_plain(item, (*around, value)) for item in items]
    if None in shown:
        shown = [None if type(item) in FILLED else text for item, text in zip(items, shown)]
    if type(value) is dict:
        names = [_plain(name, (*around, value)) or NOT_PLAIN for name in value]
        parts = [part for name, item in zip(names, shown) for part in (name, item or NOT_PLAIN)]
    else:
        parts = [item or NOT_PLAIN for item in shown]
    if items and not any(shown):
        return None
    parts = sorted(parts) if isinstance(value, set | frozenset) else parts
    return f"{type(value).__name__}({', '.join(parts)})"


def _items(value: Any) -> list[Any] | None:
    """Return what a table holds, of a dictionary its values; None for what is no table."""
    if type(value) is dict:
        return list(value.values())
    if type(value) in (list, tuple, set, frozenset) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        return list(value)
    return None
