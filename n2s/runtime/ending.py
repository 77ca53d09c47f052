"""How a run ends: whatever is under way is stopped, and the record is written, however often it is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTIONS = ("SIGINT", "SIGTERM", "SIGHUP")


class Ending:
    """The steps with which a run ends.

    Attributes
    ----------
    status : str
        How the run ended, as its record says it: "done", "failed", "interrupted".
    """

    def __init__(self, status: str):
        self.status = status

    def stop(self, *steps: Callable[[], Any]) -> None:
        """Do every step, whatever another one raises; an interruption during one of them is one of the run."""
        if not steps:
            return
        try:
            steps[0]()
        except KeyboardInterrupt:
            self.status = "interrupted"
            raise
        except BaseException:
            self.status = self.status if self.status == "interrupted" else "failed"
            raise
        finally:
            self.stop(*steps[1:])


@contextmanager
def interruptions_held_back() -> Iterator[None]:
    """Let interruptions wait until a short step is done; no thread but the main one hears of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in INTERRUPTIONS if hasattr(signal, name)]
    heard = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    for number in heard:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
    for number in dict.fromkeys(came):
        signal.raise_signal(number)
