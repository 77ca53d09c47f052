"""GIF and animated WebP: exact times, colours near the truth, one piece whatever the chunks, joined again alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from PIL import Image, ImageSequence

from n2s.formats.animation import Animation, webp_duration
from n2s.graph.errors import GraphError, RenderError

SIZE, FRAMES = (64, 32), 30


def film(folder: Path, ending: str, fps: str = "25", chunk: int = 7, **settings: Any) -> Any:
    """Four patches of colour, the whole brightening."""
    patches = np.array([[(200, 40, 40), (40, 160, 60)], [(40, 60, 190), (120, 120, 120)]], np.uint8)
    tiny.write_png(folder / "patches.png", patches.repeat(16, 0).repeat(32, 1))
    nodes = {
        "patches": {"node": "ImageSource", "path": "patches.png"},
        "lit": {"node": "Tone", "frames": "patches", "exposure": "= 0.2 * frame / 30"},
        "out": {"node": "AnimationSink", "frames": "lit", "path": f"film{ending}", "chunk": chunk, **settings},
    }
    seconds = FRAMES / float(Fraction(fps))
    values = {"n2s": 1, "size": list(SIZE), "fps": fps, "duration": round(seconds, 6), "nodes": nodes}
    return harness.load(values, folder)


@pytest.mark.parametrize("fps", ["25", "30000/1001", "24"])
@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_frames_times_and_colours(ending: str, fps: str, tmp_path: Path, store: Any) -> None:
    harness.run(film(tmp_path, ending, fps), tmp_path, store)
    with Image.open(tmp_path / f"film{ending}") as made:
        assert made.size == SIZE and made.info["loop"] == 0
        assert made.n_frames == FRAMES if ending == ".gif" else 2 <= made.n_frames <= FRAMES
        times = []
        for k in range(made.n_frames):
            made.seek(k)
            made.load()
            times.append(made.info["duration"])
            if k == 0:
                first = np.asarray(made.convert("RGB")).astype(int)
    ends, exact = np.cumsum(times) / 1000, np.arange(1, FRAMES + 1) / float(Fraction(fps))
    assert abs(ends[-1] - exact[-1]) <= (0.011 if ending == ".gif" else 0.001 * FRAMES / 2)
    if ending == ".gif":
        assert np.abs(ends - exact).max() <= 0.011
    assert abs(first[8, 16] - [200, 40, 40]).max() <= 12 and abs(first[24, 48] - 120).max() <= 8


@pytest.mark.parametrize("duration", [0.04, 0.4])
@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_pictures_that_never_change(ending: str, duration: float, tmp_path: Path, store: Any) -> None:
    """Encoders make one of frames that are all alike."""
    tiny.write_png(tmp_path / "picture.png", np.random.default_rng(1).integers(0, 256, (32, 64, 3), np.uint8))
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "out": {"node": "AnimationSink", "frames": "picture", "path": f"film{ending}"},
    }
    values = {"n2s": 1, "size": [64, 32], "fps": 25, "duration": duration, "nodes": nodes}
    harness.run(harness.load(values, tmp_path), tmp_path, store)
    with Image.open(tmp_path / f"film{ending}") as made:
        assert made.size == (64, 32) and np.ptp(np.asarray(made.convert("RGB"))) > 200


def test_the_last_picture_has_its_colours(tmp_path: Path, store: Any) -> None:
    nodes = {
        "before": {"node": "Solid", "colour": "#204080"},
        "after": {"node": "Solid", "colour": "#e02020"},
        "cut": {"node": "Mix", "a": "before", "b": "after", "amount": "= time >= 1"},
        "out": {"node": "AnimationSink", "frames": "cut", "path": "film.gif"},
    }
    values = {"n2s": 1, "size": list(SIZE), "fps": 25, "duration": 2, "nodes": nodes}
    harness.run(harness.load(values, tmp_path), tmp_path, store)
    with Image.open(tmp_path / "film.gif") as made:
        pictures = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(made)]
    assert abs(pictures[0] - [0x20, 0x40, 0x80]).max() <= 8 and abs(pictures[-1] - [0xE0, 0x20, 0x20]).max() <= 8


def test_a_gif_has_no_more_frames_than_its_times_can_tell(tmp_path: Path, store: Any, n2s: Any) -> None:
    told = "out.path: a GIF has 100 frames per second at most, not 120; take .webp, or a lower frame rate."
    with pytest.raises(GraphError, match=rf"graph\.yaml:\d+:\d+  {told}"):
        film(tmp_path, ".gif", "120")
    harness.run(film(tmp_path, ".webp", "240"), tmp_path, store)
    harness.run(film(tmp_path, ".gif", "100"), tmp_path, store)
    status, _, err = n2s("run", tmp_path / "graph.yaml", "--fps", "120", "--dry-run")
    assert status == 2 and f"--fps: {told}" in err
    film(tmp_path, ".webp")  # the graph makes no GIF, its preview would be one
    status, _, err = n2s("preview", tmp_path / "graph.yaml", "--gif", "--fps", "120")
    assert status == 2 and "--fps: a GIF has 100 frames per second at most" in err


def test_a_film_that_cannot_be_joined_keeps_none_back(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = Animation.join

    def fail_at_gifs(self: Any, path: Path, made: Any, *rest: Any) -> None:
        if made.path.suffix == ".gif":
            raise RenderError("The GIF cannot be joined.")
        join(self, path, made, *rest)

    monkeypatch.setattr(Animation, "join", fail_at_gifs)
    graph = film(tmp_path, ".gif").edit({"more": {"node": "AnimationSink", "frames": "lit", "path": "film.webp"}})
    with pytest.raises(RenderError, match="The GIF cannot be joined"):
        harness.run(graph, tmp_path / "out", store)
    assert webp_duration(tmp_path / "out/film.webp") == Fraction(FRAMES, 25)


def test_chunks_do_not_matter(tmp_path: Path, store: Any) -> None:
    for ending in (".gif", ".webp"):
        harness.run(film(tmp_path, ending), tmp_path / "a", store)
        harness.run(film(tmp_path, ending, chunk=100), tmp_path / "b", store)
        assert (tmp_path / f"a/film{ending}").read_bytes() == (tmp_path / f"b/film{ending}").read_bytes()


def test_other_colours_leave_the_frames(tmp_path: Path, store: Any) -> None:
    """The film is encoded again from the frames that are in the store."""
    harness.run(film(tmp_path, ".gif"), tmp_path / "out", store)
    before = (tmp_path / "out/film.gif").read_bytes()
    report = harness.run(film(tmp_path, ".gif", colours=8), tmp_path / "out", store)
    assert report.rendered == 0
    after = (tmp_path / "out/film.gif").read_bytes()
    assert after != before
    with Image.open(tmp_path / "out/film.gif") as made:
        assert len(set(map(tuple, np.asarray(made.convert("RGB")).reshape(-1, 3)))) <= 8


def test_a_cut_webp_is_found(tmp_path: Path, store: Any) -> None:
    harness.run(film(tmp_path, ".webp"), tmp_path, store)
    whole = (tmp_path / "film.webp").read_bytes()
    assert webp_duration(tmp_path / "film.webp") == Fraction(FRAMES, 25)
    (tmp_path / "cut.webp").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.webp is no whole WebP"):
        webp_duration(tmp_path / "cut.webp")
    with pytest.raises(ValueError, match=r"patches\.png is no whole WebP"):
        webp_duration(tmp_path / "patches.png")


def test_a_gif_plays_in_ffmpeg(tmp_path: Path, store: Any) -> None:
    harness.run(film(tmp_path, ".gif"), tmp_path, store)
    with av.open(str(tmp_path / "film.gif")) as container:
        assert len(list(container.decode(video=0))) == FRAMES
