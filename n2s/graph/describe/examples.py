"""A minimal use of a node type in both spellings, from its ports and its ``example``.

The names it links to stand for: ``music`` an AudioSource, ``features`` its Features, ``weights`` some Weights,
``anchors`` some Anchors, ``film`` a VAEDecode, ``picture`` an ImageSource, ``circle`` a RadialMatte, ``wipe`` a
LinearMatte, ``ember`` and ``moss`` two Tracks.
"""

from __future__ import annotations

import json
import re
from typing import Any

from n2s.graph.build import free_name
from n2s.graph.declare import Node
from n2s.graph.describe.words import default
from n2s.graph.types import AUDIO, FILM, FRAMES, LATENTS, MATTE, SIGNAL

SOURCES = {
    AUDIO: ["music"],
    SIGNAL: ["features.onset"],
    LATENTS: ["anchors"],
    FRAMES: ["film", "picture"],
    MATTE: ["circle", "wipe"],
    FILM: ["ember", "moss"],
}


def yaml_example(cls: type[Node]) -> str:
    """Return an entry of a graph: ``ema: {node: EMA, signal: features.onset, half_life: 0.2}``."""
    entries = {"node": cls.__name__} | _inputs(cls) | _settings(cls)
    return f"{free_name(cls.__name__, ())}: {{{', '.join(f'{key}: {_yaml(value)}' for key, value in entries.items())}}}"


def python_example(cls: type[Node]) -> str:
    """Return the same in Python: ``ema = EMA(half_life=0.2)(features.onset)``."""
    settings = ", ".join(f"{key}={value!r}" for key, value in _settings(cls).items()).replace("'", '"')
    inputs = ", ".join(str(value).replace("'", "") for value in _inputs(cls).values())
    return f"{free_name(cls.__name__, ())} = {cls.__name__}({settings})({inputs})"


def _inputs(cls: type[Node]) -> dict[str, Any]:
    """What the ports are given; optional ones too, because they stand after the needed ones."""
    left = {kind: list(names) for kind, names in SOURCES.items()}
    made: dict[str, Any] = {}
    for port, kind in cls.ports.items():
        if cls.kind == "sink" and kind is MATTE:  # few codings have room for one
            continue
        if kind is FILM:
            made[port] = left[kind]
        else:
            made[port] = "weights" if port == "weights" else left[kind].pop(0) if len(left[kind]) > 1 else left[kind][0]
    return made


def _settings(cls: type[Node]) -> dict[str, Any]:
    """The declared example, or the defaults of the first few fields, which say more than none."""
    if cls.example or any(cls.specs[name].required for name in cls.settings()):
        return dict(cls.example)
    known = {name: default(cls, name) for name in cls.specs if name not in cls.ports}
    return dict([(name, value) for name, value in known.items() if value is not None][:2])


def _yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z_][\w./-]*", value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)
