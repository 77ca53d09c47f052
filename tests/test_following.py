"""How far films follow their music: movement apart from light, scenes, and what a run notes of them."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.format import Pixels
from n2s.graph.graph import Graph
from n2s.runtime.films.luminance import COLUMNS, KIND, ROWS, WHITE, measure_luminance
from n2s.runtime.seeing.following import following_text, summarise_following
from n2s.runtime.seeing.movement import Changes, measure_following, ranks_of
from n2s.runtime.seeing.scenes import Layouts

FPS = Fraction(30)
Y, X = np.mgrid[0:ROWS, 0:COLUMNS] / ROWS


def picture(x: float = 0.0, y: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return a smooth pattern, moved by shares of the height; another seed makes another one."""
    waves = np.random.default_rng(seed).normal(size=(6, 4)) * (3, 3, 3, 1)
    total = sum(size * np.sin(a * (X + x) + b * (Y + y) + phase) for a, b, phase, size in waves)
    return 0.5 + 0.4 * np.tanh(total / 2)


def film(frames: list[np.ndarray], noise: float = 0.002) -> np.ndarray:
    """Return frames of lightness 0..1 as luminance, with a little noise, as dither and grain leave it."""
    grain = np.random.default_rng(1).normal(size=(len(frames), ROWS, COLUMNS)) * noise
    return np.rint(np.clip(np.stack(frames) + grain, 0, 1) * WHITE).astype(np.uint16)


def strikes(count: int, seed: int = 2) -> np.ndarray:
    """Return impulses in about every twelfth of some frames, at uneven distances."""
    rng = np.random.default_rng(seed)
    return (rng.random(count) < 1 / 12) * rng.uniform(0.6, 1, count)


def changes(luminance: np.ndarray, step: int = 60) -> np.ndarray:
    found = Changes()
    return np.concatenate([found.of(luminance[i : i + step]) for i in range(0, len(luminance), step)])


def scene_starts(luminance: np.ndarray, step: int = 60, fps: Fraction = FPS) -> list[float]:
    layouts = Layouts(fps)
    for i in range(0, len(luminance), step):
        layouts.add(luminance[i : i + step])
    return [float(frame / fps) for frame in layouts.scene_starts()]


def faded(signal: np.ndarray, half_life: float) -> np.ndarray:
    """Return impulses with a tail, as an EMA gives them."""
    tail = 2.0 ** (-np.arange(60) / half_life)
    return np.convolve(signal, tail)[: len(signal)]


KICKS = strikes(900)


def test_what_jumps_with_the_kick_follows_it() -> None:
    places = np.cumsum(KICKS)
    followed = measure_following(changes(film([picture(place) for place in places])), KICKS, FPS)
    assert followed.r > 0.9 and followed.late == 0


def test_a_push_that_fades_follows_too_and_may_be_late() -> None:
    places = 0.3 * faded(KICKS, 4)
    for late in (-3, -1, 2):
        moved = [picture(place + 0.0005 * k) for k, place in enumerate(np.roll(places, late))]
        followed = measure_following(changes(film(moved)), KICKS, FPS)
        assert followed.r > 0.6 and followed.late == late


@pytest.mark.parametrize("drift", [0.0, 0.002])
def test_what_only_flashes_follows_nothing(drift: float) -> None:
    """In light, over a whole stop: the codes of a display are about its root of order 2.2."""
    gains = 2 ** (faded(KICKS, 3) / 2.2)
    flashing = film([0.5 * gain * picture(drift * k) for k, gain in enumerate(gains)])
    assert np.corrcoef(np.abs(np.diff(flashing.mean(axis=(1, 2)), prepend=0))[1:], KICKS[1:])[0, 1] > 0.5
    followed = measure_following(changes(flashing), KICKS, FPS)
    assert abs(followed.r) < 0.15


def test_a_curve_of_tones_is_no_movement() -> None:
    curved = film([picture() ** (1 + light) for light in faded(KICKS, 3)], noise=0)
    assert changes(curved).max() < 0.03
    assert 0.3 < changes(film([picture(), picture(seed=3)]))[1] < 1.2


def test_chance_is_near_nothing_and_stillness_is_nothing() -> None:
    moved = changes(film([picture(place) for place in np.cumsum(strikes(900, seed=5))]))
    assert abs(measure_following(moved, KICKS, FPS).r) < 0.15
    assert abs(measure_following(changes(film([picture()] * 900)), KICKS, FPS).r) < 0.05
    black = changes(film([np.zeros((ROWS, COLUMNS))] * 900, noise=0))
    assert not black.any() and measure_following(black, KICKS, FPS).r == 0
    assert measure_following(black, np.zeros(900), FPS) is None
    assert measure_following(black[:1], KICKS[:1], FPS) is None


def test_a_cut_does_not_hide_what_follows() -> None:
    places = np.cumsum(0.1 * KICKS)
    cut = film([picture(place, seed=k // 450) for k, place in enumerate(places)])
    assert measure_following(changes(cut), KICKS, FPS).r > 0.6  # in another picture the same step is another change


def test_ranks_are_shares_of_darker_cells() -> None:
    ramp = np.rint(np.linspace(0.1, 0.9, ROWS * COLUMNS).reshape(1, ROWS, COLUMNS) * WHITE).astype(np.uint16)
    assert np.abs(ranks_of(ramp)[0] - (np.arange(ROWS * COLUMNS) + 0.5) / (ROWS * COLUMNS)).max() < 0.01
    assert np.allclose(ranks_of(np.full((2, ROWS, COLUMNS), WHITE, np.uint16)), 0.5)


def test_scenes_end_at_cuts_and_at_crossfades() -> None:
    cut = film([picture(0.001 * k, seed=k // 150) for k in range(600)])
    assert np.allclose(scene_starts(cut), [0, 5, 10, 15], atol=0.11)
    weights = np.clip((np.arange(600) - 290) / 20, 0, 1)
    assert np.allclose(
        scene_starts(film([(1 - w) * picture() + w * picture(seed=4) for w in weights])), [0, 10], atol=0.2
    )
    montage = film([picture(seed=k // 45) for k in range(450)])
    assert len(scene_starts(montage)) == 10
    assert scene_starts(cut, step=7) == scene_starts(cut)


@pytest.mark.parametrize(
    "frames",
    [
        [picture()] * 300,
        [2 ** (k % 15 / -6) * picture() for k in range(300)],
        [picture(0.002 * k) for k in range(900)],
        [picture(0.3 * np.sin(k / 4), 0.3 * np.cos(k / 4)) for k in range(600)],
        [picture(0.05 * k) for k in range(600)],
        [np.full((ROWS, COLUMNS), 0.1 + 0.8 * (k % 90 > 45)) for k in range(600)],
        [picture(), picture(seed=1)],
        [picture()],
    ],
    ids=["still", "flashes", "drift", "circles", "fast", "even", "two frames", "one frame"],
)
def test_what_moves_or_flashes_is_one_scene(frames: list[np.ndarray]) -> None:
    assert scene_starts(film(frames)) == [0]


def test_scenes_that_begin_with_sections_are_counted() -> None:
    cut = film([picture(seed=k // 150) for k in range(600)])
    found = summarise_following(changes(cut), [0, 150, 300, 450], {"kick": KICKS[:600]}, [155, 300, 400], FPS)
    assert found["section"]["begin"] == 3 and found["section"]["with_scene"] == 2
    assert found["scenes"] == [0, 5, 10, 15] and found["kick"]["strikes"] == np.count_nonzero(KICKS[:600])
    exact = summarise_following(changes(cut), [0], {}, [150, 300, 450], FPS)["section"]
    assert exact["r"] > 0.8 and exact["late"] == 0
    assert "follows kicks " in following_text(found | {"frames": 600})
    assert following_text(found | {"frames": 600}).endswith(
        "4 scenes, with 2 of 3 changes of section (pictures that are lit alike are one scene)"
    )


def test_no_delay_is_told_of_what_does_not_follow() -> None:
    found = {"kick": {"r": 0.4, "late": 1}, "snare": {"r": -0.004, "late": -3}, "section": {"r": -0.2, "late": 2}}
    assert (
        following_text(found | {"scenes": [0]})
        == "movement follows kicks 0.40 (1 frame late), snares 0.00, sections -0.20 (colour and light are not "
        "counted); 1 scene"
    )


@pytest.mark.parametrize(
    "pixels", [Pixels("yuv420p", 8), Pixels("yuv420p", 10), Pixels("rgb", 8), Pixels("rgb", 16)], ids=str
)
@pytest.mark.parametrize("size", [(640, 360), (66, 38), (360, 640), (10, 6)])
def test_luminance_is_the_mean_of_each_cell(pixels: Pixels, size: tuple[int, int]) -> None:
    width, height = size
    across = np.linspace(0, 1, width)
    is_rgb, scale = pixels.layout == "rgb", 2 ** (pixels.bits - 8)
    codes = np.rint(across * (2**pixels.bits - 1) if is_rgb else 16 * scale + across * 219 * scale)
    plane = np.broadcast_to(codes, (height, width))
    frame = np.repeat(plane[..., None], 3, axis=2).ravel() if is_rgb else np.concatenate(
        [plane.ravel(), np.full(width * height // 2, 128 * scale)])  # fmt: skip
    stored = np.stack([frame] * 2).astype(np.uint8 if pixels.bits == 8 else np.uint16)
    found = measure_luminance(stored, pixels, size)
    assert found.shape == (2, ROWS, COLUMNS) and found.dtype == np.uint16
    edges = np.arange(COLUMNS + 1) * width // COLUMNS
    wanted = [across[a : max(b, a + 1)].mean() for a, b in zip(edges, edges[1:])]
    assert np.abs(found / WHITE - wanted).max() < 0.004
    assert (found == measure_luminance(stored[:1], pixels, size)).all()


@pytest.fixture
def graph(studio: Any, tmp_path: Path) -> Path:
    """Four seconds, of which a click every half a second moves the picture."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(4))
    path = tiny.write_graph(tmp_path, studio.model)
    tiny.edit(path, "amount: 0.3, period: 6", "amount: = 0.3 + pulse, period: 6")
    return path


def following_of(path: Path, out: Path, store: Any, **options: Any) -> list[dict[str, Any]]:
    return harness.run(Graph.load(path), out, store, **options).films[0]["following"]


def test_a_run_notes_how_far_its_film_follows_on_every_executor(
    graph: Path, tmp_path: Path, store: Any, new_store: Any, executor: Any
) -> None:
    report = harness.run(Graph.load(graph), tmp_path / "out", store, executor=executor(2))
    (found,) = report.films[0]["following"]
    assert found["track"] == "Track" and found["frames"] == 120 and found["scenes"][0] == 0
    assert found["kick"].keys() == {"strikes", "r", "late"} and found["section"]["with_scene"] == 0
    assert json.loads(report.record.read_text())["films"][0]["following"] == [found]
    assert following_of(graph, tmp_path / "out", store, executor=executor(1)) == [found]  # nothing is rendered again
    tiny.edit(graph, "crf: 20", "crf: 20, chunk: 17")
    assert following_of(graph, tmp_path / "other", new_store(), executor=executor(2)) == [found]


def test_an_edit_measures_its_chunks_alone(graph: Path, tmp_path: Path, store: Any) -> None:
    first = following_of(graph, tmp_path / "out", store)
    kept = {path for path in (store.root / KIND).glob("*/*.npz")}
    tiny.edit(graph, "[[0, 0], [60, 1]]", "[[0, 0], [3, 0.05], [4, 1]]")
    second = following_of(graph, tmp_path / "out", store)
    assert second != first and kept < set((store.root / KIND).glob("*/*.npz"))


def test_what_was_not_measured_is_unknown_and_nothing_is_rendered_for_it(
    graph: Path, tmp_path: Path, store: Any, n2s: Any
) -> None:
    known = following_of(graph, tmp_path / "out", store)
    for path in sorted((store.root / KIND).glob("*/*.npz"))[:1]:
        path.write_bytes(b"")
    assert following_of(graph, tmp_path / "out", store) == known  # it was noted
    shutil.rmtree(store.root / "following")
    report = harness.run(Graph.load(graph), tmp_path / "out", store)
    assert report.rendered == 0 and report.films[0]["following"] == [{"track": "Track", "frames": 120, "unknown": 60}]
    status, out, _ = n2s("run", graph, "--out", tmp_path / "out")
    assert status == 0 and "60 of 120 frames were rendered before this was measured; --force" in out
    assert following_of(graph, tmp_path / "out", store, force=True) == known


def test_albums_tell_of_each_track_and_parts_of_their_own_frames(
    graph: Path, studio: Any, tmp_path: Path, store: Any
) -> None:
    part = following_of(graph, tmp_path / "out", store, span=(1, 3))
    assert part[0]["frames"] == 60
    album = write_album(tmp_path, studio.model, [44100, 22050])
    films = harness.run(Graph.load(album), tmp_path / "out", store).films
    tracks = [film["following"][0] for film in films[:-1]]
    assert [track["track"] for track in films[-1]["following"]] == [track["track"] for track in tracks]
    assert films[-1]["following"][0]["kick"]["strikes"] == tracks[0]["kick"]["strikes"]


def test_without_hearing_there_are_scenes_alone(studio: Any, tmp_path: Path, store: Any, n2s: Any) -> None:
    values = harness.around("Vignette", studio.model)
    path = studio.folder / "deaf.yaml"
    path.write_text(json.dumps(values))
    assert following_of(path, tmp_path / "out", store)[0].keys() == {"track", "frames", "scenes"}
    status, out, _ = n2s("run", path, "--out", tmp_path / "out")
    assert status == 0 and "  1 scene\n" in out
