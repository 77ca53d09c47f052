"""plan and its drawing: what a run would render, before it does."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import harness
import numpy as np
import tiny
from test_films import write_album

from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.graph.values import Values
from n2s.nodes import Features
from n2s.runtime.seeing.sizes import kept_sizes, sizes_text
from n2s.runtime.session import Session


def test_plan_tells_the_film_and_renders_nothing(graph: Path, n2s: Any, n2s_json: Any, no_frames: None) -> None:
    (film,) = n2s_json("plan", graph)
    assert film["film"] == "track.mp4" and film["frames"] == 120 and film["seconds"] == 4 and film["chunk_frames"] == 30
    assert [stage["stage"] for stage in film["stages"]] == ["latents", "latents", "decoder", "sink"]
    assert film["stages"][3]["nodes"] == ["tone", "vignette", "grain", "out"]
    assert "on cpu" in film["stages"][2]["details"]
    drives = {f"{drive['node']}.{drive['field']}": drive["by"] for drive in film["driven"]}
    assert drives == {"anchors.weights": "weights", "tone.exposure": "= 0.8 * pulse"}
    assert [(chunk["start"], chunk["stop"], chunk["stored"]) for chunk in film["chunks"]] == [
        (0, 30, False), (30, 60, False), (60, 90, False), (90, 120, False)
    ]  # fmt: skip
    assert (film["stored"], film["to_render"], film["frames_to_render"]) == (0, 4, 120)
    status, out, _ = n2s("plan", graph)
    assert status == 0 and "tone + vignette + grain → out (FFmpegSink, yuv420p of 8 bits, dithered, H.264, crf" in out
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


def test_plan_of_an_album_lists_all_films(
    studio: Any, tmp_path: Path, n2s: Any, n2s_json: Any, no_frames: None
) -> None:
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


def test_the_plan_and_thumbnails_are_drawn(studio: Any, tmp_path: Path, store: Any, n2s: Any) -> None:
    graph = tiny.write_graph(studio.folder, studio.model, name="drawn", settings="chunk: 30")
    assert n2s("draw", graph, "--store", store.root, "--plan", "-o", tmp_path / "plan.dot")[0] == 0
    dot = (tmp_path / "plan.dot").read_text()
    assert "one kernel for out" in dot and "0 stored" in dot and "3 to render" in dot
    assert n2s("run", graph, "--to", "1", "--out", tmp_path)[0] == 0
    assert n2s("draw", graph, "--store", store.root, "--plan", "-o", tmp_path / "plan.dot")[0] == 0
    assert "1 stored" in (tmp_path / "plan.dot").read_text()
    assert n2s("draw", graph, "--store", store.root, "--thumbnails", "1", "-o", tmp_path / "seen.svg")[0] == 0
    status, _, err = n2s("draw", graph, "--store", store.root, "--thumbnails", "1:40", "-o", tmp_path / "late.svg")
    assert status == 2 and "--thumbnails 1:40 lies outside the track, which lasts 2.10 s." in err
    assert (tmp_path / "seen.svg").read_bytes().count(b"data:image/png;base64,") == 4


def test_every_kernel_is_drawn(tmp_path: Path, studio: Any, n2s: Any) -> None:
    nodes = {"still": {"node": "ImageSource", "path": "picture.png"}}
    for i in range(10):
        nodes[f"n{i}"] = {"node": "Tone", "frames": list(nodes)[-1], "exposure": 0.1 + i / 10}
    nodes["out"] = {"node": "DigestSink", "frames": "n9", "path": "frames.txt"}
    path = harness.load({"n2s": 1, "size": [96, 64], "duration": 1, "nodes": nodes}, studio.folder, "long.yaml").path
    assert n2s("draw", path, "--plan", "-o", tmp_path / "plan.dot")[0] == 0
    dot = (tmp_path / "plan.dot").read_text()
    assert "one kernel for n6" in dot and "one kernel for out" in dot


def test_plan_tells_of_drivers_that_stand_at_their_end(studio: Any, n2s: Any, tmp_path: Path) -> None:
    nodes = {
        "still": {"node": "ImageSource", "path": str(studio.folder / "picture.png")},
        "flat": {"node": "Constant", "value": 0.5},
        "tone": {
            "node": "Tone", "frames": "still", "exposure": "= clamp(4 * time, 0, 1)", "warmth": "= 0.5 * flat",
            "contrast": "= 1 + 0.1 * time",
        },
        "out": {"node": "DigestSink", "frames": "tone", "path": "film.txt"},
    }  # fmt: skip
    graph = harness.load({"n2s": 1, "fps": 20, "duration": 1, "size": [32, 32], "nodes": nodes}, tmp_path)
    out = n2s("plan", graph.path)[1]
    assert "(0 to 1, 75 % of the time at 1)" in out and "(0.25 to 0.25, never moves)" in out and "(1 to 1.1)" in out


def test_plan_tells_how_large_what_is_kept_is(graph: Path, n2s: Any, n2s_json: Any, store: Any, tmp_path: Path) -> None:
    planned = harness.plan(Graph.load(graph), store)
    signals = {id(value): value for value in (*planned.values.outputs.values(), *planned.values.params.values())
               if isinstance(value, np.ndarray) and value.ndim}  # fmt: skip
    heard = 0
    for path in (*Path(store.root).glob("analysis/*/*.npz"), *Path(store.root).glob("beats/*/*.npz")):
        with np.load(path) as arrays:
            heard += sum(arrays[name].nbytes for name in arrays.files)
    truth = {
        "signals": sum(value.nbytes for value in signals.values()),
        "hearing": heard,
    }
    (film,) = n2s_json("plan", graph)
    assert film["kept"] == truth
    assert truth["signals"] >= 4 * 120 * sum(output.columns or 1 for output in Features.outputs.values())
    kept = f"signals {truth['signals'] / 1e6:.2g} MB in memory, hearing {heard / 1e6:.2g} MB in the store"
    assert f"  kept    {kept}\n" in n2s("plan", graph)[1]


def test_what_is_shared_is_counted_once() -> None:
    clock, signal = Clock(Fraction(30), 10, 120.0), np.zeros((10, 3), np.float32)
    values = Values(
        clock, {("a", "x"): signal, ("b", "x"): signal}, {("c", "p"): signal[:, 0], ("c", "q"): np.ones(10)}
    )
    values.params["c", "constant"] = np.float32(1)
    values.kept = {"one": 100}
    assert kept_sizes([values, values]) == {"signals": 120 + 80, "hearing": 100}
    assert sizes_text({"signals": 3_140_000, "hearing": 3_300_000}) == (
        "signals 3.1 MB in memory, hearing 3.3 MB in the store"
    )
    assert sizes_text({"signals": 4000, "hearing": 0}) == "signals 0.004 MB in memory"


def test_analysis_of_a_session_is_counted_after_an_edit(studio: Any, store: Any, tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "one": {"node": "Features", "audio": "track"},
        "two": {"node": "Features", "audio": "track", "tempo": 120, "first_beat": 0},
        "slow": {"node": "EMA", "signal": "one.rms"},
    }
    graph = harness.load({"n2s": 1, "fps": 20, "size": [32, 32], "nodes": nodes}, tmp_path)
    with Session(graph, store) as session:
        first = kept_sizes([session.values])
        again = kept_sizes([session.edited({"slow.half_life": 1}).values])
    alone = graph.edit({"two": None})
    with Session(alone, store) as session:
        assert kept_sizes([session.values])["hearing"] == first["hearing"] == again["hearing"] > 0
