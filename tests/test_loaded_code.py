"""Digests speak of the code that was loaded, whoever imports it, when and how."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from third_party import HEAD, TESTS, node, python, write_package

from n2s.graph.code import identity

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


FILLING = {
    "inner table": "MADE['a'][1] = {1: 2.0}", "inner list": "MADE['b'].append(1.0)",
    "taken table": "TAKEN[1] = 2.0", "renamed table": "other[1] = 2.0", "of a module": "tables.OWN[1] = 2.0",
    "of the class": "N.made[1] = 2.0", "of another class": "Cache().made.setdefault(1, []).append(2.0)",
    "of an instance": "Cache().keep()", "attribute of a class": "Cache.calls += 1",
    "attribute by cls": "Cache.count()", "attribute by type": "Cache().count_more()",
    "attribute by setattr": "setattr(Cache, 'calls', 5)", "attribute of a renamed class": "Kept.calls += 1",
    "name of a module": "tables.LAST = 2.0", "name of a renamed module": "kept.LAST = 2.0",
    "name by globals": "globals()['LAST'] = 2.0", "name of another package": "beside.LAST = 2.0",
    "closure": "gain(1)", "closure of another package": "far(1)", "nonlocal": "count()",
    "default": "gain_by(1)", "keyword default": "gain_of(1)", "default added to": "gains(1)",
    "array filled": "SCRATCH.fill(2.0)", "array as out": "np.add(1.0, 1.0, out=SCRATCH[:])",
    "array as named out": "np.add(1.0, 1.0, out=(part := SCRATCH[:]))", "array copied to": "np.copyto(SCRATCH, 2.0)",
    "array of sums": "np.add.at(tables.SUMS, [1], 2.0)", "list by heappush": "heapq.heappush(tables.QUEUE, 2.0)",
}  # fmt: skip
# What the package of the table below keeps, and how.
FILLED = """
import functools, heapq, typing
import numpy as np
import beside
from beside import memo_far
from . import tables, tables as kept
from .tables import TAKEN, RENAMED as other, Cache, Cache as Kept
MADE = {'a': {}, 'b': []}
LAST, SCRATCH = 1.0, np.zeros(2)
def memo(f):
    known = {}
    def call(x):
        if x not in known:
            known[x] = f(x)
        return known[x]
    return call
@memo
def gain(x):
    return 2.0 * x
@memo_far
def far(x):
    return 2.0 * x
def counter():
    calls = 0
    def call():
        nonlocal calls
        calls += 1
    return call
count = counter()
def gain_by(x, seen={}):
    seen[x] = 2.0
def gain_of(x, *, once={}):
    once.setdefault(x, 2.0)
def gains(x, every=[]):
    every += [x]
"""
TABLES = """
import numpy as np
TAKEN, RENAMED, OWN, LAST, SUMS, QUEUE = {}, {}, {}, 1.0, np.zeros(2), []
class Cache:
    made, by_name, calls = {}, {}, 0
    def keep(self):
        self.by_name[1] = 2.0
    @classmethod
    def count(cls):
        cls.calls += 1
    def count_more(self):
        type(self).calls += 1
"""
BESIDE = """
import functools
LAST = 1.0
def memo_far(f):
    kept_far = {}
    @functools.wraps(f)
    def call(x):
        return kept_far.setdefault(x, f(x))
    return call
"""


@pytest.mark.parametrize("way", FILLING)
def test_a_table_that_a_package_fills_does_not_change_a_digest(way: str, tmp_path: Path) -> None:
    """What is made once is kept somewhere, and a film is planned before and rendered after."""
    before = f"{FILLED}def fill():\n    {FILLING[way]}\n"
    text = node("N", "1.0", before) + "\n    made: typing.ClassVar[dict] = {}\n"
    files = {"acme/__init__.py": text, "acme/tables.py": TABLES, "beside.py": BESIDE}
    write_package(tmp_path, "acme", {**files})
    ask = (
        "import json, acme\nfrom n2s.graph.code.identity import code_digest\nfirst = code_digest(acme.N)\nacme.fill()\n"
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


SCRIPTS = {
    "factory": "cls = acme.make({gain})", "table": "acme.TABLE['g'] = {gain}\ncls = acme.N",
    "method": "cls = acme.N\ncls.gain = lambda self: {gain}", "constant": "acme.GAIN = {gain}\ncls = acme.N",
    # beside what is not plain: a folder, a function, an object
    "mixed table": "acme.MIXED['g'] = {gain}\ncls = acme.N", "mixed list": "acme.ITEMS[1] = {gain}\ncls = acme.N",
    "set": "acme.ONES.remove(1.0), acme.ONES.add({gain})\ncls = acme.N",
    "tuple": "acme.PAIR = len, {gain}\ncls = acme.N", "named tuple": "acme.TAG = acme.Tag(len, {gain})\ncls = acme.N",
    "default": "acme.add.__defaults__ = len, {gain}\ncls = acme.N",
    # beside what functions change under the same or a like name
    "attribute's name": "acme.level = {gain}\ncls = acme.N", "of a class": "acme.N.level = {gain}\ncls = acme.N",
    "name of a table of self": "acme.kept = {gain}\ncls = acme.N", "counter": "acme.total = {gain}\ncls = acme.N",
    "other class": "acme.Level.level = {gain}\ncls = acme.N", "argument": "acme.N.seen = {gain}\ncls = acme.N",
    "default beside a table": "acme.look.__defaults__ = {{}}, {gain}\ncls = acme.N",
    "closure beside a table": "acme.look = acme.make_look({gain})\ncls = acme.N",
}  # fmt: skip


MIXED = """
import collections, os, typing
MIXED = {"g": 1.0, "cache": os.getcwd()}
ITEMS, ONES, PAIR = [len, 1.0], {1.0, len}, (len, 1.0)
Tag = collections.namedtuple("Tag", "way gain")
TAG = Tag(len, 1.0)
def add(way=len, gain=1.0):
    return way, gain
level = kept = total = 1.0
class Level:
    level = 1.0
class Set:
    def __init__(self, level):
        self.level = level
        self.kept = {}
    def keep(self, other):
        self.kept[1] = other
        self.level += 1
        other.level = 2.0
        total = 0
        total += 1
def look(seen={}, gain=1.0):
    seen[1] = gain
def make_look(gain):
    shown = {}
    def look():
        return shown.setdefault(1, gain)
    return look
"""


@pytest.mark.parametrize("what", SCRIPTS)
def test_what_a_script_does_to_a_package_counts(what: str, tmp_path: Path) -> None:
    inner = node("M", "value").replace(HEAD, "").replace("\n", "\n    ")
    text = (
        node(
            "N",
            "GAIN",
            "TABLE = {'g': 1.0}\nGAIN = 1.0\n" + MIXED,
            "level: typing.ClassVar = 1.0\n    seen: typing.ClassVar = 1.0",
        )
        + f"\n\ndef make(value):\n    {inner}\n    return M\n"
    )
    write_package(tmp_path, "acme", {"acme/__init__.py": text}, entry=False)
    end = "\nfrom n2s.graph.code.identity import code_digest\nprint(json.dumps(code_digest(cls)))\n"
    found = []
    for gain in ("2.0", "2.5", "2.0"):
        (tmp_path / "film.py").write_text("import json, acme\n" + SCRIPTS[what].format(gain=gain) + end)
        found.append(python(tmp_path, f"import runpy; runpy.run_path({str(tmp_path / 'film.py')!r}, run_name='film')"))
    assert found[0] == found[2] != found[1]


def test_what_is_plain_in_tables_is_told_and_the_rest_has_its_place() -> None:
    here, itself = os.getcwd(), [1.0]
    itself.append(itself)  # type: ignore[arg-type]
    for value, told in (
        ({"g": 0.5, "l": [1, (2,)]}, "dict('g', 0.5, 'l', list(1, tuple(2)))"),
        ({}, "dict()"), ({2, 1}, "set(1, 2)"),
        ({"g": 0.5, here: here}, "dict('g', 0.5, …, …)"),
        ({"way": len}, None), ([here, len], None), ({"ways": {"way": len}}, None),
        ({"ways": {"way": len}, "g": 1}, "dict('ways', …, 'g', 1)"), (itself, "list(1.0, …)"),
        # what may be filled while films are rendered, beside an object
        ({"lock": len, "made": {1: 2.0}}, None),
        ({"lock": len, "made": [1], "g": (1,)}, "dict('lock', …, 'made', …, 'g', tuple(1))"),
        ({"made": {1: 2.0}, "g": 1}, "dict('made', dict(1, 2.0), 'g', 1)"),
    ):  # fmt: skip
        assert identity._plain(value) == told


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


def test_code_without_a_file_is_refused() -> None:
    text = (
        "from n2s.graph.code.identity import code_digest\n"
        + node("N", "2.0")
        + "\nimport json\ntry:\n    code_digest(N)\nexcept Exception as e:\n    print(json.dumps(str(e)))"
    )
    assert "lives in no file" in python(None, text)
