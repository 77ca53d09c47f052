"""Output that cannot be written: the work is done all the same, and nobody sees a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from places import POSIX, Place

from n2s.commands.output import write_line
from n2s.runtime.progress import JsonEvents

N2S = Path(sys.executable).with_name("n2s")
pytestmark = POSIX
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a line of shell; its status is that of the last command, ``$N2S`` the command line."""
    known = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "PYTHONIOENCODING")}
    return subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, check=False,
                          env=known | {"N2S": str(N2S), "N2S_STORE": str(folder / "store")} | environment)  # fmt: skip


def quiet(done: subprocess.CompletedProcess) -> bool:
    said = done.stdout + done.stderr
    return not any(word in said for word in (b"Traceback", b"Exception", b"BrokenPipe", b"Errno"))


WAYS = {
    "closed pipe": ("$N2S run track.yaml --json | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}", {}),
    "pipe closed at once": ("$N2S run track.yaml --json | true; echo ${PIPESTATUS[0]}", {}),
    "progress in a closed pipe": ("$N2S run track.yaml 2> >(true); echo $?", {}),
    "full device": ("$N2S run track.yaml --json >/dev/full; echo $?", {}),
    "progress on a full device": ("$N2S run track.yaml 2>/dev/full >/dev/full; echo $?", {}),
    "closed output": ("$N2S run track.yaml >&-; echo $?", {}),
    "closed error": ("$N2S run track.yaml 2>&-; echo $?", {}),
    "all closed": ("$N2S run track.yaml <&- >&- 2>&-; echo $?", {}),
    "ASCII": ("$N2S run track.yaml; echo $?", {"PYTHONIOENCODING": "ascii"}),
    "strict ASCII": ("$N2S run track.yaml; echo $?", {"PYTHONIOENCODING": "ascii:strict"}),
    "plain C": ("$N2S run track.yaml; echo $?", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
}


@FULL
@pytest.mark.parametrize("way", WAYS)
def test_a_film_is_made_whatever_becomes_of_the_output(way: str, place: Place) -> None:
    name = "film.mp4" if way == "plain C" else "fïlm ✓.mp4"
    place.edit("path: track.mp4", f"path: '{name}'")
    command, environment = WAYS[way]
    done = shell(command, place.folder, **environment)
    assert done.stdout.split()[-1] == b"0" and quiet(done), (done.stdout, done.stderr)
    film = place.folder / "renders" / name
    assert film.stat().st_size > 1000
    assert not film.read_bytes().count(b"frames to render")  # nor did it take the number of a closed stream


def test_a_name_that_the_system_cannot_write_is_refused(place: Place) -> None:
    place.edit("path: track.mp4", "path: 'fïlm ✓.mp4'")
    done = shell("$N2S run track.yaml", place.folder, **WAYS["plain C"][1])
    assert done.returncode == 2 and b"the system's encoding of file names is ascii. Set PYTHONUTF8=1" in done.stderr


LISTINGS = (
    "nodes",
    "nodes Tone",
    "nodes --json",
    "nodes --markdown",
    "schema",
    "check track.yaml",
    "--help",
    "run --help",
    "cache info",
    "plan track.yaml",
)


@FULL
@pytest.mark.parametrize("listing", LISTINGS)
def test_a_listing_that_is_cut_ends_quietly_and_one_that_is_lost_says_so(listing: str, place: Place) -> None:
    cut = shell(f"$N2S {listing} | true; echo ${{PIPESTATUS[0]}}", place.folder)
    assert cut.stdout == b"0\n" and quiet(cut)
    lost = shell(f"$N2S {listing} >/dev/full", place.folder)
    assert lost.returncode == 1 and b"The output cannot be written: No space left on device." in lost.stderr
    assert b"Traceback" not in lost.stderr


@FULL
@pytest.mark.parametrize("output", ["| true; exit ${PIPESTATUS[0]}", "2>/dev/full", "2>&-", ">&- 2>&-", ">/dev/full"])
def test_a_mistake_keeps_its_status(output: str, tmp_path: Path) -> None:
    for arguments in ("rnu", "check nowhere.yaml", "check nowhere.yaml --json", "run --nope"):
        done = shell(f"$N2S {arguments} {output}", tmp_path)
        assert done.returncode == 2 and quiet(done)


@FULL
def test_commands_that_make_a_file_have_made_it(place: Place) -> None:
    for arguments, name in (("preview track.yaml --node travel -o a.png", "a.png"),
                            ("export track.yaml --port travel -o a.npz", "a.npz"),
                            ("draw track.yaml -o a.svg", "a.svg"), ("schema -o a.json", "a.json")):  # fmt: skip
        done = shell(f"$N2S {arguments} >/dev/full 2>/dev/full", place.folder)
        assert done.returncode == 0 and (place.folder / name).stat().st_size > 100


@pytest.mark.parametrize(
    "command", ["nodes Tone --json", "schema", "check 'fïlm.yaml' --json", "run 'fïlm.yaml' --json"]
)
def test_structured_lines_lose_nothing_on_an_ascii_terminal(command: str, place: Place) -> None:
    place.graph.rename(place.folder / "fïlm.yaml")
    plain, ascii_ = (
        shell(f"$N2S {command}", place.folder, PYTHONIOENCODING=encoding) for encoding in ("utf-8", "ascii")
    )
    assert plain.returncode == ascii_.returncode == 0 and ascii_.stdout.isascii()

    def values(done: subprocess.CompletedProcess) -> Any:
        text = done.stdout.decode()
        return json.loads(text) if command == "schema" else [json.loads(line) for line in text.splitlines()]

    if command.startswith("run"):
        assert [line["event"] for line in values(ascii_)][-1] == "done"
    else:
        assert values(plain) == values(ascii_)


def test_a_terminal_that_shows_less_gets_marks_for_what_it_cannot_show(tmp_path: Path) -> None:
    done = shell("$N2S nodes Tone", tmp_path, PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0 and b"Tone  Frames ? Frames" in done.stdout


CHATTY = """
import os


class Chatty(Streamed):
    \"\"\"Talk.\"\"\"

    frames: Frames = port("pictures")
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        print("talk")
        os.write(1, b"(more) ")
        return frames
"""


@pytest.mark.parametrize("many", ["--jobs", "--workers"])
def test_what_a_node_prints_stays_out_of_structured_lines(place: Place, packages: Any, many: str) -> None:
    place.edit("frames: grain", "frames: chatty")
    place.edit("  out:", "  chatty: {node: Chatty, frames: grain}\n  out:")
    packages.install(CHATTY)
    done = packages.n2s("run", place.graph, "--out", place.out, "--store", place.store.root, many, 2, "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()][-1] == "done"
    assert "talk\n" in done.stderr and "(more) " in done.stderr


def test_structured_lines_are_whole_whatever_threads_write(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=parts.append, flush=lambda: None, encoding="utf-8"))
    events = JsonEvents(write_line)
    events.said("one")
    events.began("two")
    assert [json.loads(part) for part in parts] == [
        {"event": "said", "text": "one"},
        {"event": "began", "what": "two"},
    ]


def test_a_run_in_a_folder_that_is_gone_ends_well(place: Place) -> None:
    # numba imports coverage where it is installed, which asks for the folder that is gone.
    (place.folder / "without").mkdir()
    (place.folder / "without/coverage.py").write_text("raise ImportError")
    without = os.pathsep.join(filter(None, [str(place.folder / "without"), os.environ.get("PYTHONPATH", "")]))
    command = "mkdir gone && cd gone && rmdir ../gone && $N2S run $GRAPH --out $OUT; echo $?"
    done = shell(command, place.folder, GRAPH=str(place.graph), OUT=str(place.out), PYTHONPATH=without)
    assert done.stdout.split()[-1] == b"0" and quiet(done), (done.stdout, done.stderr)
    assert f"{place.film}  30 frames".encode() in done.stdout


GONE = "mkdir gone; cd gone; rmdir ../gone; "


@pytest.mark.parametrize(
    "words",
    [
        "plan {0}",
        "run ../track.yaml --json",
        "why {0}",
        "check ../track.yaml",
        "new {0}/music.wav",
        "cache info --store st",
    ],
)
def test_a_current_folder_that_is_gone_is_told_of(words: str, place: Place) -> None:
    command = f"$N2S {words.format(place.graph)}".replace(f"{place.graph}/", f"{place.folder}/")
    done = shell(f"{GONE}{command}; echo $?", place.folder)
    assert done.stdout.split()[-1] == b"2" and quiet(done), (done.stdout, done.stderr)
    assert b"The current folder is gone" in done.stdout + done.stderr


def test_help_is_there_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    done = shell(f"{GONE}$N2S --version; echo $?", tmp_path)
    assert done.stdout.split()[-1] == b"0" and quiet(done), (done.stdout, done.stderr)


@pytest.mark.parametrize("name", [".", '""', "/"])
def test_a_folder_in_place_of_a_file_is_told_of(name: str, tmp_path: Path) -> None:
    done = shell(f"$N2S schema -o {name}; echo $?", tmp_path)
    assert done.stdout.split()[-1] == b"2" and quiet(done), (done.stdout, done.stderr)
    assert b"cannot be written: Is a directory" in done.stderr
