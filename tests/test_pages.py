"""The pages of the documentation: all that is public has its place there, and all that they name exists."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pages import DOCS, PAGES, ROOT, anchors, blocks, links, prose, reference, text_of

import n2s
import n2s.functions
from n2s.cli import app
from n2s.graph.codings import CODINGS, SOUNDS
from n2s.graph.declare import Node
from n2s.graph.describe.descriptions import own
from n2s.graph.describe.looks import films
from n2s.graph.expressions import FUNCTIONS, VARIABLES
from n2s.graph.header import Header
from n2s.graph.profiles import PROFILES
from n2s.graph.registry import node_types
from n2s.nodes import Features
from n2s.runtime.render.kernels.pixels import HELPERS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NODES: list[type[Node]] = own(node_types().values())


@pytest.mark.parametrize("page", reference().PAGES)
def test_a_page_that_is_read_off_the_code_is_up_to_date(page: str) -> None:
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == reference().PAGES[page](), "write it again: python docs/write_reference.py"


def commands(group: Any = None, before: str = "") -> dict[str, Any]:
    """Return every command of the command line by its words."""
    group, found = group or typer.main.get_command(app), {}
    for name, command in group.commands.items():
        nested = hasattr(command, "commands")
        found |= commands(command, f"{before}{name} ") if nested else {before + name: command}
    return found


COMMANDS = commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_section_with_every_option_and_an_example(name: str) -> None:
    section = re.search(rf"^## n2s {name}\n(.*?)(?=^## |\Z)", text_of("docs/command-line.md"), re.S | re.M)[1]
    rows = {option for row in re.findall(r"^\| (`.*?) \|", section, re.M) for option in re.findall(r"`(.*?)`", row)}
    for parameter in COMMANDS[name].params:
        wanted = [option for option in parameter.opts if option.startswith("-") and option != "--help"]
        assert set(wanted) <= rows, parameter.name
    assert f"```bash\nn2s {name}" in section


def lines_of_commands(page: str) -> list[list[str]]:
    """Return the commands of n2s on a page, word by word, those in the middle of sentences too."""
    languages = ["bash"] if page == "README.md" else ["bash", ""]  # a block of the README is a list of commands
    lines = [line for block in blocks(page, *languages) for line in block.text.splitlines()]
    lines += re.findall(r"`(n2s [a-z][^`]+)`", prose(page).replace("\n", " "))
    parts = [part.split() for line in lines for part in re.sub(r"\s#.*", "", line).split("&&")]
    return [words for words in parts if words[:1] == ["n2s"] and len(words) > 1]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_exist(page: str) -> None:
    groups = {name.partition(" ")[0] for name in COMMANDS}
    for _, *words in lines_of_commands(page):
        name = next((name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS), "")
        assert name or words[0] in groups or words[0].startswith("-"), words
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts} if name else set()
        used = {word.partition("=")[0] for word in words[1:] if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
        assert used <= known | {"--help"}, words


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    for path, anchor in links(page):
        target = Path(os.path.normpath(ROOT / page / ".." / path)) if path else ROOT / page
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.relative_to(ROOT).as_posix()), f"{path}#{anchor}"


def test_every_page_is_listed_on_both_start_pages() -> None:
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md", "index.md"}
    listed = {path for path, _ in links("docs/README.md")}
    assert pages <= listed and {"../training/README.md", "../bench/README.md", "../THIRD_PARTY.md"} <= listed
    trees = re.findall(r"```\{toctree\}\n(.*?)```", text_of("docs/index.md"), re.S)
    assert {f"{line}.md" for tree in trees for line in tree.splitlines() if line and ":" not in line} >= pages


@pytest.mark.parametrize("name", n2s.__all__)
def test_a_public_name_is_in_the_python_reference(name: str) -> None:
    assert f"\n### n2s.{name}\n" in text_of("docs/api.md")
    assert getattr(n2s, name).__doc__


def test_a_name_of_a_public_module_is_in_the_python_reference() -> None:
    page = text_of("docs/api.md")
    for module in reference().PUBLIC:
        assert f"\n## {module}\n" in page
        names = n2s.functions.__all__ if module == "n2s.functions" else []
        assert not [name for name in names if f"`{name}`" not in page]


def test_every_helper_of_pixel_code_is_in_the_python_reference() -> None:
    table = (DOCS / "api.md").read_text(encoding="utf-8").partition("## Helpers of pixel code")[2]
    named = {f"`{name}(" for name in HELPERS} - {f"`{name}(" for name in reference().PARTS_OF_HELPERS}
    assert len(named) > 20 and all(name in table for name in named)


def test_every_extra_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", text_of("docs/installation.md"), re.M)
    assert sorted(rows) == sorted(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("cls", NODES, ids=lambda cls: cls.__name__)
def test_a_node_has_its_section(cls: type[Node]) -> None:
    assert f"\n### {cls.__name__}\n" in text_of("docs/nodes.md")


def test_everything_that_a_graph_may_hold_is_explained() -> None:
    page = text_of("docs/graphs.md")
    rows = "\n".join(re.findall(r"^\|.*\|$", page, re.M))
    words = [*Header.model_fields, *VARIABLES, "interface", "presets", "nodes"]
    assert not [word for word in words if not re.search(rf"`{word}`", rows)]
    assert not [name for name in FUNCTIONS if f"`{name}(" not in rows]


def test_every_profile_codec_sound_and_look_is_explained() -> None:
    formats, delivery = text_of("docs/formats.md"), text_of("docs/delivery.md")
    for name, coding in CODINGS.items():
        row = re.search(rf"^\| `{name}` \|.*$", formats, re.M)[0].split(" | ")
        assert row[2] == ", ".join(map(str, coding.depths)) and row[3] == ", ".join(coding.chromas)
        assert row[4].rstrip(" |") == " ".join(coding.endings)
    for ending, codecs in SOUNDS.items():
        row = re.search(rf"^\| \{ending} \| (.*) \|$", formats, re.M)[1]
        assert re.sub(r" \(.*?\)", "", row) == ", ".join(codecs)
    assert not [name for name in PROFILES if f"| `{name}` |" not in delivery]
    assert not [name for name in films() if f"\n### {name}\n" not in text_of("docs/gallery.md")]


def test_every_message_that_is_explained_is_one_of_the_library() -> None:
    """Those of docs/troubleshooting.md; "…" stands for what differs."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "n2s").rglob("*.py"))]
    texts = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    known = "\0".join(text for text in texts if isinstance(text, str))
    rows = re.findall(r"^\| (.*?) \| ", text_of("docs/troubleshooting.md"), re.M)[1:]
    said = [message for row in rows if row.startswith("`") for message in re.findall("`(.*?)`", row)]
    wanted = [part.strip(" .") for message in said for part in message.split("…") if part.strip(" .")]
    assert len(rows) == 12 and len(wanted) > 6
    assert not [part for part in wanted if part not in known]


def test_every_output_of_the_music_is_in_the_feature_schema() -> None:
    page = text_of("docs/features.md")
    assert not [name for name in Features.outputs if f"\n| `{name}` |" not in page]


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    pytest.importorskip("furo", reason="the extra docs is not installed")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-E", "-b", "html", "-d", str(tmp_path / "trees")]
    done = subprocess.run([*build, str(DOCS), str(tmp_path / "site")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for page in ("index", "tutorial", "nodes", "_pages/training", "_pages/project/third-party"):
        assert (tmp_path / "site" / f"{page}.html").stat().st_size > 5000
    loaded = re.findall(r'(?:src|href)="(https?:[^"]+\.(?:js|css|woff2?))"', (tmp_path / "site/index.html").read_text())
    assert not loaded, "the site can be read without a network"
