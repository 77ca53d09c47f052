"""wav, w64, aiff, caf and au: chunks, the length of the samples among them, and their speakers.

A program that writes to a pipe cannot know the length, and writes there what its authors thought of: all ones, minus
one, 0, or the largest positive number, less a header or rounded down. All of these mean "to the end of the file".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from n2s.runtime.media.music.layouts import NAMES, layout_of_mask
from n2s.runtime.media.music.reading import Part, Reading, truncation_error

# The formats in a wav file whose samples libsndfile reads and finds again: PCM, float, MS and IMA ADPCM, A-law, µ-law.
WAV_FORMATS = {1, 2, 3, 6, 7, 0x11}
EXTENSIBLE = 0xFFFE

# Apple's tags of channel layouts, by their upper 16 bits.
APPLE_LAYOUTS = {
    108: "FL+FR+BL+BR", 113: "FL+FR+FC", 114: "FC+FL+FR", 115: "FL+FR+FC+BC", 116: "FC+FL+FR+BC",
    117: "FL+FR+FC+BL+BR", 118: "FL+FR+BL+BR+FC", 119: "FL+FC+FR+BL+BR", 120: "FC+FL+FR+BL+BR",
    121: "FL+FR+FC+LFE+BL+BR", 122: "FL+FR+BL+BR+FC+LFE", 123: "FL+FC+FR+BL+BR+LFE", 124: "FC+FL+FR+BL+BR+LFE",
    125: "FL+FR+FC+LFE+BL+BR+BC", 126: "FL+FR+FC+LFE+BL+BR+FLC+FRC", 128: "FL+FR+FC+LFE+SL+SR+BL+BR",
    131: "FL+FR+BC", 132: "FL+FR+BL+BR", 133: "FL+FR+LFE", 136: "FL+FR+FC+LFE", 137: "FL+FR+FC+LFE+BC",
}  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, where its length is written and how, the length, its data's place and first bytes."""

    name: bytes
    field: int
    form: str
    length: int
    start: int
    head: bytes

    def sized(self, length: int) -> tuple[int, bytes]:
        """Return where its length is written, and the bytes that state another."""
        return self.field, struct.pack(self.form, length)


def chunks_of(path: str, kind: str) -> Iterator[Chunk]:
    """Yield the chunks of a file up to its end, or to one whose length leads nowhere."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        form = ">" if file.read(4) == b"FORM" else "<"
        at = {"w64": 40, "caf": 8}.get(kind, 12)
        while at + 8 <= size:
            file.seek(at)
            if kind == "w64":
                name, field, form, header = file.read(16)[:4], at + 16, "<q", 24
            elif kind == "caf":
                name, field, form, header = file.read(4), at + 4, ">q", 12
            else:
                name, field, form, header = file.read(4), at + 4, form[0] + "I", 8
            raw = file.read(struct.calcsize(form))
            if len(raw) < struct.calcsize(form):
                return
            stated = struct.unpack(form, raw)[0]
            length = stated - (24 if kind == "w64" else 0)
            yield Chunk(name, field, form, length, at + header, file.read(40))
            if length < 0 or not all(32 <= byte < 127 for byte in name):
                return  # the samples of a chunk that states no length, read as if they were chunks
            at += header + length + {"w64": -length % 8, "caf": 0}.get(kind, length & 1)


def is_unknown(length: int, there: int, rest_is_chunks: bool = False) -> bool:
    """Say whether a stated length means "unknown", where ``there`` bytes follow."""
    if length < 0 or length == 0:
        return there > 0 and not rest_is_chunks
    if length <= there:
        return False
    near = 1 << 20  # as far from a power of two as headers and rounding bring it, and more
    return any(top - near <= length <= top + near for top in (1 << 31, 1 << 32, 1 << 63))


def has_samples(path: str, kind: str) -> bool:
    """Say whether a file of chunks has one of samples with something in it."""
    size = os.path.getsize(path)
    return any(
        chunk.name in (b"data", b"SSND") and chunk.start < size and chunk.length for chunk in chunks_of(path, kind)
    )


def length_of_wav(path: str) -> float | None:
    """Return how long a whole wav file is by its header, in seconds; None where it does not say."""
    chunks = {chunk.name: chunk for chunk in chunks_of(path, "wav")}
    if b"fmt " not in chunks or b"data" not in chunks or len(chunks[b"fmt "].head) < 12:
        return None
    rate = struct.unpack("<I", chunks[b"fmt "].head[8:12])[0]  # bytes per second
    return chunks[b"data"].length / rate if rate else None


def read_chunks(path: str, kind: str, keep: bool) -> Reading:
    """Say how a file of chunks is to be read.

    Raises
    ------
    MediaError
        When fewer bytes are there than its header promises, unless ``keep``.
    """
    size = os.path.getsize(path)
    chunks = list(chunks_of(path, kind))
    samples = next((chunk for chunk in chunks if chunk.name in (b"data", b"SSND")), None)
    layout = _layout(path, chunks)
    if samples is None:
        return Reading((Part(kind),), layout=layout)
    if kind == "wav" and not _is_readable_wav(chunks):
        kind = ""
    there, length, fixes = size - samples.start, samples.length, []
    long = next((chunk for chunk in chunks if chunk.name == b"ds64" and len(chunk.head) >= 16), None)
    if long and length == 0xFFFFFFFF:  # RF64: the lengths that do not fit in 32 bits
        length = struct.unpack("<q", long.head[8:16])[0]
    after = chunks[chunks.index(samples) + 1 :]
    if is_unknown(length, there, _end_at(after, size)):
        if long:
            fixes.append((long.start, struct.pack("<qq", size - 8, there)))
        elif there < 0xFFFFFFFF or kind in ("w64", "caf"):
            fixes += [samples.sized(there + (24 if kind == "w64" else 0)), *_form_size(kind, size)]
        fixes += _frame_count(chunks, there)
        return Reading((Part(kind, patch_lengths(size, fixes) if fixes and kind else None),), layout=layout)
    missing = ""
    if length > there:
        held = f"{max(there, 0)} of the {length} bytes its header promises"
        if not keep:
            raise truncation_error(path, held)
        missing = f"it ends too early, with {held}"
    return Reading((Part(kind),), missing, layout)


def read_au(path: str, keep: bool) -> Reading:
    """Say how an au file is to be read: its header has the place of the samples, and their length or minus one."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start, length = struct.unpack(">II", file.read(12)[4:].ljust(8, b"\0"))
    there = size - start
    if is_unknown(length, there):
        return Reading((Part("au", patch_lengths(size, [(8, struct.pack(">I", there))]) if there < 1 << 32 else None),))
    if length > there:
        held = f"{max(there, 0)} of the {length} bytes its header promises"
        if not keep:
            raise truncation_error(path, held)
        return Reading((Part("au"),), f"it ends too early, with {held}")
    return Reading((Part("au"),))


def check_avi(path: str, keep: bool) -> Reading:
    """Hold an avi's stated length against the file; FFmpeg reads it, and plays a cut one without a word.

    Raises
    ------
    MediaError
        When it is shorter, unless ``keep``.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = struct.unpack("<I", file.read(8)[4:].ljust(4, b"\0"))[0]
    missing = ""
    if length > size - 8 and not is_unknown(length, size - 8):
        held = f"{size - 8} of the {length} bytes its header promises"
        if not keep:
            raise truncation_error(path, held)
        missing = f"it ends too early, with {held}"
    return Reading((Part(""),), missing)


def patch_lengths(size: int, fixes: list[tuple[int, bytes]]) -> tuple:
    """Return the pieces of a file of ``size`` bytes with other bytes at some places."""
    pieces, at = [], 0
    for start, data in sorted(fixes):
        pieces += [(at, start), data]
        at = start + len(data)
    return (*pieces, (at, size))


def _end_at(chunks: list[Chunk], size: int) -> bool:
    """Say whether chunks with proper names lead to the end of the file: then the one before them is empty indeed."""
    if not chunks:
        return False
    last = chunks[-1]
    proper = all(32 <= byte < 127 for chunk in chunks for byte in chunk.name)
    return proper and 0 <= size - (last.start + last.length) + (last.length & 1) <= 1


def _form_size(kind: str, size: int) -> list[tuple[int, bytes]]:
    """Return the length of the whole as it should be stated, and where."""
    if kind == "wav":
        return [(4, struct.pack("<I", min(size - 8, 0xFFFFFFFF)))]
    if kind == "aiff":
        return [(4, struct.pack(">I", min(size - 8, 0xFFFFFFFF)))]
    return [(16, struct.pack("<q", size))] if kind == "w64" else []


def _frame_count(chunks: list[Chunk], there: int) -> list[tuple[int, bytes]]:
    """Return an aiff's count of sample frames as it should be stated, and where."""
    common = next((chunk for chunk in chunks if chunk.name == b"COMM" and len(chunk.head) >= 18), None)
    if common is None:
        return []
    channels, _, bits = struct.unpack(">HIH", common.head[:8])
    width = channels * -(-bits // 8)
    return [(common.start + 2, struct.pack(">I", (there - 8) // width))] if width else []


def _is_readable_wav(chunks: list[Chunk]) -> bool:
    form = next((chunk.head for chunk in chunks if chunk.name == b"fmt " and len(chunk.head) >= 16), None)
    if form is None:
        return True
    tag = struct.unpack("<H", form[:2])[0]
    if tag == EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack("<H", form[24:26])[0]
    return tag in WAV_FORMATS


def _layout(path: str, chunks: list[Chunk]) -> str:
    for chunk in chunks:
        if chunk.name == b"fmt " and len(chunk.head) >= 24 and chunk.head[:2] == b"\xfe\xff":
            return layout_of_mask(*reversed(struct.unpack("<2xH16xI", chunk.head[:24])))
        if chunk.name in (b"CHAN", b"chan") and len(chunk.head) >= 12:
            tag, bitmap, count = struct.unpack(">III", chunk.head[:12])
            if tag == 0x10000:
                return layout_of_mask(bitmap, bitmap.bit_count())
            return APPLE_LAYOUTS.get(tag >> 16, "") if tag else _layout_of_labels(path, chunk.start + 12, count)
    return ""


def _layout_of_labels(path: str, at: int, count: int) -> str:
    """Return the layout of Apple's channel descriptions, 20 bytes each, whose first number is the speaker, from 1."""
    with open(path, "rb") as file:
        file.seek(at)
        data = file.read(20 * min(count, 64))
    labels = [struct.unpack_from(">I", data, i)[0] for i in range(0, len(data) - 19, 20)]
    return "+".join(NAMES[label - 1] for label in labels) if all(1 <= label <= len(NAMES) for label in labels) else ""
