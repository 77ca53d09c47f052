"""Pictures seen through lenses, without a graph: the program of one sample, and what its run is given."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from n2s.graph.declare import Lens
from n2s.plan.stages import Kernel, Lensing
from n2s.runtime.render.kernels import (
    MOMENTS,
    Picture,
    Program,
    compile_program,
    dither_pattern,
    program_of,
    uniform_names,
)

Through = list[tuple[Lens, dict[str, Any]]]  # in the film's order


def lens(cls: type[Lens], edge: str = "mirror", **numbers: Any) -> tuple[Lens, dict[str, Any]]:
    """Return a lens and those of its parameters that are not at their defaults.

    A parameter is one number, a list of one for each frame, or a pair (opened, closed): what it is at both ends of an
    open shutter, in every frame.
    """
    return cls(edge=edge), numbers


def through(lenses: Through, size: tuple[int, int], frames: int = 2) -> tuple[Program, dict[str, Any]]:
    """Return the program of lenses that follow each other, and arguments of a run: random pictures beyond 0..1.

    Pictures that lenses look at beside come before the one that is seen.
    """
    nodes = {f"lens{i}": node for i, (node, _) in enumerate(lenses)}
    lensing, pictures = [], []
    for name, node in reversed(nodes.items()):
        beside = [*range(len(pictures), len(pictures) + len(type(node).ports) - 1)]
        pictures += [f"other{i}" for i in beside]
        lensing.append((name, tuple(beside)))
    lensings = (*[None] * len(pictures), Lensing(*zip(*lensing)))
    kernel = Kernel((), (*pictures, "film"), (), ("input", len(pictures)), lensings)
    shape = size[::-1]
    program = program_of(kernel, nodes, [Picture(False, shape)] * len(kernel.inputs), "frames", size)
    moving = any(isinstance(number, tuple) for _, numbers in lenses for number in numbers.values())
    moments = np.linspace(0, 1, MOMENTS if moving else 1)
    columns = []
    for node, numbers in reversed(lenses):
        params = {
            field: _at_moments(numbers.get(field, type(node).model_fields[field].default), moments, frames)
            for field in type(node).params()
        }
        prepared = node.prepare(**params)
        names = uniform_names(type(node), "where")
        columns += [prepared[name].reshape(frames, len(moments)) for name in names]
    random = np.random.default_rng(5)
    return program, {
        "pictures": [random.random((frames, 3, *shape), np.float32) * 3 - 1 for _ in kernel.inputs],
        "moves": [np.ascontiguousarray(np.stack(columns, axis=-1), np.float32)],
        "seeds": np.arange(len(lenses), dtype=np.uint32),
        "uniforms": np.zeros((frames, 0), np.float32),
    }


def _at_moments(number: Any, moments: np.ndarray, frames: int) -> np.ndarray:
    """Return a parameter at the moments of each frame, one after the other."""
    opened, closed = number if isinstance(number, tuple) else (number, number)
    opened, closed = (np.broadcast_to(np.asarray(end, np.float64), frames)[:, None] for end in (opened, closed))
    return (opened + (closed - opened) * moments).astype(np.float32).ravel()


def show(lenses: Through, pictures: np.ndarray, folder: Path, *beside: np.ndarray) -> np.ndarray:
    """Return pictures (B, 3, H, W) as they are seen through lenses."""
    program, arguments = through(lenses, pictures.shape[:1:-1], len(pictures))
    given = [np.ascontiguousarray(picture, np.float32) for picture in (*beside, pictures)]
    out = np.empty(pictures.shape, np.float32)
    run = compile_program(program, folder)
    assert not run(0, out=out, thresholds=dither_pattern(False, out.shape[3]), **arguments | {"pictures": given})
    return out


ASPECT = 16 / 9
PLACES = np.array([(x, y) for x in np.linspace(-0.87, 0.87, 23) for y in np.linspace(-0.48, 0.48, 14)])


def ask(node: Lens, places: np.ndarray = PLACES, seed: int = 0, aspect: float = ASPECT, height: int = 1080) -> Any:
    """Return the places, float64 (N, 2), that a lens shows at some places, asked one by one in float32."""
    given = {name: np.full(1, getattr(node, name).value, np.float32) for name in type(node).params()}
    numbers = {name: np.float32(np.asarray(value).reshape(-1)[0]) for name, value in node.prepare(**given).items()}
    wide, high = np.float32(aspect * height), np.float32(height)
    at = SimpleNamespace(aspect=np.float32(aspect), width=wide, height=high, seed=np.uint32(seed))
    with np.errstate(over="ignore"):
        return np.array([type(node).where(np.float32(x), np.float32(y), at, **numbers) for x, y in places], np.float64)


def turned(x: float, y: float, degrees: float) -> tuple[float, float]:
    """Return a place turned about (0, 0), clockwise as y points down."""
    angle = math.radians(degrees)
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
