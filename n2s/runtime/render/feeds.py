"""Encoders beside each other: each runs in a thread of its own and is handed blocks of codes as they are made."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator

import numpy as np

from n2s.graph.errors import Cancelled

WAIT_SECONDS = 0.1  # for an encoder that is busy, between two looks whether the task is given up


class Feed:
    """Hands blocks to one encoder. One block waits while another is encoded; then who hands over waits, too.

    Parameters
    ----------
    encode : callable
        Takes an iterator over blocks; called in the thread.
    check : callable
        Called again and again while the encoder is waited for; it raises to give up.

    Attributes
    ----------
    error : BaseException or None
        What the encoder failed with.
    """

    def __init__(self, encode: Callable[[Iterator[np.ndarray]], None], check: Callable[[], None]):
        self.error: BaseException | None = None
        self._encode, self._check = encode, check
        self._blocks: queue.Queue[np.ndarray | None] = queue.Queue(1)
        self._given_up = False
        name = f"{threading.current_thread().name} encoder"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)  # a process that ends waits for none
        self._thread.start()

    def _run(self) -> None:
        try:
            self._encode(self._handed_over())
        except BaseException as error:  # raised where the frames are made, when the others are done
            self.error = error

    def _handed_over(self) -> Generator[np.ndarray, None, None]:
        while (codes := self._blocks.get()) is not None:
            yield codes
        if self._given_up:
            raise Cancelled

    @property
    def takes_more(self) -> bool:
        """Whether the encoder still runs; one that failed does not."""
        return self._thread.is_alive()

    def put(self, codes: np.ndarray | None) -> None:
        """Hand over a block, or None behind the last one."""
        while self.takes_more:
            try:
                self._blocks.put(codes, timeout=WAIT_SECONDS)
                return
            except queue.Full:
                self._check()

    def finish(self) -> None:
        """Wait until the encoder is done with all that it was given."""
        self.put(None)
        while self.takes_more:
            self._thread.join(WAIT_SECONDS)
            self._check()

    def give_up(self) -> None:
        """End the encoder before its time; what it had begun is removed."""
        self._given_up = True
        try:
            self._blocks.get_nowait()
        except queue.Empty:
            pass
        self._blocks.put(None)  # there is room: nobody else puts anything
        self._thread.join()
