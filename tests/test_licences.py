"""Every binary file of the repository has a licence, and everything that others made is named."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from pages import ABOUT, ROOT, links, text_of

from training.licence import licence_of_card

TABLES = [page for page in ABOUT if page.endswith(".md")]


def git(*arguments: str, given: str | None = None) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, input=given)
    if done.returncode:
        pytest.skip("this is no repository of Git")  # an unpacked archive
    return done.stdout


def is_binary(path: Path) -> bool:
    data = path.read_bytes()
    try:
        return "\0" in data.decode("utf-8")
    except UnicodeDecodeError:
        return True


@cache
def binaries() -> list[str]:
    tracked = [name for name in git("ls-files", "-z").split("\0") if name]
    return [name for name in tracked if (ROOT / name).is_file() and is_binary(ROOT / name)]


def licensed() -> dict[str, str]:
    """Return what the tables of the licences say, by the pattern of a path; "*" stands for a name, not for a folder."""
    found = {}
    for page in TABLES:
        for files, licence, origin in re.findall(r"^\| (`[^|]*`) \| ([^|]+) \| ([^|]+) \|$", text_of(page), re.M):
            for pattern in re.findall(r"`([^`]*/[^`]*)`", files):
                assert pattern not in found and licence.strip() and origin.strip(), pattern
                found[pattern] = licence.strip()
    return found


def fits(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), name))


def test_every_binary_file_has_a_licence_and_every_line_has_files() -> None:
    patterns = licensed()
    assert len(binaries()) > 100 and len(patterns) > 10
    assert not [name for name in binaries() if not any(fits(pattern, name) for pattern in patterns)]
    assert not [pattern for pattern in patterns if not any(fits(pattern, name) for name in binaries())]


def test_a_new_file_without_a_line_would_be_found() -> None:
    assert not any(fits(pattern, "n2s/lettering/fonts/more/Mine.ttf") for pattern in licensed())
    assert not any(fits(pattern, "audio/new.wav") for pattern in licensed())


def test_git_treats_every_binary_file_as_one() -> None:
    said = git("check-attr", "--stdin", "-z", "binary", given="\0".join(binaries()) + "\0").split("\0")
    marked = dict(zip(said[::3], said[2::3]))
    assert [name for name in binaries() if marked[name] != "set"] == []


def test_every_dependency_is_named_with_its_extra_and_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows: dict[str, tuple[str, str]] = {}
    for packages, use, licence in re.findall(r"^\| ([\w., -]+) \| (.+?) \| (.+?) \|", text_of("THIRD_PARTY.md"), re.M):
        rows |= {name.strip(): (use, licence) for name in packages.split(",")}
    wanted = {"the library": project["dependencies"], **project["optional-dependencies"]}
    for extra, packages in wanted.items():
        for name in [re.match(r"[\w.-]+", package)[0] for package in packages]:
            if name not in rows or not rows[name][1].strip():
                raise AssertionError(f"THIRD_PARTY.md has no line for {name}, of {extra}")


def test_the_pages_agree_with_what_they_speak_of() -> None:
    card = json.loads((ROOT / "models" / "meta.json").read_text(encoding="utf-8"))
    assert card["licence"] == card["data"]["licence"] == licensed()["models/*.onnx"] == "CC0-1.0"
    assert "CC0 1.0" in text_of("audio/LICENSE") and {
        licensed()[f"audio/*.{kind}"] for kind in ("flac", "ogg", "mp3")
    } == {"CC0-1.0"}
    assert (ROOT / "n2s/lettering/fonts/OFL.txt").exists() and licensed()["n2s/lettering/fonts/*.ttf"] == "OFL-1.1"
    assert text_of("LICENSE").startswith("MIT License")
    assert {f"../{page}" for page in ABOUT} <= {path for path, _ in links("docs/README.md")}


def test_a_model_is_under_the_licence_that_all_its_pictures_allow():
    def card(*licences, **more):
        return {"data": {"licence": licences[0]}, "details": {"x2": {"data": {"licence": licences[1]}}}} | more

    assert licence_of_card(card("CC0-1.0", "CC0-1.0"), {}) == "CC0-1.0"
    mixed = "none chosen yet; the pictures: CC-BY-4.0, CC0-1.0"
    free = card("CC0-1.0", "CC0-1.0", licence="CC0-1.0")
    assert licence_of_card(card("CC0-1.0", "CC-BY-4.0", licence="CC0-1.0"), free) == mixed
    assert licence_of_card(card("CC-BY-4.0, CC0-1.0", "CC0-1.0"), card("CC-BY-4.0", "CC0-1.0", licence=mixed)) == mixed
    for chosen in ("MIT", "CC0-1.0"):  # by somebody who may
        assert licence_of_card(card("CC-BY-4.0", "CC0-1.0"), card("CC-BY-4.0", "CC0-1.0", licence=chosen)) == chosen
