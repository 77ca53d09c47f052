"""Plans as data: how many stages a graph becomes, and what each pass does. No model is opened, no frame is made.

It is one row of graphs that are all planned in the same way, and so longer than other files.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from node_sources import GLOW, SHRINK

from n2s.graph.context import Scene
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.graph.values import Values
from n2s.plan.film import plan_film, towards
from n2s.plan.flatten import flatten
from n2s.plan.fold import fold
from n2s.plan.fuse import fuse
from n2s.plan.hold import held_frames
from n2s.plan.reach import reach
from n2s.plan.shape import shape
from n2s.plan.stages import FULL, Lensing, Plan, Read, stages_up_to, widen
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse

HEAD = {"n2s": 1, "size": [96, 64], "fps": 30, "duration": 1}
LATENTS = {
    "way": {"node": "Keyframes", "points": [[0, 0], [1, 1]], "interpolate": "linear"},
    "weights": {"node": "Weights", "signal": "way", "count": 2},
    "places": {"node": "Anchors", "weights": "weights", "names": ["a", "b"], "model": "nowhere"},
}
DECODED = {**LATENTS, "film": {"node": "VAEDecode", "latents": "places", "model": "nowhere"}}
PICTURE = {"still": {"node": "ImageSource", "path": "nowhere.png"}}

BACK = '''
class Back(Streamed):
    """Show what was five frames before."""

    frames: Frames = port("what is held back")

    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return 5, 0

    def compute(self, block, frames):
        return frames[: block.count]
'''


@pytest.fixture
def planned(tmp_path: Path, store: Any) -> Any:
    """Plan the film of some nodes, the last of which the sink shows."""

    def make(nodes: dict[str, Any], end: str = "out", **options: Any) -> Plan:
        import json

        shown = list(nodes)[-1]
        nodes = {**nodes, "out": {"node": "DigestSink", "frames": shown, "path": "frames.txt"}}
        path = tmp_path / "graph.yaml"
        path.write_text(json.dumps({**HEAD, "nodes": nodes}))
        graph, context = Graph.load(path).flat, RunContext(store, print)
        return plan_film(graph, end, analyse(graph, context), context, {}, **options)

    return make


def shown(plan: Plan) -> list[str]:
    """Return each stage as "name: nodes"."""
    return [f"{stage.name}: {' '.join(stage.nodes)}" for stage in plan.stages]


def test_a_film(planned: Any) -> None:
    """places → film → tone → grain → out: latents, decoder, one kernel to the sink's codes."""
    tone = {"tone": {"node": "Tone", "frames": "film", "exposure": 1}, "grain": {"node": "Grain", "frames": "tone"}}
    plan = planned({**DECODED, **tone})
    assert shown(plan) == ["places: places", "film: film", "out: tone grain out"]
    assert [(stage.makes, stage.size, stage.grid) for stage in plan.stages] == [
        ("latents", None, (16, 24)),
        ("frames", None, (16, 24)),
        ("codes", (96, 64), None),
    ]


def test_a_picture_and_nothing_else(planned: Any) -> None:
    """still → out: the source, and the kernel that fits it and makes codes."""
    assert shown(planned(PICTURE)) == ["still: still", "out: out"]


def test_two_pictures_in_one(planned: Any) -> None:
    """film ┐
    still ┴ mix → out: two sources, one kernel that reads both."""
    plan = planned({**DECODED, **PICTURE, "mix": {"node": "Mix", "a": "film", "b": "still"}})
    assert shown(plan) == ["places: places", "film: film", "still: still", "out: mix out"]
    assert plan.stages[-1].reads == {"0": Read("film"), "1": Read("still")}


def test_neutral_nodes_are_folded(planned: Any) -> None:
    """film → tone (neutral) → vignette (neutral) → grain → out: as film → grain → out."""
    nodes = {
        **DECODED,
        "tone": {"node": "Tone", "frames": "film", "pivot": 0.2},
        "vignette": {"node": "Vignette", "frames": "tone", "amount": 0, "radius": 0.1},
        "grain": {"node": "Grain", "frames": "vignette"},
    }
    plan = planned(nodes)
    assert shown(plan) == ["places: places", "film: film", "out: grain out"]
    assert plan.folded == {"tone": "film", "vignette": "film"}
    assert shown(planned(nodes, folding=False))[-1] == "out: tone vignette grain out"


def test_what_a_signal_drives_is_not_folded(planned: Any) -> None:
    """still → tone (exposure driven, at 0 all the time) → out."""
    nodes = {**LATENTS, **PICTURE, "tone": {"node": "Tone", "frames": "still", "exposure": "= 0 * way"}}
    assert shown(planned(nodes)) == ["still: still", "out: tone out"]


def test_latents_are_folded_too(planned: Any) -> None:
    """places → drift (amount 0) → smooth (half-life 0) → film → out: as places → film → out."""
    nodes = {
        **LATENTS,
        "drift": {"node": "Wander", "latents": "places", "amount": 0, "model": "nowhere"},
        "smooth": {"node": "LatentEMA", "latents": "drift", "half_life": 0},
        "film": {"node": "VAEDecode", "latents": "smooth", "model": "nowhere"},
    }
    assert shown(planned(nodes)) == ["places: places", "film: film", "out: out"]


def test_equal_work_is_done_once(planned: Any) -> None:
    """film → a (tone) ┐
    film → b (tone) ┴ mix → out, both tones the same: one of them is computed."""
    nodes = {
        **DECODED,
        "a": {"node": "Tone", "frames": "film", "exposure": 1},
        "b": {"node": "Tone", "frames": "film", "exposure": 1.0},
        "c": {"node": "Tone", "frames": "film", "exposure": 1.5},
        "one": {"node": "Mix", "a": "a", "b": "b"},
        "mix": {"node": "Mix", "a": "one", "b": "c"},
    }
    plan = planned(nodes)
    assert plan.folded == {"b": "a"} and shown(plan)[-1] == "out: a one c mix out"


def test_two_decoders_of_the_same_latents(planned: Any) -> None:
    """places → film, places → again, with the same settings: decoded once."""
    nodes = {**DECODED, "again": {"node": "VAEDecode", "latents": "places", "model": "nowhere"}}
    nodes |= {"grain": {"node": "Grain", "frames": "again"}, "mix": {"node": "Mix", "a": "film", "b": "grain"}}
    plan = planned(nodes)
    assert shown(plan) == ["places: places", "film: film", "out: grain mix out"] and plan.folded == {"again": "film"}


def test_kept_frames_end_a_kernel(planned: Any) -> None:
    """film → tone (cache: frames) → grain → out: the kernel is cut behind tone."""
    tone = {"node": "Tone", "frames": "film", "exposure": 1, "cache": "frames"}
    plan = planned({**DECODED, "tone": tone, "grain": {"node": "Grain", "frames": "tone"}})
    assert shown(plan) == ["places: places", "film: film", "tone: tone", "out: grain out"]
    assert [stage.name for stage in plan.stages if stage.keep] == ["tone"]


def test_long_runs_are_cut(planned: Any) -> None:
    """still → ten tones → out: two kernels."""
    nodes: dict[str, Any] = dict(PICTURE)
    for i in range(10):
        nodes[f"n{i}"] = {"node": "Tone", "frames": list(nodes)[-1], "exposure": 0.1 + i / 10}
    assert [len(stage.kernel.steps) for stage in planned(nodes).stages if stage.kernel] == [7, 3]
    alone = planned(nodes, fusing=False)
    assert [len(stage.kernel.steps) for stage in alone.stages if stage.kernel] == [1] * 10


def test_windows_add_up(packages: Any, planned: Any) -> None:
    """film → first (5 frames back) → second (5 frames back) ┐
    film → tone ───────────────────────────────────────── mix → out: film is needed 10 frames back, tone none."""
    packages.install(BACK)
    nodes = {
        **DECODED,
        "first": {"node": "Back", "frames": "film"},
        "second": {"node": "Back", "frames": "first"},
        "tone": {"node": "Tone", "frames": "film", "exposure": 1},
        "mix": {"node": "Mix", "a": "second", "b": "tone"},
    }
    plan = planned(nodes)
    assert {stage.name: (stage.before, stage.after) for stage in plan.stages} == {
        "places": (10, 0),
        "film": (10, 0),
        "film at 96x64": (10, 0),
        "first": (5, 0),
        "second": (0, 0),
        "out": (0, 0),
    }
    assert next(stage for stage in plan.stages if stage.name == "first").reads["frames"].before == 5


def test_a_node_may_take_another_size(packages: Any, planned: Any) -> None:
    """film → tone ┬ shrink ┐
    └────── mix → out: tone is computed at 192x128 for shrink, and at 96x64 for mix."""
    packages.install(SHRINK)
    nodes = {
        **DECODED,
        "tone": {"node": "Tone", "frames": "film", "exposure": 1},
        "shrink": {"node": "Shrink", "frames": "tone"},
        "mix": {"node": "Mix", "a": "shrink", "b": "tone"},
    }
    plan = planned(nodes)
    assert shown(plan) == [
        "places: places",
        "film: film",
        "tone at 192x128: tone",
        "shrink: shrink",
        "out: tone mix out",
    ]
    assert {stage.name: stage.size for stage in plan.stages}["tone at 192x128"] == (192, 128)


def test_a_source_is_fitted_for_a_streamed_node(packages: Any, planned: Any) -> None:
    """film → shrink → out: the decoder's frames are brought to the size that shrink takes."""
    packages.install(SHRINK)
    plan = planned({**DECODED, "shrink": {"node": "Shrink", "frames": "film"}})
    assert shown(plan) == ["places: places", "film: film", "film at 192x128: film", "shrink: shrink", "out: out"]


def wiring(plan: Plan) -> list[str]:
    """Return each stage as "name < what it reads"."""
    return [f"{stage.name} < {' '.join(read.stage for read in stage.reads.values())}" for stage in plan.stages]


def test_a_filter_behind_a_chain(packages: Any, planned: Any) -> None:
    """film → tone → glow → grain → out: tone's frames are made whole for the hidden stage "glow soft"; the pixel part
    of glow is computed with grain."""
    packages.install(GLOW)
    nodes = {
        **DECODED,
        "tone": {"node": "Tone", "frames": "film", "exposure": 1},
        "glow": {"node": "Around", "frames": "tone"},
        "grain": {"node": "Grain", "frames": "glow"},
    }
    plan = planned(nodes)
    assert wiring(plan) == ["places < ", "film < places", "tone < film", "glow soft < tone", "out < tone glow soft"]
    soft, out = plan.stages[-2:]
    assert (soft.part, soft.nodes, soft.owner, soft.size) == ("soft", ("glow",), "glow", (96, 64))
    assert not soft.is_computed and [stage.name for stage in plan.nodes if stage.part] == []
    assert out.nodes == ("glow", "grain", "out")
    assert out.kernel.inputs == ("tone", "glow soft")
    assert out.kernel.wiring == ((("input", 0), ("input", 1)), (("step", 0),))
    assert [stage.name for stage in towards(plan, "glow").stages][-2:] == ["glow soft", "glow"]


def test_a_filter_behind_a_decoder(packages: Any, planned: Any) -> None:
    """film → glow → out: the decoder's frames are brought to the film's size once, for both that read them."""
    packages.install(GLOW)
    plan = planned({**DECODED, "glow": {"node": "Around", "frames": "film"}})
    assert wiring(plan)[2:] == ["film at 96x64 < film", "glow soft < film at 96x64", "out < film at 96x64 glow soft"]
    assert plan.stages[-1].kernel.inputs == ("film at 96x64", "glow soft")


def test_filters_in_a_row(packages: Any, planned: Any) -> None:
    """film → first ┬ second ┐
    still ──────── mix ─────┴ both → out: each filter's picture is made whole, first's for two readers."""
    packages.install(GLOW)
    nodes = {
        **DECODED,
        **PICTURE,
        "first": {"node": "Around", "frames": "film"},
        "second": {"node": "Around", "frames": "first", "radius": 0.1},
        "mix": {"node": "Mix", "a": "first", "b": "still"},
        "third": {"node": "Around", "frames": "mix"},
        "both": {"node": "Mix", "a": "second", "b": "third"},
    }
    assert wiring(planned(nodes))[1:] == [
        "film < places",
        "film at 96x64 < film",
        "first soft < film at 96x64",
        "first < film at 96x64 first soft",
        "second soft < first",
        "second < first second soft",  # a kernel of both would read four pictures
        "still < ",
        "mix < first still",
        "third soft < mix",
        "out < second mix third soft",
    ]


def test_a_filter_at_two_sizes(packages: Any, planned: Any) -> None:
    """film → glow ┬ shrink ┐
    └────── mix → out: glow is made at 192x128 for shrink, and at 96x64 for mix, each with a hidden stage."""
    packages.install(GLOW + SHRINK)
    nodes = {
        **DECODED,
        "glow": {"node": "Around", "frames": "film"},
        "shrink": {"node": "Shrink", "frames": "glow"},
        "mix": {"node": "Mix", "a": "shrink", "b": "glow"},
    }
    plan = planned(nodes)
    sizes = {stage.name: stage.size for stage in plan.stages if stage.part}
    assert sizes == {"glow at 192x128 soft": (192, 128), "glow at 96x64 soft": (96, 64)}
    assert wiring(plan)[-1] == "out < shrink film at 96x64 glow at 96x64 soft"


def test_a_neutral_filter_is_folded(packages: Any, planned: Any) -> None:
    """film → glow (neutral) → out: as film → out, without a hidden stage."""
    packages.install(GLOW.replace("    def spread", '    neutral = {"radius": 0}\n\n    def spread'))
    plan = planned({**DECODED, "glow": {"node": "Around", "frames": "film", "radius": 0}})
    assert shown(plan) == ["places: places", "film: film", "out: out"]


CAMERA, SHIFT = {"node": "Camera", "turn": 10}, {"node": "ChromaShift"}


def samples(plan: Plan) -> list[str]:
    """Return each kernel with what it reads through lenses, the first in the film first."""
    found = []
    for stage in plan.stages:
        if stage.kernel:
            lensings = stage.kernel.lensings or [None] * len(stage.kernel.inputs)
            seen = [
                " ".join([name, *(reversed(lensing.lenses) if lensing else ())])
                for name, lensing in zip(stage.kernel.inputs, lensings)
            ]
            found.append(f"{stage.name} < {', '.join(seen)}")
    return found


def test_a_run_of_lenses_is_one_sample(planned: Any) -> None:
    """film → move → shift → turn → tone → grain → out: one kernel of all, on frames of the film's size."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": 0.1},
        "shift": {**SHIFT, "frames": "move"},
        "turn": {**CAMERA, "frames": "shift"},
        "tone": {"node": "Tone", "frames": "turn", "exposure": 1},
        "grain": {"node": "Grain", "frames": "tone"},
    }
    plan = planned(nodes)
    assert shown(plan) == [
        "places: places",
        "film: film",
        "film at 96x64: film",
        "out: move shift turn tone grain out",
    ]
    assert samples(plan) == ["film at 96x64 < film", "out < film at 96x64 move shift turn"]
    assert samples(planned(nodes, fusing=False)) == [
        "film at 96x64 < film",
        "turn < film at 96x64 move shift turn",  # what is written decides: a run is one sample however it is fused
        "tone < turn",
        "out < tone",
    ]


def test_a_neutral_lens_in_a_run_is_left_out(planned: Any) -> None:
    """film → move → rest (neutral) → turn → out: as film → move → turn → out."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": 0.1},
        "rest": {"node": "Camera", "frames": "move", "edge": "wrap"},
        "turn": {**CAMERA, "frames": "rest"},
    }
    plan = planned(nodes)
    assert samples(plan)[-1] == "out < film at 96x64 move turn" and plan.folded == {"rest": "move"}
    nodes["rest"]["edge"] = "black"  # cuts what turn shows
    assert samples(planned(nodes))[-1] == "out < film at 96x64 move rest turn"


def test_a_neutral_lens_whose_edge_is_felt_stays(planned: Any) -> None:
    """film → rest (neutral) → turn → out: the edge of rest lies around film, unless it is that of turn."""
    nodes = {
        **DECODED,
        "rest": {"node": "Camera", "frames": "film", "edge": "wrap"},
        "turn": {**CAMERA, "frames": "rest"},
    }
    assert samples(planned(nodes))[-1] == "out < film at 96x64 rest turn"
    nodes["turn"]["edge"] = "wrap"
    assert samples(planned(nodes))[-1] == "out < film at 96x64 turn"


def test_neutral_pixels_between_lenses_end_a_run(planned: Any) -> None:
    """film → move → tone (neutral) → turn → out: tone is left out, and turn still samples what move shows."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": 0.1},
        "tone": {"node": "Tone", "frames": "move"},
        "turn": {**CAMERA, "frames": "tone"},
    }
    plan = planned(nodes)
    assert plan.folded == {"tone": "move"}
    assert samples(plan)[1:] == ["move < film at 96x64 move", "out < move turn"]


def test_a_lens_that_several_kernels_read_is_sampled_once(planned: Any) -> None:
    """film → move ┬ tone ┐
    └─────── mix → out: in the only kernel there is; a stage of its own, where tone ends another."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": 0.1},
        "tone": {"node": "Tone", "frames": "move", "exposure": 1},
        "mix": {"node": "Mix", "a": "tone", "b": "move"},
    }
    assert shown(planned(nodes))[2:] == ["film at 96x64: film", "out: move tone mix out"]
    nodes["tone"]["cache"] = "frames"
    assert shown(planned(nodes))[2:] == ["film at 96x64: film", "move: move", "tone: tone", "out: mix out"]


def test_a_lens_in_the_middle_that_is_read_too(planned: Any) -> None:
    """film → move ┬ turn ┐
    └─────── mix → out: turn composes move, and mix reads move through a sample of its own."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": 0.1},
        "turn": {**CAMERA, "frames": "move"},
        "mix": {"node": "Mix", "a": "turn", "b": "move"},
    }
    assert samples(planned(nodes))[-1] == "out < film at 96x64 move turn, film at 96x64 move"
    nodes["move"]["cache"] = "frames"
    assert samples(planned(nodes))[1:] == ["move < film at 96x64 move", "out < film at 96x64 move turn, move"]


def test_a_lens_that_looks_at_another_picture(planned: Any) -> None:
    """still ─────────┐
    film → displaced ┴ → out: both are brought to the film's size first, and the map reads still where each pixel is."""
    displaced = {"node": "Displace", "frames": "film", "by": "still"}
    plan = planned({**DECODED, **PICTURE, "displaced": displaced})
    assert plan.stages[-1].kernel.inputs == ("still at 96x64", "film at 96x64")
    assert plan.stages[-1].kernel.lensings == (None, Lensing(("displaced",), ((0,),)))


def test_an_open_shutter_needs_the_frames_around_for_all_lenses_of_its_run(planned: Any) -> None:
    """film → move (0) → turn (180) → tone → last (0) → out; what is looked at by itself knows no shutter behind it."""
    nodes = {
        **DECODED,
        "move": {"node": "Camera", "frames": "film", "pan_x": "= 0.1 * time"},
        "turn": {**CAMERA, "frames": "move", "zoom": "= 1 + time", "shutter": 180},
        "tone": {"node": "Tone", "frames": "turn", "exposure": 1},
        "last": {**CAMERA, "frames": "tone", "zoom": "= 1 + time"},
    }
    plan = planned(nodes)
    around = {signal.name.partition(".")[2]: [] for signal in plan.keys.signals}
    for signal in plan.keys.signals:
        around[signal.name.partition(".")[2]].append(signal.around)
    assert around["pan_x"] == [1] and around["zoom"] == [1, 0]
    alone = towards(plan, "move").keys.signals
    assert [signal.around for signal in alone if signal.name.endswith("pan_x")] == [0]


def test_a_long_node_that_is_only_read_lengthens_no_kernel(planned: Any) -> None:
    """The noise of NoiseMatte alone fills a kernel; the nodes that read what it made are still computed together."""
    plan = planned(
        {
            **DECODED,
            "noise": {"node": "NoiseMatte", "scale": 0.05},
            "light": {"node": "Tone", "frames": "film", "exposure": 1},
            "mixed": {"node": "Mix", "a": "film", "b": "light", "matte": "noise"},
            "tone": {"node": "Tone", "frames": "mixed", "exposure": -1},
            "dark": {"node": "Vignette", "frames": "tone"},
        }
    )
    assert shown(plan)[-2:] == ["noise:field: noise:field", "out: light noise mixed tone dark out"]


def test_smooth_noise_is_made_in_a_smaller_size(planned: Any) -> None:
    def sizes(scale: Any) -> dict[str, Any]:
        clouds = {"node": "NoiseMatte", "scale": scale}
        mixed = {"node": "Mix", "a": "film", "b": "film", "matte": "clouds"}
        return {stage.name: stage.size for stage in planned({**DECODED, "clouds": clouds, "mixed": mixed}).stages}

    assert sizes(0.001)["clouds:field"] == (96, 64)
    small = sizes(8.0)["clouds:field"]
    assert small == (math.ceil(96 * 8 / 64), 8)  # eight for each of the smallest cells, which are as high as the frame
    assert sizes("= 8 + 0 * time")["clouds:field"] == small  # what it is counts, and not how it is written
    assert sizes("= 8 - time")["clouds:field"] > small


def test_a_lens_that_one_kernel_reads_twice_is_sampled_in_it(planned: Any) -> None:
    """film → move → luma ┐
    film, move ──────────┴ over → out."""
    nodes = {
        **DECODED,
        "move": {**CAMERA, "frames": "film"},
        "bright": {"node": "LumaMatte", "frames": "move"},
        "over": {"node": "Over", "back": "film", "front": "move", "matte": "bright"},
    }
    assert "move" not in [stage.name for stage in planned(nodes).stages]


def test_towards_a_node(packages: Any, planned: Any) -> None:
    """What a node in the middle gives is planned as the film's part that ends there."""
    packages.install(BACK)
    film = planned(
        {**DECODED, "back": {"node": "Back", "frames": "film"}, "grain": {"node": "Grain", "frames": "back"}}
    )
    assert shown(towards(film, "back")) == ["places: places", "film: film", "film at 96x64: film", "back: back"]
    assert shown(towards(film, "film")) == ["places: places", "film: film", "film at 96x64: film"]
    assert shown(towards(film, "places")) == ["places: places"] and towards(film, "places").stages[0].grid == (16, 24)
    assert [stage.before for stage in towards(film, "film").stages] == [0, 0, 0]
    assert towards(film, "out") is film
    with pytest.raises(KeyError):
        towards(film, "nowhere")


def test_each_pass_alone(planned: Any) -> None:
    """places → film → tone (neutral) → grain → out, pass by pass."""
    nodes = {**DECODED, "tone": {"node": "Tone", "frames": "film"}, "grain": {"node": "Grain", "frames": "tone"}}
    made = planned(nodes)
    bare = Plan(made.graph, "out", made.values, made.scene, {}, 60)
    flat = flatten(bare)
    assert [stage.name for stage in flat.nodes] == ["places", "film", "tone", "grain", "out"] and not flat.stages
    folded = fold(flat)
    assert [stage.name for stage in folded.nodes] == ["places", "film", "grain", "out"]
    assert folded.nodes[2].reads == {"frames": Read("film")}
    shaped = shape(reach(folded))
    assert [stage.size for stage in shaped.nodes] == [None, None, (96, 64), (96, 64)]
    assert fuse(shaped).stages == made.stages


def test_one_set_of_latents_feeds_decoders_of_one_grid(planned: Any) -> None:
    """places → film (grid 4x6), places → other (grid 8x8): refused, with the way out."""
    nodes = {**DECODED, "other": {"node": "VAEDecode", "latents": "places", "model": "nowhere", "grid": [8, 8]}}
    nodes["film"] = {**nodes["film"], "grid": [4, 6]}
    with pytest.raises(GraphError, match="places feeds decoders of two grids, .*; give each its own"):
        planned({**nodes, "mix": {"node": "Mix", "a": "film", "b": "other"}})


def test_needed_and_widen_leave_out_and_add_up(planned: Any) -> None:
    plan = planned({**DECODED, "grain": {"node": "Grain", "frames": "film"}})
    assert [stage.name for stage in stages_up_to(plan.nodes, "film")] == ["places", "film"]
    assert widen(plan.nodes) == plan.nodes


def test_a_size_that_is_none_is_refused(packages: Any, planned: Any) -> None:
    packages.install(SHRINK.replace("2 * size[0], 2 * size[1]", "0, size[1]"))
    with pytest.raises(Exception, match=r"shrink \(Shrink\): input_size gave \(0, 64\); width and height within"):
        planned({**DECODED, "shrink": {"node": "Shrink", "frames": "film"}})


def test_scene_of_a_plan(planned: Any) -> None:
    plan = planned(PICTURE)
    assert isinstance(plan.scene, Scene) and isinstance(plan.values, Values) and plan.order == ["still"]


def test_a_twin_of_a_node_that_is_kept_is_not_computed(planned: Any) -> None:
    """film → a (tone, cache: frames) ┐
    film → b (tone) ────────────────── mix → out: a is kept and stands for b."""
    tone = {"node": "Tone", "frames": "film", "exposure": 1}
    nodes = {**DECODED, "a": {**tone, "cache": "frames"}, "b": tone, "mix": {"node": "Mix", "a": "a", "b": "b"}}
    plan = planned(nodes)
    assert plan.folded == {"b": "a"} and shown(plan)[-2:] == ["a: a", "out: mix out"]


def test_trails_in_half_size(planned: Any) -> None:
    """film → tone ┬ trails light → trails past ┐
    └──────────────────────── trails → out: the light of past frames is small, and tone holds none."""
    nodes = {**DECODED, "tone": {"node": "Tone", "frames": "film", "exposure": 1}}
    nodes["trails"] = {"node": "Trails", "frames": "tone", "length": 0.2, "copies": 3}
    plan = planned(nodes)
    assert shown(plan) == [
        "places: places", "film: film", "tone: tone", "trails light: trails", "trails past: trails",
        "out: trails out",
    ]  # fmt: skip
    stages = {stage.name: stage for stage in plan.stages}
    assert [stages[name].size for name in ("trails light", "trails past")] == [(50, 34), (48, 32)]
    assert [stages[name].part for name in ("trails light", "trails past", "out")] == ["light", "past", ""]
    assert stages["trails past"].ages == (0, 2, 4, 6) and stages["trails past"].reads["0"].before == 6
    assert stages["out"].reads == {"0": Read("tone"), "1": Read("trails past")}
    assert held_frames(plan.stages) == {"trails light": 6}
    assert [stage.before for stage in plan.nodes] == [6, 6, 6, 0, 0]  # what keys speak of


def test_trails_of_whole_frames(planned: Any) -> None:
    """film → film at 96x64 ┬ trails past ┐
    └─────────── trails → out: past frames are read where they lie, and the decoder holds none."""
    plan = planned({**DECODED, "trails": {"node": "Trails", "frames": "film", "length": 0.2, "size": "full"}})
    assert shown(plan) == [
        "places: places", "film: film", "film at 96x64: film", "trails past: trails", "out: trails out",
    ]  # fmt: skip
    assert held_frames(plan.stages) == {"film at 96x64": 6}


def test_moving_trails_of_whole_frames(planned: Any) -> None:
    """As above, with a map: past frames are read from pictures of their light, which are made once."""
    nodes = {**DECODED, "trails": {"node": "Trails", "frames": "film", "length": 0.2, "size": "full", "turn": 9}}
    plan = planned(nodes)
    assert shown(plan)[2:] == [
        "film at 96x64: film", "trails light: trails", "trails past: trails", "out: trails out",
    ]  # fmt: skip
    assert held_frames(plan.stages) == {"trails light": 6}


def test_trails_that_are_not_seen_are_folded(planned: Any) -> None:
    """film → trails (amount 0) → out: as film → out."""
    assert shown(planned({**DECODED, "trails": {"node": "Trails", "frames": "film", "amount": 0}})) == [
        "places: places", "film: film", "out: out",
    ]  # fmt: skip


def test_a_matte_of_its_own_place_joins_the_kernel(planned: Any) -> None:
    """film ───┐
    still ──┤
    disc ───┴ over → out: the disc is a step of the one kernel, with no input."""
    nodes = {**DECODED, **PICTURE, "disc": {"node": "RadialMatte"}}
    nodes["over"] = {"node": "Over", "back": "film", "front": "still", "matte": "disc"}
    plan = planned(nodes)
    assert shown(plan)[-1] == "out: disc over out"
    assert plan.stages[-1].kernel.wiring == ((), (("input", 0), ("input", 1), ("step", 0)))
    assert plan.nodes[-3].makes == "matte" and plan.nodes[-3].size == (96, 64)


def test_a_matte_that_is_left_out_is_full(planned: Any) -> None:
    """film, still → mix (no matte) → out: the wiring says that it covers everything."""
    plan = planned({**DECODED, **PICTURE, "mix": {"node": "Mix", "a": "film", "b": "still"}})
    assert plan.stages[-1].kernel.wiring == ((("input", 0), ("input", 1), FULL),)


def test_a_stage_for_each_output_that_is_read(planned: Any) -> None:
    """still (frames) ┐
    still (matte) ──── over → out; where its matte is not read, it has no stage."""
    over = {"node": "Over", "back": "film", "front": "still", "matte": "still"}
    plan = planned({**DECODED, **PICTURE, "over": over})
    assert [stage.name for stage in plan.stages] == ["places", "film", "still", "still.matte", "out"]
    assert [(stage.makes, stage.output) for stage in plan.stages[2:4]] == [("frames", ""), ("matte", "matte")]
    assert plan.stages[-1].kernel.inputs == ("film", "still", "still.matte")
    assert plan.order == ["places", "film", "still", "over"]
    assert towards(plan, "still.matte").stages[-1].name == "still.matte at 96x64"
    assert [stage.name for stage in planned(PICTURE).stages] == ["still", "out"]


def test_equal_sources_share_each_output(planned: Any) -> None:
    """still and again are one picture: again's frames and matte are still's."""
    nodes = {**DECODED, **PICTURE, "again": {"node": "ImageSource", "path": "nowhere.png"}}
    nodes["one"] = {"node": "Over", "back": "film", "front": "still", "matte": "still"}
    nodes["two"] = {"node": "Over", "back": "one", "front": "again", "matte": "again", "amount": 0.5}
    plan = planned(nodes)
    assert plan.folded == {"again": "still", "again.matte": "still.matte"}
    assert plan.streamed_nodes == ["places", "film", "still", "one", "two", "again"]


def test_a_neutral_matte_is_folded(planned: Any) -> None:
    """disc → same (amount 0) → over: as disc → over."""
    nodes = {**DECODED, **PICTURE, "disc": {"node": "RadialMatte"}}
    nodes["same"] = {"node": "InvertMatte", "matte": "disc", "amount": 0}
    nodes["over"] = {"node": "Over", "back": "film", "front": "still", "matte": "same"}
    assert planned(nodes).folded == {"same": "disc"}
