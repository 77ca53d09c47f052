"""How a file of music is to be read: in which parts, from which bytes, and what of it is missing."""

from __future__ import annotations

from dataclasses import dataclass

from n2s.graph.errors import MediaError

READABLE = "wav, flac, ogg, opus, mp3, aiff, caf, or anything ffmpeg decodes, such as m4a"
AGAIN = "Export or copy it again."
KEEP = "Or set damaged: keep on the AudioSource to take what is there; n2s new --keep-damaged does so."

Bytes = bytes | tuple[int, int]  # bytes as they are, or the bytes start..stop of the file


@dataclass(frozen=True)
class Part:
    """A stretch of music that one decoder reads from its beginning to its end.

    Attributes
    ----------
    kind : str
        "wav", "aiff", "caf", "w64", "au", "flac", "ogg" or "mp3" for libsndfile; for FFmpeg "mpeg", frames of MPEG
        audio, or "", anything.
    pieces : tuple or None
        What the decoder gets in place of the file: bytes, and spans of the file, one after the other. None: the file as
        it lies.
    joined : bool
        It goes on, after damage, in the stream of the part before it; what lies between them becomes silence.
    begins_at, ends_at : int or None
        Where the stream begins and where this part ends, on the stream's clock. Without ``begins_at`` it begins with
        the part.
    clock : int
        The ticks of that clock per second; 0: one per sample.
    """

    kind: str
    pieces: tuple[Bytes, ...] | None = None
    joined: bool = False
    begins_at: int | None = None
    ends_at: int | None = None
    clock: int = 0


@dataclass(frozen=True)
class Reading:
    """The parts of a file in their order, what is missing from it in words, the speakers its channels are for."""

    parts: tuple[Part, ...]
    missing: str = ""
    layout: str = ""

    @property
    def plain(self) -> bool:
        """Say whether one decoder reads the file as it lies."""
        return len(self.parts) == 1 and self.parts[0].pieces is None


def tag_length(head: bytes) -> int:
    """Return the length of the ID3v2 tag whose first ten bytes are given, 0 where it is none.

    It is stated in four bytes of seven bits.
    """
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte
    return 10 + length + (10 if head[5] & 0x10 else 0)


def truncation_error(path: str, there: str) -> MediaError:
    """Return the error of a file that ends too early; ``there`` says what it holds."""
    return _damage(f"{path} is truncated: it holds {there}; the whole piece is wanted. {AGAIN} {KEEP}",
                   f"it ends too early, with {there}")  # fmt: skip


def damage_error(path: str, seconds: float | None, said: object) -> MediaError:
    """Return the error of a file that cannot be decoded from some second on."""
    where = "" if seconds is None else f" after {seconds:.2f} s"
    said = str(said).strip().rstrip(".").removeprefix("Error : ")
    return _damage(f"{path} is damaged or truncated: it cannot be decoded{where} ({said}); the whole piece is wanted. "
                   f"{AGAIN} {KEEP}", f"it cannot be decoded{where} ({said})")  # fmt: skip


def _damage(text: str, missing: str) -> MediaError:
    error = MediaError(text)
    error.missing = missing  # what a reader that takes what is there says of it
    return error


def is_damage(error: MediaError) -> bool:
    """Say whether an error is about a file that has some music left."""
    return hasattr(error, "missing")
