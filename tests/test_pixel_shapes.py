"""What pixel code takes for what it is not, and what it does not give: told from its text, with the mistake's line."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import harness
import pytest
from refusing import film

from n2s.graph.declare import Node
from n2s.graph.errors import RenderError
from n2s.graph.registry import node_types
from n2s.runtime.pixel_code import type_mistakes
from n2s.runtime.render.kernels import CompileError
from n2s.runtime.render.kernels.kept import compile_kernel
from n2s.runtime.render.kernels.pixels import read_pixel

FUNCTIONS = """
from n2s.graph.declare import MATTE_OUTPUT, Line
from n2s.graph.shader import gaussians, length, luma, mix, read_line, smoothstep
from n2s.graph.types import Matte


def double(x):
    return x * 2


def swap(colour):
    return colour[2], colour[1], colour[0]


def some(x):
    if x > 0:
        return x


def first(colour):
    return colour[0]
"""
ECHO = '''
class Subject(Echo):
    """Trail."""

    frames: Frames = port("frames")

    def reach(self, fps):
        return (1,)

    @staticmethod
    def step(total, rgb, age, at):
        return total

    @staticmethod
    def where(x, y, age, at):
        return x, y

    @staticmethod
    def pixel(rgb, past, at):
        return past[0] + rgb[0], rgb[1], rgb[2]
'''
SUBJECTS = {
    "pixel": '''
class Subject(Pointwise):
    """Compute."""

    frames: Frames = port("frames")
    matte: Matte = port("matte", optional=True)
    size: Param = param(0.5, ge=0, le=1, help="how much")
    name: str = setting("", help="name")

    @staticmethod
    def pixel(rgb, matte, at, size):
        {code}
''',
    "lacking": '''
class Subject(Pointwise):
    """Compute."""

    frames: Frames = port("frames")
    size: Param = param(0.5, ge=0, le=1, help="how much")

    @staticmethod
    def pixel(rgb, at):
        {code}
''',
    "matte": '''
class Subject(Pointwise):
    """Compute."""

    outputs = MATTE_OUTPUT

    @staticmethod
    def pixel(at):
        {code}
''',
    "table": '''
class Subject(Pointwise):
    """Compute."""

    frames: Frames = port("frames")
    tables = {{"line": Line()}}

    def fill(self, scene):
        return {{"line": np.zeros((2, 3))}}

    @staticmethod
    def pixel(rgb, at, line):
        {code}
''',
    "where": '''
class Subject(Lens):
    """Move."""

    frames: Frames = port("frames")
    by: Frames = port("by")

    @staticmethod
    def where(x, y, by, at):
        {code}
''',
    "source": '''
class Subject(Filter):
    """Soften."""

    frames: Frames = port("frames")

    def spread(self):
        return Gaussians(np.full((1, 1), 0.1, np.float32), np.ones((1, 1), np.float32))

    @staticmethod
    def source(rgb, at):
        {code}

    @staticmethod
    def pixel(rgb, soft, at):
        return rgb[0] + soft[0], rgb[1], soft[2]
''',
    "step": ECHO.replace("return total", "{code}"),
    "past": ECHO.replace("return x, y", "{code}"),
}
PATHS = "if size > 0.5:\n            return rgb"
AT = "at has x, y, u, v, width, height, radius, row, column, frame and seed"
RGB = "rgb is a tuple of 3, rgb[0] to rgb[2]"
COLOUR = "; red, green and blue were wanted"

# Which method, its code, what begins the line that is told, what is said.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "a path without return": ("pixel", PATHS, "        if size", f"does not return on every path{COLOUR}"),
    "a path behind a branch": (
        "pixel",
        f"{PATHS}\n        gain = size",
        "        gain",
        "does not return on every path",
    ),
    "no return": ("pixel", "gain = size", "    def pixel", f"pixel returns nothing{COLOUR}"),
    "a bare return": ("pixel", "return", "        return", f"pixel returns nothing{COLOUR}"),
    "a name of at": ("pixel", "gain = size\n        return at.vv, gain, gain", "        return at.vv", f"at.vv; {AT}"),
    "a name of rgb": ("pixel", "return rgb.r, rgb.g, rgb.b", "        return rgb.r", f"reads rgb.r; {RGB}"),
    "a name of a number": ("pixel", "return size.x, 0, 0", "        return", "reads size.x; size is one number"),
    "an index": ("pixel", "return rgb[1], rgb[2], rgb[3]", "        return", f"reads rgb[3]; {RGB}"),
    "an index from the end": ("pixel", "return rgb[-4], 0, 0", "        return", f"reads rgb[-4]; {RGB}"),
    "an index of a number": ("pixel", "return matte[0], 0, 0", "        return", "matte[0]; matte is one number"),
    "a helper's arguments": (
        "pixel",
        "d = length(rgb[0], rgb[1], 1)\n        return d, d, d",
        "        d =",
        "calls length with other arguments than (x, y)",
    ),
    "a helper's name": ("pixel", "return mix(rgb[0], 1, by=size), 0, 0", "        return mix", "than (a, b, amount)"),
    "a tuple for a helper": ("pixel", "return luma(rgb, 1, 1), 0, 0", "        return", f"rgb for a number; {RGB}"),
    "a function's arguments": (
        "pixel",
        "return double(), 0, 0",
        "        return double",
        "double with other arguments",
    ),
    "a function's tuple": (
        "pixel",
        "return swap(rgb)[3], 0, 0",
        "        return",
        "reads swap(…)[3]; swap(…) is a tuple of 3",
    ),
    "a function's path": ("pixel", "return some(size), 0, 0", "    if x", "some, which does not return on every path"),
    "a function's argument": (
        "pixel",
        "return first(size), 0, 0",
        "    return colour[0]",
        "first, which reads colour[0]; colour is one number",
    ),
    "abs of two": ("pixel", "return abs(rgb[0], 1), 0, 0", "        return", "calls abs with other arguments than (x)"),
    "min of one": ("pixel", "return min(size), 0, 0", "        return", "calls min with one number"),
    "a call of a number": ("pixel", "return size(1), 0, 0", "        return", "calls size, which is no function"),
    "arithmetic of colours": ("pixel", "return rgb * size", "        return", f"takes rgb for a number; {RGB}"),
    "arithmetic by steps": ("pixel", "rgb *= size\n        return rgb", "        rgb *=", f"rgb for a number; {RGB}"),
    "arithmetic of at": ("pixel", "return rgb[0] * at, 0, 0", "        return", f"takes at for a number; {AT}"),
    "a negative colour": ("pixel", "return -rgb", "        return", f"takes rgb for a number; {RGB}"),
    "a colour in a colour": ("pixel", "return rgb, 0, 0", "        return", f"takes rgb for a number; {RGB}"),
    "a change of a colour": ("pixel", "rgb[0] = 1\n        return rgb", "        rgb[0]", "changes rgb[0]; make a new"),
    "names for a colour": (
        "pixel",
        "r, g = rgb\n        return r, g, 0",
        "        r, g",
        f"gives 2 names to rgb; {RGB}",
    ),
    "names for a number": ("pixel", "r, g = size\n        return r, g, 0", "        r, g", "size is one number"),
    "two colours": ("pixel", "return rgb[0], rgb[1]", "        return", f"returns a tuple of 2{COLOUR}"),
    "four colours": ("pixel", "return rgb + (size,)", "        return", f"returns a tuple of 4{COLOUR}"),
    "one colour": ("pixel", "return luma(rgb[0], rgb[1], rgb[2])", "        return", f"returns one number{COLOUR}"),
    "a place": ("pixel", "return at", "        return", f"returns at{COLOUR}"),
    "another name": ("pixel", "return amount, 0, 0", "        return", "uses 'amount'; it may use its arguments"),
    "a parameter": ("lacking", "return size, 0, 0", "        return", "pixel does not take size, which is declared ("),
    "a setting": ("pixel", "return name, 0, 0", "        return", "does not take name; a setting is given to it by"),
    "a colour as a matte": (
        "matte",
        "return at.u, 0, 0",
        "        return",
        "returns a tuple of 3; one number was wanted",
    ),
    "a colour of a table": (
        "table",
        "r, g = read_line(line, rgb[0])\n        return r, g, 0",
        "        r, g",
        "gives 2 names to read_line(…); read_line(…) is a tuple of 3",
    ),
    "a place of three": (
        "where",
        "return x, y, 0",
        "        return",
        "where returns a tuple of 3; x and y were wanted",
    ),
    "a pixel's name in a lens": (
        "where",
        "return x + at.u, y",
        "        return",
        "at has width, height, aspect, channel",
    ),
    "a picture in a lens": ("where", "return x + by, y", "        return", "by is a tuple of 3, by[0] to by[2]"),
    "a source": (
        "source",
        "return luma(rgb[0], rgb[1], rgb[2])",
        "        return",
        f"source returns one number{COLOUR}",
    ),
    "a step": ("step", "return total + rgb", "        return", f"step returns a tuple of 6{COLOUR}"),
    "an echo's place": ("past", "return x", "        return", "where returns one number; x and y were wanted"),
}

RIGHT: dict[str, tuple[str, str]] = {
    "branches": ("pixel", f"{PATHS}\n        elif at.u > 0.5:\n            return swap(rgb)\n        return rgb"),
    "all branches": ("pixel", f"{PATHS}\n        else:\n            return rgb[0], 0, matte"),
    "names": ("pixel", "r, g, b = gaussians(1)\n        r, (g, b) = r, (g, b)\n        return max(rgb), g, b"),
    "words": ("pixel", "return mix(amount=size, a=0, b=1), double(x=size), rgb[-1]"),
    "choices": ("pixel", "gain = rgb if size > 0.5 else swap(rgb)\n        return gain[2], gain[1], not size > 0"),
    "sums of tuples": ("pixel", "return (rgb[0],) + (at.x, at.column)"),
    "a matte": ("matte", "return smoothstep(0, 1, at.radius)"),
    "a table": ("table", "return read_line(line, luma(rgb[0], rgb[1], rgb[2]))"),
    "a lens": ("where", "return x * at.aspect, y + by[2] * at.channel"),
}


def subject(packages: Any, method: str, code: str, module: str = "shaped_nodes") -> tuple[type[Node], Path]:
    file = packages.install(FUNCTIONS + "\n" + SUBJECTS[method].format(code=code), module)
    return importlib.import_module(module).Subject, file


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_own_line(case: str, packages: Any) -> None:
    method, code, begin, said = MISTAKES[case]
    cls, file = subject(packages, method, code)
    (told,) = type_mistakes(cls)
    lines = file.read_text().splitlines()
    name = {"matte": "pixel", "table": "pixel", "lacking": "pixel", "past": "where"}.get(method, method)
    assert told.startswith(f"{name} ") and said in told, told
    line = int(told.rpartition(":")[2].rstrip(")"))
    assert told.endswith(f"({file}:{line})") and lines[line - 1].startswith(begin), (told, lines[line - 1])


@pytest.mark.parametrize("case", RIGHT)
def test_nothing_is_said_of_what_is_right(case: str, packages: Any) -> None:
    cls, _ = subject(packages, *RIGHT[case])
    assert list(type_mistakes(cls)) == []


OWN = [
    (cls, method)
    for cls in node_types().values()
    for method in dir(cls)
    if isinstance(static := inspect.getattr_static(cls, method), staticmethod)
    and "at" in inspect.signature(static.__func__).parameters
]


@pytest.mark.parametrize(("cls", "method"), OWN, ids=[f"{cls.__name__}.{method}" for cls, method in OWN])
def test_all_pixel_code_of_this_library_passes(cls: type[Node], method: str) -> None:
    assert len(OWN) >= 60
    assert read_pixel(cls, method).text


def test_check_and_run_say_the_same(packages: Any, studio: Any, store: Any, n2s: Any) -> None:
    _, file = subject(packages, "pixel", PATHS)
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if text.startswith("        if size"))
    graph = harness.load(film(studio, "frames", node="Subject", frames="decoded"), studio.folder)
    said = f"subject (Subject): pixel does not return on every path{COLOUR} ({file}:{line})"
    status, out, _ = n2s("check", graph.path, "--json")
    assert status == 2 and said in json.dumps(json.loads(out), ensure_ascii=False), out
    with pytest.raises(RenderError) as caught:
        harness.codes(graph, store)
    assert said in str(caught.value) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("error", [AttributeError("no 'args'"), KeyError("x"), AssertionError(), ValueError("bad")])
def test_whatever_numba_raises_is_an_error_of_the_code(error: Exception, tmp_path: Path, monkeypatch: Any) -> None:
    text = "from numba import njit\n\n@njit(cache=True)\ndef kernel(a):\n    return a\n"
    kept = compile_kernel(f"{text}# {error!r}\n", tmp_path)

    def failing(signature: tuple) -> None:
        raise error

    monkeypatch.setattr(kept.kernel, "compile", failing)
    with pytest.raises(CompileError, match=f"numba fails at it, {type(error).__name__}: "):
        kept(1)
