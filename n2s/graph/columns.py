"""How many columns each signal has, as far as a graph tells before it runs: what cannot fit is told by the check.

0 columns stand for a signal of one number a frame, None for a number that only running tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from n2s.graph.check import inputs_first
from n2s.graph.errors import Problem
from n2s.graph.expressions import Expression, Number
from n2s.graph.types import SIGNAL, Link

if TYPE_CHECKING:
    from n2s.graph.graph import Graph


def column_problems(graph: Graph) -> list[Problem]:
    """Return the links whose signals have other columns than their readers can take, sub-graphs included."""
    return _Columns(graph, {}).problems()


class _Columns:
    """The columns of a graph's signals; ``given`` are those of what a sub-graph's interface is given."""

    def __init__(self, graph: Graph, given: Mapping[str, int | None]):
        self.graph, self.given = graph, given
        self.known: dict[tuple[str, str], int | None] = {}

    def problems(self) -> list[Problem]:
        found: list[Problem] = []
        for name in inputs_first(self.graph):
            node = self.graph.nodes[name]
            for field in [*node.ports, *node.params()]:
                found += self._reads(name, field)
            for port, (wanted, why) in node.wanted_columns().items():
                link = getattr(node, port)
                have = self.of(link)
                if have is not None and max(have, 1) != wanted:
                    what = f'"{link}" has {_counted(have)}' if isinstance(link, Link) else "an expression has 1 column"
                    text = f"{name}.{port}: {what}, but {wanted} {'is' if wanted == 1 else 'are'} wanted, {why}."
                    found.append(Problem(self.graph.where(name, port), f"{text} {self._cure(link, wanted)}".rstrip()))
            self._note(name, found)
        return found

    def of(self, value: Any) -> int | None:
        """Return the columns of what a port is given."""
        if isinstance(value, Number | Expression):
            return 0
        if not isinstance(value, Link):
            return None
        if value.component is not None:
            return 0
        outputs = type(self.graph.nodes[value.node]).outputs
        return self.known.get((value.node, value.output or next(iter(outputs))))

    def _note(self, name: str, found: list[Problem]) -> None:
        """Note the columns of a node's outputs; an instance of a sub-graph is looked into."""
        node = self.graph.nodes[name]
        signals = [output for output, declared in type(node).outputs.items() if declared.kind is SIGNAL]
        if node.kind == "given":
            self.known |= {(name, output): self.given.get(name) for output in signals}
        elif node.kind == "graph":
            self._note_instance(name, found)
        else:
            inputs = {port: self.of(getattr(node, port)) for port, kind in node.ports.items() if kind is SIGNAL}
            self.known |= {(name, output): node.signal_columns(output, inputs) for output in signals}

    def _note_instance(self, name: str, found: list[Problem]) -> None:
        node = self.graph.nodes[name]
        fields = [*node.interface.inputs, *node.interface.params]
        inner = _Columns(node.inner, {field: self.of(getattr(node, field)) for field in fields})
        its_own = column_problems(node.inner)  # whatever it is given
        for problem in inner.problems():
            if problem in its_own:
                found.append(problem)
                continue
            text = f"{name}: with what it is given here, {problem.text} (in {node.inner.path.name})"
            found.append(Problem(self.graph.where(name, key=True), text))
        self.known |= {(name, output): inner.of(Link.parse(text)) for output, text in node.interface.outputs.items()}

    def _reads(self, name: str, field: str) -> list[Problem]:
        """Return what is wrong with the links of one port or parameter, those inside an expression too."""
        node, found = self.graph.nodes[name], []
        value = getattr(node, field)
        one_number = isinstance(value, Expression) or (field in node.params() and node.kind != "graph")
        for link in value.links() if isinstance(value, Expression) else [value] if isinstance(value, Link) else []:
            have = self.of(Link(link.node, link.output))
            if have is None:
                continue
            text = ""
            if link.component is not None and link.component >= have:
                text = f"has components 0 to {have - 1}" if have else "has no components"
                text = f'"{Link(link.node, link.output)}" {text}; there is no "{link}".'
            elif one_number and link.component is None and have > 1:
                text = f'"{link}" has {have} components; name one, like "{link}.0".'
            if text:
                found.append(Problem(self.graph.where(name, field), f"{name}.{field}: {text}"))
        return found

    def _cure(self, link: Any, wanted: int) -> str:
        source = self.graph.nodes.get(link.node) if isinstance(link, Link) and link.component is None else None
        if source is not None and "count" in source.settings():
            return f"Set {link.node}.count to {wanted}."
        return ""


def _counted(columns: int) -> str:
    return f"{columns} columns" if columns > 1 else "1 column"
