"""How well beats and bars are heard in music whose truth is known, and how long it takes.

python bench/hearing.py                    # the songs of tests/songs.py
python bench/hearing.py --librosa          # its beat tracker beside, where librosa is installed; it tells no bars
python bench/hearing.py --midi FOLDER --font FONT.sf2    # MIDI files with a tempo map, played with a sound font
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import songs  # noqa: E402
from midi_music import play_folder  # noqa: E402

from n2s.hearing.beats import find_beats  # noqa: E402
from n2s.hearing.song import hear  # noqa: E402
from training.hearing.samples import Samples  # noqa: E402

Tracker = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_n2s(ears: Any) -> Tracker:
    def track(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        heard = hear(Samples(samples, songs.RATE), ears)
        beats = find_beats(heard, heard["begins"])
        return beats.times, beats.times[beats.first]

    return track


def by_librosa(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import librosa

    _, beats = librosa.beat.beat_track(y=samples.mean(axis=0), sr=songs.RATE, units="time")
    return beats, np.zeros(0)


def f_measure(true: np.ndarray, found: np.ndarray) -> float:
    return mir_eval.beat.f_measure(true, found) if len(found) else 0.0


def other_levels(beats: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the beats, and what others may count in the same music: twice or thrice as fast or as slow."""
    place = np.arange(len(beats))
    yield beats
    for times in (2, 3):
        yield np.interp(np.arange(times * (len(beats) - 1) + 1) / times, place, beats)
        yield from (beats[first::times] for first in range(times))


def at_best_level(true: np.ndarray, found: np.ndarray) -> float:
    return max(f_measure(level, found) for level in other_levels(true))


def is_level_right(true: np.ndarray, found: np.ndarray) -> bool:
    return len(found) > 3 and abs(np.log2(np.median(np.diff(found)) / np.median(np.diff(true)))) < 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--librosa", action="store_true", help="also track beats with librosa")
    parser.add_argument("--midi", type=Path, metavar="FOLDER", help="judge by the MIDI files of a folder")
    parser.add_argument("--font", type=Path, help="the sound font that plays them")
    given = parser.parse_args()
    if given.midi and not given.font:
        parser.error("--midi needs a sound font: --font FONT.sf2")
    trackers = {"n2s": by_n2s("net"), "n2s, plain ears": by_n2s("plain")}
    if given.librosa:
        trackers["librosa"] = by_librosa
    music = (
        list(play_folder(given.midi, given.font)) if given.midi else [songs.compose(piece) for piece in songs.PIECES]
    )
    minutes = sum(piece.samples.shape[1] for piece in music) / songs.RATE / 60
    print(f"{len(music)} pieces, {minutes:.0f} minutes")
    for name, tracker in trackers.items():
        report(name, tracker, music, minutes)


def report(name: str, tracker: Tracker, music: list, minutes: float) -> None:
    """Print what a tracker finds in pieces, and the means."""
    tracker(music[0].samples)  # what is compiled or opened first is not counted
    began = time.process_time()
    found = [tracker(piece.samples) for piece in music]
    spent = time.process_time() - began
    print(f"{name}: {spent / minutes:.2f} s of processor time per minute of music")
    rows = [
        (f_measure(piece.beats, beats), at_best_level(piece.beats, beats), is_level_right(piece.beats, beats),
         f_measure(piece.downbeats, bars))
        for piece, (beats, bars) in zip(music, found)
    ]  # fmt: skip
    for piece, (beats, best, level, bars) in zip(music, rows):
        print(f"    {piece.name:28} beats {beats:.2f}  at the best level {best:.2f}"
              f"  {'level right' if level else 'other level'}  bars {bars:.2f}")  # fmt: skip
    for label, kinds in (("with drums", [True]), ("without", [False]), ("all", [True, False])):
        chosen = [row for piece, row in zip(music, rows) if piece.drums in kinds]
        if chosen:
            beats, best, level, bars = (float(np.mean(column)) for column in zip(*chosen))
            print(f"  {label:11} beats {beats:.3f}  at the best level {best:.3f}  level right {level:.2f}"
                  f"  bars {bars:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
