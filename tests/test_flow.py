"""Flow: the places that it shows against a loop in float64, and what its currents are like."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lensed import PLACES, ask

from n2s.graph import shader
from n2s.nodes import Flow

SPEEDS = [1, -1, 1, -2, 2, -3, 2, -1, 4, -3, 3, -5]


def wanted(x: float, y: float, seed: int, amount: float, size: float, roughness: float, phase: float) -> np.ndarray:
    """Return what Flow shows at a place."""
    first = float(shader.uniform(shader.hash32(np.uint32(seed))))
    high = amount / math.sqrt(2 * (1 + roughness**2 + roughness**4))
    for octave in range(3):
        moved = np.zeros(2)
        for number in range(4 * octave, 4 * octave + 4):
            long, offset = (float(shader.uniform(shader.pixel_hash(seed, number, 0, what))) for what in (0, 1))
            angle = 2 * math.pi * (first + 0.381966 * number)
            along = (math.cos(angle) * x + math.sin(angle) * y) * 2**octave / size / (0.75 + long / 2)
            far = math.sin(2 * math.pi * (along + SPEEDS[number] * phase + offset))
            moved += far * np.array([-math.sin(angle), math.cos(angle)])
        x, y = np.array([x, y]) + moved * high * roughness**octave
    return np.array([x, y])


@pytest.mark.parametrize("seed", [0, 7])
def test_flow(seed: int) -> None:
    numbers = {"amount": 0.08, "size": 0.6, "roughness": 0.7, "phase": 3.2}
    with np.errstate(over="ignore"):
        loop = np.array([wanted(x, y, seed, **numbers) for x, y in PLACES])
    np.testing.assert_allclose(ask(Flow(**numbers), seed=seed), loop, atol=1e-5)
    assert np.abs(ask(Flow(**numbers), seed=seed + 1) - loop).max() > 0.05


def test_places_are_carried_by_the_amount() -> None:
    far = np.concatenate([ask(Flow(amount=0.04, phase=phase), seed=seed) - PLACES
                          for seed in range(4) for phase in (0, 0.3)])  # fmt: skip
    assert np.sqrt((far**2).sum(axis=1).mean()) == pytest.approx(0.04, rel=0.2)


def test_a_whole_phase_is_a_loop_and_no_amount_is_at_rest() -> None:
    np.testing.assert_array_equal(ask(Flow(phase=2.25)), ask(Flow(phase=-40.75)))
    assert np.abs(ask(Flow(phase=0.5)) - ask(Flow())).max() > 0.02
    assert (ask(Flow(amount=0)) == PLACES.astype(np.float32)).all()


def test_currents_fold_nothing() -> None:
    """Steps to the right and down keep their sense, and nearly their area, as far as defaults go."""
    step = 1e-3
    here, right, down = (ask(Flow(), PLACES + np.array(off)) for off in ((0, 0), (step, 0), (0, step)))
    (a, b), (c, d) = (right - here).T / step, (down - here).T / step
    area = a * d - b * c
    assert area.min() > 0.4 and area.mean() == pytest.approx(1, abs=0.05)
