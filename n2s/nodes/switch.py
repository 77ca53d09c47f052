"""One of several pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, Node, Param, Pick, Resident, param, port, setting
from n2s.graph.links import Link
from n2s.graph.types import Frames
from n2s.nodes.mix import Mix


class Switch(Pick):
    """Show one of up to four pictures: at ``index`` 0 the first, at 1 the second; in between the nearer one.

    With ``softness``, they are dissolved (see `Mix`) while the index goes from one to the next: in the middle of the
    way, for that share of it. A `Sequence` with `every: section` as the index gives each section its picture, and its
    ``glide`` the time for the way. On the way from 0 to 2 the picture at 1 is seen.

    A picture is computed only in the frames in which it is seen.
    """

    a: Frames = port("shown at 0")
    b: Frames = port("shown at 1")
    c: Frames = port("shown at 2", optional=True)
    d: Frames = port("shown at 3", optional=True)
    index: Param = param(0.0, ge=0, le=3, help="which one; beyond the last one it is the last one")
    softness: float = setting(
        0.0, ge=0, le=1, keyed=False, help="share of the way from one to the next in which both are seen; 0: a cut"
    )

    @field_validator("d")
    @classmethod
    def _in_order(cls, value: Any, info: Any) -> Any:
        if value is not None and info.data.get("c") is None:
            raise ValueError("nothing is connected to c; connect it there")
        return value

    @property
    def last(self) -> int:
        """The number of the last picture."""
        return 1 + (self.c is not None) + (self.d is not None)

    def brings(self, name: str) -> dict[str, Node]:
        if not self.softness:
            return {}
        given = {field: getattr(self, field) for field in (*self.ports, "index")}
        return {
            f"{name}:here": SwitchSide(**given, softness=self.softness),
            f"{name}:next": SwitchSide(**given, softness=self.softness, ahead=True),
            f"{name}:share": SwitchShare(index=self.index, last=self.last, softness=self.softness),
            name: Mix(a=Link(f"{name}:here"), b=Link(f"{name}:next"), amount=Link(f"{name}:share"), cache=self.cache),
        }

    def pick(self, frame: np.ndarray, fps: Any, index: np.ndarray) -> Any:
        here, share = way(index, self.last, 0.0)
        return here + (share > 0), frame


class SwitchSide(Pick):
    """Show the picture that a `Switch` comes from, or the one that it goes to, where it is seen."""

    a: Frames = port("shown at 0")
    b: Frames = port("shown at 1")
    c: Frames = port("shown at 2", optional=True)
    d: Frames = port("shown at 3", optional=True)
    index: Param = param(0.0, ge=0, le=3, help="which one")
    softness: float = setting(0.5, ge=0, le=1, help="share of the way in which both are seen")
    ahead: bool = setting(False, help="the one that it goes to")

    def pick(self, frame: np.ndarray, fps: Any, index: np.ndarray) -> Any:
        last = 1 + (self.c is not None) + (self.d is not None)
        here, share = way(index, last, self.softness)
        return np.where(share > 0, here + 1, -1) if self.ahead else np.where(share < 1, here, -1), frame


class SwitchShare(Resident):
    """Work out how far a `Switch` has gone from one picture to the next."""

    index: Param = param(0.0, ge=0, le=3, help="which picture")
    last: int = setting(1, ge=1, le=3, help="the number of the last one")
    softness: float = setting(0.5, ge=0, le=1, help="share of the way in which both are seen")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene: Scene, index: np.ndarray) -> np.ndarray:
        return way(index, self.last, self.softness)[1]


def way(index: np.ndarray, last: int, softness: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture below an index, int64 (T,), and how much of the next one is seen, 0..1.

    The shares are multiples of 2**-16, like those that a signal carries, so that who picks and who mixes agree.
    """
    place = np.clip(index.astype(np.float64), 0, last)
    here = np.minimum(np.floor(place), last - 1)
    share = (place - here - 0.5) / max(softness, 1e-9) + 0.5
    return here.astype(np.int64), np.rint(np.clip(share, 0, 1) * 65536) / 65536
