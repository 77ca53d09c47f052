"""Checkpoints: the averaged model of a run, and what the run recorded about itself."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from google.protobuf.message import DecodeError

from .errors import TrainingError
from .exported import same_data
from .files import write_whole
from .licence import learned_from, together
from .models import VAE, Config, Decoder
from .norms import is_folded, remove_norms


def read(path: Path) -> dict[str, Any]:
    """Return what a checkpoint file holds.

    Raises
    ------
    TrainingError
        When it is missing, cut short, or no checkpoint of this training.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=False, mmap=True)
        state["average"], state["extra"]["config"], state["global_step"]
    except FileNotFoundError:
        raise TrainingError(f"There is no checkpoint {path}; train one with python -m training.train_vae.") from None
    except (
        OSError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise TrainingError(
            f"{path} is not a complete checkpoint of this training ({type(error).__name__}: {str(error)[:120]}); "
            "train again without --resume, or name another."
        ) from None
    return state


def config_of(state: dict[str, Any], path: Path) -> Config:
    """Return the architecture that a checkpoint was trained with."""
    known = {field.name for field in fields(Config)}
    found = state["extra"]["config"]
    if set(found) != known:
        raise TrainingError(
            f"{path} is of another architecture: it is described by {', '.join(sorted(found))}, this version by "
            f"{', '.join(sorted(known))}. Train again, or use the version that trained it."
        )
    return Config(**{name: tuple(v) if isinstance(v, (list, tuple)) else v for name, v in found.items()})


def load_averaged(path: Path) -> tuple[VAE, dict[str, Any]]:
    """Return the averaged model of a checkpoint, folded or not, and the run's record with "steps" added."""
    state = read(path)
    model = VAE(config_of(state, path))
    if state["extra"].get("folded"):
        remove_norms(model.decoder)
    try:
        model.load_state_dict(state["average"])
    except RuntimeError as error:
        raise TrainingError(
            f"{path} is of another architecture than its own description: {str(error).splitlines()[1].strip()}"
        ) from None
    return model.eval(), {**state["extra"], "steps": state["global_step"]}


def from_model(folder: Path, detail: int = 1) -> tuple[VAE, dict[str, Any]]:
    """Return the model of an exported folder, and the folder's card, as a start for further training.

    The weights are read from the fp16 files, which keep the names of training. The decoder is folded. ``detail`` 2
    takes the finer decoder, whose frames are twice as large.

    Raises
    ------
    TrainingError
        When the folder holds no model of this architecture.
    """
    import onnx

    try:
        card = json.loads((folder / "meta.json").read_bytes())
        about, stem = (card, "decoder") if detail == 1 else (card["details"][f"x{detail}"], f"decoder.x{detail}")
        config = config_of({"extra": about}, folder / "meta.json")
        state = {}
        for half, name in (("encoder", "encoder"), ("decoder", stem)):
            for tensor in onnx.load(folder / f"{name}.fp16.onnx").graph.initializer:
                if tensor.name.startswith(f"{half}."):
                    state[tensor.name] = torch.from_numpy(onnx.numpy_helper.to_array(tensor).astype("float32"))
        model = VAE(config)
        if "decoder.body.1.norm1.weight" not in state:
            remove_norms(model.decoder)
        model.load_state_dict(state)
    except (OSError, ValueError, KeyError, RuntimeError, DecodeError) as error:
        raise TrainingError(
            f"{folder} holds no model that training can start from ({type(error).__name__}: {str(error)[:160]}); start "
            "without --start."
        ) from None
    return model, card


def learned(card: dict[str, Any], detail: int = 1) -> dict[str, list[str]]:
    """Return the licences and sources of what a model learned from; ``detail`` 2: also those of its finer decoder."""
    return learned_from(card, card, *([card["details"][f"x{detail}"]] if detail > 1 else []))


def ancestor(card: dict[str, Any], detail: int = 1) -> dict[str, Any]:
    """Return what a training's record says of the model it started from; that includes the record of its own start.

    ``detail`` 2 says it of its finer decoder.
    """
    if detail > 1:
        about = card["details"][f"x{detail}"]
        held_out = about["metrics"]["to_pictures"]["fp32"]["all"]
        data = about["data"]["digest"]
        return {**about["training"], "data": data, **learned(card, detail), "held_out": held_out}
    metrics = card["metrics"]
    return {
        **card["training"], "data": card["data"]["digest"], **learned(card),
        "held_out": metrics["to_pictures"]["fp32"]["all"],
        "folded_to_norms": metrics.get("folded_to_norms") or card["training"].get("start", {}).get("folded_to_norms"),
    }  # fmt: skip


def continued(now: dict[str, Any], before: dict[str, Any], start: dict[str, Any]) -> dict[str, Any]:
    """Return what the record of a training says of its pictures, with the licences and sources of all before.

    Parameters
    ----------
    now : dict
        What it says of the pictures that it is trained on from here on.
    before : dict
        The record of the training that is resumed; empty where none is. What other pictures taught stays in the
        weights, so their digests are kept, as "earlier".
    start : dict
        What it says of the model that it started from; empty where it started from none.
    """
    digests = dict.fromkeys([*before.get("earlier", []), *([before["data"]] if "data" in before else [])])
    earlier = [digest for digest in digests if not same_data(digest, now["data"])]
    return {**now, **together(now, before, start), **({"earlier": earlier} if earlier else {})}


def teacher(facts: dict[str, Any], config: Config) -> Decoder:
    """Return the decoder with norms that a folded one was made from; the record of the folded one holds its weights."""
    decoder = Decoder(config)
    decoder.load_state_dict(facts["teacher"])
    return decoder.eval()


def write(path: Path, model: VAE, facts: dict[str, Any]) -> None:
    """Write a model and its record as a checkpoint, whole or not at all."""
    extra = {name: value for name, value in facts.items() if name != "steps"} | {"config": model.config.asdict()}
    extra["folded"] = extra.get("folded") or is_folded(model.decoder)
    write_whole(
        path,
        lambda partial: torch.save(
            {"average": model.state_dict(), "extra": extra, "global_step": facts["steps"]}, partial
        ),
    )
