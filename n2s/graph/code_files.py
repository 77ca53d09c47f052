"""Where code lies: the files of modules and of packages, and which packages are libraries that are installed."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from n2s.graph.errors import GraphError
from n2s.graph.keys import digest, digest_bytes

OWN = __name__.partition(".")[0]
ABSENT = "absent"  # in place of the version of a library that is not there
SMALL_FILES, SMALL_BYTES = 64, 4_000_000  # a library with no more is read whole
_LEFT_OUT = re.compile(r"(^|/)(__pycache__|[.~][^/]*|[^/]*~|[^/]*\.py[co])(/|$)")
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def own_file(name: str) -> str | None:
    """Return the file of a module of this library, without importing it; None where there is no such module."""
    place = os.path.join(_ROOT, *name.split(".")[1:])
    return next((file for file in (f"{place}.py", os.path.join(place, "__init__.py")) if os.path.isfile(file)), None)


def file_of(name: str) -> str:
    """Return the file of a module, imported or not."""
    if name.partition(".")[0] == OWN:
        file = own_file(name)
    else:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None) if module else getattr(_spec(name), "origin", None)
    if not file or not os.path.isfile(file):
        raise GraphError(f"{name} lives in no file, so nothing can tell when its code changes. Put it into a module "
                         "or a package.")
    return file


def _spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def package_around(name: str, file: str) -> tuple[Path, list[Path]]:
    """Return the folder that the package of a module lies in, and the package's files."""
    depth = name.count(".") + (os.path.basename(file) == "__init__.py")
    if not depth:
        return _module_alone(Path(file))
    root = Path(file).parents[depth - 1]
    return root.parent, list(_files(root))


def package_files(top: str) -> tuple[Path, list[Path]]:
    """Return the folder that a package lies in, and the package's files in order."""
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    folders = list(getattr(module, "__path__", None) or getattr(spec, "submodule_search_locations", None) or ())
    if folders:
        root = Path(folders[0])
        return root.parent, list(_files(root))
    return _module_alone(Path(file_of(top)))


def _module_alone(file: Path) -> tuple[Path, list[Path]]:
    """Return the folder of a module that is no package, and with it the files beside it that its text names."""
    named = {word for word in re.findall(r"[\"']([^\"'\n/\\]+\.[A-Za-z0-9]+)[\"']", file.read_text("utf-8", "replace"))}
    return file.parent, [file, *(file.with_name(name) for name in sorted(named) if file.with_name(name).is_file())]


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, through links to folders too, each folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if not _LEFT_OUT.search(path.relative_to(root).as_posix()) and path.is_file():
                yield path


@cache
def installed_version(top: str) -> str:
    """Return what names an installed library: its version, and its content where it is small; "" for other packages."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    if spec is None:
        return ABSENT
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location else [])]
    if not places:  # part of Python itself
        return "built in"
    if not any(_in_site_packages(place) for place in places) or top in _node_packages():
        return ""
    try:
        found = version(top)
    except PackageNotFoundError:
        found = " ".join(f"{name} {version(name)}" for name in sorted(set(packages_distributions().get(top, ()))))
    if not found:
        return ""
    return f"{found} {content}" if (content := _small_content(Path(places[0]))) else found


@cache
def _node_packages() -> frozenset[str]:
    """The packages that give nodes: their code is looked at, wherever they lie."""
    from importlib.metadata import entry_points

    return frozenset(entry.value.partition(":")[0].partition(".")[0] for entry in entry_points(group="n2s.nodes"))


def _in_site_packages(place: str) -> bool:
    import sysconfig

    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return bool({"site-packages", "dist-packages"} & set(Path(place).parts)) or any(
        folder and Path(place).is_relative_to(folder) for folder in folders
    )


def _small_content(place: Path) -> str:
    files, size = [], 0
    for file in [place] if place.is_file() else _files(place):
        size += file.stat().st_size
        files.append(file)
        if len(files) > SMALL_FILES or size > SMALL_BYTES:
            return ""
    return digest([[file.name, digest_bytes(file.read_bytes())] for file in files])
