"""The count of flashes on a grid, and the least lowering with which a second has no more than three."""

from __future__ import annotations

import numpy as np
import pytest

from n2s.nodes.flash_limit import seen, smoothed, solve_lowering, spread
from n2s.nodes.flash_red import limited_red, red_flashes, solve_red
from n2s.nodes.flash_rules import BRIGHT, CELLS, CHANGE, LIGHT, Grid, extended, hues, in_a_second, rises_of
from n2s.nodes.flash_safety import Cells

WIDE, TALL = Grid.of((160, 90)), Grid.of((90, 160))
RED, GREY, BLUE = np.array([1.0, 0, 0]), np.full(3, 0.2126), np.array([0.0, 0, 1])


def square(hertz: float, seconds: float = 4, fps: int = 30, dark: float = 0.1, light: float = 0.5) -> np.ndarray:
    """Return light (T, 540) that jumps to and fro."""
    up = (hertz * (np.arange(round(seconds * fps)) + 0.5) / fps) % 1 >= 0.5
    return np.repeat(np.where(up, light, dark)[:, None], CELLS, axis=1)


def only(light: np.ndarray, cells: np.ndarray, elsewhere: float = 0.1) -> np.ndarray:
    return np.where(cells.ravel(), light, elsewhere)


def block(rows: int, columns: int, grid: Grid = WIDE, more: int = 0) -> np.ndarray:
    """Return bool (rows, columns) of a grid: a block within one field, and some cells below it."""
    cells = np.zeros(grid, bool)
    cells[4 : 4 + rows, 12 : 12 + columns] = True
    cells[4 + rows, 12 : 12 + more] = True
    return cells


def most(light: np.ndarray, fps: int = 30, grid: Grid = WIDE) -> int:
    return int(LIGHT.flashes(light).flashes(grid, fps).max())


def redness_of(light: np.ndarray) -> np.ndarray:
    """Return R - G - B of light (T, C, 3) that is saturated red."""
    red, others = light[..., 0], light[..., 1:].sum(axis=-1)
    return np.where(red >= 0.8 * (red + others), red - others, 0)


def most_red(light: np.ndarray, limit: np.ndarray | None = None) -> int:
    limit = np.ones(len(light)) if limit is None else limit
    return max(int(kind.flashes(WIDE, 30).max()) for kind in red_flashes(light, redness_of(light), limit))


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("hertz", [1, 2, 3, 4, 5, 10])
def test_flashes_are_counted_at_every_frame_rate(hertz: int, fps: int) -> None:
    if hertz * 2 <= fps:
        assert most(square(hertz, fps=fps), fps) == hertz


def test_pulses_that_fade_at_different_speeds_are_three_a_second() -> None:
    """Four falls may lie in a second with three pulses, because a strong pulse falls sooner; these are no four."""
    t = np.arange(240) / 24
    height = np.array([0.15, 0.9, 0.5, 0.2, 0.7])[(3 * t).astype(int) % 5]
    light = 0.05 + height * 2 ** (-((3 * t) % 1) / 3 / 0.12)
    assert most(np.repeat(light[:, None], CELLS, axis=1), 24) == 3


@pytest.mark.parametrize(("dark", "light", "counts"), [
    (0.3, 0.395, False), (0.3, 0.4, True), (0.79, 0.95, True), (0.81, 0.97, False), (0.0, 0.1, True),
])  # fmt: skip
def test_which_changes_count(dark: float, light: float, counts: bool) -> None:
    assert most(square(5, dark=dark, light=light)) == (5 if counts else 0)


def test_slow_changes_count_as_much_as_jumps() -> None:
    t = np.arange(120) / 30
    wave = np.repeat((0.3 + 0.06 * np.sin(2 * np.pi * 5 * t))[:, None], CELLS, axis=1)
    assert most(wave) == 5
    assert most(0.8 * wave) == 0, "0.092 from end to end"


@pytest.mark.parametrize("grid", [WIDE, TALL])
def test_area_of_a_field(grid: Grid) -> None:
    """A field has 60 cells, so 15 may flash, wherever they lie in it, and 16 may not."""
    for more, wanted in ((0, 0), (1, 5)):
        assert most(only(square(5), block(3, 5, grid, more)), grid=grid) == wanted
    scattered = np.zeros(grid, bool)
    scattered[::4, ::4] = True
    assert most(only(square(5), scattered), grid=grid) == 0


def test_cells_of_two_fields_do_not_add_up() -> None:
    cells = np.zeros(WIDE, bool)
    cells[0:3, 0:5] = cells[15:18, 25:30] = True
    assert most(only(square(5), cells)) == 0


def test_opposed_halves_flash_though_the_mean_stands_still() -> None:
    left = np.arange(CELLS) % WIDE.columns < WIDE.columns // 2
    light = np.where(left, square(5), 0.6 - square(5))
    assert np.ptp(light.mean(axis=1)) < 1e-9 and most(light) == 5


def test_the_mean_of_the_frame_may_not_flash_either() -> None:
    """Each cell flashes twice a second, but at other times than the others, and the frame eight times."""
    t, group = np.arange(120)[:, None], np.arange(CELLS)[None] % 4
    light = np.where((t // 2) % 8 == 2 * group, 0.9, 0.05) * np.ones((1, CELLS))
    light = np.where((t // 2) % 2 == 0, light, 0.05)
    assert in_a_second(rises_of(light, CHANGE, BRIGHT), 30).max() <= 3 < most(light)


@pytest.mark.parametrize(("one", "other", "counts"), [
    (GREY, RED, 5), (RED, GREY, 5), (BLUE, RED, 5), (np.zeros(3), RED, 5), (GREY, 0.5 * RED + 0.05 * GREY, 5),
    (GREY, 0.5 * RED + 0.7 * GREY, 0),  # R / (R + G + B) is 0.68
    (0.5 * RED, 0.55 * RED, 0), (0.5 * RED, 0.57 * RED, 5),  # red both, by 16 and 22 of 320
    (0.7 * RED, np.array([0.72, 0.04, 0]), 0),  # red both, and nearly alike
    (np.zeros(3), 0.005 * RED, 0),  # too dark to be red
    (GREY, 0.06 * RED + 0.002, 5), (np.full(3, 0.02), 0.06 * RED, 5),  # by hue alone
])  # fmt: skip
def test_red_flashes(one: np.ndarray, other: np.ndarray, counts: int) -> None:
    up = square(5, dark=0, light=1)[..., None]
    assert most_red(one + up * (other - one)) == counts


def test_hues_of_known_colours() -> None:
    np.testing.assert_allclose(hues(np.ones(3)), (0.1978, 0.4683), atol=2e-4)
    np.testing.assert_allclose(hues(1000 * RED), (0.4507, 0.5229), atol=2e-4)


def test_long_flashing_is_told() -> None:
    """Two or three flashes a second in four of five seconds."""
    for hertz, seconds, told in ((2, 8, True), (1, 8, False), (2, 3, False), (3, 8, True)):
        found = LIGHT.flashes(square(hertz, seconds)).flashes(WIDE, 30)
        assert extended(found, 30).any() == told


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("name", [
    "strobe", "pulses", "dips", "slow edges", "field", "bright around", "halves", "checks", "one second", "ramp",
    "thin", "noise", "corner",
])  # fmt: skip
def test_what_is_lowered_passes(name: str, fps: int) -> None:
    second, t = fps, np.arange(4 * fps) / fps
    noise = np.random.default_rng(5)
    rows, columns = np.mgrid[0:18, 0:30]
    light = {
        "strobe": lambda: square(10, fps=fps, dark=0, light=1),
        "pulses": lambda: np.repeat((0.1 + 0.5 * 2 ** (-((5 * t) % 1) * 3))[:, None], CELLS, axis=1),
        "dips": lambda: np.repeat(np.where((5 * t) % 1 < 0.2, 0.1, 0.7)[:, None], CELLS, axis=1),
        "slow edges": lambda: np.repeat((0.4 + 0.3 * np.sin(2 * np.pi * 3.7 * t))[:, None], CELLS, axis=1),
        "field": lambda: only(square(5, fps=fps, dark=0, light=1), block(6, 10)),
        "bright around": lambda: only(square(5, fps=fps, dark=0, light=1), block(6, 10), 0.95),
        "halves": lambda: np.where(columns.ravel() < 15, square(5, fps=fps), 0.6 - square(5, fps=fps)),
        "checks": lambda: np.where((rows // 2 + columns // 2).ravel() % 2, square(5, fps=fps), 1 - square(5, fps=fps)),
        "one second": lambda: np.where((t >= 1)[:, None] & (t < 2)[:, None], square(4, fps=fps), 0.1),
        "ramp": lambda: square(5, fps=fps) * 0.5 + 0.6 * t[:, None] / 4,
        "thin": lambda: only(square(5, fps=fps, dark=0, light=1), (rows == 9) | (rows == 10), 0.7),
        "noise": lambda: np.repeat(noise.uniform(0, 1, (len(t), 1)), CELLS, axis=1),
        "corner": lambda: only(square(6, fps=fps, dark=0, light=0.8), (rows < 5) & (columns < 5), 0.4),
    }[name]()  # fmt: skip
    assert most(light, fps) > 3
    lowering = solve_lowering(light, WIDE, second)
    shown = seen(light, lowering, WIDE)
    assert most(shown, fps) <= 3
    assert lowering.min() >= 0 and lowering.max() <= 1
    if name == "one second":
        at = np.flatnonzero(lowering.any(axis=1)) / fps
        assert at.min() >= 1 and at.max() < 2
    if name == "corner":
        assert not lowering.reshape(-1, *WIDE)[:, 8:, 8:].any()


@pytest.mark.parametrize("light", [
    square(3), square(2), square(5, dark=0.3, light=0.395), square(5, dark=0.81, light=0.99),
    only(square(5), block(3, 5)),
])  # fmt: skip
def test_what_passes_is_not_touched(light: np.ndarray) -> None:
    assert not solve_lowering(light, WIDE, 30).any()


def test_little_is_left_where_all_is_lowered_and_no_more_taken_than_that() -> None:
    light = square(5, dark=0.2, light=0.7)
    shown = seen(light, solve_lowering(light, WIDE, 30), WIDE)
    assert 0.08 <= np.ptp(shown[:, 0]) < 0.1 and shown.min() == pytest.approx(0.2)


def test_lowering_spreads_between_cells_as_pixels_show_it() -> None:
    """The mean over a cell of what runs straight between the centres of cells, by many points."""
    lowering = np.random.default_rng(1).uniform(0, 1, (1, CELLS))
    fine = 40
    y, x = ((np.arange(n * fine) + 0.5) / fine - 0.5 for n in WIDE)
    cells = lowering.reshape(WIDE)
    across = np.stack([np.interp(x, range(WIDE.columns), row) for row in cells])
    both = np.stack([np.interp(y, range(WIDE.rows), column) for column in across.T], axis=1)
    wanted = both.reshape(WIDE.rows, fine, WIDE.columns, fine).mean(axis=(1, 3))
    np.testing.assert_allclose(spread(lowering, WIDE).reshape(WIDE), wanted, atol=1e-3)


def test_red_turns_crimson_no_longer_than_it_must() -> None:
    up = square(5, dark=0, light=1)[..., None]
    light = np.where((np.arange(120) < 60)[:, None, None], GREY + up * (RED - GREY), GREY)
    light = np.concatenate([np.full((90, CELLS, 3), 0.2), light])
    limit = solve_red(light, redness_of(light), WIDE, 30)
    assert most_red(light) > 3 >= most_red(light, limit)
    assert (limit[:60] == 1).all() and (limit[-30:] == 1).all() and limit.min() == pytest.approx(0.75)
    assert np.abs(np.diff(limit)).max() < 0.12, "it comes and goes within a quarter of a second"
    shown = limited_red(light, limit)
    luminance = np.array([0.2126, 0.7152, 0.0722])
    np.testing.assert_allclose(shown @ luminance, light @ luminance, atol=1e-9)
    still = np.full((90, CELLS, 3), RED)
    assert (solve_red(still, redness_of(still), WIDE, 30) == 1).all(), "red that stands still"


def test_smoothed_holds_what_is_needed() -> None:
    needed = np.zeros(100)
    needed[40:50] = 0.3
    line = smoothed(needed, 10)
    assert (line >= needed).all() and line.max() == pytest.approx(0.3) and line[:20].max() == 0 == line[70:].max()
    assert np.abs(np.diff(line)).max() < 0.1


def test_too_many_names_the_cells() -> None:
    light = only(square(5), block(4, 5))
    assert (LIGHT.flashes(light).broken(WIDE, 30).any(axis=0) == block(4, 5).ravel()).all()


def test_red_that_flashes_by_its_own_light_is_lowered_and_keeps_its_hue() -> None:
    up = square(5, dark=0, light=1)[..., None]
    light = 0.2 * RED + up * (0.25 * RED + 0.02)  # luminance changes by 0.07
    cells = Cells(light, redness_of(light), WIDE, 30)
    lowering, red = cells.solve()
    nothing = np.zeros_like(lowering), np.ones(len(light))
    assert cells.count(*nothing)[0].max() == 0 and cells.count(*nothing)[1].max() == 5
    assert max(most.max() for most in cells.count(lowering, red)) <= 3
    assert (red == 1).all() and 0.3 < lowering.max() < 0.6


@pytest.mark.parametrize("area", [block(6, 10), block(5, 4), np.ones(WIDE, bool)], ids=["a field", "a part", "all"])
def test_red_that_would_lose_most_of_its_light_turns_crimson_instead(area: np.ndarray) -> None:
    """A third of its light would be a dark stain in what is red around it."""
    up = (square(5, dark=0, light=1) * area.ravel())[..., None]
    light = 0.1 * RED + up * (0.4 * RED)  # luminance changes by 0.085
    cells = Cells(light, redness_of(light), WIDE, 30)
    lowering, red = cells.solve()
    nothing = np.zeros_like(lowering), np.ones(len(light))
    assert cells.count(*nothing)[0].max() == 0 and cells.count(*nothing)[1].max() == 5
    assert max(most.max() for most in cells.count(lowering, red)) <= 3
    assert not lowering.any() and red.min() == pytest.approx(0.75)


def test_each_stretch_of_red_is_lowered_or_turned_by_itself() -> None:
    up = square(5, seconds=12, dark=0, light=1)[..., None]
    strong, mild, still = 0.4 * RED, 0.25 * RED + 0.02, 0 * RED
    change = np.repeat([still, strong, still, mild, still, still], 60, axis=0)[:, None]
    light = 0.2 * RED + up * change
    cells = Cells(light, redness_of(light), WIDE, 30)
    lowering, red = cells.solve()
    lowered, turned = lowering.any(axis=1), red < 1
    assert turned[60:120].any() and not turned[180:].any()
    assert lowered[180:240].any() and not lowered[:150].any()
    assert 0.3 < lowering.max() <= 0.5
    assert max(most.max() for most in cells.count(lowering, red)) <= 3


def test_red_against_grey_turns_crimson_and_is_not_lowered() -> None:
    light = GREY + square(5, dark=0, light=1)[..., None] * (RED - GREY)
    cells = Cells(light, redness_of(light), WIDE, 30)
    lowering, red = cells.solve()
    assert not lowering.any() and red.min() == pytest.approx(0.75)
    assert max(most.max() for most in cells.count(lowering, red)) <= 3
