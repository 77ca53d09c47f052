"""The identity of code: a digest of everything that a node's or the engine's results may come from.

It is made of whole modules, so that nothing that a function can reach is left out: constants of every type, defaults,
decorators, helpers behind `partial` or a cache, classes, modules named by modules.

- Of this library, the modules that are imported from a starting one, directly or through others. Left out is `APART`.
- Of a package of others, every module and every other file in its folder, and in the same way every package that it
  imports and that is not installed as a library. Libraries count by their version, small ones by their content too.
- Module constants and class attributes of such packages also by their present value, as far as it is plain: they may come
  from an environment variable, or be set by a script.

What counts is the code that was loaded (`n2s.graph.loaded`). A module whose file is still as it was when it was executed
is known by the syntax tree of its text, so that comments, docstrings and layout do not count (docstrings do in a module
that reads ``__doc__``), and the digest is the same in every process and on every version of Python. A module whose file
was edited meanwhile is known by the code object that was executed.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from n2s.graph import loaded
from n2s.graph.errors import GraphError
from n2s.graph.keys import digest, digest_array, digest_bytes

OWN = __name__.partition(".")[0]
# Modules of this library that decide no bit of a frame beyond what stands in the recipe by its value: they read, check and
# write graphs, make keys, keep and check files. Samples of music are known by their digest.
APART = frozenset(
    f"{OWN}.{name}"
    for name in (
        "graph.build", "graph.code", "graph.errors", "graph.graph", "graph.keys", "graph.loaded", "graph.registry",
        "runtime.audio", "runtime.events", "runtime.inputs", "runtime.mp4", "runtime.onnxfile", "runtime.store",
    )
)  # fmt: skip
ABSENT = "absent"  # in place of the version of a library that is not there
SMALL_FILES, SMALL_BYTES = 64, 4_000_000  # a library with no more is read whole
_DATA_LEFT_OUT = re.compile(r"(^|/)(__pycache__|[.~][^/]*|[^/]*~|[^/]*\.py[co])(/|$)")


ENGINE = tuple(f"{OWN}.runtime.{name}" for name in ("frames", "segments", "context"))  # with what they import, they make frames


def is_apart(name: str) -> bool:
    """Say whether a module, or a package that it is in, decides no bit by itself."""
    parts = name.split(".")
    return any(".".join(parts[:i]) in APART for i in range(2, len(parts) + 1))


@dataclass(frozen=True)
class Facts:
    """What the text of a module says, whatever the module is called.

    ``digest`` is that of its syntax tree. ``imports`` has an entry for each import statement: the module as it is written
    (with leading dots where it is relative), a colon, and the names that are taken from it. ``changing`` are the names of
    the module that its functions assign (``global``).
    """

    digest: str
    imports: tuple[str, ...]
    changing: tuple[str, ...]


FACTS = {"facts of texts": 1}  # what they are remembered under; another number when `find_facts` finds others
_facts: dict[str, Facts] = {}  # by the digest of the text
_executed: dict[int, Facts] = {}  # by execution: once known, an edit of the file makes no difference
_texts: dict[str, tuple[loaded.Stamp | None, str]] = {}  # by file: its state, the digest of its text


def known_facts() -> dict[str, Any]:
    """Return what was found out about texts so far, as plain data that another process may be spared finding out."""
    return {text: [facts.digest, facts.imports, facts.changing] for text, facts in _facts.items()}


def remember_facts(kept: dict[str, Any]) -> None:
    """Take what another process found out about texts."""
    for text, (of_tree, imports, changing) in kept.items():
        _facts.setdefault(text, Facts(of_tree, tuple(imports), tuple(changing)))


def engine_parts() -> dict[str, str]:
    """Return the digests of the modules of this library that make frames, by name; they stand beside all nodes."""
    walk = _Walk(_digest_of_file, frozenset())
    for name in ENGINE:
        walk.follow(name, 0)
    return walk.parts


def code_digest(
    subject: type | str, file_digest: Callable[[Path], str] | None = None, beside: frozenset[str] = frozenset()
) -> str:
    """Return 40 hexadecimal digits that name all code behind a class of nodes or a module of this library.

    Parameters
    ----------
    subject : type or str
        A class, or the name of a module.
    file_digest : callable, optional
        Returns a digest of a file's bytes; a store can remember it.
    beside : set of str
        Modules of this library that are left out, because their digests stand beside this one.

    Raises
    ------
    GraphError
        When the class lives in no file, or its file was edited so that what is loaded cannot be known any more.
    """
    return digest(code_parts(subject, file_digest, beside))


def code_parts(
    subject: type | str, file_digest: Callable[[Path], str] | None = None, beside: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return what `code_digest` is made of: digests and versions by module, file and library."""
    walk = _Walk(file_digest or _digest_of_file, beside)
    if isinstance(subject, str):
        walk.follow(subject, 0)
        return walk.parts
    for cls in subject.__mro__:
        top = cls.__module__.partition(".")[0]
        if top in sys.stdlib_module_names or (top not in (OWN, "__main__") and _installed(top) not in ("", ABSENT)):
            continue
        walk.follow(cls.__module__, *vars(cls).get("_born", (0, None)))
        if top != OWN:
            walk.note_values(f"{cls.__module__}.{cls.__qualname__}", vars(cls), ())
    if subject.__module__.partition(".")[0] != OWN:
        walk.note_methods(subject)
    return walk.parts


def _digest_of_file(path: Path) -> str:
    return digest_bytes(path.read_bytes())


class _Walk:
    """Gathers the parts of one identity."""

    def __init__(self, file_digest: Callable[[Path], str], beside: frozenset[str]):
        self.parts: dict[str, str] = {}
        self._file_digest, self._beside = file_digest, beside
        self._tops: set[str] = set()

    def follow(self, name: str, since: int, file: str | None = None) -> None:
        """Take in a module, of which the file may be known, and what it imports."""
        top = name.partition(".")[0]
        if top == OWN:
            self._follow_own(name, since)
        elif name == "__main__":
            self._module(name, file or _file_of(name), since)
        elif top not in self._tops:
            self._tops.add(top)
            self._follow_package(since, *(_package_around(name, file) if file else _package(top)))

    def _follow_own(self, name: str, since: int) -> None:
        start, pending = name, [(name, since)]
        while pending:
            name, since = pending.pop()
            if (is_apart(name) and name != start) or name in self.parts or name in self._beside:
                continue
            imports, earliest = self._note_module(name, _file_of(name), since)
            pending += [(other, earliest) for other in imports if other.partition(".")[0] == OWN]

    def _follow_package(self, since: int, folder: Path, files: list[Path]) -> None:
        """Every module and every other file of a package, or a module that stands alone."""
        for file in files:
            place = file.relative_to(folder)
            if file.suffix != ".py":
                self.parts[f"file {place.as_posix()}"] = self._file_digest(file)
                continue
            parts = place.with_suffix("").parts
            self._module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), str(file), since)

    def _module(self, name: str, file: str, since: int) -> None:
        imports, earliest = self._note_module(name, file, since)
        if (module := sys.modules.get(name)) and getattr(module, "__file__", None) == file:
            self.note_values(name, vars(module), _facts_of(file).changing)
        for other in imports:
            top = other.partition(".")[0]
            if top in sys.stdlib_module_names:
                self.parts["python"] = "{}.{}".format(*sys.version_info)
            elif top == OWN or not (version := _installed(top)):
                self.follow(other, earliest)
            else:
                self.parts[f"library {top}"] = version

    def _note_module(self, name: str, file: str, since: int) -> tuple[list[str], int]:
        """Note a module by the code that was executed; return what it imports, and the moment it first did so."""
        top, runs, state = name.partition(".")[0], loaded.executions(file, since), loaded.stamp(file)
        earlier, before = loaded.imported_earlier(file)
        if not runs and earlier and before != state and name in sys.modules:
            raise GraphError(f"{file} was edited after it was imported, so it is unknown which code is in use. Start Python "
                             "again, or import n2s before it.")
        for run in runs:
            if run.order not in _executed:
                edited = run.stamp != state or (top != OWN and not _is_text_of(file, run.code))
                _executed[run.order] = Facts(digest_code(run.code), tuple(code_imports(run.code)), ()) if edited else _facts_of(file)
        found = [_executed[run.order] for run in runs] or [_facts_of(file)]
        self.parts[name] = " ".join(dict.fromkeys(facts.digest for facts in found))
        imports = [text for facts in found for text in facts.imports]
        return resolve_imports(name, file, imports), runs[0].order if runs else since

    def note_values(self, owner: str, values: Any, changing: tuple[str, ...]) -> None:
        """Note what is plain among the values of a module's or class's names, but for those that functions assign."""
        for name, value in sorted(dict(values).items()):
            if not name.startswith("__") and name not in changing and name not in ("_born", "_pixel_text"):
                if (shown := _plain(value)) is not None:
                    self.parts[f"{owner}.{name} ="] = shown

    def note_methods(self, cls: type) -> None:
        """Note methods that were put into a class from elsewhere, after it was made."""
        files = {vars(base)["_born"][1] for base in cls.__mro__ if "_born" in vars(base)}
        for name in ("compute", "digests", "open", "pixel", "prepare", "window"):
            function = getattr(getattr(cls, name, None), "__func__", getattr(cls, name, None))
            made = getattr(function, "__code__", None)
            if made is not None and made.co_filename not in files and function.__module__.partition(".")[0] != OWN:
                self.parts[f"{cls.__qualname__}.{name} ()"] = digest_code(made)
                if os.path.isfile(made.co_filename):
                    self.follow(function.__module__, 0, made.co_filename)


def _plain(value: Any) -> str | None:
    """Return a text that names an immutable plain value or an array; None for all else, and for paths on this machine."""
    if isinstance(value, np.ndarray):
        return digest_array(value) if value.dtype != object else None
    if isinstance(value, str):
        return None if os.path.isabs(value) and os.path.exists(value) else repr(value)
    if value is None or type(value) in (bool, int, float, complex, bytes) or isinstance(value, np.generic):
        return repr(value)
    if type(value) is tuple:
        items = [_plain(item) for item in value]
        return None if None in items else f"({', '.join(items)})"
    if type(value) is frozenset:
        items = [_plain(item) for item in value]
        return None if None in items else f"{{{', '.join(sorted(items))}}}"
    return None


def _own_file(name: str) -> str | None:
    """Return the file of a module of this library, without importing it; None where there is no such module."""
    place = os.path.join(_ROOT, *name.split(".")[1:])
    return next((file for file in (f"{place}.py", os.path.join(place, "__init__.py")) if os.path.isfile(file)), None)


_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _file_of(name: str) -> str:
    """Return the file of a module, imported or not."""
    if name.partition(".")[0] == OWN:
        file = _own_file(name)
    else:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None) if module else getattr(_spec(name), "origin", None)
    if not file or not os.path.isfile(file):
        raise GraphError(f"{name} lives in no file, so nothing can tell when its code changes. Put it into a module "
                         "or a package.")
    return file


def _spec(name: str) -> Any:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _package_around(name: str, file: str) -> tuple[Path, list[Path]]:
    """Return the folder that the package of a module lies in, and the package's files."""
    depth = name.count(".") + (os.path.basename(file) == "__init__.py")
    if not depth:
        return _module_alone(Path(file))
    root = Path(file).parents[depth - 1]
    return root.parent, list(_files(root))


def _package(top: str) -> tuple[Path, list[Path]]:
    """Return the folder that a package lies in, and the package's files in order."""
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    folders = list(getattr(module, "__path__", None) or getattr(spec, "submodule_search_locations", None) or ())
    if folders:
        root = Path(folders[0])
        return root.parent, list(_files(root))
    return _module_alone(Path(_file_of(top)))


def _module_alone(file: Path) -> tuple[Path, list[Path]]:
    """Return the folder of a module that is no package, and with it the files beside it that its text names."""
    named = {word for word in re.findall(r"[\"']([^\"'\n/\\]+\.[A-Za-z0-9]+)[\"']", file.read_text("utf-8", "replace"))}
    return file.parent, [file, *(file.with_name(name) for name in sorted(named) if file.with_name(name).is_file())]


def _files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder in order, through links to folders too, each folder once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if not _DATA_LEFT_OUT.search(path.relative_to(root).as_posix()) and path.is_file():
                yield path


@cache
def _installed(top: str) -> str:
    """Return what names an installed library: its version, and its content where it is small; "" for other packages."""
    from importlib.metadata import PackageNotFoundError, packages_distributions, version

    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None) or _spec(top)
    if spec is None:
        return ABSENT
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location else [])]
    if not places:  # part of Python itself
        return "built in"
    if not any(_in_site_packages(place) for place in places) or top in _node_packages():
        return ""
    try:
        found = version(top)
    except PackageNotFoundError:
        found = " ".join(f"{name} {version(name)}" for name in sorted(set(packages_distributions().get(top, ()))))
    if not found:
        return ""
    return f"{found} {content}" if (content := _small_content(Path(places[0]))) else found


@cache
def _node_packages() -> frozenset[str]:
    """The packages that give nodes: their code is looked at, wherever they lie."""
    from importlib.metadata import entry_points

    return frozenset(entry.value.partition(":")[0].partition(".")[0] for entry in entry_points(group="n2s.nodes"))


def _in_site_packages(place: str) -> bool:
    import sysconfig

    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return bool({"site-packages", "dist-packages"} & set(Path(place).parts)) or any(
        folder and Path(place).is_relative_to(folder) for folder in folders
    )


def _small_content(place: Path) -> str:
    files, size = [], 0
    for file in [place] if place.is_file() else _files(place):
        size += file.stat().st_size
        files.append(file)
        if len(files) > SMALL_FILES or size > SMALL_BYTES:
            return ""
    return digest([[file.name, digest_bytes(file.read_bytes())] for file in files])


def _facts_of(file: str) -> Facts:
    """Return what a file's text says, which is read again when the file's state has changed."""
    state = loaded.stamp(file)
    if file not in _texts or _texts[file][0] != state or state is None:
        try:
            text = Path(file).read_bytes()
        except OSError as error:
            raise GraphError(f"{file} cannot be read, so nothing can tell when this code changes: {error.strerror}.") from None
        _texts[file] = (state, digest_bytes(text))
        if _texts[file][1] not in _facts:
            _facts[_texts[file][1]] = find_facts(text)
    return _facts[_texts[file][1]]


def _is_text_of(file: str, code: CodeType) -> bool:
    """Say whether a file's text is that of some code: Python takes kept bytecode for a text of the same size and second."""
    try:
        return digest_code(compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)) == digest_code(code)
    except (OSError, SyntaxError, ValueError):
        return False


def find_facts(text: bytes) -> Facts:
    """Read the text of a module; what is no Python of this version is known by its bytes."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return Facts(digest_bytes(text), (), ())
    imports, changing = [], []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            imports += [f"{alias.name}:" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append(f"{'.' * node.level}{node.module or ''}:{' '.join(alias.name for alias in node.names)}")
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("import_module", "__import__"):
            if node.args and isinstance(name := getattr(node.args[0], "value", None), str):
                imports.append(f"{name}:")
        elif isinstance(node, ast.Global):
            changing += node.names
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            pending += node.orelse  # what only type checkers see is not run
            continue
        pending += ast.iter_child_nodes(node)
    keep_docstrings = b"__doc__" in text or b"getdoc" in text
    shown: list[str] = []
    _show(tree, shown, keep_docstrings)
    return Facts(digest_bytes("".join(shown).encode("utf-8", "surrogatepass")), tuple(sorted(set(imports))), tuple(sorted(set(changing))))


def _show(node: Any, shown: list[str], docstrings: bool) -> None:
    """Append a syntax tree as text that does not depend on Python's version: what is empty or not given is left out."""
    if isinstance(node, ast.AST):
        shown.append(f"({type(node).__name__}")
        for field, value in ast.iter_fields(node):
            if field in ("ctx", "type_comment", "kind") or value is None or value == []:
                continue
            if field == "body" and not docstrings and isinstance(node, _WITH_DOCSTRINGS) and _is_text(value[0]):
                value = value[1:]
            shown.append(f" {field}=")
            _show(value, shown, docstrings)
        if isinstance(node, ast.Constant) and node.value is None:
            shown.append(" None")
        shown.append(")")
    elif isinstance(node, list):
        for item in node:
            _show(item, shown, docstrings)
            shown.append(",")
    else:
        shown.append(f"{type(node).__name__} {node!r}")


_WITH_DOCSTRINGS = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


def digest_code(code: CodeType) -> str:
    """Return 40 hexadecimal digits that name a code object and those inside it by what they do, not by where they stand."""

    def show(value: Any) -> Any:
        if isinstance(value, CodeType):
            return ["code", value.co_code.hex(), value.co_exceptiontable.hex(), value.co_flags & _KINDS, value.co_argcount,
                    value.co_kwonlyargcount, value.co_posonlyargcount, value.co_names, value.co_varnames, value.co_freevars,
                    value.co_cellvars, [show(constant) for constant in value.co_consts]]  # fmt: skip
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


# The flags that say what a code object is (a generator, of many arguments), not where it stands or what its module imports.
_KINDS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def code_imports(code: CodeType) -> list[str]:
    """Return the imports of a code object and those inside it, as `Facts` has them."""
    import dis

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


def resolve_imports(name: str, file: str, imports: Iterable[str]) -> list[str]:
    """Return the full names of the modules that a module's imports name, each once."""
    inside = name.split(".") if os.path.basename(file) == "__init__.py" else name.split(".")[:-1]
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
    return list(found)


def _is_module(name: str) -> bool:
    """Say whether a name of this library is a module: of packages of others every module counts anyway."""
    return name.partition(".")[0] == OWN and _own_file(name) is not None
