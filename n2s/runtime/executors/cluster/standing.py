"""Whether a worker would render what was planned: what must be the same there and here, and what differs, in words."""

from __future__ import annotations

import platform
import secrets
from importlib.metadata import version

from n2s.graph.code.identity import code_digest
from n2s.graph.errors import N2SError
from n2s.graph.keys import digest
from n2s.runtime import machine
from n2s.runtime.store import Store
from n2s.runtime.stores import open_store

KIND, SUBJECT = "cluster", "which store this is"  # of what the store notes
TASKS = "n2s.runtime.executors.cluster.plugin"  # with what it imports, the code that takes jobs and tasks there

NAMES = {"engine": "n2s has other code", "instructions": "another class of CPU", "ffmpeg": "another FFmpeg"}


def standing() -> dict[str, str]:
    """Return what decides keys in this process, or whether it understands others."""
    python, found = ".".join(platform.python_version_tuple()[:2]), machine.environment()
    code = digest([found["engine"], code_digest(TASKS)])  # a version may have several states, between releases
    return {"python": python, "dask": version("distributed"), "n2s": version("n2s")} | found | {"engine": code}


def name_of(store: Store) -> str:
    """Return the name that a store has been given, by which workers see that theirs is the same one."""
    return store.agree(KIND, SUBJECT, secrets.token_hex(8))


def standing_there(store: str, name: str) -> tuple[dict[str, str], str]:
    """Return the standing of a worker, and what hinders it to use the store; runs there."""
    try:
        found = open_store(store).noted(KIND, SUBJECT)
    except N2SError as error:
        return standing(), str(error)
    lack = "" if found == name else f"the store {store} is not there, or is another one"
    return standing(), lack


def differences(here: dict[str, str], there: dict[str, str]) -> str:
    """Say what differs: "numpy is 2.4.5 there and 2.4.6 here"; "" where nothing does."""
    told = []
    for name, value in here.items():
        other = there.get(name, "")
        if other == value or (name == "engine" and here["n2s"] != there.get("n2s")):  # its version says so already
            continue
        if name == "instructions":
            told.append(f"{NAMES[name]} ({_listed(value, other, 'without')}, {_listed(other, value, 'with')})")
        elif name in NAMES:
            told.append(NAMES[name])
        else:
            told.append(f"{name} is {other or 'missing'} there and {value or 'missing'} here")
    return ", ".join(told)


def _listed(those: str, but: str, word: str) -> str:
    more = [each for each in those.split("+") if each not in but.split("+")]
    return f"{word} {', '.join(more) or 'nothing else'}"
