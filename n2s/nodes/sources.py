"""Pictures that are not decoded from latents."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import FilePath, Output, Streamed, setting
from n2s.graph.types import FRAMES, MATTE


class ImageSource(Streamed):
    """Show a still picture for the whole track: PNG, JPEG, TIFF, WebP and what else FFmpeg reads.

    It is cropped at its centre to the film's shape and resampled, like decoded frames. Its frames have its colours as
    if it were opaque; its matte has its transparency, 1 everywhere where it has none.
    """

    path: FilePath = setting(help="the file, relative to the graph's", keyed=False)

    outputs = {"frames": Output(FRAMES, "its colours"), "matte": Output(MATTE, "where it is not transparent")}
    reads = frozenset()
    example = {"path": "picture.png"}

    def digests(self, scene: Scene) -> dict[str, str]:
        return {"image": scene.context.file_digest(scene.path(self.path))}

    def open(self, scene: Scene, grid: None) -> dict[str, np.ndarray]:
        path = scene.path(self.path)
        return {"frames": scene.context.image(path), "matte": scene.context.transparency(path)}

    def compute(self, block: Block) -> dict[str, np.ndarray]:
        return {
            output: np.broadcast_to(picture, (block.count, *picture.shape))
            for output, picture in block.resources.items()
        }
