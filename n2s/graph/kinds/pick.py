"""Nodes that choose frames of their pictures and show them as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

from n2s.graph.kinds.cache import cache_setting
from n2s.graph.node import Node
from n2s.graph.specs import Output
from n2s.graph.types import FRAMES


class Pick(Node):
    """A node each of whose frames is a frame of one of its pictures, as it is: which picture, and how old, it chooses.

    Its author writes ``pick(self, frame, fps, <parameters>)``, which is called once for the whole film. ``frame`` are
    the numbers of its frames, int64 (T,), and parameters are float32 (T,). It returns a pair of whole numbers that
    broadcast to (T,): which port of Frames is shown, from 0 on, and which frame of it, from 0 to ``frame``. A port of
    -1 shows none: the frame is black.

    So it is known before anything is rendered which frames are needed. Others are not computed, and a frame that is
    shown again and again is computed once. Frames keep their bits.
    """

    cache: Literal["frames", None] = cache_setting()

    kind: ClassVar[str] = "pick"
    outputs: ClassVar[dict[str, Output]] = {"frames": Output(FRAMES)}
