"""Nodes that make films."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from n2s.graph.node import Node
from n2s.graph.parsing import path_text


class Sink(Node):
    """A node that makes a film: a file or a folder.

    It has a port ``frames`` of `Frames` (an album: one of `Films`), perhaps a port ``audio``, the setting ``path`` and
    perhaps ``chunk``, the frames of a segment. ``format`` names the format that writes it (`n2s.graph.format`), which
    reads what other settings it needs.
    """

    kind: ClassVar[str] = "sink"
    format: ClassVar[str] = ""

    @field_validator("path", mode="before", check_fields=False)
    @classmethod
    def _path_text(cls, path: Any) -> Any:
        return path_text(path)
