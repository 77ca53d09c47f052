"""Settings by hand beside a profile: what is right with it is taken, and a matte that it cannot keep is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.commands.common import Shape, load
from n2s.graph.codings import ending_of
from n2s.graph.errors import ArgumentError, GraphError

UPLOAD = {"codec": "h264", "path": "p.mp4"}
MASTER = {"codec": "prores", "path": "p.mov"}
MATTE = {"codec": "prores4444", "path": "p.mov", "matte": "disc"}


def write(folder: Path, sink: dict[str, Any]) -> Path:
    nodes = {
        "field": {"node": "Solid", "colour": "#204080"},
        "disc": {"node": "RadialMatte"},
        "out": {"node": "FFmpegSink", "frames": "field", **sink},
    }
    harness.load({"n2s": 1, "size": [256, 144], "fps": 25, "duration": 0.2, "nodes": nodes}, folder)
    return folder / "graph.yaml"


def sink_of(path: Path, profile: str, *settings: str) -> Any:
    return load(path, settings, Shape(profile=profile)).nodes["out"]


@pytest.mark.parametrize(
    ("stated", "profile", "settings"),
    [
        (MASTER, "youtube", {"crf": 14}),
        (MASTER, "draft", {"crf": 30}),
        (UPLOAD, "apple", {"codec": "prores4444"}),
        (UPLOAD, "archive", {"chroma": "4:2:2"}),
        (UPLOAD, "archive", {"audio_codec": "pcm"}),
        (UPLOAD, "youtube", {"codec": "vp9", "path": "x.webm"}),  # which has no edit list, and no AAC
        (UPLOAD, "youtube", {"audio_codec": "opus"}),  # which needs one
        (UPLOAD, "youtube", {"codec": "prores"}),  # .mp4 holds none
        (UPLOAD, "canvas", {"codec": "ffv1"}),
        (UPLOAD, "archive", {"codec": "vp9", "path": "x.webm"}),
        (MATTE, "archive", {}),
        (MATTE, "youtube", {"codec": "vp9"}),  # which keeps a matte in .webm
        (MATTE, "apple", {"codec": "prores4444"}),
        (MATTE, "youtube", {"matte": None}),
        (MASTER, "apple", {"codec": "prores4444", "matte": "disc"}),
    ],
)
def test_what_is_right_with_the_profile_is_taken(
    stated: dict[str, Any], profile: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    words = [f"out.{name}={'null' if value is None else value}" for name, value in settings.items()]
    made = sink_of(write(tmp_path, stated), profile, *words)
    assert {name: None if getattr(made, name) is None else str(getattr(made, name)) for name in settings} == {
        name: None if value is None else str(value) for name, value in settings.items()
    }
    assert made.profile == profile
    assert (made.matte is not None) == ("matte" in {**stated, **settings} and settings.get("matte", "") is not None)


@pytest.mark.parametrize(
    ("stated", "profile", "setting", "told"),
    [
        (UPLOAD, "apple", "out.crf=14", "--set out.crf: ProRes 422 HQ has no crf: leave it out"),
        (MASTER, "youtube", "out.chroma=4:2:2", "--set out.chroma: H.264 has chroma 4:2:0, not 4:2:2"),
        (UPLOAD, "apple", "out.path=x.mp4", "--set out.path: .mp4 holds no ProRes 422 HQ; .mov does"),
        (UPLOAD, "youtube", "out.matte=disc", "--set out.matte: H.264 has no transparency"),
        (UPLOAD, "archive", "out.codec=h266", "--set out.codec: "),
    ],
)
def test_what_is_wrong_with_the_profile_is_told_where_it_was_given(
    stated: dict[str, Any], profile: str, setting: str, told: str, tmp_path: Path
) -> None:
    path = write(tmp_path, stated)
    with pytest.raises(GraphError) as error:
        sink_of(path, profile, setting)
    assert str(error.value).startswith(told)


def test_a_graph_that_settings_by_hand_put_right(tmp_path: Path) -> None:
    path = write(tmp_path, UPLOAD)
    path.write_text(path.read_text().replace("p.mp4", "p.webm"))
    with pytest.raises(GraphError, match=r"graph\.yaml.*\.webm holds no H\.264"):
        sink_of(path, "apple")
    assert ending_of(sink_of(path, "youtube", "out.path=p.mp4").path) == ".mp4"


def test_a_cover_goes_with_the_file_by_hand(tmp_path: Path) -> None:
    tiny.write_png(tmp_path / "c.png", np.zeros((16, 16, 3), np.uint8))
    path = write(tmp_path, UPLOAD | {"cover": "c.png"})
    assert sink_of(path, "youtube").cover == "c.png"
    assert sink_of(path, "youtube", "out.codec=vp9", "out.path=p.webm").cover is None


@pytest.mark.parametrize(
    ("stated", "codec"),
    [
        ({**UPLOAD, "audio_codec": "alac", "audio_rate": 44100}, "alac"),
        ({"codec": "ffv1", "path": "p.mkv", "audio_codec": "flac", "audio_rate": 44100}, "flac"),
        ({**MASTER, "audio_codec": "pcm", "audio_rate": 44100}, None),  # which .mp4 does not hold
    ],
)
def test_a_draft_has_the_sound_of_the_graph_where_its_file_holds_it(
    stated: dict[str, Any], codec: str | None, tmp_path: Path
) -> None:
    made = sink_of(write(tmp_path, stated), "draft")
    assert made.path == "p.mp4" and (made.audio_codec, made.audio_rate) == (codec, 44100)


def test_a_draft_of_a_film_with_a_matte_is_opaque_and_says_so(tmp_path: Path, n2s: Any) -> None:
    status, _, err = n2s("run", write(tmp_path, MATTE), "--draft", "--out", tmp_path / "out")
    assert status == 0 and "The matte of out is left out: the codec of --profile draft has no transparency." in err
    assert (tmp_path / "out/draft/p.mp4").is_file()


@pytest.mark.parametrize("profile", ["youtube", "reels", "square", "canvas", "apple"])
def test_a_film_for_delivery_does_not_lose_its_matte_unasked(profile: str, tmp_path: Path) -> None:
    path = write(tmp_path, MATTE)
    with pytest.raises(ArgumentError) as error:
        sink_of(path, profile)
    name = "ProRes 422 HQ" if profile == "apple" else "H.264"
    assert str(error.value) == (
        f"--profile {profile}: out has a matte, and {name} has no transparency. Leave the matte out with "
        "--set out.matte=null, or keep it with --set out.codec=prores4444."
    )
    assert sink_of(path, profile, "out.matte=null").matte is None
    assert sink_of(path, profile, "out.codec=prores4444").matte is not None
