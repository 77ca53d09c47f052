"""The commands beside run: plan, why, cache, export, preview, and structured lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.commands.cache import parse_size
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.graph.keys import digest
from n2s.nodes import VAEDecode
from n2s.runtime import contact, plots
from n2s.runtime.frames import FrameMaker
from n2s.runtime.pictures import write_picture

N2S = Path(sys.executable).with_name("n2s")
MUSIC_SECONDS = 4


@pytest.fixture
def graph(studio: Any, tmp_path: Path) -> Path:
    """A track of 4 s, four chunks of 30 frames."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(MUSIC_SECONDS))
    return tiny.write_graph(tmp_path, studio.model, settings="crf: 30, preset: ultrafast, chunk: 30")


@pytest.fixture
def n2s_json(n2s: Any):
    def call(*arguments: Any) -> list[dict[str, Any]]:
        status, out, _ = n2s(*arguments, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert status == 0, lines
        return lines

    return call


@pytest.fixture
def no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: Any) -> None:
        raise AssertionError("frames were made")

    monkeypatch.setattr(FrameMaker, "__init__", made)


def pixels(path: Path) -> np.ndarray:
    """Return a PNG as uint8 (H, W, 3)."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# plan


def test_plan_tells_the_film_and_renders_nothing(graph: Path, n2s: Any, n2s_json: Any, no_frames: None) -> None:
    (film,) = n2s_json("plan", graph)
    assert film["film"] == "track.mp4" and film["frames"] == 120 and film["seconds"] == 4 and film["chunk_frames"] == 30
    assert [stage["stage"] for stage in film["stages"]] == ["latents", "latents", "decoder", "kernel", "sink"]
    assert film["stages"][3]["nodes"] == ["tone", "vignette", "grain"]
    assert "on cpu" in film["stages"][2]["details"]
    drives = {f"{drive['node']}.{drive['field']}": drive["by"] for drive in film["driven"]}
    assert drives == {"anchors.weights": "weights", "tone.exposure": "= 0.8 * pulse"}
    assert [(chunk["start"], chunk["stop"], chunk["stored"]) for chunk in film["chunks"]] == [
        (0, 30, False), (30, 60, False), (60, 90, False), (90, 120, False)
    ]  # fmt: skip
    assert (film["stored"], film["to_render"], film["frames_to_render"]) == (0, 4, 120)
    status, out, _ = n2s("plan", graph)
    assert status == 0 and "tone + vignette + grain → yuv420p of 8 bits, dithered, one pass" in out
    assert "0:00.0  ░░░░\n" in out and "4 to render" in out


def test_plan_maps_what_is_stored(graph: Path, n2s: Any, n2s_json: Any, tmp_path: Path) -> None:
    assert n2s("run", graph, "--from", 1, "--to", 3, "--out", "part")[0] == 0
    assert "░██░" in n2s("plan", graph)[1]
    (film,) = n2s_json("plan", graph)
    assert (film["stored"], film["to_render"], film["up_to_date"]) == (2, 2, False)
    assert n2s("run", graph)[0] == 0
    status, out, _ = n2s("plan", graph)
    assert "████" in out and "the film is up to date" in out
    assert n2s_json("plan", graph, "--set", "grain.amount=0.2")[0]["to_render"] == 4


def test_plan_of_an_album_lists_all_films(studio: Any, tmp_path: Path, n2s: Any, n2s_json: Any, no_frames: None) -> None:
    path = write_album(tmp_path, studio.model, [22050 * 2, 22050 * 3])
    films = n2s_json("plan", path)
    assert [film["film"] for film in films] == ["track0.mp4", "track1.mp4", "album.mp4"]
    assert films[2]["joins"] == ["Piece 0", "Piece 1"] and films[2]["frames"] == 150
    assert "joins   Piece 0, Piece 1" in n2s("plan", path)[1]


def test_a_long_map_is_compact() -> None:
    from n2s.commands.plan import chunk_map

    chunks = [{"start": i, "stop": i + 1, "stored": i < 1001} for i in range(2400)]
    lines = chunk_map({"chunks": chunks, "frames": 2400, "seconds": 4800.0, "stored": 1001, "to_render": 1399,
                       "frames_to_render": 1399, "up_to_date": False})  # fmt: skip
    assert len(lines) == 5 and "a mark stands for 10 chunks" in lines[-1]
    marks = "".join(line.split()[-1] for line in lines[:-1])
    assert marks == "█" * 100 + "▒" + "░" * 139


# why


def causes(told: list[dict[str, Any]]) -> list[list[str]]:
    return [[cause["text"] for cause in about["causes"]] for about in told]


def render(graph: Path, store: Any, tmp_path: Path) -> None:
    harness.run(Graph.load(graph), tmp_path / "renders", store)


def keep(graph: Graph, store: Any) -> list[Path]:
    """Put a graph's segments into the store as if they had been rendered; only their recipes are true."""
    film = harness.plan(graph, store)
    return [
        store.add("segments", chunk.key, ".mp4", {**chunk.recipe, "static": film.static}, lambda path: path.write_bytes(b"-"))
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
    edit(graph, old, new)
    if not said:  # the new node takes part only when it is wired
        edit(graph, "{node: Grain, frames: vignette,", "{node: Grain, frames: shade,")
        said = ["shade (Vignette) is new"]
    told = n2s_json("why", graph)
    assert [about["chunk"] for about in told] == list(range(len(told))) and len(told) >= 4
    assert causes(told) == [said] * len(told)


def test_why_tells_signals_by_their_frames(graph: Path, store: Any, n2s: Any, n2s_json: Any) -> None:
    edit(graph, "[[0, 0], [60, 1]]", "[[0, 0], [2, 0.2], [3, 0.6], [4, 0.9]]")
    keep(Graph.load(graph), store)
    assert n2s_json("why", graph) == []
    assert "nothing to render" in n2s("why", graph)[1]
    edit(graph, "[4, 0.9]", "[4, 1]")
    (about,) = n2s_json("why", graph)
    assert about["chunk"] == 3 and about["from"] == 3 and about["to"] == 4
    (cause,) = about["causes"]
    assert cause["kind"] == "signal" and cause["subject"] == "anchors.weights" and (cause["start"], cause["stop"]) == (90, 120)
    assert "anchors.weights (driven by weights) has other values in frames 90..120" in n2s("why", graph)[1]
    edit(graph, "[2, 0.2]", "[2, 0.25]")
    out = n2s("why", graph)[1]
    assert "4 of 4 chunks to render\n  chunks 0 to 3, 0:00.0 to 0:04.0\n" in out and "in frames 0..120" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda static: static["nodes"][4].update(code="0" * 40), "the code of Vignette changed"),
        (lambda static: static["environment"].update(numba="0.1"), "numba: 0.1 → "),
        (lambda static: static["environment"].update(kernels="0"), "the code that generates kernels changed"),
        (lambda static: static["environment"].update(instructions="z80"), "on a processor with other instruction sets"),
        (lambda static: static["nodes"][2]["files"].update(provider="cuda"), "film's provider: cuda → cpu"),
        (lambda static: static["nodes"][2]["files"].update(decoder="0"), "film: another file of the model decodes"),
        (lambda static: static["nodes"][5]["inputs"].update(frames=3), "grain.frames: tone → vignette"),
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
    kept_otherwise(store, lambda static: [node.update(settings={"a": 1}, params={"b": 2}, files={}) for node in static["nodes"]])
    assert all("never rendered before" in texts[0] for texts in causes(n2s_json("why", graph)))
    for wrong, words in ((("--chunk", 4), "has chunks 0 to 3"), (("--at", 5), "which lasts 4.00 s"),
                         (("--at", 1, "--chunk", 1), "give one of them")):  # fmt: skip
        status, _, err = n2s("why", graph, *wrong)
        assert status == 2 and words in err


def test_why_keeps_films_of_one_look_apart(graph: Path, studio: Any, tmp_path: Path, store: Any, n2s_json: Any) -> None:
    keep(Graph.load(graph), store)
    tiny.write_wav(tmp_path / "other.wav", tiny.clicks(MUSIC_SECONDS, 90))
    edit(graph, "music.wav", "other.wav")
    assert causes(n2s_json("why", graph)) == [["tone.exposure (driven by = 0.8 * pulse) has other values"]] * 4
    for old, new in (("seed: 7", "seed: 8"), ("[60, 1]", "[40, 1]"), ("period: 6", "period: 7"), ("amount: 0.3", "amount: 0.4"),
                     ("contrast: 1.1", "contrast: 1.2"), ("amount: 0.04", "amount: 0.05")):  # fmt: skip
        edit(graph, old, new)
    assert all("never rendered before" in texts[0] for texts in causes(n2s_json("why", graph)))


def test_why_takes_the_most_alike_and_then_the_newest(graph: Path, store: Any, n2s_json: Any) -> None:
    import os

    keep(Graph.load(graph), store)
    for amount, made in ((0.09, 3_000_000_000), (0.06, 1_000_000_000)):
        for path in keep(Graph.load(graph, {"grain.amount": amount}), store):
            os.utime(path, (made, made))
    edit(graph, "amount: 0.04", "amount: 0.05")
    assert causes(n2s_json("why", graph)) == [["grain.amount: 0.09 → 0.05"]] * 4
    edit(graph, "amount: 0.05", "amount: 0.06")
    edit(graph, "crf: 30", "crf: 31")
    assert causes(n2s_json("why", graph)) == [["out.crf: 30 → 31"]] * 4


def test_why_of_a_finished_film_whose_segments_went(graph: Path, store: Any, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    render(graph, store, tmp_path)
    for entry in list(store.entries()):
        if entry.kind == "segments":
            entry.remove()
    assert n2s_json("why", graph) == []
    (about,) = n2s_json("why", graph, "--chunk", 0)
    assert about["causes"][0]["kind"] == "done"
    assert len(n2s_json("why", graph, "--out", "elsewhere")) == 4


# cache


def test_cache_shows_checks_and_trims_the_store_and_nothing_else(store: Any, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    import os

    assert "Nothing is kept yet." in n2s("cache", "info")[1]
    foreign = [store.root / "notes" / "ab" / "todo.json", store.root / "segments" / "ab" / "mine.mp4", store.root / "a.json",
               store.root / "segments" / "cd" / f"{'ab' * 20}.json"]  # fmt: skip
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    keys = [f"{i:02x}" * 20 for i in range(4)]
    for i, key in enumerate(keys):
        store.add("segments", key, ".mp4", {"a": 1}, lambda path: path.write_bytes(bytes(1000)))
        os.utime(store.path("segments", key, ".json"), (1e9 + i, 1e9 + i))
    store.note("films", "a film", {"b": 2})
    (about,) = n2s_json("cache", "info")
    assert about["kinds"]["segments"]["entries"] == 4 and about["kinds"]["segments"]["bytes"] > 4000
    assert about["entries"] == 5 and about["oldest_use"] < about["newest_use"] and about["limit"] == 20 * 10**9
    assert "segments" in n2s("cache", "info")[1]
    assert "All 5 entries are whole." in n2s("cache", "verify")[1]
    store.path("segments", keys[1], ".mp4").write_bytes(bytes(999) + b"x")
    note = next((store.root / "films").glob("*/*.json"))
    note.write_text(note.read_text().replace("2", "3"))
    status, out, _ = n2s("cache", "verify")
    assert status == 0 and f"damaged, removed: segments {keys[1]}" in out and "damaged, removed: films" in out
    assert "2 of 5 entries were damaged" in out and not store.path("segments", keys[1], ".mp4").exists()
    assert n2s_json("cache", "verify") == [{"entries": 3, "removed": []}]
    orphan = store.path("segments", "ee" * 20, ".mp4")
    orphan.parent.mkdir()
    orphan.write_bytes(bytes(10))
    os.utime(orphan, (1e9, 1e9))
    (about,) = n2s_json("cache", "trim", "--to", "2.5kB")
    assert [store.find("segments", key, ".mp4") is not None for key in keys] == [False, False, True, True]
    assert not orphan.exists() and about["left"] <= 2500
    assert "Freed" in n2s("cache", "trim", "--to", "0")[1]
    assert list(store.entries()) == [] and all(path.read_text() == "{}" for path in foreign)


@pytest.mark.parametrize(
    ("text", "size"), [("5GB", 5 * 10**9), ("500 MB", 5 * 10**8), ("1.5 GiB", 3 * 2**29), ("12", 12), ("7k", 7000), ("0b", 0)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "five", "-1GB", "5XB", "1e9", "5 GB please"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(GraphError, match="--to takes a size"):
        parse_size(text)


# export


def test_export_of_a_signal_and_a_parameter(graph: Path, store: Any, tmp_path: Path, n2s: Any, no_frames: None) -> None:
    values = harness.plan(Graph.load(graph), store).values
    for port, wanted in (
        ("pulse", values.outputs["pulse", "signal"]),
        ("features.mfcc", values.outputs["features", "mfcc"]),
        ("features.mfcc.2", values.outputs["features", "mfcc"][:, 2]),
        ("tone.exposure", values.params["tone", "exposure"]),
        ("tone.contrast", np.full(120, values.params["tone", "contrast"])),
    ):
        assert n2s("export", graph, "--port", port, "-o", "s.npz")[0] == 0
        with np.load(tmp_path / "s.npz") as made:
            assert made["values"].dtype == np.float32 and (made["values"] == wanted).all()
            assert made["fps"] == 30 and (made["frames"] == np.arange(120)).all() and made["times"][45] == 1.5


def test_export_of_latents_and_frames(graph: Path, store: Any, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert n2s("export", graph, "--port", "drift", "-o", "l.npz", "--from", 1, "--to", 2, "--every", 7)[0] == 0
    first = (tmp_path / "l.npz").read_bytes()
    with np.load(tmp_path / "l.npz") as made:
        assert made["frames"].tolist() == [30, 37, 44, 51, 58]
        wanted = harness.frames(Graph.load(graph), store, "drift", [(i, i + 1) for i in made["frames"]])
        assert (made["values"] == wanted).all() and made["values"].shape == (5, 8, 16, 24)
    n2s("export", graph, "--port", "drift", "-o", "l.npz", "--from", 1, "--to", 2, "--every", 7)
    assert (tmp_path / "l.npz").read_bytes() == first
    most = []
    pick = FrameMaker.pick
    monkeypatch.setattr(FrameMaker, "pick", lambda *a: (most.append(len(b)) or b for b in pick(*a)))
    status, out, _ = n2s("export", graph, "--port", "grain", "-o", "f.npz", "--to", 1)
    assert status == 0 and "frames, values 30 x 3 x 64 x 96" in out and max(most) <= 4
    with np.load(tmp_path / "f.npz") as made:
        assert (made["values"] == harness.frames(Graph.load(graph), store, "grain", [(0, 30)])).all()


def test_a_failed_export_leaves_what_was_there(graph: Path, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "l.npz").write_text("before")

    def compute(node: Any, block: Any, latents: np.ndarray) -> np.ndarray:
        if block.start > 8:
            raise RenderError("The decoder broke.")
        return original(node, block, latents)

    original = VAEDecode.compute
    monkeypatch.setattr(VAEDecode, "compute", compute)
    status, _, err = n2s("export", graph, "--port", "film", "-o", "l.npz")
    assert status == 1 and "The decoder broke." in err and (tmp_path / "l.npz").read_text() == "before"
    assert not list(tmp_path.glob(".*tmp*"))


# preview


def test_preview_shows_exactly_the_frames_of_the_film(
    graph: Path, store: Any, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = harness.frames(Graph.load(graph), store, "grain", [(0, 120)])
    made = []
    original = VAEDecode.compute
    monkeypatch.setattr(VAEDecode, "compute", lambda s, block, latents: made.append((block.start, block.stop)) or original(s, block, latents))
    status, out, err = n2s("preview", graph, "--at", 1.5, "-o", "one.png")
    assert status == 0, err
    assert out == "one.png  grain at 00:01.50\n" and made == [(45, 46)]
    assert (pixels(tmp_path / "one.png") == np.rint(np.clip(shown[45], 0, 1) * 255).transpose(1, 2, 0)).all()
    made.clear()
    assert n2s("preview", graph, "--at", 3, "--at", 0, "--at", 3, "-o", "two.png")[0] == 0
    assert made == [(0, 1), (90, 91)]
    sheet = pixels(tmp_path / "two.png")
    assert (sheet[8:72, 8:104] == contact.as_shown(shown[0])).all() and (sheet[8:72, 112:208] == contact.as_shown(shown[90])).all()
    assert n2s("preview", graph)[1] == "renders/track.png  grain at 00:02.00\n"
    assert "00:00.50, 00:01.50, 00:02.50, 00:03.50" in n2s("preview", graph, "--sheet", 4)[1]
    assert "00:00.00, 00:01.50, 00:03.00" in n2s("preview", graph, "--every", 1.5)[1]


def test_preview_of_nodes(graph: Path, store: Any, tmp_path: Path, n2s: Any) -> None:
    status, out, _ = n2s("preview", graph, "--node", "film", "--at", 1)
    assert status == 0 and out.startswith("renders/track-film.png") and pixels(tmp_path / "renders/track-film.png").shape == (64, 96, 3)
    assert n2s("preview", graph, "--node", "drift", "--at", 1, "-o", "l.png")[0] == 0
    (latents,) = harness.frames(Graph.load(graph), store, "drift", [(30, 31)])
    assert (pixels(tmp_path / "l.png") == contact.mosaic(latents)).all()
    assert n2s("preview", graph, "--node", "out", "--at", 1, "-o", "o.png")[0] == 0


def test_preview_of_signals_renders_nothing(graph: Path, tmp_path: Path, n2s: Any, no_frames: None) -> None:
    for port in ("pulse", "features.mfcc", "features.mfcc.3", "tone.exposure", "tone.contrast"):
        status, out, _ = n2s("preview", graph, "--node", port, "--at", 2, "-o", "s.png")
        assert status == 0 and out == f"s.png  {port} at 00:02.00\n"
        assert pixels(tmp_path / "s.png").shape == (440, 1280, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--node", "grian"], '"grian" names no node. Did you mean "grain"?'),
        (["--node", "features.onest"], '"features.onest" names no output. Did you mean "onset"?'),
        (["--node", "features"], "Name one: features.rms"),
        (["--node", "features.mfcc.13"], "has components 0 to 12"),
        (["--node", "pulse.0"], "has no components"),
        (["--node", "track"], '"track" is music'),
        (["--at", 9], "lies outside the track, which lasts 4.00 s"),
        (["--at", 1, "--sheet", 3], "exclude each other"),
        (["--every", 0.001], "give a longer time"),
        (["--every", 0], "give a longer time"),
        (["-o", "film.jpg"], "is written as .png"),
        (["--set", "tone.exposure== 99 * pulse"], "tone.exposure is driven by"),
    ],
)
def test_preview_says_what_is_wrong(arguments: list, words: str, graph: Path, tmp_path: Path, n2s: Any) -> None:
    status, out, err = n2s("preview", graph, *arguments)
    assert status == 2 and words in err and not out and not (tmp_path / "renders").exists()


def test_albums_have_no_preview_and_no_export(studio: Any, tmp_path: Path, n2s: Any) -> None:
    path = write_album(tmp_path, studio.model, [4410, 4410])
    for command in (["preview", path], ["export", path, "--port", "x", "-o", "x.npz"]):
        status, _, err = n2s(*command)
        assert status == 2 and "This is an album; name the graph of one of its tracks" in err and "track1.yaml" in err


def test_pictures_come_back_bit_for_bit(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (37, 53, 3), np.uint8)
    smooth = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (64, 80, 3))
    for picture in (noise, smooth, noise[:1, :1]):
        write_picture(tmp_path / "p.png", picture)
        assert (pixels(tmp_path / "p.png") == picture).all()


def test_plots_draw_what_they_are_given() -> None:
    times = np.arange(600) / 30
    still = plots.plot(np.full(600, 0.25), times, "still")
    ramp = plots.plot(np.linspace(0, 1, 600), times, "ramp")
    colour = np.array(plots.LINES[0])
    rows, _ = np.nonzero((still == colour).all(axis=2))
    assert np.ptp(rows) <= 2  # a horizontal line of two pixels
    rows, columns = np.nonzero((ramp == colour).all(axis=2))
    assert np.corrcoef(rows, columns)[0, 1] < -0.999
    spike = np.zeros(100_000)
    spike[77_777] = 1
    drawn = plots.plot(spike, np.arange(100_000) / 30, "spike")
    rows, columns = np.nonzero((drawn == colour).all(axis=2))
    assert rows.min() < 70 and np.ptp(columns[rows < 200]) <= 2  # a single value is not lost
    many = plots.plot(np.random.default_rng(0).normal(size=(50, 13)), np.arange(50) / 30, "a.title_with+every(letter)", [0.5])
    assert many.shape == (440, 1280, 3)
    assert plots.plot(np.zeros(1), np.zeros(1), "short").shape == (440, 1280, 3)


# structured lines


def test_structured_lines(graph: Path, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    assert n2s_json("check", graph) == [{"graph": str(graph), "nodes": 12, "films": 1, "warnings": []}]
    lines = n2s_json("run", graph)
    assert [line for line in lines if line["event"] == "planned"] == [{"event": "planned", "frames": 120, "stored": 0}]
    rendered = [line for line in lines if line["event"] == "rendered"][-1]
    assert rendered["frames"] == rendered["of"] == 120
    assert lines[-1]["event"] == "done" and lines[-1]["rendered"] == 4 and lines[-1]["films"][0]["frames"] == 120
    assert Path(lines[-1]["record"]).exists()
    (dry,) = [line for line in n2s_json("run", graph, "--dry-run", "--set", "grain.amount=0.2") if line["event"] == "film"]
    assert (dry["chunks"], dry["to_render"], dry["frames_to_render"]) == (4, 4, 120)


def test_structured_errors(graph: Path, tmp_path: Path, store: Any) -> None:
    edit(graph, "features.onset", "features.onest")
    edit(graph, "frames: vignette", "frames: pulse")
    for command in ("run", "check"):
        done = subprocess.run([N2S, command, graph, "--json"], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2 and not done.stderr
        (line,) = done.stdout.splitlines()
        problems = json.loads(line)["error"]
        assert [(p["file"], p["line"]) for p in problems] == [(str(graph), 9), (str(graph), 21)]
        assert "Did you mean" in problems[0]["text"] and problems[0]["column"] > 1
    for arguments in (["cache", "trim", "--to", "x", "--json"], ["run", graph, "--jobs", "x", "--json"]):
        done = subprocess.run([N2S, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2 and json.loads(done.stdout)["error"][0]["text"] and not done.stderr


def test_another_size_another_rate_and_a_draft(studio: Any, tmp_path: Path, store: Any) -> None:
    from test_runs import n2s

    from n2s.runtime.mp4 import read_mp4

    graph = tiny.write_graph(studio.folder, studio.model, name="shapes")
    common = ("--out", tmp_path, "--store", store.root)
    assert n2s("run", graph, "--size", "64x48", "--fps", "24", "--keep-frames", *common).returncode == 0
    video = next(track for track in read_mp4(tmp_path / "shapes.mp4") if track.handler == "vide")
    assert video.samples == 51
    assert len(list((tmp_path / "shapes-frames").glob("*.png"))) == 51
    draft = n2s("run", graph, "--draft", *common)
    assert draft.returncode == 0, draft.stderr
    video = next(track for track in read_mp4(tmp_path / "draft/shapes.mp4") if track.handler == "vide")
    assert video.samples == 32
    wrong = n2s("run", graph, "--size", "big", *common)
    assert wrong.returncode == 2 and "--size takes width and height, like 1280x720" in wrong.stderr


def test_warnings_name_what_is_probably_a_mistake(studio: Any, tmp_path: Path) -> None:
    from test_runs import n2s

    text = tiny.write_graph(studio.folder, studio.model, name="warned").read_text()
    text = text.replace("frames: vignette, amount: 0.04", "frames: more, amount: 0.04")
    text = text.replace("  grain:", "  more: {node: Grain, frames: vignette, amount: = 0.5 * 0.1}\n  idle: {node: Constant}\n  grain:")
    (studio.folder / "warned.yaml").write_text(text)
    done = n2s("check", "warned.yaml", cwd=studio.folder)
    assert done.returncode == 0
    said = [line.split("  ", 1)[1] for line in done.stderr.splitlines()]
    assert sorted(said) == [
        "grain and more share the seed 0 and move alike; give one of them another.",
        "idle is used by nothing.",
        "more.amount: = 0.5 * 0.1 never moves; a number would do.",
    ]
    assert all(line.startswith("warning: warned.yaml:") for line in done.stderr.splitlines())


def test_the_plan_and_thumbnails_are_drawn(studio: Any, tmp_path: Path, store: Any) -> None:
    from test_runs import n2s

    graph = tiny.write_graph(studio.folder, studio.model, name="drawn", settings="chunk: 30")
    common = ("--store", store.root, "-o")
    assert n2s("draw", graph, "--plan", *common, tmp_path / "plan.dot").returncode == 0
    dot = (tmp_path / "plan.dot").read_text()
    assert "one kernel for out" in dot and "0 stored" in dot and "3 to render" in dot
    assert n2s("run", graph, "--to", "1", "--out", tmp_path, "--store", store.root).returncode == 0
    assert n2s("draw", graph, "--plan", *common, tmp_path / "plan.dot").returncode == 0
    assert "1 stored" in (tmp_path / "plan.dot").read_text()
    assert n2s("draw", graph, "--thumbnails", "1", *common, tmp_path / "seen.svg").returncode == 0
    assert (tmp_path / "seen.svg").read_bytes().count(b"data:image/png;base64,") == 4
