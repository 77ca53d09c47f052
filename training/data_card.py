"""What a data set is, on one page: data_card.json and data_card.md in its folder.

    python -m training.data_card FOLDER

Everything comes from the manifest, so the same manifest gives the same bytes. The licence of each picture is in its
row; the card counts them. `filter.py` writes the card, too.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from . import manifest
from .errors import TrainingError, run_command
from .manifest import Row

JSON, MARKDOWN = "data_card.json", "data_card.md"
MEASURES = ("entropy", "sharpness", "colourfulness", "aesthetic", "text", "face")
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def category(reason: str) -> str:
    """What kind of a reason it is: "near-duplicate of x.png" and "blank: 0.00 bits" without what follows."""
    return reason.split(":")[0].split(" of ")[0]


def counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def in_order(styles: Iterable[str]) -> list[str]:
    """Styles once each, in the order of `manifest.STYLES`, unknown ones last."""
    known = {style: k for k, style in enumerate(manifest.STYLES)}
    return sorted(set(styles), key=lambda style: (known.get(style, len(known)), style))


def card(rows: list[Row]) -> dict:
    """The card as plain data.

    Counts are of pictures; `quantiles` are those of the usable pictures (linear between neighbours), by style and
    measure, in the units of `scores.py`.
    """
    rows = sorted(rows, key=lambda row: row.file)
    kept = [row for row in rows if row.accepted != "no"]
    styles = {}
    for style in in_order(row.style for row in rows):
        own = [row for row in rows if row.style == style]
        styles[style] = {
            "made": len(own),
            "accepted": sum(row.accepted == "yes" for row in own),
            "unfiltered": sum(row.accepted == "" for row in own),
            "rejected": counts(category(row.reason) for row in own if row.accepted == "no"),
            "quantiles": _quantiles([row for row in own if row.accepted != "no"]),
        }
    return {
        "digest": manifest.digest(rows),
        "made": len(rows),
        "accepted": sum(row.accepted == "yes" for row in rows),
        "unfiltered": sum(row.accepted == "" for row in rows),
        "rejected": counts(category(row.reason) for row in rows if row.accepted == "no"),
        "sizes": counts(f"{row.width}x{row.height}" for row in kept),
        "sources": counts(row.source for row in kept),
        "licences": counts(row.licence for row in kept),
        "seeds": counts(str(row.seed) for row in kept),
        "quantile_levels": list(QUANTILES),
        "styles": styles,
    }


def _quantiles(rows: list[Row]) -> dict[str, list[float]]:
    found = {}
    for name in MEASURES:
        values = [float(getattr(row, name)) for row in rows if getattr(row, name)]
        if values:
            found[name] = [round(float(x), 3) for x in np.quantile(values, QUANTILES)]
    return found


def markdown(about: dict) -> str:
    """The card for reading."""
    usable = about["accepted"] + about["unfiltered"]
    lines = ["# Data card", "", f"{usable} of {about['made']} pictures are usable. Digest: `{about['digest']}`.", ""]
    if about["unfiltered"]:
        lines += [f"{about['unfiltered']} have not been filtered yet (`python -m training.filter`).", ""]
    lines += ["| style | made | accepted | rejected |", "|---|---|---|---|"]
    for style, own in about["styles"].items():
        reasons = ", ".join(f"{number} {reason}" for reason, number in own["rejected"].items()) or "none"
        lines.append(f"| {style} | {own['made']} | {own['accepted']} | {reasons} |")
    for title, name in (("Sizes", "sizes"), ("Sources", "sources"), ("Licences", "licences"), ("Seeds", "seeds")):
        entries = ", ".join(f"{key} ({number})" for key, number in about[name].items()) or "none"
        lines += ["", f"**{title}** (usable pictures): {entries}"]
    lines += ["", "The licence of each picture is in its row of `manifest.csv`; how it was made is in its sidecar."]
    levels = [f"{level:.0%}" for level in about["quantile_levels"]]
    if any(own["quantiles"] for own in about["styles"].values()):
        lines += ["", "## Measures of the usable pictures", ""]
        lines += ["Quantiles. Entropy in bits; sharpness, colourfulness and the scores of CLIP as in `scores.py`.", ""]
        lines += ["| style | measure | " + " | ".join(levels) + " |", "|---|---|" + "---|" * len(levels)]
        for style, own in about["styles"].items():
            for name, values in own["quantiles"].items():
                lines.append(f"| {style} | {name} | " + " | ".join(f"{value:.3g}" for value in values) + " |")
    return "\n".join(lines) + "\n"


def write(folder: Path, rows: list[Row]) -> None:
    """Write both files of the card."""
    about = card(rows)
    manifest.publish(folder / JSON, (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode())
    manifest.publish(folder / MARKDOWN, markdown(about).encode())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.data_card", description="Write the card of a data set.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder with a manifest.csv")
    folder = parser.parse_args(arguments).folder
    if folder.is_file():
        raise TrainingError(f"{folder} is a file; a data set is a folder with a {manifest.NAME}.")
    rows = manifest.read(folder)
    if not rows:
        raise TrainingError(f"{folder} has no pictures; make some with python -m training.procedural --out FOLDER.")
    write(folder, rows)
    print(folder / MARKDOWN)


if __name__ == "__main__":
    run_command(main)
