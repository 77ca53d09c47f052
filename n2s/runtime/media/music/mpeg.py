"""mp3: frames, the tags between them, and where files that were joined end to end begin.

The first frame of a file may be no music but a header (Xing, Info, VBRI) that counts the frames of this file alone.
Where another such header follows, or more frames than were counted, another piece begins.
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass, field
from typing import Any, cast

from n2s.runtime.media.music.reading import Bytes, Part, Reading, damage_error, tag_length, truncation_error

BITRATES = {  # kbit/s by the header's index, for MPEG 1 and for MPEG 2 and 2.5, by layer
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by the version's code


@dataclass(frozen=True)
class Frame:
    """A frame's header: bytes, layer, rate, channels, samples, and the four bytes themselves."""

    size: int
    layer: int
    rate: int
    channels: int
    samples: int
    head: bytes

    @property
    def form(self) -> tuple[int, int, int]:
        return self.layer, self.rate, self.channels


@dataclass
class Piece:
    """Frames that belong together: their header frame's place, or None, what it counts, and the spans they fill."""

    form: tuple[int, int, int]
    header: int | None = None
    counted: int | None = None
    bytes: int | None = None
    count_at: int = 0
    trimmed: bool = False
    frames: int = 0
    start: int = 0
    stop: int = 0
    spans: list[Bytes] = field(default_factory=list)

    def add(self, start: int, stop: int) -> None:
        if self.spans and isinstance(self.spans[-1], tuple) and self.spans[-1][1] == start:
            self.spans[-1] = (self.spans[-1][0], stop)
        else:
            self.spans.append((start, stop))
        self.stop = stop


def frame_at(data: bytes | mmap.mmap, at: int) -> Frame | None:
    """Return the frame whose header is at a place; None where there is none, or one that does not state its bitrate."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, index, rate = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return None
    rate = RATES[version][rate]
    bitrate = 1000 * BITRATES[1 if version == 3 else 2, layer][index - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        size, samples = (12 * bitrate // rate + padding) * 4, 384
    else:
        samples = 576 if layer == 3 and version != 3 else 1152
        size = samples // 8 * bitrate // rate + padding
    return Frame(size, layer, rate, 1 if head[3] >> 6 == 3 else 2, samples, head)


def xing(path: str, start: int) -> tuple[int, int | None] | None:
    """Return the counts of frames and bytes that a Xing or Info header near ``start`` has; None without a header.

    The header: a mark, 32 flags, then, as far as flagged, the counts of frames (1) and bytes (2), big-endian.
    """
    with open(path, "rb") as file:
        file.seek(start)
        head = file.read(256)
    found = re.search(b"Xing|Info", head)
    if not found or len(head) < found.end() + 12:
        return None
    flags, frames, count = struct.unpack(">3I", head[found.end() : found.end() + 12])
    if not flags & 1:
        return None
    return frames, count if flags & 2 else None


def read_mp3(path: str, start: int, keep: bool) -> Reading:
    """Say how an mp3 file is to be read: each of the files it was joined from by itself.

    One with a header that counts its frames is libsndfile's; without one libsndfile guesses the length and may stop
    long before the end, so FFmpeg reads it.

    Raises
    ------
    MediaError
        When it is shorter than its header promises, or something between its frames is neither a frame nor a tag,
        unless ``keep``.
    """
    counted = xing(path, start)
    plain = Reading((Part("mp3" if counted else "mpeg"),))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if frame_at(data, start) is None:
            return plain  # a free bitrate: nothing says how long its frames are
        missing: list[str] = []
        pieces = _pieces(path, data, start, keep, missing)
        for piece in pieces:
            _check_length(path, data, piece, pieces, keep, missing)
        if len(pieces) == 1 and not missing and _is_plain(pieces[0]):
            return plain
        parts = [Part("mp3" if piece.counted else "mpeg", _view(data, piece)) for piece in pieces if piece.frames]
    if len(parts) == 1 and not any(isinstance(span, bytes) for span in pieces[0].spans) and _is_plain(pieces[0]):
        return Reading(plain.parts, "; ".join(missing))
    return Reading(tuple(parts), "; ".join(missing))


def _is_plain(piece: Piece) -> bool:
    return len(piece.spans) == 1 and not _is_short_count(piece)


def _is_short_count(piece: Piece) -> bool:
    return bool(piece.counted) and piece.frames > piece.counted


def _pieces(path: str, data: mmap.mmap, at: int, keep: bool, missing: list[str]) -> list[Piece]:
    """Walk over the frames of a file and cut it where another piece begins."""
    pieces: list[Piece] = []
    size, seconds, tagged = len(data), 0.0, False
    while at < size:
        frame = frame_at(data, at)
        if frame is not None and at + frame.size > size:  # whether a cut last frame matters is for the header to say
            if pieces and _is_finished(pieces[-1], tagged, data, at, frame):
                held = f"{size - at} bytes of its last frame"
                if not keep:
                    raise truncation_error(path, held)
                missing.append(f"it ends too early, with {held}")
            break
        if frame is None and (skipped := _after_tag(data, at)):
            at, tagged = skipped, True
            continue
        if frame is None:
            following = _next_frames(data, at, pieces[-1].form if pieces else None)
            if following is None:
                break  # whatever lies behind the music
            complete = bool(pieces and pieces[-1].counted) and pieces[-1].frames >= cast(int, pieces[-1].counted)
            if any(data[at:following]) and not complete and not _is_body_of_tag(data, at, following):
                what = f"no frame from byte {at} to {following}"
                if not keep:
                    raise damage_error(path, seconds, what)
                missing.append(f"{what}, {seconds:.2f} s in; it is silent there")
                seconds += _fill(data, pieces, following - at)
            at, tagged = following, tagged or complete
            continue
        header = _header(data, at, frame)
        last = pieces[-1] if pieces else None
        if header or last is None or last.form != frame.form or _is_finished(last, tagged, data, at, frame):
            pieces.append(header or Piece(frame.form))
            pieces[-1].start = at
        pieces[-1].frames += header is None
        pieces[-1].add(at, at + frame.size)
        seconds += 0 if header else frame.samples / frame.rate
        at, tagged = at + frame.size, False
    return pieces


def _is_finished(piece: Piece, tagged: bool, data: mmap.mmap, at: int, frame: Frame) -> bool:
    """Say whether a piece has all the frames it counts, and a frame is the first of another.

    A header may count wrongly: then more bytes are promised, or the frame needs bits of the frames before it.
    """
    if not piece.counted or piece.frames < piece.counted:
        return False
    if tagged:
        return True
    promised = not piece.bytes or at - piece.start >= 0.99 * piece.bytes
    return piece.trimmed and promised and not _looks_back(data, at, frame)


def _looks_back(data: mmap.mmap, at: int, frame: Frame) -> bool:
    """Say whether a frame of layer 3 begins with bits that are kept in the frames before it (main_data_begin)."""
    at += 4 if frame.head[1] & 1 else 6
    side = data[at : at + 2]
    bits = 9 if frame.samples == 1152 else 8
    return len(side) == 2 and int.from_bytes(side, "big") >> 16 - bits != 0


def _header(data: mmap.mmap, at: int, frame: Frame) -> Piece | None:
    """Return the piece that a header frame begins; None where the frame is music."""
    if frame.layer != 3:
        return None
    body = data[at : at + frame.size]
    beside = {(1152, 2): 32, (1152, 1): 17, (576, 2): 17, (576, 1): 9}[frame.samples, frame.channels]
    mark = 4 + beside
    if body[mark : mark + 4] in (b"Xing", b"Info") and len(body) >= mark + 8:
        flags = int.from_bytes(body[mark + 4 : mark + 8], "big")
        place, counts = mark + 8, {}
        for flag, length in ((1, 4), (2, 4), (4, 100), (8, 4)):
            if flags & flag:
                counts[flag] = int.from_bytes(body[place : place + 4], "big")
                place += length
        trim = body[place + 21 : place + 24]  # encoder's name (9), …, delay and padding, 12 bits each
        trimmed = len(trim) == 3 and any(trim) and body[place : place + 1].isalpha()
        return Piece(frame.form, at, counts.get(1), counts.get(2), at + mark + 8, trimmed)
    if body[36:40] == b"VBRI":
        return Piece(frame.form, at)
    return None


def _after_tag(data: mmap.mmap, at: int) -> int | None:
    """Return the place behind a tag that begins at a place; None where there is none."""
    head = data[at : at + 32]
    if length := tag_length(head[:10]):
        return at + length
    if head[:3] == b"TAG":
        return at + 128
    if head[:8] == b"APETAGEX":
        size, flags = struct.unpack("<I4xI", head[12:24])
        return at + (32 + size if flags >> 29 & 1 else 32)
    if head[:11] == b"LYRICSBEGIN":
        end = max(data.find(b"LYRICS200", at), data.find(b"LYRICSEND", at))
        return end + 9 if end > 0 else None
    return None


def _is_body_of_tag(data: mmap.mmap, at: int, stop: int) -> bool:
    """Say whether the bytes before a place are those of a tag that has no head, only a foot there."""
    foot = data[stop : stop + 32]
    return foot[:8] == b"APETAGEX" and int.from_bytes(foot[12:16], "little") - 32 == stop - at


def _next_frames(data: mmap.mmap, at: int, form: tuple[int, int, int] | None) -> int | None:
    """Return where the next two frames in a row begin, or a tag, after bytes that are neither; None where nowhere."""
    for found in re.compile(rb"\xff[\xe0-\xff]|ID3[\x02-\x04]\x00|TAG|APETAGEX", re.DOTALL).finditer(data, at + 1):
        place = found.start()
        if found.group()[0] != 0xFF:
            after = _after_tag(data, place)
            if after is not None and (after == len(data) or frame_at(data, after) or _after_tag(data, after)):
                return place
            continue
        frame = frame_at(data, place)
        if frame and (form is None or frame.form[:2] == form[:2]):
            following = frame_at(data, place + frame.size)
            if (following and following.form[:2] == frame.form[:2]) or place + frame.size == len(data):
                return place
    return None


def _fill(data: mmap.mmap, pieces: list[Piece], lost: int) -> float:
    """Put silent frames where frames are lost, as many as would have filled the bytes; return the seconds they last."""
    piece = pieces[-1]
    music = sum(stop - start for start, stop in (span for span in piece.spans if isinstance(span, tuple)))
    mean = music / max(1, piece.frames + (piece.header is not None))
    count = max(1, round(lost / mean))
    frame: Any = frame_at(data, piece.spans[0][0])
    head = bytes([frame.head[0], frame.head[1] | 1, *frame.head[2:]])  # without a checksum
    piece.spans.append((head + bytes(frame.size - 4)) * count)
    piece.frames += count
    return count * frame.samples / frame.rate


def _check_length(
    path: str, data: mmap.mmap, piece: Piece, pieces: list[Piece], keep: bool, missing: list[str]
) -> None:
    """Refuse a piece that is shorter than its header promises, by bytes."""
    if not piece.bytes:
        return
    stop = next((other.start for other in pieces if other.header is not None and other.start > piece.start), len(data))
    there = stop - piece.start
    if there < 0.99 * piece.bytes - 4096:  # tags at the end are counted by some and removed by others
        held = f"{there} of the {piece.bytes} bytes its header promises"
        if not keep:
            raise truncation_error(path, held)
        missing.append(f"it ends too early, with {held}")


def _view(data: mmap.mmap, piece: Piece) -> tuple[Bytes, ...]:
    """Return a piece's frames, without the tags between them, under a header that counts them all."""
    spans: list[Bytes] = list(piece.spans)
    if not _is_short_count(piece):
        return tuple(spans)
    start, stop = spans[0]
    counted = [(start, piece.count_at), piece.frames.to_bytes(4, "big"), (piece.count_at + 4, stop)]
    return (*counted, *spans[1:])
