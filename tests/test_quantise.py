"""The int8 decoder: what is quantised and what is not, ranges that cannot burst, frames near those of float32."""

import argparse

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()

from n2s.nodes.latents import gram_matrix, spherical_factors  # noqa: E402
from training import equalise, quantize_onnx  # noqa: E402
from training.card import session  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.export_onnx import Generator, to_onnx  # noqa: E402
from training.latents import slerp  # noqa: E402
from training.models import HIGH, LOW, VAE, Config, round_to_levels  # noqa: E402
from training.norms import remove_norms  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("FutureWarning", "DeprecationWarning", "UserWarning")
]
GRID = (6, 5)
levels = quantize_onnx.levels


def latents(count, seed=3):
    return list(np.random.default_rng(seed).standard_normal((count, 1, 8, *GRID)).astype(np.float32))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory):
    """A lively decoder without norms in float32 and int8; its last block is driven far beyond what a SiLU is given."""
    folder = tmp_path_factory.mktemp("decoders")
    torch.manual_seed(2)
    decoder = remove_norms(VAE(Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1)).decoder)
    with torch.no_grad():
        decoder.out.weight.mul_(40)
        decoder.body[-1].conv1.weight.mul_(60)
        decoder.body[-1].conv2.weight.mul_(0.1)
    to_onnx(
        Generator(decoder, torch.zeros(1, 8, 1, 1), torch.ones(1, 8, 1, 1)),
        folder / "float.onnx",
        "decoder",
        torch.randn(2, 8, 5, 6),
        {},
    )
    quantize_onnx.quantise(folder / "float.onnx", folder / "int8.onnx", latents(6))
    return folder / "float.onnx", folder / "int8.onnx", decoder


def frames(path):
    return np.stack([session(path).run(None, {"latents": each})[0] for each in latents(4, seed=9)])


def psnr(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def ranges_of(path):
    """Name -> (lowest, highest) of each activation that is quantised."""
    graph = onnx.load(path).graph
    known = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and known[node.input[1]].ndim == 0:
            scale, zero = float(known[node.input[1]]), int(known[node.input[2]])
            found[node.input[0]] = -zero * scale, (255 - zero) * scale
    return found


def test_int8_frames_are_those_of_float32(decoders):
    wanted, got = (frames(path) for path in decoders[:2])
    assert wanted.std() > 0.05 and psnr(got, wanted) > 40


def test_what_rounding_does_to_frames_foretells_int8(decoders):
    """`Watch` and the loss see the float decoder with rounded inputs; what they say has to hold for the file."""
    wanted, got = (frames(path) for path in decoders[:2])
    with torch.no_grad():
        foretold = np.stack(
            [decoders[2](torch.from_numpy(each), show=round_to_levels).numpy() for each in latents(4, seed=9)]
        )
    assert psnr(got, wanted) == pytest.approx(psnr(foretold, wanted), abs=4)


def test_what_a_silu_is_given_has_the_range_it_is_held_to(decoders):
    graph = onnx.load(decoders[1]).graph
    made = {node.output[0]: node for node in graph.node}
    ranges = ranges_of(decoders[1])
    before = [made[node.input[0]] for node in graph.node if node.op_type == "Sigmoid"]
    given = [made[node.input[0]].input[0] for node in before if node.op_type == "DequantizeLinear"]
    assert len(given) == 4 and len(before) == 5  # the last draws the picture, in float32
    for name in given:
        low, high = ranges[name]
        assert LOW - 0.2 < low <= 0 < high < HIGH + 0.2
    assert (
        max(ranges[name][1] for name in given) > 0.9 * HIGH
    )  # the driven block: without the bound it would have some hundred


def test_the_latents_and_the_picture_stay_float32(decoders):
    graph = onnx.load(decoders[1]).graph
    made = {name: node for node in graph.node for name in node.output}
    drawing, seen = ["frames"], []
    while drawing:  # back from the frames to the last sum, and to the latents
        node = made.get(drawing.pop())
        if node is not None and not (
            node.op_type == "Add"
            and any(made[name].op_type == "DequantizeLinear" for name in node.input if name in made)
        ):
            assert node.op_type not in ("QuantizeLinear", "DequantizeLinear")
            seen.append(node.op_type)
            drawing += node.input
    assert {"Resize", "DepthToSpace", "Mul", "Sigmoid", "Clip"} <= set(seen) and seen.count("Conv") == 2
    exact = [
        node for node in graph.node if node.op_type == "Conv" and made[node.input[0]].op_type != "DequantizeLinear"
    ]
    assert len(exact) == 3  # two that read the latents, one that draws
    assert sum(node.op_type == "Conv" for node in graph.node) == 14


def test_channels_are_made_alike_without_changing_a_frame(decoders, tmp_path):
    model = onnx.load(decoders[0])
    batches = latents(8)
    found = equalise.sums(model.graph)
    assert len(found) == 3  # the last sum is read by a SiLU
    names = [[name for name in each.quantised if name != each.writers[0].output[0]] for each in found]
    for each in found:  # one channel of each sum that outshouts the others
        scale(model, each.writers[-1].input[1], 0, 30)
    onnx.save(model, tmp_path / "loud.onnx")
    before = equalise.reach(model, sum(names, []), batches, 0)
    equalise.equalise(model, batches)
    onnx.save(model, tmp_path / "alike.onnx")
    after = equalise.reach(model, sum(names, []), batches, 0)

    def evenness(reach):
        return [np.mean([np.median(reach[name]) / reach[name].max() for name in each]) for each in names]

    assert all(b > 1.5 * a for a, b in zip(evenness(before), evenness(after)))
    assert np.allclose(frames(tmp_path / "loud.onnx"), frames(tmp_path / "alike.onnx"), atol=1e-4)


def scale(model, name, channel, factor):
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    weights = onnx.numpy_helper.to_array(tensor).copy()
    weights[channel] *= factor
    tensor.CopyFrom(onnx.numpy_helper.from_array(weights, name))


def test_a_decoder_with_norms_has_nothing_to_make_alike(tmp_path):
    decoder = VAE(Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1)).decoder
    to_onnx(
        Generator(decoder, torch.zeros(1, 8, 1, 1), torch.ones(1, 8, 1, 1)),
        tmp_path / "norms.onnx",
        "decoder",
        torch.randn(2, 8, 5, 6),
        {},
    )
    model = onnx.load(tmp_path / "norms.onnx")
    before = model.SerializeToString()
    equalise.equalise(model, latents(2))
    assert not equalise.sums(model.graph) and model.SerializeToString() == before


@pytest.mark.parametrize("folded", [True, False])
def test_every_range_is_given(folded, tmp_path, monkeypatch):
    """Calibration sees one batch only: what it had to find out by itself would be far too narrow."""
    decoder = VAE(Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1)).decoder
    model = Generator(remove_norms(decoder) if folded else decoder, torch.zeros(1, 8, 1, 1), torch.ones(1, 8, 1, 1))
    to_onnx(model, tmp_path / "float.onnx", "decoder", torch.randn(2, 8, 5, 6), {})
    found = {}
    monkeypatch.setattr(quantize_onnx, "levels", lambda *given: found.setdefault("levels", levels(*given)))
    quantize_onnx.quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", latents(2))
    ranges = ranges_of(tmp_path / "int8.onnx")
    assert len(ranges) >= 8 and set(ranges) <= set(found["levels"])


def test_a_few_wild_latents_do_not_stretch_the_ranges(decoders):
    calm = latents(19)
    alone, beside = (levels(decoders[0], batches) for batches in (calm, [*calm, 100 * calm[0]]))
    assert len(alone) > 20
    for name, (about,) in alone.items():
        assert about["rmin"] <= 0 < about["rmax"] and beside[name][0]["rmax"] <= 1.3 * about["rmax"] + 1e-3
    everything = levels(decoders[0], [*calm, 100 * calm[0]], spared=0).values()
    assert max(each[0]["rmax"] for each in everything) > 10 * max(each[0]["rmax"] for each in alone.values())


def test_between_two_places_is_where_films_go():
    a, b = np.random.default_rng(4).standard_normal((2, 8, 4, 5)).astype(np.float32)
    b *= 2
    for t in (0.0, 0.3, 1.0):
        factors = spherical_factors(np.array([1 - t, t]), gram_matrix(np.stack([a, b])))
        assert np.allclose(slerp(a, b, t), factors[0] * a + factors[1] * b, atol=1e-6)
    assert np.allclose(slerp(a, 3 * a, 0.5), 2 * a) and slerp(a, b, 0.5).dtype == np.float32


def test_calibration_latents_are_near_those_of_films():
    rng = np.random.default_rng(1)
    anchors = {name: rng.standard_normal((8, 16, 32)).astype(np.float32) for name in "abc"}
    found = quantize_onnx.calibration(anchors, latents(2))
    assert len(found) == 50 and all(batch.dtype == np.float32 for batch in found)
    assert {batch.shape for batch in found[:48]} == {(1, 8, 16, 16)}
    assert all(0.85 < batch.std() < 1.15 for batch in found[:48])
    again = quantize_onnx.calibration(anchors, latents(2))
    assert all((a == b).all() for a, b in zip(found, again))


@pytest.mark.parametrize(
    ("data", "told"),
    [(None, "anchors.npz holds no anchors. Add some with"), (b"PK\3\4 cut", "anchors.npz cannot be read")],
)
def test_a_model_without_anchors_names_the_cure(data, told, tmp_path):
    np.savez(tmp_path / "anchors.npz")
    if data:
        (tmp_path / "anchors.npz").write_bytes(data)
    with pytest.raises(TrainingError, match=told):
        quantize_onnx.calibration_of(argparse.Namespace(models=tmp_path, latents=[]))


def test_a_file_without_latents_names_the_cure(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"no zip")
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4 cut short")
    np.savez(tmp_path / "flat.npz", a=np.zeros(3))
    np.savez(tmp_path / "none.npz", a=np.zeros((0, 8, 4, 4)))
    np.save(tmp_path / "bare.npy", np.zeros((2, 8, 4, 4)))
    np.savez(tmp_path / "other.npz", a=np.zeros((2, 4, 5, 6), np.float32))
    for name, words in (
        *((name, "n2s export GRAPH") for name in ("broken.npz", "cut.npz", "bare.npy", "missing.npz")),
        *((name, "name the port") for name in ("flat.npz", "none.npz")),
        ("other.npz", "of 4 channels, and this model's have 8"),
    ):
        with pytest.raises(TrainingError, match=words):
            quantize_onnx.read_latents([tmp_path / name])


def test_of_many_latents_at_most_so_many_are_taken_evenly(tmp_path):
    numbers = np.arange(63, dtype=np.float32).reshape(-1, 1, 1, 1) * np.ones((1, 8, 2, 2), np.float32)
    np.savez(tmp_path / "film.npz", a=numbers)
    for most, wanted in ((32, range(0, 63, 2)), (63, range(63)), (100, range(63)), (20, range(0, 63, 4))):
        found = quantize_onnx.read_latents([tmp_path / "film.npz"], most=most)
        assert [int(each[0, 0, 0, 0]) for each in found] == list(wanted) and len(found) <= most
        assert found[0].shape == (1, 8, 2, 2)
