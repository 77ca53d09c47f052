"""Which frames of a film a measure looks at."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from n2s.graph.declare import Measure
from n2s.graph.time import Clock

DIGITS = 20  # in base 3: of more stretches than a track has frames


def is_awaited(node: Any) -> bool:
    """Say whether a node is a measure that a film waits for: it looks at frames before there is a film."""
    return node.kind == "measure" and type(node).unmeasured is None


def measured_frames(node: Measure, clock: Clock, start: int, stop: int) -> list[int]:
    """Return the frames within start..stop that a measure looks at.

    The track is cut, from frame 0 on, into stretches of ``every``, of at least one frame. In stretch k of n frames it
    is frame floor(n * r), r being k with its digits in base 3 reversed behind the point (van der Corput's sequence,
    which fills 0..1 evenly: 0, 1/3, 2/3, 1/9, 4/9, …). So what repeats with the beat is met at all of its phases, where
    every n-th frame might show the same one for ever. The track's last frame is looked at too.
    """
    length = stretch_of(node, clock)
    stop = min(stop, clock.frames)
    found = [k * length + length * _reversed(k) // 3**DIGITS for k in range(start // length, -(-stop // length))]
    found = [frame for frame in found if start <= frame < stop]
    last = clock.frames - 1
    return [*found, last] if start <= last < stop and last not in found else found


def stretch_of(node: Measure, clock: Clock) -> int:
    """Return how many frames a stretch has of which a measure looks at one."""
    return max(1, round(Fraction(clock.seconds(node.every)) * clock.fps))


def _reversed(number: int) -> int:
    """Return a number with its digits in base 3 in reverse order, of `DIGITS` digits."""
    made = 0
    for _ in range(DIGITS):
        number, digit = divmod(number, 3)
        made = 3 * made + digit
    return made
