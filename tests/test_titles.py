"""Titles and credits: pixels, times, what an edit renders again, what the check finds."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from test_moments import BEAT, CLOCK, FPS, bar, uneven
from test_nodes import scene

from n2s.graph.declare import DeclarationError
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.nodes.credits import CreditsCue
from n2s.nodes.titles import CAME, RISE, SHOWN, TitleCue

WIDTH, HEIGHT = 160, 90
PICTURE = {"node": "ImageSource", "path": "picture.png"}
STANDS = {"node": "Title", "frames": "picture", "text": "First\nLight", "size": 0.3, "fade_in": 0, "length": 60}


def graph(folder: Path, size: tuple[int, int] = (WIDTH, HEIGHT), **nodes: Any) -> Graph:
    end = list(nodes)[-1]
    if nodes[end]["node"].endswith("Matte"):
        nodes["over"] = {"node": "Over", "back": "picture", "front": "picture", "matte": end}
    out = {"node": "DigestSink", "path": "frames.txt", "frames": list(nodes)[-1], "chunk": 10}
    header = {"n2s": 1, "fps": 20, "size": list(size), "duration": 4}
    return harness.load(header | {"nodes": {"picture": PICTURE, **nodes, "out": out}}, folder)


def made(studio: Any, store: Any, node: dict[str, Any], frame: int = 20, size: Any = (WIDTH, HEIGHT)) -> np.ndarray:
    return harness.frames(graph(studio.folder, size, subject=node), store, "subject", [(frame, frame + 1)])[0]


def test_letters_are_laid_over_the_picture_in_light(studio: Any, store: Any) -> None:
    node = STANDS | {
        "colour": "#ff8000",
        "opacity": 0.8,
        "shadow": 0.5,
        "shadow_colour": "#203040",
        "shadow_size": 0.03,
    }
    whole = graph(studio.folder, subject=node)
    letters, shade, shown = (
        harness.frames(whole, store, name, [(20, 21)])[0].astype(np.float64)
        for name in ("subject:letters", "subject:shade", "subject")
    )
    picture = harness.frames(graph(studio.folder, subject=node | {"opacity": 0}), store, "subject", [(20, 21)])[0]
    dark = 0.4 * 3 * shade / (1 + 2 * shade)
    light = picture.astype(np.float64) * np.abs(picture)
    light += (np.array([0x20, 0x30, 0x40]).reshape(3, 1, 1) ** 2 / 255**2 - light) * dark
    light += (np.array([0xFF, 0x80, 0]).reshape(3, 1, 1) ** 2 / 255**2 - light) * 0.8 * letters
    np.testing.assert_allclose(shown, np.sign(light) * np.sqrt(np.abs(light)), atol=1e-3)
    assert letters.max() == 1 and 0.03 < letters.mean() < 0.3 and shade.max() > 0.2


@pytest.mark.parametrize(
    ("subject", "port"),
    [(STANDS, "letters"), (STANDS, "shade"), ({"node": "Dust", "frames": "picture", "specks": 50}, "dust")],
)
def test_a_matte_that_the_graph_gives_takes_the_place_of_the_nodes_own(
    subject: dict[str, Any], port: str, studio: Any, store: Any
) -> None:
    ground = {"matte": {"node": "RadialMatte", "radius": 0.3}}
    whole = graph(studio.folder, **ground, subject=subject | {port: "matte"})
    plain = graph(studio.folder, **ground, subject=subject)
    assert f"subject:{port}" in plain.flat.nodes and f"subject:{port}" not in whole.flat.nodes
    shown, matte, own = (
        harness.frames(*what, [(20, 21)])[0]
        for what in ((whole, store, "subject"), (whole, store, "matte"), (plain, store, "subject"))
    )
    assert (shown != own).any() and matte.max() == 1 and 0 < matte.mean() < 0.9


def test_frames_without_the_title_are_the_picture_itself(studio: Any, store: Any) -> None:
    whole = graph(studio.folder, subject=STANDS | {"at": 1, "length": 1, "opacity": "= 0.9 + 0 * time"})
    shown = harness.frames(whole, store, "subject", [(0, 80)])
    picture = harness.frames(graph(studio.folder, subject=STANDS | {"opacity": 0}), store, "subject", [(0, 80)])
    different = [i for i in range(80) if shown[i].tobytes() != picture[i].tobytes()]
    assert different == list(range(20, 40))


@pytest.mark.parametrize("changes", [{}, {"reveal": "letters", "step": 0.1}, {"tracking": "= 0.1 + 0.03 * time"}])
def test_a_larger_film_shows_the_same_title(changes: dict[str, Any], studio: Any, store: Any) -> None:
    node = {**STANDS, "node": "TitleMatte", **changes}
    del node["frames"]
    small, large = (made(studio, store, node, 12, (WIDTH * k, HEIGHT * k))[0] for k in (1, 4))
    assert large.shape == (4 * HEIGHT, 4 * WIDTH)
    np.testing.assert_allclose(large.reshape(HEIGHT, 4, WIDTH, 4).mean(axis=(1, 3)), small, atol=0.06)


def test_a_matte_fills_letters_with_a_picture(studio: Any, store: Any) -> None:
    node = {"node": "TitleMatte", "text": "M", "size": 0.9, "fade_in": 0, "weight": 600}
    matte = made(studio, store, node)[0]
    assert matte[45, 80] > 0.9 or matte[:, 80].max() == 1
    soft = made(studio, store, node | {"blur": 0.03})[0]
    assert soft.sum() == pytest.approx(matte.sum(), rel=0.01) and soft.max() < 1


def test_editing_a_title_renders_only_its_frames(studio: Any, store: Any) -> None:
    def keys(**changes: Any) -> list[str]:
        return harness.keys(
            graph(studio.folder, subject={**STANDS, "at": 1.1, "length": 1, "fade_out": 0.1, **changes}), store
        )

    before = keys()
    assert len(before) == 8
    for changes, other in (
        ({"text": "First light"}, [2, 3, 4]), ({"weight": 600}, [2, 3, 4]), ({"size": 0.2}, [2, 3, 4]),
        ({"length": 1.3}, [4]), ({"at": 1.6, "length": 0.5}, [2, 3]), ({"shadow_size": 0.1}, list(range(8))),
        ({"colour": "#ff0000"}, list(range(8))),
    ):  # fmt: skip
        after = keys(**changes)
        assert [i for i in range(8) if before[i] != after[i]] == other, changes


def test_another_font_file_renders_a_title_again(studio: Any, store: Any, tmp_path: Path) -> None:
    from n2s.lettering.font import shipped_font

    font, found = tmp_path / "own.ttf", []
    for weight in (300, 600, 300):
        font.write_bytes(shipped_font(weight).read_bytes())
        found.append(harness.keys(graph(studio.folder, subject=STANDS | {"font": str(font)}), store))
    assert found[0] == found[2] and set(found[0]).isdisjoint(found[1])


def cue(node: Any, place: Any, **given: np.ndarray) -> np.ndarray:
    whole = replace(scene(), clock=replace(CLOCK), context=place.context)
    given.setdefault("tracking", np.full(CLOCK.frames, 0.1, np.float32))
    return node.compute(whole, **given)


class Place:
    class context:
        file_digest = staticmethod(lambda path: "digest of " + Path(path).name)


TIMES = CLOCK.times(0, CLOCK.frames)


def test_times_of_a_title() -> None:
    shown = cue(TitleCue(text="a", at="at drop", length="2 bars", fade_in=0.5, fade_out=1), Place)[:, SHOWN]
    begin, end = bar(8), bar(10)
    rise = np.clip(np.minimum((TIMES - begin) / 0.5, (end - TIMES) / 1), 0, 1)
    np.testing.assert_allclose(shown, rise * rise * (3 - 2 * rise), atol=1e-4)
    assert shown.max() == 1
    for settings in ({"at": 3, "until": "at drop"}, {"at": "2 bars", "until": 9}):
        row = cue(TitleCue(text="a", **settings), Place)[:, SHOWN] > 0
        wanted = (3, bar(8)) if settings["at"] == 3 else (bar(2), 9)
        np.testing.assert_allclose(TIMES[row][[0, -1]], wanted, atol=0.1)
    with pytest.raises(GraphError, match="it must be after at"):
        cue(TitleCue(text="a", at="at drop", until=3), Place)


def test_letters_come_on_beats() -> None:
    """From the first step of the grid after the beginning on, one for each half beat."""
    made = cue(TitleCue(text="abc", at=bar(2) + 0.1, reveal="letters", step="0.5 beats", rise=BEAT), Place)
    on = made[:, SHOWN] > 0
    first = bar(2) + BEAT / 2  # the next half beat
    np.testing.assert_allclose(made[on, CAME], np.maximum(0, (TIMES[on] - first) / (BEAT / 2)), atol=2e-3)
    assert set(made[on, RISE]) == {2.0}
    assert not made[~on].any()


def test_a_title_comes_in_letter_by_letter(studio: Any, store: Any) -> None:
    node = {"node": "TitleMatte", "text": "IIII", "size": 0.5, "tracking": 0.5, "reveal": "letters", "step": 0.5}
    node |= {"rise": 0.25, "length": 4}
    for frame, count in ((1, 1), (11, 2), (21, 3), (31, 4)):
        columns = made(studio, store, node, frame + 5)[0].max(axis=0) > 0.5
        assert np.count_nonzero(np.diff(columns.astype(int)) == 1) == count


def test_words_and_lines_come_one_after_the_other() -> None:
    from n2s.lettering.font import open_font, shipped_font
    from n2s.lettering.layout import Line
    from n2s.nodes.titles import _numbered

    lines = tuple(Line(open_font(shipped_font(300), 300), text, False) for text in ("ab c", "de"))
    assert _numbered(lines, "letters") == [[0, 1, 2, 2], [3, 4]]
    assert _numbered(lines, "words") == [[0, 0, 0, 1], [2, 2]]
    assert _numbered(lines, "lines") == [[0, 0, 0, 0], [1, 1]]


def test_credits_end_with_the_film_and_roll_evenly() -> None:
    whole = replace(scene(), clock=CLOCK, context=Place.context)
    roll = CreditsCue(credits=[["Music", "Ada"]], length=20).compute(whole)
    on = np.flatnonzero(roll[:, 0])
    assert on[0] == CLOCK.frames - 20 * FPS and on[-1] == CLOCK.frames - 1
    np.testing.assert_allclose(np.diff(roll[on, 1]), 1 / float(20 * FPS), atol=1e-9)
    cards = CreditsCue(credits=[["A"], ["B"], ["C"]], at=0, length=6, style="cards", fade=0.5).compute(whole)
    for card in range(3):
        middle = int((card * 2 + 1) * FPS)
        assert tuple(cards[middle, :2]) == (1, card) and cards[int(card * 2 * FPS), 0] < 0.01


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("each", [Fraction(1, 5), Fraction(7, 5)])
def test_cards_follow_each_other_from_frame_to_frame(each: Fraction, fps: int) -> None:
    """None comes late, and no frame lies between, wherever they begin and however many there are."""
    clock, frames = replace(CLOCK, fps=Fraction(fps), frames=30 * fps), int(each * fps)
    for start in (1, 3, 7):
        for count in range(2, 12):
            node = CreditsCue(credits=[["a"]] * count, at=float(start * each), length=float(count * each),
                              style="cards", fade=0)  # fmt: skip
            cards = node.compute(replace(scene(), clock=clock, context=Place.context))
            shown = np.arange(start * frames, (start + count) * frames)
            np.testing.assert_array_equal(np.flatnonzero(cards[:, 0]), shown)
            np.testing.assert_array_equal(cards[shown, 1], np.repeat(np.arange(count), frames))


@pytest.mark.parametrize("length", ["4 bars", "7 beats", "3 s"])
def test_credits_end_with_a_film_whose_tempo_moves(length: str) -> None:
    cue = CreditsCue(credits=[["Music", "Ada"]], length=length).compute(replace(uneven(), context=Place.context))
    assert cue[-1, 0] == 1 and (np.diff(cue[:, 0]) >= 0).all() and not cue[0].any()


@pytest.mark.parametrize("length", ["20 s", "1000 beats", "5 s"])
def test_credits_take_the_whole_of_a_film_that_is_shorter(length: str) -> None:
    short = replace(scene(), clock=replace(CLOCK, frames=int(5 * FPS)), context=Place.context)
    roll = CreditsCue(credits=[["Music", "Ada"]], length=length).compute(short)
    assert roll[:, 0].all()
    np.testing.assert_allclose(roll[:, 1], np.arange(len(roll)) / len(roll), atol=1e-9)
    cards = CreditsCue(credits=[["A"], ["B"]], length=length, style="cards", fade=0.5).compute(short)
    for card in range(2):
        assert tuple(cards[int((card + 0.5) * 2.5 * FPS), :2]) == (1, card)


def test_credits_roll_up(studio: Any, store: Any) -> None:
    node = {"node": "Credits", "frames": "picture", "credits": [["Music", "Ada"]], "size": 0.2, "length": 4}
    whole = graph(studio.folder, subject=node)
    letters = harness.frames(whole, store, "subject:letters", [(0, 80)])[:, 0]
    rows = [np.flatnonzero(frame.max(axis=1) > 0.5) for frame in letters]
    middles = np.array([row.mean() for row in rows[30:50]])
    assert (np.diff(middles) < 0).all() and np.ptp(np.diff(middles)) < 0.6
    assert not len(rows[0]) and not len(rows[-1])
    left, right = letters[40][:, : WIDTH // 2].sum(), letters[40][:, WIDTH // 2 :].sum()
    assert left > 10 and right > 10


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([["Music", "Ada"], []], "entry 2 is []; a role and names were wanted"),
        ([["Music", " "]], "entry 1 is ['Music', ' ']; a role and names were wanted"),
        ([["Music", "Ada\nBen"]], "entry 1 is "),
        ([["a" * 201]], "entry 1 is ['aaa"),
        ([["Ada"]] * 501, "501 entries; there may be 500"),
    ],
)
def test_what_are_no_credits(entries: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        CreditsCue(credits=entries)
    assert f"CreditsCue.credits: {said}" in str(caught.value)


MISTAKES = {
    "a missing font": ({"font": "nowhere.ttf"}, ":7:11  subject.font: ", "nowhere.ttf does not exist"),
    "no font": ({"font": "picture.png"}, ":7:11  subject.font: ", "is no font. Name a .ttf or .otf file."),
    "a script that it lacks": (
        {"text": "光 First"}, ":7:11  subject.text: ", "has no glyph for '光' (U+5149); name a font file that has it",
    ),
    "no text": ({"text": "  "}, ":7:11  subject.text: ", "it says nothing; a text was wanted"),
    "no colour": ({"colour": "red"}, ":7:13  subject.colour: ", '"red" is no colour'),
    "two ends": ({"until": 3, "length": 4}, ":5:3  subject: ", "length and until both say when it ends; leave one out"),
    "an end before its beginning": (
        {"at": "4 s", "until": 3}, ":5:3  subject: ", "until, 3, must be after at, 4 s",
    ),
    "an end that is its beginning": ({"at": "2 bars", "until": "2 bars"}, "", "until, 2 bars, must be after at"),
    "no place": ({"place": "middle"}, ":7:12  subject.place: ", "bottom right"),
    "a moment without music": ({"at": "at drop"}, ":7:9  subject.at: ", "add a Features node"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_found_by_the_check(what: str, studio: Any, n2s: Any) -> None:
    changes, where, said = MISTAKES[what]
    path = studio.folder / "title.yaml"
    settings = "".join(f"\n    {name}: {value!r}" for name, value in changes.items())
    rest = "" if "text" in changes else '\n    text: "Hi"'
    path.write_text(
        f"n2s: 1\nduration: 2\nnodes:\n  picture: {{node: ImageSource, path: picture.png}}\n"
        f"  subject:\n    node: Title{settings}{rest}\n    frames: picture\n"
        "  out: {node: DigestSink, path: a.txt, frames: subject}\n"
    )
    status, _, err = n2s("check", path)
    assert status == 2 and said in err.replace("\n", " ") and f"title.yaml{where}" in err, err


def test_what_leaves_its_range_is_told_once(studio: Any, n2s: Any) -> None:
    status, _, err = n2s("plan", graph(studio.folder, subject=STANDS | {"tracking": "= 2 * time"}).path)
    assert status == 2 and err.count("is driven by") == 1 and "subject.tracking is driven" in err


def test_no_tempo_is_missed_where_nothing_counts_beats(studio: Any, n2s: Any) -> None:
    _, _, err = n2s("plan", graph(studio.folder, subject=STANDS).path)
    assert "beats" not in err
    _, _, err = n2s("plan", graph(studio.folder, subject=STANDS | {"at": "2 beats"}).path)
    assert "120 beats per minute are assumed" in err


def test_an_unknown_character_of_credits_is_found(studio: Any, n2s: Any) -> None:
    node = {"node": "Credits", "frames": "picture", "credits": [["Music", "\u3042"]]}
    path = graph(studio.folder, subject=node).path
    status, _, err = n2s("check", path)
    assert status == 2 and "U+3042" in err and "subject.credits" in err


@pytest.mark.parametrize(
    "node", [STANDS | {"text": "by{}Ada"}, {"node": "Credits", "frames": "picture", "credits": [["by{}Ada"]]}]
)
def test_a_tab_is_a_space(node: dict[str, Any], studio: Any, store: Any, n2s: Any) -> None:
    tabbed, spaced = (json.loads(json.dumps(node).replace("{}", gap)) for gap in ("\\t", " "))
    status, _, err = n2s("check", graph(studio.folder, subject=tabbed).path)
    assert status == 0, err
    assert np.array_equal(made(studio, store, tabbed, 40), made(studio, store, spaced, 40))
