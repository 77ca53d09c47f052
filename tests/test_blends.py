"""Blend modes against W3C's formulas, choices among pictures, flashes, and fades at a film's ends."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.errors import GraphError
from n2s.nodes import Mix
from n2s.nodes.blends import BLENDS
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.tally import Tally

FRAMES = 63  # at 30 per second


def graph(studio: Any, nodes: dict[str, Any], **header: Any) -> Any:
    nodes = {**harness.surroundings(studio.model), **nodes}
    nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "f.txt", "chunk": 20}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes, **header}, studio.folder)


def made(graph: Any, store: Any, *names: str, span: tuple[int, int] = (0, FRAMES)) -> list[np.ndarray]:
    return [harness.frames(graph, store, name, [span]) for name in names]


def screened(backdrop: np.ndarray, source: np.ndarray) -> np.ndarray:
    return 1 - (1 - backdrop) * (1 - source)


def hard(backdrop: np.ndarray, source: np.ndarray) -> np.ndarray:
    return np.where(source <= 0.5, backdrop * 2 * source, screened(backdrop, 2 * source - 1))


def soft(backdrop: np.ndarray, source: np.ndarray) -> np.ndarray:
    d = np.where(backdrop <= 0.25, ((16 * backdrop - 12) * backdrop + 4) * backdrop, np.sqrt(backdrop))
    dark = backdrop - (1 - 2 * source) * backdrop * (1 - backdrop)
    return np.where(source <= 0.5, dark, backdrop + (2 * source - 1) * (d - backdrop))


MODES = {
    "normal": lambda backdrop, source: source,
    "screen": screened,
    "add": lambda backdrop, source: np.sqrt(backdrop**2 + source**2),
    "multiply": lambda backdrop, source: backdrop * source,
    "overlay": lambda backdrop, source: hard(source, backdrop),
    "soft-light": soft,
    "difference": lambda backdrop, source: np.abs(backdrop - source),
    "lighten": np.maximum,
    "darken": np.minimum,
}


@pytest.mark.parametrize("mode", MODES)
def test_blend_modes(mode: str) -> None:
    """Each by its pixel code, of random colours."""
    cls, random = Mix if mode == "normal" else BLENDS[mode], np.random.default_rng(5)
    for a, b in random.random((200, 2, 3)).astype(np.float32):
        blend = MODES[mode](a.astype(np.float64), b.astype(np.float64))
        whole, half = (cls.pixel(tuple(a), tuple(b), np.float32(1), None, np.float32(amount)) for amount in (1, 0.5))
        np.testing.assert_allclose(whole, blend, atol=1e-6)
        np.testing.assert_allclose(np.square(half), (a.astype(np.float64) ** 2 + blend**2) / 2, atol=1e-6)


BRIGHTENING = ("screen", "add", "lighten")
MONOTONE = (*BRIGHTENING, "multiply", "overlay", "soft-light", "darken")  # a difference is dark where both are bright
BEYOND = np.array([-2, -0.3, 0, 0.2, 0.5, 0.6, 0.9, 1, 1.3, 2.46, 8], np.float32)


@pytest.mark.parametrize("mode", BLENDS)
def test_blends_of_what_is_brighter_than_white_or_darker_than_black(mode: str) -> None:
    """No row or column of what each two values give falls where the values rise."""
    cls, one = BLENDS[mode], np.float32(1)
    rows = [[cls.pixel((a, a, a), (b, b, b), one, None, one)[0] for b in BEYOND] for a in BEYOND]
    made = np.array(rows)
    assert np.isfinite(made).all()
    if mode in MONOTONE:
        assert (np.diff(made, axis=0) >= -1e-6).all() and (np.diff(made, axis=1) >= -1e-6).all()
    if mode in BRIGHTENING:
        shining = BEYOND >= 0
        brighter = np.maximum.outer(BEYOND, BEYOND)
        assert (made >= brighter - 1e-6)[np.ix_(shining, shining)].all()


def test_a_mode_in_a_graph(studio: Any, store: Any) -> None:
    """Over, with a disc; and Mix, which takes the place of nothing but itself."""
    nodes = {
        "mix": {"node": "Mix", "a": "decoded", "b": "picture", "mode": "difference", "amount": 1},
        "over": {"node": "Over", "back": "mix", "front": "picture", "mode": "add", "matte": "disc", "amount": 0.7},
    }
    film = graph(studio, nodes)
    a, b, share, mix, over = (
        frames.astype(np.float64)
        for frames in made(film, store, "decoded", "picture", "disc", "mix", "over", span=(9, 10))
    )
    np.testing.assert_allclose(mix, np.abs(a - b), atol=1e-6)
    assert 0.1 < share.mean() < 0.9
    light = mix**2 + b * np.abs(b) * share * np.float32(0.7)
    np.testing.assert_allclose(over * np.abs(over), light, atol=1e-4)


PICTURES = {
    "red": {"node": "Fade", "frames": "decoded", "colour": "#ff0000", "amount": 0.5},
    "blue": {"node": "Fade", "frames": "decoded", "colour": "#0000ff", "amount": 0.5},
    "still": {"node": "Tone", "frames": "picture"},
}
STEPS = {"node": "Keyframes", "points": [[0, 0], [0.5, 1], [1, 2], [1.5, 3]], "interpolate": "hold"}


def test_a_switch_shows_one_picture_and_computes_no_other(studio: Any, store: Any) -> None:
    switch = {"node": "Switch", "a": "still", "b": "red", "c": "blue", "index": "steps"}
    film = graph(studio, PICTURES | {"steps": STEPS, "switch": switch})
    still, red, blue, shown = made(film, store, "still", "red", "blue", "switch")
    np.testing.assert_array_equal(shown, np.concatenate([still[:15], red[15:30], blue[30:]]))
    tally = Tally()
    list(FrameMaker(harness.plan(film, store), store).blocks(0, FRAMES, tally))
    assert tally.frames["decoded"] == FRAMES - 15
    tally = Tally()
    list(FrameMaker(harness.plan(film, store), store).blocks(0, 15, tally))
    assert "decoded" not in tally.frames


def test_an_index_between_two_shows_the_nearer_one(studio: Any, store: Any) -> None:
    nodes = {"switch": {"node": "Switch", "a": "picture", "b": "decoded", "index": "= time"}}
    a, b, shown = made(graph(studio, nodes), store, "picture", "decoded", "switch")
    np.testing.assert_array_equal(shown, np.concatenate([a[:15], b[15:]]))


def test_a_soft_switch_dissolves_in_the_middle_of_the_way(studio: Any, store: Any) -> None:
    switch = {"node": "Switch", "a": "still", "b": "red", "c": "blue", "index": "= time", "softness": 0.4}
    film = graph(studio, PICTURES | {"switch": switch})
    still, red, blue, shown = (
        frames.astype(np.float64) for frames in made(film, store, "still", "red", "blue", "switch")
    )
    for frame in range(FRAMES):
        index = min(frame / 30, 2)
        number = min(int(index), 1)
        share = np.clip((index - number - 0.5) / 0.4 + 0.5, 0, 1)
        a, b = ((still, red), (red, blue))[number]
        one, other = (picture[frame] * np.abs(picture[frame]) for picture in (a, b))
        found = shown[frame] * np.abs(shown[frame])
        np.testing.assert_allclose(found, one + (other - one) * share, atol=1e-4 if 0 < share < 1 else 1e-7)
    tally = Tally()
    list(FrameMaker(harness.plan(film, store), store).blocks(0, FRAMES, tally))
    assert tally.frames["decoded"] == FRAMES - 10 + 11  # from 0.3 s on; twice where both of two that read it are seen


def test_a_switch_without_its_third_picture(studio: Any) -> None:
    with pytest.raises(GraphError, match="nothing is connected to c; connect it there"):
        graph(studio, {"switch": {"node": "Switch", "a": "picture", "b": "decoded", "d": "decoded"}})


def flashes(studio: Any, store: Any, **settings: Any) -> list[int]:
    """Return the frames in which a strobe flashes."""
    film = graph(studio, {"strobe": {"node": "Strobe", "frames": "decoded", **settings}})
    given, shown = made(film, store, "decoded", "strobe")
    return [frame for frame in range(FRAMES) if (given[frame] != shown[frame]).any()]


def test_a_strobe_flashes_on_beats(studio: Any, store: Any) -> None:
    """Without a grid a beat takes half a second: 15 frames, of which a quarter is less than 4."""
    assert flashes(studio, store, length=0.25) == [
        start + i for start in (0, 15, 30, 45, 60) for i in range(4) if start + i < FRAMES
    ]


def test_no_more_than_three_flashes_a_second(studio: Any, store: Any) -> None:
    """Every 0.2 s, of 6 frames; after three of them the next one is a second after the first."""
    assert flashes(studio, store, every=0.2, length=0.1) == [0, 6, 12, 30, 36, 42, 60]
    assert flashes(studio, store, every=0.2, length=0.1, most=5) == list(range(0, FRAMES, 6))


def test_a_strobe_is_on_where_it_should(studio: Any, store: Any) -> None:
    assert flashes(studio, store, every=0.5, length=0.1, on="= clamp(time, 0, 1)") == [15, 16, 30, 31, 45, 46, 60, 61]


@pytest.mark.parametrize(
    ("look", "wanted"), [("white", lambda x: x * 0 + 1), ("black", lambda x: x * 0), ("negative", lambda x: 1 - x)]
)
def test_what_a_flash_shows(look: str, wanted: Any, studio: Any, store: Any) -> None:
    nodes = {
        "strobe": {"node": "Strobe", "frames": "picture", "look": look, "flash": "= clamp(time, 0, 1)", "amount": 1},
        "half": {"node": "Strobe", "frames": "picture", "look": look, "flash": 1, "amount": 0.5},
        "both": {"node": "Mix", "a": "strobe", "b": "half"},
    }
    given, shown, half = (
        frames.astype(np.float64) for frames in made(graph(studio, nodes), store, "picture", "strobe", "half")
    )
    target = wanted(given)
    np.testing.assert_array_equal(shown[0], given[0])
    np.testing.assert_allclose(shown[30:], target[30:], atol=1e-7)
    light = (given[0] * np.abs(given[0]) + target[0] * np.abs(target[0])) / 2
    np.testing.assert_allclose(half[0] * np.abs(half[0]), light, atol=1e-5)


def test_a_film_fades_in_and_out(studio: Any, store: Any) -> None:
    fade = {
        "node": "Fade",
        "frames": "decoded",
        "fade_in": 0.5,
        "fade_out": "1 beat",
        "amount": 0.1,
        "colour": "#336699",
    }
    given, shown = (
        frames.astype(np.float64) for frames in made(graph(studio, {"fade": fade}), store, "decoded", "fade")
    )
    colour = np.array([0x33, 0x66, 0x99])[:, None, None] / 255
    for end in (0, FRAMES - 1):
        np.testing.assert_allclose(shown[end], np.broadcast_to(colour, shown[end].shape), atol=1e-6)
    for frame in range(FRAMES):
        come, gone = (min(time / 0.5, 1) for time in (frame / 30, (FRAMES - 1 - frame) / 30))
        share = 1 - 0.9 * come**2 * (3 - 2 * come) * gone**2 * (3 - 2 * gone)
        light = given[frame] * np.abs(given[frame])
        light += (colour**2 - light) * share
        np.testing.assert_allclose(shown[frame] * np.abs(shown[frame]), light, atol=1e-4)


def test_a_fade_of_the_ends_is_felt_there_alone(studio: Any, store: Any) -> None:
    """Chunks between the two have the keys that they have without."""

    def keys(**ends: Any) -> list[str]:
        quiet = {"node": "Fade", "frames": "decoded", "amount": "= 0 * time"}
        return harness.keys(graph(studio, {"fade": quiet | ends}), store)

    without, with_ends = keys(), keys(fade_in=0.2, fade_out=0.1)
    assert [a == b for a, b in zip(without, with_ends)] == [False, True, True, False]
