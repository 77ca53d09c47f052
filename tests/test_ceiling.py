"""What latents can carry: decoders overfitted on the pictures that they are measured on."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from tiny_vae import QUIET, large_pictures, lively  # noqa: E402

from training import ceiling, metrics  # noqa: E402
from training.norms import remove_norms  # noqa: E402

pytestmark = QUIET


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return large_pictures(tmp_path_factory.mktemp("large"), 2, (192, 192))


def finer():
    torch.manual_seed(0)
    model = lively()
    remove_norms(model.decoder)
    return model.with_finer(16)


def latents(model, data):
    with torch.no_grad():
        return torch.cat([model.encode(data.frame(k)[None])[0] for k in range(len(data))])


def test_every_picture_is_cropped_as_often_as_any_other():
    batches = ceiling.crops(count=5, grid=(4, 6), cells=3, batch=2, seed=1)
    chosen = [crop for _, batch in zip(range(50), batches) for crop in batch]
    assert set(Counter(which for which, *_ in chosen).values()) == {20}
    assert {y for _, y, _ in chosen} == {0, 1} and {x for *_, x in chosen} == {0, 1, 2, 3}


@pytest.mark.parametrize("body", [0.0, 0.1])
def test_overfitting_brings_a_decoder_nearer_to_its_pictures(body, data):
    """Nearer on the very pictures, as the whole decoder draws them; what has no rate stays as it is."""
    model, numbers = finer(), list(range(len(data)))
    places, before = latents(model, data), {name: value.clone() for name, value in model.state_dict().items()}
    work = ceiling.Fitting(model, places, data, numbers, body, cells=2)
    curve = work.run(steps=9, batch=2)
    assert [mark["step"] for mark in curve] == [0, 3, 6, 9]
    assert all(later["psnr_db"] > before["psnr_db"] for before, later in pairwise(curve))
    made = work.training.average.model
    with torch.no_grad():
        drawn = [made.decoder(z[None])[0] for z in places]
    mean = sum(metrics.psnr(frame, data.frame(k)) for k, frame in enumerate(drawn)) / len(drawn)
    assert curve[-1]["psnr_db"] == pytest.approx(mean, abs=0.02)  # it is measured in bfloat16
    changed = {name.split(".")[1] for name, value in made.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == ({"finer", "body", "out", "linear"} if body else {"finer"})


def test_a_crop_is_the_same_part_of_a_picture_and_of_what_the_decoder_reads(data):
    model = finer().eval()
    work = ceiling.Fitting(model, latents(model, data).flip(0), data, [1, 0], 0.0, cells=2)
    (features, form), picture = work.cut(1, y=0, x=1)
    whole, drawn = work.inputs[1]
    assert torch.equal(picture, data.frame(0)[:, :128, 64:192])
    assert torch.equal(features, whole[:, :8, 4:12]) and torch.equal(form, drawn[:, :32, 16:48])


def test_the_way_is_a_share_of_what_there_is_to_gain():
    levels = {"stretched": (30.0, 40.0), "x2": (31.0, 39.5), "stage": (34.0, 40.0)}
    found = {name: {"all": {"psnr_db": a}, "noise": {"psnr_db": b}} for name, (a, b) in levels.items()}
    assert ceiling.ways(found, "x2", "stage") == {"all": 0.25, "noise": None}  # nothing to gain in noise


def test_the_rise_at_the_end_of_a_curve_is_that_between_its_last_marks():
    curve = [{"step": step, "psnr_db": level} for step, level in ((0, 30.0), (200, 33.0), (400, 33.5))]
    assert ceiling.rise(curve) == 2.5


def test_what_is_known_of_the_same_is_not_found_again(tmp_path):
    path = tmp_path / "ceiling.json"
    for of, found, wanted in ((["a"], 1, 1), (["a"], 2, 1), (["b"], 3, 3)):
        assert ceiling.Record(path).get("x2", of, lambda found=found: found) == wanted
