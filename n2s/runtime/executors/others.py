"""Executors of other packages, called with care: what fails in one is told in one sentence, with its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from n2s.graph.authors import TRACEBACK, shown, told_of
from n2s.graph.errors import Cancelled, N2SError, RenderError
from n2s.runtime.executors.base import Executor, Job, Rendered, Task

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events

VERBS = ("start", "submit", "finished", "stop")


class OthersExecutor:
    """Hands everything to an executor of another package.

    Errors of this library, interruptions and cancellations pass through; all else becomes a `RenderError`. After a
    failure, another one while the executor stops is not told: it would hide the first.

    Parameters
    ----------
    name : str
        What users call it: "farm".
    executor : Executor
    """

    def __init__(self, name: str, executor: Executor):
        self.name, self.executor = name, executor
        self._has_failed = False

    def _call(self, verb: str, function: Callable, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except StopIteration:
            raise
        except (N2SError, Cancelled, KeyboardInterrupt):
            self._has_failed = True
            raise
        except Exception as error:
            self._has_failed = True
            raise RenderError(
                f"The executor {self.name} failed in {verb}: {told_of(error, type(self.executor))}. Set {TRACEBACK}=1 "
                "to see the whole traceback."
            ) from error

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        self._call("start", self.executor.start, job, context, events)

    def submit(self, task: Task) -> None:
        self._call("submit", self.executor.submit, task)

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        ended = self._call("finished", lambda: iter(self.executor.finished()))
        while True:
            try:
                pair = self._call("finished", next, ended)
            except StopIteration:
                return
            if not (isinstance(pair, tuple) and list(map(type, pair)) == [Task, Rendered]):
                raise RenderError(
                    f"The executor {self.name} gave {shown(pair)} in finished; a Task and a Rendered were wanted."
                )
            yield pair

    def stop(self) -> None:
        has_failed = self._has_failed
        try:
            self._call("stop", self.executor.stop)
        except RenderError:
            if not has_failed:
                raise
