"""Memory that is short, on the CPU and on CUDA: smaller batches, another device, or a clear end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import FRAMES, Place

from n2s.graph.errors import RenderError
from n2s.runtime import machine
from n2s.runtime.models.folder import ModelFolder

OUT_OF_MEMORY = "[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 123"


class Hungry:
    """A session on which decoding fails when ``refuse`` says so of the latents' shape; it counts the runs."""

    def __init__(self, session: Any, refuse: Callable[[tuple], bool], batches: list[int]):
        self.session, self.refuse, self.batches = session, refuse, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, wanted: Any, feed: dict[str, np.ndarray]) -> Any:
        shape = next(iter(feed.values())).shape
        if self.refuse(shape):
            raise RuntimeError(OUT_OF_MEMORY)
        self.batches.append(shape[0])
        return self.session.run(wanted, feed)


def is_probe(shape: tuple) -> bool:
    return shape[2:] == (2, 3)


@pytest.fixture
def digests(place: Place) -> Place:
    """The place with a list of digests for a film, and a grid that is not the one of the decoder's own check."""
    place.edit("grid: [2, 3]", "grid: [4, 6], batch: 4")
    place.edit("size: [96, 64]", "size: [192, 128]")
    place.edit("node: FFmpegSink", "node: DigestSink")
    place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames.txt, chunk: 15")
    return place


def make_hungry(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[str, tuple], bool]) -> list[int]:
    """Let sessions run out of memory when ``refuse(provider, shape)``; returns the sizes of the batches that ran."""
    batches: list[int] = []
    real = ModelFolder._session

    def session(self: ModelFolder, path: Path, provider: str, digest: str) -> Hungry:
        return Hungry(real(self, path, "cpu", digest), lambda shape: refuse(provider, shape), batches)

    monkeypatch.setattr(ModelFolder, "_session", session)
    return batches


def test_a_batch_that_memory_does_not_hold_is_made_smaller(
    digests: Place, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests.run()
    usual = (digests.out / "frames.txt").read_bytes()
    assert usual.count(b"\n") == FRAMES
    digests.store = new_store()
    batches = make_hungry(monkeypatch, lambda _, shape: shape[0] > 1)
    assert digests.run().rendered == 2
    assert (digests.out / "frames.txt").read_bytes() == usual
    assert set(batches) == {1}


def test_memory_that_holds_no_frame(digests: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        make_hungry(patch, lambda _, shape: not is_probe(shape))
        digests.refused(
            RenderError,
            "There is too little memory to decode one frame. Lower the decoder's grid, or the number of chunks that",
        )
    assert digests.run().rendered == 2


def test_memory_that_is_gone_while_the_decoder_is_checked(digests: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    make_hungry(monkeypatch, lambda *_: True)
    digests.refused(RenderError, "There is too little memory to decode one frame")


@pytest.mark.parametrize("after", [0, 5])
def test_cuda_without_memory_hands_over_to_the_cpu(
    digests: Place, new_store: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    digests.run()
    usual = (digests.out / "frames.txt").read_bytes()
    digests.store = new_store()
    ran: list[str] = []

    def refuse(provider: str, shape: tuple) -> bool:
        if is_probe(shape) or provider == "cpu":
            return False
        ran.append(provider)
        return len(ran) > after

    with monkeypatch.context() as patch:
        make_hungry(patch, refuse)
        patch.setattr(ModelFolder, "provider", lambda self, wanted: "cpu" if self.force_cpu else "cuda")
        report = digests.run()
    steps = [said for said in digests.said_ if said.startswith("The memory of CUDA")]
    fewer = "The memory of CUDA does not hold {} frames at once; it decodes {} at once from here on."
    told = [fewer.format(4, 2), fewer.format(2, 1)]
    assert steps == [*told, "The memory of CUDA is too small for one frame; the CPU decodes from here on."]
    assert (digests.out / "frames.txt").read_bytes() == usual
    assert report.rendered >= 2
    (digests.out / "frames.txt").unlink()
    again = digests.run()  # a run on the CPU from the beginning wants the same keys
    assert (again.rendered, again.stored) == (0, 2)


def test_what_cuda_decodes_with_less_memory_has_keys_of_its_own(
    digests: Place, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelFolder, "provider", lambda self, wanted: "cpu" if self.force_cpu else "cuda")
    found = []
    for most in (4, 2):
        digests.store = new_store()
        with monkeypatch.context() as patch:
            batches = make_hungry(patch, lambda _, shape, most=most: shape[0] > most)
            digests.run()
        assert set(batches) == {1, most}  # the first is the decoder's own check
        found.append({entry.key for entry in digests.store.entries() if entry.kind == "segments"})
    assert len(found[0]) == len(found[1]) == 2 and not found[0] & found[1]


def test_cuda_that_is_asked_for_and_not_there(place: Place) -> None:
    if machine.onnxruntime_flavour() == "gpu":
        pytest.skip("CUDA may well be there")
    place.edit("grid: [2, 3]", "grid: [2, 3], provider: cuda")
    assert place.run().rendered == 2
    assert "CUDA cannot be used here; the CPU decodes instead." in place.said_
