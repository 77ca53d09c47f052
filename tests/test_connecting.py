"""Connecting nodes in Python: what fits is a handle, what does not is an error at the call."""

from __future__ import annotations

from typing import Any

import pytest

from n2s import Graph
from n2s.graph.errors import GraphError
from n2s.nodes import (
    EMA,
    Album,
    Anchors,
    AudioSource,
    Constant,
    DigestSink,
    Features,
    FFmpegSink,
    Grain,
    ImageSource,
    Mix,
    Tone,
    Track,
    VAEDecode,
    Weights,
)

track = AudioSource(path="a.wav")()
features = Features()(track)
picture = ImageSource(path="a.png")()
weights = Weights(count=3)(features.rms)
anchors = Anchors(names=["a", "b", "c"])(weights)


@pytest.mark.parametrize(
    ("connect", "said"),
    [
        (lambda: Tone()(track), "Tone.frames takes Frames, but <AudioSource> gives Audio"),
        (lambda: Tone()(features.rms), "Tone.frames takes Frames, but <Features.rms> gives Signal"),
        (
            lambda: Tone()(features),
            "Tone.frames takes Frames, but <Features> has several outputs; name one: none of them gives Frames",
        ),
        (
            lambda: EMA()(features),
            "EMA.signal: a signal was wanted, but <Features> has several outputs; name one: rms, centroid",
        ),
        (lambda: EMA()(picture), "EMA.signal: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: EMA()(2 * picture), "in an expression: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: picture + 1, "in an expression: a signal was wanted"),
        (lambda: Tone(exposure=picture)(picture), "Tone.exposure: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: Tone(exposure=features)(picture), "has several outputs"),
        (lambda: VAEDecode()(picture), "VAEDecode.latents takes Latents, but <ImageSource> gives Frames"),
        (lambda: Features()(anchors), "Features.audio takes Audio, but <Anchors> gives Latents"),
        (lambda: Tone()(), "Tone needs frames: what is toned"),
        (lambda: Mix()(picture), "Mix needs b: shown at 1"),
        (lambda: Tone()(picture, picture), "Tone takes 1 inputs (frames), not 2"),
        (lambda: Constant()(picture), "Constant takes 0 inputs (none), not 1"),
        (lambda: Tone()(image=picture), "Tone has no port 'image'; it has: frames"),
        (lambda: Tone()(picture, frames=picture), "Tone.frames is given twice"),
        (lambda: Tone()(None), "Tone.frames takes the output of a node, not None"),
        (lambda: Tone()("picture"), "Tone.frames takes the output of a node, not 'picture'"),
        (lambda: Tone()(Tone()), "connect it first: Tone(…)(…)"),
        (lambda: Tone()(Tone), "Tone.frames takes the output of a node, not"),
        (lambda: Album(path="a.mp4")(Track(path="a.yaml")()), "Album.tracks takes a list of Films"),
        (lambda: Album(path="a.mp4")([]), "Album needs tracks"),
        (lambda: Album(path="a.mp4")([picture]), "Album.tracks takes Film, but <ImageSource> gives Frames"),
        (lambda: Graph(DigestSink(path="a.txt")), "a graph is made of sinks that are connected"),
        (lambda: Tone()(FFmpegSink(path="a.mp4")(picture)), "Tone.frames takes Frames, but <FFmpegSink> gives Film"),
    ],
)
def test_connecting_what_does_not_fit_is_an_error_at_the_call(connect: Any, said: str) -> None:
    with pytest.raises(GraphError) as caught:
        connect()
    assert said in str(caught.value)


def test_connecting_what_fits() -> None:
    for made in (FFmpegSink(path="a.mp4")(picture, None), EMA()(0.5), EMA()("= time"), EMA()(features.mfcc[3] * 2)):
        assert repr(made) in ("<FFmpegSink>", "<EMA>")
    assert repr(Grain(amount=features.rms)(frames=picture)) == "<Grain>"


def test_components_of_an_output() -> None:
    assert len(features.mfcc) == 13 and list(features.mfcc) == [features.mfcc[i] for i in range(13)]
    first, *_, last = features.mfcc
    assert (first._component, last._component) == (0, 12)
    assert weights[7]._component == 7  # how many there are is known when they are made
    for unknown in (weights, features.rms, features, picture, features.mfcc[0]):
        with pytest.raises(TypeError, match="how many components .* not known before"):
            list(unknown)
        with pytest.raises(TypeError):
            len(unknown)
    for wrong, kind in (
        (13, IndexError), (-1, IndexError), (slice(0, 3), TypeError), ("0", TypeError), (1.0, TypeError),
        (True, TypeError), (None, TypeError), (10**9, IndexError)
    ):  # fmt: skip
        with pytest.raises(kind, match="Features.mfcc"):
            features.mfcc[wrong]
    with pytest.raises(IndexError):
        weights[-1]
    for no_signal in (picture, features, features.mfcc[0]):
        with pytest.raises(TypeError):
            no_signal[0]
    with pytest.raises(TypeError):
        _ = 3 in weights
