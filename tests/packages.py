"""Node packages that others might write: a module and what pip would put beside it, in a folder on the path."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from n2s.graph.format_registry import find_format
from n2s.graph.registry import registry

HEAD = """\
from __future__ import annotations

import numpy as np

from n2s.graph.declare import FRAMES_OUTPUT, LATENTS_OUTPUT, SIGNAL_OUTPUT, Output, Param, Pointwise, Resident
from n2s.graph.declare import Echo, Filter, Gaussians, Lens, MusicalTime, Node, Sink, Streamed, param, port, setting
from n2s.graph.types import AUDIO, FRAMES, LATENTS, SIGNAL, Audio, Frames, Latents, Signal

"""

# A node whose settings have paths at every depth.
TABLES = '''
from n2s.graph.declare import FilePath, FolderPath


class Tables(Resident):
    """Read tables."""

    listed: list[FilePath] | None = setting(None, help="tables", keyed=False)
    named: dict[str, FilePath] = setting({}, help="tables by name", keyed=False)
    weighed: tuple[FilePath, float] | None = setting(None, help="a table and its weight", keyed=False)
    nested: list[list[FilePath]] = setting([], help="tables in groups", keyed=False)
    folders: list[tuple[str, FolderPath]] = setting([], help="names and folders", keyed=False)

    outputs = SIGNAL_OUTPUT

    def compute(self, scene):
        return np.zeros(scene.clock.frames)
'''


def write_package(
    folder: Path,
    module: str,
    source: str,
    version: str = "1.0",
    name: str = "",
    entries: tuple[str, ...] = (),
    formats: str = "",
) -> Path:
    """Write a module of nodes and its distribution.

    ``entries`` are the modules it registers, its own when left out; ``formats`` the lines of its formats' entry points.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(HEAD + source)
    name = name or module.replace("_", "-")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{module}{i or ''} = {entry}" for i, entry in enumerate(entries or (module,))]
    (info / "entry_points.txt").write_text("\n".join(["[n2s.nodes]", *lines, "[n2s.formats]", formats]) + "\n")
    return folder


class Packages:
    """Installs packages for one test, in this process and for the commands it starts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.modules: list[str] = []

    def install(self, source: str, module: str = "others_nodes", folder: str = "", **about: Any) -> Path:
        """Install a package whose module has this source behind the usual imports; return the module's file."""
        folder = write_package(self.folder / (folder or f"site-{module}"), module, source, **about)
        self.monkeypatch.syspath_prepend(str(folder))
        self.modules.append(module)
        importlib.invalidate_caches()
        registry.cache_clear()
        find_format.cache_clear()
        return folder / f"{module}.py"

    def n2s(self, *arguments: Any, **environment: str) -> subprocess.CompletedProcess:
        """Run the command line where the packages are installed."""
        sites = [str(self.folder / f"site-{module}") for module in self.modules]
        path = os.pathsep.join([*sites, os.environ.get("PYTHONPATH", "")])
        command = [str(Path(sys.executable).with_name("n2s")), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path, **environment}
        )

    def remove(self) -> None:
        for module in self.modules:
            sys.modules.pop(module, None)
        registry.cache_clear()
        find_format.cache_clear()
