"""A cluster on this machine for tests: a scheduler and two workers that are kept from test to test."""

from __future__ import annotations

import os

from distributed import Client

from n2s.runtime import machine
from n2s.runtime.executors.cluster import plugin
from n2s.runtime.executors.cluster.executor import DaskExecutor
from n2s.runtime.executors.cluster.local import LocalWorkers

WORKERS = 2
INSTRUCTIONS = machine.instructions
JOB_CLASS, JOB_SECONDS = plugin.JobPlugin, plugin.JOB_SECONDS


class Cluster:
    """A running cluster.

    Attributes
    ----------
    address : str
        As users write it behind dask://.
    """

    def __init__(self) -> None:
        self.local = LocalWorkers(WORKERS)
        self.address = self.local.address.removeprefix("tcp://")
        self.client = Client(self.local.address, set_as_default=False)
        self.wait()

    def wait(self) -> None:
        self.client.wait_for_workers(WORKERS, timeout=60)

    def pids(self) -> dict[str, int]:
        """Return the process of each worker by its address."""
        return self.client.run(os.getpid)

    def executor(self) -> DaskExecutor:
        return DaskExecutor(address=self.address)

    def set_environment(self, **values: str) -> None:
        """Set environment variables in all workers."""
        self.client.run(set_environment, values)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.local.close()


def set_environment(values: dict[str, str]) -> None:
    os.environ.update(values)


def take_instructions(word: str) -> None:
    """Let the process have other instruction sets than it has; those it has again for ""."""
    machine.instructions = (lambda: word) if word else INSTRUCTIONS


def take_jobs(may: bool) -> None:
    """Let the process know the class of jobs or not, as one with another n2s does."""
    plugin.JOB_SECONDS = JOB_SECONDS if may else 0.2
    if may:
        plugin.JobPlugin = JOB_CLASS
    else:
        del plugin.JobPlugin
