"""Lyrics: .lrc files, which lines show, how words light up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from test_moments import CLOCK
from test_nodes import scene

from n2s.lettering.lrc import LyricsError, LyricsLine, read_lyrics
from n2s.nodes.lyrics import FURTHER, LIT, ROW, SHOWN, SLOTS, WIDTH, LyricsCue

SONG = """\ufeff[ti:A song]
[ar: somebody]
[offset:+500]
# a remark

[00:10.50]Over the hills
[00:20.1][01:02.00] and far away
[00:15.000]<00:15.00>day <00:15.60>by <00:16.2>day
[00:18.00]
"""


def read(folder: Path, text: str) -> list[LyricsLine]:
    (folder / "song.lrc").write_text(text, encoding="utf-8")
    return read_lyrics(folder / "song.lrc")


def test_a_file_of_lyrics(tmp_path: Path) -> None:
    assert read(tmp_path, SONG) == [
        LyricsLine(10.0, "Over the hills"),
        LyricsLine(14.5, "day by day", ((0, 14.5), (4, 15.1), (7, 15.7))),
        LyricsLine(17.5, ""),
        LyricsLine(pytest.approx(19.6), "and far away"),
        LyricsLine(61.5, "and far away"),
    ]


def test_words_of_a_line_that_comes_twice_come_later_too(tmp_path: Path) -> None:
    first, second = read(tmp_path, "[00:01.00][00:05.00]<00:01.00>la <00:02.00>la")
    assert first.words == ((0, 1.0), (3, 2.0)) and second.words == ((0, 5.0), (3, 6.0))


def test_lines_of_one_time_stand_together(tmp_path: Path) -> None:
    (line,) = read(tmp_path, "[00:01.00]Licht\n[00:01.00]<00:01.50>light")
    assert line == LyricsLine(1.0, "Licht\nlight", ((6, 1.5),))


@pytest.mark.parametrize(
    "text",
    [
        "[00:01.00]<00:01.00>day <00:01.50>by <00:02.00>day",
        "[00:01.00] <00:01.00> day <00:01.50> by <00:02.00> day <00:02.50>",
        "[00:01.00]<00:01.00>day<00:01.50> by<00:02.00> day",
        "[00:01.00]day [00:01.50]by [00:02.00]day",
        "[00:01.00] day [00:01.5] by [ 00:02 ] day [00:02.50]",
        "[00:01.00][00:01.00]day [00:01.50]by [00:02.00]day",
        "[00:01.00]day <00:01.50>by <00:02.00>day",
    ],
)
def test_times_of_words_as_programs_write_them(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == [LyricsLine(1.0, "day by day", ((0, 1.0), (4, 1.5), (7, 2.0)))]


@pytest.mark.parametrize("text", ["[Chorus] (x2)", "oh [x] my [ti:me]", "so [00:75] and [12]", "a  b <3 c"])
def test_what_is_no_time_is_text(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"[00:01.00]{text}") == [LyricsLine(1.0, text)]


@pytest.mark.parametrize(
    "header", ["[ti:Ember [live]]", "[künstler:x]", "[作曲: 某]", "[ar:[a] and [b]]", "[by-line: x]", "[#:a remark]"]
)
def test_headers_of_any_name_and_value_are_skipped(header: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{header}\n[00:01.00]a\n {header} \n[00:02.00]b") == [
        LyricsLine(1.0, "a"), LyricsLine(2.0, "b"),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("within", "\v\f\x1c\x85\u2028\u2029")
def test_lines_are_those_of_an_editor(within: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "song.lrc"
    path.write_text(f"[00:01.00]a{within}b{end}{end}[00:02.00]c{end}", encoding="utf-8", newline="")
    assert read_lyrics(path) == [LyricsLine(1.0, f"a{within}b"), LyricsLine(2.0, "c")]
    path.write_text(f"[00:01.00]a{within}b{end}{end}c{end}", encoding="utf-8", newline="")
    with pytest.raises(LyricsError, match='song.lrc:3: "c" has no time'):
        read_lyrics(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[00:01.00]a\nb", '2: "b" has no time; [mm:ss.xx] was wanted, like [01:23.45], at its beginning.'),
        ("[00:61.00]a", "1: [00:61.00] is no time; [mm:ss.xx] was wanted"),
        ("[1:xx]a", "1: [1:xx] is no time"),
        ("[00:01.00][00:2]\n\n[00:0x.1]a", "3: [00:0x.1] is no time"),
        ("[00:01.00]<00:01.00>a <0:>b", "1: <0:> is no time; <mm:ss.xx> was wanted"),
        ("[00:05.00]<00:05.00>a <00:04.00>b", "1: a word is sung at 4 s, before the one before it, at 5 s."),
        (
            "[00:05.00]a [00:04.00]b",
            "1: a word is sung at 4 s, before the one before it, at 5 s; if [00:04.00] is no time, write it in other",
        ),
        ("[00:05.00]<00:04.00>a", "1: its first word is sung at 4 s, before the line begins."),
        ("[offset:soon]\n[00:01.00]a", "1: the offset 'soon' is no whole number of milliseconds."),
        ("[offset:99999999]\n[00:01.00]a", "is more than an hour"),
        ("[ti:nothing]\n", "has no line with a time"),
        ("", "has no line with a time"),
        ("[00:01.00]" + "a" * 2000, "1: a line of 2000 characters"),
    ],
)
def test_malformed_lyrics(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LyricsError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "song.lrc")) and said in str(error.value)


def test_lyrics_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "song.lrc").write_bytes(b"[00:01.00]\xff\xfe\xe9")
    with pytest.raises(LyricsError, match="no text in UTF-8"):
        read_lyrics(tmp_path / "song.lrc")
    with pytest.raises(LyricsError, match="cannot be read"):
        read_lyrics(tmp_path / "nothing.lrc")


class Context:
    file_digest = staticmethod(lambda path: "digest")


TIMES = CLOCK.times(0, CLOCK.frames)


def cue(folder: Path, text: str, **settings: Any) -> np.ndarray:
    read(folder, text)
    whole = replace(scene(), clock=CLOCK, context=Context, base=folder)
    return LyricsCue(path="song.lrc", **settings).compute(whole).reshape(-1, SLOTS, WIDTH)


THREE = "[00:02.00]one\n[00:04.00]two\n[00:06.00]\n[00:20.00]<00:20.00>three <00:22.00>four"


def test_one_line_at_a_time(tmp_path: Path) -> None:
    shown = cue(tmp_path, THREE, lead=0.5, fade=0.4, hold=6)
    seen = shown[..., SHOWN]
    assert (np.count_nonzero(seen, axis=1) <= 1).all()
    for begin, end, slot in ((1.9, 3.5, 0), (3.9, 6, 1), (19.9, 26, 0)):  # lines 0, 1 and 3
        inside = (TIMES >= begin) & (TIMES <= end)
        assert (seen[inside, slot] == 1).all()
    assert not seen[(TIMES > 6.21) & (TIMES < 19.69)].any() and not seen[TIMES > 26.3].any()


@pytest.mark.parametrize("following", [False, True])
def test_no_line_comes_before_the_one_before_it_is_sung(following: bool, tmp_path: Path) -> None:
    shown = cue(tmp_path, "[00:04.00]one\n[00:06.00]two\n[00:08.00]three\n[00:10.00]", lead=3, next=following)
    for slot, begin, end in ((0, 1.4, 4), (1, 4.4, 6), (2, 6.4, 10)):
        inside = (TIMES >= begin) & (TIMES <= end)
        assert (shown[inside, slot, SHOWN] == 1).all() and not shown[inside, slot, ROW].any()


@pytest.mark.parametrize(("then", "end"), [("[00:02.20]", 2.2), ("[00:02.30]three", 2.05), ("[00:02.00]three", 2)])
def test_the_last_word_of_a_line_lights_up_before_it_goes(then: str, end: float, tmp_path: Path) -> None:
    shown = cue(tmp_path, f"[00:01.00]<00:01.00>one <00:01.80>two\n{then}")
    stays = (TIMES >= 1) & (TIMES <= end)
    assert (shown[stays, 0, SHOWN] == 1).all() and not shown[TIMES > end + 0.21, 0].any()
    assert (shown[(TIMES > 2.05) & (TIMES < end + 0.19), 0, LIT] == 2).all()


def test_of_lines_that_are_sung_at_once_the_later_one_shows(tmp_path: Path) -> None:
    seen = cue(tmp_path, "[00:01.00]<00:01.00>one <00:05.00>two\n[00:02.00]three\n[00:03.00]four")[..., SHOWN]
    assert (np.count_nonzero(seen, axis=1) <= 1).all()
    assert seen[(TIMES > 2.41) & (TIMES < 2.5), 1].all() and seen[(TIMES > 3) & (TIMES < 8), 2].all()


@pytest.mark.parametrize(("following", "fade"), [(True, 3.0), (True, 2.2), (False, 3.0), (False, 5.0)])
def test_lines_fade_where_they_come_faster_than_they_go(following: bool, fade: float, tmp_path: Path) -> None:
    """One that still showed vanished at once, where the third line after it took its slot."""
    text = "\n".join(f"[00:0{second}.00]line {second}" for second in range(1, 8))
    seen = cue(tmp_path, text, next=following, fade=fade)[..., SHOWN]
    assert np.abs(np.diff(seen, axis=0)).max() < 0.1 and seen.max() > 0.05


def test_words_light_up_as_they_are_sung(tmp_path: Path) -> None:
    lit = cue(tmp_path, THREE)[:, 0, LIT]
    assert lit[np.searchsorted(TIMES, 19.9)] == 0
    assert lit[np.searchsorted(TIMES, 21.9)] == 1 and lit[np.searchsorted(TIMES, 22.5)] == 2
    assert lit[np.searchsorted(TIMES, 3)] == 1  # without times of words, the whole line


def test_the_next_line_waits_below_and_moves_up(tmp_path: Path) -> None:
    shown = cue(tmp_path, THREE, next=True, lead=0.5, fade=0.4)
    at = np.searchsorted(TIMES, 2.5)
    assert tuple(shown[at, :2, SHOWN]) == (1, 1) and tuple(shown[at, :2, ROW]) == (0, 1)
    assert tuple(shown[at, :2, LIT]) == (1, 0)
    at = np.searchsorted(TIMES, 4)
    assert tuple(shown[at, :2, SHOWN]) == (0, 1) and shown[at, 1, ROW] == 0 and shown[at, 1, LIT] == 1
    assert not shown[..., FURTHER].any()  # lines of one row stand as they always did


def graph(folder: Path, song: str, **settings: Any) -> Any:
    (folder / "sung.lrc").write_text(song)
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "subject": {"node": "Lyrics", "frames": "picture", "path": "sung.lrc", "size": 0.2, **settings},
        "out": {"node": "DigestSink", "path": "frames.txt", "frames": "subject", "chunk": 20},
    }
    return harness.load({"n2s": 1, "fps": 20, "size": [160, 90], "duration": 8, "nodes": nodes}, folder)


def test_editing_a_line_renders_only_its_frames(studio: Any, store: Any) -> None:
    song = "[00:01.00]one\n[00:03.00]two\n[00:05.00]three\n[00:06.50]"
    before = harness.keys(graph(studio.folder, song), store)
    for edited, other in (
        (song.replace("two", "tow"), [2, 3, 4]),
        (song.replace("three", "one"), [4, 5, 6]),
        (song.replace("[00:06.50]", "[00:06.00]"), [6]),
        ("[ti:A title]\n" + song, []),
    ):
        after = harness.keys(graph(studio.folder, edited), store)
        assert [i for i in range(8) if before[i] != after[i]] == other, edited


def test_unsung_words_are_dim(studio: Any, store: Any) -> None:
    song = "[00:01.00]<00:01.00>III <00:04.00>III"
    whole = graph(studio.folder, song, unsung=0.4, tracking=0)
    letters = harness.frames(whole, store, "subject:letters", [(40, 41)])[0, 0]
    assert letters[:, :80].max() == pytest.approx(1) and letters[:, 80:].max() == pytest.approx(0.4, abs=1e-3)


def test_a_line_that_comes_with_and_without_times_of_words(studio: Any, store: Any) -> None:
    song = "[00:01.00]<00:01.00>III <00:04.00>III\n[00:06.00]III III"
    whole = graph(studio.folder, song, unsung=0.4, tracking=0)
    for frame, right in ((40, 0.4), (150, 1)):
        letters = harness.frames(whole, store, "subject:letters", [(frame, frame + 1)])[0, 0]
        assert letters[:, :80].max() == pytest.approx(1) and letters[:, 80:].max() == pytest.approx(right, abs=1e-3)


def test_a_translation_lights_up_with_its_original(studio: Any, store: Any) -> None:
    song = "[00:01.00]<00:01.00>III <00:04.00>III\n[00:01.00]<00:01.00>III <00:04.00>III"
    whole = graph(studio.folder, song, unsung=0.4, tracking=0, place="centre", size=0.15)
    letters = harness.frames(whole, store, "subject:letters", [(40, 41)])[0, 0]
    for line in (letters[:45], letters[45:]):
        assert line[:, :80].max() > 0.95 and 0.3 < line[:, 80:].max() < 0.41


@pytest.mark.parametrize("place", ["top", "centre", "bottom"])
def test_lines_of_several_rows_stand_below_each_other(place: str, studio: Any, store: Any) -> None:
    """From row to row it is 0.85 of what it is from line to line, whichever rows the current and the next one have."""
    rows = [2, 2, 1, 3, 1, 1]
    song = "".join(f"[00:0{1 + i}.00]III\n" * count for i, count in enumerate(rows))
    size, leading = 0.075, 1.5
    whole = graph(
        studio.folder, song, next=True, place=place, size=size, leading=leading, fade=0.2, margin=0.02, lead=0
    )
    step = leading * size * 90
    for i, (now, later) in enumerate(zip(rows, rows[1:])):
        frame = 20 * (1 + i) + 12  # both have come, and neither goes
        letters = harness.frames(whole, store, "subject:letters", [(frame, frame + 1)])[0, 0].max(axis=1)
        inked = np.flatnonzero(letters > 0.02)
        bands = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
        assert len(bands) == now + later
        apart = np.diff([np.average(band, weights=letters[band]) for band in bands])
        assert np.allclose(apart, step * np.array([0.85] * (now - 1) + [1] + [0.85] * (later - 1)), atol=0.2)
        middle = (inked[0] + inked[-1]) / 2 / 89
        assert {"top": middle < 0.45, "centre": abs(middle - 0.5) < 0.03, "bottom": middle > 0.55}[place]


@pytest.mark.parametrize(
    ("song", "said"),
    [
        ("[00:01.00]ok\n[oops", 'sung.lrc:2: "[oops" has no time'),
        (
            "# \u3042\n[ti:\u3042]\n[00:01.00]a\n[00:02.00]\u3042",
            "sung.lrc:4: the font \"Manrope-SemiBold\" has no glyph for '\u3042' (U+3042)",
        ),
    ],
)
def test_the_check_reads_lyrics(song: str, said: str, studio: Any, n2s: Any) -> None:
    path = graph(studio.folder, song).path
    status, _, err = n2s("check", path)
    assert status == 2 and said in err.replace("\n", " ") and "subject.path" in err


def test_the_check_knows_a_line_that_waits_for_the_one_before_beyond_the_end(studio: Any, n2s: Any) -> None:
    song = "[00:07.00]<00:07.00>one <00:07.90>two\n[00:08.20]three"
    status, out, err = n2s("check", graph(studio.folder, song).path)
    assert status == 0 and '"three" begins at 0:08' in (out + err).replace("\n", " ")


def test_a_tab_between_words_is_a_space(studio: Any, store: Any, n2s: Any) -> None:
    path = graph(studio.folder, "[00:00.20]<00:00.20>day\t<00:00.50>by").path
    status, _, err = n2s("check", path)
    assert status == 0, err
    tabbed, spaced = (
        harness.frames(graph(studio.folder, f"[00:00.20]<00:00.20>day{gap}<00:00.50>by"), store, "subject", [(8, 9)])
        for gap in "\t "
    )
    assert np.array_equal(tabbed, spaced)
