"""The description of a node type: as one line of a list, as a page of text, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from n2s.graph.declare import Node
from n2s.graph.describe.descriptions import by_subject, describe
from n2s.graph.describe.words import sentence, shown, summary
from n2s.graph.specs import names_in_words

FIELDS = (("ports", "Ports"), ("parameters", "Parameters, which may move in time"), ("settings", "Settings"))

INTRODUCTION = """\
# Nodes

Written by `n2s nodes --markdown`; `n2s nodes NAME` prints one of these pages.

In the examples, `music` is an AudioSource, `features` its Features, `weights` some Weights, `anchors` some Anchors,
`film` a VAEDecode, `picture` an ImageSource, `circle` a RadialMatte, `wipe` a LinearMatte, `ember` and `moss` two
Tracks. A parameter takes a number, a signal or an expression; a setting is constant. What is *not keyed* changes no
picture by itself, or names a file whose bytes are in the key.
"""


def flow(cls: type[Node]) -> str:
    """Return what goes in and comes out: "Frames, Audio → Film"."""
    return (
        f"{_counted(map(str, cls.ports.values()))} → {_counted(str(out.kind) for out in cls.outputs.values())}".lstrip()
    )


def _counted(kinds: Iterable[str]) -> str:
    kinds = list(kinds)
    many = {kind: kinds.count(kind) for kind in kinds}
    return ", ".join(kind if count == 1 else f"{count} {kind.rstrip('s')}s" for kind, count in many.items())


def listing(types: Iterable[type[Node]]) -> str:
    """Return one line per node type, by subject."""
    groups = by_subject(types)
    rows = [(cls.__name__, flow(cls), summary(cls)) for group in groups.values() for cls in group]
    name_width, flow_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = []
    for name, group in groups.items():
        lines += ["", name, *(f"  {c.__name__:<{name_width}}  {flow(c):<{flow_width}}  {summary(c)}" for c in group)]
    return "\n".join(lines[1:])


def page(cls: type[Node]) -> str:
    """Return a node type's page as text."""
    facts = describe(cls)
    lines = [f"{cls.__name__}  {flow(cls)}", "", facts["text"].replace("`", "")]
    for key, title in FIELDS:
        if facts[key]:
            lines += ["", title]
            width = max(len(field["name"]) for field in facts[key])
            for field in facts[key]:
                lines.append(f"  {field['name']:<{width}}  {sentence(field['help'])}")
                lines.append(f"  {'':<{width}}  {_takes(field)}")
    lines += ["", "Outputs"]
    width = max(len(out["name"]) for out in facts["outputs"])
    lines += [f"  {out['name']:<{width}}  {_gives(out)}".rstrip() for out in facts["outputs"]]
    if facts["neutral"] is not None:
        lines += ["", f"Returns its input with {_neutral(facts['neutral'])}."]
    return "\n".join([*lines, "", "YAML", f"  {facts['example']['yaml']}", "Python", f"  {facts['example']['python']}"])


def markdown(cls: type[Node]) -> str:
    """Return a node type's page as Markdown."""
    facts = describe(cls)
    lines = [f"### {cls.__name__}", "", f"*{flow(cls)}*", "", facts["text"], ""]
    rows = [field for key, _ in FIELDS for field in facts[key]]
    if rows:
        lines += ["| takes | | |", "|---|---|---|"]
        lines += [f"| `{field['name']}` | {sentence(field['help'])} | {_takes(field)} |" for field in rows]
        lines.append("")
    lines += ["| gives | |", "|---|---|"]
    lines += [f"| `{out['name']}` | {_gives(out)} |" for out in facts["outputs"]]
    if facts["neutral"] is not None:
        lines += ["", f"Returns its input with {_neutral(facts['neutral'])}."]
    example = facts["example"]
    return "\n".join([*lines, "", "```yaml", example["yaml"], "```", "```python", example["python"], "```", ""])


def handbook(types: Iterable[type[Node]]) -> str:
    """Return the pages of many node types, by subject, as one Markdown document."""
    parts = [INTRODUCTION]
    for name, group in by_subject(types).items():
        parts += [f"## {name}\n", *map(markdown, group)]
    return "\n".join(parts)


def _takes(field: dict[str, Any]) -> str:
    """Return what a field takes, in one line: its type, range, unit, default."""
    words = [field["type"], field.get("range", ""), f"in {field['unit']}" if field.get("unit") else ""]
    if "unit" not in field:
        words.append("" if field["required"] else "may be left out")
    elif field["required"]:
        words.append("needed")
    elif field["default"] is not None:
        words.append(f"default {shown(field['default']) or 'empty'}")
    if field.get("keyed") is False:
        words.append("not keyed")
    return ", ".join(filter(None, words))


def _gives(output: dict[str, Any]) -> str:
    columns = f"{output['columns']} columns" if output["columns"] else ""
    columns += f" {names_in_words(output['names'])}" if output["names"] else ""
    return ", ".join(filter(None, [output["kind"], output["help"], columns, output["unit"]]))


def _neutral(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in settings.items()) or "its defaults"
