"""What lies in a file of any kind, packet by packet, as FFmpeg reads it: how many there are, and until when."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from n2s.formats.mp4 import Mp4Track
from n2s.graph.errors import RenderError
from n2s.runtime.ffmpeg import run_ffmpeg

HANDLERS = {"video": "vide", "audio": "soun"}


@dataclass
class _Listed:
    """The packets of a stream that were read so far; ``is_told``: the one that ends last tells its length."""

    kind: str
    count: int = 0
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)
    is_told: bool = True

    def add(self, start: Fraction, length: Fraction) -> None:
        self.start = min(self.start, start) if self.count else start
        if start + length >= self.end:
            self.end, self.is_told = start + length, length > 0
        self.count += 1


def read_packets(path: Path) -> list[Mp4Track]:
    """Return the tracks of a film: how many packets each has, when its first begins and its last ends.

    Raises
    ------
    ValueError
        When FFmpeg cannot read it to its end.
    """
    found = _listed(path, ["-map", "0:V", "-map", "0:a?", "-c", "copy"])
    sounds = [stream for stream in found if stream.kind == "audio"]
    if not all(stream.is_told for stream in sounds):
        # Matroska keeps no lengths, and of ALAC only its decoder knows them.
        for stream, decoded in zip(sounds, _listed(path, ["-map", "0:a"])):
            stream.end = decoded.end
    return [
        Mp4Track(HANDLERS[stream.kind], stream.count, stream.end, max(stream.start, Fraction(0)))
        for stream in found
        if stream.kind in HANDLERS and stream.count
    ]


def _listed(path: Path, streams: list[str]) -> list[_Listed]:
    """Return the streams of a file that FFmpeg's arguments choose, in their order: copied, or decoded."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "packets"
        try:
            run_ffmpeg(["-i", f"file:{path}", *streams, "-f", "framehash"], listing)
        except RenderError as error:
            raise ValueError(str(error)) from None
        found: dict[str, _Listed] = {}
        ticks: dict[str, Fraction] = {}
        with open(listing, encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("#"):
                    name, _, value = line[1:].strip().partition(": ")
                    word, _, number = name.partition(" ")
                    if word == "tb":
                        ticks[number] = Fraction(value)
                    elif word == "media_type":
                        found[number] = _Listed(value)
                    continue
                number, _, shown, length, *_ = (part.strip() for part in line.split(","))
                found[number].add(int(shown) * ticks[number], int(length) * ticks[number])
        return list(found.values())
