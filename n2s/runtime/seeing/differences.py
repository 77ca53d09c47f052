"""What differs between two recipes of a chunk, in words.

Recipes number their nodes and do not name them. So nodes of the two recipes are paired first, by type and order; texts
use the names of the newer recipe.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

_LIBRARIES = ("numpy", "numba", "onnxruntime", "ffmpeg")
_CODE = {"engine": "the library's own code"}
FEW = 4  # with more edits than this, and every signal changed, the two recipes belong to different films
_FILES = {
    "decoder": "another file of the model decodes",
    "anchors": "other anchors",
    "image": "another picture",
    "path": "another file",
    "frames": "another video",
}
# What names a GPU, where one decodes: the first that differs is told.
_GPU_FIELDS = {
    "batch": "frames at once",
    "back_end": "kernels",
    "architecture": "GPU",
    "nvrtc": "compiler of CUDA",
    "driver": "driver of CUDA",
    "kernels": "code of kernels",
}


@dataclass(frozen=True)
class Difference:
    """The causes, and how many of them hold for the whole film."""

    causes: list[dict[str, Any]]
    static: int


def compare(
    old: dict[str, Any], new: dict[str, Any], names: list[str], picks: Collection[str] = ()
) -> Difference | None:
    """Return what differs between a stored recipe and a new one; None if they have little in common.

    Parameters
    ----------
    names : list of str
        The names of the new recipe's nodes.
    picks : collection of str
        Those that show frames of other moments: where they show others now, signals behind them have other values too.
    """
    before, now = old["static"], new["static"]
    try:
        pairs = _pair([node["type"] for node in before["nodes"]], [node["type"] for node in now["nodes"]])
        if not _are_alike(old, new, pairs):
            return None
        causes = [*_compare_headers(before, now), *_compare_nodes(before["nodes"], now["nodes"], pairs, names)]
        static = len(causes)
        if before["fps"] != now["fps"]:  # signals cannot be compared frame by frame
            return Difference(causes, static)
        if old["stop"] != new["stop"]:
            text = f"its frames were {old['start']}..{old['stop']} and are {new['start']}..{new['stop']}"
            causes.append({"kind": "length", "text": text})
        else:
            moved = _compare_signals(old["signals"], new["signals"], pairs, names)
            moved = _but_behind(moved, {names.index(name) for name in picks}, now["nodes"], names)
            set_otherwise = [cause for cause in moved if cause["kind"] == "constant"]
            static += len(set_otherwise)
            driven = sum(isinstance(value, str) for value in new["signals"].values())
            if static > FEW and driven and len(moved) - len(set_otherwise) == driven:  # another film with similar nodes
                return None
            causes += moved
    except (KeyError, TypeError, IndexError, ValueError):  # a recipe of another version
        return None
    return Difference(causes, static)


def _pair(old: list[str], new: list[str]) -> dict[int, int]:
    """Pair the indices of two lists of node types: first the longest common sequence, then the rest by type."""
    pairs = {}
    for a, b, size in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        pairs |= {a + i: b + i for i in range(size)}
    for b, name in enumerate(new):
        if b not in pairs.values():
            left = next((a for a, other in enumerate(old) if other == name and a not in pairs), None)
            if left is not None:
                pairs[left] = b
    return pairs


def _leaves(node: dict[str, Any]) -> dict[tuple[str, str], Any]:
    found = {("grid", ""): node["grid"]} if "grid" in node else {}
    return found | {
        (part, field): value for part in ("settings", "files", "clock") for field, value in node.get(part, {}).items()
    }


def _are_alike(old: dict[str, Any], new: dict[str, Any], pairs: dict[int, int]) -> bool:
    """Return whether at least half of a recipe is the same, as after an edit of the same film."""
    back = {b: a for a, b in pairs.items()}
    same, total = 0, len(new["signals"])
    for name, value in new["signals"].items():
        place, _, field = name.partition(".")
        same += old["signals"].get(f"{back.get(int(place))}.{field}") == value
    for b, node in enumerate(new["static"]["nodes"]):
        leaves = _leaves(node)
        was = _leaves(old["static"]["nodes"][back[b]]) if b in back else {}
        same += sum(leaf in was and was[leaf] == value for leaf, value in leaves.items())
        total += len(leaves)
    return 2 * same >= total and 2 * len(pairs) >= len(new["static"]["nodes"])


def _compare_headers(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what differs for all nodes: the header and the environment."""
    found = []
    for field in ("fps", "size", "seed", "format"):
        if old.get(field) != new[field]:
            found.append(_change("graph", "recipe format" if field == "format" else field, old.get(field), new[field]))
    was, now = old["environment"], new["environment"]
    for name in sorted(set(was) | set(now)):
        if was.get(name) == now.get(name):
            continue
        if name in _LIBRARIES:
            found.append(_change("library", name, was.get(name), now.get(name)))
        elif name == "instructions":
            found.append({"kind": "processor", "subject": name, "was": was.get(name), "is": now.get(name),
                          "text": "it was rendered on a processor with other instruction sets"})  # fmt: skip
        else:
            found.append({"kind": "code", "subject": name, "text": f"{_CODE.get(name, name)} changed"})
    return found


def _compare_nodes(old: list[dict], new: list[dict], pairs: dict[int, int], names: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for b, node in enumerate(new):
        if b not in pairs.values():
            found.append({"kind": "node", "subject": names[b], "text": f"{names[b]} ({node['type']}) is new"})
    for a, node in enumerate(old):
        if a not in pairs:
            found.append({"kind": "node", "subject": node["type"], "text": f"a node {node['type']} was taken out"})
    for a, b in sorted(pairs.items(), key=lambda pair: pair[1]):
        was, now, name = old[a], new[b], names[b]
        code = {"kind": "code", "subject": now["type"], "text": f"the code of {now['type']} changed"}
        if was["code"] != now["code"] and code not in found:
            found.append(code)
        if now["type"] == "FilmFrames" and was["settings"] != now["settings"]:  # of which albums make crossings
            text = f"other frames of the track {name} the crossing"
            found.append({"kind": "film", "subject": name, "text": text})
        else:
            found += _compare_fields("setting", was["settings"], now["settings"], name)
        found += _compare_fields("clock", was.get("clock", {}), now.get("clock", {}), f"{name}'s clock")
        found += _compare_wires(was["inputs"], now["inputs"], pairs, name, names)
        found += _compare_files(was.get("files", {}), now.get("files", {}), name)
        found += _compare_formats(was.get("format", {}), now.get("format", {}), name)
        if was.get("grid") != now.get("grid"):
            grid = _change("setting", "latent grid", was.get("grid"), now.get("grid"))
            found += [grid] if grid not in found else []
    return found


def _compare_fields(kind: str, was: dict[str, Any], now: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [
        _change(kind, f"{name}.{field}", was.get(field), now.get(field))
        for field in sorted(set(was) | set(now))
        if was.get(field) != now.get(field)
    ]


def _compare_wires(was: dict, now: dict, pairs: dict[int, int], name: str, names: list[str]) -> list[dict[str, Any]]:
    """Return changed links between nodes that both recipes have; those of other nodes go with these."""
    found = []
    for port in sorted(set(was) & set(now)):
        if (
            isinstance(was[port], int)
            and isinstance(now[port], int)
            and now[port] in pairs.values()
            and was[port] in pairs
        ):
            if pairs[was[port]] != now[port]:
                found.append(_change("wire", f"{name}.{port}", names[pairs[was[port]]], names[now[port]]))
    return found


def _compare_files(was: dict[str, str], now: dict[str, str], name: str) -> list[dict[str, Any]]:
    found = []
    same_provider = was.get("provider") == now.get("provider")
    of_gpu = [field for field in _GPU_FIELDS if was.get(field) != now.get(field)]
    for field in [*sorted((set(was) | set(now)) - set(_GPU_FIELDS)), *(of_gpu[:1] if same_provider else ())]:
        if was.get(field) == now.get(field):
            continue
        if field in _GPU_FIELDS:
            found.append(_change("gpu", f"{name}'s {_GPU_FIELDS[field]}", was.get(field), now.get(field)))
        elif field == "detail":
            found.append(_change("detail", f"{name}'s decoder", was.get(field, "x1"), now.get(field, "x1")))
        elif field == "decoder" and was.get("detail") != now.get("detail"):
            continue
        elif field == "provider":
            found.append(_change("provider", f"{name}'s provider", was.get(field), now.get(field)))
        else:
            text = f"{name}: {_FILES.get(field, f'another {field}')}"
            if text not in (cause["text"] for cause in found):
                found.append({"kind": "file", "subject": f"{name}.{field}", "text": text})
    return found


def _compare_formats(was: dict[str, Any], now: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return what differs in how a sink's frames are stored, beside its settings, on which its pixels depend."""
    found = _compare_fields("format", was.get("own", {}), now.get("own", {}), f"{name}'s format")
    if was.get("code") != now.get("code"):
        found.insert(0, {"kind": "code", "subject": f"{name}'s format", "text": f"the code of {name}'s format changed"})
    return found


def _compare_signals(
    was: dict[str, Any], now: dict[str, Any], pairs: dict[int, int], names: list[str]
) -> list[dict[str, Any]]:
    """Return what differs of signals and parameters: a digest of values, or a number where these stand still."""
    found: list[dict[str, Any]] = []
    for a, b in sorted(pairs.items(), key=lambda pair: pair[1]):
        for field in [name.partition(".")[2] for name in now if name.partition(".")[0] == str(b)]:
            old, new = was.get(f"{a}.{field}"), now[f"{b}.{field}"]
            subject = f"{names[b]}.{field}"
            if old is None or old == new:
                continue
            if isinstance(old, str) and isinstance(new, str):
                found.append({"kind": "signal", "subject": subject, "text": f"{subject} has other values"})
            else:
                texts = ("driven" if isinstance(value, str) else value for value in (old, new))
                found.append(_change("constant", subject, *texts))
    return found


def _but_behind(
    causes: list[dict[str, Any]], picks: Collection[int], nodes: list[dict[str, Any]], names: list[str]
) -> list[dict[str, Any]]:
    """Leave out signals of nodes behind one that shows other moments now: theirs are compared at other frames."""
    moved = {cause["subject"].rpartition(".")[0] for cause in causes}
    behind: set[int] = set()
    pending = [place for place in picks if names[place] in moved]
    while pending:
        read = [place[0] if isinstance(place, list) else place for place in nodes[pending.pop()]["inputs"].values()]
        fresh = {place for place in read if isinstance(place, int)} - behind
        behind |= fresh
        pending += fresh
    hidden = {names[place] for place in behind}
    numbers = [cause for cause in causes if isinstance(cause.get("was"), float) and isinstance(cause.get("is"), float)]
    return [cause for cause in causes if cause["subject"].rpartition(".")[0] not in hidden or cause in numbers]


def _change(kind: str, subject: str, was: Any, now: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "subject": subject,
        "was": was,
        "is": now,
        "text": f"{subject}: {' → '.join(_distinct_texts(was, now))}",
    }


def _distinct_texts(was: Any, now: Any) -> tuple[str, str]:
    """Return two values with just enough digits to be different."""
    for exact in (1e-4, 1e-6, 0.0):
        texts = _value_text(was, exact), _value_text(now, exact)
        if texts[0] != texts[1]:
            break
    return texts


def _value_text(value: Any, exact: float) -> str:
    """Return a value as a graph has it: the shortest number that rounds to the same multiple of 2**-16."""
    if isinstance(value, float):
        for text in (f"{value:.{digits}g}" for digits in range(1, 18)):
            if value == round(float(text) * 65536) / 65536 or abs(float(text) - value) <= exact * abs(value):
                return text
    if isinstance(value, list) and len(value) == 2 and all(isinstance(item, int) for item in value):
        return f"{value[0]}x{value[1]}"
    return "nothing" if value is None else str(value)
