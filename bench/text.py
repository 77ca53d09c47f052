"""Text: what titles, credits and lyrics cost beyond the chain that they join.

    python bench/text.py --repeats 15

The chain is tone and grain over a picture of 1920x1080, to 8-bit yuv420p in BT.709. It is measured with and without the
text between the two, in turns, on one thread; the table shows medians of processor time and of the differences between
neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from chain import FPS, STILL, films_in_turns
from post import pictures

from n2s.graph.declare import Node
from n2s.nodes import Credits, Lyrics, Title
from n2s.runtime.media.png import write_picture
from n2s.runtime.render.opened import BLOCK

BEGIN = 6  # s from which on frames are made: rolling credits are then all over the picture
TARGET = 8.0  # ms of processor time per frame while it is shown
ROLL = [[f"Role {i}", f"Somebody {i}", "Another Name"] for i in range(20)]
WORDS = [f"<00:{6 + i * 0.2:05.2f}>word{i} " for i in range(12)]


def texts(length: float) -> dict[str, Node | None]:
    """Return what is measured, shown for a length of seconds."""
    tracking = Title.model_fields["tracking"].default
    return {
        "the chain": None,
        "a title that stands": Title(text="FIRST LIGHT", at=BEGIN, length=length, fade_in=0),
        "letter by letter": Title(text="FIRST LIGHT", at=BEGIN, length=length, reveal="letters", step=length / 11),
        "letters that part": Title(text="FIRST LIGHT", at=BEGIN, length=length, tracking=f"= {tracking} + 0.01 * time"),
        "credits that roll": Credits(credits=ROLL, at=0, length=20),
        "lyrics": Lyrics(path="song.lrc", next=True),
        "a title not shown": Title(text="FIRST LIGHT", at=60),
        "credits not shown": Credits(credits=ROLL, at=60),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    nodes = texts(BLOCK * (options.repeats + 1) / FPS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_picture(folder / STILL, np.uint8(np.clip(pictures()[0].transpose(1, 2, 0), 0, 1) * 255))
        (folder / "song.lrc").write_text(f"[00:06.00]{''.join(WORDS)}\n[00:08.60]a line that follows\n")
        times = films_in_turns(nodes, folder, options.repeats, BEGIN)
    print(f"{'':24}{'CPU ms/frame':>14}{'beyond the chain':>20}{'slowest block':>16}{'target':>10}")
    for name, values in times.items():
        extra = np.subtract(values, times["the chain"])
        beyond = f"{np.median(extra):20.2f}{extra.max():16.2f}{TARGET:10.1f}" if nodes[name] else ""
        print(f"{name:24}{np.median(values):14.2f}{beyond}")
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
