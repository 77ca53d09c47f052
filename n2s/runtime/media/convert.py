"""Music at another sample rate, converted once and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.keys import digest
from n2s.runtime.context import Music
from n2s.runtime.ffmpeg import EXACT, FFmpeg
from n2s.runtime.machine import ffmpeg_version
from n2s.runtime.media.sound import speakers
from n2s.runtime.store import Store

KIND, SUFFIX = "converted-music", ".wav"
AT_ONCE = 1 << 16
SHARP = "filter_size=64:cutoff=0.97"  # of the filter that resamples


def at_rate(music: Music, rate: int, store: Store, open_music: Callable[[Path], Music]) -> Music:
    """Return a piece of music at a sample rate, as 32-bit floats: ceil(samples * rate / its rate) samples of it.

    Parameters
    ----------
    open_music : callable
        Opens what was converted.
    """
    if music.rate == rate:
        return music
    recipe = {"music": music.digest, "rate": rate, "ffmpeg": ffmpeg_version(), "code": code_digest(__name__)}
    key = digest(recipe)
    path = store.find(KIND, key, SUFFIX) or store.add(KIND, key, SUFFIX, recipe, lambda path: _write(music, rate, path))
    return open_music(path)


def _write(music: Music, rate: int, path: Path) -> None:
    count = -(-music.samples * rate // music.rate)
    words = ["-f", "f32le", "-ar", str(music.rate), "-channel_layout", speakers(music), "-i", "pipe:0"]
    exact = f"aresample={rate}:{SHARP},apad=whole_len={count},atrim=end_sample={count}"
    with (
        FFmpeg([*words, "-af", exact, "-c:a", "pcm_f32le", *EXACT, "-f", "wav"], path) as ffmpeg,
        music.reader() as reader,
    ):
        for start in range(0, music.samples, AT_ONCE):
            samples = reader.read(start, min(AT_ONCE, music.samples - start))
            ffmpeg.write(np.ascontiguousarray(samples.T, "<f4").tobytes())
        ffmpeg.finish()
    music.check()
