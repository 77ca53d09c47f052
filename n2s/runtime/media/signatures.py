"""What a file is that is neither music nor a video, by its first bytes: so that a refusal can say it."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from n2s.graph.errors import MediaError

HEAD = 4096  # bytes that are looked at

# What a file begins with; what that is; and what to do about it, where that is not to name another file.
SIGNATURES: tuple[tuple[str, str, str], ...] = (
    (r"version https://git-lfs", "a pointer of Git LFS in place of the file", "Fetch the file itself: git lfs pull."),
    (r"\x89PNG\r\n\x1a\n(?!.{0,4000}acTL)", "a PNG picture", ""),
    (r"\xff\xd8\xff", "a JPEG picture", ""),
    (r"II\*\0|MM\0\*", "a TIFF picture", ""),
    (r"RIFF.{4}WEBP", "a WebP picture", ""),
    (r".{4}ftyp(hei|avif|mif1)", "a HEIC or AVIF picture", ""),
    (r"8BPS", "a Photoshop picture", ""),
    (r"%PDF", "a PDF document", ""),
    (r"MThd", "a MIDI file (notes without sound)", "Play it into a wav, or read its notes with a Midi node."),
    (r"PK\x03\x04", "a ZIP archive, or a document or project that is packed as one", "Unpack what is in it."),
    (r"7z\xbc\xaf|Rar!|\x1f\x8b|\xfd7zXZ|BZh", "a packed archive", "Unpack what is in it."),
    (r"SQLite format 3", "a database, such as a project of Audacity", "Export the music from the program."),
    (r"OTTO|\0\x01\0\0\0|wOF[F2]|ttcf", "a font", ""),
    (r"\s*(<!doctype html|<html)", "a web page", "Download the file itself."),
    (r"\s*(#EXTM3U|\[playlist\])", "a playlist", "Name a file that it lists."),
    (r"\s*n2s:", "a graph of n2s", ""),
    (r"\0+\Z", "a file of zeros, as a copy that was broken off leaves it", "Export or copy it again."),
)
_COMPILED = tuple(
    (re.compile(begins.encode("latin-1"), re.IGNORECASE | re.DOTALL), *rest) for begins, *rest in SIGNATURES
)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_IN_TEXT = re.compile(r"[^\t\n\f\r -\x7e\x85\xa0-\U0010ffff]")


class Kind(NamedTuple):
    """What a file is, "a PNG picture", and what to do about it; both "" where that is not known."""

    what: str = ""
    cure: str = ""

    def refusal(self, path: str | os.PathLike, wanted: str, readable: str) -> MediaError:
        """Return the error that it is none of what was wanted."""
        text = f"{os.fspath(path)} is {self.what}, and no {wanted}; wanted: {readable}. {self.cure}"
        return MediaError(text.rstrip())


def what_is(path: str | os.PathLike) -> Kind:
    """Return what a file is that is neither music nor a video; nothing of one that may be."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    for begins, what, cure in _COMPILED:
        if begins.match(head):
            return Kind(what, cure)
    return Kind("a text file") if _is_text(head) else Kind()


def _is_text(head: bytes) -> bool:
    if head[:2] in _UTF16:
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
        if sum(ord(letter) < 0x600 for letter in text) < len(text) / 2:  # what is not text fits too
            return False
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            if len(head) - error.start > 3 or error.start < HEAD - 3:  # not the last letter, cut
                return False
            text = head[: error.start].decode("utf-8-sig")
    return bool(text) and not _NOT_IN_TEXT.search(text)
