"""Mistakes in node classes and packages are told where they are made, and stop only what needs them.

All mistakes of a class are one list, and so it is longer than other files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import pytest

from n2s.graph.errors import GraphError
from n2s.graph.registry import node_types, registry

GOOD = '''
class Good(Streamed):
    """Copy."""

    frames: Frames = port("frames")

    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        return frames
'''


def declared(body: str, base: str = "Streamed") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f'class Odd({base}):\n    """Be odd."""\n\n{lines}\n'


PORT = 'frames: Frames = port("frames")\n'
COMPUTE = "def compute(self, block, frames): return frames"
STATIC = "@staticmethod\ndef pixel"
SPREAD = "def spread(self): return Gaussians(np.zeros((1, 1)), np.ones((1, 1)))\n"
WHERE = "@staticmethod\ndef where"
CLASSES = {
    "a default above its range": (PORT + 'a: Param = param(9, ge=-0.9, le=5, help="x")\noutputs = FRAMES_OUTPUT\n'
                                  "def compute(self, block, frames, a): return frames", "Streamed",
                                  "Odd.a: its default is 9, but it must be within -0.9..5, as declared with it"),
    "a default at an open end": (PORT + 'a: float = setting(0.0, gt=0, help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE,
                                 "Streamed", "Odd.a: its default is 0.0, but it must be above 0, as declared with it"),
    "a default that is no number": (PORT + 'a: Param = param(float("nan"), help="x")\noutputs = FRAMES_OUTPUT\n'
                                    "def compute(self, block, frames, a): return frames", "Streamed",
                                    "Odd.a: its default is nan, but it must be finite, as declared with it"),
    "a default with a number out of range": (
        PORT + 'a: list[int] = setting([1, 7], le=5, help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE, "Streamed",
        "Odd.a: its default is 7, but it must be at most 5, as declared with it"),
    "a where without at": (PORT + WHERE + "(x, y): return x, y", "Lens",
                           "Odd.where: it takes no at, the pixel's place: def where(x, y, at, …) ("),
    "a where that is a method": (PORT + "def where(self, x, y, at): return x, y", "Lens",
                                 "Odd.where: a static method was wanted: @staticmethod, def where(x, y, at, …)"),
    "a where of its own picture": (PORT + WHERE + "(x, y, rgb, at): return x, y", "Lens",
                                   "Odd.where: it takes 3 arguments before at; the node has 1 ports, of which "
                                   "the first is shown elsewhere"),
    "a where without the other picture": (PORT + 'by: Frames = port("x")\n' + WHERE + "(x, y, at): return x, y", "Lens",
                                          "Odd.where: it takes 2 arguments before at; the node has 2 ports, of"),
    "a where of unknown numbers": (PORT + WHERE + "(x, y, at, far): return x, y", "Lens",
                                   "Odd.where: it takes far, which is no parameter of the node; there are none ("),
    "a where with defaults": (PORT + WHERE + "(x, y, at=None): return x, y", "Lens",
                              "Odd.where: plain arguments without defaults were wanted ("),
    "a lens without pictures": (WHERE + "(x, y, at): return x, y", "Lens", "Odd.where: the first port of a lens node "
                                "takes Frames"),
    "a lens port of latents": (PORT + 'latents: Latents = port("x")\n' + WHERE + "(x, y, at): return x, y", "Lens",
                               "Odd.latents: a lens node cannot take Latents, only Frames"),
    "two outputs of a lens": (PORT + 'outputs = {"a": Output(FRAMES), "b": Output(FRAMES)}\n' + WHERE
                              + "(x, y, at): return x, y", "Lens", "a lens node has one output, not 2: a, b"),
    "a prepare of a lens that takes too little": (
        PORT + 'amount: Param = param(0, help="x")\ndef prepare(self): return {}\n' + WHERE + "(x, y, at): return x, y",
        "Lens",
        "Odd.prepare: it does not take amount, which is declared (",
    ),
    "a port without a kind": ('frames: int = port("x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE, "Streamed",
                              "Odd.frames: a port is annotated with what it takes, Audio, Signal, Latents, Frames, "
                              "Matte or Films, not int"),
    "an unknown kind of port": ('frames: Frame = port("x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE, "Streamed",
                                "Odd.frames: "),
    "a param without Param": (PORT + 'amount: float = param(0.5, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                              "Odd.amount: a parameter may be driven, so it is annotated with Param, not float"),
    "a setting with Param": (PORT + 'amount: Param = setting(0.5, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                             "Odd.amount: a setting is constant and is annotated with a plain type"),
    "a setting with a kind": (PORT + 'other: Frames = setting(None, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                              "Odd.other: a setting is constant"),
    "a bare field": (PORT + "amount: float = 0.5\noutputs = FRAMES_OUTPUT", "Streamed",
                     "Odd.amount: nothing declares it; use = port(…), param(…) or setting(…)"),
    "a field without a default": (PORT + "amount: float\noutputs = FRAMES_OUTPUT", "Streamed",
                                  "Odd.amount: nothing declares it"),
    "a list as a default": (PORT + "names: list[str] = []\noutputs = FRAMES_OUTPUT", "Streamed",
                            "Odd.names: nothing declares it"),
    "no annotation": (PORT + 'amount = param(0.5, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                      "Odd.amount: it needs an annotation"),
    "a plain attribute": (PORT + "amount = 0.5\noutputs = FRAMES_OUTPUT", "Streamed",
                          "Odd.amount: nothing declares it"),
    **{f"a field named {name}": (PORT + f'{name}: Param = param(0, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                                 f"Odd.{name}: every node has something of this name already")
       for name in ("json", "copy", "schema", "dict", "model_fields", "model_dump", "kind", "links", "outputs_",
                    "params", "digests", "window", "open") if name != "outputs_"},
    "a field named node": (PORT + 'node: int = setting(0, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                           "Odd.node: a graph says the node's type there"),
    "a port named name": ('name: Frames = port("x")\noutputs = FRAMES_OUTPUT', "Streamed",
                          "Odd.name: a call names the node there"),
    "a hidden field": (PORT + '_amount: Param = param(0, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                       "Odd._amount: a port, parameter or setting cannot begin with an underscore"),
    "an unknown kind": (PORT + 'kind = "magic"\noutputs = FRAMES_OUTPUT', "Streamed",
                        "Odd.kind: there is no kind 'magic'"),
    "outputs that are kinds": (PORT + 'outputs = {"frames": FRAMES}', "Streamed", "Odd.outputs: frames is"),
    "outputs in a list": (PORT + "outputs = [Output(FRAMES)]", "Streamed", "Odd.outputs: outputs by name were wanted"),
    "an output of no kind": (PORT + 'outputs = {"frames": Output("Frames")}', "Streamed",
                             "an Output of a kind was wanted"),
    "an output of no name": (PORT + 'outputs = {"my frames": Output(FRAMES)}', "Streamed",
                             "Odd.outputs: 'my frames' is no name"),
    "a number as a name": (PORT + "outputs = {0: Output(FRAMES)}", "Streamed", "Odd.outputs: 0 is no name"),
    "two pointwise outputs": (PORT + 'outputs = {"a": Output(FRAMES), "b": Output(FRAMES)}', "Pointwise",
                              "Odd.outputs: a pointwise node has one output, not 2: a, b"),
    "a compute without a return": (PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, block, frames): frames + 1",
                                   "Streamed", "Odd.compute: it never returns anything; return what it makes ("),
    "a compute that returns None on all ways": (
        PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, block, frames):\n"
        "    if not frames.any():\n        return None\n    return", "Streamed",
        "Odd.compute: it never returns anything; return what it makes ("),
    "compute without its block": (PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, frames): return 0", "Streamed",
                                  "Odd.compute: it takes frames too early; self, block, then frames were"),
    "a pixel function that is awaited": (PORT + "@staticmethod\nasync def pixel(rgb, at): return rgb", "Pointwise",
                                         "Odd.pixel: a plain function that returns its result was wanted ("),
    "a static method with self": (PORT + STATIC + "(self, rgb, at): return rgb", "Pointwise",
                                  "Odd.pixel: a static method takes no self: def pixel(frames, at, …) ("),
    "a range upside down": (PORT + 'a: Param = param(0.5, ge=1, le=0, help="x")\noutputs = FRAMES_OUTPUT', "Streamed",
                            "Odd.a: no number is within 1..0; the lower end comes first"),
    "a misspelt neutral": (PORT + 'nuetral = {"a": 0}\noutputs = FRAMES_OUTPUT', "Streamed",
                           'Odd.nuetral: did you mean "neutral"?'),
    "a misspelt field in neutral": (PORT + 'light: Param = param(0, help="x")\nneutral = {"ligth": 0}\n'
                                    "outputs = FRAMES_OUTPUT\n" + COMPUTE, "Streamed",
                                    "Odd.neutral: 'ligth' is no field of the node; did you mean \"light\"?"),
    "a streamed signal": (PORT + "outputs = SIGNAL_OUTPUT", "Streamed",
                          "Odd.outputs: signal is Signal; a streamed node gives Latents, Frames or Matte"),
    "resident frames": ('signal: Signal = port("x")\noutputs = FRAMES_OUTPUT', "Resident",
                        "Odd.outputs: frames is Frames; a resident node gives Signal or Audio"),
    "a resident port of frames": (PORT + "outputs = SIGNAL_OUTPUT\ndef compute(self, scene, frames): return 0",
                                  "Resident", "Odd.frames: a resident node cannot take Frames, only Signal or Audio"),
    "a streamed port of music": ('audio: Audio = port("x")\n'
        'outputs = FRAMES_OUTPUT\n'
        'def compute(self, block, audio): return 0', "Streamed", "Odd.audio: a streamed node cannot take Audio"),
    "a pointwise port of signals": (PORT + 'signal: Signal = port("x")\n' + STATIC + "(rgb, at): return rgb",
                                    "Pointwise", "Odd.signal: a pointwise node cannot take Signal, only Frames"),
    "pixel code without its picture": ('frames: Frames = port("x", optional=True)\n' + STATIC + "(rgb, at): return rgb",
                                       "Pointwise", "Odd.frames: pixel code needs a picture at every port of Frames"),
    "a port that compute does not take": (PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, block): return 0",
                                          "Streamed", "Odd.compute: it does not take frames, which is declared ("),
    "a param that compute does not take": (
        PORT + 'amount: Param = param(0, help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE,
        "Streamed",
        "Odd.compute: it does not take amount, which is declared (",
    ),
    "what compute takes and nothing gives": (
        PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, block, frames, amount): return 0",
        "Streamed",
        "Odd.compute: it takes amount, which is neither a port nor a parameter; there are frames (",
    ),
    "no block": (PORT + "outputs = FRAMES_OUTPUT\ndef compute(self): return 0", "Streamed",
                 "Odd.compute: it takes 1 arguments"),
    "an optional port without a default": (
        'frames: Frames = port("x", optional=True)\noutputs = FRAMES_OUTPUT\n' + COMPUTE,
        "Streamed",
        "Odd.compute: frames may be left unconnected, so it needs a default: frames=None (",
    ),
    "a static compute": (PORT + "outputs = FRAMES_OUTPUT\n"
        "@staticmethod\n"
        "def compute(block, frames): return frames", "Streamed",
        "Odd.compute: a method was wanted: def compute(self, block, …)"),
    "an async compute": (PORT + "outputs = FRAMES_OUTPUT\nasync def compute(self, block, frames): return frames",
                         "Streamed", "Odd.compute: a plain function that returns its result was wanted ("),
    "a generator": (PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, block, frames): yield frames", "Streamed",
                    "Odd.compute: a plain function"),
    "a pixel without at": (PORT + STATIC + "(rgb): return rgb", "Pointwise",
                           "Odd.pixel: it takes no at, the pixel's place: def pixel(frames, at, …) ("),
    "a pixel that is a method": (PORT + "def pixel(self, rgb, at): return rgb", "Pointwise",
                                 "Odd.pixel: a static method was wanted"),
    "a pixel of two pictures": (PORT + STATIC + "(a, b, at): return a", "Pointwise",
                                "Odd.pixel: it takes 2 pictures before at; the node has 1 ports ("),
    "a pixel of unknown numbers": (PORT + STATIC + "(rgb, at, gain): return rgb", "Pointwise",
                                   "Odd.pixel: it takes gain, which is no parameter of the node; there are none ("),
    "a pixel with defaults": (PORT + STATIC + "(rgb, at=None): return rgb", "Pointwise",
                              "Odd.pixel: plain arguments without defaults were wanted ("),
    "a prepare that takes too little": (
        PORT + 'amount: Param = param(0, help="x")\ndef prepare(self): return {}\n' + STATIC + "(rgb, at): return rgb",
        "Pointwise",
        "Odd.prepare: it does not take amount",
    ),
    "a filter that takes no light": (
        PORT + SPREAD + STATIC + "(rgb, at): return rgb",
        "Filter",
        "Odd.pixel: it takes 1 pictures before at; the node has 1 ports, and soft (",
    ),
    "a spread that takes too little": (
        PORT + 'amount: Param = param(0, help="x")\n' + SPREAD + STATIC + "(rgb, soft, at): return rgb",
        "Filter",
        "Odd.spread: it does not take amount, which is declared (",
    ),
    "a source that is a method": (
        PORT + SPREAD + "def source(self, rgb): return rgb\n" + STATIC + "(rgb, soft, at): return rgb",
        "Filter",
        "Odd.source: a static method was wanted: @staticmethod, def source(rgb, at, …)",
    ),
    "a source of two pictures": (
        PORT + SPREAD + STATIC.replace("pixel", "source") + "(a, b, at): return a\n" + STATIC + "(a, s, at): return a",
        "Filter",
        "Odd.source: it takes the colour of the first picture, then the pixel's place: @staticmethod, def source(rgb",
    ),
    "a source of unknown numbers": (
        PORT + SPREAD + STATIC.replace("pixel", "source") + "(a, at, b): return a\n" + STATIC + "(a, s, at): return a",
        "Filter",
        "Odd.source: it takes b, which is no parameter of the node; there are none (",
    ),
    "a source with defaults": (
        PORT + SPREAD + STATIC.replace("pixel", "source") + "(a, at=1): return a\n" + STATIC + "(a, s, at): return a",
        "Filter",
        "Odd.source: plain arguments without defaults were wanted (",
    ),
    "neutral settings in a list": (PORT + "outputs = FRAMES_OUTPUT\nneutral = [1]", "Streamed",
                                   "Odd.neutral: settings by name were wanted"),
    "a neutral number out of range": (
        PORT + 'a: Param = param(1, ge=1, le=5, help="x")\nneutral = {"a": 0}\n' + STATIC + "(rgb, at, a): return rgb",
        "Pointwise", "Odd.neutral: a is 0, but it must be within 1..5, as declared with it"),
    "a word as a default of a parameter": (
        PORT + 'a: Param = param("big", help="x")\n' + STATIC + "(rgb, at, a): return rgb", "Pointwise",
        "Odd.a: its default is 'big'; a number was wanted"),
    "a word as a default of a number": (
        PORT + 'a: int = setting("big", le=5, help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE, "Streamed",
        "Odd.a: its default is 'big': a whole number was wanted, not 'big'"),
    "a word as a default of a time": (
        PORT + 'a: MusicalTime = setting("soon", help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE, "Streamed",
        "Odd.a: its default is 'soon': "),
}  # fmt: skip

DECLARED = {
    'param(0.5, ge=0, le=1)': "param(…): it needs help",
    'param(0.5, "how much")': "param(…): it needs help; what is given beside the default needs a name, like help=",
    'param(0.5, help="x", units="s")': "param(…): there is no units; it takes help, ge, gt, le, lt or unit",
    'setting(0.5, max=1, help="x")': "setting(…): there is no max; it takes help, ge, gt, le, lt, unit, keyed or",
    "port()": "port(…): it needs help",
    'port("x", default=1)': "port(…): there is no default; it takes optional",
}  # fmt: skip


@pytest.mark.parametrize("call", DECLARED)
def test_what_a_declaration_takes_is_told_with_its_own_line(call: str, packages: Any) -> None:
    file = packages.install(GOOD + "\n\n" + declared(PORT + f"a: Param = {call}"), module="odd_nodes")
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if call in text)
    [broken] = registry().broken
    assert f"odd_nodes cannot be loaded: {file}:{line} {DECLARED[call]}" in broken, broken


@pytest.mark.parametrize("case", CLASSES)
@pytest.mark.filterwarnings("error")
def test_a_mistake_in_a_class_is_one_sentence(case: str, packages: Any, studio: Any) -> None:
    body, base, said = CLASSES[case]
    source = GOOD + "\n\n" + declared(body, base)
    file = packages.install(source, module="odd_nodes", version="2.3")
    broken = registry().broken
    assert len(broken) == 1 and broken[0].startswith("odd-nodes 2.3: odd_nodes cannot be loaded: "), broken
    assert said in broken[0], broken[0]
    found = re.search(rf"{re.escape(str(file))}:(\d+) Odd(?:\.(\w+))?", broken[0])
    assert found, broken[0]
    lines = file.read_text().splitlines()
    begin = next(i for i, text in enumerate(lines) if text.startswith("class Odd"))
    of_field = [i for i in range(begin + 1, len(lines)) if re.match(rf"    (async )?(def )?{found[2]}\b", lines[i])]
    assert int(found[1]) - 1 == (of_field or [begin])[0], broken[0]
    values = harness.surroundings(studio.model) | {"subject": {"node": "Good", "frames": "decoded"}}
    with pytest.raises(
        GraphError,
        match=r'graph.yaml:\d+:\d+  subject: there is no node type "Good".*odd-nodes 2.3: odd_nodes cannot be loaded',
    ):
        harness.load({"n2s": 1, "nodes": values}, studio.folder)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "class Odd(Measure): pass",
            "NameError: name 'Measure' is not defined; from n2s.graph.declare import Measure (odd",
        ),
        ("KIND = FILM", "; from n2s.graph.types import FILM ("),
        ("GAIN = smoothstep(0, 1, 2)", "; from n2s.graph.shader import smoothstep ("),
        ("GAIN = of_nobody", "NameError: name 'of_nobody' is not defined ("),
    ],
)
def test_a_name_that_was_not_imported_is_told_with_its_import(line: str, said: str, packages: Any) -> None:
    file = packages.install(f"{line}\n", module="odd_nodes", version="2.3")
    (told,) = registry().broken
    assert said.replace("(odd", f"({file}") in told, told


RIGHT = {
    "a base without outputs": (
        "class Base(Streamed):\n"
        "    pass\n"
        "\n"
        "\n"
        "class Odd(Base):\n"
        "    'Be odd.'\n"
        "    frames: Frames = port('x')\n"
        "    outputs = FRAMES_OUTPUT\n"
        "    def compute(self, block, frames): return frames\n"
    ),
    "a hidden base": (
        "class _Base(Streamed):\n"
        "    frames: Frames = port('x')\n"
        "    def compute(self, block, frames): return frames\n"
        "\n"
        "\n"
        "class Odd(_Base):\n"
        "    'Be odd.'\n"
        "    outputs = FRAMES_OUTPUT\n"
    ),
    "keywords": declared(
        PORT + 'amount: Param = param(0, help="x")\n'
        "outputs = FRAMES_OUTPUT\n"
        'def compute(self, block, **given): return given["frames"]'
    ),
    "other names": declared(PORT + "outputs = FRAMES_OUTPUT\ndef compute(self, b, frames, scale=2): return frames"),
    "a list as a setting": declared(
        PORT + 'names: list[str] = setting([], help="x")\noutputs = FRAMES_OUTPUT\n' + COMPUTE
    ),
    "a prepared pixel": declared(
        PORT
        + 'amount: Param = param(0, help="x")\ndef prepare(self, amount): return {"gain": amount}\n'
        + STATIC
        + "(rgb, at, gain): return rgb",
        "Pointwise",
    ),
    "a setting named model": declared(
        PORT
        + 'model: str = setting("", help="x")\npath: str = setting("", help="x")\noutputs = FRAMES_OUTPUT\n'
        + COMPUTE
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_stays_possible(case: str, packages: Any) -> None:
    packages.install(RIGHT[case])
    assert registry().notes == []
    assert "Odd" in node_types() and "Base" not in node_types() and "_Base" not in node_types()


@pytest.mark.parametrize(
    ("source", "said"),
    [(declared(PORT + COMPUTE), "it declares no outputs"), (declared(PORT + "outputs = FRAMES_OUTPUT"),
                                                            "it has no compute"),
     (declared("outputs = FRAMES_OUTPUT", "Node"), "it inherits from Node alone"),
     (declared(PORT, "Pointwise"), "it has no pixel"),
     (declared(PORT + STATIC + "(rgb, soft, at): return rgb", "Filter"), "it has no spread")],
)  # fmt: skip
def test_a_class_that_is_no_node_type_yet_is_told(source: str, said: str, packages: Any, studio: Any) -> None:
    packages.install(source + GOOD, module="odd_nodes")
    assert "Good" in node_types() and "Odd" not in node_types()
    assert len(registry().notes) == 1 and registry().notes[0].startswith(
        f"Odd of odd-nodes 1.0 (odd_nodes) is no node type yet: {said}"
    )
    with pytest.raises(GraphError, match=rf"subject: Odd of odd-nodes 1.0 .*{said}"):
        harness.load({"n2s": 1, "nodes": {"subject": {"node": "Odd", "frames": "decoded"}}}, studio.folder)


def test_two_packages_that_define_one_name(packages: Any, studio: Any) -> None:
    packages.install(GOOD + GOOD.replace("Good", "First"), module="a_nodes", version="1.5")
    packages.install(GOOD + GOOD.replace("Good", "Second"), module="b_nodes", version="0.2")
    assert {"First", "Second"} <= node_types().keys() and "Good" not in node_types()
    nodes = harness.surroundings(studio.model)
    nodes |= {
        "subject": {"node": "First", "frames": "decoded"},
        "out": {"node": "DigestSink", "frames": "subject", "path": "f.txt"},
    }
    file = harness.load({"n2s": 1, "nodes": nodes}, studio.folder).path
    assert packages.n2s("check", file).returncode == 0
    listed = packages.n2s("nodes")
    both = "Good is defined by a_nodes of a-nodes 1.5 and by b_nodes of b-nodes 0.2"
    assert listed.returncode == 0 and "Second" in listed.stdout and both in listed.stderr
    file.write_text(file.read_text().replace("First", "Good"))
    done = packages.n2s("check", file, "--json")
    problem = (
        json.loads(done.stdout)["error"][0] if '"error"' in done.stdout else json.loads(done.stdout.splitlines()[0])
    )
    assert done.returncode == 2 and both in json.dumps(problem)
    assert packages.n2s("nodes", "Good").returncode == 2


def test_a_name_of_the_librarys_own_can_be_in_conflict_too(packages: Any, studio: Any) -> None:
    packages.install(GOOD.replace("Good", "Grain"))
    assert "Grain" not in node_types() and "Tone" in node_types()
    assert (
        "n2s.nodes.grain of n2s" in registry().doubled["Grain"]
        and "others_nodes of others-nodes 1.0" in registry().doubled["Grain"]
    )


def test_one_module_registered_twice_is_no_conflict(packages: Any) -> None:
    packages.install("from n2s.nodes import Tone\n" + GOOD, entries=("others_nodes", "others_nodes", "n2s.nodes"))
    assert registry().notes == [] and {"Good", "Tone"} <= node_types().keys()


@pytest.mark.parametrize(
    ("source", "said"),
    [("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"), ("1 / 0", "ZeroDivisionError"),
     ("raise SystemExit(4)", "SystemExit: 4"),
     ("def broken(:", "SyntaxError"), ("raise Exception", "Exception")],
)  # fmt: skip
def test_a_package_that_cannot_be_loaded_stops_what_needs_it(
    source: str, said: str, packages: Any, studio: Any
) -> None:
    file = packages.install(source, module="odd_nodes", version="3.1")
    assert "Tone" in node_types()
    [note] = registry().notes
    assert note.startswith("odd-nodes 3.1: odd_nodes cannot be loaded: ") and said in note and f"({file}:" in note
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "out": {"node": "DigestSink", "frames": "picture", "path": "f.txt"},
    }
    harness.load({"n2s": 1, "duration": 1, "nodes": nodes}, studio.folder)
    nodes["odd"] = {"node": "Odd"}
    with pytest.raises(
        GraphError,
        match='odd: there is no node type "Odd".* It may be in a package that cannot be loaded: odd-nodes 3.1',
    ):
        harness.load({"n2s": 1, "duration": 1, "nodes": nodes}, studio.folder)


def test_a_slip_of_the_pen_in_a_package_is_one_error(packages: Any, studio: Any) -> None:
    source = GOOD + "\n\nclass Tint(Pointwise):\n    amount: Param = param(0.5, help='how much'\n"
    file = packages.install(source, module="odd_nodes", version="3.1", entries=("odd_nodes", "odd_nodes:Tint"))
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if "amount: Param = param(0.5" in text)
    [note] = registry().notes
    reason = f"SyntaxError: '(' was never closed ({file}:{line}). Correct that, or uninstall odd-nodes."
    assert note == f"odd-nodes 3.1: odd_nodes cannot be loaded: {reason}"
    nodes: dict[str, Any] = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "tint": {"node": "Tint", "frames": "picture"},
        "out": {"node": "DigestSink", "frames": "tint", "path": "f.txt"},
    }
    with pytest.raises(GraphError) as one:
        harness.load({"n2s": 1, "duration": 1, "nodes": nodes}, studio.folder)
    [problem] = one.value.problems
    assert problem.text == f'tint: there is no node type "Tint": it is in a package that cannot be loaded. {note}'
    nodes |= {"again": {"node": "Tint", "frames": "tint"}, "more": {"node": "Good", "frames": "again"}}
    nodes["slip"] = {"node": "Tnoe", "frames": "more"}
    with pytest.raises(GraphError) as several:
        harness.load({"n2s": 1, "duration": 1, "nodes": nodes}, studio.folder)
    package, slip = several.value.problems
    assert package.text == f"tint, again, more: their node types are in a package that cannot be loaded. {note}"
    assert slip.text == 'slip: there is no node type "Tnoe". Did you mean "Tone"?'
    assert packages.n2s("nodes", "Tint").stderr.count("SyntaxError") == 1


def test_a_class_without_a_file(tmp_path: Path, studio: Any) -> None:
    code = f"""
from n2s import Graph, render
from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.types import Frames
from n2s.nodes import DigestSink, ImageSource

class Typed(Pointwise):
    '''Copy.'''
    frames: Frames = port("x")
    @staticmethod
    def pixel(rgb, at):
        return rgb[0], rgb[1], rgb[2]

picture = ImageSource(path={str(studio.folder / "picture.png")!r})()
try:
    render(Graph(DigestSink(path="f.txt")(Typed()(picture)), size=(96, 64), duration=0.2), out={str(tmp_path)!r})
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=None)
    assert "RenderError typed (Typed): __main__ lives in no file" in done.stdout, done.stdout + done.stderr
