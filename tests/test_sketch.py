"""The net that shows from far away what a decoder draws: who looks at it, and what it says of films."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph.errors import RenderError
from n2s.graph.registry import node_types
from n2s.nodes.measures import LightMeter
from n2s.runtime.measuring import plan_measure
from n2s.runtime.models.cards import read_card, shipped_folder
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.session import Session

GRID = [16, 32]  # which 64 rows show in 4 pixels per cell


LOOKS = """
from n2s.graph.declare import Measure, Output
from n2s.graph.types import SIGNAL


class Close(Measure):
    \"\"\"Look at every pixel.\"\"\"

    frames: Frames = port("what is looked at")
    outputs = {"luma": Output(SIGNAL, "mean")}

    def input_size(self, size):
        return size

    def measure(self, frame):
        return float(frame.mean())


class Later(Close):
    \"\"\"Look at frames of the film itself, while it is made.\"\"\"

    unmeasured = 0.5

    def input_size(self, size):
        return (128, 64)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models whose sketch, of 4 pixels per cell, inverts what the decoder draws, and without one."""
    folder = tmp_path_factory.mktemp("sketch")
    tiny.tiny_model(folder / "model", sketch=4)
    tiny.tiny_model(folder / "plain")
    return folder


def film(model: str = "model", meter: dict[str, Any] | None = None, **decode: Any) -> dict[str, Any]:
    """Return a film whose exposure follows what a meter says of it."""
    nodes = {
        "way": {"node": "Keyframes", "points": [[0, 0], [2, 1]]},
        "weights": {"node": "Weights", "signal": "way", "count": 2},
        "place": {"node": "Anchors", "weights": "weights", "names": ["red", "green"], "model": model},
        "seen": {"node": "VAEDecode", "latents": "place", "model": model, "grid": GRID, **decode},
        "meter": {"node": "LightMeter", "frames": "seen", "every": 0, **(meter or {})},
        "shown": {"node": "Tone", "frames": "seen", "exposure": "= meter.luma"},
        "out": {"node": "DigestSink", "frames": "shown", "path": "out.txt"},
    }
    return {"n2s": 1, "fps": 10, "duration": 2, "size": [256, 128], "nodes": nodes}


def files_of(graph: dict[str, Any], folder: Path, store: Any) -> tuple[str, str]:
    """Return the names of the files that decode for the film, and for its meter."""
    loaded = harness.load(graph, folder)
    with Session(loaded, store) as session:
        planned = session.plan("out")
        measured = plan_measure(loaded.flat, "meter", session.values, session.context, planned.environment)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest(): path.name for path in folder.glob("*/*.onnx")}

    def file_of(plan: Any) -> str:
        stage = next(stage for stage in plan.nodes if stage.node == "seen")
        return digests[plan.keys.describe(stage)["files"]["decoder"]]

    return file_of(planned), file_of(measured)


def test_a_meter_looks_at_the_sketch_and_the_film_at_the_decoder(folder: Path, store: Any) -> None:
    assert files_of(film(), folder, store) == ("decoder.fp32.onnx", "sketch.fp16.onnx")


@pytest.mark.parametrize(
    ("model", "decode"),
    [
        ("plain", {}),
        ("model", {"detail": "x1"}),  # what is asked for is looked at
        ("model", {"grid": [12, 24]}),  # 5.3 pixels per cell: the sketch would have to be stretched
    ],
)
def test_else_it_looks_at_the_decoder(model: str, decode: dict[str, Any], folder: Path, store: Any) -> None:
    assert files_of(film(model, **decode), folder, store) == ("decoder.fp32.onnx", "decoder.fp32.onnx")


def test_a_meter_that_looks_closer_or_later_looks_at_the_decoder(folder: Path, store: Any, packages: Any) -> None:
    packages.install(LOOKS)
    decoder = ("decoder.fp32.onnx", "decoder.fp32.onnx")
    assert files_of(film(meter={"node": "Close"}), folder, store) == decoder
    assert files_of(film(meter={"node": "Later"}), folder, store) == decoder


def test_its_numbers_are_those_of_the_sketch(folder: Path, store: Any, new_store: Any) -> None:
    """The tiny sketch shows 1 - x where the decoder shows x, and each cell is of one colour in both."""
    sketched, decoded = (
        Session(harness.load(film(**given), folder), store).signal("meter.grid") for given in ({}, {"detail": "x1"})
    )
    assert np.corrcoef(sketched.ravel(), decoded.ravel())[0, 1] < -0.99
    np.testing.assert_allclose(sketched.std(), decoded.std(), rtol=0.1)
    graph = harness.load(film(), folder)
    assert harness.codes(graph, store).tobytes() == harness.codes(graph, new_store()).tobytes()


@pytest.mark.parametrize("scale", [0, 33, "many"])
def test_a_card_with_an_impossible_sketch_is_refused(scale: Any, tmp_path: Path) -> None:
    tiny.tiny_model(tmp_path, sketch=4)
    card = json.loads((tmp_path / "meta.json").read_text()) | {"sketch": {"scale": scale}}
    (tmp_path / "meta.json").write_text(json.dumps(card))
    with pytest.raises(RenderError, match=r"no model card"):
        read_card(tmp_path / "meta.json")


def test_a_sketch_that_is_missing_is_named(folder: Path, store: Any, tmp_path: Path) -> None:
    tiny.tiny_model(tmp_path / "model", sketch=4)
    (tmp_path / "model/sketch.fp16.onnx").unlink()
    with pytest.raises(RenderError, match=r"sketch\.fp16\.onnx is missing though the model's card lists it"):
        harness.codes(harness.load(film(), tmp_path), store)


def test_the_shipped_sketch_is_as_light_as_the_decoder(store: Any) -> None:
    """Of every anchor and of mixes of two: what `Exposure` works with. A stop is a doubling of light."""
    model = ModelFolder(shipped_folder(), store)
    sketch, decoder = model.decoder("auto", "cpu", 1, "sketch"), model.decoder("int8", "cpu", 1)
    assert sketch.scale == model.sketch_scale == 4
    names = model.card["anchors"]
    anchors = [model.anchor(name) for name in names]
    mixes = [np.sqrt(np.float32(0.5)) * (a + b) for a, b in zip(anchors, anchors[7:])]
    meter: Any = LightMeter.model_construct()
    stops, shares = [], []
    for latents in [*anchors[::3], *mixes[::3]]:
        latents = np.ascontiguousarray(latents[None, :, :, 2:30])
        small, large = sketch.decode(latents)[0], decoder.decode(latents)[0]
        light = np.sign(large) * np.square(large)
        light = light.reshape(3, small.shape[1], 8, small.shape[2], 8).mean(axis=(2, 4))
        drawn, wanted = (meter.measure(frame) for frame in (small, np.sign(light) * np.sqrt(np.abs(light))))
        stops.append(np.log2((drawn["light"] + 0.002) / (wanted["light"] + 0.002)))
        apart = drawn["histogram"] / drawn["light"] - wanted["histogram"] / wanted["light"]
        shares.append(np.abs(np.cumsum(apart)).max())
    assert np.abs(stops).mean() < 0.03 and np.abs(stops).max() < 0.12
    assert np.mean(shares) < 0.06


def test_all_measures_that_a_film_waits_for_look_at_few_rows() -> None:
    """So that the sketch serves them all; it shows 64 rows of a film of 16 cells."""
    waited = [cls for cls in node_types().values() if cls.kind == "measure" and cls.unmeasured is None]
    assert waited
    for cls in waited:
        assert cls.model_construct().input_size((1920, 1080)) == (114, 64)


def test_what_is_moved_by_parts_of_a_cell_is_seen_where_the_film_has_it(folder: Path, store: Any) -> None:
    """A decoder shows one cell less then, and moves its frames: so does the sketch."""

    def fields(**given: Any) -> np.ndarray:
        graph = film(**given)
        moved = {"node": "LatentCamera", "latents": "place", "shift_x": "= 0.03 * time", "model": "model"}
        graph["nodes"]["moved"] = moved
        graph["nodes"]["seen"]["latents"] = "moved"
        return Session(harness.load(graph, folder), store).signal("meter.grid")

    sketched, decoded = fields(), fields(detail="x1")
    assert np.corrcoef(sketched.ravel(), decoded.ravel())[0, 1] < -0.99
    assert np.abs(np.diff(decoded, axis=0)).max() > 0.005
