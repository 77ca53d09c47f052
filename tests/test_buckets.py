"""Stores in buckets: whole entries or none, whoever writes when; films whose machines share nothing else."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import obstore
import pytest
from buckets import Buckets
from clusters import Cluster
from places import Place, n2s
from test_executors import carry_out, planned
from toys import Squares

from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime import bucket
from n2s.runtime.bucket import BucketStore
from n2s.runtime.context import RunContext
from n2s.runtime.executors.cluster.plugin import JobPlugin
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.executors.sources import KIND, _place, send_sources
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.store import publish
from n2s.runtime.stores import open_store

KEY, OTHER = "a1" * 20, "b2" * 20


@pytest.fixture
def address(buckets: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return buckets.new(monkeypatch, tmp_path / "copies")


@pytest.fixture
def machine(address: str, tmp_path: Path, kernel_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the store as machines of some names do, each with a folder of its own for copies."""

    def opened(name: str) -> BucketStore:
        monkeypatch.setenv("N2S_COPIES", str(tmp_path / name))
        store = open_store(address)
        store.root.mkdir(parents=True, exist_ok=True)
        if not store.kernels.exists():
            store.kernels.symlink_to(kernel_cache)
        return store

    return opened


def add(store: BucketStore, text: str = "made", key: str = KEY) -> Path:
    return store.add("sums", key, ".txt", {"of": "two"}, lambda path: path.write_text(text))


def objects(store: BucketStore) -> list[str]:
    return sorted(about["path"] for page in obstore.list(store._bucket) for about in page)


def test_what_one_machine_adds_another_finds(machine: Any) -> None:
    here, there = machine("here"), machine("there")
    add(here)
    assert there.has("sums", KEY, ".txt") and not there.has("sums", OTHER, ".txt")
    assert there.find("sums", KEY, ".txt").read_text() == "made"
    assert there.recipe("sums", KEY) == here.recipe("sums", KEY) == {"of": "two"}
    assert there.find("sums", OTHER, ".txt") is None
    assert here.size()[0] == 1


def test_whether_an_entry_is_there_is_told_without_copying_it(machine: Any) -> None:
    here, there = machine("here"), machine("there")
    add(here)
    assert there.has("sums", KEY, ".txt") and not list(there.root.rglob("*.txt"))
    payload = next(name for name in objects(here) if name.endswith(".txt"))
    obstore.put(here._bucket, payload, b"ma")
    assert not there.has("sums", KEY, ".txt") and here.has("sums", KEY, ".txt")
    obstore.delete(here._bucket, payload)  # payloads may expire before their cards
    assert not there.has("sums", KEY, ".txt")


def test_a_copy_is_read_without_asking_again(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add(machine("here"))
    there = machine("there")
    there.find("sums", KEY, ".txt")
    monkeypatch.setattr(obstore, "get", None)
    assert there.find("sums", KEY, ".txt").read_text() == "made"


def test_the_payload_is_put_before_the_card(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, put, order = machine("here"), obstore.put, []

    def noting(store: Any, path: str, file: Any, **options: Any) -> Any:
        order.append((path.rpartition(".")[2], options.get("mode")))
        return put(store, path, file, **options)

    monkeypatch.setattr(obstore, "put", noting)
    add(here)
    assert order == [("txt", None), ("json", "create")]


def test_a_payload_without_a_card_is_no_entry(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, put = machine("here"), obstore.put

    def dying(store: Any, path: str, file: Any, **options: Any) -> Any:
        if path.endswith(".json"):
            raise KeyboardInterrupt
        return put(store, path, file, **options)

    monkeypatch.setattr(obstore, "put", dying)
    with pytest.raises(KeyboardInterrupt):
        add(here)
    there = machine("there")
    assert len(objects(there)) == 1 and not there.has("sums", KEY, ".txt")
    monkeypatch.setattr(obstore, "put", put)
    add(there, "made anew")
    assert machine("third").find("sums", KEY, ".txt").read_text() == "made anew"


@pytest.mark.parametrize("what", ["payload", "card", "no payload"])
def test_a_damaged_entry_is_a_miss_and_is_made_again(what: str, machine: Any) -> None:
    here, there = machine("here"), machine("there")
    add(here)
    payload, card = objects(here)
    payload, card = (payload, card) if card.endswith(".json") else (card, payload)
    if what == "no payload":
        obstore.delete(here._bucket, payload)
    else:
        obstore.put(here._bucket, payload if what == "payload" else card, b"mode")
    assert there.find("sums", KEY, ".txt") is None
    assert card not in objects(there)
    add(there)
    assert machine("third").find("sums", KEY, ".txt").read_text() == "made"


def test_a_copy_that_is_lost_says_nothing_about_the_bucket(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = machine("here"), machine("there")
    add(here)

    def trimmed(path: Path, write: Any) -> None:
        publish(path, write)
        path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr("n2s.runtime.bucket.publish", trimmed)
        there.find("sums", KEY, ".txt")
    assert len(objects(here)) == 2 and there.find("sums", KEY, ".txt").read_text() == "made"


def test_of_two_that_differ_each_finds_a_whole_one(machine: Any) -> None:
    add(machine("here"), "first")
    add(machine("there"), "second")
    assert machine("third").find("sums", KEY, ".txt").read_text() == "second"  # rendered again: --force


def test_notes_that_machines_tell_each_other(machine: Any) -> None:
    here, there = machine("here"), machine("there")
    here.note("cluster", "who", "I")
    here.note("written", "film", [3])
    assert there.noted("cluster", "who") == "I" and there.noted("written", "film") is None
    there.note("cluster", "who", "you")
    assert here.noted("cluster", "who") == "you"


def test_what_frames_cost_is_known_to_other_machines(machine: Any) -> None:
    machine("here").note("costs", "such frames", {"1": 2.5})
    assert machine("there").noted("costs", "such frames") == {"1": 2.5}


def test_of_two_that_name_a_store_at_once_the_first_wins(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = machine("here"), machine("there")
    with monkeypatch.context() as patch:
        patch.setattr(BucketStore, "_read", lambda *_: None)  # as if both had looked before either has written
        here.note("cluster", "who", "I", replace=False)
        there.note("cluster", "who", "you", replace=False)
    assert here.agree("cluster", "who", "I") == there.agree("cluster", "who", "you") == "I"


def test_a_name_that_expired_in_the_bucket_is_put_there_again(machine: Any) -> None:
    here = machine("here")
    here.agree("cluster", "who", "I")
    obstore.delete(here._bucket, objects(here)[0])
    assert here.agree("cluster", "who", "another") == machine("there").noted("cluster", "who") == "I"


def test_verify_says_that_copies_alone_are_checked(machine: Any) -> None:
    add(machine("here"))
    there = machine("there")
    done = n2s("cache", "verify", "--store", there.address)
    assert f"All 0 entries are whole.\nChecked were this machine's copies alone, in {there.root}" in done.stdout
    assert f'"checked": "{there.root}"' in n2s("cache", "verify", "--json", "--store", there.address).stdout


def test_a_cluster_whose_store_is_a_bucket(
    cluster: Cluster,
    buckets: Buckets,
    machine: Any,
    place: Place,
    tmp_path: Path,
    kernel_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders: list[Order] = []

    def noted(run: str, order: Order) -> JobPlugin:
        orders.append(order)
        return JobPlugin(run, order)

    monkeypatch.setattr("n2s.runtime.executors.cluster.executor.JobPlugin", noted)
    place.run()
    usual = place.film.read_bytes()
    place.film.unlink()
    there = machine("there")
    cluster.set_environment(**buckets.environment, N2S_COPIES=str(tmp_path / "there"))
    place.store = machine("here")
    report = place.run(executor=cluster.executor())
    assert report.rendered == 2 and place.film.read_bytes() == usual
    assert list((there.root / "segments").glob("*/*.mp4"))  # made there, read here
    assert [order.limit for order in orders] == [None]  # each machine has its own
    place.film.unlink()
    place.store = machine("another home")
    assert place.run().rendered == 0 and place.film.read_bytes() == usual


@pytest.mark.parametrize("elsewhere", [False, True])
def test_copies_elsewhere_have_the_limit_of_their_own_machine(
    elsewhere: bool, machine: Any, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("N2S_STORE_LIMIT", "3GB")
    for store in (machine("here"), new_store()):
        order = Order.of(Squares(), RunContext(store, print), elsewhere=elsewhere)
        with monkeypatch.context() as there:
            there.setenv("N2S_STORE_LIMIT", "1GB")
            opened = OpenedJob(order, print, threading.Event())
        assert opened._context is not None
        own = elsewhere and store.is_distant
        assert opened._context.store.limit == (10**9 if own else 3 * 10**9)


def test_files_reach_machines_that_do_not_see_them(machine: Any, place: Place, studio: Any, new_store: Any) -> None:
    picture = place.folder / "still.png"
    picture.write_bytes((studio.folder / "picture.png").read_bytes())
    place.edit("frames: grain", "frames: both")
    place.edit("  out:", "  both: {node: Mix, a: grain, b: still}\n  out:")
    place.edit("  out:", "  still: {node: ImageSource, path: still.png}\n  out:")
    here = machine("here")
    run, tasks = planned(Graph.load(place.graph), place.out, here)
    job = run.planned.job(tasks, run.context).for_others(run.context)
    assert set(job.sources) == {picture, studio.model}
    data = pickle.dumps(job)
    picture.rename(picture.with_name("hidden.png"))
    carry_out(ThreadExecutor(1), pickle.loads(data), tasks, machine("there"))
    picture.with_name("hidden.png").rename(picture)
    found = here.find("segments", tasks[0].key, ".mp4").read_bytes()
    apart = new_store()
    carry_out(ThreadExecutor(1), run.planned.job(tasks, run.context), tasks, apart)
    assert apart.find("segments", tasks[0].key, ".mp4").read_bytes() == found


@pytest.mark.parametrize("expired", ["all", "payload", "card", "damaged card"])
def test_files_that_expired_in_the_bucket_are_sent_again(
    expired: str, machine: Any, studio: Any, tmp_path: Path
) -> None:
    """Also while home has a copy of its own."""
    picture = studio.folder / "picture.png"
    home = RunContext(machine("home"), print)
    (_, ((_, key, _),)) = send_sources([picture], home)[picture]
    bucket = machine("home")._bucket
    for name in objects(machine("home")):
        if expired == "damaged card":
            if name.endswith(".json"):
                obstore.put(bucket, name, b"{")
        elif expired == "all" or (expired == "card") == name.endswith(".json"):
            obstore.delete(bucket, name)
    assert home.store.has(KIND, key, ".png") and not home.store.has_for_others(KIND, key, ".png")
    sent = send_sources([picture], home)
    there = RunContext(machine("there"), print)
    assert _place(picture, sent[picture], there, tmp_path / "placed").read_bytes() == picture.read_bytes()


def test_a_bucket_that_is_not_there_is_told_of(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="The store s3://nobodys/x cannot be opened: .*404 Not Found. AWS_ENDPOINT"):
        open_store("s3://nobodys/x")
    with pytest.raises(ArgumentError, match="ftp://films is no store: a folder was wanted, or a bucket, like s3://"):
        open_store("ftp://films")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(
        ArgumentError, match="cannot be opened: Generic S3 error: Missing AccessKeyId. AWS_ENDPOINT_URL"
    ):
        open_store(address)


def test_a_bucket_that_fails_is_told_of(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine("here")

    def fails(*_: Any) -> None:
        raise bucket.BaseError("no route\n\nDebug source: …")

    monkeypatch.setattr(obstore, "get", fails)
    with pytest.raises(RenderError, match="store failed: no route. What is finished is kept; run again to go on."):
        here.has("sums", KEY, ".txt")


def test_without_the_extra_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "n2s.runtime.bucket", raising=False)
    with pytest.raises(
        ArgumentError, match=r"needs obstore, which is not installed. Cure: pip install 'n2s\[cluster\]'"
    ):
        open_store("s3://films/store")


def test_the_store_of_the_environment(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("N2S_STORE", address)
    assert open_store().address == address
    monkeypatch.setenv("N2S_STORE", str(tmp_path))
    assert open_store().address == str(tmp_path)
