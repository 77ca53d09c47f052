"""Curated palettes, written in OKLCH and mixed in OKLab, so that every blend between two colours stays clean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# name: five stops from the deepest dark to the highest light, then one accent; each (lightness 0..1, chroma, hue in
# degrees)
OKLCH = {  # fmt: skip
    "ember": [
        (0.10, 0.03, 20),
        (0.28, 0.11, 25),
        (0.53, 0.19, 32),
        (0.74, 0.17, 58),
        (0.94, 0.09, 92),
        (0.62, 0.10, 220),
    ],
    "lava": [
        (0.07, 0.02, 300),
        (0.24, 0.12, 345),
        (0.50, 0.21, 18),
        (0.69, 0.20, 45),
        (0.91, 0.12, 85),
        (0.55, 0.20, 300),
    ],
    "saffron": [
        (0.15, 0.04, 45),
        (0.38, 0.10, 48),
        (0.65, 0.16, 65),
        (0.83, 0.15, 85),
        (0.96, 0.05, 95),
        (0.50, 0.12, 250),
    ],
    "rosewood": [
        (0.13, 0.04, 355),
        (0.33, 0.11, 8),
        (0.56, 0.15, 15),
        (0.77, 0.10, 35),
        (0.94, 0.04, 60),
        (0.62, 0.09, 185),
    ],
    "moss": [
        (0.11, 0.02, 160),
        (0.29, 0.06, 148),
        (0.50, 0.11, 132),
        (0.72, 0.13, 115),
        (0.93, 0.08, 105),
        (0.66, 0.15, 45),
    ],
    "fern": [
        (0.09, 0.03, 185),
        (0.31, 0.08, 168),
        (0.55, 0.13, 152),
        (0.78, 0.15, 130),
        (0.96, 0.08, 110),
        (0.70, 0.15, 10),
    ],
    "lichen": [
        (0.16, 0.02, 80),
        (0.38, 0.04, 115),
        (0.59, 0.06, 125),
        (0.79, 0.06, 100),
        (0.95, 0.03, 90),
        (0.60, 0.15, 40),
    ],
    "clay": [
        (0.15, 0.03, 35),
        (0.37, 0.08, 38),
        (0.58, 0.12, 45),
        (0.77, 0.08, 62),
        (0.94, 0.03, 80),
        (0.50, 0.08, 200),
    ],
    "tide": [
        (0.08, 0.03, 250),
        (0.26, 0.08, 242),
        (0.49, 0.12, 220),
        (0.74, 0.12, 195),
        (0.96, 0.05, 180),
        (0.72, 0.16, 35),
    ],
    "abyss": [
        (0.06, 0.02, 270),
        (0.20, 0.10, 265),
        (0.43, 0.16, 257),
        (0.68, 0.13, 228),
        (0.94, 0.06, 200),
        (0.75, 0.15, 70),
    ],
    "aurora": [
        (0.07, 0.03, 280),
        (0.25, 0.12, 285),
        (0.49, 0.12, 215),
        (0.77, 0.16, 165),
        (0.96, 0.10, 130),
        (0.62, 0.24, 340),
    ],
    "dusk": [
        (0.11, 0.05, 285),
        (0.30, 0.12, 295),
        (0.53, 0.17, 342),
        (0.76, 0.14, 32),
        (0.95, 0.08, 78),
        (0.70, 0.11, 215),
    ],
    "violet": [
        (0.08, 0.04, 290),
        (0.27, 0.16, 290),
        (0.50, 0.21, 302),
        (0.71, 0.16, 322),
        (0.94, 0.05, 345),
        (0.80, 0.14, 85),
    ],
    "ink": [
        (0.07, 0.01, 265),
        (0.24, 0.02, 262),
        (0.50, 0.02, 250),
        (0.77, 0.02, 90),
        (0.97, 0.02, 90),
        (0.60, 0.21, 27),
    ],
    "neon": [
        (0.06, 0.03, 290),
        (0.28, 0.17, 283),
        (0.60, 0.25, 342),
        (0.77, 0.14, 215),
        (0.96, 0.07, 190),
        (0.90, 0.18, 110),
    ],
    "riso": [
        (0.18, 0.07, 272),
        (0.45, 0.18, 266),
        (0.66, 0.20, 22),
        (0.85, 0.15, 82),
        (0.97, 0.02, 90),
        (0.72, 0.13, 180),
    ],
    "peacock": [
        (0.08, 0.03, 260),
        (0.27, 0.09, 245),
        (0.48, 0.11, 205),
        (0.70, 0.14, 165),
        (0.93, 0.10, 105),
        (0.64, 0.17, 35),
    ],
    "copper": [
        (0.07, 0.02, 230),
        (0.25, 0.05, 215),
        (0.47, 0.09, 60),
        (0.70, 0.13, 58),
        (0.94, 0.06, 80),
        (0.68, 0.10, 190),
    ],
    "glacier": [
        (0.09, 0.02, 255),
        (0.30, 0.05, 245),
        (0.54, 0.07, 232),
        (0.78, 0.06, 215),
        (0.97, 0.02, 200),
        (0.68, 0.17, 25),
    ],
    "opal": [
        (0.13, 0.05, 290),
        (0.38, 0.10, 300),
        (0.62, 0.11, 340),
        (0.80, 0.09, 60),
        (0.95, 0.04, 110),
        (0.74, 0.11, 195),
    ],
    "nocturne": [
        (0.05, 0.02, 265),
        (0.17, 0.07, 275),
        (0.34, 0.14, 300),
        (0.60, 0.19, 8),
        (0.90, 0.11, 75),
        (0.66, 0.13, 215),
    ],
    "sakura": [
        (0.12, 0.04, 330),
        (0.34, 0.09, 345),
        (0.60, 0.13, 355),
        (0.81, 0.09, 10),
        (0.96, 0.03, 40),
        (0.60, 0.10, 170),
    ],
}

MOODS = {
    "warm": ("ember", "lava", "saffron", "rosewood", "clay", "copper"),
    "organic": ("moss", "fern", "lichen", "peacock", "sakura"),
    "night": ("tide", "abyss", "aurora", "dusk", "violet", "nocturne", "glacier"),
    "graphic": ("ink", "neon", "riso", "opal"),
}

_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_TO_RGB = np.array([
    [4.0767416621, -3.3077115913, 0.2309699292],
    [-1.2684380046, 2.6097574011, -0.3413193965],
    [-0.0041960863, -0.7034186147, 1.7076147010],
])  # fmt: skip


def oklab(lightness, chroma, hue):
    """OKLCH to OKLab: a = c cos h, b = c sin h; hue in degrees."""
    angle = np.deg2rad(hue)
    return np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)


def linear_rgb(lab):
    """OKLab (..., 3) to linear-light sRGB primaries; chroma shrinks until the colour is inside the gamut."""
    lab = np.asarray(lab, np.float64)

    def convert(scale):
        squeezed = lab * np.concatenate([np.ones_like(scale), scale, scale], axis=-1)
        return (squeezed @ _TO_LMS.T) ** 3 @ _TO_RGB.T

    low, high = np.zeros_like(lab[..., :1]), np.ones_like(lab[..., :1])
    for _ in range(14):  # bisection on the chroma: lightness and hue are what the eye holds on to
        middle = (low + high) / 2
        rgb = convert(middle)
        inside = ((rgb > -1e-4) & (rgb < 1 + 1e-4)).all(-1, keepdims=True)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    rgb = convert(np.ones_like(low))
    inside = ((rgb > -1e-4) & (rgb < 1 + 1e-4)).all(-1, keepdims=True)
    return np.clip(np.where(inside, rgb, convert(low)), 0, 1)


@dataclass(frozen=True)
class Palette:
    """One palette as a table of linear light; `ramp` runs from its dark to its light, `accent` is its one surprise."""

    name: str
    table: np.ndarray
    accent: np.ndarray

    def ramp(self, t):
        """Colour at t (0 dark .. 1 light): (...) to linear rgb (..., 3), float32."""
        size = len(self.table) - 1
        return self.table[(np.clip(t, 0, 1) * size + 0.5).astype(np.int32)]


def palette(name: str, shift: float = 0.0, size: int = 2048) -> Palette:
    """The named palette, its hues turned by `shift` degrees: small turns give siblings, not strangers."""
    stops = np.array(OKLCH[name], np.float64)
    lab = oklab(stops[:, 0], stops[:, 1], stops[:, 2] + shift)
    at = np.linspace(0, 4, size)
    whole = np.minimum(at.astype(int), 3)
    part = (at - whole)[:, None]
    ramp = lab[whole] * (1 - part) + lab[whole + 1] * part
    kernel = np.hanning(size // 8 + 1)
    kernel /= kernel.sum()
    padded = np.pad(ramp, ((size // 16, size // 16), (0, 0)), mode="edge")
    columns = [np.convolve(padded[:, i], kernel, mode="valid") for i in range(3)]  # rounds the corners at the stops
    ramp = np.stack(columns, axis=-1)
    return Palette(name, linear_rgb(ramp).astype(np.float32), linear_rgb(lab[5]).astype(np.float32))
