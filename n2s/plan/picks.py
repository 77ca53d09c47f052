"""Which frames of its pictures a node shows that makes none of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from n2s.graph import authors
from n2s.plan.stages import Plan


@dataclass(frozen=True)
class Picked:
    """For each frame of a film the port and the frame that a node shows, int64 (T,); port -1 shows none."""

    port: np.ndarray
    frame: np.ndarray

    def at(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ports and frames that are shown at some frames.

        Beyond the end the last picture stays: where the film runs it runs on, where it stands it stands.
        """
        last = len(self.port) - 1
        inside = np.minimum(frames, last)
        shown = self.frame[inside]
        return self.port[inside], np.where(shown == inside, frames, shown)

    def next_use(self, port: int, frame: int, after: int) -> int | None:
        """Return the first frame of the film from ``after`` on that shows a frame of a port; None where none does."""
        codes, order = self._uses
        code = frame * self._ports + port
        places = order[np.searchsorted(codes, code) : np.searchsorted(codes, code, side="right")]
        following = places[np.searchsorted(places, after) :]
        return int(following[0]) if len(following) else None

    @property
    def oldest(self) -> int:
        """How many frames before its own the oldest frame is that is shown."""
        return int(np.max((np.arange(len(self.port)) - self.frame)[self.port >= 0], initial=0))

    @cached_property
    def _ports(self) -> int:
        return int(self.port.max(initial=0)) + 1

    @cached_property
    def _uses(self) -> tuple[np.ndarray, np.ndarray]:
        """What is shown, as sorted numbers, and the frames that show it, rising where it is the same."""
        codes = np.where(self.port >= 0, self.frame * self._ports + self.port, -1)
        order = np.argsort(codes, kind="stable")
        return codes[order], order


def picked(plan: Plan, name: str) -> Picked:
    """Return which frames of its pictures a node shows, as its author says.

    Raises
    ------
    RenderError
        When it is not pairs of a port and a frame that has been.
    """
    node, values = plan.graph.nodes[name], plan.values
    frames = np.arange(values.clock.frames)
    params = {}
    for field in node.params():
        value = np.broadcast_to(np.asarray(values.params[name, field], np.float32), frames.shape)
        params[field] = value  # broadcast or not, it cannot be written into
    fps = plan.graph.header.fps
    made = authors.call(plan.graph, name, "pick", node.pick, frame=np.arange(len(frames)), fps=fps, **params)
    try:
        port, frame = (np.broadcast_to(np.asarray(numbers), frames.shape) for numbers in made)
    except (TypeError, ValueError):
        text = f"pick gave {authors.shown(made)}; a port and a frame for each of {len(frames)} frames were wanted."
        raise authors.wrong(plan.graph, name, text) from None
    connected = np.array([getattr(node, port) is not None for port in node.ports])
    count = len(connected)
    if port.dtype.kind not in "iu" or frame.dtype.kind not in "iu":
        raise authors.wrong(plan.graph, name, f"pick gave {port.dtype} and {frame.dtype}; whole numbers were wanted.")
    shows = port >= 0
    wrong = (port < -1) | (port >= count) | (shows & ((frame < 0) | (frame > frames)))
    if wrong.any():
        at = int(np.argmax(wrong))
        text = (
            f"pick gave port {port[at]} and frame {frame[at]} for frame {at}; "
            f"a port within -1..{count - 1} and a frame within 0..{at} were wanted."
        )
        raise authors.wrong(plan.graph, name, text)
    nothing = shows & ~connected[np.where(shows, port, 0)]
    if nothing.any():
        at, empty = int(np.argmax(nothing)), list(node.ports)[port[np.argmax(nothing)]]
        raise authors.wrong(plan.graph, name, f"frame {at} shows {empty}, to which nothing is connected.")
    return Picked(port.astype(np.int64), frame.astype(np.int64))
