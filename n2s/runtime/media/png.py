"""Still pictures out, as PNG of 8 or 16 bits."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from n2s.runtime.store import publish

MADE = b"Software\0n2s"  # by which a picture is known that may be drawn anew
SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write pixels (H, W, 3), uint8 or uint16, as PNG, whole or not at all."""
    data = encode_png(pixels)
    publish(path, lambda temporary: temporary.write_bytes(data))


def encode_png(pixels: np.ndarray) -> bytes:
    """Return pixels (H, W, 3), or with alpha (H, W, 4), uint8 or uint16, as a PNG file.

    Each row is stored as it is or as a difference to its left or upper neighbours, whichever is smaller. The bytes
    depend on the pixels and the version of zlib alone.
    """
    height, width, channels = pixels.shape
    wide = pixels.dtype == np.uint16
    plain = np.ascontiguousarray(pixels, ">u2" if wide else np.uint8).view(np.uint8).reshape(height, -1)
    step = plain.shape[1] // width  # bytes of a pixel
    left, above = plain.copy(), plain.copy()
    left[:, step:] -= plain[:, :-step]
    above[1:] -= plain[:-1]
    ways = np.stack([plain, left, above])  # PNG's filters 0, 1 and 2
    best = np.abs(ways.view(np.int8).astype(np.int16)).sum(axis=2).argmin(axis=0)
    rows = np.empty((height, 1 + plain.shape[1]), np.uint8)
    rows[:, 0] = best
    rows[:, 1:] = ways[best, np.arange(height)]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16 if wide else 8, 6 if channels == 4 else 2, 0, 0, 0)),
        (b"sRGB", b"\0"),
        (b"tEXt", MADE),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
    ]
    written = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return SIGNATURE + b"".join(written) + END


def png_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a PNG file that is whole from its first to its last chunk; None for any other file."""
    with open(path, "rb") as file:
        head = file.read(24)
        file.seek(-min(len(END), file.seek(0, 2)), 2)
        if len(head) < 24 or head[:8] != SIGNATURE or file.read() != END:
            return None
    return struct.unpack(">II", head[16:])
