"""Compose the demo album: ``python audio/compose.py`` writes ember.flac, moss.ogg and tide.mp3 beside this file.

Each piece is a function of nothing, in a file of its own: notes written down, sounds computed in ``sounds.py`` and
mixed in ``desk.py``.
Notes are MIDI numbers (60 is middle C). Run twice, it gives the same samples; only the ogg file's own serial number,
which its encoder draws, differs. Writing ogg and mp3 needs soundfile 0.13.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from desk import loudness
from ember import ember
from moss import moss
from sounds import RATE
from tide import tide

PIECES = {
    "ember": (ember, "flac", {"subtype": "PCM_16"}),
    "moss": (moss, "ogg", {"subtype": "VORBIS", "compression_level": 0.4}),
    "tide": (tide, "mp3", {"compression_level": 0.35, "bitrate_mode": "CONSTANT"}),
}


def write(path: Path, sound: np.ndarray, kind: dict) -> None:
    """In blocks: libsndfile's ogg encoder overflows its stack when handed minutes at once."""
    import soundfile

    pcm = sound.T.astype(np.float32)
    if kind.get("subtype") == "PCM_16":  # triangular dither, so that fades end in air and not in steps
        dither = np.random.default_rng(16).random((2, *pcm.shape)).sum(axis=0) - 1
        pcm = np.round(sound.T * 32767 + dither).clip(-32768, 32767).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2, **kind) as file:
        for at in range(0, len(pcm), 8192):
            file.write(pcm[at : at + 8192])


def main(names: list[str]) -> None:
    for name in names or PIECES:
        compose, ending, kind = PIECES[name]
        sound = compose()
        path = Path(__file__).with_name(f"{name}.{ending}")
        write(path, sound, kind)
        print(
            f"{path.name}  {sound.shape[1] / RATE:.1f} s  {loudness(sound):.1f} LUFS  "
            f"peak {20 * np.log10(np.abs(sound).max()):.2f} dBFS  {path.stat().st_size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
