"""docs/choreography.md teaches by the graphs of examples/choreography; `python docs/draw_choreography.py` draws it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from n2s.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "choreography.md").read_text(encoding="utf-8")
GRAPHS = {path.stem: path for path in sorted((ROOT / "examples" / "choreography").glob("*.yaml"))}
each = pytest.mark.parametrize("name", GRAPHS)


def test_there_are_seven() -> None:
    assert sorted(GRAPHS) == ["bands", "bar", "drop", "hit", "section", "time", "travel"]


@each
def test_a_graph_has_no_problems_and_no_warnings(name: str) -> None:
    done = CliRunner().invoke(app, ["check", str(GRAPHS[name])])
    assert done.exit_code == 0 and "no problems" in done.output and "warning" not in done.output, done.output


@each
def test_the_page_names_a_graph_and_shows_it(name: str) -> None:
    assert f"n2s run examples/choreography/{name}.yaml" in PAGE
    for picture, most in ((f"{name}.jpg", 150_000), (f"{name}.webp", 400_000)):
        assert f"images/choreography/{picture}" in PAGE
        assert 1000 < (ROOT / "docs" / "images" / "choreography" / picture).stat().st_size < most


def test_the_lines_of_the_page_are_those_of_the_graphs() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    lines = {line.strip() for path in GRAPHS.values() for line in path.read_text(encoding="utf-8").splitlines()}
    assert len(shown) == 7
    assert not [line for line in "".join(shown).splitlines() if line.strip() not in lines]
