"""Draw what the graphs of examples/choreography do: docs/images/choreography/NAME.jpg, and NAME.webp, which moves.

python docs/draw_choreography.py
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

DOCS = Path(__file__).resolve().parent
GRAPHS, FOLDER = DOCS.parent / "examples" / "choreography", DOCS / "images" / "choreography"
STRIP, SHEET = "scale=1400:-2", "scale=1000:-2"
BARS = [f"--at={beat}.45 beats" for beat in range(15, 24)]  # two bars, after each step
DROPS = [f"--at={time}" for time in (2, 4.5, 7.3, 7.5, 7.6, 12, 14.7, 14.95, 16)]
SNARES = [f"--at={time}" for time in (6.87, 10.64, 18.14, 21.87)]
SHOWN = {  # by the name of a graph: how large its picture is, what n2s preview is asked for, the seconds that move
    "hit": (STRIP, ["--strip"], (4.9, 8.9)),
    "bar": (SHEET, BARS, (14.5, 18.5)),
    "section": (STRIP, ["--strip", "--at=7.4", "--at=14.8", "--at=29.57"], (13, 17)),
    "drop": (SHEET, DROPS, (5, 9)),
    "travel": (STRIP, ["--strip"], (9, 13)),
    "bands": (STRIP, ["--strip", *SNARES], (8, 12)),
    "time": (STRIP, ["--strip", "--at=11.875", "--at=12.5", "--at=19.5 beats"], (10.5, 14.5)),
}


def convert(made: Path, drawn: str, *options: str) -> None:
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(made)]
    subprocess.run([*ffmpeg, *options, str(FOLDER / drawn)], check=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (scale, options, (start, end)) in SHOWN.items():
        graph = str(GRAPHS / f"{name}.yaml")
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "picture.png"
            subprocess.run(["n2s", "preview", graph, *options, "-o", str(picture)], check=True)
            convert(picture, f"{name}.jpg", "-vf", scale, "-q:v", "5")
            subprocess.run(["n2s", "run", graph, f"--from={start}", f"--to={end}", "--out", folder], check=True)
            (film,) = Path(folder).glob("*.mp4")
            convert(film, f"{name}.webp", "-vf", "fps=15,scale=320:-2", "-loop", "0", "-q:v", "50", "-an")


if __name__ == "__main__":
    main()
