"""The net that enlarges frames, on an open session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError


class SessionUpscaler:
    """A net that doubles the size of frames, which threads may share. It takes one frame at a time."""

    def __init__(self, path: Path, session: Any):
        self.path, self._session = path, session
        inputs, outputs = session.get_inputs(), session.get_outputs()
        form = [(i.type, len(i.shape)) for i in (*inputs, *outputs)]
        if len(inputs) != 1 or len(outputs) != 1 or form != [("tensor(float)", 4)] * 2:
            raise RenderError(
                f"{path} is no net that enlarges: it must take float32 frames (N, 3, h, w) and give float32 frames "
                "(N, 3, 2h, 2w)."
            )

    def enlarge(self, frames: np.ndarray) -> np.ndarray:
        """Return frames float32 (N, 3, 2h, 2w) of frames float32 (N, 3, h, w)."""
        count, planes, height, width = frames.shape
        out = np.empty((count, planes, 2 * height, 2 * width), np.float32)
        name = self._session.get_inputs()[0].name
        for k, frame in enumerate(frames):
            try:
                made = self._session.run(None, {name: np.ascontiguousarray(frame[None], np.float32)})[0]
            except Exception as error:
                raise RenderError(f"{self.path} failed while enlarging: {str(error).splitlines()[0][:200]}") from None
            if made.shape != (1, *out.shape[1:]):
                raise RenderError(f"{self.path} turns frames {frame.shape} into {made.shape[1:]}, not twice the size.")
            out[k] = made[0]
        return out
