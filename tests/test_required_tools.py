"""What a graph needs of an installation is found by a check, and by a run before any work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
from test_check import write

# Runs the command line as if a package were not installed, which its first argument names.
WITHOUT = """
import importlib.abc, importlib.metadata, sys
hidden = sys.argv.pop(1)

class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == hidden.replace("-", "_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

def version(name, known=importlib.metadata.version):
    if name == hidden:
        raise importlib.metadata.PackageNotFoundError(name)
    return known(name)

importlib.metadata.version = version
sys.meta_path.insert(0, Hidden())
from n2s.cli import main
main()
"""


@pytest.mark.parametrize(
    "package, problem",
    [
        (
            "onnxruntime",
            "film (VAEDecode): Decoding needs onnxruntime, which is not installed. Cure: pip install 'n2s[",
        ),
        ("imageio-ffmpeg", "out (FFmpegSink): There is no FFmpeg: imageio-ffmpeg brings none here. Cure: pip install "),
    ],
)
def test_what_is_not_installed_is_found_before_any_work(
    tmp_path: Path, studio: Any, package: str, problem: str
) -> None:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    graph = write(tmp_path, studio.model)

    def answers(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", WITHOUT, package, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"IMAGEIO_FFMPEG_EXE": ""})

    checked = answers("check", str(graph))
    assert checked.returncode == 2 and problem in checked.stderr and "graph.yaml:" in checked.stderr
    ran = answers("run", str(graph), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"))
    assert ran.returncode == 2 and problem in ran.stderr and "frames" not in ran.stdout
    heard = answers("preview", str(graph), "--node", "features.onset", "-o", str(tmp_path / "onset.svg"))
    assert heard.returncode == 0, heard.stderr
