"""The workers that a cluster has at the moment, and which of them would render what was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from n2s.runtime.executors.base import OtherCode
from n2s.runtime.executors.cluster.standing import differences, name_of, standing, standing_there
from n2s.runtime.store import Store


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
    """

    def __init__(self, client: Any, say: Callable[[str], None], store: Store):
        self._client, self._say, self._standing = client, say, standing()
        self._asked = store.address, name_of(store)
        self.fit: dict[str, int] = {}
        self.unfit: dict[str, str] = {}

    def look_round(self) -> None:
        """Find out who came and who went.

        Raises
        ------
        OtherCode
            When there are workers, and none of them is fit.
        """
        threads = self._client.nthreads()
        for address in [address for address in (*self.fit, *self.unfit) if address not in threads]:
            self.unfit.pop(address, None)
            if self.fit.pop(address, None):
                self._say(f"The worker {address} is gone; another one takes what it was at.")
        new = [address for address in threads if address not in self.fit and address not in self.unfit]
        asked = self._client.run(standing_there, *self._asked, workers=new, on_error="return") if new else {}
        for address, found in asked.items():
            if isinstance(found, tuple):
                reason = differences(self._standing, found[0]) or found[1]
            else:  # it cannot import what it is asked for, or is gone already
                reason = "" if isinstance(found, OSError) else str(found)
            if reason:
                self.leave_out(address, reason)
            elif isinstance(found, tuple):
                self.fit[address] = threads[address]

    @property
    def most_per_machine(self) -> int:
        """How many fit workers the machine with the most of them has; at least 1."""
        return max(Counter(address.rpartition(":")[0] for address in self.fit).values(), default=1)

    def leave_out(self, address: str, reason: str) -> None:
        """Give a worker no tasks; OtherCode when no other is left."""
        self.fit.pop(address, None)
        self.unfit[address] = reason
        self._say(f"The worker {address} gets no tasks: {reason}.")
        if not self.fit and self.unfit.keys() >= self._client.nthreads().keys():
            listed = "\n".join(f"{address}: {reason}" for address, reason in self.unfit.items())
            raise OtherCode(
                f"No worker would render what was planned here:\n{listed}\nFilms are planned for the machine that the "
                "run is started on: start it on one like the workers, with the same packages and the same store."
            )
