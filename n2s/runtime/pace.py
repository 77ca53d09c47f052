"""How long a run may take and how much it may write, by how it went the last time that such frames were made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n2s.graph.timecodes import minutes
from n2s.plan.formats import call_format
from n2s.plan.stages import Plan
from n2s.runtime.store import Store

KIND = "pace"  # of what the store notes
FEWEST = 30  # frames; fewer tell nothing
COPIES = 2  # of what is rendered: the store's segments, and the film


@dataclass(frozen=True)
class Estimate:
    """How long the rendering may take, in seconds, and how many bytes it may write.

    ``alike``: such frames were made before; else frames of the same nodes in another size or coding were.
    """

    seconds: float
    bytes: int
    alike: bool = True

    def text(self) -> str:
        """Return it in words: "about 2:30 and 120 MB"."""
        time = "some seconds" if self.seconds < 10 else minutes(self.seconds, 0)
        amount = f"{time} and {max(1, round(self.bytes / 1e6))} MB"
        if not self.alike:
            return f"very roughly {amount}, by the last time that such frames were made in another size or coding"
        return f"about {amount}, by the last time that such frames were made"


def subject(plan: Plan, jobs: int, beside: Sequence[Plan] = ()) -> dict[str, Any]:
    """Return what frames are alike by: the kinds of nodes that make them, size, coding, how many jobs there are.

    Names and settings are left out, so that another song under the same look is known already. ``beside`` are plans of
    films that are made of the same frames.
    """
    about = _frames(plan) | {"jobs": jobs}
    return about | {"beside": [subject(other, jobs) for other in beside]} if beside else about


def _of_any_size(plan: Plan) -> dict[str, Any]:
    """Return what frames are alike by whose size or coding may differ."""
    return {"nodes": _frames(plan)["nodes"]}


def memory_subject(executor: Any, plans: Sequence[Plan]) -> dict[str, Any]:
    """Return what chunks are alike by that take as much memory: who renders them, and the frames of each plan."""
    return {"executor": type(executor).__name__, "frames": [_frames(plan) for plan in plans]}


def _frames(plan: Plan) -> dict[str, Any]:
    nodes = plan.graph.nodes
    kinds = [type(nodes[stage.node]).__name__ for stage in plan.nodes if stage.node in nodes]
    stored = plan.node.kind == "sink"  # else they are measured
    coded = call_format(plan.graph, plan.end, plan.format.describe, plan.node) if stored else None
    return {"nodes": kinds, "size": list(plan.graph.header.size), "coded": coded}


@dataclass
class PaceTally:
    """Collects what the tasks of a run make."""

    made: dict[tuple[int, ...], Sequence[Plan]] = field(default_factory=dict)  # plans that have tasks, by identity
    frames: int = 0  # of tasks: those that are made once for several films count once
    segments: dict[str, str] = field(default_factory=dict)  # the suffix of each, by its key

    def add(self, plans: Sequence[Plan], keys: Sequence[str], frames: int) -> None:
        """Add a task that made the chunks of some films."""
        self.made[tuple(map(id, plans))] = plans
        self.frames += frames
        self.segments.update((key, plan.format.suffix) for plan, key in zip(plans, keys))

    def note(self, store: Store, jobs: int, seconds: float) -> None:
        """Note how long each frame of a task took, and how many bytes it has."""
        if self.frames < FEWEST:
            return
        paths = (store.find("segments", key, suffix) for key, suffix in self.segments.items())
        written = sum(path.stat().st_size for path in paths if path)
        for plan, *beside in self.made.values():
            pace = {"seconds": seconds / self.frames, "bytes": written / self.frames}
            store.note(KIND, subject(plan, jobs, beside), pace)
            if not beside:
                store.note(KIND, _of_any_size(plan), pace | {"jobs": jobs, "pixels": _pixels(plan)})


def _pixels(plan: Plan) -> int:
    width, height = plan.graph.header.size
    return width * height


def _known(store: Store, plans: Sequence[Plan], jobs: int) -> tuple[Mapping[str, float], bool] | None:
    """Return the seconds and the bytes of a frame of some films, and whether such frames were made; None: unknown.

    Else they are taken from frames of the same nodes in another size: both grow with the pixels, or nearly so.
    """
    plan, *beside = plans
    if (known := store.noted(KIND, subject(plan, jobs, beside))) is not None:
        return known, True
    other = None if beside else store.noted(KIND, _of_any_size(plan))
    if other is None:
        return None
    ratio = _pixels(plan) / other["pixels"]
    return {"seconds": other["seconds"] * ratio * other["jobs"] / jobs, "bytes": other["bytes"] * ratio}, False


def estimate(
    store: Store,
    frames: Mapping[tuple[int, ...], int],
    measured: Mapping[int, int],
    plans: list[Plan],
    jobs: int,
) -> Estimate | None:
    """Return how long so many frames may take, by the places in ``plans`` of the films that are made of them; None
    where that is unknown for one. ``measured`` are frames that are looked at alone, by the film that they belong to:
    they take no more than its frames do, and are not written."""
    seconds, written, alike = 0.0, 0.0, True
    for number, count in measured.items():
        found = _known(store, [plans[number]], jobs)
        if found is None:
            return None
        seconds, alike = seconds + count * found[0]["seconds"], alike and found[1]
    for numbers, count in frames.items():
        found = _known(store, [plans[number] for number in numbers], jobs)
        if found is None:
            return None
        known, alike = found[0], alike and found[1]
        seconds += count * known["seconds"]
        written += count * known["bytes"]
    return Estimate(seconds, round(COPIES * written), alike) if frames or measured else None


def lack_of_room(wanted: Estimate, folders: Iterable[Path]) -> str:
    """Say where there may be too little room; "" where there is enough."""
    for folder in folders:
        there = next(parent for parent in (folder, *folder.parents) if os.path.isdir(parent))
        free = shutil.disk_usage(there).free
        if free < wanted.bytes:
            return f"{there} has {free / 1e6:.0f} MB left, and about {wanted.bytes / 1e6:.0f} MB may be written."
    return ""
