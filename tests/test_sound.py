"""The sound of a film: every channel where the rule says, nothing above full scale, exact lengths at every rate."""

from __future__ import annotations

import json
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny

from n2s.graph.graph import Graph
from n2s.runtime.events import Events

NAMES = ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR")
TONES = {
    "FL": 300,
    "FR": 500,
    "FC": 700,
    "LFE": 50,
    "BL": 900,
    "BR": 1100,
    "BC": 1300,
    "SL": 1500,
    "SR": 1700,
    "FLC": 1900,
    "FRC": 2100,
}
RATE = 48000


class Listener(Events):
    def __init__(self) -> None:
        self.told: list[str] = []

    def said(self, text: str) -> None:
        self.told.append(text)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE, mask: int = 0) -> Path:
    """Write float32 samples (n, channels) as WAVE_FORMAT_EXTENSIBLE with a channel mask."""
    channels = samples.shape[1]
    guid = struct.pack("<H", 3) + bytes.fromhex("000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate, 4 * channels * rate, 4 * channels, 32, 22, 32, mask) + guid
    data = samples.astype("<f4").tobytes()
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def names_of(mask: int) -> list[str]:
    return [name for bit, name in enumerate(NAMES) if mask >> bit & 1]


def tones(names: list[str], seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    """A sine of 0.2 for each channel, each of its own frequency."""
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.2 * np.sin(2 * np.pi * TONES[name] * time) for name in names], axis=1).astype(np.float32)


def film_graph(folder: Path, music: str, name: str = "track", **sink: Any) -> Path:
    """A black film for a piece of music."""
    tiny.write_png(folder / "black.png", np.zeros((16, 16, 3), np.uint8))
    nodes = {
        "track": {"node": "AudioSource", "path": music},
        "black": {"node": "ImageSource", "path": "black.png"},
        "out": {"node": "FFmpegSink", "frames": "black", "audio": "track", "path": f"{name}.mp4", "preset": "ultrafast",
                "audio_bitrate": 512} | sink,
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"n2s": 1, "title": name, "fps": 10, "size": [16, 16], "nodes": nodes}))
    return path


def render(path: Path, store: Any) -> tuple[dict[str, Any], list[str]]:
    listener = Listener()
    report = harness.run(Graph.load(path), path.parent / "out", store, events=listener)
    return report.films[-1], listener.told


def sound(path: Path | str) -> tuple[np.ndarray, list[str], int]:
    """Return a film's sound as its player hears it: float32 (n, channels), the names of the channels, the rate."""
    from imageio_ffmpeg import get_ffmpeg_exe

    done = subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", path, "-c:a", "pcm_f32le", "-f", "wav", "-"],
                          capture_output=True, check=True).stdout  # fmt: skip
    tag, channels, rate = struct.unpack("<HHI", done[20:28])
    mask = struct.unpack("<I", done[40:44])[0] if tag == 0xFFFE else {1: 4, 2: 3}[channels]
    start = done.index(b"data") + 8
    return np.frombuffer(done[start:], "<f4").reshape(-1, channels), names_of(mask), rate


def level(samples: np.ndarray, tone: float, rate: int = RATE) -> float:
    """The amplitude of a sine in some samples."""
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * tone * np.arange(len(samples)) / rate)
    return float(2 * abs((samples * window * turn).sum()) / window.sum())


def heard(path: str) -> dict[str, dict[str, float]]:
    """Which sines are where in a film: gains by channel of the film and channel of the music."""
    samples, names, rate = sound(path)
    middle = samples[len(samples) // 10 : -len(samples) // 10]
    levels = {
        name: {tone: level(middle[:, i], TONES[tone], rate) / 0.2 for tone in TONES} for i, name in enumerate(names)
    }
    return {
        name: {tone: round(gain, 1) for tone, gain in found.items() if gain > 0.1} for name, found in levels.items()
    }


def at_home(*names: str) -> dict[str, dict[str, float]]:
    return {name: {name: 1.0} for name in names}


@pytest.mark.parametrize(
    ("channels", "mask", "layout", "where"),
    [
        (1, 0x4, "mono", {"FC": {"FC": 1.0}}),
        (2, 0x3, "stereo", at_home("FL", "FR")),
        (3, 0, "3.0", at_home("FL", "FR", "FC")),
        (3, 0x7, "3.0", at_home("FL", "FR", "FC")),
        (3, 0xB, "5.1", at_home("FL", "FR", "LFE") | {"FC": {}, "BL": {}, "BR": {}}),
        (3, 0x103, "4.0", at_home("FL", "FR", "BC") | {"FC": {}}),
        (4, 0, "5.0", at_home("FL", "FR", "BL", "BR") | {"FC": {}}),
        (4, 0x33, "5.0", at_home("FL", "FR", "BL", "BR") | {"FC": {}}),
        (4, 0x107, "4.0", at_home("FL", "FR", "FC", "BC")),
        (4, 0xF, "5.1", at_home("FL", "FR", "FC", "LFE") | {"BL": {}, "BR": {}}),
        (5, 0x37, "5.0", at_home("FL", "FR", "FC", "BL", "BR")),
        (5, 0x607, "5.0", at_home("FL", "FR", "FC") | {"BL": {"SL": 1.0}, "BR": {"SR": 1.0}}),
        (5, 0x10F, "5.1", at_home("FL", "FR", "FC", "LFE") | {"BL": {"BC": 0.7}, "BR": {"BC": 0.7}}),
        (6, 0, "5.1", at_home("FL", "FR", "FC", "LFE", "BL", "BR")),
        (6, 0x707, "7.1", at_home("FL", "FR", "FC", "SL", "SR") | {"LFE": {}, "BL": {"BC": 0.7}, "BR": {"BC": 0.7}}),
        (7, 0x70F, "7.1", at_home("FL", "FR", "FC", "LFE", "SL", "SR") | {"BL": {"BC": 0.7}, "BR": {"BC": 0.7}}),
        (8, 0, "7.1", at_home("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")),
    ],
)  # fmt: skip
def test_every_channel_is_heard_where_the_rule_says(
    channels: int, mask: int, layout: str, where: dict, tmp_path: Path, store: Any
) -> None:
    usual = {3: 0x7, 4: 0x33, 6: 0x3F, 8: 0x63F}
    names = names_of(mask or usual[channels])
    write_wav(tmp_path / "music.wav", tones(names), mask=mask)
    film, told = render(film_graph(tmp_path, "music.wav"), store)
    assert film["sound"]["layout"] == layout and film["samples"] == RATE // 2
    assert heard(film["path"]) == where
    moved = layout != "mono" and where != at_home(*names)
    assert any(f"its sound is {layout}" in text for text in told) == moved
    assert any("does not say which speakers" in text for text in told) == (mask == 0 and channels > 2)


def test_channels_with_no_place_of_their_own_are_mixed_and_nothing_clips(tmp_path: Path, store: Any) -> None:
    names = names_of(0x137)  # hexagonal: a centre at the back between two others there
    write_wav(tmp_path / "music.wav", 5 * tones(names), mask=0x137)
    film, told = render(film_graph(tmp_path, "music.wav"), store)
    found = heard(film["path"])
    assert film["sound"]["layout"] == "7.1" and any("FL+FR+FC+BL+BR+BC" in text for text in told)
    scale = 5 / (1 + 0.7071)
    for name in ("FL", "FR", "FC", "BL", "BR"):
        assert found[name][name] == pytest.approx(scale, abs=0.15)
    for name in ("BL", "BR"):
        assert found[name]["BC"] == pytest.approx(0.7071 * scale, rel=0.1)


@pytest.mark.parametrize("kind", ["wav", "w64", "aiff", "caf", "flac", "ogg", "opus", "m4a", "mka", "wv"])
@pytest.mark.parametrize("layout", ["3.0", "quad", "5.1"])
def test_the_order_of_channels_is_that_of_the_container(kind: str, layout: str, tmp_path: Path) -> None:
    from imageio_ffmpeg import get_ffmpeg_exe

    from n2s.runtime.media.audio import AudioReader, probe
    from n2s.runtime.media.music.layouts import known_layout

    mask = {"3.0": 0x7, "quad": 0x33, "5.1": 0x3F}[layout]
    names = names_of(mask)
    source = write_wav(tmp_path / "source", tones(names), mask=mask)
    path = tmp_path / f"music.{kind}"
    codec = {"ogg": ["-c:a", "libvorbis", "-q:a", "8"],
             "opus": ["-c:a", "libopus", "-mapping_family", "1", "-b:a", "512k"],
             "mka": ["-c:a", "flac"], "m4a": ["-b:a", "512k"]}.get(kind, [])  # fmt: skip
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", source, *codec, path], check=True)
    info = probe(path, get_ffmpeg_exe)
    speakers = known_layout(info.layout, info.channels).split("+")
    with AudioReader(path, info, get_ffmpeg_exe) as reader:
        samples = reader.read(0, info.samples)[:, 4000:-4000]
    assert info.layout.split("+") == speakers and sorted(speakers) == sorted(names)
    for speaker, channel in zip(speakers, samples):
        loudest = max(names, key=lambda tone: level(channel, TONES[tone], info.rate))
        assert loudest == speaker, speakers


def write_album(folder: Path, names: list[str], **album: Any) -> Path:
    tracks = {name: {"node": "Track", "path": f"{name}.yaml"} for name in names}
    settings = {"path": "album.mp4", "preset": "ultrafast", "audio_bitrate": 512} | album
    nodes = tracks | {"album": {"node": "Album", "tracks": names, **settings}}
    path = folder / "album.yaml"
    path.write_text(json.dumps({"n2s": 1, "fps": 10, "size": [16, 16], "nodes": nodes}))
    return path


def test_an_album_of_many_layouts_is_stereo_with_every_channel_in_it(tmp_path: Path, store: Any) -> None:
    masks = {"mono": 0x4, "stereo": 0x3, "centre": 0x7, "quad": 0x33, "surround": 0x3F, "back": 0x70F}
    for name, mask in masks.items():
        write_wav(tmp_path / f"{name}.wav", tones(names_of(mask)), mask=mask)
        film_graph(tmp_path, f"{name}.wav", name)
    film, told = render(write_album(tmp_path, list(masks)), store)
    assert film["samples"] == len(masks) * RATE // 2 and any("its sound is stereo" in text for text in told)
    samples, names, _ = sound(film["path"])
    assert names == ["FL", "FR"]
    sides = {"FL": "L", "BL": "L", "SL": "L", "FR": "R", "BR": "R", "SR": "R", "FC": "LR", "LFE": "LR", "BC": "LR"}
    for number, (name, mask) in enumerate(masks.items()):
        part = samples[number * RATE // 2 + 3000 : (number + 1) * RATE // 2 - 3000]
        gains = {}
        for channel in names_of(mask):
            for side, column in zip("LR", part.T):
                gain = level(column, TONES[channel]) / 0.2
                assert (gain > 0.1) == (side in sides[channel]), (name, channel, side, gain)
                gains[channel] = max(gain, gains.get(channel, 0))
        assert sum(gain for channel, gain in gains.items() if "L" in sides[channel]) < 1.05, (name, gains)
    for name, mask in masks.items():  # its tracks keep theirs
        found = heard(str(tmp_path / f"out/{name}.mp4"))
        assert {tone for tones_here in found.values() for tone in tones_here} == set(names_of(mask))


def test_music_above_full_scale_is_turned_down_by_one_gain(tmp_path: Path, store: Any) -> None:
    loud, soft = 12.5 * tones(["FL", "FR"]), 2.5 * tones(["FL", "FR"])  # peaks of 2.5 and 0.5
    tiny.write_wav(tmp_path / "loud.wav", loud, RATE)
    tiny.write_wav(tmp_path / "soft.wav", soft, RATE)
    for name in ("loud", "soft"):
        film_graph(tmp_path, f"{name}.wav", name)
    film, told = render(write_album(tmp_path, ["loud", "soft"]), store)
    note = [text for text in told if "album.mp4" in text]
    assert len(note) == 1 and "loud.wav peaks at 2.5 of full scale (+8.0 dBFS)" in note[0] and "by 8.0 dB" in note[0]
    samples, _, _ = sound(film["path"])
    half = RATE // 2
    assert np.abs(samples).max() < 1.05  # AAC adds a little
    for part, wanted in ((samples[3000 : half - 3000], 1.0), (samples[half + 3000 : -3000], 0.2)):
        assert level(part[:, 0], TONES["FL"]) == pytest.approx(wanted, rel=0.02)
        assert level(part[:, 0], 3 * TONES["FL"]) < 0.002  # clipping would ring at three times the frequency
    alone, _, _ = sound(tmp_path / "out/soft.mp4")
    assert level(alone[3000:-3000, 0], TONES["FL"]) == pytest.approx(0.5, rel=0.02)  # nothing to turn down
    assert not any("soft.mp4" in text for text in told)


def test_a_part_of_loud_music_is_turned_down_like_the_whole(tmp_path: Path, store: Any) -> None:
    music = 2.5 * tones(["FL", "FR"], 1.0)
    music[: RATE // 2] *= 4
    tiny.write_wav(tmp_path / "music.wav", music, RATE)
    report = harness.run(Graph.load(film_graph(tmp_path, "music.wav")), tmp_path / "out", store, span=(0.5, 1.0))
    assert report.films[0]["sound"]["gain"] == pytest.approx(0.5, rel=0.01)


def pulses(rate: int, seconds: float, times: list[float]) -> np.ndarray:
    """Short bursts, exactly at sample positions, far below half of every rate."""
    samples = np.zeros(round(seconds * rate), np.float64)
    for at in times:
        centre = round(at * rate)
        here = np.arange(max(0, centre - rate // 20), min(len(samples), centre + rate // 20))
        samples[here] += 0.5 * np.exp(-(((here - centre) / rate / 0.004) ** 2))
    return np.stack([samples, samples], axis=1).astype(np.float32)


def centres(samples: np.ndarray, rate: int, times: list[float]) -> list[float]:
    """When the bursts are heard, in seconds, by their centres of gravity."""
    found = []
    for at in times:
        here = np.arange(round((at - 0.04) * rate), round((at + 0.04) * rate))
        weight = np.clip(samples[here, 0], 0.02, None).astype(np.float64) - 0.02
        found.append(float((here * weight).sum() / weight.sum() / rate))
    return found


@pytest.mark.parametrize(
    ("rate", "audio_rate", "delivered"),
    [
        (192000, None, 48000),
        (176400, None, 44100),
        (96000, None, 48000),
        (88200, None, 44100),
        (64000, None, 48000),
        (50000, None, 48000),
        (48000, None, 48000),
        (44100, 48000, 48000),
        (48000, 44100, 44100),
        (37800, None, 44100),
        (96000, "source", 96000),
        (192000, "source", 96000),
        (352800, "source", 88200),
        (22050, 8000, 8000),
        (10000, None, 11025),
        (4000, None, 7350),
        (1000, None, 7350),
    ],
)
def test_the_sound_has_the_rate_of_the_rule_and_the_length_of_the_music(
    rate: int, audio_rate: Any, delivered: int, tmp_path: Path, store: Any
) -> None:
    times = [0.2, 0.5, 1.0]
    music = pulses(rate, 1.2 + 7 / rate, times)
    tiny.write_wav(tmp_path / "music.wav", music, rate)
    film, told = render(film_graph(tmp_path, "music.wav", audio_rate=audio_rate, audio_bitrate=128), store)
    samples, _, found = sound(film["path"])
    wanted = -(-len(music) * delivered // rate)
    assert film["sound"]["rate"] == found == delivered
    assert film["samples"] == wanted and abs(len(samples) - wanted) <= 1
    with av.open(film["path"]) as container:
        stream = container.streams.audio[0]
        assert abs(stream.duration * stream.time_base - Fraction(len(music), rate)) < Fraction(1, 1000)
        chapter = container.chapters()[0]
        assert abs(chapter["end"] * chapter["time_base"] - Fraction(len(music), rate)) < Fraction(1, 1000)
    for at, when in zip([round(at * rate) / rate for at in times], centres(samples, delivered, times)):
        assert when == pytest.approx(at, abs=60e-6)
    assert any(f"{rate} Hz, its sound gets {delivered} Hz" in text for text in told) == (rate != delivered)


def test_an_albums_chapters_and_joins_hold_at_another_rate(tmp_path: Path, store: Any) -> None:
    rate, lengths = 96000, [50001, 33333, 70007]
    for number, length in enumerate(lengths):
        write_wav(tmp_path / f"m{number}.wav", pulses(rate, length / rate, [0.2]), rate, 3)
        film_graph(tmp_path, f"m{number}.wav", f"t{number}")
    film, _ = render(write_album(tmp_path, ["t0", "t1", "t2"]), store)
    assert film["samples"] == -(-sum(lengths) // 2)
    starts = [0, 50001, 83334]
    with av.open(film["path"]) as container:
        for chapter, start in zip(container.chapters(), starts, strict=True):
            assert abs(chapter["start"] * chapter["time_base"] - Fraction(start, rate)) < Fraction(1, 1000)
    samples, _, _ = sound(film["path"])
    times = [start / rate + 0.2 for start in starts]
    for at, when in zip(times, centres(samples, 48000, times)):
        assert when == pytest.approx(at, abs=60e-6)


def test_what_decides_the_sound_is_in_its_recipe(tmp_path: Path, store: Any) -> None:
    write_wav(tmp_path / "music.wav", tones(["FL", "FR", "FC", "BC"]), mask=0x107)
    graph = film_graph(tmp_path, "music.wav")
    first, _ = render(graph, store)
    write_wav(tmp_path / "music.wav", tones(["FL", "FR", "FC", "BC"]), mask=0x33)  # the same samples for other speakers
    second, _ = render(graph, store)
    assert (first["sound"]["layout"], second["sound"]["layout"]) == ("4.0", "5.0")
    assert first["sha256"] != second["sha256"]
    third, _ = render(film_graph(tmp_path, "music.wav", audio_rate=32000), store)
    assert third["sound"]["rate"] == 32000 and third["sha256"] != second["sha256"]
