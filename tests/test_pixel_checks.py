"""Mistakes in the pixel code of others' node types, told by `n2s check` and `n2s nodes` without compiling it."""

from __future__ import annotations

import importlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import harness
import pytest
import tiny
from packages import HEAD

from n2s.graph.declare import DeclarationError, Node
from n2s.graph.describe.words import summary
from n2s.runtime.pixel_code import type_mistakes

LENS = '''
class Bent(Lens):
    """Bend."""

    frames: Frames = port("frames")
    strength: Param = param(0.5, ge=0, le=1, help="how much")
    often: Param = param(1, ge=0, le=9, help="how often")

    def prepare(self, strength, often):
        {prepare}

    @staticmethod
    def where(x, y, at, {taken}):
        {code}
'''
ECHO = '''
class Trails(Echo):
    """Trail."""

    frames: Frames = port("frames")
    weight: Param = param(0.5, ge=0, le=1, help="how much")

    def reach(self, fps):
        return 2

    @staticmethod
    def step(total, rgb, age, at, weight):
        {step}

    @staticmethod
    def where(x, y, age, at, weight):
        {where}

    @staticmethod
    def pixel(rgb, past, at):
        return rgb
'''
FILTER = '''
class Soft(Filter):
    """Soften."""

    frames: Frames = port("frames")

    def spread(self):
        return Gaussians(np.full((1, 1), 0.1, np.float32), np.ones((1, 1), np.float32))

    @staticmethod
    def source(rgb, at):
        {source}

    @staticmethod
    def pixel(rgb, soft, at):
        return rgb
'''
GOOD = {"prepare": "return {'strength': strength, 'often': often}", "taken": "strength, often", "code": "return x, y"}
NAMES = "prepare gives often, strength; where takes ofen"
LOOP = "for i in range(3):\n            pass"


def lens(**changed: str) -> str:
    return LENS.format(**GOOD | changed)


def echo(step: str = "return total", where: str = "return x, y") -> str:
    return ECHO.format(step=step, where=where)


# What is written, the line that is told by its beginning, what is said.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "a loop": (
        lens(code=LOOP),
        "        for i",
        "where has a for loop; pixel code is assignments, if, return and calls",
    ),
    "a module": (
        lens(code="return np.sin(x), y"),
        "        return np.sin",
        "where uses 'np'; for a single pixel there are abs",
    ),
    "a helper that was not imported": (
        lens(code="return exp2(x), y"),
        "        return exp2",
        "where uses 'exp2'; import it: from n2s.graph.shader import exp2",
    ),
    "a misspelt variable": (
        lens(code="return x * strenth, y"),
        "        return x",
        "where uses 'strenth'; did you mean \"strength\"?",
    ),
    "a text for a number": (
        lens(code="gain = 'x'\n        return x * gain, y"),
        "        gain = 'x'",
        "where takes 'x' for a number",
    ),
    "a name before it is set": (
        lens(code="gain = gain + 1\n        return x * gain, y"),
        "        gain = gain",
        "where reads gain, which gets its first value later",
    ),
    "a name that is added to before it is set": (
        lens(code="gain += 1\n        return x * gain, y"),
        "        gain +=",
        "where reads gain, which gets its first value later",
    ),
    "nothing, returned by its name": (
        lens(code="return None"),
        "        return None",
        "where returns nothing; x and y were wanted",
    ),
    "a misspelt argument": (lens(taken="strength, ofen"), "    @staticmethod", NAMES),
    "a misspelt name": (lens(prepare="return dict(strength=1, ofen=2)"), "    @staticmethod", "where takes often"),
    "a misspelt addition": (lens(prepare="return {**dict(strength=1)} | {'ofen': 2}"), "    @static", "takes often"),
    "a loop in steps": (echo(step=LOOP), "        for i", "step has a for loop"),
    "a condition in places": (echo(where="while x:\n            pass"), "        while", "where has a while loop"),
    "a module in a source": (
        FILTER.format(source="return np.exp(rgb[0])"),
        "        return np.exp",
        "source uses 'np'",
    ),
}


def mistakes(packages: Any, source: str, name: str = "Bent", module: str = "checked_nodes") -> tuple[list[str], Path]:
    file = packages.install(source, module)
    cls: type[Node] = getattr(importlib.import_module(module), name)
    return list(type_mistakes(cls)), file


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told_with_the_place_in_the_author_s_file(case: str, packages: Any) -> None:
    source, begin, said = MISTAKES[case]
    name = source.partition("class ")[2].partition("(")[0]
    (told,), file = mistakes(packages, source, name)
    (line,) = (i for i, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if text.startswith(begin))
    assert said in told and told.endswith(f"({file}:{line})"), told


@pytest.mark.parametrize(
    "prepare",
    [
        GOOD["prepare"],
        "return {**dict(strength=strength), **{'often': often}}",
        "if often is None:\n            return {'strength': 1, 'often': 2}\n        return dict(strength=1, often=2)",
        "made = {'strength': 1}\n        made['often'] = often\n        return made",
        "return dict(zip(('strength', 'often'), (strength, often)))",
        "return {name: 1 for name in ('strength', 'often')}",
    ],
)
def test_nothing_is_said_of_what_is_right_or_not_told_by_the_text(prepare: str, packages: Any) -> None:
    assert mistakes(packages, lens(prepare=prepare))[0] == []


def test_other_parameters_are_those_that_prepare_does_not_name(packages: Any) -> None:
    source = lens(prepare="return {'strength': strength * 2, **params}", taken="strength, ofen")
    source = source.replace("def prepare(self, strength, often)", "def prepare(self, strength, **params)")
    (told,), _ = mistakes(packages, source)
    assert NAMES in told
    changed = source.replace("return {'strength", "params['ofen'] = params.pop('often')\n        return {'strength")
    assert mistakes(packages, changed, module="changed_nodes")[0] == []


def test_check_and_nodes_tell_them(packages: Any, studio: Any, n2s: Any, tmp_path: Path) -> None:
    file = packages.install(lens(code=LOOP), "checked_nodes")
    values = harness.around("Tone", studio.model)
    values["nodes"]["bent"] = {"node": "Bent", "frames": "decoded"}
    graph = tmp_path / "bent.yaml"
    graph.write_text(json.dumps(values, indent=1))
    line = next(i for i, text in enumerate(graph.read_text().splitlines(), 1) if '"bent"' in text)
    status, _, told = n2s("check", graph)
    said = "where has a for loop; pixel code is assignments, if, return and calls of plain functions"
    assert status == 2 and f":{line}:" in told and f"bent (Bent): {said} ({file}:" in told, told
    values["nodes"]["bent"]["strength"] = "much"
    graph.write_text(json.dumps(values, indent=1))
    status, _, told = n2s("check", graph)
    assert status == 2 and f"bent (Bent): {said}" in told and "bent.strength" in told, told
    for words in (["nodes", "Bent"], ["nodes"]):
        assert f"Bent: {said} ({file}:" in packages.n2s(*words).stderr


def test_a_type_without_a_docstring_and_a_film_without_sound_are_told(packages: Any, n2s: Any, tmp_path: Path) -> None:
    packages.install(lens().replace('    """Bend."""\n', ""), "mute_nodes")
    nodes = {
        "music": {"node": "AudioSource", "path": "music.wav"},
        "plain": {"node": "Solid"},
        "bent": {"node": "Bent", "frames": "plain"},
        "film": {"node": "FFmpegSink", "frames": "bent", "path": "film.mp4"},
    }
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    graph = tmp_path / "bent.yaml"
    graph.write_text(json.dumps({"n2s": 1, "nodes": nodes}, indent=1))
    status, said, told = n2s("check", graph)
    assert status == 0, told
    said_of_it = r"Bent has no docstring; its first sentence is what n2s nodes says of it \(.*mute_nodes\.py:(\d+)\)\."
    found = re.search(said_of_it, told)
    file = Path(importlib.import_module("mute_nodes").__file__)
    assert found and file.read_text(encoding="utf-8").splitlines()[int(found[1]) - 1].startswith("class Bent"), told
    assert said.endswith("bent.yaml: 4 nodes, 1 film without sound, no problems.\n")
    assert summary(importlib.import_module("mute_nodes").Bent).startswith("Bent: its class has no docstring")


@pytest.mark.parametrize(
    ("written", "instead", "line"),
    [
        ("    @staticmethod\n", "", "    def where("),
        ("    def prepare", "    neutral = {'nothing': 0}\n\n    def prepare", "    neutral ="),
        ("param(0.5, ge=0, le=1", "param(-3.0, ge=0, le=1", "    strength:"),
        ("def where(x, y", "def where(x, y, other", "    def where("),
        ("    strength: Param = ", "    strength = ", "    strength ="),
    ],
)
def test_a_mistake_in_a_class_is_told_with_its_own_line(written: str, instead: str, line: str, tmp_path: Path) -> None:
    text, file = HEAD + lens(), tmp_path / "mistaken.py"
    assert written in text
    text = text.replace(written, instead)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as told:
        runpy.run_path(str(file))
    (found,) = re.findall(rf"^{re.escape(str(file))}:(\d+)  Bent", str(told.value), re.M)
    assert text.splitlines()[int(found) - 1].startswith(line), told.value
