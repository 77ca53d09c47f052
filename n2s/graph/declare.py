"""How a node is declared: ports, parameters, settings and outputs, from which check, schema, docs and key are read.

    class Vignette(Pointwise):
        '''Darken towards the corners.'''
        amount: Param = param(0.35, ge=0, le=1, help="how dark the corners get")

A *port* takes what another node gives. A *parameter* is a number that may move in time: a constant, a link or an
expression. A *setting* is constant.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from n2s.graph.code import loaded
from n2s.graph.declarations import class_mistakes, definition_place, name_mistakes
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.handles import connect
from n2s.graph.links import Link
from n2s.graph.parsing import (
    FilePath,
    FolderPath,
    MusicalTime,
    Param,
    Seconds,
    in_yaml,
    parse_musical_time,
    parse_param,
    parse_seconds,
)
from n2s.graph.paths import has_paths
from n2s.graph.types import FRAMES, LATENTS, SIGNAL, Kind

# What authors of nodes import from here.
__all__ = [
    "FRAMES_OUTPUT",
    "LATENTS_OUTPUT",
    "SIGNAL_OUTPUT",
    "DeclarationError",
    "FilePath",
    "FolderPath",
    "MusicalTime",
    "Node",
    "Output",
    "Param",
    "Pointwise",
    "Resident",
    "Seconds",
    "Sink",
    "Spec",
    "Streamed",
    "param",
    "parse_musical_time",
    "parse_param",
    "parse_seconds",
    "port",
    "setting",
]


@dataclass(frozen=True)
class Spec:
    """What a declaration says beyond its type."""

    role: str  # port, param or setting
    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    keyed: bool = True  # False for what cannot change a bit of the result, or is keyed by the bytes it names
    required: bool = False

    def allows(self, value: Any) -> Any:
        """Say, elementwise, whether a number lies in range (NaN does not)."""
        inside = value == value
        if self.ge is not None:
            inside = inside & (value >= self.ge)
        if self.gt is not None:
            inside = inside & (value > self.gt)
        if self.le is not None:
            inside = inside & (value <= self.le)
        if self.lt is not None:
            inside = inside & (value < self.lt)
        return inside

    @property
    def range(self) -> str:
        """The range in words: "within 0..1", "above 0", ""."""
        low, high = self.gt if self.ge is None else self.ge, self.lt if self.le is None else self.le
        if low is not None and high is not None:
            note = " (above its lower end)" if self.gt is not None else ""
            note += " (below its upper end)" if self.lt is not None else ""
            return f"within {low:g}..{high:g}{note}"
        if low is not None:
            return f"above {low:g}" if self.gt is not None else f"at least {low:g}"
        if high is not None:
            return f"below {high:g}" if self.lt is not None else f"at most {high:g}"
        return ""


@dataclass(frozen=True)
class Output:
    """One output of a node: its kind, what it is, its unit and range, its number of columns where it has any."""

    kind: Kind
    help: str = ""
    unit: str = ""
    columns: int = 0


def _field(default: Any, spec: Spec, **pydantic: Any) -> Any:
    required = default is PydanticUndefined or default is ...
    info = Field(default, description=spec.help, **pydantic)
    info.metadata.append(replace(spec, required=required))
    return info


def port(help: str, *, optional: bool = False) -> Any:
    """Declare a port. Annotate it with the kind that it takes: `Audio`, `Signal`, `Latents`, `Frames`, `Films`."""
    info = Field(None, description=help)
    info.metadata.append(Spec("port", help, required=not optional))
    return info


def param(default: float, *, help: str, ge=None, gt=None, le=None, lt=None, unit: str = "") -> Any:
    """Declare a parameter: a number that may move in time. Annotate it with `Param`."""
    return _field(default, Spec("param", help, ge, gt, le, lt, unit))


def setting(
    default: Any = ..., *, help: str, ge=None, gt=None, le=None, lt=None, unit: str = "", keyed: bool = True,
    min_length: int | None = None,
) -> Any:  # fmt: skip
    """Declare a constant setting; without a default it must be given. ``min_length`` is that of a list."""
    return _field(default, Spec("setting", help, ge, gt, le, lt, unit, keyed), min_length=min_length)


class DeclarationError(GraphError):
    """Values that a node does not take, or a class that is no node; ``explained`` holds (field, sentence) pairs."""

    def __init__(self, type_name: str, explained: list[tuple[str, str]], place: str = ""):
        self.explained = explained
        place = f"{place}  " if place else ""
        super().__init__(
            "\n".join(f"{place}{'.'.join(filter(None, (type_name, field)))}: {text}" for field, text in explained)
        )


class _Declared(type(BaseModel)):
    """Tells of mistakes in a class statement in this library's words."""

    def __new__(mcs, name: str, bases: tuple, namespace: dict[str, Any], **kwargs: Any) -> Any:
        if kwargs.get("__pydantic_reset_parent_namespace__", True):
            # pydantic looks up names of annotations where its metaclass was called from, which would be here.
            frame, kwargs["__pydantic_reset_parent_namespace__"] = sys._getframe(1), False
            inside = not frame.f_code.co_name.startswith("<module")
            namespace["__pydantic_parent_namespace__"] = dict(frame.f_locals) if inside else None
        try:
            return super().__new__(mcs, name, bases, namespace, **kwargs)
        except (PydanticUserError, NameError) as error:
            raise DeclarationError(name, [_in_class_body(error, namespace)], definition_place()) from None


def _in_class_body(error: Exception, namespace: dict[str, Any]) -> tuple[str, str]:
    """Return (field, sentence) for what pydantic found in a class's body."""
    annotated = namespace.get("__annotations__", {})
    bare = next(
        (name for name, value in namespace.items() if isinstance(value, FieldInfo) and name not in annotated), None
    )
    if bare:
        return bare, "it needs an annotation: Param, Audio, Signal, Latents, Frames, or a plain type for a setting"
    said = str(error).splitlines()[0].rstrip(".")
    if getattr(error, "code", "") == "model-field-missing-annotation" and (found := re.search(r"`(\w+) =", said)):
        return found[
            1
        ], "nothing declares it; use = port(…), param(…) or setting(…), or annotate a constant with ClassVar"
    if hidden := next(
        (name for name, value in namespace.items() if name.startswith("_") and isinstance(value, FieldInfo)), ""
    ):
        return hidden, "a port, parameter or setting cannot begin with an underscore; choose another name"
    return next(
        (name for name in annotated if f"`{name}`" in said or f"'{name}'" in said or f'"{name}"' in said), ""
    ), said


class Node(BaseModel, metaclass=_Declared):
    """What a graph is made of. Its fields are its ports, parameters and settings, as declared by its class.

    Calling a node connects it: ``EMA(half_life=0.18)(features.onset)``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, validate_default=True)

    outputs: ClassVar[dict[str, Output]] = {}
    neutral: ClassVar[dict[str, Any] | None] = None  # settings under which it returns its input
    example: ClassVar[dict[str, Any]] = {}  # the settings of a minimal valid use
    kind: ClassVar[str] = ""  # resident, streamed, pointwise, sink or track

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DeclarationError(type(self).__name__, explain(error, type(self))) from None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if mistakes := list(name_mistakes(cls)):
            raise DeclarationError(cls.__name__, mistakes, definition_place())

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Read the specs and ports off the fields.

        Raises
        ------
        DeclarationError
            With every mistake in the class.
        """
        super().__pydantic_init_subclass__(**kwargs)
        found = {
            name: [m for m in info.metadata if isinstance(m, Spec | Kind)] for name, info in cls.model_fields.items()
        }
        cls.specs = {name: spec for name, marks in found.items() for spec in marks if isinstance(spec, Spec)}
        cls.ports = {name: kind for name, marks in found.items() for kind in marks
                     if isinstance(kind, Kind) and name in cls.specs and cls.specs[name].role == "port"}  # fmt: skip
        if mistakes := list(class_mistakes(cls)):
            raise DeclarationError(cls.__name__, mistakes, definition_place())
        annotations = {name: _annotation(cls.model_fields[name]) for name in cls.settings()}
        cls._path_annotations = {name: annotation for name, annotation in annotations.items() if has_paths(annotation)}
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        cls._born = loaded.now(), file
        if "pixel" in vars(cls):
            cls._pixel_text = _text(file)

    # When it was defined, and in which file: that tells the code it was made by (`n2s.graph.code.loaded`).
    _born: ClassVar[tuple[int, str | None]] = (0, None)
    _path_annotations: ClassVar[dict[str, Any]] = {}  # of the settings that have paths in them
    _pixel_text: ClassVar[str] = ""  # the text of the file that has the source of `pixel`, as it was then

    specs: ClassVar[dict[str, Spec]] = {}
    ports: ClassVar[dict[str, Kind]] = {}

    @classmethod
    def params(cls) -> list[str]:
        return [name for name, spec in cls.specs.items() if spec.role == "param"]

    @classmethod
    def settings(cls) -> list[str]:
        return [name for name, spec in cls.specs.items() if spec.role == "setting"]

    @classmethod
    def is_type(cls, name: str, marker: str) -> bool:
        """Say whether a field as a whole is declared as "seconds", "path", "folder" or "param"."""
        info: FieldInfo = cls.model_fields[name]
        parts = get_args(info.annotation)  # of FilePath | None
        return marker in info.metadata or any(marker in getattr(part, "__metadata__", ()) for part in parts)

    @field_validator("*", mode="after")
    @classmethod
    def _in_range(cls, value: Any, info: Any) -> Any:
        spec = cls.specs.get(info.field_name)
        for item in value if isinstance(value, list | tuple) else [value]:
            number = item
            if isinstance(item, Number):  # beats are as long as the music has them, so their number is what is checked
                number = item.resolve(120.0) if item.unit in ("dB", "s", "ms") else item.value
            if (
                item is None
                and spec
                and spec.role == "setting"
                and cls.model_fields[info.field_name].default is not None
            ):
                raise ValueError("nothing was given; leave it out for its default")
            if isinstance(number, int | float) and not isinstance(number, bool) and spec and not spec.allows(number):
                raise ValueError(f"{item} was given; it must be {spec.range}" if spec.range else f"{item} is no number")
            if isinstance(item, Number) and item.unit not in ("", "dB") and spec.unit != "s":
                raise ValueError(f"{item} was given, a time; it takes {spec.unit or 'a plain number'}")
        return value

    def links(self) -> dict[str, Any]:
        """Return what this node reads, by port (``tracks.0`` in a list) and by driven parameter."""
        found = {}
        for name, spec in self.specs.items():
            value = getattr(self, name)
            if isinstance(value, list) and spec.role == "port":
                found |= {f"{name}.{i}": item for i, item in enumerate(value)}
            elif isinstance(value, Link) or hasattr(value, "__link__"):
                found[name] = value
        return found

    def digests(self, scene: Any) -> dict[str, str]:
        """Return the digests of the bytes this node reads from outside the graph (music, models, pictures)."""
        return {}

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        """Return how many columns a signal has, as far as settings and the columns of the ports' signals tell.

        0 stands for a signal of one number a frame, None for what only running tells.
        """
        return type(self).outputs[output].columns or None

    def wanted_columns(self) -> dict[str, tuple[int, str]]:
        """Return the columns that ports must be given, by port, and why: {"weights": (3, "one for each name")}."""
        return {}

    def check_model(self, model: Any) -> list[tuple[tuple, str]]:
        """Return what a model lacks that this node needs, as (path of the setting, sentence); see `ModelCard`."""
        return []

    def __call__(self, *inputs: Any, name: str | None = None, **named: Any) -> Any:
        """Connect the node: ports in their order, or by name.

        Returns
        -------
        Handle
            The node's output, or the node itself where it has several: ``features.onset``.
        """
        return connect(self, inputs, name, named)


def _annotation(info: FieldInfo) -> Any:
    """Return a field's annotation with its marks, which pydantic keeps beside it."""
    marks = tuple(mark for mark in info.metadata if isinstance(mark, str))
    return Annotated[(info.annotation, *marks)] if marks else info.annotation


def _text(file: str | None) -> str:
    """Return the text of a file of Python; "" where there is none."""
    try:
        return Path(file).read_text(encoding="utf-8") if file else ""
    except (OSError, UnicodeError):
        return ""


def explain(error: ValidationError, cls: type[Node]) -> list[tuple[str, str]]:
    """Turn pydantic's errors into (field, sentence) pairs in this library's words."""
    said = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            near = get_close_matches(field, list(cls.model_fields), 1, 0.6)
            known = ", ".join(cls.model_fields) or "none"
            text = f"{cls.__name__} has no such setting. " + (
                f'Did you mean "{near[0]}"?' if near else f"It has: {known}."
            )
        elif item["type"] == "missing":
            text = f"{cls.__name__} needs it: {cls.specs[field].help}."
        elif not item["type"].startswith("value_error"):
            text = wanted(item)
        said.append((field, text))
    return said


# pydantic's words for what was wanted, in this library's.
_WANTED = {
    "int_type": "a whole number was wanted",
    "int_parsing": "a whole number was wanted",
    "int_from_float": "a whole number was wanted",
    "float_type": "a number was wanted",
    "float_parsing": "a number was wanted",
    "bool_type": "true or false was wanted",
    "bool_parsing": "true or false was wanted",
    "string_type": "text was wanted",
    "list_type": "a list was wanted",
    "tuple_type": "a list was wanted",
    "dict_type": "settings by name were wanted",
    "greater_than": "it must be above {gt:g}",
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than": "it must be below {lt:g}",
    "less_than_equal": "it must be at most {le:g}",
    "literal_error": "{expected} was wanted",
    "too_short": "at least {min_length} was wanted",
    "finite_number": "a finite number was wanted",
}


def wanted(item: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors in this library's words: what was wanted, what came."""
    form = _WANTED.get(item["type"])
    text = form.format(**item.get("ctx", {})) if form else f"{item['msg'][:1].lower()}{item['msg'][1:]}"
    came = item["input"]
    short = came is None or (isinstance(came, bool | int | float | str) and len(str(came)) < 80)
    return f"{text}, not {in_yaml(came) if short else 'this'}"


class Resident(Node):
    """A node whose results are small and computed once for the whole track.

    Its author writes ``compute(self, scene, **ports)``: signals arrive as float32 (T,) or (T, K) arrays, audio as a
    handle; one value, or a dict by output name, is returned. What arrives is read-only, what is returned must be finite.
    """

    kind: ClassVar[str] = "resident"


class Streamed(Node):
    """A node whose results come a few frames at a time.

    Its author writes ``compute(self, block, **ports, **parameters)``: streamed inputs arrive as float32 (B, ...)
    arrays extended by ``window``, parameters as float32 (B,); float32 (B, ...) is returned. All of them are read-only.
    Frames are (B, 3, H, W) of the film's size, coming and going; a source of frames, without a port of them, may have
    another size. Latents are (B, C, h, w) on the grid of the model.
    """

    kind: ClassVar[str] = "streamed"
    # What it reads of the track's clock beside times of frames. Keys hold it; reading what is not declared is an error.
    reads: ClassVar[frozenset[str]] = frozenset({"duration", "tempo"})

    def window(self, fps: Any) -> tuple[int, int]:
        """Return how many frames before and after the wanted ones its streamed inputs must cover; constants only."""
        return 0, 0

    def open(self, scene: Any, grid: Any) -> Any:
        """Return what is needed once for a run (tables, a model), shared by all threads; blocks carry it."""
        return None


class Pointwise(Node):
    """A node that makes each pixel from the same pixel of its pictures.

    Its author writes the static method ``pixel(rgb, at, <parameters>)``: one (r, g, b) tuple per Frames port, `at`
    with x, y (pixels), u, v (0..1 across and down), radius (0 in the centre, 1 in the corner), frame and seed; scalars
    in, (r, g, b) out. ``prepare(<parameters>)`` may turn parameters into others once a frame, on float32 (B,) arrays.
    Only the helpers of `n2s.graph.shader` may be called; every number is float32.
    """

    kind: ClassVar[str] = "pointwise"
    outputs: ClassVar[dict[str, Output]] = {"frames": Output(FRAMES)}

    def prepare(self, **params: Any) -> dict[str, Any]:
        return params


class Sink(Node):
    """A node that makes a file from frames; ``format`` names what the runtime writes, ``endings`` its files may have."""

    kind: ClassVar[str] = "sink"
    format: ClassVar[str] = ""
    endings: ClassVar[tuple[str, ...]] = ()


SIGNAL_OUTPUT = {"signal": Output(SIGNAL)}
LATENTS_OUTPUT = {"latents": Output(LATENTS)}
FRAMES_OUTPUT = {"frames": Output(FRAMES)}
