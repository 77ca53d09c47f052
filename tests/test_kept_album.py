"""The demo album's frames are, digest by digest, what they were when its digests were kept."""

from __future__ import annotations

from pathlib import Path

import kept_album
import pytest


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return kept_album.lay_out(tmp_path_factory.mktemp("kept"))


@pytest.mark.parametrize("track", kept_album.TRACKS)
def test_the_albums_frames_are_those_that_were_kept(
    track: str, graphs: dict[str, Path], tmp_path: Path, store: object
) -> None:
    made, kept = kept_album.render(graphs[track], tmp_path, store), kept_album.kept_digests(track)
    assert len(made) == len(kept)
    changed = [frame for frame, (a, b) in enumerate(zip(made, kept)) if a != b]
    assert not changed, f"{len(changed)} of {len(kept)} frames changed, the first is {changed[0]}"
