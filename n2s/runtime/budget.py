"""A budget of memory: how many chunks may be rendered at the same time, so that a run stays below a limit.

Nobody can say beforehand what a chunk takes: decoder, kernels and encoder have memory of their own. So the first chunk
of each kind of film is rendered alone, and tells; the store remembers it for the next run. Should more be used all the
same, what is under way is given up before the limit is reached, and the rest goes on with fewer chunks at a time.
"""

from __future__ import annotations

import math
from typing import Any

from n2s.graph.amounts import amount_text
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest
from n2s.graph.wording import counted
from n2s.runtime.memory import MemoryWatch, require_readable
from n2s.runtime.store import Store

KIND = "memory"  # of what the store notes
SHARE = 0.95  # of the limit, at which a run acts: between two looks more may be taken
ALIKE = 0.05  # by which what is noted may differ from what is seen


class MemoryExceeded(RenderError):
    """So much memory is used that what is under way must be given up."""


class MemoryBudget:
    """How many chunks may be rendered at once; it learns what one takes from those that end.

    A chunk's ``kind`` is plain data, alike for chunks that take as much.

    Parameters
    ----------
    limit : int, optional
        The most bytes that the run's processes may use together; without it the budget only learns.
    watch : MemoryWatch, optional

    Attributes
    ----------
    at_once : int
        How many chunks were under way at the same time at most.
    """

    def __init__(self, limit: int | None = None, watch: MemoryWatch | None = None):
        self.limit, self.watch = limit, watch or MemoryWatch()
        self.at_once = 0
        self._most = math.inf  # chunks at once, after memory ran short with more
        self._needs: dict[str, int] = {}  # bytes that a chunk of a kind takes, by its digest
        self._base = 0  # bytes that are used before any chunk is under way
        if limit is not None:
            require_readable()

    @property
    def _ceiling(self) -> float:
        return math.inf if self.limit is None else SHARE * self.limit

    def begin(self) -> None:
        """Note what is used before any chunk is under way.

        Raises
        ------
        RenderError
            When that is too much already.
        """
        self._base = self.watch.look()
        self.watch.peak_since()
        self.check("with models and kernels, before the first chunk")

    def check(self, when: str) -> None:
        """Raise a `RenderError` where the limit is nearly reached and nothing can be given up."""
        if self.watch.now > self._ceiling:
            raise RenderError(f"{self._used()} {when}, and {self._allowed()}. Give more, or a smaller --size.")

    def guard(self) -> None:
        """Raise `MemoryExceeded` where the limit is nearly reached while chunks are under way."""
        if self.watch.now > self._ceiling:
            raise MemoryExceeded(self._used())

    def admits(self, kind: Any, flying: int, jobs: int | None, store: Store) -> bool:
        """Say whether one more chunk may begin while ``flying`` others are under way.

        ``jobs`` is how many are rendered at the same time at most, None where that is unknown; others wait, and take
        nothing.
        """
        if flying == 0 or self.limit is None:
            return True
        need = self._need(kind, store)
        count = min(flying + 1, jobs or flying + 1)
        return flying < self._most and need is not None and self._base + count * need <= self._ceiling

    def _need(self, kind: Any, store: Store) -> int | None:
        name = digest(kind)
        if name not in self._needs and isinstance(known := store.noted(KIND, kind), int):
            self._needs[name] = known
        return self._needs.get(name)

    def ended(self, kind: Any, flying: int, jobs: int | None) -> None:
        """Learn from a chunk that was done while ``flying``, itself among them, were under way."""
        count, name = min(flying, jobs or flying), digest(kind)
        self.at_once = max(self.at_once, count)
        share = (self.watch.peak_since() - self._base) // count
        self._needs[name] = max(self._needs.get(name, 0), share)

    def remember(self, kind: Any, store: Store) -> None:
        """Let the store know what a chunk of a kind takes."""
        need, noted = self._needs.get(digest(kind), 0), store.noted(KIND, kind) or 0
        if abs(need - noted) > ALIKE * need:
            store.note(KIND, kind, need)

    def allow_fewer(self, error: MemoryExceeded, flying: int, jobs: int | None) -> str:
        """Allow fewer chunks at once, after so many were given up; return a sentence for the user.

        Raises
        ------
        RenderError
            When there was one alone.
        """
        count = min(flying, jobs or flying)
        if count <= 1:
            raise RenderError(
                f"{error} with one chunk at a time, and {self._allowed()}. Give more, or a smaller --size. What is "
                "finished is kept."
            ) from None
        self._most = count - 1
        chunks = counted(count - 1, "chunk")
        return f"{error} with {count} chunks at a time, and {self._allowed()}: the rest is rendered {chunks} at a time."

    def _used(self) -> str:
        return f"{amount_text(self.watch.now)} of memory are used"

    def _allowed(self) -> str:
        return f"--max-memory allows {amount_text(self.limit or 0)}"

    def summary(self) -> dict[str, int | None]:
        """Return what a run record says of memory, in bytes."""
        return {"peak": self.watch.peak, "limit": self.limit, "chunks_at_once": self.at_once}
