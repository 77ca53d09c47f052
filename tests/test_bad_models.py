"""Models that cannot be used: what is wrong with which file, and how to get a good one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from places import Place, flip

from n2s.graph.errors import GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime.models.known import KnownModel
from n2s.runtime.models.onnxfile import has_external_data
from n2s.runtime.readiness import input_problems


def write_onnx(nodes: list, inputs: list, outputs: list) -> Callable[[Path], None]:
    """Return what puts another decoder in place of a model's, with a card that fits."""

    def spoil(folder: Path) -> None:
        from onnx import helper

        graph = helper.make_graph(
            [helper.make_node(*node) for node in nodes], "odd",
            [helper.make_tensor_value_info(*value) for value in inputs],
            [helper.make_tensor_value_info(*value) for value in outputs],
        )  # fmt: skip
        odd = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        (folder / "decoder.fp32.onnx").write_bytes(odd.SerializeToString())
        tiny.write_card(folder)

    return spoil


def decoder_bytes(make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return what changes a model's decoder and its card with it."""

    def spoil(folder: Path) -> None:
        path = folder / "decoder.fp32.onnx"
        path.write_bytes(make(path.read_bytes()))
        tiny.write_card(folder)

    return spoil


def card(old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        text = (folder / "meta.json").read_text()
        assert old in text
        (folder / "meta.json").write_text(text.replace(old, new))

    return spoil


def anchors(**arrays: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        whole = {name: np.zeros((tiny.CHANNELS, 4, 4), np.float32) for name in ("red", "green", "blue")}
        np.savez(folder / "anchors.npz", **{k: v for k, v in (whole | arrays).items() if v is not None})
        tiny.write_card(folder)

    return spoil


def anchor_bytes(make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "anchors.npz").write_bytes(make((folder / "anchors.npz").read_bytes()))
        tiny.write_card(folder)

    return spoil


def external_data(folder: Path) -> None:
    import onnx

    whole = onnx.load(folder / "decoder.fp32.onnx")
    onnx.save_model(
        whole, folder / "decoder.fp32.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    tiny.write_card(folder)


def swapped(folder: Path) -> None:
    path = folder / "decoder.fp32.onnx"
    path.write_bytes(flip(path.read_bytes(), 100))


LATENTS = ("x", 1, ["n", tiny.CHANNELS, "h", "w"])
NOT_A_DECODER = ["decoder.fp32.onnx is no decoder: it must take float32 latents (N, C, h, w) and give float32 frames"]
NO_CARD = ["meta.json is no model card", "export the model again with training/export_onnx.py"]
ANCHORS_AGAIN = ["(8, rows, columns) of finite numbers were wanted. Make the anchors again."]
MODELS = {
    "no folder": (shutil.rmtree, ["model: ", "model does not exist. "]),
    "no card": (lambda folder: (folder / "meta.json").unlink(), ["There is no model in", "meta.json is missing"]),
    "card cut off": (lambda folder: (folder / "meta.json").write_text('{"latent":'), NO_CARD),
    "card is a list": (lambda folder: (folder / "meta.json").write_text("[]"), NO_CARD),
    "card lists no sums": (card('{"sha256"', '"x", "y": {"sha256"'), NO_CARD),
    "card's channels are text": (card('"channels": 8', '"channels": "eight"'), NO_CARD),
    "card's scale is nothing": (card('"scale": 32', '"scale": 0'), NO_CARD),
    "card's scale has no end": (card('"scale": 32', '"scale": 1e999'), NO_CARD),
    "card's files are a list": (card('"files": {', '"files": [1], "others": {'), NO_CARD),
    "card's finer decoder is nothing": (card('"files": {', '"details": {"x2": {}}, "files": {'), NO_CARD),
    "card of other channels": (
        card('"channels": 8', '"channels": 4'),
        ['The anchor "red" is (8, ', "(4, rows, columns) of finite numbers were wanted. Make the anchors again."],
    ),
    "decoder missing": (
        lambda folder: (folder / "decoder.fp32.onnx").unlink(),
        ["decoder.fp32.onnx is missing though the model's card lists it", "export the model again"],
    ),
    "anchors missing": (lambda folder: (folder / "anchors.npz").unlink(), ["anchors.npz is missing though"]),
    "digest mismatch": (
        swapped,
        [
            "decoder.fp32.onnx is not the file its card describes (SHA-256",
            "damaged or was replaced",
            "export the model again",
        ],
    ),
    "garbage": (
        decoder_bytes(lambda _: np.random.default_rng(0).bytes(500)),
        ["is no ONNX file. Export the model again."],
    ),
    "cut off": (decoder_bytes(lambda data: data[:200]), ["is no ONNX file. Export the model again."]),
    "empty": (decoder_bytes(lambda _: b""), ["decoder.fp32.onnx cannot be opened", "Export the model again."]),
    "external data": (external_data, ["keeps weights in another file, which is not allowed: export it as one file."]),
    "other frames": (
        write_onnx([("Identity", ["x"], ["y"])], [LATENTS], [("y", 1, ["n", 8, "h", "w"])]),
        ["turns latents (1, 8, 2, 3) into frames (1, 8, 2, 3); its card says (1, 3, 64, 96)."],
    ),
    "other scale": (card('"scale": 32', '"scale": 16'), ["into frames (1, 3, 64, 96); its card says (1, 3, 32, 48)."]),
    "flat input": (write_onnx([("Identity", ["x"], ["y"])], [("x", 1, ["n", 8])], [("y", 1, ["n", 8])]), NOT_A_DECODER),
    "two inputs": (
        write_onnx([("Add", ["x", "z"], ["y"])], [LATENTS, ("z", *LATENTS[1:])], [("y", *LATENTS[1:])]),
        NOT_A_DECODER,
    ),
    "doubles": (
        write_onnx([("Identity", ["x"], ["y"])], [("x", 11, LATENTS[2])], [("y", 11, LATENTS[2])]),
        NOT_A_DECODER,
    ),
    "other channels": (
        write_onnx([("Identity", ["x"], ["y"])], [("x", 1, ["n", 4, "h", "w"])], [("y", 1, ["n", 4, "h", "w"])]),
        ["cannot decode latents of shape (1, 8, 2, 3), although its card says so"],
    ),
    "unknown anchor": (
        anchors(green=None, greem=np.zeros((8, 4, 4))),
        ['anchors.names: the model has no anchor "green". Did you mean "greem"?'],
    ),
    "anchor of other channels": (
        anchors(green=np.zeros((4, 4, 4))),
        ['The anchor "green" is (4, 4, 4)', *ANCHORS_AGAIN],
    ),
    "flat anchor": (anchors(green=np.zeros(8)), ['The anchor "green" is (8,)', *ANCHORS_AGAIN]),
    "NaN anchor": (anchors(green=np.full((8, 4, 4), np.nan)), ['The anchor "green" is', *ANCHORS_AGAIN]),
    "empty anchor": (anchors(green=np.zeros((8, 0, 4))), ['"green"']),
    "anchor of objects": (
        anchors(green=np.array([{}], object)),
        ["anchors.npz cannot be read", "Make the anchors again."],
    ),
    "anchors garbage": (anchor_bytes(lambda _: b"PK\3\4garbage" * 30), ["anchors.npz cannot be read"]),
    "anchors damaged": (anchor_bytes(lambda data: flip(data, 4000)), ["anchors.npz cannot be read"]),
    "anchors cut off": (anchor_bytes(lambda data: data[:4000]), ["anchors.npz cannot be read"]),
}


LATE = {  # what is seen where a model is opened alone
    "decoder missing", "digest mismatch", "garbage", "cut off", "empty", "external data", "other frames", "other scale",
    "flat input", "two inputs", "doubles", "other channels", "NaN anchor", "anchors damaged",
}  # fmt: skip


@pytest.mark.parametrize("what", MODELS)
def test_models_that_cannot_be_used(place: Place, model: Path, what: str, studio: Any) -> None:
    spoil, words = MODELS[what]
    spoil(model)
    place.refused(RenderError if what in LATE else GraphError, *words)
    place.edit(str(model), str(studio.model))
    assert place.run().rendered == 2


@pytest.mark.parametrize("what", ["card's scale is nothing", "anchors garbage", "card of other channels"])
@pytest.mark.parametrize("header", [True, False])
def test_check_tells_of_a_model_once_where_it_is_named(place: Place, model: Path, what: str, header: bool) -> None:
    MODELS[what][0](model)
    if header:  # two nodes take it from there
        place.edit(f", model: {model}}}", "}")
        place.edit("n2s: 1\n", f"n2s: 1\nmodel: {model}\n")
    said = [str(problem) for problem in input_problems(Graph.load(place.graph))]
    line = next(i for i, text in enumerate(place.graph.read_text().splitlines(), 1) if f"model: {model}" in text)
    assert len(said) == 1 and f"track.yaml:{line}:" in said[0]
    assert ("  model: " if header else "  anchors.model: ") in said[0]


def test_anchors_that_nobody_asks_for_are_no_matter(model: Path) -> None:
    anchor_bytes(lambda _: b"no archive")(model)
    known = KnownModel(model)
    assert known.card and not known.lacks_decoder("auto") and not known.wrong
    assert not known.lacks_anchor("red") and "anchors.npz cannot be read" in known.wrong["anchors.npz"]


def test_a_precision_that_the_model_lacks(place: Place) -> None:
    place.edit("grid: [2, 3]", "grid: [2, 3], precision: int8")
    place.refused(GraphError, "film.precision: the model has no decoder.int8.onnx; its card lists decoder.fp32.onnx.")


def test_weights_that_do_not_fit_the_anchors(place: Place) -> None:
    place.edit("count: 3", "count: 2")
    words = (
        'anchors.weights: "weights" has 2 columns, but 3 are wanted, one for each of its names. Set weights.count to 3.'
    )
    with pytest.raises(GraphError, match=re.escape(words)):
        place.run()
    place.edit("count: 2", "count: 3")
    assert place.run().rendered == 2


@pytest.mark.parametrize("data", [b"\x38\x05", b"\x3a\x02\x28\x01"], ids=["graph", "initializer"])
def test_a_number_where_a_message_belongs_is_no_model(data: bytes) -> None:
    with pytest.raises(ValueError, match="a number stands where a message was wanted"):
        has_external_data(data)
