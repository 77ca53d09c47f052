"""A model as far as it is known before it is opened: what its card says, and the heads of its anchors."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.registry import suggest
from n2s.runtime.models.cards import (
    ARCHIVE,
    CARD,
    decoder_file,
    missing_text,
    read_card,
    unreadable_text,
    wrong_anchor_text,
)


@dataclass(frozen=True)
class KnownModel:
    """A model as its card and the names of its files tell it; see `n2s.graph.context.ModelCard`.

    Attributes
    ----------
    wrong : dict
        What cannot be read of what was asked for so far, in words, by file.
    """

    folder: Path
    wrong: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def card(self) -> dict[str, Any]:
        path = self.folder / CARD
        try:
            return read_card(path)
        except OSError as error:
            self.wrong[CARD] = f"{path} cannot be read: {error.strerror}."
        except RenderError as error:
            self.wrong[CARD] = str(error)
        return {}

    @cached_property
    def anchors(self) -> list[str] | None:
        """The names in the archive of anchors, which is what a film takes them from; else those of the card."""
        if self._shapes is not None:
            return list(self._shapes)
        return self.card.get("anchors")

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]] | None:
        """The shapes of the anchors in the archive by their names; None where it cannot be read."""
        path = self.folder / ARCHIVE
        if ARCHIVE not in self.card.get("files", {}):
            return None
        try:
            with zipfile.ZipFile(path) as archive:
                return {name.removesuffix(".npy"): _shape(archive.open(name)) for name in archive.namelist()}
        except FileNotFoundError:
            self.wrong[ARCHIVE] = missing_text(path)
        except Exception as error:  # zipfile and numpy have many ways to fail on a damaged archive
            self.wrong[ARCHIVE] = unreadable_text(path, error)
        return None

    def lacks_anchor(self, name: str) -> str:
        if self.anchors is None:
            return ""
        if name not in self.anchors:
            return f'the model has no anchor "{name}". {suggest(name, sorted(self.anchors))}'
        shape, channels = (self._shapes or {}).get(name), int(self.card["latent"]["channels"])
        if shape is not None and (len(shape) != 3 or shape[0] != channels or 0 in shape):
            # Told of the model, once: where it is wrong of one it is mostly wrong of all.
            self.wrong.setdefault(ARCHIVE, f"{self.folder / ARCHIVE}: {wrong_anchor_text(name, shape, channels)}")
        return ""

    def lacks_encoder(self) -> str:
        files = self.card.get("files", {})
        if not files or any(re.fullmatch(r"encoder\.\w+\.onnx", name) for name in files):
            return ""
        return f"the model has no encoder, which turns pictures into latents; its card lists {', '.join(files)}."

    def lacks_decoder(self, precision: str, detail: str = "auto") -> str:
        files = self.card.get("files", {})
        known = [name for name in files if re.fullmatch(r"decoder\.(x\d\.)?\w+\.onnx", name)]
        if detail not in ("auto", "x1", *self.card.get("details", {})) and files:
            return f"the model has no decoder {detail}; its card lists {', '.join(known) or 'none'}."
        wanted = decoder_file(precision, "x1" if detail == "auto" else detail)
        if not files or precision == "auto" or wanted in known:
            return ""
        return f"the model has no {wanted}; its card lists {', '.join(known) or 'none'}."

    def lacks_upscaler(self) -> str:
        files = self.card.get("files", {})
        if not files or any(re.fullmatch(r"upscale\.\w+\.onnx", name) for name in files):
            return ""
        return (
            "the model has no net that enlarges frames; take method: lanczos, or train one with python -m "
            "training.upscale."
        )


def _shape(member: IO[bytes]) -> tuple[int, ...]:
    """Return the shape of an array that lies in an archive, by its head."""
    with member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(member)
    if dtype.hasobject:
        raise ValueError("it holds objects")
    return shape
