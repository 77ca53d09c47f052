"""From latents to pictures."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from n2s.graph.context import SKETCH, Block, Decoder, ModelCard, Scene
from n2s.graph.declare import FRAMES_OUTPUT, FolderPath, Streamed, port, setting
from n2s.graph.grids import default_grid, pixels_per_cell
from n2s.graph.types import Latents


class VAEDecode(Streamed):
    """Decode latents into frames with the decoder of a β-VAE, through ONNX Runtime.

    A latent cell becomes ``scale`` x ``scale`` pixels (32 in the shipped model). The latent ``grid`` decides the
    composition and is independent of the film's size: frames are cropped at their centre to its shape and resampled,
    so that a draft shows the same picture. By default it has 16 rows (columns where the film is tall) and covers the
    film's shape. Values are rounded to float16. Other nodes, previews and exports get frames of the film's size.

    ``detail`` x2 takes the model's finer decoder, which draws the same picture with twice as many lines. auto takes the
    one whose frames come nearest to the film's size: with the shipped model x1 (512 lines) up to 724 lines, and x2
    (1024 lines) above. So a draft of a large film is quick. What a measure looks at before the film is made, in no more
    than 4 pixels per cell, auto takes from the model's sketch where it has one: a small net on the CPU, in a thirtieth
    of the time, which learned what the decoder shows from far away.

    Where its latents come from a LatentCamera that moves them by parts of a cell, it shows one cell less of each axis
    on which it ever does, and moves what it shows within the decoded frame.

    ``precision`` auto is int8 on a CPU and fp16 on CUDA. Without CUDA, or when its memory runs out even for one frame,
    the CPU takes over and says so; the provider that really runs is part of the key. On CUDA so is ``batch``, there at
    most 4: the last bits of a frame depend on how many are decoded at once. Effects run on the GPU, too.
    """

    latents: Latents = port("what is drawn: latents of unit variance")
    model: FolderPath | None = setting(
        None, help="folder of the model; default: the graph's model, or the shipped one", keyed=False
    )
    precision: Literal["auto", "int8", "fp16", "fp32"] = setting(
        "auto", help="which of the model's decoders", keyed=False
    )
    detail: Literal["auto", "x1", "x2"] = setting(
        "auto", help="how fine its frames are: auto takes what the film's size needs", keyed=False
    )
    provider: Literal["auto", "cpu", "cuda"] = setting("auto", help="what the decoder runs on", keyed=False)
    grid: tuple[int, int] | None = setting(None, ge=2, le=256, help="latent rows and columns")
    batch: int = setting(2, ge=1, le=64, help="frames the decoder takes at once", keyed=False)

    outputs = FRAMES_OUTPUT
    reads = frozenset()
    half: ClassVar[bool] = True  # its frames are float16 by definition
    shows_remainder: ClassVar[bool] = True
    as_decoded: ClassVar[bool] = True  # `compute` hands on what the decoder gives, wherever it lies

    def check_model(self, model: ModelCard) -> list[tuple[tuple, str]]:
        if text := model.lacks_decoder("auto", self.detail):
            return [(("detail",), text)]
        return [(("precision",), text)] if (text := model.lacks_decoder(self.precision, self.detail)) else []

    def required_tools(self) -> tuple[str, ...]:
        return ("onnxruntime",)

    def digests(self, scene: Scene) -> dict[str, str]:
        precision, provider, detail = self._chosen(scene)
        return self._files(scene).identity(precision, provider, detail, self.batch)

    def _files(self, scene: Scene) -> Any:
        return scene.model(self.model)

    def _chosen(self, scene: Scene) -> tuple[str, str, str]:
        """Return the precision, the provider and the detail of the decoder that is taken.

        With auto its frames are those that are stretched or shrunk least, or the sketch's for a measure.
        """
        if self.detail != "auto":
            return self.precision, self.provider, self.detail
        files, grid = self._files(scene), self.grid or default_grid(scene.size)
        if scene.looked_at and pixels_per_cell(scene.looked_at, grid) <= files.sketch_scale:
            return "auto", "cpu", SKETCH
        wanted, details = pixels_per_cell(scene.size, grid), files.details(self.precision)
        nearest = min(details, key=lambda name: max(wanted / details[name], details[name] / wanted))
        return self.precision, self.provider, nearest

    def open(self, scene: Scene, grid: tuple[int, int]) -> Decoder:
        precision, provider, detail = self._chosen(scene)
        return self._files(scene).decoder(precision, provider, self.batch, detail)

    def compute(self, block: Block, latents: np.ndarray) -> np.ndarray:
        return block.resources.decode(latents)
