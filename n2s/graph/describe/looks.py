"""Looks in words: what each one is, what it takes, how it is used."""

from __future__ import annotations

from typing import Any

from n2s.graph.describe.words import sentence, shown
from n2s.graph.graph import Graph
from n2s.graph.looks import look_file, look_names
from n2s.graph.subgraph import Parameter

ONE_LINE = "look: {{node: Graph, look: {name}, audio: track}}"


def describe_look(name: str) -> dict[str, Any]:
    """Return what there is to know of a look as plain data: name, title, parameters, presets, how it is used."""
    graph: Any = Graph.load(look_file(name))
    params = [
        {"name": key, "help": param.help, "default": param.default, "range": _range(param), "unit": param.unit}
        for key, param in graph.interface.params.items()
    ]
    presets = {key: dict(values) for key, values in graph.document.values.get("presets", {}).items()}
    return {
        "name": name,
        "title": graph.header.title,
        "params": params,
        "presets": presets,
        "yaml": ONE_LINE.format(name=name),
    }


def films() -> list[str]:
    """Return the names of the looks that make films, without the parts that they share."""
    return [name for name in look_names() if "/" not in name]


def listing(facts: list[dict[str, Any]]) -> str:
    """Return two lines per look: what it is, and its presets."""
    width = max(len(look["name"]) for look in facts)
    lines = []
    for look in facts:
        lines.append(f"{look['name']:<{width}}  {look['title']}")
        if look["presets"]:
            lines.append(f"{'':<{width}}  presets: {', '.join(look['presets'])}")
    return "\n".join([*lines, "", "n2s looks NAME explains one; n2s new song.mp3 --look NAME makes a film of it."])


def page(look: dict[str, Any]) -> str:
    """Return what a look takes, as text."""
    lines = [f"{look['name']}  {look['title']}", "", "Parameters, which may move in time"]
    width = max((len(param["name"]) for param in look["params"]), default=0)
    for param in look["params"]:
        lines.append(f"  {param['name']:<{width}}  {sentence(param['help'])}")
        lines.append(f"  {'':<{width}}  {takes(param)}")
    if look["presets"]:
        lines += ["", "Presets"]
        lines += [f"  {name}: {_settings(values)}" for name, values in look["presets"].items()]
    return "\n".join([*lines, "", "YAML", f"  {look['yaml']}"])


def takes(param: dict[str, Any]) -> str:
    """Return a parameter's range, unit and default in words."""
    said = [param["range"], f"in {param['unit']}" if param["unit"] else "", f"default {_number(param['default'])}"]
    return ", ".join(filter(None, said))


def _range(param: Parameter) -> str:
    low, high = (param.gt if param.ge is None else param.ge), (param.lt if param.le is None else param.le)
    return "" if low is None or high is None else f"{_number(low)}..{_number(high)}"


def _number(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _settings(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {shown(value)}" for key, value in values.items())
