"""Small data sets of pictures, and what becomes of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import filter, manifest
from training.errors import run_command
from training.procedural import render

EDGE = 128


def png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def add(folder: Path, style: str, index: int, pixels: np.ndarray) -> manifest.Row:
    """Write a picture and its sidecar; return its row."""
    data = png(pixels)
    row = manifest.Row(
        manifest.file_name(style, index), style, index, 5, "procedural", pixels.shape[1], pixels.shape[0], "CC0-1.0",
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    manifest.write_sidecar(folder, row, {"style": style})
    manifest.publish(folder / row.file, data)
    return row


def flat(*colour: int) -> np.ndarray:
    return np.full((EDGE, EDGE, 3), colour, np.uint8)


def white_noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (EDGE, EDGE, 3), np.uint8)


def painted(style: str, index: int) -> np.ndarray:
    return np.rint(render(style, 3, index, (EDGE, EDGE)) * 255).astype(np.uint8)


def two_of_each_style(folder: Path) -> Path:
    manifest.write(folder, [add(folder, s, i, painted(s, i)) for s in manifest.STYLES for i in range(2)])
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def fails(arguments: list[str], capsys, main: Callable = filter.main) -> str:
    """Run a command that has to fail with one line and exit code 1; return the line."""
    with pytest.raises(SystemExit) as end:
        run_command(lambda: main(arguments))
    assert end.value.code == 1
    text = capsys.readouterr().err.strip().splitlines()
    assert text[-1].startswith("error: ") and not any(line.startswith("error") for line in text[:-1])
    return text[-1]
