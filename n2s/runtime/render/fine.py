"""Signals at the rate of the analysis: what moves by itself does so alike at every frame rate of a film.

A node whose ``rate`` is "fine" is computed at 86 values per second, as all signals are that it reads, and pooled to the
film's frames by their mean, as music is. Signals that only exist for frames, numbers of a measure for instance, run
straight between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.graph.values import Values, quantise
from n2s.graph.walks import needed_by
from n2s.hearing.pooling import pool

HOP, MUSIC = 512, 44100
RATE = Fraction(MUSIC, HOP)  # values per second: the rows of music at 44.1 kHz, and fewer than at any higher rate

Compute = Callable[[str, Scene, Values], None]  # computes a resident node, and puts what it gives into the values


class FineSignals:
    """The signals of a graph at the fine rate, computed where something asks for them."""

    def __init__(self, graph: Graph, scene: Scene, values: Values, compute: Compute):
        self._graph, self._film, self._compute = graph, values, compute
        self._scene = replace(scene, clock=fine_clock(values.clock))
        self._values = Values(self._scene.clock, kept=values.kept)

    def at_frames(self, name: str) -> dict[str, np.ndarray]:
        """Return the signals of a node at the film's frames, by output."""
        needed = needed_by([name], self._graph.sources())
        for other in self._graph.order:
            if other in needed:
                self._have(other)
        film, outputs = self._film.clock, type(self._graph.nodes[name]).outputs
        signals = {output: self._values.outputs[name, output] for output in outputs}
        return {output: pool(signal, HOP, MUSIC, film.fps, film.frames) for output, signal in signals.items()}

    def _have(self, name: str) -> None:
        node = self._graph.nodes[name]
        outputs = list(type(node).outputs)
        if all((name, output) in self._values.outputs for output in outputs):
            return
        if node.kind == "resident" and node.rate != "film":
            self._compute(name, self._scene, self._values)
            return
        film, fine = self._film.clock, self._scene.clock
        for output in outputs:
            value = self._film.outputs[name, output]
            if isinstance(value, np.ndarray):
                value = _along(value, film.times(0, film.frames), fine.times(0, fine.frames))
            self._values.outputs[name, output] = value


def _along(signal: np.ndarray, times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return a signal (T,) or (T, K) at other times, along straight lines."""
    columns = signal.reshape(len(signal), -1).T.astype(np.float64)
    found = np.stack([np.interp(wanted, times, column) for column in columns], axis=-1)
    return quantise(found.reshape(len(wanted), *signal.shape[1:]))


def fine_clock(film: Clock) -> Clock:
    """Return the clock of the fine rate over the length of a film."""
    return replace(film, fps=RATE, frames=int(np.ceil(film.duration * float(RATE))) + 1, film=film)


def is_fine(node: Any) -> bool:
    """Say whether a node is computed at the fine rate."""
    return node.kind == "resident" and node.rate == "fine"
