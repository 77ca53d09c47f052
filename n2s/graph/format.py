"""A format: which codes of frames are stored, how segments are written and joined, how a film is checked.

A sink names its format, ``format: ClassVar[str] = "video"``; a package registers a class for that name:
``[project.entry-points."n2s.formats"] video = "mine.formats:Video"``. One object of it serves all films and all
threads, so it holds no state.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from n2s.graph.code import loaded

BITS = {"yuv420p": (8, 10), "yuv422p": (8, 10), "yuv444p": (8, 10), "rgb": (8, 16)}
HALVES = {"yuv420p": 3, "yuv422p": 4, "yuv444p": 6, "rgb": 6}  # codes per pixel, times two


@dataclass(frozen=True)
class Pixels:
    """The codes of a frame.

    Attributes
    ----------
    layout : str
        "yuv420p": planar Y'CbCr of BT.709, limited range, left-sited chroma, 3/2 H W codes.
        "yuv422p", "yuv444p": the same with chroma in every row, 2 H W codes, and in every pixel, 3 H W codes.
        "rgb": interleaved display values over the full range, 3 H W codes.
    bits : int
        Of a code: 8 or 10 of Y'CbCr, 8 or 16 of "rgb". Codes of 8 bits are uint8, others uint16.
    dither : bool
        Whether the rounding is spread over a fine fixed pattern.
    alpha : bool
        Whether a plane of H W codes follows that says how opaque each pixel is: floor(matte * largest + 1/2), over the
        full range. Colours stay what they are, whatever it is: it is straight alpha.
    """

    layout: str
    bits: int
    dither: bool = True
    alpha: bool = False

    def __post_init__(self) -> None:
        if self.bits not in BITS.get(self.layout, ()):
            known = ", ".join(f"{layout} of {' or '.join(map(str, bits))} bits" for layout, bits in BITS.items())
            raise ValueError(f"there are no pixels {self.layout!r} of {self.bits!r} bits; there are {known}")

    def __str__(self) -> str:
        words = [f"{self.layout} of {self.bits} bits", "dithered" * self.dither, "with alpha" * self.alpha]
        return ", ".join(filter(None, words))

    @property
    def stored(self) -> str:
        """The name by which a kernel knows them: "yuv8", "yuv444p10", "rgb16"."""
        return f"{'yuv' if self.layout == 'yuv420p' else self.layout}{self.bits}"

    def count(self, width: int, height: int) -> int:
        """Return the number of codes of a frame."""
        return width * height * (HALVES[self.layout] + 2 * self.alpha) // 2


@dataclass(frozen=True)
class Shape:
    """What the frames of a segment share: their width and height in pixels, and their rate."""

    size: tuple[int, int]
    fps: Fraction


class Format(ABC):
    """How films of one kind are stored; see `n2s.graph.format`.

    Whatever a method writes depends on its arguments alone. A path that it is given to write at is a temporary name:
    what is complete is renamed afterwards, and what fails is removed.

    Attributes
    ----------
    suffix : str
        Of its segments in the store, each of which is one file: ".mp4".
    endings : tuple of str
        Those that its films may have, in small letters; none of a folder.
    is_folder : bool
        Whether a film is a folder of files, in place of one file.
    carries_sound, carries_metadata : bool
        Whether music is part of a film; whether title, artist and chapters are.
    sound_suffix : str
        Of its encoded music in the store, where it carries sound.
    gives_frames : bool
        Whether `write_frames` can take the pictures out of a film.
    any_chunk : bool
        Whether a film has the same bytes for every length of segments.
    """

    suffix: ClassVar[str] = ".bin"
    endings: ClassVar[tuple[str, ...]] = ()
    is_folder: ClassVar[bool] = False
    carries_sound: ClassVar[bool] = False
    carries_metadata: ClassVar[bool] = False
    sound_suffix: ClassVar[str] = ".bin"
    gives_frames: ClassVar[bool] = False
    any_chunk: ClassVar[bool] = False

    # When it was defined, and in which file: that tells the code it was made by (`n2s.graph.code.loaded`).
    _born: ClassVar[tuple[int, str | None]] = (0, None)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._born = loaded.now(), getattr(sys.modules.get(cls.__module__), "__file__", None)

    @abstractmethod
    def pixels(self, sink: Any) -> Pixels:
        """Return which codes of each frame a sink stores."""

    @abstractmethod
    def describe(self, sink: Any) -> str:
        """Return how a sink's frames are coded, in a few words for the user: "H.264, crf 18"."""

    def resolved(self, sink: Any) -> Any:
        """Return a copy of a sink in which settings that mean the same are alike: what was left out is filled in.

        Its keyed settings stand in the key, so that a default that is written down renders nothing again.
        """
        return sink

    def recipe(self, sink: Any) -> dict[str, Any]:
        """Return, as plain data, what else decides bytes: beside the code of this class and the sink's keyed settings.

        Versions of libraries that write the bytes belong here.
        """
        return {}

    def lack(self, sink: Any) -> tuple[str, str]:
        """Return what this machine lacks to write a sink's films: the setting that asks for it, and a sentence.

        ("", "") where it lacks nothing.
        """
        return "", ""

    @abstractmethod
    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[Any]) -> None:
        """Write one chunk's frames as a segment.

        Parameters
        ----------
        blocks : iterator of array (B, codes of a frame), uint8 or uint16
            A few frames at a time, C-contiguous; the memory of one may be used again for the next.
        """

    @abstractmethod
    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        """Raise a `RenderError` where a segment does not have exactly ``frames`` frames."""

    def sound_recipe(self, sink: Any) -> dict[str, Any]:
        """Return, as plain data, what of a sink decides the bytes of its encoded music."""
        return {}

    def write_sound(self, path: Path, film: Any, blocks: Iterator[Any]) -> None:
        """Write the encoded music of a film that has sound.

        Parameters
        ----------
        film : n2s.runtime.films.films.Film
        blocks : iterator of float32 (n, channels)
            Samples in the layout of ``film.sound``, at its ``rate``.
        """
        raise NotImplementedError

    def join_recipe(self, sink: Any) -> dict[str, Any]:
        """Return, as plain data, what of a sink decides how its film is made of segments, and is in no segment's key.

        Those are settings with ``keyed=False``: when one of them is changed, frames stay as they are.
        """
        return {}

    @abstractmethod
    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        """Write a film out of its segments and its encoded music, without coding a frame again.

        Parameters
        ----------
        path : Path
            Of the file, or of a folder that is there and empty.
        film : n2s.runtime.films.films.Film
            Its ``sink``, ``size``, ``fps``, ``frames``, ``title``, ``artist``, ``chapters``, ``samples`` and ``sound``;
            ``parts`` are pairs of the plan and the chunk of each segment, whose ``count`` is that of its frames.
        """

    @abstractmethod
    def verify(self, path: Path, film: Any) -> None:
        """Raise a `RenderError` where a joined film has another number of frames, or length of sound, than planned."""

    def inspect(self, path: Path, film: Any) -> dict[str, Any]:
        """Return, as plain data, what the index of a joined film says, for quality gates; {} for nothing.

        ``frames`` are counted, ``tags`` are words on its colours, ``sound_begins_ms`` and ``sound_ends_ms`` say how
        much later than its pictures its sound does, None without sound, and ``slack_ms`` how much later it may end.
        ``chapters`` are the titles of those that are missing or at another time; None where nothing is known of them.
        """
        return {}

    def write_frames(self, film: Path, folder: Path) -> None:
        """Write every frame of a finished film into a folder, as 000000.png, 000001.png, …"""
        raise NotImplementedError
