"""Expressions: numbers driven by arithmetic on signals, in a closed grammar that can compute and do nothing else.

    sum     := product (('+' | '-') product)*            comparison := sum (('<' | '<=' | '>' | '>=') sum)?
    product := unary (('*' | '/' | '%') unary)*          unary := '-' unary | power
    power   := atom ('**' unary)?                        atom := number unit? | link | name | call | '(' comparison ')'
    moment  := 'at' what number? (('+' | '-') number unit)?      is an atom too: at drop, at B 2, at section 3 - 2 bars

A comparison gives 1 or 0. Names are ``time`` (s), ``frame``, ``duration`` (s), ``pi``, and those of musical time,
``beat``, ``bar_phase``, ``section_is.B`` and so on, which the graph's Features node hears; units are ``s``, ``ms``,
``beats``, ``bars``, ``dB``. Everything is float64 inside; whoever uses the result casts it once.
What an expression is, how it is read, shown and computed is one small language, and so this file is longer than others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.landmarks import MOMENTS, Moment
from n2s.graph.links import Link
from n2s.graph.time import Clock

MAX_LENGTH = 2000
MAX_TOKENS = 400
MAX_DEPTH = 40
MAX_TREE = 220  # a sum of 400 words is 200 deep
BEATS_IN_A_BAR = 4
# Outputs of the node that hears the music, which expressions may name by themselves.
MUSICAL = ("beat", "beat_phase", "bar", "bar_phase", "bars_left", "section", "section_phase")
WITH_COLUMNS = ("section_is",)  # of which an expression names one: section_is.B
HEARD = (*MUSICAL, *WITH_COLUMNS)
VARIABLES = ("time", "frame", "duration", "pi", *MUSICAL)
TIME_UNITS = ("s", "ms", "beat", "beats", "bar", "bars")
UNITS = (*TIME_UNITS, "dB")
PRODUCTS = ("*", "/", "%", "**")
MOST_MOMENTS = 999
CURLY = "\u201c\u201d\u2018\u2019"  # quotes of word processors
STRAIGHT = "quotes of YAML are straight"
MISTAKEN = {  # what to type instead of some signs
    CURLY: STRAIGHT,
    "\u2010\u2011\u2012\u2013\u2014\u2212": "minus is -",
    "=": "one = begins an expression, and <, <=, > and >= compare",
    "\u00d7\u00b7": "times is *",
    "\u00f7": "divided by is /",
    "^": "to the power of is **",
    "\u2264\u2265": "<= and >= compare",
}
LOGIC = {  # conditions are 0 or 1
    "and": 'both are true where a product is 1: "(a > 1) * (b > 2)"',
    "or": 'one of two is true where the larger is 1: "max(a > 1, b > 2)"',
    "if": 'a condition is a factor: "a * (b > 2)"',
}


class ExpressionError(ValueError):
    """An expression that cannot be read; ``offset`` counts characters from its beginning."""

    def __init__(self, text: str, offset: int):
        super().__init__(text)
        self.offset = offset


@dataclass(frozen=True)
class Number:
    """A constant, in ``unit``; a beat's length is known when the music is.

    ``text`` is kept where it was written in another way than its value and unit are.
    """

    value: float
    unit: str = ""
    text: str = field(default="", compare=False)

    def resolve(self, tempo: float, bar: int = BEATS_IN_A_BAR) -> float:
        """Return the value in seconds, as a factor (dB), or as it is; ``bar`` is in beats."""
        if self.unit == "dB":
            return 10.0 ** (self.value / 20.0)
        if (
            self.unit == "ms"
        ):  # divided, because a thousandth is no float: 1400 ms is 1.4, as frame 35 of 25 in a second
            return self.value / 1000.0
        beats = {"beat": 1, "beats": 1, "bar": bar, "bars": bar}.get(self.unit)
        return self.value if beats is None else self.value * beats * 60.0 / tempo

    def __str__(self) -> str:
        return self.text or (f"{shortest(self.value)} {self.unit}" if self.unit else shortest(self.value))


def shortest(value: float) -> str:
    """Return the shortest text that reads back as the same float64: 0.1, 8, 1e-07."""
    return repr(float(value)).removesuffix(".0")


@dataclass(frozen=True)
class Variable:
    """A name with a meaning of its own: ``time``, ``bar_phase``, ``section_is.B``."""

    name: str

    @property
    def heard(self) -> Link | None:
        """What the node that hears the music is asked for: a link without that node; None for other names."""
        output, _, column = self.name.partition(".")
        return Link("", output, int(column) if column.isdecimal() else column or None) if output in HEARD else None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """A function or an operator applied to its arguments."""

    function: str
    arguments: tuple[Any, ...]
    depth: int = field(init=False, default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Count the depth; trees are walked by recursion, so it has an end.

        Raises
        ------
        GraphError
            When arithmetic in Python, or sub-graphs in sub-graphs, make a tree deeper than any text could say.
        """
        depth = 1 + max((argument.depth for argument in self.arguments if isinstance(argument, Call)), default=0)
        if depth > MAX_TREE:
            raise GraphError(
                f"an expression nests at most {MAX_TREE} operations deep; give parts of it nodes of their own"
            )
        object.__setattr__(self, "depth", depth)

    def __str__(self) -> str:
        level = _LEVEL.get(self.function)
        if level is None:
            return f"{self.function}({', '.join(map(str, self.arguments))})"
        if self.function == "neg":
            operand = self.arguments[0]
            return f"-({operand})" if isinstance(operand, Number) else f"-{_wrap(operand, level)}"
        left, right = self.arguments
        power = self.function == "**"
        # Powers group from the right and comparisons not at all; the rest from the left.
        return f"{_wrap(left, level + (power or level == 1))} {self.function} {_wrap(right, level + (not power))}"


@dataclass(frozen=True)
class Expression:
    """A parsed expression. ``text`` is kept as it was written; equality is that of the tree."""

    tree: Any
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression.

        Raises
        ------
        ExpressionError
            When the text leaves the grammar; the message says where and what was expected.
        """
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters, this one has {len(text)}", 0)
        return cls(_Parser(text).parse(), " ".join(text.split()))

    def links(self) -> list[Link]:
        """Return the links it reads, each once, in the order of the text."""
        return list(
            dict.fromkeys(leaf for leaf in leaves(self.tree) if not isinstance(leaf, Number | Variable | Moment))
        )

    def variables(self) -> set[str]:
        """Return the names of what it reads of the film's time."""
        return {leaf.name for leaf in leaves(self.tree) if isinstance(leaf, Variable) and leaf.name != "pi"}

    def evaluate(self, variables: Mapping[str, Any], links: Mapping[Any, np.ndarray], clock: Clock) -> np.ndarray:
        """Return the value over all frames, float64; a division by zero gives infinity, as IEEE 754 has it."""
        with np.errstate(all="ignore"):
            return np.asarray(_evaluate(self.tree, variables, links, clock), dtype=np.float64)

    def __str__(self) -> str:
        return str(self.tree)


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the numbers, variables, moments and links of a tree, from left to right."""
    if isinstance(tree, Call):
        for argument in tree.arguments:
            yield from leaves(argument)
    else:
        yield tree


def map_tree(tree: Any, function: Any) -> Any:
    """Return an expression's tree with each of its leaves replaced by what ``function`` makes of it."""
    if isinstance(tree, Call):
        return Call(tree.function, tuple(map_tree(argument, function) for argument in tree.arguments))
    return function(tree)


def _smoothstep(low, high, x):
    way = high - low
    step = np.equal(way, 0)  # where both ends meet, it is a step
    t = np.where(step, np.heaviside(np.subtract(x, low), 1.0), np.clip((x - low) / np.where(step, 1.0, way), 0.0, 1.0))
    return t * t * (3.0 - 2.0 * t)


# name: (fewest arguments, most arguments, function)
FUNCTIONS: dict[str, tuple[int, int, Callable]] = {
    "abs": (1, 1, np.abs),
    "ceil": (1, 1, np.ceil),
    "clamp": (3, 3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "cos": (1, 1, np.cos),
    "exp": (1, 1, np.exp),
    "floor": (1, 1, np.floor),
    "fract": (1, 1, lambda x: x - np.floor(x)),
    "lerp": (3, 3, lambda a, b, t: a + (b - a) * t),
    "log": (1, 1, np.log),
    "max": (2, 8, lambda *a: _fold(np.maximum, a)),
    "min": (2, 8, lambda *a: _fold(np.minimum, a)),
    "round": (1, 1, np.rint),
    "sign": (1, 1, np.sign),
    "sin": (1, 1, np.sin),
    "smoothstep": (3, 3, _smoothstep),
    "sqrt": (1, 1, np.sqrt),
    "step": (2, 2, lambda edge, x: np.where(x < edge, 0.0, 1.0)),
    "tan": (1, 1, np.tan),
    "where": (3, 3, lambda test, yes, no: np.where(np.asarray(test) != 0, yes, no)),
}

_OPERATORS: dict[str, Callable] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: np.divide(a, b),
    "%": lambda a, b: np.mod(a, b),
    "**": lambda a, b: np.power(np.asarray(a, np.float64), b),
    "neg": lambda a: -a,
    "<": lambda a, b: np.where(a < b, 1.0, 0.0),
    "<=": lambda a, b: np.where(a <= b, 1.0, 0.0),
    ">": lambda a, b: np.where(a > b, 1.0, 0.0),
    ">=": lambda a, b: np.where(a >= b, 1.0, 0.0),
}
_LEVEL = {"<": 1, "<=": 1, ">": 1, ">=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3, "neg": 4, "**": 5}


def _fold(function: Callable, arguments: tuple) -> Any:
    result = arguments[0]
    for argument in arguments[1:]:
        result = function(result, argument)
    return result


def _wrap(tree: Any, level: int) -> str:
    inner = _LEVEL.get(tree.function, 9) if isinstance(tree, Call) else 9
    if isinstance(tree, Number) and tree.value < 0:
        inner = _LEVEL["neg"]
    elif isinstance(tree, Moment) and level > _LEVEL["<"]:
        inner = 0  # or it would take a length that is added later, and its own would be part of a product
    return f"({tree})" if inner < level else str(tree)


def _evaluate(tree: Any, variables: Mapping, links: Mapping, clock: Clock) -> Any:
    if isinstance(tree, Call):
        arguments = [_evaluate(argument, variables, links, clock) for argument in tree.arguments]
        function = _OPERATORS.get(tree.function) or FUNCTIONS[tree.function][2]
        return function(*arguments)
    if isinstance(tree, Number):
        return np.float64(clock.seconds(tree))
    if isinstance(tree, Moment):
        return np.float64(clock.place(tree))
    if isinstance(tree, Variable):
        return np.float64(np.pi) if tree.name == "pi" else variables[tree.name]
    return links[tree]


def mistaken(text: str) -> str:
    """Return what to type instead of signs that no expression has, "; minus is -"; "" for a text without any."""
    return next((f"; {said}" for signs, said in MISTAKEN.items() if not set(signs).isdisjoint(text)), "")


_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.(?:[A-Za-z_]\w*|\d+))*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/%<>(),]))",
    re.ASCII,
)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str):
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        self.depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if not match:
                offset = position + len(text[position:]) - len(text[position:].lstrip())
                cure = mistaken(text[offset])
                raise ExpressionError(f"{text[offset]!r} has no meaning in an expression{cure}", offset)
            kind = cast(str, match.lastgroup)
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            position = match.end()
        if len(self.tokens) > MAX_TOKENS:
            raise ExpressionError(f"an expression has at most {MAX_TOKENS} words", self.tokens[MAX_TOKENS][2])
        self.tokens.append(("end", "", end))
        self.index = 0

    def parse(self) -> Any:
        tree = self.comparison()
        kind, value, offset = self.tokens[self.index]
        if kind != "end":
            cure = LOGIC.get(value, "an operator was expected")
            raise ExpressionError(f"{value!r} is one too many here; {cure}", offset)
        return tree

    def accept(self, *values: str) -> str | None:
        kind, value, _ = self.tokens[self.index]
        if kind == "operator" and value in values:
            self.index += 1
            return value
        return None

    def expect(self, value: str) -> None:
        if not self.accept(value):
            _, found, offset = self.tokens[self.index]
            raise ExpressionError(
                f"{value!r} was expected before {found!r}" if found else f"{value!r} is missing", offset
            )

    def comparison(self) -> Any:
        left = self.sum()
        operator = self.accept("<", "<=", ">", ">=")
        return Call(operator, (left, self.sum())) if operator else left

    def sum(self) -> Any:
        left = self.product()
        while operator := self.accept("+", "-"):
            left = Call(operator, (left, self.product()))
        return left

    def product(self) -> Any:
        left = self.unary()
        while operator := self.accept("*", "/", "%"):
            left = Call(operator, (left, self.unary()))
        return left

    def unary(self) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"an expression nests at most {MAX_DEPTH} deep", self.tokens[self.index][2])
        try:
            if self.accept("-"):
                literal = self.tokens[self.index][0] == "number"  # -6 dB is a half; -(6 dB) is minus two
                operand = self.unary()
                if literal and isinstance(operand, Number):
                    return Number(-operand.value, operand.unit)
                return Call("neg", (operand,))
            return self.power()
        finally:
            self.depth -= 1

    def power(self) -> Any:
        base = self.atom()
        return Call("**", (base, self.unary())) if self.accept("**") else base

    def atom(self) -> Any:
        kind, value, offset = self.tokens[self.index]
        self.index += 1
        if kind == "number":
            return self.number(value, offset)
        if kind == "name":
            return self.name(value, offset)
        if value == "(":
            tree = self.comparison()
            self.expect(")")
            return tree
        what = f"before {value!r}" if value else "at the end"
        raise ExpressionError(f"a number, a signal or a function was expected {what}", offset)

    def number(self, value: str, offset: int) -> Number:
        if not np.isfinite(float(value)):
            raise ExpressionError(f"{value} is too large", offset)
        kind, unit, _ = self.tokens[self.index]
        if kind == "name" and unit in UNITS:
            self.index += 1
            return Number(float(value), unit)
        return Number(float(value))

    def name(self, value: str, offset: int) -> Any:
        if self.accept("("):
            return self.call(value, offset)
        if value == "at" and self.tokens[self.index][0] == "name":
            return self.moment()
        if value in VARIABLES:
            return Variable(value)
        if value.partition(".")[0] in WITH_COLUMNS:
            if value.count(".") != 1:
                raise ExpressionError(f"{value!r} names no column; name one, like {value.partition('.')[0]}.A", offset)
            return Variable(value)
        link = None if value.startswith("__") or ".__" in value else Link.parse(value)
        if link is None:
            raise ExpressionError(f"{value!r} is no name of a node or of its output", offset)
        return link

    def moment(self) -> Moment:
        """Read what follows "at": a name, a number that counts from 1, a length of time to add."""
        _, what, offset = self.tokens[self.index]
        if what not in MOMENTS:
            cure = '; a place in bars or beats is a length: "8 bars"' if what.rstrip("s") in ("bar", "beat") else ""
            raise ExpressionError(f"there is no moment {what!r}; there are {', '.join(MOMENTS)}{cure}", offset)
        self.index += 1
        number = 1
        kind, value, offset = self.tokens[self.index]
        if kind == "number":
            if not value.isdigit() or not 1 <= int(value[:4]) <= MOST_MOMENTS:
                raise ExpressionError(f"which {what} is a whole number from 1 to {MOST_MOMENTS}, not {value}", offset)
            self.index += 1
            number = int(value)
        return Moment(what, number, self.moments_offset())

    def moments_offset(self) -> Number | None:
        """Read a length that is added to a moment, where one stands there and is no part of a product."""
        sign, number, unit, then = ([*self.tokens[self.index : self.index + 4], *[("end", "", 0)] * 4])[:4]
        if sign[1] not in ("+", "-") or number[0] != "number" or unit[1] not in TIME_UNITS or then[1] in PRODUCTS:
            return None
        self.index += 1
        _, value, offset = self.tokens[self.index]
        self.index += 1
        found = self.number(value, offset)
        return Number(-found.value, found.unit) if sign[1] == "-" else found

    def call(self, name: str, offset: int) -> Call:
        if name not in FUNCTIONS:
            raise ExpressionError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}", offset)
        arguments = [self.comparison()]
        while self.accept(","):
            arguments.append(self.comparison())
        self.expect(")")
        fewest, most, _ = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            wanted = fewest if fewest == most else f"{fewest} to {most}"
            raise ExpressionError(f"{name} takes {wanted} arguments, not {len(arguments)}", offset)
        return Call(name, tuple(arguments))
