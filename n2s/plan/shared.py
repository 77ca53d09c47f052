"""What plans of several films have in common: stages with the same value, known by their keys.

Films of one graph, and of one graph under several profiles, may show the same frames, or frames that differ at the end
of the chain alone. Whatever names a stage's value in the store says here that two plans make the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from n2s.plan.stages import Plan, Stage


def sources(plan: Plan) -> list[Stage]:
    """Return the stages of nodes that make pictures of what are none: decoders, files, pixel code without a picture."""
    pictures = {stage.name for stage in plan.nodes if stage.is_picture}
    return [
        stage
        for stage in plan.nodes
        if stage.is_picture and not any(read.stage in pictures for read in stage.reads.values())
    ]


def codes_alike(plan: Plan, other: Plan) -> bool:
    """Say whether the codes that two sinks store are the same, as far as signals are."""
    return _coded(plan) == _coded(other)


def _coded(plan: Plan) -> list[Any]:
    reads = plan.nodes[-1].reads
    return [plan.pixels, *((port, plan.keys.digest_of(read.stage)) for port, read in sorted(reads.items()))]


def have_same_codes(plan: Plan, other: Plan, start: int, stop: int) -> bool:
    """Say whether the codes of frames start..stop are the same for two sinks."""
    mine, theirs = plan.nodes[-1].reads, other.nodes[-1].reads
    return codes_alike(plan, other) and all(
        plan.keys.chunk(start, stop, read.stage).key == other.keys.chunk(start, stop, theirs[port].stage).key
        for port, read in mine.items()
    )


def last_shared(plan: Plan, others: Iterable[Plan]) -> frozenset[str]:
    """Return the last stages whose pictures other plans have too, as far as signals are the same.

    Something that the others do not have reads each of them: there a kernel must end whose frames are to be shared.
    """
    theirs = {other.keys.digest_of(stage.name) for other in others for stage in other.nodes if stage.is_picture}
    shared = {stage.name for stage in plan.nodes if stage.is_picture and plan.keys.digest_of(stage.name) in theirs}
    return frozenset(
        read.stage
        for stage in plan.nodes
        if stage.name not in shared
        for read in stage.reads.values()
        if read.stage in shared and not (read.composed or read.picked)
    )


def borrowed(
    plan: Plan, stages: Sequence[Stage], other: Plan, others: Sequence[Stage], start: int, stop: int
) -> Iterator[tuple[str, str, int, int]]:
    """Yield which stages of a plan may take their frames from those of another one while frames start..stop are made.

    Parameters
    ----------
    stages, others : sequence of Stage
        Those of the two plans that are made together; only the last that are the same on the way to the end are told.

    Yields
    ------
    (str, str, int, int)
        The stage, that of the other plan, and the frames from one up to another in which they are the same.
    """
    theirs = {_identity(other, stage): stage for stage in others if stage.is_picture}
    same: dict[str, tuple[str, int, int]] = {}
    for stage in stages:
        found = theirs.get(_identity(plan, stage)) if stage.is_picture else None
        if found is None:
            continue
        length = plan.values.clock.frames
        first = max(0, start - max(stage.before, found.before))
        last = max(stop, min(length, stop + max(stage.after, found.after)))
        if _key(plan, stage, first, last) == _key(other, found, first, last):
            same[stage.name] = found.name, first, last
    read = {read.stage for stage in stages if stage.name not in same for read in stage.reads.values()}
    for name in same:
        if name in read:
            yield name, *same[name]


def _identity(plan: Plan, stage: Stage) -> tuple[Any, ...]:
    return plan.keys.digest_of(stage.name), stage.makes, stage.size, stage.grid, stage.part


def _key(plan: Plan, stage: Stage, start: int, stop: int) -> str:
    return plan.keys.chunk(start, stop, stage.name).key
