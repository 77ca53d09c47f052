"""Links: where a value comes from, as a graph names it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LINK = re.compile(r"([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?(?:\.(\d{1,4}|[A-Za-z_]\w*))?\Z", re.ASCII)


@dataclass(frozen=True)
class Link:
    """Where a value comes from: a node, one of its outputs, one of that output's components.

    Written ``node``, ``node.output``, ``node.output.3`` or, where its columns have names, ``node.output.B``; without an
    output, the node's only one. ``said`` is the name that a component was written by, once its number is known.
    """

    node: str
    output: str = ""
    component: int | str | None = None
    said: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Link | None:
        """Read a link; None where the text is not of that form."""
        match = _LINK.match(text)
        if not match:
            return None
        node, output, component = match.groups()
        return cls(node, output or "", int(component) if component and component.isdecimal() else component)

    @property
    def column(self) -> str:
        """The component as it was written; "" for all of them."""
        return "" if self.component is None else self.said or str(self.component)

    def __str__(self) -> str:
        return ".".join(part for part in (self.node, self.output, self.column) if part)

    def settled(self, outputs: Mapping[str, Any]) -> Link:
        """Return the link with ``node.B`` read as a column, where the node's only output has one of this name."""
        if not self.output or self.output in outputs or self.component is not None or len(outputs) != 1:
            return self
        (only,) = outputs.values()
        return Link(self.node, "", self.output) if only.names is None or self.output in only.names else self

    def numbered(self, names: Sequence[str] | None) -> Link:
        """Return the link with the number of the column that it names; unchanged where there is no such column."""
        if isinstance(self.component, str) and names and self.component in names:
            return replace(self, component=list(names).index(self.component), said=self.component)
        return self

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict:
        return {"type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?(\.(\d+|[A-Za-z_]\w*))?$"}

    @classmethod
    def _validate(cls, value: Any) -> Any:
        if isinstance(value, Link) or hasattr(value, "__link__"):
            return value
        link = cls.parse(value) if isinstance(value, str) else None
        if link is None:
            meant = value[0] if isinstance(value, list) and len(value) == 1 else value
            meant = meant.strip().removeprefix("=").strip() if isinstance(meant, str) else ""
            way_out = f"; write {meant}" if cls.parse(meant) else ""
            text = f'a port takes the name of a node or of its output, like "features.onset", not {value!r}{way_out}'
            raise ValueError(text)
        return link
