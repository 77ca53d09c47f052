"""Moments of the music: drops and sections are times, wherever one may be written."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import pytest
import songs
import soundfile
from harness import load
from test_nodes import scene

from n2s.functions import at
from n2s.graph.check import warnings
from n2s.graph.errors import GraphError, MediaError
from n2s.graph.expressions import Expression, ExpressionError, Number
from n2s.graph.file.save import value_in_file
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Landmarks, Moment
from n2s.graph.listening import hearing_node
from n2s.graph.time import Clock
from n2s.graph.times import frame_of, parse_time
from n2s.hearing.gridfile import read_sections
from n2s.nodes import EMA, Keyframes, Random
from n2s.nodes.features import _told_drops
from n2s.nodes.loop import LoopShare
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse

FPS = Fraction(24)
FIRST, BEAT, BAR = 0.7, 0.5, 3  # s before the first beat, s in a beat, beats in a bar


def landmarks(fps: Fraction = FPS) -> Landmarks:
    """Return 60 s in threes: A, at bar 8 a drop into B, A again at 16, at 24 B with a drop."""
    clock = Clock(fps, int(60 * fps))
    times = clock.times(0, clock.frames)
    beats = (times - FIRST) / BEAT
    bars = beats / BAR
    section = np.clip(np.floor(bars / 8 + 1e-6), 0, 3)
    letters = (section % 2)[:, None] == np.arange(8)
    since = np.where(section % 2 == 1, np.minimum(bars - 8 * section, 8), 8)
    heard = {"beat": beats, "bar": bars, "section": section, "section_is": letters, "drop": 1 - since / 8}
    return Landmarks.of(times, {name: signal.astype(np.float32) for name, signal in heard.items()})


CLOCK = Clock(FPS, 1440, 60 / BEAT, BAR, landmarks())


def bar(number: float) -> float:
    return FIRST + number * BAR * BEAT


PLACES = {
    "at drop": bar(8), "at drop 2": bar(24), "at section": 0, "at section 2": bar(8), "at section 4": bar(24),
    "at A": 0, "at A 2": bar(16), "at B": bar(8), "at  B  2": bar(24), "at drop - 2 bars": bar(6),
    "at drop + 1 beat": bar(8) + BEAT, "at B 2 - 0.5 s": bar(24) - 0.5, "at drop+250ms": bar(8) + 0.25,
    "8 bars": bar(8), "6 beats": bar(2), "0 beats": FIRST, "3.5": 3.5, "0:03.5": 3.5,
}  # fmt: skip


@pytest.mark.parametrize("text", PLACES)
def test_places(text: str) -> None:
    time = parse_time(text)
    assert CLOCK.place(time) == pytest.approx(PLACES[text], abs=1e-4)
    assert str(time) == text and parse_time(str(time)) == time


@pytest.mark.parametrize("fps", [1, 12, Fraction(24000, 1001), 60, 240])
def test_every_frame_rate_has_the_same_places(fps: Any) -> None:
    clock = replace(CLOCK, fps=Fraction(fps), landmarks=landmarks(Fraction(fps)))
    for text, seconds in PLACES.items():
        assert clock.place(parse_time(text)) == pytest.approx(seconds, abs=1e-3), text


def test_bars_of_a_length_have_the_beats_of_the_music() -> None:
    assert CLOCK.seconds(parse_time("8 bars")) == pytest.approx(8 * BAR * BEAT)


def test_a_tempo_that_changes() -> None:
    """Bars are two seconds long, and one from bar 10 on; a drop at bar 12, and eight bars before it."""
    times = np.arange(0, 60, 1 / 24)
    bars = np.where(times < 20, times / 2, times - 10)
    drop = np.clip(1 - (bars - 12) / 8, 0, 1) * (bars >= 12)
    heard = Landmarks.of(times, {"beat": bars * 4, "bar": bars, "drop": drop})
    clock = Clock(FPS, 1440, 240.0, 4, heard)
    assert clock.place(parse_time("at drop")) == pytest.approx(22)
    assert clock.place(parse_time("at drop - 8 bars")) == pytest.approx(8)
    assert clock.place(parse_time("16 bars")) == pytest.approx(26)


@pytest.mark.parametrize(
    ("text", "told"),
    [("at drop 3", "only 2 begin in this music, at 0:12.7, 0:36.7"), ("at C", "no such section; it has A 0:00.0, B"),
     ("at section 5", "only 4 begin")],
)  # fmt: skip
def test_what_the_music_has_not(text: str, told: str) -> None:
    with pytest.raises(GraphError, match=told):
        CLOCK.place(parse_time(text))


def test_music_without_a_drop() -> None:
    times = np.arange(0, 10, 0.1)
    silent = Landmarks.of(times, {"beat": times, "bar": times / 4, "drop": np.zeros(100)})
    with pytest.raises(GraphError, match="no drop is heard in this music. Use a section"):
        silent.moment(Moment("drop"))


@pytest.mark.parametrize(("drops", "told"), [((), ""), ((8,), "; drop 0:16.0"), ((8, 16), "; drops 0:16.0, 0:32.0")])
def test_drops_are_told(drops: tuple[int, ...], told: str) -> None:
    clock = Clock(Fraction(10), 600)
    bars = clock.times(0, 600) / 2
    drop = sum((np.clip(1 - (bars - at) / 4, 0, 1) * (bars >= at) for at in drops), np.zeros(600))
    assert _told_drops(clock, {"beat": bars * 4, "bar": bars, "drop": drop}) == told


@pytest.mark.parametrize("text", ["at", "at K", "at chorus", "at drop 0", "at drop 1.5", "at drop 1000", "at drop -",
                                  "at drop - 2", "at drop * 2", "at 3 dB", "at B B", "drop"])  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="a time from 0 on was wanted"):
        parse_time(text)


@pytest.mark.parametrize("text", ["at drop - 2 bars", "at B 2 + 1 beat", "at drop", "at section 3"])
def test_expressions_print_what_they_are(text: str) -> None:
    expression = Expression.parse(f"smoothstep({text}, 40, time)")
    assert str(expression) == f"smoothstep({text}, 40, time)"
    assert Expression.parse(str(expression)) == expression


def test_expressions() -> None:
    def value(text: str) -> float:
        return float(Expression.parse(text).evaluate({}, {}, CLOCK))

    assert value("at drop - 2 bars") == pytest.approx(bar(6), abs=1e-4)
    assert value("at drop - 2 bars * 2") == pytest.approx(bar(4), abs=1e-4)
    assert value("(at drop 2 - at drop) / 2") == pytest.approx((bar(24) - bar(8)) / 2, abs=1e-4)
    assert value("at drop 2 < 60") == 1
    with pytest.raises(ExpressionError, match="there is no moment 'chorus'; there are drop, section, A"):
        Expression.parse("at chorus + 1")
    assert at("drop - 2 bars").evaluate({}, {}, CLOCK) == value("at drop - 2 bars")
    with pytest.raises(GraphError, match="no moment 'K'"):
        at("K")


@pytest.mark.parametrize(
    "text",
    ["(at drop - 2 bars) * 2", "(at drop) - 2 bars", "2 * (at drop) - 2 bars", "2 * (at drop - 2 bars)",
     "-(at drop) + 1 s", "-(at drop - 2 bars)", "(at drop) - 2 bars * 3", "(at B 2) ** 2", "time > (at drop - 1 beat)",
     "(at drop - 2 bars) - 1 bar", "smoothstep(at drop - 2 bars, at drop, time) - 1 s"],
)  # fmt: skip
def test_a_printed_moment_takes_no_length_that_is_not_its_own(text: str) -> None:
    """A length of a moment is counted on the grid; one that is subtracted is as long as the tempo says."""
    expression = Expression.parse(text)
    assert str(expression) == text and Expression.parse(str(expression)).tree == expression.tree


def test_moments_in_python() -> None:
    assert str(at("drop - 2 bars") * 2) == "(at drop - 2 bars) * 2"
    assert Keyframes(points=[[0, 0], [at("B 2"), 1]]) == Keyframes(points=[[0, 0], ["at B 2", 1]])
    with pytest.raises(GraphError, match='EMA.half_life: a length of time was wanted.*"at drop" is a place'):
        EMA(half_life=at("drop"))
    with pytest.raises(GraphError, match='"section" or "drop", not at drop'):
        Random(every=at("drop"))


def test_a_film_of_one_frame_has_its_section() -> None:
    heard = {"beat": [0.0], "bar": [0.0], "section": [0], "section_is": [[1, *[0] * 7]], "tempo": [90.0]}
    one = {name: np.array(signal, np.float32) for name, signal in heard.items()} | {"beats_in_bar": np.array([3.0])}
    clock = Clock(FPS, 1, 90.0, 3, Landmarks.of(CLOCK.times(0, 1), one))
    assert clock.place(parse_time("at A")) == 0
    assert clock.place(parse_time("at A + 1 bar")) == pytest.approx(2)
    with pytest.raises(GraphError, match="no drop is heard in this music"):
        clock.place(parse_time("at drop"))


def test_a_node_may_still_be_called_at() -> None:
    assert [str(link) for link in Expression.parse("at + at.x").links()] == ["at", "at.x"]


def test_keyframes_stand_where_the_music_is() -> None:
    place = replace(scene(), clock=CLOCK)
    found = Keyframes(points=[[0, 0.0], ["at drop", 1.0], ["at drop 2 - 2 bars", 0.5]], interpolate="hold").compute(
        place
    )
    seconds = np.flatnonzero(np.diff(found)) / float(FPS)
    np.testing.assert_allclose(seconds, [bar(8), bar(22)], atol=1 / 24)
    backwards = Keyframes(points=[["at drop 2", 0.0], ["at drop", 1.0]])
    with pytest.raises(GraphError, match="times must rise; at drop comes after at drop 2: 0:12.7 after 0:36.7"):
        backwards.compute(place)


# In graphs, with music that is really heard

PIECE = songs.FORMS[0]


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> tuple[songs.Song, Path]:
    path = tmp_path_factory.mktemp("song") / "song.wav"
    made = songs.compose(PIECE)
    soundfile.write(path, made.samples.T, songs.RATE, subtype="PCM_16")
    return made, path


def graph(path: Path, folder: Path, **nodes: Any) -> Graph:
    heard = {"track": {"node": "AudioSource", "path": str(path)}, "heard": {"node": "Features", "audio": "track"}}
    return load({"n2s": 1, "fps": 24, "size": [32, 32], "nodes": heard | nodes}, folder)


def test_sections_that_are_heard(song: tuple[songs.Song, Path], store: Any, tmp_path: Path) -> None:
    made, path = song
    values = analyse(graph(path, tmp_path).flat, RunContext(store, print))
    found = np.array([time for time, _ in values.clock.landmarks.sections])
    true = np.array([time for time, _ in made.sections])
    assert len(mir_eval.util.match_events(true[1:], found[1:], 0.1)) == len(true) - 1
    letters = [letter for _, letter in values.clock.landmarks.sections]
    assert letters == [letter for _, letter in made.sections]
    assert values.clock.place(parse_time("at B")) == pytest.approx(true[1], abs=0.1)


def test_a_moment_that_is_not_there_is_told_with_its_line(
    song: tuple[songs.Song, Path], store: Any, tmp_path: Path
) -> None:
    told = graph(song[1], tmp_path, keys={"node": "Keyframes", "points": [[0, 0], ["at H 3", 1]]})
    with pytest.raises(
        GraphError, match=r'  keys.points: "at H 3": this music has no such section; it has A'
    ) as caught:
        analyse(told.flat, RunContext(store, print))
    assert caught.value.problems[0].position == told.where("keys", "points", 1, 0) != told.where("keys")
    driven = graph(song[1], tmp_path, ema={"node": "EMA", "signal": "= smoothstep(0, at G, time)"})
    with pytest.raises(GraphError, match=r"graph.yaml:\d+:\d+.*at G"):
        analyse(driven.flat, RunContext(store, print))


def test_a_moment_of_a_title_is_told_where_it_stands(song: tuple[songs.Song, Path], store: Any, tmp_path: Path) -> None:
    title = {"node": "TitleMatte", "text": "Here", "length": 4, "at": "at H"}
    made = graph(song[1], tmp_path, title=title)
    with pytest.raises(GraphError, match=r'  title.at: "at H": this music has no such section') as caught:
        analyse(made.flat, RunContext(store, print))
    (problem,) = caught.value.problems
    assert problem.position == made.where("title", "at")


def test_moments_need_a_node_that_hears(tmp_path: Path) -> None:
    nodes = {"keys": {"node": "Keyframes", "points": [[0, 0], ["at drop", 1]]}}
    with pytest.raises(GraphError, match='keys.points: "at drop" is heard in the music; add a Features node'):
        load({"n2s": 1, "size": [32, 32], "duration": 3, "nodes": nodes}, tmp_path)
    with pytest.raises(GraphError, match='"at drop" is heard in the music; the length of a film is known before'):
        load({"n2s": 1, "size": [32, 32], "duration": "at drop", "nodes": {"one": {"node": "Constant"}}}, tmp_path)


def test_moments_are_kept_when_a_graph_is_saved(tmp_path: Path) -> None:
    keys = Keyframes(points=[[0, 0.0], ["at drop - 2 bars", 1.0]])
    assert keys.points[1][0] == Moment("drop", 1, Number(-2.0, "bars"))

    assert value_in_file(keys.points) == [[0, 0.0], ["at drop - 2 bars", 1.0]]


def test_the_command_line_shows_a_moment(song: tuple[songs.Song, Path], n2s: Any, tmp_path: Path) -> None:
    made = graph(song[1], tmp_path)
    status, said, _ = n2s("preview", made.path, "--node", "heard.rms", "--at", "at B", "-o", tmp_path / "b.png")
    second = song[0].sections[1][0]
    assert status == 0 and f"{int(second) // 60:02d}:{int(second) % 60:02d}" in said


def test_lengths_on_the_command_line(song: tuple[songs.Song, Path], n2s: Any, tmp_path: Path) -> None:
    """How often is a length: 8 bars are not those to the eighth bar, which come after the first beat; no moment is."""
    path, out = graph(song[1], tmp_path).path, tmp_path / "values.npz"
    assert n2s("export", path, "--port", "heard.rms", "--every", "8 bars", "-o", out)[0] == 0
    steps = np.diff(np.load(out)["times"])
    np.testing.assert_allclose(steps, 8 * 4 * 60 / PIECE.bpm, atol=1.5 / 24)
    for command in (("export", path, "--port", "heard.rms", "-o", out), ("preview", path, "--node", "heard.rms")):
        status, _, said = n2s(*command, "--every", "at B")
        assert (status, "at B" in said, "--every: a length of time was wanted" in said) == (2, True, True)
    status, _, said = n2s("export", path, "--labels", "--from", "at B", "-o", tmp_path / "a.txt")
    assert status == 2 and "--labels writes those of the whole track" in said and not (tmp_path / "a.txt").exists()


def test_stems_do_not_take_the_time_from_the_mix(song: tuple[songs.Song, Path], tmp_path: Path) -> None:
    """Beats are those of the node that hears what the film plays, wherever it stands."""
    stem = {"node": "AudioSource", "path": str(song[1])}
    nodes = {
        "drums": stem, "mix": stem,
        "of_drums": {"node": "Features", "audio": "drums"}, "of_mix": {"node": "Features", "audio": "mix"},
        "film": {"node": "ImageSource", "path": "p.png"}, "moved": {"node": "Tone", "in": "film", "exposure": "= bar"},
        "out": {"node": "FFmpegSink", "frames": "moved", "audio": "mix", "path": "a.mp4"},
    }  # fmt: skip
    flat = load({"n2s": 1, "size": [32, 32], "nodes": nodes}, tmp_path).flat
    assert hearing_node(flat.nodes) == "of_mix"
    assert "of_mix.bar" in str(flat.nodes["moved"].exposure)
    del nodes["out"], nodes["of_mix"]
    assert hearing_node(load({"n2s": 1, "size": [32, 32], "nodes": nodes}, tmp_path).flat.nodes) == "of_drums"


def test_sections_are_written_and_given_back(
    song: tuple[songs.Song, Path], store: Any, n2s: Any, tmp_path: Path
) -> None:
    """Labels that are given back change nothing; letters that are corrected, and sections alone, come first."""
    made = graph(song[1], tmp_path)
    assert n2s("export", made.path, "--labels", "-o", tmp_path / "heard.txt")[0] == 0
    text = (tmp_path / "heard.txt").read_text()
    sections = [line.split("\t") for line in text.splitlines() if line.endswith(tuple("ABC"))]
    assert [letter for _, _, letter in sections] == list("ABAC")

    def heard(name: str) -> Any:
        nodes = {"heard": {"node": "Features", "audio": "track", "beats": name}}
        return analyse(graph(song[1], tmp_path, **nodes).flat, RunContext(store, print)).clock.landmarks

    as_heard = analyse(made.flat, RunContext(store, print)).clock.landmarks
    again = heard("heard.txt")
    assert [letter for _, letter in again.sections] == list("ABAC")
    np.testing.assert_allclose([t for t, _ in again.sections], [t for t, _ in as_heard.sections], atol=0.02)
    (tmp_path / "mine.txt").write_text(text.replace("\tC\n", "\tB\n"))
    assert [letter for _, letter in heard("mine.txt").sections] == list("ABAB")
    (tmp_path / "alone.txt").write_text(f"0\t8\tB\n{sections[2][0]}\t99\tD\n9\t9\tsolo\n")
    alone = heard("alone.txt")
    assert [letter for _, letter in alone.sections] == ["B", "D"]
    assert alone.sections[1][0] == pytest.approx(as_heard.sections[2][0], abs=0.02)
    np.testing.assert_allclose(alone.beats, as_heard.beats, atol=1e-3)


@pytest.mark.parametrize("text", ["0\t9\tA\n5\t12\tB\n", "5\t9\tA\n2\t4\tB\n", "3\t3\tA\n3\t3\tB\n"])
def test_sections_that_overlap_or_run_backwards(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(MediaError, match=r"a.txt:2: section B at .* begins within section A or before it"):
        read_sections(path)


def test_lengths_on_the_command_line_are_no_places(song: tuple[songs.Song, Path], n2s: Any, tmp_path: Path) -> None:
    """--every 2 bars is as long as two bars, wherever the first one begins."""
    nodes = {
        "track": {"node": "AudioSource", "path": str(song[1])},
        "heard": {"node": "Features", "audio": "track", "tempo": 100, "first_beat": 0.7},
    }
    steady = load({"n2s": 1, "fps": 20, "size": [32, 32], "nodes": nodes}, tmp_path)
    assert n2s("export", steady.path, "--port", "heard.beat", "--every", "2 beats", "-o", tmp_path / "a.npz")[0] == 0
    with np.load(tmp_path / "a.npz") as arrays:
        times = next(arrays[name] for name in arrays.files if "time" in name)
    np.testing.assert_allclose(np.diff(times), 1.2, atol=1e-6)


def test_a_moment_means_its_first_frame(song: tuple[songs.Song, Path], store: Any, tmp_path: Path) -> None:
    """What begins between two frames is seen in the later one, there where signals turn."""
    values = analyse(graph(song[1], tmp_path).flat, RunContext(store, print))
    frame = frame_of(parse_time("at B"), values.clock.place(parse_time("at B")), values.clock.fps)
    section = values.outputs["heard", "section"]
    assert section[frame] == 1 and section[frame - 1] == 0
    assert frame_of(parse_time("1.26"), 1.26, Fraction(24)) == 30


def test_a_node_that_hears_is_used_by_what_names_the_music(tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": "a.wav"}, "heard": {"node": "Features", "audio": "track"},
        "film": {"node": "ImageSource", "path": "p.png"},
        "out": {"node": "FFmpegSink", "frames": "moved", "audio": "track", "path": "a.mp4"},
    }  # fmt: skip
    for text in ("= bar_phase", "= smoothstep(0, at drop, time)", "= fract(time / 2 bars)", "= section_is.B"):
        values = nodes | {"moved": {"node": "Tone", "frames": "film", "exposure": text}}
        made = load({"n2s": 1, "size": [32, 32], "nodes": values}, tmp_path)
        assert not [problem for problem in warnings(made) if "used by nothing" in problem.text], text
    idle = load({"n2s": 1, "size": [32, 32], "nodes": nodes | {"moved": {"node": "Tone", "frames": "film"}}}, tmp_path)
    assert any("heard is used by nothing" in problem.text for problem in warnings(idle))


def uneven(frames: int = 900) -> Any:
    """Return a scene of 30 s whose beats, 0.3 s after its beginning, get slower from 0.45 to 0.55 s."""
    place = scene(frames, 30)
    ends = 0.3 + np.concatenate([[-0.9, -0.45], np.cumsum(np.concatenate([[0], np.linspace(0.45, 0.55, 70)]))])
    times = place.clock.times(0, frames)
    beats = np.interp(times, ends, np.arange(-2, 71))
    heard = {"beat": beats.astype(np.float32), "bar": (beats / 4).astype(np.float32)}
    return replace(place, clock=replace(place.clock, tempo=120.0, bar=4, landmarks=Landmarks.of(times, heard)))


def test_a_length_at_a_place_runs_on_the_grid() -> None:
    clock = uneven().clock
    for start, length, end in (("1 bar", "4 bars", "5 bars"), ("3 beats", "10 beats", "13 beats")):
        begin, over = clock.place(parse_time(start)), clock.place(parse_time(end))
        assert clock.after(begin, parse_time(length)) == pytest.approx(over, abs=1e-6)
        assert clock.after(over, parse_time(length), -1) == pytest.approx(begin, abs=1e-6)
    assert clock.after(2.0, parse_time("3 s")) == 5.0 and clock.after(2.0, parse_time("500 ms"), -1) == 1.5


@pytest.mark.parametrize(("start", "length", "end"), [("1 bar", "4 bars", "5 bars"), ("2 bars", "3 bars", "5 bars")])
def test_a_loop_is_what_an_excerpt_of_its_bars_shows(start: str, length: str, end: str) -> None:
    place = uneven()
    frames = [frame_of(at := parse_time(time), place.clock.place(at), place.clock.fps) for time in (start, end)]
    made = LoopShare(start=start, length=length, blend=0.5).compute(place)
    within = np.flatnonzero(made["amount"])
    assert within[-1] + 1 == frames[1] and made["delay"][within[0]] == pytest.approx((frames[1] - frames[0]) / 30)
