"""Files of music before they are decoded: what a file is, whether it is whole, and in which parts it is to be read.

libsndfile plays a cut wav or ogg to its end without a word, and the first of two joined files as if it were all; so
the container's own promises are held against the file.
"""

from __future__ import annotations

import os
import re
import stat

from n2s.graph.errors import MediaError, MissingFileError
from n2s.runtime.media.music.flac import read_flac
from n2s.runtime.media.music.mpeg import read_mp3
from n2s.runtime.media.music.ogg import read_ogg
from n2s.runtime.media.music.reading import AGAIN, READABLE, Part, Reading, tag_length
from n2s.runtime.media.music.riff import check_avi, read_au, read_chunks
from n2s.runtime.media.signatures import what_is

MAGIC = ((b"caff", "caf"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b".snd", "au"), (b"riff.\x91\xcf\x11", "w64"))


def local_file(path: str | os.PathLike) -> str:
    """Return the path of a regular local file with something in it.

    Raises
    ------
    MediaError
        When it is an address, missing, a folder, a pipe, empty or not to be read.
    """
    path = os.fspath(path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", path):
        raise MissingFileError(
            f"{path} looks like an address; a local file is wanted. Download it first, or, if the file is "
            f"really called that, give its absolute path."
        )
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


def after_id3(path: str) -> int:
    """Return where the music starts: past an ID3v2 tag at the head of the file."""
    with open(path, "rb") as file:
        return tag_length(file.read(10))


def kind_of(path: str) -> str:
    """Return the kind of file, by its first bytes; "" where FFmpeg is to find out."""
    with open(path, "rb") as file:
        file.seek(after_id3(path))
        head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for mark, kind in MAGIC:
        if head.startswith(mark):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    # An MPEG audio frame: eleven set bits, then the version, then a layer that is not 0 (0 is AAC).
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return "mp3"
    return ""


def read_container(path: str, keep: bool = False) -> Reading:
    """Say how a file is to be read, by what its container says of itself.

    Parameters
    ----------
    keep : bool
        Take what is there of a damaged file, and say in ``missing`` what is not.

    Raises
    ------
    MediaError
        When it is truncated or damaged, unless ``keep``.
    """
    kind = kind_of(path)
    if kind in ("", "mp3") and (found := what_is(path)).what:
        raise found.refusal(path, "music", READABLE)
    if kind in ("wav", "w64", "aiff", "caf"):
        return read_chunks(path, kind, keep)
    if kind == "au":
        return read_au(path, keep)
    if kind == "ogg":
        return read_ogg(path, keep)
    if kind == "flac":
        return read_flac(path, after_id3(path), keep)
    if kind == "mp3":
        return read_mp3(path, after_id3(path), keep)
    if kind == "avi":
        return check_avi(path, keep)
    return Reading((Part(""),))
