"""Motion through latent space that needs no driving signal."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, FolderPath, MusicalTime, Param, Streamed, param, port, setting
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest_array
from n2s.graph.types import Latents
from n2s.nodes.channels import channel_reach
from n2s.nodes.drift import Drift, Spread, drift_key, from_centre

MOST_CHANNELS = 64


class Wander(Streamed):
    """Let latents drift smoothly, without end.

    out = (latents + a * drift) / sqrt(1 + a²), a = amount * reach: the variance does not change.

    ``reach``, one number from 0 to 1 per channel, comes from the model's card: how much the mean of the channel over
    ``scale`` cells varies in the model's pictures. Some channels only describe what lies within a single cell; their
    reach is small, because drifting them as a whole would show the latent grid.

    The drift is computed on a coarse grid, one of whose cells covers ``scale`` latent cells. Every value of that grid
    is a sum of three cosines of time, with frequencies of 0.5 to 1.5 per ``period`` and random phases, so that the
    motion never stops or repeats. Between the cells it is interpolated with bilinear weights of unit length. Time is in
    seconds, so that another frame rate shows the same motion.
    """

    latents: Latents = port("where the drift starts from")
    amount: Param = param(
        0.35, ge=0, le=4, help="how far it drifts from where it starts: 0.25 gently, 1 to quite another picture"
    )
    period: MusicalTime = setting(8.0, ge=0.05, le=3600, unit="s", help="the time of one swing, on average")
    scale: float = setting(4.0, ge=1, le=64, unit="latent cells", help="size of what drifts together")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another drift")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"amount": 0}

    def digests(self, scene: Scene) -> dict[str, str]:
        return {"reach": digest_array(self._reach(scene))}

    def _reach(self, scene: Scene) -> np.ndarray:
        """Return the reach of each channel for this scale, float32 (C,); ones if the model's card has no reach."""
        return channel_reach(scene.model(self.model), self.scale)

    def open(self, scene: Scene, grid: tuple[int, int]) -> tuple:
        rows, columns = (Spread(from_centre(cells), self.scale) for cells in grid)
        period = scene.clock.seconds(self.period)
        drift = Drift(drift_key(scene.seed, b"WAND", self.seed), rows, columns, MOST_CHANNELS, period)
        return rows, columns, drift, self._reach(scene)

    def compute(self, block: Block, latents: np.ndarray, amount: np.ndarray) -> np.ndarray:
        rows, columns, noise, reach = block.resources
        channels = latents.shape[1]
        if len(reach) != channels:
            raise RenderError(
                f"Wander gets latents of {channels} channels, but its model has {len(reach)}; set model to the one "
                "that the latents belong to."
            )
        drift = columns.spread(rows.spread(noise.coarse(block.times, channels), 2), 3)
        amount = amount[:, None, None, None] * reach[:, None, None]
        return (latents + amount * drift) / np.sqrt(np.float32(1) + amount * amount)
