"""Run records: what was made, out of what, by what, how fast."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from n2s.runtime.store import publish

RUN_FORMAT = 1


class RunRecord:
    """The record of one run, written to ``<out>/<run id>/run.json`` with a log beside it.

    The id is the time and a random word; nothing that is rendered depends on it.
    """

    def __init__(self, out: Path):
        now = datetime.now(timezone.utc)
        self.id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        self.folder = out / self.id
        self.values: dict[str, Any] = {"format": RUN_FORMAT, "id": self.id, "began": now.isoformat(timespec="seconds")}
        self._log: list[str] = []
        self._began = now

    def log(self, text: str) -> None:
        elapsed = (datetime.now(timezone.utc) - self._began).total_seconds()
        self._log.append(f"{elapsed:9.2f} s  {text}")

    def write(self, **values: Any) -> Path:
        """Write what is known so far; called again it replaces the record."""
        self.values |= values
        text = json.dumps(self.values, indent=1, ensure_ascii=False, sort_keys=False)
        publish(self.folder / "run.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        publish(self.folder / "run.log", lambda path: path.write_text("\n".join(self._log) + "\n", encoding="utf-8"))
        return self.folder / "run.json"
