"""Mistakes of those who write a measure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from harness import load

from n2s.graph.declare import DeclarationError, Measure, Output, Param, param, port, setting
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.types import SIGNAL, Frames, Latents
from n2s.runtime.executors.threads import ThreadExecutor

# Mistakes


def declare(**body: Any) -> type[Measure]:
    fields = {"frames": Frames} | body.pop("fields", {})
    body = {"frames": port("what is looked at"), "outputs": {"signal": Output(SIGNAL)}} | body
    return type(Measure)("Odd", (Measure,), {"__annotations__": fields, "__module__": __name__, **body})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"fields": {"more": Frames}, "more": port("more")}, "needs one port of Frames, and has frames, more"),
        ({"fields": {"more": Param}, "more": param(0, ge=0, le=1, help="more")}, "a measure has no parameters"),
        ({"frames": port("what is looked at", optional=True)}, "frames: a measure needs it; leave out optional"),
        ({"fields": {"frames": Latents}}, "a measure node cannot take Latents, only Frames"),
        ({"measure": lambda self: 0.0}, "it takes 1 arguments; self, frame"),
        (
            {"fields": {"every": float}, "every": setting(1, ge=0, le=2, help="how often")},
            "every: every measure node has it as Seconds, not float; another default or range is possible",
        ),
        ({"neutral": {"amount": 0}}, "neutral: 'amount' is no field of the node"),
        ({"measure": staticmethod(lambda frame: 0.0)}, r"a method was wanted: def measure\(self, frame\)"),
    ],
)
def test_mistakes_in_a_class(body: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        declare(**{"measure": lambda self, frame: 0.0} | body)


ODD = """
class Odd(Measure):
    \"\"\"Say something odd.\"\"\"

    frames: Frames = port("what is looked at")
    every: Seconds = setting(0, ge=0, le=1, help="every frame")
    outputs = {"one": Output(SIGNAL, "a number"), "two": Output(SIGNAL, "two numbers", columns=2)}

    def measure(self, frame):
        return RESULT
"""


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("0.5", "measure gave no dict at frame 0; its outputs are one, two"),
        ("{'one': 1}", "measure gave one at frame 0; its outputs are one, two"),
        ("{'one': 1, 'two': 1}", "measure gave an int for two at frame 0; a row of 2 numbers was wanted"),
        ("{'one': [[1]], 'two': [1, 2]}", "measure gave a list for one at frame 0; a number, or a row of numbers"),
        ("{'one': 'x', 'two': [1, 2]}", "measure gave a str for one at frame 0"),
        ("{'one': 1, 'two': [1, float('nan')]}", "measure gave no finite number for two at frame 0"),
        ("{'one': [1] * (1 + (frame.sum() > 100)), 'two': [1, 2]}", "all frames have the same count of numbers"),
        ("frame.fill(1)", "measure failed at frame 0: ValueError: assignment destination is read-only"),
        ("1 / 0", "measure failed at frame 0: ZeroDivisionError"),
    ],
)
def test_mistakes_in_what_is_measured(result: str, told: str, packages: Any, store: Any, tmp_path: Path) -> None:
    packages.install("from n2s.graph.declare import Measure, Seconds\n" + ODD.replace("RESULT", result))
    values = {
        "n2s": 1, "fps": 10, "duration": 1, "size": [32, 32],
        "nodes": {
            "flat": {"node": "ImageSource", "path": "picture.png"},
            "lit": {"node": "Tone", "frames": "flat", "exposure": "= -8 + 16 * time"},
            "odd": {"node": "Odd", "frames": "lit"},
            "shown": {"node": "Tone", "frames": "lit", "exposure": "= clamp(odd.two.0, 0, 1)"},
            "out": {"node": "DigestSink", "frames": "shown", "path": "film.txt"},
        },
    }  # fmt: skip
    picture(tmp_path, 0.5)
    with pytest.raises((RenderError, GraphError), match=told):
        harness.run(load(values, tmp_path), tmp_path, store, executor=ThreadExecutor(1))


def picture(folder: Path, *greys: float) -> None:
    """Write a picture of 32 x 32 pixels in stripes of greys."""
    rows = np.repeat(np.round(np.array(greys) * 255), -(-32 // len(greys)))[:32]
    tiny.write_png(folder / "picture.png", np.broadcast_to(rows[:, None, None], (32, 32, 3)).astype(np.uint8))
