"""The anchors of a model folder: kept in anchors.npz, described by the model's card.

A model is usable at every moment of a change. The card first names the archive that is to come beside the one that is
there (``next``), then the archive is renamed into place, then the card describes it alone; ``ModelFolder.checked``
accepts either. What is killed in between therefore leaves a whole model, and the next change tidies its card.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.registry import suggest
from n2s.runtime.models.cards import ARCHIVE, CARD
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.store import Store, check_folder, publish

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
WORDS = {"null", "true", "false", "yes", "no", "on", "off"}  # YAML may read them as something else


@dataclass(frozen=True)
class Anchor:
    """Latents float32 (C, h, w), and in a few words where they come from."""

    latents: np.ndarray
    source: str

    @property
    def grid(self) -> tuple[int, int]:
        return self.latents.shape[1:]

    @property
    def spread(self) -> float:
        return spread(self.latents)


def spread(latents: np.ndarray) -> float:
    """Return sqrt(mean(z²)): about 1, the latents of a model having unit variance."""
    return float(np.sqrt(np.mean(np.square(latents, dtype=np.float64))))


def check_name(name: str) -> None:
    """Refuse a text that cannot be the name of an anchor.

    Raises
    ------
    ArgumentError
    """
    if not NAME.fullmatch(name) or name.lower() in WORDS:
        raise ArgumentError(
            f'"{name}" cannot name an anchor: a name has up to 32 letters, digits, "-" and "_", begins with a letter, '
            "and is not a word that YAML reads as something else, like yes or null."
        )


def check_new(model: ModelFolder, names: Sequence[str], force: bool) -> None:
    """Refuse names that are not valid, or that the model has already, unless ``force``."""
    for name in names:
        check_name(name)
    taken = [name for name in names if name in members(model)]
    if taken and not force:
        raise ArgumentError(f"The model already has {', '.join(taken)}; choose another name, or replace with --force.")


def check_known(model: ModelFolder, names: Sequence[str]) -> None:
    """Refuse names that the model does not have, and to remove all of them."""
    known = list(members(model))
    for name in names:
        if name not in known:
            raise ArgumentError(f'The model has no anchor "{name}". {suggest(name, sorted(known))}')
    if set(names) >= set(known):
        raise ArgumentError("A model needs at least one anchor; add another one first.")


def members(model: ModelFolder) -> dict[str, bytes]:
    """Return the anchors as they lie in the archive: name to the bytes of its .npy file.

    Raises
    ------
    RenderError
        When the archive is not the one its card describes, or cannot be read.
    """
    if ARCHIVE not in model.card["files"]:
        return {}
    path, _ = model.checked(ARCHIVE)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    except Exception as error:  # zipfile has many ways to fail on a damaged archive
        raise RenderError(f"{path} cannot be read: {error}. Make the anchors again.") from None


def anchors(model: ModelFolder) -> dict[str, Anchor]:
    """Return the anchors of a model, in the order of its archive."""
    sources = model.card.get("anchor_sources", {})
    return {name: Anchor(model.anchor(name), sources.get(name, "the model's own")) for name in members(model)}


def change(
    folder: Path, store: Store, add: Mapping[str, Anchor], remove: Sequence[str] = (), force: bool = False
) -> None:
    """Add and remove anchors of a model folder; the bytes of all others stay as they are.

    Raises
    ------
    ArgumentError
        When a name is taken or unknown.
    RenderError
        When the folder cannot be written.
    """
    check_writable(folder)
    with _alone(folder):
        model = ModelFolder(folder, store)
        check_new(model, list(add), force)
        if remove:
            check_known(model, remove)
        kept = members(model)
        sources = dict(model.card.get("anchor_sources", {}))
        before = list(kept)
        for name in remove:
            kept.pop(name, None)
            sources.pop(name, None)
        for name, anchor in add.items():
            kept[name] = _npy(anchor.latents)
            sources[name] = anchor.source
        _write(folder, model.card, _npz(kept), before, list(kept), sources)


def _write(
    folder: Path, card: dict[str, Any], data: bytes, before: list[str], after: list[str], sources: dict[str, str]
) -> None:
    """Publish archive and card, so that after each rename the card accepts the archive that is there."""
    about = file_facts(data)
    if ARCHIVE in card["files"]:
        either = file_facts((folder / ARCHIVE).read_bytes()) | {"next": about["sha256"]}
        _write_card(folder, card | {
            "files": card["files"] | {ARCHIVE: either},
            "anchors": [name for name in before if name in after],
            "anchor_sources": sources | card.get("anchor_sources", {}),
        })  # fmt: skip
    publish(folder / ARCHIVE, lambda path: path.write_bytes(data))
    files = card["files"] | {ARCHIVE: about}
    _write_card(folder, card | {"files": files, "anchors": after, "anchor_sources": sources})


def file_facts(data: bytes) -> dict[str, Any]:
    """Return what a card says of a file."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _write_card(folder: Path, card: dict[str, Any]) -> None:
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    publish(folder / CARD, lambda path: path.write_bytes(text.encode()))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array, np.float32), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _npz(kept: Mapping[str, bytes]) -> bytes:
    """Return an archive that numpy reads; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in kept.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data)  # dated 1980
    return buffer.getvalue()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change a folder, where the system has such locks; they end with the process."""
    try:
        import fcntl  # not there on Windows
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network folders have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_writable(folder: Path) -> None:
    """Refuse a model folder that is there and cannot be changed, before the work."""
    try:
        if os.path.isdir(folder):
            check_folder(folder)
    except RenderError as error:
        reason = getattr(error.__cause__, "strerror", None) or error
        raise RenderError(
            f"The model in {folder} cannot be changed: {reason}. Add --copy-to FOLDER to change a copy of it."
        ) from None


def copy_model(model: ModelFolder, target: Path) -> None:
    """Copy the files that a model's card lists, each checked, and the card last: without it there is no model."""
    if os.path.exists(target / CARD):
        raise ArgumentError(f"{target} already holds a model; change that one with --model {shlex.quote(str(target))}.")
    for name in model.card["files"]:
        path, _ = model.checked(name)
        publish(target / name, lambda temporary, path=path: shutil.copyfile(path, temporary))
    _write_card(target, model.card)
