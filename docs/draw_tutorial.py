"""Draw the pictures of docs/tutorial.md, with the graphs that stand there: docs/images/tutorial/NAME.jpg.

python docs/draw_tutorial.py                # all of them
python docs/draw_tutorial.py strip title    # these alone
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

DOCS = Path(__file__).resolve().parent
FOLDER = DOCS / "images" / "tutorial"
PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")
SMALL = "--size=384x216"
SNARES = ["--at=0:18.15", "--at=0:21.9"]
# By the name of a picture: the graph that it shows, the arguments of the command, how wide it is.
SHOWN: dict[str, tuple[str, list[str], int]] = {
    "heard": ("new", ["preview", "--node=look/heard/features"], 1000),
    "sheet": ("new", ["preview", "--sheet=8", SMALL], 1200),
    "strip": ("new", ["preview", "--strip", SMALL], 1400),
    "liquid": ("liquid", ["preview", "--sheet=8", SMALL], 1200),
    "vary": ("liquid", ["preview", "--vary=look.scene=0,3,6", "--vary=look.hue=-60,0", SMALL], 1000),
    "flash": ("driven", ["preview", "--node=flash"], 1000),
    "driven": ("driven", ["preview", "--strip", *SNARES, SMALL], 1400),
    "title": ("whole", ["preview", "--at=0:03"], 640),
    "graph": ("whole", ["draw"], 2000),
    "film": ("whole", ["preview", "--webp"], 360),
    "upright": ("whole", ["preview", "--at=0:03", "--size=360x640"], 270),
}


def graphs(folder: Path) -> None:
    """Write the graphs of the page: as n2s new made it, and after each step."""
    shutil.copy(DOCS.parent / "audio" / "ember.flac", folder / "song.flac")
    subprocess.run(["n2s", "new", "song.flac", "-o", "new.yaml", "--look", "aurora"], cwd=folder, check=True)
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    (whole,) = [block for block in blocks if block.startswith("n2s:")]
    (folder / "whole.yaml").write_text(whole, encoding="utf-8")
    head = "n2s: 1\ntitle: Song\nseed: 21077\nfps: 30\nsize: [640, 360]\nnodes:\n"
    track = "  track: {node: AudioSource, path: song.flac}\n"
    sink = "  out: {node: FFmpegSink, frames: look, audio: track, path: song.mp4}\n"
    for name, block in (("liquid", blocks[0]), ("driven", blocks[2])):
        nodes = "".join(f"  {line}\n" for line in block.splitlines())
        (folder / f"{name}.yaml").write_text(head + track + nodes + sink, encoding="utf-8")


def draw(name: str, folder: Path) -> None:
    graph, (command, *options), wide = SHOWN[name]
    moving = "--webp" in options
    made = folder / f"{name}.{'webm' if moving else 'png'}"
    asked = ["--webm" if option == "--webp" else option for option in options]
    subprocess.run(["n2s", command, f"{graph}.yaml", *asked, "-o", str(made)], cwd=folder, check=True)
    convert = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(made), "-an", "-vf"]
    if moving:
        scale = [f"fps=12,scale={wide}:-2", "-t", "6", "-loop", "0", "-q:v", "40"]
        subprocess.run([*convert, *scale, str(FOLDER / f"{name}.webp")], check=True)
    else:
        scale = [f"scale='min({wide},iw)':-2", "-q:v", "5"]
        subprocess.run([*convert, *scale, str(FOLDER / f"{name}.jpg")], check=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        graphs(Path(folder))
        for name in sys.argv[1:] or SHOWN:
            draw(name, Path(folder))
            print(name, flush=True)


if __name__ == "__main__":
    main()
