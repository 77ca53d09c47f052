"""Export the averaged model of a checkpoint to ONNX, with its anchors.

    python -m training.export_onnx training/runs/vae/last.ckpt
    python -m training.quantize_onnx                                  # then the int8 decoder

decoder: latents float32 (N, 8, h, w), unit variance per channel -> frames float32 (N, 3, 32h, 32w), display-referred, nominal 0..1
encoder: frames float32 (N, 3, H, W), 0..1 -> latents float32 (N, 8, H/32, W/32), unit variance per channel, the posterior's mean
The fp16 files compute in float16 where the device can; inputs and outputs stay float32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxconverter_common import float16
from torch import nn

from .anchors import encode
from .dataset import HERE, ensure, load
from .models import SCALE

OPSET = 21
MODELS = HERE.parent / "models"
OUTPUTS = HERE / "outputs"
LICENCE = "CC0-1.0"


class Generator(nn.Module):
    """The decoder as it is shipped: z = mean + std * latents, then frames."""

    def __init__(self, decoder, mean, std):
        super().__init__()
        self.decoder = decoder
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, latents):
        return self.decoder(self.mean + self.std * latents)


class Reader(nn.Module):
    """The encoder as it is shipped: the posterior's mean, normalised."""

    def __init__(self, encoder, mean, std):
        super().__init__()
        self.encoder = encoder
        self.register_buffer("mean", mean)
        self.register_buffer("gain", 1 / std)

    def forward(self, frames):
        return (self.encoder(frames)[0] - self.mean) * self.gain


@torch.no_grad()
def statistics(encoder, pictures, count=12):
    """Mean and standard deviation per channel of the posterior means over the data set, each (1, C, 1, 1); and the posterior's share.

    The noise of the posterior, mean(var), is left out: films are decoded from means and mixes of means, and a unit of latent should be
    a unit of those. The share mean(var) / (var(mean) + mean(var)) says how much of a channel is noise: near 1, it has collapsed.
    """
    total = square = inner = 0.0
    seen = 0
    for style in pictures:
        for picture in style[:count]:
            frame = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].float() / 255
            mean, log_variance = encoder(frame)
            total, square = total + mean.double().sum((0, 2, 3)), square + mean.double().square().sum((0, 2, 3))
            inner = inner + log_variance.double().exp().sum((0, 2, 3))
            seen += mean[0, 0].numel()
    mean = total / seen
    variance = square / seen - mean**2
    std = variance.sqrt()
    share = (inner / seen) / (variance + inner / seen)
    shape = (1, -1, 1, 1)
    return mean.float().view(shape), std.float().view(shape), share.float()


def to_onnx(module: nn.Module, path: Path, kind: str, example: torch.Tensor, notes: dict):
    """One self-contained float32 file with free batch and grid."""
    names = {"decoder": ("latents", "frames"), "encoder": ("frames", "latents")}[kind]
    axes = {0: torch.export.Dim("n", min=1, max=64)}
    grid = [torch.export.Dim(name, min=1, max=512) for name in "hw"]
    for k, dim in enumerate(grid):
        axes[2 + k] = dim if kind == "decoder" else SCALE * dim
    path.parent.mkdir(parents=True, exist_ok=True)
    program = torch.onnx.export(
        module.eval(), (example,), dynamo=True, opset_version=OPSET, input_names=names[:1], output_names=names[1:],
        dynamic_shapes=(axes,), optimize=True, verbose=False,
    )  # fmt: skip
    model = program.model_proto
    describe(model, kind, notes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def describe(model, kind, notes):
    """Write the contract into the file itself, and drop what the exporter says about this machine."""
    texts = {
        "decoder": (
            "float32 (N, 8, h, w), unit variance per channel; the file denormalises",
            "float32 (N, 3, 32h, 32w), planar RGB, display-referred (BT.709 primaries, sRGB curve), nominal 0..1, not clamped",
        ),
        "encoder": ("float32 (N, 3, H, W), planar RGB 0..1; H and W multiples of 32", "float32 (N, 8, H/32, W/32), unit variance per channel, posterior mean"),
    }[kind]
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    props = {"n2s.kind": kind, "n2s.input": texts[0], "n2s.output": texts[1], "n2s.scale": str(SCALE), "licence": LICENCE, **notes}
    onnx.helper.set_model_props(model, {k: str(v) for k, v in props.items()})


def to_half(source: Path, target: Path):
    """float16 inside, float32 at the borders."""
    model = onnx.load(source)
    props = {p.key: p.value for p in model.metadata_props}
    half = float16.convert_float_to_float16(model, keep_io_types=True, op_block_list=["Resize"])
    onnx.helper.set_model_props(half, {**props, "n2s.precision": "float16 inside, float32 in and out"})
    onnx.checker.check_model(half)
    onnx.save(half, target)


def main():
    from .train_vae import average_of

    parser = argparse.ArgumentParser(description="Export the averaged model of a checkpoint to ONNX.")
    parser.add_argument("checkpoint", type=Path, nargs="?", default=HERE / "runs" / "vae" / "last.ckpt")
    parser.add_argument("--count", type=int, default=500, help="pictures of each style in the data set that it was trained on")
    parser.add_argument("--out", type=Path, default=MODELS)
    args = parser.parse_args()
    torch.set_num_threads(2)
    model, facts = average_of(args.checkpoint)
    folder = ensure(count=args.count)
    mean, std, share = statistics(model.encoder, load(folder))
    print("mean", mean.flatten().tolist(), "\nstd", std.flatten().tolist(), "\nposterior share of the variance", share.tolist())
    args.out.mkdir(parents=True, exist_ok=True)
    notes = {"n2s.steps": facts["steps"]}
    to_onnx(Generator(model.decoder, mean, std), OUTPUTS / "decoder.fp32.onnx", "decoder", torch.randn(2, model.config.latent, 5, 6), notes)
    to_onnx(Reader(model.encoder, mean, std), OUTPUTS / "encoder.fp32.onnx", "encoder", torch.rand(2, 3, 160, 192), notes)
    for kind in ("decoder", "encoder"):
        to_half(OUTPUTS / f"{kind}.fp32.onnx", args.out / f"{kind}.fp16.onnx")
    points = encode(model.encoder, mean, std)
    np.savez(args.out / "anchors.npz", **points)
    print("anchor spreads", {k: round(float(v.std()), 2) for k, v in points.items()})
    facts.update(mean=mean.flatten().tolist(), std=std.flatten().tolist(), posterior_share=share.tolist(), data=folder.name, pictures=5 * args.count)
    (OUTPUTS / "export.json").write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
