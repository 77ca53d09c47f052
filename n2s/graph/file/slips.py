"""Slips in YAML, in words: what to do where text without quotes means something else to YAML."""

from __future__ import annotations

import re
from typing import Any

from n2s.graph.textlines import line_starts, place_of

# A colour without quotes where a value is wanted: YAML takes it for a comment, and the value for left out.
_BARE_COLOUR = re.compile(r"(?:(?<=[-:,]\s)|(?<=\[))[ \t]*(#[0-9a-fA-F]{6})(?=[\s,\]}]|\Z)")
_OTHER_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]")  # that looks like one, and is none to YAML
_AROUND = 200  # characters around a place, in which such a colour is looked for
_COMMENT = re.compile(r"""^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^"'\n]|\B['"]|['"]\B|(?<=\w)['"](?=\w))*?\s#""")
_QUOTED = 'a text that begins with "{}" needs quotes'
_COLON = 'no colon is expected here; behind a name comes ": ", with a space, and text with a colon is quoted'
_NO_COLON = 'a name, a colon and a space begin a line: "name: value"'
_OPEN_QUOTE = "no quotation mark closes the text that begins here"
_OPEN_BRACKET = "the {} in line {} is not closed; a bracket is missing, or a comma"
_OTHERWISE = "this line is indented otherwise than the lines that belong with it"
_A_NODE = re.compile(r"[\w-]*:\s*(\{\s*)?node\b")
_NO_NODES = 'a node stands here, but no line above says "nodes:"'
_HIDDEN = 'behind a space "#" begins a comment, which hides the bracket that closes; text with "#" is quoted'
_BEHIND_QUOTES = (
    "text goes on behind a closing quotation mark; quote all of it with the other kind of marks: '\"Yes\", she said'"
)

# What to do, by a part of what the parser says is wrong.
_CURES = {
    "another document": "one file holds one graph, and here a second document begins",
    "'\\t' that cannot start": "here a tab indents the line; YAML wants spaces",
    "but found '<block mapping start>'": _OTHERWISE,
    "expected <block end>, but found '-'": _OTHERWISE,
    "expected <block end>, but found '<scalar>'": _BEHIND_QUOTES,
    "sequence entries are not allowed": _QUOTED.format("- ") + "; the items of a list begin on lines of their own",
    "mapping keys are not allowed": _QUOTED.format("? "),
    "but found '?'": _QUOTED.format("? "),
    "but found '-'": _QUOTED.format("- ") + "; between braces a list is written [a, b]",
    "expected a comment or a line break": (
        "behind > or | the text begins on the next line; one that begins with it needs quotes"
    ),
    "found undefined alias": _QUOTED.format("*"),
    "mapping values are not allowed": _COLON,
    "expected ',' or '}'": "a { before is not closed; } is missing, or a comma",
    "expected ',' or ']'": "a [ before is not closed; ] is missing, or a comma",
}


def cure(problem: str, text: str, begin: int, at: int) -> tuple[str, int]:
    """Return what to do about what YAML's parser says is wrong, and at which place in the text it is wrong.

    Parameters
    ----------
    problem : str
        What it says.
    text : str
        The file's.
    begin, at : int
        Where what it was reading begins, and where it stopped, as places in the text.
    """
    here, before = text[at : at + 1], text[begin:at]
    in_line = text[text.rfind("\n", 0, at) + 1 : at]
    if "could not find expected ':'" in problem:
        said, place = other_space(text, begin, at)
        return (said, place) if said else (_NO_COLON, begin)
    if problem == "found unexpected end of stream":  # which comes within quotes alone
        return _OPEN_QUOTE, begin
    if _A_NODE.match(text, at) and not re.search(r"^nodes\s*:", text, re.M):
        return _NO_NODES, at
    if "mapping values are not allowed" in problem and re.fullmatch(r"\s+[\w-]+", in_line):
        return _OTHERWISE, at
    if "'\\t' that cannot start" in problem and in_line.strip():
        return "here stands a tab; between values, and before a comment, YAML wants spaces", at
    if found := re.search(r"character '([^\\])' that cannot start", problem):
        return _QUOTED.format(found[1]), at
    if problem.startswith(("expected ',' or", "expected ' '")):
        if re.search(r"(?:^|[:,\[{\s])!\S*\Z", before):
            return _QUOTED.format("!"), at
        if here == ":" and "\n" not in before:
            return _COLON, at
        if re.search(r"[\"'][ \t]+\Z", before) and here not in "{[\n#":
            return _BEHIND_QUOTES, at
        for line in re.finditer(r".+", before):
            if found := _COMMENT.match(line[0]):
                return _HIDDEN, begin + line.start() + found.end() - 1
        if "\n" in before and text[begin : begin + 1] in ("{", "["):
            return _OPEN_BRACKET.format(text[begin], place_of(line_starts(text), begin)[0]), at
    return next((said for found, said in _CURES.items() if found in problem), problem), at


def other_space(text: str, begin: int, end: int) -> tuple[str, int]:
    """Return what to do about a space that is none to YAML, and where it stands; "" where there is none."""
    found = _OTHER_SPACE.search(text, begin, end)
    if found is None:
        return "", begin
    return f"here stands a space of another kind (U+{ord(found[0]):04X}); type a plain one", found.start()


def bare_colours(text: str, at: int) -> list[re.Match[str]]:
    """Return the colours without quotes in the text around a place, but for those in comments."""
    found = _BARE_COLOUR.finditer(text, max(0, at - _AROUND), at + _AROUND)
    return [colour for colour in found if "#" not in text[text.rfind("\n", 0, colour.start(1)) + 1 : colour.start(1)]]


def decimal_comma(pairs: list, number: int) -> tuple[str, str] | None:
    """Return a number that is written with a comma between braces, as it is written and with a point; None for others.

    To YAML ``{amount: 0,22}`` has the keys amount and 22.
    """
    value = pairs[number][1]
    if number + 1 == len(pairs) or not is_bare_key(*pairs[number + 1]) or not re.fullmatch(r"[-+]?\d+", value.value):
        return None
    key = pairs[number + 1][0]
    digits = re.fullmatch(r"(\d+)([eE][-+]?\d+)?(\s*[A-Za-z]+)?", key.value)
    if not digits or key.start_mark.index != value.end_mark.index + 1:
        return None
    return f"{value.value},{key.value}", f"{value.value}.{key.value}"


def cut_text(pairs: list, number: int) -> tuple[str, int]:
    """Return the text without quotes that a comma between braces has cut, and at which pair it ends.

    Behind the comma YAML reads another key, without a value: ``{text: Hello, world}`` has the keys text and world.

    Parameters
    ----------
    pairs : list
        The nodes of a mapping's keys and values.
    number : int
        Which of them is looked at.

    Returns
    -------
    text : str
        "Hello, world"; "" where the value is not cut.
    end : int
        The number of the first pair behind it.
    """
    value = pairs[number][1]
    end = number + 1
    while end < len(pairs) and is_bare_key(*pairs[end]):
        end += 1
    if end == number + 1 or value.id != "scalar" or value.style is not None or not value.value:
        return "", number + 1
    return ", ".join([value.value, *(key.value for key, _ in pairs[number + 1 : end])]), end


def unfinished(pairs: list, number: int) -> tuple[Any, str] | None:
    """Return a setting behind a comma that lacks its value or its colon, and what is said of it; None for cut text.

    ``{node: EMA, attack:, release: 1}`` has a key "attack:", and ``{node: AudioSource, path song.wav}`` one that is
    "path song.wav". No text goes on behind the name of a node type.
    """
    key = pairs[number + 1][0]
    if key.value.endswith(":"):
        return key, f'"{key.value[:-1]}" has no value; write one behind the colon, or leave it out.'
    name, _, rest = key.value.partition(" ")
    if pairs[number][0].value == "node" and rest and re.fullmatch(r"[a-z_]+", name):
        return key, f'"{key.value}" lacks its colon: {name}: {rest.strip()}'
    return None


def is_bare_key(key: object, value: object) -> bool:
    """Say whether nothing follows a key, no colon either."""
    node, after = key, value
    plain = getattr(node, "id", "") == "scalar" and getattr(after, "id", "") == "scalar" and not getattr(after, "value")
    return plain and getattr(after, "start_mark").index == getattr(node, "end_mark").index
