"""What all sessions of one line of edits share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from n2s.runtime.code_in_use import CodeInUse
from n2s.runtime.executors.base import Executor
from n2s.runtime.render.analysis import Known
from n2s.runtime.render.kept import RecentFrames
from n2s.runtime.store import Store


@dataclass
class Shared:
    """A store, and what is kept in memory from edit to edit.

    Attributes
    ----------
    store : Store
    recent : RecentFrames
        Frames that were decoded.
    known : Known, optional
        Values of nodes; None where none are kept.
    opened : dict
        Tables, pictures and models.
    executor : Executor
        Makes the frames that measures look at.
    code : CodeInUse
        Of the nodes' types, some of which a notebook may load again.
    lock : RLock
        Held by the session that computes.
    """

    store: Store
    recent: RecentFrames
    known: Known | None
    opened: dict[str, Any]
    executor: Executor
    code: CodeInUse = field(default_factory=CodeInUse)
    lock: Any = field(default_factory=threading.RLock)
