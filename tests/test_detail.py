"""Decoders of several details: which one a film takes, and what enlarges frames."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph.errors import RenderError
from n2s.graph.grids import pixels_per_cell
from n2s.nodes.upscale import double_by_lanczos
from n2s.runtime.context import RunContext
from n2s.runtime.models.cards import read_card
from n2s.runtime.models.sessions import ProviderExhausted
from n2s.runtime.models.upscaler import SessionUpscaler

GRID = [2, 4]  # 64 x 128 pixels with x1, 128 x 256 with x2
UPSCALE = {"node": "Upscale", "frames": "seen", "model": "model"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detail")
    tiny.tiny_model(folder / "model", finer=True)
    tiny.tiny_model(folder / "plain")
    return folder


def film(size: tuple[int, int], more: dict[str, Any] | None = None, **decode: Any) -> dict[str, Any]:
    """Return a film of one place, shown as it is or by ``more`` nodes, as plain data."""
    more = more or {}
    nodes = {
        "way": {"node": "Keyframes", "points": [[0, 0], [1, 1]]},
        "weights": {"node": "Weights", "signal": "way", "count": 2},
        "place": {"node": "Anchors", "weights": "weights", "names": ["red", "green"], "model": "model"},
        "seen": {"node": "VAEDecode", "latents": "place", "model": "model", "grid": GRID, **decode},
        **more,
        "out": {"node": "DigestSink", "frames": [*more, "seen"][0], "path": "out.txt"},
    }
    return {"n2s": 1, "fps": 10, "duration": 1, "size": list(size), "nodes": nodes}


def detail_of(graph: dict[str, Any], folder: Path, store: Any) -> str:
    """Return which decoder a film takes, by what its key names."""
    plan = harness.plan(harness.load(graph, folder), store)
    stage = next(stage for stage in plan.nodes if stage.node == "seen")
    digest = plan.keys.describe(stage)["files"]["decoder"]
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*/decoder.*")}
    return {"decoder.fp32.onnx": "x1", "decoder.x2.fp32.onnx": "x2"}[next(n for n in files if files[n] == digest)]


# A cell is as large as the height of the film over 2; x1 draws 32 pixels and x2 64, and half way lies 45.3.
@pytest.mark.parametrize(
    ("size", "detail"),
    [((32, 16), "x1"), ((128, 64), "x1"), ((180, 90), "x1"), ((184, 92), "x2"), ((256, 128), "x2"), ((640, 320), "x2")],
)
def test_a_film_takes_the_decoder_whose_frames_are_stretched_least(
    size: tuple[int, int], detail: str, folder: Path, store: Any
) -> None:
    assert detail_of(film(size), folder, store) == detail


def test_the_crop_counts(folder: Path, store: Any) -> None:
    """A square film shows the middle of a wide grid: its cells are as high as those of a wide film of its height."""
    assert pixels_per_cell((128, 128), (2, 4)) == pixels_per_cell((256, 128), (2, 4)) == 64
    assert pixels_per_cell((256, 32), (2, 4)) == 64  # and a very wide one its width
    assert detail_of(film((128, 128)), folder, store) == "x2"
    assert detail_of(film((90, 90)), folder, store) == "x1"


def test_detail_may_be_given(folder: Path, store: Any) -> None:
    assert detail_of(film((32, 16), detail="x2"), folder, store) == "x2"
    assert detail_of(film((256, 128), detail="x1"), folder, store) == "x1"


def test_a_model_with_one_decoder_has_one_detail(folder: Path, store: Any) -> None:
    graph = film((256, 128))
    for name in ("place", "seen"):
        graph["nodes"][name]["model"] = "plain"
    assert detail_of(graph, folder, store) == "x1"


def test_what_is_given_makes_the_film_that_auto_makes(folder: Path, store: Any) -> None:
    given, auto = (
        harness.keys(harness.load(film((256, 128), detail=detail), folder), store) for detail in ("x2", "auto")
    )
    assert given == auto
    assert harness.keys(harness.load(film((256, 128), detail="x1"), folder), store) != auto


def test_frames_are_those_of_the_finer_decoder(folder: Path, store: Any) -> None:
    """The tiny x2 inverts what x1 draws: sigmoid(-v) = 1 - sigmoid(v)."""
    fine, coarse = (
        harness.frames(harness.load(film((256, 128), detail=detail), folder), store, "seen", [(0, 3)])
        for detail in ("x2", "x1")
    )
    assert fine.shape == coarse.shape == (3, 3, 128, 256)
    np.testing.assert_allclose(fine[:, :, 32::64, 32::64], 1 - coarse[:, :, 32::64, 32::64], atol=2e-3)


def test_plan_and_why_name_the_decoder(folder: Path, n2s: Any, tmp_path: Path) -> None:
    """Only where it is the finer one, and a change of decoder is told as that."""
    file = folder / "named.yaml"
    for detail, told in (("x1", False), ("x2", True)):
        file.write_text(json.dumps(film((256, 128), detail=detail), indent=1))
        said = n2s("plan", file, "--store", tmp_path / "store")[1]
        assert ("the finer decoder x2, on cpu" in said) == told
        if not told:
            assert n2s("run", file, "--store", tmp_path / "store", "--out", tmp_path / "out")[0] == 0
    status, said, _ = n2s("why", file, "--store", tmp_path / "store", "--out", tmp_path / "out")
    assert status == 0 and "seen's decoder: x1 → x2" in said and "another file" not in said


def test_a_measure_looks_at_the_frames_that_the_film_has(folder: Path, store: Any) -> None:
    """It looks at 64 rows, and must not have the film decoded twice for that."""
    more = {
        "shown": {"node": "Tone", "frames": "seen", "exposure": "= meter.luma"},
        "meter": {"node": "LightMeter", "frames": "seen"},
    }
    graph = harness.load(film((512, 256), more), folder)
    assert detail_of(film((512, 256), more), folder, store) == "x2"
    assert harness.run(graph, folder / "renders", store).films


def test_upscaling_takes_the_decoder_of_the_smaller_size(folder: Path, store: Any) -> None:
    assert detail_of(film((256, 128), {"large": UPSCALE}), folder, store) == "x1"
    assert detail_of(film((512, 256), {"large": UPSCALE}), folder, store) == "x2"
    assert detail_of(film((512, 256), {"large": UPSCALE | {"factor": 4}}), folder, store) == "x1"
    both = {"sum": {"node": "Mix", "a": "large", "b": "seen"}, "large": UPSCALE}
    assert detail_of(film((256, 128), both), folder, store) == "x2"  # what is shown in the film's size decides


def enlarged(size: tuple[int, int], folder: Path, store: Any, **settings: Any) -> np.ndarray:
    graph = film(size, {"large": UPSCALE | settings})
    return harness.frames(harness.load(graph, folder), store, "large", [(0, 2)])


@pytest.mark.parametrize("placing", [{}, {"fit": "contain"}])
def test_a_source_that_is_kept_in_one_size_is_not_taken_for_another(
    placing: dict[str, Any], folder: Path, store: Any, new_store: Any
) -> None:
    """A picture is opened in the size in which it is shown: with Upscale behind it, in half of the film's."""
    tiny.write_png(folder / "picture.png", np.random.default_rng(6).integers(0, 255, (40, 50, 3)).astype(np.uint8))
    picture = {"node": "ImageSource", "path": "picture.png", "cache": "frames", **placing}

    def codes(large: bool, store: Any) -> bytes:
        more = {"large": UPSCALE | {"frames": "picture", "method": "lanczos"}} if large else {}
        graph = film((128, 64), {**more, "picture": picture})
        return harness.codes(harness.load(graph, folder), store).tobytes()

    plain, enlarged = codes(False, new_store()), codes(True, new_store())
    assert plain != enlarged
    assert codes(False, store) == plain and codes(True, store) == enlarged and codes(False, store) == plain


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("method", ["net", "lanczos"])
def test_enlarged_frames(factor: int, method: str, folder: Path, store: Any) -> None:
    """The tiny net repeats pixels and adds 0.1 for each doubling."""
    size = (136, 72)
    less = film((size[0] // factor, size[1] // factor), detail="x1")
    wanted = harness.frames(harness.load(less, folder), store, "seen", [(0, 2)])
    for _ in range(factor // 2):
        wanted = wanted.repeat(2, 2).repeat(2, 3) + np.float32(0.1) if method == "net" else double_by_lanczos(wanted)
    large = enlarged(size, folder, store, factor=factor, method=method)
    assert large.shape == (2, 3, 72, 136)
    np.testing.assert_array_equal(large, wanted)


def test_a_size_that_the_factor_does_not_divide_is_cropped(folder: Path, store: Any) -> None:
    """Both films are made of 33x17 pixels."""
    cropped, whole = (enlarged(size, folder, store, factor=4) for size in ((130, 66), (132, 68)))
    np.testing.assert_array_equal(cropped, whole[:, :, 1:-1, 1:-1])


def test_lanczos_keeps_constants_and_slopes() -> None:
    """A level stays level to the border; inside, new pixels of a slope lie a quarter beside the old ones."""
    level = np.full((1, 3, 5, 9), 0.3, np.float32)
    np.testing.assert_allclose(double_by_lanczos(level), 0.3, atol=1e-6)
    slope = np.broadcast_to(np.arange(20, dtype=np.float32), (1, 1, 20, 20)) / 20
    made = double_by_lanczos(slope)[0, 0, 20, 8:-8]
    wanted = ((np.arange(40) - 0.5) / 2 / 20)[8:-8]
    np.testing.assert_allclose(made, wanted, atol=1e-3)


def test_lanczos_is_the_filter(folder: Path) -> None:
    """Against the definition, written out: sum of x[i] sinc(d) sinc(d / 3), d = place - i, normalised."""
    row = np.random.default_rng(4).random(24).astype(np.float32)
    made = double_by_lanczos(row.reshape(1, 1, 1, 24).repeat(4, 2))[0, 0, 3]
    for k in range(6, 42):
        place, index = (k - 0.5) / 2, np.arange(24)
        d = place - index
        weights = np.where(abs(d) < 3, np.sinc(d) * np.sinc(d / 3), 0)
        assert made[k] == pytest.approx(float(weights @ row / weights.sum()), abs=1e-6)


def test_check_tells_what_a_model_lacks(folder: Path, n2s: Any) -> None:
    bare = folder / "bare"
    if not bare.exists():
        tiny.tiny_model(bare)
        (bare / "upscale.fp32.onnx").unlink()
        tiny.write_card(bare)
    graph = film((256, 128), {"large": UPSCALE | {"model": "bare"}}, detail="x2")
    graph["nodes"]["seen"]["model"] = "bare"
    (folder / "lacking.yaml").write_text(json.dumps(graph, indent=1))
    status, _, said = n2s("check", folder / "lacking.yaml")
    assert status == 2
    assert "seen.detail: the model has no decoder x2; its card lists decoder.fp32.onnx." in said
    assert "large.method: the model has no net that enlarges frames; take method: lanczos" in said


@pytest.mark.parametrize(
    "details", [{"x2": {"scale": 96}}, {"x9": {"scale": 288}}, {"fine": {"scale": 64}}, {"x2": {}}]
)
def test_a_card_of_impossible_details_is_refused(details: dict[str, Any], tmp_path: Path) -> None:
    tiny.tiny_model(tmp_path)
    card = json.loads((tmp_path / "meta.json").read_text()) | {"details": details}
    (tmp_path / "meta.json").write_text(json.dumps(card))
    with pytest.raises(RenderError, match=r"meta\.json is no model card"):
        read_card(tmp_path / "meta.json")


@pytest.mark.parametrize(
    "entry",
    [{"scale": float("inf")}, {"reach": [1]}, {"reach": {"2": 1}}, {"reach": {"2": [1]}}, {"reach": {"two": [1] * 8}}],
)
def test_a_card_of_impossible_latents_is_refused(entry: dict[str, Any], tmp_path: Path) -> None:
    tiny.tiny_model(tmp_path)
    card = json.loads((tmp_path / "meta.json").read_text())
    card["latent"] |= {"reach": {"2": [1] * card["latent"]["channels"]}}
    (tmp_path / "meta.json").write_text(json.dumps(card))
    assert read_card(tmp_path / "meta.json") == card
    card["latent"] |= entry
    (tmp_path / "meta.json").write_text(json.dumps(card))
    with pytest.raises(RenderError, match=r"meta\.json is no model card"):
        read_card(tmp_path / "meta.json")


class FullSession:
    """A net whose memory runs out."""

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="frames", type="tensor(float)", shape=[1, 3, "h", "w"])]

    get_outputs = get_inputs

    def run(self, *_: Any) -> Any:
        raise RuntimeError("Failed to allocate memory for requested buffer of size 99\nmore lines")


@pytest.mark.parametrize(
    ("provider", "error", "words"),
    [
        ("cuda", ProviderExhausted, "The memory of CUDA is too small to enlarge one frame; the CPU does it"),
        ("cpu", RenderError, r"too little memory to enlarge one frame\. Lower the film's size, or .* \(--jobs"),
    ],
)
def test_memory_that_does_not_hold_a_large_frame(provider: str, error: type[Exception], words: str) -> None:
    upscaler = SessionUpscaler(Path("upscale.onnx"), FullSession(), provider)
    with pytest.raises(error, match=words) as told:
        upscaler.enlarge(np.zeros((1, 3, 4, 4), np.float32))
    assert type(told.value) is error


def test_frames_of_odd_sides_are_enlarged_as_if_their_last_pixels_were_there_twice(folder: Path, store: Any) -> None:
    upscaler = RunContext(store, print).model(folder / "model").upscaler("cpu")
    frames = np.random.default_rng(5).random((2, 3, 6, 8), np.float32)
    frames[:, :, 5], frames[..., 7] = frames[:, :, 4], frames[..., 6]
    odd = upscaler.enlarge(np.ascontiguousarray(frames[:, :, :5, :7]))
    assert odd.shape == (2, 3, 10, 14) and np.array_equal(odd, upscaler.enlarge(frames)[:, :, :10, :14])


def test_films_of_one_run_share_the_net(folder: Path, store: Any) -> None:
    model = RunContext(store, print).model(folder / "model")
    assert model.upscaler("cpu") is model.upscaler("auto")
