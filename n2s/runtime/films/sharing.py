"""Which chunks of several films are rendered by one task: those of the same frames, which are then made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from n2s.plan.fuse import fuse
from n2s.plan.keys import key
from n2s.plan.shared import codes_alike, last_shared, sources
from n2s.plan.stages import Plan
from n2s.runtime.executors.base import Task

MOST = 6  # films that one task makes at most: each has an encoder and memory of its own, whatever --jobs says


def join_tasks(tasks: Sequence[Task], others: Sequence[Task], plans: Sequence[Plan]) -> list[Task]:
    """Return tasks, those of which show the same frames of a decoder or another source made one.

    Frames are the same where a source's key is, over the chunk's own frames. Chunks of other lengths, which other
    settings of ``chunk`` make, have tasks of their own. What more than `MOST` films show, several tasks make.

    Parameters
    ----------
    tasks : sequence of Task
        One for each chunk to render.
    others : sequence of Task
        Chunks that are rendered only where one of ``tasks`` makes their frames.
    plans : sequence of Plan
        By the numbers that all of them have for them.
    """
    numbers = {task.plan for task in (*tasks, *others)}
    if len(numbers) < 2:  # chunks of one plan have no frames in common
        return list(tasks)
    joined: list[Task] = []
    places: dict[tuple[int, int, str], int] = {}  # of tasks by their frames and what these are made of
    names = _Sources({number: plans[number] for number in numbers})
    for task, is_wanted in (*((task, True) for task in tasks), *((task, False) for task in others)):
        found = [(task.start, task.stop, name) for name in names.of(task)]
        place = next((places[each] for each in found if each in places), None)
        if place is not None and len(joined[place].beside) < MOST - 1:
            joined[place] = replace(joined[place], beside=(*joined[place].beside, (task.plan, task.key)))
        elif is_wanted:
            places.update(dict.fromkeys(found, len(joined)))
            joined.append(task)
    return joined


class _Sources:
    """Names what chunks are made of, where plans have the same sources."""

    def __init__(self, plans: Mapping[int, Plan]):
        self._plans = plans
        self._sources = {
            number: {stage.name: (plan.keys.digest_of(stage.name), stage.size) for stage in sources(plan)}
            for number, plan in plans.items()
        }
        self._count = Counter(digest for found in self._sources.values() for digest, _ in set(found.values()))

    def of(self, task: Task) -> list[str]:
        """Return what names the frames of each source of a task that another plan has, too."""
        plan = self._plans[task.plan]
        return [
            f"{plan.keys.chunk(task.start, task.stop, name).key} {size}"
            for name, (digest, size) in self._sources[task.plan].items()
            if self._count[digest] > 1
        ]


def sharing_plans(plans: Mapping[int, Plan], tasks: Iterable[Task]) -> dict[int, Plan]:
    """Return plans, by their numbers, whose kernels end where tasks share frames; bits and keys stay as they are."""
    beside: dict[int, dict[int, None]] = {}  # for each plan those that others of its tasks' chunks have
    for numbers in dict.fromkeys(tuple(number for number, _ in task.chunks) for task in tasks if task.beside):
        for number in numbers:
            beside.setdefault(number, {}).update(dict.fromkeys(numbers))
    made = dict(plans)
    for number, others in beside.items():
        plan = plans[number]
        differing = [plans[other] for other in others if not codes_alike(plan, plans[other])]
        if shared := last_shared(plan, differing):
            made[number] = key(fuse(plan, shared=shared))
    return made
