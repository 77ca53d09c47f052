"""How many columns each signal has, as far as it is known before the graph runs; the check reports what cannot fit.

0 columns stand for a signal of one number per frame, None for a number of columns that is only known at run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any

from n2s.graph import authors
from n2s.graph.errors import Problem
from n2s.graph.expressions import Expression, Number
from n2s.graph.links import Link
from n2s.graph.parts import GraphParts
from n2s.graph.subgraph import InterfaceNode, SubGraph
from n2s.graph.types import SIGNAL


def column_problems(graph: GraphParts) -> list[Problem]:
    """Return the links whose signals have other columns than their readers can take, sub-graphs included."""
    return _Columns(graph, {}).problems()


class _Columns:
    """The columns of a graph's signals; ``inputs`` are those of what a sub-graph's interface is given."""

    def __init__(self, graph: GraphParts, inputs: Mapping[str, int | None]):
        self.graph, self.inputs = graph, inputs
        self.known: dict[tuple[str, str], int | None] = {}

    def problems(self) -> list[Problem]:
        found: list[Problem] = []
        for name in self.graph.order:
            node = self.graph.nodes[name]
            for field in [*node.ports, *node.params()]:
                found += self._reads(name, field)
            for port, (wanted, why) in _wanted(self.graph, name).items():
                link = getattr(node, port)
                have = self.of(link)
                if have is not None and max(have, 1) != wanted:
                    what = f'"{link}" has {_counted(have)}' if isinstance(link, Link) else "an expression has 1 column"
                    text = f"{name}.{port}: {what}, but {wanted} {'is' if wanted == 1 else 'are'} wanted, {why}."
                    found.append(Problem(self.graph.where(name, port), f"{text} {self._cure(link, wanted)}".rstrip()))
            found += self._unlike(name)
            self._note(name, found)
        return found

    def _unlike(self, name: str) -> list[Problem]:
        """Return the first of the ports that must have as many columns each and has others."""
        node = self.graph.nodes[name]
        given = {port: self.of(getattr(node, port)) for port in type(node).same_columns}
        counts = {port: max(have, 1) for port, have in given.items() if have is not None}
        first = next(iter(counts), "")
        for port, have in counts.items():
            if have != counts[first]:
                what = f"{port} has {_counted(have)}, {first} has {_counted(counts[first])}"
                text = f"{name}.{port}: {what}; they must have as many each."
                return [Problem(self.graph.where(name, port), text)]
        return []

    def of(self, value: Any) -> int | None:
        """Return the columns of what a port is given."""
        if isinstance(value, Number | Expression):
            return 0
        if not isinstance(value, Link):
            return None
        outputs = type(self.graph.nodes[value.node]).outputs
        value = value.settled(outputs)
        if value.component is not None:
            return 0
        return self.known.get((value.node, value.output or next(iter(outputs))))

    def _note(self, name: str, found: list[Problem]) -> None:
        """Note the columns of a node's outputs; of a sub-graph, those of the nodes inside."""
        node = self.graph.nodes[name]
        signals = [output for output, declared in type(node).outputs.items() if declared.kind is SIGNAL]
        if isinstance(node, InterfaceNode):
            self.known |= {(name, output): self.inputs.get(name) for output in signals}
        elif isinstance(node, SubGraph):
            self._note_instance(node, name, found)
        else:
            inputs = {port: self.of(getattr(node, port)) for port, kind in node.ports.items() if kind is SIGNAL}
            self.known |= {(name, output): _said_by_author(self.graph, name, output, inputs) for output in signals}

    def _note_instance(self, node: SubGraph, name: str, found: list[Problem]) -> None:
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
        one_number = isinstance(value, Expression) or (field in node.params() and not isinstance(node, SubGraph))
        for link in value.links() if isinstance(value, Expression) else [value] if isinstance(value, Link) else []:
            outputs = type(self.graph.nodes[link.node]).outputs
            link = link.settled(outputs)
            output = self.graph.output(link, SIGNAL)
            link = link.numbered(output.names if output else ())
            have = self.of(replace(link, component=None))
            if have is None or isinstance(link.component, str):
                continue
            text = ""
            if link.component is not None and link.component >= have:
                text = f"has components 0 to {have - 1}" if have else "has no components"
                text = f'"{replace(link, component=None)}" {text}; there is no "{link}".'
            elif output and one_number and link.component is None and have > 1:
                text = f'"{link}" has {have} components; name one, like "{output.like(link)}".'
            if text:
                found.append(Problem(self.graph.where(name, field), f"{name}.{field}: {text}"))
        return found

    def _cure(self, link: Any, wanted: int) -> str:
        source = self.graph.nodes.get(link.node) if isinstance(link, Link) and link.component is None else None
        if source is None:
            return ""
        if "count" in source.settings():
            return f"Set {link.node}.count to {wanted}."
        output = self.graph.output(link, SIGNAL) if wanted == 1 else None
        return f'Name one, like "{output.like(link)}".' if output else ""


def _wanted(graph: GraphParts, name: str) -> dict[str, tuple[int, str]]:
    """Return the columns that a node's ports must be given, as its author says."""
    node = graph.nodes[name]
    said = authors.call(graph, name, "wanted_columns", node.wanted_columns)
    if not isinstance(said, dict):
        raise authors.wrong(
            graph, name, f"wanted_columns gave {authors.shown(said)}; columns by port were wanted: {WANTED}."
        )
    for port, told in said.items():
        if port not in node.ports:
            ports = ", ".join(node.ports) or "none"
            raise authors.wrong(
                graph, name, f"wanted_columns speaks of {authors.shown(port)}, which is no port; there are {ports}."
            )
        if not (
            isinstance(told, tuple | list) and len(told) == 2 and _is_count(told[0], 1) and isinstance(told[1], str)
        ):
            text = f"wanted_columns gave {authors.shown(told)} for {port}; "
            raise authors.wrong(graph, name, f"{text}a number of columns, from 1, and why were wanted: {WANTED}.")
    return said


def _said_by_author(graph: GraphParts, name: str, output: str, inputs: dict[str, int | None]) -> int | None:
    """Return the columns of a node's signal, as its author says."""
    columns = authors.call(graph, name, "signal_columns", graph.nodes[name].signal_columns, output, inputs)
    if columns is not None and not _is_count(columns, 0):
        wanted = "0 for a signal of one number per frame, None where it is only known at run time"
        text = f"signal_columns gave {authors.shown(columns)} for {output}; a number of columns was wanted, {wanted}."
        raise authors.wrong(graph, name, text)
    return columns


WANTED = '{"weights": (3, "one for each name")}'


def _is_count(number: Any, least: int) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= least


def _counted(columns: int) -> str:
    return f"{columns} columns" if columns > 1 else "1 column"
