"""Films of one file, through FFmpeg: pictures and music of several codecs, title, artist and chapters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from n2s.formats import nvenc
from n2s.formats.codecs import REORDERED, TAGS, encoder, layout_of, pixel_format, quality_words, sound_encoder
from n2s.formats.mp4 import Mp4Track, read_mp4
from n2s.formats.packets import read_packets
from n2s.graph.codings import CODINGS, chroma_of, cover_kind, depth_of, ending_of, has_alpha, sound_codec
from n2s.graph.errors import RenderError
from n2s.graph.format import Format, Pixels, Shape
from n2s.graph.profiles import PROFILES
from n2s.runtime.ffmpeg import EXACT, FFmpeg, run_ffmpeg

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
SEGMENTS = {"prores": "mov", "prores4444": "mov", "dnxhr": "mov", "ffv1": "mov"}  # MP4 has no place for these
MOST_TICKS = 2**31 - 1  # that a sample of an MP4 may last
TICK = Fraction(1, 1000)  # s: the times of Matroska and WebM
FEWEST = {"flac": 16, "opus": 313}  # samples that a whole piece of sound has at least; Opus begins 312 before it
LONGEST_PACKET = {"flac": 4608, "opus": 960, "aac": 1024, "alac": 4096, "pcm": 0}  # samples


class Video(Format):
    """Closed groups of pictures, one per segment, joined by stream copy into a file of the film's own kind.

    A sink gives ``codec``, ``depth``, ``chroma``, ``dither``, ``crf``, ``bitrate`` and ``preset``, and of its sound
    ``audio_codec`` and ``audio_bitrate``; see `n2s.graph.codings`.
    """

    suffix = ".mp4"  # or QuickTime, which is nearly the same: both keep times exact, whatever the film becomes
    endings = tuple(MUXERS)
    carries_sound = True
    carries_metadata = True
    sound_suffix = ".mp4"
    gives_frames = True

    def pixels(self, sink: Any) -> Pixels:
        return Pixels(layout_of(sink), depth_of(sink), sink.dither, has_alpha(sink))

    def describe(self, sink: Any) -> str:
        words = quality_words(sink)
        return CODINGS[sink.codec].name + (f", {words}" if words else "")

    def resolved(self, sink: Any) -> Any:
        filled: dict[str, Any] = {"depth": depth_of(sink), "chroma": chroma_of(sink)}
        if sink.bitrate is None and (factors := CODINGS[sink.codec].crf) and sink.crf is None:
            filled["crf"] = factors[0]
        if sink.profile and not PROFILES[sink.profile].decides_frames:  # its settings stand in those of the sink
            filled["profile"] = None
        return sink.model_copy(update=filled)

    def recipe(self, sink: Any) -> dict[str, Any]:
        return {} if CODINGS[sink.codec].everywhere else {"encoder": nvenc.gpu_and_driver()}

    def lack(self, sink: Any) -> tuple[str, str]:
        if CODINGS[sink.codec].everywhere:
            return "", ""
        try:
            nvenc.gpu_and_driver()
        except RenderError as error:
            return "codec", str(error)
        return "", ""

    def write_segment(self, path: Path, sink: Any, shape: Shape, blocks: Iterator[np.ndarray]) -> None:
        arguments = segment_arguments(sink, shape)
        with FFmpeg(arguments, path) as ffmpeg:
            for codes in blocks:
                ffmpeg.write(memoryview(codes).cast("B"))
            ffmpeg.finish()

    def check_segment(self, path: Path, sink: Any, shape: Shape, frames: int) -> None:
        try:
            read = read_packets if _is_webm(sink) else read_mp4
            found = next(track.samples for track in read(path) if track.handler == "vide")
        except (ValueError, StopIteration, OSError):
            found = None
        if found != frames:  # FFmpeg can end well with a short file
            raise RenderError(f"FFmpeg made a segment of {found} frames instead of {frames}; run again to go on.")

    def sound_recipe(self, sink: Any) -> dict[str, Any]:
        return {"codec": sound_codec(sink), "bitrate": sink.audio_bitrate}

    def write_sound(self, path: Path, film: Any, blocks: Iterator[np.ndarray]) -> None:
        with FFmpeg(sound_arguments(film), path) as ffmpeg:
            for samples in blocks:
                ffmpeg.write(np.ascontiguousarray(samples, "<f4").tobytes())
            ffmpeg.finish()

    def join(self, path: Path, film: Any, segments: list[Path], sound: Path | None) -> None:
        listing, notes = path.with_suffix(".list"), path.with_suffix(".meta")
        try:
            listing.write_text(_listed(segments, film), encoding="utf-8")
            notes.write_text(metadata(film), encoding="utf-8")
            said = run_ffmpeg(join_arguments(listing, sound, notes, film), path)
        finally:
            listing.unlink(missing_ok=True)
            notes.unlink(missing_ok=True)
        if said:  # it ends well, too, where it left something out
            complaint = re.sub(r"\[[^]]*\] ", "", said.splitlines()[0])
            raise RenderError(
                f"FFmpeg complained while it joined {film.path.name}, which was not published, as something may be "
                f"missing in it: {complaint}. What is finished is kept."
            )

    def join_recipe(self, sink: Any) -> dict[str, Any]:
        return {"edit_list": sink.edit_list}

    def verify(self, path: Path, film: Any) -> None:
        is_mp4 = _is_mp4(film)
        try:
            tracks = _tracks(path, film)
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
            # The length is kept in the film's time base, whose ticks may be coarser than samples. Elsewhere the last
            # packet may say that it is whole: of FLAC's 4,608 samples, of Opus' 960.
            # Nor does an edit list cut the last one, where there is none.
            most = (Fraction(rate, 1000) if is_mp4 else 2 * TICK * rate) + _uncut_samples(film)
            if samples is None or abs(samples - _coded_samples(film)) > most:
                raise RenderError(
                    f"{film.path.name} came out with {samples} samples of sound instead of {film.samples} and was "
                    "not published; run again, with --force if it happens twice."
                )

    def inspect(self, path: Path, film: Any) -> dict[str, Any]:
        tracks = _tracks(path, film)
        picture, sound = tracks["vide"], tracks.get("soun")
        told = {"frames": picture.samples, "tags": read_tags(path), "sound_begins_ms": None, "sound_ends_ms": None}
        told["chapters"] = _late_chapters(tracks, film)
        if sound is not None and film.has_sound:
            end = film.frames / film.fps + picture.start
            told["sound_begins_ms"] = round(float(1000 * (sound.start - picture.start)), 3)
            told["sound_ends_ms"] = round(float(1000 * (sound.start + sound.duration - end)), 3)
            slack = _uncut_samples(film) + _coded_samples(film) - film.samples
            told["slack_ms"] = round(1000 * slack / film.sound.delivered, 3)
        return told

    def write_frames(self, film: Path, folder: Path) -> None:
        # A percent sign in the folder's name is no part of the pattern.
        run_ffmpeg(frames_arguments(film), Path(str(folder).replace("%", "%%")) / "%06d.png")


def _listed(segments: list[Path], film: Any) -> str:
    """Return the list of segments that FFmpeg joins, and how long each of them lasts.

    It adds up times of whole microseconds: these are the steps between exact times that are rounded, so that many
    segments do not become a frame late. By its own lengths, each would add up to half a microsecond.
    """
    counts = accumulate((chunk.count for _, chunk in film.parts), initial=0)
    starts = [round(1_000_000 * count / film.fps) for count in counts]
    quoted = ["file:" + str(segment).replace("'", "'\\''") for segment in segments]
    lasting = [after - start for start, after in pairwise(starts)]
    lines = "".join(f"file '{name}'\nduration {length}us\n" for name, length in zip(quoted, lasting, strict=True))
    return f"ffconcat version 1.0\n{lines}"


def _is_mp4(film: Any) -> bool:
    return MUXERS[ending_of(film.path.name)] in ("mp4", "mov")


def _is_webm(sink: Any) -> bool:
    """Say whether segments are WebM: a matte of VP9 lies beside its pictures in no other kind of file."""
    return sink.codec == "vp9" and has_alpha(sink)


def _tracks(path: Path, film: Any) -> dict[str, Mp4Track]:
    return {track.handler: track for track in (read_mp4 if _is_mp4(film) else read_packets)(path)}


def _late_chapters(tracks: dict[str, Mp4Track], film: Any) -> list[str] | None:
    """Return the titles of chapters that a film lacks or that begin elsewhere; None where its index lists none.

    Chapters without a title are in no list of QuickTime's, which is a track of texts.
    """
    if not _is_mp4(film) or not film.sink.edit_list:
        return None
    rate = film.music[0].music.rate if film.music else 1
    begun = tracks["text"].starts if "text" in tracks else ()
    wanted = [(chapter.title, Fraction(chapter.start, rate)) for chapter in film.chapters if chapter.title]
    return [title for title, start in wanted if not any(abs(start - found) <= TICK for found in begun)]


def _uncut_samples(film: Any) -> int:
    """Return by how many samples the last packet of a film's sound may go beyond it: where no edit list cuts it."""
    is_cut = _is_mp4(film) and film.sink.edit_list
    return 0 if is_cut else LONGEST_PACKET.get(sound_codec(film.sink), 0)


def _coded_samples(film: Any) -> int:
    """Return how many samples a film's sound is coded as: its own, and silence where its codec takes no fewer."""
    return max(film.samples, FEWEST.get(sound_codec(film.sink), 0))


def read_tags(path: Path) -> str:
    """Return what FFmpeg says of a film's pictures: "yuv420p(tv, bt709, progressive)"."""
    with FFmpeg(["-v", "info", "-i", f"file:{path}", "-map", "0:v:0", "-t", "0", "-c", "copy", "-f", "null"], Path("-"),
                pipe=False) as ffmpeg:  # fmt: skip
        ffmpeg.finish()
        found = re.search(r"Video: [^\n]*?, ((?:yuv|gbr|rgb)\w+\([^)]*\))", ffmpeg.said())
    return found[1] if found else ""


def segment_arguments(sink: Any, shape: Shape) -> list[str]:
    """Return FFmpeg's arguments that turn raw frames on standard input into one closed segment.

    The time base is that of the frame rate, so that segments join exactly; BT.709 limited range and left-sited chroma
    are tagged.
    """
    pixels, size, fps = pixel_format(sink), shape.size, shape.fps
    muxer = "webm" if _is_webm(sink) else SEGMENTS.get(sink.codec, "mp4")
    tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    return [
        *["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{size[0]}x{size[1]}", "-framerate", str(fps), "-i", "pipe:0"],
        *["-an", "-vf", f"setparams={tags}", "-pix_fmt", pixels, "-chroma_sample_location", "left"],
        *[*encoder(sink, shape), *_tag(sink)],
        *["-video_track_timescale", str(fps.numerator), *EXACT, "-f", muxer],
    ]


def _tag(sink: Any) -> list[str]:
    return ["-tag:v:0", TAGS[sink.codec]] if sink.codec in TAGS else []


def sound_arguments(film: Any) -> list[str]:
    """Return FFmpeg's arguments that turn float32 samples on standard input into the encoded sound of a film.

    The speakers are named, because FFmpeg takes the third of three channels for the low-frequency one. Where the sound
    gets another sample rate than the music, it is resampled to exactly ``samples`` samples; where it has fewer than its
    codec takes, silence follows.
    """
    sound, codec, samples = film.sound, sound_codec(film.sink), _coded_samples(film)
    rate, layout, delivered = sound.rate, sound.layout, sound.delivered
    resample = f"aresample={delivered}:filter_size=64:cutoff=0.97,apad=whole_len={samples},atrim=end_sample={samples}"
    is_short = samples != film.samples
    if is_short:
        resample += f",asetnsamples={samples}"  # at once: the encoder takes the first block's length for that of all
    return [
        *["-f", "f32le", "-ar", str(rate), "-channel_layout", layout, "-i", "pipe:0"],
        *(["-af", resample] if delivered != rate or is_short else []),
        # Said again of what comes out: FFmpeg would fold it into a layout that the encoder has, if it lacked this one.
        *["-channel_layout", layout, *EXACT, *sound_encoder(codec, film.sink.audio_bitrate, sound.channels)],
    ]


def join_arguments(listing: Path, sound: Path | None, metadata: Path, film: Any) -> list[str]:
    """Return FFmpeg's arguments that join segments by copying them, with the music and the chapters.

    Each frame's time is set from its number: concatenation rounds times to microseconds, k / fps is exact; where frames
    are coded in the order in which they are shown, it is the number of the packet. Without an
    edit list the first frame is shown at 0 by negative offsets of composition, and the packet is left out with which
    AAC begins before the music; so its first 21 ms come up out of silence. Chapters are a track of their own, with a
    list: they are left out too.
    """
    fps, muxer = film.fps, MUXERS[ending_of(film.path.name)]
    rate, frame = f"{fps.numerator}/{fps.denominator}", f"{fps.denominator}/{fps.numerator}/TB"
    ahead = REORDERED.get(film.sink.codec, 0)
    number = "N" if _is_webm(film.sink) else f"round(PTS*TB*{rate})"  # WebM rounds times to 1 ms
    exact = f"setts=pts={number}*{frame}:dts=(N-{ahead})*{frame}:duration={frame}"
    inputs = ["-f", "concat", "-safe", "0", "-i", f"file:{listing}", *(["-i", f"file:{sound}"] if sound else [])]
    inputs += ["-f", "ffmetadata", "-i", f"file:{metadata}"]
    cover, shown = _cover(film, muxer, 3 if sound else 2)
    last, is_edited = (2 if sound else 1), film.sink.edit_list
    flags = "+faststart" if is_edited else "+faststart+negative_cts_offsets"
    unedited = [] if is_edited else ["-use_editlist", "0", *(["-bsf:a", "noise=drop=lt(pts\\,0)"] if sound else [])]
    return [
        *[*inputs, *cover],
        *["-map", "0:v", *(["-map", "1:a"] if sound else []), "-map_metadata", str(last)],
        *["-map_chapters", str(last) if is_edited else "-1", *shown],
        *["-c", "copy", *_tag(film.sink), "-color_range:v:0", "tv", "-bsf:v:0", exact, *unedited],
        *([*_time_bases(film), "-movflags", flags] if muxer in ("mp4", "mov") else []),
        *[*EXACT, "-f", muxer],
    ]


def _time_bases(film: Any) -> list[str]:
    """Return the ticks of an MP4: a track's for its pictures, and the film's for lengths, edit lists and chapters.

    FFmpeg would take the least common multiple of all tracks for the film's, millions at NTSC rates, and a chapter may
    last 2^31 ticks at most. The ticks of the sound let an edit list cut it to the sample; only chapters of hours at a
    high rate need longer ones.
    """
    pictures = ["-video_track_timescale", str(film.fps.numerator)]
    if not film.music:
        return pictures
    rate = film.sound.delivered
    longest = max((chapter.stop - chapter.start for chapter in film.chapters), default=0) / film.music[0].music.rate
    return [*pictures, "-movie_timescale", str(rate // math.ceil(max(longest, 1) * rate / MOST_TICKS))]


def _cover(film: Any, muxer: str, place: int) -> tuple[list[str], list[str]]:
    """Return the arguments that read a film's cover, which is input ``place``, and those that put it into the film."""
    if film.cover is None:
        return [], []
    if muxer == "matroska":
        kind = cover_kind(film.cover)
        ending = "png" if kind == "png" else "jpg"
        told = ["-metadata:s:t", f"mimetype=image/{kind}", "-metadata:s:t", f"filename=cover.{ending}"]
        return [], ["-attach", f"file:{film.cover}", *told]
    return ["-i", f"file:{film.cover}"], ["-map", f"{place}:v", "-disposition:v:1", "attached_pic"]


def frames_arguments(film: Path) -> list[str]:
    """Return FFmpeg's arguments that turn a film into numbered pictures, in full-range RGB."""
    colours = "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_int,format=rgb24"
    return [
        *["-i", f"file:{film}", "-map", "0:v:0", "-vf", colours],
        *["-fps_mode", "passthrough", "-start_number", "0", "-f", "image2"],
    ]


def metadata(film: Any) -> str:
    """Return title, artist, provenance and chapters of a film in FFmpeg's metadata format."""
    rate = film.music[0].music.rate if film.music else 1
    lines = [";FFMETADATA1"]
    named = {"title": film.title, "artist": film.artist, **film.tags, "comment": film.provenance}
    lines += [f"{key}={_escape(value)}" for key, value in named.items() if value]
    for chapter in film.chapters:
        lines += ["[CHAPTER]", f"TIMEBASE=1/{rate}", f"START={chapter.start}", f"END={chapter.stop}"]
        lines += [f"title={_escape(chapter.title)}"]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Write a text so that FFmpeg reads it back; one that ends in a backslash gets a space behind it.

    Of a line that ends in a backslash, escaped or not, FFmpeg takes the next one for a part.
    """
    text += " " * text.endswith("\\")
    for character in "\\=;#\n":
        text = text.replace(character, "\\" + character)
    return text
