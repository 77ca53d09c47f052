"""Pictures and videos in the frame: fits, sides, sizes and margins, on either way that brings them there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from test_mattes import write_png
from videos import numbered, write_video

from n2s.graph.errors import MediaError
from n2s.graph.placing import Placing
from n2s.runtime.media.pictures import read_layers
from n2s.runtime.media.resample import place_picture, taps_for

SIZES = [(96, 64), (54, 96), (64, 64)]


def sampled(picture: np.ndarray, size: tuple[int, int], span: tuple[float, float, float, float]) -> np.ndarray:
    """Return a smooth picture (C, H, W) as a function of place, asked for at the pixels of a frame; written anew.

    ``span`` is left, top, right, bottom of the whole picture in the frame, in pixels.
    """
    left, top, right, bottom = span
    height, width = picture.shape[1:]
    x = (np.arange(size[0]) + 0.5 - left) / (right - left) * width - 0.5
    y = (np.arange(size[1]) + 0.5 - top) / (bottom - top) * height - 0.5

    def line(values: np.ndarray, at: np.ndarray) -> np.ndarray:
        known = np.arange(values.shape[-1])
        return np.apply_along_axis(lambda row: np.interp(at, known, row), -1, values)

    light = np.square(picture.astype(np.float64))
    return np.sqrt(line(line(light, x).swapaxes(1, 2), y).swapaxes(1, 2))


def smooth(height: int, width: int) -> np.ndarray:
    """Return a picture (3, H, W) without detail, whose four sides differ."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([0.3 + 0.5 * x / width, 0.3 + 0.5 * y / height, 0.8 - 0.4 * x * y / (width * height)]).astype("f4")


def wanted_span(shape: tuple[int, int], size: tuple[int, int], fit: str, x: float, y: float) -> Any:
    """Return left, top, right, bottom of a picture (height, width) in a frame (width, height)."""
    across, down = size[0] / shape[1], size[1] / shape[0]
    if fit != "stretch":
        across = down = max(across, down) if fit == "cover" else min(across, down)
    left, top = (size[0] - shape[1] * across) * x, (size[1] - shape[0] * down) * y
    return left, top, left + shape[1] * across, top + shape[0] * down


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("x", "y"), [(0.5, 0.5), (0, 1), (0.8, 0.3)])
@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("shape", [(50, 70), (150, 60)])
def test_fits_against_plain_interpolation(
    shape: tuple[int, int], fit: Any, x: float, y: float, size: tuple[int, int]
) -> None:
    picture, ones = smooth(*shape), np.ones((1, *shape), np.float32)
    made, matte = place_picture(picture, ones, size, Placing(fit, x, y))
    span = left, top, right, bottom = wanted_span(shape, size, fit, x, y)
    across = np.clip(np.arange(1, size[0] + 1) - left, 0, 1) - np.clip(np.arange(size[0]) - right + 1, 0, 1)
    down = np.clip(np.arange(1, size[1] + 1) - top, 0, 1) - np.clip(np.arange(size[1]) - bottom + 1, 0, 1)
    shares = np.clip(down, 0, 1)[:, None] * np.clip(across, 0, 1)
    np.testing.assert_allclose(matte[0], shares, atol=1e-4)
    whole, none = shares > 0.999, shares < 1e-5
    np.testing.assert_allclose(made[:, whole], sampled(picture, size, span)[:, whole], atol=0.012)
    assert (made[:, none] == 0).all() and (matte[:, none] == 0).all()


def test_covering_about_the_centre_is_what_a_kernel_does_without_a_placing() -> None:
    for shape in ((50, 70), (150, 60), (64, 96), (301, 47)):
        for a, b in zip(taps_for(shape, (97, 63), placing=Placing()), taps_for(shape, (97, 63)) or ()):
            rows = np.arange(len(a.weights))
            dense = [np.zeros((len(rows), max(shape) + 40)) for _ in "ab"]
            for full, taps in zip(dense, (a, b)):
                for tap in range(taps.weights.shape[1]):
                    full[rows, taps.first + tap] += taps.weights[:, tap]
            np.testing.assert_allclose(dense[0], dense[1], atol=1e-6)


def graph_of(folder: Path, size: tuple[int, int], node: str, path: str, over: bool = False, **settings: Any) -> Any:
    nodes: dict[str, Any] = {"front": {"node": node, "path": path, **settings}}
    nodes["over"] = {"node": "Over", "back": "front", "front": "front", "matte": "front"}
    nodes["out"] = {"node": "DigestSink", "frames": "over" if over else "front", "path": "f.txt"}
    if not over:
        del nodes["over"]
    return harness.load({"n2s": 1, "fps": 25, "size": size, "duration": 0.4, "nodes": nodes}, folder)


PLACED: list[dict[str, Any]] = [
    {}, {"x": 0.9}, {"fit": "contain"}, {"fit": "stretch"}, {"height": 0.4, "y": 0.2},
    {"fit": "contain", "x": 1, "y": 1, "height": 0.3, "margin": 0.1},
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize("settings", PLACED)
def test_a_still_and_a_video_lie_alike(
    settings: dict[str, Any], size: tuple[int, int], tmp_path: Path, store: Any
) -> None:
    frame = numbered(1, 80, 50)
    write_png(tmp_path / "a.png", frame[0], 2)
    write_video(tmp_path / "a.mkv", frame, "-c:v", "ffv1", "-pix_fmt", "gbrp")
    still, video = (
        harness.frames(graph_of(tmp_path, size, node, path, **settings), store, "front", [(0, 1)])
        for node, path in (("ImageSource", "a.png"), ("VideoSource", "a.mkv"))
    )
    np.testing.assert_allclose(still, video, atol=2e-6)
    assert still.std() > 0.05


def test_a_logo_in_the_corner(tmp_path: Path, store: Any) -> None:
    """Its lower right corner is 0.05 heights from the frame's, it is 0.2 heights high, in every size alike."""
    logo = np.full((40, 60, 4), 255, np.uint8)
    write_png(tmp_path / "logo.png", logo, 6)
    shares = {"fit": "contain", "height": 0.2, "x": 1, "y": 1, "margin": 0.05}
    for width, height in ((160, 90), (320, 180), (90, 160), (106, 62)):
        graph = graph_of(tmp_path, (width, height), "ImageSource", "logo.png", over=True, **shares)
        shown = harness.frames(graph, store, "front.matte", [(0, 1)])[0, 0].astype(np.float64)
        assert abs(shown.sum() - 0.2 * height * 0.3 * height) < 1e-2 * height
        rows, columns = shown.max(axis=1), shown.max(axis=0)
        assert abs(height - 0.05 * height - rows[:height].nonzero()[0][-1] - 1) < 1
        assert abs(rows.sum() - 0.2 * height) < 0.01 and abs(columns.sum() - 0.3 * height) < 0.01
        right = np.average(np.arange(width) + 0.5, weights=columns) + 0.15 * height
        assert abs(width - right - 0.05 * height) < 0.01


def test_hidden_colours_leave_no_rim(tmp_path: Path) -> None:
    """A white disc on transparent black, made smaller: what shows of it is white everywhere."""
    y, x = np.mgrid[0:200, 0:200] - 99.5
    inside = (np.hypot(x, y) < 80).astype(np.float32)
    colours, matte = np.broadcast_to(inside, (3, 200, 200)).copy(), inside[None].copy()
    made, shows = place_picture(colours, matte, (90, 64), Placing("contain", height=0.5))
    edge = (shows[0] > 0.1) & (shows[0] < 0.9)
    assert edge.sum() > 20 and made[:, edge].min() > 0.99


@pytest.mark.parametrize("times", [1.5, 3])
@pytest.mark.parametrize("settings", [{}, {"x": 0.49}, {"fit": "contain"}])
def test_a_transparent_picture_of_another_size_leaves_no_rim(
    times: float, settings: dict[str, Any], tmp_path: Path, store: Any
) -> None:
    """A white disc on hidden black, laid on white: white everywhere."""
    height, width = int(64 * times), int(96 * times)
    y, x = np.mgrid[0:height, 0:width]
    inside = np.hypot(x - width / 2, y - height / 2) < 0.3 * height
    write_png(tmp_path / "disc.png", np.repeat(255 * inside[..., None], 4, 2).astype(np.uint8), 6)
    nodes = {
        "white": {"node": "Solid", "colour": "#ffffff"},
        "disc": {"node": "ImageSource", "path": "disc.png", **settings},
        "over": {"node": "Over", "back": "white", "front": "disc", "matte": "disc"},
        "out": {"node": "DigestSink", "frames": "over", "path": "frames.txt"},
    }
    graph = harness.load({"n2s": 1, "duration": 1, "size": [96, 64], "nodes": nodes}, tmp_path)
    assert harness.frames(graph, store, "over", [(0, 1)]).min() > 0.99


def test_a_band(tmp_path: Path, store: Any) -> None:
    """`height` makes a band of a picture that covers: bars above and below."""
    write_png(tmp_path / "a.png", numbered(1, 96, 64)[0], 2)
    graph = graph_of(tmp_path, (96, 64), "ImageSource", "a.png", over=True, height=0.5, y=0.5)
    shown = harness.frames(graph, store, "front.matte", [(0, 1)])[0, 0]
    assert (shown[16:48] == 1).all() and (shown[:16] == 0).all() and (shown[48:] == 0).all()


def test_wrong_settings_say_so(tmp_path: Path) -> None:
    for settings, said in (
        ({"fit": "fill"}, "fit"), ({"height": 0}, "height: 0"), ({"x": 1.2}, "x: 1.2"), ({"margin": 0.4}, "margin"),
    ):  # fmt: skip
        with pytest.raises(Exception, match=said):
            graph_of(tmp_path, (96, 64), "ImageSource", "a.png", **settings)


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    data = write_png(tmp_path / "cut.png", numbered(1)[0], 2).read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 3])
    for name, said in (
        ("empty.png", "it has 0 bytes"), ("text.png", "cannot be read as a picture: Invalid"),
        ("cut.png", "cannot be read as a picture"), ("none.png", "no such picture"), (".", "this is a folder"),
    ):  # fmt: skip
        with pytest.raises(MediaError, match=said) as caught:
            read_layers(tmp_path / name)
        assert "Conversion failed" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_pictures_are_turned_as_exif_says(name: str, tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(np.repeat(np.repeat(np.uint8([[[255] * 3, [0] * 3]]), 40, 0), 40, 1))
    exif = picture.getexif()
    exif[0x0112] = 6  # a quarter turn to the right
    picture.save(tmp_path / name, exif=exif)
    colours, matte = read_layers(tmp_path / name)
    assert colours.shape == (3, 80, 40) and matte.shape == (1, 80, 40)
    assert colours[:, :30].mean() > 0.95 and colours[:, 50:].mean() < 0.05
