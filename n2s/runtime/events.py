"""What a run tells whoever watches it."""

from __future__ import annotations


class Events:
    """A watcher that hears nothing; subclasses override what they want to hear."""

    def said(self, text: str) -> None:
        """A sentence for the user."""

    def began(self, what: str) -> None:
        """A step that may take a moment begins: "analysing ember"."""

    def planned(self, frames: int, stored: int) -> None:
        """So many frames will be rendered, so many come from the store."""

    def rendered(self, frames: int) -> None:
        """So many more frames are done, or fewer by so many where work was lost; called from any thread."""

    def published(self, path: str) -> None:
        """A film is finished."""

    def ended(self) -> None:
        """The run is over, well or badly."""
