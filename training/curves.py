"""The numbers of a training as curves."""

from __future__ import annotations

import csv
from pathlib import Path

from .files import write_whole

PANELS = (
    ("loss, l1 and coarse", ("loss", "l1", "coarse", "held_out_l1")),
    ("perceptual distance", ("perceptual", "held_out_perceptual")),
    ("KL, nats per image value", ("kl",)),
    ("held-out PSNR, dB", ("held_out_psnr_db",)),
)


def draw_curves(table: Path, target: Path) -> None:
    """Draw `metrics.csv` of a run as a PNG; what was not measured is left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, names) in zip(figure.subplots(2, 2).flat, PANELS):
        for name in names:
            points = [(float(row["minutes"]), float(row[name])) for row in rows if row.get(name)]
            if points:
                axes.plot(*zip(*points), ".-" if name.startswith("held") else "-", label=name.replace("_", " "))
        axes.set(title=title, xlabel="minutes")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(frameon=False)
    write_whole(target, lambda partial: figure.savefig(partial, dpi=100))
