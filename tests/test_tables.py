"""Tables that pixel code reads: what is read, to which bits, what is refused, and what of them is in keys."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from interpreter import Interpreter

from n2s import Graph
from n2s.graph.declare import Cube, DeclarationError, Line, Param, Pointwise, Tile, param, port
from n2s.graph.errors import RenderError
from n2s.graph.shader import mix, read_cube, read_line, read_tile, tile_place
from n2s.graph.types import Frames
from n2s.nodes import AudioSource, DigestSink, Grain, ImageSource, Tone
from n2s.plan.stages import Kernel
from n2s.runtime.render.kernels import Picture, PixelError, Program, compile_program, dither_pattern, program_of
from n2s.runtime.render.kernels.numba_loops import loops_of

WIDTH, HEIGHT, FRAMES = 24, 16, 3
f32 = np.float32


class Lined(Pointwise):
    """Read a line that moves, or one that stands still."""

    frames: Frames = port("what is coloured")
    amount: Param = param(0.5, ge=0, le=1, help="how much")
    tables = {"gradient": Line()}

    @staticmethod
    def pixel(rgb, at, amount, gradient):
        r, g, b = read_line(gradient, rgb[0])
        return mix(rgb[0], r, amount), mix(rgb[1], g, amount), mix(rgb[2], b, amount)


class Cubed(Pointwise):
    """Read a cube and return what is there."""

    frames: Frames = port("what is coloured")
    tables = {"cube": Cube()}

    @staticmethod
    def pixel(rgb, at, cube):
        return read_cube(cube, rgb[0], rgb[1], rgb[2])


class Tiled(Pointwise):
    """Add one tile of numbers, and one of colours read where the first one says."""

    frames: Frames = port("what is coloured")
    shift: Param = param(0.0, ge=-100, le=100, help="how far to the right")
    tables = {"colours": Tile(), "numbers": Tile(channels=1)}

    @staticmethod
    def pixel(rgb, at, colours, shift, numbers):
        r, g, b = read_tile(colours, at.x + shift, at.y + read_tile(numbers, at.x, at.y))
        return rgb[0] + r, rgb[1] + g, rgb[2] + b


RANDOM = np.random.default_rng(8)
LINE = RANDOM.random((1, 9, 3))
LINES = RANDOM.random((FRAMES, 6, 3))
CUBE = RANDOM.random((1, 4, 4, 4, 3))
COLOURS, NUMBERS = RANDOM.random((1, 5, 7, 3)), RANDOM.integers(-9, 9, (1, 3, 4)).astype(float)


def packed(node: type[Pointwise], *tables: np.ndarray) -> list[np.ndarray]:
    return [table.packed(values) for table, values in zip(node.tables.values(), tables)]


def chain(*classes: Callable[[], Pointwise], output: str = "frames") -> Program:
    wiring = tuple((("step", i - 1) if i else ("input", 0),) for i in range(len(classes)))
    steps = tuple(f"node{i}" for i in range(len(classes)))
    kernel = Kernel(steps, ("film",), wiring, ("step", len(classes) - 1))
    return program_of(
        kernel,
        {step: cls() for step, cls in zip(kernel.steps, classes)},
        [Picture(False, (HEIGHT, WIDTH))],
        output,
        (WIDTH, HEIGHT),
    )


def colours(low: float = -0.5, high: float = 1.5) -> np.ndarray:
    return np.random.default_rng(3).uniform(low, high, (FRAMES, 3, HEIGHT, WIDTH)).astype(f32)


def run(back_end: Any, program: Program, folder: Path, picture: np.ndarray, tables: list[np.ndarray]) -> Any:
    layout = program.store.layout
    out = np.zeros((FRAMES, *layout.shape((WIDTH, HEIGHT))), layout.dtype)
    columns = sum(len(pixel.uniforms) for pixel in program.pixels)
    uniforms = np.random.default_rng(5).random((FRAMES, columns), f32)
    seeds = np.arange(1, 1 + len(program.pixels), dtype=np.uint32)
    doubtful = back_end(program, folder)(7, seeds, uniforms, dither_pattern(True, WIDTH), [picture], out, tables)
    return out, uniforms, doubtful


EVERY_TABLE = packed(Cubed, CUBE) + packed(Lined, LINE) + packed(Tiled, COLOURS, NUMBERS)


@pytest.mark.parametrize("output", ["frames", "yuv8"])
@pytest.mark.parametrize(
    ("classes", "tables"),
    [
        ((Lined,), packed(Lined, LINE)),
        ((Lined,), packed(Lined, LINES)),
        ((Cubed,), packed(Cubed, CUBE)),
        ((Tiled,), packed(Tiled, COLOURS, NUMBERS)),
        ((Tone, Lined, Grain), packed(Lined, LINES)),
        ((Tone, Cubed, Grain, Lined, Tiled), EVERY_TABLE),
    ],
    ids=["line", "lines", "cube", "tiles", "between", "several"],
)  # fmt: skip
def test_both_back_ends_read_the_same_bits(classes: Any, tables: Any, output: str, kernel_cache: Path) -> None:
    program, picture = chain(*classes, output=output), colours()
    made, _, doubtful = run(compile_program, program, kernel_cache, picture, tables)
    again, _, _ = run(Interpreter().compile, program, kernel_cache, picture, tables)
    assert made.tobytes() == again.tobytes() and made.std() > 0 and not doubtful


def line_at(line: np.ndarray, t: float) -> np.ndarray:
    """The formula of a line in float64."""
    place = min(max(t, 0.0), 1.0) * (len(line) - 1)
    row = min(int(place), len(line) - 2)
    return line[row] + (line[row + 1] - line[row]) * (place - row)


def cube_at(cube: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The formula of a cube in float64: from corner to corner, along the axes in the order of their fractions."""
    n = len(cube)
    place = np.clip(colour, 0, 1) * (n - 1)
    corner = np.minimum(place.astype(int), n - 2)
    part = place - corner
    order = np.argsort(-part, kind="stable")
    weights = np.concatenate([[1], part[order]]) - np.concatenate([part[order], [0]])
    total = weights[0] * cube[tuple(corner)]
    for axis, weight in zip(order, weights[1:]):
        corner[axis] += 1
        total = total + weight * cube[tuple(corner)]
    return total


def test_a_line_against_its_formula(kernel_cache: Path) -> None:
    picture = colours()
    made, uniforms, _ = run(compile_program, chain(Lined), kernel_cache, picture, packed(Lined, LINES))
    for frame, y, x in itertools.product(range(FRAMES), range(HEIGHT), range(WIDTH)):
        rgb = picture[frame, :, y, x].astype(float)
        wanted = rgb + (line_at(LINES[frame], rgb[0]) - rgb) * uniforms[frame, 0]
        np.testing.assert_allclose(made[frame, :, y, x], wanted, atol=2e-6)


def test_a_cube_against_its_formula(kernel_cache: Path) -> None:
    picture = colours()
    picture[0, :, 0] = RANDOM.integers(0, 4, (3, WIDTH)) / f32(3)  # corners, where all fractions are equal
    picture[0, 1, 1:3] = picture[0, 0, 1:3]
    picture[0, 2, 2:4] = picture[0, 1, 2:4]
    made, _, _ = run(compile_program, chain(Cubed), kernel_cache, picture, packed(Cubed, CUBE))
    for frame, y, x in itertools.product(range(FRAMES), range(HEIGHT), range(WIDTH)):
        wanted = cube_at(CUBE[0], picture[frame, :, y, x].astype(float))
        np.testing.assert_allclose(made[frame, :, y, x], wanted, atol=3e-6)


@pytest.mark.parametrize("size", [2, 3, 33, 129])
def test_a_cube_of_a_linear_function_gives_it(size: int, kernel_cache: Path) -> None:
    step = np.linspace(0, 1, size)
    r, g, b = np.meshgrid(step, step, step, indexing="ij")
    cube = np.stack([0.2 * r + 0.5 * g + 0.3 * b, 1 - b, 0.25 + 0.5 * r], axis=-1)[None]
    picture = colours(0, 1)
    made, _, _ = run(compile_program, chain(Cubed), kernel_cache, picture, packed(Cubed, cube))
    r, g, b = picture.astype(float).transpose(1, 0, 2, 3)
    wanted = np.stack([0.2 * r + 0.5 * g + 0.3 * b, 1 - b, 0.25 + 0.5 * r], axis=1)
    np.testing.assert_allclose(made, wanted, atol=3e-7 * max(4, size / 8))


def test_tiles_against_a_plain_loop(kernel_cache: Path) -> None:
    picture = colours()
    made, uniforms, _ = run(compile_program, chain(Tiled), kernel_cache, picture, packed(Tiled, COLOURS, NUMBERS))
    for frame, y, x in itertools.product(range(FRAMES), range(HEIGHT), range(WIDTH)):
        row = y + int(NUMBERS[0, y % 3, x % 4])
        column = math.floor(f32(x) + uniforms[frame, 0])
        wanted = picture[frame, :, y, x] + COLOURS[0, row % 5, column % 7].astype(f32)
        np.testing.assert_array_equal(made[frame, :, y, x], wanted)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 3e38, -3e38])
@pytest.mark.parametrize(
    ("reader", "table", "places"),
    [(read_line, LINE[0], 1), (read_cube, CUBE[0], 3), (read_tile, COLOURS[0], 2), (read_tile, NUMBERS[0], 2)],
)
def test_no_place_lies_outside_a_table(reader: Any, table: np.ndarray, places: int, odd: float) -> None:
    with np.errstate(all="ignore"):
        for which in range(places):
            given = [f32(0.4)] * places
            given[which] = f32(odd)
            assert np.isfinite(reader(table.astype(f32), *given)).all()
    with np.errstate(all="ignore"):
        for value in (odd, -1e-30, 6.9999995, 1e9):
            assert 0 <= tile_place(f32(5), f32(7), f32(value), f32(value)) <= 34


@pytest.mark.parametrize("classes", [(Lined,), (Cubed,), (Tone, Cubed, Grain)])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("channel", range(3))
def test_what_is_not_finite_is_seen_although_tables_swallow_it(
    classes: Any, odd: float, channel: int, kernel_cache: Path
) -> None:
    tables = packed(Lined, LINE) if Lined in classes else packed(Cubed, CUBE)
    picture = colours(0, 1)
    assert not run(compile_program, chain(*classes), kernel_cache, picture, tables)[2]
    picture[1, channel, 2, 3] = odd
    for back_end in (compile_program, Interpreter().compile):
        with np.errstate(all="ignore"):
            assert run(back_end, chain(*classes), kernel_cache, picture, tables)[2]


@pytest.mark.parametrize(("grain", "apart"), [
    (partial(Grain, colour=0.4), [([2], -1, [2], [1]), ([3], 4, [3], [2])]),
    (Grain, [([2, 3], 4, [3], [1])]),  # as it is by default, short enough for the loop of what it follows
])  # fmt: skip
def test_a_read_parts_the_loop_over_a_row(grain: Any, apart: list[tuple]) -> None:
    told = [(loop.pixels, loop.reader, loop.kept, loop.taken) for loop in loops_of(chain(Tone, Cubed, grain, Tiled))]
    assert told == [([1], 2, [1], []), *apart, ([], 4, [], [3]), ([4], -1, [], [3])]
    assert len(loops_of(chain(Tone, grain))) == 1


def test_a_program_says_which_tables_it_reads() -> None:
    assert "pixel    Tiled of 0, given shift, the tile colours, the tile numbers" in str(chain(Tiled))


# Pixel code that reads in ways that cannot be parted; each class is one mistake.


def reads_inside(line, t):
    return read_line(line, t)


class _Wrong(Pointwise):
    frames: Frames = port("what is coloured")
    tables = {"line": Line(), "cube": Cube()}


class InABranch(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        if rgb[0] > 0:
            rgb = read_line(line, rgb[0])
        return rgb


class InAChoice(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        return read_line(line, rgb[0]) if rgb[1] > 0 else rgb


class OfAnotherKind(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        return read_cube(line, rgb[0], rgb[1], rgb[2])


class OfNoTable(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        return read_line(rgb, rgb[0])


class InAHelper(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        return reads_inside(rgb, rgb[0])


class ByHand(_Wrong):
    @staticmethod
    def pixel(rgb, at, line):
        r, g, b = read_line(line, rgb[0])
        return r, g, line[0, 0]


class TooFew(_Wrong):
    @staticmethod
    def pixel(rgb, at, cube):
        return read_cube(cube, rgb[0], rgb[1])


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (InABranch, "calls read_line in a branch or after one that returns; read first, and choose afterwards"),
        (InAChoice, "calls read_line in a branch"),
        (OfAnotherKind, "calls read_cube, which reads one of the node's tables by its name: cube"),
        (OfNoTable, "calls read_line, which reads one of the node's tables by its name: line"),
        (InAHelper, "reads_inside, which calls read_line; only pixel itself reads tables"),
        (ByHand, r"uses the table line; it may only be read, in pixel itself, by read_line\(line, …\)"),
        (TooFew, r"calls read_cube with other arguments than \(cube, r, g, b\)"),
    ],
)
def test_reads_that_cannot_be_parted_are_refused(cls: Any, said: str) -> None:
    with pytest.raises(PixelError, match=said):
        chain(cls)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tables": {"line": 3}}, "tables: tables by name were wanted"),
        ({"tables": [Line()]}, "tables: tables by name were wanted"),
        ({"tables": {"frames": Line()}}, "tables: frames is a field of the node already"),
    ],
)
def test_declarations_that_mean_nothing_are_refused(body: dict[str, Any], said: str) -> None:
    names = {"__module__": __name__, "__annotations__": {"frames": Frames}, "frames": port("a picture")}
    with pytest.raises(DeclarationError, match=said):
        type("Odd", (Pointwise,), names | {"pixel": staticmethod(lambda rgb, at: rgb)} | body)
    with pytest.raises(ValueError, match="a Tile has 1 or 3 channels, not 2"):
        Tile(channels=2)


GIVEN: dict[str, Any] = {}


class Filled(Pointwise):
    """Give what a test wants it to give."""

    frames: Frames = port("what is coloured")
    amount: Param = param(0.5, ge=0, le=1, help="how much")
    tables = {"line": Line()}

    def fill(self, scene: Any) -> Any:
        return GIVEN["fill"]

    def prepare(self, amount: np.ndarray) -> dict[str, Any]:
        return GIVEN["prepare"](amount) if "prepare" in GIVEN else {"amount": amount}

    @staticmethod
    def pixel(rgb, at, line, amount):
        r, g, b = read_line(line, amount)
        return r, g, b


def filled(studio: Any, store: Any, fill: Any, prepare: Any = None, amount: Any = 0.5) -> np.ndarray:
    GIVEN.clear()
    GIVEN.update({"fill": fill} | ({"prepare": prepare} if prepare else {}))
    film = Filled(amount=amount)(ImageSource(path="picture.png")(), name="coloured")
    graph = graph_of(film, studio)
    return harness.frames(graph, store, "coloured", [(0, 6)])


def graph_of(film: Any, studio: Any) -> Graph:
    sink = DigestSink(path="frames.txt")(film, AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), base=studio.folder)


def test_what_prepare_gives_takes_the_place_of_what_fill_gave(studio: Any, store: Any) -> None:
    still = np.array([[0, 0, 0], [1, 0.5, 0.25]])
    np.testing.assert_allclose(filled(studio, store, {"line": still})[:, :, 0, 0], [[0.5, 0.25, 0.125]] * 6)
    moving = lambda amount: {"amount": amount, "line": np.stack([still * a for a in amount])}  # noqa: E731
    made = filled(studio, store, {"line": still}, moving)
    np.testing.assert_allclose(made[:, :, 0, 0], [[0.25, 0.125, 0.0625]] * 6)
    made = filled(studio, store, {"line": still, "amount": 1}, lambda amount: {})
    np.testing.assert_allclose(made[:, :, 0, 0], [[1, 0.5, 0.25]] * 6)  # a number that fill gave


@pytest.mark.parametrize(
    ("fill", "prepare", "said"),
    [
        (3, None, "fill gave an int; tables by name were wanted"),
        ({}, None, "neither fill nor prepare gave the table line, which pixel reads"),
        ({"line": [[0, 0, 0]] * 2}, None, "fill gave a list for the table line; a Line"),
        ({"line": np.zeros((1, 3))}, None, r"fill gave float64 \(1, 3\) .* a Line \(n, 3\) with n from 2 to 65536"),
        ({"line": np.zeros((4, 4))}, None, r"fill gave float64 \(4, 4\)"),
        ({"line": np.zeros((4, 3), complex)}, None, "fill gave complex128"),
        ({"line": np.full((4, 3), np.nan)}, None, "with NaN in it; finite numbers were wanted"),
        ({"line": np.full((4, 3), 1e300)}, None, "with infinity in it"),
        ({}, lambda amount: {"amount": amount, "line": np.zeros((4, 3))}, r"prepare gave float64 \(4, 3\) .* frames"),
    ],
)
def test_tables_that_are_none_are_refused(fill: Any, prepare: Any, said: str, studio: Any, store: Any) -> None:
    with pytest.raises(RenderError, match=f"coloured \\(Filled\\): .*{said}"):
        filled(studio, store, fill, prepare)


def test_nan_before_a_table_is_told_with_its_node_and_frame(studio: Any, store: Any) -> None:
    GIVEN.clear()
    GIVEN.update({"fill": {"line": np.zeros((2, 3))}})
    bright = Tone(exposure=8, contrast=4)(ImageSource(path="picture.png")(), name="first")
    for i in range(21):  # the last one is in the kernel of the read
        bright = Tone(exposure=8, contrast=4)(bright, name=f"more{i}")
    graph = graph_of(Filled()(bright, name="coloured"), studio)
    with pytest.raises(RenderError, match=r"more20 \(Tone\): its frames hold NaN at frame 0"):
        harness.codes(graph, store)
