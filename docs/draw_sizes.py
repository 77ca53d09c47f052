"""Draw docs/images/sizes.jpg: parts of 1080p frames at full size, by decoder x1, stretched, and by x2.

python docs/draw_sizes.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from n2s.graph.graph import Graph
from n2s.runtime.session import Session

PAGE = Path(__file__).resolve().parent / "images" / "sizes.jpg"
PARTS = {"crystal": (360, 640), "fern": (300, 560), "knot": (360, 640)}  # the place, and where its part begins
HEIGHT, WIDTH, GAP = 360, 600, 8


def frame(place: str, detail: str) -> np.ndarray:
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


def main() -> None:
    page = Image.new("RGB", (2 * WIDTH + GAP, len(PARTS) * (HEIGHT + GAP) - GAP), "white")
    for row, (place, (top, left)) in enumerate(PARTS.items()):
        for column, detail in enumerate(("x1", "x2")):
            part = frame(place, detail)[top : top + HEIGHT, left : left + WIDTH]
            page.paste(Image.fromarray(part), (column * (WIDTH + GAP), row * (HEIGHT + GAP)))
    page.save(PAGE, quality=92, optimize=True)
    print(PAGE)


if __name__ == "__main__":
    main()
