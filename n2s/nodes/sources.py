"""Pictures that are not decoded from latents."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import FRAMES_OUTPUT, FilePath, Streamed, setting


class ImageSource(Streamed):
    """Show a still picture for the whole track: PNG, JPEG, TIFF, WebP and what else FFmpeg reads.

    It is cropped at its centre to the film's shape and resampled, like decoded frames. Transparency is ignored.
    """

    path: FilePath = setting(help="the file, relative to the graph's", keyed=False)

    outputs = FRAMES_OUTPUT
    reads = frozenset()
    example = {"path": "picture.png"}

    def digests(self, scene: Scene) -> dict[str, str]:
        return {"image": scene.context.file_digest(scene.path(self.path))}

    def open(self, scene: Scene, grid: None) -> np.ndarray:
        return scene.context.image(scene.path(self.path))

    def compute(self, block: Block) -> np.ndarray:
        return np.broadcast_to(block.resources, (block.count, *block.resources.shape))
