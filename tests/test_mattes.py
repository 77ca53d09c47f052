"""Mattes: their formulas, the transparency of pictures, resampling, and nodes that give several outputs."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph import shader
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.nodes import DigestSink, ImageSource, Mix, Over
from n2s.nodes.mattes import NoiseField
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.media.pictures import read_layers
from n2s.runtime.media.resample import taps_for
from n2s.runtime.render.kernels.seeds import node_seed
from n2s.runtime.session import Session

WIDTH, HEIGHT = SIZE = 96, 64
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
ACROSS, DOWN = (X - WIDTH / 2) / HEIGHT, Y / HEIGHT - 0.5  # from the centre, in heights


def write_png(path: Path, codes: np.ndarray, kind: int, more: bytes = b"") -> Path:
    """Write codes (H, W, C) as PNG; ``kind`` 2 is colours, 6 colours with transparency, 3 a palette, in ``more``."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + row.astype(codes.dtype.newbyteorder(">")).tobytes() for row in codes)
    header = struct.pack(">IIBBBBB", codes.shape[1], codes.shape[0], 8 * codes.dtype.itemsize, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


def palette(*colours: tuple[int, int, int, int]) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return chunk(b"PLTE", bytes(c for colour in colours for c in colour[:3])) + chunk(
        b"tRNS", bytes(colour[3] for colour in colours)
    )


def graph(folder: Path, nodes: dict[str, Any], shown: str = "", **head: Any) -> Graph:
    """A graph of half a second whose sink shows a node of frames; the last one where it is not said."""
    nodes = {**nodes, "out": {"node": "DigestSink", "frames": shown or list(nodes)[-1], "path": "f.txt"}}
    return harness.load({"n2s": 1, "size": SIZE, "fps": 30, "duration": 0.5, "nodes": nodes} | head, folder)


def matte_of(folder: Path, store: Any, frame: int = 0, **nodes: Any) -> np.ndarray:
    """Return a frame of the last node, which gives mattes, (H, W)."""
    last = list(nodes)[-1]
    over = {"node": "Over", "back": "picture", "front": "picture", "matte": last}
    made = graph(folder, {"picture": {"node": "ImageSource", "path": "picture.png"}, **nodes, "shown": over})
    return harness.frames(made, store, last, [(frame, frame + 1)])[0, 0]


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def test_radial_against_its_formula(studio: Any, store: Any) -> None:
    disc = {"node": "RadialMatte", "x": 0.2, "y": -0.1, "radius": 0.3, "softness": 0.2}
    wanted = 1 - smoothstep(0.2, 0.4, np.hypot(ACROSS - 0.2, DOWN + 0.1))
    made = matte_of(studio.folder, store, disc=disc)
    np.testing.assert_allclose(made, wanted, atol=2e-4)  # parameters are multiples of 2**-16
    assert 0.1 < wanted.mean() < 0.8


def test_a_disc_with_a_sharp_edge_has_its_area(studio: Any, store: Any) -> None:
    made = matte_of(studio.folder, store, disc={"node": "RadialMatte", "radius": 0.4, "softness": 0})
    assert set(np.unique(made)) == {0, 1}
    assert abs(made.sum() / HEIGHT**2 - np.pi * 0.4**2) < 0.01


@pytest.mark.parametrize("angle", [0, 90, 200, -30])
def test_linear_against_its_formula(angle: float, studio: Any, store: Any) -> None:
    across, down = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    reach = (abs(across) * WIDTH / HEIGHT + abs(down)) / 2 + 0.15
    place = ACROSS * across + DOWN * down - (2 * 0.4 - 1) * reach
    wipe = {"node": "LinearMatte", "position": 0.4, "angle": angle, "softness": 0.3}
    np.testing.assert_allclose(matte_of(studio.folder, store, w=wipe), 1 - smoothstep(-0.15, 0.15, place), atol=2e-4)


@pytest.mark.parametrize("softness", [0, 1, 4])
@pytest.mark.parametrize("angle", [0, 45, 217])
def test_a_wipe_begins_and_ends(angle: float, softness: float, studio: Any, store: Any) -> None:
    wipe = {"node": "LinearMatte", "angle": angle, "softness": softness}
    assert (matte_of(studio.folder, store, w=wipe | {"position": 0}) == 0).all()
    assert (matte_of(studio.folder, store, w=wipe | {"position": 1}) == 1).all()


def test_luma_against_its_formula(studio: Any, store: Any) -> None:
    nodes = {"luma": {"node": "LumaMatte", "frames": "picture", "low": 0.7, "high": 0.2}}
    seen = harness.frames(
        graph(studio.folder, {"picture": {"node": "ImageSource", "path": "picture.png"}}), store, "picture", [(0, 1)]
    )[0].astype(np.float64)
    wanted = smoothstep(0.7, 0.2, np.tensordot([0.2126, 0.7152, 0.0722], seen, 1))
    np.testing.assert_allclose(matte_of(studio.folder, store, **nodes), wanted, atol=2e-5)


@pytest.mark.parametrize(
    ("how", "formula"),
    [
        ("both", lambda a, b: a * b),
        ("either", lambda a, b: a + b - a * b),
        ("without", lambda a, b: a * (1 - b)),
        ("one", lambda a, b: a + b - 2 * a * b),
    ],
)
def test_combined_and_inverted_against_their_formulas(how: str, formula: Any, studio: Any, store: Any) -> None:
    a = {"node": "RadialMatte", "x": -0.2, "softness": 0.4}
    b = {"node": "LinearMatte", "softness": 0.8}
    one, other = (matte_of(studio.folder, store, m=m).astype(np.float64) for m in (a, b))
    joined = {"node": "CombineMattes", "a": "a", "b": "b", "how": how}
    made = matte_of(studio.folder, store, a=a, b=b, joined=joined)
    np.testing.assert_allclose(made, formula(one, other), atol=1e-6)
    inverted = matte_of(studio.folder, store, a=a, i={"node": "InvertMatte", "matte": "a", "amount": 0.75})
    np.testing.assert_allclose(inverted, one + (1 - 2 * one) * 0.75, atol=1e-6)


@np.errstate(over="ignore")
def test_noise_is_smooth_and_nothing_in_the_corners_of_its_lattice() -> None:
    f32 = np.float32
    rng = np.random.default_rng(5)
    for _ in range(20):
        corner = rng.integers(-50, 50, 3).astype(f32)
        assert shader.noise(*corner, np.uint32(3)) == 0
        x, y, z = corner + f32(0.37)
        for step in (f32(-1e-3), f32(1e-3)):  # over a face of the lattice
            near = shader.noise(corner[0] + step, y, z, np.uint32(3))
            assert abs(near - shader.noise(corner[0], y, z, np.uint32(3))) < 5e-3
    values = np.array([shader.noise(*(rng.random(3) * 40 - 20).astype(f32), np.uint32(3)) for _ in range(2000)])
    assert abs(values).max() < 1 and 0.15 < values.std() < 0.4 and abs(values.mean()) < 0.03


def test_clouds_are_alike_at_any_size_and_frame_rate(studio: Any, store: Any) -> None:
    clouds = {"node": "NoiseMatte", "phase": "= 0.5 * time", "scale": 0.7}
    nodes = {"picture": {"node": "ImageSource", "path": "picture.png"}, "clouds": clouds}
    nodes["shown"] = {"node": "Over", "back": "picture", "front": "picture", "matte": "clouds"}

    def seen(frame: int, **head: Any) -> np.ndarray:
        return harness.frames(graph(studio.folder, nodes, **head), store, "clouds", [(frame, frame + 1)])[0, 0]

    slow, fast, large = seen(10), seen(20, fps=60), seen(10, size=[288, 192])
    assert slow.std() > 0.1 and abs(slow - seen(0)).max() > 0.2
    np.testing.assert_array_equal(slow, fast)
    inner = (slice(4, -4), slice(4, -4))  # at the edge of the frame the noise of its last places goes on
    np.testing.assert_allclose(slow[inner], large[1::3, 1::3][inner], atol=2e-3)
    np.testing.assert_allclose(slow, large[1::3, 1::3], atol=0.05)


def test_clouds_are_noise_at_some_places_enlarged(studio: Any, store: Any) -> None:
    width, height, scale, phase = 144, 96, 1.25, 0.75
    clouds = {"node": "NoiseMatte", "scale": scale, "phase": phase, "threshold": 0.5, "softness": 0.5, "seed": 4}
    nodes = {"picture": {"node": "ImageSource", "path": "picture.png"}, "clouds": clouds}
    nodes["shown"] = {"node": "Over", "back": "picture", "front": "picture", "matte": "clouds"}
    made = graph(studio.folder, nodes, size=[width, height], seed=3)

    rows, columns = 52, 78  # eight for each of the smallest cells: 8 * 8 / 1.25
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    at = SimpleNamespace(
        u=x.astype(np.float32), v=y.astype(np.float32), width=np.float32(columns), height=np.float32(rows),
        seed=np.uint32(node_seed(3, NoiseField(seed=4))),
    )  # fmt: skip
    with np.errstate(over="ignore"):
        field = NoiseField.pixel(at, np.float32(1 / scale), np.float32(phase))
    by_rows, by_columns = taps_for((rows, columns), (width, height))
    wide = sum(by_columns.weights[:, t] * field[:, by_columns.first + t] for t in range(4))
    whole = sum(by_rows.weights[:, t, None] * wide[by_rows.first + t] for t in range(4))
    wanted = smoothstep(0.25, 0.75, 2 * np.clip(whole, 0, 1) - 0.5)
    assert wanted.std() > 0.1
    np.testing.assert_allclose(harness.frames(made, store, "clouds", [(0, 1)])[0, 0], wanted, atol=2e-5)


def test_without_a_matte_mix_shows_everything(studio: Any, store: Any) -> None:
    """A port that is left out is 1 everywhere, to the bit."""
    nodes = harness.surroundings(studio.model)
    full = {"node": "RadialMatte", "radius": 4, "softness": 0}
    mix = {"node": "Mix", "a": "decoded", "b": "picture", "amount": 0.3}
    made = [
        harness.frames(graph(studio.folder, nodes | {"full": full, "mix": entry}), store, "mix", [(0, 5)])
        for entry in (mix, mix | {"matte": "full"})
    ]
    np.testing.assert_array_equal(*made)


def test_over_against_its_formula(studio: Any, store: Any) -> None:
    nodes = harness.surroundings(studio.model)
    nodes["disc"] = {"node": "RadialMatte", "softness": 0.5}
    nodes["over"] = {"node": "Over", "back": "decoded", "front": "picture", "matte": "disc", "amount": 0.8}
    made = graph(studio.folder, nodes)
    back, front, matte, over = (
        harness.frames(made, store, name, [(3, 4)])[0].astype(np.float64)
        for name in ("decoded", "picture", "disc", "over")
    )
    back_light, front_light = back * abs(back), front * abs(front)
    wanted = back_light + (front_light - back_light) * matte * 0.8
    np.testing.assert_allclose(over * abs(over), wanted, atol=2e-5)
    hidden = np.broadcast_to(matte == 0, back.shape)
    assert hidden.any() and (over[hidden] == back[hidden]).all()


@pytest.mark.parametrize("deep", [False, True])
def test_the_transparency_of_a_picture(deep: bool, tmp_path: Path) -> None:
    kind = np.uint16 if deep else np.uint8
    codes = np.random.default_rng(2).integers(0, np.iinfo(kind).max + 1, (20, 30, 4), kind)
    colours, matte = read_layers(write_png(tmp_path / "p.png", codes, 6))
    np.testing.assert_array_equal(matte, codes.transpose(2, 0, 1)[3:] / np.float32(np.iinfo(kind).max))
    np.testing.assert_array_equal(colours, codes.transpose(2, 0, 1)[:3] / np.float32(np.iinfo(kind).max))


def test_the_transparency_of_a_palette_and_of_what_is_opaque(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).integers(0, 3, (20, 30, 1), np.uint8)
    more = palette((255, 0, 0, 0), (0, 255, 0, 100), (0, 0, 255, 255))
    colours, matte = read_layers(write_png(tmp_path / "p.png", codes, 3, more))
    np.testing.assert_array_equal(matte[0], np.array([0, 100, 255], np.float32)[codes[..., 0]] / 255)
    np.testing.assert_array_equal(colours[0], codes[..., 0] == 0)
    colours, matte = read_layers(tiny.write_png(tmp_path / "o.png", np.full((5, 7, 3), 9, np.uint8)))
    assert matte.shape == (1, 5, 7) and (matte == 1).all()


@pytest.fixture
def cut_out(tmp_path: Path) -> Path:
    """A folder with a picture of 70x50 with transparency, and one behind it."""
    codes = np.random.default_rng(4).integers(0, 256, (50, 70, 4), np.uint8)
    codes[:, :, 3] = np.where(np.hypot(*(np.mgrid[0:50, 0:70] - np.array([[[25]], [[35]]]))) < 20, 255, 0)
    write_png(tmp_path / "cut.png", codes, 6)
    tiny.write_png(tmp_path / "picture.png", np.full((50, 70, 3), 128, np.uint8))
    return tmp_path


CUT = {
    "picture": {"node": "ImageSource", "path": "picture.png"},
    "cut": {"node": "ImageSource", "path": "cut.png"},
    "over": {"node": "Over", "back": "picture", "front": "cut", "matte": "cut"},
}


def test_a_matte_is_resampled_in_plain_values_and_held(cut_out: Path, store: Any) -> None:
    made = graph(cut_out, CUT)
    _, matte = read_layers(cut_out / "cut.png")
    rows, columns = taps_for((50, 70), SIZE)

    def along(values: np.ndarray, taps: Any) -> np.ndarray:
        reach = taps.weights.shape[1]
        return np.stack([w @ values[f : f + reach] for f, w in zip(taps.first, taps.weights.astype(np.float64))])

    wanted = along(along(matte[0].astype(np.float64), rows).T, columns).T
    assert wanted.max() > 1.01 and wanted.min() < -0.01
    seen = Session(made, store).frame("cut.matte", 3)
    np.testing.assert_allclose(seen[0], np.clip(wanted, 0, 1), atol=2e-6)


def test_outputs_are_named_only_where_kinds_do_not_tell(cut_out: Path, store: Any) -> None:
    made = graph(cut_out, CUT)
    named = json.loads(json.dumps(CUT))
    named["over"] |= {"front": "cut.frames", "matte": "cut.matte"}
    assert harness.keys(graph(cut_out, named), store) == harness.keys(made, store)
    swapped = {**CUT, "over": CUT["over"] | {"front": "picture", "matte": "cut"}}
    assert set(harness.keys(graph(cut_out, swapped), store)).isdisjoint(harness.keys(made, store))
    cut, behind = ImageSource(path="cut.png")(), ImageSource(path="picture.png")()
    for front, matte in ((cut, cut), (cut.frames, cut.matte)):
        sink = DigestSink(path="f.txt")(Over()(behind, front, matte))
        python = Graph(sink, size=SIZE, fps=30, duration=0.5, base=cut_out)
        assert harness.keys(python, store) == harness.keys(made, store)
    assert harness.keys(
        Graph(DigestSink(path="f.txt")(Mix()(cut, behind, cut)), size=SIZE, base=cut_out, duration=0.5), store
    )


def test_both_outputs_of_a_picture_differ_in_their_keys(cut_out: Path, store: Any) -> None:
    entry = {"node": "LumaMatte", "frames": "cut"}
    nodes = {**CUT, "luma": entry, "over": CUT["over"] | {"matte": "luma"}}
    other = {**CUT, "invert": {"node": "InvertMatte", "matte": "cut"}, "over": CUT["over"] | {"matte": "invert"}}
    assert set(harness.keys(graph(cut_out, nodes, "over"), store)).isdisjoint(
        harness.keys(graph(cut_out, other, "over"), store)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"out": {"node": "DigestSink", "frames": "disc", "path": "f.txt"}}, 'takes Frames, but "disc" gives Matte'),
        ({"over": CUT["over"] | {"matte": "cut.frames"}}, 'takes Matte, but "cut.frames" gives Frames'),
        ({"over": CUT["over"] | {"matte": "over"}}, 'takes Matte, but "over" gives Frames'),
        ({"over": CUT["over"] | {"matte": "cut.alpha"}}, '"cut" has no output "alpha"'),
        ({"t": {"node": "Tone", "frames": "cut", "exposure": "cut"}}, 'takes Signal, but "cut" gives Frames'),
    ],
)
def test_mattes_and_frames_are_told_apart(change: dict[str, Any], said: str, cut_out: Path) -> None:
    nodes = {**CUT, "disc": {"node": "RadialMatte"}, "out": {"node": "DigestSink", "frames": "over", "path": "f.txt"}}
    with pytest.raises(GraphError, match=said):
        harness.load({"n2s": 1, "duration": 1, "nodes": nodes | change}, cut_out).check()


def test_a_sub_graph_takes_and_gives_mattes(cut_out: Path, store: Any) -> None:
    look = {
        "n2s": 1,
        "interface": {
            "inputs": {"frames": {"kind": "Frames", "help": "x"}, "matte": {"kind": "Matte", "help": "x"}},
            "outputs": {"frames": "over", "matte": "invert"},
        },
        "nodes": {
            "cut": {"node": "ImageSource", "path": "cut.png"},
            "over": {"node": "Over", "back": "frames", "front": "cut", "matte": "matte"},
            "invert": {"node": "InvertMatte", "matte": "matte"},
        },
    }
    (cut_out / "look.yaml").write_text(json.dumps(look))
    nodes = {key: CUT[key] for key in ("picture", "cut")}
    nodes["look"] = {"node": "Graph", "path": "look.yaml", "frames": "picture", "matte": "cut"}
    nodes["again"] = {"node": "Over", "back": "look", "front": "cut", "matte": "look"}
    plain = {
        **CUT,
        "invert": {"node": "InvertMatte", "matte": "cut.matte"},
        "again": {"node": "Over", "back": "over", "front": "cut", "matte": "invert"},
    }
    made = [harness.codes(graph(cut_out, values, "again"), store) for values in (nodes, plain)]
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize("name", ["cut.matte", "disc"])
def test_mattes_are_seen_exported_and_drawn(name: str, n2s: Any, cut_out: Path, tmp_path: Path) -> None:
    nodes = {**CUT, "disc": {"node": "RadialMatte"}, "more": {"node": "Mix", "a": "over", "b": "cut", "matte": "disc"}}
    file = graph(cut_out, nodes, "more").path
    assert n2s("preview", file, "--node", name, "--at", "0.2", "-o", tmp_path / "a.png")[0] == 0
    seen = tiny.read_png(tmp_path / "a.png")
    assert seen.shape == (64, 96, 3) and (seen[..., 0] == seen[..., 2]).all() and seen.std() > 10
    assert n2s("export", file, "--port", name, "-o", tmp_path / "a.npz")[0] == 0
    assert np.load(tmp_path / "a.npz")["values"].shape == (15, 1, 64, 96)
    assert n2s("draw", file, "--plan", "--thumbnails", "0.2", "-o", tmp_path / "a.svg")[0] == 0
    assert n2s("plan", file)[0] == 0


def test_an_output_that_no_film_needs_can_be_seen(cut_out: Path, store: Any) -> None:
    session = Session(graph(cut_out, {"cut": CUT["cut"]}), store)
    matte = session.frame("cut.matte", 0)
    assert matte.shape == (1, 64, 96) and set(np.round(np.unique(matte), 1)) >= {0.0, 1.0}
    with pytest.raises(GraphError, match='"cut.alpha" names no output. There are: frames, matte'):
        session.frame("cut.alpha", 0)


def test_mattes_are_kept(cut_out: Path, store: Any) -> None:
    """A pointwise node of mattes whose frames are kept ends its kernel, and gives the same bits from the store."""
    nodes = {
        **CUT,
        "disc": {"node": "RadialMatte", "softness": 0.5, "cache": "frames"},
        "again": {"node": "Over", "back": "over", "front": "picture", "matte": "disc"},
    }
    plain = json.loads(json.dumps(nodes))
    del plain["disc"]["cache"]
    film = graph(cut_out, nodes, "again")
    first = harness.codes(film, store)
    np.testing.assert_array_equal(first, harness.codes(film, store))
    np.testing.assert_array_equal(first, harness.codes(graph(cut_out, plain, "again"), store))
    assert any(stage.name == "disc" and stage.keep for stage in harness.plan(film, store).stages)


def test_films_of_mattes_are_the_same_for_any_chunking_and_workers(
    executor: Any, cut_out: Path, store: Any, tmp_path: Path
) -> None:
    nodes = {**CUT, "clouds": {"node": "NoiseMatte", "phase": "= time"}}
    nodes["more"] = {"node": "Mix", "a": "over", "b": "cut", "matte": "clouds"}

    def digests(chunk: int, name: str, executor: Any) -> str:
        sink = {"node": "DigestSink", "frames": "more", "path": f"{name}.txt", "chunk": chunk}
        values = {"n2s": 1, "size": SIZE, "fps": 30, "duration": 0.5, "nodes": {**nodes, "out": sink}}
        harness.run(harness.load(values, cut_out, f"{name}.yaml"), tmp_path, store, executor=executor)
        return (tmp_path / f"{name}.txt").read_text()

    assert digests(6, "some", executor(2)) == digests(15, "usual", ThreadExecutor(1))
