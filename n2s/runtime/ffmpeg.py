"""FFmpeg as a process that takes bytes through a pipe and makes a file."""

from __future__ import annotations

import errno
import importlib.resources
import os
import re
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, cast

from n2s.graph.errors import RenderError
from n2s.runtime.disk_errors import disk_error

QUIET = ["-hide_banner", "-nostdin", "-v", "error", "-nostats", "-y", "-xerror"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]


_running: list[FFmpeg] = []
_TEMPORARY = re.compile(r"\A\.(.+)\.\d+\.[0-9a-f]{8}\.tmp.*")


@cache
def ffmpeg_path() -> str:
    """Return the FFmpeg that imageio-ffmpeg brings (or that IMAGEIO_FFMPEG_EXE names).

    Raises
    ------
    RenderError
        When there is none.
    """
    path = os.environ.get("IMAGEIO_FFMPEG_EXE") or _brought() or _tried()
    if not path or not os.access(path, os.X_OK):
        named = os.environ.get("IMAGEIO_FFMPEG_EXE")
        where = f"IMAGEIO_FFMPEG_EXE names {named}, which cannot be run" if named else "imageio-ffmpeg brings none here"
        raise RenderError(
            f"There is no FFmpeg: {where}. Cure: pip install --force-reinstall imageio-ffmpeg, or let "
            "IMAGEIO_FFMPEG_EXE name an FFmpeg with libx264."
        )
    return path


def _brought() -> str:
    """Return the FFmpeg that lies in imageio-ffmpeg, without starting it; nothing where none does.

    The package starts what it finds to try it, a quarter of a second in a run that may need no FFmpeg at all.
    """
    try:
        folder = importlib.resources.files("imageio_ffmpeg") / "binaries"
        found = [
            str(file) for file in folder.iterdir() if file.name.startswith("ffmpeg-") and os.access(str(file), os.X_OK)
        ]
    except (ImportError, OSError):
        return ""
    return min(found, default="")


def _tried() -> str:
    """Return an FFmpeg of conda's or of the system that runs; nothing where there is none."""
    try:
        import imageio_ffmpeg  # slow to import

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return ""


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
            os.killpg(self._process.pid, signal.SIGKILL) if os.name == "posix" else self._process.kill()
            self._process.wait()

    def write(self, data: Any) -> None:
        """Hand over bytes; waits while FFmpeg is busy, which holds the producers back."""
        try:
            cast(Any, self._process.stdin).write(data)
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

    def said(self) -> str:
        """Return what it has said."""
        self._messages.seek(0)
        return self._messages.read().decode(errors="replace").strip()

    def _failure(self) -> RenderError:
        status = self._process.returncode
        name, said = _TEMPORARY.sub(r"\1", self.output.name), self.said()
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


def run_ffmpeg(arguments: list[str], output: Path) -> str:
    """Run FFmpeg to its end, and return what it said: at its end it may still tell of something that it left out."""
    with FFmpeg(arguments, output, pipe=False) as ffmpeg:
        ffmpeg.finish()
        return ffmpeg.said()
