"""Digests speak of the code that was loaded, whoever imports it, when and how."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from third_party import TESTS, node, python, write_package

DIGESTS = """
import json
from n2s.graph.code.identity import code_digest
from n2s.graph.registry import node_types
from n2s.runtime import machine
engine = machine.environment()["engine"]
nodes = [code_digest(cls) for cls in node_types().values()]
print(json.dumps([engine, *nodes, code_digest("n2s.runtime.films.films")]))
"""


def test_digests_are_the_same_in_every_process() -> None:
    (one, *others) = [python(None, DIGESTS, PYTHONHASHSEED=str(seed)) for seed in range(4)]
    assert all(other == one for other in others) and len(set(one)) > 5


LOADED = """
import importlib, json, sys
from pathlib import Path
from n2s.graph.code.identity import code_digest
import acme.nodes
first = acme.nodes.N
text = Path(acme.helpers.__file__)
def edit(old, new):
    text.write_text(text.read_text().replace(old, new))
found = [code_digest(first)] if {early} else []
edit("2.0", "2.5")
found.append(code_digest(first))           # the file was edited; what is loaded is what was
importlib.reload(acme.helpers)
found.append(code_digest(first))           # names of both may be in use
importlib.reload(acme.nodes)
found.append(code_digest(acme.nodes.N))    # all of it is new
found.append(code_digest(first))           # but the old class is not
acme.helpers.GAIN = 7.0
found.append(code_digest(acme.nodes.N))    # set from outside
print(json.dumps(found))
"""


@pytest.mark.parametrize("early", [False, True])
def test_a_digest_speaks_of_the_code_that_was_loaded(early: bool, tmp_path: Path) -> None:
    files = {
        "acme/__init__.py": "",
        "acme/helpers.py": "GAIN = 2.0\n",
        "acme/nodes.py": node("N", "GAIN", "from .helpers import GAIN\n"),
    }
    write_package(tmp_path, "acme", {**files})
    of_old = python(
        tmp_path,
        "import json, acme.nodes\n"
        "from n2s.graph.code.identity import code_digest\n"
        "print(json.dumps(code_digest(acme.nodes.N)))",
    )
    found = python(tmp_path, LOADED.replace("{early}", str(early)))
    of_new = python(
        tmp_path,
        "import json, acme.nodes\n"
        "from n2s.graph.code.identity import code_digest\n"
        "print(json.dumps(code_digest(acme.nodes.N)))",
    )
    if early:
        assert found.pop(0) == of_old
    edited, mixed, new, old_class, set_by_hand = found
    assert (edited == of_old) == early and edited != of_new
    assert new == of_new != of_old
    assert mixed not in (of_old, of_new, edited) and old_class not in (of_old, of_new) and set_by_hand != of_new


def test_a_module_that_is_imported_late_does_not_change_a_digest(tmp_path: Path) -> None:
    late = "def gain():\n    from . import late\n    return late.GAIN\n"
    write_package(tmp_path, "acme", {"acme/__init__.py": node("N", "gain()", late), "acme/late.py": "GAIN = 2.0\n"})
    ask = (
        "import json, acme\nfrom n2s.graph.code.identity import code_digest\nfirst = code_digest(acme.N)\nacme.gain()\n"
    )
    first, second = python(tmp_path, ask + "print(json.dumps([first, code_digest(acme.N)]))")
    assert first == second


def test_a_module_with_a_name_of_pythons_own(tmp_path: Path) -> None:
    found = []
    for gain in ("2.0", "2.5"):
        write_package(tmp_path, "colorsys", {"colorsys.py": node("N", "GAIN", f"GAIN = {gain}\n")}, entry=False)
        found.append(
            python(
                tmp_path,
                "import json, colorsys\n"
                "from n2s.graph.code.identity import code_digest\n"
                "print(json.dumps(code_digest(colorsys.N)))",
            )
        )
    assert found[0] != found[1]


def test_kept_bytecode_of_another_text_is_not_taken_for_it(tmp_path: Path) -> None:
    """Python runs kept bytecode for a text of the same size and second."""
    write_package(tmp_path, "acme", {"acme/__init__.py": node("N", "GAIN", "GAIN = 2.0\n")})
    ask = (
        "import json, os, acme\n"
        "from n2s.graph.code.identity import code_digest\n"
        "print(json.dumps([acme.GAIN, code_digest(acme.N)]))"
    )
    path = tmp_path / "acme/__init__.py"
    os.utime(path, (1e9, 1e9))
    first = python(tmp_path, ask, PYTHONDONTWRITEBYTECODE="")
    path.write_text(path.read_text().replace("2.0", "2.5"))
    os.utime(path, (1e9, 1e9))
    second = python(tmp_path, ask, PYTHONDONTWRITEBYTECODE="")
    shutil.rmtree(path.parent / "__pycache__")
    third = python(tmp_path, ask)
    assert (first[0], second[0], third[0]) == (2.0, 2.0, 2.5)  # the second ran the old code
    assert third[1] not in (first[1], second[1])


KEEP = """
import json, sys
from pathlib import Path
import acme
from n2s.runtime.context import RunContext
from n2s.runtime.store import Store
context = RunContext(Store(Path(sys.argv[1])), print)
print(json.dumps(float(acme.heard(context)["loud"])))
"""


def test_what_a_node_keeps_is_kept_under_its_code(tmp_path: Path) -> None:
    """An author's recipe says what was heard; by which code is added."""
    text = (
        "import numpy as np\n"
        "from functools import partial\n"
        "def hear(n):\n"
        "    return {'loud': np.array(GAIN)}\n"
        "def heard(context):\n"
        "    return context.keep('ears', {'audio': 'a'}, partial(hear, 1))\n"
    )
    write_package(tmp_path / "site", "acme", {"acme/__init__.py": text + "GAIN = 2.0\n"})
    ask = lambda: python(tmp_path / "site", KEEP, tmp_path / "store")  # noqa: E731
    assert ask() == 2.0
    write_package(tmp_path / "site", "acme", {"acme/__init__.py": text + "GAIN = 2.5\n"})
    assert ask() == 2.5
    (kept,) = {path.parent.parent.name for path in (tmp_path / "store").rglob("*.npz")}
    assert kept == "ears" and len(list((tmp_path / "store").rglob("*.npz"))) == 2


ENVIRONMENT = {
    "plain": "GAIN = float(os.environ['ACME_GAIN'])\n", "table": "T = {'g': float(os.environ.get('ACME_GAIN', 1))}\n"
        "GAIN = None\n",
    "default": "def gain(value=float(os.getenv('ACME_GAIN'))):\n    return value\n",
    # by another name, asked for while frames are made
    "renamed": "from os import environ as ENV\ndef gain():\n    return float(ENV['ACME_GAIN'])\n",
    "renamed function": "from os import getenv as ask\ndef gain():\n    return float(ask('ACME_GAIN'))\n",
    "by name": "def gain():\n    return getattr(os, 'environ')['ACME_GAIN']\n",
}  # fmt: skip


@pytest.mark.parametrize("place", ENVIRONMENT)
def test_a_variable_of_the_environment_that_code_reads_counts(place: str, tmp_path: Path) -> None:
    write_package(tmp_path, "acme", {"acme/__init__.py": node("N", "1.0", "import os\n" + ENVIRONMENT[place])})
    ask = "import json, acme\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(acme.N)))"
    one, two, again = (python(tmp_path, ask, ACME_GAIN=gain, UNREAD=gain) for gain in ("2.0", "2.5", "2.0"))
    assert one == again != two


@pytest.mark.parametrize("way", ["script", "module", "data"])
def test_nodes_of_scripts_count_with_what_they_import_and_name(way: str, tmp_path: Path) -> None:
    ask = "\nimport json\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(N)))\n"
    before = {"script": "from helpz import GAIN\n", "module": "from .helpz import GAIN\n",
              "data": "import pathlib\n"
                  "GAIN = float((pathlib.Path(__file__).parent / 'data' / 'gain.txt').read_text())\n"}[way]  # fmt: skip
    folder = tmp_path / "pk" if way == "module" else tmp_path
    for place, text in (
        ("film.py", node("N", "GAIN", before) + ask),
        ("helpz.py", "GAIN = 2.0\n"),
        ("data/gain.txt", "2.0"),
        ("__init__.py", ""),
    ):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text)
    found = []
    for gain in ("2.0", "2.5", "2.0"):
        for place in ("helpz.py", "data/gain.txt"):
            (folder / place).write_text(f"GAIN = {gain}\n" if place == "helpz.py" else gain)
        words = [sys.executable, *(["-m", "pk.film"] if way == "module" else [str(tmp_path / "film.py")])]
        known = os.environ | {"PYTHONPATH": str(TESTS.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        found.append(subprocess.run(words, cwd=tmp_path, env=known, capture_output=True, text=True, check=True).stdout)
    assert found[0] == found[2] != found[1]


RUN_BY_PATH = {
    "spec": "spec = importlib.util.spec_from_file_location('extra', HERE / 'parts/extra.py')\n"
        "extra = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(extra)\nGAIN = extra.gain\n",
    "exec": "named = {}\nexec((HERE / 'parts/extra.py').read_text(), named | {'__file__': '.'}, named)\n"
        "GAIN = named['gain']\n",
    "runpy": "import runpy\nGAIN = runpy.run_path(HERE.joinpath('parts/extra.py'))['gain']\n",
}  # fmt: skip


@pytest.mark.parametrize("edited", ["parts/extra.py", "parts/more.json"])
@pytest.mark.parametrize("way", RUN_BY_PATH)
def test_a_file_that_a_module_runs_by_its_path_counts_with_what_it_names(way: str, edited: str, tmp_path: Path) -> None:
    before = "import importlib.util\nfrom pathlib import Path\nHERE = Path(__file__).parent\n" + RUN_BY_PATH[way]
    files = {
        "acme.py": node("N", "GAIN()", before),
        "parts/extra.py": "DATA = 'more.json'\ndef gain():\n    return 2.0\n",
        "parts/more.json": "2.0",
    }
    ask = "import json, acme\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(acme.N)))"
    found = []
    for gain in ("2.0", "2.5", "2.0"):
        write_package(tmp_path, "acme", {**files, edited: files[edited].replace("2.0", gain)})
        found.append(python(tmp_path, ask))
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("gain", ["2.0", "2.5"])
def test_a_module_from_a_folder_put_on_the_path_has_one_digest(gain: str, tmp_path: Path) -> None:
    """Its file is found below the folder, too, where it would have another name."""
    before = (
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'vendor'))\n"
        "import vend\nvend.GAIN = float(os.sys.argv[1])\n"
    )
    for place in ("alone/acme.py", "whole/acme/__init__.py"):
        vendor = str(Path(place).parent / "vendor/vend.py")
        write_package(tmp_path, "acme", {place: node("N", "vend.GAIN", before), vendor: "GAIN = 1.0\n"})
        ask = (
            "import json, acme\nfrom n2s.graph.code.identity import code_digest, code_parts\n"
            "first = code_digest(acme.N)\n"
            "print(json.dumps([first, code_digest(acme.N), code_parts(acme.N)['vend.GAIN =']]))"
        )
        first, second, told = python(tmp_path / Path(place).parts[0], ask, gain)
        assert first == second and told == gain


SCRIPT_WITH_A_NODE = """
if __name__ == "__main__":
    from n2s import Graph, render
    from n2s.nodes import DigestSink, ImageSource
    graph = Graph(DigestSink(path="{film}")(N()(ImageSource(path="picture.png")())), size=(16, 16), duration=0.5)
    print(render(graph, {given}).rendered)
"""
PLACES = {
    "in a folder": ("dim.txt", "out='films', store='store'"), "deeper": ("dim.txt", "out='films/new', store='a/b'"),
    "beside it": ("dim.txt", "out='.', store='store'"), "by its name": ("film.txt", "out='.', store='store'"),
    "below": ("films/dim.txt", "out='.', store='store'"),
}  # fmt: skip


@pytest.mark.parametrize("way", PLACES)
def test_what_a_script_writes_is_no_part_of_its_code(way: str, studio: Any, tmp_path: Path) -> None:
    """It names the folders of its films and of its store, and they are filled while it runs."""
    film, given = PLACES[way]
    shutil.copy(studio.folder / "picture.png", tmp_path)
    (tmp_path / "films").mkdir()
    known = os.environ | {"PYTHONPATH": str(TESTS.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    rendered = []
    for gain, data in (("0.5", "1"), ("0.5", "1"), ("0.25", "1"), ("0.25", "2")):
        (tmp_path / "film.py").write_text(node("N", gain) + SCRIPT_WITH_A_NODE.format(film=film, given=given))
        (tmp_path / "films" / "data.txt").write_text(data)  # a file of the author's own in that folder
        (tmp_path / "film.json").write_text(data)
        words = [sys.executable, str(tmp_path / "film.py")]
        done = subprocess.run(words, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        rendered.append(int(done.stdout))
    assert [number > 0 for number in rendered] == [True, False, True, True]


def test_code_without_a_file_is_refused() -> None:
    text = (
        "from n2s.graph.code.identity import code_digest\n"
        + node("N", "2.0")
        + "\nimport json\ntry:\n    code_digest(N)\nexcept Exception as e:\n    print(json.dumps(str(e)))"
    )
    assert "lives in no file" in python(None, text)
