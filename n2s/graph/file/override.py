"""Overrides: values laid over those of a graph file by name, from a preset, a ``set`` or the command line.

``node.setting`` names a setting of a node, ``entry`` one of the graph's header. In place of a node there may be an
instance of a sub-graph or a track: ``look.light`` is its own, ``look.grain.amount`` that of a node inside, at any
depth. A mapping is merged into the mapping that is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_origin

from n2s.graph.build import refuse_handles
from n2s.graph.errors import GraphError, Position, Problem, checked_name
from n2s.graph.file.document import read_document
from n2s.graph.looks import look_file, look_names
from n2s.graph.parsing import path_text
from n2s.graph.registry import node_types, suggest
from n2s.graph.wording import listed

GRAPHS = ("Graph", "Track")  # the types of nodes that stand for another graph


class Overrides:
    """Lays values over a graph's header and node entries, and notes where each of them was given.

    Parameters
    ----------
    header, specs : dict
        What the file says; changed in place.
    entries : collection of str
        The entries that a header may have.
    folder : Path
        The folder of the graph's file.
    params : collection of str
        The parameters of a graph that is used as a node, which are given as settings of that node.

    Attributes
    ----------
    places : dict of tuple to Position
        Where a value was given, by its path in the graph: ``("nodes", "tone", "exposure")``.
    problems : list of Problem
        Names that the graph has not.
    """

    def __init__(
        self,
        header: dict[str, Any],
        specs: dict[str, Any],
        entries: Collection[str],
        folder: Path,
        params: Collection[str] = (),
    ):
        self.header, self.specs, self.entries, self.folder, self.params = header, specs, entries, folder, params
        self.places: dict[tuple, Position] = {}
        self.problems: list[Problem] = []

    def lay(self, values: Mapping[str, Any], places: Mapping[str, Position]) -> None:
        """Lay values by name over what there is; ``places`` says where each was given."""
        for target, value in values.items():
            refuse_handles(target, value)
            self._lay(
                checked_name("What is changed", target), value, places.get(target, Position(target, argument=True))
            )

    def _lay(self, target: str, value: Any, place: Position) -> None:
        name, dot, field, value = *target.partition("."), path_text(value)
        spelt = re.sub(r"[/:]", ".", target.removeprefix("nodes."))
        if name not in self.specs and spelt != target and spelt.partition(".")[0] in self.specs:
            self.problems.append(Problem(place, f'a setting is named NODE.SETTING. Did you mean "{spelt}"?'))
        elif not dot and target in self.entries:
            self.header[target] = value
            self.places[(target,)] = place
        elif not dot and target in self.specs:
            known = self.specs[target] if isinstance(self.specs[target], dict) else {}
            is_look = "look" in known and isinstance(value, str) and value in look_names()
            setting = f"{target}.look={value}" if is_look else f"{target}.SETTING=value"
            text = f"{target} is a node; name one of its settings: {setting}."
            self.problems.append(Problem(place, text))
        elif not dot and target in self.params:
            text = f"{target} is a setting of the node itself: write it beside set, and not in it."
            self.problems.append(Problem(place, text))
        elif not dot:
            self._unknown(place, target, [*self.entries, *self.specs], "entry or")
        elif not isinstance(self.specs.get(name), dict):
            if name not in self.specs:  # a node that is no mapping is reported at its line
                self._unknown(place, name, list(self.specs))
        else:
            self._lay_on_node(name, field, value, place)

    def _unknown(self, place: Position, name: str, known: list[str], kind: str = "") -> None:
        owners = self._with_setting(name) if kind else []
        cure = f"Did you mean {listed(owners)}?" if owners else suggest(name, known)
        text = f'the graph has no {kind}{" " if kind else ""}node "{name}". {cure}'
        self.problems.append(Problem(place, text))

    def _with_setting(self, setting: str) -> list[str]:
        """Return where the graph's nodes have a setting: "look.scene"; of many the first three."""
        specs = {name: spec for name, spec in self.specs.items() if isinstance(spec, dict)}
        return [f'"{name}.{setting}"' for name, spec in specs.items() if setting in self._settings(spec)][:3]

    def _settings(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what can be set of a node: of a graph that is used as one, as far as its file says it."""
        if spec.get("node") != "Graph":
            return _fields(spec.get("node"))
        try:
            file = look_file(spec["look"]) if "look" in spec else self.folder / spec["path"]
            return dict(read_document(file).values["interface"]["params"])
        except (GraphError, KeyError, TypeError, ValueError):
            return {}

    def _lay_on_node(self, name: str, field: str, value: Any, place: Position) -> None:
        spec, where = self.specs[name], ("nodes", name)
        head, dot, rest = field.partition(".")
        if spec.get("node") in GRAPHS and head != "set" and (dot or self._of_its_header(spec, head)):
            head, rest = "set", field
        elif not dot or not _holds_mapping(spec.get("node"), head):
            head, rest = field, ""
        if rest:
            value = {rest: value}
        if (
            isinstance(value, Mapping)
            and isinstance(spec.get(head), dict | None)
            and _holds_mapping(spec.get("node"), head)
        ):
            spec[head] = merged(spec.get(head) or {}, value)
            self.places |= {(*where, head, key): place for key in value}
        else:
            spec[head] = value
            self.places[(*where, head)] = place

    def _of_its_header(self, spec: dict[str, Any], field: str) -> bool:
        """Say whether a track's graph has this in its header, and the track itself has no setting of that name."""
        return spec.get("node") == "Track" and field in self.entries and field not in _fields("Track")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with the entries of another laid over its own, mappings in it too; the new ones come last."""
    result = dict(old)
    for key, value in new.items():
        before = result.pop(key, None)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merged(before, value) if both else value
    return result


def _fields(type_name: Any) -> Mapping[str, Any]:
    cls = node_types().get(type_name) if isinstance(type_name, str) else None
    return cls.model_fields if cls else {}


def _holds_mapping(type_name: Any, field: str) -> bool:
    """Say whether a setting of a node type takes settings by name."""
    if type_name == "Graph":
        return field == "set"
    info = _fields(type_name).get(field)
    return info is not None and get_origin(info.annotation) in (dict, Mapping)
