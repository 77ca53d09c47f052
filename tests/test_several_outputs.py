"""Nodes that give frames and a matte at once: computed once, right over any span, and told of where they are wrong."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
from test_mattes import graph

from n2s.graph.errors import RenderError

PAIR = '''
from n2s.graph.types import MATTE, Matte

CALLS = []


class Pair(Streamed):
    """Give stripes and where they are."""

    wrong: str = setting("", help="what is wrong with it")

    outputs = {"stripes": Output(FRAMES, "stripes"), "place": Output(MATTE, "where they are")}

    def compute(self, block):
        CALLS.append((block.start, block.stop))
        bars = np.broadcast_to(np.linspace(-0.5, 1.5, 40, dtype=np.float32), (block.count, 1, 30, 40))
        made = {"stripes": np.repeat(bars, 3, axis=1), "place": bars}
        if self.wrong == "name":
            made["more"] = made.pop("place")
        if self.wrong == "array":
            return made["stripes"]
        if self.wrong == "shape":
            made["place"] = made["stripes"]
        if self.wrong == "nan":
            made["place"] = np.where(np.arange(40) == 3, np.float32(np.nan), bars)
        return made


class Later(Streamed):
    """Show the matte of five frames before."""

    matte: Matte = port("what is held back")

    outputs = {"matte": Output(MATTE)}

    def window(self, fps):
        return 5, 0

    def compute(self, block, matte):
        assert matte.shape == (block.count + 5, 1, 64, 96) and matte.min() >= 0 and matte.max() <= 1
        return matte[: block.count]


class Bad(Pointwise):
    """Divide by nothing."""

    amount: Param = param(0, ge=0, le=1, help="how much")

    outputs = {"matte": Output(MATTE)}

    @staticmethod
    def pixel(at, amount):
        return (at.u - at.u) / amount
'''


def pair(studio: Any, **settings: Any) -> dict[str, Any]:
    return {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "pair": {"node": "Pair", **settings},
        "over": {"node": "Over", "back": "picture", "front": "pair", "matte": "pair"},
    }


def test_a_node_of_two_outputs_is_computed_once(packages: Any, studio: Any, store: Any) -> None:
    packages.install(PAIR)
    made = graph(studio.folder, pair(studio))
    assert harness.codes(made, store).std() > 1
    import others_nodes

    assert others_nodes.CALLS == [(a, min(a + 4, 15)) for a in range(0, 15, 4)]
    matte = harness.frames(made, store, "pair.place", [(0, 3)])
    assert matte.shape == (3, 1, 64, 96) and matte.min() == 0 and matte.max() == 1


def test_outputs_that_are_read_over_other_spans_are_right_too(packages: Any, studio: Any, store: Any) -> None:
    packages.install(PAIR)
    nodes = pair(studio)
    nodes["later"] = {"node": "Later", "matte": "pair"}
    nodes["over"] = nodes.pop("over") | {"matte": "later"}
    made = graph(studio.folder, nodes)
    whole = harness.codes(made, store)
    assert whole.tobytes() == harness.codes(made, store, fuse=False).tobytes()
    np.testing.assert_array_equal(whole, harness.codes(graph(studio.folder, pair(studio)), store))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("name", r"pair \(Pair\): compute gave nothing for place and more, which it does not declare"),
        ("array", r"its outputs by name were wanted: stripes, place"),
        ("shape", r"as its place for frames 0 to 3; a float32 array \(4, 1, H, W\) was wanted"),
        ("nan", r"pair \(Pair\): its mattes hold NaN at frame 0"),
    ],
)
def test_outputs_that_are_wrong_are_told(wrong: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(PAIR)
    with pytest.raises(RenderError, match=said):
        harness.codes(graph(studio.folder, pair(studio, wrong=wrong)), store)


def test_pixel_code_whose_matte_is_not_finite_is_named(packages: Any, studio: Any, store: Any) -> None:
    packages.install(PAIR)
    nodes = pair(studio) | {"bad": {"node": "Bad", "amount": 0}}
    nodes["over"] = nodes.pop("over") | {"matte": "bad"}
    with pytest.raises(RenderError, match=r"bad \(Bad\): its mattes hold NaN or infinity at frame 0"):
        harness.codes(graph(studio.folder, nodes), store)
