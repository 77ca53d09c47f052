"""Values as .npz files: those of a view, block by block, and all timelines of a track."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.lib import format as npy

from n2s.graph.file.save import value_in_file
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.types import LATENTS
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session
from n2s.runtime.store import publish

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same values give the same file


def write_arrays(
    path: Path, view: View, frames: Sequence[int], progress: Callable[[int], None] = lambda count: None
) -> tuple[int, ...]:
    """Write ``values``, ``frames``, ``times`` and ``fps``, whole or not at all; return the shape of the values.

    ``progress`` is told how many frames are written, each time that some are.
    """
    times = np.array(frames) * view.clock.fps.denominator / np.float64(view.clock.fps.numerator)

    shape: tuple[int, ...] = ()

    def write(temporary: Path) -> None:
        nonlocal shape
        with zipfile.ZipFile(temporary, "w") as archive:
            shape = _write_blocks(archive, "values", view, frames, progress)
            for name, array in (
                ("frames", np.array(frames, np.int64)), ("times", times), ("fps", np.float64(view.clock.fps)),
            ):  # fmt: skip
                buffer = io.BytesIO()
                npy.write_array(buffer, cast(np.ndarray, array), allow_pickle=False)
                archive.writestr(_entry(name), buffer.getvalue())

    publish(path, write)
    return shape


def _write_blocks(
    archive: zipfile.ZipFile,
    name: str,
    view: View,
    frames: Sequence[int],
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[int, ...]:
    """Write the values of a view as one array, a few frames at a time; return its shape."""
    blocks = view.blocks(frames)
    first = next(blocks)
    shape = (len(frames), *first.shape[1:])
    with archive.open(_entry(name), "w", force_zip64=True) as file:
        npy.write_array_header_2_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        written = 0
        for block in chain([first], blocks):
            file.write(_bytes(block))
            progress(written := written + len(block))
    return shape


def write_timelines(path: Path, session: Session, latents: bool = False) -> int:
    """Write all that moves in a track, whole or not at all: every signal and every parameter, frame by frame.

    Arrays are float32 (T,) or (T, K), named ``signal/NODE.OUTPUT`` and ``param/NODE.PARAMETER``; a parameter that
    nothing moves is one number. ``times`` are in seconds, ``sections`` and ``drops`` when they begin. ``schema`` is a
    text, JSON: what each array is, its unit, the names of its columns, how a parameter is written in the graph. With
    ``latents`` there are also ``latents/NODE``, float32 (T, C, h, w): what each decoder of the graph is given.

    Returns
    -------
    int
        How many arrays there are.
    """
    graph, values, clock = session.graph.flat, session.values, session.values.clock
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, dict[str, Any]] = {}
    for (name, output), value in values.outputs.items():
        if isinstance(value, np.ndarray):
            declared = type(graph.nodes[name]).outputs[output]
            key = f"signal/{name}.{output}"
            arrays[key] = value
            about[key] = {"help": declared.help, "columns": list(declared.names or ())}
    for (name, field), value in values.params.items():
        spec, written = graph.nodes[name].specs[field], getattr(graph.nodes[name], field)
        key = f"param/{name}.{field}"
        arrays[key] = np.asarray(value)
        about[key] = {"help": spec.help, "unit": spec.unit, "written": value_in_file(written)}
    views = {str(link): View(session, str(link)) for link in _decoded(graph)} if latents else {}
    about |= {f"latents/{name}": {"help": "what a decoder is given, from this node"} for name in views}
    marks = clock.landmarks
    arrays["times"] = clock.times(0, clock.frames)
    arrays["sections"] = np.array([start for start, _ in marks.sections] if marks else [], np.float64)
    arrays["drops"] = np.array(marks.drops if marks else [], np.float64)
    schema = {
        "format": 1, "title": graph.header.title, "fps": str(clock.fps), "frames": clock.frames, "tempo": clock.tempo,
        "letters": [letter for _, letter in marks.sections] if marks else [], "arrays": about,
    }  # fmt: skip

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in [*arrays.items(), ("schema", np.array(json.dumps(schema)))]:
                buffer = io.BytesIO()
                npy.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
                archive.writestr(_entry(key), buffer.getvalue(), zipfile.ZIP_DEFLATED)
            for name, view in views.items():
                _write_blocks(archive, f"latents/{name}", view, range(clock.frames))

    publish(path, write)
    return len(arrays) + len(views)


def _decoded(graph: Graph) -> list[Link]:
    """Return the latents that nodes make frames of, each once."""
    links = [
        node.links()[port]
        for node in graph.nodes.values()
        for port, kind in node.ports.items()
        if kind is LATENTS and not any(output.kind is LATENTS for output in type(node).outputs.values())
    ]
    return list(dict.fromkeys(links))


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{name}.npy", _LONG_AGO)


def _bytes(block: np.ndarray) -> memoryview:
    return memoryview(np.ascontiguousarray(block, "<f4")).cast("B")
