"""A missing or damaged file is a mistake of the user, with exit status 2; a damaged model is a failure, with 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from places import Place

COMMANDS = (
    ["run"], ["run", "--dry-run"], ["plan"], ["why"], ["preview"], ["preview", "--node", "travel"],
    ["export", "--port", "travel", "-o", "t.npz"],
)  # fmt: skip
MISSING = {
    "music": lambda place: place.music.unlink(),
    "music is a folder": lambda place: place.music.unlink() or place.music.mkdir(),
    "picture": lambda place: place.edit("film: {node: VAEDecode, latents: drift,",
                                        "p: {node: ImageSource, path: p.png}\n  film: {node: VAEDecode, latents: "
                                        "drift,"),
    "model": lambda place: place.edit("grid: [2, 3], model: ", "grid: [2, 3], model: /nowhere"),
    "graph": lambda place: place.graph.unlink(),
    "graph is a folder": lambda place: place.graph.unlink() or place.graph.mkdir(),
    "graph below a file": lambda place: place.graph.unlink() or setattr(place, "graph", place.music / "graph.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISSING)
def test_a_missing_file_is_status_2_in_every_command(what: str, place: Place, n2s: Any) -> None:
    MISSING[what](place)
    for command in (["check"], *COMMANDS):
        status, out, err = n2s(command[0], place.graph, *command[1:])
        assert (status, out) == (2, "") and err, command
    assert not (place.folder / "renders").exists()


DAMAGED = {
    "decoder.fp32.onnx": 1,  # which is opened when it is needed
    "anchors.npz": 2,  # which check looks at
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_model_is_told_by_its_status(what: str, place: Place, model: Path, n2s: Any) -> None:
    (model / what).write_bytes(b"x")
    status, _, err = n2s("run", place.graph)
    assert status == DAMAGED[what] and what in err


@pytest.mark.parametrize("data", [b"", np.random.default_rng(0).bytes(999)])
def test_damaged_music_is_status_2_in_every_command(data: bytes, place: Place, n2s: Any) -> None:
    place.music.write_bytes(data)
    for command in (["check"], *COMMANDS):
        status, out, err = n2s(command[0], place.graph, *command[1:])
        assert (status, out) == (2, "") and str(place.music) in err, command
    status, _, err = n2s("new", place.music, "-o", place.folder / "new.yaml")
    assert status == 2 and str(place.music) in err


def test_commands_without_a_graph(studio: Any, tmp_path: Path, n2s: Any) -> None:
    tiny.write_png(tmp_path / "small.png", np.zeros((2, 2, 3), np.uint8))
    for command in (
        ["anchors", "list", "--model", "nowhere"], ["anchors", "sheet", "s.png", "--model", "nowhere"],
        ["anchors", "list", "--model", "small.png"],
        ["anchors", "add", "a", "nowhere.png", "--copy-to", "copy"], ["anchors", "add", "a", ".", "--copy-to", "copy"],
        ["anchors", "add", "--data", "nowhere", "--copy-to", "copy"],
    ):  # fmt: skip
        status, _, err = n2s(*command)
        assert status == 2 and err, command
    status, _, err = n2s("anchors", "add", "a", "small.png", "--copy-to", "copy")
    assert status == 2 and not (tmp_path / "copy").exists()


@pytest.mark.parametrize("music", ["nowhere.wav", ".", "small.wav/a.wav", "https://example.org/a.wav"])
def test_new_for_music_that_is_not_there(music: str, tmp_path: Path) -> None:
    from places import n2s

    tiny.write_wav(tmp_path / "small.wav", tiny.clicks(0.1))
    done = n2s("new", music if "://" in music else tmp_path / music, "-o", tmp_path / "new.yaml")
    assert done.returncode == 2 and done.stderr and not (tmp_path / "new.yaml").exists()
