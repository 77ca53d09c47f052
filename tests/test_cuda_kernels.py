"""Kernels for CUDA, compiled for the processor: the bits of all nodes and layouts are those of the rows for numba."""

from __future__ import annotations

import copy
import itertools
import operator
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cuda_on_cpu
import harness
import numpy as np
import pytest
from harness import RENDERING, around, load
from lensed import through
from test_kernels import HEIGHT, SEEN, SHAPES, SIZE, STORED, THROUGH, WIDTH, chain, given, mixed

from n2s.graph.declare import Pointwise, port
from n2s.graph.shader import exp, hash32, log, mix, uniform
from n2s.graph.types import Frames
from n2s.nodes.grain import Grain
from n2s.nodes.mattes import InvertMatte
from n2s.nodes.mix import Mix
from n2s.nodes.tone import Tone, Vignette
from n2s.plan.stages import FULL, Kernel
from n2s.runtime import gpu
from n2s.runtime.render import kernels, rehearsal
from n2s.runtime.render.kernels import (
    CompileError,
    Picture,
    Program,
    compile_program,
    cuda_compiler,
    dither_pattern,
    program_of,
)
from n2s.runtime.render.kernels.cuda_device import OnDevice
from n2s.runtime.render.kernels.cuda_program import cuda_program_of
from n2s.runtime.render.kernels.cuda_run import CudaRuns
from n2s.runtime.render.kernels.cuda_syntax import Functions
from n2s.runtime.render.kernels.cuda_types import DTYPES

TESTS = Path(__file__).parent
NIGHTLY = bool(os.environ.get("N2S_NIGHTLY"))
pytestmark = pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no compiler of C++")


@dataclass
class Made:
    """A run of a kernel: what it was given, and what the rows for numba made of it."""

    program: Program
    given: dict[str, Any]
    out: np.ndarray


@pytest.fixture(scope="session", params=["processor", "gpu"])
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The device of tests; where there is a GPU, this too."""
    if request.param == "processor":
        return cuda_on_cpu.OnCpu(tmp_path_factory.mktemp("cuda"))
    return gpu.find_gpu() or pytest.skip("there is no GPU")


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """Return a list that gets every run of a kernel from now on."""
    made: list[Made] = []

    def compile_(program: Program, folder: Path) -> Any:
        run = compile_program(program, folder)

        def recording(
            first: int, seeds: Any, uniforms: Any, thresholds: Any, pictures: Any, out: Any, *rest: Any
        ) -> bool:
            names = ("seeds", "uniforms", "thresholds", "pictures", "tables", "moves", "offsets")
            taken = copy.deepcopy(dict(zip(names, (seeds, uniforms, thresholds, pictures, *rest))))
            unsound = run(first, seeds, uniforms, thresholds, pictures, out, *rest)
            made.append(Made(program, {"first": first} | taken, out.copy()))
            return unsound

        return recording

    monkeypatch.setattr(rehearsal, "missing_kernels", lambda opened: [])  # whose runs make nothing
    monkeypatch.setattr(kernels, "compile_program", compile_)
    return made


def assert_same_on(device: Any, runs: dict[str, list[Made]]) -> None:
    """Run all of some runs for CUDA, to the same bits."""
    programs = {made.program: cuda_program_of(made.program) for made in itertools.chain(*runs.values())}
    if isinstance(device, cuda_on_cpu.OnCpu):  # all at once, in less time
        device.compile_all([(program.source, program.kernels) for program in programs.values()])
    for name, each in runs.items():
        for made in each:
            out = np.zeros_like(made.out)
            assert not CudaRuns(device).compile(made.program, Path())(out=out, **made.given), name
            assert out.tobytes() == made.out.tobytes(), f"{name}\n{made.program}"


def test_all_nodes_have_the_bits_of_the_processor(
    studio: Any, store: Any, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By day of every fourth node, as compiling all of them takes minutes; all night."""
    runs, made = {}, recorded(monkeypatch)
    for name in RENDERING if NIGHTLY or not isinstance(device, cuda_on_cpu.OnCpu) else RENDERING[::4]:
        graph = load(around(name, studio.model), studio.folder)
        harness.frames(graph, store, harness.shown(graph), [(30, 32)])
        runs[name] = made[:]
        made.clear()
    assert_same_on(device, runs)


def of_rows(program: Program, folder: Path, **arguments: Any) -> Made:
    """Run a program by the rows for numba."""
    taken = given(program) if "uniforms" not in arguments else {}
    taken = {"first": 5, "thresholds": dither_pattern(True, program.size[0])} | taken | arguments
    layout = program.store.layout
    out = np.zeros((len(taken["uniforms"]), *layout.shape(program.size)), layout.dtype)
    assert not compile_program(program, folder)(out=out, **taken)
    return Made(program, taken, out)


def test_all_layouts_and_fits(device: Any, kernel_cache: Path) -> None:
    runs = {
        f"{output}, {shape}": [of_rows(chain([Tone, Vignette, Grain], shape, shape == "larger", output), kernel_cache)]
        for output, shape in STORED
    }
    runs["two pictures"] = [of_rows(mixed(output), kernel_cache) for output in ("frames", "rgb8")]
    assert_same_on(device, runs)


def test_pictures_of_half_the_size(device: Any, kernel_cache: Path) -> None:
    runs: dict[str, list[Made]] = {"light": []}
    random = np.random.default_rng(4)
    for size in ((24, 16), (23, 16), (24, 15), (23, 15)):
        kernel = Kernel(("mixed",), ("film", "soft"), ((("input", 0), ("input", 1), FULL),), ("step", 0))
        pictures = [Picture(False, size[::-1]), Picture(False, (8, 12), light=True)]
        arguments = {
            "seeds": np.zeros(1, np.uint32),
            "uniforms": np.full((2, 1), 0.5, np.float32),
            "pictures": [random.random((2, 3, *picture.shape), np.float32) * 3 - 1 for picture in pictures],
        }
        for output in ("frames", "halved"):
            program = program_of(kernel, {"mixed": Mix()}, pictures, output, size)
            runs["light"].append(of_rows(program, kernel_cache, **arguments))
    assert_same_on(device, runs)


def test_mattes(device: Any, kernel_cache: Path) -> None:
    runs: dict[str, list[Made]] = {"mattes": []}
    for shape, steps in itertools.product(SHAPES, (0, 1)):
        kernel = Kernel(("m",) * steps, ("p",), ((("input", 0),),) * steps, ("step", 0) if steps else ("input", 0))
        program = program_of(kernel, {"m": InvertMatte()}, [Picture(False, SHAPES[shape], 1)], "matte", SIZE)
        hard = np.random.default_rng(4).integers(0, 2, (2, 1, *SHAPES[shape])).astype(np.float32)
        arguments = {"pictures": [hard], "uniforms": np.ones((2, steps), np.float32), "seeds": np.ones(1, np.uint32)}
        runs["mattes"].append(of_rows(program, kernel_cache, **arguments))
    assert_same_on(device, runs)


def test_pictures_that_are_shown_moved(device: Any, kernel_cache: Path) -> None:
    program = program_of(
        Kernel((), ("film",), (), ("input", 0)), {}, [Picture(True, (30, 50), loose=(2, 3))], "yuv8", SIZE
    )
    offsets = [np.array([[0.25, -1.0], [-0.9, 1.4]])]
    assert_same_on(device, {"moved": [of_rows(program, kernel_cache, offsets=offsets, **given(program))]})


def test_all_ways_to_see_through_lenses(device: Any, kernel_cache: Path) -> None:
    runs: dict[str, list[Made]] = {}
    for case, size in SEEN:
        program, arguments = through(THROUGH[case], size)
        runs[f"{case} {size}"] = [of_rows(program, kernel_cache, **arguments)]
    assert_same_on(device, runs)


def test_a_run_says_whether_all_is_finite(device: Any) -> None:
    for program in (chain([Tone, Grain], "larger", True, "frames"), mixed("frames")):
        arguments = given(program)
        run = CudaRuns(device).compile(program, Path())
        out = np.zeros((2, *program.store.layout.shape(SIZE)), np.float32)
        assert not run(5, out=out, **arguments)
        arguments["pictures"][0][1, 2, 3, 4] = np.nan
        assert run(5, out=out, **arguments)


def test_only_what_is_stored_travels_back(tmp_path: Path) -> None:
    device = cuda_on_cpu.OnCpu(tmp_path)
    program = chain([Tone], "larger", True, "yuv8")
    run, arguments = CudaRuns(device).compile(program, Path()), given(program)
    sent = []
    for _ in range(2):
        device.bytes = {"up": 0, "down": 0}
        run(5, out=np.zeros((2, WIDTH * HEIGHT * 3 // 2), np.uint8), **arguments)
        sent.append(device.bytes)
    assert sent[0]["down"] == sent[1]["down"] == 2 * WIDTH * HEIGHT * 3 // 2 + 4
    numbers = arguments["uniforms"].nbytes + arguments["seeds"].nbytes
    assert sent[1]["up"] == arguments["pictures"][0].nbytes + numbers < sent[0]["up"]
    picture = device.upload(arguments["pictures"][0])
    device.bytes = {"up": 0, "down": 0}
    on_device = arguments | {"pictures": [OnDevice(device, picture, arguments["pictures"][0].shape)]}
    run(5, out=np.zeros((2, WIDTH * HEIGHT * 3 // 2), np.uint8), **on_device)
    assert device.bytes["up"] == numbers


def test_what_is_sent_once_is_sent_again_where_its_memory_holds_something_else(tmp_path: Path) -> None:
    program = chain([Tone], "fits", False, "yuv8")
    arguments, shape = given(program), (2, *program.store.layout.shape(SIZE))
    arguments["thresholds"] = arguments["thresholds"].copy()
    device, made = cuda_on_cpu.OnCpu(tmp_path), [np.zeros(shape, np.uint8) for _ in range(3)]
    run, fresh = (CudaRuns(device).compile(program, Path()) for _ in range(2))
    run(5, out=made[0], **arguments)
    arguments["thresholds"][:] = arguments["thresholds"][::-1].copy()
    run(5, out=made[1], **arguments)
    fresh(5, out=made[2], **arguments)
    assert made[0].tobytes() != made[1].tobytes() == made[2].tobytes()


class Odd(Pointwise):
    """Every rule of numbers that the shipped nodes do not need."""

    frames: Frames = port("what is changed")

    @staticmethod
    def pixel(rgb, at):
        """Not of beauty."""
        r, g, b = rgb
        rest = (r * 7 - 3) % 1.7
        rest += -(g % -0.3) + 5 % (b + 2)
        if r > g > b or not (g <= 0.5 and b != r):
            low = min(r, g, b)
            high = part(max(r, g, b), amount=(r >= g) + 0.5)
        elif g == b:
            low, high = b, g
        else:
            low, high = -g, +b
        whole = uniform(hash32(abs(hash32(at.row) ^ at.column)))
        flag = (r > 0.5) & (g > 0.5)
        rest += exp(8 * (r - g)) - log(abs(b) + exp(-g))
        return low + rest * (1 if flag else 0.5), mix(high, low, whole), (rest, high, low)[-1]


def part(x, amount):
    if amount > 1:
        return x * amount
    return x


def test_odd_arithmetic(device: Any, kernel_cache: Path) -> None:
    assert_same_on(device, {"odd": [of_rows(chain([Odd], "fits", False, "frames"), kernel_cache)]})


class Power(Pointwise):
    """Compute a power."""

    frames: Frames = port("what is changed")

    @staticmethod
    def pixel(rgb, at):
        return rgb[0] ** 2.2, rgb[1], rgb[2]


class Wide(Pointwise):
    """Compute with wide numbers."""

    frames: Frames = port("what is changed")

    @staticmethod
    def pixel(rgb, at):
        return rgb[0] * at.frame, rgb[1], rgb[2]


@pytest.mark.parametrize(("cls", "said"), [(Power, "computes by Pow"), (Wide, "other numbers than float32")])
def test_what_is_not_translated_is_refused(cls: type[Pointwise], said: str) -> None:
    with pytest.raises(CompileError, match=f"{said}.* runs on the CPU"):
        cuda_program_of(chain([cls], "fits", False, "frames"))


OPERATORS = {"+": operator.add, "*": operator.mul, "/": operator.truediv, "&": operator.and_, ">>": operator.rshift}


@pytest.mark.parametrize("sign", OPERATORS)
def test_types_meet_as_numba_lets_them_meet(sign: str) -> None:
    from numba.core.registry import cpu_target
    from numba.core.types import boolean
    from numba.np.numpy_support import from_dtype

    context = cpu_target.typing_context
    context.refresh()
    kinds = {name: boolean if name == "bool" else from_dtype(dtype) for name, dtype in DTYPES.items()}
    for a, b in itertools.product(kinds, repeat=2):
        try:
            wanted = context.resolve_function_type(OPERATORS[sign], (kinds[a], kinds[b]), {}).return_type
        except Exception:
            wanted = None
        try:
            made = kinds[Functions({"f": f"def f(a, b): return a {sign} b"}).get("f", (a, b)).type]
        except CompileError:
            made = None
        assert made == wanted or (made is None and sign == ">>" and "bool" in (a, b)), (a, sign, b)


@pytest.mark.skipif(find_spec("cuda") is None, reason="the compiler of CUDA is not installed")
def test_all_programs_are_cuda() -> None:
    """NVRTC makes machine code of them for a device that need not be there."""
    programs = [chain([Tone, Vignette, Grain], "larger", True, output) for output in ("yuv8", "halved", "rgb16")]
    programs += [through(THROUGH[case], SIZE)[0] for case in ("displaced, then turned", "one of two moves")]
    programs += [chain([Odd], "fits", False, "frames"), mixed("frames")]
    for program in programs:
        assert cuda_compiler.cubin_of(cuda_program_of(program).source, "sm_90")[:4] == b"\x7fELF"
    with pytest.raises(CompileError, match="error"):
        cuda_compiler.cubin_of("nothing", "sm_90")


@pytest.mark.skipif(find_spec("cuda") is None, reason="the bindings of CUDA are not installed")
def test_a_driver_is_asked_rightly(tmp_path: Path) -> None:
    """The bindings that users have, on a driver that does what it is asked for when it is waited for."""
    stub = [cuda_on_cpu.COMPILER, "-std=c++17", "-O1", "-fPIC", "-shared", str(TESTS / "stub_driver.cpp")]
    subprocess.run([*stub, "-o", str(tmp_path / "libcuda.so.1")], check=True)
    path = os.pathsep.join([str(TESTS), *sys.path])
    done = subprocess.run(
        [sys.executable, str(TESTS / "on_stub.py"), str(tmp_path)],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "equal CUDA is out of memory\n", done.stderr


@pytest.mark.skipif(find_spec("cuda") is None, reason="the compiler of CUDA is not installed")
def test_products_are_not_contracted() -> None:
    source = 'extern "C" __global__ void k(float *a) { a[3] = a[0] * a[1] + a[2]; }'
    text = cuda_compiler.ptx_of(source, "sm_90")
    assert "mul.rn.f32" in text and "add.rn.f32" in text and "fma" not in text
