"""The encoder of NVIDIA GPUs, where it opens: which GPU and driver it is part of, or why there is none.

FFmpeg lists the encoder wherever it was built with it; only opening it tells whether there is a GPU with one (an H100
has none), a driver, and a session that is free.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache

from n2s.graph.errors import RenderError
from n2s.runtime.ffmpeg import ffmpeg_path

SECONDS = 30  # within which a driver answers
PROBE = ["-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=black:s=256x144:r=30:d=0.1", "-c:v", "h264_nvenc"]
QUERY = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]


@cache
def gpu_and_driver() -> str:
    """Return what names the encoder's bits: its GPU and driver, "NVIDIA L4, 570.86.15".

    Raises
    ------
    RenderError
        When it does not open.
    """
    _ask([ffmpeg_path(), *PROBE, "-f", "null", "-"])
    return _ask(QUERY)


def _ask(command: list[str]) -> str:
    """Return the first line that a command answers with."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        lines, failed = (done.stderr if done.returncode else done.stdout).splitlines(), done.returncode
    except (OSError, subprocess.SubprocessError) as error:
        lines, failed = [str(error)], True
    if not failed:
        return lines[0].strip() if lines else ""
    said = re.sub(r"^\[.*?\] ", "", lines[0]).rstrip(". ") if lines else "it says nothing"
    raise RenderError(
        f"The encoder of NVIDIA GPUs does not open here ({said}). Take codec: h264, which the processor encodes."
    )
