"""What benches that compare programs share: commands with their clocks, medians of turns, versions, and tables."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def timed(command: Sequence[Any], **options: Any) -> dict[str, float]:
    """Run a command to its end; return its wall clock and the processor time of it and all that it started, in s.

    Raises
    ------
    SystemExit
        When the command fails; with what it wrote.
    """
    return _run(command, options)[0]


def said(command: Sequence[Any], **options: Any) -> dict[str, float]:
    """Run a command as `timed` does; return also the numbers of the JSON object that its last line is."""
    figures, text = _run(command, options)
    return figures | json.loads(text.splitlines()[-1])


def _run(command: Sequence[Any], options: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """Return what a command took, and what it wrote to standard output."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": used}, done.stdout


def in_turns(works: Mapping[str, Callable[[], dict[str, float]]], repeats: int) -> dict[str, list[dict[str, float]]]:
    """Run all works one after the other, so many times, every other time from the last one to the first."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in works}
    for turn in range(repeats):
        for name, work in list(works.items())[:: -1 if turn % 2 else 1]:
            found[name].append(work())
            figures = ", ".join(f"{key} {value:.2f}" for key, value in found[name][-1].items())
            print(f"{turn + 1}/{repeats} {name}: {figures}", file=sys.stderr, flush=True)
    return found


def median(rows: Sequence[Mapping[str, float]], key: str) -> float:
    return statistics.median(row[key] for row in rows)


def ratio(rows: Sequence[Mapping[str, float]], to: Sequence[Mapping[str, float]], key: str) -> float:
    """Return the median of the ratios of measurements that were made in the same turn."""
    return statistics.median(row[key] / other[key] for row, other in zip(rows, to))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of words as a Markdown table whose columns stand below each other."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(word.ljust(width) for word, width in zip(row, widths)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def hold_to(cores: int) -> None:
    """Hold this process and all that it starts to so many processors, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of those packages that are installed, and the processor."""
    found = {"Python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    found["processor"] = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")
    return found
