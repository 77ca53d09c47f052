"""Everything that keeps a film safe from flashes: how much light is taken away, and how much of saturated red."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from n2s.nodes.flash_limit import largest_of_runs, seen, solve_lowering
from n2s.nodes.flash_red import red_flashes, solve_red
from n2s.nodes.flash_rules import LIGHT, LUMINANCE, REDNESS, SATURATED, Grid

MILD = 0.5  # the least part of its light that saturated red may be left with; another hue is gentler than less


class Cells(NamedTuple):
    """What was measured of a film: red, green and blue (T, C, 3), and how much saturated red (T, C)."""

    light: np.ndarray
    redness: np.ndarray
    grid: Grid
    second: int

    @property
    def luminance(self) -> np.ndarray:
        return self.light @ LUMINANCE

    def count(  # pyright: ignore[reportIncompatibleMethodOverride] nobody counts its fields
        self, lowering: np.ndarray, red: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the flashes of light and of red in the second that ends with each frame, (T,), of what is shown."""
        of_light = LIGHT.flashes(seen(self.luminance, lowering, self.grid))
        of_red = red_flashes(self.light, seen(self.redness, lowering, self.grid), red)
        found = [counted.flashes(self.grid, self.second) for counted in (of_light, *of_red)]
        return found[0], np.maximum(*found[1:])

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowering, (T, C), and the largest share of red, (T,), with which no second has too many.

        Light first. Then red that comes and goes with another hue, which only a third hue can mend; then red that
        flashes by its own light. This is lowered like light where half of it may stay and no flashes of light come of
        it, and is mixed with blue elsewhere: crimson in place of scarlet is hardly noticed, a dark stain in it is.
        """
        grid, second = self.grid, self.second
        lowering = solve_lowering(self.luminance, grid, second)
        hue = solve_red(self.light, np.zeros_like(self.redness), grid, second)
        left, shown = (seen(light, lowering, grid) for light in (self.redness, self.luminance))
        more = _mild(solve_lowering(left * (hue >= SATURATED)[:, None], grid, second, REDNESS, shown))
        both = 1 - (1 - lowering) * (1 - more)
        if not LIGHT.flashes(seen(self.luminance, both, grid)).broken(grid, second).any():
            lowering = both
        return lowering, np.minimum(hue, solve_red(self.light, seen(self.redness, lowering, grid), grid, second))


def _mild(lowering: np.ndarray) -> np.ndarray:
    """Return a lowering (T, C) without the runs of frames in which some cell loses more light than is mild."""
    most = lowering.max(axis=1, initial=0)
    return lowering * (largest_of_runs(most, most > 0) <= 1 - MILD)[:, None]
