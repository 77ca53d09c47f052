"""Quantise the decoder to int8, measure every export, and write the model card.

    n2s export film.yaml --node drift -o film.npz                             latents that a film really decodes
    python -m training.quantize_onnx --data training/data/procedural --latents film.npz
    python -m training.quantize_onnx --data training/data/procedural-1024 --finer 2      adds decoder.x2 to the model

Static QDQ, weights S8 per channel, activations U8. In a folded decoder whole branches (convolution, SiLU, convolution)
compute in integers; in a decoder with norms only the convolutions do. Three parts stay float32 in both: the sums
between the branches; the two convolutions that read the latents; and the last convolution with the steps around it,
because 256 levels would show as bands in the picture. The model clamps the inputs of every SiLU (`models.activation`);
that clip is removed from the graph, and its range becomes the range of the levels. The channels of each sum are scaled
to equal ranges first (`equalise.py`).

It reads what the last export left in --outputs, and refuses a model folder that this export did not write
(`exported.py`).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from scipy.ndimage import uniform_filter

from . import arguments, card, exported, kept_anchors, perceptual, report
from .activations import measure_tensors
from .dataset import Pictures, load
from .equalise import equalise
from .errors import TrainingError, run_command
from .export_onnx import MODELS, OUTPUTS, WITH_NORMS
from .files import write_whole
from .latents import slerp
from .models import SCALE, Config

MEASURED = ("Conv", "Clip", "Sigmoid", "Mul", "Add", "Resize")
NORMS = ("InstanceNormalization", "GroupNormalization", "ReduceMean")  # the last one: a norm in single operations
PRECISION = "int8 branches (static QDQ, U8 activations, S8 weights per channel), float32 between them"


def read_latents(paths: Iterable[Path], channels: int = Config.latent, most: int = 32) -> list[np.ndarray]:
    """Return latents (1, C, h, w) out of .npz files, at most so many from each array, spread evenly.

    Raises
    ------
    TrainingError
        When a file holds none, or latents of another model, which has another number of channels.
    """
    found = []
    for path in paths:
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                rows = [
                    array for array in arrays.values() if array.ndim == 4 and array.dtype.kind == "f" and len(array)
                ]
        except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise TrainingError(
                f"{path} holds no latents ({error}); write some with n2s export GRAPH --node NODE -o {path}"
            ) from None
        if not rows:
            raise TrainingError(f"{path} holds no latents (N, C, h, w); name the port of a node that makes some.")
        for array in rows:
            if array.shape[1] != channels:
                raise TrainingError(
                    f"{path} holds latents of {array.shape[1]} channels, and this model's have {channels}; export them "
                    "from a film with this model, or leave the file out."
                )
            found += [row[None].astype(np.float32) for row in array[:: -(-len(array) // most)]]
    return found


def calibration(
    anchors: dict[str, np.ndarray], extra: Sequence[np.ndarray] = (), count=48, grid=(16, 16), seed=5
) -> list[np.ndarray]:
    """Return latents like those of films, each (1, 8, h, w): crops of anchors and of mixes of two, some with drift.

    The drift is smooth, as that of `Wander`. Noise that is independent for each cell belongs to no picture, and would
    make every range too wide.
    """
    rng = np.random.default_rng(seed)
    names = sorted(anchors)
    batches = []
    for k in range(count):
        parts = []
        for _ in range(2):
            point = anchors[names[rng.integers(len(names))]]
            y, x = (int(rng.integers(0, max(1, have - want + 1))) for have, want in zip(point.shape[1:], grid))
            parts.append(point[:, y : y + grid[0], x : x + grid[1]])
        t = rng.uniform(0, 0.5)
        if parts[0].shape == parts[1].shape:
            parts[0] = slerp(*parts, t)
        if k % 3 == 0:
            drift = uniform_filter(rng.standard_normal(parts[0].shape), (0, 3, 3))
            parts[0] = 0.95 * parts[0] + 0.3 * drift / drift.std()
        batches.append(parts[0][None].astype(np.float32))
    return [*batches, *extra]


def calibration_of(args: argparse.Namespace) -> list[np.ndarray]:
    """Return what to calibrate a model's decoder on: its anchors, and the latents that --latents names."""
    anchors = kept_anchors.read(args.models)
    return calibration(anchors, read_latents(args.latents, len(next(iter(anchors.values())))))


class Reader(CalibrationDataReader):
    """Hands the calibration latents to the quantiser."""

    def __init__(self, batches: Iterable[np.ndarray]):
        self.rows = iter([{"latents": batch} for batch in batches])

    def get_next(self):
        return next(self.rows, None)


def kept_float(model: onnx.ModelProto) -> list[str]:
    """Return the nodes that stay float32 whatever their type.

    These are the nodes between the latents and the first non-linear step, and those that make the picture from the last
    sum: a SiLU, a small convolution, and all that follows.
    """
    linear = {model.graph.input[0].name}
    names = []
    for node in model.graph.node:
        if node.op_type in ("Sigmoid", *NORMS) or not linear & set(node.input):
            continue
        names.append(node.name)
        if node.op_type != "Conv":
            linear |= set(node.output)
    drawn, drawing = {model.graph.output[0].name}, set()  # after the last convolutions; before them, up to their sums
    for node in reversed(model.graph.node):
        if drawn & set(node.output):
            (drawing if node.op_type == "Conv" else drawn).update(node.input)
        elif drawing & set(node.output) and node.op_type != "Add":
            drawing.update(node.input)
        else:
            continue
        names.append(node.name)
    return names


def levels(model: Path, batches: Sequence[np.ndarray], spared: float = 0.1) -> dict[str, list[dict[str, np.float32]]]:
    """Return the range of every activation in the quantiser's form: a tenth of the latents may exceed it.

    For a few latents a small part of the picture reaches far larger values than everything else. If ranges included
    them, too few levels would be left for the rest.
    """
    graph = onnx.load(model)
    names = [name for node in graph.graph.node if node.op_type in MEASURED for name in node.output]
    ends = np.stack(measure_tensors(graph, names, batches, lambda values: np.array([values.min(), values.max()])))
    low, high = np.quantile(ends[..., 0], spared, axis=1), np.quantile(ends[..., 1], 1 - spared, axis=1)
    return {
        name: [{"rmin": np.float32(min(a, 0)), "rmax": np.float32(max(b, 1e-3))}]
        for name, a, b in zip(names, low, high)
    }


def quantise(source: Path, target: Path, batches: Sequence[np.ndarray]) -> None:
    """Write the int8 version of a float32 decoder."""
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser logs advice that does not apply
    prepared = target.with_name(f".{os.getpid()}.prepared.onnx")
    partial = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        model = onnx.load(prepared)
        equalise(model, batches)
        onnx.save(model, prepared)
        has_norms = any(node.op_type in NORMS for node in model.graph.node)
        quantize_static(  # one batch to calibrate on, because every range is given
            str(prepared), str(partial), Reader(batches[:1]), quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv"] if has_norms else ["Conv", "Clip", "Sigmoid", "Mul"],
            nodes_to_exclude=kept_float(model),
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
            extra_options={"TensorQuantOverrides": levels(prepared, batches)},
        )  # fmt: skip
        props = {p.key: p.value for p in onnx.load(source).metadata_props}
        model = onnx.load(partial)
        onnx.helper.set_model_props(model, {**props, "n2s.precision": PRECISION})
        onnx.save(model, partial)
        os.replace(partial, target)
    finally:
        for path in (prepared, partial):
            path.unlink(missing_ok=True)


def add_finer(pictures: Pictures, facts: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Quantise and measure a finer decoder, add it to its model; return its entry in the card."""
    name = f"decoder.x{args.finer}"
    reference, fp16, int8 = (args.outputs / f"{name}.{precision}.onnx" for precision in ("fp32", "fp16", "int8"))
    quantise(reference, int8, calibration_of(args))
    found = report.compare_exports(
        {"fp32": reference, "fp16": fp16, "int8": int8, "stretched": args.models / "decoder.fp16.onnx"},
        args.models / "encoder.fp16.onnx",
        pictures,
        perceptual.choose(args.perceptual),
        args.most,
        args.finer,
    )
    report.write(found, args.outputs, f"parity.x{args.finer}")
    for file in (fp16, int8):
        write_whole(args.models / file.name, lambda partial, file=file: shutil.copyfile(file, partial))
    return card.add_finer(args.models, args.finer, facts, found, reference)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Quantise the decoder to int8, measure every export, write models/meta.json."
    )
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        help="the data sets it was trained on: their held-out pictures are measured",
    )
    parser.add_argument(
        "--latents", type=Path, nargs="*", default=[], help=".npz files of latents to calibrate on as well"
    )
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--perceptual", help="as for train_vae")
    parser.add_argument(
        "--outputs",
        type=Path,
        default=OUTPUTS,
        help="where export_onnx left the float32 files of this model; those of another are refused",
    )
    parser.add_argument("--most", type=arguments.count, default=50, help="held-out pictures to measure with")
    parser.add_argument(
        "--finer",
        type=arguments.at_least(2),
        metavar="FACTOR",
        help="the decoder of so many times the size, which export_onnx just wrote",
    )
    args = parser.parse_args()
    card.require(args.models, card=bool(args.finer))
    record = f"decoder.x{args.finer}.json" if args.finer else exported.RECORD
    facts = exported.read(args.outputs, record, args.models)
    pictures = load(args.data, SCALE * (args.finer or 1))
    exported.require_data(facts, pictures.digest, args.outputs / record)
    if args.finer:
        print(json.dumps(add_finer(pictures, facts, args)["metrics"], indent=1))
        return
    reference, norms = args.outputs / "decoder.fp32.onnx", args.outputs / WITH_NORMS
    batches = calibration_of(args)
    int8 = args.outputs / "decoder.int8.onnx"  # until it is measured: the model stays usable meanwhile
    quantise(reference, int8, batches)
    decoders = {"fp32": reference, "fp16": args.models / "decoder.fp16.onnx", "int8": int8}
    if WITH_NORMS in facts["exported"]["outputs"]:
        quantise(norms, args.outputs / "decoder.norms.int8.onnx", batches)
        decoders |= {"norms fp32": norms, "norms int8": args.outputs / "decoder.norms.int8.onnx"}
    found = report.compare_exports(
        decoders, args.models / "encoder.fp16.onnx", pictures, perceptual.choose(args.perceptual), args.most
    )
    report.write(found, args.outputs)
    write_whole(args.models / int8.name, lambda partial: shutil.copyfile(int8, partial))
    meta = card.write(args.models, facts, found, reference)
    print(json.dumps(meta["metrics"], indent=1))


if __name__ == "__main__":
    run_command(main)
