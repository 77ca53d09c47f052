"""The pages of the documentation, and what of them a program can read: blocks of code, links, headings."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ABOUT = ["LICENSE", "DATA_LICENSE.md", "AUDIO_LICENSE.md", "models/LICENSE.md", "THIRD_PARTY.md"]  # the licences
ELSEWHERE = ["README.md", "training/README.md", "bench/README.md", "examples/n2s-lenses/README.md",
             "examples/n2s-scanlines/README.md", *ABOUT[1:]]  # fmt: skip
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in DOCS.glob("*.md")) + ELSEWHERE
_LINK = re.compile(r"\[[^]\n]*\]\(([^()\s#:]*)(?:#([^()\s]*))?\)")


class Block(NamedTuple):
    """A block of code of a page: the language, the text, the line on which it begins."""

    language: str
    text: str
    line: int


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the blocks of a page in some languages."""
    text = text_of(page)
    found = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.S | re.M)
    made = [Block(m[2], m[3], text.count("\n", 0, m.start()) + 2) for m in found]
    return [block for block in made if block.language in languages]


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```", "", text_of(page), flags=re.S | re.M)


def anchors(page: str) -> set[str]:
    """Return what links may name behind "#": the headings, as code hosts and the site write them."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> list[tuple[str, str]]:
    """Return the links of a page to files of the repository: path as written, anchor."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def reference() -> Any:
    """Return docs/write_reference.py, which writes the pages that are read off the code."""
    sys.path.insert(0, str(DOCS))
    try:
        import write_reference

        return write_reference
    finally:
        sys.path.remove(str(DOCS))
