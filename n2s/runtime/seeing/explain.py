"""Plans and keys in words: how a film is made, and which input made a chunk stale."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.context import SKETCH
from n2s.graph.expressions import Expression
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.time import chunk_spans
from n2s.graph.types import LATENTS
from n2s.graph.values import Values
from n2s.plan.formats import coding_of
from n2s.plan.hold import held_frames
from n2s.plan.keys import Chunk, node_digests
from n2s.plan.stages import Plan, Stage
from n2s.runtime.films.films import Film
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.render.kept import KIND
from n2s.runtime.render.picking import MOST_HELD
from n2s.runtime.seeing.differences import compare
from n2s.runtime.seeing.sizes import kept_sizes
from n2s.runtime.store import SEGMENTS, Store

MOSTLY = 0.5  # of the frames


def describe_film(planned: PlannedFilms, film: Film) -> dict[str, Any]:
    """Return how a film is made, and which of its chunks are in the store, as plain data."""
    plans, stored = film.plans, planned.stored(film)
    plan = plans[0]
    missing = [chunk for (_, chunk), there in zip(film.parts, stored) if not there]
    done = planned.finished(film) is not None
    return {
        "film": planned.names[film.path],
        "path": str(film.path),
        "title": film.title,
        "frames": film.frames,
        "seconds": float(film.frames / film.fps),
        "fps": str(film.fps),
        "size": list(plan.graph.header.size),
        "chunk_frames": plan.chunk_length,
        "shares": planned.sharing[planned.names[film.path]],
        # An album's stages are those of its tracks.
        "joins": [chapter.title for chapter in film.chapters] if len(plans) > 1 else [],
        "stages": stages(plan, planned.store) if len(plans) == 1 else [],
        "driven": list_driven(plan) if len(plans) == 1 else [],
        "measures": list_measures(plan) if len(plans) == 1 else [],
        "kept": kept_sizes(plan.values for plan in plans),
        "chunks": [
            {"start": chunk.start, "stop": chunk.stop, "key": chunk.key, "stored": there}
            for (_, chunk), there in zip(film.parts, stored)
        ],
        "stored": len(film.parts) - len(missing),
        "to_render": 0 if done else len(missing),
        "frames_to_render": 0 if done else sum(chunk.count for chunk in missing),
        "up_to_date": done,
    }


def describe_analysis(graph: Graph, values: Values) -> dict[str, Any]:
    """Return the length and tempo of a graph without a film, and the range of every signal."""
    clock, signals = values.clock, []
    for (name, output), value in values.outputs.items():
        if isinstance(value, np.ndarray) and type(graph.nodes[name]).__name__ != "Formula":
            columns = value.shape[1] if value.ndim == 2 else 0
            several = len(type(graph.nodes[name]).outputs) > 1
            reached = [float(value.min()), float(value.max())] if value.size else [0.0, 0.0]
            signals.append({"signal": f"{name}.{output}" if several else name, "columns": columns, "range": reached})
    return {
        "film": None,
        "name": graph.path.stem if graph.path else "",
        "title": graph.header.title,
        "frames": clock.frames,
        "seconds": clock.duration,
        "fps": str(clock.fps),
        "size": list(graph.header.size),
        "tempo": clock.tempo,
        "signals": signals,
        "kept": kept_sizes([values]),
    }


def stages(plan: Plan, store: Store | None = None) -> list[dict[str, Any]]:
    """Return the stages of a plan, as plain data, in their order; ``store`` tells which frames are kept."""
    return [_describe_stage(plan, stage, store) for stage in plan.stages]


def _describe_stage(plan: Plan, stage: Stage, store: Store | None) -> dict[str, Any]:
    node = plan.graph.nodes[stage.node]
    about = {
        "stage": _stage_kind(stage, node),
        "name": stage.name,
        "nodes": list(stage.nodes),
        "type": type(node).__name__,
        "reads": {port: vars(read) for port, read in stage.reads.items()},
        "makes": stage.makes,
        "size": stage.size,
        "grid": stage.grid,
        "shown": stage.framing.shown if stage.framing else stage.grid,
        "before": stage.before,
        "after": stage.after,
        "kept": stage.keep,
        "recipe": plan.keys.digest_of(stage.name),
        "details": _details(plan, stage, store),
    }
    if stage.part:
        about["part"] = stage.part
    if stage.kernel:
        kernel = stage.kernel
        shown: dict[str, Any] = {
            "nodes": list(kernel.nodes),
            "steps": list(kernel.steps),
            "inputs": list(kernel.inputs),
        }
        if kernel.lensings:
            shown["lenses"] = [list(lensing.lenses) if lensing else [] for lensing in kernel.lensings]
        about["kernel"] = shown
    return about


def _stage_kind(stage: Stage, node: Any) -> str:
    if stage.makes == "codes":
        return "sink"
    if stage.kernel:
        return "kernel" if stage.kernel.nodes else "fit"
    if stage.part:
        return stage.part
    if stage.is_picked:
        return "pick"
    return "decoder" if LATENTS in node.ports.values() and stage.makes == "frames" else stage.makes


def _details(plan: Plan, stage: Stage, store: Store | None) -> list[str]:
    if stage.makes == "codes":
        return [str(plan.pixels), coding_of(plan.graph, plan.end)]
    texts = []
    if stage.part or (stage.kernel and not stage.kernel.nodes):
        texts.append("x".join(map(str, cast(Any, stage.size))))
    if stage.kernel and not stage.kernel.nodes:
        return texts
    if stage.grid:
        texts.append(f"{stage.grid[0]}x{stage.grid[1]} latents")
    if stage.framing:
        texts.append(f"shows {stage.framing.shown[0]}x{stage.framing.shown[1]} of them, moved by parts of a cell")
    files = node_digests(plan.graph, stage.node, stage.scene_in(plan.scene))
    if detail := files.get("detail"):
        texts.append("the model's sketch" if detail == SKETCH else f"the finer decoder {detail}")
    if provider := files.get("provider"):
        texts.append(f"on {provider}" + (", like the kernels after it" if "back_end" in files else ""))
    if stage.is_picked:
        texts.append(_picked_words(plan, stage))
    before, after = max(((read.before, read.after) for read in stage.reads.values()), default=(0, 0))
    if stage.ages:
        texts.append(f"reads {len(stage.ages)} frames, the oldest {before} before; {_held(plan, stage)}")
    elif before or after:
        texts.append(f"sees {before} frames before and {after} after")
    if stage.keep:
        texts.append("frames are kept" + (f": {_chunks_kept(plan, stage, store)}" if store else ""))
    return texts


def _picked_words(plan: Plan, stage: Stage) -> str:
    """Say how many frames a stage shows, of how many of its pictures, and how old they get."""
    picks = plan.keys.picked(stage.node)
    shown = {(port, frame) for port, frame in zip(picks.port.tolist(), picks.frame.tolist()) if port >= 0}
    width, height = cast(Any, stage.size)
    return (
        f"shows {len(shown)} frames, the oldest {picks.oldest} before; "
        f"at most {MOST_HELD} of {12 * width * height / 1e6:.3g} MB are held"
    )


def _held(plan: Plan, stage: Stage) -> str:
    """Say what an echo holds in memory of the past frames that it reads."""
    (read,) = stage.reads.values()
    source = next(other for other in plan.stages if other.name == read.stage)
    width, height = source.size or plan.graph.header.size
    return f"{held_frames(plan.stages).get(source.name, 0)} of {12 * width * height / 1e6:.3g} MB are held"


def _chunks_kept(plan: Plan, stage: Stage, store: Store) -> str:
    """Say of how many of a film's chunks the store has a stage's frames, without reading them."""
    spans = chunk_spans(0, plan.values.clock.frames, plan.chunk_length)
    keys = [plan.keys.chunk(start, stop, stage.name).key for start, stop in spans]
    found = sum(store.path(KIND, key, ".json").is_file() for key in keys)
    return f"{found} of {len(keys)} chunks"


def list_driven(plan: Plan) -> list[dict[str, Any]]:
    """Return the parameters and ports that signals drive: what drives each, and the range it reaches."""
    found = []
    for name in plan.order:
        node = plan.graph.nodes[name]
        fields = [field for field in node.params() if np.ndim(plan.values.params[name, field])]
        values = {field: plan.values.params[name, field] for field in fields}
        for field, link in node.links().items():
            if field in node.ports and not node.ports[field].streamed:
                values[field] = plan.values.read(link)
        for field, signal in values.items():
            reached = [float(signal.min()), float(signal.max())]
            told = {"node": name, "field": field, "by": driver(plan, name, field), "range": reached}
            found.append(told | {"held": held_at_most(signal)})
    return found


def held_at_most(signal: np.ndarray) -> float:
    """Return for which share of the frames a signal stands at its largest value; 0 where that is less than `MOSTLY`."""
    if signal.ndim != 1:
        return 0.0
    share = float((signal == signal.max()).mean())
    return round(share, 3) if share >= MOSTLY else 0.0


def list_measures(plan: Plan) -> list[dict[str, Any]]:
    """Return what the measures of a film's graph cost: frames looked at, of what these are made, and what was stored.

    ``on_the_way``: it looks at frames while the film is rendered. ``unkept`` are the nodes of which the measure needs
    all frames, as the film does, and the store keeps none.
    """
    frames, nodes = plan.values.clock.frames, plan.graph.nodes
    return [
        {
            "node": name,
            "type": type(nodes[name]).__name__,
            "frames": measured.frames,
            "stored": measured.stored,
            "share": measured.frames / frames,
            "on_the_way": (on_the_way := type(nodes[name]).unmeasured is not None),
            "sources": {} if on_the_way else dict(measured.sources),
            "unkept": [
                node
                for node, count in measured.sources.items()
                if count == frames and nodes[node].ports and not nodes[node].cache and not on_the_way
            ],
        }
        for name, measured in plan.values.measured.items()
    ]


def driver(plan: Plan, name: str, field: str) -> str:
    """Return what drives a parameter or port, as it is written in the graph."""
    value = getattr(plan.graph.nodes[name], field)
    if isinstance(value, Link):
        source = plan.graph.nodes[value.node]
        if type(source).__name__ == "Formula":  # stands for an expression written at the port
            value = source.value
    return f"= {value}" if isinstance(value, Expression) else str(value)


class Explainer:
    """Says why chunks are stale, by the recipes of what the store keeps.

    Parameters
    ----------
    planned : PlannedFilms
    """

    def __init__(self, planned: PlannedFilms):
        self.planned, store = planned, planned.store
        self.kept: dict[str, dict[str, Any]] = {}
        self.by_start: dict[int, list[str]] = {}
        self.made: dict[str, float] = {}
        for entry in store.entries():  # before any chunk is looked for, which removes damaged ones
            recipe = store.recipe(SEGMENTS, entry.key) if entry.kind == SEGMENTS else None
            if recipe and isinstance(recipe.get("static"), dict):
                self.kept[entry.key] = recipe
                self.made[entry.key] = max((_changed(path) for path in entry.payloads), default=entry.used)
                self.by_start.setdefault(recipe["start"], []).append(entry.key)
        self.stale = {key for task in planned.tasks() for key in task.keys}

    def film(self, film: Film, index: int | None = None) -> list[dict[str, Any]]:
        """Return a film's stale chunks with their causes, or one chunk whatever its state."""
        done, there = self.planned.finished(film) is not None, self.planned.stored(film)
        chunks, passed = [], 0
        for i, (plan, chunk) in enumerate(film.parts):
            begin, passed = passed, passed + chunk.count
            if i != index and (index is not None or done or chunk.key not in self.stale):
                continue
            stored = there[i]
            causes, against = self._causes(plan, chunk) if not stored else ([], None)
            if stored:
                causes = [{"kind": "stored", "text": "it is in the store: nothing to render"}]
            elif done:
                causes = [
                    {"kind": "done", "text": "it is not in the store any more, and not needed: the film is up to date"}
                ]
            chunks.append({
                "film": self.planned.names[film.path], "path": str(film.path),
                "chunk": i, "start": chunk.start, "stop": chunk.stop,
                "from": float(begin / film.fps), "to": float(passed / film.fps), "key": chunk.key,
                "stored": stored, "against": against, "causes": causes,
            })  # fmt: skip
        return chunks

    def _causes(self, plan: Plan, chunk: Chunk) -> tuple[list[dict[str, Any]], str | None]:
        """Return the causes, and the key of the stored chunk that the new one was compared with."""
        if chunk.key in self.kept:
            return [
                {"kind": "damaged", "text": "it was rendered before, but the stored result is damaged or gone"}
            ], chunk.key
        names = [stage.node for stage in plan.nodes]
        picks = [stage.node for stage in plan.nodes if stage.is_picked]
        recipe = {**chunk.recipe, "static": plan.keys.static}
        best: tuple[Any, str, list] | None = None
        for key in [*self.by_start.get(chunk.start, ()), *self._at_other_rates(plan, chunk)]:
            found = compare(self.kept[key], recipe, names, picks)
            if found is not None:
                rank = (found.static, self.kept[key]["stop"] != chunk.stop, len(found.causes), -self.made[key], key)
                if best is None or rank < best[0]:
                    best = (rank, key, found.causes)
        if best is None:
            return [
                {
                    "kind": "new",
                    "text": "it was never rendered before: the store has nothing similar for these frames",
                }
            ], None
        spans = {}
        for signal in plan.keys.signals:
            place, _, field = signal.name.partition(".")
            spans[f"{names[int(place)]}.{field}"] = plan.keys.span(signal, chunk.start, chunk.stop)
        causes = []
        for cause in best[2]:
            moves = cause["kind"] == "constant" and cause["subject"] in spans and cause["is"] != "driven"
            if cause["kind"] == "signal" or moves:
                start, stop = spans[cause["subject"]]
                by = driver(plan, *cause["subject"].rsplit(".", 1))
                text = f"{cause['subject']} (driven by {by}) has other values"
                cause = cause | {"text": text, "start": start, "stop": stop}
            elif cause.get("is") == "driven":
                cause = cause | {"text": cause["text"] + f" by {driver(plan, *cause['subject'].rsplit('.', 1))}"}
            causes.append(cause)
        return causes, best[1]

    def _at_other_rates(self, plan: Plan, chunk: Chunk) -> list[str]:
        """Return the stored chunks of other frame rates that overlap this one in time."""
        fps, found = plan.graph.header.fps, []
        for key, recipe in self.kept.items():
            rate = recipe["static"].get("fps")
            if rate and rate != str(fps):
                rate = Fraction(rate)
                if recipe["start"] * fps < chunk.stop * rate and chunk.start * rate < recipe["stop"] * fps:
                    found.append(key)
        return found


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
