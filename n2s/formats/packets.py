"""What lies in a file of any kind, packet by packet, as FFmpeg reads it: how many there are, and until when."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

from n2s.formats.mp4 import Mp4Track
from n2s.graph.errors import RenderError
from n2s.runtime.ffmpeg import run_ffmpeg

HANDLERS = {"video": "vide", "audio": "soun"}


def read_packets(path: Path) -> list[Mp4Track]:
    """Return the tracks of a film: how many packets each has, when its first begins and its last ends.

    Raises
    ------
    ValueError
        When FFmpeg cannot read it to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "packets"
        try:
            run_ffmpeg(["-i", f"file:{path}", "-map", "0:V", "-map", "0:a?", "-c", "copy", "-f", "framehash"], listing)
        except RenderError as error:
            raise ValueError(str(error)) from None
        kinds: dict[str, str] = {}
        ticks: dict[str, Fraction] = {}
        counts: dict[str, int] = {}
        starts: dict[str, Fraction] = {}
        ends: dict[str, Fraction] = {}
        with open(listing, encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("#"):
                    name, _, value = line[1:].strip().partition(": ")
                    word, _, number = name.partition(" ")
                    if word == "tb":
                        ticks[number] = Fraction(value)
                    elif word == "media_type":
                        kinds[number] = HANDLERS.get(value, "")
                    continue
                number, _, shown, length, *_ = (part.strip() for part in line.split(","))
                counts[number] = counts.get(number, 0) + 1
                start = int(shown) * ticks[number]
                starts[number] = min(starts.get(number, start), start)
                ends[number] = max(ends.get(number, Fraction(0)), (int(shown) + int(length)) * ticks[number])
        return [
            Mp4Track(kinds[number], count, ends[number], max(starts[number], Fraction(0)))
            for number, count in counts.items()
            if kinds.get(number)
        ]
