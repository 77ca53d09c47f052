"""How large what is kept of tracks is: their signals in memory, what was heard of their music in the store."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from n2s.graph.values import Values


def kept_sizes(tracks: Iterable[Values]) -> dict[str, int]:
    """Return the bytes of the signals and driven parameters of some tracks, and of what their nodes keep of the music.

    What two tracks, two parameters or two nodes share counts once.
    """
    owners: dict[int, np.ndarray] = {}
    kept: dict[str, int] = {}
    for values in tracks:
        for value in (*values.outputs.values(), *values.params.values()):
            if isinstance(value, np.ndarray) and value.ndim:
                owner = value.base if isinstance(value.base, np.ndarray) else value
                owners[id(owner)] = owner
        kept |= values.kept
    return {"signals": sum(owner.nbytes for owner in owners.values()), "hearing": sum(kept.values())}


def sizes_text(sizes: dict[str, int]) -> str:
    """Return in words what is kept: "signals 3.1 MB in memory, hearing 3.3 MB in the store"."""
    words = [f"signals {_megabytes(sizes['signals'])} in memory"]
    if sizes["hearing"]:
        words.append(f"hearing {_megabytes(sizes['hearing'])} in the store")
    return ", ".join(words)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e6:.2g} MB"
