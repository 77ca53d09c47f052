"""Draw docs/images/sizes.jpg and sizes-2160.jpg: parts of frames at full size, by decoder x1, stretched, and by x2.

python docs/draw_sizes.py          # three places in 1920x1080, three looks in 3840x2160; some minutes
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from n2s.graph.graph import Graph
from n2s.runtime.session import Session

DOCS = Path(__file__).resolve().parent
PLACES, LOOKS = DOCS / "images" / "sizes.jpg", DOCS / "images" / "sizes-2160.jpg"
# The place, and where its part begins; the look, its music, and where its part begins.
PARTS = {"crystal": (360, 640), "fern": (300, 560), "knot": (360, 640)}
LOOK_PARTS = {
    "liquid": ("ember.flac", (60, 860)),
    "aurora": ("tide.mp3", (450, 1600)),
    "ink": ("moss.ogg", (690, 380)),
}
MOMENT = 5  # seconds
HEIGHT, WIDTH, GAP = 360, 600, 8


def place_frame(place: str, detail: str) -> np.ndarray:
    """Return a frame of 1920x1080, uint8 (H, W, 3)."""
    nodes = {
        "place": {"node": "LatentPath", "names": [place, place], "place": 0},
        "film": {"node": "VAEDecode", "latents": "place", "detail": detail},
        "out": {"node": "PNGSink", "frames": "film", "path": "out"},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "film.yaml"
        file.write_text(json.dumps({"n2s": 1, "duration": 1, "size": [1920, 1080], "nodes": nodes}))
        made = Session(Graph.load(file)).frame("film", 0)
    return np.rint(made.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)


def look_frame(look: str, detail: str) -> np.ndarray:
    """Return a frame of 3840x2160 of a film of a look, uint8 (H, W, 3)."""
    music = DOCS.parent / "audio" / LOOK_PARTS[look][0]
    nodes = {
        "track": {"node": "AudioSource", "path": str(music)},
        "look": {"node": "Graph", "look": look, "audio": "track", "set": {"film.detail": detail}},
        "out": {"node": "FFmpegSink", "frames": "look", "audio": "track", "path": "film.mp4"},
    }
    with tempfile.TemporaryDirectory() as folder:
        file, picture = Path(folder) / "film.yaml", Path(folder) / "picture.png"
        file.write_text(json.dumps({"n2s": 1, "seed": 4, "size": [3840, 2160], "nodes": nodes}))
        subprocess.run(["n2s", "preview", file, "--at", str(MOMENT), "-o", picture], check=True)
        return np.asarray(Image.open(picture).convert("RGB"))


def draw(path: Path, parts: dict[str, tuple[int, int]], frame: Callable[[str, str], np.ndarray]) -> None:
    """Draw a row for each name, x1 on the left and x2 on the right."""
    page = Image.new("RGB", (2 * WIDTH + GAP, len(parts) * (HEIGHT + GAP) - GAP), "white")
    for row, (name, (top, left)) in enumerate(parts.items()):
        for column, detail in enumerate(("x1", "x2")):
            part = frame(name, detail)[top : top + HEIGHT, left : left + WIDTH]
            page.paste(Image.fromarray(part), (column * (WIDTH + GAP), row * (HEIGHT + GAP)))
    page.save(path, quality=92, optimize=True)
    print(path)


def main() -> None:
    draw(PLACES, PARTS, place_frame)
    draw(LOOKS, {look: begin for look, (_, begin) in LOOK_PARTS.items()}, look_frame)


if __name__ == "__main__":
    main()
