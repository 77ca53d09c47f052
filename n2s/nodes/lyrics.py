"""Lyrics over a picture: line by line, and word by word, as an .lrc file has their times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, FilePath, Node, Resident, Seconds, setting
from n2s.graph.time import Clock, outside
from n2s.graph.wording import counted
from n2s.lettering import layout
from n2s.lettering.font import FontError
from n2s.lettering.lrc import LyricsError, LyricsLine, place_of, read_lyrics
from n2s.lettering.shaping import missing
from n2s.lettering.stamps import Stamp, Stamps
from n2s.nodes.lettering import MARKS, Lettered, LetterMatte, WithFont, marked

# Of a line: how opaque it is, how many of its words are sung, how many lines it stands below its place, and how much
# further, in lines, because it or its neighbour has several rows.
SHOWN, LIT, ROW, FURTHER = range(4)
WIDTH = 4 + MARKS
SLOTS = 3  # lines that can be seen at once
LIGHTING = 0.25  # s in which a word lights up
TIGHT = 0.85  # how far it is from row to row of one line, in those from line to line
LEAVES = 0.6  # lines that a line rises while it goes, where the next one follows it up
LAST = 1.5  # s that a line stays after its last word at least


class LyricsSettings(Node):
    """A file of lyrics and how it is shown; all are keyed by their cue."""

    path: FilePath = setting(keyed=False, help="the .lrc file, whose times count from the beginning of the film")
    next: bool = setting(False, keyed=False, help="show the line that follows too, below and dimmed")
    size: float = setting(0.052, ge=0.005, le=1, unit="heights", keyed=False, help="of the font")
    tracking: float = setting(0.02, ge=-0.2, le=3, unit="em", keyed=False, help="space between letters")
    leading: float = setting(1.5, ge=0.5, le=4, unit="em", keyed=False, help="from line to line")
    place: layout.Place = setting("bottom", keyed=False, help="where it stands")
    margin: float = setting(0.08, ge=0, le=0.45, keyed=False, help="share of each side that stays free at both ends")
    unsung: float = setting(0.45, ge=0, le=1, keyed=False, help="how much shows of words that are not yet sung")
    lead: Seconds = setting(
        0.5, ge=0, le=10, unit="s", keyed=False,
        help="how long before it is sung a line comes; but not before the one before it is sung",
    )  # fmt: skip
    fade: Seconds = setting(0.4, ge=0.01, le=10, unit="s", keyed=False, help="how long the change of lines takes")
    hold: Seconds = setting(
        6.0, ge=0.1, le=600, unit="s", keyed=False,
        help="how long a line stays at most; but where its words have times, at least 1.5 s after the last one",
    )  # fmt: skip


class LyricsText(LyricsSettings, WithFont):
    """Lyrics with their font."""

    weight: int = setting(
        600, ge=1, le=1000, keyed=False, help="how bold: of the shipped font 300 or 600, of a variable font any"
    )

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        try:
            lines = read_lyrics(resolve(self.path))
        except LyricsError as error:
            return [(("path",), str(error))]
        text = "\n".join(line.text for line in lines)
        found = self.check_font(resolve, text, "path")
        try:
            lacking = missing(self.open_font(resolve), text) if found else []
        except FontError:  # which is what was found
            lacking = []
        where = f"{place_of(resolve(self.path), lacking[0])}: " if lacking else ""
        return [(place, where + told) for place, told in found]

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        lines = read_lyrics(resolve(self.path))
        timed = [(line.text, come) for line, come in zip(lines, _comes(lines, clock.seconds(self.lead))) if line.text]
        texts = [text for words, come in timed if (text := outside(clock, f'"{words}"', come))]
        more = f", like {counted(len(texts) - 1, 'later line')}" if len(texts) > 1 else ""
        return [(("path",), f"{texts[0]}{more}")] if texts else []

    def line_mark(self, general: list[int], line: LyricsLine) -> list[int]:
        """Return numbers that name a line with all that decides how it looks: its text, and where its words begin."""
        return marked([general, line.text, [at for at, _ in line.words]])

    @property
    def above(self) -> float:
        """How many lines above its place the current one stands, so that it and the next lie within the margins."""
        return {"b": 1.0, "t": 0.0}.get(layout.up(self.place), 0.5) * self.next

    def general_mark(self, scene: Scene) -> list[int]:
        """Return numbers that name all but the lines: an edited line leaves the frames of others as they are."""
        return self.mark(scene, LyricsText, ("path", "lead", "fade", "hold"))


class LyricsCue(LyricsText, Resident):
    """Say which lines are shown, and how far they are sung."""

    outputs = SIGNAL_OUTPUT

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return SLOTS * WIDTH

    def compute(self, scene: Scene) -> np.ndarray:
        clock, general = scene.clock, self.general_mark(scene)
        times = clock.times(0, clock.frames)
        lead, fade, hold = map(clock.seconds, (self.lead, self.fade, self.hold))
        lines = read_lyrics(scene.path(self.path))
        cue = np.zeros((clock.frames, SLOTS, WIDTH))
        come = _comes(lines, lead)
        taller = [TIGHT * (len(layout.rows_of(line.text)) - 1) * self.next for line in lines]
        waits = [self.next and i > 0 and come[i] - come[i - 1] < hold for i in range(len(lines))]
        before = [come[i - waits[i]] for i in range(len(lines))]  # when each can first be seen
        for i, line in enumerate(lines):
            if not line.text:
                continue
            end = max(line.start + hold, line.words[-1][1] + LAST if line.words else 0.0)
            end = min(end, come[i + 1] if i + 1 < len(lines) else np.inf)
            # What leaves is gone in the first half of a change, and what comes appears in the second; it leaves faster
            # where lines come so fast that another one takes its slot.
            taken = before[i + SLOTS] if i + SLOTS < len(lines) else np.inf
            out = float(np.clip(2 * (taken - end), 1e-9, fade))
            frames = slice(*np.searchsorted(times, [before[i], end + out]))
            now = times[frames]
            gone = _smooth(2 * (now - end) / out)
            shown = _smooth(2 * (now - before[i]) / fade - 1) * (1 - gone)
            moved = _smooth((now - come[i]) / fade)
            low, leaves = waits[i] * (1 - moved), self.next * LEAVES * gone
            # The next line stands below all rows of the current one, which stands above all rows of the next one.
            former, later = (taller[k] if 0 <= k < len(lines) and lines[k].text else taller[i] for k in (i - 1, i + 1))
            further = low * (1 - self.above) * former - (1 - low) * self.above * later - leaves * taller[i]
            part = cue[frames, i % SLOTS]
            part[:, SHOWN], part[:, LIT], part[:, ROW], part[:, FURTHER] = (
                shown,
                _sung(line, now) if line.words else moved if self.next else 1,
                low - leaves,
                further,
            )
            part[:, FURTHER + 1 :] = self.line_mark(general, line)
            part *= (shown > 0)[:, None]
        return cue.reshape(clock.frames, SLOTS * WIDTH)


class LyricsMatte(LetterMatte, LyricsText):
    """The letters of lyrics as a matte."""

    def open(self, scene: Scene, grid: Any) -> _Sheet:
        return _Sheet(self, scene)


class Lyrics(Lettered, LyricsText):
    """Lay lyrics over a picture, line by line as they are sung.

    Times come from an .lrc file: ``[00:12.50]Over the hills``. Where its words have times of their own, ``<00:12.90>``
    or ``[00:12.90]``, they light up as they are sung, and the next line waits for the last one of them. A line goes as
    the next one comes; a time without words ends it just then. ``[offset:250]`` brings all 250 ms earlier.
    """

    example = {"path": "song.lrc"}

    def brings(self, name: str) -> dict[str, Node]:
        return self.brings_letters(name, LyricsCue, LyricsMatte)


class _Sheet:
    """The lines of a song, laid out for a run."""

    def __init__(self, node: LyricsMatte, scene: Scene):
        self.node, self.size, self.font = node, scene.size, node.open_font(scene.path)
        self.drawn = Stamps(self._edges, scene.size, node.blur * scene.size[1])
        general = node.general_mark(scene)
        self._lines = {tuple(node.line_mark(general, line)): line for line in read_lyrics(scene.path(node.path))}
        self._laid: dict[tuple[int, ...], tuple[layout.Block, list[tuple[int, int, int, int]]]] = {}

    def stamps(self, cue: np.ndarray) -> list[Stamp]:
        """Return the words that stand in a frame."""
        found, high = [], self.size[1]
        for slot in cue.reshape(SLOTS, WIDTH):
            if slot[SHOWN] <= 0:
                continue
            mark = tuple(int(number) for number in slot[FURTHER + 1 :])
            block, words = self._words(mark)
            step, full = self.node.leading * block.size, self.node.leading * self.node.size
            for number, (line, first, last, sung) in enumerate(words):
                lit = min(max(float(slot[LIT]) - sung, 0.0), 1.0)
                opacity = float(slot[SHOWN]) * (self.node.unsung + (1 - self.node.unsung) * lit)
                x = block.left(line, self.node.tracking)
                x += block.lines[line].start(first, self.node.tracking) * block.size
                y = block.baselines[line] + (float(slot[ROW]) - self.node.above) * step + float(slot[FURTHER]) * full
                found.append(Stamp((mark, number), x * high, y * high, opacity))
        return found

    def _words(self, mark: tuple[int, ...]) -> tuple[layout.Block, list[tuple[int, int, int, int]]]:
        """Return a line in its place, and its words: the row, the first letter, the one behind the last, the number."""
        if mark not in self._laid:
            node, line = self.node, self._lines[mark]
            block = layout.lay_out(
                self.font, line.text, self.size[0] / self.size[1], size=node.size, tracking=node.tracking,
                leading=node.leading * TIGHT, place=node.place, align=None, margin=node.margin,
                fit="shrink" if node.next else "wrap",
            )  # fmt: skip
            self._laid[mark] = block, list(_parted(line, block.lines))
        return self._laid[mark]

    def _edges(self, key: tuple[tuple[int, ...], int]) -> np.ndarray:
        mark, number = key
        block, words = self._words(mark)
        line, first, last, _ = words[number]
        return block.lines[line].edges(first, last, self.node.tracking, block.size * self.size[1])


def _parted(line: LyricsLine, rows: tuple[layout.Line, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the words of a line that was broken into rows: stretches of letters that light up together.

    Each is its row, its first letter, the one behind its last, and how many words are sung before it.
    """
    starts = sorted((at, sung) for sung, (at, _) in enumerate(line.words)) or [(0, 0)]
    places, order = [at for at, _ in starts], [sung for _, sung in starts]
    done = 0
    for number, row in enumerate(rows):
        begin = line.text.index(row.text.strip(), done) if row.text.strip() else done
        done = begin + len(row.text.strip())
        indent = len(row.text) - len(row.text.lstrip())
        ends = np.searchsorted(places, [begin - indent + letter.start for letter in row.letters], side="right")
        words = [order[max(end - 1, 0)] for end in ends]
        first = 0
        for i in range(1, len(words) + 1):
            if i == len(words) or words[i] != words[first]:
                yield number, first, i, words[first]
                first = i


def _comes(lines: list[LyricsLine], lead: float) -> list[float]:
    """Return when each line comes in place of the one before: ``lead`` early, but when that one has been sung.

    Sung is one without times of words as soon as it begins, and else as its last word has lit up. None comes later than
    it is sung itself: of lines that are sung at once, the later one shows. A time without words is no line that could
    come early; it ends the one before just there.
    """
    come = []
    for i, line in enumerate(lines):
        sung = max(_done(lines[i - 1]), line.start - lead) if i else line.start - lead
        come.append(min(sung, line.start) if line.text else line.start)
    return come


def _done(line: LyricsLine) -> float:
    """Return when a line is sung; without times of words nobody knows, and it is when it begins."""
    return line.words[-1][1] + LIGHTING if line.words else line.start


def _sung(line: LyricsLine, times: np.ndarray) -> np.ndarray:
    """Return how many words of a line are sung at some times, with the part of the last one that is lit."""
    return np.asarray(sum(np.clip((times - when) / LIGHTING, 0, 1) for _, when in line.words))


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
