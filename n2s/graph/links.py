"""Links: where a value comes from, as a graph names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LINK = re.compile(r"([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?(?:\.(\d{1,4}))?\Z", re.ASCII)


@dataclass(frozen=True)
class Link:
    """Where a value comes from: a node, one of its outputs, one of that output's components.

    Written ``node``, ``node.output``, ``node.output.3``; without an output, the node's only one.
    """

    node: str
    output: str = ""
    component: int | None = None

    @classmethod
    def parse(cls, text: str) -> Link | None:
        """Read a link; None where the text is not of that form."""
        match = _LINK.match(text)
        if not match:
            return None
        node, output, component = match.groups()
        return cls(node, output or "", None if component is None else int(component))

    def __str__(self) -> str:
        parts = [self.node, self.output, "" if self.component is None else str(self.component)]
        return ".".join(part for part in parts if part)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict:
        return {"type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?(\.\d+)?$"}

    @classmethod
    def _validate(cls, value: Any) -> Any:
        if isinstance(value, Link) or hasattr(value, "__link__"):
            return value
        link = cls.parse(value) if isinstance(value, str) else None
        if link is None:
            raise ValueError(f'a port takes the name of a node or of its output, like "features.onset", not {value!r}')
        return link
