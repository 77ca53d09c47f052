"""Expressions: they agree with Python's own arithmetic, print as what they are, and refuse everything else."""

from __future__ import annotations

import ast
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from harness import ends
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from n2s.graph.expressions import FUNCTIONS, MAX_DEPTH, Call, Expression, ExpressionError, Number, Variable
from n2s.graph.links import Link
from n2s.graph.time import Clock

steady = settings(derandomize=True, deadline=None, database=None)

# Values of every name at three frames; the names stand for links and variables in texts and in the reference.
NAMES: dict[str, list[float]] = {
    "rms": [0.0, 0.25, 1.0],
    "features.onset": [1.5, -0.75, 3.0],
    "features.mfcc.3": [-12.0, 0.5, 7.25],
    "time": [0.0, 1.25, 60.0],
    "frame": [0.0, 30.0, 1800.0],
    "duration": [61.5, 61.5, 61.5],
    "pi": [math.pi] * 3,
}
CLOCK = Clock(Fraction(30), 3)
VARIABLES = {name: np.array(values) for name, values in NAMES.items() if name in ("time", "frame", "duration")}
LINKS = {Link.parse(name): np.array(values) for name, values in NAMES.items() if name not in (*VARIABLES, "pi")}

# Texts, over the grammar


def _spaced(parts: list[Any], gaps: list[str]) -> str:
    return "".join(gap + part for gap, part in zip(gaps * len(parts), parts))


def _texts() -> st.SearchStrategy[str]:
    number = st.one_of(
        st.integers(0, 1000).map(str),
        st.floats(0, 1e6, allow_nan=False).map(repr),
        st.sampled_from([".5", "2.", "1e3", "2.5E-3", "1e-7", "0.1", "1e+2"]),
    )
    gaps = st.lists(st.sampled_from(["", " ", "  "]), min_size=1, max_size=3)

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        calls = [
            st.lists(inner, min_size=fewest, max_size=min(most, 4)).map(lambda a, name=name: f"{name}({', '.join(a)})")
            for name, (fewest, most, _) in FUNCTIONS.items()
        ]
        signs = st.sampled_from(["+", "-", "*", "/", "%", "**"])
        return st.one_of(
            st.tuples(inner, signs, inner, gaps).map(lambda t: _spaced(t[:3], t[3])),
            st.tuples(inner, signs, inner, signs, inner, gaps).map(lambda t: _spaced(t[:5], t[5])),
            st.tuples(inner, st.sampled_from(["<", "<=", ">", ">="]), inner).map(lambda t: f"({' '.join(t)})"),
            inner.map(lambda text: f"-{text}"),
            inner.map(lambda text: f"({text})"),
            *calls,
        )

    return st.recursive(st.one_of(number, st.sampled_from(list(NAMES))), deeper, max_leaves=10)


# The reference: Python's parser, plain floats, `math`, and IEEE 754 where Python would raise


def _divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def _modulo(a: float, b: float) -> float:
    return math.nan if b == 0 or math.isinf(a) else a % b


def _power(a: float, b: float) -> float:
    odd = b == b and not math.isinf(b) and b % 2 == 1
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        if a == 0:
            return math.copysign(math.inf, a) if odd else math.inf
        return math.nan


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.78 or x != x else math.inf


def _log(x: float) -> float:
    return math.nan if x < 0 or x != x else -math.inf if x == 0 else math.log(x)


def _whole(function: Any) -> Any:
    return lambda x: float(function(x)) if math.isfinite(x) else x


def _turn(function: Any) -> Any:
    return lambda x: function(x) if math.isfinite(x) else math.nan


def _largest(*values: float) -> float:
    return math.nan if any(v != v for v in values) else max(values)


def _smallest(*values: float) -> float:
    return math.nan if any(v != v for v in values) else min(values)


def _smoothstep(low: float, high: float, x: float) -> float:
    if low == high:
        return math.nan if x != x else float(x >= low)
    t = _smallest(_largest(_divide(x - low, high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


REFERENCE = {
    "abs": abs,
    "ceil": _whole(math.ceil),
    "clamp": lambda x, low, high: _smallest(_largest(x, low), high),
    "cos": _turn(math.cos),
    "exp": _exp,
    "floor": _whole(math.floor),
    "fract": lambda x: x - _whole(math.floor)(x),
    "lerp": lambda a, b, t: a + (b - a) * t,
    "log": _log,
    "max": _largest,
    "min": _smallest,
    "round": _whole(round),
    "sign": lambda x: x if x != x else float((x > 0) - (x < 0)),
    "sin": _turn(math.sin),
    "smoothstep": _smoothstep,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "step": lambda edge, x: 0.0 if x < edge else 1.0,
    "tan": _turn(math.tan),
    "where": lambda test, yes, no: yes if test != 0 else no,
}
OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divide,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.Lt: lambda a, b: float(a < b),
    ast.LtE: lambda a, b: float(a <= b),
    ast.Gt: lambda a, b: float(a > b),
    ast.GtE: lambda a, b: float(a >= b),
}


def reference(text: str, frame: int, wobble: float = 0.0) -> float:
    """Evaluate with every operation's result off by a factor of 1 + wobble."""
    for name in sorted(NAMES, key=len, reverse=True):
        text = text.replace(name, name.replace(".", "_"))

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant():
                return float(node.value)
            case ast.Name():
                return next(values[frame] for name, values in NAMES.items() if name.replace(".", "_") == node.id)
            case ast.UnaryOp():
                return -value(node.operand)
            case ast.BinOp():
                return OPERATORS[type(node.op)](value(node.left), value(node.right)) * (1 + wobble)
            case ast.Compare():
                return OPERATORS[type(node.ops[0])](value(node.left), value(node.comparators[0]))
            case ast.Call():
                return REFERENCE[node.func.id](*map(value, node.args)) * (1 + wobble)
        raise AssertionError(node)

    return value(ast.parse(text.strip(), mode="eval").body)


def close(a: float, b: float, tolerance: float = 1e-6) -> bool:
    if a != a or b != b:
        return a != a and b != b
    return a == b or (
        math.isfinite(a) and math.isfinite(b) and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    )


@settings(steady, max_examples=400)
@given(_texts())
@example("-2 ** 2")
@example("2 ** -1 ** 2")
@example("2 ** 3 ** 2")
@example("7 % 3 * 2 / 5 - 1 - 1")
@example("-7 % 3")
@example("1 / 0 - 1 / 0")
@example("1 / -0")
@example("0 ** -1")
@example("(-8) ** (1 / 3)")
@example("10 ** 400")
@example("smoothstep(1, 1, rms)")
@example("where(0 / 0, 1, 2)")
@example("round(2.5) + round(-0.5)")
def test_expressions_agree_with_plain_floats(text: str) -> None:
    assert set(REFERENCE) == set(FUNCTIONS)
    found = np.broadcast_to(Expression.parse(text).evaluate(VARIABLES, LINKS, CLOCK), 3)
    for frame in range(3):
        wanted = reference(text, frame)
        # Where a last bit decides (the edge of a step, a difference of near equals) there is nothing to compare.
        assume(all(close(reference(text, frame, wobble), wanted, 1e-7) for wobble in (1e-13, -1e-13)))
        assert close(float(found[frame]), wanted), f"{text} is {found[frame]}, not {wanted}, at frame {frame}"


@settings(steady, max_examples=400)
@given(_texts())
def test_a_printed_expression_reads_back_as_itself(text: str) -> None:
    expression = Expression.parse(text)
    assert Expression.parse(str(expression)) == expression, text
    assert expression.text == " ".join(text.split())
    assert str(Expression.parse(str(expression))) == str(expression)


def _trees() -> st.SearchStrategy[Any]:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    leaf = st.one_of(
        st.builds(Number, finite),
        st.builds(Number, finite, st.sampled_from(["s", "ms", "beats", "bars", "dB"])),
        st.sampled_from([Variable("time"), Variable("pi"), *LINKS]),
    )

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        binary = st.sampled_from(["+", "-", "*", "/", "%", "**", "<", "<=", ">", ">="])
        return st.one_of(
            st.builds(lambda f, a, b: Call(f, (a, b)), binary, inner, inner),
            inner.map(lambda a: Call("neg", (a,))),
            st.lists(inner, min_size=2, max_size=4).map(lambda a: Call("max", tuple(a))),
            st.tuples(inner, inner, inner).map(lambda a: Call("where", a)),
        )

    return st.recursive(leaf, deeper, max_leaves=12)


@settings(steady, max_examples=400)
@given(_trees())
@example(Call("<", (Call("<", (Link("a"), Link("b"))), Link("c"))))
@example(Call("neg", (Number(6, "dB"),)))
@example(Call("neg", (Call("neg", (Number(-3.0),)),)))
@example(Call("**", (Number(-2.0), Number(-2.0))))
@example(Call("-", (Link("a"), Call("-", (Link("b"), Number(-0.1 - 0.2))))))
def test_any_tree_reads_back_from_its_text(tree: Any) -> None:
    """Trees made in Python, which the parser's habits do not shape."""
    assert Expression.parse(str(tree)).tree == tree, str(tree)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 beats", 1.0), ("1 beat", 0.5), ("2 bars", 4.0), ("1bar", 2.0), ("250 ms", 0.25), ("3 s", 3.0),
        ("0 dB", 1.0), ("-20 dB", 0.1), ("20 dB", 10.0), ("-(20 dB)", -10.0), ("1 - 20 dB", -9.0), ("-20 dB * 2", 0.2),
        ("-2 beats", -1.0), ("2 beats ** 2", 1.0), ("--3", 3.0), ("-(3)", -3.0),
    ],
)  # fmt: skip
def test_units_mean_what_they_say_at_120_bpm(text: str, value: float) -> None:
    expression = Expression.parse(text)
    assert float(expression.evaluate({}, {}, CLOCK)) == pytest.approx(value, rel=1e-12)
    assert Expression.parse(str(expression)) == expression


HOSTILE = {
    "attribute": "().__class__",
    "class": "rms.__class__",
    "deep attribute": "features.rms.real.imag",
    "dunder": "__import__",
    "dunder call": "__import__('os').system('true')",
    "builtin": "eval(1)",
    "getattr": "getattr(rms, 1)",
    "method": "rms.mean()",
    "string": "'a' * 999",
    "double quotes": '"a"',
    "format": "f'{1}'",
    "list": "[1] * 999",
    "index": "rms[0]",
    "set": "{1, 2}",
    "lambda": "lambda: 1",
    "comprehension": "[x for x in rms]",
    "generator": "max(x for x in rms)",
    "walrus": "(x := 1)",
    "assignment": "x = 1",
    "equality": "1 == 1",
    "conditional": "1 if rms else 2",
    "and": "rms and 1",
    "not": "not rms",
    "chained comparison": "1 < 2 < 3",
    "statement": "import os",
    "semicolon": "1; 2",
    "two lines": "1\n2",
    "comment": "1 # 2",
    "backslash": "1 + \\\n 2",
    "bits": "1 << 99999999",
    "floor division": "1 // 2",
    "matrix product": "rms @ rms",
    "inversion": "~1",
    "keyword": "clamp(x=1, low=0, high=1)",
    "star": "max(*rms)",
    "plus sign": "+1",
    "imaginary": "1j",
    "hexadecimal": "0x10",
    "underscored": "1_000",
    "giant exponent": "1e999999999",
    "giant number": "9" * 400,
    "many digits": "9" * 2001,
    "ellipsis": "...",
    "nothing": "",
    "blank": "   ",
    "no arguments": "sin()",
    "too few": "clamp(1, 2)",
    "too many": "sin(1, 2)",
    "open": "sin(1",
    "closed": "1)",
    "trailing": "1 +",
    "trailing comma": "max(1, 2,)",
    "long": "1+" * 1000 + "1",
    "many words": "1+" * 300 + "1",
    "deep": "(" * 990 + "1" + ")" * 990,
    "just too deep": "(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1),
    "deeper than the limit on length": "(" * 100_000,
    "deep calls": "abs(" * 300 + "1" + ")" * 300,
    "minuses": "-" * 399 + "1",
    "tower": "2**" * 199 + "2",
    "a megabyte": "1" * 1_000_000,
    "null byte": "rms\0",
    "null bytes": "\0\0",
    "cyrillic a": "\u0430bs(1)",
    "fullwidth": "ｓｉｎ(1)",
    "fullwidth digit": "１ + 1",
    "arabic digit": "\u0661 + 1",
    "minus sign": "\u2212 1",
    "times sign": "2 \u00d7 3",
    "zero width space": "si\u200bn(1)",
    "right to left": "\u202e1 + 2",
    "no-break space inside": "1\u00a0+ 2",
    "superscript": "rms\u00b2",
    "greek pi": "\u03c0",
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with ends(), pytest.raises(ExpressionError) as refused:
        Expression.parse(text)
    assert str(refused.value) and 0 <= refused.value.offset <= len(text)


@settings(steady, max_examples=300)
@given(st.one_of(st.text(max_size=60), st.text(alphabet="ab.01 ()+-*/%<>=,_e\n", max_size=60)))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = Expression.parse(text)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)
    else:
        assert Expression.parse(str(expression)) == expression


def test_giant_powers_are_infinite_and_quick() -> None:
    with ends():
        assert Expression.parse("9 ** 9 ** 9 ** 9").evaluate({}, {}, CLOCK) == math.inf


def test_the_longest_sum_evaluates_and_prints() -> None:
    expression = Expression.parse("+".join(["1"] * 200))
    assert expression.evaluate({}, {}, CLOCK) == 200
    assert Expression.parse(str(expression)) == expression
