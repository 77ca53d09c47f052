"""How much a film flashes, as its `Guard` counted and what it lowered; see docs/flash-safety.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from n2s.graph.node import Node
from n2s.graph.timecodes import timecode
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan

TOLD = {"lowering", "red", "flashes"}  # the outputs of a node that counts flashes
SAFE = 3  # in a second


def count_flashes(parts: Sequence[tuple[Plan, Chunk]]) -> list[dict[str, Any]]:
    """Return, as plain data for each track of a film that has a `Guard`, how much it flashes."""
    found, before = [], 0  # frames of the film before a track
    for _, group in groupby(parts, key=lambda part: id(part[0])):
        of_track = list(group)
        if name := counting_node(of_track[0][0].graph.nodes):
            found.append(_of_track(of_track, name, before))
        before += sum(chunk.count for _, chunk in of_track)
    return found


def counting_node(nodes: Mapping[str, Node]) -> str | None:
    """Return the last node of a flat graph that counts flashes; None where there is none."""
    return next((name for name in reversed(list(nodes)) if TOLD <= type(nodes[name]).outputs.keys()), None)


def _of_track(parts: Sequence[tuple[Plan, Chunk]], name: str, before: int) -> dict[str, Any]:
    plan, start, stop = parts[0][0], parts[0][1].start, parts[-1][1].stop
    fps, outputs = plan.values.clock.fps, plan.values.outputs
    flashes, lowering, red = (outputs[name, output][start:stop] for output in ("flashes", "lowering", "red"))
    lowered = (lowering > 0).any(axis=1) | (red < 1)
    told: dict[str, Any] = {"mode": plan.graph.nodes[name].mode}
    for kind, at_first, left in (("light", 0, 2), ("red", 1, 3)):
        at = int(np.argmax(flashes[:, at_first])) if len(flashes) else 0
        most = int(flashes[:, at_first].max(initial=0))
        told[kind] = {
            "most_in_a_second": most,
            "until": timecode(start + at, fps) if most else None,
            "seconds_over": round(float(int(np.count_nonzero(flashes[:, at_first] > SAFE)) / fps), 2),
            "most_left": int(flashes[:, left].max(initial=0)),
            "left_until": timecode(before + int(np.argmax(flashes[:, left])), fps) if len(flashes) else None,
        }
    return told | {
        "lowered_seconds": round(float(int(np.count_nonzero(lowered)) / fps), 2),
        "lowered": [
            [timecode(start + int(first), fps), timecode(start + int(last), fps)] for first, last in _runs(lowered, fps)
        ],
        "least_gain": round(1 - float(lowering.max(initial=0)), 3),
        "least_red": round(float(red.min(initial=1)), 3),
        "extended_seconds": round(float(int(np.count_nonzero(flashes[:, 4])) / fps), 2),
    }


def _runs(marked: np.ndarray, fps: Any) -> list[tuple[int, int]]:
    """Return the first and the last of marked frames that are less than a second from each other."""
    at = np.flatnonzero(marked)
    if not len(at):
        return []
    gaps = np.flatnonzero(np.diff(at) > fps)
    return list(zip(at[np.append(0, gaps + 1)], at[np.append(gaps, len(at) - 1)]))


def flashes_text(found: Mapping[str, Any]) -> str:
    """Return in words whether a track's film is safe from flashes, what was found, and what was done about it."""
    kinds = {"flash": found["light"], "red flash": found["red"]}
    counts = " and ".join(
        f"{most} {what}{'es' * (most != 1)} (until {kind['until']})"
        for what, kind in kinds.items()
        if (most := kind["most_in_a_second"])
    )
    if not counts:
        return "flashes: none"
    left = max(kind["most_left"] for kind in kinds.values())
    if all(kind["most_in_a_second"] <= SAFE for kind in kinds.values()):
        return f"flashes: safe, no second has more than {counts}; {SAFE} are allowed"
    if found["mode"] == "report":
        return f"flashes: NOT SAFE, a second has {counts}; {SAFE} are allowed, and nothing was lowered (mode: report)"
    state = "made safe" if left <= SAFE else "NOT SAFE"
    kept = found["least_gain"]
    how = [f"{kept:.0%} of the light stayed where it flashed most" if kept >= 0.01 else "some places go dark"]
    how = how if kept < 1 else []
    how += ["saturated red turned crimson"] if found["least_red"] < 1 else []
    return (
        f"flashes: {state}, a second had {counts} and now has at most {left}; {SAFE} are allowed; lowered for "
        f"{found['lowered_seconds']:g} s{_when(found.get('lowered', []))}: {' and '.join(how)}; "
        "less light on each hit, as light and energy of a look give it, would need less of this"
    )


def _when(lowered: Sequence[Sequence[str]]) -> str:
    """Return in words when a film was lowered first: the record has all of it."""
    return f", first from {lowered[0][0]} to {lowered[0][1]}" if lowered else ""


def long_flashing_text(found: Mapping[str, Any]) -> str:
    """Return in words for how long a track's film flashes two or three times a second without a rest; "" for never."""
    if not found["extended_seconds"]:
        return ""
    return (
        f"long flashing: for {found['extended_seconds']:g} s it flashes 2 or 3 times in every second without a rest; "
        "allowed on the web, broadcasters may refuse it"
    )
