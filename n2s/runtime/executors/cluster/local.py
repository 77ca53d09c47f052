"""A cluster on this machine: a scheduler in this process, and workers in others."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, cast

from distributed import LocalCluster

from n2s.runtime.executors.pool import SAFE_PATH

# By default, dask looks at each worker's stack a hundred times a second, and lets it give memory back to the system so
# soon that every block of frames is paid for in page faults. These are the largest values that malloc takes by itself.
QUICK = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class LocalWorkers:
    """So many workers of one thread each, on 127.0.0.1.

    They are started from the command line, so that a program that renders does not run again in each of them, and apart
    from the terminal, so that Ctrl-C reaches this process alone. One that dies is started anew; without a scheduler
    they end.
    """

    def __init__(self, count: int):
        # Any free port: with the usual one, a second cluster on this machine could not be started.
        self._cluster = cast(Any, LocalCluster)(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0")
        self.address = self._cluster.scheduler_address
        self._folder = tempfile.TemporaryDirectory(prefix="n2s-dask-", ignore_cleanup_errors=True)
        words = [
            *("--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0", "--host", "127.0.0.1"),
            *("--no-dashboard", "--death-timeout", "30", "--local-directory", self._folder.name),
        ]
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", self.address, *words],
            env=QUICK | os.environ | {"PYTHONPATH": path, SAFE_PATH: "1", "DASK_LOGGING__DISTRIBUTED": "critical"},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )

    def runs(self) -> bool:
        """Say whether there are workers, or will be."""
        return self._process.poll() is None

    def close(self) -> None:
        """End all of them at once, with what they started; tasks were given up before."""
        with ExitStack() as steps:  # each of which is done, the last one first, whatever interrupts another one
            steps.callback(self._folder.cleanup)
            steps.callback(self._cluster.close)
            steps.callback(self._process.wait)
            if os.name == "posix":
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()  # without a scheduler, the workers end


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what dask and its tasks log off the terminal while they close: that connections end is no news to a user."""
    levels = {name: logging.getLogger(name).level for name in ("distributed", "asyncio")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
