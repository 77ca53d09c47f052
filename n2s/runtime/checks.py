"""What was checked of one graph: reading all files that it names takes a while, and is asked for by many."""

from __future__ import annotations

from n2s.graph.check import refuse_album, without_film
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.runtime.readiness import check_inputs, machine_problems, tool_problems


class Checks:
    """Refuses a graph that cannot be rendered. What was found right is not looked at again.

    All methods raise a `GraphError` with everything that is wrong.
    """

    def __init__(self, graph: Graph):
        self._graph = graph
        self._inputs_are_right = self._films_are_right = False

    def inputs(self) -> None:
        """Refuse a graph whose inputs are wrong; see `check_inputs`."""
        if not self._inputs_are_right:
            check_inputs(self._graph)
            self._inputs_are_right = True

    def track(self) -> None:
        """Refuse what is no track, whose nodes have values, or one whose inputs are wrong."""
        refuse_album(self._graph)
        self.inputs()

    def films(self) -> None:
        """Refuse a graph whose films cannot be rendered on this machine."""
        if self._films_are_right:
            return
        if problem := without_film(self._graph):
            raise GraphError([problem])
        self.inputs()
        if problems := [*tool_problems(self._graph), *machine_problems(self._graph)]:
            raise GraphError(problems)
        self._films_are_right = True
