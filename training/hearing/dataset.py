"""Songs for the net: played by the band, heard by n2s, with their beats.

python -m training.hearing.dataset --font /usr/share/sounds/sf2/FluidR3_GM.sf2 --count 1500
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from n2s.hearing.rows import analyse
from training import arguments
from training.errors import KEPT, TrainingError, run_command
from training.files import write_whole
from training.hearing.band import Song, improvise
from training.hearing.samples import Samples
from training.hearing.studio import RATE, Studio

HEARD = ("levels", "rises", "chroma")


def hear(song: Song, samples: np.ndarray) -> dict[str, Any]:
    """Return what the net sees of a song, and what is true of it."""
    heard = analyse(Samples(samples, RATE))
    truth = {"beats": song.beats, "downbeats": song.beats[:: song.bar], "bar": song.bar}
    truth |= {name: np.array(times) for name, times in song.hits.items()}
    return {name: heard[name].astype(np.float16) for name in HEARD} | truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--font", type=Path, nargs="+", required=True, help="sound fonts, with drum kits in bank 128")
    parser.add_argument("--out", type=Path, default=Path("training/data/songs"))
    parser.add_argument("--count", type=arguments.count, default=1500)
    parser.add_argument("--first", type=arguments.at_least(0), default=0)
    parser.add_argument("--seed", type=arguments.seed, default=0)
    given = parser.parse_args()
    for font in given.font:
        if not font.is_file():
            raise TrainingError(f"There is no sound font {font}; name one, such as those of fluid-soundfont-gm.")
    studios = [Studio(font) for font in given.font]
    for number in range(given.first, given.count):
        path = given.out / f"{given.seed}-{number:05}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([given.seed, number])
        song = improvise(rng)
        heard = hear(song, studios[number % len(studios)].play(song, rng))
        write_whole(path, lambda partial, heard=heard: np.savez(partial, **heard))


if __name__ == "__main__":
    run_command(main, KEPT)
