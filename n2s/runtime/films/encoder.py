"""FFmpeg, through pipes of our own: pictures to segments, music to AAC, both to a film."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

from n2s.graph.errors import RenderError
from n2s.runtime.machine import ffmpeg_path
from n2s.runtime.store import disk_error

QUIET = ["-hide_banner", "-nostdin", "-v", "error", "-nostats", "-y", "-xerror"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]


_running: list[FFmpeg] = []
_TEMPORARY = re.compile(r"\A\.(.+)\.\d+\.[0-9a-f]{8}\.tmp.*")


class FFmpeg:
    """A running FFmpeg that takes bytes and makes a file; killed unless it was finished.

    Its messages go to a temporary file, because a full pipe of messages would stop it; it is a process group of its
    own, so that Ctrl-C reaches us first.
    """

    def __init__(self, arguments: list[str], output: Path, pipe: bool = True):
        self.output = output
        program = ffmpeg_path()
        self._messages = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                [program, *QUIET, *arguments, str(output)],
                stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                start_new_session=True,
            )
        except OSError as error:
            self._messages.close()
            raise RenderError(
                f"FFmpeg cannot be started: {error.strerror}. Cure: pip install --force-reinstall imageio-ffmpeg."
            ) from None
        _running.append(self)

    def __enter__(self) -> FFmpeg:
        return self

    def __exit__(self, *_: Any) -> None:
        self.kill()
        if self._process.stdin and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        self._messages.close()
        if self in _running:
            _running.remove(self)

    def kill(self) -> None:
        """End it at once, from any thread."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def write(self, data: Any) -> None:
        """Hand over bytes; waits while FFmpeg is busy, which holds the producers back."""
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            self._process.wait()
            raise self._failure() from None

    def finish(self) -> None:
        """Close the pipe and wait for the file.

        Raises
        ------
        RenderError
            When FFmpeg failed or was killed; what it said is in the message.
        """
        if self._process.stdin:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        if self._process.wait() != 0:
            raise self._failure()

    def _failure(self) -> RenderError:
        status = self._process.returncode
        name = _TEMPORARY.sub(r"\1", self.output.name)
        self._messages.seek(0)
        said = self._messages.read().decode(errors="replace").strip()
        if "No space left" in said or status == 228:
            return disk_error(OSError(errno.ENOSPC, "No space left on device"), self.output)
        if status < 0:
            killer = signal.Signals(-status).name
            return RenderError(
                f"FFmpeg was killed ({killer}) while it wrote {name}. What is finished is kept; run again to go on."
            )
        last = said.splitlines()[-1] if said else "it said nothing"
        last = re.sub(r"\[[^]]*\] ", "", last)
        return RenderError(
            f"FFmpeg failed (status {status}) while it wrote {name}: {last}. What is finished is kept; mend "
            "the cause and run again."
        )


def kill_running() -> None:
    """End every FFmpeg of this process, which is about to end itself; each would go on until its file is whole."""
    for ffmpeg in list(_running):
        ffmpeg.kill()


def segment_arguments(size: tuple[int, int], fps: Fraction, crf: int, preset: str, depth: int) -> list[str]:
    """Return FFmpeg's arguments that turn raw yuv420p frames on standard input into one closed segment.

    One thread and no processor-specific decisions, so that the bytes depend on the frames alone; the time base is that
    of the frame rate, so that segments join exactly; BT.709 limited range and left-sited chroma are tagged.
    """
    pixels = "yuv420p" if depth == 8 else "yuv420p10le"
    tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    return [
        *["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{size[0]}x{size[1]}", "-framerate", str(fps), "-i", "pipe:0"],
        *["-an", "-vf", f"setparams={tags}", "-pix_fmt", pixels, "-chroma_sample_location", "left"],
        *["-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-threads", "1"],
        *["-x264-params", "stitchable=1:cpu-independent=1:open-gop=0"],
        *["-video_track_timescale", str(fps.numerator), *EXACT, "-f", "mp4"],
    ]


def audio_arguments(rate: int, layout: str, bitrate: int, delivered: int, samples: int) -> list[str]:
    """Return FFmpeg's arguments that turn float32 samples on standard input into AAC in an MP4 file.

    The speakers are named, because FFmpeg takes the third of three channels for the low-frequency one. Where the sound
    gets another sample rate than the music, it is resampled to exactly ``samples`` samples.
    """
    resample = f"aresample={delivered}:filter_size=64:cutoff=0.97,apad=whole_len={samples},atrim=end_sample={samples}"
    return [
        *["-f", "f32le", "-ar", str(rate), "-channel_layout", layout, "-i", "pipe:0"],
        *(["-af", resample] if delivered != rate else []),
        *["-c:a", "aac", "-b:a", f"{bitrate}k", "-threads", "1", *EXACT, "-f", "mp4"],
    ]


def join_arguments(listing: Path, audio: Path | None, metadata: Path, fps: Fraction) -> list[str]:
    """Return FFmpeg's arguments that join segments by copying them, with the music and the chapters.

    Each frame's time is set from its number: concatenation rounds times to microseconds, k / fps is exact.
    """
    rate, frame = f"{fps.numerator}/{fps.denominator}", f"{fps.denominator}/{fps.numerator}/TB"
    exact = f"setts=pts=round(PTS*TB*{rate})*{frame}:dts=(N-2)*{frame}:duration={frame}"
    inputs = ["-f", "concat", "-safe", "0", "-i", str(listing), *(["-i", str(audio)] if audio else [])]
    inputs += ["-f", "ffmetadata", "-i", str(metadata)]
    last = 2 if audio else 1
    return [
        *inputs,
        *["-map", "0:v", *(["-map", "1:a"] if audio else []), "-map_metadata", str(last), "-map_chapters", str(last)],
        *["-c", "copy", "-bsf:v", exact, "-video_track_timescale", str(fps.numerator)],
        *["-movflags", "+faststart", *EXACT, "-f", "mp4"],
    ]


def frames_arguments(film: Path) -> list[str]:
    """Return FFmpeg's arguments that turn a film into numbered pictures, in full-range RGB."""
    colours = "scale=in_color_matrix=bt709:in_range=tv:out_range=pc:flags=accurate_rnd+full_chroma_int,format=rgb24"
    return [
        "-i",
        f"file:{film}",
        "-an",
        "-vf",
        colours,
        "-fps_mode",
        "passthrough",
        "-start_number",
        "0",
        "-f",
        "image2",
    ]


def run_ffmpeg(arguments: list[str], output: Path) -> None:
    """Run FFmpeg to its end."""
    with FFmpeg(arguments, output, pipe=False) as ffmpeg:
        ffmpeg.finish()
