"""Quality gates: what of a finished film would make one send it back, each with its limit and its time.

All is read off what was noted while the film was made, and off the file's own index; no film is decoded for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.errors import RenderError
from n2s.graph.listening import hearing_node
from n2s.graph.timecodes import timecode
from n2s.plan.stages import Plan
from n2s.runtime.films.films import Film
from n2s.runtime.films.flaws import NAMES
from n2s.runtime.films.luminance import WHITE, stored_flaws, stored_luminance
from n2s.runtime.seeing.flashes import SAFE
from n2s.runtime.store import Store

KIND = "gates"  # of what the store notes, so that a run that renders nothing need not measure again
BLACK = 0.02 * WHITE  # no cell is lighter
STILL = 0.0005 * WHITE  # no cell changes by more
BURNT, BANDED = 0.5, 0.25  # of the frame
EMPTY_SECONDS, FROZEN_SECONDS, BURNT_SECONDS, BANDED_SECONDS = 2.0, 3.0, 2.0, 1.0
SEAM = 2.0  # how much more a picture may change at the border of a chunk than elsewhere
SEAMS = 8  # borders, of which fewer say nothing
LOUDEST = 0.0  # dBTP
OF_LIGHT = {"black": EMPTY_SECONDS, "frozen": FROZEN_SECONDS, "seams": SEAM}
OF_FLAWS = {"burnt": BURNT_SECONDS, "banded": BANDED_SECONDS}
NEAR = 2  # frames around a strike or the beginning of a bar, in which a picture may well change


@dataclass(frozen=True)
class Gate:
    """One measure of a film: what was found, the limit, and where it is broken, in words; "" where it holds.

    ``found`` is None where there was nothing to measure; ``unmeasured`` says that there was, and it is not known.
    """

    name: str
    found: Any
    limit: Any
    broken: str = ""
    unmeasured: bool = False

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        holds = None if self.unmeasured else not self.broken
        return {"found": self.found, "limit": self.limit, "holds": holds} | (
            {"broken": self.broken} if self.broken else {}
        )


def judge(
    store: Store, film: Film, record: dict[str, Any], flashes: Sequence[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return all gates of a film that is published as plain data, as the store has noted them or measured now.

    Parameters are those of `measure_gates`.
    """
    subject = {"film": film.identity, "inspected": record.get("inspected"), "flashes": list(flashes),
               "code": code_digest(__name__)}  # fmt: skip
    found = store.noted(KIND, subject)
    if found is None:
        found = {gate.name: gate.data() for gate in measure_gates(store, film, record, flashes)}
        if not unmeasured_gates(found):
            store.note(KIND, subject, found)
    return found


def measure_gates(store: Store, film: Film, record: dict[str, Any], flashes: Sequence[dict[str, Any]]) -> list[Gate]:
    """Return all gates of a film that is published.

    Parameters
    ----------
    record : dict
        Of the film: its frames, its ``levels`` and what ``inspected`` says of the file.
    flashes : sequence of dict
        What `count_flashes` says of its tracks.
    """
    fps = film.fps
    gates = [*_of_file(film, record.get("inspected") or {}), _flashes(flashes)]
    light = _light(stored_luminance(store, film.parts))
    shown = np.ones(film.frames, bool)
    for start, stop in film.between:  # black and still as they should be
        shown[start:stop] = False
    if light is not None:
        lightest, most, mean = light
        gates.append(_longest("black", (lightest < BLACK) & shown, EMPTY_SECONDS, fps))
        gates.append(_longest("frozen", (most < STILL) & shown, FROZEN_SECONDS, fps))
        gates.append(_seams(film, mean[1:]))
    else:
        gates += [Gate(name, None, limit, unmeasured=True) for name, limit in OF_LIGHT.items()]
    flaws = list(stored_flaws(store, film.parts))
    if flaws and all(chunk is not None for chunk in flaws):
        shares = dict(zip(NAMES, np.concatenate(cast(Any, flaws)).T))
        gates.append(_longest("burnt", shares["burnt"] > BURNT, BURNT_SECONDS, fps))
        gates.append(_longest("banded", _held(shares["banded"]) > BANDED, BANDED_SECONDS, fps))
    else:
        gates += [Gate(name, None, limit, unmeasured=True) for name, limit in OF_FLAWS.items()]
    if levels := record.get("levels"):
        peak = levels["true_peak"]
        loud = f"a true peak of {peak:+.1f} dBTP" if peak is not None and peak > LOUDEST else ""
        gates.append(Gate("true_peak", peak, LOUDEST, loud))
    return gates


# What it means for a film that some gates hold, in the order in which it is told; flashes have a line of their own.
PASSED = {
    "no frame is missing": ("frames",),
    "chapters in time": ("chapters",),
    "sound in time": ("sound_begins_ms", "sound_ends_ms"),
    "not black or frozen": ("black", "frozen"),
    "not burnt out or banded": ("burnt", "banded"),
    "no jumps where parts meet": ("seams",),
    "sound not clipped": ("true_peak",),
}


def gates_text(gates: Mapping[str, dict[str, Any]]) -> str:
    """Return in words what was checked of a film, and what is wrong with it, of what a record has of its gates."""
    broken = [gate["broken"] for gate in gates.values() if gate["holds"] is False]
    if unknown := unmeasured_gates(gates):
        broken.append(f"{', '.join(unknown)} not measured, of frames that an older version made; see --force")
    if broken:
        others = f"; {len(gates) - len(broken)} of {len(gates)} checks passed" if not unknown else ""
        return f"quality: {'; '.join(broken)}{others}"
    held = [said for said, names in PASSED.items() if all(name in gates for name in names)]
    return f"quality: all {len(gates)} checks passed{': ' * bool(held)}{', '.join(held)}"


def unmeasured_gates(gates: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the gates of a film that nobody knows."""
    return [name for name, gate in gates.items() if gate["holds"] is None]


def _of_file(film: Film, told: dict[str, Any]) -> list[Gate]:
    """Return the gates of what is read off the file itself; none where its format says nothing."""
    if not told:
        return []
    frames = Gate("frames", told["frames"], film.frames)
    late = told.get("chapters")  # files that an older version looked at say nothing of them
    begin = told["sound_begins_ms"]
    end = told["sound_ends_ms"]
    whole = 1000 / float(film.fps)
    gates = [frames, Gate("tags", told["tags"], "bt709", "" if "bt709" in told["tags"] else "no tags of BT.709")]
    if late is not None and film.chapters:
        count = len(film.chapters)
        lost = f"{len(late)} of {count} chapters missing or at another time: {', '.join(late)}" if late else ""
        gates.append(Gate("chapters", count - len(late), count, lost))
    if begin is not None:
        early = abs(begin) > 1
        gates.append(
            Gate("sound_begins_ms", begin, 1, f"sound begins {begin:+.1f} ms from the picture" if early else "")
        )
        apart = not -whole - 1 <= end <= told["slack_ms"] + 1
        text = f"sound ends {end:+.1f} ms from the picture" if apart else ""
        gates.append(Gate("sound_ends_ms", end, [round(-whole, 3), told["slack_ms"]], text))
    return gates


def _flashes(flashes: Sequence[dict[str, Any]]) -> Gate:
    if not flashes:
        return Gate("flashes", None, SAFE)
    most, until = max(
        ((kind["most_left"], kind["left_until"]) for told in flashes for kind in (told["light"], told["red"])),
        key=lambda pair: pair[0],
    )
    return Gate("flashes", most, SAFE, f"{most} flashes in a second, to {until}" if most > SAFE else "")


def _light(chunks: Iterable[np.ndarray | None]) -> np.ndarray | None:
    """Return of each frame its lightest cell, and the largest and the mean change of its cells, float32 (3, T).

    The first frame changes by as much as there is. None where a chunk is missing; one is in memory at a time.
    """
    found, before = [], None
    for chunk in chunks:
        if chunk is None:
            return None
        cells = chunk.reshape(len(chunk), -1).astype(np.int32)
        first = np.full_like(cells[:1], -WHITE) if before is None else before
        change = np.abs(np.diff(cells, axis=0, prepend=first))
        found.append(np.stack([cells.max(axis=1), change.max(axis=1), change.mean(axis=1)]).astype(np.float32))
        before = cells[-1:]
    return np.concatenate(found, axis=1) if found else None


def _held(values: np.ndarray) -> np.ndarray:
    """Return values in which each NaN is the last number before it."""
    known = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    return np.nan_to_num(values[known])


def _longest(name: str, marked: np.ndarray, limit: float, fps: Fraction) -> Gate:
    """Return the gate of the longest stretch of marked frames, in seconds."""
    edges = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    if not len(edges):
        return Gate(name, 0.0, limit)
    first, last = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    seconds = float((last - first) / fps)
    whole = len(edges) == 1 and last - first >= len(marked) - 1
    where = "all of it" if whole else f"{timecode(int(first), fps)} to {timecode(int(last), fps)}"
    return Gate(name, round(seconds, 3), limit, f"{name} for {seconds:.1f} s, {where}" if seconds > limit else "")


def _struck(plan: Plan, frame: int) -> bool:
    """Say whether something is struck around a frame of a track, or a bar or its first frame begins there."""
    values, clock = plan.values, plan.values.clock
    around = slice(max(0, frame - NEAR), frame + NEAR + 1)
    strikes = values.outputs.get((hearing_node(plan.graph.nodes) or "", "onset"))
    if frame == 0 or (strikes is not None and np.any(strikes[around] > 0)):
        return True
    if clock.landmarks is None:
        return False
    beats = clock.landmarks.count("beat", np.array([frame - NEAR, frame + NEAR]) / float(clock.fps))
    return math.floor(beats[1]) > math.floor(beats[0])


def _seams(film: Film, change: np.ndarray) -> Gate:
    """Return how much more the picture changes at the borders of chunks than elsewhere, by medians."""
    edges = np.cumsum([chunk.count for _, chunk in film.parts])[:-1]
    inside = np.delete(change, edges - 1)
    # Chunks may be as long as bars are: what the music moves there is no seam.
    borders = np.array(
        [edge - 1 for edge, (plan, chunk) in zip(edges, film.parts[1:]) if not _struck(plan, chunk.start)]
    )
    if len(borders) < SEAMS or not len(inside) or not (usual := float(np.median(inside))):
        return Gate("seams", None, SEAM)
    found = round(float(np.median(change[borders])) / usual, 2)
    return Gate("seams", found, SEAM, f"changes {found:.1f} times as much where chunks meet" if found > SEAM else "")


def refuse_flaws(films: Iterable[Mapping[str, Any]]) -> None:
    """Raise a `RenderError` that names every gate that films break, by their records."""
    broken = [
        f"{Path(film['path']).name}: {gate['broken']}"
        for film in films
        for gate in film["gates"].values()
        if gate["holds"] is False
    ]
    broken += [
        f"{Path(film['path']).name}: {', '.join(unknown)} not measured; --force renders it again"
        for film in films
        if (unknown := unmeasured_gates(film["gates"]))
    ]
    if broken:
        raise RenderError("\n".join(broken) + "\nThe films are written; --strict fails the run for this.")
