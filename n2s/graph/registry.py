"""The node types there are: this library's own and those of installed packages, found through one entry point group.

A package registers a module: ``[project.entry-points."n2s.nodes"] mine = "mine.nodes"``; the node classes in its
namespace become node types. They must live in files, because their code is part of every key.

A package that cannot be loaded, a name that two packages define, a class that is no node type yet: each stops only the
graphs that need it, and is told by `Registry.notes`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint

from n2s.graph.declarations import BASES, KINDS, METHODS
from n2s.graph.declare import Measure, Node
from n2s.graph.entries import defined_by, entries, load_entry, may_define, package_of, suggest
from n2s.graph.errors import GraphError
from n2s.graph.looks import look_names

GROUP = "n2s.nodes"


@dataclass
class Registry:
    """What the installed packages bring.

    Attributes
    ----------
    types : dict of str to type
        The node types by name, in alphabetical order.
    doubled : dict of str to str
        Names that several packages define, and a sentence that names them; they are in no ``types``.
    unfinished : dict of str to str
        Classes that are no node types because something is missing, and a sentence that says what.
    failed : dict of str to EntryPoint
        Of each package that cannot be loaded, by a sentence that says why, the first module; several of its modules
        that fail for one reason are told once.
    """

    types: dict[str, type[Node]] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    failed: dict[str, EntryPoint] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        """A sentence for each package that cannot be loaded."""
        return list(self.failed)

    @property
    def notes(self) -> list[str]:
        """Everything that a user should know of the packages."""
        return [*self.doubled.values(), *self.unfinished.values(), *self.broken]

    def why_missing(self, name: str) -> str:
        """Say why there is no node type of a name: a sentence, or several."""
        if name in self.doubled or name in self.unfinished:
            return self.doubled.get(name) or self.unfinished[name]
        if text := self.blamed(name):
            return f'there is no node type "{name}": it is in a package that cannot be loaded. {text}'
        if name in look_names():
            return f'there is no node type "{name}"; it is a look: {{node: Graph, look: {name}, …}}.'
        near = suggest(name, ["Graph", *self.types])
        told = f'there is no node type "{name}". {near}'
        if near.startswith("Did you mean"):
            return told
        return " ".join([told, *(f"It may be in a package that cannot be loaded: {text}" for text in self.broken)])

    def blamed(self, name: str) -> str:
        """Return what is said of the package that cannot be loaded and defines a class of a name; "" for none."""
        return next((text for text, entry in self.failed.items() if may_define(entry, name)), "")


def node_types() -> dict[str, type[Node]]:
    """Return every node type by name, in alphabetical order."""
    return registry().types


@cache
def registry() -> Registry:
    """Return what the installed packages bring.

    Raises
    ------
    GraphError
        When there are no node types at all.
    """
    found = Registry()
    sources: dict[str, dict[type[Node], EntryPoint]] = {}  # by name: the classes of that name, and how each was found
    for entry in entries(GROUP):
        module, broken = load_entry(entry)
        if broken:
            _note_broken(found, entry, broken)
            continue
        for name, cls in vars(module).items():
            if (
                not inspect.isclass(cls)
                or not issubclass(cls, Node)
                or cls.__module__.startswith("n2s.graph.")
                or name.startswith("_")
            ):
                continue
            if missing := _missing(cls):
                if missing != "abstract":
                    found.unfinished.setdefault(
                        name, f"{name} of {package_of(entry)} ({cls.__module__}) is no node type yet: {missing}."
                    )
                continue
            sources.setdefault(name, {}).setdefault(cls, entry)
    for name, classes in sorted(sources.items()):
        found.unfinished.pop(name, None)
        if len(classes) == 1:
            found.types[name] = next(iter(classes))
        else:
            listed = defined_by(f"{cls.__module__} of {package_of(entry)}" for cls, entry in classes.items())
            found.doubled[name] = (
                f"{name} is defined by {listed}; graphs cannot use it until all but one are uninstalled."
            )
    if not found.types:
        raise GraphError(
            " ".join(["no node types are installed; install the package itself: pip install -e .", *found.broken])
        )
    return found


def _note_broken(found: Registry, entry: EntryPoint, text: str) -> None:
    """Note that a module cannot be loaded, if another one of its package was not for the same reason."""
    _, _, why = text.partition(" cannot be loaded: ")
    known = [said for said, other in found.failed.items() if package_of(other) == package_of(entry)]
    if why not in [said.partition(" cannot be loaded: ")[2] for said in known]:
        found.failed[text] = entry


def _missing(cls: type[Node]) -> str:
    """Say what a class lacks to be a node type; "abstract" for a base that others inherit from."""
    methods = METHODS.get(cls.kind, ())
    missing = [method for method in methods if not hasattr(cls, method)]
    if cls.kind not in KINDS:
        return f"it inherits from Node alone; inherit from {BASES}" if cls.outputs else "abstract"
    if not cls.outputs:
        return (
            'it declares no outputs, like outputs = {"signal": Output(SIGNAL, "what it is")}'
            if len(missing) < len(methods)
            else "abstract"
        )
    if missing:
        kind = next(
            base for base in cls.__mro__[1:] if base.__module__.startswith(Measure.__module__.rpartition(".")[0])
        )
        declares = "outputs" in vars(cls) or cls.model_fields.keys() - kind.model_fields.keys()
        return f"it has no {missing[0]}" if declares else "abstract"
    return ""
