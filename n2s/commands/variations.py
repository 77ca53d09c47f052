"""Variations: one moment of a film under several seeds or settings, on one sheet to choose from."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

from n2s.commands.common import Shape, load, parse_override
from n2s.graph.errors import ArgumentError

# Imported inside functions is what help and completion do not need, so that these start fast.

MOST_VARIATIONS = 64  # pictures on a sheet

# What decides where a value ends: brackets, commas, and whole texts in quotes; an apostrophe within a word is none.
_MARKS = re.compile(r"""(?<![^\s,:=(\[{])(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|[][(){},]""", re.DOTALL)


def seeds(graph: Any, count: int) -> list[tuple[str, list[str]]]:
    """Return the label and the overrides of each variation by another seed, the graph's own first."""
    first = graph.header.seed
    return [(f"seed {number}", [f"seed={number}"]) for number in range(first, first + count)]


def settings(varied: list[str]) -> list[tuple[str, list[str]]]:
    """Return the label and the overrides of each variation of ``node.setting=a,b,c``; of several, of each with each.

    ``1..4`` stands for 1,2,3,4. Commas within brackets or quotes are part of a value: [1,0,0], = max(pulse, 0.2).

    Raises
    ------
    ArgumentError
        When one has no values, or there are too many together.
    """
    axes = []
    for text in varied:
        target, equals, values = text.partition("=")
        chosen = [each for value in split_values(values) for each in spread(value) if each]
        if not equals or not target.strip() or not chosen:
            raise ArgumentError(f'--vary takes node.setting=value,value,…, not "{text}".')
        for value in chosen:
            parse_override(f"{target}={value}", "--vary")
        if twice := next((value for value in chosen if chosen.count(value) > 1), ""):
            raise ArgumentError(f"--vary {target.strip()}: {twice} is given twice; each value is one picture.")
        axes.append([(target.strip(), value) for value in chosen])
    made = [
        (", ".join(f"{target.rpartition('.')[2]} {value}" for target, value in chosen),
         [f"{target}={value}" for target, value in chosen])
        for chosen in product(*axes)
    ]  # fmt: skip
    if len(made) > MOST_VARIATIONS:
        raise ArgumentError(f"--vary would give {len(made)} pictures; at most {MOST_VARIATIONS} are drawn.")
    return made


def split_values(text: str) -> list[str]:
    """Return the values of "a,b,c", split at its commas outside of brackets and quotes."""
    values, begin, depth = [], 0, 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[({":
            depth += 1
        elif mark[0] in "])}":
            depth = max(depth - 1, 0)
        elif mark[0] == "," and not depth:
            values.append(text[begin : mark.start()].strip())
            begin = mark.end()
    return [*values, text[begin:].strip()]


def spread(text: str) -> list[str]:
    """Return the whole numbers of a range, "0..8"; any other value as it is."""
    if text.startswith(("=", '"', "'", "[", "{")):
        return [text]
    ends = re.fullmatch(r"(-?\d{1,9})\s*\.\.\s*(-?\d{1,9})", text)
    if ends is None:
        if dashed := re.fullmatch(r"(\d{1,9})\s*[-–]\s*(\d{1,9})", text):
            raise ArgumentError(
                f"--vary: {text} is no number; for all from {dashed[1]} on write {dashed[1]}..{dashed[2]}."
            )
        if re.search(r"\d\s*(\.\.|to\b)|\.\.\s*\d", text):
            raise ArgumentError(f"--vary: {text} is no range; it has two whole numbers, like 0..8.")
        return [text]
    first, last = int(ends[1]), int(ends[2])
    if abs(last - first) >= MOST_VARIATIONS:
        raise ArgumentError(
            f"--vary {text} would give {abs(last - first) + 1} pictures; at most {MOST_VARIATIONS} are drawn."
        )
    step = 1 if first <= last else -1
    return [str(number) for number in range(first, last + step, step)]


def draw_variations(
    path: Path,
    variations: list[tuple[str, list[str]]],
    overrides: list[str],
    shape: Shape,
    session: Any,
    node: str | None,
    time: Any,
) -> tuple[Any, float]:
    """Return a sheet of all variations at one time, and that time in seconds; it is a good one where none was given."""
    from n2s.graph.excerpts import choose_excerpt
    from n2s.graph.expressions import Number
    from n2s.runtime.seeing.contact import pictures_of, sheet
    from n2s.runtime.seeing.views import View

    varied = {text.partition("=")[0] for _, more in variations for text in more}
    graphs = [load(path, [*overrides, *more], shape, varied) for _, more in variations]  # all, before any work
    if time is None:
        start, stop = choose_excerpt(session.clock, 2.0, 8.0)
        time = Number(float((start + stop) // 2 / session.clock.fps))
    pictures, seconds = [], 0.0
    for graph in graphs:
        view = View(session.of(graph), node)
        if view.kind == "signal":
            raise ArgumentError(f'"{view.name}" is a signal; variations show frames, mattes or latents.')
        frame = view.frame_at(time, "--at")
        seconds = float(frame / view.clock.fps)
        pictures += pictures_of(view, [frame])
    return sheet(pictures, [label for label, _ in variations]), seconds
