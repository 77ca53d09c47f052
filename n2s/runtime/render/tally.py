"""What rendering costs, node by node."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Tally:
    """Seconds spent in each node or fused run of nodes, and the frames that each computed."""

    def __init__(self) -> None:
        self.seconds: Any = Counter()  # of str, in seconds, which are no whole numbers
        self.frames: Counter[str] = Counter()

    def add(self, name: str, seconds: float, frames: int) -> None:
        self.seconds[name] += seconds
        self.frames[name] += frames
