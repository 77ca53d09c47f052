"""Films of one picture, which show what was read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tiny

from n2s.graph.graph import Graph
from n2s.nodes import DigestSink, ImageSource


def picture(path: Path, grey: int) -> Path:
    return tiny.write_png(path, np.full((32, 32, 3), grey, np.uint8))


def replace_alike(path: Path, data: bytes) -> None:
    """Put other bytes of the same length into a file's place, and give it the times it had."""
    before = path.stat()
    assert len(data) == before.st_size
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def still(folder: Path, node: Any = None, name: str = "picture.png", **header: Any) -> Graph:
    frames = ImageSource(path=name)()
    frames = frames if node is None else node(frames)
    return Graph(
        DigestSink(path="frames.txt", chunk=5)(frames), size=(32, 32), base=folder, **({"duration": 0.5} | header)
    )


def shown(folder: Path) -> list[str]:
    return (folder / "frames.txt").read_text().split()
