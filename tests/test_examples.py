"""Nodes of another package are found, checked, rendered, fused and keyed like the library's own."""

from __future__ import annotations

import importlib
import math
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.code.identity import code_digest
from n2s.nodes import AudioSource, DigestSink, Grain, ImageSource

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "n2s-scanlines"
PACKAGES = [EXAMPLE, ROOT / "examples" / "n2s-lenses"]


def install(example: Path, folder: Path) -> None:
    """Do what installing a package does, without a network and a build backend: its modules and its entry points."""
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    module = example.name.replace("-", "_")
    shutil.copytree(example / module, folder / module, ignore=shutil.ignore_patterns("__pycache__"))
    info = folder / f"{module}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [line for group, entries in project["entry-points"].items()
             for line in [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]]  # fmt: skip
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for example in PACKAGES:
        install(example, folder)
    return folder


def python(installed: Path, *arguments: str) -> str:
    """Run Python where the packages are installed, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Import the package from its own folder, or from a copy in which some text is replaced."""

    def load(*replaced: tuple[str, str]) -> Any:
        folder = EXAMPLE
        if replaced:
            folder = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
            shutil.copytree(
                EXAMPLE / "n2s_scanlines", folder / "n2s_scanlines", ignore=shutil.ignore_patterns("__pycache__")
            )
            for path in folder.rglob("*.py"):
                text = path.read_text()
                for old, new in replaced:
                    text = text.replace(old, new)
                path.write_text(text)
        monkeypatch.syspath_prepend(str(folder))
        for name in [name for name in sys.modules if name.startswith("n2s_scanlines")]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module("n2s_scanlines")

    return load


# Of a node: documented, renders, its settings key, YAML and Python agree; of one that gives frames, pieces, single
# frames and each parameter besides, and neutral settings where it has some (all here but Kaleidoscope).
LAWS = {"Scanlines or Gate": 4 * 2 + 2 + 3 + 1, "Swirl or Ripple or Barrel or Kaleidoscope": 4 * 4 + 2 * 4 + 14 + 3}


@pytest.mark.parametrize("names", LAWS)
def test_the_laws_hold_for_them(names: str, installed: Path) -> None:
    chosen = f"({names}) and not fused"
    said = python(installed, "-m", "pytest", "tests/test_laws.py", "-k", chosen, "-q", "-p", "no:cacheprovider")
    assert int(said.rpartition(" passed")[0].split()[-1]) == LAWS[names], said


def test_the_command_line_knows_them(installed: Path) -> None:
    code = (
        "import sys, json; from n2s.cli import main\n"
        "def n2s(*arguments):\n"
        "    sys.argv = ['n2s', *arguments]\n"
        "    main()\n"
        "n2s('nodes'); n2s('nodes', 'Gate'); n2s('check', 'examples/n2s-scanlines/screen.yaml'); n2s('schema')\n"
        "n2s('check', 'examples/n2s-lenses/water.yaml')\n"
    )
    said = python(installed, "-c", code)
    assert "\nn2s_scanlines.gate\n  Gate " in said
    assert "gate: {node: Gate, signal: features.onset, high: 0.6, low: 0.4}" in said
    assert "screen.yaml: 11 nodes, 1 film, no problems." in said
    assert '"title": "Scanlines"' in said
    assert "water.yaml: 13 nodes, 1 film, no problems." in said


def film(package: Any, studio: Any, **settings: Any) -> Graph:
    picture = package.Scanlines(lines=12, **settings)(ImageSource(path="picture.png")(), name="screen")
    sink = DigestSink(path="frames.txt")(Grain()(picture, name="grain"), AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), seed=3, base=studio.folder)


def test_they_fuse_with_the_nodes_around_them(package: Any, studio: Any, store: Any) -> None:
    graph = film(package(), studio, shift="= 3 * time")
    assert harness.plan(graph, store).stages[-1].kernel.steps == ("screen", "grain")
    assert harness.codes(graph, store, fuse=True).tobytes() == harness.codes(graph, store, fuse=False).tobytes()


def test_their_code_is_part_of_the_key(package: Any, studio: Any, store: Any) -> None:
    before = harness.keys(film(package(), studio), store)
    described = package(("Darken the gaps", "Dim the gaps"), ("distance = ", "distance =  "))
    assert harness.keys(film(described, studio), store) == before
    same = code_digest(described.Gate)
    edited = package(("smoothstep(0.2, 0.5", "smoothstep(0.3, 0.5"))
    assert set(harness.keys(film(edited, studio), store)).isdisjoint(before)
    assert code_digest(edited.Gate) != same  # a package is known as a whole
    assert code_digest(package().Gate) == same


def test_scanlines_against_its_formula(package: Any) -> None:
    amount, lines, shift = 0.7, 12, 0.25
    v = (np.arange(64) + 0.5) / 64
    t = np.clip((abs((v * lines + shift) % 1 - 0.5) - 0.2) / 0.3, 0, 1)
    wanted = 0.8 * (1 - amount * t * t * (3 - 2 * t))
    pixel = package().Scanlines.pixel
    made = [pixel((0.8, 0.5, 0.8), SimpleNamespace(v=at), amount, lines, shift) for at in v]
    np.testing.assert_allclose([r for r, _, _ in made], wanted, atol=1e-6)
    np.testing.assert_allclose([g for _, g, _ in made], wanted * 0.5 / 0.8, atol=1e-6)


@pytest.mark.parametrize("columns", [0, 3])
@pytest.mark.parametrize(("high", "low"), [(0.6, 0.4), (0.5, 0.5), (0.3, 0.9), (-1000, -1000), (1000, 0)])
def test_the_gate_against_a_plain_loop(high: float, low: float, columns: int, package: Any) -> None:
    signal = np.random.default_rng(11).random((200, max(1, columns))).astype(np.float32)
    wanted = np.zeros_like(signal)
    for column in range(signal.shape[1]):
        is_open = False
        for k, x in enumerate(signal[:, column]):
            is_open = x >= high or (is_open and x >= low)
            wanted[k, column] = x if is_open else 0
    if not columns:
        signal, wanted = signal[:, 0], wanted[:, 0]
    np.testing.assert_array_equal(package().Gate(high=high, low=low).compute(None, signal), wanted)


@pytest.fixture
def lenses(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PACKAGES[1]))
    return importlib.import_module("n2s_lenses")


def places(lens: Any, **params: float) -> tuple[np.ndarray, np.ndarray]:
    """Return some places of a frame of 16:9 and where a lens sends each, asked one by one; (N, 2)."""
    given = {name: np.float32([params.get(name, getattr(lens, name).value)]) for name in lens.params()}
    numbers = {name: np.float32(column[0]) for name, column in lens.prepare(**given).items()}
    at = SimpleNamespace(aspect=np.float32(16 / 9))
    asked = np.array([(x, y) for y in np.linspace(-0.5, 0.5, 19) for x in np.linspace(-0.9, 0.9, 32)], np.float32)
    return asked.astype(np.float64), np.array([lens.where(x, y, at, **numbers) for x, y in asked], np.float64)


def turned(x: float, y: float, angle: float) -> tuple[float, float]:
    """Return a place turned about (0, 0) by an angle in radians, clockwise as y points down."""
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def test_swirl_against_a_loop(lenses: Any) -> None:
    asked, made = places(lenses.Swirl(), angle=200, radius=0.6, center_x=0.1, center_y=-0.2)
    for (x, y), place in zip(asked, made):
        dx, dy = x - 0.1, y + 0.2
        near = max(0, 1 - (dx * dx + dy * dy) / 0.36)
        dx, dy = turned(dx, dy, -math.radians(200 * near * near))
        np.testing.assert_allclose(place, (0.1 + dx, -0.2 + dy), atol=2e-6)


def test_ripple_against_a_loop(lenses: Any) -> None:
    asked, made = places(lenses.Ripple(), amplitude=0.05, wavelength=0.2, phase=1000.25, reach=0.5, center_x=0.3)
    for (x, y), place in zip(asked, made):
        dx, dy = x - 0.3, y
        distance = math.hypot(dx, dy)
        height = 0.05 * math.sin(2 * math.pi * (distance / 0.2 - 0.25)) / (1 + distance**2 / 0.25)
        soft = math.sqrt(distance**2 + 0.2**2 / 16)
        np.testing.assert_allclose(place, (x + dx / soft * height, y + dy / soft * height), atol=1e-6)


@pytest.mark.parametrize(("strength", "fill", "scale"), [(0.5, True, 1 / 1.5), (0.5, False, 1), (-0.2, True, 1)])
def test_barrel_against_a_loop(strength: float, fill: bool, scale: float, lenses: Any) -> None:
    asked, made = places(lenses.Barrel(fill=fill), strength=strength)
    for (x, y), place in zip(asked, made):
        bent = scale * (1 + strength * (x * x + y * y) / (0.25 + (8 / 9) ** 2))
        np.testing.assert_allclose(place, (x * bent, y * bent), atol=1e-6)


@pytest.mark.parametrize("segments", [1, 5, 6])
def test_kaleidoscope_against_a_loop(segments: int, lenses: Any) -> None:
    asked, made = places(lenses.Kaleidoscope(segments=segments), turn=-30, center_x=-0.1, center_y=0.05)
    half = math.pi / segments  # the angle of a wedge
    for (x, y), place in zip(asked, made):
        dx, dy = x + 0.1, y - 0.05
        for k in range(-segments, segments):  # the wedge that (dx, dy) lies in, or its mirror image
            start = k * half
            angle = math.atan2(dy, dx) - start
            if 0 <= angle < half:
                into = angle if k % 2 == 0 else half - angle
                wanted = turned(math.hypot(dx, dy), 0, into - math.radians(30))
        np.testing.assert_allclose(place, (wanted[0] - 0.1, wanted[1] + 0.05), atol=2e-6)
