"""What flows between nodes: five kinds of value, and the links that carry them.

The kind of a port says what a value is, its shape and its rate, so that a check needs nothing but the graph:

========  =====================================================================  ==========================
kind      value                                                                  rate
========  =====================================================================  ==========================
Audio     a handle: PCM digest, sample rate, channels, samples, ``read``         resident, samples streamed
Signal    float32 (T,) or (T, K), a row a film frame, multiples of 2**-16        resident
Latents   float32 (T, C, h, w), unit variance per channel                        streamed
Frames    float32 (T, 3, H, W) of the film's size, planar, display-referred,    streamed
          nominal 0..1
Film      a finished file: frame count, times, digests                           made by sinks
========  =====================================================================  ==========================

*Resident* values are small and computed once for the whole track; *streamed* values exist a few frames at a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema


@dataclass(frozen=True)
class Kind:
    """A kind of value; ``colour`` is that of its edges in diagrams."""

    name: str
    streamed: bool
    colour: str

    def __str__(self) -> str:
        return self.name


AUDIO = Kind("Audio", False, "#b07aa1")
SIGNAL = Kind("Signal", False, "#e3a008")
LATENTS = Kind("Latents", True, "#3b82a0")
FRAMES = Kind("Frames", True, "#4f9d69")
FILM = Kind("Film", False, "#8a8f98")

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


def _signal_input(value: Any) -> Any:
    """A port that takes a signal also takes what can be made one: a number or an expression."""
    from n2s.graph.declare import parse_param

    return value if value is None else parse_param(value)


# The annotations that declare a port of a node: ``frames: Frames = port("…")``.
Audio = Annotated[Link | None, AUDIO]
Signal = Annotated[Any, BeforeValidator(_signal_input), SIGNAL]
Latents = Annotated[Link | None, LATENTS]
Frames = Annotated[Link | None, FRAMES]
Films = Annotated[list[Link] | None, FILM]
