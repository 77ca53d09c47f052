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
from lensed import PLACES, ask
from scipy.ndimage import gaussian_filter

from n2s import Graph
from n2s.graph.code.identity import code_digest
from n2s.nodes import AudioSource, DigestSink, Grain, ImageSource, Keyframes, Over, Tone

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


def python(installed: Path, *arguments: str, **variables: str) -> str:
    """Run Python where the packages are installed, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(installed)} | variables
    environment.pop("PYTEST_ADDOPTS", None)  # coverage is measured of the whole suite, not of these laws alone
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


# How many laws hold of each node. All are documented, render, have keyed settings, and are the same in YAML and
# in Python; those of frames are the same in pieces, alone and at rest besides, and for each of their parameters; of
# measures there are three more.
LAWS = {
    "Scanlines": 7 + 3,
    "Thermal": 7 + 2,
    "Mist": 7 + 2,
    "Afterglow": 7 + 1,
    "Warmth": 4 + 3,
    "BlindsMatte": 9,
    "NoiseGate": 4,
    "RibbedGlass or FacetGlass or HeatHaze": 4 * 3 + 2 * 3 + 11 + 3,
}


def test_the_laws_hold_for_them(installed: Path, kernel_cache: Path) -> None:
    chosen = f"({' or '.join(LAWS)}) and not fused and not Tone"  # which has a parameter called warmth
    words = ["-m", "pytest", "tests/test_laws.py", "-k", chosen, "-q", "-p", "no:cacheprovider"]
    said = python(installed, *words, N2S_TEST_KERNELS=str(kernel_cache))
    assert int(said.rpartition(" passed")[0].split()[-1]) == sum(LAWS.values()), said


def test_the_command_line_knows_them(installed: Path) -> None:
    code = (
        "import sys, json; from n2s.cli import main\n"
        "def n2s(*arguments):\n"
        "    sys.argv = ['n2s', *arguments]\n"
        "    main()\n"
        "n2s('nodes'); n2s('nodes', 'NoiseGate'); n2s('check', 'examples/n2s-scanlines/screen.yaml'); n2s('schema')\n"
        "n2s('check', 'examples/n2s-lenses/glass.yaml')\n"
    )
    said = python(installed, "-c", code)
    assert "\nn2s_scanlines.noise_gate\n  NoiseGate " in said
    assert "noise_gate: {node: NoiseGate, signal: features.onset, high: 0.6, low: 0.4}" in said
    assert "screen.yaml: 11 nodes, 1 film, no problems." in said
    assert '"title": "Scanlines"' in said
    assert "glass.yaml: 13 nodes, 1 film, no problems." in said


def film(package: Any, studio: Any, **settings: Any) -> Graph:
    picture = package.Scanlines(lines=12, **settings)(ImageSource(path="picture.png")(), name="screen")
    sink = DigestSink(path="frames.txt")(Grain()(picture, name="grain"), AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), seed=3, base=studio.folder)


def test_thermal_against_its_formula(package: Any, studio: Any, store: Any) -> None:
    thermal = package().Thermal(heat=1.3, amount=0.8)(ImageSource(path="picture.png")(name="picture"), name="thermal")
    sink = DigestSink(path="frames.txt")(thermal, AudioSource(path="music.wav")())
    graph = Graph(sink, fps=30, size=(96, 64), base=studio.folder)
    r, g, b = picture = harness.frames(graph, store, "picture", [(0, 1)])[0].astype(float)
    heat = np.clip((0.2126 * r + 0.7152 * g + 0.0722 * b) * 1.3, 0, 1)
    table = np.array([(0, 0, 0.1), (0.25, 0, 0.6), (0.9, 0.1, 0.4), (1, 0.6, 0), (1, 1, 0.7)])
    colour = np.stack([np.interp(heat, np.linspace(0, 1, 5), table[:, i]) for i in range(3)])
    light = picture * abs(picture)
    light = light + (colour * colour - light) * 0.8
    made = harness.frames(graph, store, "thermal", [(0, 1)])[0]
    np.testing.assert_allclose(made, np.sign(light) * np.sqrt(abs(light)), atol=1e-4)  # a root near black


def test_thermal_by_hand(package: Any) -> None:
    node = package().Thermal()
    colours = node.fill(None)["colours"].astype(np.float32)
    one, grey = np.float32(1), np.float32(0.375)  # half way from the second colour to the third
    made = node.pixel((grey, grey, grey), None, colours, one, one)
    np.testing.assert_allclose(made, (0.575, 0.05, 0.5), atol=1e-6)


def test_they_fuse_with_the_nodes_around_them(package: Any, studio: Any, store: Any) -> None:
    graph = film(package(), studio, shift="= 3 * time")
    assert harness.plan(graph, store).stages[-1].kernel.steps == ("screen", "grain")
    assert harness.codes(graph, store, fuse=True).tobytes() == harness.codes(graph, store, fuse=False).tobytes()


def test_their_code_is_part_of_the_key(package: Any, studio: Any, store: Any) -> None:
    before = harness.keys(film(package(), studio), store)
    described = package(("Darken the gaps", "Dim the gaps"), ("distance = ", "distance =  "))
    assert harness.keys(film(described, studio), store) == before
    same = code_digest(described.NoiseGate)
    edited = package(("smoothstep(0.2, 0.5", "smoothstep(0.3, 0.5"))
    assert set(harness.keys(film(edited, studio), store)).isdisjoint(before)
    assert code_digest(edited.NoiseGate) != same  # a package is known as a whole
    assert code_digest(package().NoiseGate) == same


def test_scanlines_against_its_formula(package: Any) -> None:
    amount, lines, shift = 0.7, 12, 0.25
    v = (np.arange(64) + 0.5) / 64
    t = np.clip((abs((v * lines + shift) % 1 - 0.5) - 0.2) / 0.3, 0, 1)
    wanted = 0.8 * (1 - amount * t * t * (3 - 2 * t))
    pixel = package().Scanlines.pixel
    made = [pixel((0.8, 0.5, 0.8), SimpleNamespace(v=at), amount, lines, shift) for at in v]
    np.testing.assert_allclose([r for r, _, _ in made], wanted, atol=1e-6)
    np.testing.assert_allclose([g for _, g, _ in made], wanted * 0.5 / 0.8, atol=1e-6)


def test_mist_against_its_formula(package: Any, studio: Any, store: Any) -> None:
    """Half of the light is spread by the radius, half by a quarter of it; the picture has as much light as before."""
    amount, radius = 0.4, 4 / 64
    picture = ImageSource(path="picture.png")(name="still")
    misty = package().Mist(amount=amount, radius=radius)(picture, name="mist")
    graph = Graph(DigestSink(path="frames.txt")(misty, AudioSource(path="music.wav")()), fps=30, size=(96, 64),
                  base=studio.folder)  # fmt: skip
    given, made = (harness.frames(graph, store, name, [(0, 1)])[0].astype(np.float64) for name in ("still", "mist"))
    light = given * np.abs(given)
    soft = sum(gaussian_filter(light, (0, sigma, sigma), mode="reflect") / 2 for sigma in (4, 1))
    wanted = light + amount * (soft - light)
    np.testing.assert_allclose(made * np.abs(made), wanted, atol=0.01)
    assert (made**2).mean() == pytest.approx(wanted.mean(), rel=2e-3)


def test_afterglow_against_a_plain_loop(package: Any, studio: Any, store: Any) -> None:
    """Frames that brighten and darken: what was bright glows on, green longest."""
    exposure = Keyframes(points=[[0, 0], [0.2, 1], [0.3, -4]], interpolate="linear")()
    lit = Tone(exposure=exposure)(ImageSource(path="picture.png")(), name="lit")
    glowing = package().Afterglow(glow=0.05, amount=0.9)(lit, name="glowing")
    sink = DigestSink(path="frames.txt")(glowing, AudioSource(path="music.wav")())
    graph = Graph(sink, fps=30, size=(96, 64), seed=3, base=studio.folder)
    shown, made = (harness.frames(graph, store, name, [(0, 20)]).astype(np.float64) for name in ("lit", "glowing"))
    for frame in range(20):
        wanted = shown[frame] ** 2
        for age in range(1, min(frame, 6) + 1):
            for channel, longest in enumerate((0.6, 1, 0.35)):
                glow = 0.9 * shown[frame - age, channel] ** 2 * 2 ** -(age / 30 / 0.05 / longest)
                wanted[channel] = np.maximum(wanted[channel], glow)
        np.testing.assert_allclose(made[frame] ** 2, wanted, atol=1e-5)
    assert (made[10] > shown[10] + 0.1).any()


def test_warmth_against_its_formula(package: Any, studio: Any, store: Any) -> None:
    warmth = package().Warmth()
    frame = np.random.default_rng(5).random((3, 9, 16)).astype(np.float32)
    red, blue = (np.mean([value**2 for value in frame[channel].astype(float).ravel()]) for channel in (0, 2))
    assert warmth.measure(frame) == pytest.approx((red - blue) / (red + blue), abs=1e-6)
    assert warmth.measure(np.zeros((3, 9, 16), np.float32)) == 0
    lit = Tone(warmth="= time - 1")(ImageSource(path="picture.png")(), name="lit")
    shown = Tone(warmth=-1 * warmth(lit, name="warm"))(lit)
    graph = Graph(DigestSink(path="frames.txt")(shown), fps=30, size=(96, 64), duration=2, base=studio.folder)
    warm = harness.plan(graph, store).values.outputs["warm", "signal"]
    assert warm[-1] - warm[0] > 0.5 and (np.diff(warm) >= 0).all(), "as the film gets warmer"


@pytest.mark.parametrize("soft", [0.001, 0.3, 1])
def test_the_blinds_against_their_formula(soft: float, package: Any, studio: Any, store: Any) -> None:
    blinds = package().BlindsMatte

    def rows(**settings: Any) -> np.ndarray:
        picture = ImageSource(path="picture.png")(name="picture")
        matte = blinds(slats=4, soft=soft, **settings)(name="blinds")
        sink = DigestSink(path="frames.txt")(Over()(picture, picture, matte))
        graph = Graph(sink, fps=30, size=(96, 64), duration=0.1, base=studio.folder)
        made = harness.frames(graph, store, "blinds", [(0, 1)])[0, 0]
        assert (made == made[:, :1]).all()
        return made[:, 0]

    assert (rows(open=0) == 0).all() and (rows(open=1) == 1).all()
    middle = 0.5 * (1 + 2 * soft) - soft
    for y, made in enumerate(rows(open=0.5)):
        distance = abs(((y + 0.5) / 64 * 4) % 1 - 0.5) * 2
        t = min(max((distance - middle + soft) / (2 * soft), 0), 1)
        assert made == pytest.approx(1 - t * t * (3 - 2 * t), abs=0.02 if soft < 0.01 else 1e-3)


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
    np.testing.assert_array_equal(package().NoiseGate(high=high, low=low).compute(None, signal), wanted)


@pytest.fixture
def lenses(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PACKAGES[1]))
    return importlib.import_module("n2s_lenses")


def test_ribbed_glass_against_a_loop(lenses: Any) -> None:
    made = ask(lenses.RibbedGlass(strength=1.2, width=0.11, angle=430, move=50.03))
    across, down = math.cos(math.radians(70)), math.sin(math.radians(70))
    for (x, y), place in zip(PLACES, made):
        t = ((across * x + down * y - 50.03) / 0.11) % 1 - 0.5
        if abs(t) < 0.499:  # at the side of a rib the next one may begin
            far = 1.2 * 0.11 * t
            np.testing.assert_allclose(place, (x + far * across, y + far * down), atol=1e-5)


def test_facet_glass_shows_what_lies_aside(lenses: Any) -> None:
    given = {"reach": 0.1, "size": 0.3}
    aside = ask(lenses.FacetGlass(**given), seed=7) - PLACES
    u, v = (PLACES @ [[1, 1], [1, -1]] / 0.3).T
    diamonds = np.unique(np.floor([u, v]).T, axis=0, return_inverse=True)[1].ravel()
    for number in range(diamonds.max() + 1):
        assert np.ptp(aside[diamonds == number], axis=0).max() < 1e-6, "all of one diamond moves alike"
    far, angle = np.hypot(*aside.T), np.arctan2(aside[:, 1], aside[:, 0])
    assert far.max() <= 0.1 and far.std() > 0.02 and angle.std() > 1, "each its own way"
    turned = ask(lenses.FacetGlass(**given, turn=90), seed=7) - PLACES
    np.testing.assert_allclose(turned, np.stack([-aside[:, 1], aside[:, 0]], axis=1), atol=1e-6)
    assert np.abs(ask(lenses.FacetGlass(**given), seed=8) - PLACES - aside).max() > 0.05


@pytest.mark.parametrize("rise", [True, False])
def test_heat_haze_against_a_loop(rise: bool, lenses: Any) -> None:
    made = ask(lenses.HeatHaze(amount=0.03, size=0.1, phase=1000.25, top=-0.2, rise=rise))
    for (x, y), place in zip(PLACES, made):
        t = min(max((y + 0.2) / 0.7, 0), 1)
        far = 0.03 * (t * t * (3 - 2 * t) if rise else 1)
        sway = math.sin(2 * math.pi * x / 0.2) / 4
        wanted = (
            x + far * math.sin(2 * math.pi * (y / 0.1 + 0.5 + sway)),
            y + far / 2 * math.sin(2 * math.pi * (y / 0.2 + 0.25)),
        )
        np.testing.assert_allclose(place, wanted, atol=1e-6)
