"""Still pictures in, through FFmpeg."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import numpy as np

from n2s.graph.errors import MediaError, MissingFileError
from n2s.runtime.machine import ffmpeg_path


def read_picture(path: Path) -> np.ndarray:
    """Return the colours of a picture, float32 (3, H, W), display-referred, 0..1, whatever its transparency.

    Raises
    ------
    MediaError
        When the file is missing, damaged or no picture.
    """
    return _read_colours(path)[0]


def read_layers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the colours of a picture, (3, H, W), and how much of it shows where, (1, H, W), float32, 0..1.

    Colours are straight: they do not depend on the transparency. An opaque picture shows everywhere.

    Raises
    ------
    MediaError
        When the file is missing, damaged or no picture.
    """
    colours, form, deep = _read_colours(path)
    if not _TRANSPARENT.match(form):
        return colours, np.broadcast_to(np.float32(1), (1, *colours.shape[1:]))
    pixels, _ = _decode(path, "rgba64be" if deep else "rgba")
    return colours, _as_numbers(pixels[:, :, 3:])


def _read_colours(path: Path) -> tuple[np.ndarray, str, bool]:
    """Return a picture's colours, the format of its pixels in FFmpeg's words, whether that has more than 8 bits."""
    if not path.is_file():
        why = "this is a folder" if path.is_dir() else "there is no such picture"
        raise MissingFileError(f"{path}: {why}. Check the path.")
    if not path.stat().st_size:
        raise MediaError(f"{path} cannot be read as a picture: it has 0 bytes. PNG, JPEG, TIFF and WebP can be read.")
    if _is_tiff_of_jpeg(path):
        raise MediaError(f"{path} is a TIFF whose pixels are a JPEG, which is not read. Save it again, as PNG for one.")
    pixels, messages = _decode(path, "rgb24")
    form = match[1] if (match := _PIXELS.search(messages)) else ""
    deep = re.search(r"48|64|16|14|12|10|9|f32", form) is not None
    if deep:
        pixels, _ = _decode(path, "rgb48be")
    return _as_numbers(pixels), form, deep


def _as_numbers(pixels: np.ndarray) -> np.ndarray:
    """Return codes (H, W, C) as float32 (C, H, W), 1 for the largest."""
    white = np.float32(np.iinfo(pixels.dtype).max)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / white)


_TRANSPARENT = re.compile(r"rgba|bgra|argb|abgr|ya\d|yuva|gbrap|pal8")  # a palette may have transparent colours
_PIXELS = re.compile(r"Stream #0:\d+[^\n]*?: Video: [^\n,]*, (\w+)")


_COMPRESSION, _JPEG = 259, (6, 7)  # a tag of TIFF, and its values for JPEG, old and new


# Many whole pictures have odd notes beside their pixels, and a PNG may lack the mark of its end.
_HARMLESS = re.compile(r"\b(exif|icc|app fields|tag)\b|bytes left", re.IGNORECASE)
# A level stands before a message, or behind who says it; elsewhere it is a part of the file's name.
_WRONG = re.compile(r"(?:\[[^\]]* @ \w+\]\s*)*\[(?:error|fatal|panic)\]\s*(.*)")


def _damage(messages: str) -> str:
    """Return what FFmpeg calls wrong in the pixels of a picture, all of which it made none the less; "" for nothing."""
    told = (match[1] for line in messages.splitlines() if (match := _WRONG.match(line)))
    return next((text.strip(" .") for text in told if not _HARMLESS.search(text)), "")


def _why(messages: str) -> str:
    """Return what in FFmpeg's messages says why a file is no picture."""
    lines = [re.sub(r"^(\[[^\]]*\]\s*)+", "", line).strip(" .") for line in messages.splitlines()]
    telling = [line for line in lines if re.search(r"invalid|error|truncat|not |missing", line, re.IGNORECASE)]
    return (telling or [line for line in lines if line] or ["no picture came"])[0]


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\xff\xd8"


def _is_tiff_of_jpeg(path: Path) -> bool:
    """Say whether a TIFF keeps its first picture as a JPEG, of which FFmpeg makes other colours without a word."""
    with path.open("rb") as file:
        head = file.read(8)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
        if order is None or len(head) < 8:
            return False
        file.seek(struct.unpack(f"{order}I", head[4:])[0])
        count = struct.unpack(f"{order}H", file.read(2).ljust(2, b"\0"))[0]
        entries = file.read(12 * count)
    tags = struct.iter_unpack(f"{order}HHIH2x", entries[: len(entries) // 12 * 12])
    return any(tag == _COMPRESSION and value in _JPEG for tag, _, _, value in tags)


def _decode(path: Path, form: str) -> tuple[np.ndarray, str]:
    """Return the pixels (H, W, 3 or 4) that FFmpeg reads, and what it says of the file.

    Pictures of 8 bits are read as such: FFmpeg does not widen them exactly.
    """
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-v", "level+info", "-xerror"]
    if _is_jpeg(path):  # else its damage is painted over, without a word; a whole TIFF with tags of its own would fail
        command += ["-err_detect", "explode"]
    command += ["-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path}", "-frames:v", "1", "-sws_flags", "accurate_rnd+full_chroma_int+bitexact"]
    command += ["-f", "image2pipe", "-c:v", "pam", "-pix_fmt", form, "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=False)
    messages = done.stderr.decode(errors="replace")
    head, end, _ = done.stdout[:256].partition(b"ENDHDR\n")
    if done.returncode or not end:
        raise MediaError(f"{path} cannot be read as a picture: {_why(messages)}. PNG, JPEG, TIFF and WebP can be read.")
    if damage := _damage(messages):
        raise MediaError(f"{path} is cut short or damaged: FFmpeg says “{damage}”. Copy or save it again.")
    about = dict(line.split(maxsplit=1) for line in head.splitlines() if b" " in line)
    width, height, channels = (int(about[field]) for field in (b"WIDTH", b"HEIGHT", b"DEPTH"))
    kind = np.dtype("u1" if about[b"MAXVAL"] == b"255" else ">u2")
    pixels = np.frombuffer(done.stdout, kind, width * height * channels, len(head) + len(end))
    return pixels.reshape(height, width, channels), messages
