"""Echoes of latents, all nodes of latents in a row, and what the decoder makes of them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from moving_latents import made, scene, smooth, variance
from test_latent_camera import film, plain_read
from test_latent_motion import on_path

from n2s.graph.errors import GraphError
from n2s.nodes import LatentBands, LatentCamera, LatentEcho, LatentMask, LatentWarp
from n2s.nodes.drift import from_centre
from n2s.plan.ranges import check_ranges
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.folder import ModelFolder

# Echoes


def test_echoes_against_plain_loops() -> None:
    node = LatentEcho(step=0.1, copies=3, zoom=1.2, turn=15, shift_x=0.05)
    latents = smooth(12, grid=(6, 9))
    assert node.window(Fraction(30)) == (9, 0)
    shown = made(node, 3, grid=(6, 9), latents=latents, decay=0.7)
    angle, frame = math.radians(15), 2
    for c in (0, 3):
        copies = [latents[9 + frame, c].astype(np.float64)]
        for k in (1, 2, 3):
            past, copy = latents[9 + frame - 3 * k, c], np.zeros((6, 9))
            for y in range(6):
                for x in range(9):
                    dy, dx = y - 2.5, x - 4.0
                    for _ in range(k):
                        if c < 2:
                            dx, dy = ((math.cos(angle) * dx + math.sin(angle) * dy) / np.float32(1.2),
                                      (math.cos(angle) * dy - math.sin(angle) * dx) / np.float32(1.2))  # fmt: skip
                        dx += np.float32(0.05) * 6
                    copy[y, x] = plain_read(past, dy + 2.5, dx + 4)
            copies.append(copy)
        weights = 0.7 ** np.arange(4)
        total = sum(weight * copy for weight, copy in zip(weights, copies))
        strength = sum(w * np.sqrt((copy**2).mean()) for w, copy in zip(weights, copies)) / weights.sum()
        np.testing.assert_allclose(shown[frame, c], total * strength / np.sqrt((total**2).mean()), atol=1e-4)


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_echoes_keep_strength_however_alike_they_are(decay: float) -> None:
    node = LatentEcho()
    before = node.window(Fraction(30))[0]
    for latents in (smooth(before + 20), smooth(1).repeat(before + 20, axis=0)):
        shown = made(node, 20, latents=latents, decay=decay)
        np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.15)
        assert made(node, 20, latents=latents, decay=0).tobytes() == latents[before:].tobytes()
    still = made(LatentEcho(zoom=1), 20, latents=latents, decay=decay)
    np.testing.assert_allclose(still, latents[before:], atol=1e-5)


# In a row


def chain(studio: Any) -> dict[str, Any]:
    values = film(studio, shift_x="= ramp", zoom="= 1 + ramp")
    model = {"model": str(studio.model)}
    values["nodes"] |= {
        "path": {"node": "LatentPath", "names": ["red", "green", "blue"], "place": "= 3 * ramp", **model},
        "mask": {"node": "LatentMask", "a": "anchors", "b": "path", "amount": "= 0.3 + ramp", "scale": 2},
        "bands": {"node": "LatentBands", "composition": "mask", "texture": "anchors", "split": 3},
        "drift": {"node": "Wander", "latents": "bands", "period": 1, **model},
        "warp": {"node": "LatentWarp", "latents": "drift", "amount": "= 0.5 + ramp", "period": 2, "scale": 4},
        "echo": {"node": "LatentEcho", "latents": "warp", "step": 0.1, "copies": 3, "turn": "= 20 * ramp", **model},
    }
    values["nodes"]["subject"] |= {"latents": "echo", "ground": "hash"}
    return values


def test_all_in_a_row_do_not_depend_on_the_pieces(
    executor: Any, studio: Any, store: Any, new_store: Any, tmp_path: Path
) -> None:
    graph = harness.load(chain(studio), studio.folder)
    whole = harness.frames(graph, store, "shown", [(0, 63)])
    pieces = harness.frames(graph, store, "shown", [(0, 1), (1, 8), (8, 9), (9, 40), (40, 63)])
    assert whole.tobytes() == pieces.tobytes() and np.isfinite(whole).all()
    assert harness.frames(graph, store, "shown", [(41, 42)]).tobytes() == whole[41:42].tobytes()
    latents = harness.frames(graph, store, "echo", [(0, 63)])
    assert 0.6 < latents.std() < 1.4
    digests = []
    for length in (7, 30):
        values = chain(studio)
        values["nodes"]["out"]["chunk"] = length
        workers = executor(2 if length == 7 else 1)
        harness.run(harness.load(values, studio.folder), tmp_path / str(length), new_store(), executor=workers)
        digests.append((tmp_path / str(length) / "frames.txt").read_text())
    assert digests[0] == digests[1]


def test_a_change_of_the_shift_renders_what_it_changes(studio: Any, store: Any) -> None:
    """A film that begins to scroll shows one cell less; one that scrolls on otherwise is new from there on."""

    def keys(*points: list[float]) -> list[str]:
        values = film(studio, shift_x="= ramp")
        values["nodes"]["ramp"]["points"], values["nodes"]["out"]["chunk"] = list(points), 21
        values["nodes"]["weights"]["signal"] = "still"
        values["nodes"]["still"] = {"node": "Constant", "value": 0.3}
        return harness.keys(harness.load(values, studio.folder), store)

    still, begins = keys([0, 0], [2, 0]), keys([0, 0], [1.5, 0], [2, 0.3])
    assert not set(still) & set(begins)
    other = keys([0, 0], [1.5, 0], [2, 0.5])
    assert [a == b for a, b in zip(begins, other)] == [True, True, False]


# What the decoder makes of them


LATTICE = 2.4  # times that of the anchors themselves, which have 0.04 as Wander's drift has


def test_no_lattice_shows(store: Any) -> None:
    """Positions within a cell are alike in decoded frames, as they are in those of anchors."""
    model = ModelFolder(shipped_folder(), store)
    decoder, where = model.decoder("int8", "cpu", 1), scene(model=model)
    names = ["ember", "fern", "tide", "aurora", "moss", "lava", "coral", "agate"]
    cropped = [model.anchor(name)[None, :, :, 1:30] for name in names]
    cases = {
        "anchors": lambda a, b: a,
        "masked": lambda a, b: made(LatentMask(), 1, 45, where, a=a, b=b),
        "bands": lambda a, b: made(LatentBands(), 1, 45, where, composition=a, texture=b),
        "warped": lambda a, b: made(LatentWarp(), 1, 45, where, latents=a),
        "repeated": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, shift_x=2),
        "beyond": lambda a, b: made(LatentCamera(ground="hash"), 1, 45, where, latents=a, shift_x=2),
        "near": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, zoom=1.3),
        "turned": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, turn=20),
        "echoes": lambda a, b: made(LatentEcho(), 1, 45, where, latents=a.repeat(LatentEcho().window(30)[0] + 1, 0)),
        "path": lambda a, b: on_path(np.concatenate([a, b]), True, 0.5)[None].astype(np.float32),
    }
    limit = np.inf
    for case, make in cases.items():
        found = []
        frames = [decoder.decode(make(a, cropped[(i + 3) % 8]))[0] for i, a in enumerate(cropped)]
        for axis in (0, 1):
            total = 0.0
            for frame in frames:
                luma = np.tensordot([0.2126, 0.7152, 0.0722], frame.clip(0, 1).astype(np.float64), (0, 0))
                steps = np.abs(np.diff(luma, axis=axis)).mean(1 - axis)
                total = total + steps[: len(steps) // 32 * 32].reshape(-1, 32).mean(0) / steps.mean()
            found.append(total.std() / total.mean())
        assert max(found) < limit, (case, found)
        limit = LATTICE * max(found) if case == "anchors" else limit


def test_places_count_from_the_centre() -> None:
    np.testing.assert_array_equal(from_centre(4), [-1.5, -0.5, 0.5, 1.5])


@pytest.mark.parametrize(
    ("node", "field", "end"),
    [("LatentMask", "softness", 0.01), ("LatentCamera", "zoom", 0.1), ("Sharpen", "limit", 0.001)],
)
def test_the_ends_of_a_range_belong_to_it(node: str, field: str, end: float, studio: Any, store: Any) -> None:
    """Numbers are counted in steps of 2**-16, where 0.01 is a little less than 0.01."""
    for value in (end, f"= clamp(time - 9, {end}, 1)"):
        graph = harness.load(harness.around(node, studio.model, **{field: value}), studio.folder)
        check_ranges(harness.plan(graph, store))


def test_the_advice_for_an_end_that_does_not_belong_to_the_range_is_sound(studio: Any, store: Any) -> None:
    values = harness.around("LatentEcho", studio.model, decay="= 2 * time")
    with pytest.raises(GraphError, match=r"at least 0 and below 1.*Wrap it: = clamp\(2 \* time, 0, 0.999\)"):
        check_ranges(harness.plan(harness.load(values, studio.folder), store))
    values["nodes"]["subject"]["decay"] = "= clamp(2 * time, 0, 0.999)"
    check_ranges(harness.plan(harness.load(values, studio.folder), store))


def test_signals_that_drive_signals_stay_in_range_too(studio: Any, store: Any) -> None:
    values = film(studio, shift_x="mixed")
    values["nodes"]["mixed"] = {"node": "Crossfade", "a": "ramp", "b": "ramp", "amount": "= 2 * time"}
    with pytest.raises(GraphError, match=r"mixed.amount is driven by = 2 \* time and reaches .* within 0..1"):
        check_ranges(harness.plan(harness.load(values, studio.folder), store))
