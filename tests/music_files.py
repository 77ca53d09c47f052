"""Music whose samples are known, in files of every kind: encoded, piped, joined, cut and spoilt."""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe as ffmpeg

from n2s.runtime.media.audio import AudioInfo, AudioReader, probe

RATE = 44100
CODECS = {
    "ogg": ["-c:a", "libvorbis", "-q:a", "9"],
    "opus": ["-c:a", "libopus", "-b:a", "256k"],
    "mp3": ["-c:a", "libmp3lame", "-b:a", "256k"],
    "flac": ["-c:a", "flac"],
}


def noise(seconds: float, seed: int = 0, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """Noise below a sixth of the rate that swells and fades, no stretch like another: float32 (n, channels)."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((round(seconds * rate) + 64, channels))
    smooth = sum(white[i : len(white) - 63 + i] * np.sinc((i - 31) / 6) for i in range(64))[: round(seconds * rate)]
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(len(smooth)) / rate * 1.7)[:, None]
    return (0.08 * smooth * swell).clip(-0.99, 0.99).astype(np.float32)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    import soundfile

    soundfile.write(path, samples, rate, subtype=subtype, format="WAV")
    return path


def encode(path: Path, samples: np.ndarray, *options: str, rate: int = RATE) -> Path:
    """Encode samples with FFmpeg; the codec is that of the file's suffix unless options name one."""
    source = write_wav(path.with_name(path.name + ".source"), samples, rate, "FLOAT")
    codec = options or CODECS.get(path.suffix[1:], [])
    subprocess.run([ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", source, *codec, path], check=True)
    source.unlink()
    return path


def piped(path: Path, samples: np.ndarray, form: str, *options: str, rate: int = RATE) -> Path:
    """Encode samples into a pipe, where no header can be mended afterwards."""
    source = write_wav(path.with_name(path.name + ".source"), samples, rate)
    command = [ffmpeg(), "-v", "error", "-nostdin", "-i", source, *options, "-f", form, "pipe:1"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    source.unlink()
    return path


def join(path: Path, *sources: Path, between: bytes = b"") -> Path:
    path.write_bytes(between.join(source.read_bytes() for source in sources))
    return path


def read(path: Path, **options: Any) -> tuple[AudioInfo, np.ndarray]:
    """Probe a file and read it, in several ways that must agree; float32 (n, channels)."""
    info = probe(path, ffmpeg, **options)
    with AudioReader(path, info, ffmpeg) as reader, AudioReader(path, info, ffmpeg) as other:
        whole = reader.read(0, info.samples)
        for start in (info.samples // 2, info.samples // 7, info.samples - 300, 3):
            assert np.array_equal(
                reader.read(start, 250),
                np.pad(whole[:, start : start + 250], ((0, 0), (0, max(0, start + 250 - info.samples)))),
            )
        step = 1237 if info.samples > 5000 else 97
        blocks = [other.read(at, min(step, info.samples - at)) for at in range(0, info.samples, step)]
        assert np.array_equal(np.concatenate(blocks, axis=1), whole)
    import hashlib

    interleaved = np.ascontiguousarray(whole.T, "<f4").tobytes()
    assert hashlib.sha256(f"{info.rate} {info.channels}\n".encode() + interleaved).hexdigest() == info.digest
    return info, whole.T


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two pieces of equal length."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-30))


def place_of(samples: np.ndarray, piece: np.ndarray) -> int:
    """Where a stretch of a piece is found in it."""
    n = 1 << (len(piece) + len(samples)).bit_length()
    spectrum = np.fft.rfft(piece[:, 0], n) * np.fft.rfft(samples[:, 0], n).conj()
    return int(np.argmax(np.fft.irfft(spectrum, n)[: len(piece)]))


# Ogg by its pages


def ogg_pages(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
        yield data[at : at + size]
        at += size


def ogg_page(page: bytes, flags: int | None = None, position: int | None = None, number: int | None = None) -> bytes:
    """A page with other fields in its header, and the checksum to them."""
    new = bytearray(page)
    if flags is not None:
        new[5] = flags
    if position is not None:
        new[6:14] = struct.pack("<q", position)
    if number is not None:
        new[18:22] = struct.pack("<I", number)
    new[22:26] = bytes(4)
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    crc = zlib.crc32(bytes(new).translate(turned), 0xFFFFFFFF) ^ 0xFFFFFFFF
    new[22:26] = struct.pack("<I", int(f"{crc:032b}"[::-1], 2))
    return bytes(new)


def ogg_position(page: bytes) -> int:
    return struct.unpack("<q", page[6:14])[0]
