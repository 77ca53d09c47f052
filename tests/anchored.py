"""A tiny model with an encoder, pictures that it can encode, and what a model's folder says of its anchors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tiny

from n2s.runtime.models import anchors

ROWS, COLUMNS = 2, 4
SIZE = f"{32 * ROWS}x{32 * COLUMNS}"


def tiny_encoder(folder: Path) -> None:
    """Write the encoder that undoes the tiny decoder: means of 32 x 32 pixels, its sigmoid and its matrix inverted."""
    from onnx import TensorProto, helper, numpy_helper

    inverse = np.linalg.pinv(decoder_matrix()).astype(np.float32)[:, :, None, None]
    constants = {"low": np.float32(0.004), "high": np.float32(0.996), "one": np.float32(1), "inverse": inverse}
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["frames"], ["mean"], kernel_shape=[32, 32], strides=[32, 32]),
            helper.make_node("Clip", ["mean", "low", "high"], ["p"]),
            helper.make_node("Sub", ["one", "p"], ["q"]),
            helper.make_node("Div", ["p", "q"], ["odds"]),
            helper.make_node("Log", ["odds"], ["logit"]),
            helper.make_node("Conv", ["logit", "inverse"], ["latents"]),
        ],
        "tiny encoder",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", tiny.CHANNELS, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "encoder.fp32.onnx").write_bytes(model.SerializeToString())


def decoder_matrix() -> np.ndarray:
    """Return the tiny decoder's weights (3, C)."""
    return np.random.default_rng(5).normal(0, 0.6, (3, tiny.CHANNELS, 1, 1)).astype(np.float32)[:, :, 0, 0]


def patches() -> np.ndarray:
    """Return uint8 (64, 128, 3): what latents of spread 0.85 decode to, that lie in what the decoder sees."""
    matrix = decoder_matrix()
    latents = np.linalg.pinv(matrix) @ matrix @ np.random.default_rng(3).normal(size=(tiny.CHANNELS, ROWS * COLUMNS))
    latents *= 0.85 / anchors.spread(latents)
    shown = 1 / (1 + np.exp(-(matrix @ latents))).reshape(3, ROWS, COLUMNS)
    return np.rint(255 * shown.repeat(32, axis=1).repeat(32, axis=2)).astype(np.uint8).transpose(1, 2, 0)


def card(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "meta.json").read_text())


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "anchors.npz") as archive:
        return dict(archive)
