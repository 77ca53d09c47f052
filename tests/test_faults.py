"""Faults at random moments: whatever is killed, damaged or taken away, the next run makes the same film.

A few seeds are tried each time; N2S_NIGHTLY=1 tries twenty, kills workers and FFmpegs too, and renders hours of music.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from places import MINIMAL, N2S, POSIX, Place, film_in_peace, flip, wait_until_nothing_runs

from n2s.graph.whole import is_abandoned, temporary_name

NIGHTLY = bool(os.environ.get("N2S_NIGHTLY"))
SEEDS = range(20 if NIGHTLY else 4)
SHAPE = {"size": "128, 128", "grid": "12, 12"}
LONGEST = 4.0  # seconds until something is killed, at most


@pytest.fixture(scope="module")
def undisturbed(studio: Any, kernel_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film of every place here, made in peace."""
    return film_in_peace(tmp_path_factory.mktemp("peace"), kernel_cache, studio.model, SHAPE)


@pytest.fixture
def scene(place: Place, studio: Any) -> Place:
    tiny.write_wav(place.music, tiny.clicks(3))
    place.graph.write_text(MINIMAL.format(**SHAPE, model=studio.model))
    return place


def children(process: int) -> list[int]:
    """Return the processes of a session but its first one: workers and FFmpegs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(folder.name) != process and (int(fields[3]) == process or int(fields[1]) == process):
            found.append(int(folder.name))
    return sorted(found)


@POSIX
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment(seed: int, scene: Place, undisturbed: bytes) -> None:
    """The whole run, or one of its workers or FFmpegs alone, at a moment that the seed says."""
    dice = random.Random(seed)
    many = dice.choice([["--jobs", "2"], ["--workers", "2"]])
    words = [str(N2S), "run", str(scene.graph), "--out", str(scene.out), "--store", str(scene.store.root), *many]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    delay = dice.uniform(0, LONGEST)
    victim = dice.choice(["all", "first", "child"])
    try:
        process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        chosen = children(process.pid)
        target = dice.choice(chosen) if victim == "child" and chosen else process.pid
        try:
            (os.killpg if victim == "all" else os.kill)(process.pid if victim == "all" else target, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _, said = process.communicate(timeout=60)
        assert "Traceback" not in said
    wait_until_nothing_runs(scene.store.root, process.pid)
    film = scene.out / "film.mp4"
    assert not film.exists() or film.read_bytes() == undisturbed  # whole, or not there
    scene.run()
    assert film.read_bytes() == undisturbed
    assert scene.rubbish() == []
    assert scene.run().rendered == 0


def damage(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(flip(data, len(data) // 2))


def swap(first: Path, second: Path) -> None:
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


def into_the_future(place: Place) -> None:
    later = time.time() + 400 * 86400
    for path in place.store.root.rglob("*"):
        if path.is_file() and "kernels" not in path.parts:
            os.utime(path, (later, later))


FAULTS: dict[str, Callable[[Place, random.Random], None]] = {
    "an entry is damaged": lambda place, dice: damage(dice.choice(place.entries("segments", ".mp4"))),
    "an entry is cut": lambda place, dice: os.truncate(dice.choice(place.entries("segments", ".mp4")), 100),
    "an entry is deleted": lambda place, dice: dice.choice(place.entries("segments", ".mp4")).unlink(),
    "a card is deleted": lambda place, dice: dice.choice(place.entries("segments", ".json")).unlink(),
    "two entries are swapped": lambda place, dice: swap(*dice.sample(place.entries("segments", ".mp4"), 2)),
    "sound is damaged": lambda place, dice: damage(place.entries("audio-tracks", ".mp4")[0]),
    "the film is cut": lambda place, dice: os.truncate(place.out / "film.mp4", 1000),
    "the clock was ahead": lambda place, dice: into_the_future(place),
    "notes are gone": lambda place, dice: shutil.rmtree(place.store.root / "notes", ignore_errors=True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_happens_between_two_runs(fault: str, scene: Place, undisturbed: bytes) -> None:
    scene.run()
    (scene.out / "film.mp4").unlink()
    scene.run()
    FAULTS[fault](scene, random.Random(fault))
    (scene.out / "film.mp4").unlink()
    scene.run()
    assert (scene.out / "film.mp4").read_bytes() == undisturbed
    assert scene.rubbish() == []


def test_what_ended_processes_left_is_told_from_what_is_being_written(tmp_path: Path) -> None:
    name = temporary_name(tmp_path / "film.mp4").name
    assert not is_abandoned(name)
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    gone = name.replace(f".{os.getpid()}.", f".{int(ended.stdout)}.")
    assert is_abandoned(gone) == (os.name == "posix")
    word = gone.split(".")[-3]
    other = gone.replace(word, ("0" if word[0] != "0" else "1") + word[1:])
    assert not is_abandoned(other)  # of another machine, which may be at work
    assert not is_abandoned("film.mp4") and not is_abandoned(".film.mp4.tmp")


def test_no_two_calls_of_a_process_have_one_temporary_name(tmp_path: Path) -> None:
    """Chance would give 5,000 calls a name twice."""
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda _: temporary_name(tmp_path / "film.mp4").name, range(5000)))
    assert len(set(names)) == 5000


@pytest.mark.skipif(not NIGHTLY, reason="renders four hours of music; N2S_NIGHTLY=1")
def test_four_hours_take_no_more_memory_than_three_minutes(studio: Any, tmp_path: Path) -> None:
    """At one frame per second and 128x128: what is flat is flat within 2 %, beside signals; time grows with length."""
    found = {}
    for seconds in (180, 14400):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        tiny.write_wav(folder / "music.wav", np.tile(tiny.clicks(60, rate=8000), (seconds // 60, 1)), 8000)
        text = MINIMAL.format(size="128, 128", grid="4, 4", model=studio.model).replace("fps: 30", "fps: 1")
        (folder / "graph.yaml").write_text(text.replace("[3, 1]", f"[{seconds}, 1]"))
        words = [sys.executable, "-c", PEAK, str(folder / "graph.yaml"), str(folder / "out"), str(folder / "store")]
        found[seconds] = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    print(found)
    longer = (14400 - 180) * (8 * 4 + 144 * 2)  # bytes: a few signals of float32, and layouts to find scenes by
    assert found[14400]["peak"] - longer < 1.02 * found[180]["peak"]
    per_frame = {seconds: about["rendering"] / seconds for seconds, about in found.items()}
    assert per_frame[14400] < 1.5 * per_frame[180]


PEAK = """
import json, sys
from pathlib import Path
from n2s import Graph
from n2s.runtime.run import Run
from n2s.runtime.store import Store
Run(Graph.load(sys.argv[1]), out=Path(sys.argv[2]) / "warm", store=Store(Path(sys.argv[3])), span=(0, 100)).execute()
report = Run(Graph.load(sys.argv[1]), out=Path(sys.argv[2]), store=Store(Path(sys.argv[3])), force=True).execute()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
peak = 1024 * int(status["VmHWM"].split()[0])  # of this program; getrusage's begins with that of the one before
print(json.dumps({"peak": peak, "rendering": report.seconds}))
"""
