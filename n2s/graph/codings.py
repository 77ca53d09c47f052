"""What films can be coded as: what each codec offers and takes when nothing is said, and which files it may lie in."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from n2s.graph.wording import listed


@dataclass(frozen=True)
class Coding:
    """A codec of pictures.

    Attributes
    ----------
    name : str
        For people: "H.264".
    endings : tuple of str
        Of the films that may hold it, the usual one first.
    depths, chromas : tuple
        Bits per channel, and how often chroma is sampled; the one that is taken when nothing is said comes first.
    crf : (int, int) or None
        The constant rate factor when nothing is said, and the largest one; None: it has none.
    rates : bool
        Whether a bitrate can be asked for in place of a rate factor.
    sped : bool
        Whether ``preset`` says how long it takes.
    keyed : bool
        Whether ``gop`` may say how often a frame stands for itself; in the others all of them do.
    capped : bool
        Whether ``maxrate`` may hold down what a rate factor takes.
    transparent : tuple of str
        Endings of the films in which it has room for a matte; none: nowhere.
    opaque_depths : tuple of int
        Bits per channel with which it has room for none there.
    everywhere : bool
        Whether processors encode it; False: it needs a GPU.
    smallest : (int, int)
        Width and height of the smallest frames that its encoder takes; those of most take whatever a graph may have.
    """

    name: str
    endings: tuple[str, ...]
    depths: tuple[int, ...]
    chromas: tuple[str, ...] = ("4:2:0",)
    crf: tuple[int, int] | None = None
    rates: bool = False
    sped: bool = False
    keyed: bool = False
    capped: bool = False
    transparent: tuple[str, ...] = ()
    opaque_depths: tuple[int, ...] = ()
    everywhere: bool = True
    smallest: tuple[int, int] = (1, 1)


_PREDICTING: dict[str, Any] = {"rates": True, "sped": True, "keyed": True}
_REORDERING: dict[str, Any] = {**_PREDICTING, "capped": True}

CODINGS = {
    "h264": Coding("H.264", (".mp4", ".m4v", ".mov", ".mkv"), (8, 10), **_REORDERING, crf=(18, 51)),
    "h264_nvenc": Coding(
        "H.264 (NVENC)", (".mp4", ".m4v", ".mov", ".mkv"), (8,), **_PREDICTING, crf=(23, 51), everywhere=False
    ),
    "h265": Coding("H.265", (".mp4", ".m4v", ".mov", ".mkv"), (10, 8), **_REORDERING, crf=(20, 51)),
    "av1": Coding("AV1", (".mp4", ".m4v", ".mkv", ".webm"), (10, 8), **_PREDICTING, crf=(28, 63)),
    "vp9": Coding(
        "VP9",
        (".webm", ".mkv", ".mp4"),
        (8, 10),
        **_PREDICTING,
        crf=(24, 63),
        transparent=(".webm", ".mkv"),
        opaque_depths=(10,),
    ),
    "prores": Coding("ProRes 422 HQ", (".mov",), (10,), ("4:2:2",)),
    "prores4444": Coding("ProRes 4444", (".mov",), (10,), ("4:4:4",), transparent=(".mov",)),
    "dnxhr": Coding("DNxHR HQX", (".mov",), (10,), ("4:2:2",), smallest=(256, 120)),
    "ffv1": Coding("FFV1", (".mkv",), (10, 8), ("4:4:4", "4:2:2", "4:2:0"), transparent=(".mkv",)),
}

# The codecs of sound that each kind of file may hold, the usual one first.
SOUNDS = {
    ".mp4": ("aac", "alac", "opus", "flac"),
    ".m4v": ("aac", "alac"),
    ".mov": ("pcm", "aac", "alac"),
    ".mkv": ("flac", "aac", "opus", "pcm", "alac"),
    ".webm": ("opus",),
}
OPUS_RATE = 48000
COVERED = (".mp4", ".m4v", ".mkv")  # these may hold a picture that stands for them
PICTURES = (".png", ".jpg", ".jpeg")
HEADS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}  # what they begin with, whatever they are called
GIF_RATE = 100  # frames per second at most: each is shown for whole hundredths of a second
EDITED = (".mp4", ".m4v", ".mov")  # these say by an edit list what of a track is shown


def ending_of(path: str) -> str:
    """Return the ending of a film's path, in small letters."""
    _, dot, ending = path.rpartition("/")[2].rpartition(".")
    return dot + ending.lower()


def sound_codec(sink: Any) -> str:
    """Return the codec of a film's sound: what its sink says, or what its kind of file usually holds.

    Sinks of pictures alone have none; of their music the same is told as of AAC.
    """
    if not hasattr(sink, "audio_codec"):
        return "aac"
    if sink.audio_codec:
        return sink.audio_codec
    ending = ending_of(sink.path)
    if ending == ".mov" and sink.codec in ("h264", "h264_nvenc", "h265"):
        return "aac"
    return SOUNDS.get(ending, ("aac",))[0]


def sound_rate(sink: Any) -> int | str | None:
    """Return the sample rate that a film's sound is asked to have; Opus has one of its own."""
    return OPUS_RATE if sound_codec(sink) == "opus" else getattr(sink, "audio_rate", None)


def cuts_by_edit_list(ending: str, audio_codec: str | None) -> bool:
    """Say whether ``edit_list: false`` is impossible: files of another kind have none, and only one cuts Opus."""
    return ending not in EDITED or audio_codec == "opus"


def cover_kind(path: Path) -> str:
    """Return what a cover is by its first bytes, "png" or "jpeg"; "" where it is neither."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((kind for kind, begins in HEADS.items() if head.startswith(begins)), "")


def depth_of(sink: Any) -> int:
    """Return the bits per channel of a film."""
    return sink.depth or CODINGS[sink.codec].depths[0]


def chroma_of(sink: Any) -> str:
    """Return how often a film's chroma is sampled."""
    return sink.chroma or CODINGS[sink.codec].chromas[0]


def has_alpha(sink: Any) -> bool:
    """Say whether a sink stores how opaque its pictures are."""
    return getattr(sink, "matte", None) is not None


def coding_problem(sink: Any) -> tuple[str, str]:
    """Return the setting of a sink that its codec does not have, and what to do; ("", "") where all is well."""
    made = CODINGS[sink.codec]
    if sink.depth and sink.depth not in made.depths:
        return "depth", f"{made.name} has {listed(made.depths)} bits per channel, not {sink.depth}"
    if sink.chroma and sink.chroma not in made.chromas:
        return "chroma", f"{made.name} has chroma {listed(made.chromas)}, not {sink.chroma}"
    if sink.crf is not None and sink.bitrate is not None:
        return "bitrate", "crf and bitrate both say how large the film gets; leave one out"
    if sink.crf is not None and (made.crf is None or sink.crf > made.crf[1]):
        return "crf", f"{made.name} has {f'a crf of {made.crf[1]} at most' if made.crf else 'no crf: leave it out'}"
    if sink.maxrate is not None and (sink.bitrate is not None or not made.capped):
        why = "bitrate says how large the film gets" if made.capped else f"{made.name} has none to choose"
        return "maxrate", f"{why}: leave it out"
    if sink.gop is not None and not made.keyed:
        return "gop", f"every frame of {made.name} stands for itself: leave it out"
    if sink.b_frames is not None and not made.capped:
        return "b_frames", f"{made.name} has none to choose: leave it out"
    if sink.bitrate is not None and not made.rates:
        return "bitrate", f"{made.name} has no bitrate to choose: leave it out"
    if has_alpha(sink) and not made.transparent:
        others = listed([f"{other.name} (codec: {name})" for name, other in CODINGS.items() if other.transparent])
        return "matte", f"{made.name} has no transparency; {others} has"
    if has_alpha(sink) and depth_of(sink) in made.opaque_depths:
        return "matte", f"{made.name} of {depth_of(sink)} bits has no transparency; leave out depth"
    ending = ending_of(sink.path)
    if ending in SOUNDS and ending not in made.endings:
        return "path", f"{ending} holds no {made.name}; {listed(made.endings)} does"
    if has_alpha(sink) and ending in SOUNDS and ending not in made.transparent:
        return "path", f"{ending} has no room for a matte of {made.name}; {listed(made.transparent)} has"
    if not sink.edit_list and ending in SOUNDS and ending not in EDITED:
        return "edit_list", f"{ending} has none: leave it out"
    if sink.cover and ending in SOUNDS and ending not in COVERED:
        return "cover", f"{ending} has no place for one; {listed(COVERED)} does"
    if sink.cover and ending_of(sink.cover) not in PICTURES:
        return "cover", f"{listed(PICTURES)} was wanted"
    known = SOUNDS.get(ending, ())
    if sink.audio_codec and known and sink.audio_codec not in known:
        return "audio_codec", f"{ending} holds sound as {listed(known)}, not {sink.audio_codec}"
    if not sink.edit_list and sound_codec(sink) == "opus":
        # Its first packet begins 6.5 ms before the music and is 20 ms long: it can neither stay nor be left out.
        return "edit_list", "only an edit list cuts what Opus puts before the music: true, or audio_codec: aac"
    return "", ""


def size_problem(sink: Any, size: tuple[int, int]) -> str:
    """Say that frames are too small for a sink's codec, and what to do; "" where all is well, or it has none."""
    made = CODINGS.get(str(getattr(sink, "codec", "")))
    if made is None or all(side >= least for side, least in zip(size, made.smallest)):
        return ""
    least, own = ("x".join(map(str, sides)) for sides in (made.smallest, size))
    return f"{made.name} has frames of {least} and more, not {own}; enlarge them, or take another codec"


def rate_problem(sink: Any, fps: Fraction) -> str:
    """Say that frames come faster than a sink's kind of file can show them, and what to do; "" where all is well."""
    if getattr(sink, "format", "") != "animation" or ending_of(sink.path) != ".gif" or fps <= GIF_RATE:
        return ""
    return f"a GIF has {GIF_RATE} frames per second at most, not {float(fps):g}; take .webp, or a lower frame rate"
