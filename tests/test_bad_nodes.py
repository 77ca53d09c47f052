"""Nodes of others that return what they should not, or fail: one clear error, and never another picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.declare import DeclarationError
from n2s.graph.errors import GraphError, N2SError, RenderError

AT = 40  # a frame in the second chunk


def film(studio: Any, given: str, **spec: Any) -> dict[str, Any]:
    """A graph, as plain data, whose film shows the node ``subject``; ``given`` says what goes into it and comes out."""
    nodes = harness.surroundings(studio.model)
    nodes["subject"] = spec
    seen = "subject"
    if given == "latents":
        nodes["seen"] = {"node": "VAEDecode", "latents": "subject", "model": str(studio.model), "grid": harness.GRID}
        seen = "seen"
    elif given == "signal":
        nodes["seen"] = {"node": "Tone", "frames": "decoded", "exposure": "= clamp(subject, -1, 1)"}
        seen = "seen"
    nodes["out"] = {"node": "DigestSink", "frames": seen, "audio": "track", "path": "frames.txt"}
    return {"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}


def refused(studio: Any, store: Any, values: dict[str, Any], *words: str, name: str = "subject") -> str:
    """Render a film into a RenderError that names the node, its type, its line in the graph, and says these words."""
    graph = harness.load(values, studio.folder)
    with pytest.raises(N2SError) as caught:
        harness.codes(graph, store)
    text = str(caught.value)
    assert type(caught.value) is RenderError, text
    where = next(
        i for i, line in enumerate(graph.path.read_text().splitlines(), 1) if line.strip().startswith(f'"{name}": ')
    )
    assert text.startswith(f"{graph.path}:{where}:"), text
    assert f"{name} ({values['nodes'][name]['node']})" in text
    for word in words:
        assert word in text, text
    return text


STREAMED = '''
class Bad(Streamed):
    """Return something else."""

    {ports}

    outputs = {outputs}

    def compute(self, block, {port}):
        made = {port}.copy()
        return {expression}
'''
FRAMES = {"ports": 'frames: Frames = port("frames")', "outputs": "FRAMES_OUTPUT", "port": "frames"}
LATENTS = {"ports": 'latents: Latents = port("latents")', "outputs": "LATENTS_OUTPUT", "port": "latents"}
WRONG = {
    "None": "nothing",
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
        ("None", "nothing"),
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


RESIDENT = '''
class Bad(Resident):
    """Return something else."""

    signal: Signal = port("a signal")
    amount: Param = param(0.5, ge=0, le=1, help="how much")

    outputs = {outputs}

    def compute(self, scene, signal, amount):
        made = signal.copy()
        return {expression}
'''


@pytest.mark.parametrize(
    ("expression", "said"),
    [("None", "nothing"), ("made[:-1]", "float32 (62)"), ("np.append(made, 1)", "(64)"), ("made[None]", "(1, 63)"),
     ("made[:, None, None]", "(63, 1, 1)"),
     ("made[:, None][:, :0]", "(63, 0)"), ("3.0", "float64 ()"), ("'text'", "a str"),
     ("made.astype(complex)", "complex128"), ("made.astype(object)", "object"),
     ("[[1], [1, 2]] + [[1]] * 61", "a list"), ("[None] * 63", "a list"), ("made.astype(str)", "<U32"),
     ("np.where(np.arange(63) == 40, np.nan, made)", "no finite number at frame 40"),
     ("made + 1e39", "no finite number at frame 0"), ("made / 0", "no finite number at frame"),
     ("{'other': made}", "nothing for signal and other, which it does not declare"),
     ("{'signal': made, 'more': made}", "more, which it does not declare"), ("{}", "nothing for signal"),
     ("np.ma.masked_less(made, 0.5)", "masked"),
     ("np.arange('2020', '2083', dtype='M8[Y]')", "datetime64"), ("(made, made)", "float32 (2, 63)"),
     ("signal.sort()", "ValueError"), ("amount.fill(1)", "ValueError")],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_signal_is_a_row_for_each_frame(expression: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(RESIDENT.format(outputs="SIGNAL_OUTPUT", expression=expression))
    refused(studio, store, film(studio, "signal", node="Bad", signal="ramp"), said)


@pytest.mark.parametrize(
    "expression",
    [
        "made.tolist()",
        "made.astype(np.float64)",
        "made > 0.5",
        "(made * 9).astype(np.uint8)",
        "made[::-1]",
        "signal",
        "made[:, None]",
        "{'signal': made}",
    ],
)
def test_what_can_be_a_signal_is_one(expression: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(RESIDENT.format(outputs="SIGNAL_OUTPUT", expression=expression))
    values = harness.plan(harness.load(film(studio, "signal", node="Bad", signal="ramp"), studio.folder), store).values
    signal = values.outputs["subject", "signal"]
    assert signal.dtype == np.float32 and len(signal) == 63 and not signal.flags.writeable


@pytest.mark.parametrize(
    ("expression", "said"),
    [("made", "float32 (63)"), ("np.stack([made] * 2, 1)", "float32 (63, 2)"), ("np.stack([made] * 4, 1)", "(63, 4)")],
)
def test_declared_columns_are_kept(expression: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(RESIDENT.format(outputs='{"signal": Output(SIGNAL, "three", columns=3)}', expression=expression))
    values = film(studio, "signal", node="Bad", signal="ramp")
    values["nodes"]["seen"]["exposure"] = "= clamp(subject.1, -1, 1)"
    refused(studio, store, values, said, "a row of numbers of 3 columns for each of 63 frames was wanted")


def test_several_outputs_are_all_there(packages: Any, studio: Any, store: Any) -> None:
    outputs = '{"low": Output(SIGNAL, "low"), "high": Output(SIGNAL, "high")}'
    packages.install(RESIDENT.format(outputs=outputs, expression='{"low": made}'))
    values = film(studio, "signal", node="Bad", signal="ramp")
    values["nodes"]["seen"]["exposure"] = "subject.low"
    refused(studio, store, values, "nothing for high; its outputs are low, high")
    packages.install(RESIDENT.format(outputs=outputs, expression="made").replace("Bad", "Worse"), module="more_nodes")
    values["nodes"]["subject"]["node"] = "Worse"
    refused(studio, store, values, "its outputs by name were wanted: low, high")


def test_music_is_a_handle(packages: Any, studio: Any, store: Any) -> None:
    packages.install('''
class Hum(Resident):
    """Give what is no music."""

    outputs = {"audio": Output(AUDIO, "music")}

    def compute(self, scene):
        return np.zeros(1000, np.float32)
''')
    values = film(studio, "frames", node="Hum")
    values["nodes"]["out"] |= {"audio": "subject", "frames": "decoded"}
    refused(studio, store, values, "float32 (1000); music was wanted", "it needs a digest and a read")


@pytest.mark.parametrize(
    ("window", "said"),
    [("-1, 0", "-1, 0 frames before and after"), ("0, 10**9", "within 0..100000"), ("1.5, 0", "(1.5, 0)"),
     ("True, 0", "(True, 0)"), ("None", "None"),
     ("3", "3"), ("1, 2, 3", "(1, 2, 3)"), ("'a', 'b'", "two whole numbers"), ("float('nan'), 0", "nan"),
     ("1 // 0, 0", "window failed: ZeroDivisionError"),
     ("90000, 0", "its window of 90000 frames before and 0 after holds")],
)  # fmt: skip
def test_a_window_is_two_numbers_of_frames(window: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(
        STREAMED.format(**FRAMES, expression="frames[: block.count]")
        + f"""
    def window(self, fps):
        return {window}
"""
    )
    refused(studio, store, film(studio, "frames", node="Bad", frames="decoded"), said)


def test_a_window_is_asked_for_once(packages: Any, studio: Any, store: Any) -> None:
    packages.install(
        STREAMED.format(**FRAMES, expression="frames[-block.count :]")
        + """
    def window(self, fps):
        COUNT.append(1)
        return len(COUNT), 0


COUNT = []
"""
    )
    copied = harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder)
    plain = harness.load(film(studio, "frames", node="Tone", frames="decoded"), studio.folder)
    assert harness.codes(copied, store).tobytes() == harness.codes(plain, store).tobytes()


PREPARED = '''
class Bad(Pointwise):
    """Prepare something else."""

    frames: Frames = port("frames")
    amount: Param = param(0.5, ge=0, le=1, help="how much")

    def prepare(self, amount):
        return {expression}

    @staticmethod
    def pixel(rgb, at, gain):
        return rgb[0] * gain, rgb[1] * gain, rgb[2] * gain
'''


@pytest.mark.parametrize(
    ("expression", "said"),
    [("{'gian': amount}", "prepare gave gian; its pixel code takes gain"),
     ("None", "nothing"), ("amount", "float32 (4)"),
     ("{'gain': amount[:2]}", "float32 (2) for gain at frames 0 to 3"),
     ("{'gain': amount[:, None]}", "float32 (4, 1) for gain"), ("{'gain': 'much'}", "a str for gain"),
     ("{'gain': amount + 1j}", "complex64"),
     ("{'gain': None}", "nothing for gain"), ("{'gain': amount / nothing}", "NameError"),
     ("{'gain': [[1], [1, 2]]}", "a list for gain"),
     ("{'gain': amount.fill(1)}", "prepare failed at frames 0 to 3: ValueError"),
     ("{'gain': np.full(4, np.nan)}", "its frames hold NaN at frame 0")],
)  # fmt: skip
def test_prepare_gives_what_pixel_takes(expression: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(PREPARED.format(expression=expression))
    refused(studio, store, film(studio, "frames", node="Bad", frames="decoded"), said)


@pytest.mark.parametrize(
    "expression",
    ["{'gain': 1}", "{'gain': amount * 2}", "{'gain': np.float64(1)}", "{'gain': [1] * len(amount), 'more': 3}"],
)
def test_prepare_may_give_plain_numbers(expression: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(PREPARED.format(expression=expression))
    bad = harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder)
    plain = harness.load(film(studio, "frames", node="Tone", frames="decoded"), studio.folder)
    assert harness.codes(bad, store).tobytes() == harness.codes(plain, store).tobytes()


PIXEL = '''
class Bad(Pointwise):
    """Fail to compile."""

    frames: Frames = port("frames")

    @staticmethod
    def pixel(rgb, at):
        {code}
'''


@pytest.mark.parametrize(
    ("code", "said"),
    [("for i in range(3): pass", "has a For, which has no place in pixel code"),
     ("return np.sin(rgb[0]), rgb[1], rgb[2]", "uses 'np'"), ("return [x for x in rgb]", "has a ListComp"),
     ("return rgb[0], rgb[1]", "cannot be compiled"), ("return rgb[0]", "cannot be compiled"),
     ("return rgb[0].real, rgb[7], rgb[2]", "cannot be compiled"),
     ("return rgb + 1, rgb[1], rgb[2]", "cannot be compiled"), ("return at.colour, rgb[1], rgb[2]",
                                                                "cannot be compiled"), ("pass", "has a Pass")],
)  # fmt: skip
def test_pixel_code_that_cannot_be_compiled(code: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    file = packages.install(PIXEL.format(code=code))
    values = film(studio, "frames", node="Bad", frames="before")
    values["nodes"] |= {
        "before": {"node": "Tone", "frames": "decoded"},
        "after": {"node": "Grain", "frames": "subject"},
    }
    values["nodes"]["out"]["frames"] = "after"
    text = refused(studio, store, values, said)
    assert re.search(rf"{re.escape(str(file))}:\d+", text), text


FAILING = '''
class Fail(Streamed):
    """Fail."""

    frames: Frames = port("frames")
    where: str = setting("", help="where")

    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return fail(self.where == "window") or (0, 0)

    def open(self, scene, grid):
        return fail(self.where == "open")

    def digests(self, scene):
        return fail(self.where == "digests") or {}

    def compute(self, block, frames):
        fail(self.where == "compute" and block.start >= 40)
        return frames


def fail(now):
    if now:
        raise {error}


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Rude(BaseException):
    pass
'''


@pytest.mark.parametrize("where", ["window", "open", "digests", "compute"])
@pytest.mark.parametrize("error", ['KeyError("red")', "SystemExit(3)", "Mute()", "GeneratorExit()", 'Rude("no")'])
def test_a_failing_node_is_told_in_one_sentence(where: str, error: str, packages: Any, studio: Any, store: Any) -> None:
    file = packages.install(FAILING.replace("{error}", error))
    values = film(studio, "frames", node="Fail", frames="decoded", where=where)
    if where == "digests":
        with pytest.raises(RenderError) as caught:
            harness.keys(harness.load(values, studio.folder), store)
        text = str(caught.value)
    else:
        text = refused(studio, store, values)
    line = next(
        i
        for i, words in enumerate(file.read_text().splitlines(), 1)
        if "raise " in words and "RuntimeError" not in words
    )
    frames = " at frames 40 to 43" if where == "compute" else ""
    kind = error.partition("(")[0]
    assert f"subject (Fail): {where} failed{frames}: {kind}" in text and f"({file}:{line})" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "error", ["KeyboardInterrupt()", "Cancelled()", 'ProviderExhausted("full")', 'MediaError("no picture")']
)
def test_what_is_no_mistake_passes_through(error: str, packages: Any, studio: Any, store: Any) -> None:
    imports = (
        "from n2s.graph.errors import Cancelled, MediaError\n"
        "from n2s.runtime.models.sessions import ProviderExhausted\n"
    )
    packages.install(imports + FAILING.replace("{error}", error))
    graph = harness.load(film(studio, "frames", node="Fail", frames="decoded", where="compute"), studio.folder)
    with pytest.raises(BaseException, match="full|no picture|^$") as caught:
        harness.codes(graph, store)
    assert type(caught.value).__name__ == error.partition("(")[0]


def test_the_whole_traceback_is_there_for_the_asking(packages: Any, studio: Any, tmp_path: Path) -> None:
    packages.install(FAILING.replace("{error}", 'KeyError("red")'))
    values = film(studio, "frames", node="Fail", frames="decoded", where="compute")
    file = harness.load(values, studio.folder).path
    arguments = ("run", file, "--out", tmp_path / "out", "--store", tmp_path / "store")
    done = packages.n2s(*arguments)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"{file}:") and "N2S_TRACEBACK=1" in done.stderr
    log = next((tmp_path / "out").glob("*/run.log")).read_text()
    assert "Traceback" in log and "in fail" in log
    shown = packages.n2s(*arguments, N2S_TRACEBACK="1").stderr
    assert "Traceback" in shown and "in fail" in shown and "KeyError: 'red'" in shown
    told = packages.n2s(*arguments, "--json").stdout.splitlines()[-1]
    problem = json.loads(told)["error"][0]
    assert (
        problem["file"] == str(file)
        and problem["line"]
        and problem["text"].startswith("subject (Fail): compute failed")
    )


def test_a_component_that_is_not_there_is_a_problem_of_the_graph(studio: Any, store: Any) -> None:
    values = film(studio, "signal", node="Constant", value=1)
    values["nodes"]["seen"]["exposure"] = "weights.7"
    with pytest.raises(N2SError, match=r'seen.exposure: "weights.7" names no component; weights has components 0 to 2'):
        harness.codes(harness.load(values, studio.folder), store)
    values["nodes"]["anchors"]["weights"] = "ramp.0"
    with pytest.raises(N2SError, match=r'anchors.weights: "ramp.0" names no component; ramp has no components'):
        harness.codes(harness.load(values, studio.folder), store)


def test_pictures_and_anchors_are_shared_and_cannot_be_written_into(packages: Any, studio: Any, store: Any) -> None:
    packages.install('''
class Own(Streamed):
    """Spoil what all nodes share."""

    path: str = setting("", help="a picture, or an anchor")
    model: str = setting("", help="the model")

    outputs = FRAMES_OUTPUT

    def open(self, scene, grid):
        from pathlib import Path
        context = scene.context
        shared = context.image(scene.path(self.path)) if self.path else context.model(Path(self.model)).anchor("red")
        shared[:] = 0

    def compute(self, block):
        return np.zeros((block.count, 3, 8, 8), np.float32)
''')
    refused(
        studio, store, film(studio, "frames", node="Own", path="picture.png"), "open failed: ValueError: ", "read-only"
    )
    refused(
        studio,
        store,
        film(studio, "frames", node="Own", model=str(studio.model)),
        "open failed: ValueError: ",
        "read-only",
    )


# Errors of this library that name no place


PLACED = [
    ('GraphError("no way")', GraphError, "no way"),
    ('GraphError("one\\ntwo")', GraphError, "one\ntwo"),
    ("GraphError([])", GraphError, "GraphError"),
    ('GraphError(["as text"])', GraphError, "as text"),
    ('GraphError([Problem(None, "first"), Problem(None, "second")])', GraphError, "second"),
    ('Own("mine", 7)', GraphError, "mine"),
    ("Fail(frames='decoded', where=3)", DeclarationError, "Fail.where: text was wanted"),
]


@pytest.mark.parametrize("where", ["window", "open", "digests", "compute"])
@pytest.mark.parametrize(("error", "base", "words"), PLACED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_problem_of_the_graph_gets_the_place_of_its_node(
    where: str, error: str, base: type, words: str, packages: Any, studio: Any, store: Any
) -> None:
    packages.install("from n2s.graph.errors import GraphError, Problem\n" + FAILING.replace("{error}", error) + OWN)
    graph = harness.load(film(studio, "frames", node="Fail", frames="decoded", where=where), studio.folder)
    with pytest.raises(N2SError) as caught:
        (harness.keys if where == "digests" else harness.codes)(graph, store)
    line = next(i for i, text in enumerate(graph.path.read_text().splitlines(), 1) if '"subject": ' in text)
    assert isinstance(caught.value, base) and caught.value.exit_status == 2
    told = "\n".join(str(problem) for problem in caught.value.problems)
    assert str(caught.value) == told and words in told
    assert all(
        str(problem).startswith(f"{graph.path}:{line}:") and "  subject (Fail): " in str(problem)
        for problem in caught.value.problems
    )
    if "Own" in error:
        assert type(caught.value).__name__ == "Own" and caught.value.number == 7


OWN = """

class Own(GraphError):
    def __init__(self, text, number):
        Exception.__init__(self, text)
        self.number = number
"""


def test_a_problem_that_names_its_place_stays_as_it_is(packages: Any, studio: Any, store: Any) -> None:
    error = 'GraphError([Problem(Position("notes.txt", 3, 1), "no way")])'
    packages.install("from n2s.graph.errors import GraphError, Position, Problem\n" + FAILING.replace("{error}", error))
    graph = harness.load(film(studio, "frames", node="Fail", frames="decoded", where="compute"), studio.folder)
    with pytest.raises(GraphError) as caught:
        harness.codes(graph, store)
    assert str(caught.value) == "notes.txt:3:1  no way"


def test_times_that_do_not_rise_in_the_tempo_of_the_track_are_told_with_their_node(studio: Any, store: Any) -> None:
    values = film(studio, "signal", node="Keyframes", points=[[0, 0], ["8 beats", 1], [5, 0]]) | {"tempo": 60}
    graph = harness.load(values, studio.folder)
    with pytest.raises(GraphError) as caught:
        harness.codes(graph, store)
    line = next(i for i, text in enumerate(graph.path.read_text().splitlines(), 1) if '"subject": ' in text)
    told = str(caught.value)
    assert (
        told.startswith(f"{graph.path}:{line}:")
        and "  subject (Keyframes): points: at 60 beats per minute, times must rise" in told
    )


# What nodes say before they run


HOOKED = '''
class Hooked(Resident):
    """Say something of itself."""

    signal: Signal = port("what goes through")
    model: str | None = setting(None, help="a model")

    outputs = SIGNAL_OUTPUT

    def {hook}
        {code}

    def compute(self, scene, signal):
        return signal


class Rude(BaseException):
    pass
'''
HOOKS = {
    "wanted_columns": "wanted_columns(self):",
    "signal_columns": "signal_columns(self, output, inputs):",
    "check_model": "check_model(self, model):",
}


def hooked(hook: str, code: str) -> str:
    source = HOOKED.replace("{hook}", HOOKS[hook]).replace("{code}", code)
    return "from n2s.graph.declare import FolderPath\n" + source.replace(
        "model: str | None", "model: FolderPath | None"
    )


@pytest.mark.parametrize(
    ("hook", "code", "said"),
    [(hook, f"raise {error}", f"{hook} failed: {said}") for hook in HOOKS
     for error, said in (('KeyError("red")', "KeyError: 'red'"), ("GeneratorExit()", "GeneratorExit"),
                         ('Rude("no")', "Rude: no"))]
    + [("wanted_columns", f"return {value}", said) for value, said in (
        ("None", "wanted_columns gave None"), ("[('signal', 3)]", "wanted_columns gave [('signal', 3)]"),
        ("{'signal': 3}", "gave 3 for signal"),
        ("{'signal': ('3', 'why')}", "gave ('3', 'why') for signal"), ("{'signal': (True, 'why')}",
                                                                       "gave (True, 'why') for signal"),
        ("{'signal': (3, None)}", "gave (3, None) for signal"), ("{'signal': (0, 'why')}",
                                                                 "gave (0, 'why') for signal"),
        ("{'signal': (-1, 'why')}", "gave (-1, 'why') for signal"), ("{'signal': (1.5, 'why')}",
                                                                     "gave (1.5, 'why') for signal"),
        ("{'weights': (3, 'why')}", "speaks of 'weights', which is no port; there are signal"),
        ("{3: (3, 'why')}", "speaks of 3"),
        ("{'model': (3, 'why')}", "speaks of 'model'"), ("{'signal': (1, 'why', 2)}", "gave (1, 'why', 2) for signal"),
        ("{'signal': (3, 'why')} if self.signal.nothing else {}", "failed: AttributeError"),
    )]
    + [("signal_columns", f"return {value}", said) for value, said in (
        ("'3'", "signal_columns gave '3' for signal"), ("-1", "gave -1"), ("2.0", "gave 2.0"), ("True", "gave True"),
        ("(3,)", "gave (3,)"),
        ("'\\ud800'", "gave '\\ud800'"), ("'x' * 5000", "gave 'xxx"), ("inputs['nothing']",
                                                                       "failed: KeyError: 'nothing'"),
    )]
    + [("check_model", f"return {value}", said) for value, said in (
        ("None", "check_model gave None"), ("'no'", "check_model gave 'no'"), ("['no']", "gave 'no'"),
        ("[('model', 'no')]", "gave ('model', 'no')"),
        ("[((), 'no')]", "gave ((), 'no')"), ("[(('nothing',), 'no')]", "gave (('nothing',), 'no')"),
        ("[(('model',), None)]", "gave (('model',), None)"),
        ("[((None,), 'no')]", "gave ((None,), 'no')"), ("3", "gave 3"), ("iter([3])", "gave 3"),
        ("(1 / 0 for _ in 'a')", "failed: ZeroDivisionError"),
        ("[(('model',), model.nothing)]", "failed: AttributeError"),
    )],
    ids=str,
)  # fmt: skip
def test_what_a_node_says_of_itself_is_looked_at_by_the_check(
    hook: str, code: str, said: str, packages: Any, studio: Any, n2s: Any
) -> None:
    packages.install(hooked(hook, code))
    values = film(studio, "signal", node="Hooked", signal="ramp", model=str(studio.model))
    graph = harness.load(values, studio.folder)
    line = next(i for i, text in enumerate(graph.path.read_text().splitlines(), 1) if '"subject": ' in text)
    for command in ("check", "plan"):
        status, _, err = n2s(command, graph.path)
        told = [text for text in err.splitlines() if not text.startswith("warning")]
        assert status == 1 and len(told) == 1 and "Traceback" not in err, err
        assert told[0].startswith(f"{graph.path}:{line}:") and "  subject (Hooked): " in told[0] and said in told[0], (
            err
        )
        assert len(told[0]) < 1000


@pytest.mark.parametrize(
    ("hook", "code"),
    [("wanted_columns", "return {'signal': [np.int64(1), 'why']}"), ("signal_columns", "return np.int32(0)"),
     ("signal_columns", "return None"),
     ("check_model", "return iter(())"), ("check_model", "return ()"), ("check_model", "yield ['model'], ''")],
)  # fmt: skip
def test_what_a_node_may_say_of_itself(hook: str, code: str, packages: Any, studio: Any, n2s: Any) -> None:
    packages.install(hooked(hook, code))
    graph = harness.load(film(studio, "signal", node="Hooked", signal="ramp", model=str(studio.model)), studio.folder)
    assert n2s("check", graph.path)[0] == 0


@pytest.mark.parametrize(
    "value", ["{'file': '\\ud800'}", "{'\\udfff': 'file'}", "None", "{'file': 3}", "{'file': b'a'}", "['file']"]
)
def test_digests_are_texts(value: str, packages: Any, studio: Any, n2s: Any) -> None:
    packages.install(
        STREAMED.format(**FRAMES, expression="made")
        + f"""
    def digests(self, scene):
        return {value}
"""
    )
    graph = harness.load(film(studio, "frames", node="Bad", frames="decoded"), studio.folder)
    for command in ("plan", "run"):
        status, _, err = n2s(command, graph.path)
        assert status == 1 and "Traceback" not in err
        assert "subject (Bad): digests gave " in err and "texts by name were wanted" in err


VALIDATED = '''
from pydantic import field_validator, model_validator


class Checked(Resident):
    """Look at its settings."""

    signal: Signal = port("what goes through")
    amount: float = setting(0.5, ge=0, le=1, help="how much")

    outputs = SIGNAL_OUTPUT

    @field_validator("amount")
    @classmethod
    def _look(cls, amount):
        if amount > 0.7:
            raise {error}
        return amount

    @model_validator(mode="after")
    def _look_at_all(self):
        if self.amount < 0.3:
            raise {error}
        return self

    def compute(self, scene, signal):
        return signal


class Rude(BaseException):
    pass
'''


@pytest.mark.parametrize("amount", [0.9, 0.1])
@pytest.mark.parametrize("error", ['KeyError("red")', "GeneratorExit()", 'Rude("no")', "ZeroDivisionError"])
def test_a_validator_that_fails_is_told_by_the_check(
    error: str, amount: float, packages: Any, studio: Any, n2s: Any
) -> None:
    file = packages.install(VALIDATED.replace("{error}", error))
    values = film(studio, "signal", node="Checked", signal="ramp", amount=amount)
    path = studio.folder / "graph.yaml"
    path.write_text(json.dumps(values, indent=1))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"subject": ' in text)
    status, _, err = n2s("check", path)
    assert status == 2 and len(err.splitlines()) == 1, err
    assert (
        err.startswith(f"{path}:{line}:")
        and f"  subject (Checked): its settings cannot be looked at: {error.partition('(')[0]}" in err
    )
    assert f"({file}:" in err
