"""Several profiles in one run, some of which fail: the films of the others are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_profiles import write_track

from n2s.formats.video import Video
from n2s.graph.errors import RenderError
from n2s.runtime.run import Run

PROFILES = ("square", "archive", "youtube")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n2s: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    words = [word for profile in PROFILES for word in ("--profile", profile)]
    return lambda: n2s("run", write_track(tmp_path), "--size", "64x36", "--to", "1", *words)


def made() -> list[str]:
    """Return the profiles whose films are there."""
    return sorted(path.name.split("-")[1] for path in Path("renders").glob("*.m??"))


def test_a_film_that_cannot_be_joined_keeps_no_other_profile_back(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    join = Video.join

    def fail_at_some(self: Any, path: Path, film: Any, *rest: Any) -> None:
        if "youtube" not in film.path.name:
            raise RenderError(f"{film.path.name} fails.")
        join(self, path, film, *rest)

    monkeypatch.setattr(Video, "join", fail_at_some)
    status, _, err = run()
    assert status == 1 and made() == ["youtube"]
    told = [line for line in err.splitlines() if line.endswith(" fails.")]
    assert ["square" in line for line in told] == [False, True]  # the first one last, as the command's error


def test_what_keeps_frames_from_being_made_ends_the_run(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any) -> None:
        raise RenderError("No frame can be made.")

    monkeypatch.setattr(Run, "_render", fail)
    status, _, err = run()
    assert status == 1 and made() == [] and err.count("No frame can be made.") == 1


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize("where", ["draft/song.mp4", "draft"])
def test_where_no_film_of_a_later_profile_may_go_is_told_before_the_first_is_rendered(
    where: str, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n2s: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "renders" / where
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    graph, profiles = write_track(tmp_path, 1), ["--profile", "archive", "--profile", "draft"]
    status, out, err = n2s("run", graph, *profiles, *more)
    assert status and theirs.read_text() == "mine" and made() == [] and "to render" not in out + err
    wanted = "exists and was not written by n2s" if where.endswith(".mp4") else "Choose another folder with --out or -o"
    assert str(theirs) in err and wanted in err
