"""Kernels as data: what a program says, that another back end runs it to the same bits, and what is refused."""

from __future__ import annotations

import inspect
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreter import Interpreter
from lensed import Through, lens, through

from n2s.graph.declare import Pointwise
from n2s.nodes.camera import Camera
from n2s.nodes.grading import Filmic, Invert
from n2s.nodes.grain import Grain
from n2s.nodes.lenses import Glitch
from n2s.nodes.mattes import InvertMatte, LinearMatte, LumaMatte, NoiseField, RadialMatte
from n2s.nodes.mirrors import Tile
from n2s.nodes.mix import Mix, Over
from n2s.nodes.shifts import ChromaShift, Displace
from n2s.nodes.tone import Tone, Vignette
from n2s.plan.stages import FULL, Kernel
from n2s.runtime.render.kernels import (
    LAYOUTS,
    Picture,
    Program,
    compile_program,
    dither_pattern,
    numba_loops,
    program_of,
)
from n2s.runtime.render.kernels.numba_loops import MOST, loops_of, operations_of
from n2s.runtime.render.kernels.numba_rows import source_of
from n2s.runtime.render.kernels.program import Fit, Load, Sample, Store
from n2s.runtime.render.kernels.writer import Writer

SIZE = WIDTH, HEIGHT = 24, 16
SHAPES = {"fits": (16, 24), "larger": (30, 50), "smaller": (10, 17)}
FIRST = 5  # the number of the first frame


def stored(every: bool) -> list[tuple[str, str]]:
    """Return layouts of colours, each with shapes of a picture that is loaded.

    Each is a kernel to compile. How planes lie meets every shape; of how many bits the codes are, which changes what a
    value is multiplied by and not where it goes, does so only where ``every`` pair is wanted.
    """
    layouts = {name: layout for name, layout in LAYOUTS.items() if layout.channels == 3}
    alike = [
        [name for name in layouts if layouts[name].name == order] for order in {v.name: 0 for v in layouts.values()}
    ]
    some = [(names[i % len(names)], shape) for names in alike for i, shape in enumerate(SHAPES)]
    return list(itertools.product(layouts, SHAPES)) if every else some


STORED = stored(every=bool(os.environ.get("N2S_NIGHTLY")))


def chain(classes: Sequence[type[Pointwise]], shape: str, half: bool, output: str) -> Program:
    """The program of nodes behind one picture."""
    wiring = tuple((("step", i - 1) if i else ("input", 0),) for i in range(len(classes)))
    root = ("step", len(classes) - 1) if classes else ("input", 0)
    steps = tuple(f"node{i}" for i in range(len(classes)))
    kernel = Kernel(steps, ("film",), wiring, root)
    return program_of(kernel, named(kernel, *classes), [Picture(half, SHAPES[shape])], output, SIZE)


def named(kernel: Kernel, *classes: type[Pointwise]) -> dict[str, Pointwise]:
    """Nodes of the given types for the steps of a kernel."""
    return {step: cls() for step, cls in zip(kernel.steps, classes)}


def mixed(output: str) -> Program:
    """The program of a mix of two pictures, one of them toned first."""
    wiring = ((("input", 0),), (("step", 0), ("input", 1), FULL))
    kernel = Kernel(("toned", "mixed"), ("film", "picture"), wiring, ("step", 1))
    pictures = [Picture(True, SHAPES["larger"]), Picture(False, SHAPES["fits"])]
    return program_of(kernel, {"toned": Tone(), "mixed": Mix()}, pictures, output, SIZE)


def given(program: Program, frames: int = 2) -> dict[str, Any]:
    """Arguments of a run: colours beyond 0..1, uniforms of all kinds."""
    random = np.random.default_rng(3)
    shapes = {record.picture: SIZE[::-1] for record in program.records if isinstance(record, Load)} | {
        program.records[record.source].picture: record.where.shape
        for record in program.records
        if isinstance(record, Sample) and isinstance(record.where, Fit)
    }
    columns = sum(len(pixel.uniforms) for pixel in program.pixels)
    return {
        "seeds": random.integers(0, 2**32, max(1, len(program.pixels)), np.uint32),
        "uniforms": random.random((frames, columns), np.float32),
        "thresholds": dither_pattern(True, WIDTH),
        "pictures": [random.random((frames, 3, *shape), np.float32) * 3 - 1 for shape in shapes.values()],
    }


def run(back_end: Any, program: Program, folder: Path, **arguments: Any) -> np.ndarray:
    arguments = given(program) | arguments
    layout = program.store.layout
    out = np.zeros((len(arguments["uniforms"]), *layout.shape(program.size)), layout.dtype)
    assert not back_end(program, folder)(FIRST, out=out, **arguments)
    return out


@pytest.fixture(scope="module")
def folder(kernel_cache: Path) -> Path:
    return kernel_cache


def both(program: Program, folder: Path) -> np.ndarray:
    """Run a program by both back ends, to the same bits."""
    rows = run(compile_program, program, folder)
    assert rows.tobytes() == run(Interpreter().compile, program, folder).tobytes()
    return rows


@pytest.mark.parametrize(("output", "shape"), STORED)
def test_records_are_all_that_a_back_end_needs(output: str, shape: str, folder: Path) -> None:
    assert both(chain([Tone, Vignette, Grain], shape, shape == "larger", output), folder).std() > 0


@pytest.mark.parametrize("output", ["frames", "rgb8"])
def test_several_pictures(output: str, folder: Path) -> None:
    both(mixed(output), folder)


@pytest.mark.parametrize("cls", [RadialMatte, LinearMatte, NoiseField])
@pytest.mark.parametrize("output", ["matte", "frames", "yuv8"])
def test_mattes_of_their_own_place(cls: type[Pointwise], output: str, folder: Path) -> None:
    """A program may load nothing at all, or mix two pictures by what it makes itself."""
    if output == "matte":
        program = program_of(Kernel(("m",), (), ((),), ("step", 0)), {"m": cls()}, [], output, SIZE)
    else:
        wiring = ((), (("input", 0), ("input", 1), ("step", 0)))
        kernel = Kernel(("m", "over"), ("a", "b"), wiring, ("step", 1))
        program = program_of(kernel, named(kernel, cls, Over), [Picture(False, SHAPES["fits"])] * 2, output, SIZE)
    made = both(program, folder)
    assert made.std() > 0 and (output != "matte" or (made.min() >= 0 and made.max() <= 1))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [0, 1])
def test_a_loaded_matte_is_filtered_in_plain_values(shape: str, steps: int, folder: Path) -> None:
    """It is held within 0..1, whatever the filter adds at its edges."""
    classes = [InvertMatte] * steps
    wiring = ((("input", 0),),) * steps
    kernel = Kernel(("m",) * steps, ("p",), wiring, ("step", 0) if steps else ("input", 0))
    program = program_of(kernel, named(kernel, *classes), [Picture(False, SHAPES[shape], 1)], "matte", SIZE)
    hard = np.random.default_rng(4).integers(0, 2, (2, 1, *SHAPES[shape])).astype(np.float32)
    arguments = {"pictures": [hard], "uniforms": np.ones((2, steps), np.float32)}
    rows = run(compile_program, program, folder, **arguments)
    assert rows.tobytes() == run(Interpreter().compile, program, folder, **arguments).tobytes()
    assert rows.min() == 0 and rows.max() == 1


def test_no_steps(folder: Path) -> None:
    program = chain([], "fits", True, "frames")
    picture = given(program)["pictures"][0]
    np.testing.assert_array_equal(both(program, folder), picture.astype(np.float16).astype(np.float32))


THROUGH: dict[str, Through] = {
    "at rest": [lens(Camera)],
    "a pan": [lens(Camera, pan_x=[0.113, -0.4], pan_y=-0.27)],
    "in": [lens(Camera, zoom=2.7, pan_x=0.05)],
    "out, a little": [lens(Camera, zoom=1 / 1.5)],
    "out, farther": [lens(Camera, "wrap", zoom=1 / 3, pan_y=0.3)],
    "out, far": [lens(Camera, zoom=1 / 9)],
    "out, so far that no level is left": [lens(Camera, "clamp", zoom=1 / 40)],
    "turned": [lens(Camera, "clamp", turn=17, center_x=0.2)],
    "turned and out": [lens(Camera, "black", turn=-63, zoom=1 / 3.3)],
    "two": [lens(Camera, "wrap", zoom=0.4), lens(Camera, "black", turn=45, pan_x=0.4)],
    "three": [
        lens(Camera, "mirror", turn=5),
        lens(Camera, "black", zoom=0.8),
        lens(Camera, "wrap", turn=-20, zoom=0.7, pan_x=0.9),
    ],
    "colours apart": [lens(ChromaShift, radial=0.11, amount=0.04, angle=30)],
    "colours apart, behind a camera": [lens(Camera, zoom=0.6, turn=3), lens(ChromaShift, "black", radial=-0.2)],
    "colours apart, before a camera": [lens(ChromaShift, "wrap", radial=0.3), lens(Camera, zoom=0.3, turn=8)],
    "colours apart, far out": [lens(Camera, "clamp", zoom=1 / 9, turn=4), lens(ChromaShift, radial=-0.3)],
    "colours apart, out further along rows": [lens(Tile, columns=4.3, rows=1.1), lens(ChromaShift, radial=0.2)],
    "colours apart, out further along columns": [lens(Tile, "wrap", columns=1.1, rows=4.7), lens(ChromaShift)],
    "colours apart, displaced": [lens(Displace, move_x=0.5, move_y=0.2), lens(ChromaShift, "black", amount=0.1)],
    "displaced": [lens(Displace, move_x=0.2, move_y=-0.3)],
    "displaced, then turned": [lens(Displace, "black", move_x=0.3, middle=0.2), lens(Camera, turn=100)],
    "moving": [lens(Camera, turn=(-20, 30), zoom=([0.7, 1], [1.1, 1.02]))],
    "moving a little": [lens(Camera, "black", pan_x=(0.1, 0.15))],
    "one of two moves": [lens(Camera, turn=10), lens(ChromaShift, "clamp", amount=(0, 0.1))],
    "level rows, out further along rows": [lens(Tile, columns=4.3, rows=1.1)],
    "level rows, out further along columns": [lens(Tile, "wrap", columns=1.1, rows=4.7)],
    "level rows, displaced": [lens(Displace, move_x=0.3)],
    "level rows, bands": [lens(Glitch, amount=1, reach=0.3, bands=5)],
    "level rows, bands far out": [lens(Glitch, "clamp", amount=0.7, bands=7), lens(Camera, zoom=0.4)],
    "level rows, colours apart": [lens(ChromaShift, "mirror", radial=0, amount=0.043)],
}


SEEN = list(itertools.product(THROUGH, [(24, 16), (40, 27)]))
SEEN += [
    (case, (70, 66)) for case in THROUGH if case.startswith(("out", "turned", "two", "level", "colours"))
]  # with levels


@pytest.mark.parametrize(("case", "size"), SEEN, ids=str)
def test_lenses(case: str, size: tuple[int, int], folder: Path) -> None:
    """The twin reads every map to the same bits."""
    program, arguments = through(THROUGH[case], size)
    made = run(compile_program, program, folder, **arguments)
    assert made.tobytes() == run(Interpreter().compile, program, folder, **arguments).tobytes()
    assert made.std() > 0.01


def test_what_a_program_says() -> None:
    text = str(chain([Tone, Grain], "larger", True, "yuv10"))
    assert text.splitlines() == [
        "0  load     picture 0, rounded to float16",
        "1  sample   0 where 24x16 comes from 50x30",
        "2  filter   1 by 8 rows and 8 columns, from to_light to to_display",
        "3  pixel    Tone of 2, given red, green, blue, lift, saturation",
        "4  pixel    Grain of 3, given amount",
        "5  store    4 as yuv420p, 10 bits",
    ]
    assert str(chain([], "fits", False, "frames")) == "0  load     picture 0\n1  store    0 as planar, 32 bits"


def test_what_a_program_of_mattes_says() -> None:
    wiring = ((), (("input", 0),), (("input", 0), ("input", 1), ("step", 0)), (("step", 2), ("step", 2), FULL))
    kernel = Kernel(("disc", "luma", "over", "mix"), ("film", "picture.matte"), wiring, ("step", 1))
    pictures = [Picture(True, SHAPES["fits"]), Picture(False, SHAPES["larger"], 1)]
    text = str(program_of(kernel, named(kernel, RadialMatte, LumaMatte, Over, Mix), pictures, "matte", SIZE))
    assert text.splitlines() == [
        "0  load     picture 0, rounded to float16",
        "1  load     matte 1",
        "2  sample   1 where 24x16 comes from 50x30",
        "3  filter   2 by 8 rows and 8 columns, held within 0..1",
        "4  full     a matte that is 1 everywhere",
        "5  pixel    RadialMatte, given x, y, low, high, a matte",
        "6  pixel    LumaMatte of 0, given low, high, a matte",
        "7  pixel    Over of 0, 3, 5, given amount",
        "8  pixel    Mix of 7, 7, 4, given amount",
        "9  store    6 as planar, 32 bits, one channel",
    ]


def test_functions_are_taken_into_the_loop_over_pixels() -> None:
    """A loop with calls does not vectorise, and calls are what LLVM makes of long functions and frequent ones."""
    wiring = ((),)
    sources = [source_of(program_of(Kernel(("m",), (), wiring, ("step", 0)), {"m": cls()}, [], "matte", SIZE))
               for cls in (RadialMatte, NoiseField)]  # fmt: skip
    assert all(source.count("forceinline") == source.count("\ndef ") - 2 for source in sources)


AROUND_LONG = [Tone, Invert, Filmic, Vignette, Grain]


def test_long_code_has_a_loop_of_its_own() -> None:
    """Each loop but the last keeps what the next one takes."""
    program = chain(AROUND_LONG, "fits", False, "frames")
    assert [operations_of(pixel) > MOST for pixel in program.pixels] == [False, False, True, False, False]
    loops = loops_of(program)
    assert [loop.pixels for loop in loops] == [[1, 2], [3], [4, 5]]
    assert [loop.kept for loop in loops] == [[2], [3], []]
    assert [loop.taken for loop in loops] == [[], [2], [3]]


def test_a_loop_ends_before_it_becomes_long() -> None:
    program = chain([Tone, Vignette, Grain, Tone, Grain], "fits", False, "frames")
    assert [loop.pixels for loop in loops_of(program)] == [[1, 2, 3, 4], [5]]
    sizes = [operations_of(pixel) for pixel in program.pixels]
    assert sum(sizes[:4]) <= MOST < sum(sizes)


@pytest.mark.parametrize("output", ["frames", "yuv8"])
def test_parted_loops_give_the_bits_of_one(output: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = chain(AROUND_LONG, "larger", True, output)
    parted = run(compile_program, program, folder, **given(program))
    monkeypatch.setattr(numba_loops, "MOST", 10**6)
    assert len(loops_of(program)) == 1
    np.testing.assert_array_equal(run(compile_program, program, folder, **given(program)), parted)


def test_programs_are_values() -> None:
    one, same = (chain([Tone, Grain], "larger", True, "yuv8") for _ in range(2))
    assert one == same and hash(one) == hash(same)
    others = [chain([Tone], "larger", True, "yuv8"), chain([Tone, Grain], "smaller", True, "yuv8"),
              chain([Tone, Grain], "larger", False, "yuv8"), chain([Tone, Grain], "larger", True, "rgb8")]  # fmt: skip
    assert one not in others


def test_pictures_of_all_sizes_with_as_many_taps_share_their_machine_code() -> None:
    kernel = Kernel((), ("film",), (), ("input", 0))
    sources = {
        source_of(program_of(kernel, {}, [Picture(True, shape)], "yuv8", SIZE)) for shape in ((10, 17), (11, 18))
    }
    assert len(sources) == 1


def test_a_program_reads_what_was_made_before_and_ends_with_its_store() -> None:
    load, sample = Load(0, False), Sample(0, Fit((10, 17), SIZE))
    store, later = Store(0, LAYOUTS["frames"]), Store(1, LAYOUTS["frames"])
    matte = Store(0, LAYOUTS["matte"])
    for records in [(store,), (load, later), (load, store, store), (load,), (load, sample, later), (load, matte)]:
        with pytest.raises(ValueError, match="cannot read|ends with its one store|cannot store"):
            Program(SIZE, records)


@pytest.mark.parametrize(("output", "largest"), [("rgb8", 255), ("rgb16", 65535)])
def test_codes_of_interleaved_colours(output: str, largest: int, folder: Path) -> None:
    """Without dither a code is the nearest one; with dither its mean is the value; black and white stay."""
    program = chain([], "fits", False, output)
    codes = np.linspace(0, largest, 3 * HEIGHT * WIDTH).astype(int).reshape(1, 3, HEIGHT, WIDTH)
    exact, nothing = (codes / largest).astype(np.float32), np.zeros((1, 0), np.float32)
    plain = run(
        compile_program, program, folder, pictures=[exact], uniforms=nothing, thresholds=dither_pattern(False, WIDTH)
    )
    np.testing.assert_array_equal(plain[0].transpose(2, 0, 1), codes[0])
    for value, code in ((-1.0, 0), (0.0, 0), (1.0, largest), (7.0, largest)):
        flat = np.full((1, 3, HEIGHT, WIDTH), value, np.float32)
        assert (run(compile_program, program, folder, pictures=[flat], uniforms=nothing) == code).all()
    flat = np.full((1, 3, HEIGHT, WIDTH), 100.25 / largest, np.float32)
    dithered = run(compile_program, program, folder, pictures=[flat], uniforms=nothing)
    assert set(np.unique(dithered)) == {100, 101}
    assert abs(dithered.mean() - 100.25) < 0.02


def test_a_run_says_whether_all_is_finite(folder: Path) -> None:
    for program in (chain([Tone, Grain], "larger", True, "frames"), mixed("frames")):
        arguments = given(program)
        arguments["pictures"][0][1, 2, 3, 4] = np.nan
        layout = program.store.layout
        out = np.zeros((2, *layout.shape(SIZE)), layout.dtype)
        assert compile_program(program, folder)(FIRST, out=out, **arguments)
        assert Interpreter().compile(program, folder)(FIRST, out=out, **arguments)


def test_blocks_are_indented() -> None:
    code = Writer()
    with code.block("for y in range(2):"):
        code.add("a = y")
        with code.block("if a:"):
            code.add("b = a", "c = b")
    code.add("d = 1")
    assert code.text == "for y in range(2):\n    a = y\n    if a:\n        b = a\n        c = b\nd = 1\n"


def test_light_and_luma_are_written_once() -> None:
    """The rows call the shader's functions, whose text is in their source as it stands there."""
    from n2s.graph import shader

    source = source_of(chain([Vignette], "larger", True, "yuv8"))
    for function in (shader.to_light, shader.to_display, shader.luma):
        text = inspect.getsource(function)
        assert source.count(text) == 1 and source.count(f"{function.__name__}(") == 2


@pytest.mark.parametrize("output", ["frames", "halved"])
@pytest.mark.parametrize("size", [(24, 16), (23, 16), (24, 15), (23, 15)])
def test_light_of_half_the_size_is_enlarged(size: tuple[int, int], output: str, folder: Path) -> None:
    width, height = size
    kernel = Kernel(("mixed",), ("film", "soft"), ((("input", 0), ("input", 1), FULL),), ("step", 0))
    pictures = [Picture(False, (height, width)), Picture(False, (8, 12), light=True)]
    program = program_of(kernel, {"mixed": Mix()}, pictures, output, size)
    assert str(program).splitlines()[1:3] == ["1  load     picture 1", "2  enlarge  1 to twice the size"]
    random = np.random.default_rng(4)
    arguments = {
        "seeds": np.zeros(1, np.uint32),
        "uniforms": np.full((2, 1), 0.5, np.float32),
        "thresholds": dither_pattern(False, width),
        "pictures": [random.random((2, 3, *picture.shape), np.float32) * 3 - 1 for picture in pictures],
    }
    made = []
    for back_end in (compile_program, Interpreter().compile):
        out = np.zeros((2, *program.store.layout.shape(size)), np.float32)
        assert not back_end(program, folder)(FIRST, out=out, **arguments)
        made.append(out.tobytes())
    assert made[0] == made[1]
