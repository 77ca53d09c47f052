"""Plans and keys in words: how a film is made, and which input made a chunk stale."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.expressions import Expression
from n2s.graph.graph import Graph
from n2s.graph.types import FRAMES, LATENTS, Link
from n2s.graph.values import Values
from n2s.plan.film import Chunk, FilmPlan, node_digests
from n2s.runtime.films.films import Film
from n2s.runtime.run import Run
from n2s.runtime.seeing.differences import compare


def describe_film(run: Run, film: Film) -> dict[str, Any]:
    """Return how a film is made, and which of its chunks are in the store, as plain data."""
    plans = list({id(plan): plan for plan, _ in film.parts}.values())
    plan = plans[0]
    stored: dict[str, bool] = {}
    for _, chunk in film.parts:
        if chunk.key not in stored:
            stored[chunk.key] = run.store.find("segments", chunk.key, film.suffix) is not None
    missing = [chunk for _, chunk in film.parts if not stored[chunk.key]]
    done = run.maker.finished(film) is not None
    return {
        "film": film.path.name,
        "path": str(film.path),
        "title": film.title,
        "frames": film.frames,
        "seconds": float(film.frames / film.fps),
        "fps": str(film.fps),
        "size": list(plan.graph.header.size),
        "chunk_frames": plan.chunk_length,
        # An album's stages are those of its tracks.
        "joins": [chapter.title for chapter in film.chapters] if len(plans) > 1 else [],
        "stages": stages(plan) if len(plans) == 1 else [],
        "driven": list_driven(plan) if len(plans) == 1 else [],
        "chunks": [
            {"start": chunk.start, "stop": chunk.stop, "key": chunk.key, "stored": stored[chunk.key]}
            for _, chunk in film.parts
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
        "title": graph.header.title,
        "frames": clock.frames,
        "seconds": clock.duration,
        "fps": str(clock.fps),
        "size": list(graph.header.size),
        "tempo": clock.tempo,
        "signals": signals,
    }


def stages(plan: FilmPlan) -> list[dict[str, Any]]:
    """Return the stages of a chunk, in order."""
    nodes, found, fused = plan.graph.nodes, [], set()

    def kernel(root: str, to: str) -> None:
        fused_nodes = plan.kernel(root)
        if root not in fused and (fused_nodes.steps or to):
            fused.add(root)
            found.append(
                {"stage": "kernel", "nodes": list(fused_nodes.steps), "inputs": list(fused_nodes.inputs), "to": to}
            )

    for name in plan.order:
        node = nodes[name]
        if name in plan.fusion.cuts:
            kernel(name, "frames")
        if node.kind != "streamed":
            continue
        inputs = [link.node for port, link in node.links().items() if node.ports.get(port) is FRAMES]
        for source in inputs:
            if nodes[source].kind == "pointwise":
                kernel(source, "")
        makes = next(iter(type(node).outputs.values())).kind
        stage = "latents" if makes is LATENTS else "decoder" if LATENTS in node.ports.values() else "frames"
        found.append({"stage": stage, "node": name, "type": type(node).__name__, "details": _details(plan, name)})
    sink = plan.node
    kernel(sink.frames.node, f"yuv420p of {sink.depth} bits{', dithered' if sink.dither else ''}")
    coding = [f"H.264, crf {sink.crf}, {sink.preset}"] if hasattr(sink, "crf") else ["SHA-256 of every frame"]
    found.append({"stage": "sink", "node": plan.sink, "type": type(sink).__name__, "details": coding})
    return found


def _details(plan: FilmPlan, name: str) -> list[str]:
    texts = []
    if name in plan.grids:
        texts.append(f"{plan.grids[name][0]}x{plan.grids[name][1]} latents")
    if provider := node_digests(plan.graph, name, plan.scene).get("provider"):
        texts.append(f"on {provider}")
    before, after = plan.windows.get(name, (0, 0))
    if before or after:
        texts.append(f"sees {before} frames before and {after} after")
    return texts


def list_driven(plan: FilmPlan) -> list[dict[str, Any]]:
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
            found.append({"node": name, "field": field, "by": driver(plan, name, field), "range": reached})
    return found


def driver(plan: FilmPlan, name: str, field: str) -> str:
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
    run : Run
        Planned.
    """

    def __init__(self, run: Run):
        self.run = run
        self.kept: dict[str, dict[str, Any]] = {}
        self.by_start: dict[int, list[str]] = {}
        self.made: dict[str, float] = {}
        for entry in run.store.entries():  # before any chunk is looked for, which removes damaged ones
            recipe = run.store.recipe("segments", entry.key) if entry.kind == "segments" else None
            if recipe and isinstance(recipe.get("static"), dict):
                self.kept[entry.key] = recipe
                self.made[entry.key] = max((_changed(path) for path in entry.payloads), default=entry.used)
                self.by_start.setdefault(recipe["start"], []).append(entry.key)
        self.stale = {task.key for task in run.missing()}

    def film(self, film: Film, index: int | None = None) -> list[dict[str, Any]]:
        """Return a film's stale chunks with their causes, or one chunk whatever its state."""
        done = self.run.maker.finished(film) is not None
        chunks, passed = [], 0
        for i, (plan, chunk) in enumerate(film.parts):
            begin, passed = passed, passed + chunk.count
            if i != index and (index is not None or done or chunk.key not in self.stale):
                continue
            stored = self.run.store.find("segments", chunk.key, film.suffix) is not None
            causes, against = self._causes(plan, chunk) if not stored else ([], None)
            if stored:
                causes = [{"kind": "stored", "text": "it is in the store: nothing to render"}]
            elif done:
                causes = [
                    {"kind": "done", "text": "it is not in the store any more, and not needed: the film is up to date"}
                ]
            chunks.append({
                "film": film.path.name, "chunk": i, "start": chunk.start, "stop": chunk.stop,
                "from": float(begin / film.fps), "to": float(passed / film.fps), "key": chunk.key,
                "stored": stored, "against": against, "causes": causes,
            })  # fmt: skip
        return chunks

    def _causes(self, plan: FilmPlan, chunk: Chunk) -> tuple[list[dict[str, Any]], str | None]:
        """Return the causes, and the key of the stored chunk that the new one was compared with."""
        if chunk.key in self.kept:
            return [
                {"kind": "damaged", "text": "it was rendered before, but the stored result is damaged or gone"}
            ], chunk.key
        names = [*plan.order, plan.sink]
        recipe = {**chunk.recipe, "static": plan.static}
        best: tuple[Any, str, list] | None = None
        for key in [*self.by_start.get(chunk.start, ()), *self._at_other_rates(plan, chunk)]:
            found = compare(self.kept[key], recipe, names)
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
        margins = {f"{names[int(at)]}.{field}": (before, after)
                   for name, _, before, after in plan.driven for at, _, field in [name.partition(".")]}  # fmt: skip
        causes = []
        for cause in best[2]:
            if cause["kind"] == "signal":
                before, after = margins[cause["subject"]]
                by = driver(plan, *cause["subject"].rsplit(".", 1))
                text = f"{cause['subject']} (driven by {by}) has other values"
                stop = min(plan.values.clock.frames, chunk.stop + after)
                cause = cause | {"text": text, "start": max(0, chunk.start - before), "stop": stop}
            elif cause.get("is") == "driven":
                cause = cause | {"text": cause["text"] + f" by {driver(plan, *cause['subject'].rsplit('.', 1))}"}
            causes.append(cause)
        return causes, best[1]

    def _at_other_rates(self, plan: FilmPlan, chunk: Chunk) -> list[str]:
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
