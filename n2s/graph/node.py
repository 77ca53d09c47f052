"""The class of all nodes: it reads the specs off a class's fields, checks it, and connects its instances."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from n2s.graph.code import loaded
from n2s.graph.declarations import class_mistakes, name_mistakes
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.handles import connect
from n2s.graph.links import Link
from n2s.graph.paths import has_paths
from n2s.graph.sets import NO_SET, holds_set, wants_set
from n2s.graph.signatures import definition_place, meant, place_within
from n2s.graph.specs import Output, Spec
from n2s.graph.time import FASTEST, LONGEST_BAR, SLOWEST, Clock
from n2s.graph.times import is_musical
from n2s.graph.types import LATENTS, Kind
from n2s.graph.wording import explain

_CONSTANTS = ("outputs", "neutral", "example", "felt_with", "felt_at", "reads", "rate")  # that authors write by hand


class DeclarationError(GraphError):
    """Values that a node does not take, or a class that is no node; ``explained`` holds (field, sentence) pairs."""

    def __init__(self, type_name: str, explained: list[tuple[str, str]], place: str = ""):
        self.explained = explained
        lines = []
        for field, text in explained:
            where = f"{place_within(place, field)}  " if place else ""
            lines.append(f"{where}{'.'.join(filter(None, (type_name, field)))}: {text}")
        super().__init__("\n".join(lines))


class _Declared(type(BaseModel)):
    """Reports mistakes in a class statement in this library's words."""

    if TYPE_CHECKING:
        # What a node type declares beyond `Node`, settings and methods, is known when its `kind` is.
        def __getattr__(cls, name: str) -> Any: ...

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
        return bare, "it needs an annotation: Param, Audio, Signal, Latents, Frames, Matte, or a plain type"
    said = str(error).splitlines()[0].rstrip(".")
    if getattr(error, "code", "") == "model-field-missing-annotation" and (found := re.search(r"`(\w+) =", said)):
        if near := meant(found[1], _CONSTANTS):
            return found[1], near[0]
        text = "nothing declares it; use = port(…), param(…) or setting(…), or annotate a constant with ClassVar"
        return found[1], text
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
    # Settings under which it gives what its first port of that kind takes, whatever the others are; {}: the defaults.
    neutral: ClassVar[dict[str, Any] | None] = None
    same_columns: ClassVar[tuple[str, ...]] = ()  # ports whose signals must have as many columns each
    example: ClassVar[dict[str, Any]] = {}  # the settings of a minimal valid use
    # For the laws (tests/test_laws.py), where a setting changes nothing with the example on a ramp: with which settings
    # and inputs it does, {"hold": {"signal": "= sin(40 * time)"}}; and at which output, where not at the first.
    felt_with: ClassVar[dict[str, dict[str, Any]]] = {}
    felt_at: ClassVar[dict[str, str]] = {}
    kind: ClassVar[str] = ""  # one of `n2s.graph.declarations.KINDS`

    def __init__(self, **values: Any):
        if unordered := [(name, NO_SET) for name, value in values.items() if self._takes_no_such_set(name, value)]:
            raise DeclarationError(type(self).__name__, unordered)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise DeclarationError(type(self).__name__, explain(error, type(self))) from None

    @classmethod
    def _takes_no_such_set(cls, name: str, value: Any) -> bool:
        """Say whether a value is, or has in it, a set where its field wants none: a list made of it has any order."""
        is_setting = name in cls.specs and cls.specs[name].role == "setting"
        return is_setting and holds_set(value) and not wants_set(cls.model_fields[name].annotation)

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
        fields = cls.__pydantic_fields__
        for name in ("edge", "shutter", "every", "cache"):  # what all nodes of a kind have comes last
            if name in fields and name not in vars(cls).get("__annotations__", {}):
                fields[name] = fields.pop(name)
        found = {
            name: [m for m in info.metadata if isinstance(m, Spec | Kind)] for name, info in cls.model_fields.items()
        }
        cls.specs = {name: spec for name, marks in found.items() for spec in marks if isinstance(spec, Spec)}
        cls.ports = {name: kind for name, marks in found.items() for kind in marks
                     if isinstance(kind, Kind) and name in cls.specs and cls.specs[name].role == "port"}  # fmt: skip
        if mistakes := list(class_mistakes(cls)):
            raise DeclarationError(cls.__name__, mistakes, definition_place())
        if any(output.kind is LATENTS for output in cls.outputs.values()):
            cls.specs.pop("cache", None)  # frames alone are kept
        annotations = {name: _annotation(cls.model_fields[name]) for name in cls.settings()}
        cls._path_annotations = {name: annotation for name, annotation in annotations.items() if has_paths(annotation)}
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        cls._born = loaded.now(), file
        if {"pixel", "step", "where"} & vars(cls).keys():
            cls._pixel_text = _text(file)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # see `_Declared`

    # When it was defined, and in which file: that tells the code it was made by (`n2s.graph.code.loaded`).
    _born: ClassVar[tuple[int, str | None]] = (0, None)
    _path_annotations: ClassVar[dict[str, Any]] = {}  # of the settings that have paths in them
    _pixel_text: ClassVar[str] = ""  # the text of the file that has its pixel code, as it was then

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
            if isinstance(item, Number):
                number = item.resolve(120.0) if item.unit in ("dB", "s", "ms") else item.value
            if (
                item is None
                and spec
                and spec.role == "setting"
                and cls.model_fields[info.field_name].default is not None
            ):
                raise ValueError("nothing was given; leave it out for its default")
            if isinstance(item, Number) and item.unit not in ("", "dB") and spec and spec.unit != "s":
                plain = f"in {spec.unit}" if spec.unit else "without a unit"
                default = cls.model_fields[info.field_name].default
                number = item.value if item.unit in (spec.unit, spec.unit[:-1]) else getattr(default, "value", default)
                like = f", like {number:g}" if isinstance(number, int | float) else ""
                raise ValueError(f"{item} was given, which is a time; it takes a number, {plain}{like}")
            if isinstance(item, Number) and is_musical(item) and spec:  # as long as the music has them: `wrong_lengths`
                # Of times below 0, those of slow music are the least.
                if not spec.meets(*sorted((item.resolve(FASTEST, 1), item.resolve(SLOWEST, LONGEST_BAR)))):
                    raise ValueError(f"{item} was given; whatever the tempo is, it must be {spec.range}, in s")
                continue
            if isinstance(number, int | float) and not isinstance(number, bool) and spec and not spec.allows(number):
                raise ValueError(f"{item} was given; it must be {spec.range}" if spec.range else f"{item} is no number")
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

        0 stands for a signal of one number per frame, None for what is only known at run time.
        """
        return type(self).outputs[output].columns or None

    def brings(self, name: str) -> dict[str, Node]:
        """Return nodes that stand before this one in the flattened graph, by name; ``name`` is its own there.

        Their names begin with its own and a colon. One that is called like a field drives it: ``{f"{name}:gain": …}``
        drives ``gain``; a port that the graph gives stays. Links in them read what this node reads, or each other. One
        with its own name takes its place; it gives the same outputs.
        """
        return {}

    def wanted_columns(self) -> dict[str, tuple[int, str]]:
        """Return the columns that ports must be given, by port, and why: {"weights": (3, "one for each name")}."""
        return {}

    def check_model(self, model: Any) -> list[tuple[tuple, str]]:
        """Return what a model lacks that this node needs, as (path of the setting, sentence); see `ModelCard`."""
        return []

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        """Return what is wrong with the files it reads, as (path of the setting, sentence), before any work.

        It is asked when all of them are there; ``resolve`` gives the place of a path of the graph.
        """
        return []

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        """Return what of it lies wholly outside the film, as (path of the setting, `n2s.graph.time.outside`).

        It is a warning. A GraphError of the clock, which may not have heard the music yet, says that it is not known.
        """
        return []

    def required_tools(self) -> tuple[str, ...]:
        """Return what its settings make it need of the machine, which not every installation has: "onnxruntime", which
        runs nets of models, and "ffmpeg"."""
        return ()

    def __call__(self, *inputs: Any, name: str | None = None, **named: Any) -> Any:
        """Connect the node: ports in their order, or by name.

        Returns
        -------
        Handle
            The node's output, or the node itself where it has several: ``features.onset``.
        """
        return connect(cast(Any, self), inputs, name, named)


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
