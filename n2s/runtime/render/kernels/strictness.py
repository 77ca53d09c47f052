"""Which non-finite inputs a piece of pixel code is sure to pass on, so that a kernel need not look at every step.

NaN and infinity survive sums, differences, products, absolute values and square roots; a comparison, ``min``, ``max``
or a division by an infinity may lose them. A function is *strict* in a channel of a picture for one of its results when
that result is non-finite whenever the channel is. Where all ways to a kernel's result are strict, looking at the result
is looking at every step before it.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import cast

from n2s.graph.code.syntax import syntax_tree
from n2s.runtime.render.kernels.pixels import PixelCode
from n2s.runtime.render.kernels.program import Full, Pixel, Program

Channels = frozenset[tuple[int, int]]  # (picture, channel)
NONE: Channels = frozenset()
_PASSING = (ast.Add, ast.Sub, ast.Mult)
_PASSING_CALLS = ("f32", "abs", "sqrt")  # of one argument; copysign passes its first one on, fma all three


class Unclear(Exception):
    """Code of a form that is not followed; nothing is taken for granted then."""


def strict_channels(
    function: ast.FunctionDef, pictures: int, helpers: dict[str, ast.FunctionDef]
) -> tuple[Channels, Channels, Channels]:
    """Return, for each of the three colours a pixel function gives, the channels of its pictures it is strict in.

    Parameters
    ----------
    function : ast.FunctionDef
        Pixel code, its pictures first.
    pictures : int
    helpers : dict of str to ast.FunctionDef
        The functions that it may call.
    """
    names = [arg.arg for arg in function.args.args]
    try:
        result = _run(function, {name: i for i, name in enumerate(names[:pictures])}, {}, helpers)
    except Unclear:
        return NONE, NONE, NONE
    return result if isinstance(result, tuple) and len(result) == 3 else (NONE, NONE, NONE)


def _run(function: ast.FunctionDef, pictures: dict[str, int], known: dict[str, Channels], helpers: dict) -> object:
    """Follow the statements of a function; return what its result is strict in."""
    known = dict(known)
    for statement in function.body:
        if isinstance(statement, ast.Return):
            if isinstance(statement.value, ast.Tuple):
                return tuple(_expression(part, pictures, known, helpers) for part in statement.value.elts)
            return _expression(statement.value, pictures, known, helpers)
        _statement(statement, pictures, known, helpers)
    raise Unclear


def _statement(statement: ast.stmt, pictures: dict[str, int], known: dict[str, Channels], helpers: dict) -> None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Name):
            if target.id in pictures or _is_picture(value, pictures):
                raise Unclear
            known[target.id] = _expression(value, pictures, known, helpers)
            return
        if isinstance(target, ast.Tuple) and all(isinstance(part, ast.Name) for part in target.elts):
            names = [part.id for part in target.elts if isinstance(part, ast.Name)]
            if any(name in pictures for name in names):
                raise Unclear
            if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
                made = [_expression(part, pictures, known, helpers) for part in value.elts]
            elif isinstance(value, ast.Name) and value.id in pictures and len(target.elts) == 3:
                made = [frozenset({(pictures[value.id], channel)}) for channel in range(3)]
            else:
                made = [NONE] * len(target.elts)
            known.update(zip(names, made))
            return
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        left = known.get(statement.target.id, NONE)
        right = _expression(statement.value, pictures, known, helpers)
        known[statement.target.id] = _combined(statement.op, left, right)
        return
    if isinstance(statement, ast.If) and not any(isinstance(node, ast.Return) for node in ast.walk(statement)):
        branches = [dict(known), dict(known)]
        for branch, body in zip(branches, (statement.body, statement.orelse)):
            for inner in body:
                _statement(inner, pictures, branch, helpers)
        for name in branches[0] | branches[1]:
            known[name] = branches[0].get(name, NONE) & branches[1].get(name, NONE)
        return
    raise Unclear


def _is_picture(value: ast.expr, pictures: dict[str, int]) -> bool:
    return isinstance(value, ast.Name) and value.id in pictures


def _expression(
    value: ast.expr | None, pictures: dict[str, int], known: dict[str, Channels], helpers: dict
) -> Channels:
    """Return what an expression is strict in."""

    def inner(part: ast.expr) -> Channels:
        return _expression(part, pictures, known, helpers)

    if isinstance(value, ast.Subscript) and _is_picture(value.value, pictures):
        channel = value.slice.value if isinstance(value.slice, ast.Constant) else None
        return (
            frozenset({(pictures[cast(ast.Name, value.value).id], channel % 3)}) if isinstance(channel, int) else NONE
        )
    if isinstance(value, ast.Name):
        return known.get(value.id, NONE)
    if isinstance(value, ast.BinOp):
        return _combined(value.op, inner(value.left), inner(value.right))
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub | ast.UAdd):
        return inner(value.operand)
    if isinstance(value, ast.IfExp):
        return inner(value.body) & inner(value.orelse)
    if isinstance(value, ast.Call) and not value.keywords:
        name = value.func.id if isinstance(value.func, ast.Name) else getattr(value.func, "attr", "")
        if name in _PASSING_CALLS and len(value.args) == 1 or name == "copysign" and value.args:
            return inner(value.args[0])
        if name == "fma":
            return NONE.union(*map(inner, value.args))
        function = helpers.get(name)
        if function is not None and len(function.args.args) == len(value.args):
            arguments = list(zip((arg.arg for arg in function.args.args), value.args))
            whole = {name: pictures[cast(ast.Name, part).id] for name, part in arguments if _is_picture(part, pictures)}
            parts = {name: inner(part) for name, part in arguments if name not in whole}
            try:
                made = _run(function, whole, parts, helpers)
            except Unclear:
                return NONE
            return made if isinstance(made, frozenset) else NONE
    return NONE


def _combined(operator: ast.operator, left: Channels, right: Channels) -> Channels:
    if isinstance(operator, _PASSING):
        return left | right
    return left if isinstance(operator, ast.Div | ast.Mod) else NONE


def unseen(program: Program) -> list[tuple[int, int]]:
    """Return the channels that must be looked at beside what is stored: (number of the record, channel).

    Where all of them and all that is stored are finite, every colour that the program read or made is.
    """
    records = program.records
    seen = {(program.store.source, channel) for channel in range(program.store.layout.channels)}
    looked_at: list[tuple[int, int]] = []
    made = [number for number in program.colours if not isinstance(records[number], Full)]  # that is 1
    steps = [number for number in made if isinstance(records[number], Pixel)]
    for number in reversed(steps):
        pixel = records[number]
        looked_at += [(number, channel) for channel in range(pixel.channels) if (number, channel) not in seen]
        for colour in _strict(pixel.code, len(pixel.pictures)):
            seen |= {(pixel.pictures[picture], channel) for picture, channel in colour}
    read = [(number, channel) for number in made if number not in steps for channel in range(program.channels(number))]
    return looked_at + [one for one in read if one not in seen]


@cache
def _strict(code: PixelCode, pictures: int) -> tuple[Channels, Channels, Channels]:
    helpers = {name: _function(text) for name, text in code.helpers}
    return strict_channels(_function(code.text), pictures, helpers)


def _function(text: str) -> ast.FunctionDef:
    return cast(ast.FunctionDef, syntax_tree(text).body[0])
