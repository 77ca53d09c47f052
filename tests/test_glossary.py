"""What the glossary names exists: files, folders, functions and classes of training; files that other pages name."""

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


@pytest.mark.parametrize("page", ["design.md", "writing-nodes.md"])
def test_files_that_a_page_names_exist(page):
    """A name is a path from the top, or from n2s/; one without a folder lies beside the file named before it."""
    beside, named = ROOT, 0
    for place in re.findall(r"`([\w./-]+(?:\.py|/))`", (ROOT / "docs" / page).read_text(encoding="utf-8")):
        folders = [ROOT, ROOT / "n2s"] if "/" in place else [beside]
        path = next((folder / place for folder in folders if (folder / place).exists()), None)
        assert path, place
        beside, named = path.parent, named + 1
    assert named
