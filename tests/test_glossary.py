"""What the glossary names exists: its files and folders, and the functions and classes of training."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = sorted(
    {
        name
        for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`([^`]+)`", line.rsplit("|", 2)[1])
    }
)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_exists(place):
    if "/" in place:
        assert (ROOT / place).exists()
        return
    module, _, name = place.partition(".")
    path = ROOT / "training" / f"{module}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if name == "py":
        return
    known = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    known |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(name.split(".")) <= known
