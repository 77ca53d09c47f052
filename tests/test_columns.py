"""Pixel code that is parted: what is the same in a column is worked out once for it, to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreter import Interpreter

from n2s.graph.declare import Node, Param, Pointwise, param, port
from n2s.graph.shader import luma, sin, smoothstep, uniform
from n2s.graph.types import Frames
from n2s.nodes.crt import CRT
from n2s.nodes.tone import Tone
from n2s.plan.stages import Kernel
from n2s.runtime.render.kernels import Picture, Program, compile_program, dither_pattern, program_of
from n2s.runtime.render.kernels.by_column import by_column
from n2s.runtime.render.kernels.pixels import read_pixel

SIZE = WIDTH, HEIGHT = 22, 13


def weighed(x, amount):
    return sin(x * amount), x - amount


class Numbered(Pointwise):
    """The base of nodes of the tests."""

    frames: Frames = port("a picture")
    amount: Param = param(0.5, ge=0, le=1, help="a number")

    neutral = {"amount": 0}


class Given(Numbered):
    """Names that are given other values: of a column, of a row, of a pixel and of all."""

    @staticmethod
    def pixel(rgb, at, amount):
        x, still = at.u * 3, amount * 2
        x, y = at.v + x, x - still
        still *= y
        y = y * y
        waves, rest = weighed(at.x, amount)
        waves = waves + smoothstep(0, 1, at.u) if at.u > 0.4 else y
        return rgb[0] * x + waves, rgb[1] + still * rest, at.u * 2 + y * rgb[2] + y * at.radius


class Branching(Numbered):
    """A branch: such code stays whole."""

    @staticmethod
    def pixel(rgb, at, amount):
        x = at.u * amount
        if x > 0.25:
            x = x * 2
        return rgb[0] + x, rgb[1], rgb[2]


class Counting(Numbered):
    """A whole number of a column, which no row of float32 may hold: such code stays whole."""

    @staticmethod
    def pixel(rgb, at, amount):
        drawn = uniform(at.column * at.seed + at.row)
        return rgb[0] + drawn * amount, rgb[1], rgb[2]


class ByRow(Numbered):
    """Nothing that is the same in a column."""

    @staticmethod
    def pixel(rgb, at, amount):
        return rgb[0] + at.x, rgb[1] + sin(at.v) * amount, luma(rgb[0], rgb[1], rgb[2])


def chain(*nodes: Node) -> Program:
    steps = tuple(f"node{i}" for i in range(len(nodes)))
    wiring = tuple((("step", i - 1) if i else ("input", 0),) for i in range(len(nodes)))
    kernel = Kernel(steps, ("film",), wiring, ("step", len(nodes) - 1))
    return program_of(kernel, dict(zip(steps, nodes)), [Picture(False, (HEIGHT, WIDTH))], "frames", SIZE)


def run(compile_: Any, program: Program, folder: Path) -> bytes:
    random = np.random.default_rng(7)
    columns = sum(len(pixel.uniforms) for pixel in program.pixels)
    seeds = random.integers(0, 2**32, len(program.pixels), np.uint32)
    picture, out = random.random((2, 3, HEIGHT, WIDTH), np.float32), np.zeros((2, 3, HEIGHT, WIDTH), np.float32)
    uniforms = random.random((2, columns), np.float32) + np.float32(0.1)
    assert not compile_(program, folder)(5, seeds, uniforms, dither_pattern(True, WIDTH), [picture], out)
    return out.tobytes()


@pytest.mark.parametrize(
    "nodes", [(Given(),), (Tone(), CRT(pattern="shadow"), Given()), (Counting(), ByRow(), Branching())]
)
def test_parted_code_gives_the_bits_of_whole_code(nodes: tuple[Node, ...], kernel_cache: Path) -> None:
    """The interpreter goes through whole code, pixel by pixel, and two frames have other numbers."""
    program = chain(*nodes)
    made = run(compile_program, program, kernel_cache)
    assert made == run(Interpreter().compile, program, kernel_cache)
    assert made[: len(made) // 2] != made[len(made) // 2 :]


def test_what_is_the_same_in_a_column_leaves_the_pixel() -> None:
    made = by_column(read_pixel(CRT))
    assert made is not None and made.count == 2
    assert "cos(turns)" in made.columns_text and "turns" not in made.pixel_text
    made = by_column(read_pixel(Given))
    assert made is not None and "weighed" in made.columns_text and "weighed" not in made.pixel_text
    assert "smoothstep" in made.columns_text and "smoothstep" not in made.pixel_text


@pytest.mark.parametrize("cls", [Branching, Counting, ByRow])
def test_what_cannot_be_parted_stays_whole(cls: type[Pointwise]) -> None:
    assert by_column(read_pixel(cls)) is None
