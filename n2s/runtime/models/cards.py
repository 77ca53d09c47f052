"""Models before they are opened: the folder of the shipped model, and reading a model's card."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from n2s.graph.context import SKETCH
from n2s.graph.errors import RenderError

ARCHIVE, CARD = "anchors.npz", "meta.json"


def missing_text(path: Path) -> str:
    return f"{path} is missing though the model's card lists it; fetch or export the model again."


def unreadable_text(path: Path, error: Exception) -> str:
    return f"{path} cannot be read: {error}. Make the anchors again."


def wrong_anchor_text(name: str, shape: tuple[int, ...], channels: int) -> str:
    return (
        f'The anchor "{name}" is {shape}; ({channels}, rows, columns) of finite numbers were wanted. Make the anchors '
        "again."
    )


def shipped_folder() -> Path:
    """Return the folder of the model that comes with the library: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def decoder_file(precision: str, detail: str) -> str:
    """Return the name of a decoder's file in a model's folder, or of its sketch's."""
    if detail == SKETCH:
        return f"{SKETCH}.{precision}.onnx"
    return f"decoder.{precision}.onnx" if detail == "x1" else f"decoder.{detail}.{precision}.onnx"


def read_card(path: Path) -> dict[str, Any]:
    """Return a model's card.

    Raises
    ------
    OSError
        When there is none.
    RenderError
        When it is no card.
    """
    try:
        card = json.loads(path.read_bytes())
        _check_nets(card)
        _check_anchors(card)
        _check_reach(card["latent"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise RenderError(
            f"{path} is no model card ({type(error).__name__}: {error}); export the model again with "
            "training/export_onnx.py."
        ) from None
    return card


def _check_nets(card: dict[str, Any]) -> None:
    """Refuse a card whose files, or what their nets take and give, cannot be."""
    latent = card["latent"]
    sums = [text for about in card["files"].values() for text in (about["sha256"], about.get("next", ""))]
    if not (
        0 < int(latent["channels"]) <= 64
        and 0 < int(latent["scale"]) <= 256
        and all(isinstance(text, str) for text in sums)
    ):
        raise ValueError("its channels, scale or checksums are impossible")
    for name, about in card.get("details", {}).items():
        if not re.fullmatch(r"x[2-8]", name) or about["scale"] != int(name[1:]) * latent["scale"]:
            raise ValueError(f"its decoder {name} has an impossible scale")
    if SKETCH in card and not 0 < int(card[SKETCH]["scale"]) <= latent["scale"]:
        raise ValueError("its sketch has an impossible scale")


def _check_anchors(card: dict[str, Any]) -> None:
    """Refuse a card that says of anchors what are no names or no texts."""
    names, sources = card.get("anchors", []), card.get("anchor_sources", {})
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its anchors are no list of names")
    if not isinstance(sources, dict) or not all(isinstance(source, str) for source in sources.values()):
        raise ValueError("its anchor_sources are no names with texts")


def _check_reach(latent: dict[str, Any]) -> None:
    """Refuse a reach of channels, which a card may say for scales in cells, that is not one number for each channel."""
    for scale, reaches in (latent.get("reach") or {}).items():
        numbers = isinstance(reaches, list) and all(isinstance(reach, int | float) for reach in reaches)
        if float(scale) <= 0 or not numbers or len(reaches) != int(latent["channels"]):
            raise ValueError(f"its reach for {scale} cells is not one number for each channel")
