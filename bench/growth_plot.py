"""The picture of `growth.py`: six small plots, in colours that are readable on light and on dark pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

INK, LINE, OTHER = "#808894", "#c97600", "#3b82a0"
PLOTS = {  # case: title, what goes right, which figure goes up, what that is
    "length": ("Length of the music", "minutes", "cpu_ms", "CPU ms/frame"),
    "nodes": ("Nodes", "nodes", "cpu_ms", "CPU ms/frame"),
    "tracks": ("Tracks of an album", "tracks", "cpu_ms", "CPU ms/frame"),
    "sizes": ("Size of the frame", "megapixels", "cpu_ms", "CPU ms/frame"),
    "workers": ("Workers", "workers", "fps", "frames/s"),
}


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw what there is of the cases into an .svg file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "font.size": 8, "svg.hashsalt": "n2s", "svg.fonttype": "none", "font.family": "sans-serif",
        "axes.edgecolor": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "text.color": INK,
        "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "grid.color": INK,
        "grid.alpha": 0.25, "grid.linewidth": 0.5,
    })  # fmt: skip
    import matplotlib.pyplot as pyplot
    from matplotlib.ticker import FixedLocator, NullLocator

    cases = [case for case in PLOTS if case in found]
    figure, plots = pyplot.subplots(1, len(cases), figsize=(2.2 * len(cases), 2.1), squeeze=False)
    for plot, case in zip(plots[0], cases):
        title, right, name, up = PLOTS[case]
        told = [row for row in found[case] if row.get("how") == "simulated"]
        measured = [row for row in found[case] if row not in told]
        if told:
            plot.plot([row["x"] for row in told], [row[name] for row in told], "--", color=OTHER, lw=1, marker=".")
        plot.plot([row["x"] for row in measured], [row[name] for row in measured], color=LINE, lw=1.4, marker="o", ms=3)
        if case != "sizes":
            plot.set_xscale("log")
            plot.xaxis.set_major_locator(FixedLocator(sorted({row["x"] for row in found[case]})))
            plot.xaxis.set_minor_locator(NullLocator())
            plot.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        plot.set_title(title, fontsize=8, color=INK)
        plot.set_xlabel(right)
        plot.set_ylabel(up)
        if case == "workers":
            plot.set_yscale("log")  # a straight line is twice as fast with twice as many
        else:
            plot.set_ylim(0, 1.1 * max(row[name] for row in found[case]))
        plot.grid(axis="y")
    figure.tight_layout()
    figure.savefig(path, transparent=True, metadata={"Date": None})
