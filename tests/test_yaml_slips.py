"""Texts without quotes that YAML takes for something else are told, where they stand and with the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from n2s.graph.errors import GraphError
from n2s.graph.file.document import parse_document
from n2s.graph.graph import Graph

BRACES = "{{node: Title, frames: base, {}}}"
LINES = "\n    node: Title\n    frames: base\n    {}"
NO_COLON = "no colon is expected here"


def loaded(folder: Path, spec: str) -> Graph:
    path = folder / "song.yaml"
    nodes = f"  base: {{node: Solid}}\n  name: {spec}\n  out: {{node: DigestSink, frames: name, path: a.txt}}\n"
    path.write_text(f"n2s: 1\nsize: [64, 36]\nnodes:\n{nodes}", encoding="utf-8")
    return Graph.load(path)


def said_of(folder: Path, spec: str) -> str:
    """Return what is said of a node that is written wrong."""
    with pytest.raises(GraphError) as caught:
        loaded(folder, spec)
    return str(caught.value)


@pytest.mark.parametrize(
    "text, in_braces, in_lines",
    [
        ("Hello, world", ':5:43  "Hello, world" is cut at its comma: between { } quote the text: "Hello, world".', ""),
        ("A, B, it's", ':5:43  "A, B, it\'s" is cut at its comma', ""),
        ("Hello: world", ":5:48  This is not YAML: " + NO_COLON, ":8:16  This is not YAML: " + NO_COLON),
        ("Ready? #1", ':5:50  This is not YAML: behind a space "#" begins a comment', ""),
        *((f"{sign}x", *[f'a text that begins with "{sign}" needs quotes'] * 2) for sign in "%@`*"),
        ("&x", *['A text that begins with "&" needs quotes: "&x".'] * 2),
        ("!x", 'a text that begins with "!" needs quotes', "The tag !x is not read"),
        ("- x", 'a text that begins with "- " needs quotes; between', 'a text that begins with "- " needs quotes; the'),
        ("? x", *['a text that begins with "? " needs quotes'] * 2),
        ("> x", 'a text that begins with ">" needs quotes', "behind > or | the text begins on the next line"),
        ('"Yes" she said', *["text goes on behind a closing quotation mark"] * 2),
        ("1984", *['name.text: text was wanted, not 1984; in quotes it is text: "1984"'] * 2),
        ("true", *['text was wanted, not true; in quotes it is text: "true"'] * 2),
        ("null", *["text was wanted, not nothing; null and ~ are text in quotes alone"] * 2),
        ("", *["text was wanted, not nothing"] * 2),
        ("no", "", ""),
        ("1:20", "", ""),
        ("2024-01-01", "", ""),
        ("50% off, it's", "is cut at its comma", ""),
    ],
)
@pytest.mark.parametrize("form", [BRACES, LINES], ids=["braces", "lines"])
def test_a_text_without_quotes(text: str, in_braces: str, in_lines: str, form: str, tmp_path: Path) -> None:
    told = in_braces if form == BRACES else in_lines
    if not told:
        assert loaded(tmp_path, form.format(f"text: {text}")).nodes["name"].text == text.partition(" #")[0]
        return
    with pytest.raises(GraphError) as caught:
        loaded(tmp_path, form.format(f"text: {text}"))
    assert told in str(caught.value) and "song.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    "spec, told",
    [
        ("text: Hello, world: again, size: 0.1", 'belongs to text, quote all of the text: "Hello, world: again".'),
        ('text: "Hello", world: again', ""),
        ("text: Hello, sizs: 0.1", 'Did you mean "size"? If it belongs to text, quote all of the text'),
        ("size: 0.1, text: A, world: [1, 2]", 'quote all of the text: "A, world: [1, 2]".'),
        ("world: again, text: Hello", ""),
    ],
)
def test_a_colon_behind_a_comma_of_a_text(spec: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        loaded(tmp_path, BRACES.format(spec))
    assert "has no such setting" in str(caught.value) and told in str(caught.value)
    assert ("belongs to" in str(caught.value)) == ("belongs" in told or "quote" in told)


@pytest.mark.parametrize(
    "lines, told",
    [
        ("  t:\n    node: Title\n    frames:base\n    text: a\n", "6:5  This is not YAML: a name, a colon and a space"),
        ("  t:\n    node: Title\n     frames: base\n", "6:12  This is not YAML: this line is indented otherwise"),
        (
            '  t: {node: Title, text: "a}\n  b: {node: Solid}\n',
            "4:26  This is not YAML: no quotation mark closes the text",
        ),
        ("  t: {node: Title, text: a\n  b: {node: Solid}\n", "5:4  This is not YAML: the { in line 4 is not closed"),
        ("  t: {points: [[0, 1]\n  b: {node: Solid}\n", "5:3  This is not YAML: the [ in line 4 is not closed"),
        ("t:\n  node: Title\n  text: a\n", "4:1  t: a graph has no such entry. It is a node: indent it below nodes."),
        ('  t: {node: Tone, frames: base, exposure: "= foo(2"}\n', "there is no function 'foo'"),
    ],
)
def test_a_slip_is_told_where_it_is(lines: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    path.write_text(f"n2s: 1\nnodes:\n  base: {{node: Solid}}\n{lines}", encoding="utf-8")
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert told in str(caught.value)


def test_a_folder_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="This is a folder. Name a graph in it."):
        Graph.load(tmp_path)


def test_what_is_in_quotes_is_text(tmp_path: Path) -> None:
    for text in ("Hello, world", "a: b", "#1", "*x", "&x", "%", "@", "`", "- x", "null", "1984", "yes"):
        assert loaded(tmp_path, BRACES.format(f'text: "{text}"')).nodes["name"].text == text


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0,22", '"0,22" is cut at its comma: write the number with a point: 0.22.'),
        ("-1,5 dB", '"-1,5 dB" is cut at its comma: write the number with a point: -1.5 dB.'),
        ("1,5e-3", '"1,5e-3" is cut at its comma: write the number with a point: 1.5e-3.'),
        ("0, 22", '"0, 22" is cut at its comma: between { } quote the text: "0, 22".'),
        ('"0,22"', "write 0.22"),
    ],
)
def test_a_comma_as_a_decimal_sign(number: str, said: str, tmp_path: Path) -> None:
    for more in ("", ", contrast: 1.1"):
        assert said in said_of(tmp_path, f"{{node: Tone, frames: base, exposure: {number}{more}}}")


@pytest.mark.parametrize("value", ["&x 0.1", "&x [0, 0]", "&x text"])
def test_an_anchor_is_refused_without_an_alias(value: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"Aliases \(&x, \*x\) are not read in graphs; write the value again"):
        loaded(tmp_path, f"{{node: Tone, frames: base, exposure: {value}}}")


@pytest.mark.parametrize(
    "spec, told",
    [
        ("{node: Title, text: A, size:, opacity: 1}", ':5:32  "size" has no value; write one behind the colon'),
        ("{node: Title, frames base}", ':5:23  "frames base" lacks its colon: frames: base'),
        ("{node: Title, frames: base, text: A, size 1}", '"A, size 1" is cut at its comma: between { } quote'),
    ],
)
def test_a_setting_that_lacks_its_value_or_its_colon(spec: str, told: str, tmp_path: Path) -> None:
    assert told in said_of(tmp_path, spec)


@pytest.mark.parametrize(
    "value, told",
    [
        ("= 1 and 2", "'and' is one too many here; both are true where a product is 1"),
        ("= 1 or 2", "'or' is one too many here; one of two is true where the larger is 1"),
        ("= \u201c1\u201d", "has no meaning in an expression; quotes of YAML are straight"),
        ("= 2 \u2013 1", "minus is -"),
        ("\u20130.2", "minus is -"),
        ("\u201c= 0.5 * time\u201d", "quotes of YAML are straight"),
        ("= 2 \u00d7 1", "times is *"),
        ("= 1 == 1", "one = begins an expression, and <, <=, > and >= compare"),
        ("2 baers", 'did you mean "2 bars"?'),
    ],
)
def test_numbers_as_people_write_them(value: str, told: str, tmp_path: Path) -> None:
    assert told in said_of(tmp_path, f"{{node: Title, frames: base, text: A, opacity: {value}}}")


@pytest.mark.parametrize(
    "lines, told",
    [
        ("\n    node: Tone\n    frames: base\n  exposure: 1", ":8:13  exposure is no node; if it is a setting of name"),
        ("\n    node: Tone\n    frames:\u00a0base", "here stands a space of another kind (U+00A0)"),
        ("\n    node: Title\n    frames: base\n    text: A\n    at: \u201cat B\u201d", "quotes of YAML are straight"),
        ("{Node: Tone, frames: base}", '; "Node" stands where "node" was wanted.'),
        ("{type: Tone, frames: base}", '; "type" stands where "node" was wanted.'),
        ("{mode: report, frames: base}", 'name needs its type: "name: {node: Type, …}".'),
        ("{node: Tone, frames: base, exposure: yes}", "It takes a number or a signal."),
    ],
)
def test_slips_of_editors(lines: str, told: str, tmp_path: Path) -> None:
    assert told in said_of(tmp_path, lines)


def test_a_size_that_is_wrong_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    for size in ("[640. 360]", "[640, abc]", "[a, b]", "640x360"):
        path.write_text(f"n2s: 1\nsize: {size}\nnodes:\n  base: {{node: Solid}}\n", encoding="utf-8")
        with pytest.raises(GraphError) as caught:
            Graph.load(path)
        assert str(caught.value).count("width and height were wanted") == 1


def test_nodes_without_the_line_above_them(tmp_path: Path) -> None:
    path = tmp_path / "song.yaml"
    for before, column in (("title: A", 7), ("size: [64, 36]", 3)):
        for node in ("{node: Solid}", "\n    node: Solid"):
            path.write_text(f"n2s: 1\n{before}\n\n  base: {node}\n", encoding="utf-8")
            said = rf'song.yaml:4:{column}  .* a node stands here, but no line above says "nodes:"'
            with pytest.raises(GraphError, match=said):
                Graph.load(path)


def test_a_graph_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(
        GraphError, match=r"This is no graph, which is a text that ends in \.yaml\. For a piece of music, n2s new"
    ):
        Graph.load(tmp_path / "song.wav")
    (tmp_path / "song.wav").rename(tmp_path / "song.yaml")
    with pytest.raises(GraphError, match=r"not UTF-8 text \(byte 4 is zero\)"):
        Graph.load(tmp_path / "song.yaml")


@pytest.mark.parametrize("within", "\x85\u2028\u2029")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_an_editor(within: str, end: str, tmp_path: Path) -> None:
    """YAML's parser ends lines at characters that an editor shows within one."""
    path = tmp_path / "song.yaml"
    lines = ["n2s: 1", f"title: 'a{within}b'", "nodes:", "  base: {node: Solid, colour: 7}", "  base: 3"]
    for wrong, place in (("  base: {node: Solid, colour: 7}", "4:31"), ("  base: {node: Solid, colour: [}", "4:32")):
        lines[3] = wrong
        path.write_text(end.join(lines[:4]), encoding="utf-8", newline="")
        with pytest.raises(GraphError, match=f"song.yaml:{place}  "):
            Graph.load(path)


@pytest.mark.parametrize(
    ("written", "number"),
    [("007", 7), ("0128", 128), ("-08", -8), ("00", 0), ("1_000", 1000), ("0x1F", 31), ("0o17", 15)],
)
def test_a_number_may_begin_with_noughts(written: str, number: int) -> None:
    """As YAML 1.2 reads it: to the base 10 unless it says otherwise."""
    values = parse_document(f"a: [{written}]\nb: {written}").values
    assert values == {"a": [number], "b": number}


@pytest.mark.parametrize(
    "line", ["a{}: 1 # in [0, 1)", "a{}: 'in [0, 1)'", 'a{}: "in [0, 1)"', "a{}: in [0, 1)", "a{}: |\n  in [0, 1)"]
)
def test_brackets_in_comments_and_texts_nest_nothing(line: str) -> None:
    assert len(parse_document("\n".join(line.format(number) for number in range(60))).values) == 60


@pytest.mark.parametrize(
    "deep", ["a: " + "[" * 700, "a: " + "{b: " * 60 + "1" + "}" * 60, "b: 1 # [\n" + "- " * 60 + "a"]
)
def test_what_nests_too_deep_is_refused_before_it_is_read(deep: str) -> None:
    with pytest.raises(GraphError, match=r"graph:[12]:1  The file nests too deep for a graph\."):
        parse_document(deep)


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("a: {node: Solid}\t# grey", 17, "here stands a tab; between values, and before a comment, YAML wants spaces."),
        ("a:\t1", 3, "here stands a tab; between values, and before a comment, YAML wants spaces."),
        ("\ta: 1", 1, "here a tab indents the line; YAML wants spaces."),
        ("  \ta: 1", 3, "here a tab indents the line; YAML wants spaces."),
    ],
)
def test_a_tab_is_told_as_what_it_is(text: str, column: int, told: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_document(text)
    assert str(caught.value) == f"graph:1:{column}  This is not YAML: {told}"
