"""Latents between cells, the camera over them, and what is left of a shift for the frames."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from moving_latents import GRID, made, scene, smooth, variance

from n2s.graph.errors import GraphError, RenderError
from n2s.nodes import LatentCamera, LatentWarp
from n2s.nodes.cells import likeness, mirrored, read_cells
from n2s.nodes.grounds import Noise, joined, repeated
from n2s.runtime.media.resample import Taps

# Between cells


def plain_read(latent: np.ndarray, down: float, across: float) -> float:
    """One cell of one channel (h, w) between cells, mirrored at the edges."""
    latent = latent.astype(np.float64)
    rows, columns = latent.shape
    x, y = latent[:-1], latent[1:]
    r_down = 2 * (x * y).sum() / (x * x + y * y).sum()
    x, y = latent[:, :-1], latent[:, 1:]
    r_across = 2 * (x * y).sum() / (x * x + y * y).sum()

    def at(i: int, j: int) -> float:
        return latent[mirrored(np.array(i), rows), mirrored(np.array(j), columns)]

    top, left = math.floor(down), math.floor(across)
    t, s = down - top, across - left
    value = (1 - t) * ((1 - s) * at(top, left) + s * at(top, left + 1))
    value += t * ((1 - s) * at(top + 1, left) + s * at(top + 1, left + 1))
    length = ((1 - t) ** 2 + t * t + 2 * t * (1 - t) * r_down) * ((1 - s) ** 2 + s * s + 2 * s * (1 - s) * r_across)
    return value / math.sqrt(length)


def test_reading_between_cells_against_plain_loops() -> None:
    latents = smooth(2)
    rng = np.random.default_rng(3)
    down, across = rng.uniform(-20, 40, (2, 5, 6)), rng.uniform(-40, 70, (2, 5, 6))
    shown = read_cells(latents, down, across)
    for n, c, y, x in ((0, 0, 0, 0), (1, 3, 4, 5), (0, 2, 3, 1), (1, 1, 2, 4)):
        wanted = plain_read(latents[n, c], down[n, y, x], across[n, y, x])
        assert shown[n, c, y, x] == pytest.approx(wanted, abs=2e-5)
    whole = np.meshgrid(np.arange(16.0), np.arange(29.0), indexing="ij")
    assert read_cells(latents, *(axis[None].repeat(2, 0) for axis in whole)).tobytes() == latents.tobytes()
    flat = np.full((1, 1, 4, 5), 0.7, np.float32)
    np.testing.assert_allclose(read_cells(flat, np.full((1, 1, 1), 1.3), np.full((1, 1, 1), 2.6)), 0.7, rtol=1e-6)
    assert [r.item() for r in likeness(flat)] == [1, 1]


@pytest.mark.parametrize("shift", [0.25, 0.5])
def test_reading_between_cells_keeps_variance(shift: float) -> None:
    latents = smooth(100)
    places = np.arange(16.0)[None, :, None] + shift, np.arange(29.0)[None, None, :] + shift
    shown = read_cells(latents, *(np.broadcast_to(axis, (100, *GRID)) for axis in places))
    np.testing.assert_allclose(variance(shown[:, :, :-1, :-1]), variance(latents), rtol=0.04)


@pytest.mark.parametrize("amount", [0.5, 1, 3])
def test_warp_keeps_variance(amount: float) -> None:
    latents = smooth(100)
    shown = made(LatentWarp(period=2), 100, latents=latents, amount=amount)
    np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.08)
    assert made(LatentWarp(), 100, latents=latents, amount=0).tobytes() == latents.tobytes()


def test_currents_have_their_length_and_pile_up_nowhere() -> None:
    node, grid = LatentWarp(period=1, scale=6), (40, 60)
    rows, columns, drift, length = node.open(scene(), grid)
    noise = drift.coarse(np.arange(200) * 0.5, 1)[:, 0].astype(np.float64)
    across = columns.spread(rows.spread(noise, 1, slope=True), 2) / length
    down = -columns.spread(rows.spread(noise, 1), 2, slope=True) / length
    assert np.sqrt((across**2 + down**2).mean()) == pytest.approx(1, abs=0.05)
    whole = columns.spread(rows.spread(noise, 1), 2)
    np.testing.assert_allclose(np.gradient(whole, axis=1)[:, 1:-1] / length, across[:, 1:-1], atol=0.1)
    spreading = np.gradient(across, axis=2) + np.gradient(down, axis=1)
    assert np.abs(spreading[:, 1:-1, 1:-1]).mean() < 0.1 * np.abs(np.gradient(across, axis=2)).mean()
    latents = smooth(1).repeat(60, axis=0)
    thirty, sixty = (made(LatentWarp(), n, where=scene(n, fps), latents=latents[:n]) for n, fps in ((30, 30), (60, 60)))
    np.testing.assert_allclose(thirty, sixty[::2], atol=1e-4)


# The camera


def test_a_camera_against_its_formula() -> None:
    latents = smooth(1)
    shown = made(LatentCamera(scroll="latents", ground="mirror"), 1, latents=latents, zoom=1.5, turn=20, shift_x=0.33,
                 shift_y=-0.21)  # fmt: skip
    angle = math.radians(20)
    for y, x, c in ((0, 0, 0), (3, 20, 1), (8, 14, 2), (15, 28, 3)):
        dy, dx = y - 7.5, x - 14
        if c < 2:  # forms
            right, below = (math.cos(angle) * dx + math.sin(angle) * dy, math.cos(angle) * dy - math.sin(angle) * dx)
            dy, dx = below / 1.5, right / 1.5
        down, across = dy - np.float32(0.21) * 16 + 7.5, dx + np.float32(0.33) * 16 + 14
        assert shown[0, c, y, x] == pytest.approx(plain_read(latents[0, c], down, across), abs=5e-5)


def test_a_shift_is_whole_cells_and_what_is_left() -> None:
    latents, node = smooth(5), LatentCamera()
    shift = np.float32([0, 0.25, -0.5, 3, 0.3])
    left = node.remainder(GRID, *(np.zeros(5, np.float32),) * 2, shift, -shift)
    np.testing.assert_allclose(left[:4], 0, atol=1e-12)
    np.testing.assert_allclose(left[4], [0.2, -0.2], atol=1e-6)  # of -4.8 down and 4.8 to the right
    shown = made(node, 5, latents=latents, shift_x=shift)
    for frame, cells in enumerate((0, 4, -8, 48, 5)):
        places = np.remainder(np.arange(29) + cells, 29)
        assert shown[frame, 2:].tobytes() == latents[frame, 2:, :, places].transpose(1, 2, 0).tobytes()
        inside = slice(max(0, -cells), max(0, 29 - max(0, cells)))
        np.testing.assert_array_equal(shown[frame, :2, :, inside], latents[frame, :2][:, :, places[inside]])
    assert made(node, 5, latents=latents).tobytes() == latents.tobytes()


@pytest.mark.parametrize("ground", ["repeat", "hash", "mirror"])
@pytest.mark.parametrize("move", [{"shift_x": 5.3}, {"zoom": 0.6}, {"turn": 33, "zoom": 1.7}])
def test_a_camera_keeps_variance(ground: str, move: dict[str, float]) -> None:
    latents = smooth(100)
    shown = made(LatentCamera(ground=ground), 100, latents=latents, **move)
    np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.12)


def test_what_lies_beyond_the_edge() -> None:
    frame, rows, columns = smooth(1), np.arange(-20, 40), np.arange(-31, 62)
    inside = np.s_[:, :, 20:36, 31:60]
    for around in (repeated, joined, Noise(np.array([5], np.uint32))):
        made = around(frame, rows, columns)
        assert made[inside].tobytes() == frame.tobytes()
        part = around(frame, rows[7:50], columns[11:30])
        assert part.tobytes() == np.ascontiguousarray(made[:, :, 7:50, 11:30]).tobytes()
    grown = joined(frame, np.arange(16), np.arange(29, 58))
    assert grown[..., 4:].tobytes() == np.ascontiguousarray(frame[..., 4:]).tobytes()
    mean = frame[0, 1].astype(np.float64).mean()
    turns = np.pi / 2 * 1.5 / 4  # the second cell of a copy is 1.5 of 4 cells on its way
    wanted = mean + math.sin(turns) * (frame[0, 1, 3, 1] - mean) + math.cos(turns) * (frame[0, 1, 3, 27] - mean)
    assert grown[0, 1, 3, 1] == pytest.approx(wanted, abs=1e-5)
    noise = Noise(np.array([5], np.uint32))(smooth(1), np.arange(40, 240), np.arange(60, 260))
    far, own = variance(noise), variance(smooth(1))
    np.testing.assert_allclose(far, own, rtol=0.2)


def test_latents_of_another_model_are_refused() -> None:
    with pytest.raises(RenderError, match="gets latents of 6 channels, but its model has 4"):
        made(LatentCamera(), 1, latents=smooth(1, 6), zoom=2)


def film(studio: Any, **camera: Any) -> dict[str, Any]:
    values = harness.around("LatentCamera", studio.model, **camera)
    values["nodes"]["ramp"] = {"node": "Keyframes", "points": [[0, 0], [2, 0.3]], "interpolate": "linear"}
    return values


def test_nodes_of_latents_come_before_the_camera(studio: Any, store: Any) -> None:
    values = film(studio, shift_x=0.1)
    values["nodes"]["later"] = {"node": "Wander", "latents": "subject", "model": str(studio.model)}
    values["nodes"]["shown"]["latents"] = "later"
    with pytest.raises(GraphError, match="later reads subject, whose shifts by parts of a cell only a decoder shows"):
        harness.load(values, studio.folder)
    values["nodes"]["subject"]["scroll"] = "latents"
    assert harness.frames(harness.load(values, studio.folder), store, "shown", [(0, 1)]).shape == (1, 3, 64, 96)


def test_one_cell_less_is_shown_where_a_film_moves_by_parts_of_a_cell(studio: Any, store: Any) -> None:
    def framing(**camera: Any) -> Any:
        plan = harness.plan(harness.load(film(studio, **camera), studio.folder), store)
        return next(stage.framing for stage in plan.nodes if stage.node == "shown")

    assert framing() is None and framing(zoom=2) is None and framing(shift_x="= 0 * ramp") is None
    assert framing(shift_x=1) is None and framing(shift_x="= ramp", scroll="latents") is None
    assert framing(shift_x="= ramp").shown == (3, 3) and framing(shift_y=0.1).shown == (2, 4)
    assert framing(shift_x=0.1, shift_y="= ramp").shown == (2, 3)


def test_moved_frames_of_kernels_are_those_of_the_interpreter_and_of_any_pieces(studio: Any, store: Any) -> None:
    from interpreter import Interpreter

    from n2s.nodes import Tone
    from n2s.plan.stages import Kernel
    from n2s.runtime.render.kernels import LAYOUTS, Picture, compile_program, dither_pattern, program_of

    kernel = Kernel(("toned",), ("picture",), ((("input", 0),),), ("step", 0))
    size, rng = (24, 16), np.random.default_rng(2)
    program = program_of(kernel, {"toned": Tone()}, [Picture(True, (24, 32), loose=(8, 8))], "yuv8", size)
    pictures = [rng.random((3, 3, 24, 32)).astype(np.float32)]
    offsets = [np.array([[0, 0], [3.3, -4], [-2.1, 1.7]])]
    uniforms = rng.random((3, sum(len(pixel.uniforms) for pixel in program.pixels))).astype(np.float32)
    results = []
    for run in (compile_program(program, store.kernels), Interpreter().compile(program, store.kernels)):
        out = np.empty((3, *LAYOUTS["yuv8"].shape(size)), LAYOUTS["yuv8"].dtype)
        run(0, np.zeros(1, np.uint32), uniforms, dither_pattern(True, 24), pictures, out, (), (), offsets)
        results.append(out.copy())
    np.testing.assert_array_equal(*results)
    graph = harness.load(film(studio, shift_x="= ramp", shift_y="= 0.7 * ramp", turn="= 10 * ramp"), studio.folder)
    whole = harness.codes(graph, store)
    assert whole.tobytes() == harness.codes(graph, store, fuse=False).tobytes()
    pieces = harness.frames(graph, store, "shown", [(0, 7), (7, 8), (8, 63)])
    assert pieces.tobytes() == harness.frames(graph, store, "shown", [(0, 63)]).tobytes()


def moved_back(frames: np.ndarray, right: float) -> np.ndarray:
    """Return frames (N, 3, H, W) read so many pixels further to the right, in light."""
    taps = Taps.make(frames.shape[3], frames.shape[3], 1.0, right)
    light = frames.astype(np.float64) * np.abs(frames)
    index = taps.first[:, None] + np.arange(taps.weights.shape[1])
    light = (light[..., index] * taps.weights).sum(axis=-1)
    return np.sign(light) * np.sqrt(np.abs(light))


def test_scrolling_neither_jumps_nor_shimmers(store: Any, tmp_path: Path) -> None:
    """A picture goes 3.37 cells in 60 frames; moved back, each frame is the one before it, at whole cells too."""
    import tiny

    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(2.1))
    cells = 3.37
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "one": {"node": "Constant"},
        "place": {"node": "Anchors", "weights": "one", "names": ["fern"]},
        "camera": {"node": "LatentCamera", "latents": "place", "shift_x": f"= {cells} / 8 * frame / 60"},
        "shown": {"node": "VAEDecode", "latents": "camera", "grid": [8, 17], "precision": "fp16"},
        "out": {"node": "DigestSink", "frames": "shown", "audio": "track", "path": "frames.txt"},
    }  # fmt: skip
    graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [512, 256], "nodes": nodes}, tmp_path)
    frames = harness.frames(graph, store, "shown", [(0, 61)])
    middle = np.s_[..., 160:-160]  # what enters at an edge is felt four cells away
    differences = np.sqrt(np.mean((moved_back(frames[:-1], cells / 60 * 32) - frames[1:])[middle] ** 2, axis=(1, 2, 3)))
    whole = np.floor(np.arange(61) * cells / 60 + 0.5)
    jumps = whole[1:] != whole[:-1]
    assert jumps.sum() == 3 and differences.max() < 0.004
    assert differences[jumps].max() < 1.1 * differences[~jumps].max()
    still = np.sqrt(np.mean((frames[1:] - frames[:-1])[middle] ** 2))
    assert differences.max() < still / 5
