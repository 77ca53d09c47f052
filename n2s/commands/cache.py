"""n2s cache: show what the store keeps, check it, and make room."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import AsJson, Overrides, StoreFolder, load, planning_watcher, print_line, read_amount
from n2s.graph.amounts import amount_text
from n2s.graph.errors import ArgumentError, RenderError

# Imported inside functions is what help and completion do not need, so that these start fast.

app = typer.Typer(
    name="cache",
    help="Show, verify or trim the store of finished results.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(short_help="Show where the store is, and how large.")
def info(store: StoreFolder = None, json: AsJson = False) -> None:
    """Show the folder of the store, the number and size of its entries, and the size of compiled effects."""
    from n2s.runtime.stores import open_store

    kept = open_store(store)
    kinds: dict[str, list[int]] = {}
    used = []
    for entry in kept.entries():
        kind = kinds.setdefault(entry.kind, [0, 0])
        kind[0] += 1
        kind[1] += entry.bytes
        used.append(entry.used)
    entries, total = (sum(kind[i] for kind in kinds.values()) for i in (0, 1))
    oldest, newest = (date_text(min(used)), date_text(max(used))) if used else (None, None)
    if json:
        each = {kind: {"entries": count, "bytes": size} for kind, (count, size) in sorted(kinds.items())}
        print_line(
            {
                "address": kept.address,
                "folder": str(kept.root),
                "limit": kept.limit,
                "entries": entries,
                "bytes": total,
                "kinds": each,
                "kernel_bytes": kept.kernel_bytes(),
                "oldest_use": oldest,
                "newest_use": newest,
            }
        )
        return
    if kept.is_distant:
        count, size = kept.size()
        print(f"{kept.address}: {count} entries, {amount_text(size)}; copies on this machine:")
    print(kept.root)
    if not entries:
        print("Nothing is kept yet.")
        print_kernels(kept)
        return
    for kind, (count, size) in sorted(kinds.items(), key=lambda item: -item[1][1]):
        print(f"{kind:14}{count:8}  {amount_text(size):>10}")
    print(f"{'all':14}{entries:8}  {amount_text(total):>10}  of at most {amount_text(kept.limit)}")
    print(f"last used between {oldest} and {newest}")
    print_kernels(kept)


@app.command(short_help="Check every entry, and remove damaged ones.")
def verify(
    graph: Annotated[Path | None, typer.Argument(help="a graph, for --render", metavar="[GRAPH]")] = None,
    render: Annotated[
        str | None,
        typer.Option(help="render so many of the graph's kept chunks again and compare them, like 2%", metavar="SHARE"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="another seed, another sample")] = 0,
    set_: Overrides = [],
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Check the checksum of every entry and remove damaged ones; they are made again when needed.

    What cannot be read, because it is another user's or its disk does not answer, is told and stays; the exit status
    is 1 then.

    With a graph and --render, a sample of what is kept of its films is rendered again, and must come out with the same
    bytes: then this machine, its libraries and the store agree.
    """
    from n2s.runtime.stores import open_store

    if (graph is None) != (render is None):
        raise ArgumentError("--render and a graph go together: n2s cache verify song.yaml --render 2%.")
    if graph is not None and render is not None:
        verify_graph(graph, read_share(render), seed, set_, open_store(store), json)
        return
    kept = open_store(store)
    count, damaged, unread = kept.verify()
    if json:
        print_line(
            {
                "entries": count,
                "checked": str(kept.root),
                "removed": [{"kind": entry.kind, "key": entry.key, "bytes": entry.bytes} for entry in damaged],
                "unread": [
                    {"kind": entry.kind, "key": entry.key, "reason": reason.strerror} for entry, reason in unread
                ],
            }
        )
    else:
        for entry in damaged:
            print(f"damaged, removed: {entry.kind} {entry.key} ({amount_text(entry.bytes)})")
        for entry, reason in unread:
            print(f"cannot be read: {entry.kind} {entry.key} ({reason.strerror})")
        if damaged:
            print(
                f"{len(damaged)} of {count} entries were damaged and were removed; a run makes again what it needs of "
                "them."
            )
        elif not unread:
            print(f"All {count} entries are whole.")
        if kept.is_distant:
            print(
                f"Checked were this machine's copies alone, in {kept.root}; what lies in {kept.address} was not read."
            )
    if unread:
        raise RenderError(
            f"{len(unread)} of {count} entries cannot be read now, and stay as they are: {unread[0][1].strerror}. "
            "Verify again as the user who owns them, or when their disk or network answers."
        )


def read_share(text: str) -> float:
    """Read a share of something: 2%, 0.02, 100%."""
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest or not 0 < share <= 1:
        raise ArgumentError(f'--render takes a share, like 2% or 0.02, not "{text}".')
    return share


def verify_graph(path: Path, share: float, seed: int, overrides: list[str], store: Any, json: bool) -> None:
    """Render a sample of a graph's kept chunks again and tell whether they are the same.

    Raises
    ------
    RenderError
        When some are not.
    """
    from n2s.runtime.executors.threads import ThreadExecutor
    from n2s.runtime.verifying import verify_rendering

    events = planning_watcher(json)
    found = verify_rendering(load(path, overrides), store, share, ThreadExecutor(), events, seed)
    if json:
        keys = ("film", "start", "stop", "key")
        differing = [dict(zip(keys, one)) for one in found.differing]
        print_line({"kept": found.kept, "rendered": found.rendered, "differing": differing})
    if found.differing:
        listed = "\n".join(f"{film}: frames {start} to {stop}, {key}" for film, start, stop, key in found.differing)
        raise RenderError(
            f"{len(found.differing)} of {found.rendered} chunks came out otherwise than they are kept:\n{listed}\n"
            "Something changed that is in no key, or the store is not to be trusted; n2s run --force renders all again."
        )
    if not json:
        print(f"{found.rendered} of {found.kept} kept chunks were rendered again, and all have the same bytes.")


@app.command(short_help="Remove the least recently used entries above a size.")
def trim(
    to: Annotated[
        str | None,
        typer.Option(help="size that the store may keep, like 5GB; default: N2S_STORE_LIMIT, or 20GB", metavar="SIZE"),
    ] = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Remove the least recently used entries above a size, and files that killed runs left behind.

    A run does so when it ends, but spares what was used within the last day; this command spares nothing, so wait until
    no run is under way. Compiled effects, in the folder kernels, are not trimmed; their size is told. While no run is
    under way, that folder may be deleted: they are compiled again when needed.
    """
    import time

    from n2s.runtime.stores import open_store

    kept = open_store(store, None if to is None else read_amount("--to", to))
    stayed: list[OSError] = []
    freed = kept.trim(time.time(), stayed=stayed)
    left = sum(entry.bytes for entry in kept.entries())
    if json:
        print_line({"freed": freed, "left": left, "stayed": len(stayed), "kernel_bytes": kept.kernel_bytes()})
        return
    print(f"Freed {amount_text(freed)}; {amount_text(left)} are kept in {kept.root}.")
    if stayed:
        some = "1 entry" if len(stayed) == 1 else f"{len(stayed)} entries"
        print(f"{some} could not be removed: {stayed[0].strerror}.")
    print_kernels(kept)


def print_kernels(store: Any) -> None:
    """Say what compiled effects take, where there are any."""
    if size := store.kernel_bytes():
        print(f"Compiled effects take {amount_text(size)} more; they are not trimmed.")


def date_text(seconds: float) -> str:
    """Return a moment as date and time."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).isoformat(" ", "seconds")
