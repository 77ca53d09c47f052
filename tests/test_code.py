"""The identity of code: what another package's number may come from, and what makes no difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from third_party import node, python, write_package

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
