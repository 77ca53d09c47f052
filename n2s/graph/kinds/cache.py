"""The setting that keeps a node's frames, which all nodes of frames have."""

from __future__ import annotations

from typing import Any

from n2s.graph.specs import setting


def cache_setting() -> Any:
    """Declare the setting that keeps a node's frames."""
    text = "what the store keeps of the node: with frames, work on later nodes does not compute its frames again"
    return setting(None, help=text, keyed=False)
