"""The machine and its installed libraries: what of them decides bits, and what a run record says of them."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from n2s.graph.code.identity import engine_parts
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest
from n2s.runtime.ffmpeg import ffmpeg_path

# Instruction sets by which numba, numpy and ONNX Runtime choose their code.
_INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512_vnni", "avx_vnni", "amx_int8",
                 "asimd", "asimddp", "sve", "i8mm")  # fmt: skip

INSTALL_ADVICE = "pip install 'n2s[cpu]' (or 'n2s[gpu]' on a machine with CUDA)"


@cache  # every plan asks for it, and what is imported stays what it is
def installed(name: str) -> str:
    """Return the version of an installed package, or ""."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


@cache
def onnxruntime_flavour() -> str:
    """Return "cpu" or "gpu", after which onnxruntime is installed.

    Raises
    ------
    RenderError
        When none is, or none can be imported, or both are: they share a folder and break each other.
    """
    cpu, gpu = installed("onnxruntime"), installed("onnxruntime-gpu")
    if cpu and gpu:
        raise RenderError(
            "Both onnxruntime and onnxruntime-gpu are installed; they overwrite each other's files. Cure: "
            "pip uninstall -y onnxruntime onnxruntime-gpu, then " + INSTALL_ADVICE + "."
        )
    if not (cpu or gpu) or find_spec("onnxruntime") is None:
        raise RenderError("Decoding needs onnxruntime, which is not installed. Cure: " + INSTALL_ADVICE + ".")
    return "gpu" if gpu else "cpu"


@cache
def instructions() -> str:
    """Return the processor's instruction sets that matter, as one word."""
    found = []
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                flags = set(line.split(":", 1)[1].split())
                found = [name for name in _INSTRUCTIONS if name in flags]
                break
    except OSError:
        pass
    return "+".join([platform.machine().lower(), *found])


@cache
def ffmpeg_version() -> str:
    """Return what names the FFmpeg in use; one that the user chose is asked for its version."""
    if not os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return f"imageio-ffmpeg {installed('imageio-ffmpeg')}"
    try:
        done = subprocess.run([ffmpeg_path(), "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RenderError(
            f"IMAGEIO_FFMPEG_EXE names {ffmpeg_path()}, which does not run ({error}). Unset it to use the one "
            "that imageio-ffmpeg brings."
        ) from None
    return done.stdout.partition("\n")[0]


def environment() -> dict[str, str]:
    """Return what else decides bits: the library's code, versions of other libraries, the instruction sets."""
    return {
        "engine": digest(engine_parts()),
        "numpy": installed("numpy"),
        "numba": installed("numba"),
        "onnxruntime": installed("onnxruntime") or installed("onnxruntime-gpu"),
        "ffmpeg": ffmpeg_version(),
        "instructions": instructions(),
    }


def describe() -> dict[str, object]:
    """Return what a run record says of the machine."""
    return {
        "system": f"{platform.system()} {platform.release()}",  # platform.platform() would start a process
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "instructions": instructions(),
    }
