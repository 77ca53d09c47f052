"""Quantise the decoder to int8, and write the model card.

    python -m training.quantize_onnx [--latents more.npz ...]

Static QDQ, weights S8 per channel, activations U8, convolutions only: the norms between them stay float32.
`--latents` takes what `n2s export graph.yaml --port drift -o latents.npz` writes: calibrate on what films really decode.
The first and the last convolution stay float: one reads the latents themselves, the other writes the picture, where 256 levels would band.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import card, perceptual
from .export_onnx import MODELS, OUTPUTS


def calibration(anchors, extra=(), count=48, grid=(16, 16), seed=5):
    """Latents like those of films, each (1, 8, h, w): crops of anchors, mixes of two at unit variance, some with noise; and given ones."""
    rng = np.random.default_rng(seed)
    names = sorted(anchors)
    batches = []
    for k in range(count):
        parts = []
        for _ in range(2):
            point = anchors[names[rng.integers(len(names))]]
            x = rng.integers(0, point.shape[2] - grid[1] + 1)
            parts.append(point[:, : grid[0], x : x + grid[1]])
        t = rng.uniform(0, 0.5)
        mix = ((1 - t) * parts[0] + t * parts[1]) / np.hypot(1 - t, t)
        if k % 3 == 0:
            mix = 0.9 * mix + 0.44 * rng.standard_normal(mix.shape)
        batches.append(mix[None].astype(np.float32))
    for path in extra:
        for array in np.load(path).values():
            batches += [row[None].astype(np.float32) for row in array[:: max(1, len(array) // 32)]]
    return batches


class Reader(CalibrationDataReader):
    def __init__(self, batches):
        self.rows = iter([{"latents": batch} for batch in batches])

    def get_next(self):
        return next(self.rows, None)


def quantise(source: Path, target: Path, batches, method=CalibrationMethod.MinMax, keep_float=None, **options):
    """Float32 ONNX to QDQ int8. `keep_float` names convolutions that stay float; by default the first and the last."""
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(prepared)
    convs = [node.name for node in model.graph.node if node.op_type == "Conv"]
    quantize_static(
        str(prepared), str(target), Reader(batches), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method,
        nodes_to_exclude=[convs[0], convs[-1]] if keep_float is None else keep_float, extra_options=options,
    )  # fmt: skip
    prepared.unlink()
    props = {p.key: p.value for p in onnx.load(source).metadata_props}
    model = onnx.load(target)
    onnx.helper.set_model_props(model, {**props, "n2s.precision": "int8 convolutions (static QDQ, U8 activations, S8 weights per channel), the rest float32"})
    onnx.save(model, target)


def main():
    parser = argparse.ArgumentParser(description="Quantise the decoder to int8 and write models/meta.json.")
    parser.add_argument("--latents", nargs="*", default=[], help=".npz files of latents to calibrate on as well")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--perceptual", help="stlpips-pytorch wheel or .pth: measure ST-LPIPS too")
    args = parser.parse_args()
    anchors = dict(np.load(args.models / "anchors.npz"))
    quantise(OUTPUTS / "decoder.fp32.onnx", args.models / "decoder.int8.onnx", calibration(anchors, args.latents))
    facts = json.loads((OUTPUTS / "export.json").read_text())
    distance = perceptual.STLPIPS(perceptual.weights(args.perceptual)) if args.perceptual else None
    meta = card.write(args.models, OUTPUTS / "decoder.fp32.onnx", facts, distance)
    print(json.dumps({k: meta[k] for k in ("metrics", "files")}, indent=1))


if __name__ == "__main__":
    main()
