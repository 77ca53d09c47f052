"""What nodes may ask of whoever runs them: music, models, pictures, kept results. The runtime answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from n2s.graph.placing import Placing
from n2s.graph.time import Clock, PartialClock

SKETCH = "sketch"  # what a model calls the net that shows from far away what its decoder draws


class AudioHandle(Protocol):
    """A piece of music, identified by its PCM; ``read`` gives float32 (channels, n), zeros outside the piece."""

    digest: str
    rate: int
    channels: int
    samples: int

    def read(self, start: int, n: int) -> np.ndarray: ...


class VideoHandle(Protocol):
    """The frames of a video, known by the times at which they are shown.

    Attributes
    ----------
    digest : str
        What names its frames and their times.
    tick : Fraction
        The unit of its times, in seconds.
    times : int64 (N,)
        When each frame is shown, in ticks, rising; the first one at 0.
    length : int
        How long all of it is shown, in ticks.
    pixel : float
        How wide one of its pixels is for its height.
    """

    digest: str
    tick: Fraction
    times: np.ndarray
    length: int
    pixel: float

    def read(self, numbers: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return frames by their numbers, colours (B, 3, H, W) and mattes (B, 1, H, W), float32; -1: nothing."""
        ...


class Decoder(Protocol):
    """A decoder of latents: float32 (N, C, h, w), unit variance, to float32 frames (N, 3, scale*h, scale*w)."""

    scale: int

    def decode(self, latents: np.ndarray) -> np.ndarray: ...


class Upscaler(Protocol):
    """What enlarges frames: float32 (N, 3, h, w) to float32 (N, 3, 2h, 2w)."""

    def enlarge(self, frames: np.ndarray) -> np.ndarray: ...


class ModelFiles(Protocol):
    """A folder with a model: its card, its anchors, its decoders."""

    @property
    def channels(self) -> int: ...

    @property
    def scale(self) -> int: ...

    @property
    def latent(self) -> dict[str, Any]: ...  # what the card says of latents

    def anchor(self, name: str) -> np.ndarray: ...

    def details(self, precision: str) -> dict[str, int]:
        """Return the pixels per cell of each decoder that there is in a precision: {"x1": 32, "x2": 64}."""
        ...

    @property
    def sketch_scale(self) -> int:
        """The pixels per cell of the net that shows from far away what the decoder draws; 0 where there is none."""
        ...

    def encoder_digest(self) -> str:
        """Return the digest of the file that makes latents of pictures."""
        ...

    def identity(self, precision: str, provider: str, detail: str = "x1", batch: int = 1) -> dict[str, str]:
        """Return what names the decoder that will run: its file's digest and its provider."""
        ...

    def decoder(self, precision: str, provider: str, batch: int, detail: str = "x1") -> Decoder: ...

    def upscaler_identity(self, provider: str) -> dict[str, str]:
        """Return what names the net that enlarges frames: its file's digest and its provider."""
        ...

    def upscaler(self, provider: str) -> Upscaler: ...


class ModelCard(Protocol):
    """What is known of a model without opening it; each answer is a sentence about what it lacks, or nothing."""

    def lacks_anchor(self, name: str) -> str: ...

    def lacks_encoder(self) -> str: ...

    def lacks_decoder(self, precision: str, detail: str = "auto") -> str: ...

    def lacks_upscaler(self) -> str: ...


class Context(Protocol):
    """What nodes may ask for from outside the graph."""

    def audio(self, path: Path, keep: bool = False) -> AudioHandle:
        """Return a piece of music; ``keep`` takes what is there of a damaged one, which is an error otherwise."""
        ...

    def model(self, path: Path | None) -> ModelFiles: ...

    def image(self, path: Path) -> np.ndarray:
        """Return a picture as float32 (3, H, W), display-referred, 0..1."""
        ...

    def transparency(self, path: Path) -> np.ndarray:
        """Return how much of a picture shows where, float32 (1, H, W), 0..1; 1 everywhere for one that is opaque."""
        ...

    def placed_image(self, path: Path, size: tuple[int, int], placing: Placing) -> tuple[np.ndarray, np.ndarray]:
        """Return a picture placed in a frame (width, height): its colours (3, H, W), and how much of it shows where."""
        ...

    def encoded_image(self, path: Path, model: ModelFiles, grid: tuple[int, int]) -> np.ndarray:
        """Return the latents of a picture that covers a grid (rows, columns), float32 (C, h, w); kept in the store."""
        ...

    def video(self, path: Path, keep: bool = False) -> VideoHandle:
        """Return a video; ``keep`` takes what is there of a damaged one, which is an error otherwise."""
        ...

    def file_digest(self, path: Path) -> str:
        """Return a digest of the bytes of a file, or of all files of a folder."""
        ...

    def check_unchanged(self) -> None:
        """Raise an error if a file has changed since its digest was asked for."""
        ...

    def keep(self, name: str, recipe: dict, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return what ``make`` makes, or the stored result if the same code made this recipe before.

        The code is that of the module in which ``make`` stands, and of all that it imports.
        """
        ...

    def say(self, text: str) -> None:
        """Tell the user what is going on."""
        ...


@dataclass(frozen=True)
class Scene:
    """What holds for the whole track while its resident values are computed.

    ``size`` is the film's width and height; for a streamed node that decides the size of what it gives, the one in
    which that is shown. ``looked_at`` is the size in which a measure looks at what such a node gives, where the film
    waits for it; None where the frames are the film's own.
    """

    clock: Any  # Clock; a PartialClock, which has part of that, for streamed nodes
    seed: int
    size: tuple[int, int]
    context: Context
    base: Path
    model_folder: Path | None = None
    tempo: float | None = None  # beats per minute, where the graph states it
    looked_at: tuple[int, int] | None = None

    def seen_by(self, node: Any) -> Scene:
        """Return the scene as a streamed node may read it: of the clock, what it declares."""
        return replace(self, clock=PartialClock(cast(Clock, self.clock), node.reads, type(node).__name__))

    def path(self, text: str) -> Path:
        """Return a path of the graph, made absolute against the folder of its file."""
        return (self.base / text).resolve()

    def model(self, text: str | None) -> ModelFiles:
        """Return the model in the folder that a node names; else the one the graph names, else the shipped one."""
        return self.context.model(self.path(text) if text else self.model_folder)


class Block(NamedTuple):
    """The few frames that a streamed node is asked for: ``start`` to ``stop``, without the window around them.

    ``grid`` is the latent grid (rows, columns) that the decoder downstream wants; ``resources`` holds what the node's
    ``open`` made once for this run; ``size`` is the width and height of the frames that the node gives, where it is not
    a source of frames.
    """

    scene: Scene
    start: int
    stop: int
    grid: tuple[int, int]
    resources: Any = None
    size: tuple[int, int] | None = None

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] nobody counts a block's fields
        return self.stop - self.start

    @property
    def times(self) -> np.ndarray:
        """The frames' times in seconds, float64 (B,)."""
        return self.scene.clock.times(self.start, self.stop)
