"""Edits in a session: how long until a frame that was shown before is shown with a change.

    python bench/session.py [--repeats 9]

A constant of Tone and the weights of the anchors of a demo track are changed, each time to another value, and the frame
in the middle of the track is asked for as an array at 640x360. The calls of the decoder are counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from n2s.graph.graph import Graph
from n2s.nodes import VAEDecode
from n2s.runtime.session import Session

ROOT = Path(__file__).resolve().parent.parent
TRACK = ROOT / "graphs" / "tracks" / "ember.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    decoded = [0]
    compute = VAEDecode.compute

    def counted(self: VAEDecode, block: object, latents: object) -> object:
        decoded[0] += 1
        return compute(self, block, latents)

    VAEDecode.compute = counted
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Graph.load(TRACK), folder)
        end = session.plan().nodes[-2].name
        at = session.clock.frames // 2
        session.frame(end, at)
        figures = {}
        for name, edit in (
            ("Tone constant", lambda i: {"look.warmth": 0.2 + 0.01 * i}),
            ("anchor weight", lambda i: {"way.points": [[0, 0.01 * i], [17, 0.5 + 0.01 * i], [34, 1]]}),
        ):
            spent, calls = [], []
            for i in range(1, options.repeats + 2):
                before, began = decoded[0], time.perf_counter()
                session = session.edited(edit(i))
                session.frame(end, at)
                spent.append(time.perf_counter() - began)
                calls.append(decoded[0] - before)
            figures[name] = {
                "ms": statistics.median(spent[1:]) * 1e3,
                "most ms": max(spent[1:]) * 1e3,
                "decoder calls": max(calls),
            }
        session.close()
    for name, about in figures.items():
        print(
            f"{name:16} {about['ms']:6.1f} ms (at most {about['most ms']:.1f}), "
            f"{about['decoder calls']} calls of the decoder"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
