"""Frames of decoders that threads without a chunk make ahead, while the chunk's own thread draws and encodes.

Decoding is most of the work on a frame, and every frame is decoded by itself; the encoding of a chunk cannot be parted,
because its frames depend on each other. So where there are fewer chunks than processors, at the end of a run or after a
small edit, free threads decode the blocks that come next. What comes out is the same, whoever makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np

from n2s.plan.stages import Stage
from n2s.runtime.render.helpers import Helpers
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.render.tally import Tally

MOST_BLOCKS = 3  # that are made ahead of one decoder: decoding one takes about as long as drawing and encoding one
WAIT_SECONDS = 0.1  # between two looks whether the work is given up

Make = Callable[[int, int], np.ndarray]  # the latents of frames start..stop


class Ahead:
    """Lets free threads decode the blocks of one chunk that come next.

    Parameters
    ----------
    helpers : Helpers
    stop : int
        The frame before which the chunk ends.
    tally : Tally
    check : callable
        Called while a block is waited for; it raises to give up.
    begin : callable
        Returns what makes the latents of a stage, of rising frames, by its name.
    call : callable
        Returns what computes frames start..stop of a stage, given what returns the latents that it reads.
    """

    def __init__(
        self,
        helpers: Helpers,
        stop: int,
        tally: Tally,
        check: Callable[[], None],
        begin: Callable[[str], Make],
        call: Callable[..., Callable[[], Any]],
    ):
        self._helpers, self._stop, self._tally, self._check = helpers, stop, tally, check
        self._begin, self._call = begin, call
        self._latents: dict[str, Make] = {}  # by the stage that reads them
        self._blocks: dict[str, dict[tuple[int, int], Future]] = {}

    def take(self, stage: Stage, start: int, stop: int) -> Any:
        """Return frames of a decoder that were made ahead, None where nobody has begun them; let the next be made."""
        blocks = self._blocks.setdefault(stage.name, {})
        block = blocks.pop((start, stop), None)
        self._order(stage, blocks, stop)
        if block is None or block.cancel():
            return None
        made, seconds = self._result(block)
        self._tally.add(stage.node, seconds, stop - start)
        return made

    def _result(self, block: Future) -> tuple[Any, float]:
        while True:
            try:
                return block.result(WAIT_SECONDS)
            except TimeoutError:
                if block.done():  # the node itself has raised it
                    raise
                self._check()

    def _order(self, stage: Stage, blocks: dict[tuple[int, int], Future], first: int) -> None:
        """Let blocks be made from frame ``first`` on, as far as threads are free."""
        for span in [span for span in blocks if span[0] < first]:  # nobody asks for them any more
            blocks.pop(span).cancel()
        start = max([first, *(stop for _, stop in blocks)])
        while start < self._stop and len(blocks) < MOST_BLOCKS and self._helpers.free:
            stop = min(start + BLOCK, self._stop)
            future = self._helpers.lend(self._decoding(stage, start, stop))
            if future is None:
                return
            blocks[start, stop] = future
            start = stop

    def _decoding(self, stage: Stage, start: int, stop: int) -> Callable[[], tuple[Any, float]]:
        """Make the latents of some frames, and return what decodes them in any thread, and tells how long that took."""
        if stage.name not in self._latents:
            (read,) = stage.reads.values()
            self._latents[stage.name] = self._begin(read.stage)
        latents = self._latents[stage.name](start, stop)
        return partial(_timed, self._call(stage, start, stop, lambda read: latents))

    def close(self) -> None:
        """Wait for what is under way: it uses what the plan has opened. What it raises concerns nobody any more."""
        for blocks in self._blocks.values():
            for block in blocks.values():
                if not block.cancel():
                    block.exception()
            blocks.clear()


def _timed(decode: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    made = decode()
    if isinstance(made, np.ndarray):
        made = made.copy()  # a node may use its memory again for the next block
    return made, time.perf_counter() - began
