"""Pictures in place of anchors: `names: [red, our/cat.png]`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from anchored import COLUMNS, ROWS, patches, tiny_encoder

from n2s.graph.errors import GraphError, MediaError
from n2s.nodes import Anchors
from n2s.runtime.context import RunContext
from n2s.runtime.models.folder import SessionEncoder
from n2s.runtime.readiness import check_inputs


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a tiny model that has an encoder, and a picture in a folder of its own."""
    tiny_encoder(tiny.tiny_model(tmp_path / "model"))
    tiny.write_card(tmp_path / "model")
    (tmp_path / "our").mkdir()
    tiny.write_png(tmp_path / "our" / "cat.png", patches())
    return tmp_path


def nodes_of(node: str, names: list[str]) -> dict[str, Any]:
    latents: dict[str, Any] = {"node": node, "names": names, "model": "model"}
    nodes: dict[str, Any] = {}
    if node == "Anchors":
        nodes["way"] = {"node": "Keyframes", "points": [[0, 0], [1, 1]], "interpolate": "linear"}
        nodes["weights"] = {"node": "Weights", "signal": "way", "count": len(names)}
        latents["weights"] = "weights"
    nodes["latents"] = latents
    nodes["film"] = {"node": "VAEDecode", "latents": "latents", "model": "model", "grid": [ROWS, COLUMNS]}
    nodes["out"] = {"node": "DigestSink", "frames": "film", "path": "f.txt"}
    return nodes


def graph_of(folder: Path, node: str = "Anchors", names: tuple[str, ...] = ("our/cat.png", "red")) -> Any:
    size = [32 * COLUMNS, 32 * ROWS]
    nodes = nodes_of(node, list(names))
    return harness.load({"n2s": 1, "fps": 30, "size": size, "duration": 1.1, "nodes": nodes}, folder)


@pytest.mark.parametrize("node", ["Anchors", "LatentPath"])
def test_a_picture_is_a_place(node: str, place: Path, store: Any) -> None:
    made = harness.frames(graph_of(place, node), store, "film", [(0, 1)])[0]
    np.testing.assert_allclose(made.transpose(1, 2, 0), patches() / 255, atol=0.01)


def test_a_picture_is_cropped_before_it_is_encoded(place: Path, store: Any) -> None:
    wide = np.zeros((64, 160, 3), np.uint8)
    wide[:, 16:144] = patches()
    tiny.write_png(place / "our" / "cat.png", wide)
    made = harness.frames(graph_of(place), store, "film", [(0, 1)])[0]
    np.testing.assert_allclose(made.transpose(1, 2, 0), patches() / 255, atol=0.01)


def test_it_is_encoded_once(place: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, made = SessionEncoder.encode, []
    monkeypatch.setattr(SessionEncoder, "encode", lambda self, frame: made.append(1) or plain(self, frame))
    first, again = (harness.frames(graph_of(place), store, "latents", [(0, 5)]) for _ in range(2))
    assert first.tobytes() == again.tobytes() and len(made) == 1


def test_its_bytes_and_the_encoder_are_in_the_key(place: Path, store: Any) -> None:
    keys = [harness.keys(graph_of(place), store)]
    tiny.write_png(place / "our" / "cat.png", patches()[::-1])
    keys.append(harness.keys(graph_of(place), store))
    shutil.copy(place / "our" / "cat.png", place / "other.png")
    assert harness.keys(graph_of(place, names=("other.png", "red")), store) == keys[-1]
    path = place / "model" / "encoder.fp32.onnx"
    path.write_bytes(path.read_bytes() + b"\x72\x00")  # a field that says nothing
    tiny.write_card(place / "model")
    keys.append(harness.keys(graph_of(place), store))
    assert len({tuple(key) for key in keys}) == 3


def test_a_path_starts_from_the_file_that_names_it(place: Path, store: Any) -> None:
    inner = place / "looks"
    inner.mkdir()
    shutil.move(place / "our", inner / "our")
    nodes = nodes_of("LatentPath", ["our/cat.png", "red"])
    (inner / "look.yaml").write_text(
        "n2s: 1\ninterface:\n  outputs: {latents: latents}\nnodes:\n"
        "  latents: {node: LatentPath, names: [our/cat.png, red], model: ../model}\n"
    )
    nodes["latents"] = {"node": "Graph", "path": "looks/look.yaml"}
    size = [32 * COLUMNS, 32 * ROWS]
    graph = harness.load({"n2s": 1, "fps": 30, "size": size, "duration": 1.1, "nodes": nodes}, place)
    made = harness.frames(graph, store, "film", [(0, 1)])[0]
    np.testing.assert_allclose(made.transpose(1, 2, 0), patches() / 255, atol=0.01)


def test_what_is_wrong_is_found_before_any_work(place: Path, store: Any) -> None:
    with pytest.raises(GraphError, match=r"names\.0: .*our/dog\.png does not exist"):
        check_inputs(graph_of(place, names=("our/dog.png", "red")))
    with pytest.raises(GraphError, match='the model has no anchor "cat"'):
        check_inputs(graph_of(place, names=("cat", "red")))
    (place / "model" / "encoder.fp32.onnx").unlink()
    tiny.write_card(place / "model")
    with pytest.raises(GraphError, match=r"latents\.names: the model has no encoder"):
        check_inputs(graph_of(place))


@pytest.mark.parametrize(("pixels", "said"), [
    (None, "cannot be read as a picture"),
    (np.zeros((8, 8, 3), np.uint8), r"8x8 pixels .* a smaller grid on the decoder"),
])  # fmt: skip
def test_a_picture_that_cannot_be_encoded(pixels: Any, said: str, place: Path, store: Any) -> None:
    path = place / "our" / "cat.png"
    path.write_bytes(b"no picture") if pixels is None else tiny.write_png(path, pixels)
    with pytest.raises(MediaError, match=said):
        harness.frames(graph_of(place), store, "film", [(0, 1)])


def test_the_shipped_model_takes_pictures(place: Path, store: Any) -> None:
    model = RunContext(store, lambda text: None).model(None)
    assert len(model.encoder_digest()) == 64
    assert Anchors(names=["dawn", "our/cat.png"]).names == ["dawn", "our/cat.png"]
