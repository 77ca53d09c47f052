"""Pictures that move by themselves, over and over: GIF and animated WebP."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from n2s.formats.packets import read_packets
from n2s.formats.png import PNG
from n2s.graph.codings import ending_of, has_alpha
from n2s.graph.errors import RenderError
from n2s.graph.format import Pixels
from n2s.runtime.ffmpeg import EXACT, FFmpeg

ONE_THREAD = ["-threads", "1", "-filter_threads", "1"]
COUNTED = "full"  # pixels that a palette is chosen by: all. Those before each change ("diff") lack the last picture's.


class Animation(PNG):
    """A film without sound that begins again: its frames are kept as PNG, and encoded in one piece.

    A GIF has one palette for all of its frames, and frames of a WebP refer to those before; neither can be joined. A
    sink gives ``colours``, ``quality`` and ``dither``.
    """

    is_folder = False
    endings = (".gif", ".webp")

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("rgb", 8, sink.dither, has_alpha(sink))

    def describe(self, sink: Any) -> str:
        is_gif = ending_of(sink.path) == ".gif"
        kind = f"GIF of {sink.colours} colours" if is_gif else f"WebP, quality {sink.quality}"
        return f"{kind}, encoded in one piece"

    def join_recipe(self, sink: Any) -> dict[str, Any]:
        if ending_of(sink.path) == ".gif":
            return {"colours": sink.colours, "counted": COUNTED}
        return {"quality": sink.quality}

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        source = ["-f", "image2pipe", "-c:v", "png", "-framerate", str(film.fps), "-i", "pipe:0"]
        if ending_of(film.path.name) == ".webp":
            quality = ["-c:v", "libwebp_anim", "-quality", str(film.sink.quality), "-loop", "0"]
            _encode([*source, *quality, *ONE_THREAD, *EXACT, "-f", "webp"], path, segments)
            return
        palette = path.with_suffix(".pal")
        try:
            chosen = f"palettegen=stats_mode={COUNTED}:max_colors={film.sink.colours}"
            found = ["-vf", chosen, "-c:v", "png", "-f", "image2", "-update", "1"]
            _encode([*source, *found, *ONE_THREAD], palette, segments)
            used = "[0][1]paletteuse=dither=bayer:bayer_scale=3:diff_mode=rectangle"
            palettes = ["-f", "image2", "-c:v", "png", "-i", f"file:{palette}"]
            _encode(
                [*source, *palettes, "-lavfi", used, "-loop", "0", *ONE_THREAD, *EXACT, "-f", "gif"], path, segments
            )
        finally:
            palette.unlink(missing_ok=True)

    def verify(self, path: Path, film: Any) -> None:
        is_gif = ending_of(film.path.name) == ".gif"
        wanted = film.frames / film.fps
        try:
            seconds = read_packets(path)[0].duration if is_gif else webp_duration(path)
            if seconds == 0:  # a still picture: of frames that are all alike, which are shown for ever
                return
        except (ValueError, IndexError, OSError):
            seconds = None
        if seconds is None or abs(seconds - wanted) > (Fraction(1, 100) if is_gif else Fraction(film.frames, 1000)):
            raise RenderError(
                f"{film.path.name} came out with {float(seconds or 0):.3f} s instead of {float(wanted):.3f} and was "
                "not published; run again, with --force if it happens twice."
            )


def _encode(arguments: list[str], output: Path, segments: Iterable[Path]) -> None:
    """Encode the pictures of segments."""
    with FFmpeg(arguments, output) as ffmpeg:
        for segment in segments:
            with ZipFile(segment) as file:
                for name in file.namelist():
                    ffmpeg.write(file.read(name))
        ffmpeg.finish()


def webp_duration(path: Path) -> Fraction:
    """Return how long an animated WebP is shown, in seconds: the sum of its frames' times; 0 for a still picture.

    Raises
    ------
    ValueError
        When the file is none, or is not whole.
    """
    chunks = list(_chunks(path))
    if not any(name in (b"ANMF", b"VP8 ", b"VP8L") for name, _ in chunks):
        raise ValueError(f"{path.name} has no pictures")
    return Fraction(sum(struct.unpack("<I", body[12:15] + b"\0")[0] for name, body in chunks if name == b"ANMF"), 1000)


def _chunks(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the first bytes of each chunk of a WebP file."""
    with open(path, "rb") as file:
        head = file.read(12)
        length = file.seek(0, 2)
        if head[:4] != b"RIFF" or head[8:] != b"WEBP" or struct.unpack("<I", head[4:8])[0] + 8 > length:
            raise ValueError(f"{path.name} is no whole WebP")
        place = 12
        while place + 8 <= length:
            file.seek(place)
            name, size = struct.unpack("<4sI", file.read(8))
            yield name, file.read(min(size, 16))
            place += 8 + size + size % 2
