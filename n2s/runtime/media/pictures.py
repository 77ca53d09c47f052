"""Still pictures in, through FFmpeg."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError, MissingFileError
from n2s.runtime.machine import ffmpeg_path


def read_picture(path: Path) -> np.ndarray:
    """Return a picture as float32 (3, H, W), display-referred, 0..1; transparency is ignored.

    Raises
    ------
    MediaError
        When the file is missing or no picture.
    """
    if not path.is_file():
        why = "this is a folder" if path.is_dir() else "there is no such picture"
        raise MissingFileError(f"{path}: {why}. Check the path.")
    pixels, messages = _decode(path, "rgb24")
    if match := _PIXELS.search(messages):
        if re.search(r"48|64|16|14|12|10|9|f32", match[1]):  # more than 8 bits per channel
            pixels, _ = _decode(path, "rgb48be")
    white = np.float32(np.iinfo(pixels.dtype).max)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / white)


_PIXELS = re.compile(r"Stream #0:\d+[^\n]*?: Video: [^\n,]*, (\w+)")


def _decode(path: Path, form: str) -> tuple[np.ndarray, str]:
    """Return the pixels (H, W, 3) that FFmpeg reads, and what it says of the file.

    Pictures of 8 bits are read as such: FFmpeg does not widen them exactly.
    """
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-xerror", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-frames:v", "1", "-sws_flags", "accurate_rnd+full_chroma_int+bitexact"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", form, "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)
    messages = done.stderr.decode(errors="replace")
    fields = done.stdout[:64].split(maxsplit=3)
    if done.returncode or len(fields) < 4 or fields[0] != b"P6":
        last = next((line for line in reversed(messages.splitlines()) if line.strip()), "no picture came")
        raise MediaError(f"{path} cannot be read as a picture: {last.strip()}. PNG, JPEG, TIFF and WebP can be read.")
    width, height = int(fields[1]), int(fields[2])
    kind = np.dtype("u1" if form == "rgb24" else ">u2")
    return np.frombuffer(done.stdout[-width * height * 3 * kind.itemsize :], kind).reshape(height, width, 3), messages
