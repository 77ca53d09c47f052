"""why: what changed since the segments that the store holds were rendered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.graph import Graph
from n2s.graph.keys import digest
from n2s.runtime.seeing.differences import compare
from n2s.runtime.session import Session


def causes(told: list[dict[str, Any]]) -> list[list[str]]:
    return [[cause["text"] for cause in about["causes"]] for about in told]


def render(graph: Path, store: Any, tmp_path: Path) -> None:
    harness.run(Graph.load(graph), tmp_path / "renders", store)


def keep(graph: Graph, store: Any) -> list[Path]:
    """Put a graph's segments into the store as if they had been rendered; only their recipes are true."""
    film = harness.plan(graph, store)
    return [
        store.add(
            "segments",
            chunk.key,
            ".mp4",
            {**chunk.recipe, "static": film.keys.static},
            lambda path: path.write_bytes(b"-"),
        )
        for chunk in film.chunks()
    ]


def kept_otherwise(store: Any, change: Any) -> None:
    """Make the store's segments into ones whose recipes differ, as if they had been rendered by something else."""
    for entry in list(store.entries()):
        if entry.kind == "segments":
            about = json.loads(entry.card.read_bytes())
            change(about["recipe"]["static"])
            payload = entry.payloads[0]
            target = store.path("segments", digest(about["recipe"]), payload.suffix)
            target.parent.mkdir(exist_ok=True)
            payload.rename(target)
            entry.card.unlink()
            target.with_suffix(".json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("amount: 0.04", "amount: 0.05", ["grain.amount: 0.04 → 0.05"]),
        ("amount: 0.04", "amount: 0.04001", ["grain.amount: 0.04 → 0.04001"]),
        ("exposure: = 0.8 * pulse", "exposure: 0.3", ["tone.exposure: driven → 0.3"]),
        ("contrast: 1.1", "contrast: = 2 + 0 * pulse", ["tone.contrast (driven by = 2 + 0 * pulse) has other values"]),
        ("contrast: 1.1", "contrast: = 1 + 0.1 * pulse", ["tone.contrast: 1.1 → driven by = 1 + 0.1 * pulse"]),
        ("period: 6", "period: 8", ["drift.period: 6 → 8"]),
        ("fps: 30", "fps: 60", ["fps: 30 → 60"]),
        ("seed: 7", "seed: 8", ["seed: 7 → 8"]),
        ("size: [96, 64]", "size: [96, 96]", ["size: 96x64 → 96x96", "latent grid: 16x24 → 16x16"]),
        ("{node: Grain, frames: vignette,", "{node: Grain, frames: tone,", ["a node Vignette was taken out"]),
        ("crf: 30", "crf: 31", ["out.crf: 30 → 31"]),
        ("[red, green, blue]", "[red, blue, green]", ["anchors: other anchors"]),
        ("grain:", "shade: {node: Vignette, frames: vignette, radius: 0.1}\n  grain:", []),
    ],
)  # fmt: skip
def test_why_names_the_edit(
    old: str, new: str, said: list[str], graph: Path, store: Any, n2s_json: Any, no_frames: None
) -> None:  # fmt: skip
    keep(Graph.load(graph), store)
    tiny.edit(graph, old, new)
    if not said:  # the new node takes part only when it is wired
        tiny.edit(graph, "{node: Grain, frames: vignette,", "{node: Grain, frames: shade,")
        said = ["shade (Vignette) is new"]
    told = n2s_json("why", graph)
    assert [about["chunk"] for about in told] == list(range(len(told))) and len(told) >= 4
    assert causes(told) == [said] * len(told)


def test_why_tells_signals_by_their_frames(graph: Path, store: Any, n2s: Any, n2s_json: Any) -> None:
    tiny.edit(graph, "[[0, 0], [60, 1]]", "[[0, 0], [2, 0.2], [3, 0.6], [4, 0.9]]")
    keep(Graph.load(graph), store)
    assert n2s_json("why", graph) == []
    assert "nothing to render" in n2s("why", graph)[1]
    tiny.edit(graph, "[4, 0.9]", "[4, 1]")
    (about,) = n2s_json("why", graph)
    assert about["chunk"] == 3 and about["from"] == 3 and about["to"] == 4
    (cause,) = about["causes"]
    assert (
        cause["kind"] == "signal"
        and cause["subject"] == "anchors.weights"
        and (cause["start"], cause["stop"]) == (90, 120)
    )
    assert "anchors.weights (driven by weights) has other values in frames 90..120" in n2s("why", graph)[1]
    tiny.edit(graph, "[2, 0.2]", "[2, 0.25]")
    out = n2s("why", graph)[1]
    assert "4 of 4 chunks to render\n  chunks 0 to 3, 0:00.0 to 0:04.0\n" in out and "in frames 0..120" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda static: static["nodes"][4].update(code="0" * 40), "the code of Vignette changed"),
        (lambda static: static["environment"].update(numba="0.1"), "numba: 0.1 → "),
        (lambda static: static["environment"].update(engine="0"), "the library's own code changed"),
        (lambda static: static["environment"].update(instructions="z80"), "on a processor with other instruction sets"),
        (lambda static: static["nodes"][2]["files"].update(provider="cuda"), "film's provider: cuda → cpu"),
        (
            lambda static: static["nodes"][2]["files"].update(provider="cuda", batch="2", nvrtc="13.0"),
            "provider: cuda → cpu",
        ),
        (lambda static: static["nodes"][2]["files"].update(architecture="sm_90"), "film's GPU: sm_90 → nothing"),
        (lambda static: static["nodes"][2]["files"].update(decoder="0"), "film: another file of the model decodes"),
        (lambda static: static["nodes"][5]["inputs"].update(frames=3), "grain.frames: tone → vignette"),
        (lambda static: static["nodes"][-1]["format"].update(code="0" * 40), "the code of out's format changed"),
        (lambda static: static["nodes"][-1]["format"].update(own={"zlib": "1.0"}), "out's format.zlib: 1.0 → nothing"),
        (lambda static: static.update(fps="25"), "fps: 25 → 30"),
    ],
)
def test_why_names_what_else_changed(change: Any, said: str, graph: Path, store: Any, n2s_json: Any) -> None:
    keep(Graph.load(graph), store)
    kept_otherwise(store, change)
    for texts in causes(n2s_json("why", graph)):
        assert len(texts) == 1 and said in texts[0]


def test_why_of_what_was_never_there_damaged_or_stored(graph: Path, store: Any, n2s: Any, n2s_json: Any) -> None:
    told = n2s_json("why", graph)
    assert len(told) == 4 and all("never rendered before" in texts[0] for texts in causes(told))
    keep(Graph.load(graph), store)
    store.path("segments", told[1]["key"], ".mp4").write_bytes(b"another")
    (about,) = n2s_json("why", graph)
    assert about["chunk"] == 1 and about["causes"][0]["kind"] == "damaged"
    (about,) = n2s_json("why", graph, "--at", 2.5)
    assert about["chunk"] == 2 and about["stored"] and about["causes"][0]["kind"] == "stored"
    kept_otherwise(
        store, lambda static: [node.update(settings={"a": 1}, params={"b": 2}, files={}) for node in static["nodes"]]
    )
    assert all("never rendered before" in texts[0] for texts in causes(n2s_json("why", graph)))
    for wrong, words in ((("--chunk", 4), "has chunks 0 to 3"), (("--at", 5), "which lasts 4.00 s"),
                         (("--at", 1, "--chunk", 1), "give only one of them")):  # fmt: skip
        status, _, err = n2s("why", graph, *wrong)
        assert status == 2 and words in err


def test_why_keeps_films_of_one_look_apart(graph: Path, studio: Any, tmp_path: Path, store: Any, n2s_json: Any) -> None:
    keep(Graph.load(graph), store)
    tiny.write_wav(tmp_path / "other.wav", tiny.clicks(4, 90))
    tiny.edit(graph, "music.wav", "other.wav")
    assert causes(n2s_json("why", graph)) == [["tone.exposure (driven by = 0.8 * pulse) has other values"]] * 4
    for old, new in (("seed: 7", "seed: 8"), ("[60, 1]", "[40, 1]"), ("period: 6", "period: 7"),
                     ("amount: 0.3", "amount: 0.4"),
                     ("contrast: 1.1", "contrast: 1.2"), ("amount: 0.04", "amount: 0.05")):  # fmt: skip
        tiny.edit(graph, old, new)
    assert all("never rendered before" in texts[0] for texts in causes(n2s_json("why", graph)))


def test_why_leaves_out_films_that_have_no_such_place(studio: Any, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    album = write_album(tmp_path, studio.model, [66150, 22050])  # 3 and 1 seconds
    told = {about["film"] for about in n2s_json("why", album, "--at", 2)}
    assert told == {"track0.mp4", "album.mp4"}
    shown = n2s("why", album, "--at", 3.5)[1]
    assert shown.startswith("album.mp4: 1 of") and "track" not in shown
    for wrong, words in ((("--at", 9), "lies outside album.mp4, which lasts 4.00 s"),
                         (("--chunk", 99), "album.mp4 has chunks 0 to")):  # fmt: skip
        status, _, err = n2s("why", album, *wrong)
        assert status == 2 and words in err


def test_films_of_one_name_in_two_folders_are_told_apart(
    studio: Any, tmp_path: Path, store: Any, n2s: Any, n2s_json: Any
) -> None:
    """By why, plan and a dry run, in the record and its log, and by what explains a film of theirs."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(2))
    nodes = harness.surroundings(studio.model) | {
        "lit": {"node": "Tone", "frames": "decoded", "exposure": "= 0.5 * ramp"},
        "wide": {"node": "DigestSink", "frames": "lit", "path": "wide/film.txt", "chunk": 20},
        "tall": {"node": "DigestSink", "frames": "decoded", "path": "tall/film.txt", "chunk": 40},
    }
    del nodes["picture"]
    place = tmp_path / "folders.yaml"
    place.write_text(json.dumps({"n2s": 1, "fps": 30, "size": [96, 64], "nodes": nodes}))
    out = tmp_path / "out"
    shown = n2s("why", place, "--out", out)[1].splitlines()
    heads = [line for line in shown if not line.startswith(" ")]
    assert [head.partition(":")[0] for head in heads] == ["wide/film.txt", "tall/film.txt"]
    assert heads[0] != heads[1].replace("tall", "wide")
    for command in (("plan", place, "--out", out), ("run", place, "--out", out, "--dry-run"), ("why", place)):
        told = [about["film"] for about in n2s_json(*command) if about.get("film")]
        assert list(dict.fromkeys(told)) == ["wide/film.txt", "tall/film.txt"]
    report = harness.run(Graph.load(place), out, store)
    record = json.loads(report.record.read_text())
    assert {name: stages[0][-1] for name, stages in record["stages"].items()} == {
        "wide/film.txt": "wide", "tall/film.txt": "tall"
    }  # fmt: skip
    assert "tall/film.txt: frames 0 to 40" in report.record.with_name("run.log").read_text()
    assert {film["path"] for film in record["films"]} == {str(out / "wide/film.txt"), str(out / "tall/film.txt")}
    with Session(Graph.load(place), store) as session:
        planned = session.films(out)
        assert [planned.like(Path("/kept") / name).path for name in planned.names.values()] == list(planned.names)


def test_why_takes_the_most_alike_and_then_the_newest(graph: Path, store: Any, n2s_json: Any) -> None:
    import os

    keep(Graph.load(graph), store)
    for amount, made in ((0.09, 3_000_000_000), (0.06, 1_000_000_000)):
        for path in keep(Graph.load(graph, {"grain.amount": amount}), store):
            os.utime(path, (made, made))
    tiny.edit(graph, "amount: 0.04", "amount: 0.05")
    assert causes(n2s_json("why", graph)) == [["grain.amount: 0.09 → 0.05"]] * 4
    tiny.edit(graph, "amount: 0.05", "amount: 0.06")
    tiny.edit(graph, "crf: 30", "crf: 31")
    assert causes(n2s_json("why", graph)) == [["out.crf: 30 → 31"]] * 4


def test_why_of_a_finished_film_whose_segments_went(
    graph: Path, store: Any, tmp_path: Path, n2s: Any, n2s_json: Any
) -> None:
    render(graph, store, tmp_path)
    for entry in list(store.entries()):
        if entry.kind == "segments":
            entry.remove()
    assert n2s_json("why", graph) == []
    (about,) = n2s_json("why", graph, "--chunk", 0)
    assert about["causes"][0]["kind"] == "done"
    assert len(n2s_json("why", graph, "--out", "elsewhere")) == 4


def test_why_blames_what_shows_other_moments_and_not_what_it_shows(tmp_path: Path, store: Any, n2s_json: Any) -> None:
    tiny.write_wav(tmp_path / "m.wav", tiny.clicks(6))
    tiny.write_png(tmp_path / "a.png", np.full((64, 64, 3), 90, np.uint8))
    hold = "= where(time > 1.5, where(time < {}, 1, 0), 0)"
    nodes = {
        "track": {"node": "AudioSource", "path": "m.wav"},
        "im": {"node": "ImageSource", "path": "a.png"},
        "tone": {"node": "Tone", "frames": "im", "exposure": "= 0.1 * time", "contrast": 1.1},
        "x": {"node": "Freeze", "frames": "tone", "hold": hold.format(4.5)},
        "out": {"node": "FFmpegSink", "frames": "x", "audio": "track", "path": "g.mp4"},
    }
    graph = {"n2s": 1, "fps": 10, "size": [64, 64], "nodes": nodes}
    keep(harness.load(graph, tmp_path), store)
    nodes["x"]["hold"] = hold.format(5.5)
    harness.load(graph, tmp_path)
    (about,) = n2s_json("why", tmp_path / "graph.yaml")
    assert [cause["subject"] for cause in about["causes"]] == ["x.delay", "x.hold"]
    nodes["tone"]["contrast"] = 1.3  # and what really changed behind it is told all the same
    harness.load(graph, tmp_path)
    for about in n2s_json("why", tmp_path / "graph.yaml"):
        assert "tone.contrast: 1.1 → 1.3" in [cause["text"] for cause in about["causes"]]


@pytest.mark.parametrize(
    ("kind", "part", "was", "now", "said"),
    [
        ("Lut", "files", {"path": "1"}, {"path": "2"}, ["lut: another file"]),
        ("VideoSource", "files", {"video": "1", "frames": "1"}, {"video": "2", "frames": "2"}, ["lut: another video"]),
        ("ImageSource", "files", {"image": "1"}, {"image": "2"}, ["lut: another picture"]),
        (
            "FilmFrames",
            "settings",
            {"shown": "6f18"},
            {"shown": "3abd"},
            ["other frames of the track lut the crossing"],
        ),
    ],
)
def test_files_and_films_are_named_as_people_do(kind: str, part: str, was: Any, now: Any, said: list[str]) -> None:
    def recipe(value: Any) -> dict[str, Any]:
        same = {"type": "Tone", "code": "0", "settings": dict.fromkeys("abcdef", 1), "inputs": {}}
        node = {"type": kind, "code": "1", "settings": {}, "inputs": {}} | {part: value}
        static = {"nodes": [same, node], "fps": "30", "size": [64, 64], "seed": 0, "format": 4, "environment": {}}
        return {"static": static, "start": 0, "stop": 60, "signals": {}}

    found = compare(recipe(was), recipe(now), ["tone", "lut"])
    assert found is not None and [cause["text"] for cause in found.causes] == said
