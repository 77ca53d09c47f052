"""What the text of a module changes while it is used: the tables that it fills, and the names that it assigns anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# What changes the table that it is a method of.
_METHODS = frozenset(
    (
        "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault", "pop", "popleft",
        "popitem", "remove", "discard", "clear", "sort", "reverse", "rotate", "subtract", "move_to_end",
        "intersection_update", "difference_update", "symmetric_difference_update", "__setitem__", "__delitem__",
        # of arrays
        "fill", "put", "itemset", "partition", "resize", "setfield", "setflags", "byteswap",
    )
)  # fmt: skip
# What changes the table that it is given first.
_FUNCTIONS = frozenset(
    (
        "copyto", "place", "put", "putmask", "put_along_axis", "fill_diagonal", "at", "shuffle", "readinto",
        "heappush", "heappop", "heapify", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right",
    )
)  # fmt: skip
_OF_CLASSES = ("self", "cls", "__class__", "type", "super")  # what is reached through these belongs to a class


def find_changes(tree: ast.AST) -> set[str]:
    """Return by which names a module changes something.

    - ``name``: what a name of a module, an argument or a variable around a function holds; also what attributes hold
      that are reached through any other name, as these may be names of modules.
    - ``.name``: what an attribute of a class holds.
    - ``owner.name``: the attribute itself, which a function assigns, of a module or a class of this name.
    - ``+name``: what a function adds to (``name += ...``): a number is another one then, and a table is filled.

    What a module takes from others has the name that it has there.
    """
    found: set[str] = set()
    renamed: dict[str, str] = {}
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, in_function = pending.pop()
        found.update(_changed_by(node))
        if in_function:
            found.update(_assigned_by(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            renamed |= {alias.asname: alias.name.rpartition(".")[2] for alias in node.names if alias.asname}
        in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        pending += [(child, in_function) for child in ast.iter_child_nodes(node)]
    for name in list(found):
        owner, dot, rest = name.partition(".")
        if owner in renamed:
            found.add(f"{renamed[owner]}{dot}{rest}")
    return found


def _changed_by(node: ast.AST) -> Iterator[str]:
    """Yield the names of the tables that a statement or a call fills, and of variables that a function assigns."""
    match node:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.Subscript(value=table, slice=place, ctx=ast.Store() | ast.Del()):
            yield from _names_of(table)
            match table, place:  # ``globals()["LAST"] = x``
                case (
                    (ast.Call(func=ast.Name(id="globals" | "vars")) | ast.Attribute(attr="__dict__")),
                    ast.Constant(value=str(name)),
                ):
                    yield name
        case ast.Call(func=function, args=given, keywords=words):
            name = getattr(function, "attr", getattr(function, "id", ""))
            if isinstance(function, ast.Attribute) and name in _METHODS:
                yield from _names_of(function.value)
            if name in _FUNCTIONS and given:
                yield from _names_of(given[0])
            for word in words:
                if word.arg == "out":
                    for table in word.value.elts if isinstance(word.value, ast.Tuple) else [word.value]:
                        yield from _names_of(table)


def _assigned_by(node: ast.AST) -> Iterator[str]:
    """Yield the attributes of modules and classes that a statement of a function assigns, and what it adds to."""
    match node:
        case ast.Attribute(value=owner, attr=name, ctx=ast.Store() | ast.Del()):
            yield from _attribute(owner, name)
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[owner, ast.Constant(value=str(name)), *_]):
            yield from _attribute(owner, name)
        case ast.AugAssign(target=ast.Name(id=name)):
            yield f"+{name}"


def _attribute(owner: ast.AST, name: str) -> Iterator[str]:
    """Yield how an attribute that is assigned is known; one of ``self`` is no attribute of its class."""
    match owner:
        case ast.Name(id="cls" | "__class__") | ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")):
            yield f".{name}"
        case ast.Name(id=of) | ast.Attribute(attr=of) if of != "self":
            yield f"{of}.{name}"
        case ast.Subscript(value=ast.Attribute(attr="modules")):  # ``sys.modules[__name__].LAST = x``
            yield name


def _names_of(table: ast.AST) -> Iterator[str]:
    """Yield the names by which a table is reached: of ``made.tables["a"][1]``, made, and tables of any owner."""
    attributes = []
    while True:
        match table:
            case ast.Name(id=name):
                yield from (f".{attribute}" for attribute in attributes)
                if name not in _OF_CLASSES:
                    yield from (name, *attributes)
                return
            case ast.Attribute(value=table, attr=name):
                attributes.append(name)
            case ast.Subscript(value=table) | ast.Call(func=table) | ast.NamedExpr(value=table):
                pass
            case _:
                yield from (text for attribute in attributes for text in (attribute, f".{attribute}"))
                return
