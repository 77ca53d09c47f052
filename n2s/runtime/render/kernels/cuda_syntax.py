"""Pixel code in C for CUDA, from the same text that numba compiles.

Types are found by going through a function once for each set of types that it is called with, as numba does. A name
that is given another value is another variable of C, so that it may have another type; after a branch, what it is in
both ways meets in one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import n2s.runtime.render.kernels.cuda_types as types
from n2s.graph.code.syntax import syntax_tree
from n2s.runtime.render.kernels.cuda_types import FLOATS, Record, Refused, TableType, Value, c_name, code, unified
from n2s.runtime.render.kernels.writer import Writer

_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_CASTS = {
    "f32": "f32", "u32": "u32", "i32": "i32", "np.float32": "f32", "np.uint32": "u32", "np.int32": "i32",
    "np.int64": "i64", "np.uint64": "u64", "np.float64": "f64",
}  # fmt: skip
_FUNCTIONS = {"np.floor": "floor", "np.sqrt": "sqrt", "np.copysign": "copysign"}
_CHOICES = {"min": "least", "max": "most", "np.minimum": "least_or_nan", "np.maximum": "most_or_nan"}


class Functions:
    """The C of functions, each for the types that it is called with, in the order in which C wants them.

    Parameters
    ----------
    texts : mapping of str to str
        Functions of Python by their names, which may call each other.
    read : callable, optional
        Gives for a table, the types of the numbers that it is read with, and these functions, the name of the C
        function that reads it and the type of what this gives.
    """

    def __init__(self, texts: Mapping[str, str], read: Callable[[TableType, tuple, Functions], Value] | None = None):
        self._trees = {name: cast(ast.FunctionDef, syntax_tree(text).body[0]) for name, text in texts.items()}
        self.read = read
        self._made: dict[tuple, Value] = {}
        self.tuples: dict[str, str] = {}
        self.texts: list[str] = []

    @property
    def text(self) -> str:
        """All that was asked for."""
        return "\n\n".join([*self.tuples.values(), *self.texts])

    def knows(self, name: str) -> bool:
        return name in self._trees

    def tree(self, name: str) -> ast.FunctionDef:
        return self._trees[name]

    def add(self, text: str) -> None:
        """Add a function of C, once."""
        if text not in self.texts:
            self.texts.append(text)

    def get(self, name: str, taken: Sequence[Any]) -> Value:
        """Return the name in C of a function for some types of arguments, and the type of what it gives."""
        key = name, tuple(taken)
        if key not in self._made:
            body = _Body(self, self._trees[name], key[1])
            made = f"{_ascii(name)}_{''.join(map(code, taken))}"
            self.texts.append(body.text(made))
            self._made[key] = Value(made, body.type)
        return self._made[key]

    def type_of(self, type_: Any) -> str:
        """Return the name of a type in C; tuples are declared."""
        if isinstance(type_, tuple) and code(type_) not in self.tuples:
            fields = [f"{self.type_of(part)} _{i};" for i, part in enumerate(type_)]
            self.tuples[code(type_)] = f"struct {c_name(type_)} {{ {' '.join(fields)} }};"
        return c_name(type_)


class _Body:
    """One function for one set of types."""

    def __init__(self, functions: Functions, tree: ast.FunctionDef, taken: tuple):
        self.functions = functions
        self._name = re.sub(r"_[0-9a-f]{8}$", "", tree.name)  # as its author calls it
        self._versions: dict[str, int] = {}
        self._returned: list[tuple[str, Value]] = []  # the line that stands for a return, and what it returns
        self._code = Writer()
        names = [argument.arg for argument in tree.args.args]
        if len(names) != len(taken):
            raise Refused(f"{self._name} is called with {len(taken)} arguments and takes {len(names)}")
        known = {name: Value(self._new(name), type_) for name, type_ in zip(names, taken)}
        self._given = [f"{functions.type_of(value.type)} {value.text}" for value in known.values()]
        if self._block(tree.body, known) is not None:
            raise Refused(f"{self._name} has a way on which it returns nothing")
        self.type = self._returned[0][1].type
        for _, value in self._returned:
            self.type = unified(self.type, value.type)

    def text(self, name: str) -> str:
        made = self._code.text
        kind = self.functions.type_of(self.type)
        for line, value in self._returned:
            made = made.replace(line, f"return {types.cast(value, self.type)};")
        body = "".join(f"    {line}\n" for line in made.splitlines())
        return f"__device__ inline {kind} {name}({', '.join(self._given)}) {{\n{body}}}"

    def _new(self, name: str) -> str:
        """Return a new variable of C for a name."""
        number = self._versions.get(name, 0)
        self._versions[name] = number + 1
        return f"{_ascii(name)}_{number}"

    def _block(self, statements: Sequence[ast.stmt], known: dict[str, Value]) -> dict[str, Value] | None:
        """Write statements; return what names mean behind them, None where all ways have returned."""
        for statement in statements:
            made = self._statement(statement, known)
            if made is None:
                return None
            known = made
        return known

    def _statement(self, statement: ast.stmt, known: dict[str, Value]) -> dict[str, Value] | None:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return known
        if isinstance(statement, ast.Return) and statement.value is not None:
            line = f"@return {len(self._returned)};"
            self._returned.append((line, self._value(statement.value, known)))
            self._code.add(line)
            return None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            return self._assign(statement.targets[0], statement.value, known)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            read = ast.Name(statement.target.id, ast.Load())
            return self._assign(statement.target, ast.BinOp(read, statement.op, statement.value), known)
        if isinstance(statement, ast.If):
            return self._branch(statement, known)
        raise Refused(f"{self._name} has {ast.unparse(statement).splitlines()[0]!r:.60}")

    def _assign(self, target: ast.expr, value: ast.expr, known: dict[str, Value]) -> dict[str, Value]:
        if isinstance(target, ast.Name):
            return known | {target.id: self._variable(target.id, self._value(value, known))}
        if not isinstance(target, ast.Tuple) or not all(isinstance(part, ast.Name) for part in target.elts):
            raise Refused(f"{self._name} gives a value to {ast.unparse(target)}")
        names = [cast(ast.Name, part).id for part in target.elts]
        if isinstance(value, ast.Tuple):
            parts = [self._value(part, known) for part in value.elts]
        else:
            whole = self._variable(names[0], self._value(value, known))
            parts = [Value(f"{whole.text}._{i}", type_) for i, type_ in enumerate(_parts(whole))]
        if len(parts) != len(names):
            raise Refused(f"{self._name} takes {len(parts)} values for {len(names)} names")
        return known | {name: self._variable(name, part) for name, part in zip(names, parts)}

    def _variable(self, name: str, value: Value) -> Value:
        """Write a new variable of a value."""
        if isinstance(value.type, TableType):
            raise Refused(f"{self._name} gives another name to a table")
        made = self._new(name)
        self._code.add(f"const {self.functions.type_of(value.type)} {made} = {value.text};")
        return Value(made, value.type)

    def _branch(self, statement: ast.If, known: dict[str, Value]) -> dict[str, Value] | None:
        outside, made = self._code, []
        condition = self._truth(self._value(statement.test, known))
        for body in (statement.body, statement.orelse):
            self._code = Writer()
            made.append((self._block(body, known), self._code))
        ends = [end for end, _ in made if end is not None]
        after = dict(ends[0]) if ends else None
        for name in list(after) if after and len(ends) == 2 else ():
            one, other = (end.get(name) for end in ends)
            if one is None or other is None:
                cast(dict, after).pop(name)
            elif one != other:
                joined = Value(self._new(name), unified(one.type, other.type))
                outside.add(f"{self.functions.type_of(joined.type)} {joined.text};")
                for value, (_, code_) in zip((one, other), made):
                    code_.add(f"{joined.text} = {types.cast(value, joined.type)};")
                cast(dict, after)[name] = joined
        self._code = outside
        for opening, (_, code_) in zip((f"if ({condition}) {{", "} else {"), made):
            with outside.block(opening):
                outside.add(*code_.text.splitlines())
        outside.add("}")
        return after

    def _value(self, node: ast.expr, known: dict[str, Value]) -> Value:
        match node:
            case ast.Name(id=name):
                if name not in known:
                    raise Refused(f"{self._name} uses {name}, which may have no value")
                return known[name]
            case ast.Constant(value=bool(number)):
                return Value(str(number).lower(), "bool")
            case ast.Constant(value=int(number)):
                return Value(types.literal(number, "i64"), "i64")
            case ast.Constant(value=float(number)):
                return Value(types.literal(number, "f64"), "f64")
            case ast.Tuple(elts=parts):
                values = [self._value(part, known) for part in parts]
                kind = tuple(value.type for value in values)
                return Value(f"{self.functions.type_of(kind)}{{{', '.join(v.text for v in values)}}}", kind)
            case ast.BinOp(left=left, op=op, right=right):
                return self._combined(op, self._value(left, known), self._value(right, known))
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self._value(operand, known))
            case ast.BoolOp(op=op, values=values):
                sign = " && " if isinstance(op, ast.And) else " || "
                truths = [self._value(value, known) for value in values]
                if any(value.type != "bool" for value in truths):
                    raise Refused(f"{self._name} joins numbers by {sign.strip()}")
                return Value(f"({sign.join(value.text for value in truths)})", "bool")
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self._value(value, known) for value in (left, *others)]
                pairs = (self._compared(op, *pair) for op, *pair in zip(ops, values, values[1:]))
                return Value(f"({' && '.join(pairs)})", "bool")
            case ast.IfExp(test=test, body=body, orelse=orelse):
                a, b = self._value(body, known), self._value(orelse, known)
                kind = unified(a.type, b.type)
                truth = self._truth(self._value(test, known))
                return Value(f"({truth} ? {types.cast(a, kind)} : {types.cast(b, kind)})", kind)
            case ast.Attribute(value=inner, attr=name):
                record = self._value(inner, known)
                fields = dict(record.type.fields) if isinstance(record.type, Record) else {}
                if name in fields:
                    return Value(f"{record.text}.{name}", fields[name])
            case ast.Subscript(value=inner, slice=index):
                whole = self._value(inner, known)
                parts = _parts(whole)
                number = _constant(index)
                if isinstance(number, int) and -len(parts) <= number < len(parts):
                    return Value(f"{whole.text}._{number % len(parts)}", parts[number])
            case ast.Call():
                return self._call(node, known)
        raise Refused(f"{self._name} has {ast.unparse(node)!r:.60}")

    def _combined(self, op: ast.operator, left: Value, right: Value) -> Value:
        sign = _OPERATORS.get(type(op))
        kind = types.computed(left.type, right.type)
        if sign is None or (sign == "%" and kind not in FLOATS):
            raise Refused(f"{self._name} computes by {type(op).__name__}")
        if sign == "/" and kind not in FLOATS:
            kind = "f64"
        if sign in ("&", "|", "^") and left.type == right.type == "bool":
            return Value(f"({left.text} {sign} {right.text})", "bool")
        is_shift = sign in ("<<", ">>")
        if (is_shift and left.type == "bool") or (kind in FLOATS and (is_shift or sign in ("&", "|", "^"))):
            raise Refused(f"{self._name} takes bits of {types.described(left.type)} by {sign}")
        if is_shift:
            kind = "i64" if left.type[0] == "i" else "u64"
        a, b = types.cast(left, kind), types.cast(right, kind)
        if sign == "%":
            return Value(f"remainder_of({a}, {b})", kind)
        if kind == "i64" and sign in ("+", "-", "*", "<<"):  # overflow is defined for unsigned numbers alone
            return Value(f"(long long)((unsigned long long)({a}) {sign} (unsigned long long)({b}))", kind)
        return Value(f"({a} {sign} {b})", kind)

    def _unary(self, op: ast.unaryop, value: Value) -> Value:
        if isinstance(op, ast.Not):
            return Value(f"(!{self._truth(value)})", "bool")
        if isinstance(op, ast.UAdd) and value.type in FLOATS:
            return value
        if isinstance(op, ast.USub) and value.type in (*FLOATS, "i32", "i64"):
            kind = value.type if value.type in FLOATS else "i64"
            return Value(f"(-{types.cast(value, kind)})", kind)
        raise Refused(f"{self._name} computes by {type(op).__name__} of {types.described(value.type)}")

    def _compared(self, op: ast.cmpop, left: Value, right: Value) -> str:
        kind = unified(left.type, right.type)
        if not types.is_number(kind) or (kind == "f64" and {left.type[0], right.type[0]} == {"i", "u"}):
            raise Refused(f"{self._name} compares {types.described(left.type)} and {types.described(right.type)}")
        if type(op) not in _COMPARISONS:
            raise Refused(f"{self._name} compares by {type(op).__name__}")
        return f"({types.cast(left, kind)} {_COMPARISONS[type(op)]} {types.cast(right, kind)})"

    def _truth(self, value: Value) -> str:
        if not types.is_number(value.type):
            raise Refused(f"{self._name} asks whether {types.described(value.type)} is true")
        return value.text if value.type == "bool" else f"({value.text} != 0)"

    def _call(self, node: ast.Call, known: dict[str, Value]) -> Value:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view" and len(node.args) == 1:
            return self._viewed(self._value(node.func.value, known), ast.unparse(node.args[0]))
        name = ast.unparse(node.func)
        if name in _CASTS and len(node.args) == 1:
            if (number := _constant(node.args[0])) is not None:
                return Value(types.literal(number, _CASTS[name]), _CASTS[name])
            return Value(types.cast(self._value(node.args[0], known), _CASTS[name]), _CASTS[name])
        values = [self._value(argument, known) for argument in node.args]
        if values and isinstance(values[0].type, TableType) and self.functions.read:
            made = self.functions.read(values[0].type, tuple(value.type for value in values[1:]), self.functions)
            return Value(f"{made.text}({', '.join(value.text for value in values)})", made.type)
        if self.functions.knows(name):
            names = [argument.arg for argument in self.functions.tree(name).args.args]
            named = {keyword.arg: self._value(keyword.value, known) for keyword in node.keywords}
            if set(names[len(values) :]) == named.keys():
                values += [named[argument] for argument in names[len(values) :]]
                made = self.functions.get(name, [value.type for value in values])
                return Value(f"{made.text}({', '.join(value.text for value in values)})", made.type)
        elif not node.keywords and values and all(value.type in types.C_NAMES for value in values):
            return self._builtin(name, values)
        raise Refused(f"{self._name} has {ast.unparse(node)!r:.60}")

    def _builtin(self, name: str, values: list[Value]) -> Value:
        """Return a call of a function of Python or numpy."""
        kinds = [value.type for value in values]
        if name == "abs" and len(values) == 1 and kinds[0] != "bool":
            if kinds[0] in FLOATS:
                return Value(f"{'fabsf' if kinds[0] == 'f32' else 'fabs'}({values[0].text})", kinds[0])
            signed = Value(f"({values[0].text} < 0 ? -{values[0].text} : {values[0].text})", kinds[0])
            return signed if kinds[0][0] == "i" else values[0]
        if name in ("min", "max") and len(values) > 1 and "bool" not in kinds:
            best = values[0]
            for value in values[1:]:  # as Python goes through them
                kind = unified(best.type, value.type)
                best = Value(f"{_CHOICES[name]}({types.cast(best, kind)}, {types.cast(value, kind)})", kind)
            return best
        floats = "f32" if all(kind == "f32" for kind in kinds) else "f64"
        given = ", ".join(types.cast(value, floats) for value in values)
        if name in _CHOICES and len(values) == 2 and any(kind in FLOATS for kind in kinds):
            return Value(f"{_CHOICES[name]}({given})", floats)
        if name == "fma" and floats == "f32" and len(values) == 3:
            return Value(f"fmaf({given})", floats)
        is_float = name != "np.floor" or kinds[0] in FLOATS
        if name in _FUNCTIONS and is_float and len(values) == (2 if name == "np.copysign" else 1):
            return Value(f"{_FUNCTIONS[name]}{'f' if floats == 'f32' else ''}({given})", floats)
        raise Refused(f"{self._name} calls {name}")

    def _viewed(self, value: Value, wanted: str) -> Value:
        """Return the bits of a number as another type of the same size."""
        kind = _CASTS.get(wanted)
        if kind == value.type:
            return value
        match value.type, kind:
            case ("f32", "i32"):
                return Value(f"__float_as_int({value.text})", "i32")
            case ("f32", "u32"):
                return Value(f"((unsigned int)__float_as_int({value.text}))", "u32")
            case ("i32" | "u32", "f32"):
                return Value(f"__int_as_float((int)({value.text}))", "f32")
            case ("i32" | "u32", "i32" | "u32"):
                return Value(types.cast(value, kind), kind)
        raise Refused(f"{self._name} views {types.described(value.type)} as {wanted}")


def _parts(value: Value) -> tuple:
    if not isinstance(value.type, tuple):
        raise Refused(f"it takes a part of {types.described(value.type)}")
    return value.type


def _constant(node: ast.expr) -> Any:
    """Return the number that code writes out; None where it computes one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _constant(node.operand)
        return None if number is None else -number
    is_plain = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return cast(ast.Constant, node).value if is_plain else None


def _ascii(name: str) -> str:
    return "".join(letter if letter.isascii() else f"u{ord(letter):x}" for letter in name)
