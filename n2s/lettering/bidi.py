"""Writing from right to left: which way each character of a paragraph runs, and in which order runs stand in a line.

The Unicode Bidirectional Algorithm (UAX #9, version 15) without its explicit marks and without brackets that belong
together: rules P2, P3, W1 to W7, N1, N2, I1, I2, L1 and L2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

MARKS = frozenset("LRE RLE LRO RLO PDF LRI RLI FSI PDI BN".split())  # of explicit runs, which are not read
NEUTRAL = frozenset("B S WS ON".split())


class Embedding(NamedTuple):
    """How deep the characters of a paragraph are embedded before it is broken into lines; at odd depths, to the left.

    ``base`` is the depth of the paragraph itself.
    """

    base: int
    levels: tuple[int, ...]

    def part(self, start: int, stop: int) -> Embedding:
        """Return the embedding of a part of the paragraph."""
        return Embedding(self.base, self.levels[start:stop])


def runs(text: str, embedding: Embedding | None = None) -> list[tuple[int, int, bool]]:
    """Return the runs of a line in the order in which they are seen, left to right: (start, stop, right to left).

    ``embedding`` is that of the line within its paragraph; left out: the line is a paragraph of its own.
    """
    level = _ended(text, embedding or embed(text))
    parts: list[tuple[int, int, int]] = []
    for i, of in enumerate(level):
        if parts and parts[-1][2] == of:
            parts[-1] = parts[-1][0], i + 1, of
        else:
            parts.append((i, i + 1, of))
    for depth in range(max(level, default=0), 0, -1):  # L2
        start = 0
        while start < len(parts):
            stop = start
            while stop < len(parts) and parts[stop][2] >= depth:
                stop += 1
            parts[start:stop] = parts[start:stop][::-1]
            start = stop + 1
    return [(start, stop, bool(of % 2)) for start, stop, of in parts]


def embed(text: str) -> Embedding:
    """Return how deep each character of a paragraph is embedded.

    It is found before lines are broken: what stands in the lines before decides on a line, too.
    """
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    kinds = ["ON" if kind in MARKS else kind for kind in kinds]
    first = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
    base = 0 if first == "L" else 1
    side = "LR"[base]
    kinds = _strong(_weak(kinds, side), side)
    found = [base + (kind == "R" if base == 0 else kind != "R") for kind in kinds]
    return Embedding(base, tuple(2 if base == 0 and kind in ("EN", "AN") else at for kind, at in zip(kinds, found)))


def _ended(line: str, embedding: Embedding) -> list[int]:
    """Return the depths in a line, of which the spaces at its end run as the paragraph does, L1."""
    end = len(line)
    while end and unicodedata.bidirectional(line[end - 1]) in ("WS", "S", "B"):
        end -= 1
    return [*embedding.levels[:end], *[embedding.base] * (len(line) - end)]


def _weak(kinds: Sequence[str], side: str) -> list[str]:
    """Return the kinds of characters after the rules for marks, digits and what joins digits, W1 to W7."""
    found = list(kinds)
    for i, kind in enumerate(found):
        if kind == "NSM":
            found[i] = found[i - 1] if i else side
    strong = side
    for i, kind in enumerate(found):
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            found[i] = "AN"
    found = ["R" if kind == "AL" else kind for kind in found]
    for i in range(1, len(found) - 1):
        before, kind, after = found[i - 1 : i + 2]
        if before == after and (kind == "CS" and before in ("EN", "AN") or kind == "ES" and before == "EN"):
            found[i] = before
    for way in (range(len(found)), range(len(found) - 1, -1, -1)):
        beside = ""
        for i in way:
            if found[i] == "ET" and beside == "EN":
                found[i] = "EN"
            beside = found[i]
    found = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in found]
    strong = side
    for i, kind in enumerate(found):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            found[i] = "L"
    return found


def _strong(kinds: Sequence[str], side: str) -> list[str]:
    """Return the kinds with neutral characters taking the direction of what stands around, N1 and N2."""
    found, i = list(kinds), 0
    while i < len(found):
        if found[i] not in NEUTRAL:
            i += 1
            continue
        stop = i
        while stop < len(found) and found[stop] in NEUTRAL:
            stop += 1
        around = [_direction(found[i - 1]) if i else side, _direction(found[stop]) if stop < len(found) else side]
        found[i:stop] = [around[0] if around[0] == around[1] else side] * (stop - i)
        i = stop
    return found


def _direction(kind: str) -> str:
    return "R" if kind in ("R", "EN", "AN") else "L"
