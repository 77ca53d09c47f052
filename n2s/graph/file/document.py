"""Graph files: YAML text to plain values that remember their lines and columns.

Only plain YAML is read: one document, no tags, no aliases, no duplicate keys, at most a megabyte, nested a few deep.
Nothing in a file can run code.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from copy import copy
from difflib import get_close_matches
from functools import lru_cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from n2s.graph.errors import GraphError, Position, Problem, short_name
from n2s.graph.file.slips import bare_colours, cure, cut_text, decimal_comma, is_bare_key, other_space, unfinished
from n2s.graph.textlines import line_starts, lines_of, place_of

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
NO_GRAPH = "For a piece of music, n2s new writes a graph."
MOST_NESTED = 50  # brackets and indented blocks, in one another
MAX_VALUES = 100_000

_CUT_EXPRESSION = '"{}" is cut at its comma: between {{ }} quote the expression: "= …".'
_UNCLOSED = '"{}" lacks a closing parenthesis.'
_PERHAPS_CUT = '"{}" lacks a closing parenthesis; or it is cut at its comma: then quote it all: "= …".'
_CUT = '"{0}" is cut at its comma: between {{ }} quote the text: "{0}".'
_BRACKET = re.compile(r"[][{}]")
# Tokens of YAML's scanner.
_OPENING = ("FlowSequenceStartToken", "FlowMappingStartToken", "BlockSequenceStartToken", "BlockMappingStartToken")
_CLOSING = ("FlowSequenceEndToken", "FlowMappingEndToken", "BlockEndToken")
_OTHER_BASE = re.compile(r"[-+]?0[xob]", re.IGNORECASE)
_PREFIX = "tag:yaml.org,2002:"


class Document:
    """The values of a graph file, and where each of them stands.

    ``where(path)`` takes the keys that lead to a value, as in ``("nodes", "tone", "exposure")``. ``spans`` has, for
    values by such paths and for keys by ``(*path, "")``, where they begin and end in ``text``, counted in characters;
    ``flow`` has the paths of what is written between brackets, ``places`` where values were given instead of here;
    ``edited`` has the paths of what was changed in Python since, ``digest`` the SHA-256 of the bytes that were read, ""
    where there are none, or of something that was changed since.
    """

    def __init__(
        self,
        path: str,
        values: Any,
        marks: dict[tuple, tuple[int, int]],
        text: str = "",
        spans: dict[tuple, tuple[int, int]] | None = None,
        flow: set[tuple] | None = None,
        places: dict[tuple, Position] | None = None,
        edited: frozenset[tuple] = frozenset(),
        digest: str = "",
    ):
        self.path, self.values, self.marks = path, values, marks
        self.text, self.spans, self.flow, self.places = text, spans or {}, flow or set(), places or {}
        self.edited, self.digest = edited, digest

    def overridden(self, places: dict[tuple, Position]) -> Document:
        """Return the document of a graph in which the values at some paths were given elsewhere."""
        if not places:
            return self
        changed = copy(self)
        changed.places = places
        return changed

    def where(self, path: tuple = (), key: bool = False) -> Position:
        """Return the position of a value, of its key, or of the nearest thing around it; or where it was overridden."""
        for end in range(len(path), 0, -1) if self.places else ():
            if path[:end] in self.places:
                return self.places[path[:end]]
        if (*path[:2], "node") in self.places:  # another type of node has other settings than those of the file
            return self.places[(*path[:2], "node")]
        if key and (*path, "") in self.marks:
            return Position(self.path, *self.marks[(*path, "")])
        while path and path not in self.marks:
            path = path[:-1]
        return Position(self.path, *self.marks.get(path, (1, 1)))

    def text_before(self, path: tuple) -> tuple[str, str]:
        """Return the key before another one between braces, and its text without quotes up to behind the other's value.

        To YAML ``{text: Hello, world: again}`` has the keys text and world: of world, "text" and "Hello, world: again"
        are returned. Both are "" where no such text is before it.
        """
        *outer, name = path
        around = reduce(getitem, outer, self.values) if path[:-1] in self.flow and path in self.spans else {}
        if name not in around:
            return "", ""
        keys = list(around)
        before = keys[max(keys.index(name) - 1, 0)]
        start, end = self.spans[*outer, before]
        is_bare = isinstance(around[before], str) and self.text[start : start + 1] not in ("'", '"', "=")
        return (before, self.text[start : self.spans[path][1]]) if is_bare and before != name else ("", "")


def read_document(path: str | Path) -> Document:
    """Read a graph file.

    Raises
    ------
    GraphError
        When the file cannot be read or is not plain YAML; the position and the way out are in the message.
    """
    shown = str(path)

    def wrong(text: str) -> GraphError:
        return GraphError([Problem(Position(short_name(shown)), text)])

    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise wrong("This is a folder. Name a graph in it.")
        if not stat.S_ISREG(mode):
            raise wrong("This is no file.")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise wrong(f"There is no such file. {_near(Path(path))}") from None
    except OSError as error:
        raise wrong(f"The file cannot be read: {error.strerror}.") from None
    except ValueError:  # a NUL, half a character
        raise wrong("No file can have this name.") from None
    if len(data) > MAX_BYTES and b"\0" not in data:
        raise wrong(f"A graph file has at most 1 MB. Is this one? {NO_GRAPH}")
    if data.find(b"\0") >= 0 and Path(path).suffix.lower() not in (".yaml", ".yml"):
        raise wrong(f"This is no graph, which is a text that ends in .yaml. {NO_GRAPH}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(f"The file is not UTF-8 text (byte {error.start}). Save it as UTF-8. {NO_GRAPH}") from None
    if (zero := data.find(b"\0")) >= 0:
        raise wrong(f"The file is not UTF-8 text (byte {zero} is zero). Save it as UTF-8. {NO_GRAPH}")
    document = copy(_parsed(text, shown))
    document.digest = hashlib.sha256(data).hexdigest()
    return document


def _near(path: Path) -> str:
    """Say which graph beside a missing one may be meant."""
    beside = {other.stem: other.name for other in sorted(path.parent.glob("*.y*ml"))} if path.parent.is_dir() else {}
    near = get_close_matches(path.stem, beside, 1, 0.7)
    return f'Did you mean "{beside[near[0]]}"?' if near else "Check the path."


@lru_cache(maxsize=64)
def _parsed(text: str, shown: str) -> Document:
    """A look is read once however many tracks use it; nobody changes a document's values."""
    return parse_document(text, shown)


def parse_document(text: str, shown: str = "graph") -> Document:
    """Read the text of a graph file; ``shown`` is how messages call it."""
    # A file that was parsed before, or is refused, needs no parser, which takes long to import.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    _refuse_deep(text, shown)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(shown)
        if mark and (colours := bare_colours(text, mark.index)):  # the bracket behind it is in the comment, too
            raise GraphError([_without_quotes(colours[0], shown)]) from None
        problem = (error.problem or error.context or "is not YAML").splitlines()[0]
        if mark:
            problem, at = cure(problem, text, (error.context_mark or mark).index, mark.index)
            position = _position(text, at, shown)
        raise GraphError([Problem(position, f"This is not YAML: {problem}.")]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise GraphError([Problem(Position(shown), f"This is not YAML: {str(error).splitlines()[0]}.")]) from None
    if root is None:
        raise GraphError([Problem(Position(shown, 1, 1), 'The file is empty. A graph begins with "n2s: 1".')])
    reader = _Reader(shown, text)
    values = reader.value(root, ())
    if reader.problems:
        raise GraphError(sorted(set(reader.problems)))
    return Document(shown, values, reader.marks, text, reader.spans, reader.flow)


def _position(text: str, at: int, shown: str) -> Position:
    return Position(shown, *place_of(line_starts(text), at))


def _without_quotes(colour: re.Match[str], shown: str) -> Problem:
    text, at = colour.string, colour.start(1)
    return Problem(
        _position(text, at, shown), f'{colour[1]} has no quotes, so YAML takes it for a comment; write "{colour[1]}".'
    )


def _refuse_deep(text: str, shown: str) -> None:
    """Flow brackets nest without end in a few bytes, and the parser recurses over them."""
    if _may_be_deep(text) and (at := _deep_place(text)) is not None:
        line, _ = place_of(line_starts(text), at)
        raise GraphError([Problem(Position(shown, line, 1), "The file nests too deep for a graph.")])


def _deep_place(text: str) -> int | None:
    """Return where a text nests too deep, by its tokens; None where brackets only stand in comments and texts."""
    # It takes long to import, and few files need it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    depth = 0
    try:
        for token in YAML(typ="safe", pure=True).scan(text):
            kind = type(token).__name__
            depth += kind in _OPENING
            depth -= kind in _CLOSING
            if depth > MOST_NESTED:
                return token.start_mark.index
    except (YAMLError, ValueError):  # the parser tells of it
        pass
    return None


def _may_be_deep(text: str) -> bool:
    """Say whether a text may nest too deep, by all brackets and spaces in it, which takes no time."""
    depth = 0
    for line in lines_of(text):
        indent = len(line) - len(line.lstrip(" "))
        if line.lstrip().startswith("#") and '"' not in line and "'" not in line:
            continue  # a comment; with a quote in it, it could be the end of a text
        deepest = depth
        for bracket in _BRACKET.findall(line):
            depth += 1 if bracket in "[{" else -1
            deepest = max(deepest, depth)
        if deepest > MOST_NESTED or indent > 200 or line.lstrip().startswith("- " * 30):
            return True
    return False


class _Reader:
    """Builds plain values from ruamel's nodes, noting marks and problems."""

    def __init__(self, shown: str, text: str):
        self.shown, self.text, self.starts = shown, text, line_starts(text)
        self.marks: dict[tuple, tuple[int, int]] = {}
        self.spans: dict[tuple, tuple[int, int]] = {}
        self.flow: set[tuple] = set()
        self.problems: list[Problem] = []
        self.seen: set[int] = set()
        self.count = 0

    def complain(self, node: Any, text: str) -> None:
        self.problems.append(Problem(Position(self.shown, *self.place(node)), text))

    def place(self, node: Any) -> tuple[int, int]:
        """Return the line and column in which a node begins; ruamel counts lines that editors do not."""
        return place_of(self.starts, node.start_mark.index)

    def value(self, node: Any, path: tuple) -> Any:
        self.count += 1
        if id(node) in self.seen:
            return None  # an alias, of which the anchor has told
        self.seen.add(id(node))
        if node.anchor and not (node.id == "scalar" and not node.value):
            text = f"Aliases (&{node.anchor}, *{node.anchor}) are not read in graphs; write the value again."
            self.complain(node, f'{text} Text that begins with "&" needs quotes.')
        if len(path) > MAX_DEPTH or self.count > MAX_VALUES:
            self.complain(node, "The file nests too deep or holds too much for a graph.")
            return None
        self.marks[path] = self.place(node)
        self.spans[path] = (node.start_mark.index, node.end_mark.index)
        if getattr(node, "flow_style", False):
            self.flow.add(path)
        kind = node.id
        tag = str(getattr(node, "tag", "") or "")
        if kind == "mapping" and tag == _PREFIX + "map":
            return self.mapping(node, path)
        if kind == "sequence" and tag == _PREFIX + "seq":
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        if kind == "scalar":
            return self.scalar(node, tag)
        self.complain(node, f"The tag {tag.replace(_PREFIX, '!!')} is not read in graphs; write a plain value.")
        return None

    def mapping(self, node: Any, path: tuple) -> dict:
        result: dict[str, Any] = {}
        seen_to = 0
        for number, (key_node, value_node) in enumerate(node.value):
            if number < seen_to:
                continue
            key = key_node.value if key_node.id == "scalar" else None
            if not isinstance(key, str):
                self.complain(key_node, "A key must be plain text.")
                continue
            if key in result:
                self.complain(key_node, f'"{key}" stands here twice; keep one.')
                continue
            if key_node.style is None and (said := other_space(key, 0, len(key))[0]):
                self.complain(key_node, f'"{key}": {said}.')
                continue
            self.marks[(*path, key, "")] = self.place(key_node)
            self.spans[(*path, key, "")] = (key_node.start_mark.index, key_node.end_mark.index)
            result[key] = self.value(value_node, (*path, key))
            text = result[key]
            is_bare = node.flow_style and value_node.id == "scalar" and value_node.style is None
            if is_bare and isinstance(text, str) and text.startswith("=") and text.count("(") > text.count(")"):
                behind = node.value[number + 1 : number + 2]
                is_cut = behind and is_bare_key(*behind[0])
                said = _CUT_EXPRESSION if is_cut else _PERHAPS_CUT if behind else _UNCLOSED
                self.complain(value_node, said.format(text))
                return result
            if is_bare and (found := decimal_comma(node.value, number)):
                text = f'"{found[0]}" is cut at its comma: write the number with a point: {found[1]}.'
                self.complain(value_node, text)
                seen_to = number + 2
                continue
            cut, seen_to = cut_text(node.value, number) if node.flow_style else ("", 0)
            if cut:
                self.complain(*(unfinished(node.value, number) or (value_node, _CUT.format(cut))))
        return result

    def scalar(self, node: Any, tag: str) -> Any:
        text, kind = node.value, tag.removeprefix(_PREFIX)
        try:
            if kind in ("int", "float") and ":" in text:  # 1:20, which YAML 1.1 takes for a number to the base 60
                return text
            if kind == "int":
                digits = text.replace("_", "")
                return int(digits, 0 if _OTHER_BASE.match(digits) else 10)  # 007 is 7, as YAML 1.2 reads it
            if kind == "float":
                number = float(text.replace("_", ""))
                if abs(number) < float("inf"):
                    return number
                raise ValueError
        except ValueError:
            self.complain(node, f"{text} is not a finite number.")
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "null":
            if node.anchor and not text:
                self.complain(node, f'A text that begins with "&" needs quotes: "&{node.anchor}".')
            at = node.start_mark.index  # of a value that is left out: behind its dash, or where the next thing begins
            for colour in () if text else bare_colours(self.text, at):
                between = self.text[colour.end() : at] or self.text[at : colour.start(1)]
                if not between.strip():
                    self.problems.append(_without_quotes(colour, self.shown))
            return None
        if kind in ("str", "value", "timestamp", "merge"):
            # JSON writes a character beyond 16 bits as two halves, which belong together.
            text = _joined(text)
            if any(ord(c) < 32 and c not in "\t\n" or 0xD800 <= ord(c) < 0xE000 for c in text):
                self.complain(node, f"{text!r} has a character that no text can have; write it without.")
            return text
        self.complain(node, f"The tag {tag.replace(_PREFIX, '!!')} is not read in graphs; write a plain value.")
        return None


def _joined(text: str) -> str:
    """Return text with pairs of surrogates as the characters they stand for; single ones stay, to be refused."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return text
