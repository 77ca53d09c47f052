"""Still pictures in, through FFmpeg, and out as PNG."""

from __future__ import annotations

import re
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError, MissingFileError
from n2s.runtime.machine import ffmpeg_path
from n2s.runtime.store import publish

MADE = b"Software\0n2s"  # marks a picture that n2s wrote and may replace


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


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 pixels (H, W, 3) as PNG, whole or not at all."""
    data = encode_png(pixels)
    publish(path, lambda temporary: temporary.write_bytes(data))


def encode_png(pixels: np.ndarray) -> bytes:
    """Return uint8 pixels (H, W, 3) as a PNG file; each row uses the filter that gives the smallest values."""
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
    chunks = [
        (b"IHDR", header),
        (b"sRGB", b"\0"),
        (b"tEXt", MADE),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
