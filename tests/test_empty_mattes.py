"""Rows in which neutral mattes are empty: the pixel code of their nodes is left out there, and the bits stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreter import Interpreter

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.node import DeclarationError
from n2s.graph.types import Frames, Matte
from n2s.nodes.grain import Grain
from n2s.nodes.mattes import RadialMatte
from n2s.nodes.mix import Over
from n2s.nodes.titles import Title
from n2s.nodes.tone import Tone
from n2s.plan.stages import FULL, Kernel
from n2s.runtime.render.kernels import Picture, Program, compile_program, dither_pattern, program_of
from n2s.runtime.render.kernels.numba_rows import source_of

SIZE = WIDTH, HEIGHT = 40, 24
SMALL, LARGE = (12, 20), (48, 80)


def titled(shade: tuple[int, int], output: str = "frames", last: bool = False) -> Program:
    """The program of a title and a front over a toned picture; the front has the title's shade for a matte."""
    wiring = ((("input", 0),), (("step", 0), ("input", 1), ("input", 2)), (("step", 1), ("input", 0), ("input", 2)))
    nodes = {"toned": Tone(), "title": Title(text="a"), "over": Over()}
    if not last:
        wiring, nodes = (*wiring, (("step", 2),)), nodes | {"grain": Grain()}
    kernel = Kernel(tuple(nodes), ("film", "letters", "shade"), wiring, ("step", len(nodes) - 1))
    pictures = [Picture(False, (HEIGHT, WIDTH)), Picture(False, (HEIGHT, WIDTH), 1), Picture(False, shade, 1)]
    return program_of(kernel, nodes, pictures, output, SIZE)


def pictures_for(shade: tuple[int, int]) -> list[np.ndarray]:
    """Return a picture and two mattes for two frames, the second of which has no letters; some values are -0."""
    random = np.random.default_rng(5)
    film = random.normal(0.5, 0.6, (2, 3, HEIGHT, WIDTH)).astype(np.float32)
    film[:, :, :, ::7] = -0.0
    mattes = [np.zeros((2, 1, *shape), np.float32) for shape in ((HEIGHT, WIDTH), shade)]
    mattes[0][0, 0, 6:9, 5:20] = random.random((3, 15), np.float32)
    mattes[0][0, 0, 14, 3] = -0.0
    mattes[1][0, 0, 2 : shade[0] // 3, 2:9] = 0.75
    mattes[1][0, 0, -2] = -0.0
    return [film, *mattes]


def run(compile_: Any, program: Program, folder: Path, pictures: list[np.ndarray]) -> tuple[bytes, bool]:
    random = np.random.default_rng(9)
    uniforms = random.random((2, sum(len(pixel.uniforms) for pixel in program.pixels)), np.float32)
    seeds = random.integers(0, 2**32, len(program.pixels), np.uint32)
    layout = program.store.layout
    out = np.zeros((2, *layout.shape(SIZE)), layout.dtype)
    with np.errstate(invalid="ignore"):
        flag = compile_(program, folder)(3, seeds, uniforms, dither_pattern(True, WIDTH), pictures, out)
    return out.tobytes(), flag


@pytest.mark.parametrize(
    ("shade", "output", "last"), [(SMALL, "frames", True), (SMALL, "yuv8", False), (LARGE, "frames", False)]
)
def test_rows_without_letters_have_the_same_bits(
    shade: tuple[int, int], output: str, last: bool, kernel_cache: Path
) -> None:
    program, pictures = titled(shade, output, last), pictures_for(shade)
    made = run(compile_program, program, kernel_cache, pictures)
    assert made == run(Interpreter().compile, program, kernel_cache, pictures) and not made[1]


@pytest.mark.parametrize("picture", [0, 1, 2])
def test_what_is_not_finite_is_seen_in_every_row(picture: int, kernel_cache: Path) -> None:
    program, pictures = titled(SMALL), pictures_for(SMALL)
    for row in (7, 11):  # with letters and without
        broken = [each.copy() for each in pictures]
        broken[picture][0, 0, row, 4] = np.nan
        assert run(compile_program, program, kernel_cache, broken)[1]


def test_only_mattes_from_memory_are_looked_through() -> None:
    program = titled(SMALL)
    assert [pixel.neutral for pixel in program.pixels] == [(), (1, 4), (4,), ()]
    assert [pixel.passed for pixel in program.pixels][1:3] == [5, 6] and source_of(program).count(
        "if covered != 0"
    ) == 1
    assert ", 5 where 1 and 4 show nothing" in str(program)
    for matte, first in ((RadialMatte(), ("step", 0)), (Tone(), FULL)):
        wiring = (() if isinstance(matte, RadialMatte) else (("input", 0),), (("input", 0), ("input", 0), first))
        kernel = Kernel(("matte", "over"), ("film",), wiring, ("step", 1))
        pictures = [Picture(False, (HEIGHT, WIDTH))]
        program = program_of(kernel, {"matte": matte, "over": Over()}, pictures, "frames", SIZE)
        assert program.pixels[1].neutral == () and "covered" not in source_of(program)


def test_a_neutral_matte_is_one_of_its_ports() -> None:
    with pytest.raises(DeclarationError, match="neutral_mattes.*'frames' is none of its ports of mattes"):

        class Odd(Pointwise):
            """Name a picture in place of a matte."""

            frames: Frames = port("a picture")
            matte: Matte = port("a matte")
            amount: Param = param(0.5, ge=0, le=1, help="a number")
            neutral_mattes = ("frames",)

            @staticmethod
            def pixel(rgb, matte, at, amount):
                return rgb
