"""What a run reports to a watcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from n2s.graph.errors import Cancelled


class Events:
    """A watcher that ignores all events; subclasses override those that they show."""

    def said(self, text: str) -> None:
        """A sentence for the user."""

    def began(self, what: str) -> None:
        """A step begins that may take a while, such as "analysing ember"."""

    def planned(self, frames: int, stored: int) -> None:
        """``frames`` frames will be rendered; ``stored`` come from the store."""

    def announced(self, again: int, open_end: bool) -> None:
        """Told before `planned`: so many of these frames were made before in this run, and come once more.

        ``open_end``: more may follow them, and how many is known when they are made.
        """

    def laid_out(self, stored: Sequence[bool]) -> None:
        """The films are made of so many chunks, in their order; of each whether the store has it."""

    def finished(self, chunk: int) -> None:
        """The chunk of this number is in the store now."""

    def rendered(self, frames: int) -> None:
        """``frames`` more frames are done; negative where work was lost; called from any thread."""

    def waited(self) -> None:
        """Tasks are under way; an executor calls it some times a second while it waits for them."""

    def published(self, path: str) -> None:
        """A film is finished."""

    def ended(self) -> None:
        """The run is over, with or without success."""


class WatcherFailed(Cancelled):
    """A watcher raised an error: it ends the run like one that is given up, so that no node is blamed for it."""

    def __init__(self, error: BaseException):
        super().__init__(str(error))
        self.error = error


class Apart(Events):
    """Hands all on to a watcher, and raises what that raises as `WatcherFailed`.

    Events are told from within nodes, sinks and threads, whose own errors are reported with their names.
    """

    def __init__(self, watcher: Events):
        for name in [name for name in vars(Events) if not name.startswith("_")]:
            setattr(self, name, _apart(getattr(watcher, name)))


def _apart(tell: Callable[..., None]) -> Callable[..., None]:
    def told(*values: Any, **named: Any) -> None:
        try:
            tell(*values, **named)
        except (Cancelled, KeyboardInterrupt):
            raise
        except BaseException as error:  # also SystemExit, by which a watcher may end the program
            raise WatcherFailed(error) from error

    return told


@contextmanager
def as_interrupted() -> Iterator[None]:
    """Let work that was given up end as if by Ctrl-C; what a watcher raised stays a `WatcherFailed`."""
    try:
        yield
    except WatcherFailed:
        raise
    except Cancelled:
        raise KeyboardInterrupt from None


@contextmanager
def as_watchers_raise() -> Iterator[None]:
    """Let what a watcher raised come out as it is."""
    try:
        yield
    except WatcherFailed as failed:
        raise failed.error from None
