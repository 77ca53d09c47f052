"""Nodes of others that return what they should not, or fail: one clear error, and never another picture."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
from refusing import AT, FRAMES, LATENTS, STREAMED, film, refused

from n2s.graph.errors import RenderError

WRONG = {
    "None if block else made": "nothing",
    "made[:, :1].copy()": "float32 (4, 1, 64, 96)",
    "np.concatenate([made, made[:, :1]], 1)": "float32 (4, 4, 64, 96)",
    "np.moveaxis(made, 1, 3).copy()": "float32 (4, 64, 96, 3)",
    "made[:, :, :32]": "float32 (4, 3, 32, 96)",
    "made[:, :, :, :95]": "float32 (4, 3, 64, 95)",
    "made[:3]": "float32 (3, 3, 64, 96)",
    "made[:0]": "float32 (0, 3, 64, 96)",
    "made[0]": "float32 (3, 64, 96)",
    "made[:, :, :0]": "float32 (4, 3, 0, 96)",
    "made.astype(np.float64)": "float64 (4, 3, 64, 96)",
    "made.astype('>f4')": ">f4 (4, 3, 64, 96)",
    "(made * 255).astype(np.uint8)": "uint8",
    "made.astype(np.complex64)": "complex64",
    "made.astype(object)": "object",
    "made.tolist()": "a list",
    "list(made)": "a list",
    "(made, made)": "a tuple",
    "{'frames': made}": "a dict",
    "3.0": "a float",
    "'made'": "a str",
    "np.ma.masked_invalid(made)": "masked float32",
    "np.float32(1)": "a float32",
    "(block for block in made)": "a generator",
}


@pytest.mark.parametrize("expression", WRONG)
def test_a_block_of_frames_is_an_array_of_the_films_size(
    expression: str, packages: Any, studio: Any, store: Any
) -> None:
    packages.install(STREAMED.format(**FRAMES, expression=expression))
    text = refused(
        studio, store, film(studio, "frames", node="Bad", frames="decoded"), WRONG[expression], "frames 0 to 3"
    )
    assert "a float32 array (4, 3, 64, 96) was wanted" in text


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("made[:, :4].copy()", "(4, 4, 3, 4)"),
        ("made[:, :, :2]", "(4, 8, 2, 4)"),
        ("made.transpose(0, 1, 3, 2)", "(4, 8, 4, 3)"),
        ("None if block else made", "nothing"),
    ],
)
def test_a_block_of_latents_has_the_models_grid(
    expression: str, said: str, packages: Any, studio: Any, store: Any
) -> None:
    packages.install(STREAMED.format(**LATENTS, expression=expression))
    refused(
        studio,
        store,
        film(studio, "latents", node="Bad", latents="anchors"),
        said,
        "a float32 array (4, 8, 3, 4) was wanted",
    )


@pytest.mark.parametrize(
    ("value", "said", "given", "then"),
    [("np.nan", "NaN", "frames", []), ("np.inf", "infinity", "frames", ["Hide"]), ("np.nan", "NaN", "frames", ["Hide"]),
     ("-np.inf", "infinity", "frames", ["Tone"]),
     ("np.nan", "NaN", "frames", ["Tone", "Grain"]), ("np.nan", "NaN", "frames", ["Copy", "Tone"]),
     ("-np.inf", "infinity", "latents", []), ("np.nan", "NaN", "latents", ["Hide"])],
)  # fmt: skip
def test_frames_and_latents_are_finite(
    value: str, said: str, given: str, then: list[str], packages: Any, studio: Any, store: Any
) -> None:
    kind = FRAMES if given == "frames" else LATENTS
    source = STREAMED.format(**kind, expression="spoil(made, block)")
    packages.install(
        source
        + HIDE
        + f"""

def spoil(made, block):
    if block.start <= {AT} < block.stop:
        made[{AT} - block.start, 1, 2, 1] = {value}
    return made
"""
    )
    values = film(studio, given, node="Bad", **{given: "decoded" if given == "frames" else "anchors"})
    seen = values["nodes"]["out"]["frames"]
    for i, cls in enumerate(then):
        values["nodes"][f"then{i}"] = {"node": cls, "frames": seen}
        seen = f"then{i}"
    values["nodes"]["out"]["frames"] = seen
    refused(studio, store, values, said, f"at frame {AT}")


HIDE = '''
class Hide(Pointwise):
    """Hold colours within 0..1, which makes numbers of what is none."""

    frames: Frames = port("frames")

    @staticmethod
    def pixel(rgb, at):
        return min(1, max(0, rgb[0])), min(1, max(0, rgb[1])), min(1, max(0, rgb[2]))


class Copy(Streamed):
    """Copy."""

    frames: Frames = port("frames")

    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        return frames


class Divide(Pointwise):
    """Divide the right half of a later frame by what may be nothing."""

    frames: Frames = port("frames")
    by: Param = param(0, ge=0, le=1, help="the divisor")

    @staticmethod
    def pixel(rgb, at, by):
        late = at.u > 0.5 and at.frame >= 40
        return rgb[0], rgb[1] / by - rgb[1] / by if late else rgb[1], rgb[2]
'''


@pytest.mark.parametrize("after", [[], ["Hide"], ["Tone", "Hide", "Grain"], ["Copy"]])
@pytest.mark.parametrize("fuse", [True, False])
def test_the_first_pixel_code_that_fails_is_named(
    after: list[str], fuse: bool, packages: Any, studio: Any, store: Any
) -> None:
    packages.install(HIDE)
    values = film(studio, "frames", node="Divide", frames="before")
    values["nodes"]["before"] = {"node": "Tone", "frames": "decoded"}
    seen = "subject"
    for i, cls in enumerate(after):
        values["nodes"][f"after{i}"] = {"node": cls, "frames": seen}
        seen = f"after{i}"
    values["nodes"]["out"]["frames"] = seen
    graph = harness.load(values, studio.folder)
    with pytest.raises(RenderError, match=rf"subject \(Divide\): its frames hold NaN at frame {AT}; finite"):
        harness.codes(graph, store, fuse)
    values["nodes"]["subject"]["by"] = 0.5
    harness.codes(harness.load(values, studio.folder), store, fuse)


def test_a_picture_that_a_dissolve_does_not_show_counts_too(packages: Any, studio: Any, store: Any) -> None:
    packages.install(HIDE)
    values = film(studio, "frames", node="Divide", frames="decoded")
    values["nodes"]["mixed"] = {"node": "Mix", "a": "picture", "b": "subject", "amount": 0}
    values["nodes"]["out"]["frames"] = "mixed"
    refused(studio, store, values, "NaN")


def test_what_decoders_give_is_finite(studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from n2s.runtime.models.folder import SessionDecoder

    decode = SessionDecoder.decode

    def spoilt(self: Any, latents: np.ndarray) -> np.ndarray:
        frames = decode(self, latents)
        frames[:, 2, 40, 50] = np.nan
        return frames

    monkeypatch.setattr(SessionDecoder, "decode", spoilt)
    values = film(studio, "frames", node="Tone", frames="decoded")
    refused(studio, store, values, "its frames hold NaN at frame 0", name="decoded")


def test_large_finite_colours_are_no_error(packages: Any, studio: Any, store: Any) -> None:
    packages.install(STREAMED.format(**FRAMES, expression="np.full_like(made, 3e38)"))
    assert (
        harness.codes(harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder), store).std()
        > 0
    )


@pytest.mark.parametrize(
    "expression",
    ["made[:, :, ::-1, ::-1][:, :, ::-1, ::-1]", "np.asfortranarray(made)",
     "made.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)",
     "np.concatenate([made, made], 3)[:, :, :, :96]", "frames", "frames[:]",
     "np.lib.stride_tricks.as_strided(made, writeable=False)"],
)  # fmt: skip
def test_any_strides_and_aliases_give_the_same_film(expression: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(STREAMED.format(**FRAMES, expression=expression))
    copied = harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder)
    plain = harness.load(film(studio, "frames", node="Tone", frames="decoded"), studio.folder)
    assert harness.codes(copied, store).tobytes() == harness.codes(plain, store).tobytes()


def test_a_node_may_use_its_own_memory_again(packages: Any, studio: Any, store: Any) -> None:
    packages.install('''
class Reuse(Streamed):
    """Give the input in memory that is kept from block to block."""

    latents: Latents = port("latents")

    outputs = LATENTS_OUTPUT

    def open(self, scene, grid):
        return {}

    def compute(self, block, latents):
        memory = block.resources.setdefault("memory", np.zeros((100, *latents.shape[1:]), np.float32))
        memory[: len(latents)] = latents
        return memory[: len(latents)]
''')
    values = film(studio, "latents", node="LatentEMA", latents="middle", half_life=0.02)
    values["nodes"]["middle"] = {"node": "Reuse", "latents": "anchors"}
    reused = harness.codes(harness.load(values, studio.folder), store)
    values["nodes"]["subject"]["latents"] = "anchors"
    assert reused.tobytes() == harness.codes(harness.load(values, studio.folder), store).tobytes()


def test_a_shape_that_changes_from_block_to_block(packages: Any, studio: Any, store: Any) -> None:
    packages.install('''
class Grow(Streamed):
    """Show ever larger pictures."""

    outputs = FRAMES_OUTPUT

    def compute(self, block):
        return np.full((block.count, 3, 32 + block.start, 32), 0.5, np.float32)
''')
    refused(
        studio, store, film(studio, "frames", node="Grow"), "float32 (4, 3, 36, 32) at frame 4", "3x32x32 elsewhere"
    )


WRITER = '''
class Write(Streamed):
    """Write into the input."""

    {port}: {kind} = port("input")
    amount: Param = param(0.5, ge=0, le=1, help="how much")
    signal: Signal = port("a signal")

    outputs = {outputs}

    def compute(self, block, {port}, signal, amount):
        {target}[:] = 0
        return np.zeros_like({port})
'''


@pytest.mark.parametrize(
    ("port", "target"),
    [("frames", "frames"), ("latents", "latents"), ("frames", "amount"), ("frames", "signal"), ("latents", "amount")],
)
def test_nothing_can_be_written_into(port: str, target: str, packages: Any, studio: Any, store: Any) -> None:
    outputs = f"{port.upper()}_OUTPUT"
    file = packages.install(WRITER.format(port=port, kind=port.title(), outputs=outputs, target=target))
    values = film(studio, port, node="Write", signal="ramp", **{port: "decoded" if port == "frames" else "anchors"})
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if "[:] = 0" in text)
    refused(studio, store, values, "compute failed at frames 0 to 3: ValueError: ", "read-only", f"({file}:{line})")
