"""Packages of other people: written into a folder, found through entry points, read by a Python of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
HEAD = """\
from n2s.graph.declare import FRAMES_OUTPUT, FilePath, Streamed, port, setting
from n2s.graph.types import Frames
"""
# A node that multiplies its frames by what ``gain`` says; whose every number has one place.
NODE = """\


class {name}(Streamed):
    \"\"\"Multiply.\"\"\"

    frames: Frames = port("what is multiplied")
    outputs = FRAMES_OUTPUT
    {fields}

    def compute(self, block, frames):
        return (frames * np.float32({gain})).astype(np.float32)
"""


def write_package(
    site: Path,
    name: str,
    files: dict[str, str | bytes],
    entry: bool = True,
    version: str = "1.0",
    formats: dict[str, str] | None = None,
    entries: str = "",
) -> Path:
    """Write a package as installing it would: its files, its name and version, its entry points (its nodes, if any).

    ``formats`` are classes by the names of their formats: {"raw": "acme:Raw"}; ``entries`` stands for all entry points.
    """
    for place, content in files.items():
        path = site / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    nodes = f"[n2s.nodes]\n{name} = {name}\n" if entry else ""
    named = "".join(f"{what} = {place}\n" for what, place in (formats or {}).items())
    (info / "entry_points.txt").write_text(entries or nodes + (f"[n2s.formats]\n{named}" if named else ""))
    return site


def node(name: str, gain: str, before: str = "", fields: str = "") -> str:
    """Return a module with one node; ``before`` stands before it."""
    return HEAD + "import numpy as np\n" + before + NODE.format(name=name, gain=gain, fields=fields)


def python(
    site: Path | None, code: str, *arguments: object, program: Path | str = sys.executable, **environment: str
) -> Any:
    """Run Python where packages are installed; return what it prints last, which is JSON."""
    paths = [str(path) for path in (site, TESTS, TESTS.parent) if path]
    known = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    words = [str(program), "-c", code, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
