"""Times as they are shown: in messages, on axes, in names of files."""

from __future__ import annotations

from fractions import Fraction


def timecode(frame: int, fps: Fraction) -> str:
    """Return a frame's time as mm:ss.hh, for messages."""
    hundredths = int(frame * 100 / fps)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def minutes(seconds: float, decimals: int = 1) -> str:
    """Return a time as m:ss, or m:ss.t with decimals, for messages and axes."""
    whole, rest = divmod(round(seconds, decimals), 60)
    return f"{int(whole)}:{rest:0{3 + decimals if decimals else 2}.{decimals}f}"


def time_in_name(seconds: Fraction) -> str:
    """Return a time as it stands in the name of a file: 0m05s, 1m02.5s; rounded to milliseconds."""
    whole, rest = divmod(round(seconds * 1000), 60_000)
    whole_seconds, thousandths = divmod(rest, 1000)
    return f"{whole}m{whole_seconds:02d}{f'.{thousandths:03d}'.rstrip('0') if thousandths else ''}s"
