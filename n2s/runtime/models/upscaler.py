"""The net that enlarges frames, on an open session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.runtime.models.sessions import OUT_OF_MEMORY, ProviderExhausted, is_net_of_arrays, said


class SessionUpscaler:
    """A net that doubles the size of frames, which threads may share. It takes one frame at a time, of even sides."""

    def __init__(self, path: Path, session: Any, provider: str):
        self.path, self.provider, self._session = path, provider, session
        if not is_net_of_arrays(session):
            raise RenderError(
                f"{path} is no net that enlarges: it must take float32 frames (N, 3, h, w) and give float32 frames "
                "(N, 3, 2h, 2w)."
            )

    def enlarge(self, frames: np.ndarray) -> np.ndarray:
        """Return frames float32 (N, 3, 2h, 2w) of frames float32 (N, 3, h, w); an odd side gets its last pixels twice.

        Raises
        ------
        ProviderExhausted
            When CUDA's memory does not hold one frame.
        RenderError
            When the net fails otherwise.
        """
        count, planes, height, width = frames.shape
        out = np.empty((count, planes, 2 * height, 2 * width), np.float32)
        if height % 2 or width % 2:
            frames = np.pad(frames, ((0, 0), (0, 0), (0, height % 2), (0, width % 2)), mode="edge")
        wanted = (1, planes, 2 * frames.shape[2], 2 * frames.shape[3])
        name = self._session.get_inputs()[0].name
        for k, frame in enumerate(frames):
            try:
                made = self._session.run(None, {name: np.ascontiguousarray(frame[None], np.float32)})[0]
            except Exception as error:
                if not OUT_OF_MEMORY.search(str(error)):
                    raise RenderError(f"{self.path} failed while enlarging: {said(error)}") from None
                if self.provider == "cuda":
                    raise ProviderExhausted(
                        "The memory of CUDA is too small to enlarge one frame; the CPU does it from here on."
                    ) from None
                raise RenderError(
                    "There is too little memory to enlarge one frame. Lower the film's size, or the number of chunks "
                    "that are rendered at the same time (--jobs or --workers)."
                ) from None
            if made.shape != wanted:
                raise RenderError(f"{self.path} turns frames {frame.shape} into {made.shape[1:]}, not twice the size.")
            out[k] = made[0, :, : 2 * height, : 2 * width]
        return out
