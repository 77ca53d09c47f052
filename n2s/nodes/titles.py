"""Titles: a text over a picture that fades in, or comes in letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from pydantic import field_validator, model_validator

from n2s.graph.context import Block, Scene
from n2s.graph.declare import SIGNAL_OUTPUT, MusicalTime, Node, Param, Resident, When, param, port, setting
from n2s.graph.time import Clock
from n2s.graph.types import Signal
from n2s.lettering import layout
from n2s.lettering.stamps import Stamp, Stamps
from n2s.nodes.lettering import (
    MARKS,
    Lettered,
    LetterMatte,
    WithFont,
    faded,
    is_after,
    outside_span,
    settings_of,
    span_of,
)
from n2s.nodes.stretches import turns

LIFT = 0.18  # em that a letter rises while it comes in
SHOWN, CAME, RISE, WIDEST = range(4)  # the columns of a cue, before the marks
TIMES = ("at", "length", "until", "fade_in", "fade_out", "step", "rise")  # settings that these columns show
MOST_TEXT = 2000


class TitleSettings(Node):
    """The text of a title, its place and its times; all are keyed by its cue."""

    text: str = setting(keyed=False, help="what it says; lines are broken where its text is")
    at: When = setting(0.0, ge=0, le=1e6, unit="s", keyed=False, help="when it comes: 4, 1:20, at drop, 8 bars")
    length: MusicalTime = setting(
        5.0, ge=0.01, le=1e6, unit="s", keyed=False, help="how long it is there, fades included"
    )
    until: When = setting(None, ge=0, le=1e6, unit="s", keyed=False, help="when it is gone, in place of its length")
    size: float = setting(0.1, ge=0.005, le=1, unit="heights", keyed=False, help="of the font; capitals have 0.72")
    tracking: Param = param(0.14, ge=-0.2, le=3, unit="em", help="space between letters; = 0.1 + 0.02 * time widens it")
    leading: float = setting(1.3, ge=0.5, le=4, unit="em", keyed=False, help="from line to line")
    place: layout.Place = setting("centre", keyed=False, help="where it stands")
    align: Literal["left", "centre", "right", None] = setting(
        None, keyed=False, help="how lines stand under each other; as the place says where left out"
    )
    margin: float = setting(0.08, ge=0, le=0.45, keyed=False, help="share of each side that stays free at both ends")
    x: float = setting(0.0, ge=-2, le=2, unit="heights", keyed=False, help="moved to the right, within the margins")
    y: float = setting(0.0, ge=-2, le=2, unit="heights", keyed=False, help="moved down, within the margins")
    fit: layout.Fit = setting(
        "wrap", keyed=False, help="text too wide for the margins is broken into lines, or made smaller"
    )
    fade_in: MusicalTime = setting(0.8, ge=0, le=600, unit="s", keyed=False, help="how long it comes")
    fade_out: MusicalTime = setting(0.8, ge=0, le=600, unit="s", keyed=False, help="how long it goes")
    reveal: Literal["letters", "words", "lines", None] = setting(
        None, keyed=False, help="what comes in one after the other; all at once without it"
    )
    step: MusicalTime = setting(
        "0.25 beats", ge=0.001, le=60, unit="s", keyed=False, help="from one letter, word or line to the next"
    )
    rise: MusicalTime = setting(0.5, ge=0.01, le=60, unit="s", keyed=False, help="how long each of them comes in")

    @field_validator("text")
    @classmethod
    def _is_text(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("it says nothing; a text was wanted")
        if len(text) > MOST_TEXT:
            raise ValueError(f"it has {len(text)} characters; a title has at most {MOST_TEXT}")
        return text

    @model_validator(mode="after")
    def _has_one_end(self) -> TitleSettings:
        if self.until is not None and "length" in self.model_fields_set:
            raise ValueError("length and until both say when it ends; leave one out")
        if self.until is not None and is_after(self.at, self.until):
            raise ValueError(f"until, {self.until}, must be after at, {self.at}")
        return self


class TitleText(WithFont, TitleSettings):
    """A title with its font."""

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return self.check_font(resolve, self.text, "text")

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return outside_span(clock, self.at, self.length, self.until)


class TitleCue(TitleText, Resident):
    """Say when a title shows, how much of it has come in, and which one it is."""

    outputs = SIGNAL_OUTPUT
    example = {"text": "First Light"}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return WIDEST + 1 + MARKS

    def compute(self, scene: Scene, tracking: np.ndarray) -> np.ndarray:
        clock, seconds = scene.clock, scene.clock.seconds
        times = clock.times(0, clock.frames)
        begin, end = span_of(clock, self.at, self.length, self.until)
        fade_in = 0.0 if self.reveal else seconds(self.fade_in)
        shown = faded(times, begin, end, fade_in, seconds(self.fade_out))
        cue = np.zeros((clock.frames, WIDEST + 1 + MARKS))
        cue[:, SHOWN] = shown
        if self.reveal:
            # Each letter comes on a step of the grid that the music has, the first at the next one.
            gone = turns(clock, self.step, np.append(times, begin))
            cue[:, CAME] = np.clip(gone[:-1] - np.ceil(gone[-1] - 1e-3), 0, MOST_TEXT)
            cue[:, RISE] = max(seconds(self.rise) / seconds(self.step), 1e-3)
        there = shown > 0
        cue[:, WIDEST] = tracking[there].max() if there.any() else 0
        cue[:, WIDEST + 1 :] = self.mark(scene, TitleText, TIMES)
        return cue * there[:, None]


class TitleMatte(LetterMatte, TitleText):
    """A matte that shows where the letters of a title are, to fill them with another picture.

    Settings are those of `Title`. A pixel has the exact area of it that lies inside the letters.
    """

    cue: Signal = port("when it shows; made by the node", optional=True)

    example = {"text": "First\nLight", "size": 0.4, "length": 1.6, "at": 0.1}

    def brings(self, name: str) -> dict[str, Node]:
        return {} if self.cue is not None else {f"{name}:cue": TitleCue(**settings_of(self, TitleCue))}

    def open(self, scene: Scene, grid: Any) -> _Sheet:
        return _Sheet(self, scene)

    def compute(  # pyright: ignore[reportIncompatibleMethodOverride] what comes in is named
        self, block: Block, tracking: np.ndarray, cue: np.ndarray | None = None
    ) -> np.ndarray:
        sheet, cue = block.resources, cast(np.ndarray, cue)  # `brings` gives one
        frames = [sheet.stamps(row, float(space)) for row, space in zip(cue.astype(np.float64), tracking)]
        return sheet.drawn.frames(frames)


class Title(Lettered, TitleText):
    """Lay a title over a picture.

    It fades in and out, and may come in letter by letter, word by word or line by line in step with the music
    (`reveal`). It is as large as `size` says where it fits between the margins; otherwise it is broken into lines, or
    made smaller. Pixels have the exact area that letters cover, so that 4K shows the same title sharper. It is laid on
    in light, over a soft shadow that keeps it readable before bright pictures.
    """

    example = {"text": "First\nLight", "size": 0.4, "length": 1.6, "at": 0.1}

    def brings(self, name: str) -> dict[str, Node]:
        return self.brings_letters(name, TitleCue, TitleMatte)


class _Sheet:
    """The letters of a title, laid out for a run."""

    def __init__(self, node: TitleMatte, scene: Scene):
        self.node, self.size = node, scene.size
        self.font = node.open_font(scene.path)
        self.drawn = Stamps(self._edges, scene.size, node.blur * scene.size[1])
        self._blocks: dict[float, tuple[layout.Block, list[list[int]]]] = {}

    def stamps(self, cue: np.ndarray, tracking: float) -> list[Stamp]:
        """Return what stands in a frame."""
        if cue[SHOWN] <= 0:
            return []
        widest, high = float(cue[WIDEST]), self.size[1]
        block, numbers = self._block(widest)
        found = []
        for i, line in enumerate(block.lines):
            left = block.left(i, tracking)
            for j in range(len(line.letters)):
                x, y, opacity = left + line.start(j, tracking) * block.size, block.baselines[i], float(cue[SHOWN])
                if self.node.reveal:
                    come = min(max((float(cue[CAME]) - numbers[i][j]) / float(cue[RISE]), 0.0), 1.0)
                    y += (1 - come) ** 3 * LIFT * block.size
                    opacity *= come * come * (3 - 2 * come)
                found.append(Stamp((widest, i, j), x * high, y * high, opacity))
        return found

    def _block(self, widest: float) -> tuple[layout.Block, list[list[int]]]:
        """Return the lines for the widest letter spacing, and for each letter which comes in how many steps later."""
        if widest not in self._blocks:
            node = self.node
            block = layout.lay_out(
                self.font, node.text, self.size[0] / self.size[1], size=node.size, tracking=widest,
                leading=node.leading, place=node.place, align=node.align, margin=node.margin, fit=node.fit,
                x=node.x, y=node.y,
            )  # fmt: skip
            self._blocks[widest] = block, _numbered(block.lines, node.reveal)
        return self._blocks[widest]

    def _edges(self, key: tuple[float, int, int]) -> np.ndarray:
        widest, line, letter = key
        block, _ = self._block(widest)
        return block.lines[line].edges(letter, letter + 1, 0.0, block.size * self.size[1])


def _numbered(lines: tuple[layout.Line, ...], reveal: str | None) -> list[list[int]]:
    """Return the number of the step in which each letter of each line comes in, in the order in which one reads."""
    found, number = [], 0
    for line in lines:
        text, steps = line.text, {}
        for letter in sorted(letter.start for letter in line.letters):
            blank = text[letter : letter + 1].isspace()
            steps[letter] = number
            if reveal == "letters" and not blank or reveal == "words" and blank:
                number += 1
        number += reveal in ("words", "lines")
        found.append([steps[letter.start] for letter in line.letters])
    return found
