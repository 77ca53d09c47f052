"""Checks that a node class declares what it must, when it is defined: one sentence per mistake."""

from __future__ import annotations

import inspect
import keyword
import math
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from n2s.graph.errors import GraphError
from n2s.graph.kinds.tables import Table
from n2s.graph.links import NAME
from n2s.graph.signatures import Mistakes, is_of_base, is_plain, known_names, meant, place_of, signature_mistakes
from n2s.graph.types import AUDIO, FILM, FRAMES, LATENTS, MATTE, SIGNAL, Kind
from n2s.graph.wording import listed

PLAIN = "a plain function that returns its result was wanted"
KINDS = (
    "resident",
    "measure",
    "streamed",
    "pointwise",
    "filter",
    "echo",
    "lens",
    "pick",
    "sink",
    "track",
    "graph",
    "interface",
)
METHODS = {
    "resident": ("compute",),
    "measure": ("measure",),
    "streamed": ("compute",),
    "pointwise": ("pixel",),
    "filter": ("pixel", "spread"),
    "echo": ("pixel", "reach", "step"),
    "lens": ("where",),
    "pick": ("pick",),
}
PIXELWISE = ("pointwise", "filter", "echo")  # kinds whose nodes make frames by pixel code
_OF_PIXELS = dict.fromkeys(PIXELWISE, (FRAMES, MATTE))
_TAKES = {
    "resident": (SIGNAL, AUDIO),
    "measure": (FRAMES,),
    "streamed": (SIGNAL, LATENTS, FRAMES, MATTE),
    "lens": (FRAMES,),
    "pick": (FRAMES,),
    **_OF_PIXELS,
}
_GIVES = {
    **dict.fromkeys(("filter", "echo", "lens", "pick"), (FRAMES,)),
    "resident": (SIGNAL, AUDIO),
    "measure": (SIGNAL,),
    "streamed": (LATENTS, FRAMES, MATTE),
    "pointwise": (FRAMES, MATTE),
}
_KINDS = "n2s.graph.kinds."
BASES = "Resident, Measure, Streamed, Pointwise, Filter, Echo, Lens, Pick or Sink"


def name_mistakes(cls: type) -> Mistakes:
    """Find fields whose names mean something else already; before pydantic makes fields of them."""
    for name in vars(cls).get("__annotations__", {}):
        if not hasattr(vars(cls).get(name), "metadata"):
            continue
        if name == "node":
            yield name, "a graph says the node's type there; choose another name"
        elif any(hasattr(base, name) for base in cls.__mro__[1:]):
            yield name, "every node has something of this name already; choose another"


def class_mistakes(cls: Any) -> Mistakes:
    """Find what is wrong with a finished class: its kind, fields, outputs, and what its functions take."""
    if vars(cls).get("kind", cls.kind) not in (*KINDS, ""):
        yield "kind", f"there is no kind {cls.kind!r:.40}; inherit from {BASES} and leave it out"
        return
    fields = list(_field_mistakes(cls))
    yield from fields
    yield from _output_mistakes(cls)
    for field in ("neutral", "example"):
        if not isinstance(getattr(cls, field), dict | None if field == "neutral" else dict):
            yield field, 'settings by name were wanted: {"amount": 0}'
    if not isinstance(cls.same_columns, tuple) or not set(cls.same_columns) <= cls.ports.keys():
        yield "same_columns", 'names of ports were wanted: ("a", "b")'
    if not fields:
        yield from _port_mistakes(cls)
        yield from _method_mistakes(cls)
        yield from _source_mistakes(cls)
    for field in ("neutral", "example", "felt_with", "felt_at"):
        given = getattr(cls, field)
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                yield field, "; ".join([f"{name!r} is no field of the node", *meant(name, cls.model_fields)])
            elif field == "neutral" and name in cls.specs and (wrong := _range_mistake(cls.specs[name], given[name])):
                yield field, f"{name} is {wrong}"


def _field_mistakes(cls: Any) -> Mistakes:
    refused = _refused_defaults(cls)
    for name, info in cls.model_fields.items():
        spec = next((m for m in info.metadata if hasattr(m, "role")), None)
        kind = next((m for m in info.metadata if isinstance(m, Kind)), None)
        written = str(_annotation(cls, name))
        if spec is None:
            yield name, "nothing declares it; use = port(…), param(…) or setting(…)"
        elif spec.role == "port" and kind is None:
            yield (
                name,
                "a port is annotated with what it takes, Audio, Signal, Latents, Frames, Matte or Films, "
                f"not {written}",
            )
        elif spec.role == "param" and "param" not in info.metadata:
            yield name, f"a parameter may be driven, so it is annotated with Param, not {written}"
        elif spec.role == "setting" and (kind is not None or "param" in info.metadata):
            cure = f"declare it with {'port' if kind else 'param'}(…)"
            yield name, f"a setting is constant and is annotated with a plain type, not {written}; {cure}"
        elif spec.role == "port" and name == "name":
            yield name, "a call names the node there; choose another name for the port"
        elif (of_base := _of_kind(cls, name)) and written != of_base:
            yield (
                name,
                f"every {cls.kind} node has it as {of_base}, not {written}; another default or range is possible",
            )
        elif (
            spec.role != "port"
            and not spec.required
            and (wrong := _default_mistake(spec, info.default) or refused.get(name))
        ):
            yield name, wrong


def _default_mistake(spec: Any, default: Any) -> str:
    """Return that a default lies outside the range declared with it, or is no number where one is wanted, or ""."""
    if spec.is_empty:
        return f"no number is {spec.range}; the lower end comes first"
    if wrong := _range_mistake(spec, default):
        return f"its default is {wrong}"
    if spec.role == "param" and not (_is_number(default) or hasattr(default, "unit")):  # a text would be a link
        return f"its default is {default!r:.40}; a number was wanted"
    return ""


def _refused_defaults(cls: Any) -> dict[str, str]:
    """Return what is wrong with defaults that the node itself refuses, by field."""
    try:
        cls()
    except GraphError as error:
        fields = {field: text for field, text in getattr(error, "explained", ()) if field in cls.model_fields}
        return {name: f"its default is {cls.model_fields[name].default!r:.40}: {text}" for name, text in fields.items()}
    except Exception:  # what its author checks, of settings that are not given here
        return {}
    return {}


def _range_mistake(spec: Any, value: Any) -> str:
    """Return that a number, or one in a list, lies outside the range declared for it, or ""."""
    for item in value if isinstance(value, list | tuple) else [value]:
        if _is_number(item) and not (math.isfinite(item) and spec.allows(item)):
            return f"{item}, but it must be {spec.range or 'finite'}, as declared with it"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_kind(cls: Any, name: str) -> str:
    """Return what the base of a class's kind annotates a field with, where it has one of this name, or ""."""
    for base in cls.__mro__[1:]:
        if base.__module__.startswith(_KINDS) and name in vars(base).get("__annotations__", {}):
            return str(_annotation(base, name))
    return ""


def _annotation(cls: Any, name: str) -> Any:
    for base in cls.__mro__:
        if name in vars(base).get("__annotations__", {}):
            found = vars(base)["__annotations__"][name]
            return getattr(found, "__name__", found)
    return "this"


def _output_mistakes(cls: Any) -> Mistakes:
    if not isinstance(cls.outputs, dict):
        yield "outputs", 'outputs by name were wanted: {"frames": Output(FRAMES, "what it is")}'
        return
    for name, output in cls.outputs.items():
        kind = getattr(output, "kind", None)
        if not isinstance(name, str) or not NAME.match(name) or name.startswith("_"):
            yield "outputs", f"{name!r:.40} is no name; letters, digits and _ were wanted, a letter first"
        elif not isinstance(kind, Kind):
            yield "outputs", f'{name} is {output!r:.60}; an Output of a kind was wanted: Output(FRAMES, "what it is")'
        elif kind not in _GIVES.get(cls.kind, (kind,)):
            yield "outputs", f"{name} is {kind}; a {cls.kind} node gives {listed(_GIVES[cls.kind])}"
        elif getattr(output, "names", ()) and (wrong := _names_mistake(output)):
            yield "outputs", f"{name}: {wrong}"
    if cls.kind in ("lens", "pick", *PIXELWISE) and len(cls.outputs) > 1:
        yield "outputs", f"a {cls.kind} node has one output, not {len(cls.outputs)}: {', '.join(map(str, cls.outputs))}"


def _names_mistake(output: Any) -> str:
    """Return what is wrong with the names of an output's columns, or ""."""
    names = output.names
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return 'names of columns were wanted: names=("left", "right")'
    if wrong := [name for name in names if not NAME.match(name) or name.startswith("_") or keyword.iskeyword(name)]:
        return f"{wrong[0]!r:.40} names no column; letters, digits and _ were wanted, a letter first"
    if len(set(names)) < len(names):
        return "two of its columns have the same name"
    if len(names) != output.columns:
        return f"it has {output.columns} columns and {len(names)} names"
    return "" if output.kind is SIGNAL else f"only a Signal has columns, not {output.kind}"


def _port_mistakes(cls: Any) -> Mistakes:
    for name, kind in cls.ports.items():
        if kind not in _TAKES.get(cls.kind, (kind,)):
            yield name, f"a {cls.kind} node cannot take {kind}, only {listed(_TAKES[cls.kind])}"
        if cls.kind in (*PIXELWISE, "lens") and kind is FRAMES and not cls.specs[name].required:
            yield name, "pixel code needs a picture at every port of Frames; only a Matte may be left out"
    if cls.kind in ("filter", "echo", "lens") and hasattr(cls, method := METHODS[cls.kind][0]):
        if next(iter(cls.ports.values()), None) is not FRAMES:
            yield method, f"the first port of a {cls.kind} node takes Frames"
    if cls.kind == "measure" and hasattr(cls, "measure"):
        if list(cls.ports.values()) != [FRAMES]:
            yield "measure", f"a measure needs one port of Frames, and has {known_names(list(cls.ports))}"
        yield from (
            (name, "a measure needs it; leave out optional") for name in cls.ports if not cls.specs[name].required
        )
        for name in cls.params():
            yield name, "a measure has no parameters; use a setting, or change its signals in an expression"
        if cls.unmeasured is not None and (wrong := _unmeasured_mistake(cls)):
            yield "unmeasured", wrong
    sources = cls.kind == "resident" and not cls.ports and isinstance(cls.outputs, dict)
    kinds = {getattr(output, "kind", None) for output in cls.outputs.values()} if sources else set()
    if cls.kind == "sink" and cls.outputs and FILM not in cls.ports.values():
        if cls.ports.get("frames") is not FRAMES:
            yield "frames", 'a sink needs what it shows: frames: Frames = port("what is shown")'
        if cls.ports.get("audio", AUDIO) is not AUDIO:
            yield "audio", "what a sink plays is Audio"
    if cls.kind == "sink" and cls.outputs and "path" not in cls.settings():
        yield "path", 'a sink needs a place to write to: path: str = setting(help="…", keyed=False)'
    if AUDIO in kinds and SIGNAL in kinds:
        yield "outputs", "a source of music gives nothing beside it: its length is known before there are signals"


def _unmeasured_mistake(cls: Any) -> str:
    """Return what is wrong with the numbers that a measure declares for frames that nobody looked at yet, or ""."""
    given = cls.unmeasured if isinstance(cls.unmeasured, Mapping) else {next(iter(cls.outputs)): cls.unmeasured}
    if given.keys() != cls.outputs.keys():
        return f"it has {', '.join(map(str, given))}; the outputs are {', '.join(cls.outputs)}"
    for output, declared in cls.outputs.items():
        row = given[output] if isinstance(given[output], tuple | list) else [given[output]]
        if not row or not all(isinstance(number, int | float) and math.isfinite(number) for number in row):
            return f"{output} is {given[output]!r}; a number, or a row of numbers, all finite, was wanted"
        if declared.columns and len(row) != declared.columns:
            return f"{output} has {len(row)} numbers; {declared.columns} were wanted"
    return ""


def _method_mistakes(cls: Any) -> Mistakes:
    methods = METHODS.get(cls.kind, ())
    if not methods or not hasattr(cls, methods[0]):
        return
    method = methods[0]
    static = inspect.getattr_static(cls, method)
    if cls.kind in (*PIXELWISE, "lens"):
        if tables := list(_table_mistakes(cls)):
            yield from tables
            return
        yield from _pixel_mistakes(cls, method, static)
        if cls.kind == "echo":
            yield from _echo_mistakes(cls)
        for method in ("prepare", *(methods[1:] if cls.kind == "filter" else ())):
            if hasattr(cls, method) and not is_of_base(cls, method):
                yield from signature_mistakes(cls, method, 1, cls.params())
    elif isinstance(static, staticmethod | classmethod) or not isinstance(static, FunctionType):
        first = {"resident": "scene, …", "measure": "frame", "pick": "frame, fps, …"}.get(cls.kind, "block, …")
        yield method, f"a method was wanted: def {method}(self, {first})"
    elif not is_plain(static):
        yield method, PLAIN + place_of(static)
    elif method == "measure":
        yield from signature_mistakes(cls, method, 2, [])
    elif method == "pick":
        yield from signature_mistakes(cls, method, 1, ["frame", "fps", *cls.params()])
    else:
        yield from signature_mistakes(cls, "compute", 2, [*cls.ports, *cls.params()])


def _pixel_mistakes(cls: Any, method: str, static: Any) -> Mistakes:
    pictures = [*cls.ports, cls.part] if getattr(cls, "part", "") else list(cls.ports)
    first = pictures if method == "pixel" else ["x", "y", *pictures[1:]]
    wanted = f"def {method}({', '.join(first or ['rgb'])}, at, …)"
    if not isinstance(static, staticmethod) or not isinstance(static.__func__, FunctionType):
        yield method, f"a static method was wanted: @staticmethod, {wanted}"
        return
    function = static.__func__
    taken, place = inspect.signature(function).parameters.values(), place_of(function)
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in taken):
        yield method, f"plain arguments without defaults were wanted{place}"
        return
    names = [p.name for p in taken]
    if not is_plain(function):
        yield method, PLAIN + place
        return
    if names[:1] == ["self"]:
        yield method, f"a static method takes no self: {wanted}{place}"
        return
    if "at" not in names:
        yield method, f"it takes no at, the pixel's place: {wanted}{place}"
        return
    if (count := names.index("at")) != len(first):
        what = "pictures" if method == "pixel" else "arguments"
        yield method, f"it takes {count} {what} before at; the node has {_pictures(cls)}{place}"
        return
    known = [*cls.params(), *getattr(cls, "tables", ())]
    if is_of_base(cls, "prepare") and (cls.kind == "lens" or is_of_base(cls, "fill")):  # others may make any names
        for name in names[count + 1 :]:
            if name not in known:
                yield (
                    method,
                    f"it takes {name}, which is no parameter of the node; there are {known_names(known)}{place}",
                )


def _echo_mistakes(cls: Any) -> Mistakes:
    """Look at what an echo's author writes beside its pixel function."""
    taken = {"step": ["total", "rgb", "age", "at"], "where": ["x", "y", "age", "at"]}
    for method, wanted in taken.items():
        if not hasattr(cls, method):
            continue
        static = inspect.getattr_static(cls, method)
        said = f"a static method was wanted: @staticmethod, def {method}({', '.join(wanted)}, …)"
        if not isinstance(static, staticmethod) or not isinstance(static.__func__, FunctionType):
            yield method, said
            continue
        parameters = inspect.signature(static.__func__).parameters.values()
        if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in parameters):
            yield method, f"plain arguments without defaults were wanted{place_of(static.__func__)}"
        elif len(parameters) < len(wanted) or list(parameters)[len(wanted) - 1].name != "at":
            yield method, f"{said}{place_of(static.__func__)}"
        elif is_of_base(cls, "prepare_steps"):
            unknown = [p.name for p in list(parameters)[len(wanted) :] if p.name not in cls.params()]
            for name in unknown:
                known = f"there are {known_names(cls.params())}{place_of(static.__func__)}"
                yield method, f"it takes {name}, which is no parameter of the node; {known}"
    if not isinstance(cls.still, dict):
        yield "still", 'parameters by name were wanted, like {"zoom": 0}'
    else:
        yield from (
            ("still", f"{name!r} is no parameter of the node") for name in cls.still if name not in cls.params()
        )
    if not is_of_base(cls, "prepare_steps"):
        yield from signature_mistakes(cls, "prepare_steps", 1, ["age", "there", *cls.params()])


def _pictures(cls: Any) -> str:
    """Return which pictures a pixel function is given."""
    ports = f"{len(cls.ports)} ports"
    if cls.kind == "lens":
        return f"{ports}, of which the first is shown elsewhere: def where(x, y, …, at, …)"
    return f"{ports}, and {cls.part}" if cls.part else ports


def _source_mistakes(cls: Any) -> Mistakes:
    """Look at what a filter's author spreads in place of the light of its picture."""
    if cls.kind != "filter" or is_of_base(cls, "source"):
        return
    static, wanted = inspect.getattr_static(cls, "source"), "@staticmethod, def source(rgb, at, …)"
    if not isinstance(static, staticmethod) or not isinstance(static.__func__, FunctionType):
        yield "source", f"a static method was wanted: {wanted}"
        return
    taken, place = list(inspect.signature(static.__func__).parameters.values()), place_of(static.__func__)
    names = [p.name for p in taken]
    if any(p.kind is not p.POSITIONAL_OR_KEYWORD or p.default is not p.empty for p in taken):
        yield "source", f"plain arguments without defaults were wanted{place}"
    elif names[1:2] != ["at"]:
        yield "source", f"it takes the colour of the first picture, then the pixel's place: {wanted}{place}"
    elif is_of_base(cls, "prepare") and (unknown := [name for name in names[2:] if name not in cls.params()]):
        known = known_names(cls.params())
        yield "source", f"it takes {unknown[0]}, which is no parameter of the node; there are {known}{place}"


def _table_mistakes(cls: Any) -> Mistakes:
    if cls.kind == "lens":
        return
    if not isinstance(cls.tables, dict) or not all(isinstance(table, Table) for table in cls.tables.values()):
        yield "tables", 'tables by name were wanted: {"gradient": Line()}; there are Line, Cube and Tile'
        return
    for name in cls.tables:
        if name in cls.model_fields:
            yield "tables", f"{name} is a field of the node already; choose another name for the table"
    for name in cls.neutral_mattes:
        if cls.ports.get(name) is not MATTE:
            yield "neutral_mattes", f"{name!r} is none of its ports of mattes"
