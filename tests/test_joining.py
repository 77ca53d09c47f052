"""Films as they are joined: chapters, and the times of pictures and sound, exact at every rate and length."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from test_sound import sound

from n2s.formats.mp4 import read_mp4
from n2s.formats.video import Video
from n2s.graph.errors import RenderError
from n2s.graph.format import Shape
from n2s.graph.links import Link
from n2s.nodes.sinks import FFmpegSink
from n2s.runtime.films.films import Chapter
from n2s.runtime.media.sound import Sound

NTSC = Fraction(60000, 1001)
SIZE = (64, 36)


def film_of(path: Path, frames: int = 1, fps: Fraction = NTSC, samples: int = 0, rate: int = 44100, **sink: Any) -> Any:
    """A film as its format sees it, silent where it has no samples."""
    music = [SimpleNamespace(music=SimpleNamespace(rate=rate))] if samples else []
    return SimpleNamespace(
        **{
            "path": path,
            "sink": FFmpegSink(path=path.name, frames=Link("a", "frames"), preset="ultrafast", depth=8, **sink),
        },
        **{"fps": fps, "frames": frames, "size": SIZE, "samples": samples, "music": music, "has_sound": bool(music)},
        **{"sound": Sound(rate, rate, "mono", 1.0), "chapters": [], "cover": None},
        **{"title": "", "artist": "", "tags": {}, "provenance": ""},
    )


def join(film: Any, samples: np.ndarray | None = None, pieces: Sequence[int] = ()) -> Any:
    """Join a film of segments of so many frames each, those of one length alike, and of samples (n, channels)."""
    video, folder, segments = Video(), film.path.parent, {}
    film.parts = [(None, SimpleNamespace(count=count)) for count in pieces or [film.frames]]
    for count in set(pieces or [film.frames]):
        segments[count] = folder / f"{count}{video.suffix}"
        grey = np.full((count, SIZE[0] * SIZE[1] * 3 // 2), 100, np.uint8)
        video.write_segment(segments[count], film.sink, Shape(SIZE, film.fps), iter([grey]))
    heard = None
    if samples is not None:
        heard = folder / "sound.mp4"
        video.write_sound(heard, film, iter([samples]))
    video.join(film.path, film, [segments[count] for count in pieces or [film.frames]], heard)
    return {track.handler: track for track in read_mp4(film.path)}


# --- pictures --------------------------------------------------------------------------------------------------------


def shown_at(path: Path) -> list[Fraction]:
    """When the pictures of a film are shown, in their order, in s."""
    with av.open(str(path)) as container:
        packets: list[Any] = [packet for packet in container.demux(video=0) if packet.size]
        assert all(packet.dts <= packet.pts for packet in packets)
        return sorted(packet.pts * packet.time_base for packet in packets)


@pytest.mark.parametrize(("fps", "count", "frames"), [(Fraction(960), 1800, 1), (Fraction(3000), 700, 7)])
def test_many_short_segments_do_not_become_late(fps: Fraction, count: int, frames: int, tmp_path: Path) -> None:
    """FFmpeg adds up lengths that it rounds to microseconds: after so many segments, half a frame was missing.

    At 60 frames per second it took 25,000 of them.
    """
    film = film_of(tmp_path / "film.mp4", count * frames, fps)
    join(film, pieces=[frames] * count)
    assert shown_at(film.path) == [k / fps for k in range(film.frames)]


@pytest.mark.parametrize("edit_list", [True, False])
@pytest.mark.parametrize("pieces", [[1], [1, 1, 30, 2, 7]])
@pytest.mark.parametrize("fps", ["24000/1001", "25", "60000/1001", "29.9999"])
@pytest.mark.parametrize("codec", ["h264", "h265", "av1"])
def test_pictures_are_shown_at_their_exact_times(
    codec: str, fps: str, pieces: list[int], edit_list: bool, tmp_path: Path
) -> None:
    sink = {"codec": codec, "edit_list": edit_list} | ({} if codec == "av1" else {"b_frames": 3})
    film = film_of(tmp_path / "film.mp4", sum(pieces), Fraction(fps), **sink)
    join(film, pieces=pieces)
    assert shown_at(film.path) == [k / film.fps for k in range(film.frames)]


# --- chapters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".mp4", ".m4v", ".mov"])
def test_long_chapters_begin_in_time_at_ntsc_rates(ending: str, tmp_path: Path) -> None:
    """The least common multiple of both rates has 2^31 ticks in 243 seconds, and FFmpeg left longer chapters out."""
    rate = 11025
    bounds = [0, 10 * rate, 260 * rate + 1, 270 * rate]
    film = film_of(tmp_path / f"film{ending}", samples=bounds[-1], rate=rate, audio_codec="aac")
    film.chapters = [Chapter(f"part {k}", *bounds[k : k + 2]) for k in range(3)]
    tracks = join(film, np.zeros((bounds[-1], 1), np.float32))
    assert tracks["text"].starts == tuple(Fraction(start, rate) for start in bounds[:-1])
    assert tracks["soun"].duration == 270 and Video().inspect(film.path, film)["chapters"] == []
    film.chapters[1] = Chapter("late", 11 * rate, 260 * rate)
    film.chapters.append(Chapter("lost", 265 * rate, 270 * rate))
    assert Video().inspect(film.path, film)["chapters"] == ["late", "lost"]


@pytest.mark.parametrize(("codec", "rate"), [("aac", 44100), ("alac", 44100), ("flac", 48000), ("opus", 48000)])
def test_sound_is_cut_to_the_sample_at_ntsc_rates(codec: str, rate: int, tmp_path: Path) -> None:
    count, dice = rate // 2 + 7, np.random.default_rng(1)
    film = film_of(tmp_path / "film.mp4", 30, NTSC / 2, count, rate, audio_codec=codec)
    noise = (0.1 * dice.standard_normal((count, 1))).astype(np.float32)
    assert join(film, noise)["soun"].duration == Fraction(count, rate)
    heard, _, _ = sound(film.path)
    assert len(heard) == count or codec == "opus"  # FFmpeg decodes all of its last packet
    if codec in ("alac", "flac"):
        assert np.abs(heard - noise).max() < 2**-22


def test_chapters_of_many_hours_take_longer_ticks(tmp_path: Path) -> None:
    film = film_of(tmp_path / "film.mp4", samples=1000, rate=96000, audio_codec="alac")
    film.chapters = [Chapter("all", 0, 10 * 3600 * 96000), Chapter("end", 10 * 3600 * 96000, 11 * 3600 * 96000)]
    assert join(film, np.zeros((1000, 1), np.float32))["text"].starts == (0, 36000)


def test_what_ffmpeg_says_is_left_out_stops_the_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("n2s.formats.video._time_bases", lambda film: ["-movie_timescale", "8820000"])
    film = film_of(tmp_path / "film.mp4", samples=100)
    film.chapters = [Chapter("all", 0, 250 * 44100), Chapter("end", 250 * 44100, 251 * 44100)]
    with pytest.raises(RenderError, match=r"complained while it joined film\.mp4.*: Application provided duration"):
        join(film, np.zeros((100, 1), np.float32))
