"""What the channels of a model's latents describe: forms that are wider than a cell, or what lies within one."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import ModelFiles, Scene
from n2s.graph.declare import Streamed
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest_array

FORMS = 0.6  # reach over 2 cells, above which a channel describes forms; that of cells without relation is 0.5


def channel_reach(model: ModelFiles, scale: float) -> np.ndarray:
    """Return the reach of each channel for a scale in cells, float32 (C,); ones if the model's card has no reach."""
    known = model.latent.get("reach")
    if not known:
        return np.ones(model.channels, np.float32)
    scales = sorted(known, key=float)
    at = np.log2([float(scale) for scale in scales])
    columns = zip(*(known[scale] for scale in scales))
    return np.array([np.interp(np.log2(scale), at, column) for column in columns], np.float32)


class _MovesForms(Streamed):
    """A node that moves forms between cells, and has a setting ``model``.

    Where an edge runs within a cell is written in channels of its own. They can neither be enlarged, turned nor mixed
    with their neighbours: the edge would be drawn once in every cell, as a comb. So only forms are.
    """

    def digests(self, scene: Scene) -> dict[str, str]:
        return {"forms": digest_array(self._forms(scene))}

    def _forms(self, scene: Scene) -> np.ndarray:
        """Return which channels describe forms, bool (C,)."""
        return channel_reach(scene.model(self.model), 2) >= FORMS

    def _split(self, latents: np.ndarray, forms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the channels of forms and those of details."""
        if len(forms) != latents.shape[1]:
            raise RenderError(
                f"{type(self).__name__} gets latents of {latents.shape[1]} channels, but its model has {len(forms)}; "
                "set model to the one that the latents belong to."
            )
        return latents[:, forms], latents[:, ~forms]

    def _joined(self, forms: np.ndarray, of_forms: np.ndarray, of_details: np.ndarray) -> np.ndarray:
        """Return latents of both."""
        made = np.empty((len(of_forms), len(forms), *of_forms.shape[2:]), np.float32)
        made[:, forms], made[:, ~forms] = of_forms, of_details
        return made
