"""In a notebook whose modules are reloaded as they are edited, films follow the edits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import tiny
from third_party import TESTS, node, write_package

CELLS = """
import json, os, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell

shell, folder, said = InteractiveShell.instance(), Path(sys.argv[1]), []

def cell(text):
    shell.run_cell(text).raise_error()

def edit(name, old, new):
    path = folder / "site/acme" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    edit.moment += 10
    os.utime(path, (edit.moment, edit.moment))

edit.moment = 2e9
cell("%load_ext autoreload")
cell("%autoreload 2")
cell("from acme.nodes import N; from acme.pixels import Halve; from n2s import Graph, render")
cell("from n2s.nodes import DigestSink, ImageSource; from n2s.runtime.store import Store")
cell(f"folder = {str(folder)!r}")
for change in [(), *json.loads(sys.argv[2])]:
    if change:
        edit(*change)
    for _ in range(2):
        cell("film = DigestSink(path='a.txt')(Halve()(N()(ImageSource(path='picture.png')())))")
        cell("graph = Graph(film, size=(32, 32), duration=0.1, base=folder)")
        cell("report = render(graph, out=folder, store=Store(folder + '/store'))")
        said.append([shell.user_ns["report"].rendered, (folder / "a.txt").read_text()[:10]])
print(json.dumps(said))
"""
PIXELS = """\
from n2s.graph.declare import Pointwise, port
from n2s.graph.types import Frames


class Halve(Pointwise):
    \"\"\"Halve red.\"\"\"

    frames: Frames = port("what is halved")

    @staticmethod
    def pixel(rgb, at):
        return rgb[0] * 0.5, rgb[1], rgb[2]
"""
EDITS = [
    ("nodes.py", "LOCAL = 1.0", "LOCAL = 1.5"),  # a constant
    ("helpers.py", "0.25", "0.5"),  # a constant of another module
    ("pixels.py", "* 0.5", "* 0.25"),  # pixel code
    ("nodes.py", "(frames * ", "(0.5 * frames * "),  # a method
    ("pixels.py", "* 0.25", "* 0.5"),
    ("helpers.py", "0.5", "0.25"),
]


def test_films_follow_edits_in_a_notebook(tmp_path: Path) -> None:
    nodes = node("N", "helpers.GAIN * LOCAL", "from . import helpers\nLOCAL = 1.0\n")
    files = {
        "acme/__init__.py": "",
        "acme/helpers.py": "GAIN = 0.25\n",
        "acme/nodes.py": nodes,
        "acme/pixels.py": PIXELS,
    }
    write_package(tmp_path / "site", "acme", files, entry=False)
    tiny.write_png(tmp_path / "picture.png", np.full((32, 32, 3), 200, np.uint8))
    known = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(TESTS.parent)]),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    words = [sys.executable, "-c", CELLS, str(tmp_path), json.dumps(EDITS)]
    done = subprocess.run(words, capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    first, again = (json.loads(done.stdout.splitlines()[-1])[i::2] for i in (0, 1))
    assert [rendered for rendered, _ in first] == [1] * (len(EDITS) + 1) and [rendered for rendered, _ in again] == [
        0
    ] * (len(EDITS) + 1)
    shown = [digest for _, digest in first]
    assert all(a != b for a, b in zip(shown, shown[1:]))
    assert [digest for _, digest in again] == shown
