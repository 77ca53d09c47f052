"""Scalar fields over the picture plane: coordinates, noise, distances. All lengths are in picture heights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Plane:
    """Where each pixel lies: x, y (h, w) float32 in picture heights, the origin in the middle, y downwards."""

    x: np.ndarray
    y: np.ndarray
    pixel: float
    aspect: float

    @staticmethod
    def of(height: int, width: int) -> "Plane":
        y = ((np.arange(height) + 0.5) / height - 0.5).astype(np.float32)
        x = ((np.arange(width) + 0.5 - width / 2) / height).astype(np.float32)
        x, y = np.meshgrid(x, y)
        return Plane(x, y, 1 / height, width / height)

    def moved(self, dx=0.0, dy=0.0) -> "Plane":
        """The plane seen through a displacement; anything drawn on it is displaced."""
        return replace(self, x=(self.x + dx).astype(np.float32), y=(self.y + dy).astype(np.float32))

    def scaled(self, factor: float) -> "Plane":
        """The plane from further away: what is drawn on it becomes `factor` times smaller."""
        factor = np.float32(factor)
        return replace(self, x=self.x * factor, y=self.y * factor, pixel=self.pixel * float(factor))

    def turned(self, angle: float) -> "Plane":
        """The plane turned by an angle in radians."""
        c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return replace(self, x=c * self.x - s * self.y, y=s * self.x + c * self.y)


class Noise:
    """A periodic Gaussian random field with amplitude f^-slope between two frequencies; unit variance.

    One table holds all octaves: a whole fractal sum costs one look-up, and the picture does not depend on its size.
    Frequencies are cycles per `period`; the period is in picture heights. Size is that of the table.
    """

    def __init__(self, rng, slope=1.8, low=1.0, high=40.0, period=2.0, size=256):
        fy = np.fft.fftfreq(size, 1 / size)[:, None]
        fx = np.fft.rfftfreq(size, 1 / size)[None]
        f = np.hypot(fy, fx)
        gain = np.where(f >= low, np.maximum(f, 1e-9) ** -slope, 0) * np.exp(-((f / high) ** 2))
        spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * gain
        table = np.fft.irfft2(spectrum, s=(size, size))
        self.table = ((table - table.mean()) / table.std()).astype(np.float32)
        self.scale = np.float32(size / period)

    def __call__(self, x, y):
        """The field at (x, y), by a quadratic spline: smooth enough to be lit."""
        at = np.stack(np.broadcast_arrays(np.float32(y * self.scale), np.float32(x * self.scale)))
        return ndimage.map_coordinates(self.table, at, order=2, mode="grid-wrap", prefilter=False, output=np.float32)


class Flow:
    """A current without sources, the curl of a `Noise`: (u, v) = (dn/dy, -dn/dx), of unit mean square."""

    def __init__(self, rng, slope=2.6, high=8, period=2.4, size=128):
        noise = Noise(rng, slope, 1, high, period, size)
        u = np.roll(noise.table, -1, 0) - np.roll(noise.table, 1, 0)
        v = np.roll(noise.table, 1, 1) - np.roll(noise.table, -1, 1)
        rate = np.sqrt((u * u + v * v).mean())
        self.tables, self.scale = (u / rate, v / rate), noise.scale

    def carried(self, plane: Plane, length: float, steps=6) -> Plane:
        """The plane after a drift of about `length` heights: drawn on it, all is curled as by a liquid.

        The mean drift is taken off, so that what is in view stays there.
        """
        x, y = plane.x, plane.y
        for _ in range(steps):
            at = np.stack([y * self.scale, x * self.scale])
            u, v = (ndimage.map_coordinates(t, at, order=1, mode="grid-wrap", output=np.float32) for t in self.tables)
            x, y = x + np.float32(length / steps) * u, y + np.float32(length / steps) * v
        return replace(plane, x=x - (x - plane.x).mean(), y=y - (y - plane.y).mean())


class Growth:
    """Reaction and diffusion (Gray-Scott) on a periodic table: u' = 0.2 L u - u v² + feed (1 - u),
    v' = 0.1 L v + u v² - (feed + kill) v, with the five-point Laplacian L and steps of 1.

    `feed` and `kill` are numbers or tables. Grown from the places where `seeds` (size, size) is true. The pattern's
    wavelength is about 9 cells of the table; the period is in picture heights.
    """

    def __init__(self, seeds, feed, kill, steps=1500, period=2.2):
        size = len(seeds)
        u, v = np.ones((size + 2, size + 2), np.float32), np.zeros((size + 2, size + 2), np.float32)
        inner = (slice(1, -1), slice(1, -1))
        u[inner] -= np.float32(0.5) * seeds
        v[inner] += np.float32(0.5) * seeds
        feed, kill = np.float32(feed), np.float32(kill)
        fades = 1 - 4 * np.float32(0.2) - feed, 1 - 4 * np.float32(0.1) - feed - kill
        for _ in range(steps):
            eaten = u[inner] * v[inner] ** 2
            for a, rate, fade, gain in ((u, 0.2, fades[0], feed - eaten), (v, 0.1, fades[1], eaten)):
                a[0], a[-1] = a[-2], a[1]
                a[:, 0], a[:, -1] = a[:, -2], a[:, 1]
                around = a[:-2, 1:-1] + a[2:, 1:-1]
                around += a[1:-1, :-2]
                around += a[1:-1, 2:]
                around *= np.float32(rate)
                around += gain
                a[inner] *= fade
                a[inner] += around
        self.table = v[inner].copy()
        self.scale = np.float32(size / period)

    def __call__(self, x, y):
        """v at (x, y), 0 to about 0.45, by a cubic spline; the middle of the table lies in the middle of the plane."""
        half = len(self.table) / 2
        at = np.stack([np.float32(y * self.scale + half), np.float32(x * self.scale + half)])
        return ndimage.map_coordinates(self.table, at, order=3, mode="grid-wrap", output=np.float32)


def smoothstep(a, b, t):
    """0 below a, 1 above b, s = 3u² - 2u³ between."""
    u = np.clip((t - a) / (b - a), 0, 1)
    return u * u * (3 - 2 * u)


def inside(distance, plane: Plane, soft=0.0):
    """Coverage of a shape by its signed distance (negative inside): a pixel of soft edge, or `soft` heights."""
    edge = max(soft, plane.pixel * 0.9)
    return smoothstep(edge, -edge, distance)


def sampled(drawn, plane: Plane):
    """The mean of `drawn(plane)` at four points of each pixel: for edges that have no distance field."""
    q = plane.pixel / 4
    return sum(drawn(plane.moved(dx, dy)) for dx, dy in ((-q, -q / 2), (q, q / 2), (-q / 2, q), (q / 2, -q))) / 4


def disc(plane: Plane, cx, cy, radius):
    """Signed distance to a disc."""
    return np.hypot(plane.x - cx, plane.y - cy) - radius


def box(plane: Plane, cx, cy, half_w, half_h, corner=0.0):
    """Signed distance to a box with rounded corners."""
    dx = np.abs(plane.x - cx) - (half_w - corner)
    dy = np.abs(plane.y - cy) - (half_h - corner)
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - corner


def cells(plane: Plane, points):
    """Voronoi: distance to the nearest point and to the border (second minus first, halved); the nearest's index."""
    first = np.full(plane.x.shape, 1e9, np.float32)
    second = first.copy()
    index = np.zeros(plane.x.shape, np.int32)
    for i, (px, py) in enumerate(points):
        d = (plane.x - np.float32(px)) ** 2 + (plane.y - np.float32(py)) ** 2
        nearer = d < first
        second = np.where(nearer, first, np.minimum(second, d))
        first = np.where(nearer, d, first)
        index[nearer] = i
    first, second = np.sqrt(first), np.sqrt(second)
    return first, (second - first) / 2, index


def scattered(rng, count, aspect, spread=1.0, tries=12):
    """Points that keep their distance (best candidate), over the picture and a margin. (count, 2), in heights."""
    half = np.array([aspect / 2 + 0.15, 0.65]) * spread
    candidates = rng.uniform(-1, 1, (count, tries, 2)) * half
    points = [candidates[0, 0]]
    for group in candidates[1:]:
        gaps = np.linalg.norm(group[:, None] - np.array(points)[None], axis=-1).min(1)
        points.append(group[gaps.argmax()])
    return np.array(points)


def slope(field, plane: Plane):
    """Gradient of a field per picture height: (d/dx, d/dy)."""
    dy, dx = np.gradient(field)
    return dx / plane.pixel, dy / plane.pixel


def lit(field, plane: Plane, relief, light=(-0.5, -0.7, 0.6)):
    """Lambert shading of a height field, 0..1: relief in picture heights per unit of the field."""
    dx, dy = slope(field, plane)
    lx, ly, lz = np.array(light) / np.linalg.norm(light)
    return np.clip((lz - relief * (dx * lx + dy * ly)) / np.sqrt(1 + relief**2 * (dx * dx + dy * dy)), 0, 1)
