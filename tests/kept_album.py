"""The demo album as it once was: its graphs, a small model, and a digest of every frame, kept in ``tests/kept``.

What is kept never changes: a change of the library that alters one bit of one frame shows in these digests. What was
heard then is kept too, as the tables that the graphs read in its place, so that better ears change nothing. The model
decodes by exact arithmetic alone (gathering, products with powers of two, sums of two terms), so that its frames do not
depend on the processor.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from n2s.graph.graph import Graph

TESTS = Path(__file__).resolve().parent
KEPT = TESTS / "kept"
TRACKS = ("ember", "moss", "tide")
SIZE, CHANNELS, SCALE = (160, 90), 8, 8
HEARD = dict(np.load(KEPT / "heard.npz"))  # in steps of a signal, 2**-16
HEARD |= {name: float(value) for name, value in HEARD.items() if value.ndim == 0}
SIGNALS = ("onset", "rms", "high", "low")
DIGITS = 12  # of each frame's SHA-256


def kept_digests(track: str) -> list[str]:
    """Return the kept digests of a track, one per frame."""
    return (KEPT / f"{track}.txt").read_text().split()


def lay_out(folder: Path) -> dict[str, Path]:
    """Write the kept graphs with digests for sinks, and the model, into a folder; return the graph of each track."""
    for part in ("tracks", "looks"):
        shutil.copytree(KEPT / part, folder / "graphs" / part)
    (folder / "audio").symlink_to(TESTS.parent / "audio")
    write_model(folder / "model")
    journey = folder / "graphs/looks/journey.yaml"
    text = journey.read_text()
    for node in ("Anchors", "Wander", "VAEDecode"):
        assert f"node: {node}" in text
    text = text.replace("{node: Anchors,", "{node: Anchors, model: ../../model,")
    text = text.replace("node: Wander", "node: Wander\n    model: ../../model")
    text = text.replace("{node: VAEDecode,", "{node: VAEDecode, model: ../../model,")
    journey.write_text(text)
    hearing, found = (folder / "graphs/looks/hearing.yaml").read_text(), {}
    for track in TRACKS:
        (folder / f"graphs/looks/hearing-{track}.yaml").write_text(_as_heard(hearing, track, folder))
        path = found[track] = folder / f"graphs/tracks/{track}.yaml"
        text = path.read_text().replace("node: FFmpegSink", "node: DigestSink").replace(f"{track}.mp4", f"{track}.txt")
        text = text.replace("looks/hearing.yaml", f"looks/hearing-{track}.yaml")
        text = text.replace("n2s: 1\n", f"n2s: 1\ntempo: {HEARD[f'{track} tempo']!r}\n", 1)
        path.write_text(text.replace("n2s: 1\n", f"n2s: 1\nsize: [{SIZE[0]}, {SIZE[1]}]\n", 1))
    return found


def _as_heard(hearing: str, track: str, folder: Path) -> str:
    """Return the look that hears, with a table of what was heard in a track, which it writes."""
    rows = HEARD[track] / 65536
    lines = [f"{frame},{','.join(map(repr, map(float, row)))}\n" for frame, row in enumerate(rows)]
    (folder / f"graphs/looks/{track}.csv").write_text("".join(["frame,", ",".join(SIGNALS), "\n", *lines]))
    node = "{node: Features, audio: audio}"
    assert node in hearing
    hearing = hearing.replace(node, f"{{node: Table, path: {track}.csv, time: frames}}")
    for column, name in enumerate(SIGNALS):
        hearing = hearing.replace(f"features.{name},", f"features.{column},")
    return hearing


def write_model(folder: Path) -> None:
    """Write a decoder of exact arithmetic, out = 1/2 + z[a] / 4 + z[b] / 8 per cell, and anchors of a few levels."""
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir()
    constants = {
        "first": np.array([0, 3, 6]), "second": np.array([1, 4, 7]), "quarter": np.float32(0.25),
        "eighth": np.float32(0.125), "half": np.float32(0.5), "low": np.float32(0), "high": np.float32(1),
        "scales": np.array([1, 1, SCALE, SCALE], np.float32),
    }  # fmt: skip
    steps = [
        ("Gather", ["latents", "first"], "a", {"axis": 1}), ("Gather", ["latents", "second"], "b", {"axis": 1}),
        ("Mul", ["a", "quarter"], "large", {}), ("Mul", ["b", "eighth"], "small", {}),
        ("Add", ["large", "small"], "sum", {}),
        ("Add", ["sum", "half"], "grey", {}), ("Clip", ["grey", "low", "high"], "bounded", {}),
        ("Resize", ["bounded", "", "scales"], "frames",
         {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    ]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in steps],
        "exact",
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", CHANNELS, "h", "w"])],
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "decoder.fp32.onnx").write_bytes(model.SerializeToString())
    shutil.copy(KEPT / "anchors.npz", folder / "anchors.npz")
    files = {path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in sorted(folder.iterdir())}
    reach = {"2": [1.0, 0.75, 0.5, 0.25, 1.0, 0.5, 0.25, 0.75], "8": [0.5] * CHANNELS}
    card = {
        "format": 1,
        "name": "exact",
        "latent": {"channels": CHANNELS, "scale": SCALE, "reach": reach},
        "files": files,
    }
    (folder / "meta.json").write_text(json.dumps(card))


def render(path: Path, out: Path, store: object, **options: object) -> list[str]:
    """Render a kept track; return the first digits of each frame's digest."""
    from n2s.runtime.run import Run

    report = Run(Graph.load(path), out=out, store=store, **options).execute()
    lines = Path(report.films[0]["path"]).read_text(encoding="utf-8").split()
    return [line[:DIGITS] for line in lines]
