"""Music at another sample rate, converted once and kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
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
    converted = open_music(path)
    converted.name = music.name
    return converted


def _write(music: Music, rate: int, path: Path) -> None:
    count = -(-music.samples * rate // music.rate)

    def blocks() -> Generator[np.ndarray]:
        with music.reader() as reader:
            for start in range(0, music.samples, AT_ONCE):
                yield reader.read(start, min(AT_ONCE, music.samples - start))

    exact = f"aresample={rate}:{SHARP},apad=whole_len={count},atrim=end_sample={count}"
    write_floats(path, blocks(), music.rate, speakers(music), ["-af", exact])
    music.check()


def write_floats(path: Path, blocks: Generator[np.ndarray], rate: int, layout: str, words: Sequence[str] = ()) -> None:
    """Write blocks of samples (channels, n) as a WAV of 32-bit floats; ``words`` are more of FFmpeg's options."""
    given = ["-f", "f32le", "-ar", str(rate), "-channel_layout", layout, "-i", "pipe:0"]
    with FFmpeg([*given, *words, "-c:a", "pcm_f32le", *EXACT, "-f", "wav"], path) as ffmpeg, closing(blocks):
        for samples in blocks:
            ffmpeg.write(np.ascontiguousarray(samples.T, "<f4").tobytes())
        ffmpeg.finish()
