"""What the text of a module says, and what a code object does: digests, imports, names of what it changes.

A text is known by its syntax tree, so that comments, docstrings and layout do not count (docstrings do in a module that
reads ``__doc__``), and its digest is the same in every process and on every version of Python.
"""

from __future__ import annotations

import ast
import dis
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from n2s.graph.code import changes, loaded
from n2s.graph.code.files import OWN, own_file
from n2s.graph.code.syntax import syntax_tree, undisturbed
from n2s.graph.errors import GraphError
from n2s.graph.keys import digest, digest_bytes


@dataclass(frozen=True)
class Facts:
    """What the text of a module says, whatever the module is called.

    ``digest`` is that of its syntax tree. ``imports`` has one entry per import statement: the module as it is written
    (with leading dots where it is relative), a colon, and the names that are taken from it. ``changing`` are the names
    that its functions assign or whose contents are changed, as `find_changes` has them. ``variables`` are the words of
    a module that reads the environment: the names of variables are among them.
    """

    digest: str
    imports: tuple[str, ...]
    changing: tuple[str, ...]
    variables: tuple[str, ...] = ()


_facts: dict[str, Facts] = {}  # by the digest of the text
_texts: dict[str, tuple[loaded.Stamp | None, str]] = {}  # by file: its state, the digest of its text


def facts_subject() -> dict[str, Any]:
    """Return what facts are remembered under: they are those of this text, as this version of Python reads others."""
    readers = [Path(file).read_bytes() for file in (__file__, changes.__file__)]
    return {"facts by": [digest_bytes(text) for text in readers], "python": list(sys.version_info[:2])}


def known_facts() -> dict[str, Any]:
    """Return what was found out about texts so far, as plain data that another process may be spared finding out."""
    found = list(_facts.items())  # at once, as other threads may add to it
    return {text: [facts.digest, facts.imports, facts.changing, facts.variables] for text, facts in found}


def remember_facts(kept: dict[str, Any]) -> None:
    """Take what another process found out about texts."""
    for text, (of_tree, *words) in kept.items():
        _facts.setdefault(text, Facts(of_tree, *map(tuple, words)))


def facts_of(file: str) -> Facts:
    """Return what a file's text says, which is read again when the file's state has changed.

    Threads may ask at once: facts are there before a file is said to have them.
    """
    state = loaded.stamp(file)
    known = _texts.get(file)
    if known is None or known[0] != state or state is None:
        try:
            text = Path(file).read_bytes()
        except OSError as error:
            raise GraphError(
                f"{file} cannot be read, so nothing can tell when this code changes: {error.strerror}."
            ) from None
        known = (state, digest_bytes(text))
        if known[1] not in _facts:
            _facts[known[1]] = find_facts(text)
        _texts[file] = known
    return _facts[known[1]]


def is_text_of(file: str, code: CodeType) -> bool:
    """Return whether some code was compiled from a file's text.

    It may not have been: Python uses kept bytecode for any text of the same size and second.
    """
    try:
        return digest_code(compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)) == digest_code(code)
    except (OSError, SyntaxError, ValueError):
        return False


@undisturbed()
def find_facts(text: bytes) -> Facts:
    """Read the text of a module; what is no Python of this version is known by its bytes."""
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError, RecursionError):
        return Facts(digest_bytes(text), (), ())
    imports, words, names = [], [], set()
    importers = {"__import__", "import_module"}
    if b"import_module" in text:
        given = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
        importers |= {alias.asname for alias in given if alias.name == "import_module" and alias.asname}
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        match node:  # what there is most of comes first
            case ast.Name(id=name):
                names.add(name)
                continue
            case ast.Constant(value=word):
                words += [word] if isinstance(word, str) else []
                continue
            case ast.Attribute(attr=name):
                names.add(name)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in importers:
                imports += _imports_by_name(node)
            case ast.Import():
                imports += [f"{alias.name}:" for alias in node.names]
            case ast.ImportFrom():
                names |= {alias.name for alias in node.names}  # they may be called otherwise here
                imports.append(f"{'.' * node.level}{node.module or ''}:{' '.join(alias.name for alias in node.names)}")
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pending += node.orelse  # what only type checkers see is not run
                continue
        for field in _fields(type(node)):
            value: Any = getattr(node, field, None)
            if isinstance(value, list):
                pending += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                pending.append(value)
    reads_environment = names.union(words) & {"environ", "environb", "getenv", "getenvb"}
    variables = {word for word in words if re.fullmatch(r"[A-Za-z_]\w*", word)} if reads_environment else ()
    shown: list[str] = []
    _show(tree, shown, "__doc__" in words or bool(names & {"__doc__", "getdoc"}))
    text_digest = digest_bytes("".join(shown).encode("utf-8", "surrogatepass"))
    found = imports, changes.find_changes(tree), variables
    return Facts(text_digest, *(tuple(sorted(set(words))) for words in found))


def _imports_by_name(call: ast.Call) -> list[str]:
    """Return the imports of a call like ``import_module(".tables", "acme")``, as far as it is written out."""
    given = []
    for part in [*call.args, *(word.value for word in call.keywords if word.arg in ("name", "package"))]:
        given.append(part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "")
    name, package = [*given, "", ""][:2]
    if name.startswith(".") and package:
        name = f"{package}{name}" if not name.startswith("..") else ""
    return [f"{name}:"] if name else []


@cache
def _fields(cls: type[ast.AST]) -> list[str]:
    """Return the fields of a kind of node that say what it does."""
    return [field for field in cls._fields if field not in ("ctx", "type_comment", "kind")]


def _show(node: Any, shown: list[str], docstrings: bool) -> None:
    """Append a syntax tree as text that does not depend on Python's version: what is empty or not given is left out."""
    if not isinstance(node, ast.AST):
        shown.append(f"{type(node).__name__} {node!r}")
        return
    shown.append(f"({type(node).__name__}")
    for field in _fields(type(node)):
        value: Any = getattr(node, field, None)
        if value is None or value == []:
            continue
        shown.append(f" {field}=")
        if not isinstance(value, list):
            _show(value, shown, docstrings)
            continue
        if isinstance(node, ast.JoinedStr):  # some versions put empty texts between the parts
            value = [part for part in value if not (isinstance(part, ast.Constant) and part.value == "")]
        if field == "body" and not docstrings and isinstance(node, _WITH_DOCSTRINGS) and _is_text(value[0]):
            value = value[1:]
        for item in value:
            _show(item, shown, docstrings)
            shown.append(",")
    if isinstance(node, ast.Constant) and node.value is None:
        shown.append(" None")
    shown.append(")")


_WITH_DOCSTRINGS = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def digest_code(code: CodeType) -> str:
    """Return a digest, 40 hexadecimal digits, of what a code object and those inside it do, wherever they are."""

    def show(value: Any) -> Any:
        if isinstance(value, CodeType):
            return [
                "code",
                value.co_code.hex(),
                value.co_exceptiontable.hex(),
                value.co_flags & _KINDS,
                value.co_argcount,
                value.co_kwonlyargcount,
                value.co_posonlyargcount,
                value.co_names,
                value.co_varnames,
                value.co_freevars,
                value.co_cellvars,
                [show(constant) for constant in value.co_consts],
            ]
        if isinstance(value, tuple):
            return ["tuple", [show(item) for item in value]]
        if isinstance(value, frozenset):
            return ["set", sorted(repr(show(item)) for item in value)]
        return [type(value).__name__, repr(value)]

    return digest(show(code))


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and all inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


# The flags that say what a code object is (a generator, of many arguments), not where it is or what its module imports.
_KINDS = (
    inspect.CO_VARARGS
    | inspect.CO_VARKEYWORDS
    | inspect.CO_GENERATOR
    | inspect.CO_COROUTINE
    | inspect.CO_ASYNC_GENERATOR
)


def code_imports(code: CodeType) -> list[str]:
    """Return the imports of a code object and those inside it, as `Facts` has them."""
    found: list[str] = []
    for part in codes_in(code):
        taken = []
        for step in dis.get_instructions(part):
            if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
                taken.append(step.argval)
            elif step.opname == "IMPORT_NAME":
                level, names = taken[-2:]
                found.append(f"{'.' * level}{step.argval}:{' '.join(names or ())}")
    return found


def resolve_imports(name: str, file: str, imports: Iterable[str]) -> tuple[str, ...]:
    """Return the full names of the modules that a module's imports name, each once."""
    return _resolved(name, os.path.basename(file) == "__init__.py", tuple(imports))


@cache  # every plan asks for all modules of the engine
def _resolved(name: str, is_package: bool, imports: tuple[str, ...]) -> tuple[str, ...]:
    inside = name.split(".") if is_package else name.split(".")[:-1]
    found: dict[str, None] = {}
    for text in imports:
        module, _, names = text.partition(":")
        level = len(module) - len(module.lstrip("."))
        if level:
            parents = inside[: len(inside) - level + 1]
            module = ".".join([*parents, *filter(None, [module[level:]])])
        inner = [f"{module}.{word}" for word in names.split() if word != "*" and _is_module(f"{module}.{word}")]
        if not names or len(inner) < len(names.split()):
            inner.append(module)
        found |= dict.fromkeys(filter(None, inner))
    return tuple(found)


def _is_module(name: str) -> bool:
    """Say whether a name of this library is a module: of packages of others every module counts anyway."""
    return name.partition(".")[0] == OWN and own_file(name) is not None
