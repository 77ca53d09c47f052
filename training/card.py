"""models/meta.json: what the files are, how good they are, and bits to recognise them by."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime

from .anchors import ANCHORS, picture

GOLDEN_SEED, GOLDEN_SHAPE = 20, (2, 8, 2, 3)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session as n2s opens them: sequential, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def instructions() -> str:
    """The class of CPU that decides the bits of int8 and float convolutions."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return "unknown"
    return next((name for name in ("avx512_vnni", "avx512f", "avx_vnni", "avx2", "asimddp", "asimd") if name in flags), "baseline")


def golden_latents() -> np.ndarray:
    return np.round(np.random.default_rng(GOLDEN_SEED).standard_normal(GOLDEN_SHAPE), 3).astype(np.float32)


def golden(path: Path) -> dict:
    frames = session(path).run(["frames"], {"latents": golden_latents()})[0]
    data = np.ascontiguousarray(frames.astype("<f2")).tobytes()
    means = [round(float(m), 5) for m in frames.mean((0, 2, 3), dtype=np.float64)]
    return {"sha256": hashlib.sha256(data).hexdigest(), "mean": means, "instructions": instructions()}


def psnr(a, b) -> float:
    """Decibels, both clamped to 0..1."""
    return float(-10 * np.log10(np.mean((np.clip(a, 0, 1) - np.clip(b, 0, 1)) ** 2, dtype=np.float64) + 1e-12))


def milliseconds(run, latents, times=7) -> float:
    """The median of the processor time of a call: other work on the machine stretches the clock on the wall far more."""
    run(latents)
    spans = []
    for _ in range(times):
        start = time.process_time()
        run(latents)
        spans.append(1000 * (time.process_time() - start))
    return float(np.median(spans))


def references(reference: Path, anchors: dict) -> dict:
    """What each anchor decodes to in float32, and the picture behind it: name -> two arrays (1, 3, 512, 1024)."""
    plain = session(reference)
    return {
        name: (plain.run(None, {"latents": point[None]})[0], picture(name).transpose(2, 0, 1)[None].copy())
        for name, point in anchors.items()
        if name in ANCHORS
    }


def measure(path: Path, anchors: dict, wanted: dict, distance=None) -> dict:
    """Against the float32 decoder and against the pictures behind the anchors; milliseconds for 512 x 512 on one thread."""
    ours = session(path)
    values = {"psnr_to_fp32_db": [], "psnr_to_pictures_db": [], "st_lpips_to_pictures": []}
    for name, (plain, original) in wanted.items():
        got = ours.run(None, {"latents": anchors[name][None]})[0]
        values["psnr_to_fp32_db"].append(psnr(got, plain))
        values["psnr_to_pictures_db"].append(psnr(got, original))
        if distance is not None:
            import torch

            with torch.no_grad():
                values["st_lpips_to_pictures"].append(float(distance(torch.from_numpy(got).clamp(0, 1), torch.from_numpy(original))))
    result = {k: round(float(np.mean(v)), 4) for k, v in values.items() if v}
    result["psnr_to_fp32_db_worst"] = round(min(values["psnr_to_fp32_db"]), 2)
    square = next(iter(anchors.values()))[None, :, :, :16].copy()
    result["cpu_ms_512_one_thread"] = round(milliseconds(lambda z: ours.run(None, {"latents": z}), square), 1)
    return result


def write(models: Path, reference: Path, facts: dict, distance=None) -> dict:
    """Measure what lies in `models` and write its meta.json."""
    anchors = dict(np.load(models / "anchors.npz"))
    decoders = sorted(models.glob("decoder.*.onnx"))
    wanted = references(reference, anchors)
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted([*models.glob("*.onnx"), models / "anchors.npz"])
    }
    meta = {
        "format": 1,
        "name": "n2s-procedural",
        "architecture": "β-VAE, convolutional, GroupNorm and SiLU, last stage 1/4 with a pixel shuffle of 4, a linear colour path beside the body",
        "widths": {k: list(facts["config"][k]) for k in ("decoder", "encoder")},
        "latent": {"channels": len(facts["mean"]), "scale": 32, "mean": facts["mean"], "std": facts["std"]},
        "files": files,
        "anchors": list(anchors),
        "data": {"what": f"{facts['pictures']} procedural pictures of five styles, drawn by training/procedural.py", "licence": "CC0-1.0", "digest": facts["data"]},
        "training": {
            "steps": facts["steps"], "minutes": round(facts["elapsed"] / 60, 1), "beta": facts["beta"],
            "loss": "L1 + coarse L1 + share * ST-LPIPS (AlexNet) + beta * KL per image value", "share": facts.get("share"), "weights": "moving average",
        },
        "metrics": {path.name: measure(path, anchors, wanted, distance) for path in decoders},
        "golden": {
            "seed": GOLDEN_SEED, "latents": [[[[round(float(v), 3) for v in row] for row in c] for c in n] for n in golden_latents()],
            "frames": {path.name.split(".")[1]: golden(path) for path in decoders}, "onnxruntime": onnxruntime.__version__,
        },
        "licence": "CC0-1.0",
    }  # fmt: skip
    (models / "meta.json").write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n")
    return meta
