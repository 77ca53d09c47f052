"""Where paths stand in a setting: its annotation and its value are walked together, to any depth.

    tables: dict[str, tuple[FilePath, float]]          {"red": ("red.csv", 0.5)}          one path, at ("red", 0)

A text is a path where the annotation says `FilePath`, `FolderPath`, `PicturePath`, `MusicPath` or `VideoPath` at its
place, or `AnchorOrPicture` and it is no plain name, in unions, lists, tuples, sets, dicts (their keys too), typed dicts
and named tuples.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from n2s.graph.errors import GraphError, short_name

PATH, FOLDER, OR_NAME = "path", "folder", "or name"  # what annotations are marked with
PICTURE, MUSIC, VIDEO = HOLDINGS = "picture", "music", "video"  # and what a file holds


def is_name(text: str) -> bool:
    """Say whether a text is a plain name, where a name or a path may stand: a path has a dot or a slash in it."""
    return not any(mark in text for mark in "./\\")


@dataclass(frozen=True)
class NamedPath:
    """A path in a setting: its text, where in the value it stands, whether it names a folder, and what the file holds.

    ``holds`` is "picture", "music" or "video"; "" where that is not said.
    """

    text: str
    place: tuple[str | int, ...]
    folder: bool
    holds: str = ""


def resolve_path(folder: Path, path: str) -> Path:
    """Return a path that is written in a graph, made absolute against the folder of its file.

    Raises
    ------
    GraphError
        For what can be no path, or leads in a circle of links.
    """
    try:
        return (folder / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        # Of a circle of links Python up to 3.12 raises a RuntimeError; later ones leave it to whoever opens the file.
        circle = isinstance(error, RuntimeError)
        why = os.strerror(errno.ELOOP) if circle else getattr(error, "strerror", None) or str(error)
        raise GraphError(f"{short_name(path)} is no path of a file ({why}).") from None


def path_from(folder: Path, path: str | Path) -> str:
    """Return a path as it is seen from a folder, with slashes; as it was where no way leads there."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return str(path)


def path_settings(node: Any) -> list[str]:
    """Return the settings of a node, or of a node type, that are paths or have paths in them."""
    return list(node._path_annotations)


def paths(node: Any, setting: str) -> list[NamedPath]:
    """Return every path in a setting's value, in order."""
    found: list[NamedPath] = []
    change_paths(node, setting, lambda path: found.append(path) or path.text)
    return found


def change_paths(node: Any, setting: str, change: Callable[[NamedPath], str]) -> Any:
    """Return a setting's value with every path in it changed and all else the same; the node stays as it is."""
    return _changed(node._path_annotations[setting], getattr(node, setting), change, (), ())


def changed_paths(node: Any, change: Callable[[NamedPath], str]) -> dict[str, Any]:
    """Return the settings of a node that are others when every path is changed, by name."""
    made = {name: change_paths(node, name, change) for name in path_settings(node)}
    return {name: value for name, value in made.items() if value != getattr(node, name)}


def has_paths(annotation: Any) -> bool:
    """Say whether an annotation has paths in it."""
    annotation = _named(annotation)
    if get_origin(annotation) is Annotated and PATH in annotation.__metadata__:
        return True
    return any(has_paths(part) for part in [*_parts(annotation), *_fields(annotation).values()])


def _changed(annotation: Any, value: Any, change: Callable[[NamedPath], str], marks: tuple, place: tuple) -> Any:
    annotation = _named(annotation)
    if get_origin(annotation) is Annotated:
        return _changed(_parts(annotation)[0], value, change, (*marks, *annotation.__metadata__), place)
    if get_origin(annotation) in (Union, UnionType):
        fitting = [part for part in _parts(annotation) if _fits(part, value)]
        if any(get_origin(part) is Literal for part in fitting):  # a word that stands for no path
            return value
        part = next(filter(has_paths, fitting), None) or next(iter(fitting), NoneType)
        return _changed(part, value, change, marks, place)
    if isinstance(value, str):
        if PATH not in marks or (OR_NAME in marks and is_name(value)):
            return value
        holds = next((mark for mark in HOLDINGS if mark in marks), "")
        return change(NamedPath(value, place, FOLDER in marks, holds))

    def inner(part: Any, item: Any, *at: str | int) -> Any:
        return _changed(part, item, change, marks, (*place, *at))

    if isinstance(value, dict):
        of_key, of_value, fields = *_key_and_value(annotation), _fields(annotation)
        return {inner(of_key, key, key): inner(fields.get(key, of_value), item, key) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return cast(Any, value)._make(inner(part, item, i) for i, (part, item) in enumerate(_items(annotation, value)))
    if isinstance(value, list | tuple):
        return type(value)(inner(part, item, i) for i, (part, item) in enumerate(_items(annotation, value)))
    if isinstance(value, set | frozenset):  # nothing in it has a place
        return type(value)(inner(part, item) for part, item in _items(annotation, sorted(value, key=repr)))
    return value


def _fits(annotation: Any, value: Any) -> bool:
    """Say whether a value that pydantic let pass is what one part of a union means."""
    annotation = _named(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _fits(_parts(annotation)[0], value)
    if origin in (Union, UnionType):
        return any(_fits(part, value) for part in _parts(annotation))
    if origin is Literal:
        return value in get_args(annotation)
    if fields := _fields(annotation):
        items = value if isinstance(value, dict) else dict(zip(fields, value)) if isinstance(value, tuple) else {}
        return set(items) <= set(fields) and all(_fits(fields[name], item) for name, item in items.items())
    if not isinstance(origin or annotation, type):  # Any, or what is not known here
        return True
    if annotation is float:
        return isinstance(value, int | float)
    if not isinstance(value, origin or annotation):
        return False
    if origin and isinstance(value, dict):
        of_key, of_value = _key_and_value(annotation)
        return all(_fits(of_key, key) and _fits(of_value, item) for key, item in value.items())
    if origin and isinstance(value, list | tuple | set | frozenset):
        if origin is tuple and Ellipsis not in get_args(annotation) and len(_parts(annotation)) != len(value):
            return False
        return all(_fits(part, item) for part, item in _items(annotation, value))
    return True


def _named(annotation: Any) -> Any:
    """Return what an annotation is; a name that a ``type`` statement gave it has it as its value."""
    return getattr(annotation, "__value__", annotation)


def _parts(annotation: Any) -> list[Any]:
    """Return the annotations that an annotation is made of, without what they are marked with."""
    if get_origin(annotation) is Annotated:
        return [get_args(annotation)[0]]
    return [] if get_origin(annotation) is Literal else [part for part in get_args(annotation) if part is not Ellipsis]


def _fields(annotation: Any) -> dict[str, Any]:
    """Return the fields of a typed dict or a named tuple."""
    known = isinstance(annotation, type) and (issubclass(annotation, dict) or hasattr(annotation, "_fields"))
    return get_type_hints(annotation, include_extras=True) if known and annotation is not dict else {}


def _key_and_value(annotation: Any) -> tuple[Any, Any]:
    parts = _parts(annotation)
    return (parts[0], parts[1]) if len(parts) == 2 else (Any, Any)


def _items(annotation: Any, values: Any) -> Iterator[tuple[Any, Any]]:
    """Pair the items of a list, tuple or set with their annotations."""
    parts = _parts(annotation) or list(_fields(annotation).values())
    each = get_origin(annotation) is not tuple and not _fields(annotation) or Ellipsis in get_args(annotation)
    for i, item in enumerate(values):
        yield (parts[0] if each and parts else parts[i] if i < len(parts) else Any), item
