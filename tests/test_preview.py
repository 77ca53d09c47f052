"""export and preview: what a node makes, as numbers and as pictures, without a film."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.nodes import VAEDecode
from n2s.runtime.media.png import write_picture
from n2s.runtime.render.analysis import behind_measures
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.seeing import contact, plots, strips
from n2s.runtime.seeing.drawing import Box, Drawing
from n2s.runtime.seeing.lettering import letter, width
from n2s.runtime.seeing.painting import paint
from n2s.runtime.seeing.summary import summarise
from n2s.runtime.seeing.svg import to_svg
from n2s.runtime.seeing.timeline import timeline
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

SVG = "{http://www.w3.org/2000/svg}"


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


def test_strips_show_the_frames_around_the_hardest_strikes(graph: Path, store: Any, tmp_path: Path, n2s: Any) -> None:
    values = harness.plan(Graph.load(graph), store).values
    struck = next(heard for name in ("kick", "onset") if (heard := values.outputs["features", name]).any())
    strikes = [first + int(struck[first : first + 30].argmax()) for first in range(0, 120, 30)]
    strikes = [frame for frame in strikes if struck[frame] > 0]
    times = ", ".join(f"00:{frame / 30:05.2f}" for frame in strikes)
    assert n2s("preview", graph, "--strip")[:2] == (0, f"renders/track-strip.png  grain at {times}\n")
    assert tiny.read_png(tmp_path / "renders/track-strip.png").shape[0] == len(strikes) * (64 + 15 + 8) + 8


def test_strips_mark_the_frame_of_the_time(graph: Path, store: Any, tmp_path: Path, n2s: Any) -> None:
    status, out, _ = n2s("preview", graph, "--strip", "--at", 2, "--at", 0, "-o", "s.png")
    assert status == 0 and out == "s.png  grain at 00:00.00, 00:02.00\n"
    shown = harness.frames(Graph.load(graph), store, "grain", [(0, 8), (58, 68)])
    picture = tiny.read_png(tmp_path / "s.png")
    left = picture.shape[1] - 10 * 104
    for row, frames in enumerate(([None, None, *range(8)], range(8, 18))):
        for column, frame in enumerate(frames):
            y, x = 8 + row * 87, left + column * 104
            tile = picture[y : y + 64, x : x + 96]
            assert (tile == (contact.PAPER if frame is None else contact.to_pixels(shown[frame]))).all()
            assert (picture[y + 32, x - 2] == (strips.MARK if column == 2 else contact.PAPER)).all()
    assert n2s("preview", graph, "--strip", "--node", "drift", "--at", 1)[1].startswith("renders/track-drift-strip.png")


def test_strips_without_strikes_need_times(graph: Path, studio: Any, tmp_path: Path, n2s: Any) -> None:
    tiny.write_wav(tmp_path / "music.wav", np.zeros((4 * 22050, 1), np.float32))
    status, _, err = n2s("preview", graph, "--strip")
    assert status == 2 and "features hears no strike in this music. Name times with --at." in err
    deaf = studio.folder / "deaf.yaml"
    deaf.write_text(json.dumps(harness.around("Vignette", studio.model)))
    status, _, err = n2s("preview", deaf, "--strip")
    assert status == 2 and "Nothing hears where strikes are. Add a Features node, or name times with --at." in err
    assert n2s("preview", deaf, "--strip", "--at", 1)[0] == 0


def test_strikes_are_spread_over_the_track() -> None:
    struck = np.zeros(103)
    struck[[3, 20, 30, 90, 91, 102]] = [0.5, 0.9, 0.2, 0.7, 0.7, 0.1]
    assert strips.hardest_of_each(struck, 4) == [20, 30, 90]
    assert strips.hardest_of_each(np.ones(2), 4) == [0, 1]


def test_preview_of_signals_renders_nothing(graph: Path, tmp_path: Path, n2s: Any, no_frames: None) -> None:
    for port in ("pulse", "features.mfcc", "features.mfcc.3", "tone.exposure", "tone.contrast"):
        status, out, _ = n2s("preview", graph, "--node", port, "--at", 2, "-o", "s.png")
        assert status == 0 and out == f"s.png  {port} at 00:02.00\n"
        assert tiny.read_png(tmp_path / "s.png").shape == (440, 1280, 3)
        assert n2s("preview", graph, "--node", port, "--at", 2, "-o", "s.svg")[1] == f"s.svg  {port} at 00:02.00\n"
        assert ElementTree.parse(tmp_path / "s.svg").find(f"{SVG}title").text == port


def test_a_signal_that_no_measure_moves_needs_no_frames(studio: Any, store: Any, no_frames: None) -> None:
    graph = harness.load(harness.around("Exposure", studio.model), studio.folder)
    behind = behind_measures(graph.flat)
    assert {"subject:meter", "subject:gain", "subject", "out"} <= behind and "ramp" not in behind
    with Session(graph, store) as session:
        seen = View(session, "ramp")
        assert seen.signal.shape == (seen.clock.frames,)
        np.testing.assert_array_equal(seen.signal, session.heard.outputs["ramp", "signal"])


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
        (["-o", "film.jpg"], 'is written as .png, that of a signal also as .svg, not "film.jpg"'),
        (["-o", "film.svg"], '"grain" gives frames, which are written as .png; .svg is for signals'),
        (["--strip", "--sheet", 3], "it goes with --at, and not with --sheet."),
        (["--strip", "--node", "pulse"], '"pulse" is a signal; --strip shows frames, mattes or latents'),
        (["--strip", *["--at", 1] * 41], "--strip shows 40 times at most; 41 were given"),
        (["--strip", "-o", "film.svg"], '"grain" gives frames, which are written as .png'),
        (["--node", "features.section_is.K"], 'has columns A to H; there is no "features.section_is.K"'),
        (["--set", "tone.exposure== 99 * pulse"], "tone.exposure is driven by"),
    ],
)
def test_preview_says_what_is_wrong(arguments: list, words: str, graph: Path, tmp_path: Path, n2s: Any) -> None:
    status, out, err = n2s("preview", graph, *arguments)
    assert status == 2 and words in err and not out and not (tmp_path / "renders").exists()


def test_albums_have_no_preview_and_no_export(studio: Any, tmp_path: Path, n2s: Any) -> None:
    path = write_album(tmp_path, studio.model, [4410, 4410])
    kinds = (["--port", "x", "-o", "x.npz"], ["--labels", "-o", "x.txt"], ["--timelines", "-o", "x.npz"])
    for command in (["preview", path], *(["export", path, *kind] for kind in kinds)):
        status, _, err = n2s(*command)
        assert status == 2 and "This is an album; name the graph of one of its tracks" in err and "track1.yaml" in err


def test_pictures_come_back_bit_for_bit(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (37, 53, 3), np.uint8)
    smooth = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None], (64, 80, 3))
    for picture in (noise, smooth, noise[:1, :1]):
        write_picture(tmp_path / "p.png", picture)
        assert (tiny.read_png(tmp_path / "p.png") == picture).all()


@pytest.mark.parametrize(
    ("seconds", "step", "between"),
    [(0.5, 0.05, 0.01), (3, 0.5, 0.05), (12, 1, 0.1), (26, 2, 0.2), (59, 5, 0.5), (100, 10, 1), (203, 15, 5),
     (600, 60, 5), (3600, 300, 30), (36_000, 3600, 300)],
)  # fmt: skip
def test_times_are_marked_as_close_as_they_can_be_read(seconds: float, step: float, between: float) -> None:
    found = plots.time_steps((0.0, seconds), 1219)
    assert found == (step, between), found


def test_plots_draw_what_they_are_given() -> None:
    times = np.arange(600) / 30
    still = paint(plots.plot(np.full(600, 0.25), times, "still"))
    ramp = paint(plots.plot(np.linspace(0, 1, 600), times, "ramp"))
    colour = np.array(plots.LINES[0])
    rows, _ = np.nonzero((still == colour).all(axis=2))
    assert np.ptp(rows) <= 2  # a horizontal line of two pixels
    rows, columns = np.nonzero((ramp == colour).all(axis=2))
    assert np.corrcoef(rows, columns)[0, 1] < -0.999
    spike = np.zeros(100_000)
    spike[77_777] = 1
    drawn = paint(plots.plot(spike, np.arange(100_000) / 30, "spike"))
    rows, columns = np.nonzero((drawn == colour).all(axis=2))
    assert rows.min() < 70 and np.ptp(columns[rows < 200]) <= 2  # a single value is not lost
    many = plots.plot(
        np.random.default_rng(0).normal(size=(50, 13)), np.arange(50) / 30, "a.title_with+every(letter)", [0.5]
    )
    assert paint(many).shape == (440, 1280, 3)
    assert paint(plots.plot(np.zeros(1), np.zeros(1), "short")).shape == (440, 1280, 3)


def busy_track(frames: int) -> tuple[dict[str, np.ndarray], Clock]:
    """Signals of music at 30 frames per second with a strike in every other frame, 120 beats per minute."""
    rng = np.random.default_rng(3)
    signals = {drum: rng.random(frames) * (rng.random(frames) < 0.5) for drum in ("kick", "snare", "hat")}
    letters = np.eye(8)[np.arange(frames) * 6 // frames % 3]
    signals |= {
        "beat": np.arange(frames) / 15 - 0.5, "bar": np.arange(frames) / 60 - 0.5, "rms_raw": rng.random(frames),
        "tempo": 120 + rng.random(frames), "sure": np.full(frames, 0.75), "beats_in_bar": np.full(frames, 4.0),
        "section": np.floor(np.arange(frames) * 6 / frames), "section_is": letters,
    }  # fmt: skip
    return signals, Clock(Fraction(30), frames, 120.0)


def test_drawings_as_svg_are_small_and_the_same_every_time() -> None:
    signals, clock = busy_track(4 * 60 * 30)
    times = clock.times(0, clock.frames)
    many = plots.plot(np.random.default_rng(0).normal(size=(clock.frames, 13)), times, "a.b")
    for drawing in (timeline("heard", signals, clock), many):
        data = to_svg(drawing)
        assert len(data) < 300_000 and data == to_svg(drawing)
        root = ElementTree.fromstring(data)
        assert root.get("font-family") == "sans-serif"
        assert [root.get("width"), root.get("height")] == [str(side) for side in drawing.size]
        assert len(root.findall(f"{SVG}path")) < 200  # lanes, the grid and marks of times; none for each beat
    texts = [text.text for text in ElementTree.fromstring(to_svg(timeline("heard", signals, clock))).iter(f"{SVG}text")]
    assert ["A", "B", "C", "A", "B", "C"] == [text for text in texts if len(text) == 1]
    assert {"sections", "loudness", "beats", "kick", "snare", "hat", "tempo", "0:30", "120.0 to 121.0"} <= set(texts)
    assert "drop" not in texts
    signals["drop"] = np.maximum(1 - (np.arange(clock.frames) % 3000) / 600, 0) * (np.arange(clock.frames) >= 3000)
    drawn = ElementTree.fromstring(to_svg(timeline("heard", signals, clock)))
    assert [text.text for text in drawn.iter(f"{SVG}text")].count("drop") == 2


def test_texts_of_an_svg_are_escaped() -> None:
    drawing = Drawing('a<b> & "c"\x00', (40, 20), (255, 255, 255))
    drawing.write(0, 0, "</text>\ud800", (0, 0, 0))
    root = ElementTree.fromstring(to_svg(drawing))
    assert root.find(f"{SVG}title").text == 'a<b> & "c"\ufffd' and root.find(f"{SVG}text").text == "</text>\ufffd"


@pytest.mark.parametrize("count", [1, 2, 37, 200, 201, 5000])
def test_svg_and_pixels_show_the_same_curve(count: int) -> None:
    """The path has the range of the values, in every column of pixels, to within a pixel."""
    values = np.random.default_rng(count).random(count).cumsum()
    drawing = Drawing("", (120, 100), (255, 255, 255))
    drawing.curve(Box(10, 5, 110, 85), values, float(values.min()) - 1, float(values.max()) + 1, (0, 0, 0))
    drawn = paint(drawing)[:, :, 0] < 100
    points = path_points(ElementTree.fromstring(to_svg(drawing)).findall(f"{SVG}path")[-1].get("d"))
    assert points[0, 0] == 10 and points[-1, 0] == 110 and (np.diff(points[:, 0]) >= 0).all()
    assert len(points) <= 2 * 100 + 2
    for column in range(10, 110):
        rows = np.flatnonzero(drawn[:, column])
        inside = np.interp([column, column + 1], points[:, 0], points[:, 1])
        assert rows.min() - 1.5 <= inside.min() and inside.max() <= rows.max() + 2.5


def path_points(path: str) -> np.ndarray:
    """Return the points of a path of the commands M, l and v."""
    points = []
    for command, numbers in re.findall(r"([Mlv])([^Mlv]*)", path):
        step = [float(number) for number in re.findall(r"-?(?:\d+(?:\.\d)?|\.\d)", numbers)]
        step = [0.0, *step] if command == "v" else step
        points.append(step if command == "M" else [points[-1][0] + step[0], points[-1][1] + step[1]])
    return np.round(np.array(points), 1)


def test_boxes_side_by_side_are_one() -> None:
    drawing = Drawing("", (40, 20), (255, 255, 255))
    drawing.fill((1, 2, 3), [Box(0, 2, 1, 9), Box(1, 2, 2, 9), Box(2, 3, 3, 9), Box(5, 3, 6, 9)])
    path = ElementTree.fromstring(to_svg(drawing)).findall(f"{SVG}path")[-1]
    assert path.get("d") == "M0 2h2v7h-2zM2 3h1v6h-1zM5 3h1v6h-1z" and path.get("fill") == "#010203"
    assert (paint(drawing) == (1, 2, 3)).all(axis=2).sum() == 2 * 7 + 6 + 6


def test_what_is_heard_is_summed_up(graph: Path, n2s: Any, n2s_json: Any) -> None:
    signals, clock = busy_track(1800)
    heard = summarise(signals, clock)
    assert heard["beats"] == 120 and heard["bars"] == 30 and heard["beats_in_bar"] == 4 and heard["sure"] == 0.75
    assert heard["sections"][1] == {"letter": "B", "from": 10.0, "to": 20.0} and len(heard["sections"]) == 6
    assert 120 < heard["tempo_range"][0] < heard["tempo"] < heard["tempo_range"][1] < 121
    (told,) = n2s_json("preview", graph, "--node", "features", "-o", "a.svg")
    assert told["path"] == "a.svg" and told["heard"].keys() == heard.keys()
    assert told["times"] == []
    assert n2s("preview", graph, "--node", "features", "--at", 2, "-o", "a.svg")[1].startswith(
        "a.svg  features at 00:02.00: "
    )
    status, out, err = n2s("preview", graph, "--node", "features", "-o", "a.svg")
    assert status == 0 and "beats per minute in" in err
    assert out.startswith(f"a.svg  features: {told['heard']['beats']} beats, ")


def test_small_and_capital_letters_differ() -> None:
    for character in "abcdefghijklmnopqrstuvwxyz":
        small, capital = np.zeros((2, 16, width(character), 3), np.uint8)
        letter(small, 0, 0, character, (1, 1, 1))
        letter(capital, 0, 0, character.upper(), (1, 1, 1))
        assert small.any() and (small != capital).any()


def test_all_timelines_of_a_track_in_one_file(graph: Path, store: Any, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    (told,) = n2s_json("export", graph, "--timelines", "-o", tmp_path / "all.npz", "--store", store.root)
    with np.load(tmp_path / "all.npz") as found, Session(Graph.load(graph), store) as session:
        assert told["arrays"] == len(found.files) - 1
        schema = json.loads(str(found["schema"]))
        assert schema["frames"] == len(found["times"]) == session.clock.frames
        exposure = found["param/tone.exposure"]
        assert (exposure == session.values.params["tone", "exposure"]).all()
        assert schema["arrays"]["param/tone.exposure"]["written"] == "= 0.8 * pulse"
        assert (found["signal/features.onset"] == session.values.outputs["features", "onset"]).all()
        assert set(schema["arrays"]) == {name for name in found.files if "/" in name}
    first = (tmp_path / "all.npz").read_bytes()
    n2s("export", graph, "--timelines", "-o", tmp_path / "all.npz", "--store", store.root)
    assert (tmp_path / "all.npz").read_bytes() == first
    status, _, err = n2s("export", graph, "--timelines", "--node", "tone", "-o", tmp_path / "x.npz")
    assert status == 2 and "goes with no --node" in err

    (told,) = n2s_json("export", graph, "--timelines", "--latents", "-o", tmp_path / "all.npz", "--store", store.root)
    with np.load(tmp_path / "all.npz") as found, Session(Graph.load(graph), store) as session:
        assert told["arrays"] == len(found.files) - 1
        (name,) = (name for name in found.files if name.startswith("latents/"))
        assert found[name].dtype == np.float32 and len(found[name]) == session.clock.frames
        assert (found[name][7] == session.frame(name.removeprefix("latents/"), 7)).all()
        assert name in json.loads(str(found["schema"]))["arrays"]
    status, _, err = n2s("export", graph, "--latents", "-o", tmp_path / "x.npz")
    assert status == 2 and "--latents goes with --timelines" in err


@pytest.mark.parametrize(
    ("count", "across"), [(1, 1), (2, 2), (5, 3), (8, 4), (9, 3), (10, 5), (12, 4), (16, 4), (24, 5)]
)
def test_sheets_have_few_empty_places(count: int, across: int) -> None:
    assert contact.columns_for(count, 320, 180) == across
