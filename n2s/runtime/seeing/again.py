"""The command that renders the films of a run again, by its record."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from n2s.graph.file.given import given_text
from n2s.graph.profiles import PROFILE_OPTION


def command_again(record: dict[str, Any], graph: Path, out: Path, usual: Path) -> str:
    """Return the command that renders the films of a run again, as a shell takes it.

    Parameters
    ----------
    graph : Path
        Where the graph lies now.
    out, usual : Path
        Where the films of the run lie now, and where they go without ``--out``.
    """
    words, profiled = ["n2s", "run", str(graph)], ""
    for target, value, option in record.get("overrides", []):
        if option == PROFILE_OPTION:
            profiled = value if target.endswith(".profile") else profiled or "draft"  # which has no setting elsewhere
        elif option.startswith((f"--{target} ", f"--set {target}=")):  # a profile has made another value of it
            words += option.split(" ", 1)
        elif option == "--size":
            words += [option, "x".join(map(str, value))]
        elif option == "--fps":
            words += [option, str(value)]
        else:
            words += ["--set", f"{target}={given_text(value)}"]
    for option, time in zip(("--from", "--to"), record.get("span", [])):
        words += [option, time] if time is not None else []
    words += ["--excerpt"] if record.get("excerpt") else []
    words += [PROFILE_OPTION, profiled] if profiled else []
    for track in record.get("only", []):
        words += ["--only", track]
    out = out.parent if profiled == "draft" and out.name == "draft" else out  # drafts have a folder of their own in it
    words += ["--out", str(out)] if out != usual else []
    return shlex.join(words)
