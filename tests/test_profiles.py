"""Profiles: the shapes, the coding and the seconds that platforms ask for, from one graph."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.commands.common import Shape, load
from n2s.graph.declare import DeclarationError
from n2s.graph.excerpts import choose_excerpt
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Landmarks
from n2s.graph.profiles import NAMES, PROFILES, most_bitrate
from n2s.graph.time import Clock
from n2s.nodes import FFmpegSink
from n2s.runtime.run import Run
from n2s.runtime.session import Session

RATE, FPS = 48000, 30


@pytest.mark.parametrize(
    ("name", "size", "fps", "wanted"),
    [
        ("archive", (640, 360), "30000/1001", ((640, 360), "30000/1001")),
        ("youtube", (640, 360), "30", ((1920, 1080), "30")),
        ("youtube", (3840, 2160), "60", ((3840, 2160), "60")),
        ("youtube", (7680, 4320), "120", ((3840, 2160), "60")),
        ("youtube", (1080, 1080), "12", ((1080, 1080), "24")),
        ("reels", (1920, 1080), "25", ((1080, 1920), "25")),
        ("reels", (360, 640), "30000/1001", ((1080, 1920), "30000/1001")),
        ("square", (640, 360), "30", ((1080, 1080), "30")),
        ("canvas", (640, 360), "60", ((576, 1024), "30")),
        ("canvas", (640, 360), "24000/1001", ((576, 1024), "24000/1001")),
        ("canvas", (640, 360), "20", ((576, 1024), "30")),
        ("youtube", (1920, 1080), "24000/1001", ((1920, 1080), "24000/1001")),
        ("apple", (854, 480), "24000/1001", ((1922, 1080), "24000/1001")),
        ("draft", (1920, 1080), "30", ((960, 540), "15")),
        ("draft", (16, 16), "1", ((16, 16), "1")),
    ],
)
def test_the_shape_that_is_asked_for(name: str, size: Any, fps: str, wanted: Any) -> None:
    shape = PROFILES[name].shape(size, Fraction(fps))
    assert shape == (wanted[0], Fraction(wanted[1]))
    if name != "draft":
        assert PROFILES[name].shape(*shape) == shape  # what it asks for it takes
        assert PROFILES[name].problems(*shape, Fraction(5)) == []


@pytest.mark.parametrize(
    ("size", "fps", "rate"),
    [((1920, 1080), 30, 8000), ((1920, 1080), 60, 12000), ((2560, 1440), 24, 16000), ((3840, 2160), 60, 60000)],
)
def test_a_film_for_a_stream_is_as_large_as_its_page_says(size: Any, fps: int, rate: int) -> None:
    assert most_bitrate(FFmpegSink(path="a.mp4", profile="youtube"), size, Fraction(fps)) == rate
    assert most_bitrate(FFmpegSink(path="a.mp4", profile="youtube", maxrate=100), size, Fraction(fps)) == 100
    assert most_bitrate(FFmpegSink(path="a.mp4", profile="youtube", bitrate=100), size, Fraction(fps)) is None
    assert most_bitrate(FFmpegSink(path="a.mp4"), size, Fraction(fps)) is None


def test_a_sink_takes_what_it_leaves_out_and_does_not_save_it(tmp_path: Path) -> None:
    sink = FFmpegSink(path="film.mp4", profile="youtube", crf=20)
    assert (sink.codec, sink.crf, sink.preset, sink.gop, sink.edit_list) == ("h264", 20, "medium", 0.5, False)
    assert sink.model_fields_set == {"path", "profile", "crf"}
    assert FFmpegSink(path="film.mp4", profile="youtube", bitrate=900).crf is None
    for path, sound in (("film.mkv", None), ("film.mp4", "opus")):  # which have no edit list, or need one
        assert FFmpegSink(path=path, profile="youtube", audio_codec=sound).edit_list
    with pytest.raises(DeclarationError, match=r"path: \.mp4 holds no ProRes 422 HQ; \.mov does"):
        FFmpegSink(path="film.mp4", profile="apple")
    assert [name for name in NAMES if PROFILES[name].ending and not PROFILES[name].ending.startswith(".")] == []
    for name in NAMES:
        FFmpegSink(path=f"film{PROFILES[name].ending}", profile=name)


def write_track(folder: Path, seconds: float = 8, **header: Any) -> Path:
    """A film of colours that move without rest, with clicks of 120 a minute, 16:9."""
    tiny.tiny_model(folder / "model")
    tiny.write_wav(folder / "music.wav", tiny.clicks(seconds, rate=RATE, channels=2, first=0.25), RATE)
    nodes = {
        "music": {"node": "AudioSource", "path": "music.wav"},
        "heard": {"node": "Features", "audio": "music"},
        "travel": {"node": "Keyframes", "points": [[0, 0], [seconds, 1]], "interpolate": "linear"},
        "weights": {"node": "Weights", "signal": "travel", "count": 3},
        "anchors": {"node": "Anchors", "weights": "weights", "names": ["red", "green", "blue"], "model": "model"},
        "film": {"node": "VAEDecode", "latents": "anchors", "grid": [2, 2], "model": "model"},
        "flash": {"node": "Tone", "frames": "film", "exposure": "= heard.onset"},
        "out": {"node": "FFmpegSink", "frames": "flash", "audio": "music", "path": "song.mp4", "codec": "h265"},
    }
    graph = {"n2s": 1, "title": "Song", "size": [96, 54], "fps": FPS, **header, "nodes": nodes}
    return harness.load(graph, folder).save(folder / "song.yaml")


def read(path: Path) -> tuple[list[Any], np.ndarray, Any]:
    """Return the frames of a film as they are shown, its sound, and what its tracks say of themselves."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        told = {
            "codec": container.streams.video[0].codec_context.name,
            "times": [frame.pts * container.streams.video[0].time_base for frame in frames],
            "types": [av.video.frame.PictureType(frame.pict_type).name for frame in frames],
            "sound": container.streams.audio[0].codec_context.name if container.streams.audio else None,
        }
    sound = np.zeros(0, np.float32)
    if told["sound"]:
        with av.open(str(path)) as container:
            parts = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
            heard = [part for frame in container.decode(audio=0) for part in parts.resample(frame)]
            sound = np.concatenate([part.to_ndarray()[0] for part in heard])
    return frames, sound, told


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_track(tmp_path)


def test_an_upload_has_no_edit_list_short_groups_and_sound_in_its_place(song: Path, n2s: Any) -> None:
    status, said, err = n2s("run", song, "--profile", "youtube", "--size", "96x54", "--to", "3")
    assert status == 0, err
    place = Path("renders/song-youtube-0m00s-0m03s.mp4")
    assert str(place) in said
    data = place.read_bytes()
    assert b"elst" not in data and b"edts" not in data and b"avc1" in data
    assert data.index(b"moov") < data.index(b"mdat")  # a player begins before the whole is there
    frames, sound, told = read(place)
    assert told["times"] == [Fraction(k, FPS) for k in range(90)]
    keys = [k for k, frame in enumerate(frames) if frame.key_frame]
    assert keys[0] == 0 and max(np.diff([*keys, 90])) <= FPS // 2
    assert "BBB" not in "".join(kind[0] for kind in told["types"])
    # The clicks at 0.25 s and after are where they are in the music, though nothing cuts what AAC puts before it.
    first = np.flatnonzero(np.abs(sound) > 0.3)
    assert abs(first[0] - 0.25 * RATE) <= 32
    assert sound.size <= 3 * RATE + 1024


def test_a_canvas_is_a_silent_loop(song: Path, n2s: Any) -> None:
    stated = ["--set", "heard.tempo=120", "--set", "heard.first_beat=0.25"]  # bare clicks say little of bars
    status, said, err = n2s("run", song, "--profile", "canvas", "--size", "36x64", *stated)
    assert status == 0, err
    frames, sound, told = read(Path("renders/song-canvas-36x64.mp4"))
    assert not sound.size and 3 * FPS <= len(frames) <= 8 * FPS
    shown = [frame.to_ndarray(format="rgb24").astype(float) for frame in frames]
    steps = [np.abs(b - a).mean() for a, b in zip(shown, shown[1:])]
    assert np.abs(shown[0] - shown[-1]).mean() <= max(np.quantile(steps, 0.9), 1)
    plain = np.abs(shown[0] - shown[len(shown) // 2]).mean()
    assert plain > 5 * np.abs(shown[0] - shown[-1]).mean()  # elsewhere it is another picture
    assert len(frames) % (2 * FPS) == 0  # whole bars of 2 s


@pytest.mark.parametrize(
    ("times", "name", "count"),
    [
        (["--from", "2"], "0m02s-0m08s", 180),
        (["--from", "0.02", "--to", "4"], "0m00.033s-0m04s", 119),
        (["--to", "4"], "0m00s-0m04s", 120),
    ],
)
def test_seconds_of_ones_own_have_a_name_of_their_own(song: Path, n2s: Any, times: Any, name: str, count: int) -> None:
    status, _, err = n2s("run", song, "--profile", "canvas", "--size", "36x64", *times)
    assert status == 0, err
    assert len(read(Path(f"renders/song-canvas-36x64-{name}.mp4"))[0]) == count


def test_seconds_that_are_none_are_refused(song: Path, n2s: Any) -> None:
    status, _, err = n2s("run", song, "--profile", "canvas", "--size", "36x64", "--from", "4", "--to", "2")
    assert status == 2 and "--from 4 --to 2 leaves no frame" in err
    status, _, err = n2s("run", song, "--from", "1", "--to", "1.001")
    assert status == 2 and "leaves no frame" in err and "measuring" not in err
    status, _, err = n2s("run", song, "--profile", "canvas", "--excerpt")
    assert status == 2 and "canvas is a loop, which is always measured by itself; leave --excerpt out" in err


def test_a_part_of_a_master_is_black_at_its_own_ends(song: Path, n2s: Any) -> None:
    status, _, err = n2s("run", song, "--profile", "apple", "--size", "96x54", "--from", "1", "--to", "1.5")
    assert status == 0, err
    frames, _, _ = read(next(Path("renders").glob("song-apple*.mov")))
    lumas = [frame.to_ndarray(format="gray10le").mean() for frame in frames]
    assert len(lumas) == 15 and min(lumas[1:-1]) > 4 * max(lumas[0], lumas[-1], 16)


@pytest.mark.parametrize(
    "settings",
    [
        ["out.bitrate=8000"],
        ["out.codec=av1"],
        ["out.codec=vp9"],
        ["out.crf=20"],
        ["out.maxrate=900"],
    ],
)
def test_settings_by_hand_go_with_a_profile(song: Path, n2s: Any, settings: list[str]) -> None:
    more = [word for text in settings for word in ("--set", text)]
    status, _, err = n2s("check", song, *more)
    assert status == 0, err
    status, _, err = n2s("run", song, "--profile", "youtube", "--size", "96x54", "--to", "0.5", "--dry-run", *more)
    assert status == 0, err


def test_a_cover_that_a_profiles_file_cannot_hold_is_left_out(song: Path, tmp_path: Path, n2s: Any) -> None:
    tiny.write_png(tmp_path / "c.png", np.zeros((16, 16, 3), np.uint8))
    Graph.load(song).edit({"out.cover": "c.png"}).save(song)
    assert n2s("run", song, "--profile", "apple", "--size", "96x54", "--dry-run")[0] == 0


def test_a_sink_within_a_sub_graph(song: Path, tmp_path: Path, n2s: Any) -> None:
    inner = "n2s: 1\ninterface: {inputs: {frames: {kind: Frames, help: shown}}, outputs: {frames: same}}\nnodes:\n"
    inner += "  same: {node: Tone, frames: frames}\n  list: {node: DigestSink, frames: same, path: list.txt}\n"
    (tmp_path / "inner.yaml").write_text(inner)
    inside = {"inside": {"node": "Graph", "path": "inner.yaml", "frames": "flash"}, "out.frames": "inside"}
    Graph.load(song).edit(inside).save(song)
    status, said, err = n2s("run", song, "--to", "0.5")
    assert status == 0, err
    assert "renders/list-0m00s-0m00.5s.txt" in said and Path("renders/list-0m00s-0m00.5s.txt").is_file()


def test_a_canvas_is_measured_by_itself(tmp_path: Path, new_store: Any) -> None:
    """Nothing but the loop, and what its end dissolves into; so its bits do not depend on what the store has."""
    path = write_track(tmp_path, 40)
    more = {
        "flashing": {"node": "Tone", "frames": "flash", "exposure": "= 8 * step(0.5, fract(5 * time)) - 2"},
        "exposed": {"node": "Exposure", "frames": "flashing", "look": 0.5, "every": 0.2},
        "safe": {"node": "Guard", "frames": "exposed"},
        "out.frames": "safe",
        "out.codec": "h264",
    }
    Graph.load(path).edit(more).save(path)
    whole, loop = load(path, [], Shape("36x64")), load(path, [], Shape("36x64", None, "canvas"))
    digests, measured = [], []
    for before in (None, whole):
        store = new_store()
        if before:
            Run(before, tmp_path / "whole", store).execute()
        report = Run(loop, tmp_path / f"loop{len(digests)}", store).execute()
        (film,) = report.films
        digests.append(film["sha256"])
        measured.append(report.measured)
        assert film["flashes"][0]["light"]["most_left"] <= 3
    assert digests[0] == digests[1]
    assert film["frames"] < measured[0] < 2.5 * film["frames"] < 40 * FPS


def test_a_canvas_of_chosen_seconds(song: Path, n2s: Any) -> None:
    n2s("run", song, "--profile", "canvas", "--size", "36x64", "--from", "2", "--to", "5.5")
    frames, _, _ = read(Path("renders/song-canvas-36x64-0m02s-0m05.5s.mp4"))
    assert len(frames) == 105


def test_a_canvas_of_a_track_that_is_too_short_says_so(tmp_path: Path, monkeypatch: Any, n2s: Any) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = n2s("run", write_track(tmp_path, 2), "--profile", "canvas", "--size", "36x64")
    assert status == 0 and "3 to 8 s are asked for by canvas" in err


def test_a_master_for_stores_is_black_at_both_ends(song: Path, n2s: Any) -> None:
    status, _, err = n2s("run", song, "--profile", "apple", "--size", "96x54", "--set", "duration=1")
    assert status == 0, err
    frames, sound, told = read(next(Path("renders").glob("song-apple*.mov")))
    assert (told["codec"], told["sound"], len(frames)) == ("prores", "pcm_s24le", FPS)
    lumas = [frame.to_ndarray(format="gray10le").mean() for frame in frames]
    assert lumas[0] == lumas[-1] == pytest.approx(64, abs=1) or lumas[0] == lumas[-1] == 0
    assert min(lumas[1:-1]) > 4 * max(lumas[0], 16)


def test_an_archive_keeps_everything(song: Path, n2s: Any) -> None:
    status, _, err = n2s("run", song, "--profile", "archive", "--to", "1")
    assert status == 0, err
    _, sound, told = read(Path("renders/song-archive-0m00s-0m01s.mkv"))
    assert (told["codec"], told["sound"]) == ("ffv1", "flac")
    played = tiny.clicks(8, rate=RATE, channels=2, first=0.25)[:RATE, 0]
    assert np.abs(sound[:RATE] - played).max() < 1e-5


def test_several_profiles_in_one_run(song: Path, n2s: Any, n2s_json: Any) -> None:
    arguments = ["run", song, "--size", "64x36", "--to", "1", "--profile", "square", "--profile", "archive", "--draft"]
    status, said, err = n2s(*arguments)
    assert status == 0, err
    made = {str(path.relative_to("renders")) for path in Path("renders").rglob("*.m??")}
    assert made == {
        "song-square-64x36-0m00s-0m01s.mp4", "song-archive-64x36-0m00s-0m01s.mkv", "draft/song-32x18-0m00s-0m01s.mp4"
    }  # fmt: skip
    assert err.count("planning") == 3
    assert "--draft makes a film of its own, beside --profile square and archive." in err
    assert n2s(*arguments)[1].count("Rendered 0 chunks") == 3


def test_what_was_set_by_hand_comes_before_the_profile(song: Path, n2s: Any) -> None:
    n2s("run", song, "--profile", "youtube", "--size", "96x54", "--set", "out.codec=h265", "--to", "1")
    assert read(next(Path("renders").glob("*.mp4")))[2]["codec"] == "hevc"


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("youtub", 'there is no profile "youtub". Did you mean "youtube"?'),
        ("", 'there is no profile ""'),
    ],
)
def test_profiles_that_are_none(song: Path, n2s: Any, profile: str, told: str) -> None:
    status, _, err = n2s("run", song, "--profile", profile)
    assert status == 2 and told in err


def test_frames_alone_have_no_profile(song: Path, n2s: Any) -> None:
    Graph.load(song).edit({"out": {"node": "PNGSink", "frames": "flash", "path": "frames"}}).save(song)
    status, _, err = n2s("run", song, "--profile", "youtube")
    assert status == 2 and "--profile is for films of FFmpegSink and Album; the graph has none." in err


def test_a_graph_whose_frames_are_none_of_its_profile_is_refused(song: Path, n2s: Any) -> None:
    Graph.load(song).edit({"out.codec": None, "size": [1080, 1920]}).edit({"out.profile": "reels"}).save(song)
    text = song.read_text(encoding="utf-8")
    song.write_text(text.replace("1080", "540"), encoding="utf-8")
    status, _, err = n2s("check", song)
    assert status == 2
    assert "out.profile: frames of reels want size: [1080, 1920] in the header; or leave it out, and run with" in err
    song.write_text(text, encoding="utf-8")
    assert n2s("check", song)[0] == 0


def test_an_albums_tracks_follow_its_profile(studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_album(tmp_path, studio.model, [22050 * 4, 22050 * 4])
    status, _, err = n2s("run", path, "--profile", "archive", "--size", "96x64")
    assert status == 0, err
    made = sorted(path.name for path in Path("renders").glob("*.mkv"))
    assert len(made) == 3 and all(read(Path("renders") / name)[2]["codec"] == "ffv1" for name in made)
    status, _, err = n2s("run", path, "--profile", "canvas", "--size", "36x64")
    assert status == 0 and "each gets a film, the album none" in err, err
    assert len(list(Path("renders").glob("*-canvas-*.mp4"))) == 2


def marked(bpm: float, seconds: float, drops: tuple[float, ...] = (), sections: Any = ()) -> Clock:
    times = np.arange(0, seconds, 1 / FPS)
    beats = times * bpm / 60
    return Clock(Fraction(FPS), round(seconds * FPS), bpm, 4, Landmarks(times, beats, beats / 4, sections, drops))


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [
        (marked(120, 60, (20.0,)), (20.0, 4 * 2.0)),  # four bars of the first drop
        (marked(60, 60, (20.0,)), (20.0, 4.0)),  # one bar of 4 s; two would be just as long as allowed
        (marked(120, 60, (), ((0.0, "A"), (10.0, "B"), (26.0, "C"))), (26.0, 8.0)),
        (marked(30, 60, (16.0,)), (16.0, 8.0)),  # one bar of 8 s
        (marked(120, 60, (58.5,)), (6.0, 8.0)),  # too late a drop leaves no room
        (marked(119.992, 12, (8.0,)), (8.0, 4.0)),  # two bars that would end half a millisecond after the film
        (Clock(Fraction(FPS), 60 * FPS), (24.0, 8.0)),
        (Clock(Fraction(FPS), 2 * FPS), (0.0, 2.0)),
        (marked(120, 1), (0.0, 1.0)),
    ],
)
def test_the_seconds_that_stand_for_a_track(clock: Clock, wanted: tuple[float, float]) -> None:
    start, stop = choose_excerpt(clock, 3, 8)
    lasting = 8.0 if wanted == (20.0, 4.0) else wanted[1]
    assert (start / FPS, (stop - start) / FPS) == (wanted[0], lasting)


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [
        (marked(120, 60, (20.0,), ((0.0, "A"), (20.0, "B"))), 22.25),  # half a beat after the second bar of the section
        (marked(120, 60, (20.0,), ((0.0, "A"), (16.0, "B"))), 20.25),
        (marked(120, 60, (20.0,), ((0.0, "A"), (19.0, "B"))), 20.25),
        (marked(240, 60, (20.0,), ((0.0, "A"), (20.0, "B"))), 21.125),  # a bar of a second
        (marked(240, 60, (20.0,), tuple((20.0 + bar, "AB"[bar % 2]) for bar in range(9))), 20.125),  # nowhere
    ],
)
def test_what_a_loop_dissolves_into_is_of_its_own_section(clock: Clock, wanted: float) -> None:
    start, stop = choose_excerpt(clock, 3, 8, 1.0, 0.5)
    assert start / FPS == pytest.approx(wanted, abs=0.5 / FPS + 1e-9) and 3 <= (stop - start) / FPS <= 8


def test_a_loop_changes_nothing_but_its_end(tmp_path: Path, store: Any) -> None:
    path = write_track(tmp_path, 4)
    plain = Graph.load(path)
    looped = plain.edit({"loop": {"node": "Loop", "frames": "flash", "start": 1.5, "length": 2, "blend": 0.5},
                         "out.frames": "loop"})  # fmt: skip
    a, b = (
        np.concatenate(list(Session(graph, store).pick(end, range(120))))
        for graph, end in ((plain, "flash"), (looped, "loop"))
    )
    changed = np.flatnonzero(np.abs(a - b).reshape(120, -1).max(axis=1))
    assert changed.min() == 90 and changed.max() == 104
    light = lambda x: np.sign(x) * x.astype(np.float64) ** 2  # noqa: E731
    for k in (90, 97, 104):
        w = (k - 89) / 16
        share = w * w * (3 - 2 * w)
        both = (1 - share) * light(a[k]) + share * light(a[k - 60])
        mixed = np.sign(both) * np.sqrt(np.abs(both))
        assert np.abs(mixed - b[k]).max() < 2e-3
