"""Music in."""

from __future__ import annotations

from typing import Literal

from n2s.graph.context import AudioHandle, Scene
from n2s.graph.declare import MusicPath, Output, Resident, setting
from n2s.graph.types import AUDIO


class AudioSource(Resident):
    """Read music from a file: wav, flac, ogg, opus, mp3, aiff, caf, w64, au; m4a, webm, wma and more through FFmpeg.

    Any sample rate, mono to eight channels. All of the file is read, as players play it: every link of a chained ogg,
    every one of flac or mp3 files that were joined end to end, which must have one sample rate and number of channels.
    The music is known by its samples, so retagging or moving the file renders nothing again.

    A file that is cut short or damaged is an error. With `damaged: keep` its music is taken as far as it goes, and the
    run says what is missing: a cut file ends where it is cut; in the middle of flac, ogg and mp3, silence takes the
    place of what is lost.
    """

    path: MusicPath = setting(help="the file, relative to the graph's", keyed=False)
    damaged: Literal["refuse", "keep"] = setting(
        "refuse", help="what to do about a damaged file: refuse it, or keep what is there", keyed=False
    )

    outputs = {"audio": Output(AUDIO, "the music, as it is in the file")}
    example = {"path": "music.wav"}

    def compute(self, scene: Scene) -> AudioHandle:
        return scene.context.audio(scene.path(self.path), self.damaged == "keep")
