"""Credits over a picture: who did what, as a roll or as cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Node, Resident, When, setting
from n2s.graph.time import Clock, cut_off
from n2s.lettering.layout import Line
from n2s.lettering.stamps import Stamp, Stamps
from n2s.nodes.lettering import MARKS, Lettered, LetterMatte, WithFont, faded, outside_span, span_of

SHOWN, PLACE = range(2)  # of a cue, before the marks: how opaque, and how far a roll has come, or which card it is
GAP = 0.9  # em between a role and its name
ROLE = 0.7  # the size of a role above its name, beside the name's
DIM = 0.72  # how much of a role shows
MOST_ENTRIES, MOST_TEXT = 500, 200


class CreditsSettings(Node):
    """Who did what, and how it is shown; all are keyed by their cue."""

    credits: list[list[str]] = setting(
        min_length=1, keyed=False, help="[[Music, Ada Byron], [Voices, Ben Ito, Cleo Marsh], [Thank you]]: role, names"
    )
    style: Literal["roll", "cards"] = setting("roll", keyed=False, help="they roll up, or come one after the other")
    at: When = setting(
        None,
        ge=0,
        le=1e6,
        unit="s",
        keyed=False,
        help="when they begin; where left out, so that they end with the film",
    )
    length: MusicalTime = setting(20.0, ge=0.1, le=1e6, unit="s", keyed=False, help="how long they take")
    size: float = setting(0.045, ge=0.005, le=1, unit="heights", keyed=False, help="of the font")
    tracking: float = setting(0.06, ge=-0.2, le=3, unit="em", keyed=False, help="space between letters")
    leading: float = setting(1.5, ge=0.5, le=4, unit="em", keyed=False, help="from line to line")
    apart: float = setting(0.9, ge=0, le=10, unit="em", keyed=False, help="space between entries of a roll")
    margin: float = setting(0.08, ge=0, le=0.45, keyed=False, help="share of the width that stays free at both ends")
    fade: MusicalTime = setting(0.6, ge=0, le=600, unit="s", keyed=False, help="how long a card comes and goes")

    @field_validator("credits")
    @classmethod
    def _are_credits(cls, entries: list[list[str]]) -> list[list[str]]:
        for i, entry in enumerate(entries, 1):
            if not entry or not all(text.strip() and "\n" not in text and len(text) <= MOST_TEXT for text in entry):
                shown = str(entry) if len(str(entry)) <= 80 else f"{str(entry)[:77]}…"
                raise ValueError(
                    f"entry {i} is {shown}; a role and names were wanted, each a line of 1 to {MOST_TEXT} characters: "
                    "[Music, Ada]"
                )
        if len(entries) > MOST_ENTRIES:
            raise ValueError(f"{len(entries)} entries; there may be {MOST_ENTRIES}")
        return entries


class CreditsText(CreditsSettings, WithFont):
    """Credits with their font."""

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return self.check_font(resolve, "\n".join(text for entry in self.credits for text in entry), "credits")

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        if self.at is None:
            return []
        if never := outside_span(clock, self.at, self.length):
            return never
        _, end = span_of(clock, self.at, self.length)
        return [(("length",), text)] if (text := cut_off(clock, "it", end, "its last part never shows")) else []


class CreditsCue(CreditsText, Resident):
    """Say how far a roll has come, or which card is shown."""

    outputs = SIGNAL_OUTPUT

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 2 + MARKS

    def compute(self, scene: Scene) -> np.ndarray:
        clock = scene.clock
        times = clock.times(0, clock.frames)
        begin, end = self._span(clock)
        there = (times >= begin) & (times < end)
        cue = np.zeros((clock.frames, 2 + MARKS))
        if self.style == "roll":
            cue[:, SHOWN], cue[:, PLACE] = 1, np.clip((times - begin) / (end - begin), 0, 1)
        else:
            count, fade = len(self.credits), clock.seconds(self.fade)
            begins = clock.on_frames(begin + (end - begin) / count * np.arange(count + 1))
            card = np.clip(np.searchsorted(begins, times, side="right") - 1, 0, count - 1)
            gone, each = times - begins[card], begins[card + 1] - begins[card]
            cue[:, SHOWN] = faded(gone, 0.0, each, fade, fade)
            cue[:, PLACE] = card
        cue[:, 2:] = self.mark(scene, CreditsText, ("at", "length", "fade"))
        return cue * (there & (cue[:, SHOWN] > 0))[:, None]

    def _span(self, clock: Clock) -> tuple[float, float]:
        """Return when they begin and end, in seconds: where nothing else is said, with the film, and within it."""
        if self.at is not None:
            return span_of(clock, self.at, self.length)
        begin = clock.after(clock.duration, self.length, -1)
        return max(begin, 0.0), clock.duration


class CreditsMatte(LetterMatte, CreditsText):
    """The letters of credits as a matte."""

    def open(self, scene: Scene, grid: Any) -> _Sheet:
        return _Sheet(self, scene)


class Credits(Lettered, CreditsText):
    """Lay credits over a picture: they roll up from below, or come as cards, one after the other.

    Each entry is a role and one name or several, or a single text. In a roll roles stand left of the names where both
    fit between the margins, and above them where they do not. Without `at` they end with the film, and take all of one
    that is shorter than their `length`.
    """

    example = {"credits": [["Music", "Ada Byron"], ["Thank you"]], "length": 2.0, "size": 0.2}

    def brings(self, name: str) -> dict[str, Node]:
        return self.brings_letters(name, CreditsCue, CreditsMatte)


class _Sheet:
    """All lines of the credits, in em: where each stands, how large it is, and how it is aligned."""

    def __init__(self, node: CreditsMatte, scene: Scene):
        self.node, self.frame, font = node, scene.size, node.open_font(scene.path)
        self.drawn = Stamps(self._edges, scene.size, node.blur * scene.size[1], coarse=True)
        self.aspect, spaced = scene.size[0] / scene.size[1], node.tracking != 0
        entries = [[Line(font, text.strip(), spaced) for text in entry] for entry in node.credits]
        wide = self.aspect * (1 - 2 * node.margin)
        halves = [self._width(line) for entry in entries if len(entry) > 1 for line in entry]
        beside = node.style == "roll" and max(halves, default=0) + GAP / 2 <= wide / 2 / node.size
        self.cards: list[list[tuple[Line, float, float, float, float]]] = []  # line, size, x, baseline, opacity
        bottom = 0.0
        for entry in entries:
            if node.style == "cards" or not self.cards:
                self.cards.append([])
                bottom = 0.0
            bottom = self._lay(entry, beside, bottom) + (node.apart if node.style == "roll" else 0)
        self.tall = bottom
        largest = max(self._width(line) * size for card in self.cards for line, size, *_ in card)
        self.em = min(node.size, wide / max(largest, 1e-9)) if not beside else node.size
        if node.style == "cards":
            most = max(card[-1][3] for card in self.cards)
            self.em = min(self.em, (1 - 2 * node.margin) / most)

    def stamps(self, cue: np.ndarray) -> list[Stamp]:
        """Return the lines that stand in a frame."""
        if cue[SHOWN] <= 0:
            return []
        high, em, roll = self.frame[1], self.em, self.node.style == "roll"
        number = 0 if roll else int(cue[PLACE])
        card = self.cards[number]
        if roll:
            top = 1 - float(cue[PLACE]) * (1 + self.tall * em)
        else:
            top = 0.5 - (card[-1][3] + card[0][3] - card[0][0].font.cap * card[0][1]) / 2 * em
        found = []
        for i, (line, size, x, y, opacity) in enumerate(card):
            down = top + y * em
            if -2 * em < down < 1 + 2 * em:
                across = self.aspect / 2 + x * em
                found.append(Stamp((number, i), across * high, down * high, opacity * float(cue[SHOWN])))
        return found

    def _lay(self, entry: list[Line], beside: bool, top: float) -> float:
        """Put an entry below ``top``, and return where the next one begins; x counts from the centre."""
        card, leading = self.cards[-1], self.node.leading
        role, names = (entry[0], entry[1:]) if len(entry) > 1 else (None, entry)
        if role and beside:
            card.append((role, 1.0, -GAP / 2 - self._width(role), top + leading, DIM))
        elif role:
            top += leading * ROLE
            card.append((role, ROLE, -self._width(role) * ROLE / 2, top, DIM))
        for name in names:
            top += leading
            card.append((name, 1.0, GAP / 2 if role and beside else -self._width(name) / 2, top, 1.0))
        return top

    def _width(self, line: Line) -> float:
        return line.width(self.node.tracking)

    def _edges(self, key: tuple[int, int]) -> np.ndarray:
        line, size, *_ = self.cards[key[0]][key[1]]
        return line.edges(0, len(line.letters), self.node.tracking, size * self.em * self.frame[1])
