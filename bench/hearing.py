"""How well beats, bars, drums and sections are heard in composed songs whose truth is known, and how long it takes.

python bench/hearing.py
python bench/hearing.py --librosa          # its beat tracker beside, where librosa is installed
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mir_eval
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import songs  # noqa: E402

from n2s.hearing.beats import find_beats  # noqa: E402
from n2s.hearing.song import hear  # noqa: E402
from training.hearing.samples import Samples  # noqa: E402

Tracker = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_n2s(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heard = hear(Samples(samples, songs.RATE))
    beats = find_beats(heard, heard["begins"])
    return beats.times, beats.times[beats.first]


def by_librosa(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import librosa

    _, beats = librosa.beat.beat_track(y=samples.mean(axis=0), sr=songs.RATE, units="time")
    return beats, np.zeros(0)


def f_measure(true: np.ndarray, found: np.ndarray) -> float:
    return mir_eval.beat.f_measure(true, found) if len(found) else 0.0


def is_level_right(true: np.ndarray, found: np.ndarray) -> bool:
    return len(found) > 3 and abs(np.log2(np.median(np.diff(found)) / np.median(np.diff(true)))) < 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--librosa", action="store_true", help="also track beats with librosa")
    given = parser.parse_args()
    trackers: dict[str, Tracker] = {"n2s": by_n2s} | ({"librosa": by_librosa} if given.librosa else {})
    composed = [songs.compose(piece) for piece in songs.PIECES]
    minutes = sum(song.samples.shape[1] for song in composed) / songs.RATE / 60
    for name, tracker in trackers.items():
        tracker(composed[0].samples)  # what is compiled or opened first is not counted
        began = time.process_time()
        found = [tracker(song.samples) for song in composed]
        spent = time.process_time() - began
        print(f"{name}: {spent / minutes:.2f} s of processor time per minute of music")
        rows = [
            (song.drums, f_measure(song.beats, beats), is_level_right(song.beats, beats),
             f_measure(song.downbeats, bars))
            for song, (beats, bars) in zip(composed, found)
        ]  # fmt: skip
        for song, row in zip(composed, rows):
            print(f"    {song.piece.name:28} beats {row[1]:.2f}  {'level right' if row[2] else 'other level'}"
                  f"  bars {row[3]:.2f}")  # fmt: skip
        for label, drums in (("with drums", True), ("without", False)):
            chosen = [row for row in rows if row[0] is drums]
            beats, level, bars = (np.mean([row[i] for row in chosen]) for i in (1, 2, 3))
            print(f"  {label:11} beats {beats:.3f}  level right {level:.2f}  bars {bars:.3f}")
        print(f"  {'all':11} beats {np.mean([row[1] for row in rows]):.3f}")


if __name__ == "__main__":
    main()
