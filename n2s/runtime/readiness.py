"""What keeps a graph from rendering, found before any work: above all, music, pictures and models that are missing.

Small files are read: pictures, tables, subtitles. Of music and videos the beginning is, of models the card and the
heads of anchors.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from n2s.graph import authors
from n2s.graph.columns import column_problems
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, MediaError, Position, Problem, RenderError
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.paths import MUSIC, PICTURE, path_settings, paths
from n2s.graph.tracks import album_problems, load_track
from n2s.plan.formats import call_format
from n2s.runtime.ffmpeg import ffmpeg_path
from n2s.runtime.films.cards import lack_of_card
from n2s.runtime.machine import onnxruntime_flavour
from n2s.runtime.media.glance import music_problem, video_problem
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.models.cards import CARD, shipped_folder
from n2s.runtime.models.known import KnownModel


def check_inputs(graph: Graph) -> None:
    """Refuse a graph that cannot render: its tracks, the films they write, the files that it reads.

    Raises
    ------
    GraphError
        With every such problem, where it stands.
    """
    if problems := input_problems(graph):
        raise GraphError(problems)


def input_problems(graph: Graph) -> list[Problem]:
    """Return what keeps a graph from rendering: in its tracks, its signals' columns, and all files that are read."""
    problems = album_problems(graph) + _card_problems(graph)
    for each in [graph, *_tracks(graph)]:
        problems += column_problems(each) + _Inputs(each).problems()
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.position or Position(""))


def file_problems(graph: Graph) -> list[Problem]:
    """Return what is wrong with the files of a graph that has other mistakes, and with an album's tracks."""
    found = []
    for name, node in graph.nodes.items():
        if node.kind == "track":
            try:
                found += _Inputs(load_track(graph, name)).problems()
            except GraphError as error:
                found += error.problems
    try:
        found += _Inputs(graph).problems()
    except GraphError:  # of a node that lacks the settings that were wrong
        pass
    return found


def machine_problems(graph: Graph) -> list[Problem]:
    """Return what this machine lacks to write the films of a graph and of its tracks."""
    found = []
    for each in [graph, *_tracks(graph)]:
        for name in each.sinks():
            made, sink = format_of(each.nodes[name]), each.nodes[name]
            setting, text = call_format(each, name, made.lack, sink)
            if text:
                found.append(Problem(each.where(name, setting), text))
    return list(dict.fromkeys(found))


TOOLS: dict[str, Callable[[], Any]] = {"onnxruntime": onnxruntime_flavour, "ffmpeg": ffmpeg_path}


def tool_problems(graph: Graph) -> list[Problem]:
    """Return what must be installed before the nodes of a graph, and of its tracks, can make frames and films.

    Signals are heard without it, so that looking at these is not refused.
    """
    lacks: dict[str, str] = {}
    found = []
    for each in [graph, *_tracks(graph)]:
        flat = each.flat
        for name, node in flat.nodes.items():
            for tool in authors.call(flat, name, "required_tools", node.required_tools):
                if tool not in TOOLS:
                    wanted = f"names out of {', '.join(TOOLS)} were wanted"
                    raise authors.wrong(flat, name, f"required_tools gave {authors.shown(tool)}; {wanted}.")
                if tool not in lacks:
                    lacks[tool] = _lack_of(tool)
                if lacks[tool]:
                    text = f"{name} ({type(node).__name__}): {lacks[tool]}"
                    found.append(Problem(flat.where(name, key=True), text))
    return list(dict.fromkeys(found))


def _lack_of(tool: str) -> str:
    """Say why a tool cannot be used, with the way out; nothing where it can."""
    try:
        TOOLS[tool]()
    except RenderError as error:
        return str(error)
    return ""


def input_warnings(graph: Graph) -> list[Problem]:
    """Return what a sub-graph's nodes lack in the shipped model, which holds if the graph around names no other."""
    if not graph.interface:
        return []
    sure = _Inputs(graph).problems()
    return [problem for problem in _Inputs(graph, shipped=True).problems() if problem not in sure]


def input_files(graph: Graph) -> set[Path]:
    """Return every file that a graph is made of: graphs, what their nodes name, the files of models."""
    files: set[Path] = set()

    for each in graphs_within(graph):
        if each.path:
            files.add(each.path.resolve())
        folders = [_resolve(each, each.header.model)] if each.header.model else []
        for node in each.nodes.values():
            folders += [_resolve(each, path.text) for field in path_settings(node) for path in paths(node, field)]
        for path in filter(None, folders):
            files.update(path.iterdir() if os.path.isdir(path) else [path])
    return files


def graphs_within(graph: Graph) -> Iterator[Graph]:
    """Yield a graph, those of an album's tracks, and all that they have as sub-graphs."""
    waiting = [graph, *_tracks(graph)]
    while waiting:
        yield (each := waiting.pop())
        waiting += [node.inner for node in each.nodes.values() if node.kind == "graph"]


def _tracks(graph: Graph) -> Iterator[Graph]:
    for name, node in graph.nodes.items():
        if node.kind == "track":
            try:
                yield load_track(graph, name)
            except GraphError:  # reported already
                continue


def _card_problems(graph: Graph) -> list[Problem]:
    """Return which titles the font of an album's cards cannot write."""
    found = []
    for node in graph.nodes.values():
        for link in node.tracks if getattr(node, "cards", False) else ():
            title = getattr(graph.nodes.get(link.node), "title", None)
            where = graph.where(link.node, "title") if title else graph.where(link.node, key=True)
            if not title:
                try:
                    title = load_track(graph, link.node).header.title
                except (GraphError, AttributeError, KeyError):  # reported already
                    continue
            if lack := lack_of_card(title, graph.resolve):
                found.append(Problem(where, f"{link.node}.title: on its card, {lack}"))
    return found


class _Inputs:
    """The files of one graph, those of its sub-graphs included.

    ``shipped`` holds a sub-graph's nodes against the model that is shipped, where they name none.
    """

    def __init__(self, graph: Graph, shipped: bool = False):
        self.graph, self.shipped = graph, shipped
        self.models: dict[Path, KnownModel] = {}
        self.told: set[tuple[Path, str]] = set()  # the files of models that were told of
        self.found: dict[Problem, None] = {}

    def problems(self) -> list[Problem]:
        if self.graph.header.model:
            self._tell(
                self._where_model(),
                "model",
                _path_problem(self.graph, self.graph.header.model, folder=True, model=True),
            )
        self._look(self.graph)
        return list(self.found)

    def _look(self, graph: Graph) -> None:
        for name, node in graph.nodes.items():
            if node.kind == "graph":
                self._look(node.inner)
            elif node.kind != "track":
                self._look_at_node(graph, name, node)

    def _look_at_node(self, graph: Graph, name: str, node: Any) -> None:
        missing = False
        for field in path_settings(node):
            for path in paths(node, field):
                place = (name, field, *path.place)
                problem = _path_problem(graph, path.text, path.folder, field == "model" and not path.place)
                if path.holds and not problem:
                    problem = _content_problem(graph.resolve(path.text), path.holds, node)
                self._tell(graph.where(*place), ".".join(map(str, place)), problem)
                missing = missing or bool(problem)
        if not missing and type(node).check_files is not Node.check_files:
            for path, text in _wrong(graph, name, "check_files", lambda: node.check_files(graph.resolve)):
                self._tell(graph.where(name, *path), f"{name}.{path[0]}", text)
        if "model" not in type(node).model_fields or not node.is_type("model", "folder"):
            return
        if node.model is None and self.graph.interface and not self.shipped:
            return  # the graph that uses this one says which model that is
        try:
            folder = graph.resolve(node.model) if node.model else self.graph.model_folder or shipped_folder()
        except (OSError, ValueError, RuntimeError):
            return
        if os.path.isfile(folder / CARD):
            model = self.models.setdefault(folder, KnownModel(folder))
            if model.card:
                for path, text in _lacks(graph, name, model):
                    self._tell(graph.where(name, *path), f"{name}.{path[0]}", text)
            self._tell_of_model(graph, name, model)

    def _tell_of_model(self, graph: Graph, name: str, model: KnownModel) -> None:
        """Tell what of a model cannot be read, once, where it is named; a shipped one where a node takes it."""
        if graph.nodes[name].model:
            where, what = graph.where(name, "model"), f"{name}.model"
        elif self.graph.header.model:
            where, what = self._where_model(), "model"
        else:
            where, what = graph.where(name, key=True), name
        for file, text in model.wrong.items():
            if (model.folder, file) not in self.told:
                self.told.add((model.folder, file))
                self._tell(where, what, text)

    def _where_model(self) -> Position | None:
        """Return where the header names a model."""
        return self.graph.document.where(("model",)) if self.graph.document else None

    def _tell(self, where: Any, what: str, text: str) -> None:
        if text:
            self.found[Problem(where, f"{what}: {text}")] = None


def _lacks(graph: Graph, name: str, model: KnownModel) -> list[tuple[tuple, str]]:
    """Return what a model lacks that a node needs, as the node's author says."""
    return _wrong(graph, name, "check_model", lambda: graph.nodes[name].check_model(model))


def _wrong(graph: Graph, name: str, method: str, check: Callable[[], Any]) -> list[tuple[tuple, str]]:
    """Return what a method of a node's author finds wrong."""
    node = graph.nodes[name]
    problems = authors.call(graph, name, method, lambda: _as_list(check()))
    wanted = (
        'pairs of a setting\'s path and a sentence were wanted: [(("names", 0), "the model has no anchor \\"red\\".")]'
    )
    if not isinstance(problems, list):
        raise authors.wrong(graph, name, f"{method} gave {authors.shown(problems)}; {wanted}.")
    for one in problems:
        path, text = cast(Any, one) if isinstance(one, tuple | list) and len(one) == 2 else (None, None)
        right = isinstance(path, tuple | list) and path and all(isinstance(part, str | int) for part in path)
        if not right or cast(Any, path)[0] not in type(node).model_fields or not isinstance(text, str):
            raise authors.wrong(graph, name, f"{method} gave {authors.shown(one)}; {wanted}.")
    return problems


def _as_list(value: Any) -> Any:
    """Return a generator's items as a list, so that what fails in it fails here."""
    return list(value) if isinstance(value, Iterator | tuple) else value


def _resolve(graph: Graph, text: str) -> Path | None:
    """Return a path of a graph made absolute; None for what can be no path."""
    try:
        return graph.resolve(text)
    except (OSError, ValueError, RuntimeError):
        return None


def _path_problem(graph: Graph, text: str, folder: bool, model: bool) -> str:
    """Say what is wrong with a path that is to be read; nothing when there is something of its kind."""
    wanted = "folder" if folder else "file"
    path = Path(text)
    try:
        path = graph.resolve(text)
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} does not exist. {_advice(text, path)}"
    except (OSError, ValueError, RuntimeError) as error:  # too long a name, a NUL, links in a circle
        why = getattr(error, "strerror", None) or str(error)
        return f'"{text[:80]}" cannot be opened ({why}); it must be a {wanted}.'
    if folder and not stat.S_ISDIR(mode):
        return f"{path} is not a folder, but must be one. Name the folder itself."
    if folder and model and not os.path.isfile(path / CARD):
        return (
            f"There is no model in {path}: its card meta.json is missing. Leave model out to use the shipped one, "
            "or train one (training/README.md)."
        )
    if not folder and stat.S_ISDIR(mode):
        return f"{path} is a folder, but must be a file. Name the file itself."
    if not folder and not stat.S_ISREG(mode):
        return f"{path} is not a regular file, but must be one."
    if not os.access(path, os.R_OK):
        return f"{path} cannot be read; check its permissions."
    return ""


def _content_problem(path: Path, holds: str, node: Any) -> str:
    """Say why a file does not hold what a node wants of it: a picture, music, a video; nothing when it does."""
    if holds == PICTURE:
        return picture_problem(path)
    keep = getattr(node, "damaged", None) == "keep"
    try:
        return (music_problem if holds == MUSIC else video_problem)(path, ffmpeg_path, keep)
    except MediaError:
        raise
    except RenderError:  # there is no FFmpeg, which is told by itself
        return ""


def picture_problem(path: Path) -> str:
    """Say why a file is no picture that can be read; nothing when it is one."""
    try:
        found = path.stat()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}. Check the path."
    return _picture_problem(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _picture_problem(path: Path, changed: int, size: int) -> str:
    """Say it of a file as it was at a time, which a session asks for with each edit."""
    try:
        read_picture(path)
    except MediaError as error:
        return str(error)
    return ""


def _advice(text: str, path: Path) -> str:
    """Return the way out of a path that leads nowhere."""
    if text.startswith("~"):
        return 'Write the path in full: "~" is not read in graphs.'
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text):
        return "It looks like an internet address, but must be a local file. Download it first."
    try:
        beside = os.listdir(path.parent)
    except OSError:
        return f"There is no folder {path.parent}. Paths start from the graph's folder."
    near = get_close_matches(path.name, beside, 1, 0.6)
    return (
        f'Did you mean "{near[0]}"? Check the path.' if near else "Check the path. It starts from the graph's folder."
    )
