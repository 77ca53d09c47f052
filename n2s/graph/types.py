"""What flows between nodes: six kinds of value, and the links that carry them.

The kind of a port says what a value is, its shape and its rate, so that a check needs nothing but the graph:

========  =====================================================================  ==========================
kind      value                                                                  rate
========  =====================================================================  ==========================
Audio     a handle: PCM digest, sample rate, channels, samples, ``read``         resident, samples streamed
Signal    float32 (T,) or (T, K), one row per film frame, multiples of 2**-16    resident
Latents   float32 (T, C, h, w), unit variance per channel                        streamed
Frames    float32 (T, 3, H, W) of the film's size, planar, display-referred,    streamed
          nominal 0..1
Matte     float32 (T, 1, H, W) within 0..1: how much of a picture shows where      streamed
Film      a finished file: frame count, times, digests                           made by sinks
========  =====================================================================  ==========================

*Resident* values are small and computed once for the whole track; *streamed* values exist a few frames at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from n2s.graph.links import Link
from n2s.graph.parsing import parse_param


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
MATTE = Kind("Matte", True, "#c05c7e")
FILM = Kind("Film", False, "#8a8f98")

PICTURES = {FRAMES: 3, MATTE: 1}  # kinds that kernels compute, and how many planes they have


def _signal_input(value: Any) -> Any:
    """A port that takes a signal also takes what can be made one: a number or an expression."""
    return value if value is None else parse_param(value)


# The annotations that declare a port of a node: ``frames: Frames = port("…")``.
Audio = Annotated[Link | None, AUDIO]
Signal = Annotated[Any, BeforeValidator(_signal_input), SIGNAL]
Latents = Annotated[Link | None, LATENTS]
Frames = Annotated[Link | None, FRAMES]
Matte = Annotated[Link | None, MATTE]
Films = Annotated[list[Link] | None, FILM]
