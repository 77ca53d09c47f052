"""Films that a GPU decodes and computes; the device of tests stands for it, so that bits are equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cuda_on_cpu
import harness
import numpy as np
import pytest
from places import FRAMES, Place

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.runtime import gpu
from n2s.runtime.models.decoder import SessionDecoder
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels import CompileError, Program, cuda_run
from n2s.runtime.render.kernels.cuda_device import Memory, OnDevice
from n2s.runtime.render.kernels.cuda_program import cuda_program_of

pytestmark = pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no compiler of C++")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cuda")


@pytest.fixture
def device(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> cuda_on_cpu.OnCpu:
    """A GPU; sessions that are opened on it run on the CPU."""
    made, real = cuda_on_cpu.OnCpu(compiled), ModelFolder._session
    monkeypatch.setattr(gpu, "find_gpu", lambda: made)
    monkeypatch.setattr(ModelFolder, "provider", lambda self, wanted: "cpu" if self.force_cpu else "cuda")
    monkeypatch.setattr(ModelFolder, "_session", lambda self, path, provider, digest: real(self, path, "cpu", digest))
    return made


@pytest.fixture
def film(place: Place) -> Place:
    """The place with a list of digests for a film, of pictures that are enlarged."""
    place.edit("grid: [2, 3]", "grid: [2, 3], batch: 3")
    place.edit("size: [96, 64]", "size: [192, 128]")
    place.edit("node: FFmpegSink", "node: DigestSink")
    place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames.txt, chunk: 15")
    return place


def digests(place: Place, store: Any) -> bytes:
    place.store = store
    place.run()
    return (place.out / "frames.txt").read_bytes()


def test_a_film_of_a_gpu_is_that_of_the_processor(
    film: Place, new_store: Any, compiled: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    usual = digests(film, new_store())
    device = request.getfixturevalue("device")
    assert usual.count(b"\n") == FRAMES and digests(film, new_store()) == usual
    assert set(device.launched) == {"pixels", "finish"}
    planes = 192 * 128 * 3 // 2 * (FRAMES + 1)  # one before, to compile kernels
    assert planes < device.bytes["down"] <= planes + 4 * FRAMES, "frames went to and fro"
    assert device.bytes["up"] < planes / 4


def test_keys_name_the_gpu(film: Place, new_store: Any, request: pytest.FixtureRequest) -> None:
    """Films of processors are named as ever; nothing that a GPU made is taken for theirs."""
    store = new_store()
    of_cpu = harness.plan(Graph.load(film.graph), store).keys.static
    request.getfixturevalue("device")
    of_gpu = harness.plan(Graph.load(film.graph), store).keys.static
    (about,) = [node["files"] for node in of_cpu["nodes"] if "provider" in node.get("files", {})]
    assert about.keys() == {"decoder", "provider"}
    (about,) = [node["files"] for node in of_gpu["nodes"] if "provider" in node.get("files", {})]
    assert about.items() >= {"provider": "cuda", "batch": "3", "back_end": "cuda", "device": "processor"}.items()


def test_a_gpu_that_is_full_hands_over_to_the_cpu(
    film: Place, new_store: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = digests(film, new_store())
    device = request.getfixturevalue("device")
    asked = []

    def empty(size: int) -> Memory:
        asked.append(size)
        if len(asked) > 20:
            raise MemoryError("out of memory")
        return cuda_on_cpu.OnCpu.empty(device, size)

    monkeypatch.setattr(device, "empty", empty)
    assert digests(film, new_store()) == usual
    assert sum("the CPU" in said and "memory of CUDA" in said for said in film.said_) == 1


def test_batches_are_always_full(device: cuda_on_cpu.OnCpu, studio: Any, store: Any) -> None:
    """A frame's last bits may depend on how many are decoded at once, so they are always as many."""
    batches: list[int] = []
    real = ModelFolder(studio.model, store)
    path, digest = real.file("auto", "cuda")
    session = real._session(path, "cuda", digest)

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(session, name)

        def run(self, wanted: Any, feed: dict[str, np.ndarray]) -> Any:
            batches.extend(len(latents) for latents in feed.values())
            return session.run(wanted, feed)

    decoder = SessionDecoder(path, Counting, "cuda", 64, real.channels, real.scale, device)
    latents = np.random.default_rng(1).standard_normal((6, real.channels, 2, 3)).astype(np.float32)
    frames = decoder.decode(latents)
    assert batches == [1, 4, 4] and frames.shape[:2] == (6, 3)
    there = decoder.on_device.decode(latents)
    assert isinstance(there, OnDevice) and there.numpy().tobytes() == frames.tobytes()
    assert there[2:5].numpy().tobytes() == frames[2:5].tobytes()
    assert there[np.array([5, 5, 0])].tobytes() == frames[[5, 5, 0]].tobytes()


def test_what_is_not_finite_is_told_as_ever(
    film: Place, device: cuda_on_cpu.OnCpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SessionDecoder.decode_on_device

    def spoilt(self: SessionDecoder, latents: np.ndarray) -> OnDevice:
        made = real(self, latents)
        made.memory.owner[4 * 1000 : 4 * 1001] = np.full(1, np.nan, np.float32).view(np.uint8)
        return made

    monkeypatch.setattr(SessionDecoder, "decode_on_device", spoilt)
    film.refused(RenderError, "its frames hold NaN at frame 0; finite numbers were wanted.")


# Of each kind one: filters, echoes, picks, lenses, tables, mattes, several pictures, moved latents.
KINDS = ["Bloom", "Trails", "Loop", "Camera", "Lut", "Over", "Mix", "LatentCamera"]


@pytest.mark.parametrize("name", KINDS)
def test_all_kinds_of_nodes_behind_a_decoder(
    name: str, studio: Any, new_store: Any, request: pytest.FixtureRequest
) -> None:
    graph = harness.load(harness.around(name, studio.model), studio.folder)
    made = []
    for _ in range(2):
        maker = FrameMaker(harness.plan(graph, new_store()), new_store())
        made.append(np.concatenate([block.copy() for block in maker.blocks(48, 63)] + [maker.frames(62, 65)]))
        device = request.getfixturevalue("device")
    assert made[0].tobytes() == made[1].tobytes()
    assert "pixels" in device.launched


LONG = ["Filmic", "Hue", "Filmic", "Hue", "Grain", "Filmic", "Hue", "Filmic", "Hue"]  # more than one kernel holds


@pytest.mark.parametrize("refused", ["", "Grain"])
def test_frames_between_kernels_stay_on_the_gpu(
    film: Place, new_store: Any, refused: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that cannot be translated takes them from there, and puts them back."""
    text = film.graph.read_text()
    names = [f"step{i}" for i in range(len(LONG))]
    sources = ["grain", *names]
    steps = [f"  {name}: {{node: {cls}, frames: {source}}}\n" for name, cls, source in zip(names, LONG, sources)]
    end = text.index("  out: ")
    film.graph.write_text(text[:end] + "".join(steps) + text[end:].replace("frames: grain", f"frames: {names[-1]}"))
    plan = harness.plan(Graph.load(film.graph), new_store())
    drawn = [stage for stage in plan.stages if stage.kernel is not None]
    assert len(drawn) > 1
    usual = digests(film, new_store())
    device = request.getfixturevalue("device")
    if refused:  # pixel code that no translator knows

        def refuse(program: Program) -> Any:
            if any(pixel.node == refused for pixel in program.pixels):
                raise CompileError("it is refused")
            return cuda_program_of(program)

        monkeypatch.setattr(cuda_run, "cuda_program_of", refuse)
    assert digests(film, new_store()) == usual
    assert sum("Grain" in said and said.endswith(": it is refused.") for said in film.said_) == (2 if refused else 0)
    pixels = 4 * 192 * 128 * 3 * FRAMES
    assert refused or device.bytes["down"] + device.bytes["up"] < pixels / 2


def test_several_films_of_the_same_frames(film: Place, new_store: Any, request: pytest.FixtureRequest) -> None:
    with film.graph.open("a") as graph:
        graph.write("  plain: {node: DigestSink, frames: film, audio: track, path: plain.txt, chunk: 15}\n")
        graph.write("  toned: {node: PNGSink, frames: tone, path: toned, chunk: 15}\n")
    made = []
    for _ in range(2):
        digests(film, new_store())
        files = sorted(path for path in film.out.rglob("*") if path.suffix in (".txt", ".png"))
        made.append({path.relative_to(film.out): path.read_bytes() for path in files})
        device = request.getfixturevalue("device")
    assert len(made[0]) == 2 + FRAMES and made[0] == made[1]
    assert "pixels" in device.launched


DECODING = '''
class Dimmed(VAEDecode):
    """Decode, and work on what was decoded."""

    def compute(self, block, latents):
        return block.resources.decode(latents) * np.float32(0.5)
'''


def test_nodes_that_work_on_what_they_decode_get_arrays(
    film: Place, packages: Any, new_store: Any, request: pytest.FixtureRequest
) -> None:
    packages.install("import numpy as np\nfrom n2s.nodes.decode import VAEDecode\n" + DECODING)
    film.edit("node: VAEDecode", "node: Dimmed")
    usual = digests(film, new_store())
    device = request.getfixturevalue("device")
    assert digests(film, new_store()) == usual and "pixels" in device.launched
