"""Train the net of the Upscale node, which doubles the size of any frames, and add it to a model.

    python -m training.upscale --data training/data/procedural-1024 --minutes 20 --models models

    frames (N, 3, h, w) -> lanczos(frames) + shuffle(net(luma(frames)))          (N, 3, 2h, 2w)

Lanczos gives all three colours; a small net adds to each the same detail, which it finds in luma alone, because eyes
see edges in luma and because one channel costs a third of three. It learns from pictures that are halved, at their own
size, at half and at a quarter of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn import functional as F

from . import arguments, card, metrics, objective
from .dataset import Crops, Pictures, load
from .errors import TrainingError, run_command
from .export_onnx import MODELS, OUTPUTS, save, to_half, trace
from .files import write_whole
from .licence import learned_from, licence_of, together
from .models import SCALE, conv
from .quantize_onnx import Reader

LOBES = 3  # of the Lanczos filter
LUMA = (0.2126, 0.7152, 0.0722)
NAME = "upscale"


def lanczos_phases() -> torch.Tensor:
    """Return the weights of seven neighbours for the two new pixels in place of one, (2, 7), a quarter pixel off."""
    offsets = torch.arange(-3.0, 4.0, dtype=torch.float64)
    away = torch.stack([offsets + 0.25, offsets - 0.25])
    weights = torch.sinc(away) * torch.sinc(away / LOBES) * (away.abs() < LOBES)
    return (weights / weights.sum(1, keepdim=True)).float()


class Upscaler(nn.Module):
    """Frames (N, 3, h, w), nominal 0..1, to frames of twice the size: Lanczos, and the detail that a net adds to luma.

    The net begins with nothing to add.
    """

    def __init__(self, channels: int = 32, depth: int = 4):
        super().__init__()
        self.config = {"channels": channels, "depth": depth}
        self.first = nn.Conv2d(1, channels, 5, padding=2, padding_mode="replicate")
        self.body = nn.ModuleList(conv(channels, channels) for _ in range(depth))
        self.last = conv(channels, 4)
        for layer in (self.first, *self.body):  # with less, a ReLU behind a ReLU soon passes on nothing at all
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        phases = lanczos_phases()
        kernels = torch.einsum("py,qx->pqyx", phases, phases).reshape(4, 1, 7, 7)
        self.register_buffer("kernels", kernels, persistent=False)
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def features(self, luma: torch.Tensor) -> torch.Tensor:
        """Return what the last layer reads (N, channels, h, w) of luma (N, 1, h, w)."""
        x = F.relu(self.first(luma - 0.5))
        for layer in self.body:
            x = F.relu(layer(x))
        return x

    def detail(self, luma: torch.Tensor) -> torch.Tensor:
        """Return what is added to luma (N, 1, h, w), enlarged: (N, 1, 2h, 2w)."""
        return F.pixel_shuffle(self.last(self.features(luma)), 2)

    def enlarge(self, frames: torch.Tensor) -> torch.Tensor:
        """Return frames in twice the size, by Lanczos alone; beyond the edge the edge continues."""
        count, planes, height, width = frames.shape
        each = frames.reshape(count * planes, 1, height, width)
        made = F.conv2d(F.pad(each, (3, 3, 3, 3), mode="replicate"), self.kernels)
        return F.pixel_shuffle(made, 2).reshape(count, planes, 2 * height, 2 * width)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.enlarge(frames) + self.detail((frames * self.luma).sum(1, keepdim=True))


def in_fours(weight: torch.Tensor) -> torch.Tensor:
    """Return a kernel (4, C, k, k) of four phases as one (16, C, k + 1, k + 1) that moves by two pixels.

    Of the 16, in the order of a pixel shuffle by 4, each is that of one phase of one of two by two pixels.
    """
    count, size = weight.shape[1:3]
    made, phases = weight.new_zeros(4, 4, count, size + 1, size + 1), weight.view(2, 2, count, size, size)
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        made[2 * y : 2 * y + 2, 2 * x : 2 * x + 2, :, y : y + size, x : x + size] = phases
    return made.view(16, count, size + 1, size + 1)


class InFours(nn.Module):
    """What an `Upscaler` computes of frames of even sides, two by two pixels at a time: the form of the file.

    ONNX Runtime computes at least 16 channels of a convolution in float32, and the phases of a doubling are only four.
    The net takes two thirds of the time, for the same frames.
    """

    def __init__(self, net: Upscaler):
        super().__init__()
        self.net = net
        self.last = nn.Conv2d(net.last.in_channels, 16, 4, stride=2, padding=1)
        with torch.no_grad():
            self.last.weight.copy_(in_fours(net.last.weight))
            self.last.bias.copy_(net.last.bias.view(1, 2, 1, 2).expand(2, 2, 2, 2).reshape(16))
        self.register_buffer("kernels", in_fours(net.kernels), persistent=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        count, planes, height, width = frames.shape
        squares = (height // 2, width // 2)
        each = F.pad(frames.reshape(count * planes, 1, height, width), (3, 4, 3, 4), mode="replicate")
        large = F.conv2d(each, self.kernels, stride=2).reshape(count, planes, 16, *squares)
        detail = self.last(self.net.features((frames * self.net.luma).sum(1, keepdim=True)))
        return F.pixel_shuffle((large + detail.unsqueeze(1)).reshape(count, planes * 16, *squares), 4)


def from_model(folder: Path) -> Upscaler:
    """Return the net of a model folder, as a start for further training.

    Raises
    ------
    TrainingError
        When the folder holds no such net.
    """
    try:
        net = Upscaler(**json.loads((folder / "meta.json").read_bytes())[NAME]["config"])
        graph = onnx.load(folder / f"{NAME}.fp16.onnx").graph
        read = {each.name: torch.from_numpy(onnx.numpy_helper.to_array(each).astype("float32"))
                for each in graph.initializer if each.name.endswith((".weight", ".bias"))}  # fmt: skip
        state = {name.removeprefix("net."): value for name, value in read.items() if name.startswith("net.")}
        one = torch.tensor([0, 1, 4, 5])  # the phases of the first of two by two pixels
        state |= {"last.weight": read["last.weight"][one, :, :3, :3], "last.bias": read["last.bias"][one]}
        net.load_state_dict(state)
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, DecodeError) as error:
        raise TrainingError(
            f"{folder} holds no net of Upscale that training can start from ({type(error).__name__}: "
            f"{str(error)[:160]}); start without --start."
        ) from None
    return net


def pairs(crops: Crops) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches of (halved, whole), by turns of pictures at their own size, at half and at a quarter of it.

    Large drawn pictures are smooth, and hardly more than Lanczos is to be learned from them; small ones are sharp.
    """
    for k, frames in enumerate(crops):
        size = (1, 2, 4)[k % 3]
        whole = F.avg_pool2d(frames, size) if size > 1 else frames
        yield F.avg_pool2d(whole, 2), whole


def train(net: Upscaler, crops: Crops, minutes: float, rate: float = 1e-3, most: int | None = None) -> dict[str, Any]:
    """Train for some minutes or ``most`` steps; return the record. loss = L1 + edges, of luma."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    began = reported = time.monotonic()
    total, steps, seen = 0.0, 0, 0
    for small, whole in pairs(crops):
        part = max((time.monotonic() - began) / (60 * minutes), steps / most if most else 0.0)
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (steps + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * part)))
        luma, wanted = ((frames * net.luma).sum(1, keepdim=True) for frames in (small, whole))
        error = net.enlarge(luma) + net.detail(luma) - wanted
        loss = error.abs().mean() + objective.edges(error, (1,))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        total, steps, seen = total + float(loss.detach()), steps + 1, seen + 1
        if time.monotonic() - reported > 20:
            reported = time.monotonic()
            print(f"{(reported - began) / 60:5.1f} of {minutes:g} min, {steps} steps: {total / seen:.5f}", flush=True)
            total, seen = 0.0, 0
    return {"steps": steps, "minutes": round((time.monotonic() - began) / 60, 1), "loss": "L1 + edges, of luma"}


def to_onnx(net: Upscaler, path: Path, licence: str) -> None:
    """Write the net as one float32 file with free batch, and free height and width, which are even."""
    sides = {0: torch.export.Dim("n", min=1, max=64)}
    sides |= {2 + k: 2 * torch.export.Dim(name, min=2, max=8192) for k, name in enumerate("hw")}
    model = trace(InFours(net), torch.rand(2, 3, 20, 24), ("frames", "enlarged"), sides)
    onnx.helper.set_model_props(model, {"n2s.kind": NAME, "n2s.scale": "2", "licence": licence})
    save(model, path)


def quantise(source: Path, target: Path, batches: Sequence[np.ndarray]) -> None:
    """Write a version in int8, but for the layers that read one channel: Lanczos and the first of the net."""
    prepared, partial = target.with_name(f".{target.name}.prepared"), target.with_name(f".{target.name}.part")
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        layers = [node for node in graph.node if node.op_type == "Conv"]
        outer = [node.name for node in layers if _channels_read(graph, node) == 1]
        reader = Reader(batches)
        reader.rows = iter([{"frames": batch} for batch in batches])
        quantize_static(
            str(prepared), str(partial), reader, quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "Relu"], nodes_to_exclude=outer, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
        )  # fmt: skip
        partial.replace(target)
    finally:
        for path in (prepared, partial):
            path.unlink(missing_ok=True)


def _channels_read(graph: onnx.GraphProto, node: onnx.NodeProto) -> int:
    return next(each for each in graph.initializer if each.name == node.input[1]).dims[1]


def measure(files: dict[str, Path], pictures: Pictures, most: int = 20) -> dict[str, Any]:
    """Return how near each file brings halved held-out pictures to the whole ones, beside Lanczos alone."""
    sessions = {name: card.session(path) for name, path in files.items()}
    plain = Upscaler().eval()
    found: dict[str, list] = {name: [] for name in ("lanczos", *sessions)}
    for k in pictures.some(held_out=True, most=most):
        whole, style = pictures.frame(k), pictures.styles[k]
        small = F.avg_pool2d(whole[None], 2)
        found["lanczos"].append((style, whole, plain.enlarge(small)[0]))
        for name, session in sessions.items():
            found[name].append((style, whole, torch.from_numpy(session.run(None, {"frames": small.numpy()})[0][0])))
    edge = np.random.default_rng(3).random((1, 3, 540, 960), np.float32)
    speed = {}
    for name, session in sessions.items():
        spent = card.milliseconds(lambda frames, session=session: session.run(None, {"frames": frames}), edge, 3)
        speed[name] = round(4e-3 * edge.shape[2] * edge.shape[3] / spent, 1)
    size = f"{pictures.size[1]}x{pictures.size[0]}"
    return {
        "what": f"{len(found['lanczos'])} held-out pictures of {size}, halved and enlarged",
        "to_pictures": {name: metrics.compare(each, None) for name, each in found.items()},
        "megapixels_per_second_one_thread": speed,
    }


def licences_with(licences: list[str], before: dict[str, Any]) -> list[str]:
    """Return the licences of the pictures, and of those that the net in the card of --start learned from."""
    return together({"licences": licences}, learned_from(before, before[NAME]))["licences"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the net of the Upscale node, and add it to a model.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="data sets of large pictures")
    parser.add_argument("--models", type=Path, default=MODELS, help="the model's folder")
    parser.add_argument("--outputs", type=Path, default=OUTPUTS, help="where the float32 file goes")
    parser.add_argument("--minutes", type=arguments.minutes, default=20)
    parser.add_argument("--start", type=Path, metavar="MODEL", help="begin with the net of a model folder")
    parser.add_argument("--channels", type=arguments.count, help="without --start; 32 by default")
    parser.add_argument(
        "--depth", type=arguments.at_least(0),
        help="without --start: layers between the first and the last; 4 by default",
    )  # fmt: skip
    parser.add_argument("--crop", type=arguments.crop, default=192)
    parser.add_argument("--batch", type=arguments.count, default=16)
    parser.add_argument("--seed", type=arguments.seed, default=1)
    args = parser.parse_args()
    arguments.exclude(args, "start", ("channels", "depth"), "the net to start from has both. Leave one of them out.")
    given = {name: getattr(args, name) for name in ("channels", "depth") if getattr(args, name) is not None}
    card.require(args.models)
    torch.manual_seed(args.seed)
    pictures = load(args.data, SCALE)
    crops = Crops(pictures, ((args.crop, args.batch, 1.0),), seed=args.seed)
    net = from_model(args.start) if args.start else Upscaler(**given)
    record = train(net, crops, args.minutes)
    licences = pictures.licences
    if args.start:
        before = json.loads((args.start / "meta.json").read_bytes())
        record["start"] = before[NAME]["training"]
        licences = licences_with(licences, before)
    args.outputs.mkdir(parents=True, exist_ok=True)
    files = {precision: args.outputs / f"{NAME}.{precision}.onnx" for precision in ("fp32", "fp16", "int8")}
    to_onnx(net, files["fp32"], licence_of(licences))
    to_half(files["fp32"], files["fp16"])
    batches = [F.avg_pool2d(frames, 2).numpy() for frames, _ in zip(crops, range(24))]
    quantise(files["fp32"], files["int8"], [batch[k : k + 1] for batch in batches for k in range(4)])
    about = {
        "scale": 2,
        "config": net.config,
        "data": {"digest": pictures.digest, "licence": ", ".join(licences)},
        "training": record,
        "metrics": measure(files, pictures),
    }
    for precision in ("fp16", "int8"):
        write_whole(
            args.models / files[precision].name, lambda partial, file=files[precision]: shutil.copyfile(file, partial)
        )
    card.add(args.models, NAME, about)
    print(json.dumps(about["metrics"], indent=1))


if __name__ == "__main__":
    run_command(main)
