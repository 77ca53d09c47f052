"""The anchors of a model that is exported again: what its user put there stays, or is told before it is lost.

Latents mean something to the encoder that made them alone. Where the new encoder is the one that is there, anchors of
one's own are kept; else they are lost, which wants --force.

The card fits at every moment at which the nets fit: it first names the archive that is to come beside the one that is
there (``next``), then the archive is renamed into place, then the card describes it alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from . import anchors
from .errors import TrainingError
from .files import write_whole

ARCHIVE, CARD = "anchors.npz", "meta.json"
UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
SOURCE_OF_DRAWN = "drawn by training/procedural.py"  # how the source of each anchor of `anchors` begins


def keepable(folder: Path, encoder: onnx.ModelProto, force: bool) -> dict[str, np.ndarray]:
    """Return the anchors that somebody put into a model folder and that a new encoder knows.

    Raises
    ------
    TrainingError
        When there are such anchors, or it cannot be said, and the encoder is another one; not with ``force``.
    """
    try:
        own = of_user(folder)
    except UNREADABLE as error:
        if force:
            return {}
        raise TrainingError(
            f"{folder / ARCHIVE} cannot be read ({error}), so that anchors of your own in it would be lost. Restore "
            "it, name another folder with --out, or replace it with --force."
        ) from None
    if not own or _is_same_net(folder / "encoder.fp16.onnx", encoder):
        return own
    if force:
        return {}
    raise TrainingError(
        f"{folder} holds anchors of your own, which another encoder made: {', '.join(own)}. The new one does not know "
        "their latents. Name another folder with --out, or lose them with --force, and add their pictures again by "
        "n2s anchors add."
    )


def read(folder: Path) -> dict[str, np.ndarray]:
    """Return the anchors of a model folder.

    Raises
    ------
    TrainingError
        When they cannot be read, or there are none.
    """
    try:
        found = _read(folder)
    except UNREADABLE as error:
        raise TrainingError(
            f"{folder / ARCHIVE} cannot be read ({error}). Restore it, or export the model again."
        ) from None
    if not found:
        raise TrainingError(f"{folder / ARCHIVE} holds no anchors. Add some with n2s anchors add.")
    return found


def of_user(folder: Path) -> dict[str, np.ndarray]:
    """Return the anchors in a model folder that somebody added, or put in the place of drawn ones."""
    if not (folder / ARCHIVE).exists():
        return {}
    sources = {name: SOURCE_OF_DRAWN for name in anchors.ANCHORS} | _card(folder).get("anchor_sources", {})
    return {name: array for name, array in _read(folder).items() if not _is_drawn(sources.get(name, ""))}


def _is_drawn(source: str) -> bool:
    return source.startswith(SOURCE_OF_DRAWN)


def write(folder: Path, points: dict[str, np.ndarray]) -> None:
    """Write the archive of a model folder, and in the card what it says of it; both stay where nothing changed."""
    there = _read_any(folder)
    same = {name for name in points if name in there and np.array_equal(there[name], points[name])}
    if list(there) == list(points) and len(same) == len(points):
        return
    data, card = _archive(points), _card(folder)
    about = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    before = card.get("files", {}).get(ARCHIVE)
    names = [name for name in card.get("anchors", []) if name in points]
    sources = {name: source for name, source in card.get("anchor_sources", {}).items()
               if name in same or (name in points and _is_drawn(source))}  # fmt: skip
    if before:
        _describe(folder, card, before | {"next": about["sha256"]}, names, sources)
    write_whole(folder / ARCHIVE, lambda partial: partial.write_bytes(data))
    if before:
        _describe(folder, card, about, list(points), sources)


def _is_same_net(path: Path, net: onnx.ModelProto) -> bool:
    """Say whether a file computes what a net does; its notes, such as the steps of its training, are no matter."""
    try:
        there = onnx.load(path).graph.SerializeToString(deterministic=True)
    except (OSError, DecodeError):
        return False
    return there == net.graph.SerializeToString(deterministic=True)


def _card(folder: Path) -> dict[str, Any]:
    """Return the card that is there, if one is."""
    try:
        return json.loads((folder / CARD).read_bytes())
    except (OSError, ValueError):
        return {}


def _read(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / ARCHIVE) as archive:
        return dict(archive)


def _read_any(folder: Path) -> dict[str, np.ndarray]:
    """Return the anchors that are there; none of an archive that cannot be read."""
    try:
        return _read(folder)
    except UNREADABLE:
        return {}


def _archive(points: dict[str, np.ndarray]) -> bytes:
    """Return an archive that numpy reads; the same anchors give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in points.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())  # dated 1980
    return buffer.getvalue()


def _describe(folder: Path, card: dict[str, Any], about: dict, names: list[str], sources: dict[str, str]) -> None:
    """Write the card with another description of the archive."""
    card = card | {"files": card["files"] | {ARCHIVE: about}, "anchors": names, "anchor_sources": sources}
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / CARD, lambda partial: partial.write_text(text, encoding="utf-8"))
