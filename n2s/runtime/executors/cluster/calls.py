"""Calls of a client of dask that may never return: a worker that is frozen holds up all that is asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


def begun(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
    """Call in a thread of its own, and return the answer to come.

    The client's own time limits would throw away the answers of all workers for the sake of one. A program does not
    wait for the thread when it ends, and a client that is closed ends the calls that are under way.
    """
    answer: Future = Future()

    def carry_out() -> None:
        try:
            answer.set_result(call(*args, **kwargs))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=carry_out, name="n2s-cluster-call", daemon=True).start()
    return answer
