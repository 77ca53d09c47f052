"""Still pictures in, through FFmpeg, and out as PNG."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError
from n2s.runtime.machine import ffmpeg_path
from n2s.runtime.store import publish


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


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 pixels (H, W, 3) as PNG, whole or not at all."""
    data = encode_png(pixels)
    publish(path, lambda temporary: temporary.write_bytes(data))


def encode_png(pixels: np.ndarray) -> bytes:
    """Return uint8 pixels (H, W, 3) as a PNG file; each row is stored as it is or as a difference, whichever is smaller."""
    height, width, _ = pixels.shape
    plain = np.ascontiguousarray(pixels, np.uint8).reshape(height, width * 3)
    left, above = plain.copy(), plain.copy()
    left[:, 3:] -= plain[:, :-3]
    above[1:] -= plain[:-1]
    ways = np.stack([plain, left, above])  # PNG's filters 0, 1 and 2
    best = np.abs(ways.view(np.int8).astype(np.int16)).sum(axis=2).argmin(axis=0)
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = best
    rows[:, 1:] = ways[best, np.arange(height)]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
