"""Where films leave the graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from n2s.graph.codings import coding_problem, cover_kind, cuts_by_edit_list, ending_of, has_alpha
from n2s.graph.declare import Output, PicturePath, Sink, port, setting
from n2s.graph.profiles import PROFILES
from n2s.graph.types import FILM, Audio, Frames, Matte


class Encoded(Sink):
    """What films of one file share: their coding, which an album's tracks take from it."""

    format: ClassVar[str] = "video"

    path: str = setting(help="the film's file, relative to --out: .mp4, .m4v, .mov, .mkv or .webm", keyed=False)
    profile: Literal["archive", "youtube", "reels", "square", "canvas", "apple", "draft", None] = setting(
        None, help="what it is for: gives the settings that are left out; see docs/delivery.md"
    )
    codec: Literal["h264", "h264_nvenc", "h265", "av1", "vp9", "prores", "prores4444", "dnxhr", "ffv1"] = setting(
        "h264", help="how pictures are coded"
    )
    crf: int | None = setting(
        None,
        ge=0,
        le=63,
        help="constant rate factor: lower is better and larger; h264 18, h264_nvenc 23, h265 20, av1 28, vp9 24",
    )
    maxrate: int | None = setting(
        None, ge=50, le=1_000_000, unit="kbit/s", help="the most that crf may take; left out: the profile's, or any"
    )
    bitrate: int | None = setting(None, ge=50, le=1_000_000, unit="kbit/s", help="of the pictures, in place of crf")
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = setting(
        "veryfast", help="how long it takes, in x264's words: slower is smaller"
    )
    depth: Literal[8, 10, None] = setting(
        None, unit="bits", help="bits per channel: 10 has no banding; left out: 8 for H.264 and vp9, else 10"
    )
    chroma: Literal["4:2:0", "4:2:2", "4:4:4", None] = setting(
        None, help="how often chroma is sampled; left out: what is usual for the codec"
    )
    gop: float | None = setting(
        None,
        ge=0.01,
        le=60,
        unit="s",
        help="the longest time from one key frame to the next; a segment begins with one",
    )
    b_frames: int | None = setting(
        None, ge=0, le=4, help="consecutive B-frames at most, in H.264 and H.265; left out: as the preset has it"
    )
    dither: bool = setting(True, help="spread the rounding to whole codes over a fine fixed pattern")
    chunk: int | None = setting(
        None, ge=1, le=100_000, help="frames per segment; 2 * round(fps) when left out", keyed=False
    )
    edit_list: bool = setting(
        True,
        help="let an edit list cut what encoders put before the first sample; false: it is cut off, as some "
        "upload pages ask; not of Opus",
        keyed=False,
    )
    audio_codec: Literal["aac", "opus", "flac", "alac", "pcm", None] = setting(
        None, help="how sound is coded; left out: what is usual for the kind of file", keyed=False
    )
    audio_bitrate: int = setting(
        192,
        ge=16,
        le=512,
        unit="kbit/s",
        help="of sound as AAC or Opus; Opus takes at most 256 for each channel",
        keyed=False,
    )
    audio_rate: Literal[
        "source", 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, None
    ] = setting(
        None, unit="Hz", help="of the sound; source: the music's; left out: the music's, 48000 at most", keyed=False
    )

    cover: PicturePath | None = setting(
        None, help="a picture that players show for the film, PNG or JPEG; not in .webm", keyed=False
    )
    loudness: float | None = setting(
        None,
        ge=-40,
        le=-5,
        unit="LUFS",
        help="turn the sound to this integrated loudness (EBU R128), with a true peak of -1 dBTP at most; left out: "
        "as the music is; -14 is what most streams play",
        keyed=False,
    )

    @model_validator(mode="after")
    def _profiled(self) -> Encoded:
        """Take what is left out from the profile; it does not count as given, so that saving does not write it."""
        settings = PROFILES[self.profile].settings if self.profile else {}
        if self.bitrate is not None:
            settings = {name: value for name, value in settings.items() if name != "crf"}
        if cuts_by_edit_list(ending_of(self.path), self.audio_codec):
            settings = {name: value for name, value in settings.items() if name != "edit_list"}
        vars(self).update({name: value for name, value in settings.items() if name not in self.model_fields_set})
        return self

    @model_validator(mode="after")
    def _can_be_coded(self) -> Encoded:
        field, text = coding_problem(self)
        if text:
            raise ValueError(f"{field}: {text}")
        return self

    def required_tools(self) -> tuple[str, ...]:
        return ("ffmpeg",)

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        if self.cover is None or cover_kind(resolve(self.cover)):
            return []
        return [(("cover",), f"{self.cover} is neither PNG nor JPEG, whatever its name says; save it as one of them")]


class FFmpegSink(Encoded):
    """Write a film: BT.709 limited range, tagged, with left-sited chroma; H.264 in MP4 and sound as AAC by default.

    | codec | files | bits | chroma | for |
    |---|---|---|---|---|
    | h264 | .mp4 .m4v .mov .mkv | 8, 10 | 4:2:0 | all players |
    | h264_nvenc | .mp4 .m4v .mov .mkv | 8 | 4:2:0 | all players; by an NVIDIA GPU with an encoder |
    | h265 | .mp4 .m4v .mov .mkv | 10, 8 | 4:2:0 | no banding, half the size |
    | av1 | .mp4 .m4v .mkv .webm | 10, 8 | 4:2:0 | the smallest |
    | vp9 | .webm .mkv .mp4 | 8, 10 | 4:2:0 | web pages |
    | prores, prores4444 | .mov | 10 | 4:2:2, 4:4:4 | editing, labels |
    | dnxhr | .mov | 10 | 4:2:2 | editing; at least 256x120 |
    | ffv1 | .mkv | 10, 8 | 4:4:4 and less | archives: without loss |

    Of several values the first is taken when nothing is said. ProRes 4444, FFV1 and VP9 of 8 bits in .webm and .mkv
    keep a ``matte`` as straight alpha over the full range, floor(matte * largest + 1/2), which VP9 encodes with losses
    as it does colours: to lay titles or figures over other films, or over web pages. Sound is AAC in .mp4,
    PCM of 24 bits in .mov, FLAC of 24 bits in .mkv, Opus in .webm, or `audio_codec`.

    The film is as long as the music, its last frame rounded up. It is made of closed groups of pictures, one per chunk,
    each kept in the store and joined without being encoded again.

    The sound has the music's sample rate up to 48 kHz (88.2 and 176.4 kHz become 44.1, other higher ones 48; rates that
    AAC lacks the next above, where it is coded as AAC), or `audio_rate`: FLAC, ALAC and PCM keep every rate, and Opus
    has 48 kHz alone. It has the smallest layout of its codec in which every channel of the music has its place; the
    others are silent, and a channel with no place goes to its neighbours at 0.7071. AAC has 1.0, 2.0, 3.0, 4.0, 5.0,
    5.1 and 7.1; FLAC and Opus have no 4.0; ALAC has a 6.1 with a centre at the back and a 7.1 with five speakers in
    front, but not the usual 7.1; PCM in .mkv, which does not say whose its channels are, has no 3.0 and 4.0. Music
    above full scale is turned down by one gain, so that its peak is full scale. The run says which of these it did.
    """

    frames: Frames = port("what is shown")
    audio: Audio = port("what is heard; without it the film is silent", optional=True)
    matte: Matte = port("where it is opaque, in ProRes 4444, FFV1, VP9; everywhere without one", optional=True)

    outputs = {"film": Output(FILM)}
    example = {"path": "film.mp4"}


class PNGSink(Sink):
    """Write a folder of numbered PNG pictures, 000000.png and so on: RGB over the full range, without loss.

    With a matte they are RGBA, of straight alpha. A code is floor(value * (2 ** depth - 1) + threshold) of the display
    value within 0..1. The folder is replaced as a whole. It holds a list of the files that n2s wrote; a folder with any
    other file in it is only replaced with --overwrite.
    """

    frames: Frames = port("what is shown")
    audio: Audio = port("what gives the length", optional=True)
    matte: Matte = port("where it is opaque; everywhere without one", optional=True)
    path: str = setting(help="the folder, relative to --out", keyed=False)
    depth: Literal[8, 16] = setting(8, unit="bits", help="bits per channel")
    dither: bool = setting(True, help="spread the rounding to whole codes over a fine fixed pattern")
    chunk: int | None = setting(None, ge=1, le=100_000, help="frames per segment; default: 2 * round(fps)", keyed=False)

    outputs = {"film": Output(FILM)}
    format = "png"
    example = {"path": "frames"}


class EXRSink(Sink):
    """Write a folder of numbered OpenEXR pictures, 000000.exr and so on: light as half floats, for compositing.

    A value is the square of the display value within 0..1, which is what this library calls light, of BT.709's
    primaries. It is rounded from a code of 16 bits. Blocks are compressed without loss (ZIP). The folder is replaced
    as a whole, as `PNGSink` does it. With a matte there is a fourth channel, the opacity, and light is multiplied by
    it, as programs for compositing expect.
    """

    frames: Frames = port("what is shown")
    audio: Audio = port("what gives the length", optional=True)
    matte: Matte = port("where it is opaque; everywhere without one", optional=True)
    path: str = setting(help="the folder, relative to --out", keyed=False)
    chunk: int | None = setting(None, ge=1, le=100_000, help="frames per segment; default: 2 * round(fps)", keyed=False)

    outputs = {"film": Output(FILM)}
    format = "exr"
    example = {"path": "light"}


class AnimationSink(Sink):
    """Write a picture that moves by itself, over and over and without sound: GIF or animated WebP.

    GIF has ``colours`` colours for the whole film, and times of 1/100 s: at 25, 50 or 33.3 frames per second it moves
    evenly, above 50 players slow it down, and more than 100 it cannot have. WebP has all colours at a fraction of the
    size, and times of 1/1000 s; its encoder shows a frame for longer where the next ones hardly differ; it keeps a
    matte, as straight alpha without loss. Neither can be joined from parts: frames are kept in the store, and encoded
    in one piece. Both are for seconds, not for songs.
    """

    frames: Frames = port("what is shown")
    audio: Audio = port("what gives the length", optional=True)
    matte: Matte = port("where a WebP is opaque; everywhere without one", optional=True)
    path: str = setting(help="the file, relative to --out: .gif or .webp", keyed=False)
    colours: int = setting(256, ge=4, le=256, help="of a GIF, transparency included", keyed=False)
    quality: int = setting(75, ge=0, le=100, help="of a WebP", keyed=False)
    dither: bool = setting(True, help="spread the rounding to whole codes over a fine fixed pattern")
    chunk: int | None = setting(None, ge=1, le=100_000, help="frames per segment; default: 2 * round(fps)", keyed=False)

    outputs = {"film": Output(FILM)}
    format = "animation"
    example = {"path": "film.webp"}

    @model_validator(mode="after")
    def _has_room(self) -> AnimationSink:
        if has_alpha(self) and ending_of(self.path) == ".gif":
            raise ValueError("matte: pixels of a GIF are opaque or not seen at all; .webp keeps a matte")
        return self

    def required_tools(self) -> tuple[str, ...]:
        return ("ffmpeg",)


class DigestSink(Sink):
    """Write a text file with the SHA-256 of every frame's yuv420p bytes, one line per frame.

    Two machines that write the same file make the same pictures.
    """

    frames: Frames = port("what is listed")
    audio: Audio = port("what gives the length", optional=True)
    path: str = setting(help="the list's file, relative to --out: .txt or .sha256", keyed=False)
    depth: Literal[8, 10] = setting(8, unit="bits", help="bits per channel")
    dither: bool = setting(True, help="spread the rounding to whole codes over a fine fixed pattern")
    chunk: int | None = setting(
        None, ge=1, le=100_000, help="frames per task; 2 * round(fps) when left out", keyed=False
    )

    outputs = {"film": Output(FILM)}
    format = "digests"
    example = {"path": "frames.txt"}
