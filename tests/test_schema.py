"""The pages and the schema say what the declarations say, and their examples are true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

import n2s.nodes
from n2s.graph.build import close
from n2s.graph.declare import Node
from n2s.graph.describe.descriptions import describe, own
from n2s.graph.describe.examples import python_example, yaml_example
from n2s.graph.describe.page import handbook, listing, page
from n2s.graph.describe.schema import graph_schema
from n2s.graph.file.document import parse_document
from n2s.graph.graph import Graph
from n2s.graph.parsing import parse_musical_time, parse_seconds
from n2s.graph.registry import node_types

ROOT = Path(__file__).resolve().parent.parent
TYPES = node_types()

SURROUNDINGS = """\
n2s: 1
duration: 2
nodes:
  music: {node: AudioSource, path: music.wav}
  features: {node: Features, audio: music}
  weights: {node: Weights, signal: features.onset}
  anchors: {node: Anchors, weights: weights, names: [red, green, blue]}
  film: {node: VAEDecode, latents: anchors}
  picture: {node: ImageSource, path: picture.png}
  circle: {node: RadialMatte}
  wipe: {node: LinearMatte}
  ember: {node: Track, path: ember.yaml}
  moss: {node: Track, path: moss.yaml}
  out: {node: DigestSink, frames: film, path: shown.txt}
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = graph_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def with_node(entry: str) -> str:
    """Put an entry into the surroundings, in place of the one of its name."""
    name = entry.partition(":")[0]
    lines = [line for line in SURROUNDINGS.splitlines() if not line.startswith(f"  {name}:")]
    return "\n".join([*lines, f"  {entry}"]) + "\n"


def complaints(validator: Any, text: str) -> list[str]:
    """Return the paths of what the schema refuses."""
    return sorted(
        {".".join(map(str, error.absolute_path)) for error in validator.iter_errors(parse_document(text).values)}
    )


@pytest.mark.parametrize("path", sorted((ROOT / "graphs").rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_takes_the_shipped_graphs(path: Path, validator: Any) -> None:
    assert complaints(validator, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", TYPES)
def test_the_example_of_every_page_is_right_in_both_spellings(name: str, validator: Any, tmp_path: Path) -> None:
    cls = TYPES[name]
    text = with_node(yaml_example(cls))
    assert complaints(validator, text) == []
    path = tmp_path / "graph.yaml"
    path.write_text(text)
    own_name = yaml_example(cls).partition(":")[0]
    in_yaml = Graph.load(path).nodes[own_name]

    known: dict[str, Any] = {word: getattr(n2s.nodes, word) for word in n2s.nodes.__all__} | {name: cls}
    exec(  # the docs' own text is what is tested
        "music = AudioSource(path='music.wav')(name='music')\n"
        "features = Features()(music, name='features')\n"
        "weights = Weights()(features.onset, name='weights')\n"
        "anchors = Anchors(names=['red', 'green', 'blue'])(weights, name='anchors')\n"
        "film = VAEDecode()(anchors, name='film')\n"
        "picture = ImageSource(path='picture.png')(name='picture')\n"
        "circle, wipe = RadialMatte()(name='circle'), LinearMatte()(name='wipe')\n"
        "ember, moss = Track(path='ember.yaml')(name='ember'), Track(path='moss.yaml')(name='moss')\n"
        + python_example(cls),
        known,
    )
    assert close((known[own_name],))[own_name] == in_yaml


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ("a: {node: Gain, frames: film}", "nodes.a.node"),
        ("a: {frames: film}", "nodes.a"),
        ("a: {node: Grain, frames: film, amont: 0.1}", "nodes.a"),
        ("a: {node: Grain}", "nodes.a"),
        ("a: {node: AudioSource}", "nodes.a"),
        ("a: {node: Mix, a: film}", "nodes.a"),
        ("a: {node: Grain, frames: film, amount: 1.5}", "nodes.a.amount"),
        ("a: {node: Grain, frames: film, amount: 3 apples}", "nodes.a.amount"),
        ("a: {node: Grain, frames: film, amount: 4 beats}", "nodes.a.amount"),
        ("a: {node: Grain, frames: film, amount: }", "nodes.a.amount"),
        ("a: {node: Grain, frames: film, seed: 4294967296}", "nodes.a.seed"),
        ("a: {node: Grain, frames: film, seed: 0.5}", "nodes.a.seed"),
        ("a: {node: Grain, frames: 'film grain'}", "nodes.a.frames"),
        ("a: {node: EMA, signal: features.onset, half_life: features.onset}", "nodes.a.half_life"),
        ("a: {node: EMA, signal: features.onset, half_life: }", "nodes.a.half_life"),
        ("a: {node: LatentEMA, latents: anchors, half_life: 2 beats}", "nodes.a.half_life"),
        ("a: {node: Keyframes, points: [[0, high]]}", "nodes.a.points.0.1"),
        ("a: {node: Keyframes, points: [[0, 1]], interpolate: cubic}", "nodes.a.interpolate"),
        ("a: {node: VAEDecode, latents: anchors, grid: [1, 8]}", "nodes.a.grid.0"),
        ("a: {node: VAEDecode, latents: anchors, grid: [8, 8, 8]}", "nodes.a.grid"),
        ("a: {node: Weights, signal: features.onset, wrap: 1}", "nodes.a.wrap"),
        ("a: {node: Album, tracks: ember, path: a.mp4}", "nodes.a.tracks"),
        ("a: {node: Graph, preset: soft}", "nodes.a"),
        ("time: {node: Constant}", "nodes"),
        ("2nd: {node: Constant}", "nodes"),
    ],
)
def test_the_schema_refuses_a_wrong_node(entry: str, where: str, validator: Any) -> None:
    assert complaints(validator, with_node(entry)) == [where]


@pytest.mark.parametrize(
    "entry",
    [
        "a: {node: Grain, in: film}",
        "a: {node: Grain, frames: film, amount: -6 dB}",
        "a: {node: Grain, frames: film, amount: features.mfcc.3}",
        "a: {node: Grain, frames: film, amount: '= clamp(0.1 * features.onset, 0, 1)'}",
        "a: {node: EMA, signal: = 0.5 * features.onset, half_life: 2 beats, attack: }",
        "a: {node: EMA, signal: 0.5}",
        "a: {node: VAEDecode, latents: anchors, grid: , model: }",
        "a: {node: Graph, path: looks/dusk.yaml, preset: soft, seed: 3, frames: film, punch: = 0.5 * features.onset}",
    ],
)
def test_the_schema_takes_what_a_node_may_be_given(entry: str, validator: Any) -> None:
    assert complaints(validator, with_node(entry)) == []


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("fsp: 30", ""), ("fps: fast", "fps"), ("fps: 0", "fps"), ("size: [640, 361]", "size.1"),
        ("size: [640]", "size"),
        ("seed: -1", "seed"), ("title: [a]", "title"), ("tempo: 1000", "tempo"), ("presets: {soft: 3}", "presets.soft"),
        ("interface: {inputs: {}}", "interface"), ("interface: {outputs: {}, inputs: {a: {kind: Film, help: a}}}",
                                                   "interface.inputs.a.kind"),
    ],
)  # fmt: skip
def test_the_schema_refuses_a_wrong_entry(line: str, where: str, validator: Any) -> None:
    assert complaints(validator, SURROUNDINGS + line + "\n") == [where]


@pytest.mark.parametrize(
    "line", ["fps: 30000/1001", "fps: 29.97", "size: [640, 360]", "presets: {soft: {grain.amount: 0}}", "tempo: 97.5"]
)
def test_the_schema_takes_the_entries_of_a_graph(line: str, validator: Any) -> None:
    assert complaints(validator, SURROUNDINGS + line + "\n") == []


@pytest.mark.parametrize(
    "text",
    ["0.4", "-6 dB", "+.5", "1.", "5e-1", "4 beats", "2bars", "250 ms", "1 s", "1 bar", "4 beets", "features",
     "features.onset",
     "features.mfcc.3", "a.b.c.d", "a.3.b", "a b", "0x10", "1_000", "", " ", "= 1", "=pulse", "=", "= ", "1e999x", "é",
     "dB"],
)  # fmt: skip
def test_the_patterns_are_those_of_the_check(text: str) -> None:
    """Where they differ, an editor would mark what runs, or be silent about what does not."""
    schema = graph_schema()["$defs"]
    cases = (
        (schema["EMA"]["properties"]["half_life"], parse_musical_time),
        (schema["LatentEMA"]["properties"]["half_life"], parse_seconds),
        (schema["Grain"]["properties"]["amount"], lambda value: TYPES["Grain"](amount=value)),
    )
    for field, read in cases:
        try:
            read(text)
            taken = True
        except Exception:
            taken = False
        assert jsonschema.Draft202012Validator(field).is_valid(text) == taken, (text, read)


def test_everything_declared_is_in_the_schema() -> None:
    definitions = graph_schema()["$defs"]
    for name, cls in TYPES.items():
        properties = definitions[name]["properties"]
        assert definitions[name]["additionalProperties"] is False
        assert set(properties) >= {"node", *cls.specs}
        for field, spec in cls.specs.items():
            said = properties[field]["markdownDescription"]
            assert spec.help[1:] in said
            assert spec.unit in said and (spec.lt is not None or spec.range[1:] in said)


def test_pages_tell_all_of_a_node() -> None:
    for name, cls in TYPES.items():
        text, data = page(cls), describe(cls)
        assert json.loads(json.dumps(data)) == data
        fields = [*data["ports"], *data["parameters"], *data["settings"]]
        assert [*cls.specs] == [*dict.fromkeys(name for name in cls.specs if any(f["name"] == name for f in fields))]
        for word in [name, *cls.specs, *cls.outputs, yaml_example(cls), python_example(cls)]:
            assert word in text
        assert name in listing(TYPES.values())
    assert "within 0..1, default 0.04" in page(TYPES["Grain"])
    assert "in stops" in page(TYPES["Tone"])


def test_the_handbook_is_up_to_date() -> None:
    written = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
    assert written == handbook(own(TYPES.values())), "write it again: n2s nodes --markdown > docs/nodes.md"


def test_another_package_is_grouped_under_its_own_name() -> None:
    class Other(Node):
        """Do nothing."""

        outputs = TYPES["Grain"].outputs

    Other.__module__ = "other.nodes"
    assert "\nother.nodes\n  Other" in listing([*TYPES.values(), Other])
    assert own([*TYPES.values(), Other]) == list(TYPES.values())


def run(*arguments: str) -> Any:
    from n2s.cli import app

    return CliRunner().invoke(app, arguments)


def test_the_commands_print_and_write(tmp_path: Path) -> None:
    assert "Vignette" in run("nodes").output
    assert run("nodes", "EMA").output == page(TYPES["EMA"]) + "\n"
    assert json.loads(run("nodes", "EMA", "--json").output)["name"] == "EMA"
    assert [json.loads(line)["name"] for line in run("nodes", "--json").output.splitlines()].count("Grain") == 1
    assert run("nodes", "Grain", "--markdown").output.startswith("### Grain")
    assert json.loads(run("schema").output) == json.loads(json.dumps(graph_schema()))
    written = tmp_path / "graph.schema.json"
    assert run("schema", "-o", str(written)).exit_code == 0
    assert json.loads(written.read_text(encoding="utf-8"))["required"] == ["n2s", "nodes"]
    assert "cannot be written" in str(run("schema", "-o", str(written / "a.json")).exception)  # a folder that is a file


def test_an_unknown_node_ends_with_two_and_a_way_out() -> None:
    code = "import sys; sys.argv = ['n2s', 'nodes', 'vignete']; from n2s.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, 'There is no node type "vignete". Did you mean "Vignette"?\n')
