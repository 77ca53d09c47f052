"""What pixel code may name: its place, numbers and functions of its own package."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreter import Interpreter
from refusing import film, refused
from test_kernels import HEIGHT, WIDTH, chain, given, run

from n2s.graph.declare import Pointwise
from n2s.graph.shader import luma
from n2s.plan.fuse import count_operations
from n2s.runtime.render.kernels import compile_program
from n2s.runtime.render.kernels.narrow import narrow_header, narrowed
from n2s.runtime.render.kernels.numba_rows import source_of
from n2s.runtime.render.kernels.pixels import _functions_in, _parsed
from n2s.runtime.render.kernels.strictness import unseen

NODE = '''
{before}


class Subject(Pointwise):
    """Compute."""

    frames: Frames = port("frames")
    amount: Param = param(0.5, ge=0, le=1, help="how much")

    @staticmethod
    def pixel(rgb, at, amount):
        {code}
'''

PLACES = "return at.x / at.width, at.y / at.height, at.width / at.height"
NAMED = "from n2s.graph.shader import luma as brightness, smoothstep\n"
STEP = np.float32(0.3)


def twice(r: np.ndarray, amount: np.ndarray) -> np.ndarray:
    z = r * STEP + amount
    return np.where(z > 0, z * STEP + amount, z)


def grey(r: np.ndarray) -> np.ndarray:
    return luma(r, r, r)


# What stands before the class, what pixel gives for red, and the same for arrays (red, blue, amount) of float32.
MEANT: dict[str, tuple[str, str, Any]] = {
    "a number": ("GAIN = 3", "rgb[0] * GAIN", lambda r, b, a: r * 3),
    "a negative number": ("GAIN = -0.1", "rgb[0] - GAIN", lambda r, b, a: r + np.float32(0.1)),
    "a number of numpy": ("GAIN = np.float64(0.1)", "rgb[0] * GAIN", lambda r, b, a: r * np.float32(0.1)),
    "an index": ("BLUE = 2", "rgb[BLUE]", lambda r, b, a: b),
    "an argument's name": ("amount = 3", "rgb[0] * amount", lambda r, b, a: r * a),
    "a helper under another name": (NAMED, "brightness(rgb[0], rgb[0], rgb[0])", lambda r, b, a: grey(r)),
    "a function": ("def half(x):\n    'Halve.'\n    return x * 0.5", "half(rgb[0])", lambda r, b, a: r / 2),
    "a function called like a helper": (
        "def luma(r, g, b):\n    return b",
        "luma(rgb[0], rgb[1], rgb[2])",
        lambda r, b, a: b,
    ),
    "a function of functions": (
        "STEP = 0.3\ndef inner(x: float, y: float) -> float:\n    return x * STEP + y\n"
        "def outer(x, y):\n    z = inner(x, y)\n    return inner(z, y) if z > 0 else z",
        "outer(rgb[0], amount)",
        lambda r, b, a: twice(r, a),
    ),
    "a function of a whole colour": (
        "def mean(colour, by):\n    return (colour[2] + colour[0]) * by",
        "mean(rgb, amount)",
        lambda r, b, a: (b + r) * a,
    ),
    "its own minimum": ("def min(a, b):\n    return a - b", "min(rgb[0], rgb[2])", lambda r, b, a: r - b),
}


TURNED = """rgb[0] * 9, rgb[1], rgb[2]
        a = sin(r) + length(g, b) * cos(b)
        c = log2(abs(g) + 0.25) + log(abs(r) + 0.25)
        return a, atan2(g, b) + fract(r), c + exp(g - r) * exp2(b)"""


def test_helpers_give_the_same_bits_compiled(packages: Any, kernel_cache: Path) -> None:
    cls = subject(
        packages,
        "from n2s.graph.shader import atan2, cos, exp, exp2, fract, length, log, log2, sin",
        f"r, g, b = {TURNED}",
    )
    program = chain([cls], "fits", False, "frames")
    made = run(compile_program, program, kernel_cache)
    assert made.tobytes() == run(Interpreter().compile, program, kernel_cache).tobytes() and made.std() > 0


def subject(packages: Any, before: str, code: str, module: str = "others_nodes") -> type[Pointwise]:
    packages.install(NODE.format(before=before, code=code), module)
    return importlib.import_module(module).Subject


@pytest.mark.parametrize("case", MEANT)
def test_what_pixel_code_names(case: str, packages: Any, kernel_cache: Path) -> None:
    before, red, formula = MEANT[case]
    program = chain([subject(packages, before, f"return {red}, rgb[1], rgb[2]")], "fits", False, "frames")
    made = run(compile_program, program, kernel_cache)
    assert made.tobytes() == run(Interpreter().compile, program, kernel_cache).tobytes()
    arguments = given(program)
    picture, amount = arguments["pictures"][0], arguments["uniforms"][:, 0, None, None]
    np.testing.assert_array_equal(made[:, 0], formula(picture[:, 0], picture[:, 2], amount))
    np.testing.assert_array_equal(made[:, 1:], picture[:, 1:])


@pytest.mark.parametrize("sign", ["+", "-", "*", "&", "|", "^", "<<", ">>"])
def test_whole_numbers_have_32_bits(sign: str) -> None:
    text = f"def found(a, b):\n    return u32(u32(a) {sign} b)"
    assert "32(u32(a), b)" in narrowed(text)
    module: dict[str, Any] = {"u32": np.uint32}
    exec("from numba import njit\n" + narrow_header([text]) + f"@njit\n{narrowed(text)}", module)
    numbers = [0, 1, 7, 31, 0x7FEB352D, 0x80000000, 0xFFFFFFFF]
    for a, b in ((a, b) for a in numbers for b in (numbers if sign not in ("<<", ">>") else numbers[:4])):
        plain = eval(f"a {sign} b", {"a": a, "b": b}) % 2**32  # Python's whole numbers have no end
        assert module["found"](np.uint32(a), np.uint32(b)) == plain


def test_smaller_and_larger_numbers_are_plain_and_keep_nan() -> None:
    text = "def found(x):\n    return np.minimum(np.maximum(x, f32(-2)), f32(3))"
    assert "np." not in narrowed(text)
    module: dict[str, Any] = {"f32": np.float32}
    exec("from numba import njit\n@njit\n" + narrowed(text), module)
    numbers = np.float32([-7, -2, 0.5, 3, 9, np.inf, -np.inf, np.nan])
    wanted = np.minimum(np.maximum(numbers, np.float32(-2)), np.float32(3))
    np.testing.assert_array_equal([module["found"](x) for x in numbers], wanted)


def test_what_is_no_whole_number_stays_as_it_is() -> None:
    text = "def found(a, b):\n    return f32(a + b) * u32(a)"
    assert narrowed(text) == text
    assert narrow_header([text]) == ""


def test_names_of_its_own_hide_those_of_the_module(packages: Any, kernel_cache: Path) -> None:
    cls = subject(packages, "gain = 3", "gain = 2\n        return rgb[0] * gain, rgb[1], rgb[2]")
    program = chain([cls], "fits", False, "frames")
    made = run(compile_program, program, kernel_cache)
    np.testing.assert_array_equal(made[:, 0], given(program)["pictures"][0][:, 0] * 2)


def test_the_size_of_the_frame(packages: Any, kernel_cache: Path) -> None:
    program = chain([subject(packages, "", PLACES)], "larger", False, "frames")
    made = run(compile_program, program, kernel_cache)
    assert made.tobytes() == run(Interpreter().compile, program, kernel_cache).tobytes()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for channel, wanted in enumerate((x / WIDTH, y / HEIGHT, np.float32(WIDTH / HEIGHT))):
        np.testing.assert_array_equal(made[:, channel], np.broadcast_to(wanted, made[:, channel].shape))


def test_functions_of_one_name_stand_side_by_side(packages: Any, kernel_cache: Path) -> None:
    code = "return gain(rgb[0]), rgb[1], rgb[2]"
    nodes = [subject(packages, f"def gain(x):\n    return x * {by}", code, f"others{by}") for by in (2, 4)]
    made = run(compile_program, chain(nodes, "fits", False, "frames"), kernel_cache)
    picture = given(chain(nodes, "fits", False, "frames"))["pictures"][0]
    np.testing.assert_array_equal(made[:, 0], picture[:, 0] * 8)


def test_a_function_of_another_module_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_cache: Path
) -> None:
    from packages import HEAD

    folder = tmp_path / "others_parts"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        HEAD + NODE.format(before="from .gains import gain, BY", code="return gain(rgb[0]), rgb[1] * BY, rgb[2]")
    )
    (folder / "gains.py").write_text("BY = 2\n\n\ndef gain(x):\n    return x * BY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        cls = importlib.import_module("others_parts").Subject
        made = run(compile_program, program := chain([cls], "fits", False, "frames"), kernel_cache)
    finally:
        for name in ("others_parts", "others_parts.gains"):
            sys.modules.pop(name, None)
    picture = given(program)["pictures"][0]
    np.testing.assert_array_equal(made[:, :2], picture[:, :2] * 2)


def test_strictness_goes_through_functions(packages: Any) -> None:
    """Neither step hides a colour, so nothing is looked at beside what is stored."""
    cls = subject(
        packages, "def half(colour, i):\n    return colour[0] * i", "return half(rgb, amount), rgb[1], rgb[2]"
    )
    assert unseen(chain([cls, cls], "fits", False, "frames")) == []


def test_steps_of_one_type_share_their_function(packages: Any) -> None:
    cls = subject(packages, half("return x * 0.5"), "return half(rgb[0]), rgb[1], rgb[2]")
    source = source_of(chain([cls, cls, cls], "fits", False, "frames"))
    assert source.count("def pixel_") == source.count("def half_") == 1


def test_the_size_of_code_counts_its_functions(packages: Any) -> None:
    """Kernels are cut by it; a function that calls itself, which is refused later, has an end here too."""
    alone = subject(packages, "", "return rgb[0], rgb[1], rgb[2]", "others_alone")
    calling = subject(
        packages, "def f(x):\n    return g(x) + g(x)\ndef g(x):\n    return f(x)", "return f(rgb[0]), rgb[1], rgb[2]"
    )
    assert count_operations(alone) == 0
    assert count_operations(calling) == 6  # a sum and a call of f; two calls of g, and in each of them a call of f
    steps = subject(
        packages, "", "return -rgb[0] * max(rgb[1], 0.5), rgb[1] if rgb[0] > amount else 0.0, rgb[2]", "steps"
    )
    assert count_operations(steps) == 4, "on every Python: what takes parts of tuples and loads names is not counted"
    plain = subject(packages, "", "return rgb[0] * amount + rgb[1], rgb[1], rgb[2]", "plain")
    named = "from n2s.graph.shader import fma"
    fused = subject(packages, named, "return fma(rgb[0], amount, rgb[1]), rgb[1], rgb[2]", "fused")
    assert count_operations(plain) == count_operations(fused) == 2


def half(body: str, arguments: str = "x", before: str = "") -> str:
    return f"{before}\ndef half({arguments}):\n    {body}\n"


def enclosed(before: str = "") -> str:
    """A function that another one makes."""
    return f"{before}\ndef make(by):\n    def half(x):\n        return x / by\n    return half\nhalf = make(2)"


# What stands before the class, what pixel gives for red, what is said.
REFUSED: dict[str, tuple[str, str, str]] = {
    "a loop": (
        half("for i in range(3): x = x / 2\n    return x"),
        "half(rgb[0])",
        "pixel calls half, which has a for loop; pixel code is assignments, if, return and calls",
    ),
    "a circle": (half("return half(x) / 2"), "half(rgb[0])", "pixel calls half, which calls itself"),
    "a wide circle": (
        half("return more(x)") + "\ndef more(x):\n    return half(x)",
        "half(rgb[0])",
        "pixel calls half, which calls itself",
    ),
    "numpy": (
        half("return np.sin(x)"),
        "half(rgb[0])",
        "pixel calls half, which uses 'np'; for a single pixel there are abs",
    ),
    "a default": (half("return x / by", "x, by=2"), "half(rgb[0])", "takes other than plain arguments"),
    "stars": (half("return x[0]", "*x"), "half(rgb[0])", "pixel calls half, which takes other than plain arguments"),
    "a cache": (half("return x", before="import functools\n@functools.cache"), "half(rgb[0])", "uses 'half'"),
    "a decorator": (
        half("return x", before="def same(f):\n    return f\n@same"),
        "half(rgb[0])",
        "pixel calls half, which is decorated",
    ),
    "a closure": (enclosed(), "half(rgb[0])", "pixel calls half, which takes 'by' from the function around it"),
    "a closure beside a number": (enclosed("by = 3"), "half(rgb[0])", "takes 'by' from the function around it"),
    "a lambda": ("half = lambda x: x * 0.5", "half(rgb[0])", "which is a lambda; give it a def statement"),
    "a builtin": ("from math import sin", "sin(rgb[0])", "uses 'sin'"),
    "another package's": ("from n2s.graph.keys import digest_bytes", "digest_bytes(rgb[0])", "uses 'digest_bytes'"),
    "a table": ("TABLE = (1, 2)", "TABLE[0]", "uses 'TABLE'"),
    "infinity": ("GAIN = float('inf')", "GAIN", "uses 'GAIN'"),
    "a truth": ("GAIN = True", "GAIN", "uses 'GAIN'"),
    "nothing": ("", "GAIN", "uses 'GAIN'"),
    "a type's name": (half("f32 = x\n    return f32"), "half(rgb[0])", "has a variable named f32"),
    "a def inside": (half("def more(x): return x\n    return more(x)"), "half(rgb[0])", "which has a def inside it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_place_in_pixel_code(case: str, packages: Any, studio: Any, store: Any) -> None:
    before, red, said = REFUSED[case]
    file = packages.install(NODE.format(before=before, code=f"return {red}, rgb[1], rgb[2]"))
    text = refused(studio, store, film(studio, "frames", node="Subject", frames="decoded"), said)
    assert f"({file}:" in text
    assert "Traceback" not in text


WRITTEN = """
def plain(x): return x
\f
@first
@second(
    1)
def decorated(x):
    text = '''
no part of the indentation
'''
    def inner(y):
        return y
    return inner(x)

class Subject:
\tif 1:
\t\t@staticmethod
\t\tdef pixel(rgb, at):
\t\t\treturn (rgb,
at)
"""


def test_each_function_is_read_from_its_own_lines() -> None:
    """As a part of the file's tree, with the places at which an error is told."""
    _, functions = _functions_in(WRITTEN)
    expected = {node.name: node for node in ast.walk(ast.parse(WRITTEN)) if isinstance(node, ast.FunctionDef)}
    assert functions.keys() == expected.keys() == {"plain", "decorated", "inner", "pixel"}
    for name, ((line, text),) in functions.items():
        wanted = ast.dump(expected[name], include_attributes=True)
        assert ast.dump(_parsed(text, line), include_attributes=True) == wanted
