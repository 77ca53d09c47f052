"""Colours in settings: one type for all nodes that have any, and one sentence for what is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from n2s.commands.common import parse_override
from n2s.graph.colours import FORM, by_channel, display_of, light_of
from n2s.graph.declare import DeclarationError, Node
from n2s.graph.describe.descriptions import type_words
from n2s.graph.describe.schema import field_schema
from n2s.graph.errors import GraphError
from n2s.graph.file.document import parse_document
from n2s.graph.graph import Graph
from n2s.graph.registry import node_types
from n2s.graph.shader import to_light


def colours_in(value: Any) -> bool:
    """Say whether plain data has a colour in it, or a list of colours."""
    return all(map(colours_in, value)) if isinstance(value, list) and value else bool(re.fullmatch(FORM, str(value)))


def is_colour(cls: type[Node], name: str) -> bool:
    schema = field_schema(cls, name)
    return "color-hex" in (schema.get("format"), schema.get("items", {}).get("format"))


SETTINGS = [(cls, name) for cls in node_types().values() for name in cls.settings()]
COLOURS = [(cls, name) for cls, name in SETTINGS if is_colour(cls, name)]
NAMES = [f"{cls.__name__}.{name}" for cls, name in COLOURS]
of_colours = pytest.mark.parametrize(("cls", "name"), COLOURS, ids=NAMES)
WRONG = {
    "red": '"red" is no colour; #rrggbb was wanted, like "#ff8800"',
    "#12": '"#12" is no colour; #rrggbb was wanted, like "#ff8800"',
    "#gggggg": '"#gggggg" is no colour; #rrggbb was wanted, like "#ff8800"',
    "#ff8800\n": '"#ff8800\n" is no colour; #rrggbb was wanted, like "#ff8800"',
    123: '123 is no colour; #rrggbb was wanted, like "#ff8800"',
    True: 'true is no colour; #rrggbb was wanted, like "#ff8800"',
}


def test_every_setting_that_is_written_as_a_colour_is_of_this_type() -> None:
    assert len(COLOURS) >= 15
    for cls, name in SETTINGS:
        info = cls.model_fields[name]
        if "#rrggbb" in cls.specs[name].help or colours_in(info.default):
            assert (cls, name) in COLOURS, f"{cls.__name__}.{name}: annotate it with Colour"


@of_colours
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_no_colour_is_told_where_it_stands(cls: Any, name: str, wrong: Any, tmp_path: Path) -> None:
    many = field_schema(cls, name)["type"] == "array"
    written = json.dumps(["#000000", wrong] if many else wrong)
    settings = "".join(f"\n    {key}: {json.dumps(value)}" for key, value in cls.example.items())
    path = tmp_path / "graph.yaml"
    path.write_text(
        f"n2s: 1\nnodes:\n  picture: {{node: ImageSource, path: picture.png}}\n"
        f"  subject:\n    node: {cls.__name__}\n    {name}: {written}\n    in: picture{settings}\n"
    )
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert f"graph.yaml:6:{7 + len(name)}  subject.{name}: {WRONG[wrong]}" in str(caught.value)
    with pytest.raises(DeclarationError) as caught:
        cls(**cls.example | {name: ["#000000", wrong] if many else wrong})
    assert str(caught.value) == f"{cls.__name__}.{name}: {WRONG[wrong]}"


@of_colours
def test_pages_call_it_a_colour_and_the_schema_takes_what_the_node_takes(cls: Any, name: str) -> None:
    assert type_words(cls, name) in ("colour", "list of colours")
    schema = field_schema(cls, name)
    schema = schema.get("items", schema)
    for text in ("#ff8800", "#FF8800", *(wrong for wrong in WRONG if isinstance(wrong, str))):
        taken = bool(re.search(schema["pattern"].replace("$", r"\Z"), text))
        assert taken == (text not in WRONG)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a:\n  colour: #ff8800\n  b: 1\n", "2:11"),
        ("a: #ff8800", "1:4"),
        ("a: {dark: #ff8800, b: 2}\n", "1:11"),
        ("a: [#ff8800, '#00ff00']\n", "1:5"),
        ("a:\n  - #ff8800\n  - '#000000'\n", "2:5"),
        ("a: '#000000'\nb:\n  -  c: #ff8800  \n\n\nd: 1\n", "3:9"),
    ],
)
def test_a_colour_without_quotes_is_a_comment_and_told(text: str, place: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_document(text)
    said = '#ff8800 has no quotes, so YAML takes it for a comment; write "#ff8800".'
    assert str(caught.value) == f"graph:{place}  {said}"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: 1 #ff8800\nb:\n", {"a": 1, "b": None}),
        ("a:  # in place of #ff8800\nb: 1\n", {"a": None, "b": 1}),
        ("# a: #ff8800\nb:\n", {"b": None}),
        ("a: #ff8800\n  b: 1\n", {"a": {"b": 1}}),
        ("a: null #ff8800\n", {"a": None}),
        ("a: [1, #ff8800\n  2]\n", {"a": [1, 2]}),
    ],
)
def test_a_comment_that_looks_like_a_colour_is_a_comment(text: str, values: Any) -> None:
    assert parse_document(text).values == values


def test_a_colour_on_the_command_line_needs_no_quotes() -> None:
    assert parse_override("border.colour=#ff8800") == ("border.colour", "#ff8800")
    assert parse_override('border.colour="#ff8800"') == ("border.colour", "#ff8800")
    assert parse_override("leak.colours=['#ff8800']") == ("leak.colours", ["#ff8800"])


def test_numbers_of_a_colour() -> None:
    assert display_of("#ff8000") == [1.0, 128 / 255, 0.0]
    for code in range(0, 256, 5):
        (light, *_), (value, *_) = light_of(f"#{code:02x}0000"), display_of(f"#{code:02X}0000")
        assert value == code / 255 and np.float32(light) == pytest.approx(to_light(np.float32(value)), rel=1e-6)
    assert by_channel("ink", light_of("#00ff00")) == {"ink_r": 0, "ink_g": 1, "ink_b": 0}
