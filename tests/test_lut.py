"""Lut and the .cube files it reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s import Graph
from n2s.graph.errors import GraphError
from n2s.nodes import AudioSource, DigestSink, ImageSource, Lut
from n2s.nodes.cubefile import CubeError, read_cube_file
from n2s.plan.film import towards
from n2s.runtime.render.frames import FrameMaker

SAME = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"  # the identity of two steps


def identity(r: float, g: float, b: float) -> tuple[float, float, float]:
    return r, g, b


def graded(path: Path, studio: Any, **settings: Any) -> Graph:
    picture = Lut(path=str(path), **settings)(ImageSource(path="picture.png")(name="picture"), name="graded")
    sink = DigestSink(path="frames.txt")(picture, AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), base=studio.folder)


def frame(graph: Graph, store: Any, name: str = "graded") -> np.ndarray:
    return harness.frames(graph, store, name, [(0, 1)])[0]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_read_red_fastest(tmp_path: Path) -> None:
    tiny.write_cube(tmp_path / "a.cube", 4, lambda r, g, b: (r, 0.5 * g, b * b))
    found = read_cube_file(tmp_path / "a.cube")
    step = np.linspace(0, 1, 4)
    r, g, b = np.meshgrid(step, step, step, indexing="ij")
    np.testing.assert_allclose(found.colours, np.stack([r, 0.5 * g, b * b], axis=-1), atol=1e-9)
    assert (found.low, found.high) == ((0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "LUT_3D_SIZE 2\n" + SAME,
        "LUT_3D_SIZE 2\n" + SAME.rstrip(),
        'TITLE "a # look"\n# by nobody\n\nLUT_3D_SIZE\t2 # steps\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1.0 1 1e0\n\n' + SAME,
        ('\ufeffTITLE "l\'été"\nLUT_3D_SIZE 2\n' + SAME).replace("\n", "\r\n"),
        ("LUT_3D_SIZE 2\n" + SAME).replace("\n", "\r"),
        "LUT_3D_SIZE\t2\n" + SAME.replace(" ", "\t ").replace("0", "0.0e-3"),
        b'TITLE "\xff\xfe"\nLUT_3D_SIZE 2\n' + SAME.encode(),
    ],
    ids=["plain", "no last newline", "comments", "mark and CRLF", "CR", "tabs", "no UTF-8"],
)
def test_ways_to_write_one(text: str | bytes, tmp_path: Path) -> None:
    found = read_cube_file(write(tmp_path / "a.cube", text))
    assert found.colours.shape == (2, 2, 2, 3) and found.colours[1, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "LUT_3D_SIZE is missing"),
        ("LUT_3D_SIZE 2\n" + SAME[6:], 8, "the file ends after 7 rows of numbers; 8 rows were wanted"),
        ("LUT_3D_SIZE 2\n" + SAME + "0 0 0\n", 10, "there are more than the 8 rows that LUT_3D_SIZE asks for"),
        ("LUT_3D_SIZE 2\n\n\n", 1, "the file ends before its first row of numbers"),
        ("LUT_3D_SIZE 1\n" + SAME, 1, 'LUT_3D_SIZE is "1"; 2 to 129 was wanted'),
        ("LUT_3D_SIZE 130\n" + SAME, 1, "2 to 129 was wanted"),
        ("LUT_3D_SIZE 99999999999999999999\n", 1, "2 to 129 was wanted"),
        ("LUT_3D_SIZE -2\n", 1, "2 to 129 was wanted"),
        ("LUT_3D_SIZE ²\n", 1, "2 to 129 was wanted"),
        ("LUT_3D_SIZE\n", 1, "2 to 129 was wanted"),
        ("LUT_3D_SIZE 2\nLUT_3D_SIZE 2\n", 2, "LUT_3D_SIZE stands twice"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n", 1, "LUT_1D_SIZE is not read"),
        ("LUT_1D_INPUT_RANGE 0 1\nLUT_3D_SIZE 2\n", 1, "LUT_1D_INPUT_RANGE is not read"),
        ("LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1 2\n", 2, "two numbers were wanted"),
        ("LUT_3D_INPUT_RANGE 1 0\nLUT_3D_SIZE 2\n" + SAME, 1, "begins at 1, which is not below its end, 0"),
        ("DOMAIN_MAX 1 1 2\nLUT_3D_INPUT_RANGE 0 1\n", 2,
         "DOMAIN_MAX would be (1.0, 1.0, 1.0), and by DOMAIN_MAX of line 1 it is (1.0, 1.0, 2.0)"),
        ("LUT_3D_INPUT_RANGE 0 1\nDOMAIN_MIN 0 0 -1\n", 2, "and by LUT_3D_INPUT_RANGE of line 1 it is (0.0, 0.0, 0.0)"),
        ("DOMAIN_MIN 0 0 0\nDOMAIN_MIN 0 0 -1\n", 2, "by DOMAIN_MIN, DOMAIN_MIN would be (0.0, 0.0, -1.0)"),
        ("0 0 0\nLUT_3D_SIZE 2\n", 1, "numbers come before LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0\n", 2, '"0 0" was read; three numbers were wanted'),
        ("LUT_3D_SIZE 2\n0 0 0 0\n", 2, "three numbers were wanted"),
        ("LUT_3D_SIZE 2\n0 0 1_0\n", 2, "three numbers were wanted"),
        ("LUT_3D_SIZE 2\n0 0 nan\n", 2, "finite numbers within a million were wanted"),
        ("LUT_3D_SIZE 2\nnan 0 0\n", 2, "finite numbers within a million were wanted"),
        ("LUT_3D_SIZE 2\n0 0 -1e999\n", 2, "finite numbers within a million were wanted"),
        ("LUT_3D_SIZE 2\n0 0 2e6\n", 2, "finite numbers within a million were wanted"),
        ("LUT_3D_SIZE 2\n0 0 0\nDOMAIN_MAX 1 1 1\n", 3, '"DOMAIN_MAX 1 1 1" stands among the numbers'),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 0 0\n" + SAME, 2, "DOMAIN_MIN (1.0, 0.0, 0.0) is not below DOMAIN_MAX"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN a b c\n", 2, '"a b c" was read; three numbers were wanted'),
        ("<html>\n" * 9, 1, "numbers come before LUT_3D_SIZE"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), 1, "numbers come before LUT_3D_SIZE"),
        ("x" * 100_000, 1, "is nothing that a .cube has"),
    ],
)  # fmt: skip
def test_files_that_are_none_are_refused_with_their_line(
    text: str | bytes, line: int, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.cube", text)
    with pytest.raises(CubeError) as error:
        read_cube_file(path)
    message = str(error.value)
    assert said in message
    assert message.startswith(f"{path}:{line}: ") and len(message) < 300 + len(str(path))
    assert message.isprintable() and message.endswith("Export the look again as a 3D .cube.")


def test_a_range_in_the_words_of_davinci_resolve(tmp_path: Path) -> None:
    agreeing = "DOMAIN_MIN -0.5 -0.5 -0.5\n"
    for text in ("", agreeing):
        path = write(tmp_path / "a.cube", f"{text}LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE -0.5 2\n{SAME}")
        found = read_cube_file(path)
        assert (found.low, found.high) == ((-0.5,) * 3, (2.0,) * 3)


def test_a_vast_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.cube", "LUT_3D_SIZE 2\n")
    os.truncate(path, 2 << 30)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(CubeError, match="has 2048 MiB; .* Export it with at most 129 steps"):
        read_cube_file(path)


def test_an_identity_gives_the_picture(studio: Any, store: Any, tmp_path: Path) -> None:
    tiny.write_cube(tmp_path / "same.cube", 33, identity)
    graph = graded(tmp_path / "same.cube", studio)
    picture = frame(graph, store, "picture")
    assert picture.min() < 0  # resampled; the table holds 0..1
    np.testing.assert_allclose(frame(graph, store), np.clip(picture, 0, 1), atol=3e-7)
    off = graded(tmp_path / "same.cube", studio, strength=0)
    assert frame(off, store).tobytes() == frame(off, store, "picture").tobytes()


@pytest.mark.parametrize(("low", "high"), [((0, 0, 0), (1, 1, 1)), ((0.2, -1, 0), (0.7, 3, 0.5))])
def test_a_linear_look_against_its_formula(low: Any, high: Any, studio: Any, store: Any, tmp_path: Path) -> None:
    head = "".join(f"DOMAIN_{name} {' '.join(map(str, values))}\n" for name, values in (("MIN", low), ("MAX", high)))
    tiny.write_cube(tmp_path / "a.cube", 7, lambda r, g, b: (0.3 * r + 0.7 * g, 1 - b, 0.5 + 0.2 * r), head)
    graph = graded(tmp_path / "a.cube", studio, strength=0.4)
    picture = frame(graph, store, "picture").astype(float)
    low, high = (np.array(values, float)[:, None, None] for values in (low, high))
    r, g, b = np.clip((picture - low) / (high - low), 0, 1)
    look = np.stack([0.3 * r + 0.7 * g, 1 - b, 0.5 + 0.2 * r])
    light = picture * abs(picture)
    wanted = light + (look * abs(look) - light) * 0.4
    np.testing.assert_allclose(frame(graph, store), np.sign(wanted) * np.sqrt(abs(wanted)), atol=1e-5)


def test_a_broken_file_is_told_with_the_node(studio: Any, store: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.cube", "LUT_3D_SIZE 2\n0 0\n")
    with pytest.raises(GraphError, match=r"graded \(Lut\): .*a.cube:2: \"0 0\" was read; three numbers were wanted"):
        frame(graded(path, studio), store)


def test_what_was_read_serves_other_plans_of_the_same_file(
    studio: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_cube(tmp_path / "a.cube", 3, lambda r, g, b: (r, g, b * b))
    opened: dict[str, Any] = {}

    def made() -> bytes:
        plan = towards(harness.plan(graded(tmp_path / "a.cube", studio), store), "graded")
        return FrameMaker(plan, store, opened=opened).frames(0, 1).tobytes()

    first, read = made(), []
    monkeypatch.setattr("n2s.nodes.lut.read_cube_file", lambda path: read.append(path) or read_cube_file(path))
    assert made() == first and not read
    tiny.write_cube(tmp_path / "a.cube", 3, lambda r, g, b: (r, g, b))
    assert made() != first and len(read) == 1


def test_the_bytes_of_the_file_are_part_of_the_key(studio: Any, store: Any, tmp_path: Path) -> None:
    def keys(blue: float) -> list[str]:
        tiny.write_cube(tmp_path / "a.cube", 3, lambda r, g, b: (r, g, b * blue))
        return harness.keys(graded(tmp_path / "a.cube", studio), store)

    before = keys(1)
    assert keys(1) == before
    assert set(keys(0.999)).isdisjoint(before)
