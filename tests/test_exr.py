"""OpenEXR films: light as half floats, exact, and read by others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny

from n2s.graph.graph import Graph
from n2s.runtime.media.exr import encode_exr, exr_size


def read(path: Path) -> np.ndarray:
    """Return a picture as FFmpeg reads it, float32 (H, W, 3); its own conversion to display values is undone."""
    with av.open(str(path)) as container:
        (frame,) = container.decode(video=0)
        kind = {"gbrpf16le": np.float16, "gbrpf32le": np.float32}[frame.format.name]  # older FFmpegs know no half
        planes = [np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes]
    green, blue, red = planes
    return np.stack([red, green, blue], axis=2).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (16, 16), (17, 40), (48, 64)])
@pytest.mark.parametrize("kind", ["ramp", "noise"])
def test_light_is_read_as_it_was_written(kind: str, shape: tuple[int, int], tmp_path: Path) -> None:
    count = shape[0] * shape[1] * 3
    values = np.linspace(0, 1, count) if kind == "ramp" else np.random.default_rng(3).random(count)
    light = values.reshape(*shape, 3).astype(np.float16)
    (tmp_path / "p.exr").write_bytes(encode_exr(light))
    np.testing.assert_array_equal(read(tmp_path / "p.exr"), light.astype(np.float32))
    assert exr_size(tmp_path / "p.exr") == (shape[1], shape[0])


def test_a_file_that_is_cut_is_no_picture(tmp_path: Path) -> None:
    whole = encode_exr(np.random.default_rng(3).random((40, 30, 3)).astype(np.float16))
    for data in (b"", whole[:7], whole[:200], whole[: len(whole) // 2], whole[:-1], whole + b"x", b"x" + whole[1:]):
        (tmp_path / "p.exr").write_bytes(data)
        assert exr_size(tmp_path / "p.exr") is None


def test_a_film_of_light(tmp_path: Path, store: Any, new_store: Any) -> None:
    colours = np.random.default_rng(3).integers(0, 256, (32, 48, 3), np.uint8)
    tiny.write_png(tmp_path / "picture.png", colours)
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "out": {"node": "EXRSink", "frames": "picture", "path": "light", "chunk": 3},
    }
    graph = harness.load({"n2s": 1, "size": [48, 32], "fps": 10, "duration": 0.7, "nodes": nodes}, tmp_path)
    harness.run(graph, tmp_path / "out", store)
    names = sorted(path.name for path in (tmp_path / "out/light").glob("*.exr"))
    assert names == [f"{k:06d}.exr" for k in range(7)]
    exact = (np.rint(colours / 255 * 65535) / 65535) ** 2
    np.testing.assert_allclose(read(tmp_path / "out/light/000003.exr"), exact, rtol=2**-10, atol=1e-7)
    other = graph.edit({"out.chunk": 5})
    harness.run(other, tmp_path / "again", new_store())
    for name in names:
        assert (tmp_path / "again/light" / name).read_bytes() == (tmp_path / "out/light" / name).read_bytes()
    assert harness.run(Graph.load(graph.save(tmp_path / "g.yaml")), tmp_path / "out", store).rendered == 0
