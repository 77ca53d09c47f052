"""Models before they are opened: the folder of the shipped model, and reading a model's card."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from n2s.graph.context import SKETCH
from n2s.graph.errors import RenderError


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
        latent, sums = card["latent"], [about["sha256"] for about in card["files"].values()]
        if not (
            0 < int(latent["channels"]) <= 64
            and 0 < int(latent["scale"]) <= 256
            and all(isinstance(s, str) for s in sums)
        ):
            raise ValueError("its channels, scale or checksums are impossible")
        for name, about in card.get("details", {}).items():
            if not re.fullmatch(r"x[2-8]", name) or about["scale"] != int(name[1:]) * latent["scale"]:
                raise ValueError(f"its decoder {name} has an impossible scale")
        if SKETCH in card and not 0 < int(card[SKETCH]["scale"]) <= latent["scale"]:
            raise ValueError("its sketch has an impossible scale")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RenderError(
            f"{path} is no model card ({type(error).__name__}: {error}); export the model again with "
            "training/export_onnx.py."
        ) from None
    return card
