"""Plain values as YAML text: numbers as short as they can be, quotes only where YAML needs them, one line per node."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from n2s.graph.errors import GraphError
from n2s.graph.expressions import shortest
from n2s.graph.file.document import parse_document

WIDTH = 110
STEP = "  "

# What is plain text for certain; everything else is parsed to see what YAML makes of it.
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*( [A-Za-z_][\w./-]*)*\Z", re.ASCII)
_FORMULA = re.compile(r"= [\w.+*/%<>()-][\w.+*/%<>() -]*\Z", re.ASCII)
_WORDS = frozenset("null true false yes no on off y n".split())
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def graph_text(values: dict[str, Any]) -> str:
    """Return a graph file: the header, then the nodes in their order."""
    lines = [f"{key}: {flow(value, inside=False)}" for key, value in values.items() if key != "nodes"]
    lines.append("nodes:")
    for name, spec in values["nodes"].items():
        lines += node_lines(name, spec, STEP)
    return "\n".join(lines) + "\n"


def node_lines(name: str, spec: Any, indent: str, step: str = STEP) -> list[str]:
    """Return a node's entry: in one line where it fits and no expression has a comma, else in one line per setting."""
    line = f"{indent}{name}: {flow(spec)}"
    commas = any(isinstance(value, str) and value.startswith("=") and "," in value for value in spec.values())
    if len(line) <= WIDTH and not commas:
        return [line]
    return [f"{indent}{name}:", *(f"{indent}{step}{key}: {flow(value, inside=False)}" for key, value in spec.items())]


def flow(value: Any, inside: bool = True, quote: str = "") -> str:
    """Return a value in one line; ``inside`` says whether it stands between brackets, ``quote`` which quotes to use."""
    if isinstance(value, dict):
        entries = (f"{flow(str(key), True, quote)}: {flow(item, True, quote)}" for key, item in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow(item, True, quote) for item in value)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return "-0.0" if repr(value) == "-0.0" else shortest(value)
    return text(value, inside, quote) if isinstance(value, str) else str(value)


def text(value: str, inside: bool, quote: str = "") -> str:
    """Return a string as YAML reads it back: plain where that works and no quotes are asked for."""
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if not quote and _is_plain(value, inside):
        return value
    return '"' + "".join(map(_escape, value)) + '"'


@lru_cache(4096)
def _is_plain(value: str, inside: bool) -> bool:
    if value.startswith("=") and "," in value and inside:
        return False
    if _FORMULA.match(value) or (_PLAIN.match(value) and value.lower() not in _WORDS):
        return True
    if not value or not value.isprintable() or value[0] in "&*!|>%@`":
        return False
    try:
        read = parse_document(f"{{k: {value}, l: [{value}]}}" if inside else f"k: {value}").values
    except GraphError:
        return False
    wanted = {"k": value, "l": [value]} if inside else {"k": value}
    return read == wanted and isinstance(read["k"], str)


def _escape(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and not 0xD800 <= code < 0xE000:
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
