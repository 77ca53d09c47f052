"""Where a film came from: the run that wrote it, by its record, and what every parameter was at one of its frames."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.codings import SOUNDS
from n2s.graph.errors import ArgumentError, GraphError, Position
from n2s.graph.expressions import Expression, Variable, leaves, map_tree
from n2s.graph.file.save import value_in_file
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.listening import hearing_node
from n2s.graph.lookup import find_output
from n2s.graph.subgraph import SubGraph
from n2s.graph.timecodes import timecode
from n2s.graph.values import quantise
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime.executors.film import CarriesFilm
from n2s.runtime.ffmpeg import ffmpeg_path
from n2s.runtime.films import folders
from n2s.runtime.films.targets import version
from n2s.runtime.inputs import digest_of

RECORDS = "*/run.json"
TEXTS = (".yaml", ".yml", ".txt", ".lrc", ".csv", ".cube")  # files that a record has the SHA-256 of: graphs and words


def given_overrides(graph: Graph) -> list[list[Any]]:
    """Return what was laid over a graph's file, and edited in it: [target, value, option], as plain data."""
    document, given = graph.document, []
    if not document:
        return []
    options = {path: place.path if place.argument else "preset" for path, place in document.places.items()}
    for path, option in {**options, **dict.fromkeys(sorted(document.edited), "edit")}.items():
        if path[0] != "nodes":
            given.append([path[0], value_in_file(getattr(graph.header, path[0])), option])
        elif len(path) > 2 and path[1] in graph.nodes:
            given.append([".".join(path[1:]), _value_given(graph.nodes[path[1]], path[2:]), option])
    return given


def _value_given(node: Any, path: tuple) -> Any:
    """Return the setting of a node, or an entry of one, as plain data; its type, which is no setting, by its name."""
    value = type(node).__name__ if path[0] == "node" else getattr(node, path[0], None)
    for key in path[1:]:
        value = value.get(key) if isinstance(value, dict) else None
    return value_in_file(value)


def overrides_of_file(graph: Graph) -> list[list[Any]] | None:
    """Return the overrides under which a graph's file gives it, as `given_overrides` does; None where none do.

    An edit may be what no override can say: a node more or less. An album lays overrides over its tracks, and not what
    is edited in it.
    """
    if not graph.path:
        return None
    given = given_overrides(graph)
    if not (graph.document and graph.document.edited):
        return given
    is_album = any(node.kind == "track" for node in graph.nodes.values())
    tried = [[]] if is_album else [given, []]  # without any where the edited graph was saved into its file
    return next((each for each in tried if _is_given_by_file(graph, each)), None)


def load_as_given(path: Path, overrides: list[list[Any]]) -> Graph:
    """Read a graph's file under the overrides that a record has.

    Raises
    ------
    GraphError
        When the file, or what is laid over it, is wrong.
    """
    places = {target: Position(option, argument=True) for target, _, option in overrides}
    return Graph.load(path, {target: value for target, value, _ in overrides}, places=places)


def _is_given_by_file(graph: Graph, overrides: list[list[Any]]) -> bool:
    """Say whether a graph's file makes the same films of the same names under some overrides."""
    try:
        loaded = load_as_given(cast(Path, graph.path), overrides)
    except GraphError:
        return False
    if loaded.header != graph.header or loaded.nodes.keys() != graph.nodes.keys():
        return False
    same = all(_are_same(node, graph.nodes[name]) for name, node in loaded.nodes.items())
    return same and version(loaded) == version(graph)


def _are_same(one: Any, other: Any) -> bool:
    """Say whether two nodes are the same: each instance of a sub-graph has a type of its own, of one file."""
    fields = type(one).model_fields.keys()
    if type(one).__name__ != type(other).__name__ or fields != type(other).model_fields.keys():
        return False
    return all(getattr(one, field) == getattr(other, field) for field in fields)


@dataclass(frozen=True)
class Origin:
    """The run that wrote a film: its record, what that says of the film, its graph, and whether that is unchanged.

    ``graph`` is as seen from the current folder, wherever the run was started. ``exact`` is False where the film's
    bytes are others than were written: it is known by its own metadata, or a folder by its list of pictures.
    """

    record: dict[str, Any]
    film: dict[str, Any]
    out: Path
    graph: Path
    unchanged: bool
    exact: bool = True

    @property
    def state(self) -> str:
        """Say in words whether the graph is what it was."""
        if not self.graph.is_file():
            return "GONE: name it where it lies now with --graph"
        return "as it was" if self.unchanged else "CHANGED since"

    def with_graph(self, graph: Path) -> Origin:
        """Return the origin with the graph where its user says that it lies now."""
        wanted = self.record["graphs"].get(self.record["graph"], {}).get("sha256")
        return replace(self, graph=graph, unchanged=sha256_of(graph) == wanted)


def find_origin(film: Path, sought: list[Path]) -> Origin:
    """Return the run that wrote a film, the newest one of several; first those whose film has this name.

    A film is known by its bytes, whatever it is called, and a folder of pictures by its list of them; where its bytes
    were changed since, a film is known by what its metadata say of its pictures.

    Parameters
    ----------
    sought : list of Path
        Where records are sought: `*/run.json` in each.

    Raises
    ------
    ArgumentError
        When there is no such film, or no record of it.
    """
    sealed = film / folders.MARK if film.is_dir() else film
    if film.is_dir() and not sealed.is_file():
        raise ArgumentError(_no_film(film))
    if not sealed.is_file():
        raise ArgumentError(f"{film}: there is no such film.")
    told = "" if film.is_dir() else read_comment(film)
    pictures = next((word.removeprefix("graph=") for word in told.split() if word.startswith("graph=")), "")
    size, sha256, alike, same, unwritten = folders.size(film), "", None, None, None
    for path in _record_files(sought):
        for record, known in _films_in(path):
            is_same = False
            if known["bytes"] == size or film.is_dir():  # a folder's list of files tells which film it is
                sha256 = sha256 or digest_of(sealed)
                is_same = known["sha256"] == sha256
            if not record.get("graph"):
                unwritten = unwritten or (path if is_same else None)
            elif is_same:
                whole = not film.is_dir() or (known["bytes"] == size and folders.is_own_folder(film))
                found = _origin(path, record, known, exact=whole)
                if Path(known["path"]).name == film.name:
                    return found
                same = same or found  # films of other settings may have the same bytes; this one may be a copy
            elif pictures and alike is None and str(known.get("pictures", "")).startswith(pictures):
                alike = path, record, known
    if same:
        return same
    if alike:
        return _origin(*alike, exact=False)
    if unwritten:
        raise ArgumentError(
            f"{film} was rendered in Python, by the run of {unwritten}, from a graph that lies in no file. To have it "
            'explained, keep the graph with graph.save("film.yaml"), and render that: its films have the same bytes.'
        )
    places = ", ".join(map(str, dict.fromkeys(sought)))
    text = f"{film}: no record of a run that wrote it lies in {places}. Name the folder of its run with --out."
    raise ArgumentError(f"{text} Its metadata say: {told}" if told.startswith("n2s ") else text)


def _no_film(folder: Path) -> str:
    """Say that a folder is no film, and name one in it."""
    endings = (*SOUNDS, ".gif", ".webp")
    there = sorted(path.name for path in folder.iterdir() if path.suffix in endings or (path / folders.MARK).is_file())
    if not there:
        return f"{folder} is a folder, but no film that n2s wrote, and there is none in it; name a film."
    return f"{folder} is a folder; name a film in it, like {there[0]}."


def _record_files(folders: list[Path]) -> list[Path]:
    """Return the files of records in some folders, the newest first."""
    records = {path.resolve() for folder in folders for path in folder.glob(RECORDS)}
    return sorted(records, key=lambda path: path.parent.name, reverse=True)


def _films_in(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return a record with each film in it; none where the file is no record of ours."""
    try:
        record = json.loads(path.read_bytes())
        return [(record, film) for film in record["films"] if film["bytes"] is not None]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _origin(path: Path, record: dict[str, Any], film: dict[str, Any], exact: bool) -> Origin:
    files = {name: about["sha256"] for name, about in record["graphs"].items()} | record.get("files", {})

    def count_alike(folder: Path) -> int:
        return sum(sha256_of(folder / name) == wanted for name, wanted in files.items())

    out = path.parent.parent
    if "started_in" in record:
        started = path.parent / record["started_in"]
    else:  # a record of before paths were anchored: the folder in which most is as it was
        started = max((Path(), out.parent, out, out.parent.parent), key=count_alike)
    graph = Path(record["graph"])
    graph = graph if graph.is_absolute() else Path(os.path.relpath(started / graph))
    return Origin(record, film, out, graph, count_alike(started) == len(files), exact)


def read_comment(film: Path) -> str:
    """Return the comment in a film's metadata, where n2s writes `Film.provenance`; "" without one."""
    words = ["-v", "error", "-nostdin", "-i", f"file:{film}", "-f", "ffmetadata", "pipe:1"]
    told = subprocess.run([ffmpeg_path(), *words], capture_output=True, check=False).stdout
    for line in told.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.lower() == "comment":
            return value.replace("\\", "")  # FFmpeg's escapes
    return ""


def read_commit(folder: Path) -> str | None:
    """Return the commit that a folder's files stand at, in Git; None outside of Git, or where it is not installed."""
    if not any((above / ".git").exists() for above in (folder.resolve(), *folder.resolve().parents)):
        return None
    try:
        asked = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        told = subprocess.run(asked, capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.decode("ascii", "replace").strip() or None if told.returncode == 0 else None


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes; None where it cannot be read."""
    try:
        return digest_of(path)
    except OSError:
        return None


def place_in(parts: list[tuple[Plan, Chunk]], frame: int) -> tuple[Plan, int]:
    """Return the plan of the track that a film shows at a frame, and the frame's number in that track.

    Raises
    ------
    ArgumentError
        When the film has no such frame.
    """
    first = 0
    for plan, chunk in parts:
        if first <= frame < first + chunk.count:
            return plan, chunk.start + frame - first
        first += chunk.count
    fps, begin = parts[0][0].values.clock.fps, parts[0][1].start
    text = f"The film has no frame {frame}: it has frames 0 to {first - 1}, the last one at {timecode(first - 1, fps)}."
    if 0 <= frame - begin < first and begin:
        own = f"{timecode(frame - begin, fps)} of the film is {timecode(frame, fps)} of the music"
        text += f" It is a part that begins at {timecode(begin, fps)}: {own}."
    raise ArgumentError(text)


def parameters_shown(parts: list[tuple[Plan, Chunk]], frame: int) -> list[dict[str, Any]]:
    """Return each parameter of what a film shows at a frame, as `parameters_at` does.

    Where one track dissolves into another, those of both are among them, as "before/tone.exposure" and "after/…".
    """
    plan, own = place_in(parts, frame)
    found = parameters_at(plan, own)
    plans = [each for each, _ in parts]
    here = [number for number, each in enumerate(plans) if each is plan]
    for name, number in (("before", here[0] - 1), ("after", here[-1] + 1)):
        node = plan.graph.nodes.get(name)
        if isinstance(node, CarriesFilm) and 0 <= number < len(plans):
            for told in parameters_at(plans[number], node.first + own):
                found.append(told | {"parameter": f"{name}/{told['parameter']}"})
    return found


def parameters_at(plan: Plan, frame: int) -> list[dict[str, Any]]:
    """Return each parameter of a track at a frame, as plain data: its value, how it is written, and what moved it.

    First come those of the track's own graph in its order, what it gives to looks and other sub-graphs included; then
    those of the nodes of these, then of what lies within them; of each depth those last that nodes bring by themselves.
    """
    own = next((plan.graph.origin(name)[0] for name in plan.graph.nodes if "/" not in name), plan.graph)
    places = {name: place for place, name in enumerate(own.nodes)}
    told = [
        (name, _told(name, field, getattr(node, field), value, plan, frame))
        for name, node in plan.graph.nodes.items()
        for field in node.params()
        if (value := plan.values.params.get((name, field))) is not None
    ]
    instances = [(name, node) for name, node in own.nodes.items() if isinstance(node, SubGraph)]
    told += [(name, given) for name, node in instances for given in _given(own, name, node, plan, frame)]
    told.sort(key=lambda each: (each[0].count("/"), ":" in each[0], places.get(each[0], 0)))  # stable: else in order
    return [each for _, each in told]


def _given(own: Any, name: str, node: SubGraph, plan: Plan, frame: int) -> Iterator[dict[str, Any]]:
    """Yield the parameters that a graph gives to one of its sub-graphs."""
    clock, hearing = plan.values.clock, hearing_node(plan.graph.nodes)

    def placed(leaf: Any) -> Any:
        """Return what an expression reads as the flat graph has it, in which sub-graphs are no nodes."""
        heard = leaf.heard if isinstance(leaf, Variable) else None
        if heard is not None:
            return replace(heard, node=hearing)
        return find_output(own, str(leaf)) if isinstance(leaf, Link) else leaf

    time = {"time": clock.times(0, clock.frames), "frame": clock.numbers(0, clock.frames), "duration": clock.duration}
    for field in node.interface.params:
        written = getattr(node, field)
        try:
            tree = map_tree(getattr(written, "tree", written), placed)
            read = {leaf: plan.values.read(leaf) for leaf in leaves(tree) if isinstance(leaf, Link)}
            value = quantise(Expression(tree).evaluate(time, read, clock))
        except (GraphError, KeyError, ValueError):  # it is no number: the node that it reads was folded away
            continue
        yield _told(name, field, written, value, plan, frame, placed)


def _told(
    name: str, field: str, written: Any, value: Any, plan: Plan, frame: int, placed: Any = lambda leaf: leaf
) -> dict[str, Any]:
    """Return what there is to tell of a parameter at a frame; ``placed``: what of the flat graph a link reads."""
    told: dict[str, Any] = {"parameter": f"{name}.{field}", "value": _at(value, frame)}
    if isinstance(written, Expression | Link):
        told["written"] = str(value_in_file(written))
        told["moved_by"] = _sources(plan, written, frame, placed)
    return told


def _sources(plan: Plan, written: Any, frame: int, placed: Any) -> dict[str, Any]:
    """Return the values at a frame of the signals that an expression reads."""
    links = {str(written): written} if isinstance(written, Link) else {str(link): link for link in written.links()}
    if isinstance(written, Expression):
        heard = {name: placed(Variable(name)) for name in sorted(written.variables())}
        links |= {name: link for name, link in heard.items() if isinstance(link, Link)}
    told = {}
    for name, link in links.items():
        try:
            told[name] = _at(plan.values.read(placed(link)), frame)
        except (GraphError, KeyError):  # it is no number: the node that it reads was folded away
            continue
    return told


def _at(value: Any, frame: int) -> Any:
    """Return a value at a frame, rounded to what a reader needs."""
    array = np.asarray(value)
    shown = array if array.ndim == 0 else array[min(frame, len(array) - 1)]
    return round(float(shown), 6) if shown.ndim == 0 else [round(float(number), 6) for number in shown]
