"""Which seconds of a track stand for it: whole bars from a drop on, or from where a section begins."""

from __future__ import annotations

from math import ceil
from typing import cast

from n2s.graph.expressions import Number
from n2s.graph.landmarks import Landmarks
from n2s.graph.time import Clock, frame_begun

MIDDLE = 0.4  # of a track, by which its best part is sought where nothing drops
USUAL = (8, 4, 2, 1)  # bars that sound whole, the best first
MOST_BARS = 64
SHORT = 0.05  # s, by which the last bar may end after the film


def choose_excerpt(clock: Clock, least: float, most: float, lead: float = 0.0, after: float = 0.0) -> tuple[int, int]:
    """Return the frames start..stop that stand for a track.

    They begin at the first drop; without one, where the section begins that is nearest to the middle of the track.
    They last 8, 4, 2 or 1 bars, or as many whole bars as there is room for, or else ``most`` seconds.

    Parameters
    ----------
    clock : Clock
    least, most : float
        How long they may last, in seconds.
    lead : float
        Seconds of the track that lie before them, where it is long enough, and in which no section begins.
    after : float
        Beats by which they begin and end later: where bars begin, films are often cut.
    """
    start, stop = _whole_bars(clock, least, most, lead, after) or (_best_start(clock, least, lead), None)
    begin = frame_begun(start, clock.fps)  # the first frame of the bar, not the last one before it
    length = round((most if stop is None else stop - start) * clock.fps)  # wherever the bars lie between frames
    return begin, min(begin + max(1, length), clock.frames)


def _whole_bars(clock: Clock, least: float, most: float, lead: float, after: float) -> tuple[float, float] | None:
    """Return when the best whole bars begin and end, in seconds; None where there are none that fit."""
    marks, beat = clock.landmarks, 60 / clock.tempo
    if not marks:
        return None
    for bars in dict.fromkeys([*USUAL, *range(MOST_BARS, 0, -1)]):
        about = bars * clock.bar * beat
        if not least / 2 <= about <= 2 * most:  # tempo and beats of a piece may differ
            continue
        best = _best_start(clock, about + after * beat - SHORT, lead)
        start = _clear_of_cuts(clock, marks.after(best, Number(after, "beats")), lead)
        stop = marks.after(start, Number(float(bars), "bars"))
        if least <= stop - start <= most and stop <= clock.duration + SHORT:
            return start, stop
    return None


def _clear_of_cuts(clock: Clock, start: float, lead: float) -> float:
    """Return a time, whole bars later if need be, before which no section begins for ``lead`` seconds.

    Films are cut where sections begin, and what is shown of the time before should be one picture with what follows.
    """
    marks = cast(Landmarks, clock.landmarks)
    begins = [begin for begin, _ in marks.sections if begin > 0]
    bars = range(1 + ceil(lead / (clock.bar * 60 / clock.tempo))) if lead else range(1)
    later = (marks.after(start, Number(float(bar), "bars")) for bar in bars)
    return next((time for time in later if not any(time - lead < begin <= time for begin in begins)), start)


def _best_start(clock: Clock, least: float, lead: float) -> float:
    """Return when the best part of a track begins, in seconds."""
    last = max(0.0, clock.duration - least)  # the latest that leaves enough
    lead = min(lead, last)
    marks = clock.landmarks
    if marks is None:
        return min(max(MIDDLE * clock.duration, lead), last)
    drops = [drop for drop in marks.drops if lead <= drop <= last]
    if drops:
        return drops[0]
    bars = (marks.place(Number(float(count), "bars")) for count in range(4))
    begins = [start for start, _ in marks.sections if lead <= start <= last] or [
        bar for bar in bars if lead <= bar <= last
    ]
    return min(begins, key=lambda start: abs(start - MIDDLE * clock.duration), default=lead)
