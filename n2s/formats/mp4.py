"""A reader of MP4's index: how many frames and how long each track really is, and its chapters, without decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"}


@dataclass(frozen=True)
class Mp4Track:
    """One track: its handler ("vide", "soun", "text"), samples (frames or packets), presented length and start in s.

    ``starts`` says when each sample of a track of text begins, in s: these are the chapters that players list.
    """

    handler: str
    samples: int
    duration: Fraction
    start: Fraction = Fraction(0)
    starts: tuple[Fraction, ...] = ()


def read_mp4(path: Path) -> list[Mp4Track]:
    """Return the tracks of a finished MP4 file.

    Raises
    ------
    ValueError
        When the file has no readable index: it was cut off or is no MP4.
    """
    data = _read_index(path)
    tracks = []
    movie_scale = 0
    for name, body in _boxes(data):
        if name == b"mvhd":
            movie_scale = struct.unpack_from(">I", body, 20 if body[0] else 12)[0]
        elif name == b"trak":
            tracks.append(_track(body, movie_scale))
    if not tracks:
        raise ValueError(f"{path.name} has no tracks")
    return tracks


def _track(trak: bytes, movie_scale: int) -> Mp4Track:
    handler, samples, duration = "", 0, Fraction(0)
    edited: Fraction | None = None
    scale, cut, empty, offset = 1, 0, Fraction(0), 0
    lasting: list[int] = []  # how long each sample lasts
    for name, body in _walk(trak):
        if name == b"hdlr" and not handler:
            handler = body[8:12].decode("latin-1")
        elif name == b"mdhd":
            scale, length = struct.unpack_from(">IQ" if body[0] else ">II", body, 20 if body[0] else 12)
            duration = Fraction(length, scale)
        elif name == b"stsz":
            samples = struct.unpack_from(">I", body, 8)[0]
        elif name == b"stts" and handler == "text":
            counted = [struct.unpack_from(">II", body, 8 + 8 * i) for i in range(struct.unpack_from(">I", body, 4)[0])]
            lasting = [length for count, length in counted for _ in range(count)]
        elif name == b"elst" and movie_scale:
            count = struct.unpack_from(">I", body, 4)[0]
            form, step = (">Qq", 20) if body[0] else (">Ii", 12)
            entries = [struct.unpack_from(form, body, 8 + step * i) for i in range(count)]
            edited = Fraction(sum(length for length, _ in entries), movie_scale)
            empty = Fraction(sum(length for length, media in entries if media < 0), movie_scale)
            cut = next((media for _, media in entries if media >= 0), 0)
        elif name == b"ctts" and struct.unpack_from(">I", body, 4)[0]:
            offset = struct.unpack_from(">i", body, 12)[0]  # of the first sample
    start = empty + max(Fraction(offset - cut, scale), Fraction(0))
    starts = tuple(start + Fraction(before, scale) for before in list(accumulate(lasting, initial=0))[:-1])
    return Mp4Track(handler, samples, duration if edited is None else edited, start, starts)


def _read_index(path: Path) -> bytes:
    """Return the body of the moov box, skipping the media."""
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        position = 0
        while position + 8 <= end:
            file.seek(position)
            size, name = struct.unpack(">I4s", file.read(8))
            header = 8
            if size == 1:
                size, header = struct.unpack(">Q", file.read(8))[0], 16
            size = size or end - position
            if size < header or position + size > end:
                break
            if name == b"moov":
                return file.read(size - header)
            position += size
    raise ValueError(f"{path.name} is not a finished MP4 file")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > len(data):
            raise ValueError("the index is damaged")
        yield name, data[position + 8 : position + size]
        position += size


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for name, body in _boxes(data):
        if name in _CONTAINERS:
            yield from _walk(body)
        else:
            yield name, body
