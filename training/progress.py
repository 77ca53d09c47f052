"""How far a long command is, and how many processes it may use."""

from __future__ import annotations

import math
import os
import sys
import time


def cores() -> int:
    """Return the number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Progress:
    """Pictures done, pictures per second and the time left: a bar on a terminal, a line every ten seconds elsewhere."""

    EVERY_SECONDS = 10.0

    def __init__(self, what: str, total: int):
        self.what, self.total, self.done = what, total, 0
        self.began = self.last = time.monotonic()
        self.bar = None
        if sys.stderr.isatty() and total:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            speed = TextColumn("{task.fields[speed]}")
            columns = TextColumn("{task.description}"), BarColumn(), speed, TimeRemainingColumn()
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task(what, total=total, speed="")

    def __enter__(self) -> Progress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self.bar:
            self.bar.stop()

    def step(self, count: int = 1) -> None:
        """Say that `count` more are done."""
        self.done += count
        now = time.monotonic()
        speed = self.done / max(now - self.began, 1e-9)
        text = f"{self.done}/{self.total} pictures, {speed:.2f} pictures/s"
        if self.bar:
            self.bar.update(self.task, completed=self.done, speed=text)
        elif now - self.last >= self.EVERY_SECONDS or self.done == self.total:
            self.last = now
            left = math.ceil((self.total - self.done) / speed)
            print(f"{self.what}: {text}, {left} s left", file=sys.stderr, flush=True)
