"""FFmpeg in trouble: it fails, hangs up, is missing, or is something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from places import FRAMES, POSIX, Place

from n2s.graph.errors import GraphError, N2SError, RenderError
from n2s.runtime import machine

FAKE = """\
#!/bin/sh
real='{real}'
broken="$0.broken"
case "$*" in *rawvideo*) what=segment;; *f32le*) what=audio;; *concat*) what=film;; *) what=other;; esac
if [ -e "$broken" ] && [ $what = "$(cat "$broken")" ] && [ -e "$0.$what.$(cat "$0.good")" ]; then
    for output; do :; done
    {trouble}
fi
if [ -e "$broken" ]; then touch "$0.$what.1"; fi
exec "$real" "$@"
"""
TROUBLE = {
    "fails": (
        'cat > /dev/null; echo "[libx264 @ 0x55d] the encoder broke" >&2; exit 1',
        ["FFmpeg failed (status 1) while it wrote", "the encoder broke"],
    ),
    "is killed": (
        "kill -9 $$",
        ["FFmpeg was killed (SIGKILL) while it wrote", "What is finished is kept; run again to go on."],
    ),
    "finds the disk full": (
        'echo x > "$output"; echo "av_interleaved_write_frame(): No space left on device" >&2; exit 228',
        ["The disk is full", "What is finished is kept; free some space", "or the store's with --store, and run again"],
    ),
    "ends well with a short film": (
        '{ head -c 18432; cat > /dev/null; } | "$real" "$@"; exit 0',
        ["FFmpeg made a segment of 2 frames instead of 15; run again to go on."],
    ),
    "ends well with garbage": (
        'cat > /dev/null; echo x > "$output"; exit 0',
        ["FFmpeg made a segment of", "instead of 15; run again to go on."],
    ),
    "ends well with nothing": (
        "cat > /dev/null; exit 0",
        ["FFmpeg made a segment of", "instead of 15; run again to go on."],
    ),
}


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a script in FFmpeg's place that makes trouble when asked; its path is part of the keys, its text is not."""
    script = tmp_path / "ffmpeg"
    real = machine.ffmpeg_path()

    def trouble(commands: str, what: str = "segment", good: int = 1) -> Path:
        """Make trouble from the call for a segment, audio or film after ``good`` ones on."""
        script.write_text(FAKE.format(real=real, trouble=commands))
        script.chmod(0o755)
        for path in tmp_path.glob("ffmpeg.*"):
            path.unlink()
        Path(f"{script}.broken").write_text(what, encoding="utf-8")
        Path(f"{script}.good").write_text(str(good), encoding="utf-8")
        if not good:
            Path(f"{script}.{what}.0").touch()
        return Path(f"{script}.broken")

    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    machine.ffmpeg_path.cache_clear()
    yield trouble
    machine.ffmpeg_path.cache_clear()


@POSIX
@pytest.mark.parametrize("how", TROUBLE)
def test_ffmpeg_in_trouble(place: Place, ffmpeg: Any, how: str) -> None:
    commands, words = TROUBLE[how]
    broken = ffmpeg(commands)
    place.refused(RenderError, *words)
    broken.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (1, 1)  # the segment before the trouble was kept
    assert report.films[0]["frames"] == FRAMES


@POSIX
@pytest.mark.parametrize(
    ("what", "commands", "words"),
    [
        ("audio", "cat > /dev/null; echo the aac encoder broke >&2; exit 1",
         ["FFmpeg failed (status 1)", "the aac encoder broke"]),
        ("film", "echo could not join >&2; exit 1", ["FFmpeg failed (status 1)", "could not join"]),
        ("film", "kill -9 $$", ["FFmpeg was killed (SIGKILL)", "run again to go on"]),
        ("film", 'echo x > "$output"; exit 0',
         ["track.mp4 came out with None frames instead of 30 and was not published"]),
        ("film", "exit 0", ["track.mp4 came out with None frames instead of 30 and was not published"]),
    ],
)  # fmt: skip
def test_ffmpeg_in_trouble_after_the_segments(
    place: Place, ffmpeg: Any, what: str, commands: str, words: list[str]
) -> None:
    broken = ffmpeg(commands, what, good=0)
    place.refused(RenderError, *words)
    broken.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (0, 2)


@POSIX
def test_a_failure_leaves_the_film_of_before(place: Place, ffmpeg: Any) -> None:
    ffmpeg("").unlink()
    place.run()
    place.edit("amount: 0.04", "amount: 0.05")
    ffmpeg("exit 1", good=0)
    place.refused(RenderError, "FFmpeg failed (status 1)", "it said nothing")
    assert place.film.is_file()


@POSIX
@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda path: None,
            GraphError,
            ["There is no FFmpeg: IMAGEIO_FFMPEG_EXE names", "which cannot be run", "Cure: pip install"],
        ),
        (
            lambda path: path.write_text("x"),
            GraphError,
            ["There is no FFmpeg", "which cannot be run", "Cure: pip install"],
        ),
        (
            lambda path: path.write_text("x") and path.chmod(0o755),
            RenderError,
            ["FFmpeg cannot be started: Exec format error. Cure:"],
        ),
        (lambda path: path.mkdir(), RenderError, ["FFmpeg", "Cure: pip install"]),
    ],
    ids=["missing", "not executable", "no program", "a folder"],
)
def test_ffmpeg_that_is_none(
    place: Place, monkeypatch: pytest.MonkeyPatch, make: Any, kind: type[N2SError], words: list[str]
) -> None:
    path = place.folder / "no-ffmpeg"
    make(path)
    with monkeypatch.context() as patch:
        patch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
        machine.ffmpeg_path.cache_clear()
        try:
            place.refused(kind, *words)
        finally:
            machine.ffmpeg_path.cache_clear()
    assert place.run().rendered == 2
