"""Nodes of signals and sounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from n2s.graph.node import Node


class Resident(Node):
    """A node whose results are small and computed once for the whole track.

    Its author writes ``compute(self, scene, **ports)``: signals arrive as float32 (T,) or (T, K) arrays, audio as a
    handle; one value, or a dict by output name, is returned. What arrives is read-only, what is returned must be
    finite.

    ``rate`` says at which times it may be computed: "film", at the film's frames alone; "any", because what it gives
    depends on time and not on frames; "fine", at the rate of the analysis, and sampled at the film's frames, so that
    what moves by itself moves alike at every frame rate.
    """

    rate: ClassVar[Literal["film", "any", "fine"]] = "film"
    # Called with the context before anything is heard: what is slow about a first use may begin in a thread of its own.
    begin_early: ClassVar[Callable[[Any], None] | None] = None

    kind: ClassVar[str] = "resident"

    def around(self, clock: Any) -> int | None:
        """Return how many frames before and after its own decide each of its values; None: all of the track.

        Where it tells, one frame can be shown without measuring the whole film.
        """
        return None
