"""A JSON Schema (draft 2020-12) of graph files, read from the declarations, for editors.

It says what a graph file looks like: entries, node types, their ports and settings, ranges, units, help. It does not
know what `n2s check` knows of links: whether a name exists, what flows through it, whether nodes wait for each other.

``markdownDescription``, ``markdownEnumDescriptions`` and ``patternErrorMessage`` are keywords of editors; validators
ignore them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from n2s.graph.declare import Node, Spec
from n2s.graph.describe.words import default, help_line, seconds_only, sentence, summary, text
from n2s.graph.expressions import FUNCTIONS, UNITS, VARIABLES, WITH_COLUMNS
from n2s.graph.header import MAX_SIDE, Header
from n2s.graph.landmarks import MOMENTS
from n2s.graph.looks import look_names
from n2s.graph.registry import node_types
from n2s.graph.subgraph import Interface, SubGraph
from n2s.graph.time import MAX_FPS
from n2s.graph.times import CLOCK, LIKE, QUANTITY, TIME_SCHEMA
from n2s.graph.types import FILM, SIGNAL, Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Patterns are whole regular expressions, which mean the same in Python and in ECMA 262.
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
LINK = rf"{NAME}(\.{NAME})?(\.([0-9]{{1,4}}|{NAME}))?"
NUMBER = r"(=\s*)?(-\s*)?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
EXPRESSION = r"=\s*\S[\s\S]*"
SECONDS = ("s", "ms")
TIMES = (*SECONDS, "beats?", "bars?")

LINK_WANTED = 'The name of a node or of its output was wanted, like "film" or "features.onset".'
SIGNAL_WANTED = 'A signal was wanted, like "features.onset", or an expression, like "= 0.5 * pulse".'
NUMBER_WANTED = 'A number, a signal like "features.onset" or an expression like "= 0.5 * pulse" was wanted.'


def graph_schema() -> dict[str, Any]:
    """Return the schema of graph files, with every node type that is installed."""
    types = {**node_types(), "Graph": SubGraph}
    properties = {name: _header_field(name) for name in Header.model_fields}
    properties["interface"] = _interface()
    properties["presets"] = {
        "type": "object",
        "additionalProperties": {"type": "object"},
        **_said("Overlays of settings by name: `{soft: {grain.amount: 0.01}}`."),
    }
    properties["nodes"] = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {
            "pattern": f"^(?!({'|'.join(sorted({*FUNCTIONS, *UNITS, *VARIABLES, *WITH_COLUMNS}))})$){NAME}$",
            "patternErrorMessage": "A node's name is an identifier (letters, digits, _) that means nothing in "
            "expressions.",
        },
        "additionalProperties": {"$ref": "#/$defs/node"},
        **_said(
            "The nodes by name, in any order. Links name them: `pulse`, `features.onset`, `features.mfcc.3`, "
            "`features.section_is.B`."
        ),
    }
    return {
        "$schema": DIALECT,
        "title": "n2s graph",
        **_said("A graph of nodes that turns music into film."),
        "type": "object",
        "properties": properties,
        "required": ["n2s", "nodes"],
        "additionalProperties": False,
        "$defs": {"node": _any_node(types)} | {name: node_schema(name, cls) for name, cls in types.items()},
    }


def _any_node(types: dict[str, type[Node]]) -> dict[str, Any]:
    """One node. Its type decides by ``if`` and not by ``oneOf``: an editor then speaks of that type alone."""
    chosen = [
        {"if": {"properties": {"node": {"const": name}}, "required": ["node"]}, "then": {"$ref": f"#/$defs/{name}"}}
        for name in types
    ]
    summaries = [summary(cls) for cls in types.values()]
    known = {"type": "string", "enum": list(types), "markdownEnumDescriptions": summaries}
    # Last, because an editor shows the first help it meets: that of the one type, not the list of all.
    return {"type": "object", "required": ["node"], "allOf": [*chosen, {"properties": {"node": known}}]}


def node_schema(type_name: str, cls: type[Node]) -> dict[str, Any]:
    """Return the schema of one node type's entry in a graph."""
    fields = {name: field_schema(cls, name) for name in cls.specs}
    first = next(iter(cls.ports), None)
    needed = [name for name, spec in cls.specs.items() if spec.required]
    schema: dict[str, Any] = {
        "title": type_name,
        **_said(text(cls)),
        "type": "object",
        "properties": {"node": {"const": type_name, **_said(text(cls))}} | fields,
        "required": ["node", *(name for name in needed if name != first)],
        # A sub-graph's further keys are what its own interface declares.
        "additionalProperties": {"type": ["number", "string"]} if cls is SubGraph else False,
    }
    if first and "in" not in fields:
        schema["properties"]["in"] = fields[first] | _said(f"The first port, `{first}`: {cls.specs[first].help}.")
    if cls is SubGraph:
        schema["oneOf"] = [{"required": ["path"]}, {"required": ["look"]}]
        schema["properties"]["look"] |= {"enum": look_names()}
    if first in needed:
        schema["anyOf"] = [{"required": [first]}, {"required": ["in"]}]
    return schema


def field_schema(cls: type[Node], name: str) -> dict[str, Any]:
    """Return the schema of one port, parameter or setting, with its help, unit, range and default."""
    spec = cls.specs[name]
    if spec.role == "port":
        return _port(cls.ports[name]) | _said(help_line(cls, name))
    if spec.role == "param":
        units = ("dB", *TIMES) if spec.unit == "s" else ("dB",)
        schema = _bounded(_number_or(NUMBER_WANTED, _quantity(*units), LINK, EXPRESSION), spec)
    elif cls.is_type(name, "when"):
        schema = _bounded(dict(TIME_SCHEMA), spec)
        if cls.model_fields[name].default is None:
            schema["type"] = [*schema["type"], "null"]
    elif cls.is_type(name, "seconds"):
        units, like = (SECONDS, "0.5 or 250 ms") if seconds_only(cls, name) else (TIMES, "0.5, 250 ms or 4 beats")
        heard = MOMENTS if cls.is_type(name, "every") else ()
        like = f"{like}, or section or drop" if heard else like
        wanted = f"A constant time was wanted, like {like}."
        schema = _bounded(_number_or(wanted, _quantity(*units), CLOCK, *heard), spec)
        if cls.model_fields[name].default is None:
            schema["type"].append("null")
    else:
        schema = _bounded(_pydantic_schema(cls, name), spec)
    if not spec.required:
        schema["default"] = default(cls, name)
    return schema | _said(help_line(cls, name))


def _port(kind: Kind) -> dict[str, Any]:
    if kind is SIGNAL:
        return _number_or(SIGNAL_WANTED, _quantity("dB"), LINK, EXPRESSION)
    link = {"type": "string", "pattern": _whole(LINK), "patternErrorMessage": LINK_WANTED}
    return {"type": "array", "items": link, "minItems": 1} if kind is FILM else link


def _number_or(wanted: str, *patterns: str) -> dict[str, Any]:
    """A number, or text of some pattern. One schema with two types and not a choice: an editor explains it better."""
    return {"type": ["number", "string"], "pattern": _whole(*patterns), "patternErrorMessage": wanted}


def _quantity(*units: str) -> str:
    return rf"{NUMBER}(\s*({'|'.join(units)}))?"


def _whole(*patterns: str) -> str:
    return rf"^\s*({'|'.join(patterns)})\s*$"


def _pydantic_schema(cls: type[Node], name: str) -> dict[str, Any]:
    """The schema that pydantic gives for a setting's type."""
    return _merged(cls.model_json_schema()["properties"][name])


def _merged(schema: dict[str, Any]) -> dict[str, Any]:
    """Write ``X | None`` as one schema with two types."""
    schema = {key: value for key, value in schema.items() if key not in ("title", "default")}
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1 and "type" in choices[0]:
        del schema["anyOf"]
        schema |= choices[0]
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _bounded(schema: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Lay a declared range on every number of a schema: the range of a list is that of its items."""
    types = schema.get("type", [])
    if {"number", "integer"} & {*([types] if isinstance(types, str) else types)} and "enum" not in schema:
        bounds = {"minimum": spec.ge, "exclusiveMinimum": spec.gt, "maximum": spec.le, "exclusiveMaximum": spec.lt}
        schema = schema | {word: bound for word, bound in bounds.items() if bound is not None}
    if isinstance(schema.get("items"), dict):
        schema = schema | {"items": _bounded(schema["items"], spec)}
    if "prefixItems" in schema:
        schema = schema | {"prefixItems": [_bounded(item, spec) for item in schema["prefixItems"]]}
    return schema


def _header_field(name: str) -> dict[str, Any]:
    info = Header.model_fields[name]
    if name == "fps":
        schema = _number_or('A frame rate was wanted, like 30, 29.97 or "30000/1001".', r"[0-9]+(\.[0-9]+|/[0-9]+)?")
        schema |= {"minimum": 1, "maximum": MAX_FPS}
    elif name == "size":
        side = {"type": "integer", "minimum": 16, "maximum": MAX_SIDE, "multipleOf": 2}
        schema = {"type": "array", "prefixItems": [side, side], "minItems": 2, "maxItems": 2}
    else:
        schema = _merged(Header.model_json_schema()["properties"][name])
    if name == "duration":
        schema |= _number_or(f"A time was wanted, like {LIKE}.", CLOCK, QUANTITY) | {
            "type": ["number", "string", "null"]
        }
    value = info.default
    if value is not None:
        schema["default"] = (
            int(value) if isinstance(value, Fraction) else list(value) if isinstance(value, tuple) else value
        )
    return schema | _said(sentence(info.description or name))


def _interface() -> dict[str, Any]:
    """What a sub-graph shows, as its own model has it."""
    schema = Interface.model_json_schema()
    parts = schema.pop("$defs", {})

    def inline(value: Any) -> Any:
        if isinstance(value, list):
            return [inline(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inline(parts[value["$ref"].rpartition("/")[2]])
        made = {key: inline(item) for key, item in value.items() if key != "properties"}
        if "properties" in value:  # whose keys are names and not words of the schema
            made["properties"] = {key: inline(item) for key, item in value["properties"].items()}
        return _merged(made)

    return inline(schema) | _said("What a sub-graph shows to the graphs that use it: inputs, parameters and outputs.")


def _said(words: str) -> dict[str, str]:
    """Help for an editor: Markdown where it reads that, else plain."""
    return {"description": words.replace("`", ""), "markdownDescription": words}
