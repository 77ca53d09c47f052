"""Every codec in every kind of file: what a player reads of it, exact times and colours, the same bytes each time."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from pairwise import Case, pairwise
from test_films import write_album

from n2s.formats.packets import read_packets
from n2s.formats.video import Video
from n2s.graph.codings import CODINGS, SOUNDS
from n2s.graph.declare import DeclarationError
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.format import Shape
from n2s.graph.graph import Graph
from n2s.nodes import FFmpegSink

SECONDS, RATE = 1.03, 44100
PATCHES = [
    (255, 0, 0),
    (0, 255, 0),
    (40, 90, 200),
    (250, 250, 250),
    (128, 64, 32),
    (0, 0, 0),
    (30, 200, 180),
    (90, 90, 90),
]
SIZES = [(256, 144), (144, 256), (128, 128), (250, 122)]  # the last is of no whole blocks
EVERYWHERE = {codec: made for codec, made in CODINGS.items() if made.everywhere}
FILES = [(codec, ending) for codec, made in EVERYWHERE.items() for ending in made.endings]
SMALLEST = {"dnxhr": (256, 120)}  # what FFmpeg's encoder takes


def possible(case: Case) -> bool:
    """Say whether there is such a film."""
    codec, ending = case["file"]
    made = CODINGS[codec]
    return (
        case["depth"] in made.depths
        and case["chroma"] in made.chromas
        and case["sound"] in SOUNDS[ending]
        and case["control"] in ("crf" if made.crf else "none", "bitrate" if made.rates else "none")
        and all(side >= least for side, least in zip(case["size"], SMALLEST.get(codec, (0, 0))))
    )


CASES = pairwise(
    {
        "file": FILES,
        "fps": ["24", "25", "30000/1001", "60"],
        "size": SIZES,
        "depth": [8, 10],
        "chroma": ["4:2:0", "4:2:2", "4:4:4"],
        "sound": ["aac", "alac", "opus", "flac", "pcm"],
        "control": ["crf", "bitrate", "none"],
    },
    possible,
)
NAMES = {"h264": "h264", "h265": "hevc", "av1": "libdav1d", "vp9": "vp9", "prores": "prores", "prores4444": "prores",
         "dnxhr": "dnxhd", "ffv1": "ffv1"}  # fmt: skip
SOUND_NAMES = {"aac": "aac", "alac": "alac", "opus": "opus", "flac": "flac", "pcm": "pcm_s24le"}
PLANES = {"4:2:0": "yuv420p", "4:2:2": "yuv422p", "4:4:4": "yuv444p"}


def film(
    folder: Path, codec: str, ending: str, settings: dict[str, Any], fps: str, chunk: int = 11, size: Any = SIZES[0]
) -> Any:
    """A film of eight patches of colour, four beside each other, with clicks."""
    (width, height), colours = size, np.array(PATCHES, np.uint8).reshape(2, 4, 3)
    patches = colours[np.arange(height) * 2 // height][:, np.arange(width) * 4 // width]
    tiny.write_png(folder / "patches.png", patches)
    tiny.write_wav(folder / "clicks.wav", tiny.clicks(SECONDS, channels=2, rate=RATE), RATE)
    nodes = {
        "music": {"node": "AudioSource", "path": "clicks.wav"},
        "patches": {"node": "ImageSource", "path": "patches.png"},
        "out": {"node": "FFmpegSink", "frames": "patches", "audio": "music", "path": f"film{ending}", "codec": codec,
                "chunk": chunk, "dither": False, **settings},
    }  # fmt: skip
    return harness.load({"n2s": 1, "title": "Patches", "size": [width, height], "fps": fps, "nodes": nodes}, folder)


def exact_codes(rgb: tuple[int, int, int], depth: int) -> np.ndarray:
    """Return luma and chroma of BT.709 in limited range, rounded."""
    red, green, blue = np.array(rgb) / 255
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    codes = [16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748]
    return np.array(codes) * 2 ** (depth - 8)


def name_of(case: Case) -> str:
    words = [*case["file"], case["depth"], case["chroma"], case["sound"], case["control"], case["fps"], case["size"]]
    return " ".join(map(str, words))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_a_player_reads(case: Case, tmp_path: Path, store: Any) -> None:
    (codec, ending), sound, depth, chroma = case["file"], case["sound"], case["depth"], case["chroma"]
    control = {"crf": {"crf": 2}, "bitrate": {"bitrate": 20000}, "none": {}}[case["control"]]
    settings = {"depth": depth, "chroma": chroma, "audio_codec": sound, **control}
    graph = film(tmp_path, codec, ending, settings, case["fps"], size=case["size"])
    harness.run(graph, tmp_path / "out", store)
    place = tmp_path / f"out/film{ending}"
    rate = Fraction(case["fps"])
    tick = Fraction(1, 1000) if ending in (".mkv", ".webm") else Fraction(0)
    frames = -(-round(SECONDS * RATE) * rate // RATE)

    with av.open(str(place)) as container:
        assert container.metadata.get("title", container.metadata.get("TITLE")) == "Patches"
        video = container.streams.video[0]
        made = video.codec_context
        assert made.name == NAMES[codec]
        # What decodes ProRes 4444 knows no fewer bits than 12.
        wanted = "yuv444p12le" if codec == "prores4444" else PLANES[chroma] + ("10le" if depth == 10 else "")
        assert made.pix_fmt == wanted
        assert (made.colorspace, made.color_range, made.color_primaries, made.color_trc) == (1, 1, 1, 1)
        decoded = list(container.decode(video))
        assert len(decoded) == frames and (made.width, made.height) == case["size"]
        for k, frame in enumerate(decoded):
            assert abs(frame.pts * video.time_base - k / rate) <= tick / 2, k
        planes = planes_of(decoded[0])
    # In one pass by a rate, libvpx leaves a code or so of ten bits out, however high the rate is.
    coarse = codec.startswith("prores") or codec == "dnxhr" or (codec, depth, case["control"]) == ("vp9", 10, "bitrate")
    tolerance = 2 if coarse else 1
    scale = 2 ** (int(made.pix_fmt[7:9]) - depth) if made.pix_fmt.endswith("le") else 1
    for k, rgb in enumerate(PATCHES):
        column, row = k % 4, k // 4
        for plane, code in enumerate(exact_codes(rgb, depth)):
            channel = planes[plane]
            heights, widths = (
                slice(round((part + 0.375) * side), round((part + 0.625) * side))
                for part, side in ((row, channel.shape[0] / 2), (column, channel.shape[1] / 4))
            )
            middle = channel[heights, widths]
            assert abs(float(middle.mean()) / scale - code) <= tolerance, (rgb, plane)

    with av.open(str(place)) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == SOUND_NAMES[sound]
        assert audio.codec_context.sample_rate == (48000 if sound == "opus" else RATE)
        plain = av.AudioResampler(format="fltp", layout="stereo", rate=audio.codec_context.sample_rate)
        parts = [part for frame in container.decode(audio) for part in plain.resample(frame)]
        heard = np.concatenate([part.to_ndarray() for part in parts], axis=1)
        samples = round(SECONDS * audio.codec_context.sample_rate)
        if sound in ("flac", "alac", "pcm"):  # 24 bits of each sample
            played = tiny.clicks(SECONDS, channels=2, rate=RATE).T
            assert heard.shape == (2, samples) and np.abs(heard - played).max() <= 2**-23
        else:  # whole packets
            assert samples <= heard.shape[1] < samples + 3 * 1024


@pytest.mark.parametrize("codec", EVERYWHERE)
def test_the_same_film_has_the_same_bytes(codec: str, tmp_path: Path, store: Any, new_store: Any) -> None:
    ending = CODINGS[codec].endings[0]
    for name, kept in (("out", store), ("again", new_store())):
        harness.run(film(tmp_path, codec, ending, {}, "30000/1001"), tmp_path / name, kept)
    assert (tmp_path / f"again/film{ending}").read_bytes() == (tmp_path / f"out/film{ending}").read_bytes()


@pytest.mark.parametrize("codec", sorted(EVERYWHERE.keys() - SMALLEST.keys()))
def test_small_films_are_encoded(codec: str, tmp_path: Path, store: Any) -> None:
    """Smaller than the blocks of an encoder: x265 aborted at some of them, by its noise too."""
    ending = CODINGS[codec].endings[0]
    for size in [(34, 34), (48, 32), (48, 64)]:
        harness.run(film(tmp_path, codec, ending, {}, "24", size=size), tmp_path, store)
        with av.open(str(tmp_path / f"film{ending}")) as container:
            assert sum(1 for _ in container.decode(video=0)) == round(SECONDS * 24)


@pytest.mark.parametrize("codec", EVERYWHERE)
def test_the_smallest_frames_are_those_that_the_encoder_takes(codec: str, tmp_path: Path) -> None:
    """Sides of a graph are 16 at least, and even."""
    sink = FFmpegSink(path=f"film{CODINGS[codec].endings[0]}", codec=codec)
    width, height = (max(side, 16) for side in CODINGS[codec].smallest)

    def encode(shape: Shape) -> None:
        pixels = Video().pixels(sink)
        halves = shape.size[0] * shape.size[1] * {"yuv420p": 3, "yuv422p": 4, "yuv444p": 6}[pixels.layout]
        codes = np.full(halves // 2, 200, "<u2" if CODINGS[codec].depths[0] == 10 else np.uint8)
        Video().write_segment(tmp_path / "a.mov", sink, shape, iter([codes] * 2))
        Video().check_segment(tmp_path / "a.mov", sink, shape, 2)

    encode(Shape((width, height), Fraction(24)))
    for size in {(width - 2, height), (width, height - 2)}:
        if min(size) >= 16:
            with pytest.raises(RenderError):
                encode(Shape(size, Fraction(24)))


def test_frames_that_are_too_small_for_a_codec_are_told_before_the_run(tmp_path: Path, n2s: Any) -> None:
    told = r"out.codec: DNxHR HQX has frames of 256x120 and more, not {}; enlarge them, or take another codec"
    with pytest.raises(GraphError, match=r"graph\.yaml:\d+:\d+  " + told.format("254x120")):
        film(tmp_path, "dnxhr", ".mov", {}, "24", size=(254, 120))
    path = film(tmp_path, "dnxhr", ".mov", {}, "24", size=(256, 120)).path
    assert n2s("check", path)[0] == 0
    for given in (["--size", "256x118"], ["--profile", "draft", "--set", "out.codec=dnxhr", "--set", "out.path=a.mov"]):
        status, _, err = n2s("run", path, "--dry-run", *given)
        size = "256x118" if given[0] == "--size" else "128x60"
        assert status == 2 and re.search(f"{given[0]}: {told.format(size)}", err), err


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("width", [16, 34, 40, 48, 62])
def test_narrow_films_of_noise_are_encoded(width: int, depth: int, tmp_path: Path) -> None:
    """x265 wrote beyond its rows of three blocks of 16, and aborted at most pictures of noise."""
    sink = FFmpegSink(path="film.mp4", codec="h265", depth=depth)
    for height in (16, 34, 48, 96):
        most = 2**depth - 1
        codes = np.random.default_rng(height).integers(0, most, width * height * 3 // 2, np.uint16, endpoint=True)
        blocks = [codes.astype(np.uint8 if depth == 8 else "<u2")] * 6
        shape = Shape((width, height), Fraction(24))
        Video().write_segment(tmp_path / "a.mp4", sink, shape, iter(blocks))
        Video().check_segment(tmp_path / "a.mp4", sink, shape, 6)


def planes_of(frame: Any) -> list[np.ndarray]:
    """Return the codes of each plane of a decoded frame, (rows, columns)."""
    wide = frame.format.name.endswith("le")
    found = []
    for plane in frame.planes:
        codes = np.frombuffer(plane, np.uint16 if wide else np.uint8).reshape(plane.height, -1)
        found.append(codes[:, : plane.width].copy())
    return found


@pytest.mark.parametrize("chunk", [7, 100])
def test_an_archive_is_the_same_frames_for_every_chunk(chunk: int, tmp_path: Path, store: Any) -> None:
    """FFV1 loses nothing, so frames cannot depend on where segments begin."""

    def frames(chunk: int) -> list[bytes]:
        harness.run(film(tmp_path, "ffv1", ".mkv", {}, "30", chunk), tmp_path / str(chunk), store)
        with av.open(str(tmp_path / f"{chunk}/film.mkv")) as container:
            return [b"".join(plane.tobytes() for plane in planes_of(each)) for each in container.decode(video=0)]

    assert frames(chunk) == frames(11)


@pytest.mark.parametrize("kind", ["mkv", "webm"])
def test_a_film_that_was_cut_is_not_published(kind: str, tmp_path: Path, store: Any) -> None:
    """What is missing is found by counting packets."""
    graph = film(tmp_path, "vp9", f".{kind}", {}, "30")
    harness.run(graph, tmp_path, store)
    place = tmp_path / f"film.{kind}"
    tracks = {track.handler: track for track in read_packets(place)}
    assert tracks["vide"].samples == 31
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(place.read_bytes()[: place.stat().st_size // 2])
    try:
        found = {track.handler: track.samples for track in read_packets(cut)}
    except ValueError:
        found = {}
    assert found.get("vide") != 31


@pytest.mark.parametrize(
    ("ending", "sound"), [(ending, sound) for ending in (".mkv", ".webm") for sound in SOUNDS[ending]]
)
def test_the_end_of_sound_is_found_where_packets_tell_no_length(
    ending: str, sound: str, tmp_path: Path, store: Any
) -> None:
    """Matroska keeps no lengths. Most codecs tell them in their packets; of some, the last one is a whole packet."""
    graph = film(tmp_path, "vp9", ending, {"audio_codec": sound}, "60")
    (made,) = harness.run(graph, tmp_path, store, strict=True).films
    assert made["gates"]["sound_ends_ms"]["holds"]
    tracks = {track.handler: track for track in read_packets(tmp_path / f"film{ending}")}
    beyond = {"aac": 1024, "opus": 960, "flac": 4608}.get(sound, 0) / RATE
    assert -0.002 <= tracks["soun"].duration - SECONDS <= beyond + 0.002


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("samples", "rate", "heard"), [(1, 44100, 16), (15, 48000, 16), (17, 44100, 17), (17, 96000, 16)]
)
def test_music_of_a_few_samples(samples: int, rate: int, heard: int, ending: str, tmp_path: Path, store: Any) -> None:
    """FLAC takes no fewer than 16; where fewer are left, at another rate too, silence follows them."""
    graph = film(tmp_path, "h264", ending, {"audio_codec": "flac"}, "30")
    tiny.write_wav(tmp_path / "clicks.wav", np.full((samples, 2), 0.25, np.float32), rate)
    harness.run(graph, tmp_path, store)
    with av.open(str(tmp_path / f"film{ending}")) as container:
        found = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]) / 2**31
    assert len(found) == heard
    if rate < 96000:
        assert np.allclose(found[:samples], 0.25, atol=1e-6) and not found[samples:].any()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"codec": "prores", "path": "a.mp4"}, r"path: \.mp4 holds no ProRes 422 HQ; \.mov does"),
        ({"codec": "h264", "path": "a.webm"}, r"path: \.webm holds no H\.264; \.mp4, \.m4v, \.mov or \.mkv does"),
        ({"codec": "prores", "path": "a.mov", "depth": 8}, "depth: ProRes 422 HQ has 10 bits per channel, not 8"),
        ({"codec": "av1", "chroma": "4:4:4"}, "chroma: AV1 has chroma 4:2:0, not 4:4:4"),
        ({"crf": 20, "bitrate": 4000}, "bitrate: crf and bitrate both say how large the film gets"),
        ({"crf": 60}, "crf: H.264 has a crf of 51 at most"),
        ({"codec": "dnxhr", "path": "a.mov", "crf": 10}, "crf: DNxHR HQX has no crf: leave it out"),
        ({"codec": "ffv1", "path": "a.mkv", "bitrate": 900}, "bitrate: FFV1 has no bitrate to choose"),
        (
            {"path": "a.mp4", "audio_codec": "pcm"},
            r"audio_codec: \.mp4 holds sound as aac, alac, opus or flac, not pcm",
        ),
        (
            {"edit_list": False, "audio_codec": "opus"},
            "edit_list: only an edit list cuts what Opus puts before the music: true, or audio_codec: aac",
        ),
        ({"codec": "vp9", "path": "a.webm", "audio_codec": "aac"}, r"audio_codec: \.webm holds sound as opus, not aac"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        FFmpegSink(**({"path": "film.mp4"} | settings))


def test_chroma_is_text_in_yaml(tmp_path: Path) -> None:
    """Older YAML read 4:2:2 as a number to the base of 60."""
    film(tmp_path, "prores", ".mov", {}, "24")
    text = "n2s: 1\nsize: [256, 128]\nduration: 1\nnodes:\n  p: {node: ImageSource, path: patches.png}\n"
    text += "  out: {node: FFmpegSink, frames: p, path: a.mov, codec: prores, chroma: 4:2:2}\n"
    (tmp_path / "graph.yaml").write_text(text)
    assert Graph.load(tmp_path / "graph.yaml").nodes["out"].chroma == "4:2:2"


def test_every_two_choices_are_tried_together() -> None:
    """Counted anew, over all possible films: each pair of a file, rate, size, depth, chroma, sound and control."""
    tried = {pair for case in CASES for pair in combinations(sorted((k, str(v)) for k, v in case.items()), 2)}
    assert all(map(possible, CASES)) and {case["file"] for case in CASES} == set(FILES)
    dice = random.Random(7)
    for _ in range(3000):
        codec, ending = dice.choice(FILES)
        case = {
            "file": (codec, ending),
            "fps": dice.choice(["24", "25", "30000/1001", "60"]),
            "size": dice.choice(SIZES),
            "depth": dice.choice(CODINGS[codec].depths),
            "chroma": dice.choice(CODINGS[codec].chromas),
            "sound": dice.choice(SOUNDS[ending]),
            "control": dice.choice(["crf", "bitrate", "none"]),
        }
        if possible(case):
            assert tried >= set(combinations(sorted((k, str(v)) for k, v in case.items()), 2)), case


def test_an_album_in_another_codec(studio: Any, tmp_path: Path, store: Any) -> None:
    """Its tracks take its coding, and each must have a kind of file that holds it."""
    lengths = [11025, 9000]
    path = write_album(tmp_path, studio.model, lengths, codec="ffv1", path="album.mkv", crf=None)
    for k in range(2):
        tiny.edit(tmp_path / f"track{k}.yaml", ", crf: 28", "")
    with pytest.raises(GraphError, match=r"out\.path: under the album's coding, \.mp4 holds no FFV1; \.mkv does"):
        harness.run(Graph.load(path), tmp_path / "out", store)
    for k in range(2):
        tiny.edit(tmp_path / f"track{k}.yaml", f"track{k}.mp4", f"track{k}.mkv")
    harness.run(Graph.load(path), tmp_path / "out", store)
    with av.open(str(tmp_path / "out/album.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "ffv1"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Piece 0", "Piece 1"]
        whole = [b"".join(plane.tobytes() for plane in planes_of(frame)) for frame in container.decode(video=0)]
    with av.open(str(tmp_path / "out/track0.mkv")) as container:
        alone = [b"".join(plane.tobytes() for plane in planes_of(frame)) for frame in container.decode(video=0)]
    assert whole[:15] == alone[:15] and len(whole) == -(-30 * sum(lengths) // 22050)
