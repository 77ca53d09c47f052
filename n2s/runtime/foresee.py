"""What a run would render, and how long that may take, before anything is rendered."""

from __future__ import annotations

from dataclasses import dataclass

from n2s.runtime.executors.base import Task
from n2s.runtime.pace import Estimate
from n2s.runtime.rounds import causes_of, following_text
from n2s.runtime.run import Run


@dataclass(frozen=True)
class Foreseen:
    """What a run would do.

    Attributes
    ----------
    missing : set of str
        The keys of the chunks of its films to render.
    tasks : list of Task
        What renders them; none for those that a run before it renders on the way.
    measured : int
        How many frames are made to be measured alone: what a part of a film shows may depend on the whole film.
    estimate : Estimate or None
        How long all this may take; None where it is unknown, or where there is nothing to do.
    follows : str
        A sentence about what may come after that, and cannot be known before; "" without anything.
    """

    missing: set[str]
    tasks: list[Task]
    measured: int
    estimate: Estimate | None
    follows: str


def foresee(run: Run) -> Foreseen:
    """Plan a run, and the later ones that it renders chunks of; these are told that it does."""
    if not run.planned_ahead:
        run.plan()
    run.plan_later()
    run.check_targets()
    missing = run.planned.missing_chunks()
    tasks = run.planned.joined([task for task in missing if task.key not in run.done], run.done)
    for later in run.later:
        later.done.update(key for task in tasks for _, key in task.beside)
    alone = run.planned.measuring_alone(run.done)
    looked_at = sum(map(run.planned.looked_at, alone))
    expected, follows = run.estimate([*tasks, *alone]), following_text(causes_of(run.planned))
    return Foreseen({task.key for task in missing}, tasks, looked_at, expected, follows)
