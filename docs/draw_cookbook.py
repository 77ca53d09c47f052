"""Draw the pictures of docs/cookbook.md, docs/images/cookbook/NAME.jpg, and those that one of its recipes reads.

python docs/draw_cookbook.py                # all of them
python docs/draw_cookbook.py kick drop      # these alone
python docs/draw_cookbook.py --sources      # examples/cookbook/pictures, drawn by training/procedural.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

DOCS = Path(__file__).resolve().parent
GRAPHS, FOLDER = DOCS.parent / "examples" / "cookbook", DOCS / "images" / "cookbook"
SOURCES = {"shore": ("color-field", 3), "wood": ("organic", 12)}  # by the name of a picture: its style and number
SMALL = "--size=384x216"
UPRIGHT = "--size=216x384"
# By the name of a graph: what n2s preview is asked for, and how wide the picture is.
SHOWN: dict[str, tuple[list[str], int]] = {
    "kick": (["--strip", "--at=0:15", SMALL], 1200),
    "drop": (["--strip", "--at=at drop", SMALL], 1200),
    "pictures": ([f"--at={at}" for at in ("0", "1 bars", "2 bars", "3 bars")] + [SMALL], 1000),
    "upright": ([f"--at={at}" for at in (2.5, 10, 18, 26)] + [UPRIGHT], 700),
    "fade": ([f"--at={at}" for at in (0.3, 1, 2, 4)] + [SMALL], 1000),
    "lyrics": ([f"--at={at}" for at in (2, 3.2, 6, 10)] + [SMALL], 1000),
    "title": ([f"--at={at}" for at in (4, 6, 26, 30)] + [SMALL], 1000),
    "canvas": ([f"--at={at}" for at in (7.4, 8.5, 9.8, 11)] + [UPRIGHT], 700),
    "harmony": ([f"--at={at}" for at in (6, 12, 18, 24)] + [SMALL], 1000),
    "section": ([f"--at={at}" for at in (8, 12.2, 13, 20)] + [SMALL], 1000),
    "mirrors": ([f"--at={at}" for at in (6, 12, 18, 24)] + [SMALL], 1000),
    "film": ([f"--at={at}" for at in (6, 12, 18, 24)] + [SMALL], 1000),
}  # fmt: skip


def convert(made: Path, drawn: Path, scale: str) -> None:
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(made)]
    subprocess.run([*ffmpeg, "-vf", scale, "-q:v", "5", str(drawn)], check=True)


def draw_sources(folder: Path) -> None:
    """Draw the pictures that a recipe takes as a user's own."""
    sys.path.insert(0, str(DOCS.parent))
    from training import procedural

    for name, (style, index) in SOURCES.items():
        (folder / "drawn.png").write_bytes(procedural.png(procedural.render(style, 1, index, (512, 1024))))
        convert(folder / "drawn.png", GRAPHS / "pictures" / f"{name}.jpg", "scale=640:-2")


def draw(name: str, folder: Path) -> None:
    options, wide = SHOWN[name]
    made = folder / "picture.png"
    subprocess.run(["n2s", "preview", str(GRAPHS / f"{name}.yaml"), *options, "-o", str(made)], check=True)
    convert(made, FOLDER / f"{name}.jpg", f"scale='min({wide},iw)':-2")
    print(name, flush=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:] == ["--sources"]:
            draw_sources(Path(folder))
            return
        for name in sys.argv[1:] or SHOWN:
            draw(name, Path(folder))


if __name__ == "__main__":
    main()
