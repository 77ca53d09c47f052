"""Kernels that are compiled at the same time, in processes of their own.

A compiler holds the lock of its interpreter most of the time, so that threads would wait for each other. What the
processes make lies in files, where `kept` finds it; what fails in them fails again in this process, which can say why.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from n2s.runtime.render.kernels.kept import Wanted, compile_kernel

# The module search path comes first, so that no file of the working folder is taken for a module.
_COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from n2s.runtime.render.kernels.compiling import serve; serve()"
)


def compile_together(wanted: Collection[Wanted], processes: int, say: Callable[[int], None]) -> None:
    """Compile kernels at the same time, those that take longest first; return when all are done or have failed.

    ``say`` is told how many are done, each time that one is. Whatever is raised meanwhile ends the processes.
    """
    rest = deque(sorted(wanted, key=lambda kernel: kernel.work, reverse=True))
    told: SimpleQueue[bool] = SimpleQueue()  # True for a kernel, False for a process that does no more
    running: list[Any] = []
    try:
        with suppress(OSError):  # with fewer, or none; then kernels are compiled when they are run first
            while len(running) < min(processes, len(wanted)):
                running.append(_start())
        for process in running:
            threading.Thread(target=_hand_out, args=(rest, process, told.put), daemon=True, name="compiler").start()
        left, done = len(running), 0
        while left:
            if told.get():
                done += 1
                say(done)
            else:
                left -= 1
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _start() -> Any:
    command = [sys.executable, "-P", "-c", _COMMAND, json.dumps(sys.path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _hand_out(rest: deque[Wanted], process: Any, tell: Callable[[bool], None]) -> None:
    """Give kernels to a process, one after the other, as long as there are any and it answers."""
    try:
        while rest:
            kernel = rest.popleft()
            pickle.dump((kernel.path, kernel.signature), process.stdin)
            process.stdin.flush()
            if not process.stdout.read(1):
                break
            tell(True)
    except (OSError, ValueError, IndexError):  # it has ended, or was ended; another was given the last kernel
        pass
    tell(False)


def serve() -> None:
    """Compile what comes in by the standard input, and answer a byte for each, until nobody is left to order any."""
    for name in ("SIGINT", "SIGHUP"):  # a terminal sends them to all; who started this process acts on them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)  # nothing else may be taken for an answer
    orders: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    while True:
        path, signature = orders.get()
        with suppress(Exception):
            compile_kernel(path.read_text(encoding="utf-8"), path.parent).make_ready(signature)
        os.write(answers, b".")


def _listen(orders: SimpleQueue[Any]) -> None:
    """Take orders beside a compilation, so that it ends when the process that ordered it has ended."""
    try:
        while True:
            orders.put(pickle.load(sys.stdin.buffer))
    finally:
        os._exit(0)
