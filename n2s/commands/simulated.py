"""n2s plan --simulate: how long films take on machines that one does not have yet, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.timecodes import minutes

# Imported inside functions is what help and completion do not need, so that these start fast.

OPTION = "--simulate"
KINDS = {"workers": ("cpu", "price"), "gpu": ("cuda", "gpu_price")}
BUSY = 0.7  # from this share on, workers are worth their price
AROUND = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the workers asked for, in the table of a catalogue


@dataclass(frozen=True)
class Asked:
    """What is to be simulated.

    Attributes
    ----------
    workers, gpu : int
        Workers with one thread of a processor, and those with a card; 0 for none.
    tracks : int
        How many films a catalogue has, like those of the graph; 0 for no table.
    homes : int
        How many of them are heard, planned and joined at the same time.
    price, gpu_price : float
        Of a worker for an hour.
    """

    workers: int = 0
    gpu: int = 0
    tracks: int = 0
    homes: int = 1
    price: float = 0.0
    gpu_price: float = 0.0


def read_asked(text: str) -> Asked:
    """Read "workers=64,gpu=8,tracks=10000"."""
    values: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        try:
            number = (float if "price" in name else int)(value)
            if name not in Asked.__dataclass_fields__ or not equals or not 0 <= number <= 10**7:  # no NaN either
                raise ValueError
        except ValueError:
            names = ", ".join(Asked.__dataclass_fields__)
            raise ArgumentError(
                f'{OPTION} takes numbers by name, like workers=64,gpu=8,tracks=10000, not "{part}". There are: {names}.'
            ) from None
        if name in values:
            raise ArgumentError(f"{OPTION} names {name} twice: {text}.")
        values[name] = number
    asked = Asked(**values)
    if not asked.workers and not asked.gpu or asked.homes < 1:
        raise ArgumentError(f"{OPTION} takes at least one worker: workers=64, or gpu=8, and at least one of homes.")
    return asked


def simulate(planned: Any, asked: Asked) -> dict[str, Any]:
    """Return what the graph's films, all of their chunks, take on each kind of worker, as plain data.

    Raises
    ------
    RenderError
        When such frames were never rendered here.
    """
    from n2s.runtime.costs import known_costs
    from n2s.runtime.forecast import Film, forecast

    found: dict[str, Any] = {"films": list(planned.names.values()), "kinds": [], "catalogue": []}
    tasks = planned.joined(planned.all_chunks())
    of_tasks = [tuple(number for number, _ in task.chunks) for task in tasks]  # the plans that each makes chunks of
    for name, (kind, price) in KINDS.items():
        count = getattr(asked, name)
        if not count:
            continue
        known = {
            made: known_costs(planned.store, [planned.plans[number] for number in made], kind, count)
            for made in dict.fromkeys(of_tasks)
        }
        costs = {made: cost for made, cost in known.items() if cost is not None}
        if len(costs) < len(known):
            found["kinds"].append({"workers": count, "kind": name, "costs": None})
            continue
        chunks = [(task.stop - task.start) * costs[made].frame for task, made in zip(tasks, of_tasks)]
        first = next(iter(costs.values()))
        frames = sum(film.frames for film in planned.films)
        run = Film(frames * (first.planning + first.hearing), tuple(chunks), frames * first.joining)
        each = _row(forecast([run], count, first.opening), getattr(asked, price))
        found["kinds"].append({"kind": name, "costs": vars(first) | {"frame": first.frame}, **each})
        if asked.tracks:
            apart = all(len(made) == 1 for made in costs)
            of_plan = {id(planned.plans[made[0]]): cost for made, cost in costs.items()}
            films = [film for film in planned.films if len(film.plans) == 1 and apart]
            tracks = [_track(film, of_plan[id(film.plans[0])]) for film in films] or [run]
            catalogue = [tracks[i % len(tracks)] for i in range(asked.tracks)]
            for workers in dict.fromkeys(max(1, round(count * share)) for share in AROUND):
                made = forecast(catalogue, workers, first.opening, asked.homes)
                found["catalogue"].append({"kind": name, **_row(made, getattr(asked, price))})
    if all(each["costs"] is None for each in found["kinds"]):
        raise RenderError(
            "What such frames cost is not known yet. Render some first, in the same size: n2s run … --to 10; kinds of "
            "workers that this store has seen no run of cannot be simulated."
        )
    return found


def _track(film: Any, its: Any) -> Any:
    from n2s.runtime.forecast import Film

    chunks = tuple(chunk.count * its.frame for _, chunk in film.parts)
    return Film(film.frames * (its.planning + its.hearing), chunks, film.frames * its.joining)


def _row(made: Any, price: float) -> dict[str, Any]:
    return {
        "workers": made.workers,
        "seconds": made.seconds,
        "busy": made.busy,
        "opening_hours": made.opening / 3600,
        "waiting_hours": made.waiting / 3600,
        "worker_hours": made.worker_hours,
        "cost": made.worker_hours * price if price else None,
    }


def text(found: dict[str, Any], asked: Asked) -> list[str]:
    """Return it in lines."""
    lines = [f"{', '.join(found['films'])}: all chunks, as if none were in the store"]
    for each in found["kinds"]:
        if each["costs"] is None:
            lines.append(f"  {_workers(each):16} unknown: this store has seen no run of such frames by them")
            continue
        costs = each["costs"]
        stages = ", ".join(f"{name} {1000 * spent:.3g}" for name, spent in costs["stages"].items() if spent >= 1e-5)
        home = 1000 * (costs["planning"] + costs["hearing"] + costs["joining"])
        lines += [
            f"  {_workers(each):16} {_line(each)}",
            f"  {'':16} a frame takes {1000 * costs['frame']:.3g} ms ({stages}) and {home:.2g} ms at home; a worker "
            f"begins after {costs['opening']:.1f} s",
            f"  {'':16} measured with {costs['jobs']} at the same time on {costs['processors']} processors",
        ]
    if found["catalogue"]:
        where = "one after the other" if asked.homes == 1 else f"{asked.homes} at the same time"
        lines += ["", f"{asked.tracks:,} tracks like these, {where}"]
        lines += [f"  {_workers(each):16} {_line(each)}" for each in found["catalogue"]]
        lines += _advice(found["catalogue"], asked)
    return lines


def _advice(rows: list[dict[str, Any]], asked: Asked) -> list[str]:
    """Return what would keep workers busy that are not, in lines."""
    whose: dict[tuple[str, str], list[str]] = {}
    for each in rows:
        if each["busy"] < BUSY:
            whose.setdefault((_noun(each), _cure(each, asked)), []).append(f"{each['workers']:,}")
    return [f"  {' or '.join(counts)} {noun}: {cure}" for (noun, cure), counts in whose.items()]


def _cure(each: dict[str, Any], asked: Asked) -> str:
    if each["opening_hours"] > each["waiting_hours"]:
        return "the rest is mostly opening models and kernels, by each of them for each track. Fewer would open less."
    if asked.homes < asked.tracks:
        return "the rest is mostly waiting for tracks to be heard, planned and joined. Take more homes."
    return "the rest is mostly waiting, though all tracks are made at the same time. Fewer would be busier."


def _workers(each: dict[str, Any]) -> str:
    return f"{each['workers']:,} {_noun(each)}"


def _noun(each: dict[str, Any]) -> str:
    if each["kind"] == "gpu":
        return "with a card"
    return "worker" if each["workers"] == 1 else "workers"


def _line(each: dict[str, Any]) -> str:
    hours = f"{each['worker_hours']:,.0f}" if each["worker_hours"] >= 100 else f"{each['worker_hours']:.2f}"
    cost = f", costs {each['cost']:,.2f}" if each["cost"] is not None else ""
    return f"{span_text(each['seconds']):>9}, {hours} worker hours, {each['busy']:.0%} busy{cost}"


def span_text(seconds: float) -> str:
    """Return a time in words: "1:23", "5:04 h", "2.3 days"."""
    if seconds < 3600:
        return minutes(seconds, 0)
    if seconds < 48 * 3600:
        whole = round(seconds / 60)
        return f"{whole // 60}:{whole % 60:02d} h"
    return f"{seconds / 86400:.1f} days"
