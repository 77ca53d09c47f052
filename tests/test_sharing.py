"""Films of the same frames, in one run: these are made once, and every film has the bits that it has alone."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path
from typing import Any

import harness
import pytest
from clusters import Cluster
from places import POSIX
from test_cluster import Killer
from test_measures import FRAMES
from test_measures_on_the_way import AHEAD, CHUNK, changed_chunks, limited, limits  # noqa: F401
from test_processes import children
from test_profiles import write_track

from n2s.formats.video import Video
from n2s.graph.errors import Cancelled, RenderError
from n2s.graph.graph import Graph
from n2s.plan.keys import Chunk, Keys
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.film import FilmJob
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.films.sharing import MOST
from n2s.runtime.foresee import foresee
from n2s.runtime.run import Run
from n2s.runtime.session import Session

CHUNKS = 4  # of 20 frames
KEY_OF = Keys.chunk
SINKS = {
    "web": {"node": "FFmpegSink", "frames": "lit", "path": "web.mp4", "preset": "ultrafast", "chunk": 20},
    "small": {
        "node": "FFmpegSink",
        "frames": "lit",
        "path": "small.mp4",
        "preset": "ultrafast",
        "crf": 40,
        "chunk": 20,
    },
    "master": {"node": "FFmpegSink", "frames": "dimmed", "path": "master.mov", "codec": "prores", "chunk": 20},
}


def graph(studio: Any, *sinks: str, **changed: dict[str, Any]) -> Graph:
    """Return a graph of some of the sinks: two that store the same codes, one of other pixels behind one node more."""
    nodes = harness.surroundings(studio.model) | {
        "lit": {"node": "Tone", "frames": "decoded", "exposure": "= 0.5 * ramp"},
        "dimmed": {"node": "Tone", "frames": "lit", "exposure": "= -ramp"},
    }
    made = {name: {**SINKS[name], **changed.get(name, {})} for name in sinks or SINKS}
    further = {name: node for name, node in changed.items() if name not in SINKS}
    return harness.load({"n2s": 1, "fps": 30, "size": [96, 64], "nodes": nodes | further | made}, studio.folder)


def shas(report: Any) -> dict[str, str]:
    """Return the digest of each film by its name."""
    return {Path(film["path"]).name: film["sha256"] for film in report.films}


@pytest.fixture
def apart(studio: Any, new_store: Any, tmp_path: Path) -> Any:
    """Render each sink of a graph by itself."""

    def render(**changed: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in SINKS:
            made = harness.run(graph(studio, name, **changed), tmp_path / f"only {name}", new_store())
            assert made.computed["decoded"] >= FRAMES
            found |= shas(made)
        return found

    return render


def test_frames_are_made_once_for_all_sinks(
    executor: Any, studio: Any, apart: Any, new_store: Any, tmp_path: Path
) -> None:
    wanted = apart()
    for count in (1, 2):
        report = harness.run(graph(studio), tmp_path / str(count), new_store(), executor=executor(count))
        assert shas(report) == wanted
        assert (report.rendered, report.frames, report.stored) == (3 * CHUNKS, 3 * FRAMES, 0)
        once = ("decoded", "lit", "web", "dimmed+master", "web (encoder)", "small (encoder)", "master (encoder)")
        assert {name: report.computed[name] for name in once} == dict.fromkeys(once, FRAMES)
        assert "small" not in report.computed, "its codes are those of the other film"
    told = json.loads(report.record.read_text())
    assert told["chunks"] == {"rendered": 3 * CHUNKS, "beside": 0, "stored": 0}
    assert told["nodes"]["decoded"]["frames"] == FRAMES


@POSIX
def test_a_worker_that_dies_in_the_middle_takes_no_film_with_it(
    cluster: Cluster, studio: Any, apart: Any, new_store: Any, tmp_path: Path
) -> None:
    wanted, before = apart(), children()
    makers = [
        (ProcessExecutor(1), Killer(lambda: (children() - before).pop())),
        (cluster.executor(), Killer(lambda: cluster.pids().popitem()[1])),
    ]
    for number, (executor, events) in enumerate(makers):
        report = harness.run(graph(studio), tmp_path / str(number), new_store(), executor=executor, events=events)
        assert events.killed and shas(report) == wanted
        assert (report.rendered, report.computed["decoded"]) == (3 * CHUNKS, FRAMES)
    cluster.wait()


def test_decoded_frames_are_brought_to_the_films_size_once(studio: Any, new_store: Any, tmp_path: Path) -> None:
    changed = {"web": {"frames": "decoded"}, "master": {"frames": "decoded"}}
    made = [
        harness.run(graph(studio, *names, **changed), tmp_path / "-".join(names), new_store())
        for names in (["web"], ["master"], ["web", "master"])
    ]
    assert shas(made[2]) == shas(made[0]) | shas(made[1])
    assert made[2].computed["decoded"] == made[2].computed["decoded at 96x64"] == FRAMES
    assert "decoded at 96x64" not in made[0].computed


def test_what_the_store_has_is_not_encoded_again(studio: Any, apart: Any, store: Any, tmp_path: Path) -> None:
    harness.run(graph(studio, "small"), tmp_path / "small", store)
    report = harness.run(graph(studio), tmp_path / "all", store)
    assert (report.rendered, report.stored) == (2 * CHUNKS, CHUNKS) and "small (encoder)" not in report.computed
    assert report.computed["decoded"] == FRAMES and shas(report) == apart()


def test_chunks_of_other_lengths_are_rendered_apart(studio: Any, store: Any, tmp_path: Path) -> None:
    report = harness.run(graph(studio, "web", "master", master={"chunk": 30}), tmp_path, store)
    assert report.rendered == CHUNKS + 3
    # Frames 60 to 63 are a chunk of both films.
    assert report.computed["decoded"] == 2 * FRAMES - 3


def test_a_film_that_sees_frames_around_has_them_too(
    packages: Any, studio: Any, new_store: Any, tmp_path: Path
) -> None:
    packages.install(AHEAD.replace("return 0, 2", "return 9, 2").replace("frames[i : i + 3]", "frames[i : i + 12]"))
    changed = {"around": {"node": "Ahead", "frames": "lit"}, "master": {"frames": "around"}}
    apart = harness.run(graph(studio, "master", **changed), tmp_path / "apart", new_store())
    report = harness.run(graph(studio, "web", "master", **changed), tmp_path / "both", new_store())
    assert shas(report)["master.mov"] == shas(apart)["master.mov"]
    assert report.computed["decoded"] == apart.computed["decoded"] > FRAMES, "what sees most comes first"


def test_a_full_disk_loses_nothing_of_the_other_film(
    studio: Any, apart: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Video.write_segment

    def fails(self: Any, path: Path, sink: Any, shape: Any, blocks: Any) -> None:
        if sink.codec != "prores":
            return write(self, path, sink, shape, blocks)
        next(blocks)
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Video, "write_segment", fails)
        with pytest.raises(RenderError, match="The disk is full"):
            harness.run(graph(studio), tmp_path / "all", store, executor=ThreadExecutor(1))
    assert len(list(store.root.glob("segments/*/*.mp4"))) == 2, "the first chunks of both other films"
    report = harness.run(graph(studio), tmp_path / "all", store)
    assert (report.rendered, report.stored) == (3 * CHUNKS - 2, 2) and shas(report) == apart()


def test_a_task_that_is_given_up_leaves_nothing(studio: Any, store: Any, tmp_path: Path) -> None:
    job = Run(graph(studio), tmp_path, store)
    job.plan()
    (task, *_), made = job.missing(), []
    assert [len(task.chunks), len(set(task.keys))] == [3, 3]
    renderer = FilmJob.open(job.planned.job([task], job.context), job.context, job.events)

    def progress(frames: int) -> None:
        made.append(frames)
        if sum(made) >= 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        renderer.render(task, progress)
    assert [path for path in store.root.glob("segments/*/*") if path.is_file()] == []
    assert not [thread.name for thread in threading.enumerate() if thread.name.endswith(" encoder")]
    job.context.close()


@pytest.mark.usefixtures("limits")
def test_what_measures_look_at_is_made_once_for_two_films(studio: Any, new_store: Any, tmp_path: Path) -> None:
    alone = harness.run(limited(studio), tmp_path / "alone", new_store(), executor=ThreadExecutor(1))
    second = {"node": "DigestSink", "frames": "negative", "audio": "track", "path": "second.txt", "chunk": CHUNK}
    negative = {"node": "Tone", "frames": "shown", "exposure": -1}
    both, store = limited(studio, second=second, negative=negative), new_store()
    report = harness.run(both, tmp_path / "both", store, executor=ThreadExecutor(1))
    assert shas(report)["film.txt"] == shas(alone)["film.txt"]
    assert (report.measured, report.rendered) == (alone.measured, 2 * alone.rendered)
    assert report.computed["decoded"] == alone.computed["decoded"]
    assert changed_chunks(limited(studio), store) == alone.rendered - 7


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_track(tmp_path, seconds=4)


def command(song: Path, folder: str, *profiles: str) -> list[Any]:
    return ["run", song, "--size", "96x54", "--out", song.parent / folder, *(f"--profile={name}" for name in profiles)]


def films(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("song-*.m*")}


def test_profiles_of_one_size_share_their_frames(song: Path, n2s: Any) -> None:
    both = command(song, "both", "youtube", "apple")
    assert n2s(*both, "--dry-run")[1].splitlines()[1:] == [
        "How long it takes is known when it has begun.",
        "song-apple.mov: 2 of 2 chunks (120 of 120 frames) to render",
        "They are rendered with those above, of the same frames.",
    ]
    status, said, err = n2s(*both, "--json")
    assert status == 0, err
    first, second = (told for line in said.splitlines() if (told := json.loads(line))["event"] == "done")
    assert (first["rendered"], first["beside"], first["computed"]["film"]) == (2, 0, 120)
    assert (second["rendered"], second["beside"], second["frames"], second["stored"]) == (2, 2, 120, 0)
    assert "film" not in second["computed"] and second["computed"]["out (encoder)"] == 120
    assert n2s(*command(song, "again", "youtube", "apple"))[1].count("Rendered 0 chunks; 2 came from the store.") == 2
    for name in ("youtube", "apple"):
        assert "Rendered 2 chunks (120 frames) in" in n2s(*command(song, "apart", name), "--force")[1]
    assert films(song.parent / "apart") == films(song.parent / "both") == films(song.parent / "again")
    said = n2s(*both, "--force")[1]
    assert "Rendered 2 chunks (120 frames), all with another film of the same frames; 0 came from the store." in said


def test_how_long_several_films_take_is_known_of_several(song: Path, n2s: Any) -> None:
    n2s(*command(song, "both", "youtube", "apple"))

    def estimates(*profiles: str) -> list[Any]:
        changed = [*command(song, "both", *profiles), "--set", "film.grid=[2, 3]", "--dry-run", "--json"]
        told = [json.loads(line) for line in n2s(*changed)[1].splitlines()]
        return [each["seconds"] for each in told if each["event"] == "estimate"]

    both = estimates("youtube", "apple")
    assert both[0] > 0 and both[1] == 0
    assert estimates("youtube") == estimates("apple") == [None], "how long one takes alone was never seen"


def test_a_plan_says_what_is_shared_and_what_it_costs(studio: Any, store: Any, tmp_path: Path, n2s: Any) -> None:
    made = graph(studio, master={"chunk": 30})
    path = made.save(tmp_path / "shared.yaml")
    said = n2s("plan", path)[1]
    assert said.count("shares  the frames of") == 3
    assert "  shares  the frames of 1 of 4 chunks with master.mov, 4 of 4 chunks with small.mp4\n" in said
    assert "  shares  the frames of 1 of 3 chunks with small.mp4, 1 of 3 chunks with web.mp4\n" in said
    harness.run(Graph.load(path), tmp_path, store)
    (told,) = map(json.loads, n2s("plan", path, "--simulate", "workers=1", "--json")[1].splitlines())
    (workers,) = (kind for kind in told["kinds"] if kind["costs"])
    assert workers["seconds"] > 0 and workers["costs"]["frame"] > 0


def test_later_runs_are_planned_once(song: Path, store: Any, tmp_path: Path) -> None:
    runs = [Run(Graph.load(song, {"out.crf": crf, "out.path": f"{crf}.mp4"}), tmp_path, store) for crf in (20, 30)]
    runs[0].later = runs[1:]
    foreseen = [foresee(run) for run in runs]
    assert [len(each.missing) for each in foreseen] == [2, 2]
    assert [[len(task.chunks) for task in each.tasks] for each in foreseen] == [[2, 2], []]
    for run in runs:
        run.context.close()


def test_a_task_makes_a_few_films_at_most(studio: Any, store: Any, tmp_path: Path) -> None:
    """Each has an encoder: those of an album whose tracks all show one picture would all be open at once."""
    more = {f"film{i}": SINKS["web"] | {"path": f"film{i}.mp4", "crf": 20 + i} for i in range(2 * MOST)}
    with Session(graph(studio, "web", **more), store) as session:
        foreseen = session.films(tmp_path)
    counts = [len(task.chunks) for task in foreseen.tasks() if task.start == 0]
    assert sum(counts) == 2 * MOST + 1 and max(counts) == MOST and len(counts) == 3


def test_what_chunks_are_made_of_is_worked_out_only_where_several_films_have_some_to_make(
    studio: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is made of all signals over the chunk's frames."""
    asked: list[str] = []

    def chunk(self: Keys, start: int, stop: int, stage: str | None = None) -> Chunk:
        asked.extend([] if stage is None else [stage])
        return KEY_OF(self, start, stop, stage)

    with Session(graph(studio, "web", "small", "master"), store) as session:
        planned = session.films(tmp_path)
    web, small, master = ([task for task in planned.all_chunks() if task.plan == number] for number in range(3))
    monkeypatch.setattr(Keys, "chunk", chunk)
    assert planned.joined(web) == web and asked == []
    assert [task.chunks for task in planned.joined([*web, *master])] == [
        (*one.chunks, *other.chunks) for one, other in zip(web, master)
    ]
    assert len(asked) == 2 * CHUNKS
    assert [len(task.chunks) for task in planned.joined([*web, *small, *master])] == CHUNKS * [3]


def test_a_task_names_all_that_it_makes() -> None:
    task = Task(0, 0, 20, "a", measures=((2, "m"),), beside=((1, "b"),))
    assert task.chunks == ((0, "a"), (1, "b")) and task.keys == ("a", "b", "m")
