"""Profiles: what a platform or a use asks of a film, and the settings of a sink that give it.

A sink with ``profile`` takes what it leaves out from there. On the command line a profile also decides the film's size
and frame rate, and what of the track is shown. docs/delivery.md has the pages that each of them follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from n2s.graph.codings import CODINGS, COVERED, SOUNDS, cuts_by_edit_list, ending_of
from n2s.graph.errors import ArgumentError
from n2s.graph.registry import suggest

Size = tuple[int, int]
UPLOADED: dict[str, Any] = {
    "codec": "h264",
    "crf": 17,
    "preset": "medium",
    "gop": 0.5,
    "b_frames": 2,
    "edit_list": False,
    "audio_codec": "aac",
    "audio_bitrate": 384,
    "audio_rate": 48000,
}
TELEPHONE: dict[str, Any] = {**UPLOADED, "audio_bitrate": 256}
PROFILE_OPTION = "--profile"  # by which the command line asks for one
SMALLEST = 16  # pixels, of a side


def _streaming_rate(size: Size, fps: Fraction) -> int:
    """Return the bitrate that YouTube recommends for uploads, in kbit/s: by rows, half as much again above 30 fps."""
    rows = min(size)
    rate = next((rate for most, rate in ((360, 1000), (480, 2500), (720, 5000), (1080, 8000), (1440, 16000))
                 if rows <= most), 40000)  # fmt: skip
    return rate if fps <= 30 else rate * 3 // 2


@dataclass(frozen=True)
class Profile:
    """What one use asks of a film.

    Attributes
    ----------
    help : str
        What it is for, in a few words.
    settings : mapping
        Of the sink, where it leaves them out.
    ending : str
        Of the film's name; "" keeps the graph's.
    aspect : (int, int) or None
        Width to height; None: the graph's.
    rows : (int, int) or None
        The least and the most pixels of the shorter side; smaller and larger frames are scaled. None: the graph's.
    fps : (int, int) or None
        The lowest and the highest frame rate; others are halved or doubled until they lie within. None: the graph's.
    scale : Fraction
        Of width, height and frame rate, for drafts.
    rate : callable or None
        The highest bitrate of pictures in kbit/s, from size and frame rate.
    seconds : (float, float) or None
        How long the film may be.
    loops : bool
        Whether the film is a loop: a few bars of the track, whose last frame leads to the first.
    black_ends : bool
        Whether the first and the last frame are black.
    silent : bool
        Whether it has no sound.
    """

    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    ending: str = ""
    aspect: Size | None = None
    rows: tuple[int, int] | None = None
    fps: tuple[int, int] | None = None
    scale: Fraction = Fraction(1)
    rate: Callable[[Size, Fraction], int] | None = None
    seconds: tuple[float, float] | None = None
    loops: bool = False
    black_ends: bool = False
    silent: bool = False

    @property
    def decides_frames(self) -> bool:
        """Whether it says more of frames and their coding than its settings."""
        return self.rate is not None or self.black_ends or self.loops

    def shape(self, size: Size, fps: Fraction) -> tuple[Size, Fraction]:
        """Return size and frame rate of the film, from those of the graph; sides are even."""
        width, height = (Fraction(side) * self.scale for side in size)
        if self.aspect:
            across, down = self.aspect
            short = min(width, height)
            width, height = (short * across / down, short) if across >= down else (short, short * down / across)
        if self.rows:
            least, most = self.rows
            short = min(width, height)
            by = min(max(short, least), most) / short
            width, height = width * by, height * by
        if self.fps:
            low, high = self.fps
            while fps > high:
                fps /= 2
            while fps < low:
                fps *= 2
            fps = min(max(fps, Fraction(low)), Fraction(high))
        return (_even(width), _even(height)), max(fps * self.scale, Fraction(1))

    def problems(self, size: Size, fps: Fraction, seconds: Fraction) -> list[str]:
        """Return what of a film's shape this use does not take, in sentences without a subject."""
        found = []
        wanted, rate = self.shape(size, fps) if self.scale == 1 else (size, fps)
        if wanted != size:
            found.append(f"is {size[0]}x{size[1]}; {wanted[0]}x{wanted[1]} is asked for")
        if rate != fps or (self.fps and not self.fps[0] <= fps <= self.fps[1]):
            low, high = self.fps or (rate, rate)
            found.append(f"has {float(fps):g} frames per second; {low} to {high} are asked for")
        if self.seconds and not self.seconds[0] <= seconds <= self.seconds[1]:
            found.append(f"lasts {float(seconds):.1f} s; {self.seconds[0]:g} to {self.seconds[1]:g} s are asked for")
        return found


def _even(side: Fraction) -> int:
    return max(SMALLEST, round(side / 2) * 2)


PROFILES: dict[str, Profile] = {
    "archive": Profile(
        "keeps everything: FFV1 of 10 bits and 4:4:4 without loss, FLAC at the music's own rate",
        {"codec": "ffv1", "depth": 10, "chroma": "4:4:4", "audio_codec": "flac", "audio_rate": "source"},
        ".mkv",
    ),
    "youtube": Profile(
        "an upload: H.264 of 1080 rows or more, at most the bitrate that YouTube recommends, AAC of 384 kbit/s",
        UPLOADED, ".mp4", rows=(1080, 2160), fps=(23, 60), rate=_streaming_rate,
    ),
    "reels": Profile(
        "upright for telephones: 1080x1920, at most 8 Mbit/s, up to 15 minutes",
        TELEPHONE, ".mp4", (9, 16), (1080, 1080), (23, 60), rate=_streaming_rate, seconds=(3, 900),
    ),
    "square": Profile(
        "a square of 1080x1080 for feeds, at most 8 Mbit/s",
        TELEPHONE, ".mp4", (1, 1), (1080, 1080), (23, 60), rate=_streaming_rate,
    ),
    "canvas": Profile(
        "a silent loop of 3 to 8 seconds, whole bars where the music allows, upright: 576x1024",
        {key: UPLOADED[key] for key in ("codec", "crf", "preset", "gop", "b_frames", "edit_list")},
        ".mp4", (9, 16), (576, 576), (23, 30), rate=_streaming_rate, seconds=(3, 8), loops=True, silent=True,
    ),
    "apple": Profile(
        "a master for stores: ProRes 422 HQ of 1080 rows or more, PCM, first and last frame black",
        {"codec": "prores", "audio_codec": "pcm", "audio_rate": 48000},
        ".mov", rows=(1080, 2160), fps=(23, 60), black_ends=True,
    ),
    "draft": Profile(
        "a quick look: half the size, half the frame rate, into OUT/draft",
        {"codec": "h264", "crf": 26, "preset": "ultrafast"}, ".mp4", scale=Fraction(1, 2),
    ),
}  # fmt: skip
NAMES = tuple(PROFILES)


def most_bitrate(sink: Any, size: Size, fps: Fraction) -> int | None:
    """Return the highest bitrate of a film's pictures in kbit/s: what its sink says, or its profile; None: any."""
    if sink.maxrate is not None:
        return sink.maxrate
    rate = PROFILES[sink.profile].rate if sink.profile else None
    return rate(size, fps) if rate and sink.bitrate is None else None


# Settings of a sink that a profile decides, even where the graph states them; a draft leaves its sound as it is.
SOUND = ("audio_codec", "audio_bitrate", "audio_rate")
DECIDED = ("codec", "crf", "maxrate", "bitrate", "preset", "depth", "chroma", "gop", "b_frames", "edit_list", *SOUND)
# What is right or wrong by these: given by hand, it may not go with what the graph states, and be right with a profile.
BOUND = (*DECIDED, "path", "cover", "matte")
_MATTES = (
    PROFILE_OPTION + " {0}: {1} has a matte, and {2} has no transparency. Leave the matte out with --set "
    "{1}.matte=null, or keep it with --set {1}.codec=prores4444."
)


def profile_overrides(graph: Any, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides that make the films of a graph those of a profile; what the user gave stays.

    Parameters
    ----------
    graph : n2s.graph.graph.Graph
        With what the user gave, but for settings of sinks that a profile decides (`BOUND`).
    given : mapping
        Overrides by the user.

    Raises
    ------
    ArgumentError
        When there is no such profile, no sink of the graph has one, or a film would lose its matte.
    """
    if name not in PROFILES:
        known = "".join(f"\n  {each:8} {profile.help}" for each, profile in PROFILES.items())
        near = suggest(name, list(PROFILES))
        meant = f" {near}" if near.startswith("Did") else ""
        raise ArgumentError(f'{PROFILE_OPTION}: there is no profile "{name}".{meant} There are:{known}')
    profile, header = PROFILES[name], graph.header
    sinks = [sink for sink in graph.sinks() if "profile" in type(graph.nodes[sink]).model_fields]
    if not sinks and name != "draft":
        raise ArgumentError(f"{PROFILE_OPTION} is for films of FFmpegSink and Album; the graph has none.")
    size, fps = profile.shape(header.size, header.fps)
    shape = {"size": list(size), "fps": str(fps)}
    # A draft is a part of what was asked for, whatever that is.
    laid = {field: value for field, value in shape.items() if profile.scale != 1 or field not in given}
    for sink in sinks:
        by_hand = {field.partition(".")[2]: value for field, value in given.items() if field.startswith(f"{sink}.")}
        node, has_matte = graph.nodes[sink], bool(by_hand.get("matte", getattr(graph.nodes[sink], "matte", None)))
        wanted = _coding_wanted(node, name, by_hand) | _file_wanted(node, profile, by_hand, has_matte)
        made = CODINGS.get(str((wanted | by_hand).get("codec")))
        if made and not made.transparent and has_matte and "matte" not in by_hand:
            if name != "draft":
                raise ArgumentError(_MATTES.format(name, sink, made.name))
            wanted["matte"] = None
        laid |= {f"{sink}.{field}": wanted[field] for field in sorted(wanted) if field not in by_hand}
    return laid


def _coding_wanted(node: Any, name: str, by_hand: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a profile decides of a sink's coding, beside what was set by hand."""
    settings, fields = PROFILES[name].settings, type(node).model_fields
    decided = [field for field in DECIDED if field not in SOUND or name != "draft"]
    stated = [field for field in decided if field in node.model_fields_set or field in settings]
    wanted = {field: settings.get(field, fields[field].default) for field in stated} | {"profile": name}
    for chosen, others in {"bitrate": ("crf", "maxrate"), "crf": ("bitrate",), "maxrate": ("bitrate",)}.items():
        if chosen in by_hand:
            wanted |= dict.fromkeys(set(others) & wanted.keys())
    if "codec" in by_hand and by_hand["codec"] != settings.get("codec"):
        wanted |= dict.fromkeys(("crf", "gop", "b_frames", "depth", "chroma"))  # another codec may lack these
    return wanted


def _file_wanted(node: Any, profile: Profile, by_hand: Mapping[str, Any], has_matte: bool) -> dict[str, Any]:
    """Return the path of a profile's film, and what its kind of file asks for; a codec by hand may need another one."""
    made, ending = CODINGS.get(str(by_hand.get("codec"))), profile.ending
    if made:
        fit = made.transparent if has_matte and made.transparent else made.endings
        ending = ending if ending in fit else fit[0]
    wanted: dict[str, Any] = {"path": str(PurePosixPath(node.path).with_suffix(ending))}
    ending = ending_of(str(by_hand.get("path", wanted["path"])))
    if "edit_list" in profile.settings and cuts_by_edit_list(ending, by_hand.get("audio_codec")):
        wanted["edit_list"] = True
    if profile.settings.get("audio_codec", node.audio_codec) not in (None, *SOUNDS.get(ending, ())):
        wanted["audio_codec"] = None
    if node.cover and ending not in COVERED:
        wanted["cover"] = None
    return wanted
