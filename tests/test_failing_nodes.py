"""Errors in the code of an author: told in one sentence, with the node and its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import pytest
from refusing import film, refused

from n2s.graph.declare import DeclarationError
from n2s.graph.errors import GraphError, N2SError, RenderError

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
