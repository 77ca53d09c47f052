"""Pictures that are not decoded from latents: stills and videos."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Literal

import numpy as np

from n2s.graph.context import Block, Scene, VideoHandle
from n2s.graph.declare import FilePath, Output, PicturePath, Seconds, Streamed, VideoPath, setting
from n2s.graph.placing import Fit, Placing
from n2s.graph.time import Clock, outside
from n2s.graph.types import FRAMES, MATTE


class _Picture(Streamed):
    """A source of pictures from a file, with the settings that place them in the frame."""

    path: FilePath = setting(help="the file, relative to the graph's", keyed=False)
    fit: Fit = setting("cover", help="fill the frame and crop what is too much; show all of it; or stretch it")
    x: float = setting(
        0.5, ge=0, le=1, help="what of it is kept, or where it lies: 0 its left edge at the frame's, 1 its right"
    )
    y: float = setting(0.5, ge=0, le=1, help="the same from 0, its upper edge at the frame's, to 1, its lower")
    height: float = setting(
        1.0, gt=0, le=1, unit="heights", help="how high it is at most, in heights of the frame; 0.1 makes a logo"
    )
    margin: float = setting(
        0.0, ge=0, le=0.25, unit="heights", help="how far it stays from the edges, in heights of the frame"
    )

    reads = frozenset()

    def _placing(self, pixel: float = 1.0) -> Placing | None:
        """Return how it lies in the frame; None where it covers it, cropped at its centre."""
        made = Placing(self.fit, self.x, self.y, self.height, self.margin, pixel)
        return made if made != Placing() else None


class ImageSource(_Picture):
    """Show a still picture for the whole track: PNG, JPEG, TIFF, WebP and what else FFmpeg reads.

    By default it is cropped at its centre to the film's shape; ``x`` and ``y`` say what else is kept. ``fit: contain``
    shows all of it, on the side that ``x`` and ``y`` say, no higher than ``height``; around it, frames are black and
    the matte is 0. It is resampled in light, like decoded frames, and turned as its EXIF data say. Its frames have its
    colours as if it were opaque; its matte has its transparency, 1 everywhere where it has none. So a logo in the lower
    right corner is ``{node: ImageSource, path: logo.png, fit: contain, height: 0.1, x: 1, y: 1, margin: 0.05}``, and
    ``{node: Over, back: film, front: logo, matte: logo}`` shows it.
    """

    path: PicturePath = setting(help="the file, relative to the graph's", keyed=False)

    outputs = {"frames": Output(FRAMES, "its colours"), "matte": Output(MATTE, "where it is not transparent")}
    example = {"path": "picture.png"}

    def digests(self, scene: Scene) -> dict[str, str]:
        return {"image": scene.context.file_digest(scene.path(self.path))}

    def open(self, scene: Scene, grid: None) -> dict[str, np.ndarray]:
        path = scene.path(self.path)
        if placing := self._placing():
            frames, matte = scene.context.placed_image(path, scene.size, placing)
            return {"frames": frames, "matte": matte}
        frames, matte = scene.context.image(path), scene.context.transparency(path)
        if frames.shape[:0:-1] != scene.size and not (matte == 1).all():
            # Weighed by how much of it is seen, or the colours behind what is transparent would leave a rim.
            frames, matte = scene.context.placed_image(path, scene.size, Placing())
        return {"frames": frames, "matte": matte}

    def compute(self, block: Block) -> dict[str, np.ndarray]:
        return {
            output: np.broadcast_to(picture, (block.count, *picture.shape))
            for output, picture in block.resources.items()
        }


class VideoSource(_Picture):
    """Show a video: MP4, MOV, MKV, WebM, AVI, GIF and what else FFmpeg reads.

    At time t of the film, the last frame is shown whose own time is not after start + speed * t, within half a tick of
    the file's clock; so videos of any frame rate, and of one that varies, keep time, and no frames are mixed. The
    film's length is that of the music. A matte has the video's transparency (ProRes 4444, PNG in MOV, VP9 in WebM),
    else 1; ``fit``, ``x``, ``y``, ``height`` and ``margin`` place it as they place an `ImageSource`. Where a
    transparent video is made larger or smaller, the colours behind what is transparent mix into the edges of what is
    seen. One of the film's size, or one whose colours go on behind its edges, has none of that.

    The file is decoded once from end to end to list its frames, with a sum of each, and every frame that is shown later
    must have the same sum. One that is cut short or damaged is an error; with ``damaged: keep`` it ends there. Colours
    become RGB by the matrix and range that the file states; where it states none, by BT.709 from 720 rows on, else by
    BT.601, of limited range. It is turned as the file says. HDR is not tone-mapped, and fields are not woven.
    """

    path: VideoPath = setting(help="the file, relative to the graph's", keyed=False)

    start: Seconds = setting(
        0, ge=-86400, le=86400, unit="s", help="where in the video the film begins; below 0, the video begins later"
    )
    speed: float = setting(1.0, ge=0, le=100, unit="times", help="how fast it runs; 0 is a frozen frame")
    beyond: Literal["hold", "loop", "black"] = setting(
        "hold", help="before its first and after its last frame: hold that one, begin again, or show nothing"
    )
    damaged: Literal["refuse", "keep"] = setting(
        "refuse", help="what to do about a damaged file: refuse it, or keep what comes before the damage"
    )

    outputs = {"frames": Output(FRAMES, "its colours"), "matte": Output(MATTE, "where it is not transparent")}
    example = {"path": "video.mp4"}

    def required_tools(self) -> tuple[str, ...]:
        return ("ffmpeg",)

    def digests(self, scene: Scene) -> dict[str, str]:
        video = self.open(scene, None)
        return {"video": scene.context.file_digest(scene.path(self.path)), "frames": video.digest}

    def open(self, scene: Scene, grid: None) -> VideoHandle:
        return scene.context.video(scene.path(self.path), self.damaged == "keep")

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        begin = -float(self.start.resolve(120)) / self.speed if self.speed else 0.0
        text = outside(clock, "the video", begin) if self.beyond == "black" else ""
        return [(("start",), text)] if text else []

    def placing(self, opened: VideoHandle) -> Placing | None:
        return self._placing(opened.pixel)

    def compute(self, block: Block) -> dict[str, np.ndarray]:
        fps = block.scene.clock.fps
        frames, matte = block.resources.read(
            [self._number(block.resources, frame / fps) for frame in range(block.start, block.stop)]
        )
        return {"frames": frames, "matte": matte}

    def _number(self, video: VideoHandle, time: Fraction) -> int:
        """Return which frame is shown at a time of the film; -1 for none."""
        start, speed = Fraction(self.start.resolve(120)), Fraction(str(self.speed))
        at = floor((start + speed * time) / video.tick + Fraction(1, 2))
        if self.beyond == "black" and not 0 <= at < video.length:
            return -1
        if self.beyond == "loop":
            at %= video.length
        return max(int(np.searchsorted(video.times, at, "right")) - 1, 0)
