"""Changes of a graph file's text: each replaces, inserts or deletes one span, and leaves the rest as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

from n2s.graph.errors import GraphError
from n2s.graph.file import layout
from n2s.graph.file.document import Document, parse_document

Edit = tuple[int, int, str]  # from, to (characters), what stands there instead
_REMARK = re.compile(r"[ \t]*(,?)[ \t]+#")
_REST = re.compile(r"(?:\s*,)?(?:[ \t]+#[^\r\n]*)?")
_OWN_LINE = re.compile(r"[ \t]*,[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)[ \t]*")


@dataclass(frozen=True)
class Set:
    """Replace the value at a path of keys and indices."""

    path: tuple
    value: Any


@dataclass(frozen=True)
class Add:
    """Add an entry to a mapping or an item to a list, after the one called ``after``, or first."""

    path: tuple
    value: Any
    after: Any = None


@dataclass(frozen=True)
class Remove:
    """Remove an entry or item."""

    path: tuple


def patch(text: str, changes: list[Set | Add | Remove], shown: str) -> str:
    """Return the text with the changes made; positions are read again after each step.

    Raises
    ------
    GraphError
        When the text is laid out in a way that a change cannot follow.
    """

    def deep(change: Any) -> bool:
        return len(change.path) > 2

    steps: list[tuple[Callable, Callable]] = [
        (lambda c: isinstance(c, Set), _set),
        (lambda c: isinstance(c, Add) and deep(c), _add),
        (lambda c: isinstance(c, Add) and not deep(c), _add),
        (lambda c: isinstance(c, Remove) and deep(c), _remove),
        (lambda c: isinstance(c, Remove) and not deep(c), _remove),
    ]
    for wanted, apply in steps:
        found = [change for change in changes if wanted(change)]
        if found:
            text = _replace(text, list(apply(parse_document(text, shown), found)))
    return text


def _replace(text: str, edits: list[Edit]) -> str:
    pieces, at = [], 0
    for start, stop, new in sorted(edits, key=lambda edit: edit[:2]):
        if start < at and not new:  # two deletions share a line break
            start = min(at, stop)
        if start < at:
            raise GraphError("two changes meet in one place of the file")
        pieces += [text[at:start], new]
        at = stop
    return "".join([*pieces, text[at:]])


# Where things stand


def _is_flow(document: Document, path: tuple) -> bool:
    """Say whether a value is, or lies in, something between brackets."""
    return any(path[:n] in document.flow for n in range(len(path) + 1))


def _value(document: Document, path: tuple) -> Any:
    value = document.values
    for key in path:
        value = value[key]
    return value


def _entries(document: Document, path: tuple) -> dict[Any, tuple[int, int]]:
    """Return where each entry (with its key) or item of a collection begins and ends."""
    value = _value(document, path)
    if isinstance(value, dict):
        return {key: (document.spans[(*path, key, "")][0], _end(document, (*path, key))) for key in value}
    return {i: (document.spans[(*path, i)][0], _end(document, (*path, i))) for i in range(len(value))}


def _end(document: Document, path: tuple) -> int:
    """Return where a value ends; a block's end is that of the last thing in it, not of the blank lines behind."""
    value, (start, stop) = _value(document, path), document.spans[path]
    if isinstance(value, dict | list) and value and path not in document.flow:
        return _end(document, (*path, list(value)[-1] if isinstance(value, dict) else len(value) - 1))
    written = document.text[start:stop].rstrip()
    if not written and (*path, "") in document.spans:  # "key:" with nothing behind it
        return _after_colon(document, path)
    return start + len(written)


def _after_colon(document: Document, path: tuple) -> int:
    stop = document.spans[(*path, "")][1]
    colon = re.compile(r"\s*:").match(document.text, stop)
    return colon.end() if colon else stop


def _line(text: str, at: int) -> tuple[int, int, int]:
    """Return where the line of a place begins, where it ends, and where the next one begins."""
    start = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    begin, end = cast(re.Match[str], re.compile(r"\r\n|\n|\r|\Z").search(text, at)).span()  # a text has an end
    return start, begin, end


def _indent(document: Document, at: int) -> str:
    """Return what stands before an entry in its line: spaces, or a dash for an item of a block."""
    before = document.text[_line(document.text, at)[0] : at]
    if not re.fullmatch(r" *(- +)?", before):
        raise GraphError("the file is laid out in a way that cannot be changed in place")
    return before


def _line_end(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def _quote(document: Document, path: tuple) -> str:
    """Return the quotes around a mapping's keys, so that a graph in JSON stays JSON."""
    value = _value(document, path)
    if isinstance(value, dict) and value:
        first = document.text[document.spans[(*path, next(iter(value)), "")][0]]
        return '"' if first == '"' else ""
    return _quote(document, path[:-1]) if path else ""


# The three changes


def _set(document: Document, changes: list[Set]) -> Iterator[Edit]:
    for change in changes:
        path, text = change.path, document.text
        start, stop = document.spans[path]
        old, stop = text[start:stop], _end(document, path)
        inside = _is_flow(document, path[:-1])
        quote = old[:1] if old[:1] in ("'", '"') else _quote(document, path[:-1])
        new = layout.flow(change.value, inside, quote)
        is_block = isinstance(_value(document, path), dict | list) and path not in document.flow
        if (is_block or not old.strip()) and (*path, "") in document.spans:
            start = _after_colon(document, path)
            new = f" {new}" if text[start - 1] == ":" else f": {new}"
        elif is_block or not old.strip():
            raise GraphError("the file is laid out in a way that cannot be changed in place")
        yield start, max(start, stop), new


def _add(document: Document, changes: list[Add]) -> Iterator[Edit]:
    for (parent, after), group in groupby(changes, key=lambda change: (change.path[:-1], change.after)):
        entries = _entries(document, parent)
        make = _add_in_flow if _is_flow(document, parent) else _add_in_block
        yield from make(document, parent, entries, after, list(group))


def _add_in_flow(document: Document, parent: tuple, entries: dict, after: Any, group: list[Add]) -> Iterator[Edit]:
    text, quote = document.text, _quote(document, parent)
    mapping = isinstance(_value(document, parent), dict)
    new = [
        (f"{layout.flow(change.path[-1], True, quote)}: " if mapping else "") + layout.flow(change.value, True, quote)
        for change in group
    ]
    if not entries:
        at = document.spans[parent][0] + 1
        yield at, at, ", ".join(new)
        return
    start, stop = entries[after] if after is not None else next(iter(entries.values()))
    before = text[_line(text, start)[0] : start]
    own_line = not before.strip() and len(entries) > 1
    comma = f",{_line_end(text)}{before}" if own_line else ", "
    if after is None:
        yield start, start, "".join(item + comma for item in new)
    elif own_line and (remark := _REMARK.match(text, stop)):  # a comment of the entry before, which stays beside it
        at, line = _line(text, stop)[1], _line_end(text) + before
        if remark[1]:
            yield at, at, "".join(f"{line}{item}," for item in new)
        else:
            yield stop, stop, ","
            yield at, at, line + f",{line}".join(new)
    else:
        yield stop, stop, "".join(comma + item for item in new)


def _add_in_block(document: Document, parent: tuple, entries: dict, after: Any, group: list[Add]) -> Iterator[Edit]:
    text, end = document.text, _line_end(document.text)
    first = next(iter(entries.values()))[0]
    indent = _indent(document, first)
    lines: list[str] = []
    for change in group:
        key = change.path[-1]
        if parent == ("nodes",):
            lines += layout.node_lines(key, change.value, indent, indent or layout.STEP)
        elif isinstance(key, int):
            lines.append(indent + layout.flow(change.value, False))
        else:
            lines.append(
                f"{indent}{layout.flow(key, False, _quote(document, parent))}: {layout.flow(change.value, False)}"
            )
    if after is None:
        at = _line(text, first)[0]
        yield at, at, "".join(line + end for line in lines)
    else:
        at = _line(text, entries[after][1])[1]
        yield at, at, "".join(end + line for line in lines)


def _remove(document: Document, changes: list[Remove]) -> Iterator[Edit]:
    for parent, group in groupby(changes, key=lambda change: change.path[:-1]):
        entries, gone = _entries(document, parent), {change.path[-1] for change in group}
        if _is_flow(document, parent):
            yield from _remove_in_flow(document, parent, entries, gone)
        else:
            for key in gone:
                yield _remove_lines(document, *entries[key], comments=parent == ("nodes",))


def _remove_in_flow(document: Document, parent: tuple, entries: dict, gone: set) -> Iterator[Edit]:
    """Remove an entry with the comma behind it; the last one with the comma before it."""
    text, keys = document.text, list(entries)
    if gone == set(keys):
        start, stop = document.spans[parent]
        yield start + 1, stop - 1, ""
        return
    last = len(keys) - 1
    while keys[last] in gone:
        last -= 1
    for i, key in enumerate(keys[:last]):
        if key in gone:
            (start, stop), following = entries[key], entries[keys[i + 1]][0]
            own = _OWN_LINE.match(text, stop)  # comments between the two are the next one's
            yield start, min(own.end(), following) if own else following, ""
    if last + 1 == len(keys):
        return
    start, stop = entries[keys[last]][1], entries[keys[-1]][1]
    first = entries[keys[last + 1]][0]
    if "#" in text[start:first]:  # a comment of the entry that stays
        comma = cast(re.Match[str], re.compile(r"\s*,").match(text, start))
        yield comma.start(), comma.end(), ""
        yield first, cast(re.Match[str], _REST.match(text, stop)).end(), ""
    else:
        yield start, stop, ""


def _remove_lines(document: Document, start: int, stop: int, comments: bool) -> Edit:
    """Remove an entry of a block with its lines, a node also with the comment directly above it."""
    text = document.text
    _indent(document, start)
    begin, end, after = _line(text, start)[0], *_line(text, stop)[1:]
    while comments and begin:
        above = _line(text, begin - (2 if text[begin - 2 : begin] == "\r\n" else 1))[0]
        if not text[above:begin].lstrip().startswith("#"):
            break
        begin = above
    if after == end and begin:  # the file's last line, which has no line break
        begin -= 2 if text[begin - 2 : begin] == "\r\n" else 1
    return begin, after, ""
