"""Films of nodes that do wrong, and what is said of them."""

from __future__ import annotations

from typing import Any

import harness
import pytest

from n2s.graph.errors import N2SError, RenderError

AT = 40  # a frame in the second chunk


def film(studio: Any, given: str, **spec: Any) -> dict[str, Any]:
    """A graph, as plain data, whose film shows the node ``subject``; ``given`` says what goes into it and comes out."""
    nodes = harness.surroundings(studio.model)
    nodes["subject"] = spec
    seen = "subject"
    if given == "latents":
        nodes["seen"] = {"node": "VAEDecode", "latents": "subject", "model": str(studio.model), "grid": harness.GRID}
        seen = "seen"
    elif given == "signal":
        nodes["seen"] = {"node": "Tone", "frames": "decoded", "exposure": "= clamp(subject, -1, 1)"}
        seen = "seen"
    nodes["out"] = {"node": "DigestSink", "frames": seen, "audio": "track", "path": "frames.txt"}
    return {"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}


def refused(studio: Any, store: Any, values: dict[str, Any], *words: str, name: str = "subject") -> str:
    """Render a film into a RenderError that names the node, its type, its line in the graph, and says these words."""
    graph = harness.load(values, studio.folder)
    with pytest.raises(N2SError) as caught:
        harness.codes(graph, store)
    text = str(caught.value)
    assert type(caught.value) is RenderError, text
    where = next(
        i for i, line in enumerate(graph.path.read_text().splitlines(), 1) if line.strip().startswith(f'"{name}": ')
    )
    assert text.startswith(f"{graph.path}:{where}:"), text
    assert f"{name} ({values['nodes'][name]['node']})" in text
    for word in words:
        assert word in text, text
    return text


STREAMED = '''
class Bad(Streamed):
    """Return something else."""

    {ports}

    outputs = {outputs}

    def compute(self, block, {port}):
        made = {port}.copy()
        return {expression}
'''
FRAMES = {"ports": 'frames: Frames = port("frames")', "outputs": "FRAMES_OUTPUT", "port": "frames"}
LATENTS = {"ports": 'latents: Latents = port("latents")', "outputs": "LATENTS_OUTPUT", "port": "latents"}
