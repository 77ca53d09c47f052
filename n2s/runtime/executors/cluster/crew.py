"""The workers that a cluster has at the moment, and which of them would render what was planned."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

from n2s.graph.errors import OtherCode
from n2s.runtime.executors.cluster.calls import begun, calling
from n2s.runtime.executors.cluster.standing import differences, name_of, standing, standing_there
from n2s.runtime.store import Store

ANSWER_SECONDS = 5.0  # within which a worker answers, unless its machine is stalled


class Crew:
    """Workers that get tasks, and those that do not, with reasons.

    Parameters
    ----------
    client : distributed.Client
    say : callable
        Takes sentences for the user.
    store : Store
        In which workers must find what this process finds there.

    Attributes
    ----------
    fit : dict of str to int
        Workers, and their threads.
    unfit : dict of str to str
        Workers that get no tasks, and why.
    asked : dict of str to (Future, float)
        Workers that are neither yet: their answers to come, and when these are late.
    """

    def __init__(self, client: Any, say: Callable[[str], None], store: Store):
        self._client, self._say, self._standing = client, say, standing()
        self._question = standing_there, store.address, name_of(store)
        self._threads: dict[str, int] = {}  # of all workers
        self.fit: dict[str, int] = {}
        self.unfit: dict[str, str] = {}
        self.asked: dict[str, tuple[Future, float]] = {}

    def look_round(self, seconds: float) -> None:
        """Find out who came and who went; workers that are new have so many seconds to answer before this returns.

        Raises
        ------
        OtherCode
            When there are workers, and none of them is fit.
        RenderError
            When the scheduler is gone.
        """
        with calling(self._client):
            self._threads = self._client.nthreads()
        known = *self.fit, *self.unfit, *self.asked
        for address in [address for address in known if address not in self._threads]:
            self.unfit.pop(address, None)
            self.asked.pop(address, None)
            if self.fit.pop(address, None):
                self._say(f"The worker {address} is gone; another one takes what it was at.")
        wait([self._ask(address) for address in self._threads if address not in known], seconds)
        for address, (answer, late) in list(self.asked.items()):
            if answer.done():
                del self.asked[address]
                with calling(self._client):
                    found = answer.result()[address]
                self._judge(address, found)
            elif time.monotonic() >= late:
                self.asked[address] = answer, math.inf
                self._say(f"The worker {address} has not answered yet. It gets no tasks until it does.")

    def _ask(self, address: str) -> Future:
        """Ask a worker by itself, so that no other one has to wait for it."""
        answer = begun(self._client.run, *self._question, workers=[address], on_error="return")
        self.asked[address] = answer, time.monotonic() + ANSWER_SECONDS
        return answer

    def _judge(self, address: str, found: Any) -> None:
        """Take a worker in or leave it out, by what it answered."""
        if isinstance(found, tuple):
            reason = differences(self._standing, found[0]) or found[1]
        else:  # it cannot import what it is asked for, or is gone already
            reason = "" if isinstance(found, OSError) else str(found)
        if reason:
            self.leave_out(address, reason)
        elif isinstance(found, tuple):
            self.fit[address] = self._threads[address]

    @property
    def chosen(self) -> list[str]:
        """The fit workers, where there are others that must get no tasks; else none."""
        return [] if self.fit.keys() == self._threads.keys() else list(self.fit)

    @property
    def most_per_machine(self) -> int:
        """How many fit workers the machine with the most of them has; at least 1."""
        return max(Counter(address.rpartition(":")[0] for address in self.fit).values(), default=1)

    def leave_out(self, address: str, reason: str) -> None:
        """Give a worker no tasks; OtherCode when no other is left."""
        self.fit.pop(address, None)
        self.unfit[address] = reason
        self._say(f"The worker {address} gets no tasks: {reason}.")
        if not self.fit and self.unfit.keys() >= self._threads.keys():
            listed = "\n".join(f"{address}: {reason}" for address, reason in self.unfit.items())
            raise OtherCode(
                f"No worker would render what was planned here:\n{listed}\nFilms are planned for the machine that the "
                "run is started on: start it on one like the workers, with the same packages and the same store."
            )
