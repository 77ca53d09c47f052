"""A job whose tasks wait instead of rendering, so that other work on the machine does not count; for `cluster.py`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from n2s.runtime.executors.base import Rendered, Task


@dataclass(frozen=True)
class Waits:
    """Each frame takes ``seconds``."""

    seconds: float

    def for_others(self, context: Any) -> Waits:
        return self

    def open(self, context: Any, events: Any) -> Waits:
        return self

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Any) -> Rendered:
        time.sleep(self.seconds * (task.stop - task.start))
        return Rendered()
