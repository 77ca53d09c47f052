"""Nodes that compute frames or latents on arrays, a few frames at a time."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from n2s.graph.kinds.cache import cache_setting
from n2s.graph.node import Node
from n2s.graph.placing import Placing
from n2s.graph.types import PICTURES


class Streamed(Node):
    """A node whose results come a few frames at a time.

    Its author writes ``compute(self, block, **ports, **parameters)``: streamed inputs arrive as float32 (B, ...)
    arrays extended by ``window``, parameters as float32 (B,); float32 (B, ...) is returned, a dict by output name where
    it has several outputs. All of them are read-only. Frames are (B, 3, H, W) of the film's size and mattes
    (B, 1, H, W), coming and going; a source, without a port of either, may have another size. Latents are (B, C, h, w)
    on the grid of the model.
    """

    kind: ClassVar[str] = "streamed"
    cache: Literal["frames", None] = cache_setting()

    @field_validator("cache")
    @classmethod
    def _gives_frames(cls, value: Any) -> Any:
        if value and not any(output.kind in PICTURES for output in cls.outputs.values()):
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

    def placing(self, opened: Any) -> Placing | None:
        """Return where the pictures of a source lie in the frame; None: they cover it, cropped at their centre.

        ``opened`` is what ``open`` returned. Beside them frames are black, and mattes 0.
        """
        return None

    # Whether it decodes latents, and its frames are shown moved by the parts of a cell that these leave over.
    shows_remainder: ClassVar[bool] = False

    def leaves_remainder(self) -> bool:
        """Say whether its latents are moved by whole cells only, and `remainder` tells the rest; settings alone decide.

        Nothing but a decoder that shows it may read such latents.
        """
        return False

    def remainder(self, grid: tuple[int, int], *_: Any, **params: Any) -> Any:
        """Return by how many cells the decoded frames have still to be moved, float64 (B, 2): down and to the right.

        Both are within -0.5..0.5, and what is shown moves, so that more of what lies there comes into view. ``grid`` is
        the rows and columns of its latents; parameters are float32 (B,).
        """
        raise NotImplementedError

    def open(self, scene: Any, grid: Any) -> Any:
        """Return what is needed once for a run (tables, a model), shared by all threads; blocks carry it."""
        return None
