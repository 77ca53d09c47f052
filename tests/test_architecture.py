"""Imports run one way, the light commands stay light, opening a graph is static."""

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
FORBIDDEN = {
    "graph": (
        "n2s.nodes",
        "n2s.formats",
        "n2s.runtime",
        "n2s.cli",
        "n2s.commands",
        "training",
        "onnxruntime",
        "numba",
        "imageio_ffmpeg",
        "time",
        "random",
    ),
    "nodes": (
        "n2s.formats",
        "n2s.runtime",
        "n2s.cli",
        "n2s.commands",
        "training",
        "onnxruntime",
        "imageio_ffmpeg",
        "time",
        "random",
    ),
    "formats": ("n2s.nodes", "n2s.cli", "n2s.commands", "training", "torch", "time", "random"),
    "runtime": ("n2s.nodes", "n2s.formats", "n2s.cli", "n2s.commands", "training", "torch"),
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                room = path.relative_to(PACKAGE.parent).parts[: -node.level]
                module = ".".join([*room, *filter(None, [module])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    for name in imports(path):
        assert "torch" not in name.split(".")[0], f"{path}: torch belongs to training"
        for wrong in FORBIDDEN.get(room, ()):
            assert not (name == wrong or name.startswith(wrong + ".")), f"{path} imports {name}"


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


def test_no_clock_and_no_global_randomness_in_what_makes_pixels() -> None:
    for path in (path for room in ("graph", "nodes", "formats") for path in (PACKAGE / room).rglob("*.py")):
        text = path.read_text()
        for word in ("np.random.", "random.random", "time.time", "datetime", "uuid", "secrets"):
            assert word not in text, f"{path} uses {word}"


def test_the_code_is_linted() -> None:
    root = PACKAGE.parent
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
