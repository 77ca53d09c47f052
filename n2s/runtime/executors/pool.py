"""Processes that render, seen from the one that starts them, and a pool that keeps them from run to run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

from n2s.graph.errors import RenderError
from n2s.runtime.executors.worker import work

STOP_SECONDS = 3.0  # for a worker to give up or to end itself; then it is killed
SAFE_PATH = "PYTHONSAFEPATH"  # keeps the current folder out of where Python looks for modules

_starting = threading.Lock()


class Worker:
    """A process of its own that renders one task after the other.

    Attributes
    ----------
    ready : bool
        It has answered once, so that it takes orders at once.
    whole : bool
        No message was cut off in the middle, so that the next one can be understood.
    jobs : int
        How many jobs it was given.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), name="n2s worker", daemon=True)
        try:
            with _undisturbed():
                self.process.start()
        except OSError as error:
            raise RenderError(f"No worker process can be started: {error.strerror}. Use --jobs instead.") from None
        theirs.close()
        self.ready, self.whole, self.jobs = False, True, 0

    @property
    def pid(self) -> int:
        return cast(int, self.process.pid)  # it was started

    def send(self, *order: Any) -> None:
        """Send an order; OSError when the process is gone."""
        with self._message():
            self.connection.send(order)

    def receive(self) -> tuple:
        """Return the next answer; EOFError or OSError when the process is gone."""
        with self._message():
            answer = self.connection.recv()
        self.ready = True
        return answer

    @contextmanager
    def _message(self) -> Iterator[None]:
        whole, self.whole = self.whole, False
        yield
        self.whole = whole

    def closed(self, deadline: float) -> bool:
        """Wait for the answer to "close", at most until a moment; say whether it came."""
        try:
            while self.whole and self.connection.poll(max(0.0, deadline - time.monotonic())):
                if self.receive() == ("closed",):
                    return True
        except (EOFError, OSError):
            pass
        return False

    def end(self) -> None:
        """Let the process end in order, where it listens; `kill` is to follow in any case."""
        try:
            if self.whole and self.ready:
                self.send("end")
        except OSError:
            self.whole = False  # it is gone

    def leave(self) -> None:
        """Give no more orders: the process gives up what it does, in order, ends its FFmpeg, and ends."""
        self.whole = False
        self.connection.close()

    def kill(self, patience: float = 0.0) -> int:
        """End the process, at once or after some seconds in which it may end by itself; return its exit status."""
        self.leave()
        self.process.join(patience)
        self.process.kill()
        self.process.join()
        return cast(int, self.process.exitcode)

    def gone(self) -> str:
        """Return how a process ended, in words."""
        status = self.kill(STOP_SECONDS)  # the pipe ends a moment before the process
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start a process that runs neither the user's program again nor files of the current folder, nor hears Ctrl-C.

    `multiprocessing` lets a new process import the main module, because what is sent may be defined there; nothing is
    here, and a script that renders would start all over again. A terminal sends Ctrl-C to every process; a new one
    would end with a traceback before it could choose not to listen, so the signal is held back where it begins. Python
    looks for modules of its own in the current folder first, such as a signal.py that lies beside a stranger's graph.
    """
    with _starting:
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        safe = os.environ.get(SAFE_PATH)
        os.environ[SAFE_PATH] = "1"
        held = _hold_interruptions()
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            os.environ.pop(SAFE_PATH) if safe is None else os.environ.update({SAFE_PATH: safe})
            if held is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _hold_interruptions() -> set[Any] | None:
    """Hold Ctrl-C back in this thread and in what it starts; return what was held before, None where no system can."""
    if not hasattr(signal, "pthread_sigmask"):
        return None
    from multiprocessing import resource_tracker  # not there on every system

    # It is started with the first process, and would let interruptions through again.
    resource_tracker.ensure_running()
    return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class WorkerPool:
    """Keeps workers for the next run of this process: starting one takes as long as its imports.

    A kept worker has the code and the environment variables of the moment when it was started; where that gives other
    keys than planned, another is started in its place.
    """

    def __init__(self) -> None:
        self._idle: list[Worker] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def take(self) -> Worker:
        """Return a worker, kept or new."""
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            worker.kill()
        return Worker()

    def give(self, worker: Worker) -> None:
        """Take a worker back that has nothing to do."""
        self._idle.append(worker)

    def close(self) -> None:
        """End all workers that are kept."""
        for worker in self._idle:
            worker.end()
        while self._idle:
            worker = self._idle.pop()
            worker.kill(STOP_SECONDS if worker.ready else 0.0)
