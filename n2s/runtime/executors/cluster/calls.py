"""Calls of a client of dask: the scheduler may be gone, and a worker that is frozen holds up whatever waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from n2s.graph.errors import RenderError


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


@contextmanager
def calling(client: Any) -> Iterator[None]:
    """Tell in words that the scheduler went away, whatever a call to it fails with then."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) or client.status in ("closing", "closed"):  # it closes itself when it is alone
            raise scheduler_gone(error) from None
        raise


def scheduler_gone(error: Exception | None = None) -> RenderError:
    why = f" ({error})" if error else ""
    return RenderError(f"The scheduler is gone{why}. What is finished is kept; run again when it is back.")
