"""Imports run one way, files are short, the light commands stay light, opening a graph is static."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny

from n2s.graph.graph import Graph

PACKAGE = Path(__file__).resolve().parent.parent / "n2s"
ABOVE = {  # the rooms that may not be imported
    "graph": ("hearing", "lettering", "nodes", "plan", "runtime", "formats", "commands", "cli"),
    "hearing": ("lettering", "nodes", "plan", "runtime", "formats", "commands", "cli"),
    "lettering": ("hearing", "nodes", "plan", "runtime", "formats", "commands", "cli"),
    "plan": ("nodes", "runtime", "formats", "commands", "cli"),
    "nodes": ("plan", "runtime", "formats", "commands", "cli"),
    "runtime": ("nodes", "formats", "commands", "cli"),
    "formats": ("nodes", "commands", "cli"),
    "commands": ("nodes", "cli"),
}
HEAVY = {  # what else may not be imported
    "graph": ("onnxruntime", "numba", "imageio_ffmpeg", "time", "random"),
    "nodes": ("onnxruntime", "imageio_ffmpeg", "time", "random"),
}


def modules_of(folder: Path) -> dict[str, Path]:
    """Return the modules of a folder of the project by name."""
    names = {path: path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(folder.rglob("*.py"))}
    return {".".join(name.parts).removesuffix(".__init__"): path for path, name in names.items()}


MODULES = modules_of(PACKAGE)
paths = pytest.mark.parametrize("path", MODULES.values(), ids=MODULES)


class Imports(ast.NodeVisitor):
    """The names that a module imports, at its head, in a function, or for type checkers alone."""

    def __init__(self, path: Path):
        self.path = path
        self.names: set[str] = set()
        self.late: list[ast.stmt] = []  # those inside functions
        self._in_function = False
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside, self._in_function = self._in_function, True
        self.generic_visit(node)
        self._in_function = outside

    def visit_Import(self, node: ast.Import) -> None:
        self._note(node, {alias.name for alias in node.names})

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            module = ".".join([*self.path.relative_to(PACKAGE.parent).parts[: -node.level], *filter(None, [module])])
        folder = PACKAGE.parent.joinpath(*module.split("."))
        names = {f"{module}.{alias.name}" for alias in node.names}
        beside = all((folder / f"{alias.name}.py").exists() for alias in node.names)
        self._note(node, names if beside else names | {module})  # a package is not asked for what lies beside it

    def _note(self, node: ast.stmt, names: set[str]) -> None:
        self.names |= names
        self.late += [node] if self._in_function else []


@paths
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    refused = ["torch", "training", *(f"n2s.{above}" for above in ABOVE.get(room, ())), *HEAVY.get(room, ())]
    for name in Imports(path).names:
        for wrong in refused:
            assert not f"{name}.".startswith(f"{wrong}."), f"{path} imports {name}"


@pytest.mark.parametrize("room", ["n2s", "training", "audio"])
def test_no_module_imports_one_that_imports_it(room: str) -> None:
    modules = modules_of(PACKAGE.parent / room)
    imported = {name: sorted(Imports(path).names & modules.keys() - {name}) for name, path in modules.items()}
    circles = circles_in(imported)
    assert not circles, "\n".join(" → ".join([*circle, circle[0]]) for circle in circles)


def circles_in(imported: dict[str, list[str]]) -> list[list[str]]:
    """Return a circle of imports through each module that has one, shortest first, each circle once."""
    found: dict[frozenset[str], list[str]] = {}
    for start in imported:
        ways, waiting = {start: [start]}, [start]
        for name in waiting:
            if start in imported[name]:
                found.setdefault(frozenset(ways[name]), ways[name])
                break
            for following in imported[name]:
                if following not in ways:
                    ways[following] = [*ways[name], following]
                    waiting.append(following)
    return sorted(found.values(), key=len)


def test_circles_of_imports_are_found() -> None:
    assert circles_in({"a": ["b", "d"], "b": ["c"], "c": ["a"], "d": []}) == [["a", "b", "c"]]
    assert circles_in({"a": ["b"], "b": ["c"], "c": []}) == []


@paths
def test_an_import_inside_a_function_says_why(path: Path) -> None:
    """It does so at the line, above the first of several, or once for all in a comment at the head of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if any(line.startswith("# Imported inside functions") for line in lines):
        return
    late = Imports(path).late
    ends = {node.end_lineno: node for node in late}
    for node in late:
        first = node
        while first.lineno - 1 in ends:
            first = ends[first.lineno - 1]
        said = lines[first.lineno - 2].lstrip().startswith("#") or "  # " in lines[node.end_lineno - 1]
        assert said, f"{path}:{node.lineno}: say why this is not imported at the head of the file"


@pytest.mark.parametrize("arguments", [["--help"], ["check", "GRAPH"]])
def test_light_commands_import_nothing_heavy(arguments: list[str], studio: Any) -> None:
    graph = tiny.write_graph(studio.folder, studio.model, name="light")
    arguments = [str(graph) if text == "GRAPH" else text for text in arguments]
    code = (
        "import sys; from n2s.cli import main\n"
        f"sys.argv = ['n2s', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'librosa', 'onnxruntime', 'numba', 'scipy', 'torch', 'soundfile'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_opening_a_graph_reads_no_music_and_no_model(tmp_path: Path) -> None:
    path = tiny.write_graph(tmp_path, tmp_path / "no-model", "no-music.wav")
    assert len(Graph.load(path).nodes) == 12


def test_long_files_say_why() -> None:
    """A file holds one idea and at most 400 lines; the docstring of one that is longer says why, and no other does."""
    rooms = ("n2s", "tests", "training", "bench", "docs", "examples", "audio")
    for path in sorted(path for room in rooms for path in (PACKAGE.parent / room).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        is_long = text.count("\n") > 400
        says_why = "longer than other" in " ".join((ast.get_docstring(ast.parse(text)) or "").split())
        assert is_long == says_why, f"{path}: part it, or say in its docstring why it is longer than other files"


def test_no_clock_and_no_global_randomness_in_what_makes_pixels() -> None:
    for path in (path for room in ("graph", "nodes", "formats") for path in (PACKAGE / room).rglob("*.py")):
        text = path.read_text()
        for word in ("np.random.", "random.random", "time.time", "datetime", "uuid", "secrets"):
            assert word not in text, f"{path} uses {word}"


@pytest.mark.parametrize(
    ("call", "room", "safe"),
    [("ast.parse(", "graph/code/syntax.py", "syntax_tree"), ("np.load(", "graph/arrays.py", "read_arrays")],
)
def test_syntax_trees_are_made_by_one_thread_at_a_time(call: str, room: str, safe: str) -> None:
    """Python of some versions fails otherwise; numpy makes one for the header of an array."""
    for path in sorted(PACKAGE.rglob("*.py")):
        assert path == PACKAGE / room or call not in path.read_text(), f"{path}: {safe} of {room} does it safely"


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_the_code_is_linted(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
