"""Where a film came from: the run and the graph that made it, and what moved every parameter at a moment of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.graph import Graph
from n2s.runtime.session import Session


@pytest.fixture
def track(studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(3))
    return tiny.write_graph(tmp_path, studio.model)


def test_a_film_tells_what_moved_it(track: Path, n2s: Any, n2s_json: Any) -> None:
    assert n2s("run", track)[0] == 0
    status, said, err = n2s("explain", "renders/track.mp4", "--at", "0:01.5")
    assert status == 0, err
    assert "track.yaml, as it was; seed 7" in said and "frame 45 at 00:01.50: Track, its frame 45, bar" in said
    (told,) = n2s_json("explain", "renders/track.mp4", "--frame", "45")
    values = {each["parameter"]: each for each in told["moment"]["parameters"]}
    with Session(Graph.load(track)) as session:
        pulse = session.values.outputs["pulse", "signal"][45]
        exposure = session.values.params["tone", "exposure"][45]
    tone = values["tone.exposure"]
    assert tone["value"] == pytest.approx(float(exposure), abs=1e-6) and tone["written"] == "= 0.8 * pulse"
    assert tone["moved_by"] == {"pulse": pytest.approx(float(pulse), abs=1e-6)}
    assert "written" not in values["tone.contrast"] and values["tone.contrast"]["value"] == pytest.approx(1.1, abs=1e-4)
    assert "tone.contrast" not in said and "tone.exposure" in said
    assert "tone.contrast" in n2s("explain", "renders/track.mp4", "--frame", "45", "--all")[1]


def test_a_renamed_film_of_chosen_settings_and_seconds(track: Path, n2s: Any, n2s_json: Any) -> None:
    arguments = ["--set", "tone.contrast=1.3", "--size", "48x32", "--from", "1", "--to", "2"]
    assert n2s("run", track, *arguments)[0] == 0
    film = next(Path("renders").glob("*.mp4"))
    film.rename("renders/other.mp4")
    (told,) = n2s_json("explain", "renders/other.mp4", "--frame", "0")
    assert [given[:2] for given in told["overrides"]] == [["tone.contrast", 1.3], ["size", [48, 32]]]
    assert told["moment"]["frame_of_track"] == 30
    values = {each["parameter"]: each["value"] for each in told["moment"]["parameters"]}
    assert values["tone.contrast"] == pytest.approx(1.3, abs=1e-4)


def test_an_album_tells_which_track_it_shows(
    studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any, n2s_json: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_album(tmp_path, studio.model, [22050 * 2, 22050 * 2])
    assert n2s("run", path)[0] == 0
    (told,) = n2s_json("explain", "renders/album.mp4", "--at", "2.5")
    assert (told["moment"]["track"], told["moment"]["frame_of_track"]) == ("Piece 1", 15)


def test_a_graph_that_changed_is_told(track: Path, n2s: Any) -> None:
    n2s("run", track)
    tiny.edit(track, "contrast: 1.1", "contrast: 1.2")
    status, said, err = n2s("explain", "renders/track.mp4", "--frame", "0")
    assert status == 0 and "CHANGED since" in said and "how it is now" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["renders/track.mp4", "--frame", "90"], "The film has no frame 90: it has frames 0 to 89."),
        (["renders/track.mp4", "--at", "1", "--frame", "3"], "give one of them"),
        (["renders/track.mp4", "--at", "2 bars"], "--at takes a time of the film"),
        (["nothing.mp4"], "nothing.mp4: there is no such film."),
        (["music.wav"], "music.wav: no record of a run that wrote it lies in"),
    ],
)
def test_what_cannot_be_explained(track: Path, n2s: Any, arguments: list[str], told: str) -> None:
    assert n2s("run", track)[0] == 0
    status, _, err = n2s("explain", *arguments)
    assert status == 2 and told in err


def test_times_in_other_units_and_from_other_folders(track: Path, n2s: Any, n2s_json: Any, monkeypatch: Any) -> None:
    n2s("run", track)
    (told,) = n2s_json("explain", "renders/track.mp4", "--at", "500 ms")
    assert told["moment"]["frame"] == 15
    Path("renders/sub").mkdir()
    Path("renders/track.mp4").rename("renders/sub/film.mp4")
    monkeypatch.chdir("renders/sub")
    assert n2s("explain", "film.mp4")[0] == 0


def test_records_that_are_none_are_passed_over(track: Path, n2s: Any) -> None:
    n2s("run", track)
    for k, text in enumerate(("", "{}", "[]", json.dumps({"films": [{"bytes": 1}]}))):
        folder = Path(f"renders/zz{k}")
        folder.mkdir()
        (folder / "run.json").write_text(text)
    assert n2s("explain", "renders/track.mp4")[0] == 0
    assert np.all([path.exists() for path in Path("renders").glob("zz*/run.json")])
