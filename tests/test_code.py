"""The identity of code: what another package's number may come from, and what makes no difference."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from third_party import HEAD, TESTS, node, python, write_package

from n2s.graph.code import files as code_files
from n2s.graph.code import identity as code
from n2s.graph.code import text as code_text

# name: (the files of a package with one node, the file that is edited, what is replaced, what by)
TABLE = "TABLE = {'gain': 2.0, 'other': 3.0}\n"
PACKAGES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "its_number": ({"__init__.py": node("N", "GAIN", "GAIN = 2.0\n")}, "__init__.py", "2.0", "2.5"),
    "its_literal": ({"__init__.py": node("N", "2.0")}, "__init__.py", "2.0", "2.5"),
    "its_dict_table": ({"__init__.py": node("N", "TABLE['gain']", TABLE)}, "__init__.py", "2.0", "2.5"),
    "its_list_table": ({"__init__.py": node("N", "TABLE[1]", "TABLE = [1.0, 2.0]\n")}, "__init__.py", "2.0", "2.5"),
    "its_frozen_set": ({"__init__.py": node("N", "max(TABLE)", "TABLE = frozenset({1.0, 2.0})\n")}, "__init__.py",
                       "2.0", "2.5"),
    "its_enum": (
        {"__init__.py": node("N", "Gain.HIGH.value", "import enum\n"
            "class Gain(enum.Enum):\n"
            "    LOW = 1.0\n"
            "    HIGH = 2.0\n")},
        "__init__.py", "2.0", "2.5",
    ),
    "its_instance": (
        {"__init__.py": node("N", "GAIN.value", "class Gain:\n"
            "    def __init__(self, value):\n"
            "        self.value = value\n"
                             "GAIN = Gain(2.0)\n")},
        "__init__.py", "Gain(2.0)", "Gain(2.5)",
    ),
    "its_class_attribute": ({"__init__.py": node("N", "self.GAIN", "from typing import ClassVar\n",
                                                 "GAIN: ClassVar = 2.0")},
                        "__init__.py", "2.0", "2.5"),
    "its_base_class": (
        {"__init__.py": node("N", "self.gain()", "from .base import Base\n").replace("(Streamed)", "(Base, Streamed)"),
         "base.py": "class Base:\n    def gain(self):\n        return 2.0\n"},
        "base.py", "2.0", "2.5",
    ),
    "its_cached": ({"__init__.py": node("N", "gain()", "import functools\n"
        "@functools.cache\n"
        "def gain():\n"
        "    return 2.0\n")},
               "__init__.py", "2.0", "2.5"),
    "its_partial": (
        {"__init__.py": node("N", "gain()", "import functools\n"
            "def scale(a, b):\n"
            "    return a * b\n"
            "gain = functools.partial(scale, 1, 2.0)\n")},
        "__init__.py", "2.0", "2.5",
    ),
    "its_decorated": (
        {"__init__.py": node("N", "gain()", "def twice(f):\n"
            "    return lambda: 2.0 * f()\n"
            "@twice\n"
            "def gain():\n"
            "    return 1.0\n")},
        "__init__.py", "2.0", "2.5",
    ),
    "its_dict_of_functions": (
        {"__init__.py": node("N", "WAYS['a']()", "def a():\n    return 2.0\nWAYS = {'a': a}\n")}, "__init__.py", "2.0",
        "2.5",
    ),
    "its_default": ({"__init__.py": node("N", "gain()", "def gain(value=2.0):\n    return value\n")}, "__init__.py",
                    "2.0", "2.5"),
    "its_closure": (
        {"__init__.py": node("N", "GAIN()", "def make(value):\n    return lambda: value\nGAIN = make(2.0)\n")},
        "__init__.py", "make(2.0)", "make(2.5)",
    ),
    "its_through_module": (
        {"__init__.py": node("N", "helpers.GAIN", "from . import helpers\n"), "helpers.py": "GAIN = 2.0\n"},
        "helpers.py", "2.0", "2.5",
    ),
    "its_array_through_module": (
        {"__init__.py": node("N", "helpers.GAINS[1]", "from . import helpers\n"), "helpers.py": "import numpy as np\n"
            "GAINS = np.array([1, 2.0])\n"},
        "helpers.py", "2.0", "2.5",
    ),
    "its_class_through_module": (
        {"__init__.py": node("N", "helpers.Gain().value", "from . import helpers\n"), "helpers.py": "class Gain:\n"
            "    value = 2.0\n"},
        "helpers.py", "2.0", "2.5",
    ),
    "its_by_name": (
        {"__init__.py": node("N", "getattr(helpers, 'GA' + 'IN')", "from . import helpers\n"),
         "helpers.py": "GAIN = 2.0\n"},
        "helpers.py", "2.0", "2.5",
    ),
    "its_star": ({"__init__.py": node("N", "GAIN", "from .helpers import *\n"), "helpers.py": "GAIN = 2.0\n"},
                 "helpers.py", "2.0", "2.5"),
    "its_imported_late": (
        {"__init__.py": node("N", "__import__('its_imported_late.helpers').helpers.GAIN"),
         "helpers.py": "GAIN = 2.0\n"},
        "helpers.py", "2.0", "2.5",
    ),
    "its_sub_package": (
        {"__init__.py": "from .nodes.all import N\n", "nodes/__init__.py": "",
         "nodes/all.py": node("N", "GAIN", "from ..values import GAIN\n"),
         "values.py": "GAIN = 2.0\n"},
        "values.py", "2.0", "2.5",
    ),
    "its_data_file": (
        {"__init__.py": node("N", "GAIN", "import json, pathlib\n"
            "GAIN = json.loads((pathlib.Path(__file__).parent / 'gain.json').read_text())['a']\n"),
         "gain.json": '{"a": 2.0}'},
        "gain.json", "2.0", "2.5",
    ),
    "its_sibling": (
        {"__init__.py": node("N", "other_package.GAIN", "import other_package\n"),
         "../other_package/__init__.py": "from .deep import GAIN\n",
         "../other_package/deep.py": "GAIN = 2.0\n"},
        "../other_package/deep.py", "2.0", "2.5",
    ),
    "its_sibling_by_name": (
        {"__init__.py": node("N", "GAIN", "import importlib\n"
            "GAIN = importlib.import_module('third_package.deep').GAIN\n"),
         "../third_package/__init__.py": "", "../third_package/deep.py": "GAIN = 2.0\n"},
        "../third_package/deep.py", "2.0", "2.5",
    ),
    "its_namespace": (
        {"nodes.py": node("N", "helpers.T[0]", "from its_namespace import helpers\n"),
         "../other_place/its_namespace/helpers.py": "T = [2.0]\n"},
        "../other_place/its_namespace/helpers.py", "2.0", "2.5",
    ),
    "its_namesake": (
        {"__init__.py": node("N", "wave.GAIN", "from . import wave\n"), "wave.py": "GAIN = 2.0\n"}, "wave.py", "2.0",
        "2.5",
    ),
    "its_hidden_file": (
        {"__init__.py": node("N", "GAIN", "import pathlib\n"
            "GAIN = float((pathlib.Path(__file__).parent / '.gain').read_text())\n"), ".gain": "2.0"},
        ".gain", "2.0", "2.5",
    ),
    "its_alias": (
        {"__init__.py": node("N", "GAIN", "from importlib import import_module as load\n"
            "GAIN = load('alias_package.deep').GAIN\n"),
         "../alias_package/__init__.py": "", "../alias_package/deep.py": "GAIN = 2.0\n"},
        "../alias_package/deep.py", "2.0", "2.5",
    ),
    "its_relative_name": (
        {"__init__.py": node("N", "GAIN", "import importlib\n"
            "GAIN = importlib.import_module('.deep', package='relative_package').GAIN\n"),
         "../relative_package/__init__.py": "", "../relative_package/deep.py": "GAIN = 2.0\n"},
        "../relative_package/deep.py", "2.0", "2.5",
    ),
    "its_small_library": (
        {"__init__.py": node("N", "small_library.GAIN", "import small_library\n"),
         "../site-packages/small_library/__init__.py": "from deep_library import GAIN\n",
         "../site-packages/small_library-1.0.dist-info/METADATA": "Metadata-Version: 2.1\n"
             "Name: small_library\n"
             "Version: 1.0\n",
         "../site-packages/deep_library/__init__.py": "GAIN = 2.0\n",
         "../site-packages/deep_library-1.0.dist-info/METADATA": "Metadata-Version: 2.1\n"
             "Name: deep_library\n"
             "Version: 1.0\n"},
        "../site-packages/deep_library/__init__.py", "2.0", "2.5",
    ),
    "its_library": (
        {"__init__.py": node("N", "a_library.GAIN", "import a_library\n"),
         "../site-packages/a_library/__init__.py": "GAIN = 2.0\n",
         "../site-packages/a_library-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: a_library\nVersion: 1.0\n"},
        "../site-packages/a_library-1.0.dist-info/METADATA", "Version: 1.0", "Version: 1.1",
    ),
    "its_file_setting": (
        {"__init__.py": node("N", "float(open(self.table).read())",
                             fields="table: FilePath = setting(help='a number')\n"
                             "    example = {'table': __file__.replace('__init__.py', '../../number.txt')}"),
         "../../number.txt": "2.0"},
        "../../number.txt", "2.0", "2.5",
    ),
}  # fmt: skip

KEYS = """
import json, sys
from pathlib import Path
import harness
from n2s.graph.graph import Graph
from n2s.runtime.store import Store
site, studio, store, names = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4].split(",")
import importlib
def keys(name):
    module = importlib.import_module(name if name != "its_namespace" else "its_namespace.nodes")
    cls = getattr(module, name + "_")
    node = cls(**cls.example)
    from n2s.nodes import DigestSink, ImageSource
    film = DigestSink(path="a.txt")(node(ImageSource(path="picture.png")()))
    graph = Graph(film, size=(64, 64), duration=0.5, base=studio)
    return harness.keys(graph, Store(store))
print(json.dumps({name: keys(name) for name in names}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages") / "site"
    for name, (files, *_) in PACKAGES.items():
        texts = {
            place: text.replace("class N(", f"class {name}_(").replace("import N\n", f"import {name}_\n")
            for place, text in files.items()
        }
        write_package(
            folder, name, {f"{name}/{place}": text for place, text in texts.items()}, entry=name != "its_namespace"
        )
    return folder


def keys(site: Path, studio: Any, store: Path, **environment: str) -> dict[str, list[str]]:
    paths = [str(site / "site-packages"), str(site / "other_place")]
    return python(
        site,
        f"import sys; sys.path += {paths!r}\n" + KEYS,
        site,
        studio.folder,
        store,
        ",".join(PACKAGES),
        **environment,
    )


def test_an_edit_of_whatever_a_number_comes_from_changes_the_key(site: Path, studio: Any, tmp_path: Path) -> None:
    before = keys(site, studio, tmp_path, PYTHONHASHSEED="1")
    assert keys(site, studio, tmp_path, PYTHONHASHSEED="2") == before
    for name, (_, place, old, new) in PACKAGES.items():
        path = site / name / place
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    after = keys(site, studio, tmp_path, PYTHONHASHSEED="3")
    assert [name for name in PACKAGES if after[name] == before[name]] == []
    for path in site.rglob("*.py"):
        if "site-packages" not in path.parts:
            path.write_text(
                "# a comment, not __doc__ or 'notes.txt'\n"
                + path.read_text().replace("Multiply.", "Multiply by a number.")
            )
    assert keys(site, studio, tmp_path, PYTHONHASHSEED="4") == after
    write_package(site, "its_number", {"its_number/notes.txt": "data that nobody reads counts, because anybody may"})
    more = keys(site, studio, tmp_path)
    assert [name for name in PACKAGES if more[name] != after[name]] == ["its_number"]


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
    (one, *others) = [python(None, DIGESTS, PYTHONHASHSEED=str(seed)) for seed in range(8)]
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
    write_package(tmp_path, "acme", files)
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
}  # fmt: skip


@pytest.mark.parametrize("place", ENVIRONMENT)
def test_a_variable_of_the_environment_that_code_reads_counts(place: str, tmp_path: Path) -> None:
    write_package(tmp_path, "acme", {"acme/__init__.py": node("N", "1.0", "import os\n" + ENVIRONMENT[place])})
    ask = "import json, acme\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(acme.N)))"
    one, two, again = (python(tmp_path, ask, ACME_GAIN=gain, UNREAD=gain) for gain in ("2.0", "2.5", "2.0"))
    assert one == again != two


SCRIPTS = {
    "factory": "cls = acme.make({gain})", "table": "acme.TABLE['g'] = {gain}\ncls = acme.N",
    "method": "cls = acme.N\ncls.gain = lambda self: {gain}", "constant": "acme.GAIN = {gain}\ncls = acme.N",
}  # fmt: skip


@pytest.mark.parametrize("what", SCRIPTS)
def test_what_a_script_does_to_a_package_counts(what: str, tmp_path: Path) -> None:
    inner = node("M", "value").replace(HEAD, "").replace("\n", "\n    ")
    text = node("N", "GAIN", "TABLE = {'g': 1.0}\nGAIN = 1.0\n") + f"\n\ndef make(value):\n    {inner}\n    return M\n"
    write_package(tmp_path, "acme", {"acme/__init__.py": text}, entry=False)
    end = "\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(cls)))\n"
    found = []
    for gain in ("2.0", "2.5", "2.0"):
        (tmp_path / "film.py").write_text("import json, acme\n" + SCRIPTS[what].format(gain=gain) + end)
        found.append(python(tmp_path, f"import runpy; runpy.run_path({str(tmp_path / 'film.py')!r}, run_name='film')"))
    assert found[0] == found[2] != found[1]


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


def test_code_without_a_file_is_refused() -> None:
    text = (
        "from n2s.graph.code.identity import code_digest\n"
        + node("N", "2.0")
        + "\nimport json\ntry:\n    code_digest(N)\nexcept Exception as e:\n    print(json.dumps(str(e)))"
    )
    assert "lives in no file" in python(None, text)


# (module, what is replaced, what by): places all over the engine that decide bits
MUTATIONS = [
    ("runtime/render/kernels/seeds.py", "mixed = shader.hash32(np.array([seed ^ word]",
     "mixed = shader.hash32(np.array([seed + word]"),
    ("graph/shader.py", "f32(0.7152) * g", "f32(0.7151) * g"),
    ("runtime/render/kernels/dither.py", "52.9829189", "52.98"),
    ("runtime/media/resample.py", "scale = min((shape[0] - loose[0])", "scale = max((shape[0] - loose[0])"),
    ("runtime/render/kernels/numba_stores.py", '"chroma = np.zeros', '"chroma = np.ones'),
    ("runtime/render/kernels/from_plan.py", '"to_light", "to_display"', '"abs", "to_display"'),
    ("runtime/render/kernels/parted.py", "[*self.done, ast.Return", "[ast.Return"),
    ("runtime/render/kernels/numba_tables.py", "rest * {low} + weight0 * {high}", "weight0 * {low} + rest * {high}"),
    ("runtime/render/kernels/numba_loops.py", "loop.taken = sorted(wanted & made)", "loop.taken = sorted(wanted)"),
    ("graph/kinds/tables.py", "made[..., :3] = values", "made[..., :3] = 2 * values"),
    ("graph/shader.py", "y_first = xy * xz, (one - xy) * yz", "y_first = xy * xz, (one - xy)"),
    ("runtime/render/kernels/pixels.py", 'ast.Name("f32"', 'ast.Name("f64"'),
    ("runtime/render/kernels/numba_rows.py", 'error_model="numpy"', 'error_model="python"'),
    ("runtime/render/kernels/sampling.py", "NEAR = f32(64 / 1.03)", "NEAR = f32(64 / 1.02)"),
    ("runtime/render/kernels/sampling.py", "f32(-0.5) * t * u * u", "f32(-0.4) * t * u * u"),
    ("runtime/render/kernels/vectors.py", "[4, 5, 6, 7]", "[4, 5, 6, 6]"),
    ("runtime/render/kernels/maps.py", "taken = min(t, f32(2) - t)", "taken = (f32(2) - t)"),
    ("runtime/render/kernels/numba_lenses.py", "SAMPLES = 16", "SAMPLES = 8"),
    ("runtime/render/kernels/numba_lenses.py", '"mirror": 1, "wrap": 2', '"mirror": 2, "wrap": 1'),
    ("runtime/render/moves.py", "np.linspace(-0.5, 0.5,", "np.linspace(-0.5, 0.4,"),
    ("runtime/render/opened.py", "BLOCK = 4", "BLOCK = 8"),
    ("runtime/render/work.py", "np.clip(np.arange(start, stop)", "np.clip(np.arange(start + 1, stop + 1)"),
    ("runtime/render/opened.py", "np.full(stop - start, values, np.float32)",
     "np.full(stop - start, values * 2, np.float32)"),
    ("runtime/render/kernels/numba_echo.py", "TILE = 256", "TILE = 512"),
    ("runtime/render/past.py", "frames[:, None] >= self.ages", "frames[:, None] > self.ages"),
    ("plan/echoes.py", "BORDER = 1", "BORDER = 2"),
    ("runtime/render/segments.py", "maker.blocks(chunk.start, chunk.stop,",
     "maker.blocks(chunk.start, chunk.stop - 1,"),
    ("runtime/media/resample.py", "-0.5 * x + 2.5", "-0.6 * x + 2.5"),
    ("runtime/media/resample.py", "width = max(1.0, scale)", "width = max(1.1, scale)"),
    ("runtime/media/pictures.py", "accurate_rnd+full_chroma_int+bitexact", "bitexact"),
    ("runtime/models/folder.py", "intra_op_num_threads = options.inter_op_num_threads = 1",
     "intra_op_num_threads = options.inter_op_num_threads = 2"),
    ("runtime/models/folder.py", 'PREFERENCES = {"cpu": ("int8"', 'PREFERENCES = {"cpu": ("fp32"'),
    ("formats/codecs.py", "cpu-independent=1", "cpu-independent=0"),
    ("formats/video.py", "range=tv", "range=pc"),
    ("runtime/ffmpeg.py", '"-xerror"]', "]"),
    ("formats/digests.py", "hashlib.sha256(frame)", "hashlib.sha256(frame[1:])"),
    ("formats/pictures.py", "number:06d", "number:07d"),
    ("runtime/media/png.py", "rows.tobytes(), 6)", "rows.tobytes(), 5)"),
    ("graph/format.py", "\"yuv420p\": 3, \"yuv422p\": 4", "\"yuv420p\": 4, \"yuv422p\": 4"),
    ("graph/shader.py", "f32(2.402295e-1)", "f32(2.402296e-1)"),
    ("graph/shader.py", "return min(x, f32(1))  # with", "return min(x, f32(2))  # with"),
    ("plan/stages.py", 'FULL = ("full", 0)', 'FULL = ("full", 1)'),
    ("graph/specs.py", "output.kind is wanted", "output.kind is not wanted"),
    ("graph/shader.py", "f32(0.03152512)", "f32(0.03152513)"),
    ("runtime/render/kernels/sampling.py", "LEAP = f32(1 / 8)", "LEAP = f32(1 / 4)"),
    ("runtime/render/kernels/numba_lenses.py", "share += (x - x)", "share -= (x - x)"),
    ("graph/shader.py", "0x7FEB352D", "0x7FEB352F"),
    ("graph/time.py", "self.fps.denominator / np.float64(self.fps.numerator)",
     "self.fps.denominator / np.float32(self.fps.numerator)"),
    ("graph/grids.py", "GRID_ROWS = 16", "GRID_ROWS = 18"),
    ("plan/stages.py", "max(own[0], around[0])", "max(own[0], before)"),
    ("plan/fold.py", "neutral is None or", "neutral is not None or"),
    ("plan/fuse.py", "(name == root or name not in self.cuts)", "name not in self.cuts"),
    ("plan/fuse.py", "part=node.part)", 'part="soft")'),
    ("runtime/render/kernels/pyramid.py", "f32(0.15625)", "f32(0.15624)"),
    ("runtime/render/kernels/numba_enlarge.py", "y, height & 1", "y, width & 1"),
    ("runtime/render/soft.py", "LEAST = 1.75", "LEAST = 1.7"),
    ("graph/kinds/filter.py", "HALF_SIZE_FROM = 3.0", "HALF_SIZE_FROM = 2.9"),
    ("plan/fuse.py", "next(iter(stages.pop().reads.values())).stage", "next(iter(stages.pop().reads))"),
    ("runtime/render/measures.py", "np.ascontiguousarray(picture)", "np.ascontiguousarray(picture[::-1])"),
    ("graph/kinds/measure.py", "ROWS = 64", "ROWS = 65"),
    ("nodes/measures.py", "STEPS = 32", "STEPS = 33"),
    ("plan/reach.py", "before=before, after=after", "before=before, after=before"),
    ("runtime/render/kernels/light_levels.py", "f32(1.5) * x - f32(2.5)", "f32(1.4) * x - f32(2.5)"),
    ("runtime/render/kernels/maps.py", "return upper + (lower - upper) * u", "return upper"),
    ("runtime/render/kernels/vectors.py", "[0] * 4 + [4] * 4", "[0] * 8"),
    ("runtime/render/kernels/numba_lenses.py", "SAMPLES = 16", "SAMPLES = 8"),
    ("runtime/render/moves.py", "/ 360", "/ 180"),
    ("plan/flatten.py", 'graph.nodes[source].kind == "lens"', 'graph.nodes[source].kind == "filter"'),
    ("nodes/camera.py", "cosine / zoom", "cosine * zoom"),
    ("plan/flatten.py", "value_read(graph, link), composed=", "name, composed="),
    ("plan/flatten.py", "port == next(iter(node.ports))", "port in node.ports"),
    ("plan/fold.py", "return node.shutter > 0 or", "return node.shutter > 1 or"),
    ("plan/fuse.py", "len(ends[name]) > 1", "len(ends[name]) > 2"),
    ("runtime/render/kept.py", "np.float16 if", "np.float32 if"),
    ("runtime/render/framefile.py", "planes.T).view(dtype)", "planes).view(dtype)"),
    ("graph/context.py", "return self.scene.clock.times(self.start, self.stop)",
     "return self.scene.clock.times(self.start, self.stop) + 1"),
    ("graph/kinds/pointwise.py", "def prepare(self, **params: Any) -> dict[str, Any]:\n        return params",
     "def prepare(self, **params: Any) -> dict[str, Any]:\n        return {}"),
    ("graph/kinds/lens.py", "per_channel: ClassVar[bool] = False", "per_channel: ClassVar[bool] = True"),
    ("nodes/camera.py", "cosine / zoom - 1", "cosine / zoom - 1.1"),
    ("nodes/shifts.py", "4 / (1 + at.aspect", "3 / (1 + at.aspect"),
    ("nodes/drift.py", "(0.5 + shader.uniform(bits))", "(0.4 + shader.uniform(bits))"),
    ("nodes/latents.py", "angle = np.arccos", "angle = 1.01 * np.arccos"),
    ("nodes/signals.py", "2.0 ** (-1.0 / (float(fps) * half_life))", "2.0 ** (-1.1 / (float(fps) * half_life))"),
    ("hearing/spectrum.py", "np.sqrt", "np.cbrt"),
    ("hearing/rows.py", "LOUDNESS = 0.3", "LOUDNESS = 0.31"),
    ("hearing/net.py", "AROUND = 4.0", "AROUND = 4.1"),
    ("runtime/media/audio.py", "LOUDEST = 1e4", "LOUDEST = 1e3"),
    ("runtime/media/music/layouts.py", "HALF = 0.70710678", "HALF = 0.7"),
    ("runtime/films/films.py", "SAMPLES_AT_ONCE = 1 << 16", "SAMPLES_AT_ONCE = 1 << 15"),
    ("hearing/rows.py", "def ", "def  "),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("code") / "n2s"
    shutil.copytree(Path(code_files._ROOT), target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def digests_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(code_files, "_ROOT", str(root))
    others = (
        "nodes.motion",
        "nodes.latents",
        "nodes.grain",
        "nodes.camera",
        "nodes.features",
        "nodes.measures",
        "nodes.camera",
        "nodes.shifts",
        "runtime.media.audio",
        "runtime.films.films",
        "formats.digests",
        "formats.video",
        "formats.png",
    )
    return code.engine_parts() | {name: code.code_digest(f"n2s.{name}") for name in others}


@pytest.mark.parametrize("mutation", range(len(MUTATIONS)))
def test_an_edit_of_what_decides_bits_changes_a_digest(
    mutation: int, copy_of_the_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, old, new = MUTATIONS[mutation]
    path = copy_of_the_code / place
    text = path.read_text()
    before = digests_of(copy_of_the_code, monkeypatch)
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        changed = digests_of(copy_of_the_code, monkeypatch) != before
        assert changed == (new != "def  "), "layout makes no difference, all else does"
    finally:
        path.write_text(text)
    assert digests_of(copy_of_the_code, monkeypatch) == before


def test_what_the_engine_is_made_of() -> None:
    """A module that is left out by mistake, or comes to decide nothing, shows here."""
    parts = set(code.engine_parts())
    makers = (
        "render.frames",
        "render.kernels.numba_rows",
        "render.kernels.numba_stores",
        "render.kernels.program",
        "render.kernels.light_levels",
        "render.kernels.maps",
        "render.kernels.sampling",
        "render.kernels.vectors",
        "render.segments",
        "models.folder",
        "media.pictures",
        "media.resample",
    )
    assert {f"n2s.runtime.{name}" for name in makers} <= parts
    assert not {
        name
        for name in parts
        if name.startswith(("n2s.commands", "n2s.cli", "n2s.formats", "n2s.nodes")) or name in code.APART
    }
    assert parts <= {
        f"n2s.{path.relative_to(code_files._ROOT).with_suffix('').as_posix().replace('/', '.')}".removesuffix(
            ".__init__"
        )
        for path in Path(code_files._ROOT).rglob("*.py")
    }


def test_facts_that_another_process_found_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code.engine_parts()
    kept = json.loads(json.dumps(code_text.known_facts()))
    monkeypatch.setattr(code_text, "_facts", {})
    monkeypatch.setattr(code_text, "_texts", {})
    monkeypatch.setattr(code, "_executed", {})
    code_text.remember_facts(kept)
    monkeypatch.setattr(code_text, "find_facts", lambda text: pytest.fail("a text was looked at again"))
    assert code.engine_parts() == before
    assert sys.version_info >= (3, 11)


def test_threads_may_ask_for_the_facts_of_one_file_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One thread is still finding them out while another asks; that one must not take them for known."""
    file, found, going = tmp_path / "module.py", code_text.find_facts, threading.Event()
    file.write_text("import os\n")
    expected = found(file.read_bytes())

    def slowly(text: bytes) -> code_text.Facts:
        going.set()
        time.sleep(0.2)
        return found(text)

    monkeypatch.setattr(code_text, "find_facts", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(code_text.facts_of, str(file))
        going.wait()
        second = pool.submit(code_text.facts_of, str(file))
        assert first.result() == second.result() == expected
