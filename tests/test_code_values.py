"""Values of packages: what a script sets counts, what a package changes itself while films are rendered does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from third_party import HEAD, node, python, write_package

from n2s.graph.code import identity

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
