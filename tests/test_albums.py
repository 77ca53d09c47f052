"""Albums: tracks of several sample rates in time, gaps and title cards, covers and tags, and tracks alone."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from PIL import Image
from test_films import write_album

from n2s.graph.errors import ArgumentError
from n2s.graph.graph import Graph
from n2s.graph.time import album_boundaries, exact_lengths
from n2s.runtime.events import Events

FPS = 30


def flashing_album(folder: Path, tracks: list[tuple[int, float]], fps: Any = FPS, **album: Any) -> Path:
    """Tracks of (sample rate, seconds) whose picture is white at clicks, twice a second, and dark between."""
    tiny.write_png(folder / "white.png", np.full((32, 64, 3), 255, np.uint8))
    nodes: dict[str, Any] = {}
    for i, (rate, seconds) in enumerate(tracks):
        samples = round(seconds * rate)
        music = tiny.clicks(seconds + 1, rate=rate, channels=2, first=0.25)[:samples]
        tiny.write_wav(folder / f"music{i}.wav", music, rate)
        track = {
            "n2s": 1, "title": f"Piece {i}", "size": [64, 32], "fps": str(fps),
            "nodes": {
                "music": {"node": "AudioSource", "path": f"music{i}.wav"},
                "heard": {"node": "Features", "audio": "music"},
                "white": {"node": "ImageSource", "path": "white.png"},
                "flash": {"node": "Tone", "frames": "white", "exposure": "= -6 + 6 * (heard.onset_raw > 0.3)"},
                "out": {"node": "FFmpegSink", "frames": "flash", "audio": "music", "path": f"track{i}.mp4"},
            },
        }  # fmt: skip
        (folder / f"track{i}.yaml").write_text(json.dumps(track))
        nodes[f"track{i}"] = {"node": "Track", "path": f"track{i}.yaml"}
    nodes["album"] = {"node": "Album", "tracks": list(nodes), "path": "album.mp4", **album}
    path = folder / "album.yaml"
    graph = {"n2s": 1, "title": "Clicks", "size": [64, 32], "fps": str(fps), "nodes": nodes}
    path.write_text(json.dumps(graph))
    return path


def heard(path: Path, rate: int) -> np.ndarray:
    """Return a film's sound, left channel; what an edit list cuts is cut."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
        parts = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        return np.concatenate([part.to_ndarray()[0] for part in parts])


def click_times(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return when clicks begin, in seconds."""
    loud = np.flatnonzero(np.abs(sound) > 0.2)
    return loud[np.flatnonzero(np.diff(loud, prepend=-rate) > rate // 10)] / rate


def light(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="gray8").mean() for frame in container.decode(video=0)])


def test_tracks_of_several_sample_rates_keep_time(tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(44100, 3.01), (48000, 2.503), (96000, 3.2)])
    said: list[str] = []
    events = Events()
    events.said = said.append
    report = harness.run(Graph.load(path), tmp_path / "out", store, events=events)
    assert any("The music of album.mp4 has 48000 Hz: music0.wav (44100 Hz)" in text for text in said)
    album = tmp_path / "out/album.mp4"
    assert report.films[-1]["sound"]["rate"] == 48000
    found = click_times(heard(album, 48000), 48000)
    begins = np.cumsum([0, 3.01, 2.503])
    wanted = np.concatenate([begin + np.arange(0.25, length, 0.5) for begin, length in zip(begins, (3.01, 2.503, 3.2))])
    assert len(found) == len(wanted) and np.abs(found - wanted).max() < 1e-3
    lit = light(album)
    rises = np.flatnonzero((lit[1:] > 120) & (lit[:-1] < 120)) + 1
    assert len(rises) == len(wanted)
    # A flash is seen in the first frame that shows the click: at most half a frame from it, and an analysis window.
    assert np.abs(rises / FPS - wanted).max() <= 1 / FPS
    for i, rate in enumerate((44100, 48000, 48000)):  # the tracks' own films keep their own rates
        assert report.films[i]["sound"]["rate"] == rate
    assert harness.run(Graph.load(path), tmp_path / "out", store).rendered == 0


def test_joins_are_without_a_step(tmp_path: Path, store: Any) -> None:
    """One sine over both tracks, of two rates, goes on in phase: within a part of a sample."""
    path = flashing_album(tmp_path, [(44100, 2.0), (48000, 2.0)], path="album.mkv")
    for i, rate in enumerate((44100, 48000)):
        times = 2.0 * i + np.arange(2 * rate) / rate
        wave = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
        tiny.write_wav(tmp_path / f"music{i}.wav", np.repeat(wave[:, None], 2, 1), rate)
    harness.run(Graph.load(path), tmp_path / "out", store)
    sound = heard(tmp_path / "out/album.mkv", 48000)
    assert len(sound) == 4 * 48000
    exact = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / 48000)
    join = slice(2 * 48000 - 4800, 2 * 48000 + 4800)
    # Where its music begins and ends a converted piece rings for a few samples; a whole sample off would be 0.029.
    assert np.sqrt(np.mean((sound[join] - exact[join]) ** 2)) < 0.004


def test_lengths_at_one_rate_do_not_drift() -> None:
    pieces = [(44100 * 211 + 17 * i, (44100, 48000, 96000)[i % 3]) for i in range(100)]
    lengths = exact_lengths(pieces, 48000)
    exact = np.cumsum([Fraction(samples, rate) for samples, rate in pieces])
    assert max(
        abs(Fraction(int(total), 48000) - wanted) for total, wanted in zip(np.cumsum(lengths), exact)
    ) <= Fraction(1, 96000)
    assert exact_lengths([(5, 44100), (7, 44100)], 44100) == [5, 7]
    # After an hour each track still begins within half a frame.
    for fps in (Fraction(24), Fraction(30000, 1001), Fraction(60)):
        bounds = album_boundaries(lengths, 48000, fps)
        assert all(
            abs(bound - total * fps) <= Fraction(1, 2) + fps / 96000 for bound, total in zip(bounds[1:-1], exact)
        )


def test_gaps_are_black_and_silent(tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 2.0), (48000, 2.0)], gap=1.0)
    (_, _, film) = harness.run(Graph.load(path), tmp_path / "out", store).films
    assert film["frames"] == 5 * FPS and film["samples"] == 5 * 48000
    lit, sound = light(tmp_path / "out/album.mp4"), heard(tmp_path / "out/album.mp4", 48000)
    assert np.ptp(lit[2 * FPS : 3 * FPS]) == 0 and lit[2 * FPS] <= 16
    assert np.abs(sound[2 * 48000 + 2048 : 3 * 48000 - 2048]).max() < 1e-3
    wanted = [*np.arange(0.25, 2, 0.5), *np.arange(3.25, 5, 0.5)]
    assert np.abs(click_times(sound, 48000) - wanted).max() < 1e-3
    with av.open(str(tmp_path / "out/album.mp4")) as container:
        assert [float(c["start"] * c["time_base"]) for c in container.chapters()] == [0, 3]


def test_a_gap_is_no_flaw_and_may_be_shorter_than_a_frame(tmp_path: Path, store: Any) -> None:
    long = harness.run(Graph.load(flashing_album(tmp_path, [(48000, 1.0)] * 2, gap=4.0)), tmp_path / "out", store)
    assert long.films[-1]["gates"]["black"]["holds"] and long.films[-1]["gates"]["frozen"]["holds"]
    short = harness.run(Graph.load(flashing_album(tmp_path, [(48000, 1.0)] * 2, gap=0.01)), tmp_path / "out", store)
    assert short.films[-1]["frames"] == 61 and short.films[-1]["samples"] == round(2.01 * 48000)


def test_titles_that_a_card_cannot_write(tmp_path: Path, n2s: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 1.0)] * 2, cards=True)
    tiny.edit(tmp_path / "track1.yaml", "Piece 1", "\u591c\u660e\u3051")
    status, _, err = n2s("check", path)
    assert status == 2 and "track1.title: on its card, " in err
    path = flashing_album(tmp_path, [(48000, 1.0)] * 2, cards=True, gap=0.1)
    status, _, err = n2s("check", path)
    assert status == 2 and "a card is shown for 0.5 s at least" in err


def test_a_track_alone_is_as_loud_as_in_its_album(tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 2.0), (44100, 2.0)], loudness=-30)
    quiet = tiny.clicks(3, rate=44100, channels=2, first=0.25)[: 2 * 44100] * 0.1
    tiny.write_wav(tmp_path / "music1.wav", quiet.astype(np.float32), 44100)
    whole = harness.run(Graph.load(path), tmp_path / "out", store).films
    (alone,) = harness.run(Graph.load(path), tmp_path / "alone", store, only=["track1"]).films
    assert alone["sha256"] == whole[1]["sha256"]
    assert whole[0]["levels"]["loudness"] - whole[1]["levels"]["loudness"] > 10


def test_cards_show_the_titles(tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 1.0), (48000, 1.0)], cards=True, gap=2.0)
    film = harness.run(Graph.load(path), tmp_path / "out", store).films[-1]
    assert film["frames"] == 6 * FPS
    with av.open(str(tmp_path / "out/album.mp4")) as container:
        chapters = container.chapters()
        assert [float(c["start"] * c["time_base"]) for c in chapters] == [0, 3]
        frames = [frame.to_ndarray(format="gray8") for frame in container.decode(video=0)]
    for middle in (FPS, 4 * FPS):
        assert frames[middle].max() > 100 and frames[middle].mean() < 60  # letters on black
    assert frames[0].max() < 40
    plain = harness.run(Graph.load(flashing_album(tmp_path, [(48000, 1.0)], cards=True)), tmp_path / "out", store)
    assert plain.films[-1]["frames"] == 5 * FPS  # 4 s where no gap is named


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".m4v"])
def test_covers_and_tags(ending: str, studio: Any, tmp_path: Path, store: Any) -> None:
    tiny.write_png(tmp_path / "cover.png", np.full((40, 40, 3), 99, np.uint8))
    path = write_album(tmp_path, studio.model, [22050, 22050], path=f"album{ending}", cover="cover.png")
    for i in range(2):
        tiny.edit(tmp_path / f"track{i}.yaml", f"track{i}.mp4", f"track{i}{ending}")
    report = harness.run(Graph.load(path), tmp_path / "out", store)
    for k, film in enumerate(report.films):
        assert film["gates"]["frames"]["holds"] and film["gates"]["tags"]["holds"]
        with av.open(film["path"]) as container:
            pictures = [s for s in container.streams if s.type == "attachment" or s.disposition & 1024]
            assert len(pictures) == 1 and len(container.streams.audio) == 1
            tags = {key.lower(): value for key, value in container.metadata.items()}
            if k < 2:
                assert tags["album"] == "The album" and tags["track"] == f"{k + 1}/2"
    tiny.write_png(tmp_path / "cover.png", np.full((40, 40, 3), 9, np.uint8))
    again = harness.run(Graph.load(path), tmp_path / "out", store)
    assert again.rendered == 0 and [f["sha256"] for f in again.films] != [f["sha256"] for f in report.films]


TITLES = ["Back \\", "Both \\\\", "Rows \\\n= 1; #2\\"]


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".mov"])
def test_titles_that_end_in_a_backslash(ending: str, tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 0.5)] * 3, path=f"album{ending}")
    graph = json.loads(path.read_text())
    graph["title"], graph["artist"] = TITLES[0], "Somebody\\"
    for number, title in enumerate(TITLES):
        graph["nodes"][f"track{number}"]["title"] = title
    path.write_text(json.dumps(graph))
    film = harness.run(Graph.load(path), tmp_path / "out", store).films[-1]
    with av.open(film["path"]) as container:
        assert [chapter["metadata"]["title"].rstrip() for chapter in container.chapters()] == TITLES
        tags = {key.lower(): value.rstrip() for key, value in container.metadata.items()}
    assert (tags["title"], tags["artist"]) == (TITLES[0], "Somebody\\") and tags["comment"].startswith("n2s")


@pytest.mark.parametrize(
    ("form", "name", "told"), [("JPEG", "a.png", "image/jpeg cover.jpg"), ("PNG", "b.jpg", "image/png cover.png")]
)
def test_a_cover_is_of_the_kind_of_its_bytes(form: str, name: str, told: str, tmp_path: Path, store: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 0.5)], path="album.mkv", cover=name)
    Image.new("RGB", (40, 40), (99, 60, 30)).save(tmp_path / name, form)
    film = harness.run(Graph.load(path), tmp_path / "out", store).films[-1]
    with av.open(film["path"]) as container:
        tags = container.streams[-1].metadata
    assert f"{tags['mimetype']} {tags['filename']}" == told


def test_a_cover_of_another_kind_is_refused(tmp_path: Path, n2s: Any) -> None:
    path = flashing_album(tmp_path, [(48000, 0.5)], cover="a.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png", "WEBP")
    status, _, err = n2s("check", path)
    assert status == 2 and "a.png is neither PNG nor JPEG" in err


def test_a_cover_goes_where_it_has_a_place(studio: Any, tmp_path: Path, store: Any) -> None:
    tiny.write_png(tmp_path / "cover.png", np.full((40, 40, 3), 99, np.uint8))
    path = write_album(tmp_path, studio.model, [22050, 22050], cover="cover.png")
    tiny.edit(tmp_path / "track0.yaml", "track0.mp4", "track0.mov")
    films = harness.run(Graph.load(path), tmp_path / "out", store).films
    for film, streams in zip(films, (2, 3, 3)):
        with av.open(film["path"]) as container:
            assert len([s for s in container.streams if s.type in ("video", "audio")]) == streams


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"path": "album.mov", "cover": "cover.png"}, ".mov has no place for one; .mp4, .m4v or .mkv does"),
        ({"cover": "cover.gif"}, ".png, .jpg or .jpeg was wanted"),
        ({"cover": "nothing.png"}, "nothing.png"),
    ],
)
def test_covers_that_cannot_be(settings: dict[str, Any], told: str, studio: Any, tmp_path: Path, n2s: Any) -> None:
    path = write_album(tmp_path, studio.model, [22050], **settings)
    status, _, err = n2s("run", path, "--out", tmp_path / "out")
    assert status == 2 and told in err


def test_one_track_alone(studio: Any, tmp_path: Path, store: Any, n2s: Any) -> None:
    path = write_album(tmp_path, studio.model, [22050, 22050, 22050])
    report = harness.run(Graph.load(path), tmp_path / "out", store, only=["track1"])
    assert [Path(film["path"]).name for film in report.films] == ["track1.mp4"]
    with av.open(str(tmp_path / "out/track1.mp4")) as container:
        assert container.metadata["track"] == "2/3"
    whole = harness.run(Graph.load(path), tmp_path / "out", store)
    assert len(whole.films) == 4 and whole.rendered == 2
    with av.open(str(tmp_path / "out/track1.mp4")) as container:
        assert container.metadata["track"] == "2/3"
    with pytest.raises(ArgumentError, match=r'--only: the graph has no track "track9"\. Did you mean'):
        harness.run(Graph.load(path), tmp_path / "out", store, only=["track9"])
    status, _, err = n2s("run", tmp_path / "track0.yaml", "--only", "out", "--out", tmp_path / "out")
    assert status == 2 and '--only: the graph has no track "out". It is for albums.' in err


def test_a_hundred_tracks(studio: Any, tmp_path: Path, store: Any) -> None:
    path = write_album(tmp_path, studio.model, [2205] * 2)
    text = json.loads(path.read_text())
    tracks = {
        f"t{i}": {"node": "Track", "path": f"track{i % 2}.yaml", "set": {"out.path": f"t{i}.mp4"}} for i in range(100)
    }
    text["nodes"] = tracks | {"album": text["nodes"]["album"] | {"tracks": list(tracks)}}
    path.write_text(json.dumps(text))
    report = harness.run(Graph.load(path), tmp_path / "out", store)
    assert len(report.films) == 101 and report.films[-1]["samples"] == 220500
    assert report.films[-1]["frames"] == 300
