"""How a node is declared: ports, parameters, settings and outputs, from which check, schema, docs and key are read.

    class Vignette(Pointwise):
        '''Darken towards the corners.'''
        amount: Param = param(0.35, ge=0, le=1, help="how dark the corners get")

A *port* takes what another node gives. A *parameter* is a number that may move in time: a constant, a link or an
expression. A *setting* is constant.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from n2s.graph.node import DeclarationError, Node
from n2s.graph.parsing import FilePath, FolderPath, MusicalTime, Param, Seconds
from n2s.graph.specs import Output, Spec, param, port, setting
from n2s.graph.types import FRAMES, LATENTS, SIGNAL

# What authors of nodes import from here.
__all__ = [
    "FRAMES_OUTPUT",
    "LATENTS_OUTPUT",
    "SIGNAL_OUTPUT",
    "DeclarationError",
    "FilePath",
    "FolderPath",
    "MusicalTime",
    "Node",
    "Output",
    "Param",
    "Pointwise",
    "Resident",
    "Seconds",
    "Sink",
    "Spec",
    "Streamed",
    "param",
    "port",
    "setting",
]


def _cache() -> Any:
    """Declare the setting that keeps a node's frames."""
    text = "what the store keeps of the node: with frames, work on later nodes does not compute its frames again"
    return setting(None, help=text, keyed=False)


class Resident(Node):
    """A node whose results are small and computed once for the whole track.

    Its author writes ``compute(self, scene, **ports)``: signals arrive as float32 (T,) or (T, K) arrays, audio as a
    handle; one value, or a dict by output name, is returned. What arrives is read-only, what is returned must be
    finite.
    """

    kind: ClassVar[str] = "resident"


class Streamed(Node):
    """A node whose results come a few frames at a time.

    Its author writes ``compute(self, block, **ports, **parameters)``: streamed inputs arrive as float32 (B, ...)
    arrays extended by ``window``, parameters as float32 (B,); float32 (B, ...) is returned. All of them are read-only.
    Frames are (B, 3, H, W) of the film's size, coming and going; a source of frames, without a port of them, may have
    another size. Latents are (B, C, h, w) on the grid of the model.
    """

    kind: ClassVar[str] = "streamed"
    cache: Literal["frames", None] = _cache()

    @field_validator("cache")
    @classmethod
    def _gives_frames(cls, value: Any) -> Any:
        if value and any(output.kind is not FRAMES for output in cls.outputs.values()):
            raise ValueError(f"frames alone are kept; {cls.__name__} gives {next(iter(cls.outputs.values())).kind}")
        return value

    # What it reads of the track's clock beside times of frames. Keys hold it; reading what is not declared is an error.
    reads: ClassVar[frozenset[str]] = frozenset({"duration", "tempo"})

    def window(self, fps: Any) -> tuple[int, int]:
        """Return how many frames before and after the wanted ones its streamed inputs must cover; constants only."""
        return 0, 0

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height of the frames that it takes where it gives frames of ``size``; constants only.

        An upscaler by two takes half of each. What it takes is computed in that size.
        """
        return size

    def open(self, scene: Any, grid: Any) -> Any:
        """Return what is needed once for a run (tables, a model), shared by all threads; blocks carry it."""
        return None


class Pointwise(Node):
    """A node that makes each pixel from the same pixel of its pictures.

    Its author writes the static method ``pixel(rgb, at, <parameters>)``: one (r, g, b) tuple per Frames port, `at`
    with x, y (pixels), u, v (0..1 across and down), width and height (of the frame, in pixels), radius (0 in the
    centre, 1 in the corner), row, column, frame and seed; scalars in, (r, g, b) out. ``prepare(<parameters>)`` may turn
    parameters into others once per frame, on float32 (B,) arrays. It may call the helpers of `n2s.graph.shader` and
    plain functions of its own package, and name numbers of its module; every number is float32.
    """

    cache: Literal["frames", None] = _cache()

    kind: ClassVar[str] = "pointwise"
    outputs: ClassVar[dict[str, Output]] = {"frames": Output(FRAMES)}

    def prepare(self, **params: Any) -> dict[str, Any]:
        return params


class Sink(Node):
    """A node that makes a film: a file or a folder.

    It has a port ``frames`` of `Frames` (an album: one of `Films`), perhaps a port ``audio``, the setting ``path`` and
    perhaps ``chunk``, the frames of a segment. ``format`` names the format that writes it (`n2s.graph.format`), which
    reads what other settings it needs.
    """

    kind: ClassVar[str] = "sink"
    format: ClassVar[str] = ""


SIGNAL_OUTPUT = {"signal": Output(SIGNAL)}
LATENTS_OUTPUT = {"latents": Output(LATENTS)}
FRAMES_OUTPUT = {"frames": Output(FRAMES)}
