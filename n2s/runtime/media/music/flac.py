"""FLAC: counting its frames, because a pipe leaves no count in the header, and mending what is damaged with silence.

A frame begins with 14 set bits and states its own number, under a checksum; so frames are found without decoding them.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

from n2s.runtime.media.music.layouts import USUAL, layout_of_mask
from n2s.runtime.media.music.reading import Bytes, Part, Reading, damage_error, tag_length, truncation_error

MARK = re.compile(rb"\xff[\xf8\xf9]|fLaC[\x00\x80]\x00\x00\x22", re.DOTALL)
STREAMINFO_AT = 8  # after the magic and the header of the first block
LAST_BLOCK = 0x80
VORBIS_COMMENT = 4
FAR = 1 << 20  # bytes behind which the next frame begins at the latest: 65535 samples, but of few channels or bits
NEAR_END = 1 << 16  # bytes in which the last frame begins, of usual sizes
BLOCK_SIZES = {1: 192, **{2 + i: 576 << i for i in range(4)}, **{8 + i: 256 << i for i in range(8)}}


@dataclass(frozen=True)
class Frame:
    """A frame: its place, its first sample in the stream, and how many it has."""

    at: int
    first: int
    count: int


@dataclass
class Stream:
    """One FLAC stream in a file: where it begins and ends, where its frames begin, its STREAMINFO, its frames."""

    start: int
    sound: int
    info: bytes
    mask: int
    stop: int = 0
    frames: list[Frame] | None = None

    @property
    def block_size(self) -> int:
        return int.from_bytes(self.info[2:4], "big")

    @property
    def rate(self) -> int:
        return int.from_bytes(self.info[10:13], "big") >> 4

    @property
    def channels(self) -> int:
        return (self.info[12] >> 1 & 7) + 1

    @property
    def bits(self) -> int:
        return ((self.info[12] & 1) << 4 | self.info[13] >> 4) + 1

    @property
    def total(self) -> int:
        """Samples in each channel as the header has them; 0 means unknown."""
        return int.from_bytes(self.info[13:18], "big") & 0xFFFFFFFFF

    @property
    def counted(self) -> int:
        return self.frames[-1].first + self.frames[-1].count if self.frames else 0


def read_flac(path: str, start: int, keep: bool) -> Reading:
    """Say how a flac file is to be read: each stream in it by itself, its frames counted.

    Raises
    ------
    MediaError
        When it ends within its header, or within the last frame of a stream without a count, unless ``keep``.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        streams = list(_streams(data, start))
        if not streams:
            raise truncation_error(path, "part of its header")
        channels = streams[0].channels
        layout = layout_of_mask(streams[0].mask, channels) if streams[0].mask else USUAL[channels]  # as FLAC defines it
        if keep:
            return _mend(data, streams, layout)
        for stream in streams:
            if not stream.total or stream is not streams[-1]:
                _check_end(path, data, stream)
        if len(streams) == 1 and streams[0].total >= streams[0].counted:
            return Reading((Part("flac"),), layout=layout)
        totals = [max(stream.total, stream.counted) for stream in streams]
        parts = [Part("flac", _with_total(data, stream, total)) for stream, total in zip(streams, totals)]
        return Reading(tuple(parts), layout=layout)


def is_sound_at_both_ends(data: mmap.mmap, start: int) -> bool:
    """Say whether a stream begins at a place, with a whole header and a whole first frame, and the file ends with the
    last of as many samples as the header has.

    Frames between them are not looked at.
    """
    stream = _header(data, start)
    if stream is None or not MARK.match(data, stream.sound) or not (frame := _frame_at(data, stream.sound, stream)):
        return False
    if 0 < stream.total <= frame.count:  # it is the only one
        return len(data) > frame.at + len(stream.info)
    near = (_frame_at(data, mark.start(), stream) for mark in MARK.finditer(data, frame.at + 2, frame.at + FAR))
    if not any(following is not None and following.first == frame.count for following in near):
        return False
    marks = MARK.finditer(data, max(stream.sound, len(data) - NEAR_END))
    last = [frame for mark in marks if (frame := _frame_at(data, mark.start(), stream))]
    return any(frame.first + frame.count == stream.total for frame in last)


def length(data: mmap.mmap, start: int) -> float | None:
    """Return how long a file of one stream is by its header, in seconds; None where it does not say."""
    stream = _header(data, start)
    if stream is None or not stream.total or not stream.rate or data.find(data[start : start + 8], stream.sound) >= 0:
        return None
    return stream.total / stream.rate


def check_count(path: str, start: int) -> None:
    """Refuse a file whose last stream has fewer frames than its header promises, by their numbers.

    Raises
    ------
    MediaError
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        *_, stream = _streams(data, start)
        if stream.counted < stream.total:
            there = f"{stream.counted / stream.rate:.2f} s of {stream.total / stream.rate:.2f} s"
            raise truncation_error(path, there)


def _streams(data: mmap.mmap, start: int) -> Iterator[Stream]:
    """Yield the streams of a file, with every frame that follows the one before it."""
    stream = _header(data, start)
    while stream:
        stream.frames, following = [], None
        for found in MARK.finditer(data, stream.sound):
            if found.group().startswith(b"fLaC"):
                if following := _header(data, found.start()):
                    break
                continue
            frame = _frame_at(data, found.start(), stream)
            if frame and frame.first == stream.counted:
                stream.frames.append(frame)
        stream.stop = following.start if following else len(data)
        yield stream
        stream = following


def _header(data: mmap.mmap, start: int) -> Stream | None:
    """Return the stream whose header is at a place; None where it is cut."""
    info = data[start + STREAMINFO_AT : start + STREAMINFO_AT + 34]
    at, mask, is_last = start + 4, 0, False
    while not is_last:
        block = data[at : at + 4]
        if len(block) < 4:
            return None
        is_last, length = bool(block[0] & LAST_BLOCK), int.from_bytes(block[1:], "big")
        if block[0] & 0x7F == VORBIS_COMMENT:
            named = re.search(
                rb"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0[xX]([0-9a-fA-F]{1,8})", data[at + 4 : at + 4 + length]
            )
            mask = int(named.group(1), 16) if named else 0
        at += 4 + length
    return Stream(start, at, info, mask) if len(info) == 34 else None


def _frame_at(data: mmap.mmap, at: int, stream: Stream) -> Frame | None:
    """Return the frame that begins at a place, if its header is sound and fits the stream."""
    head = data[at : at + 16]
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] & 1:
        return None
    if (head[3] >> 4) + 1 != stream.channels and not (stream.channels == 2 and 8 <= head[3] >> 4 <= 10):
        return None
    number, length = _coded_number(head[4:11])
    if not length:
        return None
    end, code = 4 + length, head[2] >> 4
    if code in (6, 7):
        count = int.from_bytes(head[end : end + code - 5], "big") + 1
        end += code - 5
    else:
        count = BLOCK_SIZES[code]
    end += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if end >= len(head) or crc8(head[:end]) != head[end]:
        return None
    return Frame(at, number if head[1] & 1 else number * stream.block_size, count)


def _coded_number(data: bytes) -> tuple[int, int]:
    """Return a number of up to 36 bits, coded like a character of UTF-8, and its length in bytes, or 0, 0."""
    if data[0] < 0x80:
        return data[0], 1
    length = 8 - (data[0] ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or len(data) < length or any(byte >> 6 != 2 for byte in data[1:length]):
        return 0, 0
    number = data[0] & (1 << max(7 - length, 0)) - 1
    for byte in data[1:length]:
        number = number << 6 | byte & 0x3F
    return number, length


def _check_end(path: str, data: mmap.mmap, stream: Stream) -> None:
    """Refuse a stream whose length nothing states when its last frame is not whole."""
    seconds = stream.frames[-1].first / stream.rate if stream.frames and stream.rate else 0.0
    if stream.total and stream.counted < stream.total:
        raise damage_error(path, seconds, f"{stream.counted} of {stream.total} samples before the next stream")
    if not stream.total and (
        not stream.frames or not _is_whole(data, stream.frames[-1].at, _without_tags(data, stream.sound, stream.stop))
    ):
        raise truncation_error(path, f"no whole frame after {seconds:.2f} s")


def _without_tags(data: mmap.mmap, start: int, stop: int) -> int:
    """Return where a stream ends: before tags of other formats behind it, or before those of the next stream."""
    tag = data.rfind(b"ID3", start, stop)
    if tag >= 0 and tag + tag_length(data[tag : tag + 10]) == stop:
        stop = tag
    if data[stop - 128 : stop - 125] == b"TAG":
        stop -= 128
    if data[stop - 32 : stop - 24] == b"APETAGEX":
        size, flags = (
            int.from_bytes(data[stop - 20 : stop - 16], "little"),
            int.from_bytes(data[stop - 12 : stop - 8], "little"),
        )
        stop -= size + (32 if flags >> 31 else 0)
    return stop


def _is_whole(data: mmap.mmap, start: int, stop: int) -> bool:
    return stop - start > 2 and crc16(data[start : stop - 2]) == int.from_bytes(data[stop - 2 : stop], "big")


# Other headers, other frames


def _with_total(data: mmap.mmap, stream: Stream, total: int, pieces: tuple[Bytes, ...] = ()) -> tuple[Bytes, ...]:
    """Return the pieces of a stream whose header states so many samples."""
    info = (
        stream.info[:13]
        + (stream.info[13] & 0xF0 | total >> 32).to_bytes(1, "big")
        + (total & 0xFFFFFFFF).to_bytes(4, "big")
    )
    header = data[stream.start : stream.start + STREAMINFO_AT] + info + stream.info[18:]
    rest = stream.start + STREAMINFO_AT + 34
    return (header, (rest, stream.sound), *(pieces or ((stream.sound, stream.stop),)))


def _mend(data: mmap.mmap, streams: list[Stream], layout: str) -> Reading:
    parts, missing = [], []
    for stream in streams:
        pieces, total, lost = _with_silence(data, stream)
        if pieces:
            parts.append(Part("flac", _with_total(data, stream, total, tuple(pieces))))
        missing += lost
    return Reading(tuple(parts), "; ".join(missing), layout)


def _with_silence(data: mmap.mmap, stream: Stream) -> tuple[list[Bytes], int, list[str]]:
    """Return a stream's whole frames, with silent ones where some are damaged; the samples; what is missing."""
    pieces: list[Bytes] = []
    missing = []
    at, end = 0, stream.sound
    for frame, stop in _whole_frames(data, stream):
        if frame.first < at:
            continue
        if frame.first > at:
            missing.append(f"{at / stream.rate:.2f} to {frame.first / stream.rate:.2f} s are damaged, and silent")
            pieces.append(silence(stream, at, frame.first))
        if pieces and isinstance(pieces[-1], tuple) and pieces[-1][1] == frame.at:
            pieces[-1] = (pieces[-1][0], stop)
        else:
            pieces.append((frame.at, stop))
        at, end = frame.first + frame.count, stop
    if at < stream.total:
        missing.append(f"it ends after {at / stream.rate:.2f} s of {stream.total / stream.rate:.2f} s")
    elif not stream.total and end < _without_tags(data, stream.sound, stream.stop):
        missing.append(f"it ends after {at / stream.rate:.2f} s")
    return pieces, at, missing


def _whole_frames(data: mmap.mmap, stream: Stream) -> Iterator[tuple[Frame, int]]:
    """Yield the frames whose checksums hold, and where each ends."""
    marks = (found.start() for found in MARK.finditer(data, stream.sound, stream.stop))
    frames = [frame for at in marks if (frame := _frame_at(data, at, stream))]
    ends = [frame.at for frame in frames[1:]] + [_without_tags(data, stream.sound, stream.stop)]
    i = 0
    while i < len(frames):
        # What looks like the next frame may be chance: a frame may end at a later one.
        end = next((j for j in range(i, min(i + 4, len(frames))) if _is_whole(data, frames[i].at, ends[j])), None)
        if end is not None:
            yield frames[i], ends[end]
        i = i + 1 if end is None else end + 1


def silence(stream: Stream, first: int, stop: int) -> bytes:
    """Return frames of silence, samples first..stop of a stream: constant 0 in every channel."""
    made = b""
    fixed = int.from_bytes(stream.info[:2], "big") == stream.block_size
    while first < stop:
        count = min(stop - first, stream.block_size)
        number = _encode_number(first // stream.block_size if fixed else first)
        head = (
            bytes([0xFF, 0xF8 if fixed else 0xF9, 0x70, stream.channels - 1 << 4])
            + number
            + (count - 1).to_bytes(2, "big")
        )
        head += bytes([crc8(head)])
        frame = head + bytes(-(-stream.channels * (8 + stream.bits) // 8))
        made += frame + crc16(frame).to_bytes(2, "big")
        first += count
    return made


def _encode_number(number: int) -> bytes:
    """Return a number coded like a character of UTF-8, of up to 36 bits."""
    if number < 0x80:
        return bytes([number])
    length = next(length for length in range(2, 8) if number < 1 << (5 * length + 1))
    tail = [0x80 | number >> 6 * i & 0x3F for i in reversed(range(length - 1))]
    return bytes([(0xFF << 8 - length) & 0xFF | number >> 6 * (length - 1), *tail])


def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for value in range(256):
        value <<= bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)
            value &= (1 << bits) - 1
        table.append(value)
    return table


CRC8, CRC16 = _table(0x07, 8), _table(0x8005, 16)


def crc8(data: bytes) -> int:
    """Return the checksum of a frame's header: CRC-8, polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc = CRC8[crc ^ byte]
    return crc


def crc16(data: bytes) -> int:
    """Return the checksum of a frame: CRC-16, polynomial x^16 + x^15 + x^2 + 1."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ CRC16[crc >> 8 ^ byte]
    return crc
