"""The executors there are: this library's own and those of installed packages, found through an entry point group.

A package registers a class, or a function, that takes the number of tasks to render at the same time (None where the
user gave none) and returns an `Executor`: ``[project.entry-points."n2s.executors"] farm = "mine.farm:FarmExecutor"``.
Where the user names it with an address, as in farm://host:1234, it takes what stands behind :// as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint

from n2s.graph.code.files import entry_points_of
from n2s.graph.errors import ArgumentError
from n2s.graph.registry import suggest
from n2s.runtime.executors.base import Executor
from n2s.runtime.executors.others import VERBS, OthersExecutor

GROUP = "n2s.executors"
# Known without installing again, and not to be replaced: graphs render wherever this library can be imported.
OWN = (
    EntryPoint("threads", "n2s.runtime.executors.threads:ThreadExecutor", GROUP),
    EntryPoint("processes", "n2s.runtime.executors.processes:ProcessExecutor", GROUP),
    EntryPoint("dask", "n2s.runtime.executors.cluster.executor:DaskExecutor", GROUP),
)
EXTRAS = {"dask": "cluster"}  # of this library, which an executor needs


def choose_executor(name: str | None = None, jobs: int | None = None, workers: int | None = None) -> Executor:
    """Return an executor by its name, or by what is counted: ``jobs`` threads, ``workers`` processes.

    A name may have an address: "dask://10.0.0.2:8786".

    Raises
    ------
    ArgumentError
        When there is none of that name, it cannot be loaded, or what is counted belongs to another.
    """
    if jobs is not None and workers is not None:
        raise ArgumentError("--jobs counts threads of one process, --workers counts processes; give one of them.")
    if name is None:
        name = "threads" if workers is None else "processes"
    if jobs is not None and name != "threads":
        raise ArgumentError(f"--jobs counts threads of one process; with --executor {name} give --workers.")
    if workers is not None and name == "threads":
        raise ArgumentError("--workers counts processes; with --executor threads give --jobs.")
    name, where, address = name.partition("://")
    if where and name in ("threads", "processes"):
        raise ArgumentError(f"The executor {name} is on this machine and takes no address.")
    if where and name == "dask" and not re.search(r".:\d+$", address):
        raise ArgumentError(f"{name}://{address} has no host and port; name a scheduler's: {name}://10.0.0.2:8786.")
    if where and workers is not None and name == "dask":
        raise ArgumentError(f"--workers counts processes of this machine; {name}://{address} has workers of its own.")
    return _make(name, (jobs if workers is None else workers, *([address] if where else [])))


def _make(name: str, arguments: tuple) -> Executor:
    own = {entry.name: entry for entry in OWN}
    others = [] if name in own else [entry for entry in entry_points_of(GROUP) if entry.name not in own]
    values = {entry.value: entry for entry in (*OWN, *others) if entry.name == name}
    if not values:
        known = [entry.name for entry in (*OWN, *others)]
        raise ArgumentError(f'There is no executor "{name}". {suggest(name, known)}')
    if len(values) > 1:
        raise ArgumentError(
            f"The executor {name} is defined by {' and by '.join(sorted(values))}; uninstall all but one."
        )
    value, entry = next(iter(values.items()))
    if name in own:
        return _load_own(entry)(*arguments)
    try:
        executor = entry.load()(*arguments)
    except Exception as error:  # a package of others may fail in any way while it is imported
        raise ArgumentError(
            f"The executor {name} ({value}) cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    if missing := [verb for verb in VERBS if not callable(getattr(executor, verb, None))]:
        raise ArgumentError(f"The executor {name} ({value}) is none: it has no {', '.join(missing)}.")
    return OthersExecutor(name, executor)


def _load_own(entry: EntryPoint) -> Callable[..., Executor]:
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        if entry.name not in EXTRAS:
            raise
        raise ArgumentError(
            f"The executor {entry.name} needs {error.name}, which is not installed. Cure: pip install "
            f"'n2s[{EXTRAS[entry.name]}]'."
        ) from None
