"""models/meta.json: what the files are, how good they are, and bits to recognise them by."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .anchors import ANCHORS
from .errors import TrainingError
from .files import sha256_of, write_whole
from .kept_anchors import ARCHIVE, SOURCE_OF_DRAWN
from .kept_anchors import read as read_anchors
from .licence import DRAWN, licence_of_card

LATENT = ("mean", "std", "noise", "aggregate", "trained_aggregate", "reach")
GOLDEN_SEED, GOLDEN_SHAPE = 20, (2, 8, 2, 3)
FORMAT = 2


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a CPU session as n2s opens them: sequential, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def instructions() -> str:
    """Return the class of CPU that decides the bits of int8 and float convolutions."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("flags", 1)[1].split("\n", 1)[0].split()
    except (OSError, IndexError):
        return "unknown"
    return next(
        (name for name in ("avx512_vnni", "avx512f", "avx_vnni", "avx2", "asimddp", "asimd") if name in flags),
        "baseline",
    )


def golden_latents() -> np.ndarray:
    return np.round(np.random.default_rng(GOLDEN_SEED).standard_normal(GOLDEN_SHAPE), 3).astype(np.float32)


def golden(path: Path) -> tuple[dict[str, Any], np.ndarray]:
    """Return how a decoder's golden frames are recognised, and the frames."""
    frames = session(path).run(["frames"], {"latents": golden_latents()})[0]
    data = np.ascontiguousarray(frames.astype("<f2")).tobytes()
    means = [round(float(m), 5) for m in frames.mean((0, 2, 3), dtype=np.float64)]
    return {"sha256": hashlib.sha256(data).hexdigest(), "mean": means, "instructions": instructions()}, frames


def agreement(frames: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the PSNR in dB between the golden frames of each two precisions, clamped to 0..1."""
    names = sorted(frames)
    return {
        f"{a} to {b}": round(
            float(
                -10 * np.log10(np.mean((frames[a].clip(0, 1) - frames[b].clip(0, 1)) ** 2, dtype=np.float64) + 1e-12)
            ),
            2,
        )
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }


def milliseconds(run: Callable[[np.ndarray], Any], latents: np.ndarray, times: int = 7) -> float:
    """Return the median processor time of a call in ms; wall clock time depends more on other work on the machine."""
    run(latents)
    spans = []
    for _ in range(times):
        start = time.process_time()
        run(latents)
        spans.append(1000 * (time.process_time() - start))
    return float(np.median(spans))


def files_of(models: Path) -> dict[str, dict[str, Any]]:
    """Return SHA-256 and size of every file of a model."""
    return {
        path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted([*models.glob("*.onnx"), models / "anchors.npz"])
    }


def require(models: Path, *more: str, card: bool = True) -> None:
    """Refuse a folder that holds no model, before the work whose result would be added to it.

    Parameters
    ----------
    *more : str
        Files that are needed beside encoder, decoder and anchors.
    card : bool
        Whether the card must be there; without it, one that is there must be whole, as it is written anew.

    Raises
    ------
    TrainingError
        When anything of this is missing or cannot be read.
    """
    for name in ("encoder.fp16.onnx", "decoder.fp16.onnx", ARCHIVE, *more):
        if not (models / name).is_file():
            raise TrainingError(
                f"{models} holds no model: it has no {name}. Export one into it with python -m training.export_onnx "
                f"--out {models}, or name the folder of another with --models."
            )
    if card or (models / "meta.json").exists():
        _require_card(models)


def _require_card(models: Path) -> None:
    path = models / "meta.json"
    try:
        found = json.loads(path.read_bytes())
        whole = isinstance(found, dict) and {"files", "latent"} <= found.keys()
    except FileNotFoundError:
        raise TrainingError(
            f"{models} has no meta.json; python -m training.quantize_onnx --models {models} writes it."
        ) from None
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise TrainingError(
            f"{path} is no model card, or is damaged. Restore it; or remove it, and python -m training.quantize_onnx "
            f"--models {models} writes another, without what was added to the model."
        )


def _before(models: Path) -> dict[str, Any]:
    """Return the card that is there, if one is."""
    try:
        return json.loads((models / "meta.json").read_bytes())
    except (OSError, ValueError):
        return {}


def write(models: Path, facts: dict[str, Any], found: dict[str, Any], reference: Path | None = None) -> dict[str, Any]:
    """Write the card of the files in `models`, with what the card before says that still holds.

    Parameters
    ----------
    facts : dict
        What `export_onnx.export` returned: the training's record and the latents' statistics.
    found : dict
        What `report.compare_exports` returned.
    reference : Path or None
        The float32 decoder; its golden frames are compared with those of the files.
    """
    before = _before(models)
    names = list(read_anchors(models))
    sources = {name: f"{SOURCE_OF_DRAWN}, {style}: {composition} in {palette}"
               for name, (style, composition, palette, _) in ANCHORS.items()}  # fmt: skip
    sources |= before.get("anchor_sources", {})
    files = files_of(models)
    kept = what_holds(before, files)
    meta = {
        "format": FORMAT,
        "name": f"n2s-{'-'.join(facts.get('sources', [DRAWN]))}",
        "architecture": "β-VAE, convolutional; trained with GroupNorm and SiLU of bounded inputs, the decoder's norms "
                        "folded into its convolutions; body to 1/4, a pixel shuffle to 1/2, a bilinear doubling; a "
                        "lapped linear transform beside encoder and decoder, smooth and level in the decoder",
        "config": facts["config"],
        "latent": {"channels": len(facts["mean"]), "scale": 32} | {name: facts[name] for name in LATENT},
        "files": files,
        "anchors": names,
        "anchor_sources": {name: sources[name] for name in names if name in sources},
        "data": _data(facts),
        "training": _training(facts),
        "metrics": {
            "what": f"{found['pictures']} held-out pictures of 512x512 through encoder.fp16.onnx and each decoder; "
                    "'norms' is the decoder before folding",
            **_metrics(models, "decoder", facts, found),
            "folded_to_norms": found.get("folded_to_norms") or facts.get("start", {}).get("folded_to_norms"),
        },
        "golden": _golden(models, "decoder", reference),
        **kept,
    }  # fmt: skip
    _publish(models, before, meta)
    return meta


def what_holds(before: dict[str, Any], files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the entries of the card before that hold for files as they are now, and take the files of others out.

    Finer decoders hold as long as the encoder is the same, the sketch as long as the decoder that it learned from is;
    what enlarges frames knows no latents.
    """
    same = before.get("files", {}).get("encoder.fp16.onnx", {}).get("sha256") == files["encoder.fp16.onnx"]["sha256"]
    taught = before.get("sketch", {}).get("of") == files["decoder.fp16.onnx"]["sha256"]
    kept = {name: before[name] for name, holds in (("details", same), ("upscale", True), ("sketch", taught))
            if holds and name in before}  # fmt: skip
    for name in list(files):
        stem, detail = name.split(".")[:2]
        if stem == "decoder" and detail.startswith("x") and detail not in kept.get("details", {}):
            del files[name]
        if stem == "sketch" and "sketch" not in kept:
            del files[name]
    return kept


def add_finer(models: Path, factor: int, facts: dict[str, Any], found: dict[str, Any], reference: Path) -> dict:
    """Add a finer decoder, whose files are in `models`, to the card there; return its entry.

    Parameters
    ----------
    factor : int
        How many times as large its frames are.
    facts, found, reference
        As for `write`, of the finer decoder.
    """
    meta = _before(models)
    name = f"x{factor}"
    about = {
        "scale": factor * meta["latent"]["scale"],
        "config": facts["config"],
        "data": _data(facts),
        "training": _training(facts),
        "metrics": {
            "what": f"{found['pictures']} held-out pictures of {factor * 512}x{factor * 512}, shrunk, through "
                    "encoder.fp16.onnx and each decoder; 'stretched' is decoder.fp16.onnx with its frames stretched by "
                    "Catmull-Rom",
            **_metrics(models, f"decoder.{name}", facts, found),
        },
        "golden": _golden(models, f"decoder.{name}", reference),
    }  # fmt: skip
    add(models, "details", dict(sorted((meta.get("details", {}) | {name: about}).items())))
    return about


def add(models: Path, name: str, about: dict[str, Any]) -> None:
    """Add an entry to the card of the files in `models`, which are as they are now."""
    before = _before(models)
    _publish(models, before, before | {name: about, "files": files_of(models)})


def _publish(models: Path, before: dict[str, Any], meta: dict[str, Any]) -> None:
    """Write a card in the place of the one before, whose licence stays where somebody wrote it."""
    meta["licence"] = licence_of_card(meta, before)
    text = json.dumps(meta, indent=1, ensure_ascii=False) + "\n"
    write_whole(models / "meta.json", lambda partial: partial.write_text(text, encoding="utf-8"))


def _decoders(models: Path, stem: str) -> dict[str, Path]:
    """Return the files of a decoder by precision."""
    named = {
        path: re.fullmatch(rf"{re.escape(stem)}\.(\w+)\.onnx", path.name) for path in sorted(models.glob("*.onnx"))
    }
    return {match[1]: path for path, match in named.items() if match}


def _data(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the card says of the pictures; licence and sources are also those of the trainings before."""
    return {
        "what": f"{facts['pictures']} pictures {_made_by(facts)}",
        "licence": ", ".join(facts["licences"]), "sources": facts.get("sources", [DRAWN]), "digest": facts["data"],
        **({"earlier": facts["earlier"]} if "earlier" in facts else {}),
    }  # fmt: skip


def _made_by(facts: dict[str, Any]) -> str:
    """Return where the pictures came from; records that do not say it are older than other sources."""
    sources = facts.get("sources", [DRAWN])
    if sources == [DRAWN]:
        return "drawn by training/procedural.py"
    continued = "start" in facts or "earlier" in facts
    return f"{'and those of the trainings before, ' if continued else ''}from {', '.join(sources)}"


def _training(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the card says of a training, by its record."""
    prices = [name if price == 1 else f"{price:g} * {name}" for name, price in facts.get("prices", {}).items()]
    finer = len(facts["config"]["decoder"]) > len(facts["config"]["encoder"])
    return {
        "steps": facts["steps"],
        "minutes": round(facts["elapsed"] / 60, 1),
        "preset": facts.get("preset"),
        **({"body": facts["body"]} if finer else {"beta": facts["beta"]}),
        "loss": " + ".join([
            "L1",
            "coarse L1",
            "edges",
            *prices,
            f"{facts['share']:g} * {facts['distance']}",
            *([] if finer else ["beta * KL per image value"]),
        ]),
        "strained": facts.get("strained", 1.0),  # the largest factor of latents and contrasts in training
        "critic": facts.get("critic", 0.0),
        "stages": facts.get("stages", []),
        "weights": "moving average",
        # The share of these weights; the others are those of the model that the training started from.
        **({"blended": facts["blended"]} if "blended" in facts else {}),
        **({} if finer else {"fold_minutes": facts.get("fold_minutes")}),
        # A new stage begins with the decoder of the same card, which tells its own history.
        **({"start": facts["start"]} if facts.get("start") and finer == ("body" in facts["start"]) else {}),
    }  # fmt: skip


def _metrics(models: Path, stem: str, facts: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the measures of a decoder's files."""
    square = np.random.default_rng(3).standard_normal((1, facts["config"]["latent"], 16, 16)).astype(np.float32)
    sessions = {name: session(path) for name, path in _decoders(models, stem).items()}
    return {
        "distance": found["distance"],
        "to_pictures": found["to_pictures"],
        "lattice": found["lattice"],
        "to_fp32": found["to_reference"],
        "cpu_ms_16_cells_one_thread": {
            name: round(milliseconds(lambda z, s=s: s.run(None, {"latents": z}), square), 1)
            for name, s in sessions.items()
        },
    }


def _golden(models: Path, stem: str, reference: Path | None) -> dict[str, Any]:
    """Return bits to recognise a decoder's files by, and how well they agree."""
    known, frames = {}, {}
    for name, path in _decoders(models, stem).items():
        known[name], frames[name] = golden(path)
    if reference is not None:
        frames["fp32"] = golden(reference)[1]
    return {
        "seed": GOLDEN_SEED,
        "latents": [[[[round(float(v), 3) for v in row] for row in c] for c in n] for n in golden_latents()],
        "frames": known,
        "agreement_psnr_db": agreement(frames),
        "onnxruntime": onnxruntime.__version__,
    }
