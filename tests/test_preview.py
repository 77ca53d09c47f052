"""export and preview: what a node makes, as numbers and as pictures, without a film."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.nodes import VAEDecode
from n2s.runtime.media.png import write_picture
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.seeing import contact, plots


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


def test_export_of_latents_and_frames(
    graph: Path, store: Any, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_failed_export_leaves_what_was_there(
    graph: Path, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_preview_shows_exactly_the_frames_of_the_film(
    graph: Path, store: Any, tmp_path: Path, n2s: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = harness.frames(Graph.load(graph), store, "grain", [(0, 120)])
    made = []
    original = VAEDecode.compute
    monkeypatch.setattr(
        VAEDecode,
        "compute",
        lambda s, block, latents: made.append((block.start, block.stop)) or original(s, block, latents),
    )
    status, out, err = n2s("preview", graph, "--at", 1.5, "-o", "one.png")
    assert status == 0, err
    assert out == "one.png  grain at 00:01.50\n" and made == [(45, 46)]
    assert (tiny.read_png(tmp_path / "one.png") == np.rint(np.clip(shown[45], 0, 1) * 255).transpose(1, 2, 0)).all()
    made.clear()
    assert n2s("preview", graph, "--at", 3, "--at", 0, "--at", 3, "-o", "two.png")[0] == 0
    assert made == [(0, 1), (90, 91)]
    sheet = tiny.read_png(tmp_path / "two.png")
    assert (sheet[8:72, 8:104] == contact.to_pixels(shown[0])).all() and (
        sheet[8:72, 112:208] == contact.to_pixels(shown[90])
    ).all()
    assert n2s("preview", graph)[1] == "renders/track.png  grain at 00:02.00\n"
    assert "00:00.50, 00:01.50, 00:02.50, 00:03.50" in n2s("preview", graph, "--sheet", 4)[1]
    assert "00:00.00, 00:01.50, 00:03.00" in n2s("preview", graph, "--every", 1.5)[1]


def test_preview_of_nodes(graph: Path, store: Any, tmp_path: Path, n2s: Any) -> None:
    status, out, _ = n2s("preview", graph, "--node", "film", "--at", 1)
    assert (
        status == 0
        and out.startswith("renders/track-film.png")
        and tiny.read_png(tmp_path / "renders/track-film.png").shape == (64, 96, 3)
    )
    assert n2s("preview", graph, "--node", "drift", "--at", 1, "-o", "l.png")[0] == 0
    (latents,) = harness.frames(Graph.load(graph), store, "drift", [(30, 31)])
    assert (tiny.read_png(tmp_path / "l.png") == contact.mosaic(latents)).all()
    assert n2s("preview", graph, "--node", "out", "--at", 1, "-o", "o.png")[0] == 0


def test_preview_of_signals_renders_nothing(graph: Path, tmp_path: Path, n2s: Any, no_frames: None) -> None:
    for port in ("pulse", "features.mfcc", "features.mfcc.3", "tone.exposure", "tone.contrast"):
        status, out, _ = n2s("preview", graph, "--node", port, "--at", 2, "-o", "s.png")
        assert status == 0 and out == f"s.png  {port} at 00:02.00\n"
        assert tiny.read_png(tmp_path / "s.png").shape == (440, 1280, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--node", "grian"], '"grian" names no node. Did you mean "grain"?'),
        (["--node", "features.onest"], '"features.onest" names no output. Did you mean "onset"?'),
        (["--node", "features."], "Name one: features.rms"),
        (["--node", "features.mfcc.13"], "has components 0 to 12"),
        (["--node", "pulse.0"], "has no components"),
        (["--node", "track"], '"track" is music'),
        (["--at", 9], "lies outside the track, which lasts 4.00 s"),
        (["--at", 1, "--sheet", 3], "cannot be combined"),
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
        assert (tiny.read_png(tmp_path / "p.png") == picture).all()


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
    many = plots.plot(
        np.random.default_rng(0).normal(size=(50, 13)), np.arange(50) / 30, "a.title_with+every(letter)", [0.5]
    )
    assert many.shape == (440, 1280, 3)
    assert plots.plot(np.zeros(1), np.zeros(1), "short").shape == (440, 1280, 3)
