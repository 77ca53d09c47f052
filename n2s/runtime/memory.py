"""How much memory this process and all that it started take together, now and at most."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from n2s.graph.errors import ArgumentError

LOOK_SECONDS = 0.05  # between two looks: FFmpeg fills some tens of MB in that time, even in 4K
ALIKE = 0.25  # of its memory a process may differ from the one that it was copied from, which keeps pages of files


def used_memory() -> int | None:
    """Return the resident bytes of this process and of all processes below it; None where no system tells.

    Pages that processes share, such as those of libraries, are counted once for each, so that the sum is rather too
    large than too small; but a process that is about to become another program, and shows all memory of the one that
    starts it until then, is not counted. On Linux the system's own files tell, elsewhere psutil where it is installed.
    """
    if sys.platform == "linux":
        return _resident_below(os.getpid())
    try:
        import psutil  # needed, and installed, on other systems alone
    except ImportError:
        return None
    total, own = 0, psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it has ended
            continue
    return total


def _resident_below(pid: int, parent: tuple[bytes, int] = (b"", 0)) -> int:
    """Return the resident bytes of a process and of those below it; ``parent`` is the command above it, and its own."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read()
        with open(f"/proc/{pid}/statm", "rb") as file:
            own = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:  # it has ended
        return 0
    is_same = command == parent[0] and abs(own - parent[1]) < ALIKE * own
    total = 0 if is_same else own
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children = file.read().split()
        except OSError:
            continue
        total += sum(_resident_below(int(child), (command, own)) for child in children)
    return total


class MemoryWatch:
    """Looks many times a second at how much memory is used; to be used as a context manager.

    Attributes
    ----------
    now : int
        Bytes, at the last look.
    peak : int or None
        The most that was seen; None before the first look, and where no system tells.
    """

    def __init__(self, used: Callable[[], int | None] = used_memory):
        self._used = used
        self.now, self.peak = 0, None
        self._since = 0
        self._ending = threading.Event()
        self._looking = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> MemoryWatch:
        if self.look():
            self._ending.clear()
            self._thread = threading.Thread(target=self._watch, daemon=True, name="memory")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._ending.set()
            self._thread.join()
            self._thread = None
            self.look()

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> int:
        """Look now; return the bytes in use."""
        with self._looking:
            used = self._used()
            if used is not None:
                self.now = used
                self.peak = max(used, self.peak or 0)
                self._since = max(self._since, used)
            return self.now

    def peak_since(self) -> int:
        """Return the most that was seen since the last call."""
        self.look()
        with self._looking:
            most, self._since = self._since, self.now
            return most


def require_readable() -> None:
    """Raise an `ArgumentError` where no system tells how much memory is used."""
    if used_memory() is None:
        raise ArgumentError("--max-memory needs psutil on this system. Cure: pip install psutil.")
