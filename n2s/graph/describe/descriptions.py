"""All that is declared of a node type, as plain data, from which pages are made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from n2s.graph.declare import Node
from n2s.graph.describe.examples import python_example, yaml_example
from n2s.graph.describe.schema import field_schema
from n2s.graph.describe.words import default, seconds_only, span, summary, text

# What JSON Schema calls a type: one, many.
_WORDS = {
    "number": ("number", "numbers"),
    "integer": ("whole number", "whole numbers"),
    "string": ("text", "texts"),
    "boolean": ("true or false", "true or false"),
    "object": ("mapping", "mappings"),
}


def describe(cls: type[Node]) -> dict[str, Any]:
    """Return all that is declared of a node type, as plain data."""
    roles = {"port": "ports", "param": "parameters", "setting": "settings"}
    made: dict[str, Any] = {
        "name": cls.__name__,
        "summary": summary(cls),
        "text": text(cls),
        "subject": subject(cls),
        "module": cls.__module__,
        "kind": cls.kind,
        "ports": [],
        "parameters": [],
        "settings": [],
    }
    for name, spec in cls.specs.items():
        field = {"name": name, "type": type_words(cls, name), "help": spec.help, "required": spec.required}
        if spec.role != "port":
            bounds = {
                bound: getattr(spec, bound) for bound in ("ge", "gt", "le", "lt") if getattr(spec, bound) is not None
            }
            known = {"default": default(cls, name)} if not spec.required else {}
            field |= {**known, **bounds, "range": span(spec), "unit": spec.unit, "keyed": spec.keyed}
        made[roles[spec.role]].append(field)
    made["outputs"] = [
        {
            "name": name,
            "kind": str(out.kind),
            "help": out.help,
            "unit": out.unit,
            "columns": out.columns,
            "names": list(out.names or ()),
        }
        for name, out in cls.outputs.items()
    ]
    made["neutral"] = cls.neutral
    made["example"] = {"yaml": yaml_example(cls), "python": python_example(cls)}
    return made


def subject(cls: type[Node]) -> str:
    """Return the file a node type is declared in; that of another package under the package's name."""
    package, _, rest = cls.__module__.partition(".")
    return rest.rpartition(".")[2] if package == "n2s" else cls.__module__


def own(types: Iterable[type[Node]]) -> list[type[Node]]:
    """Return those of the library itself."""
    return [cls for cls in types if cls.__module__.startswith("n2s.")]


def by_subject(types: Iterable[type[Node]]) -> dict[str, list[type[Node]]]:
    """Group node types by their files, those of other packages last."""
    groups: dict[str, list[type[Node]]] = {}
    for cls in sorted(types, key=lambda cls: (not cls.__module__.startswith("n2s."), cls.__module__, cls.__name__)):
        groups.setdefault(subject(cls), []).append(cls)
    return groups


def type_words(cls: type[Node], name: str) -> str:
    """Return what a field takes, in words."""
    spec = cls.specs[name]
    if spec.role == "port":
        return str(cls.ports[name])
    if spec.role == "param":
        return "number, signal or expression"
    if cls.is_type(name, "seconds"):
        if cls.is_type(name, "every"):
            return "time (1 beat, 4 bars, 0.5), section, drop or a letter"
        if cls.is_type(name, "when"):
            return "time (80, 1:20, 8 bars, at drop)"
        return "seconds (0.5, 250 ms)" if seconds_only(cls, name) else "time (0.5, 250 ms, 4 beats)"
    if cls.is_type(name, "folder"):
        return "folder"
    if cls.is_type(name, "path"):
        return "file"
    return _words(field_schema(cls, name))


def _words(schema: dict[str, Any], many: bool = False) -> str:
    """Return the type of a plain setting in words, or of many of them."""
    if "enum" in schema:
        return " or ".join(str(choice) for choice in schema["enum"] if choice is not None)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else [word for word in types if word != "null"]
    if types == ["array"] and "prefixItems" in schema:
        more = [_words(schema["items"]), "…"] if "items" in schema else []
        return f"[{', '.join([*(_words(item) for item in schema['prefixItems']), *more])}]"
    if types == ["array"]:
        return f"{'lists' if many else 'list'} of {_words(schema['items'], True)}"
    if schema.get("format") == "color-hex":
        return "colours" if many else "colour"
    return " or ".join(_WORDS[word][many] for word in types) or "any value"
