"""Palette against its formula, in float64, and what its colours must hold to."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.declare import DeclarationError
from n2s.nodes import AudioSource, DigestSink, ImageSource, Palette
from n2s.nodes.oklab import from_oklab, to_oklab

COLOURS = ["#102040", "#c03070", "#ffe0a0"]
LUMA = np.array([0.2126, 0.7152, 0.0722])


def recoloured(studio: Any, **settings: Any) -> Graph:
    picture = Palette(**settings)(ImageSource(path="picture.png")(name="picture"), name="palette")
    sink = DigestSink(path="frames.txt")(picture, AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), base=studio.folder)


def frame(graph: Graph, store: Any, name: str = "palette") -> np.ndarray:
    return harness.frames(graph, store, name, [(0, 1)])[0].astype(float)


def values(colours: list[str]) -> np.ndarray:
    return np.array([[int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)] for text in colours])


def gradient(t: np.ndarray, colours: list[str], places: Any) -> np.ndarray:
    """The gradient at t (...), as (3, ...), without a table."""
    lab = to_oklab(values(colours))
    return np.moveaxis(from_oklab(np.stack([np.interp(t, places, lab[:, i]) for i in range(3)], axis=-1)), -1, 0)


def blend(a: np.ndarray, b: np.ndarray, amount: float) -> np.ndarray:
    light = a * abs(a) + (b * abs(b) - a * abs(a)) * amount
    return np.sign(light) * np.sqrt(abs(light))


def test_oklab_against_its_published_values() -> None:
    """Of Ottosson's page: white, and the light of sRGB's primaries as culori and colorjs.io give them."""
    np.testing.assert_allclose(to_oklab(np.ones(3)), [1, 0, 0], atol=1e-6)
    red = [0.62795536, 0.22486306, 0.12584630]
    blue = [0.45201372, -0.03245698, -0.31152815]
    np.testing.assert_allclose(to_oklab(np.array([[1, 0, 0], [0, 0, 1]])), [red, blue], atol=2e-6)
    colours = np.random.default_rng(1).random((200, 3))
    np.testing.assert_allclose(from_oklab(to_oklab(colours)), colours, atol=1e-4)  # a root near black


@pytest.mark.parametrize(
    ("beyond", "spread", "shift"),
    [("hold", 1, 0), ("hold", 1.5, -0.3), ("mirror", 2, -0.9), ("wrap", 1, 0.6), ("hold", 0, 0.4), ("mirror", -1, 0)],
)
def test_it_is_its_formula(beyond: str, spread: float, shift: float, studio: Any, store: Any) -> None:
    settings = {"beyond": beyond, "spread": spread, "shift": shift, "strength": 0.8, "positions": [0, 0.3, 1]}
    graph = recoloured(studio, colours=COLOURS, **settings)
    picture = frame(graph, store, "picture")
    t = shift + spread * np.tensordot(LUMA, picture, 1)
    colours, places = COLOURS, [0, 0.3, 1]
    if beyond == "mirror":
        t = 1 - abs(t % 2 - 1)
    elif beyond == "wrap":
        t, colours, places = t % 1.5, [*COLOURS, COLOURS[0]], [0, 0.3, 1, 1.5]
    wanted = blend(picture, gradient(t, colours, places), 0.8)
    np.testing.assert_allclose(frame(graph, store), wanted, atol=2e-3)  # the table has 512 rows


def test_the_ends_of_a_gradient_are_its_colours(studio: Any, store: Any) -> None:
    for shift, colour in ((-3, COLOURS[0]), (0, COLOURS[0]), (0.5, COLOURS[1]), (1, COLOURS[2]), (7, COLOURS[2])):
        made = frame(recoloured(studio, colours=COLOURS, spread=0, shift=shift), store)
        np.testing.assert_allclose(made[:, 5, 5], values([colour])[0], atol=2e-3)


@pytest.mark.parametrize("shift", [0, 0.4, 1])
def test_the_luma_of_the_picture_is_kept(shift: float, studio: Any, store: Any) -> None:
    colours = ["#ff0000", "#00ff40", "#2000ff"]  # whose luma is far from that of most of the picture
    graph = recoloured(studio, colours=colours, spread=0, shift=shift, keep="luma")
    picture, made = frame(graph, store, "picture"), frame(graph, store)
    np.testing.assert_allclose(np.tensordot(LUMA, made, 1), np.tensordot(LUMA, picture, 1), atol=1e-5)
    assert made.min() > min(0, picture.min()) - 1e-5 and made.max() < max(1, picture.max()) + 1e-5
    assert (made.max(axis=0) - made.min(axis=0)).mean() > 0.2  # and it has colour


@pytest.mark.parametrize("keep", [None, "luma"])
def test_neighbouring_greys_have_neighbouring_colours(keep: Any) -> None:
    """No jumps: along a ramp of greys no step is larger than 12 times that of the ramp."""
    node = Palette(keep=keep)
    filled = {name: np.float32(value) for name, value in node.fill(None).items() if name != "gradient"}
    line = node.fill(None)["gradient"].astype(np.float32)
    ramp = np.linspace(0, 1, 2001, dtype=np.float32)
    one, nothing = np.float32(1), np.float32(0)
    made = np.array([node.pixel((v, v, v), None, line, one, one, nothing, **filled) for v in ramp])
    assert abs(np.diff(made, axis=0)).max() < 12 / 2000


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"colours": ["#000000"]}, "2 to 16 colours were wanted, not 1"),
        ({"colours": ["#000000"] * 17}, "2 to 16 colours were wanted, not 17"),
        ({"colours": COLOURS, "positions": [0, 1]}, "positions has 2 numbers for 3 colours; one for each"),
        ({"colours": COLOURS, "positions": [0, 0.5, 0.5]}, "positions must rise from 0 to 1"),
        ({"colours": COLOURS, "positions": [0, 0.5, 0.9]}, "positions must rise from 0 to 1"),
        ({"colours": COLOURS, "positions": [0, 0.5, 1.5]}, "it must be"),
    ],
)
def test_colours_that_are_none_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Palette(**settings)
