"""Nodes that make each pixel from the same pixel."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from n2s.graph.kinds.cache import cache_setting
from n2s.graph.kinds.tables import Table
from n2s.graph.node import Node
from n2s.graph.specs import Output
from n2s.graph.types import FRAMES


class Pointwise(Node):
    """A node that makes each pixel from the same pixel of its pictures, or from its place alone.

    Its author writes the static method ``pixel(rgb, at, <parameters>)``: one (r, g, b) tuple per Frames port, one
    number per Matte port (1 where an optional one is left unconnected), `at` with x, y (pixels), u, v (0..1 across and
    down), width and height (of the frame, in pixels), radius (0 in the centre, 1 in the corner), row, column, frame and
    seed; scalars in, (r, g, b) out, or one number where the output is a Matte, which is then held within 0..1.
    ``prepare(<parameters>)`` may turn parameters into others once per frame, on float32 (B,) arrays. It may call the
    helpers of `n2s.graph.shader` and plain functions of its own package, and name numbers of its module; every number
    is float32.

    ``tables`` declares what tables it reads, by name: ``{"gradient": Line()}``. ``fill(scene)`` gives them, once for a
    run, and numbers that hold for the whole run, if some are needed; ``prepare`` may take these by name, and may give
    tables that move, with a leading axis of frames. The pixel function takes them by name, as it takes numbers.
    """

    cache: Literal["frames", None] = cache_setting()

    kind: ClassVar[str] = "pointwise"
    # What its pixel code takes behind its pictures: the value of a hidden stage (`n2s.plan.stages.Stage.part`).
    part: ClassVar[str] = ""
    outputs: ClassVar[dict[str, Output]] = {"frames": Output(FRAMES)}
    tables: ClassVar[dict[str, Table]] = {}
    # Ports of mattes: where all of them are 0, its pixel code gives the colour of its first picture, to the last bit.
    neutral_mattes: ClassVar[tuple[str, ...]] = ()
    # What `fill` reads of the track's clock. Keys hold it; reading what is not declared is an error.
    reads: ClassVar[frozenset[str]] = frozenset()

    def prepare(self, *_: Any, **params: Any) -> dict[str, Any]:
        return params

    def pixel_code(self) -> str:
        """Return the name of the static method that is compiled as the node's pixel code.

        A node that can do with less where a parameter is a constant may have another method beside ``pixel`` and say
        so. The same numbers must give the same bits in both: a number equals a signal that stands at it.
        """
        return "pixel"

    def input_size(self, size: tuple[int, int], /, **params: Any) -> tuple[int, int]:
        """Return the width and height of the pictures that it reads where it gives ``size``.

        What is smooth can be made in a smaller size, and is enlarged as it is read. ``params`` are the node's: a
        number, or float32 (T,), one for each frame of the track.
        """
        return size

    def fill(self, scene: Any) -> dict[str, Any]:
        """Return the tables that stand still, by name, made of settings and files, and numbers for the pixel code."""
        return {}
