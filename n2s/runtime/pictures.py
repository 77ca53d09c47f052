"""Still pictures in, through FFmpeg, and out as PNG."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError
from n2s.runtime.machine import ffmpeg_path


def read_picture(path: Path) -> np.ndarray:
    """Return a picture as float32 (3, H, W), display-referred, 0..1; transparency is ignored.

    Raises
    ------
    MediaError
        When the file is missing or no picture.
    """
    if not path.is_file():
        raise MediaError(f"{path}: there is no such picture.")
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-frames:v", "1", "-sws_flags", "accurate_rnd+full_chroma_int+bitexact"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb48be", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)
    fields = done.stdout[:64].split(maxsplit=3)
    if done.returncode or len(fields) < 4 or fields[0] != b"P6":
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise MediaError(f"{path} cannot be read as a picture: {said[-1] if said else 'no picture came'}. "
                         "PNG, JPEG, TIFF and WebP are understood.")
    width, height = int(fields[1]), int(fields[2])
    pixels = np.frombuffer(done.stdout[-width * height * 6 :], ">u2").reshape(height, width, 3)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(65535))
