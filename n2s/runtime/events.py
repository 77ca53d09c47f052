"""What a run reports to a watcher."""

from __future__ import annotations

from collections.abc import Sequence


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
