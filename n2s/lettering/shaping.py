"""Shaping: which glyphs a line of text is made of and where each stands, by HarfBuzz."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from n2s.lettering.bidi import Embedding, runs
from n2s.lettering.font import Font, harfbuzz

SHARED = ("Zyyy", "Zinh", "Zzzz", None)  # scripts of what belongs to all: spaces, digits, marks
JOINED = frozenset("Arab Syrc Nkoo Mong Mand Adlm Rohg Phag Deva Beng Guru".split())  # letter spacing would tear them


@dataclass(frozen=True)
class Letter:
    """What cannot be taken apart: a letter with its marks, a ligature.

    Attributes
    ----------
    start : int
        Where it begins in its line.
    glyphs : tuple of (int, float, float)
        Each glyph with its place right of the letter's own and above the baseline, in em.
    advance : float
        How far it is to the next letter, without letter spacing.
    spaced : bool
        Whether letter spacing may follow it.
    """

    start: int
    glyphs: tuple[tuple[int, float, float], ...]
    advance: float
    spaced: bool


@lru_cache(maxsize=1024)
def shape(font: Font, text: str, tracked: bool, embedding: Embedding | None = None) -> tuple[Letter, ...]:
    """Return the letters of a line in the order in which they stand, left to right.

    With letter spacing (``tracked``) nothing is joined that is joined for its looks alone. ``embedding`` is that of a
    line that was broken off a paragraph. A tab is a space: fonts have no glyph for it.
    """
    text = text.replace("\t", " ")
    found: list[Letter] = []
    for start, stop, leftwards in runs(text, embedding):
        parts = list(_scripts(text, start, stop))
        for first, last, script in reversed(parts) if leftwards else parts:
            found += _shape_run(font, text, (first, last), script, leftwards, tracked)
    return tuple(found)


def missing(font: Font, text: str) -> list[str]:
    """Return the characters of a text that a font has no glyph for, each once, in their order."""
    lacking: dict[str, None] = {}
    for line in text.splitlines():
        for letter in shape(font, line, False):
            if any(glyph == 0 for glyph, _, _ in letter.glyphs) and letter.start < len(line):
                lacking[line[letter.start]] = None
    return list(lacking)


def lack_of(font: Font, text: str) -> str:
    """Say which characters a font lacks for a text, and the way out; "" where it has all."""
    lacking = missing(font, text)
    if not lacking:
        return ""
    first = lacking[0]
    more = f", {len(lacking) - 1} more" if len(lacking) > 1 else ""
    return (
        f"the font {font.name} has no glyph for '{first}' (U+{ord(first):04X}){more}; "
        "name a font file that has it with font:"
    )


def _scripts(text: str, start: int, stop: int) -> Iterator[tuple[int, int, str | None]]:
    """Yield the stretches of one script; what belongs to all goes with what stands before it, or else after it."""
    found = [_script(text[i]) for i in range(start, stop)]
    last = next((script for script in found if script), None)
    for i, script in enumerate(found):
        found[i] = last = script or last
    at = start
    for script, group in groupby(found):
        count = len(list(group))
        yield at, at + count, script
        at += count


@lru_cache(maxsize=4096)
def _script(character: str) -> str | None:
    """Return the script of a character, "Latn"; None of what belongs to all."""
    buffer = harfbuzz().Buffer()
    buffer.add_str(character)
    buffer.guess_segment_properties()
    return None if buffer.script in SHARED else buffer.script


def _shape_run(
    font: Font, text: str, span: tuple[int, int], script: str | None, leftwards: bool, tracked: bool
) -> Iterator[Letter]:
    hb = harfbuzz()
    buffer = hb.Buffer()
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_GRAPHEMES
    buffer.add_codepoints([ord(character) for character in text], span[0], span[1] - span[0])
    buffer.direction = "rtl" if leftwards else "ltr"
    if script:
        buffer.script = script
    buffer.language = "und"
    spaced = script not in JOINED
    apart = tracked and spaced
    hb.shape(font.face, buffer, {"liga": not apart, "clig": not apart, "calt": not apart})
    glyphs = zip(buffer.glyph_infos, buffer.glyph_positions)
    for cluster, group in groupby(glyphs, key=lambda pair: pair[0].cluster):
        place, drawn = 0.0, []
        for info, position in group:
            drawn.append((info.codepoint, (place + position.x_offset) / font.units, position.y_offset / font.units))
            place += position.x_advance
        yield Letter(cluster, tuple(drawn), place / font.units, spaced)


def breaks(text: str) -> list[int]:
    """Return where a line may be broken: behind spaces and hyphens, between wide characters (Chinese, Japanese)."""
    found = []
    for i in range(1, len(text)):
        before, after = text[i - 1], text[i]
        wide = all(unicodedata.east_asian_width(character) in "WF" for character in (before, after))
        closing = unicodedata.category(after) in ("Pe", "Pf", "Po") or unicodedata.category(before) in ("Ps", "Pi")
        if (before in " \t-\u2010\u2013\u2014" and after not in " \t") or (wide and not closing):
            found.append(i)
    return found
