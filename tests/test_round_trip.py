"""Saving graphs of every kind: what is saved loads back equal."""

from __future__ import annotations

import string
import typing
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

from harness import TYPES, around, assert_same, keys, subject
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from n2s import functions
from n2s.graph.declarations import PIXELWISE
from n2s.graph.declare import Node, Spec
from n2s.graph.errors import GraphError
from n2s.graph.file.layout import flow, graph_text
from n2s.graph.file.save import values_in_file
from n2s.graph.graph import Graph
from n2s.graph.parsing import parse_seconds
from n2s.graph.types import AUDIO, FRAMES, LATENTS, MATTE, PICTURES, SIGNAL
from n2s.nodes import Anchors, AudioSource, DigestSink, Features, FFmpegSink, RadialMatte, VAEDecode, Weights

# A graph shrinks for minutes; the failing one is small enough to be read as it is.
steady = settings(
    derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip

# Random graphs, over every registered node type


TEXTS = st.one_of(
    st.sampled_from(["", "null", "true", "yes", "1e5", "0x1F", "1_000", "12:30", "2020-01-01", "~", "- a", "a: b",
                     "a #b", "#a", "{a}", "[a]", "a, b", "'a'", '"a"', "= a", "@a", "%a", "*a", "&a", "!a", "|", ">",
                     "?", "a\\b", " a ", "ü", "日本", "🎬", "a\nb", "a\tb", "\x85", "\u2028", "\ufeff", "..",
                     "a/b.wav", "0o17", ".inf", "="]),
    st.text(st.characters(codec="utf-8", exclude_characters=[chr(c) for c in range(32)]), max_size=12),
)  # fmt: skip
NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=5).map(lambda text: f"n_{text}")
ODD_NAMES = st.sampled_from(["null", "true", "on", "No", "_", "nodes", "e1", "x" * 60])


def _number(spec: Spec, integer: bool = False) -> st.SearchStrategy[Any]:
    low = spec.gt if spec.ge is None else spec.ge
    high = spec.lt if spec.le is None else spec.le
    if integer:
        return st.integers(int(low), int(high) - (spec.lt is not None))
    return st.floats(low, high, exclude_min=spec.gt is not None, exclude_max=spec.lt is not None)


def _expression(signals: list[Any]) -> st.SearchStrategy[Any]:
    leaf = (
        st.sampled_from(signals)
        | st.floats(-1e6, 1e6)
        | st.sampled_from(["2 beats", "-6 dB", "-0.1 s", functions.time])
    )

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        drawn = st.tuples(st.sampled_from(signals), inner)
        return st.one_of(
            drawn.map(lambda t: t[0] + t[1]), drawn.map(lambda t: t[1] - t[0]), drawn.map(lambda t: t[0] ** t[1]),
            drawn.map(lambda t: -(t[0] * t[1])), drawn.map(lambda t: t[0] > t[1]),
            drawn.map(lambda t: functions.max(*t)),
        )  # fmt: skip

    return st.recursive(leaf, deeper, max_leaves=5)


# Of a film in MP4; most others are refused.
CODINGS: list[dict[str, Any]] = [
    {},
    {"crf": 30, "maxrate": 5000, "gop": 0.5, "b_frames": 1, "edit_list": False, "loudness": -14.5},
    {"profile": "draft", "cover": "cover.png"},
    {"codec": "h265", "depth": 8, "chroma": "4:2:0"},
    {"codec": "av1", "bitrate": 900, "audio_codec": "opus"},
]


def _metadata(part: Any) -> tuple[Any, ...]:
    return getattr(part, "__metadata__", ())


def _setting(cls: type[Node], field: str) -> st.SearchStrategy[Any]:
    spec, info = cls.specs[field], cls.model_fields[field]
    if cls.__name__ == "Curves" and field in ("points", "red", "green", "blue"):
        heights = st.lists(st.floats(0, 1), min_size=2, max_size=5)
        return heights.map(lambda v: [[i / (len(v) - 1), height] for i, height in enumerate(v)])
    if cls.__name__ == "CameraPath" and field == "points":
        return st.lists(st.lists(st.floats(0.1, 5), min_size=3, max_size=3), min_size=2, max_size=5)
    if field == "credits":
        said = TEXTS.filter(lambda text: text.strip())
        return st.lists(st.lists(said, min_size=1, max_size=2), min_size=1, max_size=4)
    if field == "points":
        times = st.lists(st.floats(0, 1e4), min_size=1, max_size=6, unique=True).map(sorted)
        return times.flatmap(lambda t: st.lists(st.floats(-10, 10), min_size=len(t), max_size=len(t)).map(
            lambda v: [list(point) for point in zip(t, v)]))  # fmt: skip
    if field == "values":
        return st.lists(st.floats(-10, 10), min_size=1, max_size=6)
    if field == "notes":
        return st.lists(st.integers(0, 127), min_size=1, max_size=4)
    if field == "tempo_map":
        times = st.lists(st.floats(0, 1e4), min_size=1, max_size=4, unique=True).map(sorted)
        return times.flatmap(lambda t: st.lists(st.floats(20, 400), min_size=len(t), max_size=len(t)).map(
            lambda v: [list(mark) for mark in zip(t, v)]))  # fmt: skip
    if field == "text":
        values = st.lists(st.floats(-10, 10), min_size=1, max_size=4)
        return values.map(lambda v: ", ".join(f"{10 * i}:({value:.3f})" for i, value in enumerate(v)))
    if field in ("colour", "dark", "bright", "shadow_colour", "tint", "paper", "ink"):
        return st.integers(0, 0xFFFFFF).map("#{:06x}".format)
    if field == "colours":
        most = 3 if cls.__name__ == "LightLeak" else 16
        return st.lists(st.integers(0, 0xFFFFFF).map("#{:06x}".format), min_size=2, max_size=most)
    if cls.is_type(field, "seconds"):
        marks = [*info.metadata, *(mark for part in get_args(info.annotation) for mark in _metadata(part))]
        fixed = any(getattr(mark, "func", None) is parse_seconds for mark in marks)
        units = ["s"] if fixed else ["s", "beats", "bars"]
        return _number(spec) | st.builds(lambda n, unit: f"{n!r} {unit}", _number(spec), st.sampled_from(units))
    parts = [info.annotation, *get_args(info.annotation)]
    choices = [c for part in parts if typing.get_origin(part) is typing.Literal for c in get_args(part)]
    if choices:
        return st.sampled_from(choices)
    if bool in parts:
        return st.booleans()
    if int in parts and typing.get_origin(info.annotation) is not tuple:
        return _number(spec, integer=True)
    if float in parts:
        return _number(spec)
    if any(typing.get_origin(part) is tuple for part in parts):
        return st.tuples(st.integers(2, 256), st.integers(2, 256))
    if typing.get_origin(info.annotation) is dict:
        return st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=3)
    if any(typing.get_origin(part) is list for part in parts):
        return st.lists(TEXTS, min_size=2, max_size=4)
    return TEXTS


@st.composite
def graphs(draw: Any, base: Path | str = ".", model: Path | None = None, most: int = 6) -> Graph:
    """A chain with branches over random node types, with random settings, closed by a sink."""
    named = iter(draw(st.lists(NAMES | ODD_NAMES, unique=True, min_size=0, max_size=most)))
    track = AudioSource(path="music.wav" if model else draw(TEXTS))()
    features = Features()(track)
    pools: dict[Any, list[Any]] = {
        AUDIO: [track],
        SIGNAL: [features.rms, features.onset, features.mfcc[3]],
        LATENTS: [],
        FRAMES: [],
        MATTE: [RadialMatte(softness=0.5)()],
    }
    shipped = {"model": str(model)} if model else {}
    anchors = Anchors(names=["red", "green", "blue"], **shipped)(Weights(count=3)(features.rms))
    pools[LATENTS].append(anchors)
    pools[FRAMES].append(VAEDecode(grid=(2, 3), **shipped)(anchors))
    usable = [n for n, cls in TYPES.items() if cls.kind in ("resident", "measure", "streamed", "lens", *PIXELWISE)]
    # What decides shapes, or reads files, is free only where nothing is planned.
    deciding = {"AudioSource", "ImageSource", "VAEDecode", "Anchors", "Weights", "Features", "Keyframes", "Lut"}
    deciding |= {"Midi", "Table", "VideoSource", "Title", "TitleMatte", "Credits", "Lyrics"}
    fixed = deciding | {"LightMeter", "Exposure", "Guard"} if model else set()  # and measures look at the film first
    for name in draw(st.lists(st.sampled_from([n for n in usable if n not in fixed]), max_size=most)):
        cls = TYPES[name]
        values: dict[str, Any] = {}
        for field, spec in cls.specs.items():
            if spec.role == "port" or not (spec.required or draw(st.booleans())):
                continue
            if field == "positions":
                continue  # as many as there are colours
            if field == "cache" and not any(output.kind in PICTURES for output in cls.outputs.values()):
                continue  # frames and mattes alone are kept
            if spec.role == "setting":
                values[field] = draw(_setting(cls, field))
            elif model:
                low, high = (spec.gt if spec.ge is None else spec.ge), (spec.lt if spec.le is None else spec.le)
                values[field] = draw(
                    _number(spec) | _expression(pools[SIGNAL]).map(lambda e: functions.clamp(e, low, high))
                )
            else:
                values[field] = draw(_number(spec) | st.sampled_from(pools[SIGNAL]) | _expression(pools[SIGNAL]))
                if isinstance(values[field], str | float) and not _takes(cls, field, values[field]):
                    del values[field]
        for field in ("off", "alike", "from_high", "until"):  # must suit another setting
            values.pop(field, None)
        inputs = {port: draw(st.sampled_from(pools[kind])) for port, kind in cls.ports.items()}
        handle = cls(**values)(name=next(named, None), **inputs)
        if len(cls.outputs) == 1:
            pools[next(iter(cls.outputs.values())).kind].append(handle)
    end, ending = draw(st.sampled_from([(FFmpegSink, ".mp4"), (DigestSink, ".txt")]))
    fixed = {"path", *(field for coding in CODINGS for field in coding)}
    more = {f: draw(_setting(end, f)) for f in end.settings() if f not in fixed and draw(st.booleans())}
    more |= draw(st.sampled_from(CODINGS)) if end is FFmpegSink else {}
    path = draw(st.sampled_from(["film", "a b/ü", "#1", "null", "12", "a, b"])) + ending
    header: dict[str, Any] = {"seed": draw(st.integers(0, 2**32 - 1)), "size": (96, 64), "title": draw(TEXTS)}
    header["fps"] = draw(st.sampled_from([30, 25, "30000/1001", 23.976, Fraction(25, 2), 239]))
    optional = {"artist": TEXTS, "tempo": st.floats(20, 400), "duration": st.floats(1, 1000)}
    header |= {key: draw(values) for key, values in optional.items() if not model and draw(st.booleans())}
    return Graph(end(path=path, **more)(pools[FRAMES][-1], track), base=base, **header)


def _takes(cls: type[Node], field: str, value: Any) -> bool:
    try:
        cls(**{**cls.example, field: value})
    except GraphError:
        return False
    return True


@settings(steady, max_examples=40)
@given(graph=graphs())
def test_a_graph_made_in_python_comes_back_from_its_yaml(graph: Graph, tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.unlink(missing_ok=True)
    graph = graph.replaced(base=tmp_path)
    graph.save(path)
    text = path.read_text(encoding="utf-8")
    assert text == graph.to_yaml()
    back = Graph.load(path)
    assert_same(back, graph)
    assert graph_text(values_in_file(back)) == text
    before = path.stat().st_mtime_ns
    back.save(path)
    assert path.stat().st_mtime_ns == before and path.read_text(encoding="utf-8") == text


@settings(steady, max_examples=6)
@given(data=st.data())
def test_a_graph_and_its_yaml_have_the_same_keys(data: Any, studio: Any, store: Any) -> None:
    graph = data.draw(graphs(studio.folder, studio.model))
    path = studio.folder / "keys.yaml"
    path.unlink(missing_ok=True)
    graph.save(path)
    assert keys(Graph.load(path), store) == keys(graph, store)


QUOTE = '"'
LAYOUTS = {
    "as saved": graph_text,
    "brackets": lambda values: flow(values, quote='"'),
    "brackets in lines": lambda values: (
        "{\n  " + ",\n  ".join(f"{k}: {flow(v, quote=QUOTE)}" for k, v in values.items()) + "\n}\n"
    ),
    "windows": lambda values: graph_text(values).replace("\n", "\r\n"),
    "commented": lambda values: "# first\n" + graph_text(values).replace("\n", "   # tab\there\n  # and {here: [\n\n"),
    "no line break at the end": lambda values: graph_text(values).rstrip("\n"),
    "one line per setting": lambda values: _blocks(values),
}


def _blocks(values: dict[str, Any]) -> str:
    lines = [f"{key}: {flow(value, False, QUOTE)}" for key, value in values.items() if key != "nodes"] + ["nodes:"]
    for name, spec in values["nodes"].items():
        lines += [f"    {name}:", *(f"        {key}:   {flow(value, False, QUOTE)}" for key, value in spec.items())]
    return "\n".join(lines) + "\n"


@settings(steady, max_examples=40)
@given(old=graphs(), new=graphs(), layout=st.sampled_from(list(LAYOUTS)))
def test_any_graph_can_be_saved_onto_any_other(old: Graph, new: Graph, layout: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    old, new = old.replaced(base=tmp_path), new.replaced(base=tmp_path)
    path.write_bytes(LAYOUTS[layout](values_in_file(old)).encode())
    assert_same(Graph.load(path), old)
    before = path.read_bytes()
    old.save(path)
    assert path.read_bytes() == before
    new.save(path)
    assert_same(Graph.load(path), new)
    after = path.read_bytes()
    Graph.load(path).save(path)
    assert path.read_bytes() == after


def test_every_example_is_saved(studio: Any, tmp_path: Path) -> None:
    for name in ("Tone", "Anchors", "ImageSource", "Features"):
        values = around(name, studio.model)
        assert subject(TYPES[name], studio.model)["node"] == name
        (tmp_path / "graph.yaml").write_text(graph_text(values), encoding="utf-8")
        assert_same(Graph.load(tmp_path / "graph.yaml"), Graph.load(tmp_path / "graph.yaml").edit({}))
