"""Which files an export wrote, so that what follows it takes no files of another model.

Exports of several models share --outputs: the float32 files and the record there are those of the last one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import TrainingError
from .files import sha256_of

RECORD = "export.json"


def of_files(out: Path, shipped: Iterable[str], outputs: Path, kept: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what a record says of files: those ``shipped`` in the model's folder, those ``kept`` in --outputs."""
    return {
        "models": {name: sha256_of(out / name) for name in shipped},
        "outputs": {name: sha256_of(outputs / name) for name in kept},
    }


def read(outputs: Path, record: str, models: Path) -> dict[str, Any]:
    """Return the record of an export, whose files are all there.

    Raises
    ------
    TrainingError
        When there is none, or a file is missing, or is that of another export.
    """
    path = outputs / record
    again = f"run python -m training.export_onnx on its checkpoint again, with --out {models} and --outputs {outputs}"
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise TrainingError(f"{path} is missing or damaged; {again}.") from None
    if "exported" not in facts:
        raise TrainingError(f"{path} does not say which files were exported, as it is of an older version; {again}.")
    for side, folder in (("models", models), ("outputs", outputs)):
        for name, digest in facts["exported"][side].items():
            if not (folder / name).is_file():
                raise TrainingError(f"{folder / name} is missing; {again}.")
            if sha256_of(folder / name) != digest:
                raise TrainingError(
                    f"{folder / name} is of another export than {path}; name the folder that this one wrote with "
                    f"--models, or {again}."
                )
    return facts


def same_data(one: str, other: str) -> bool:
    """Say whether two digests are of the same data sets, whatever their order."""
    return sorted(one.split("+")) == sorted(other.split("+"))


def require_data(facts: dict[str, Any], digest: str, of: Path) -> None:
    """Refuse other data sets than those that a record names; one of an older version names none.

    Raises
    ------
    TrainingError
        When --data has another digest.
    """
    known = facts.get("data")
    if known and not same_data(known, digest):
        raise TrainingError(
            f"{of} is of a training on other pictures than those of --data: their digest is {known}, and that of "
            f"--data {digest}. Name the data sets that it was trained on, as they were then."
        )
