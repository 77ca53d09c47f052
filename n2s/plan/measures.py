"""Which frames of a film a measure looks at."""

from __future__ import annotations

from fractions import Fraction

from n2s.graph.declare import Measure
from n2s.graph.time import Clock

# The golden ratio's fraction in 32 bits: its multiples fill the range 0..1 evenly, however many there are.
GOLDEN = 0x9E3779B1


def measured_frames(node: Measure, clock: Clock, start: int, stop: int) -> list[int]:
    """Return the frames within start..stop that a measure looks at.

    The track is cut, from frame 0 on, into stretches of ``every``, of at least one frame. In stretch k of n frames it
    is frame floor(n * fract(k * 0.618…)), the first in the first stretch; so what repeats with the beat is met at all
    of its phases, where every n-th frame might show the same one for ever. The track's last frame is looked at too.
    """
    length = max(1, round(Fraction(node.every.resolve(clock.tempo)) * clock.fps))
    stop = min(stop, clock.frames)
    found = [k * length + ((k * GOLDEN % 2**32) * length >> 32) for k in range(start // length, -(-stop // length))]
    found = [frame for frame in found if start <= frame < stop]
    last = clock.frames - 1
    return [*found, last] if start <= last < stop and last not in found else found
