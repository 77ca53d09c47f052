"""Quality gates: films that are black, frozen, burnt, in bands or too loud are told of, and others are not."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_sound import film_graph, names_of, sound, tones, write_wav
from test_sound import write_album as write_sound_album

from n2s.graph.errors import RenderError
from n2s.graph.format import Pixels
from n2s.graph.graph import Graph
from n2s.nodes import Features
from n2s.runtime.events import Events
from n2s.runtime.films.flaws import measure_flaws
from n2s.runtime.media.levels import gain_to, measure_levels
from n2s.runtime.seeing.gates import _light, _longest, _seams, gates_text

RATE, WIDTH, HEIGHT = 48000, 256, 64


def write_still(folder: Path, pixels: np.ndarray, seconds: float = 4, samples: Any = None, **sink: Any) -> Graph:
    """A film of one picture, beside some sound."""
    tiny.write_png(folder / "still.png", pixels)
    tiny.write_wav(folder / "music.wav", tone(seconds, 0.1) if samples is None else samples, RATE)
    nodes = {
        "music": {"node": "AudioSource", "path": "music.wav"},
        "still": {"node": "ImageSource", "path": "still.png"},
        "out": {"node": "FFmpegSink", "frames": "still", "audio": "music", "path": "film.mp4", **sink},
    }
    size = [pixels.shape[1], pixels.shape[0]]
    return harness.load({"n2s": 1, "title": "Still", "size": size, "fps": 10, "nodes": nodes}, folder)


def tone(seconds: float, amplitude: float, cycle: float = RATE / 997, phase: float = 0.0) -> np.ndarray:
    """A sine of one frequency in both channels; 997 Hz of amplitude 1 has 0 LUFS in stereo."""
    turns = np.arange(round(seconds * RATE)) / cycle
    wave = amplitude * np.sin(2 * np.pi * turns + phase)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


def gradient() -> np.ndarray:
    """A soft rise from left to right: a few codes over the whole width."""
    return np.rint(np.linspace(90, 99, WIDTH))[None, :, None].repeat(HEIGHT, 0).repeat(3, 2).astype(np.uint8)


def gates(graph: Graph, folder: Path, store: Any) -> dict[str, Any]:
    (film,) = harness.run(graph, folder / "out", store).films
    return film["gates"]


@pytest.mark.parametrize(
    ("grey", "broken"),
    [
        (0, {"black": "black for 4.0 s, all of it", "frozen": "frozen for 3.9 s, all of it"}),
        (255, {"burnt": "burnt for 4.0 s, all of it", "frozen": "frozen for 3.9 s, all of it"}),
        (128, {"frozen": "frozen for 3.9 s, all of it"}),
    ],
)
def test_a_picture_that_stands(grey: int, broken: dict[str, str], tmp_path: Path, store: Any) -> None:
    found = gates(write_still(tmp_path, np.full((32, 64, 3), grey, np.uint8)), tmp_path, store)
    assert {name: gate["broken"] for name, gate in found.items() if not gate["holds"]} == broken
    assert found["frames"] == {"found": 40, "limit": 40, "holds": True}
    assert found["sound_begins_ms"]["found"] == 0 and "bt709" in found["tags"]["found"]
    text = gates_text(found)
    assert text.startswith("quality: ") and all(words in text for words in broken.values())
    assert text.endswith(f"; {len(found) - len(broken)} of {len(found)} checks passed")
    held = {name: {"holds": True} for name in found}
    assert gates_text(held).startswith(f"quality: all {len(found)} checks passed: no frame is missing, ")
    assert gates_text({}) == "quality: all 0 checks passed"


def test_bands_are_told_and_dither_has_none(tmp_path: Path, store: Any) -> None:
    bare, dithered, fine = (
        gates(write_still(tmp_path, gradient(), 2, **sink), tmp_path, store)["banded"]
        for sink in ({"dither": False}, {}, {"dither": False, "depth": 10})
    )
    assert bare["broken"] == "banded for 2.0 s, all of it" and bare["found"] == 2
    assert dithered["holds"] and fine["holds"]


def test_shares_of_a_frame() -> None:
    luma = np.full((HEIGHT, WIDTH), 100, np.uint8)
    luma[:, : WIDTH // 4] = 235
    frame = np.concatenate([luma.ravel(), np.full(HEIGHT * WIDTH // 2, 128, np.uint8)])[None]
    found = measure_flaws(frame, Pixels("yuv420p", 8), (WIDTH, HEIGHT))
    assert found.tolist() == [[0.25, 0.0]]
    ten = measure_flaws(frame.astype(np.uint16) * 4, Pixels("yuv420p", 10), (WIDTH, HEIGHT))
    assert ten.tolist() == found.tolist()
    several = measure_flaws(np.repeat(frame, 10, 0), Pixels("yuv420p", 8), (WIDTH, HEIGHT), first=3)
    assert np.flatnonzero(~np.isnan(several[:, 1])).tolist() == [5]  # the eighth of the chunk
    red = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    red[..., 1] = 255
    assert measure_flaws(red.reshape(1, -1), Pixels("rgb", 8), (WIDTH, HEIGHT)).tolist() == [[1, 0]]


def test_the_longest_stretch_and_its_time() -> None:
    marked = np.zeros(100, bool)
    marked[10:15] = marked[40:61] = True
    gate = _longest("black", marked, 2.0, Fraction(10))
    assert (gate.found, gate.broken) == (2.1, "black for 2.1 s, 00:04.00 to 00:06.10")
    assert not _longest("black", marked, 2.1, Fraction(10)).broken
    assert _longest("black", np.zeros(0, bool), 2.0, Fraction(10)).found == 0


def test_light_is_read_chunk_by_chunk() -> None:
    whole = np.random.default_rng(3).integers(0, 65536, (50, 18, 32)).astype(np.uint16)
    cells = whole.reshape(50, -1).astype(np.int64)
    lightest, most, mean = _light(iter([whole[:7], whole[7:8], whole[8:]]))
    assert (lightest == cells.max(axis=1)).all()
    assert (most[1:] == np.abs(np.diff(cells, axis=0)).max(axis=1)).all() and most[0] >= 65535
    assert np.allclose(mean[1:], np.abs(np.diff(cells, axis=0)).mean(axis=1))
    assert _light(iter([whole[:7], None])) is None and _light(iter([])) is None


@pytest.mark.parametrize(("at_borders", "broken"), [(1.0, False), (5.0, True)])
def test_seams_where_chunks_meet(at_borders: float, broken: bool) -> None:
    quiet = np.zeros(120, np.float32)
    marks = SimpleNamespace(landmarks=None, fps=Fraction(10))
    values = SimpleNamespace(outputs={("heard", "onset"): quiet}, clock=marks)
    plan = SimpleNamespace(graph=SimpleNamespace(nodes={"heard": Features()}), values=values)
    film: Any = SimpleNamespace(parts=[(plan, SimpleNamespace(count=10, start=10 * k)) for k in range(12)])
    change = np.ones(119) + 0.1 * np.sin(np.arange(119))
    change[9::10] *= at_borders
    assert bool(_seams(film, change).broken) == broken
    assert _seams(SimpleNamespace(parts=film.parts[:3]), change[:29]).found is None
    quiet[::10] = 1  # the music strikes where chunks meet: what moves there is no seam
    assert _seams(film, change).found is None


def test_loudness_is_that_of_the_standard() -> None:
    levels = measure_levels([tone(5, 0.5)], RATE, "stereo")
    assert levels.loudness == pytest.approx(20 * np.log10(0.5), abs=0.15)
    assert levels.peak == pytest.approx(20 * np.log10(0.5), abs=0.15) and levels.range == 0
    # Peaks between samples: a quarter of the rate, 45 degrees off, has samples of 0.707 and peaks of 1.
    between = measure_levels([tone(5, 1, 4, np.pi / 4)], RATE, "stereo")
    assert between.peak == pytest.approx(0, abs=0.7)  # where it begins it overshoots
    silent = measure_levels([np.zeros((RATE * 5, 2), np.float32)], RATE, "stereo")
    assert silent.peak == silent.loudness == -np.inf and gain_to(silent, -14) == 0


def test_loudness_that_cannot_be_measured_turns_nothing_up() -> None:
    short = measure_levels([tone(0.1, 0.3)], RATE, "stereo")
    assert short.loudness == -np.inf and np.isfinite(short.peak)
    assert gain_to(short, -14) == gain_to(short, -75) == 0
    loud = measure_levels([tone(0.1, 1.4)], RATE, "stereo")
    assert gain_to(loud, -14) == pytest.approx(-1 - loud.peak, abs=0.06), "its peak is held all the same"


@pytest.mark.parametrize("samples", [tone(0.1, 0.3), 0 * tone(2, 0.3)], ids=["short", "silent"])
def test_loudness_that_cannot_be_measured_is_told(samples: np.ndarray, tmp_path: Path, store: Any) -> None:
    said: list[str] = []
    events = Events()
    events.said = said.append
    graph = write_still(tmp_path, gradient(), samples=samples, loudness=-14)
    (film,) = harness.run(graph, tmp_path / "out", store, events=events).films
    assert film["levels"]["loudness"] is None
    assert film["levels"]["true_peak"] in (None, pytest.approx(20 * np.log10(0.3), abs=0.2))
    assert [text for text in said if "cannot be measured" in text] and not [text for text in said if "LUFS" in text]


def test_sound_above_full_scale_between_samples_breaks_a_gate(tmp_path: Path, store: Any) -> None:
    loud = tone(4, 1.4, 4, np.pi / 4)
    found = gates(write_still(tmp_path, gradient(), samples=loud), tmp_path, store)["true_peak"]
    assert not found["holds"] and found["broken"].startswith("a true peak of +2") or found["found"] > 2


@pytest.mark.parametrize(("amplitude", "reached"), [(0.1, -14.0), (0.9, -14.0)])
def test_sound_is_turned_to_a_loudness(amplitude: float, reached: float, tmp_path: Path, store: Any) -> None:
    graph = write_still(tmp_path, gradient(), samples=tone(5, amplitude), loudness=-14)
    (film,) = harness.run(graph, tmp_path / "out", store).films
    assert film["levels"]["loudness"] == pytest.approx(reached, abs=0.15)
    assert film["levels"]["true_peak"] <= -1 + 0.1


def test_peaks_come_before_loudness(tmp_path: Path, store: Any) -> None:
    samples = tone(5, 0.02)
    samples[RATE : RATE + 480] *= 45  # one hit of 0.9 among whispers
    said: list[str] = []
    events = Events()
    events.said = said.append
    graph = write_still(tmp_path, gradient(), samples=samples, loudness=-14)
    (film,) = harness.run(graph, tmp_path / "out", store, events=events).films
    assert film["levels"]["true_peak"] == pytest.approx(-1, abs=0.15)
    assert film["levels"]["loudness"] < -20
    assert any("LUFS, not -14: its true peak is -1 dBTP then." in text for text in said)


@pytest.mark.parametrize("normalise", ["album", "track"])
def test_an_album_keeps_what_is_between_its_tracks(normalise: str, tmp_path: Path, store: Any) -> None:
    for name, amplitude in (("quiet", 0.05), ("loud", 0.4)):
        folder = tmp_path / name
        folder.mkdir()
        graph = write_still(folder, gradient(), samples=tone(5, amplitude))
        graph.edit({"out.path": f"{name}.mp4"}).save(folder / "track.yaml")
    nodes = {name: {"node": "Track", "path": f"{name}/track.yaml"} for name in ("quiet", "loud")}
    nodes["album"] = {"node": "Album", "tracks": ["quiet", "loud"], "path": "album.mp4", "loudness": -14,
                      "normalise": normalise}  # fmt: skip
    path = tmp_path / "album.yaml"
    path.write_text(json.dumps({"n2s": 1, "size": [WIDTH, HEIGHT], "fps": 10, "nodes": nodes}))
    text = (tmp_path / "quiet/track.yaml").read_text()
    assert "fps" in text
    films = harness.run(Graph.load(path), tmp_path / "out", store).films
    quiet, loud, album = (film["levels"]["loudness"] for film in films)
    apart = 20 * np.log10(8) if normalise == "album" else 0
    assert loud - quiet == pytest.approx(apart, abs=0.3)
    assert album == pytest.approx(-14, abs=0.6)


def test_tracks_of_several_layouts_are_alike_in_the_albums_film_and_alone(tmp_path: Path, store: Any) -> None:
    """Mono is 3 dB louder from two speakers than from one."""
    masks = {"mono": 0x4, "stereo": 0x3, "surround": 0x3F}
    for name, mask in masks.items():
        write_wav(tmp_path / f"{name}.wav", tones(names_of(mask), 1.5), mask=mask)
        film_graph(tmp_path, f"{name}.wav", name)
    path = write_sound_album(tmp_path, list(masks), loudness=-23, normalise="track")
    *tracks, album = harness.run(Graph.load(path), tmp_path / "out", store).films
    assert [film["levels"]["loudness"] for film in tracks] == pytest.approx([-23] * 3, abs=0.15)
    samples, _, rate = sound(album["path"])
    parts = [samples[round(1.5 * k * rate) : round(1.5 * (k + 1) * rate)] for k in range(3)]
    heard = [measure_levels([part], rate, "stereo").loudness for part in parts]
    assert heard == pytest.approx([-23] * 3, abs=0.3)


def test_a_track_that_cannot_be_as_loud_in_its_own_film_is_told(tmp_path: Path, store: Any) -> None:
    chord = sum(0.45 * np.sin(2 * np.pi * hertz * np.arange(1.5 * RATE) / RATE) for hertz in (440, 660))  # -7 LUFS
    for name, mask, samples in (("mono", 0x4, chord[:, None]), ("stereo", 0x3, tones(names_of(0x3), 1.5))):
        write_wav(tmp_path / f"{name}.wav", samples, mask=mask)
        film_graph(tmp_path, f"{name}.wav", name)
    said: list[str] = []
    events = Events()
    events.said = said.append
    path = write_sound_album(tmp_path, ["mono", "stereo"], loudness=-5, normalise="track")
    mono, *_ = harness.run(Graph.load(path), tmp_path / "out", store, events=events).films
    reached = mono["levels"]["loudness"]
    assert reached == pytest.approx(-7, abs=1)
    assert [text for text in said if "mono.wav" in text and "LUFS" in text] == [
        f"The sound of mono.wav alone becomes {reached:.1f} LUFS, not -5: its true peak is -1 dBTP then."
    ]


def test_frames_that_nobody_measured_are_told(tmp_path: Path, store: Any) -> None:
    graph = write_still(tmp_path, gradient(), 2)
    harness.run(graph, tmp_path / "out", store)
    for path in store.root.glob("luminance/*/*"):
        path.unlink()
    other = graph.edit({"title": "Other"})  # a film of the same frames, which nobody has judged
    (film,) = harness.run(other, tmp_path / "out", store).films
    assert {name for name, gate in film["gates"].items() if gate["holds"] is None} == {
        "black", "frozen", "seams", "burnt", "banded"
    }  # fmt: skip
    assert "black, frozen, seams, burnt, banded not measured" in gates_text(film["gates"])
    with pytest.raises(RenderError, match="not measured; --force renders it again"):
        harness.run(other, tmp_path / "out", store, strict=True)
    assert harness.run(other, tmp_path / "out", store, force=True).films[0]["gates"]["black"]["holds"]


def test_a_strict_run_fails_and_tells_the_time(tmp_path: Path, n2s: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    graph = write_still(tmp_path, np.zeros((32, 64, 3), np.uint8))
    path = graph.save(tmp_path / "still.yaml")
    status, said, err = n2s("run", path)
    assert status == 0 and "quality: black for 4.0 s, all of it; frozen for 3.9 s, all of it" in said
    status, _, err = n2s("run", path, "--strict")
    assert status == 1 and "film.mp4: black for 4.0 s, all of it" in err and "The films are written" in err
    records = [json.loads(record.read_text()) for record in sorted(Path("renders").glob("*/run.json"))]
    assert [record["status"] for record in records] == ["done", "failed"]
    assert records[0]["films"][0]["gates"] == records[1]["films"][0]["gates"]
    with pytest.raises(RenderError, match="frozen"):
        harness.run(graph, tmp_path / "again", tmp_path / "store", strict=True)
