"""How far a film follows its music: does its picture move where drums are struck, and change where sections begin?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.keys import digest_array
from n2s.graph.listening import hearing_node
from n2s.graph.wording import counted
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime.films.luminance import stored_luminance
from n2s.runtime.seeing.movement import Changes, Following, measure_following
from n2s.runtime.seeing.scenes import Layouts, find_cuts, join_scenes
from n2s.runtime.store import Store

KIND = "following"  # of what the store notes, so that a run that renders nothing need not measure again
DRUMS = ("kick", "snare")
FOLLOWS = 0.1  # the least correlation whose frames late are told: that of a weaker one is chance
WITH_SECTION_SECONDS = 0.5  # how far from the beginning of a section a scene begins with it

Parts = Sequence[tuple[Plan, Chunk]]


def follow_music(store: Store, parts: Parts) -> list[dict[str, Any]]:
    """Return, as plain data for each track of a film, how far it follows its music.

    Where the store lacks the luminance of a chunk, ``unknown`` says of how many of the frames, and nothing else is
    said. Without a node that hears the music there are scenes alone.
    """
    tracks = (list(of_track) for _, of_track in groupby(parts, key=lambda part: id(part[0])))
    return [_follow_track(store, of_track) for of_track in tracks]


def _follow_track(store: Store, parts: Parts) -> dict[str, Any]:
    """Return how far a track follows its music, as the store has noted it or measured now."""
    plan, start, stop = parts[0][0], parts[0][1].start, parts[-1][1].stop
    graph, clock, outputs = plan.graph, plan.values.clock, plan.values.outputs
    hearing = hearing_node(graph.nodes)
    heard = {
        drum: _during(outputs[hearing or "", drum], start, stop) for drum in DRUMS if (hearing or "", drum) in outputs
    }
    sections = None
    if hearing and clock.landmarks:
        begins = [round(time * clock.fps) for time, _ in clock.landmarks.sections[1:]]
        sections = [frame - start for frame in begins if start < frame < stop]
    title = graph.header.title or (graph.path.stem if graph.path else "")
    told: dict[str, Any] = {"track": title, "frames": stop - start}
    subject = {
        "segments": [chunk.key for _, chunk in parts],
        "heard": {drum: digest_array(strikes) for drum, strikes in heard.items()},
        "sections": sections,
        "code": code_digest(__name__),
    }
    if (found := store.noted(KIND, subject)) is None:
        changes, layouts, changed, unknown = Changes(), Layouts(clock.fps), [], 0
        for (_, chunk), luminance in zip(parts, stored_luminance(store, list(parts))):
            if luminance is None:
                unknown += chunk.count
            elif not unknown:
                changed.append(changes.of(luminance))
                layouts.add(luminance)
        if unknown:
            return told | {"unknown": unknown}
        change = np.concatenate(changed)
        scenes = join_scenes(layouts.scene_starts(), find_cuts(change, clock.fps), clock.fps)
        found = summarise_following(change, scenes, heard, sections, clock.fps)
        store.note(KIND, subject, found)
    return told | found


def _during(signal: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return a signal over some frames; behind the end of its track it is 0."""
    inside = signal[start:stop]
    return np.pad(inside, (0, stop - start - len(inside)))


def summarise_following(
    change: np.ndarray,
    scenes: Sequence[int],
    strikes: Mapping[str, np.ndarray],
    sections: Sequence[int] | None,
    fps: Fraction,
) -> dict[str, Any]:
    """Return, as plain data, how far changes follow strikes and sections.

    Parameters
    ----------
    change : ndarray (frames,)
    scenes : sequence of int
        The frame at which each scene begins.
    strikes : mapping of str to ndarray (frames,)
        The impulses of drums.
    sections : sequence of int or None
        The frames at which sections begin, but for the first one; None where nobody hears them.
    """
    found: dict[str, Any] = {"scenes": [round(float(frame / fps), 2) for frame in scenes]}
    for drum, signal in strikes.items():
        following = measure_following(change, signal, fps)
        found[drum] = {"strikes": int(np.count_nonzero(signal))} | _as_data(following)
    if sections is not None:
        signal = np.zeros(len(change))
        signal[list(sections)] = 1
        near = WITH_SECTION_SECONDS * fps
        met = sum(any(abs(scene - begin) <= near for scene in scenes[1:]) for begin in sections)
        # A section begins once in hundreds of frames, so the strongest changes are what it is about.
        following = measure_following(change, signal, fps, strongest=100)
        found["section"] = {"begin": len(sections), "with_scene": met} | _as_data(following)
    return found


def _as_data(following: Following | None) -> dict[str, Any]:
    return {"r": round(following.r, 3), "late": following.late} if following else {"r": None, "late": None}


def following_text(found: Mapping[str, Any]) -> str:
    """Return in words how far a track's film follows its music."""
    if "unknown" in found:
        said = f"{found['unknown']} of {found['frames']} frames were rendered before this was measured"
        return f"unknown how it follows its music: {said}; --force renders them again"
    followed = [
        f"{name}s {_felt(found[name])}" for name in (*DRUMS, "section") if found.get(name, {}).get("r") is not None
    ]
    scenes = counted(len(found["scenes"]), "scene")
    if begin := found.get("section", {}).get("begin"):
        met = f"{found['section']['with_scene']} of {counted(begin, 'change')} of section"
        scenes += f", with {met} (pictures that are lit alike are one scene)"
    # What is measured is movement: colours and light may follow as well, and are not seen by it.
    return (
        f"movement follows {', '.join(followed)} (colour and light are not counted); {scenes}" if followed else scenes
    )


def _felt(following: Mapping[str, Any]) -> str:
    r = round(following["r"], 2) + 0.0  # not -0.00
    return f"{r:.2f}{_late(following['late'])}" if r >= FOLLOWS else f"{r:.2f}"


def _late(frames: int) -> str:
    return f" ({counted(abs(frames), 'frame')} {'late' if frames > 0 else 'early'})" if frames else ""
