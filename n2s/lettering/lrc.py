"""Lyrics with their times: .lrc files.

[offset:+250]                              milliseconds by which all comes earlier
[00:12.50]Over the hills                   a line, in minutes and seconds
[00:20.10][01:02.00]and far away           the same line at two times
[00:31.00]<00:31.00>day <00:31.60>by day   words with times of their own
[00:33.00]day [00:33.60]by day             the same in other programs; the line's time is the first word's
[00:36.00]                                 nothing: the line before ends here
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from n2s.graph.errors import MediaError
from n2s.graph.textlines import lines_of

MOST_BYTES, MOST_LINES, MOST_TEXT = 4 << 20, 20_000, 1000
_TIME = r"(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?"
_TAG = re.compile(r"\[([^\[\]]*)\]")
_IS_TIME = re.compile(rf"\s*{_TIME}\s*\Z", re.ASCII)
_WORD = re.compile(r"<([^<>]*)>|\[(\s*\d{1,3}:[0-5]?\d(?:[.:]\d{1,3})?\s*)\]", re.ASCII)
_LOOKS_LIKE_TIME = re.compile(r"\s*[-+]?\d")
_KNOWN = re.compile(r"\s*(?:#|[^\W\d_])[^\[\]:]*:")
_HEADER = re.compile(r"\[\s*[^\W\d_][^\[\]:]*:.*\]\Z")  # its value may have brackets in it
WANTED = "[mm:ss.xx] was wanted, like [01:23.45]"


class LyricsError(MediaError):
    """A file of lyrics that cannot be read."""


@dataclass(frozen=True)
class LyricsLine:
    """A line that is sung.

    Attributes
    ----------
    start : float
        When it begins, in seconds; it ends with the next one.
    text : str
        "" where nothing is sung.
    words : tuple of (int, float)
        Where in the text each word with a time begins, and when; () where words have none.
    """

    start: float
    text: str
    words: tuple[tuple[int, float], ...] = ()


def read_lyrics(path: Path) -> list[LyricsLine]:
    """Return the lines of an .lrc file, in the order of time.

    Raises
    ------
    LyricsError
        With the file and its line, where it is not as the format says.
    """
    text = _text_of(path)
    offset, found = 0.0, []
    for number, line in enumerate(lines_of(text), 1):
        where = f"{path}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        times, rest = _head(line, where)
        if (tag := re.match(r"\s*\[\s*offset\s*:(.*)\]\s*\Z", line, re.IGNORECASE)) and not times:
            offset = _offset(tag[1], where)
        elif times:
            plain, words = _words(rest, times[0], where)
            if len(plain) > MOST_TEXT:
                raise LyricsError(f"{where}: a line of {len(plain)} characters; at most {MOST_TEXT} can be shown.")
            if words and words[0][1] < times[0]:
                raise LyricsError(f"{where}: its first word is sung at {words[0][1]:g} s, before the line begins.")
            for time in times:
                shift = time - times[0]
                found.append(LyricsLine(time, plain, tuple((at, when + shift) for at, when in words)))
    if not found:
        raise LyricsError(f"{path} has no line with a time; {WANTED}.")
    if len(found) > MOST_LINES:
        raise LyricsError(f"{path} has {len(found)} lines; at most {MOST_LINES} can be shown.")
    moved = [
        LyricsLine(line.start - offset, line.text, tuple((at, when - offset) for at, when in line.words))
        for line in found
    ]
    return [_joined(list(group)) for _, group in groupby(sorted(moved, key=_start), _start)]


def place_of(path: Path, character: str) -> str:
    """Return where a character is sung first in the order of a file that `read_lyrics` read: "song.lrc:3"."""
    for number, line in enumerate(lines_of(_text_of(path)), 1):
        where = f"{path}:{number}"
        if character in line and not line.lstrip().startswith("#") and _head(line, where)[0]:
            return where
    return str(path)


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise LyricsError(f"{path} cannot be read: {error.strerror}. Check the path.") from None
    if data is None:
        raise LyricsError(f"{path} has more than {MOST_BYTES >> 20} MiB, far too much for lyrics.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LyricsError(f"{path} is no text in UTF-8; save it as such.") from None


def _start(line: LyricsLine) -> float:
    return line.start


def _joined(lines: list[LyricsLine]) -> LyricsLine:
    """Return lines of the same time, an original with its translation for instance, as one."""
    lines = [line for line in lines if line.text] or lines[:1]
    text, words = lines[0].text, list(lines[0].words)
    for line in lines[1:]:
        words += [(at + len(text) + 1, when) for at, when in line.words]
        text = f"{text}\n{line.text}"
    return LyricsLine(lines[0].start, text, tuple(sorted(words, key=lambda word: word[1])))


def _head(line: str, where: str) -> tuple[list[float], str]:
    """Return the times before a line and what stands behind them; no times where it is a tag of another kind."""
    times, rest = [], line.strip()
    if _HEADER.match(rest):
        return [], ""
    while tag := _TAG.match(rest):
        if not _IS_TIME.match(tag[1]):
            if _LOOKS_LIKE_TIME.match(tag[1]):
                _time(tag[1], where, "[{}]", WANTED)
            if times or not _KNOWN.match(tag[1]):
                break
            return [], ""
        if (time := _time(tag[1], where, "[{}]", WANTED)) not in times:
            times.append(time)
        rest = rest[tag.end() :].lstrip() if _TAG.match(rest[tag.end() :].lstrip()) else rest[tag.end() :]
    if not times:
        shown = rest if len(rest) <= 40 else f"{rest[:37]}…"
        raise LyricsError(f'{where}: "{shown}" has no time; {WANTED}, at its beginning.')
    return times, rest.strip()


def _words(text: str, begins: float, where: str) -> tuple[str, list[tuple[int, float]]]:
    """Return a line without the times of its words, and these; what stands before the first is sung as it begins."""
    marks = list(_WORD.finditer(text))
    plain = text[: marks[0].start() if marks else None].lstrip()
    words = [(0, begins)] if plain and marks else []
    for mark, end in zip(marks, [*(following.start() for following in marks[1:]), None]):
        if mark[2] is None:
            time = _time(mark[1], where, "<{}>", "<mm:ss.xx> was wanted, like <01:23.45>")
        else:
            time = _time(mark[2], where, "[{}]", WANTED)
        if words and time < words[-1][1]:
            cure = "" if mark[2] is None else f"; if {mark[0]} is no time, write it in other brackets"
            raise LyricsError(
                f"{where}: a word is sung at {time:g} s, before the one before it, at {words[-1][1]:g} s{cure}."
            )
        word = text[mark.end() : end]
        if not plain or plain[-1].isspace():  # spaces on both sides of a time are one
            word = word.lstrip()
        if word.strip():
            words.append((len(plain) + len(word) - len(word.lstrip()), time))
        plain += word
    return plain.rstrip(), words


def _time(text: str, where: str, form: str, wanted: str) -> float:
    match = _IS_TIME.match(text)
    if not match or int(match[2]) >= 60:
        raise LyricsError(f"{where}: {form.format(text[:40])} is no time; {wanted}.")
    fraction = match[3] or "0"
    return int(match[1]) * 60 + int(match[2]) + int(fraction) / 10 ** len(fraction)


def _offset(text: str, where: str) -> float:
    try:
        milliseconds = int(text.strip())
    except ValueError:
        raise LyricsError(f"{where}: the offset {text.strip()[:40]!r} is no whole number of milliseconds.") from None
    if abs(milliseconds) > 3_600_000:
        raise LyricsError(f"{where}: the offset {milliseconds} is more than an hour.")
    return milliseconds / 1000
