"""Guard: films on both sides of each limit are lowered or left alone, and pass when they are measured again."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import harness
import numpy as np
import pytest
import tiny
from flashing import CASES, SECONDS, Case, build, light_of, most_flashes

from n2s.graph.errors import GraphError
from n2s.nodes.flash_rules import Grid, is_saturated
from n2s.nodes.guard import FlashMeter, Guard, LoweringMatte
from n2s.runtime.seeing.flashes import count_flashes, flashes_text, long_flashing_text


def frames_of(folder: Path) -> np.ndarray:
    return np.stack([tiny.read_png(path) for path in sorted(folder.glob("*.png"))])


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_film_on_either_side_of_a_limit(case: Case, n2s: Any, tmp_path: Path) -> None:
    graph = build(case, tmp_path)
    status, out, _ = n2s("run", graph.path, "--out", "limited")
    assert status == 0
    limited = frames_of(tmp_path / "limited" / "film")
    assert n2s("run", graph.path, "--out", "plain", "--set", "guard.mode=report")[0] == 0
    plain = frames_of(tmp_path / "plain" / "film")
    assert len(plain) == len(limited) == SECONDS * case.fps
    told = json.loads(next((tmp_path / "limited").glob("*/run.json")).read_text())["films"][0]["flashes"][0]
    if case.safe:
        assert most_flashes(plain, case.fps) <= 3
        np.testing.assert_array_equal(limited, plain)
        assert told["lowered_seconds"] == 0 and told["least_gain"] == told["least_red"] == 1
        assert "lowered" not in out
    else:
        assert most_flashes(plain, case.fps) > 3
        assert most_flashes(limited, case.fps) <= 3
        assert told["lowered_seconds"] > 0 and f"lowered for {told['lowered_seconds']:g} s" in out
        assert max(told[kind]["most_left"] for kind in ("light", "red")) <= 3
        before = case.fps // 4  # nothing flashes there, and only red may be crimson there already
        red = is_saturated(light_of(plain[:before])) & (told["least_red"] < 1)
        np.testing.assert_array_equal(limited[:before][~red], plain[:before][~red])
        assert (light_of(limited) @ [0.2126, 0.7152, 0.0722]).max() <= (light_of(plain).max() + 0.01)


def test_only_what_flashes_is_lowered_and_only_its_chunks_are_rendered_again(store: Any, tmp_path: Path) -> None:
    case = Case("", False, "fail", area=(0.4, 0.4, 0.3, 0.4), around=0.3)
    values = json.loads(build(case, tmp_path).path.read_text())
    values["duration"] = 12
    values["nodes"]["film"]["amount"] = "= step(5, time) * step(time, 6.2) * step(0.5, fract(5 * time + 0.003))"
    values["nodes"]["out"]["chunk"] = 30
    graph = harness.load(values, tmp_path)
    report = harness.run(graph, tmp_path / "limited", store)
    limited = frames_of(tmp_path / "limited" / "film")
    assert report.measured == 360 and 12 < report.rendered <= 15, "what was lowered is in two or three chunks"
    values["nodes"]["guard"]["mode"] = "report"
    harness.run(harness.load(values, tmp_path), tmp_path / "plain", store)
    plain = frames_of(tmp_path / "plain" / "film")
    changed = (limited != plain).any(axis=3)
    at = np.flatnonzero(changed.any(axis=(1, 2)))
    assert 5 * 30 <= at.min() and at.max() <= 6.2 * 30
    left, top = 0.4 * 160, 0.4 * 90
    far = changed[:, :, : int(left - 2 * 160 / 30)].any() or changed[:, : int(top - 2 * 90 / 18)].any()
    assert changed.any() and not far, "two cells away from what flashes nothing changes"


def test_smaller_flashes_are_lowered_first(store: Any, tmp_path: Path) -> None:
    """Of five flashes in a second, two strong ones and three weak ones, the strong ones stay as they are."""
    values = json.loads(build(Case("", False, "fail", dark=0.1, light=0.6), tmp_path).path.read_text())
    beat = "step(0.5, time) * step(time, 3.5) * step(0.5, fract(5 * time + 0.003))"
    accent = "where(fract(2.5 * time + 0.0015) < 0.5, 0.3, 1)"
    values["nodes"]["film"]["amount"] = f"= {beat} * {accent}"
    graph = harness.load(values, tmp_path)
    harness.run(graph, tmp_path / "limited", store)
    limited = light_of(frames_of(tmp_path / "limited" / "film")[:, 45, 80]).mean(axis=1)
    assert limited.max() == pytest.approx(0.6, abs=0.01), "the accents"
    assert most_flashes(frames_of(tmp_path / "limited" / "film"), 30) == 3


def test_chunks_and_workers_make_no_difference(new_store: Any, tmp_path: Path, executor: Any) -> None:
    values = json.loads(build(CASES[3], tmp_path).path.read_text())
    made = []
    for chunk, count in ((None, 1), (17, 2)):
        values["nodes"]["out"] |= {"node": "DigestSink", "path": "film.txt", "chunk": chunk or 48}
        out = tmp_path / str(count)
        harness.run(harness.load(values, tmp_path), out, new_store(), executor=executor(count))
        made.append((out / "film.txt").read_text())
    assert made[0] == made[1]


def test_a_preview_says_what_it_does_not_show(n2s: Any, tmp_path: Path) -> None:
    graph = build(CASES[3], tmp_path)
    status, _, err = n2s("preview", graph.path, "--at", "1", "-o", tmp_path / "film.png")
    assert status == 0 and "Not shown here: what guard changes." in err
    n2s("run", graph.path)
    status, _, err = n2s("preview", graph.path, "--at", "1", "-o", tmp_path / "film.png")
    assert status == 0 and "Not shown here" not in err


def test_report_says_and_changes_nothing(n2s: Any, tmp_path: Path) -> None:
    graph = build(CASES[3], tmp_path, mode="report")
    status, out, _ = n2s("run", graph.path)
    assert status == 0
    assert "flashes: NOT SAFE, a second has 4 flashes (until 00:" in out and "nothing was lowered (mode: report)" in out


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (128, 72), (64, 64), (1280, 720)])
def test_the_meter_says_the_light_of_each_cell(size: tuple[int, int]) -> None:
    meter, grid = FlashMeter(), Grid.of(size)
    width, height = meter.input_size(size)
    frame = np.random.default_rng(2).uniform(-0.1, 1.1, (3, height, width)).astype(np.float32)
    frame[1:, : height // 2] *= 0.3  # some of it is saturated red
    found = meter.measure(frame)
    light = light_of(255 * np.clip(frame, 0, 1))
    red = np.where(light[0] >= 0.8 * light.sum(axis=0), light[0] - light[1] - light[2], 0)
    assert (red > 0).sum() > 100
    fine = np.stack([*light, red]).repeat(grid.rows, axis=1).repeat(grid.columns, axis=2)  # cells of whole pixels
    wanted = fine.reshape(4, grid.rows, height, grid.columns, width).mean(axis=(2, 4)).transpose(1, 2, 0)
    np.testing.assert_allclose(found["light"].reshape(*grid, 3), wanted[..., :3], atol=3e-4)
    np.testing.assert_allclose(found["redness"].reshape(grid), wanted[..., 3], atol=0.02)  # one pixel on the edge


def test_the_meter_looks_at_every_frame() -> None:
    with pytest.raises(GraphError, match="every"):
        FlashMeter(every=0.1)


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (1920, 1080)])
def test_lowering_runs_straight_from_cell_to_cell(size: tuple[int, int]) -> None:
    grid = Grid.of(size)
    block = SimpleNamespace(scene=SimpleNamespace(size=size), count=1)
    rows, columns = np.mgrid[0 : grid.rows, 0 : grid.columns]
    made = LoweringMatte().compute(block, (0.01 * rows + 0.02 * columns).reshape(1, -1).astype(np.float32))[0, 0]
    height, width = made.shape
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)
    y, x = ((np.arange(n) + 0.5) / n * cells - 0.5 for n, cells in ((height, grid.rows), (width, grid.columns)))
    wanted = 0.01 * np.clip(y, 0, grid.rows - 1)[:, None] + 0.02 * np.clip(x, 0, grid.columns - 1)
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_pixels_against_the_formula() -> None:
    rng = np.random.default_rng(3)
    for rgb in rng.uniform(0, 1, (200, 3)).astype(np.float32):
        lowering, red = np.float32(rng.uniform(0, 1)), np.float32(rng.uniform(0.5, 1))
        made = np.array([*Guard.pixel(tuple(rgb), lowering, None, red)], np.float64)
        light = rgb.astype(np.float64) ** 2
        blue = np.array([0, 0, light @ [0.2126, 0.7152, 0.0722] / 0.0722])
        if light[0] > red * light.sum():  # find by halving how much blue it takes
            low, high = 0.0, 1.0
            for _ in range(50):
                share = (low + high) / 2
                mixed = light + share * (blue - light)
                low, high = (share, high) if mixed[0] > red * mixed.sum() else (low, share)
            light = mixed
        np.testing.assert_allclose(made**2, light * (1 - lowering), atol=2e-6)
        assert Guard.pixel(tuple(rgb), np.float32(0), None, np.float32(1)) == tuple(rgb), "to the last bit"


def test_what_is_told_in_words() -> None:
    kind = {"most_in_a_second": 0, "until": None, "most_left": 0}
    told = {"mode": "limit", "light": kind, "red": kind, "lowered_seconds": 0, "least_gain": 1, "least_red": 1,
            "extended_seconds": 0}  # fmt: skip
    assert flashes_text(told) == "flashes: none"
    told["light"] = kind | {"most_in_a_second": 1, "until": "00:01.00", "most_left": 1}
    assert flashes_text(told) == "flashes: safe, no second has more than 1 flash (until 00:01.00); 3 are allowed"
    told["light"] = kind | {"most_in_a_second": 2, "until": "00:01.00", "most_left": 2}
    assert flashes_text(told) == "flashes: safe, no second has more than 2 flashes (until 00:01.00); 3 are allowed"
    assert long_flashing_text(told) == ""
    told["red"] = kind | {"most_in_a_second": 5, "until": "00:02.00", "most_left": 4}
    told |= {"lowered_seconds": 1.5, "least_red": 0.7, "extended_seconds": 6}
    assert flashes_text(told) == (
        "flashes: NOT SAFE, a second had 2 flashes (until 00:01.00) and 5 red flashes (until 00:02.00) and now has at "
        "most 4; 3 are allowed; lowered for 1.5 s: saturated red turned crimson; less light on each hit, "
        "as light and energy of a look give it, would need less of this"
    )
    assert long_flashing_text(told).startswith("long flashing: for 6 s it flashes 2 or 3 times in every second without")
    told["red"]["most_left"] = 3
    assert flashes_text(told).startswith("flashes: made safe, a second had 2 flashes")
    told["mode"] = "report"
    assert flashes_text(told).endswith("; 3 are allowed, and nothing was lowered (mode: report)")


class Counting:
    """What is looked for in a node that counts flashes."""

    outputs = dict.fromkeys(("lowering", "red", "flashes"))
    mode = "limit"


@pytest.mark.parametrize(
    ("fps", "period", "most"), [("25/2", 4, 4), ("100/3", 11, 4), ("12", 4, 3), ("24000/1001", 8, 3)]
)
def test_a_second_of_any_frame_rate(fps: str, period: int, most: int, store: Any, tmp_path: Path) -> None:
    """At 12.5 frames per second, flashes every 4 frames come at 0, 0.32, 0.64 and 0.96 s: four within a second."""
    tiny.write_png(tmp_path / "grey.png", np.full((48, 64, 3), 200, np.uint8))
    off = f"= step(0.5, fract((frame + 0.001) / {period}))"
    nodes = {
        "grey": {"node": "ImageSource", "path": "grey.png"},
        "flashing": {"node": "Fade", "frames": "grey", "amount": off},
        "guard": {"node": "Guard", "frames": "flashing"},
        "out": {"node": "PNGSink", "frames": "guard", "path": "film"},
    }
    graph = harness.load({"n2s": 1, "fps": fps, "duration": 4, "size": [64, 48], "nodes": nodes}, tmp_path)
    harness.run(graph, tmp_path / "out", store)
    told = json.loads(next((tmp_path / "out").glob("*/run.json")).read_text())["films"][0]["flashes"][0]
    assert told["light"]["most_in_a_second"] == most and told["light"]["most_left"] <= 3
    assert (told["lowered_seconds"] > 0) == (most > 3)


def test_what_is_left_is_told_at_its_time_in_the_film() -> None:
    """Of an album's second track after the first one; of light and of red each by itself."""

    def track(frames: int, light_at: int, red_at: int) -> tuple[Any, Any]:
        flashes = np.zeros((frames, 5))
        flashes[light_at, [0, 2]], flashes[red_at, [1, 3]] = 2, 1
        values = {"lowering": np.zeros((frames, 2)), "red": np.ones(frames), "flashes": flashes}
        clock = SimpleNamespace(fps=Fraction(10))
        outputs = {("safe", name): value for name, value in values.items()}
        graph = SimpleNamespace(nodes={"safe": Counting()})
        plan = SimpleNamespace(graph=graph, values=SimpleNamespace(clock=clock, outputs=outputs))
        return plan, SimpleNamespace(start=0, stop=frames, count=frames)

    first, second = count_flashes(cast(Any, [track(50, 30, 20), track(40, 7, 9)]))
    assert [first[kind]["left_until"] for kind in ("light", "red")] == ["00:03.00", "00:02.00"]
    assert [second[kind]["left_until"] for kind in ("light", "red")] == ["00:05.70", "00:05.90"]
    assert [second[kind]["until"] for kind in ("light", "red")] == ["00:00.70", "00:00.90"]
