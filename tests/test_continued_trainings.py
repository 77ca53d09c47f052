"""What a training learned from stays in its record when others go on from it: licences, sources and digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()
pytest.importorskip("lightning")

from tiny_vae import QUIET, TINY, large_pictures, lively  # noqa: E402

from training import blend, checkpoint, fold, train_vae, upscale  # noqa: E402
from training.card import _data  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.licence import learned_from, licence_of_card, together  # noqa: E402
from training.norms import remove_norms  # noqa: E402

pytestmark = QUIET
BOTH = ["CC-BY-NC-4.0", "CC0-1.0"]
SOMEBODYS = {"what": "9 pictures from pictures", "licence": "CC-BY-NC-4.0", "digest": "aa", "sources": ["pictures"]}
CARD: dict[str, Any] = {
    "config": TINY.asdict(), "data": SOMEBODYS, "training": {}, "metrics": {"to_pictures": {"fp32": {"all": {}}}},
}  # fmt: skip


class NoTrainer:
    """Stands for lightning's trainer: what is asked here is what a training records before its first step."""

    facts: dict[str, Any]

    def __init__(self, **options: Any):
        pass

    def fit(self, module: Any, *given: Any, **options: Any) -> None:
        NoTrainer.facts = module.facts

    def save_checkpoint(self, path: Path) -> None:
        pass


@pytest.fixture(scope="module")
def data(tmp_path_factory: Any) -> Any:
    folder = tmp_path_factory.mktemp("data")
    return folder, large_pictures(folder, 3, (64, 64))


@pytest.fixture
def learn(data: Any, tmp_path: Path, monkeypatch: Any) -> Any:
    """Return what trains on free pictures, with more arguments, and returns its record."""
    monkeypatch.setattr(train_vae.L, "Trainer", NoTrainer)
    threads = torch.get_num_threads()
    places = ["--runs", str(tmp_path), "--outputs", str(tmp_path), "--preset", "cpu", "--perceptual", "none"]

    def run(*more: str) -> dict[str, Any]:
        words = ["--data", str(data[0]), *places, "--critic", "0", "--crop", "64", "--batch", "2", *more]
        monkeypatch.setattr("sys.argv", ["train_vae", *words])
        train_vae.main()
        return NoTrainer.facts

    yield run
    torch.set_num_threads(threads)


def folded() -> Any:
    model = lively()
    remove_norms(model.decoder)
    return model


def test_a_training_that_starts_from_a_model_names_its_licences(learn: Any, data: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(checkpoint, "from_model", lambda folder, detail=1: (folded(), CARD))
    facts = learn("--start", "model")
    assert (facts["licences"], facts["sources"]) == (BOTH, ["pictures", "procedural"])
    assert (facts["data"], "earlier" in facts) == (data[1].digest, False)
    assert facts["start"]["licences"] == ["CC-BY-NC-4.0"] and facts["start"]["data"] == "aa"
    about = _data(facts)
    assert about["what"] == f"{len(data[1])} pictures and those of the trainings before, from pictures, procedural"
    assert licence_of_card({"data": about}, {}) == "none chosen yet; the pictures: CC-BY-NC-4.0, CC0-1.0"


def test_a_training_that_goes_on_with_other_pictures_names_those_of_before(
    learn: Any, data: Any, tmp_path: Path
) -> None:
    facts = {"steps": 3, "data": "aa", "licences": ["CC-BY-NC-4.0"], "sources": ["pictures"], "earlier": ["bb"]}
    checkpoint.write(tmp_path / "vae/last.ckpt", folded(), facts)
    found = learn("--resume")
    assert (found["licences"], found["data"], found["earlier"]) == (BOTH, data[1].digest, ["bb", "aa"])
    again = checkpoint.continued({"data": "cc+aa", "licences": [], "sources": []}, found | {"data": "aa+cc"}, {})
    assert (again["licences"], again["earlier"]) == (BOTH, ["bb", "aa"])


def test_a_blend_names_the_licences_of_both(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(checkpoint, "from_model", lambda folder, detail=1: (lively(1), CARD))
    checkpoint.write(tmp_path / "last.ckpt", lively(), {"steps": 3, "licences": ["CC0-1.0"], "sources": ["procedural"]})
    monkeypatch.setattr("sys.argv", ["blend", str(tmp_path / "last.ckpt"), "--start", "model"])
    blend.main()
    facts = checkpoint.load_averaged(tmp_path / "blended.ckpt")[1]
    assert (facts["licences"], facts["sources"]) == (BOTH, ["pictures", "procedural"])


def test_a_decoder_is_folded_on_the_pictures_of_its_training(data: Any, tmp_path: Path, monkeypatch: Any) -> None:
    checkpoint.write(tmp_path / "last.ckpt", lively(), {"steps": 3, "data": "aa"})
    words = [str(tmp_path / "last.ckpt"), "--data", str(data[0]), "--minutes", "0"]
    monkeypatch.setattr("sys.argv", ["fold", *words])
    with pytest.raises(TrainingError, match="last.ckpt is of a training on other pictures than those of --data"):
        fold.main()


def test_a_net_of_upscale_names_the_licences_of_the_one_before() -> None:
    card = CARD | {"upscale": {"data": {"digest": "aa", "licence": "CC-BY-4.0"}}}
    assert upscale.licences_with(["CC0-1.0"], card) == ["CC-BY-4.0", "CC0-1.0"]


def test_what_cards_say_of_their_pictures() -> None:
    old = {"data": {"what": "4999 pictures of five styles, drawn by training/procedural.py", "licence": "CC0-1.0"}}
    assert learned_from(old, old) == {"licences": ["CC0-1.0"], "sources": ["procedural"]}
    somebodys = {"data": {"what": "9 pictures from pictures, stable-diffusion", "licence": "CC-BY-4.0, CC0-1.0"}}
    assert learned_from(somebodys, old, somebodys) == {
        "licences": ["CC-BY-4.0", "CC0-1.0"],
        "sources": ["pictures", "procedural", "stable-diffusion"],
    }
    written = old | {"licence": "CC-BY-NC-4.0"}  # which binds what is made of the model as well
    assert learned_from(written, written)["licences"] == ["CC-BY-NC-4.0 (of the model before)", "CC0-1.0"]
    assert together({}, {"licences": ["b"]}, {"licences": ["a"]}) == {"licences": ["a", "b"], "sources": []}
