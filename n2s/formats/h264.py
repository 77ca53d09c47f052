"""H.264 in MP4 through FFmpeg, with the music as AAC, and title, artist and chapters."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from n2s.formats.mp4 import read_mp4
from n2s.graph.errors import RenderError
from n2s.graph.format import Format, Pixels, Shape
from n2s.runtime.ffmpeg import EXACT, FFmpeg, run_ffmpeg


class H264(Format):
    """Closed groups of pictures in MP4, one per segment, joined by stream copy.

    A sink gives ``depth``, ``dither``, ``crf``, ``preset`` and ``audio_bitrate``.
    """

    suffix = ".mp4"
    endings = (".mp4", ".m4v")
    carries_sound = True
    carries_metadata = True
    sound_suffix = ".mp4"
    gives_frames = True

    def pixels(self, sink: Any) -> Pixels:
        return Pixels("yuv420p", sink.depth, sink.dither)

    def describe(self, sink: Any) -> str:
        return f"H.264, crf {sink.crf}, {sink.preset}"

    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[np.ndarray]) -> None:
        arguments = segment_arguments(shape.size, shape.fps, sink.crf, sink.preset, sink.depth)
        with FFmpeg(arguments, path) as ffmpeg:
            for codes in blocks:
                ffmpeg.write(memoryview(codes).cast("B"))
            ffmpeg.finish()

    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        try:
            found = next(track.samples for track in read_mp4(path) if track.handler == "vide")
        except (ValueError, StopIteration, OSError):
            found = None
        if found != frames:  # FFmpeg can end well with a short file
            raise RenderError(f"FFmpeg made a segment of {found} frames instead of {frames}; run again to go on.")

    def sound_recipe(self, sink: Any) -> dict[str, Any]:
        return {"bitrate": sink.audio_bitrate}

    def write_sound(self, path: Path, film: Any, blocks: Iterator[np.ndarray]) -> None:
        sound = film.sound
        arguments = sound_arguments(sound.rate, sound.layout, film.sink.audio_bitrate, sound.delivered, film.samples)
        with FFmpeg(arguments, path) as ffmpeg:
            for samples in blocks:
                ffmpeg.write(np.ascontiguousarray(samples, "<f4").tobytes())
            ffmpeg.finish()

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        listing, notes = path.with_suffix(".list"), path.with_suffix(".meta")
        try:
            quoted = ["file:" + str(segment).replace("'", "'\\''") for segment in segments]
            lines = "".join(f"file '{name}'\n" for name in quoted)
            listing.write_text(f"ffconcat version 1.0\n{lines}", encoding="utf-8")
            notes.write_text(metadata(film), encoding="utf-8")
            run_ffmpeg(join_arguments(listing, sound, notes, film.fps), path)
        finally:
            listing.unlink(missing_ok=True)
            notes.unlink(missing_ok=True)

    def verify(self, path: Path, film: Any) -> None:
        try:
            tracks = {track.handler: track for track in read_mp4(path)}
        except (ValueError, OSError):
            tracks = {}
        frames = tracks["vide"].samples if "vide" in tracks else None
        if frames != film.frames:
            raise RenderError(
                f"{film.path.name} came out with {frames} frames instead of {film.frames} and was not published; "
                "run again, with --force if it happens twice."
            )
        if film.music:
            rate = film.sound.delivered
            samples = tracks["soun"].duration * rate if "soun" in tracks else None
            # The length is kept in the film's time base, whose ticks may be coarser than samples.
            if samples is None or abs(samples - film.samples) > Fraction(rate, 1000):
                raise RenderError(
                    f"{film.path.name} came out with {samples} samples of sound instead of {film.samples} and was "
                    "not published; run again, with --force if it happens twice."
                )

    def write_frames(self, film: Path, folder: Path) -> None:
        # A percent sign in the folder's name is no part of the pattern.
        run_ffmpeg(frames_arguments(film), Path(str(folder).replace("%", "%%")) / "%06d.png")


def segment_arguments(size: tuple[int, int], fps: Fraction, crf: int, preset: str, depth: int) -> list[str]:
    """Return FFmpeg's arguments that turn raw yuv420p frames on standard input into one closed segment.

    One thread and no processor-specific decisions, so that the bytes depend on the frames alone; the time base is that
    of the frame rate, so that segments join exactly; BT.709 limited range and left-sited chroma are tagged.
    """
    pixels = "yuv420p" if depth == 8 else "yuv420p10le"
    tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    return [
        *["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{size[0]}x{size[1]}", "-framerate", str(fps), "-i", "pipe:0"],
        *["-an", "-vf", f"setparams={tags}", "-pix_fmt", pixels, "-chroma_sample_location", "left"],
        *["-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-threads", "1"],
        *["-x264-params", "stitchable=1:cpu-independent=1:open-gop=0"],
        *["-video_track_timescale", str(fps.numerator), *EXACT, "-f", "mp4"],
    ]


def sound_arguments(rate: int, layout: str, bitrate: int, delivered: int, samples: int) -> list[str]:
    """Return FFmpeg's arguments that turn float32 samples on standard input into AAC in an MP4 file.

    The speakers are named, because FFmpeg takes the third of three channels for the low-frequency one. Where the sound
    gets another sample rate than the music, it is resampled to exactly ``samples`` samples.
    """
    resample = f"aresample={delivered}:filter_size=64:cutoff=0.97,apad=whole_len={samples},atrim=end_sample={samples}"
    return [
        *["-f", "f32le", "-ar", str(rate), "-channel_layout", layout, "-i", "pipe:0"],
        *(["-af", resample] if delivered != rate else []),
        *["-c:a", "aac", "-b:a", f"{bitrate}k", "-threads", "1", *EXACT, "-f", "mp4"],
    ]


def join_arguments(listing: Path, sound: Path | None, metadata: Path, fps: Fraction) -> list[str]:
    """Return FFmpeg's arguments that join segments by copying them, with the music and the chapters.

    Each frame's time is set from its number: concatenation rounds times to microseconds, k / fps is exact.
    """
    rate, frame = f"{fps.numerator}/{fps.denominator}", f"{fps.denominator}/{fps.numerator}/TB"
    exact = f"setts=pts=round(PTS*TB*{rate})*{frame}:dts=(N-2)*{frame}:duration={frame}"
    inputs = ["-f", "concat", "-safe", "0", "-i", str(listing), *(["-i", str(sound)] if sound else [])]
    inputs += ["-f", "ffmetadata", "-i", str(metadata)]
    last = 2 if sound else 1
    return [
        *inputs,
        *["-map", "0:v", *(["-map", "1:a"] if sound else []), "-map_metadata", str(last), "-map_chapters", str(last)],
        *["-c", "copy", "-bsf:v", exact, "-video_track_timescale", str(fps.numerator)],
        *["-movflags", "+faststart", *EXACT, "-f", "mp4"],
    ]


def frames_arguments(film: Path) -> list[str]:
    """Return FFmpeg's arguments that turn a film into numbered pictures, in full-range RGB."""
    colours = "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_int,format=rgb24"
    return [
        *["-i", f"file:{film}", "-an", "-vf", colours],
        *["-fps_mode", "passthrough", "-start_number", "0", "-f", "image2"],
    ]


def metadata(film: Any) -> str:
    """Return title, artist and chapters of a film in FFmpeg's metadata format."""
    rate = film.music[0].music.rate if film.music else 1
    lines = [";FFMETADATA1"]
    lines += [f"{key}={_escape(value)}" for key, value in (("title", film.title), ("artist", film.artist)) if value]
    for chapter in film.chapters:
        lines += ["[CHAPTER]", f"TIMEBASE=1/{rate}", f"START={chapter.start}", f"END={chapter.stop}"]
        lines += [f"title={_escape(chapter.title)}"]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    for character in "\\=;#\n":
        text = text.replace(character, "\\" + character)
    return text
