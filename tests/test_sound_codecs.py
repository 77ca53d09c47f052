"""Sound as each codec has it: channels where they belong, bitrates and lengths that encoders take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_sound import at_home, film_graph, heard, names_of, render, sound, tones, write_album, write_wav

MASKS = {
    "mono": 0x4,
    "stereo": 0x3,
    "3.0": 0x7,
    "4.0": 0x107,
    "quad": 0x33,
    "5.0": 0x37,
    "5.1": 0x3F,
    "6.1": 0x70F,
    "7.1": 0x63F,
    "7.1(wide)": 0xFF,
}
PAIRS = [("aac", ".mp4"), ("alac", ".mp4"), ("flac", ".mkv"), ("opus", ".mkv"), ("pcm", ".mov"), ("pcm", ".mkv")]
BACK = {"BL": {"BC": 0.7}, "BR": {"BC": 0.7}}
LOUDER = 1 / (1 + 0.7071)  # where a place gets a channel of its own and another one
FOLDED = {"FL": "FLC", "FR": "FRC"}


def shared(others: dict[str, str], *names: str) -> dict[str, dict[str, float]]:
    """Each channel where it belongs, and others at half the power beside them."""
    both = {name: {name: LOUDER} | ({others[name]: 0.7071 * LOUDER} if name in others else {}) for name in names}
    return {name: {tone: round(gain, 1) for tone, gain in found.items()} for name, found in both.items()}


def wanted(codec: str, ending: str, layout: str) -> tuple[str, dict[str, dict[str, float]]]:
    """Return the layout that a film's sound must have, and which channel of the music is heard where."""
    names = names_of(MASKS[layout])
    has_four = codec in ("aac", "alac", "pcm") and (codec, ending) != ("pcm", ".mkv")
    if layout == "3.0" and (codec, ending) == ("pcm", ".mkv"):
        return "5.0", at_home(*names) | {"BL": {}, "BR": {}}
    if layout == "4.0" and not has_four:
        return "5.0", at_home("FL", "FR", "FC") | BACK
    if layout == "quad":
        return "5.0", at_home(*names) | {"FC": {}}
    if layout == "6.1" and codec == "alac":
        return "6.1(back)", at_home("FL", "FR", "FC", "LFE", "BC") | {"BL": {"SL": 1.0}, "BR": {"SR": 1.0}}
    if layout == "6.1":
        return "7.1", at_home("FL", "FR", "FC", "LFE", "SL", "SR") | BACK
    if layout == "7.1" and codec == "alac":
        return "5.1", shared({"BL": "SL", "BR": "SR"}, "FL", "FR", "FC", "LFE", "BL", "BR")
    if layout == "7.1(wide)" and codec != "alac":
        return "7.1", shared(FOLDED, "FL", "FR", "FC", "LFE", "BL", "BR") | {"SL": {}, "SR": {}}
    return layout, at_home(*names)


def at_the_back(found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """FFmpeg calls the two speakers behind of FLAC those at the sides; its format calls them either."""
    return found if "BL" in found else {name.replace("S", "B", 1): tones for name, tones in found.items()}


@pytest.mark.parametrize("layout", MASKS)
@pytest.mark.parametrize(("codec", "ending"), PAIRS)
def test_every_channel_is_where_the_rule_says_in_each_codec(
    codec: str, ending: str, layout: str, tmp_path: Path, store: Any
) -> None:
    names = names_of(MASKS[layout])
    write_wav(tmp_path / "music.wav", tones(names), mask=MASKS[layout])
    film, told = render(film_graph(tmp_path, "music.wav", path=f"film{ending}", audio_codec=codec), store)
    kept, where = wanted(codec, ending, layout)
    assert film["sound"]["layout"] == kept and at_the_back(heard(film["path"])) == where
    assert any(f"its sound is {kept}" in text for text in told) == (kept != layout)


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize("samples", [1, 100, 312, 313])
def test_music_of_a_few_samples_as_opus(samples: int, ending: str, tmp_path: Path, store: Any) -> None:
    """Opus begins 312 samples before the music; what an edit list left of fewer was nothing."""
    write_wav(tmp_path / "music.wav", np.full((samples, 2), 0.25, np.float32))
    graph = film_graph(tmp_path, "music.wav", path=f"film{ending}", audio_codec="opus")
    film, _ = render(graph, store)
    heard_samples, _, _ = sound(film["path"])
    assert film["gates"]["sound_ends_ms"]["holds"] and len(heard_samples) >= 313
    loud = np.flatnonzero(np.abs(heard_samples[:, 0]) > 0.1)
    assert not len(loud) or loud[-1] < samples + 100


@pytest.mark.parametrize(
    ("codec", "ending", "rate", "audio_rate", "delivered"),
    [
        ("flac", ".mkv", 192000, "source", 192000),
        ("flac", ".mp4", 37800, "source", 37800),
        ("flac", ".mkv", 655350, "source", 655350),
        ("flac", ".mkv", 705600, "source", 88200),
        ("alac", ".mp4", 352800, "source", 352800),
        ("pcm", ".mov", 4000, "source", 4000),
        ("pcm", ".mov", 37800, None, 37800),
        ("pcm", ".mkv", 768000, "source", 768000),
        ("flac", ".mkv", 192000, None, 48000),
        ("aac", ".mkv", 37800, "source", 44100),
        ("opus", ".mkv", 96000, "source", 48000),
    ],
)
def test_lossless_sound_keeps_every_rate(
    codec: str, ending: str, rate: int, audio_rate: Any, delivered: int, tmp_path: Path, store: Any
) -> None:
    music = (0.2 * np.random.default_rng(rate).uniform(-1, 1, (rate // 10 + 3, 2))).astype(np.float32)
    write_wav(tmp_path / "music.wav", music, rate, 3)
    graph = film_graph(tmp_path, "music.wav", path=f"film{ending}", audio_codec=codec, audio_rate=audio_rate)
    film, told = render(graph, store)
    samples, _, found = sound(film["path"])
    assert film["sound"]["rate"] == found == delivered
    way = "Opus has no other" if codec == "opus" else "audio_rate sets another"
    assert any(f"its sound gets {delivered} Hz ({way})." in text for text in told) == (rate != delivered)
    if rate == delivered:
        assert samples.shape == music.shape and np.abs(samples - music).max() < 2**-23


def test_an_album_without_loss_is_joined_at_the_highest_rate_of_its_tracks(tmp_path: Path, store: Any) -> None:
    for name, rate in (("low", 44100), ("high", 192000)):
        write_wav(tmp_path / f"{name}.wav", tones(["FL", "FR"], 0.2, rate), rate, 3)
        film_graph(tmp_path, f"{name}.wav", name, path=f"{name}.mkv")
    settings = {"path": "album.mkv", "audio_codec": "flac", "audio_rate": "source"}
    film, _ = render(write_album(tmp_path, ["low", "high"], **settings), store)
    assert (film["sound"]["rate"], film["samples"]) == (192000, 2 * 38400)
