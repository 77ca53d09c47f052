"""The compositions of each style: functions (plane, rng, palette) -> linear light (h, w, 3), and one picture of any."""

from __future__ import annotations

import numpy as np

from .. import palettes
from ..fields import Plane
from ..paint import develop, finish
from . import abstract, color_field, glitch, noise, organic

STYLES = {
    "abstract": abstract.COMPOSITIONS,
    "glitch": glitch.COMPOSITIONS,
    "color-field": color_field.COMPOSITIONS,
    "noise": noise.COMPOSITIONS,
    "organic": organic.COMPOSITIONS,
}
# Which palettes a style prefers; the others stay possible, so that no style owns a colour.
PREFERRED = {
    "abstract": ("riso", "ink", "dusk", "saffron", "tide", "opal", "nocturne"),
    "glitch": ("neon", "aurora", "violet", "abyss", "lava", "nocturne", "riso"),
    "color-field": ("ember", "dusk", "rosewood", "abyss", "clay", "opal", "nocturne", "glacier"),
    "noise": ("ember", "lava", "tide", "abyss", "aurora", "copper", "peacock", "glacier"),
    "organic": ("moss", "fern", "lichen", "clay", "rosewood", "peacock", "sakura", "copper"),
}


def generator(style: str, seed: int, index: int) -> np.random.Generator:
    """The one source of chance of a picture."""
    return np.random.Generator(np.random.PCG64([list(STYLES).index(style), seed, index]))


def draw(
    style: str,
    seed: int,
    index: int,
    size: tuple[int, int] = (512, 512),
    palette: str | None = None,
    composition: str | None = None,
) -> tuple[np.ndarray, dict[str, str]]:
    """One picture, float32 (h, w, 3) in 0..1, and its `composition` and `palette`.

    A picture is a function of (style, seed, index); `size` (height, width) only says how finely it is sampled, and a
    wider one shows more of the plane. `palette` and `composition` force a choice that chance makes otherwise.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; the styles are {', '.join(STYLES)}")
    rng = generator(style, seed, index)
    preferred = rng.random() < 0.6
    names = PREFERRED[style] if preferred else tuple(palettes.OKLCH)
    name = names[rng.integers(len(names))]
    colours = palettes.palette(palette or name, shift=rng.normal(0, 7))
    pieces = {piece.__name__: piece for piece in STYLES[style]}
    piece = list(pieces)[rng.integers(len(pieces))]
    plane = Plane.of(*size)
    light = pieces[composition or piece](plane, rng, colours)
    picture = develop(finish(light.astype(np.float32), plane, rng), plane)
    return picture, {"composition": composition or piece, "palette": palette or name}
