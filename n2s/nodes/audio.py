"""Music in."""

from __future__ import annotations

from n2s.graph.context import AudioHandle, Scene
from n2s.graph.declare import FilePath, Output, Resident, setting
from n2s.graph.types import AUDIO


class AudioSource(Resident):
    """Read music from a file: wav, flac, ogg, opus, mp3, aiff, caf; m4a and AAC through FFmpeg.

    Any sample rate, mono to eight channels. The music is known by its samples, so retagging or moving the file renders
    nothing again.
    """

    path: FilePath = setting(help="the file, relative to the graph's", keyed=False)

    outputs = {"audio": Output(AUDIO, "the music, as it is in the file")}
    example = {"path": "music.wav"}

    def compute(self, scene: Scene) -> AudioHandle:
        return scene.context.audio(scene.path(self.path))
