"""Files of music before they are decoded: what a file is, and whether it is whole.

libsndfile plays a cut wav or ogg to its end without a word, so the container's own promises are held against the file.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator

from ..graph.errors import MediaError, MissingFileError

AGAIN = "Export or copy it again."


def local_file(path: str | os.PathLike) -> str:
    """The path of a regular local file with something in it."""
    path = os.fspath(path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path):
        raise MissingFileError(f"{path} looks like an address; a local file is wanted. Download it first, or, if the file is "
                         f"really called that, give its absolute path.")
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "does not exist" if missing else f"cannot be opened ({error})"
        kind = MissingFileError if missing else MediaError
        raise kind(f"{path} {reason}; a piece of music is wanted. Check the path.") from None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise MissingFileError(f"{path} is {what}; one file of music is wanted. Name the file itself.")
    if status.st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes); a piece of music is wanted. {AGAIN}")
    try:
        with open(path, "rb"):
            return path
    except OSError as error:
        raise MediaError(f"{path} cannot be opened ({error.strerror}). Check its permissions.") from None


def _after_id3(file) -> int:
    """Where the music starts: past an ID3v2 tag at the head of the file, whose length is four bytes of seven bits."""
    file.seek(0)
    head = file.read(10)
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)


def kind_of(path: str) -> str | None:
    """The kind of file libsndfile should read this as, by its first bytes; None where it is ffmpeg's."""
    with open(path, "rb") as file:
        file.seek(_after_id3(file))
        head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for mark, kind in ((b"caff", "caf"), (b"fLaC", "flac"), (b"OggS", "ogg")):
        if head.startswith(mark):
            return kind
    # An MPEG audio frame: eleven set bits, then the version, then a layer that is not 0 (0 is AAC).
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "mp3"
    return None


def _chunks(path: str) -> Iterator[tuple[bytes, int, int, bytes]]:
    """The chunks of a wav, aiff or caf file: name, start of its data, promised length, first 24 bytes of its data."""
    with open(path, "rb") as file:
        form = file.read(4)
        caf = form == b"caff"
        at, head = (8, ">4sq") if caf else (12, ">4sI" if form == b"FORM" else "<4sI")
        while True:
            file.seek(at)
            raw = file.read(struct.calcsize(head))
            if len(raw) < struct.calcsize(head):
                return
            name, length = struct.unpack(head, raw)
            at += len(raw)
            yield name, at, length, file.read(24)
            if length < 0:
                return
            at += length + (0 if caf else length & 1)


def _check_chunks(path: str) -> None:
    size, long = os.path.getsize(path), None
    for name, start, length, data in _chunks(path):
        if name == b"ds64" and len(data) >= 16:             # RF64: the lengths that do not fit in 32 bits
            long = struct.unpack("<Q", data[8:16])[0]
        if name in (b"data", b"SSND"):
            if length == 0xFFFFFFFF:
                length = long
            if length is None or length < 0:                # written to a pipe: the length was never known
                return
            if start + length > size:
                raise truncated(path, f"{max(size - start, 0)} of the {length} bytes its header promises")


def _check_flac(path: str) -> None:
    with open(path, "rb") as file:
        file.seek(_after_id3(file))
        if len(file.read(42)) < 42:
            raise truncated(path, "part of its header")


def _check_ogg(path: str) -> None:
    """Every page follows the one before and has the checksum it states, and the last one is marked as the last.

    An ogg checksum is a CRC-32 with the polynomial of zlib's, taken from the other end of each byte, with nothing
    added before or after; so zlib computes it on bytes turned round (RFC 3533, section 6).
    """
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    last, at, size = False, 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(27)
            if len(head) < 27:
                raise truncated(path, f"{at} whole bytes of {size}")
            if head[:4] != b"OggS":
                if last:
                    return      # tags some programs leave behind the music
                raise damaged(path, None, f"no page at byte {at}")
            table = file.read(head[26])
            body = file.read(sum(table))
            if len(table) < head[26] or len(body) < sum(table):
                raise truncated(path, f"{at} whole bytes of {size}")
            page = head[:22] + bytes(4) + head[26:] + table + body
            crc = zlib.crc32(page.translate(turned), 0xFFFFFFFF) ^ 0xFFFFFFFF
            if int(f"{crc:032b}"[::-1], 2) != struct.unpack("<I", head[22:26])[0]:
                raise damaged(path, None, f"wrong checksum of the page at byte {at}")
            last, at = bool(head[5] & 4), at + len(page)
    if not last:
        raise truncated(path, "no last page")


def xing(path: str) -> tuple[int, int | None] | None:
    """Where an mp3's music starts and the bytes its first frame's Xing or Info header promises; None without a header.

    The header: a mark, 32 flags, then, as far as flagged, the counts of frames (1) and bytes (2), big-endian.
    """
    with open(path, "rb") as file:
        start = _after_id3(file)
        file.seek(start)
        head = file.read(256)
    found = re.search(b"Xing|Info", head)
    if not found or len(head) < found.end() + 12:
        return None
    flags, first, second = struct.unpack(">3I", head[found.end():found.end() + 12])
    if not flags & 1:
        return None
    return start, second if flags & 2 else None


def _check_mp3(path: str) -> None:
    promised = xing(path)
    if promised and promised[1]:
        start, length = promised
        there = os.path.getsize(path) - start
        if there < 0.99 * length - 4096:        # tags at the end are counted by some and removed by others
            raise truncated(path, f"{there} of the {length} bytes its header promises")


CHECKS = {"wav": _check_chunks, "aiff": _check_chunks, "caf": _check_chunks,
          "flac": _check_flac, "ogg": _check_ogg, "mp3": _check_mp3}


def truncated(path: str, there: str) -> MediaError:
    return MediaError(f"{path} is truncated: it holds {there}; the whole piece is wanted. {AGAIN}")


def damaged(path: str, seconds: float | None, said: object) -> MediaError:
    where = "" if seconds is None else f" after {seconds:.2f} s"
    said = str(said).strip().rstrip(".").removeprefix("Error : ")
    return MediaError(f"{path} is damaged or truncated: it cannot be decoded{where} ({said}); "
                      f"the whole piece is wanted. {AGAIN}")
