"""The steps of `make.py`, each a program that reads and writes files, as a Makefile wants them.

python make_steps.py hear music.wav heard.npz
python make_steps.py drive heard.npz glow.txt driven.npz
python make_steps.py cut driven.npz cuts CHUNKS             writes only what differs
python make_steps.py render driven.npz|cuts/003.npz NUMBER MODEL chunk003.mp4
python make_steps.py join music.wav film.mp4 chunk000.mp4 …
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import plain_script

CHUNK = 2 * plain_script.FPS  # frames, as n2s has them


def hear(music: str, out: str) -> None:
    rms, onset = plain_script.hear(Path(music))
    np.savez(out, rms=rms, onset=onset)


def drive(heard: str, glow: str, out: str) -> None:
    value = float(Path(glow).read_text(encoding="utf-8"))
    with np.load(heard) as values:
        np.savez(out, **plain_script.drive(values["rms"], values["onset"], value))


def cut(driven: str, folder: str, count: str) -> None:
    """Write the rows of each chunk into a file of its own; a file that would be the same keeps its time."""
    Path(folder).mkdir(exist_ok=True)
    with np.load(driven) as values:
        whole = dict(values)
    for number in range(int(count)):
        path, rows = Path(folder, f"{number:03}.npz"), slice(number * CHUNK, (number + 1) * CHUNK)
        if not (path.exists() and is_same(path, {name: values[rows] for name, values in whole.items()})):
            np.savez(path, **{name: values[rows] for name, values in whole.items()})


def is_same(path: Path, wanted: dict[str, np.ndarray]) -> bool:
    """Say whether a file has these arrays; its bytes would differ, as it holds the time at which it was written."""
    with np.load(path) as values:
        return all(np.array_equal(values[name], rows) for name, rows in wanted.items())


def render(driven: str, number: str, model: str, out: str) -> None:
    with np.load(driven) as values:
        rows = dict(values)
    film, first = plain_script.Film(Path(model), threads=1), int(number) * CHUNK
    inside = first if len(rows["time"]) > CHUNK else 0  # the whole film, or the rows of this chunk
    stop = min(inside + CHUNK, len(rows["time"]))
    plain_script.write(Path(out), film.frames(rows, inside, stop), threads=1)


def join(music: str, out: str, *chunks: str) -> None:
    import imageio_ffmpeg

    listing = Path(out).with_suffix(".list")
    listing.write_text("".join(f"file '{chunk}'\n" for chunk in chunks))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "concat", "-i", str(listing), "-i", music,
               "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-shortest", out]  # fmt: skip
    subprocess.run(command, check=True)


if __name__ == "__main__":
    {"hear": hear, "drive": drive, "cut": cut, "render": render, "join": join}[sys.argv[1]](*sys.argv[2:])
