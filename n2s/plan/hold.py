"""How many frames of each stage are held from block to block, because the next block needs them again.

Frames are made in blocks. When a block of the end ends before frame ``last``, a stage is made up to ``last + after``,
and goes on from there in the next block. For that it reads ``before`` frames more of each of its sources, and these
must still be there. What a stage holds of its own it does not ask of its sources, so that only direct readers decide:
behind a window of frames the latents that they were decoded from are not held for the same window.
"""

from __future__ import annotations

from collections.abc import Iterable

from n2s.plan.stages import Stage


def held_frames(stages: Iterable[Stage]) -> dict[str, int]:
    """Return the number of frames that are held from block to block, for the stages that hold any."""
    stages = list(stages)
    back: dict[str, int] = {}  # from where on, in frames before the end of the block
    for reader in stages:
        for read in reader.reads.values():
            if read.picked:
                continue
            needed = read.before - reader.after
            back[read.stage] = max(back.get(read.stage, needed), needed)
    held = {stage.name: back.get(stage.name, 0) + stage.after for stage in stages}
    return {name: count for name, count in held.items() if count > 0}
