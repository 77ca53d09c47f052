"""How the documentation site is built: python -m sphinx -W -b html docs docs/_build.

The sources are the Markdown pages in this folder, which can be read on code hosts too. Pages that lie elsewhere in the
repository are copied into docs/_pages, and links to them are turned there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from n2s import __version__

DOCS = Path(__file__).resolve().parent
TOP = DOCS.parent

project = "n2s"
author = "the n2s authors"
copyright = "the n2s authors, under the MIT licence"
release = version = __version__
extensions = ["myst_parser", "sphinx_design"]
exclude_patterns = [
    "_build",
    "README.md",
    "site",
]  # README.md is the start page on code hosts, index.md that of the site
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
smartquotes = False  # options begin with two hyphens
html_theme = "furo"
html_title = f"n2s {version}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

# Pages that lie elsewhere, and where they are in the site; those that do not exist are left out.
ELSEWHERE = {
    "training/README.md": "_pages/training.md",
    "bench/README.md": "_pages/benchmarks.md",
    "examples/n2s-scanlines/README.md": "_pages/n2s-scanlines.md",
    "examples/n2s-lenses/README.md": "_pages/n2s-lenses.md",
    "CHANGELOG.md": "_pages/project/changelog.md",
    "CONTRIBUTING.md": "_pages/project/contributing.md",
    "SECURITY.md": "_pages/project/security.md",
    "LICENSE": "_pages/project/licence-of-the-code.md",
    "DATA_LICENSE.md": "_pages/project/licence-of-the-data.md",
    "AUDIO_LICENSE.md": "_pages/project/licence-of-the-music.md",
    "models/LICENSE.md": "_pages/project/licence-of-the-models.md",
    "THIRD_PARTY.md": "_pages/project/third-party.md",
    "README.md": "index.md",
    "docs/README.md": "index.md",
}
ORPHANS = ("_pages/n2s-scanlines.md", "_pages/n2s-lenses.md")  # reached by links alone
_LINK = re.compile(r"(?<!!)\[([^][]*)\]\(([^()\s:#]+)(#[^()\s]*)?\)")
_PICTURE = re.compile(r"!\[([^]]*)\]\(([^()\s:]+)\)")


def turned(text: str, source: str, target: str) -> str:
    """Return a page with its links turned: from where it lies in the repository to where it lies in the site."""
    here, there = (TOP / source).parent, (DOCS / target).parent

    def link(match: re.Match) -> str:
        words, path, anchor = match[1], match[2], match[3] or ""
        meant = (here / path).resolve()
        name = meant.relative_to(TOP).as_posix() if meant.is_relative_to(TOP) else path
        if meant.suffix == ".md" and words in (path, name, Path(path).name):
            words = ""  # the site shows the title of the page or section in place of the name of a file
        if name in ELSEWHERE:
            return f"[{words}]({os.path.relpath(DOCS / ELSEWHERE[name], there)}{anchor})"
        if meant.is_dir():  # a site has no pages of folders
            return f"`{name}`" if words == name else f"{words} (`{name}`)"
        return f"[{words}]({os.path.relpath(meant, there)}{anchor})"

    def picture(match: re.Match) -> str:
        return f"![{match[1]}]({os.path.relpath((here / match[2]).resolve(), there)})"

    return _PICTURE.sub(picture, _LINK.sub(link, text))


def copy_pages(app: Any) -> None:
    """Write the pages that lie elsewhere, where they changed."""
    for source, target in ELSEWHERE.items():
        if not target.startswith("_pages/") or not (TOP / source).exists():
            continue
        text = (TOP / source).read_text(encoding="utf-8")
        if not source.endswith(".md"):
            text = f"# Licence of the code\n\nThe code and the documentation of n2s.\n\n```text\n{text}```\n"
        text = turned(text, source, target)
        text = f"---\norphan: true\n---\n\n{text}" if target in ORPHANS else text
        path = DOCS / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def turn_links(app: Any, docname: str, source: list[str]) -> None:
    if not docname.startswith("_pages/"):
        source[0] = turned(source[0], f"docs/{docname}.md", f"{docname}.md")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", copy_pages)
    app.connect("source-read", turn_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
