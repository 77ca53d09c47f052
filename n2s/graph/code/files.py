"""Where code lies: the files of modules and of packages, and which packages are libraries that are installed."""

from __future__ import annotations

import ast
import glob
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.metadata import (
    EntryPoints,
    PackageNotFoundError,
    entry_points,
    packages_distributions,
    requires,
    version,
)
from pathlib import Path
from typing import Any

from n2s.graph.code.syntax import syntax_tree
from n2s.graph.code.written import without_written
from n2s.graph.errors import GraphError

OWN = __name__.partition(".")[0]
ABSENT = "absent"  # in place of the version of a library that is not there
SMALL_FILES, SMALL_BYTES = 64, 4_000_000  # a library with no more is looked into
# What editors, version control and Python itself leave in a folder.
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|\.git|\.hg|\.svn|\.ipynb_checkpoints|\.(mypy|pytest|ruff)_cache|\.idea|\.vscode|\.DS_Store|[^/]*~|\.#[^/]*"
    r"|\.[^/]*\.sw[a-z])(/|$)"
)
_ROOT = str(Path(__file__).resolve().parents[2])


def entry_points_of(group: str) -> EntryPoints:
    """Return the entry points of a group; what is installed is looked through once for all groups."""
    return _entry_points(tuple(sys.path)).select(group=group)


@cache
def _entry_points(path: tuple[str, ...]) -> EntryPoints:
    return entry_points()


def own_file(name: str) -> str | None:
    """Return the file of a module of this library, without importing it; None where there is no such module."""
    return _module_below(_ROOT, name)


@cache
def _module_below(root: str, name: str) -> str | None:
    place = os.path.join(root, *name.split(".")[1:])
    return next((file for file in (f"{place}.py", os.path.join(place, "__init__.py")) if os.path.isfile(file)), None)


def file_of(name: str) -> str:
    """Return the file of a module, imported or not."""
    if name.partition(".")[0] == OWN:
        file = own_file(name)
    else:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None) if module else getattr(_spec(name), "origin", None)
    if not file or not os.path.isfile(file):
        raise GraphError(
            f"{name} lives in no file, so nothing can tell when its code changes. Put it into a module or a package."
        )
    return file


def _spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def package_around(name: str, file: str) -> list[tuple[Path, list[Path]]]:
    """Return the folders that hold the package of a module, usually one, each with the package's files in it."""
    depth = name.count(".") + (os.path.basename(file) == "__init__.py")
    if not depth:
        return [_module_alone(Path(file))]
    root = Path(file).parents[depth - 1]
    if (root / "__init__.py").is_file():
        return [(root.parent, list(without_written(root, files_below(root))))]
    return _portions([str(root), *_folders(name.partition(".")[0])])


def package_files(top: str) -> list[tuple[Path, list[Path]]]:
    """Return the folders that a package lies in, each with the package's files in order."""
    return _portions(_folders(top)) if _folders(top) else [_module_alone(Path(file_of(top)))]


def _folders(top: str) -> list[str]:
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    return list(getattr(module, "__path__", None) or getattr(spec, "submodule_search_locations", None) or ())


def _portions(folders: list[str]) -> list[tuple[Path, list[Path]]]:
    roots = dict.fromkeys(
        Path(os.path.realpath(folder)) if not os.path.isdir(folder) else Path(folder) for folder in folders
    )
    return [(root.parent, list(without_written(root, files_below(root)))) for root in roots]


def _module_alone(file: Path) -> tuple[Path, list[Path]]:
    """Return the folder of a module that is no package, with the module and its data: named like it, or in its text.

    Other modules that its text names may be run by their path, and name data in turn. What this library wrote there is
    left out, as a script names the folder of its films, too.
    """
    found, pending, named = {file: None}, [file], list(_named_like(file))
    while pending:
        module = pending.pop()
        named += (path for folder in {file.parent: None, module.parent: None} for path in _named_by(module, folder))
        for path in without_written(file.parent, named):
            if path.suffix == ".py" and path not in found:
                pending.append(path)
            found[path] = None
        named = []
    return file.parent, list(found)


def _named_like(file: Path) -> Iterator[Path]:
    """Yield the files beside a module that have its name and another ending, and those in such folders."""
    for path in sorted(file.parent.glob(f"{glob.escape(file.stem)}.*")):
        if path.suffix not in (".py", ".egg-info"):
            yield from files_below(path) if path.is_dir() else [path]


def _named_by(file: Path, folder: Path) -> Iterator[Path]:
    """Yield the files that the text of a module names in a folder, and those below the folders that it names."""
    try:
        tree = syntax_tree(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for word in sorted(words):
        place = Path(word)
        if (
            not 0 < len(word) < 200
            or "\0" in word
            or "\n" in word
            or place.is_absolute()
            or not place.name
            or ".." in place.parts
        ):
            continue
        if (path := folder / place).is_file():
            yield path
        elif path.is_dir() and path != folder:
            yield from files_below(path)


def files_below(root: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, through links to folders too, each folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        known = set(names)
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith((".pyc", ".pyo")) and f"{name[:-1]}" in known:
                continue  # kept code of a text that is there
            if not _LEFT_OUT.search(path.relative_to(root).as_posix()) and path.is_file():
                yield path


@cache
def is_standard(top: str) -> bool:
    """Say whether a package is part of Python itself: by its name, and by where it lies."""
    if top not in sys.stdlib_module_names:
        return False
    places = _places(top)
    return all(
        os.path.dirname(os.__file__) in os.path.abspath(place) and not _in_site_packages(place) for place in places
    )


def _places(top: str) -> list[str]:
    """Return where a package lies; nothing for what has no place, or is not there."""
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    if spec is None:
        return []
    return [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location else [])]


@cache
def installed_version(top: str) -> str:
    """Return what names an installed library: its version and those of all that it requires; "" for other packages."""
    if sys.modules.get(top) is None and _spec(top) is None:
        return ABSENT
    places = _places(top)
    if not any(_in_site_packages(place) for place in places) or top in _authors_packages():
        return ""
    versions = _versions([top]) or _versions(sorted(set(packages_distributions().get(top, ()))))
    return ", ".join(f"{name} {found}" for name, found in sorted(versions.items()))


def _versions(names: list[str]) -> dict[str, str]:
    """Return the versions of some distributions and of all that they require, as far as it is installed."""
    found: dict[str, str] = {}
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
        wanted = [text for text in requires(name) or () if "extra ==" not in text]
        names += [match[0] for text in wanted if (match := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text))]
    return found


@cache
def is_small(top: str) -> bool:
    """Say whether an installed library is so small that it is looked into like a package of one's own."""
    count = size = 0
    for place in _places(top):
        for file in [Path(place)] if os.path.isfile(place) else files_below(Path(place)):
            count, size = count + 1, size + file.stat().st_size
            if count > SMALL_FILES or size > SMALL_BYTES:
                return False
    return count > 0


@cache
def _authors_packages() -> frozenset[str]:
    """The packages that give nodes or formats: their code is looked at, wherever they lie."""
    entries = [*entry_points_of("n2s.nodes"), *entry_points_of("n2s.formats")]
    return frozenset(entry.value.partition(":")[0].partition(".")[0] for entry in entries)


def _in_site_packages(place: str) -> bool:
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return bool({"site-packages", "dist-packages"} & set(Path(place).parts)) or any(
        folder and Path(place).is_relative_to(folder) for folder in folders
    )
