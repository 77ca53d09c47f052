"""What the engine's digests are made of: all that decides bits, and no more."""

from __future__ import annotations

import ast
import gc
import io
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.arrays import read_arrays
from n2s.graph.code import files as code_files
from n2s.graph.code import identity as code
from n2s.graph.code import text as code_text
from n2s.graph.code.syntax import syntax_tree
from n2s.plan.keys import Keys

# (module, what is replaced, what by): places all over the engine that decide bits
MUTATIONS = [
    ("graph/seeds.py", "mixed = hash32(np.array([seed ^ word]", "mixed = hash32(np.array([seed + word]"),
    ("runtime/render/kernels/integers.py", '= _operation("add"), _operation("sub")',
     '= _operation("sub"), _operation("add")'),
    ("graph/shader.py", "f32(0.7152) * g", "f32(0.7151) * g"),
    ("runtime/render/kernels/dither.py", "52.9829189", "52.98"),
    ("runtime/media/resample.py", "scale = min((shape[0] - loose[0])", "scale = max((shape[0] - loose[0])"),
    ("runtime/render/kernels/numba_stores.py", '"chroma = np.zeros', '"chroma = np.ones'),
    ("runtime/render/kernels/from_plan.py", '"to_light", "to_display"', '"abs", "to_display"'),
    ("runtime/render/kernels/parted.py", "[*self.done, ast.Return", "[ast.Return"),
    ("runtime/render/kernels/numba_tables.py", "(f32(1) - weight0, weight0)", "(weight0, f32(1) - weight0)"),
    ("runtime/render/kernels/numba_loops.py", "loop.taken = sorted(wanted & made)", "loop.taken = sorted(wanted)"),
    ("graph/kinds/tables.py", "made[..., :3] = values", "made[..., :3] = 2 * values"),
    ("graph/shader.py", "y_first = xy * xz, (one - xy) * yz", "y_first = xy * xz, (one - xy)"),
    ("runtime/render/kernels/pixels.py", 'ast.Name("f32"', 'ast.Name("f64"'),
    ("runtime/render/kernels/jit.py", '"error_model": "numpy", "cache"', '"error_model": "python", "cache"'),
    ("runtime/render/kernels/filter_weights.py", "NEAR = f32(64 / 1.03)", "NEAR = f32(64 / 1.02)"),
    ("runtime/render/kernels/filter_weights.py", "f32(1.5) - soft", "f32(1.4) - soft"),
    ("runtime/render/kernels/vectors.py", "[4, 5, 6, 7]", "[4, 5, 6, 6]"),
    ("runtime/render/kernels/fused.py", "builder.fma(*arguments)", "builder.fmul(*arguments[:2])"),
    ("runtime/render/kernels/gaussians.py", "line[to + x] = total", "line[to + x] = centre"),
    ("runtime/render/kernels/pair_vectors.py", "total = builder.fmul", "total = builder.fadd"),
    ("runtime/render/kernels/maps.py", "taken = min(t, f32(2) - t)", "taken = (f32(2) - t)"),
    ("runtime/render/kernels/numba_lenses.py", "SAMPLES = 16", "SAMPLES = 8"),
    ("runtime/render/kernels/numba_lenses.py", '"mirror": 1, "wrap": 2', '"mirror": 2, "wrap": 1'),
    ("runtime/render/moves.py", "np.linspace(-0.5, 0.5,", "np.linspace(-0.5, 0.4,"),
    ("runtime/render/opened.py", "BLOCK = 4", "BLOCK = 8"),
    ("runtime/render/work.py", "np.clip(np.arange(start, stop)", "np.clip(np.arange(start + 1, stop + 1)"),
    ("runtime/render/opened.py", "np.full(stop - start, values, np.float32)",
     "np.full(stop - start, values * 2, np.float32)"),
    ("runtime/render/kernels/numba_echo.py", "TILE = 256", "TILE = 512"),
    ("runtime/render/past.py", "frames[:, None] >= self.ages", "frames[:, None] > self.ages"),
    ("plan/echoes.py", "BORDER = 1", "BORDER = 2"),
    ("runtime/render/segments.py", "maker.blocks(chunk.start, chunk.stop,",
     "maker.blocks(chunk.start, chunk.stop - 1,"),
    ("runtime/media/resample.py", "-0.5 * x + 2.5", "-0.6 * x + 2.5"),
    ("runtime/media/resample.py", "width = max(1.0, scale)", "width = max(1.1, scale)"),
    ("runtime/media/pictures.py", "accurate_rnd+full_chroma_int+bitexact", "bitexact"),
    ("runtime/models/folder.py", "intra_op_num_threads = options.inter_op_num_threads = 1",
     "intra_op_num_threads = options.inter_op_num_threads = 2"),
    ("runtime/models/folder.py", 'PREFERENCES = {"cpu": ("int8"', 'PREFERENCES = {"cpu": ("fp32"'),
    ("formats/codecs.py", "cpu-independent=1", "cpu-independent=0"),
    ("formats/video.py", "range=tv", "range=pc"),
    ("runtime/ffmpeg.py", '"-xerror"]', "]"),
    ("formats/digests.py", "hashlib.sha256(frame)", "hashlib.sha256(frame[1:])"),
    ("formats/pictures.py", "number:06d", "number:07d"),
    ("runtime/media/png.py", "rows.tobytes(), 6)", "rows.tobytes(), 5)"),
    ("graph/format.py", "\"yuv420p\": 3, \"yuv422p\": 4", "\"yuv420p\": 4, \"yuv422p\": 4"),
    ("graph/shader.py", "f32(2.402295e-1)", "f32(2.402296e-1)"),
    ("graph/shader.py", "return min(x, f32(1))  # with", "return min(x, f32(2))  # with"),
    ("plan/stages.py", 'FULL = ("full", 0)', 'FULL = ("full", 1)'),
    ("graph/specs.py", "output.kind is wanted", "output.kind is not wanted"),
    ("graph/shader.py", "f32(0.03152512)", "f32(0.03152513)"),
    ("runtime/render/kernels/sampling.py", "LEAP = f32(1 / 8)", "LEAP = f32(1 / 4)"),
    ("runtime/render/kernels/numba_lenses.py", "share += (x - x)", "share -= (x - x)"),
    ("graph/shader.py", "0x7FEB352D", "0x7FEB352F"),
    ("graph/time.py", "self.fps.denominator / np.float64(self.fps.numerator)",
     "self.fps.denominator / np.float32(self.fps.numerator)"),
    ("graph/grids.py", "GRID_ROWS = 16", "GRID_ROWS = 18"),
    ("plan/stages.py", "max(own[0], around[0])", "max(own[0], before)"),
    ("plan/fold.py", "neutral is None or", "neutral is not None or"),
    ("plan/fuse.py", "(name == root or name not in self.cuts)", "name not in self.cuts"),
    ("plan/fuse.py", "part=node.part)", 'part="soft")'),
    ("runtime/render/kernels/pyramid.py", "f32(0.15625)", "f32(0.15624)"),
    ("runtime/render/kernels/numba_enlarge.py", "y, height & 1", "y, width & 1"),
    ("runtime/render/soft.py", "LEAST = 1.5", "LEAST = 1.4"),
    ("graph/kinds/filter.py", "HALF_SIZE_FROM = 3.0", "HALF_SIZE_FROM = 2.9"),
    ("plan/fuse.py", "next(iter(stages.pop().reads.values())).stage", "next(iter(stages.pop().reads))"),
    ("runtime/render/measures.py", "np.ascontiguousarray(picture)", "np.ascontiguousarray(picture[::-1])"),
    ("graph/kinds/measure.py", "ROWS = 64", "ROWS = 65"),
    ("nodes/measures.py", "STEPS = 32", "STEPS = 33"),
    ("plan/reach.py", "before=before, after=after", "before=before, after=before"),
    ("runtime/render/kernels/light_levels.py", "f32(1.5) * x - f32(2.5)", "f32(1.4) * x - f32(2.5)"),
    ("runtime/render/kernels/maps.py", "return fma(lower - upper, u, upper)", "return upper"),
    ("runtime/render/kernels/vectors.py", "[0] * 4 + [4] * 4", "[0] * 8"),
    ("runtime/render/kernels/numba_lenses.py", "SAMPLES = 16", "SAMPLES = 8"),
    ("runtime/render/moves.py", "/ 360", "/ 180"),
    ("plan/flatten.py", 'graph.nodes[source].kind == "lens"', 'graph.nodes[source].kind == "filter"'),
    ("nodes/camera.py", "cosine / zoom", "cosine * zoom"),
    ("plan/flatten.py", "value_read(graph, link), composed=", "name, composed="),
    ("plan/flatten.py", "port == next(iter(node.ports))", "port in node.ports"),
    ("plan/fold.py", "return node.shutter > 0 or", "return node.shutter > 1 or"),
    ("plan/fuse.py", "len(ends[name]) > 1", "len(ends[name]) > 2"),
    ("runtime/render/kept.py", "np.float16 if", "np.float32 if"),
    ("runtime/render/framefile.py", "made[:, place] = plane", "made[:, -1 - place] = plane"),
    ("graph/context.py", "return self.scene.clock.times(self.start, self.stop)",
     "return self.scene.clock.times(self.start, self.stop) + 1"),
    ("graph/kinds/pointwise.py", "def prepare(self, *_: Any, **params: Any) -> dict[str, Any]:\n        return params",
     "def prepare(self, **params: Any) -> dict[str, Any]:\n        return {}"),
    ("graph/kinds/lens.py", "per_channel: ClassVar[bool] = False", "per_channel: ClassVar[bool] = True"),
    ("nodes/camera.py", "cosine / zoom - 1", "cosine / zoom - 1.1"),
    ("nodes/shifts.py", "4 / (1 + at.aspect", "3 / (1 + at.aspect"),
    ("nodes/drift.py", "(0.5 + shader.uniform(bits))", "(0.4 + shader.uniform(bits))"),
    ("nodes/latents.py", "angle = np.arccos", "angle = 1.01 * np.arccos"),
    ("nodes/signals.py", "2.0 ** (-1.0 / (float(fps) * half_life))", "2.0 ** (-1.1 / (float(fps) * half_life))"),
    ("hearing/spectrum.py", "np.sqrt", "np.cbrt"),
    ("hearing/rows.py", "LOUDNESS = 0.3", "LOUDNESS = 0.31"),
    ("hearing/net.py", "AROUND = 4.0", "AROUND = 4.1"),
    ("runtime/media/audio.py", "LOUDEST = 1e4", "LOUDEST = 1e3"),
    ("runtime/media/music/layouts.py", "HALF = 0.70710678", "HALF = 0.7"),
    ("runtime/films/films.py", "SAMPLES_AT_ONCE = 1 << 16", "SAMPLES_AT_ONCE = 1 << 15"),
    ("hearing/rows.py", "def ", "def  "),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("code") / "n2s"
    shutil.copytree(Path(code_files._ROOT), target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def digests_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(code_files, "_ROOT", str(root))
    others = (
        "nodes.motion",
        "nodes.latents",
        "nodes.grain",
        "nodes.camera",
        "nodes.features",
        "nodes.measures",
        "nodes.camera",
        "nodes.shifts",
        "runtime.media.audio",
        "runtime.films.films",
        "formats.digests",
        "formats.video",
        "formats.png",
    )
    return code.engine_parts() | {name: code.code_digest(f"n2s.{name}") for name in others}


@pytest.mark.parametrize("mutation", range(len(MUTATIONS)))
def test_an_edit_of_what_decides_bits_changes_a_digest(
    mutation: int, copy_of_the_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, old, new = MUTATIONS[mutation]
    path = copy_of_the_code / place
    text = path.read_text()
    before = digests_of(copy_of_the_code, monkeypatch)
    assert old in text
    path.write_text(text.replace(old, new))
    try:
        changed = digests_of(copy_of_the_code, monkeypatch) != before
        assert changed == (new != "def  "), "layout makes no difference, all else does"
    finally:
        path.write_text(text)
    assert digests_of(copy_of_the_code, monkeypatch) == before


def test_what_the_engine_is_made_of() -> None:
    """A module that is left out by mistake, or comes to decide nothing, shows here."""
    parts = set(code.engine_parts())
    makers = (
        "render.frames",
        "render.kernels.numba_rows",
        "render.kernels.numba_stores",
        "render.kernels.program",
        "render.kernels.filter_weights",
        "render.kernels.fused",
        "render.kernels.gaussians",
        "render.kernels.integers",
        "render.kernels.jit",
        "render.kernels.lens_room",
        "render.kernels.level_rows",
        "render.kernels.light_levels",
        "render.kernels.light_making",
        "render.kernels.maps",
        "render.kernels.pair_vectors",
        "render.kernels.sampling",
        "render.kernels.vectors",
        "render.segments",
        "models.folder",
        "media.pictures",
        "media.resample",
    )
    assert {f"n2s.runtime.{name}" for name in makers} <= parts
    assert not {
        name
        for name in parts
        if name.startswith(("n2s.commands", "n2s.cli", "n2s.formats", "n2s.nodes")) or name in code.APART
    }
    assert parts <= {
        f"n2s.{path.relative_to(code_files._ROOT).with_suffix('').as_posix().replace('/', '.')}".removesuffix(
            ".__init__"
        )
        for path in Path(code_files._ROOT).rglob("*.py")
    }


def test_names_of_the_engine_are_looked_for_once_until_code_is_executed_again(
    studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every plan has keys of its own, of which each leaves these modules out of the code of its nodes."""
    graph = harness.load(harness.around("Tone", studio.model), studio.folder)
    plans, walks, parts = [harness.plan(graph, store) for _ in range(2)], [], code.engine_parts
    monkeypatch.setattr(code, "engine_parts", lambda: walks.append(1) or parts())
    for moment in (-1, -2):
        monkeypatch.setattr(code.loaded, "now", lambda: moment)
        del walks[:]
        first, second = (replace(plan, keys=Keys(plan)).keys.static for plan in plans)
        assert first == second and len(walks) == 1
    assert code.engine_names() == frozenset(parts())


def test_what_the_text_of_kernels_imports_is_part_of_the_engine() -> None:
    parts = set(code.engine_parts())
    folder = Path(code_files._ROOT) / "runtime/render/kernels"
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]
    texts = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    found = {name for text in texts if isinstance(text, str) for name in re.findall(r"^from (n2s\.[\w.]+)", text, re.M)}
    named = {f"n2s.runtime.render.kernels.{path.stem}" for path in folder.glob("*.py") if path.stem in texts}
    assert len(found) >= 5 and found <= parts
    assert len(named) >= 12 and named <= parts  # those that become kernels of their own, and those that go into digests


def test_facts_that_another_process_found_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code.engine_parts()
    kept = json.loads(json.dumps(code_text.known_facts()))
    monkeypatch.setattr(code_text, "_facts", {})
    monkeypatch.setattr(code_text, "_texts", {})
    monkeypatch.setattr(code, "_executed", {})
    code_text.remember_facts(kept)
    monkeypatch.setattr(code_text, "find_facts", lambda text: pytest.fail("a text was looked at again"))
    assert code.engine_parts() == before
    assert sys.version_info >= (3, 11)


def lets_others_go_on(phase: str, info: dict[str, int]) -> None:
    time.sleep(0.0001)


@pytest.fixture
def threads_that_disturb() -> Iterator[None]:
    """Another thread goes on whenever Python collects garbage, which it does here while trees are made."""
    threshold = gc.get_threshold()
    gc.set_threshold(5)
    gc.callbacks.append(lets_others_go_on)
    try:
        yield
    finally:
        gc.callbacks.remove(lets_others_go_on)
        gc.set_threshold(*threshold)


DEEP = "value = " + "(1 + " * 60 + "0" + ")" * 60


@pytest.mark.usefixtures("threads_that_disturb")
def test_threads_may_make_syntax_trees_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        trees = list(pool.map(lambda number: ast.dump(syntax_tree(DEEP)), range(40)))
    assert set(trees) == {ast.dump(ast.parse(DEEP))}


@pytest.mark.usefixtures("threads_that_disturb")
def test_libraries_may_make_syntax_trees_meanwhile() -> None:
    """They wait for nobody."""
    buffer, over = io.BytesIO(), threading.Event()
    np.savez(buffer, first=np.arange(3), second=np.eye(2))

    def disturb() -> None:
        while not over.is_set():
            with suppress(SystemError):
                ast.parse("(" * 20 + "0" + ")" * 20)
            time.sleep(0.0005)

    other = threading.Thread(target=disturb)
    other.start()
    try:
        trees = {ast.dump(syntax_tree(DEEP)) for _ in range(40)}
        read = [read_arrays(io.BytesIO(buffer.getvalue())) for _ in range(40)]
    finally:
        over.set()
        other.join()
    assert len(trees) == 1
    for arrays in read:
        assert arrays["first"].tolist() == [0, 1, 2] and arrays["second"].tolist() == [[1, 0], [0, 1]]


def test_threads_may_ask_for_the_facts_of_one_file_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One thread is still finding them out while another asks; that one must not take them for known."""
    file, found, going = tmp_path / "module.py", code_text.find_facts, threading.Event()
    file.write_text("import os\n")
    expected = found(file.read_bytes())

    def slowly(text: bytes) -> code_text.Facts:
        going.set()
        time.sleep(0.2)
        return found(text)

    monkeypatch.setattr(code_text, "find_facts", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(code_text.facts_of, str(file))
        going.wait()
        second = pool.submit(code_text.facts_of, str(file))
        assert first.result() == second.result() == expected
