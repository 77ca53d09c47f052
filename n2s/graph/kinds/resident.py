"""Nodes of signals and sounds."""

from __future__ import annotations

from typing import ClassVar

from n2s.graph.node import Node


class Resident(Node):
    """A node whose results are small and computed once for the whole track.

    Its author writes ``compute(self, scene, **ports)``: signals arrive as float32 (T,) or (T, K) arrays, audio as a
    handle; one value, or a dict by output name, is returned. What arrives is read-only, what is returned must be
    finite.
    """

    kind: ClassVar[str] = "resident"
