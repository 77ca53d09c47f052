"""Which code the nodes of a session have, so that a module that is loaded again is noticed."""

from __future__ import annotations

from n2s.graph.code import loaded
from n2s.graph.code.identity import code_digest
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph


class CodeInUse:
    """Digests of the code of node types, taken again when any module was executed since."""

    def __init__(self) -> None:
        self._moment = -1
        self._digests: dict[type, str] = {}

    def of(self, graph: Graph) -> list[str]:
        """Return those of a graph's nodes, in their order."""
        if self._moment != loaded.now():
            self._moment = loaded.now()
            self._digests.clear()
        types = [type(node) for node in graph.nodes.values()]
        for cls in types:
            if cls not in self._digests:
                try:
                    self._digests[cls] = code_digest(cls)
                except GraphError as error:  # told with the node's place when it is planned
                    self._digests[cls] = str(error)
        return [self._digests[cls] for cls in types]
