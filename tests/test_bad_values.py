"""Signals, windows, numbers and pixel code of an author that are not what was wanted."""

from __future__ import annotations

import re
from typing import Any

import harness
import numpy as np
import pytest
from refusing import FRAMES, STREAMED, film, refused

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
    [("(lambda: None)()", "nothing"),
     ("made[:-1]", "float32 (62)"), ("np.append(made, 1)", "(64)"), ("made[None]", "(1, 63)"),
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
    assert_copies(studio, store)


def assert_copies(studio: Any, store: Any) -> None:
    """Check that the node Bad gives its frames as they are, like a neutral Tone."""
    ours, plain = (
        harness.load(film(studio, "frames", node=node, frames="decoded"), studio.folder) for node in ("Bad", "Tone")
    )
    assert harness.codes(ours, store).tobytes() == harness.codes(plain, store).tobytes()


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
    [("{'gian': amount}", "prepare gave gian ({file}:PREPARE); its pixel code takes gain ({file}:PIXEL)."),
     ("(lambda: None)()", "nothing"), ("amount", "float32 (4)"),
     ("{'gain': amount[:2]}", "float32 (2) for gain at frames 0 to 3"),
     ("{'gain': amount[:, None]}", "float32 (4, 1) for gain"), ("{'gain': 'much'}", "a str for gain"),
     ("{'gain': amount + 1j}", "complex64"),
     ("{'gain': None}", "nothing for gain"), ("{'gain': amount / nothing}", "NameError"),
     ("{'gain': [[1], [1, 2]]}", "a list for gain"),
     ("{'gain': amount.fill(1)}", "prepare failed at frames 0 to 3: ValueError"),
     ("{'gain': np.full(4, np.nan)}", "its frames hold NaN at frame 0")],
)  # fmt: skip
def test_prepare_gives_what_pixel_takes(expression: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    file = packages.install(PREPARED.format(expression=expression))
    lines = file.read_text().splitlines()
    for word, begin in {"PREPARE": "    def prepare", "PIXEL": "    @staticmethod"}.items():
        said = said.replace(word, str(next(i for i, line in enumerate(lines, 1) if line.startswith(begin))))
    said = said.replace("{file}", str(file))
    refused(studio, store, film(studio, "frames", node="Bad", frames="decoded"), said)


@pytest.mark.parametrize(
    "expression",
    ["{'gain': 1}", "{'gain': amount * 2}", "{'gain': np.float64(1)}", "{'gain': [1] * len(amount), 'more': 3}"],
)
def test_prepare_may_give_plain_numbers(expression: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(PREPARED.format(expression=expression))
    assert_copies(studio, store)


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
    [("for i in range(3): pass", "has a for loop; pixel code is assignments, if, return and calls"),
     ("return np.sin(rgb[0]), rgb[1], rgb[2]", "uses 'np'"), ("return [x for x in rgb]", "has a list comprehension"),
     ("return rgb[0], rgb[1]", "a tuple of 2; red, green and blue"),
     ("return rgb if at.u > 0.5 else rgb[0]", "cannot be compiled"), ("pass", "has a pass;")],
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
