"""Exports beside others: what a user put into a model folder stays there, and no files of two models are mixed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

pytest.importorskip("onnxscript")
pytest.importorskip("torch")

from tiny_vae import QUIET, TINY, large_pictures, lively  # noqa: E402

from n2s.runtime.models import anchors as added  # noqa: E402
from n2s.runtime.models.folder import ModelFolder  # noqa: E402
from n2s.runtime.store import Store  # noqa: E402
from training import anchors, card, checkpoint, export_onnx, kept_anchors, quantize_onnx  # noqa: E402
from training import exported as exports  # noqa: E402
from training.errors import TrainingError  # noqa: E402

pytestmark = QUIET
FACTS = {"config": TINY.asdict(), "steps": 3}


def write_toy(module: Any, path: Path, kind: str, example: Any, notes: dict[str, Any]) -> None:
    """Write what stands for a net, in place of torch's exporter, which takes long: a weight of it."""
    weight = onnx.numpy_helper.from_array(next(module.parameters()).detach().numpy().ravel()[:3], "weight")
    sides = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [3]) for name in ("given", "made")]
    node = onnx.helper.make_node("Add", ["given", "weight"], ["made"])
    net = onnx.helper.make_model(onnx.helper.make_graph([node], kind, sides[:1], sides[1:], [weight]))
    onnx.helper.set_model_props(net, {name: str(value) for name, value in notes.items()})
    export_onnx.save(net, path)


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: Any) -> Any:
    """Return what exports one of two tiny models into a folder, with three small anchors."""
    monkeypatch.setattr(anchors, "ANCHORS", {name: anchors.ANCHORS[name] for name in ("ember", "dawn", "neon")})
    picture = anchors.picture
    monkeypatch.setattr(anchors, "picture", lambda name: picture(name, (64, 128)))
    monkeypatch.setattr(export_onnx, "to_onnx", write_toy)
    pictures = large_pictures(tmp_path / "data", 2, (64, 64))

    def export(seed: int, steps: int = 3, force: bool = False, out: str = "model", **facts: Any) -> Path:
        path = tmp_path / f"{seed}.ckpt"
        checkpoint.write(path, lively(seed), FACTS | {"steps": steps, "data": pictures.digest} | facts)
        export_onnx.export(path, pictures, tmp_path / out, tmp_path / "outputs", force)
        return tmp_path / out

    return export


def with_card(folder: Path) -> Path:
    """Give a folder the least that its card says."""
    with np.load(folder / "anchors.npz") as archive:
        names = list(archive)
    sources = {name: f"{kept_anchors.SOURCE_OF_DRAWN}, noise" for name in names}
    about = {"latent": {"channels": 8, "scale": 32}, "files": card.files_of(folder)}
    (folder / "meta.json").write_text(json.dumps(about | {"anchors": names, "anchor_sources": sources}))
    return folder


def add_own(folder: Path, store: Path) -> None:
    """Add an anchor, and put one in the place of a drawn one."""
    mine = added.Anchor(np.full((8, 2, 4), 0.5, np.float32), "mine.png")
    added.change(folder, Store(store), {"mine": mine, "dawn": mine}, force=True)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_model_keeps_the_anchors_of_its_user(exported: Any, tmp_path: Path) -> None:
    folder = with_card(exported(0))
    drawn = dict(np.load(io.BytesIO((folder / "anchors.npz").read_bytes())))
    add_own(folder, tmp_path / "store")
    before = content(folder)
    exported(0)
    assert content(folder) == before  # so the card fits
    exported(0, steps=4)  # another record of the same nets
    assert (folder / "anchors.npz").read_bytes() == before["anchors.npz"]
    model = ModelFolder(folder, None)
    assert (model.anchor("mine") == 0.5).all() and (model.anchor("dawn") == 0.5).all()
    assert (model.anchor("ember") == drawn["ember"]).all()


def test_another_model_loses_none_unasked(exported: Any, tmp_path: Path) -> None:
    folder = with_card(exported(0))
    add_own(folder, tmp_path / "store")
    before = content(folder)
    with pytest.raises(TrainingError, match="holds anchors of your own, .*: dawn, mine. .*--force"):
        exported(1)
    assert content(folder) == before
    exported(1, force=True)
    about = json.loads((folder / "meta.json").read_text())
    assert about["anchors"] == ["ember", "dawn", "neon"] and "mine" not in about["anchor_sources"]
    assert about["anchor_sources"].get("dawn") != "mine.png"  # it is drawn again
    assert list(ModelFolder(folder, None)._all_anchors()) == ["ember", "dawn", "neon"]
    exported(0)  # has nothing of a user to lose


def test_a_damaged_archive_is_no_reason_to_lose_it(exported: Any) -> None:
    folder = with_card(exported(0))
    (folder / "anchors.npz").write_bytes(b"PK no archive")
    with pytest.raises(TrainingError, match="anchors.npz cannot be read .*--force"):
        exported(0)
    exported(0, force=True)
    assert (folder / "anchors.npz").read_bytes()[:4] == b"PK\3\4"


def test_the_card_fits_at_every_moment_of_a_change(exported: Any, tmp_path: Path, monkeypatch: Any) -> None:
    folder = with_card(exported(0))
    write_whole, seen = kept_anchors.write_whole, []

    def observed(path: Path, write: Any) -> None:
        write_whole(path, write)
        seen.append(ModelFolder(folder, None).checked("anchors.npz")[1])

    monkeypatch.setattr(kept_anchors, "write_whole", observed)
    kept_anchors.write(folder, {"other": np.zeros((8, 1, 1), np.float32)})
    assert len(seen) == 3 and seen[0] != seen[1] == seen[2]
    kept_anchors.write(folder, {"other": np.zeros((8, 1, 1), np.float32)})
    assert len(seen) == 3


def quantise(folder: Path, monkeypatch: Any, data: str = "data", *more: str) -> None:
    place = folder.parent
    words = ["--data", str(place / data), "--models", str(folder), "--outputs", str(place / "outputs"), *more]
    monkeypatch.setattr("sys.argv", ["quantize_onnx", *words])
    quantize_onnx.main()


def test_the_files_of_two_models_are_not_mixed(exported: Any, tmp_path: Path, monkeypatch: Any) -> None:
    first, second = exported(0, out="first"), exported(1, out="second")
    before = content(first)
    with pytest.raises(TrainingError, match="first/decoder.fp16.onnx is of another export than .*/export.json; name"):
        quantise(first, monkeypatch)
    assert content(first) == before
    read = exports.read(tmp_path / "outputs", exports.RECORD, second)
    assert set(read["exported"]["outputs"]) == {"decoder.fp32.onnx"}
    reference = tmp_path / "outputs/decoder.fp32.onnx"
    for change, told in (
        (lambda: reference.write_bytes(b"of an export that was interrupted"), "decoder.fp32.onnx is of another export"),
        (reference.unlink, "decoder.fp32.onnx is missing; run"),
        ((tmp_path / "outputs/export.json").unlink, "export.json is missing or damaged; run"),
    ):
        change()
        with pytest.raises(TrainingError, match=told):
            quantise(second, monkeypatch)


def test_a_record_of_an_older_version_is_told(exported: Any, tmp_path: Path, monkeypatch: Any) -> None:
    folder, record = exported(0), tmp_path / "outputs/export.json"
    facts = json.loads(record.read_text())
    del facts["exported"]
    record.write_text(json.dumps(facts))
    with pytest.raises(TrainingError, match="does not say which files were exported"):
        quantise(folder, monkeypatch)


def test_a_finer_decoder_belongs_to_the_model_it_was_exported_for(
    exported: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    first, second = exported(0, out="first"), with_card(exported(1, out="second"))
    outputs = tmp_path / "outputs"
    facts = {"exported": exports.of_files(first, ["encoder.fp16.onnx"], outputs, ["decoder.fp32.onnx"])}
    (outputs / "decoder.x2.json").write_text(json.dumps(facts))
    with pytest.raises(TrainingError, match="second/encoder.fp16.onnx is of another export than .*decoder.x2.json"):
        quantise(second, monkeypatch, "data", "--finer", "2")


def test_other_pictures_than_those_of_the_training_are_refused(exported: Any, tmp_path: Path, monkeypatch: Any) -> None:
    folder = exported(0)
    large_pictures(tmp_path / "others", 3, (64, 64))
    with pytest.raises(TrainingError, match="export.json is of a training on other pictures than those of --data"):
        quantise(folder, monkeypatch, "others")
    exports.require_data({"data": "aa+bb"}, "bb+aa", folder)
    exports.require_data({}, "aa", folder)  # of a version that did not record it


def test_the_licence_of_an_export_is_that_of_its_record(exported: Any, tmp_path: Path) -> None:
    """--data may name pictures of the same digest, and a free licence, beside what the training learned from."""
    folder = exported(0, licences=["CC-BY-NC-4.0"], sources=["pictures"])
    facts = exports.read(tmp_path / "outputs", exports.RECORD, folder)
    assert (facts["licences"], facts["sources"]) == (["CC-BY-NC-4.0", "CC0-1.0"], ["pictures", "procedural"])
    for name in export_onnx.SHIPPED:
        props = {entry.key: entry.value for entry in onnx.load(folder / name).metadata_props}
        assert props["licence"] == "none chosen yet; the pictures: CC-BY-NC-4.0, CC0-1.0"
    before = content(folder)
    with pytest.raises(TrainingError, match="0.ckpt is of a training on other pictures than those of --data"):
        exported(0, data="another")
    assert content(folder) == before
