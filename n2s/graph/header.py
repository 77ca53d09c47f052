"""What holds for a whole graph: its frame rate, size, seed, tempo, length and model, what it is called."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from n2s.graph.expressions import Number
from n2s.graph.landmarks import Moment
from n2s.graph.parsing import FolderPath, in_yaml, number_in
from n2s.graph.registry import suggest
from n2s.graph.sets import NO_SET, holds_set
from n2s.graph.time import FASTEST, SLOWEST, parse_rate
from n2s.graph.times import WrittenSeconds, as_moment, is_musical, parse_time
from n2s.graph.wording import wanted

MAX_SIDE = 8192


class Header(BaseModel):
    """What holds for a whole graph."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    n2s: int = Field(1, ge=1, le=1, description="the version of the graph format")
    title: str = Field("", description="shown in diagrams, chapters and players")
    artist: str = Field("", description="written into the film")
    seed: int = Field(0, ge=0, lt=2**32, description="decides every random number of the graph")
    fps: Annotated[Fraction, BeforeValidator(parse_rate)] = Field(Fraction(30), description="film frames per second")
    size: tuple[int, int] = Field((640, 360), description="width and height in pixels, both even")
    tempo: float | None = Field(
        None, ge=SLOWEST, le=FASTEST, description="beats per minute; default: heard in the music"
    )
    duration: float | None = Field(
        None,
        gt=0,
        le=86400,
        description="a time, like 80 or 1:20: how long the film lasts; the sound is cut there, or silence follows; "
        "default: the length of the music",
    )
    model: FolderPath | None = Field(
        None, description="folder of the model for all nodes that name none; default: the shipped model"
    )

    @field_validator("duration", mode="wrap")
    @classmethod
    def _read_time(cls, value: Any, read: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool):
            value = parse_time(value)  # this refuses it
        value = as_moment(value)
        if not isinstance(value, str | Number | Moment):
            made = read(value)
            return value if isinstance(value, WrittenSeconds) else made
        time, tempo = parse_time(value), info.data.get("tempo")
        if isinstance(time, Moment):
            raise ValueError(f'"{time}" is heard in the music; the length of a film is known before: give seconds')
        if is_musical(time) and not tempo:
            raise ValueError(f'"{time}" is as long as the tempo says; set "tempo: 120" beside it, or give seconds')
        seconds = WrittenSeconds.of(time, tempo or 120.0)
        read(seconds)  # this checks its range
        return seconds

    @field_validator("size", mode="before")
    @classmethod
    def _ordered(cls, size: Any) -> Any:
        if holds_set(size):
            raise ValueError(NO_SET)
        return size

    @field_validator("size")
    @classmethod
    def _even(cls, size: tuple[int, int]) -> tuple[int, int]:
        if not all(16 <= side <= MAX_SIDE and side % 2 == 0 for side in size):
            raise ValueError(f"width and height must be even and lie within 16..{MAX_SIDE}, not {size[0]}x{size[1]}")
        return size


def explain_header(error: ValidationError) -> list[tuple[str, str]]:
    """Turn pydantic's errors into (entry, sentence) pairs in this library's words."""
    said = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = f"a graph has no such entry. {_cure(field, item['input'])}"
        elif field == "n2s":
            newer = isinstance(item["input"], int) and item["input"] > 1
            cure = "or install a newer n2s: pip install --upgrade n2s" if newer else ""
            text = f'version {item["input"]!r} of the format of graphs is none that this n2s reads; write "n2s: 1"'
            text = ", ".join(filter(None, [text, cure]))
        elif field == "size" and item["type"] != "value_error":
            text = f"width and height were wanted, whole numbers like [640, 360], not {in_yaml(item['input'])}"
        elif item["type"] != "value_error":
            text = wanted(item)
        elif field == "fps":
            text += number_in(item["input"])
        said = [(told, other) for told, other in said if told != "size" or field != "size"]  # a side of it, or all
        said.append((field, text))
    return said


def means_nodes(values: dict[str, Any]) -> bool:
    """Say whether an entry of a graph without nodes is probably a misspelt "nodes", which is told at the entry."""
    unknown = {str(key): value for key, value in values.items() if key not in _entries()}
    return any(_cure(key, value) == suggest("nodes", ["nodes"]) for key, value in unknown.items())


def _cure(entry: str, value: Any) -> str:
    is_node = isinstance(value, dict) and "node" in value
    return "It is a node: indent it below nodes." if is_node else suggest(entry, _entries())


def _entries() -> list[str]:
    return [*Header.model_fields, "nodes", "interface", "presets"]
