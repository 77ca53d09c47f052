"""Still pictures out, as OpenEXR of half floats (https://openexr.com/en/latest/OpenEXRFileLayout.html)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

MAGIC = struct.pack("<II", 20000630, 2)
ROWS = 16  # of a block, as its kind of compression has it
HALF, ZIP = 1, 3
CHANNELS = {3: "BGR", 4: "ABGR"}  # in the order of their names


def encode_exr(light: np.ndarray) -> bytes:
    """Return light (H, W, 3), float16, of BT.709's primaries, as an OpenEXR file; or light and opacity (H, W, 4).

    Blocks of 16 rows are compressed by zlib, bytes of low and of high weight apart and as differences; a block that
    grows by this is stored as it is. The bytes depend on the light and the version of zlib alone.
    """
    height, width, count = light.shape
    planes = np.ascontiguousarray(light[..., ::-1].transpose(0, 2, 1), "<f2")  # row by row, blue first
    header = MAGIC + b"".join(_attribute(*entry) for entry in _attributes(width, height, count)) + b"\0"
    blocks = [
        struct.pack("<ii", top, len(data)) + data
        for top in range(0, height, ROWS)
        for data in [_packed(planes[top : top + ROWS].tobytes())]
    ]
    starts = np.cumsum([len(header) + 8 * len(blocks), *(len(block) for block in blocks[:-1])])
    return header + starts.astype("<u8").tobytes() + b"".join(blocks)


def exr_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of an OpenEXR file of `encode_exr` that is whole to its last block; None otherwise."""
    data = path.read_bytes()
    name = b"dataWindow\0box2i\0"
    at = data.find(name)
    if not data.startswith(MAGIC) or at < 0 or len(data) < at + len(name) + 20:
        return None
    left, top, right, bottom = struct.unpack_from("<4i", data, at + len(name) + 4)
    width, height = right - left + 1, bottom - top + 1
    blocks = -(-height // ROWS)
    table = _header_end(data)
    if table is None or len(data) < table + 8 * blocks:
        return None
    last = int.from_bytes(data[table + 8 * (blocks - 1) : table + 8 * blocks], "little")
    if len(data) < last + 8 or last + 8 + struct.unpack_from("<i", data, last + 4)[0] != len(data):
        return None
    return width, height


def _header_end(data: bytes) -> int | None:
    """Return where the table of blocks begins."""
    place = len(MAGIC)
    while data[place : place + 1] != b"\0":
        place = data.find(b"\0", data.find(b"\0", place) + 1) + 1
        if place <= len(MAGIC) or place + 4 > len(data):
            return None
        place += 4 + int.from_bytes(data[place : place + 4], "little")
    return place + 1


def _attributes(width: int, height: int, count: int) -> list[tuple[str, str, bytes]]:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name.encode() + b"\0" + struct.pack("<iB3xii", HALF, 0, 1, 1) for name in CHANNELS[count])
    return [
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", bytes([ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
        ("software", "string", b"n2s"),
    ]


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def _packed(raw: bytes) -> bytes:
    plain = np.frombuffer(raw, np.uint8)
    apart = np.concatenate([plain[0::2], plain[1::2]])
    steps = apart.copy()
    steps[1:] -= apart[:-1]
    steps[1:] += 128
    packed = zlib.compress(steps.tobytes(), 6)
    return packed if len(packed) < len(raw) else raw
