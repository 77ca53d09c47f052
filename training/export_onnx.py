"""Export a checkpoint to ONNX.

    python -m training.export_onnx training/runs/vae/folded.ckpt --data training/data/procedural
    python -m training.quantize_onnx --data training/data/procedural          then the int8 decoder and the card

decoder: latents float32 (N, 8, h, w), unit variance per channel
    -> frames float32 (N, 3, 32h, 32w), display-referred, nominal 0..1
encoder: frames float32 (N, 3, H, W), 0..1
    -> latents float32 (N, 8, H/32, W/32), unit variance per channel, the posterior's mean

A decoder with a finer stage is added to the model that it was trained from, as decoder.x2: the same latents give the
same picture in twice the size, (N, 3, 64h, 64w).

A folder that holds a model is exported into again without losing anchors that were added by n2s anchors add, where the
encoder is the same; where it is another one, it does not know their latents, and --force lets them go.

The fp16 files compute in float16 where the device can; inputs and outputs stay float32. The float32 decoder is written
to training/outputs as a reference; for a folded checkpoint the decoder with norms is written there too
(decoder.norms.fp32.onnx).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxconverter_common import float16
from torch import nn

from . import checkpoint, exported, kept_anchors
from .anchors import encode
from .dataset import Pictures, load
from .errors import TrainingError, run_command
from .files import write_whole
from .latents import statistics
from .licence import licence_of
from .models import SCALE, VAE
from .norms import is_folded

HERE = Path(__file__).parent
OPSET = 21
MODELS = HERE.parent / "models"
OUTPUTS = HERE / "outputs"
SHIPPED = ("decoder.fp16.onnx", "encoder.fp16.onnx")  # the nets of a model; its int8 decoder comes later
WITH_NORMS = "decoder.norms.fp32.onnx"


class Generator(nn.Module):
    """The decoder as it is shipped: z = mean + std * latents, then frames."""

    def __init__(self, decoder: nn.Module, mean: torch.Tensor, std: torch.Tensor):
        super().__init__()
        self.decoder = decoder
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, latents):
        return self.decoder(self.mean + self.std * latents)


class Reader(nn.Module):
    """The encoder as it is shipped: the posterior's mean, normalised."""

    def __init__(self, encoder: nn.Module, mean: torch.Tensor, std: torch.Tensor):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("mean", mean)
        self.register_buffer("gain", 1 / std)

    def forward(self, frames):
        return (self.encoder(frames)[0] - self.mean) * self.gain


def to_onnx(module: nn.Module, path: Path, kind: str, example: torch.Tensor, notes: dict) -> None:
    """Write one self-contained float32 file with free batch, height and width."""
    names = {"decoder": ("latents", "frames"), "encoder": ("frames", "latents")}[kind]
    axes = {0: torch.export.Dim("n", min=1, max=64)}
    grid = [torch.export.Dim(name, min=1, max=512) for name in "hw"]
    for k, dim in enumerate(grid):
        axes[2 + k] = dim if kind == "decoder" else SCALE * dim
    model = trace(module, example, names, axes)
    describe(model, kind, notes)
    save(model, path)


def trace(module: nn.Module, example: torch.Tensor, names: tuple[str, str], sides: dict[int, Any]) -> onnx.ModelProto:
    """Return a net of one input and one output as ONNX, without what the exporter says about this machine.

    Parameters
    ----------
    names : pair of str
        Of the input and the output.
    sides : dict
        By axis of the input, the `torch.export.Dim` of those that are free.
    """
    program = torch.onnx.export(
        module.eval(), (example,), dynamo=True, opset_version=OPSET, input_names=names[:1], output_names=names[1:],
        dynamic_shapes=(sides,), optimize=True, verbose=False,
    )  # fmt: skip
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    return model


def save(model: onnx.ModelProto, path: Path) -> None:
    """Check a net and write it, whole or not at all."""
    onnx.checker.check_model(model)
    write_whole(path, lambda partial: onnx.save(model, partial))


def describe(model: onnx.ModelProto, kind: str, notes: dict) -> None:
    """Write the contract into the file itself."""
    scale = notes.get("n2s.scale", SCALE)
    texts = {
        "decoder": (
            "float32 (N, 8, h, w), unit variance per channel; the file denormalises",
            f"float32 (N, 3, {scale}h, {scale}w), planar RGB, display-referred (BT.709 primaries, sRGB curve), nominal "
            "0..1, not clamped",
        ),
        "encoder": (
            "float32 (N, 3, H, W), planar RGB 0..1; H and W multiples of 32",
            "float32 (N, 8, H/32, W/32), unit variance per channel, posterior mean",
        ),
    }[kind]
    for value, text in zip((*model.graph.input, *model.graph.output), texts):
        value.doc_string = text
    props = {
        "n2s.kind": kind,
        "n2s.input": texts[0],
        "n2s.output": texts[1],
        "n2s.scale": str(SCALE),
        **notes,
    }
    onnx.helper.set_model_props(model, {k: str(v) for k, v in props.items()})


def to_half(source: Path, target: Path) -> None:
    """Write a file that computes in float16, with float32 at its borders."""
    half = halved(source)
    write_whole(target, lambda partial: onnx.save(half, partial))


def halved(source: Path) -> onnx.ModelProto:
    """Return a net that computes in float16, with float32 at its borders."""
    model = onnx.load(source)
    props = {p.key: p.value for p in model.metadata_props}
    half = float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=["Resize"])
    onnx.helper.set_model_props(half, {**props, "n2s.precision": "float16 inside, float32 in and out"})
    onnx.checker.check_model(half)
    return half


def export_finer(
    model: VAE, facts: dict[str, Any], pictures: Pictures, out: Path, outputs: Path = OUTPUTS
) -> dict[str, Any]:
    """Add the decoder of a model with finer stages to the folder of the model that it was trained from.

    Raises
    ------
    TrainingError
        When the folder holds another model, whose latents it does not know.
    """
    base, card = checkpoint.from_model(out)
    ours, theirs = model.encoder.state_dict(), base.encoder.state_dict()
    if ours.keys() != theirs.keys() or any(not torch.equal(ours[name], theirs[name]) for name in ours):
        raise TrainingError(
            f"The finer decoder was not trained from the model in {out}, and does not know its latents; name the "
            "folder that --start named."
        )
    mean, std = (torch.tensor(card["latent"][name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    facts |= checkpoint.continued(pictures.record, facts, {})
    name = f"decoder.x{model.config.detail}"
    notes = {"n2s.steps": facts["steps"], "n2s.norms": "folded", "n2s.scale": model.config.scale}
    notes["licence"] = licence_of(facts["licences"])
    to_onnx(
        Generator(model.decoder, mean, std),
        outputs / f"{name}.fp32.onnx",
        "decoder",
        torch.randn(2, model.config.latent, 5, 6),
        notes,
    )
    to_half(outputs / f"{name}.fp32.onnx", outputs / f"{name}.fp16.onnx")
    kept = [f"{name}.fp32.onnx", f"{name}.fp16.onnx"]
    facts["exported"] = exported.of_files(out, ["encoder.fp16.onnx"], outputs, kept)
    write_whole(outputs / f"{name}.json", lambda partial: partial.write_text(json.dumps(facts, indent=1)))
    return facts


def export(model_path: Path, pictures: Pictures, out: Path, outputs: Path = OUTPUTS, force: bool = False) -> dict:
    """Write decoder, encoder and anchors of a checkpoint; return its record with the latents' statistics.

    Raises
    ------
    TrainingError
        When the checkpoint was trained on other pictures, or ``out`` holds anchors of its user, which another encoder
        made; ``force`` lets these go.
    """
    model, facts = checkpoint.load_averaged(model_path)
    exported.require_data(facts, pictures.digest, model_path)
    facts |= checkpoint.continued(pictures.record, facts, {})
    found = statistics(model.encoder, pictures)
    mean, std = (found[name].float().view(1, -1, 1, 1) for name in ("mean", "std"))
    folded = is_folded(model.decoder)
    notes = {"n2s.steps": facts["steps"], "n2s.norms": "folded" if folded else "kept"}
    notes["licence"] = licence_of(facts["licences"])
    example = torch.randn(2, model.config.latent, 5, 6)
    to_onnx(Generator(model.decoder, mean, std), outputs / "decoder.fp32.onnx", "decoder", example, notes)
    to_onnx(
        Reader(model.encoder, mean, std), outputs / "encoder.fp32.onnx", "encoder", torch.rand(2, 3, 160, 192), notes
    )
    norms = outputs / WITH_NORMS
    norms.unlink(missing_ok=True)
    if folded and "teacher" in facts:
        teacher = copy.deepcopy(model)
        teacher.decoder = checkpoint.teacher(facts, model.config)
        to_onnx(Generator(teacher.decoder, mean, std), norms, "decoder", example, notes | {"n2s.norms": "kept"})
    encoder = halved(outputs / "encoder.fp32.onnx")
    own = kept_anchors.keepable(out, encoder, force)
    points = encode(model.encoder, mean, std)
    to_half(outputs / "decoder.fp32.onnx", out / "decoder.fp16.onnx")
    write_whole(out / "encoder.fp16.onnx", lambda partial: onnx.save(encoder, partial))
    kept_anchors.write(out, points | own)
    facts = {name: value for name, value in facts.items() if name != "teacher"}
    facts |= {name: _plain(values) for name, values in found.items()}
    kept = ["decoder.fp32.onnx", *([WITH_NORMS] if norms.exists() else [])]
    facts["exported"] = exported.of_files(out, SHIPPED, outputs, kept)
    write_whole(outputs / exported.RECORD, lambda partial: partial.write_text(json.dumps(facts, indent=1)))
    return facts


def _plain(values: Any) -> Any:
    return (
        {k: _plain(v) for k, v in values.items()} if isinstance(values, dict) else [round(float(v), 6) for v in values]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a checkpoint to ONNX.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the data sets it was trained on")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="where the float32 files go")
    parser.add_argument("--force", action="store_true", help="also where --out holds anchors of yours that are lost")
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # torch's exporter warns about itself
    torch.set_num_threads(os.cpu_count() or 1)
    model, known = checkpoint.load_averaged(args.checkpoint)
    pictures = load(args.data, model.config.scale)
    if model.config.detail > 1:
        exported.require_data(known, pictures.digest, args.checkpoint)
        export_finer(model, known, pictures, args.out, args.outputs)
        print(f"Next: python -m training.quantize_onnx --finer {model.config.detail}, which adds it to {args.out}.")
        return
    facts = export(args.checkpoint, pictures, args.out, args.outputs, args.force)
    for name in ("mean", "std", "noise", "aggregate", "trained_aggregate"):
        print(f"{name:18}", facts[name])


if __name__ == "__main__":
    run_command(main)
