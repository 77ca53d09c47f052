"""A contact sheet of the decoded anchors of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from n2s.graph.errors import N2SError, RenderError
from n2s.runtime.media.png import write_picture
from n2s.runtime.media.resample import fit_picture
from n2s.runtime.models.anchors import members
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.seeing.contact import WIDEST, columns_for, sheet, to_pixels
from n2s.runtime.store import Store

THUMBNAILS = "anchors.png"
TILE = 340  # widest thumbnail, pixels


def draw(model: ModelFolder, path: Path) -> None:
    """Write a contact sheet of all decoded anchors, with their names."""
    latents = {name: model.anchor(name) for name in members(model)}
    if not latents:
        raise RenderError(f"The model in {model.folder} has no anchors to show.")
    decoder = model.decoder("auto", "cpu", 1)
    (rows, columns), _ = Counter(each.shape[1:] for each in latents.values()).most_common(1)[0]
    wide = min(columns * model.scale, TILE, WIDEST // columns_for(len(latents), columns, rows) - 8)
    size = (max(1, round(wide * rows / columns)), wide)
    tiles = [to_pixels(fit_picture(np.clip(decoder.decode(each[None])[0], 0, 1), size)) for each in latents.values()]
    write_picture(path, sheet(tiles, list(latents)))


def redraw(folder: Path, store: Store, say: Callable[[str], None]) -> Path | None:
    """Draw a folder's thumbnails again; if that fails, tell the user and return None."""
    try:
        draw(ModelFolder(folder, store, say), folder / THUMBNAILS)
    except N2SError as error:
        say(f"The thumbnails were not drawn: {error}")
        return None
    return folder / THUMBNAILS
