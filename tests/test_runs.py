"""Runs: what is rendered again after an edit, what a run costs when nothing changed, its record, its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.run import Run

N2S = Path(sys.executable).with_name("n2s")


def command(*arguments: Any) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own."""
    return subprocess.run([str(N2S), *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture
def long_graph(studio: Any, tmp_path: Path) -> Path:
    """A track of 12 s, six chunks of 20 frames."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(12))
    return tiny.write_graph(tmp_path, studio.model, fps=10)


def rendered(path: Path, out: Path, store: Any, executor: Any = None) -> int:
    return harness.run(Graph.load(path), out, store, executor=executor and executor()).rendered


def test_a_comment_a_title_and_another_path_render_nothing(
    long_graph: Path, tmp_path: Path, store: Any, executor: Any
) -> None:
    assert rendered(long_graph, tmp_path / "out", store, executor) == 6
    text = long_graph.read_text(encoding="utf-8")
    long_graph.write_text("# a note\n" + text.replace("title: Track", "title: Renamed   # another"), encoding="utf-8")
    assert rendered(long_graph, tmp_path / "elsewhere", store, executor) == 0
    long_graph.write_text(text.replace("grain:", "noise:").replace("frames: grain", "frames: noise"), encoding="utf-8")
    assert rendered(long_graph, tmp_path / "out", store, executor) == 0


def test_a_constant_of_grain_analyses_nothing_again(
    long_graph: Path, tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(long_graph, tmp_path / "out", store)

    def heard_again(*_: Any) -> None:
        raise AssertionError("the music was analysed again")

    monkeypatch.setattr("n2s.runtime.context.probe", heard_again)
    monkeypatch.setattr("n2s.runtime.media.audio.AudioReader.read", heard_again)
    long_graph.write_text(
        long_graph.read_text(encoding="utf-8").replace("amount: 0.04", "amount: 0.05"), encoding="utf-8"
    )
    job = harness.Run(Graph.load(long_graph), out=tmp_path / "out", store=store)
    job.plan()
    assert len(job.missing()) == 6


def test_a_keyframe_near_the_end_renders_only_the_end(long_graph: Path, tmp_path: Path, store: Any) -> None:
    long_graph.write_text(
        long_graph.read_text(encoding="utf-8").replace("[[0, 0], [60, 1]]", "[[0, 0], [10, 0.5], [11, 0.7], [12, 1]]"),
        encoding="utf-8",
    )
    assert rendered(long_graph, tmp_path / "out", store) == 6
    long_graph.write_text(long_graph.read_text(encoding="utf-8").replace("[11, 0.7]", "[11, 0.9]"), encoding="utf-8")
    job = harness.Run(Graph.load(long_graph), out=tmp_path / "out", store=store)
    job.plan()
    assert [(task.start, task.stop) for task in job.missing()] == [(100, 120)]


def test_an_edit_of_the_music_renders_only_what_it_reaches(long_graph: Path, tmp_path: Path, store: Any) -> None:
    # A raw measure: a normalised one depends on percentiles of the whole track.
    text = long_graph.read_text(encoding="utf-8").replace("features.onset,", "features.onset_raw,")
    long_graph.write_text(text.replace("= 0.8 * pulse", "= clamp(0.01 * pulse, 0, 1)"), encoding="utf-8")
    assert rendered(long_graph, tmp_path / "out", store) == 6
    music = tiny.clicks(12)
    between = round(8.25 * 22050)
    music[between : between + 800] += music[:800]
    tiny.write_wav(tmp_path / "music.wav", music)
    job = harness.Run(Graph.load(long_graph), out=tmp_path / "out", store=store)
    job.plan()
    stale = {(task.start, task.stop) for task in job.missing()}
    assert (80, 100) in stale and not stale & {(0, 20), (20, 40), (40, 60), (60, 80)}


def test_retagging_the_music_renders_nothing(long_graph: Path, tmp_path: Path, store: Any) -> None:
    import soundfile

    rendered(long_graph, tmp_path / "out", store)
    samples, rate = soundfile.read(tmp_path / "music.wav", dtype="float32")
    with soundfile.SoundFile(tmp_path / "music.wav", "w", rate, 1, "FLOAT") as file:
        file.title = "Another title"
        file.write(samples)
    assert rendered(long_graph, tmp_path / "out", store) == 0


COST = """
import json, sys, threading
import graphviz, imageio_ffmpeg, networkx, numpy, platformdirs, pydantic, rich.progress, ruamel.yaml, typer
import n2s.cli, n2s.nodes, n2s.runtime.run, n2s.runtime.progress
from pathlib import Path
from n2s import Graph
from n2s.runtime.run import Run
from n2s.runtime.store import Store
calls, children = 0, []
def count(frame, event, what):
    global calls
    calls += event == "call"
sys.addaudithook(lambda event, args: children.append(str(args[0])) if event == "subprocess.Popen" else None)
threading.setprofile(count)
sys.setprofile(count)
report = Run(Graph.load(sys.argv[1]), out=Path(sys.argv[2]), store=Store(Path(sys.argv[3]))).execute()
sys.setprofile(None)
heavy = sorted({"onnxruntime", "librosa", "scipy.signal", "numba"} & set(sys.modules))
print(json.dumps({"calls": calls, "children": children, "heavy": heavy, "rendered": report.rendered}))
"""


def test_an_unchanged_album_costs_next_to_nothing(studio: Any, tmp_path: Path, store: Any) -> None:
    path = write_album(tmp_path, studio.model, [22050 * 5, 22050 * 6, 22050 * 4])
    harness.run(Graph.load(path), tmp_path / "out", store)
    command = [sys.executable, "-c", COST, str(path), str(tmp_path / "out"), str(store.root)]
    for _ in range(2):  # the first one notes what it reads off the code, unless this process knew it already
        figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert figures["rendered"] == 0
    assert figures["children"] == figures["heavy"] == []
    assert figures["calls"] < 500_000  # Python's function calls: the same on every machine, unlike seconds


PEAK = """
import json, sys
from pathlib import Path
from n2s import Graph
from n2s.runtime.run import Run
from n2s.runtime.store import Store
def memory(name):  # of this program; what getrusage tells begins with the memory of the one that started it
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return 1024 * int(status[name].split()[0])
job = Run(Graph.load(sys.argv[1]), out=Path(sys.argv[2]), store=Store(Path(sys.argv[3])))
job.plan()
heard = memory("VmRSS")  # what was heard is as long as the music: rows of analysis, signals
report = job.execute()
print(json.dumps({"peak": memory("VmHWM") - heard, "frames": report.frames}))
"""


LEAN = """\
n2s: 1
fps: 2
size: [1280, 720]
nodes:
  track: {{node: AudioSource, path: {minutes}.wav}}
  features: {{node: Features, audio: track}}
  weights: {{node: Weights, signal: features.rms, count: 3}}
  anchors: {{node: Anchors, weights: weights, names: [red, green, blue], model: {model}}}
  smooth: {{node: LatentEMA, latents: anchors, half_life: 0.5}}
  film: {{node: VAEDecode, latents: smooth, model: {model}, grid: [2, 4]}}
  tone: {{node: Tone, frames: film, exposure: = features.onset}}
  out: {{node: FFmpegSink, frames: tone, audio: track, path: "{minutes}.mp4", crf: 35, preset: ultrafast, chunk: 40}}
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read off /proc")
def test_memory_does_not_grow_with_the_music(studio: Any, tmp_path: Path, new_store: Any) -> None:
    """What rendering takes beside what was heard: of three minutes, in which all chunks are in flight, and twenty."""
    peaks = {}
    for minutes in (3, 20):
        tiny.write_wav(tmp_path / f"{minutes}.wav", np.tile(tiny.clicks(60, rate=8000), (minutes, 1)), 8000)
        path = tmp_path / f"long{minutes}.yaml"
        path.write_text(LEAN.format(minutes=minutes, model=studio.model))
        command = [sys.executable, "-c", PEAK, str(path), str(tmp_path / "out"), str(new_store().root)]
        figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        assert figures["frames"] == minutes * 60 * 2
        peaks[minutes] = figures["peak"]
    assert peaks[20] / peaks[3] < 1.1


def test_the_record_tells_the_run(long_graph: Path, tmp_path: Path, store: Any, executor: Any) -> None:
    report = harness.run(Graph.load(long_graph), tmp_path / "out", store, executor=executor())
    record = json.loads(report.record.read_text())
    assert record["status"] == "done" and record["chunks"] == {"rendered": 6, "beside": 0, "stored": 0}
    (stages,) = record["stages"].values()
    assert stages[0][-1] == "out"
    film = record["films"][0]
    assert film["frames"] == 120 and film["seconds"] == 12 and len(film["sha256"]) == 64
    assert record["graphs"][str(long_graph)]["seed"] == 7
    assert record["environment"]["numba"] and record["machine"]["processors"]
    assert list(record["models"].values())[0]["decoder.fp32.onnx"]
    assert record["nodes"]["film"]["seconds"] > 0 and record["nodes"]["film"]["frames"] == 120
    assert report.computed["out (encoder)"] == report.computed["film"] == 120
    assert "published" in (report.record.parent / "run.log").read_text()


def test_a_part_of_a_track(long_graph: Path, tmp_path: Path, store: Any) -> None:
    done = command("run", long_graph, "--from", 1, "--to", "3.5", "--out", tmp_path / "out", "--store", store.root)
    assert done.returncode == 0, done.stderr
    tracks = {track.handler: track for track in harness_read(tmp_path / "out/track-0m01s-0m03.5s.mp4")}
    assert tracks["vide"].samples == 25 and tracks["soun"].duration == 2.5


def harness_read(path: Path) -> Any:
    from n2s.formats.mp4 import read_mp4

    return read_mp4(path)


@pytest.mark.parametrize("many", ["--jobs", "--workers"])
def test_the_command_line(many: str, long_graph: Path, tmp_path: Path, store: Any, n2s: Any) -> None:
    """The run that renders is a process of its own, whose store all other commands find as it left it."""
    common = ("--out", tmp_path / "out")
    status, out, _ = n2s("run", long_graph, "--dry-run", *common)
    assert status == 0 and "track.mp4: 6 of 6 chunks (120 of 120 frames) to render" in out
    assert not (tmp_path / "out").exists()
    first = command("run", long_graph, many, 2, *common, "--store", store.root)
    assert first.returncode == 0, first.stderr
    assert "Rendered 6 chunks (120 frames)" in first.stdout and "frames/s" in first.stderr
    assert "Rendered 0 chunks; 6 came from the store." in n2s("run", long_graph, *common)[1]
    settings = ("--set", "grain.amount=0.06", "--set", "tone.exposure== 0.5 * pulse")
    assert "Rendered 6 chunks" in n2s("run", long_graph, *settings, *common)[1]
    assert "track.mp4: up to date" in n2s("run", long_graph, *settings, "--dry-run", *common)[1]


def test_wrong_command_lines(long_graph: Path, tmp_path: Path, n2s: Any) -> None:
    for wrong, words in (
        (["run", long_graph, "--set", "grian.amount=1"], 'Did you mean "grain"?'),
        (["run", long_graph, "--set", "nonsense"], "--set takes node.setting=value"),
        (["run", long_graph, "--jobs", "0"], "--jobs"),
        (["run", long_graph, "--workers", "0"], "--workers"),
        (["run", long_graph, "--from", "11", "--to", "10"], "leaves no frame"),
        (["run", tmp_path / "missing.yaml"], "There is no such file"),
        (["check", tmp_path / "missing.yaml"], "There is no such file"),
        (["fly"], "fly"),
    ):
        status, _, said = n2s(*wrong, *(("--out", tmp_path / "out") if wrong[0] == "run" else ()))
        assert status == 2 and words in said and "Traceback" not in said, said


def test_drawing(long_graph: Path, tmp_path: Path, n2s: Any) -> None:
    for ending, magic in (("svg", b"<?xml"), ("dot", b"digraph"), ("png", b"\x89PNG")):
        status, _, said = n2s("draw", long_graph, "-o", tmp_path / f"graph.{ending}")
        assert status == 0, said
        assert (tmp_path / f"graph.{ending}").read_bytes().lstrip(b"// <>\n").startswith((magic, magic.lstrip(b"<")))
    dot = (tmp_path / "graph.dot").read_text()
    assert "= 0.8 * pulse" in dot and 'tooltip="features.onset → pulse.signal (Signal)"' in dot and "#4f9d69" in dot
    assert n2s("draw", long_graph, "-o", tmp_path / "graph.doc")[0] != 0


def test_the_album_takes_settings_for_its_tracks(studio: Any, tmp_path: Path, store: Any, n2s: Any) -> None:
    path = write_album(tmp_path, studio.model, [22050, 22050])
    common = ("--out", tmp_path / "out")
    assert n2s("run", path, *common)[0] == 0
    out = n2s("run", path, "--set", "track1.grain.amount=0.1", "--dry-run", *common)[1]
    assert "track0.mp4: up to date" in out
    assert "track1.mp4: 1 of 1 chunks" in out and "album.mp4: 1 of 2 chunks" in out
    environment = os.environ | {"N2S_STORE": str(store.root)}
    relative = subprocess.run(
        [str(N2S), "run", "album.yaml", "--out", "out"], cwd=tmp_path, env=environment, capture_output=True
    )
    assert relative.returncode == 0 and b"Rendered 0 chunks" in relative.stdout


def test_the_music_is_encoded_while_frames_render(long_graph: Path, tmp_path: Path, store: Any, executor: Any) -> None:
    class Waiting(Events):
        """Holds the first frames back until the music is there."""

        def rendered(self, frames: int) -> None:
            for _ in range(600):
                if list(store.root.glob("audio-tracks/*/*.mp4")):
                    return
                time.sleep(0.05)
            raise AssertionError("no music within half a minute")

    Run(Graph.load(long_graph), out=tmp_path / "out", store=store, events=Waiting(), executor=executor()).execute()


def test_music_that_is_given_up_leaves_nothing(long_graph: Path, tmp_path: Path, store: Any) -> None:
    class GivenUp(Exception):
        pass

    def check() -> None:
        raise GivenUp

    run = Run(Graph.load(long_graph), out=tmp_path / "out", store=store)
    with pytest.raises(GivenUp):
        run.maker.music(run.plan()[0], check)
    assert not list(store.root.glob("audio-tracks/*/*"))


def test_a_run_that_is_executed_again_tells_of_itself_alone(long_graph: Path, tmp_path: Path, store: Any) -> None:
    run = Run(Graph.load(long_graph), tmp_path / "out", store, span=(0, 2), force=True)
    first, second = run.execute(), run.execute()
    assert first is not second and first.record != second.record
    assert (first.rendered, first.frames, len(first.films)) == (second.rendered, second.frames, len(second.films))
    assert second.computed == first.computed and second.rendered > 0
    written = json.loads(second.record.read_text())
    assert len(written["films"]) == 1 and written["chunks"]["rendered"] == second.rendered


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit("mine")])
@pytest.mark.parametrize(
    "event", ["said", "rendered", "began", "planned", "laid_out", "finished", "published", "ended"]
)
def test_what_a_watcher_raises_comes_out_as_it_is(
    event: str, error: BaseException, long_graph: Path, tmp_path: Path, store: Any
) -> None:
    def fail(self: Any, *told: Any) -> None:
        raise error

    watcher = type("Watcher", (Events,), {event: fail})()
    with pytest.raises(type(error), match=r"^mine$"):
        Run(Graph.load(long_graph), tmp_path / "out", store, span=(0, 1), events=watcher).execute()


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_a_finished_film_has_its_record_whatever_a_watcher_raises_at_the_end(
    raised: type[BaseException], long_graph: Path, tmp_path: Path, store: Any
) -> None:
    def fail(self: Any) -> None:
        raise raised("mine")

    watcher = type("Watcher", (Events,), {"ended": fail})()
    run = Run(Graph.load(long_graph), tmp_path / "out", store, span=(0, 1), events=watcher)
    with pytest.raises(raised, match=r"^mine$"):
        run.execute()
    written = json.loads(next((tmp_path / "out").glob("*/run.json")).read_text())
    assert written["status"] == "done" and len(written["films"]) == 1
