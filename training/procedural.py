"""Abstract art from numbers: the pictures the decoder learns from, and so the source of what the films look like.

    picture = render("organic", seed=7, index=3, size=(512, 512))        # float32 (h, w, 3), 0..1, display-referred

A picture is a function of (style, seed, index); the size only says how finely it is sampled, and a wider one shows more of the plane.
`python -m training.procedural sheet.png` writes a contact sheet.
"""

from __future__ import annotations

import argparse

import numpy as np

from . import palettes
from .fields import Plane
from .paint import develop
from .styles import abstract, color_field, glitch, noise, organic

STYLES = {
    "abstract": abstract.COMPOSITIONS,
    "glitch": glitch.COMPOSITIONS,
    "color-field": color_field.COMPOSITIONS,
    "noise": noise.COMPOSITIONS,
    "organic": organic.COMPOSITIONS,
}
# Which palettes a style prefers; the others stay possible, so that no style owns a colour.
PREFERRED = {
    "abstract": ("riso", "ink", "dusk", "saffron", "tide"),
    "glitch": ("neon", "aurora", "violet", "abyss", "lava"),
    "color-field": ("ember", "dusk", "rosewood", "abyss", "clay"),
    "noise": ("ember", "lava", "tide", "abyss", "aurora"),
    "organic": ("moss", "fern", "lichen", "clay", "rosewood"),
}


def generator(style: str, seed: int, index: int) -> np.random.Generator:
    """The one source of chance of a picture."""
    return np.random.Generator(np.random.PCG64([list(STYLES).index(style), seed, index]))


def render(style: str, seed: int, index: int, size=(512, 512), palette: str | None = None, composition: str | None = None) -> np.ndarray:
    """One picture, float32 (h, w, 3) in 0..1. `palette` and `composition` force a choice that chance makes otherwise."""
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; the styles are {', '.join(STYLES)}")
    rng = generator(style, seed, index)
    preferred = rng.random() < 0.6
    names = PREFERRED[style] if preferred else tuple(palettes.OKLCH)
    name = names[rng.integers(len(names))]
    colours = palettes.palette(palette or name, shift=rng.normal(0, 7))
    pieces = {piece.__name__: piece for piece in STYLES[style]}
    piece = list(pieces.values())[rng.integers(len(pieces))]
    plane = Plane.of(*size)
    picture = (pieces[composition] if composition else piece)(plane, rng, colours)
    return develop(picture.astype(np.float32), plane)


def sheet(pictures, columns: int, gap: int = 6) -> np.ndarray:
    """A contact sheet: pictures (h, w, 3) of one size to uint8 (H, W, 3)."""
    h, w, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    page = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 24, np.uint8)
    for k, picture in enumerate(pictures):
        y, x = gap + (k // columns) * (h + gap), gap + (k % columns) * (w + gap)
        page[y : y + h, x : x + w] = np.rint(np.clip(picture, 0, 1) * 255)
    return page


def main():
    from PIL import Image

    parser = argparse.ArgumentParser(description="Write a contact sheet of the procedural pictures.")
    parser.add_argument("path")
    parser.add_argument("--styles", nargs="*", default=list(STYLES), choices=list(STYLES))
    parser.add_argument("--composition")
    parser.add_argument("--palette")
    parser.add_argument("--count", type=int, default=6, help="pictures of each style")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 256), metavar=("HEIGHT", "WIDTH"))
    args = parser.parse_args()
    pictures = [render(s, args.seed, i, tuple(args.size), args.palette, args.composition) for s in args.styles for i in range(args.count)]
    Image.fromarray(sheet(pictures, args.count)).save(args.path)


if __name__ == "__main__":
    main()
