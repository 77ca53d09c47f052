"""Where films go: names for parts and small versions, and files of others, which are not overwritten.

A file that n2s wrote is known twice: the store notes the length, the time and the SHA-256 of what is published at a
path, and the run's record beside the films lists each with its length and SHA-256. Either is enough, so that films stay
n2s's own when the store is emptied. A file is read only where its time is another one. A folder lists itself what n2s
wrote into it (`n2s.runtime.films.folders`); the store notes the times of its files.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.film_names import collision, temporary_bytes
from n2s.graph.graph import Graph
from n2s.graph.profiles import PROFILE_OPTION
from n2s.graph.timecodes import time_in_name
from n2s.runtime.disk_errors import disk_error
from n2s.runtime.films.folders import is_own_folder, restore, sha256_of, size, times
from n2s.runtime.films.kept_frames import frames_folder, may_keep_frames
from n2s.runtime.store import Store

EXCERPT = "-excerpt"  # names a part that was measured by itself


def film_path(out: Path, path: str, ending: str, is_folder: bool = False) -> Path:
    """Return where a film goes; ``ending`` says what part or version of the whole film it is."""
    whole = out / path
    stem, suffix = (whole.name, "") if is_folder else (whole.stem, whole.suffix)
    return whole.with_name(f"{stem}{ending}{suffix}") if ending else whole


def shown_names(films: Iterable[Path], out: Path) -> dict[Path, str]:
    """Return what films are called: their file names, and where several have the same, with the folders they lie in."""
    films = list(films)
    count = Counter(path.name for path in films)
    return {path: path.name if count[path.name] == 1 else _seen_from(out, path) for path in films}


def _seen_from(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def version(graph: Graph) -> str:
    """Return what names a film of another use, shape or length than the file states: "-320x180-24fps"; else nothing.

    A draft lies in a folder of its own, so its shape needs no name; that of another profile is what its name stands
    for.
    """
    said = [f"-{name}" for name in asked_profiles(graph) if name != "draft"]
    for field in ("size", "fps", "duration"):
        value, place = getattr(graph.header, field), graph.overridden_at(field)
        if place is None or not place.argument or place.path == PROFILE_OPTION or value == graph.stated(field):
            continue
        if field == "size":
            said.append(f"-{value[0]}x{value[1]}")
        elif field == "fps":
            said.append(f"-{_decimal(value)}fps")
        elif value is not None:
            said.append(f"-{time_in_name(Fraction(value))}")
    return "".join(said)


def asked_profiles(graph: Graph) -> list[str]:
    """Return the profiles that the command line gave sinks of a graph, each once."""
    asked: dict[str, None] = {}
    for name, node in graph.nodes.items():
        place = graph.overridden_at("nodes", name, "profile")
        if place is not None and place.path == PROFILE_OPTION and node.profile:
            asked[node.profile] = None
    return list(asked)


def part(start: int, stop: int, frames: int, fps: Fraction) -> str:
    """Return what names the frames start..stop of a film: "-0m10s-0m20s"; nothing for all of them."""
    return "" if (start, stop) == (0, frames) else f"-{time_in_name(start / fps)}-{time_in_name(stop / fps)}"


def _decimal(rate: Fraction) -> str:
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


class Targets:
    """The files that a run writes.

    Parameters
    ----------
    store : Store
    out : Path
        The folder of films and records.
    overwrite : bool
        Whether files of others may be replaced.
    """

    def __init__(self, store: Store, out: Path, overwrite: bool = False):
        self.store, self.out, self.overwrite = store, out, overwrite

    def note(self, path: Path, written: Path, sha256: str) -> None:
        """Note that a film, whole under its temporary name, is about to be published at a path.

        It is noted before, and beside what was noted last, so that whatever happens in between the path holds what n2s
        knows.
        """
        time = times(written) if written.is_dir() else written.stat().st_mtime_ns
        about = {"bytes": size(written), "sha256": sha256, "time": time}
        before = [old for old in self._noted(path)[:1] if old["time"] is not None or old["bytes"] != about["bytes"]]
        self.store.note("written", {"path": str(path)}, [about, *before])

    def _noted(self, path: Path) -> list[dict[str, Any]]:
        """Return what is known of what was published at a path last and before; of older versions, the length alone."""
        noted = self.store.noted("written", {"path": str(path)}) or []
        return [about if isinstance(about, dict) else {"bytes": about, "sha256": "", "time": None} for about in noted]

    def is_own(self, path: Path) -> bool:
        """Say whether what lies at a path is what n2s published there, or what a failing disk left of it.

        A file of the noted length and time is, whatever its bytes: a disk may have spoilt them. One of another time,
        as in a folder that was copied, is by its SHA-256; where an older version noted the length alone, this is
        enough. An empty file is nobody's.
        """
        status, noted = path.lstat(), self._noted(path)
        if stat.S_ISDIR(status.st_mode):
            return is_own_folder(path, [about["time"] for about in noted])
        if not stat.S_ISREG(status.st_mode):
            return False
        noted = [about for about in noted if about["bytes"] == status.st_size]
        if not status.st_size or any(about["time"] in (None, status.st_mtime_ns) for about in noted):
            return True
        known = self._recorded(path, status.st_size) | {about["sha256"] for about in noted}
        try:
            return bool(known) and sha256_of(path) in known
        except OSError:
            return False

    def _recorded(self, path: Path, size: int) -> set[str]:
        """Return the SHA-256 of the films of this name and length that records beside the films list."""
        found = set()
        for record in self.out.glob("*/run.json"):
            try:
                films = json.loads(record.read_bytes())["films"]
                found |= {
                    film["sha256"] for film in films if Path(film["path"]).name == path.name and film["bytes"] == size
                }
            except (OSError, ValueError, KeyError, TypeError):  # no record of ours
                continue
        return found

    def check(self, films: Mapping[Path, bool], sources: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        """Refuse paths that cannot be written, or hold what is not n2s's to replace, before there is work to lose.

        Parameters
        ----------
        films : mapping of Path to bool
            Where films go, and whether they are folders.
        sources : iterable of Path
            The files that the run reads, which are never overwritten.
        folders : iterable of Path
            Those that frames go to.

        Raises
        ------
        GraphError
            When a path names something that the run reads, or is too long.
        ArgumentError
            When files of others lie there and may not be replaced.
        RenderError
            When a folder lies where a file must be, or a file where a folder must be.
        """
        read = [path for path in sources if os.path.exists(path)]
        for path, is_folder in films.items():
            if is_folder:
                restore(path)
            self._check_place(path, is_folder)
            if any(same_file(path, source) or path in source.parents for source in read):
                raise GraphError(
                    f"{path} is read by this run and would be overwritten; give the film another path or --out."
                )
        self.refuse_strangers(films, folders)

    def check_again(self, film: Path, is_folder: bool) -> None:
        """Refuse to put a film where something has appeared, or was changed, since `check`."""
        self._check_place(film, is_folder)
        self.refuse_strangers([film])

    def refuse_strangers(self, films: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        """Refuse to replace files of others, by films or in folders of frames, unless that was asked for."""
        if self.overwrite:
            return
        strangers = [str(path) for path in films if os.path.lexists(path) and not self.is_own(path)]
        strangers += [str(folder) for folder in folders if not may_keep_frames(folder)]
        if strangers:
            what, pronoun = ("exists and was", "it") if len(strangers) == 1 else ("exist and were", "them")
            raise ArgumentError(
                f"{', '.join(strangers)} {what} not written by n2s, or changed since; add --overwrite to replace "
                f"{pronoun}, or choose another --out."
            )

    def check_frames_folders(self, films: Sequence[Path], keeping: Iterable[Path], sources: Iterable[Path]) -> None:
        """Refuse folders of frames that would take the place of something else that the run writes or reads.

        Parameters
        ----------
        films : sequence of Path
            Where all films of the run lie.
        keeping : iterable of Path
            Those of them whose frames are kept.
        sources : iterable of Path
            The files that the run reads.

        Raises
        ------
        GraphError
            When a film, another film's frames, or a file that is read lies there.
        """
        read, taken = list(sources), {path: "" for path in films}
        for film in keeping:
            folder = frames_folder(film)
            if other := collision(folder, taken):
                what = f"the frames of {owner}" if (owner := taken[Path(other)]) else "a film of this run"
                raise GraphError(
                    f"The frames of {film.name} would be kept in {folder}, where {what} would lie; give the film "
                    "another path, or leave out --keep-frames."
                )
            if any(folder in source.parents for source in read):
                raise GraphError(
                    f"The frames of {film.name} would be kept in {folder}, which holds files that this run reads; give "
                    "the film another path or --out."
                )
            taken[folder] = film.name

    def _check_place(self, path: Path, is_folder: bool) -> None:
        longest = path.with_name(f"{'.' * temporary_bytes(path.suffix)}{path.name}")
        try:
            longest.lstat()
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise GraphError(
                    f"{path} is too long a name for its file system; choose a shorter path or --out."
                ) from None
        if os.path.isdir(path) and not is_folder:
            raise disk_error(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)), path)
        if os.path.isfile(path) and is_folder:
            raise disk_error(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), path)
        for parent in path.parents:
            if os.path.lexists(parent):
                if not os.path.isdir(parent):
                    raise disk_error(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), parent)
                if not os.access(parent, os.W_OK | os.X_OK):
                    raise disk_error(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), parent)
                break


def same_file(path: Path, other: Path) -> bool:
    """Say whether two paths are one file, by whatever name."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return path.resolve() == other.resolve()
