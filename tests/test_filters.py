"""Filters: nodes that spread light."""

from __future__ import annotations

import re
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from interpreter import enlarged, halved, mirrored
from node_sources import GLOW
from scipy.ndimage import gaussian_filter

from n2s.commands.plan import stage_text
from n2s.graph.errors import N2SError
from n2s.graph.shader import fma
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels import pyramid
from n2s.runtime.render.soft import gaussian_taps
from n2s.runtime.seeing import explain

MORE = '''
class Wide(Around):
    """Show the light around each place, without the finest."""

    finest = 0.0035


class Pad(Streamed):
    """Take frames of an odd size, and add a black row and column where the film has one more."""

    frames: Frames = port("what is seen")
    right: int = setting(0, ge=0, le=1, help="one column")
    below: int = setting(0, ge=0, le=1, help="one row")

    outputs = FRAMES_OUTPUT

    def input_size(self, size):
        return size[0] - self.right, size[1] - self.below

    def compute(self, block, frames):
        return np.pad(frames, ((0, 0), (0, 0), (0, self.below), (0, self.right)))
'''
SIGMAS = (0.4, 1, 1.7, 2.6, 3.2, 3.45, 5, 6.8, 9, 13, 17, 30)  # pixels; several lie where levels change


STEADY = """
class Steady(Filter):
    \"\"\"Show the light around each place, always as wide.\"\"\"

    frames: Frames = port("what glows")

    def spread(self):
        return Gaussians(np.full((1, 1), 0.0625, np.float32), np.ones((1, 1), np.float32))

    @staticmethod
    def pixel(rgb, soft, at):
        return soft[0], soft[1], soft[2]
"""


@pytest.fixture
def film(studio: Any, packages: Any) -> Any:
    """Load a film of some nodes, the last of which is shown."""
    packages.install(GLOW + MORE)

    def make(nodes: dict[str, Any], size: tuple[int, int] = (96, 64)) -> Any:
        nodes = harness.surroundings(studio.model) | nodes
        nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "frames.txt"}
        return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": size, "nodes": nodes}, studio.folder)

    return make


def test_what_is_read_is_the_light_of_the_picture(film: Any, store: Any) -> None:
    graph = film({"tone": {"node": "Tone", "frames": "decoded"}, "glow": {"node": "Around", "frames": "tone"}})
    shown = harness.frames(graph, store, "tone", [(0, 2)]).astype(np.float64)
    made = harness.frames(graph, store, "glow", [(0, 2)])
    light = gaussian_filter(shown * shown, (0, 0, 3.2, 3.2), mode="reflect")
    assert np.abs(made - light).max() < 0.01


@pytest.mark.parametrize("source", ["decoded", "picture", "toned"])
def test_filters_in_a_row_and_beside_each_other(source: str, film: Any, store: Any) -> None:
    """However they are fused and in whichever blocks they are made, their frames have the same bits."""
    nodes = {
        "toned": {"node": "Tone", "frames": "decoded", "exposure": 0.5},
        "grain": {"node": "Grain", "frames": source},
        "first": {"node": "Around", "frames": source},
        "second": {"node": "Around", "frames": "first", "radius": "= 0.05 * ramp"},
        "mix": {"node": "Mix", "a": "first", "b": "grain"},
        "third": {"node": "Around", "frames": "mix", "radius": 0},
        "both": {"node": "Mix", "a": "second", "b": "third"},
    }
    graph = film(nodes)
    fused, alone = (harness.codes(graph, store, fuse) for fuse in (True, False))
    assert fused.tobytes() == alone.tobytes() and fused.std() > 1
    maker = FrameMaker(harness.plan(graph, store), store)
    edges = [0, 5, 6, 40, len(fused)]
    pieces = [codes.copy() for start, stop in zip(edges, edges[1:]) for codes in maker.blocks(start, stop)]
    assert np.concatenate(pieces).tobytes() == fused.tobytes()


def test_a_hidden_stage_has_a_key_of_its_own(film: Any, store: Any) -> None:
    plan = harness.plan(film({"glow": {"node": "Around", "frames": "decoded"}}), store)
    keys = {plan.keys.chunk(0, 30, name).key for name in ("decoded", "decoded at 96x64", "glow soft", "glow")}
    assert len(keys) == 3  # resizing has the key of what it resizes


@pytest.fixture
def spread(film: Any, studio: Any, store: Any) -> Any:
    """Return the light of a picture, 0 or 1 for each place (H, W), spread by a deviation in pixels: (frames, H, W)."""

    def make(light: np.ndarray, radius: Any, node: str = "Around", frames: int = 1) -> np.ndarray:
        height, width = light.shape
        tiny.write_png(studio.folder / "light.png", np.repeat(np.uint8(255 * light)[:, :, None], 3, axis=2))
        radius = radius if isinstance(radius, str) else radius / height
        nodes = {
            "still": {"node": "ImageSource", "path": "light.png"},
            "glow": {"node": node, "frames": "still", "radius": radius},
            "pad": {"node": "Pad", "frames": "glow", "right": width % 2, "below": height % 2},
        }
        graph = film(nodes, (width + width % 2, height + height % 2))
        made = harness.frames(graph, store, "pad", [(0, frames)])[:, :, :height, :width]
        assert (made[:, 0] == made[:, 1]).all() and (made[:, 0] == made[:, 2]).all()
        return made[:, 0].astype(np.float64)

    return make


def dot(shape: tuple[int, int], place: tuple[int, int]) -> np.ndarray:
    light = np.zeros(shape)
    light[place] = 1
    return light


def centre(light: np.ndarray) -> tuple[float, float]:
    """Return the centre of gravity: row and column."""
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    return (light * y).sum() / light.sum(), (light * x).sum() / light.sum()


@pytest.mark.parametrize("shape", [(260, 320), (227, 255), (204, 301)])
def test_a_sum_of_levels_is_a_gaussian(shape: tuple[int, int], spread: Any) -> None:
    """A dot becomes a Gaussian of its own light, within 1 % of the peak, and stays where it is."""
    for i, sigma in enumerate(SIGMAS):
        place = shape[0] // 2 + i % 3, shape[1] // 2 + i % 5  # every way to lie on the levels
        exact = gaussian_filter(dot(shape, place), sigma, mode="reflect", truncate=6)
        (made,) = spread(dot(shape, place), sigma)
        assert np.abs(made - exact).max() < 0.01 * exact.max(), sigma
        assert made.sum() == pytest.approx(1, abs=2e-3)
        assert centre(made) == pytest.approx(centre(exact), abs=0.01)


@pytest.mark.parametrize("shape", [(144, 256), (108, 192), (135, 240), (97, 131)])
def test_the_edge_is_exact_at_every_width_and_size(shape: tuple[int, int], spread: Any) -> None:
    """A bar along the lower edge, a fifth of the height: as in a picture that is mirrored beyond its edges."""
    light = np.zeros(shape)
    light[-shape[0] // 5 :] = 1
    shares = (0.02, 0.06, 0.1, 0.2, 0.27, 0.31, 0.4, 0.5)
    for share in shares:
        exact = gaussian_filter(light, (share * shape[0], 0), mode="reflect", truncate=8)
        (made,) = spread(light, share * shape[0])
        assert np.abs(made - exact).max() < (0.015 if shape[0] % 4 else 1e-3), share


def test_half_the_size_holds_what_is_not_fine(spread: Any) -> None:
    """Where no Gaussian is finer than three pixels, the light is spread in half the size, to the same within 1 %."""
    shape, place = (900, 84), (361, 41)
    for sigma in (3.2, 5, 6.8, 9):
        exact = gaussian_filter(dot(shape, place), sigma, mode="reflect", truncate=6)
        (made,) = spread(dot(shape, place), sigma, "Wide")
        assert np.abs(made - exact).max() < 0.01 * exact.max(), sigma
    (finer,) = spread(dot(shape, place), 1, "Wide")
    (finest,) = spread(dot(shape, place), 0.0035 * 900, "Wide")
    np.testing.assert_array_equal(finer, finest)


def test_one_row_of_gaussians_is_for_all_frames(packages: Any, film: Any, store: Any) -> None:
    packages.install(STEADY, module="steady_nodes")
    made, glow = (
        harness.frames(film({"made": {"node": node, "frames": "decoded", **given}}), store, "made", [(0, 5)])
        for node, given in (("Steady", {}), ("Around", {"radius": 0.0625}))
    )
    np.testing.assert_array_equal(made, glow)


def test_what_is_symmetric_stays_so(spread: Any) -> None:
    for shape in ((90, 120), (91, 120), (90, 121), (67, 85)):
        light = np.random.default_rng(1).random(shape) > 0.9
        light = light | light[::-1] | light[:, ::-1] | light[::-1, ::-1]
        for sigma in (1.3, 3.3, 7, 19):
            (made,) = spread(light, sigma)
            np.testing.assert_allclose(made, made[::-1], atol=1e-6)
            np.testing.assert_allclose(made, made[:, ::-1], atol=1e-6)


def test_even_light_stays_even(spread: Any) -> None:
    for shape in ((64, 96), (67, 85), (16, 17), (17, 300)):
        for sigma in (0.3, 3.3, 40):
            sigma = min(sigma, shape[0] / 2)
            np.testing.assert_allclose(spread(np.ones(shape), sigma), 1, atol=2e-6)


def test_a_moving_deviation_makes_no_jump(spread: Any) -> None:
    """Over a slow ramp through several levels, the peak follows the exact one without a step."""
    shape = 160, 160
    made = spread(dot(shape, (80, 81)), "= 0.012 + 0.14 * ramp", frames=33)[:, 80, 81]
    (first,) = spread(dot(shape, (80, 81)), 0.012 * 160)
    assert made[0] == pytest.approx(first[80, 81], rel=1e-3)
    sigmas = 160 * (0.012 + 0.14 * np.linspace(0, 32 / 33, 33))
    exact = [gaussian_filter(dot(shape, (80, 81)), sigma, mode="reflect", truncate=6)[80, 81] for sigma in sigmas]
    off = made / exact - 1
    assert np.abs(off).max() < 0.012 and np.abs(np.diff(off)).max() < 0.008
    assert np.abs(np.diff(off, 2)).max() < 0.01


def test_parts_of_a_pyramid_have_the_bits_of_numpy(store: Any) -> None:
    halve, enlarge, add = (pyramid.compile_part(name, store.kernels) for name in ("halve", "enlarge", "add_gaussian"))
    random = np.random.default_rng(5)
    for shape in ((40, 30), (41, 30), (40, 31), (41, 31), (2, 1)):
        picture = random.random((3, *shape), np.float32)
        small = np.empty((3, *((side + 1) // 2 for side in shape)), np.float32)
        halve(picture, small)
        assert small.tobytes() == halved(picture).tobytes()
        total = picture.copy()
        enlarge(small, total, False)
        assert total.tobytes() == (picture + enlarged(small, shape)).tobytes()
        gains = random.random(3, np.float32)
        for variances in ((6.0, 2.0), (2.0, 1.0), (0.05, 9.0), (3.0, 0.0)):  # as many pairs, or not, by twos and fours
            rows, columns = map(gaussian_taps, variances)
            add(picture, rows, columns, gains, total, True)
            tall = gaussian(picture, rows, 1)
            made = np.stack([gaussian(colour[None], columns * gain, 2)[0] for colour, gain in zip(tall, gains)])
            assert total.tobytes() == made.tobytes(), variances
            add(picture, rows, columns, gains, total, False)
            assert total.tobytes() == (made + made).tobytes(), variances


def gaussian(picture: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    """Return a picture blurred along an axis, pairs of taps from the middle on."""
    side = np.arange(picture.shape[axis])
    total = taps[0] * picture
    for t, weight in enumerate(taps[1:], 1):
        before, after = (picture.take(mirrored(side + way * t, len(side)), axis) for way in (-1, 1))
        total = fma(weight, before + after, total)
    return total


@pytest.mark.parametrize(("node", "settings"), [
    ("Blur", {"radius": "= 0 * ramp"}),
    ("Bloom", {"amount": "= 0 * ramp", "radius": 0.2}),
    ("Sharpen", {"amount": "= 0 * ramp"}),
])  # fmt: skip
def test_a_signal_that_stands_at_nothing_changes_nothing(
    node: str, settings: dict[str, Any], film: Any, store: Any
) -> None:
    nodes = {"grain": {"node": "Grain", "frames": "decoded"}, "soft": {"node": node, "frames": "grain", **settings}}
    graph = film(nodes)
    given, made = (harness.frames(graph, store, name, [(0, 9)]) for name in nodes)
    np.testing.assert_array_equal(given, made)


def test_blur_is_that_of_light(film: Any, store: Any) -> None:
    graph = film({"still": {"node": "Blur", "frames": "decoded", "radius": 0.05}})
    given = harness.frames(graph, store, "decoded", [(0, 2)]).astype(np.float64)
    made = harness.frames(graph, store, "still", [(0, 2)])
    light = gaussian_filter(given * np.abs(given), (0, 0, 3.2, 3.2), mode="reflect")
    assert np.abs(made - np.sqrt(light)).max() < 0.01


def test_bloom_fills_what_is_missing_to_white(film: Any, store: Any, studio: Any) -> None:
    """Black stays black without light near it, nothing gets darker or whiter than white, and greys glow by the knee."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[20:30, 30:40] = 255
    pixels[40:44, 60:70] = (90, 60, 30)  # below the threshold
    tiny.write_png(studio.folder / "light.png", pixels)
    still = {"node": "ImageSource", "path": "light.png"}
    bloom = {"node": "Bloom", "frames": "still", "amount": 8, "threshold": 0.6, "knee": 0.2, "radius": 0.05}
    graph = film({"still": still, "bloom": bloom})
    given, made = (harness.frames(graph, store, name, [(0, 1)])[0] for name in ("still", "bloom"))
    assert (made >= given).all() and made.max() <= 1
    assert made[:, 25, 28].min() > 0.3 and made[:, 60, 92].max() < 0.02
    pixels[20:30, 30:40] = 0
    tiny.write_png(studio.folder / "light.png", pixels)
    graph = film({"still": still, "bloom": bloom})
    given, made = (harness.frames(graph, store, name, [(0, 1)])[0] for name in ("still", "bloom"))
    np.testing.assert_allclose(made, given, atol=1e-6)


def test_sharpen_makes_no_halo(film: Any, store: Any, studio: Any) -> None:
    pixels = np.full((64, 96, 3), 60, np.uint8)
    pixels[:, 48:] = 200
    tiny.write_png(studio.folder / "light.png", pixels)
    sharp = {"node": "Sharpen", "frames": "still", "amount": 2, "radius": 0.02, "limit": 0.05}
    graph = film({"still": {"node": "ImageSource", "path": "light.png"}, "sharp": sharp})
    change = harness.frames(graph, store, "sharp", [(0, 1)])[0] - harness.frames(graph, store, "still", [(0, 1)])[0]
    assert 0.02 < change.max() <= 0.1 and -0.1 <= change.min() < -0.02
    assert np.abs(change[:, :, :40]).max() < 1e-5 and np.abs(change[:, :, 56:]).max() < 1e-5


SOURCE = "    @staticmethod\n    def source(rgb, at):\n"


@pytest.mark.parametrize(("before", "after", "said"), [
    ("        return Gaussians", "        return radius\n        return Gaussians", "spread gave float32 (4); "),
    ("radius[:, None],", "radius,", "sigma float32 (4) and weight float32 (4, 1)"),
    ("radius[:, None],", "-radius[:, None],", "sigma must be within 0..4"),
    ("np.ones((len(radius), 1)", "np.ones((len(radius), 2)", "K within 1..16"),
    ("np.ones((len(radius), 1), np.float32)", "np.full((len(radius), 1), np.inf)", "weights finite"),
    ("    @static", SOURCE + "        return rgb if at.u > 0 else 1\n\n    @static", "source cannot be compiled"),
    ("    @static", SOURCE + "        for i in rgb:\n            pass\n\n    @static", "source has a for loop"),
    ("    @static", SOURCE + "        return rgb[0] / 0, rgb[1], rgb[2]\n\n    @static", "its frames hold"),
])  # fmt: skip
def test_what_an_author_gets_wrong_is_told(
    before: str, after: str, said: str, packages: Any, film: Any, store: Any
) -> None:
    source = GLOW.replace("Around", "Bad")
    assert before in source
    packages.install(source.replace(before, after, 1), "bad_nodes")
    graph = film({"glow": {"node": "Bad", "frames": "decoded"}})
    with pytest.raises(N2SError, match=r"glow \(Bad\): " + f".*{re.escape(said)}"):
        harness.codes(graph, store)


def test_a_plan_tells_what_is_spread(film: Any, store: Any) -> None:
    plan = harness.plan(film({"glow": {"node": "Around", "frames": "decoded"}}), store)
    told = [stage_text(stage) for stage in explain.stages(plan)]
    assert told[2:4] == ["fit     decoded to 96x64", "soft    glow (Around, 96x64)"]
