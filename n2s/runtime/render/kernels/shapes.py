"""What pixel code makes of its arguments, followed through its text: a number, a tuple, or the pixel's place.

A compiler finds the same mistakes, but tells them of machine code: without the author's line, and in its own words. A
shape is `NUMBER`, a tuple of shapes, a `Record`, or None where the text does not tell; then nothing is refused.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NoReturn

from n2s.graph.types import FRAMES, MATTE
from n2s.runtime.render.kernels.cuda_types import AT, COLOUR, PLACE, Record

NUMBER = COLOUR[0]
_WANTED = {COLOUR: "red, green and blue were wanted", (NUMBER, NUMBER): "x and y were wanted",
           NUMBER: "one number was wanted, as its output is a matte"}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """A function that pixel code may call, and its syntax tree; a ``helper`` takes numbers, and is not followed."""

    function: Any  # a FunctionType, which type checkers take for a method here
    tree: ast.FunctionDef
    is_helper: bool = False

    @property
    def given(self) -> Any:
        """The shape of what a helper gives, by its last line."""
        value = self.tree.body[-1].value if isinstance(self.tree.body[-1], ast.Return) else None
        if isinstance(value, ast.Tuple):
            return (NUMBER,) * len(value.elts)
        return None if isinstance(value, ast.IfExp) else NUMBER


class ShapeError(Exception):
    """A mistake in the text of a function, in words that go on behind its name, at a line of its file."""

    def __init__(self, text: str, line: int, function: FunctionType):
        super().__init__(text)
        self.text, self.line, self.function = text, line, function


def check_shapes(functions: Mapping[str, Function], name: str, taken: Mapping[str, Any], wanted: Any) -> None:
    """Refuse pixel code that takes something for what it is not, or does not give what is wanted.

    Parameters
    ----------
    functions : mapping of str to Function
        Itself and all that it calls, by the names that the texts have for them; none calls itself.
    name : str
        Which of them is the pixel code.
    taken : mapping of str to shape
        What it is given, by argument.
    wanted : shape
        What it has to give: `COLOUR`, a place, or `NUMBER`.

    Raises
    ------
    ShapeError
    """
    _Body(functions, functions[name], taken, wanted).follow()


def shapes_of(cls: Any, method: str) -> tuple[dict[str, Any], Any]:
    """Return the shapes that a static method of a node type is given, by argument, and of what it has to give."""
    pictures = [{FRAMES: COLOUR, MATTE: NUMBER}.get(kind) for kind in cls.ports.values()]
    gives_frames = next(iter(cls.outputs.values())).kind is FRAMES
    at, place, wanted = AT, (NUMBER, NUMBER), COLOUR if gives_frames else NUMBER
    if cls.kind == "lens":
        at, wanted, first = PLACE, place, [NUMBER, NUMBER, *pictures[1:]]
    elif cls.kind == "echo" and method == "where":
        wanted, first = place, [NUMBER] * 3
    elif cls.kind == "echo" and method == "step":
        wanted, first = COLOUR, [COLOUR, COLOUR, NUMBER]
    elif cls.kind == "filter" and method == "source":
        wanted, first = COLOUR, [COLOUR]
    else:
        first = [*pictures, COLOUR] if cls.part else pictures
    names = list(inspect.signature(getattr(cls, method)).parameters)
    tables = getattr(cls, "tables", ())
    numbers = {name: None if name in tables else NUMBER for name in names}
    return numbers | dict(zip(names, first)) | {"at": at}, wanted


class _Body:
    """One function, followed for the shapes that it is given."""

    def __init__(
        self, functions: Mapping[str, Function], followed: Function, taken: Mapping[str, Any], wanted: Any = None
    ):
        self.functions, self.tree, self.function = functions, followed.tree, followed.function
        self.taken, self.wanted = taken, wanted
        names = (node for node in ast.walk(followed.tree) if isinstance(node, ast.Name))
        self.own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        self.returned: list[Any] = []

    def follow(self) -> Any:
        """Return the shape of what the function gives."""
        goes_on = self._block(self.tree.body, dict(self.taken)) is not None
        if not self.returned:
            self._refuse("returns nothing" + self._way_out, self.tree)
        if goes_on:
            self._refuse("does not return on every path" + self._way_out, self.tree.body[-1])
        return self.returned[0] if self.returned.count(self.returned[0]) == len(self.returned) else None

    @property
    def _way_out(self) -> str:
        return f"; {_WANTED[self.wanted]}" if self.wanted else ""

    def _refuse(self, text: str, node: Any) -> NoReturn:
        raise ShapeError(text, node.lineno, self.function)

    def _block(self, statements: Sequence[ast.stmt], known: dict[str, Any]) -> dict[str, Any] | None:
        """Follow statements; return the shapes behind them by name, None where all paths have returned."""
        for statement in statements:
            match statement:
                case ast.Return(value=value):
                    self.returned.append(self._returns(statement, value, known))
                    return None
                case ast.If(test=test, body=body, orelse=orelse):
                    self._shape(test, known)
                    ends = [end for part in (body, orelse) if (end := self._block(part, dict(known))) is not None]
                    if not ends:
                        return None
                    known = {name: _either([end.get(name) for end in ends]) for end in ends for name in end}
                case ast.Assign(targets=targets, value=value):
                    shape = self._shape(value, known)
                    for target in targets:
                        self._assign(target, value, shape, known)
                case ast.AugAssign(target=target, op=op, value=value):
                    read = ast.copy_location(ast.Name(getattr(target, "id", ""), ast.Load()), target)
                    whole = ast.copy_location(ast.BinOp(read, op, value), statement)
                    self._assign(target, whole, self._shape(whole, known), known)
                case ast.Expr(value=value) if not isinstance(value, ast.Constant):  # as a docstring is
                    self._shape(value, known)
        return known

    def _returns(self, statement: ast.Return, value: ast.expr | None, known: dict[str, Any]) -> Any:
        """Return the shape of what a return statement gives; refuse another than is wanted."""
        if value is None or isinstance(value, ast.Constant) and value.value is None:
            self._refuse("returns nothing" + self._way_out, statement)
        shape = self._shape(value, known)
        if self.wanted is None or shape is None:
            return shape
        is_tuple = isinstance(shape, tuple) and isinstance(self.wanted, tuple)
        if shape != self.wanted and not (is_tuple and len(shape) == len(self.wanted)):
            gives = (
                f"a tuple of {len(shape)}" if isinstance(shape, tuple) else "one number" if shape == NUMBER else "at"
            )
            self._refuse(f"returns {gives}{self._way_out}", statement)
        for part in value.elts if isinstance(value, ast.Tuple) else ():
            self._number(part, known)
        return shape

    def _assign(self, target: ast.expr, value: ast.expr, shape: Any, known: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            known[target.id] = shape
        elif isinstance(target, ast.Tuple):
            count = len(target.elts)
            if isinstance(shape, tuple) and len(shape) != count or shape == NUMBER:
                self._refuse(
                    f"gives {count} names to {self._called(value)}; {_described(self._called(value), shape)}", target
                )
            for part, inner in zip(target.elts, shape if isinstance(shape, tuple) else [None] * count):
                self._assign(part, value, inner, known)
        else:
            self._refuse(f"changes {ast.unparse(target)}; make a new number of it, with a name of its own", target)

    def _shape(self, node: ast.expr, known: dict[str, Any]) -> Any:
        """Return the shape of what an expression gives."""
        match node:
            case ast.Name(id=name):
                if name in self.own and name not in known:
                    self._refuse(f"reads {name}, which gets its first value later", node)
                return known.get(name)
            case ast.Constant(value=value):
                if not isinstance(value, int | float):
                    self._refuse(f"takes {value!r} for a number", node)
                return NUMBER
            case ast.Tuple(elts=parts):
                return tuple(self._shape(part, known) for part in parts)
            case ast.BinOp(left=left, op=op, right=right):
                both = self._shape(left, known), self._shape(right, known)
                if isinstance(op, ast.Add) and isinstance(both[0], tuple) and isinstance(both[1], tuple):
                    return both[0] + both[1]
                self._number(left, known)
                self._number(right, known)
                return NUMBER if None not in both else None
            case ast.UnaryOp(op=op, operand=operand):
                return NUMBER if isinstance(op, ast.Not) else self._number(operand, known)
            case ast.BoolOp(values=values):
                return _either([self._shape(value, known) for value in values])
            case ast.Compare(left=left, comparators=others):
                for part in (left, *others):
                    self._shape(part, known)
                return NUMBER
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._shape(test, known)
                return _either([self._shape(body, known), self._shape(orelse, known)])
            case ast.Attribute(value=whole, attr=name):
                return self._attribute(node, whole, name, known)
            case ast.Subscript(value=whole, slice=index):
                return self._part(node, whole, index, known)
            case ast.Call():
                return self._call(node, known)
        return None

    def _number(self, node: ast.expr, known: dict[str, Any]) -> Any:
        """Return the shape of an expression; refuse one that is not a number."""
        shape = self._shape(node, known)
        if isinstance(shape, tuple | Record):
            self._refuse(f"takes {self._called(node)} for a number; {_described(self._called(node), shape)}", node)
        return shape

    def _called(self, node: ast.expr) -> str:
        """Return what to call an expression in a message; its text is not that of the author any more."""
        if isinstance(node, ast.Name):
            return self.functions[node.id].function.__name__ if node.id in self.functions else node.id
        return f"{self._called(node.func)}(…)" if isinstance(node, ast.Call) else "(…)"

    def _attribute(self, node: ast.Attribute, whole: ast.expr, name: str, known: dict[str, Any]) -> Any:
        shape = self._shape(whole, known)
        if isinstance(shape, Record) and name in dict(shape.fields):
            return NUMBER
        if shape is not None:
            self._refuse(f"reads {self._called(whole)}.{name}; {_described(self._called(whole), shape)}", node)
        return None

    def _part(self, node: ast.Subscript, whole: ast.expr, index: ast.expr, known: dict[str, Any]) -> Any:
        shape, number = self._shape(whole, known), _constant(index)
        if isinstance(shape, tuple) and number is None:  # which one is computed
            return _either(list(shape))
        if isinstance(shape, tuple) and isinstance(number, int) and -len(shape) <= number < len(shape):
            return shape[number]
        if isinstance(shape, tuple) or shape == NUMBER:
            self._refuse(
                f"reads {self._called(whole)}[{ast.unparse(index)}]; {_described(self._called(whole), shape)}", node
            )
        return None

    def _call(self, node: ast.Call, known: dict[str, Any]) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        called = self.functions.get(name)
        if called is None or name in known:
            return self._built_in(node, name, known)
        if any(keyword.arg is None for keyword in node.keywords):
            return None
        signature = inspect.signature(called.function)
        try:
            given = signature.bind(*node.args, **{str(word.arg): word.value for word in node.keywords}).arguments
        except TypeError:
            plain = f"({', '.join(signature.parameters)})"
            self._refuse(f"calls {called.function.__name__} with other arguments than {plain}", node)
        if called.is_helper:
            for value in given.values():
                self._number(value, known)
            return called.given
        return _Body(self.functions, called, {key: self._shape(value, known) for key, value in given.items()}).follow()

    def _built_in(self, node: ast.Call, name: str, known: dict[str, Any]) -> Any:
        """Return the shape of what a call of Python's gives, of which pixel code has f32, abs, min and max."""
        if name not in ("f32", "abs", "min", "max") or name in known:
            if self._shape(node.func, known) is not None:
                self._refuse(f"calls {self._called(node.func)}, which is no function", node)
            return None
        if name == "abs" and (len(node.args) != 1 or node.keywords):
            self._refuse("calls abs with other arguments than (x)", node)
        if name in ("min", "max") and len(node.args) == 1:
            shape = self._shape(node.args[0], known)
            if shape == NUMBER:
                self._refuse(f"calls {name} with one number; it takes two or more", node)
            return NUMBER if isinstance(shape, tuple) else None
        for argument in node.args:
            self._number(argument, known)
        return NUMBER


def _either(shapes: list[Any]) -> Any:
    """Return the shape of what is one of several."""
    return shapes[0] if shapes and shapes.count(shapes[0]) == len(shapes) else None


def _described(name: str, shape: Any) -> str:
    """Return what something is, so that a reader knows what can be taken of it."""
    if isinstance(shape, Record):
        *most, last = dict(shape.fields)
        return f"{name} has {', '.join(most)} and {last}"
    if isinstance(shape, tuple):
        return f"{name} is a tuple of {len(shape)}" + (f", {name}[0] to {name}[{len(shape) - 1}]" if shape else "")
    return f"{name} is one number"


def _constant(index: ast.expr) -> Any:
    """Return the number that is written as an index; None where it is computed."""
    try:
        return ast.literal_eval(index)
    except ValueError:
        return None
