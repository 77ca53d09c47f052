"""Whole music, however it is written down, is read from its first sample to its last, or is a clear refusal."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import music_files as files
import numpy as np
import pytest
import soundfile

from n2s.graph.errors import MediaError
from n2s.runtime.media.audio import probe

RATE = files.RATE
LOSSY = 0.97


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pieces, of 1.5 and 1.1 s, in several kinds of files."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, samples in pieces().items():
        for kind in files.CODECS:
            files.encode(folder / f"{name}.{kind}", samples)
        files.encode(folder / f"{name}.bare.mp3", samples, "-c:a", "libmp3lame", "-b:a", "256k", "-write_xing", "0",
                     "-id3v2_version", "0")  # fmt: skip
        files.encode(folder / f"{name}.oga", samples, "-c:a", "flac")
        files.piped(folder / f"{name}.piped.flac", samples, "flac")
    return folder


def pieces() -> dict[str, np.ndarray]:
    return {"one": files.noise(1.5, 1), "two": files.noise(1.1, 2)}


def at_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return samples if rate == RATE else resample_poly(samples, 160, 147, axis=0)


def assert_joined(path: Path, *parts: np.ndarray, exact: bool = True, slack: int = 0) -> None:
    info, samples = files.read(path)
    parts = [at_rate(part, info.rate) for part in parts]
    assert abs(info.samples - sum(map(len, parts))) <= slack
    at = 0
    for part in parts:
        there = samples[at : at + len(part)] if exact else samples[files.place_of(part, samples) :][: len(part)]
        assert len(there) == len(part) and files.likeness(there, part) > LOSSY
        at += len(part)


# Flac


@pytest.mark.parametrize("level", ["0", "5", "12"])
def test_flac_from_a_pipe_is_whole(level: str, tmp_path: Path) -> None:
    samples = files.noise(1.3)
    path = files.piped(tmp_path / "a.flac", samples, "flac", "-compression_level", level)
    assert path.read_bytes()[21] & 15 == 0 and path.read_bytes()[22:26] == bytes(4)  # no count of samples
    info, found = files.read(path)
    assert info.samples == len(samples) and np.array_equal(
        found, soundfile.read(files.write_wav(tmp_path / "a.wav", samples), dtype="float32")[0]
    )


def test_flac_with_tags_behind_it_from_a_pipe(shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes((shelf / "one.piped.flac").read_bytes() + b"TAG" + bytes(125))
    assert_joined(path, pieces()["one"])


def test_flac_from_a_pipe_that_is_cut_is_refused(shelf: Path, tmp_path: Path) -> None:
    data = (shelf / "one.piped.flac").read_bytes()
    for length in (len(data) - 1, len(data) * 2 // 3, 60):
        (tmp_path / "a.flac").write_bytes(data[:length])
        with pytest.raises(MediaError, match="truncated.*damaged: keep on the AudioSource"):
            probe(tmp_path / "a.flac", files.ffmpeg)


@pytest.mark.parametrize("tag", [False, True])
@pytest.mark.parametrize("first", ["one.flac", "one.piped.flac"])
@pytest.mark.parametrize("second", ["two.flac", "two.piped.flac"])
def test_joined_flacs(first: str, second: str, tag: bool, shelf: Path, tmp_path: Path) -> None:
    between = ID3V2 if tag else b""
    assert_joined(files.join(tmp_path / "a.flac", shelf / first, shelf / second, between=between), *pieces().values())


# Ogg


@pytest.mark.parametrize("kind", ["ogg", "opus", "oga"])
def test_chained_ogg(kind: str, shelf: Path, tmp_path: Path) -> None:
    one, two = pieces().values()
    path = files.join(tmp_path / f"a.{kind}", shelf / f"one.{kind}", shelf / f"two.{kind}", shelf / f"one.{kind}")
    assert_joined(path, one, two, one, slack=3)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_ogg_without_a_last_page_mark(kind: str, shelf: Path, tmp_path: Path) -> None:
    pages = list(files.ogg_pages((shelf / f"one.{kind}").read_bytes()))
    unmarked = b"".join([*pages[:-1], files.ogg_page(pages[-1], flags=pages[-1][5] & ~4)])
    (tmp_path / f"a.{kind}").write_bytes(unmarked)
    assert_joined(tmp_path / f"a.{kind}", pieces()["one"])
    (tmp_path / f"b.{kind}").write_bytes(unmarked + (shelf / f"two.{kind}").read_bytes())
    assert_joined(tmp_path / f"b.{kind}", *pieces().values(), slack=2)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_a_recorder_that_stopped_between_pages(kind: str, shelf: Path, tmp_path: Path) -> None:
    pages = list(files.ogg_pages((shelf / f"one.{kind}").read_bytes()))[:-1]
    (tmp_path / f"a.{kind}").write_bytes(b"".join(pages))
    info, samples = files.read(tmp_path / f"a.{kind}")
    skipped = 312 if kind == "opus" else 0
    assert info.samples == files.ogg_position(pages[-1]) - skipped > 0.9 * info.rate
    assert files.likeness(samples, at_rate(pieces()["one"], info.rate)[: info.samples]) > LOSSY


@pytest.mark.parametrize("kind", ["ogg", "opus"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_radio_rip_that_starts_in_the_middle(kind: str, marked: bool, tmp_path: Path) -> None:
    piece = files.noise(4.0)
    path = files.encode(tmp_path / f"a.{kind}", piece, *files.CODECS[kind], "-page_duration", "500000")
    pages = list(files.ogg_pages(path.read_bytes()))
    headers = next(i for i, page in enumerate(pages) if files.ogg_position(page) > 0)
    sound = [files.ogg_page(page, position=files.ogg_position(page) + 10**9, number=5000 + i)
             for i, page in enumerate(pages[headers:])][3:]  # fmt: skip
    if not marked:
        sound[-1] = files.ogg_page(sound[-1], flags=0)
    path.write_bytes(b"".join(pages[:headers] + sound))
    info, samples = files.read(path)
    piece = at_rate(piece, info.rate)
    begins = files.place_of(samples[len(samples) // 2 :][:20000], piece) - len(samples) // 2
    # All that is there: from where the first page begins, less what opus throws away to settle down.
    lost = files.ogg_position(pages[headers + 2])
    assert begins + info.samples == pytest.approx(len(piece), abs=2) and begins == pytest.approx(lost, abs=4000)
    assert files.likeness(samples[6000:], piece[begins + 6000 :][: len(samples) - 6000]) > LOSSY


def test_missing_pages_are_damage(tmp_path: Path) -> None:
    path = files.encode(tmp_path / "a.ogg", files.noise(4.0), *files.CODECS["ogg"], "-page_duration", "500000")
    pages = list(files.ogg_pages(path.read_bytes()))
    path.write_bytes(b"".join(pages[:5] + pages[6:]))
    with pytest.raises(MediaError, match="pages are missing before byte"):
        probe(path, files.ffmpeg)


@pytest.mark.parametrize("kind", ["ogg", "opus", "flac", "mp3"])
def test_joined_pieces_that_differ_are_refused(kind: str, tmp_path: Path) -> None:
    form = ["-ac", "1"] if kind == "opus" else ["-ar", "32000"]
    one = files.encode(tmp_path / f"one.{kind}", files.noise(0.5))
    two = files.encode(tmp_path / f"two.{kind}", files.noise(0.5), *files.CODECS[kind], *form)
    path = files.join(tmp_path / f"a.{kind}", one, two)
    with pytest.raises(MediaError, match="joined of pieces that differ.*Convert them, or cut the file"):
        probe(path, files.ffmpeg)


@pytest.mark.parametrize("name", ["a.mka", "a.webm", "a.aac", "a.ac3", "a.mp2", "a.ts"])
def test_joined_files_that_ffmpeg_reads(name: str, tmp_path: Path) -> None:
    one = files.encode(tmp_path / f"one{name[1:]}", files.noise(0.5, 1), *ODD[name])
    two = files.encode(tmp_path / f"two{name[1:]}", files.noise(0.6, 2), *ODD[name])
    lengths = [files.read(path)[0].samples for path in (one, two)]
    assert files.read(files.join(tmp_path / name, one, two))[0].samples == pytest.approx(sum(lengths), abs=2 * 1152)


def test_aac_that_changes_on_the_way_is_refused(tmp_path: Path) -> None:
    one = files.encode(tmp_path / "one.aac", files.noise(0.5))
    two = files.encode(tmp_path / "two.aac", files.noise(0.5), "-ar", "32000")
    with pytest.raises(MediaError, match="changes its sample rate or its channels"):
        probe(files.join(tmp_path / "a.aac", one, two), files.ffmpeg)


# mp3

ID3V1 = b"TAG" + b"name".ljust(125, b"\0")
ID3V2 = b"ID3\x03\x00\x00\x00\x00\x02\x00" + bytes(256)
APE = (
    b"APETAGEX"
    + struct.pack("<IIII8x", 2000, 32, 0, 0xA0000000)
    + b"APETAGEX"
    + struct.pack("<IIII8x", 2000, 32, 0, 0x80000000)
)


@pytest.mark.parametrize("between", [b"", ID3V1, ID3V2, APE, APE + ID3V1 + ID3V2, bytes(1000)],
                         ids=["nothing", "ID3v1", "ID3v2", "APE", "all tags", "zeros"])  # fmt: skip
@pytest.mark.parametrize("second", ["two.mp3", "two.bare.mp3"])
@pytest.mark.parametrize("first", ["one.mp3", "one.bare.mp3"])
def test_joined_mp3s(first: str, second: str, between: bytes, shelf: Path, tmp_path: Path) -> None:
    path = files.join(tmp_path / "a.mp3", shelf / first, shelf / second, between=between)
    # A file without a header says nothing of its encoder's delay, up to 2 frames and a half, and so is longer.
    bare = (first, second).count("one.bare.mp3") + (first, second).count("two.bare.mp3")
    assert_joined(path, *pieces().values(), exact=not bare, slack=2 * 1152 * bare)


def test_joined_mp3s_with_the_header_of_fraunhofers_encoder(shelf: Path, tmp_path: Path) -> None:
    frame = bytearray((shelf / "one.bare.mp3").read_bytes())[:835]
    frames = round(1.5 * RATE / 1152) + 1
    header = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 0, 50000, frames, 0, 1, 2, 1)
    vbri = bytes(frame[:4]) + bytes(32) + header + bytes(len(frame) - 36 - len(header))
    one = tmp_path / "one.mp3"
    one.write_bytes(vbri + (shelf / "one.bare.mp3").read_bytes())
    assert_joined(files.join(tmp_path / "a.mp3", one, one), *[pieces()["one"]] * 2, exact=False, slack=4 * 1152)


def test_what_lies_between_two_whole_mp3s_does_not_matter(shelf: Path, tmp_path: Path) -> None:
    path = files.join(tmp_path / "a.mp3", shelf / "one.mp3", shelf / "two.mp3", between=b"a word of some program " * 40)
    assert_joined(path, *pieces().values())


def test_an_mp3_whose_header_counts_too_few_frames(shelf: Path, tmp_path: Path) -> None:
    data = bytearray((shelf / "one.mp3").read_bytes())
    at = data.index(b"Info") + 8
    count = struct.unpack(">I", data[at : at + 4])[0]
    data[at : at + 4] = struct.pack(">I", count // 2)
    (tmp_path / "a.mp3").write_bytes(data)
    assert_joined(tmp_path / "a.mp3", pieces()["one"], exact=False, slack=3 * 1152)


def test_joined_mp3s_of_which_the_second_is_cut_are_refused(shelf: Path, tmp_path: Path) -> None:
    path = files.join(tmp_path / "a.mp3", shelf / "one.mp3", shelf / "two.mp3")
    size = (shelf / "one.mp3").stat().st_size
    for length in (size + 200, size + 9000):
        path.write_bytes((files.join(path, shelf / "one.mp3", shelf / "two.mp3")).read_bytes()[:length])
        with pytest.raises(MediaError, match="truncated"):
            probe(path, files.ffmpeg)


def test_no_library_prints_a_word(shelf: Path, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    """libmpg123 prints to standard error from inside libsndfile; what this process prints meanwhile arrives."""
    import sys

    from n2s.runtime.media.quiet import quiet_libraries

    data = (shelf / "one.mp3").read_bytes()
    (tmp_path / "joined.mp3").write_bytes(data + data)
    (tmp_path / "junk.mp3").write_bytes(data[:20000] + b"\x55" * 3000 + data[23000:])
    (tmp_path / "wrong.mp3").write_bytes(data[:20100] + b"\xaa" * 60 + data[20160:])
    for name in ("joined", "junk", "wrong"):
        for keep in (False, True):
            try:
                probe(tmp_path / f"{name}.mp3", files.ffmpeg, keep)
            except MediaError:
                pass
    with quiet_libraries(), quiet_libraries():
        soundfile.read(tmp_path / "joined.mp3")
        print("a word of our own", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "a word of our own\n"


def test_reading_without_a_standard_error(shelf: Path, tmp_path: Path) -> None:
    import sys

    data = (shelf / "one.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(data + data)
    code = "import sys; from n2s.runtime.media.audio import probe; print(probe(sys.argv[1], None).samples)"
    done = subprocess.run(f'exec "{sys.executable}" -c "{code}" "{tmp_path / "a.mp3"}" 2>&-', shell=True,
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.split()[-1:] == [str(2 * len(pieces()["one"]))]


# Chunks of a length that nobody knew

UNKNOWN = [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x7FFFFFFF - 36, 0x80000000, 0x80000024, 0x7FFEFFFC, 0xFFFFFFFF - 36, 0]


def chunked_wav(samples: np.ndarray, size: int, riff: int | None = None, before: bytes = b"") -> bytes:
    data = np.round(samples * 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, samples.shape[1], RATE, RATE * 2 * samples.shape[1], 2 * samples.shape[1], 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + before + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def exactly(samples: np.ndarray) -> np.ndarray:
    return np.round(samples * 32767).astype(np.int16).astype(np.float32) / 32768


@pytest.mark.parametrize("riff", [None, 0, 0xFFFFFFFF, 0x7FFFF024], ids=["riff", "riff 0", "riff -1", "riff sox"])
@pytest.mark.parametrize("size", UNKNOWN, ids=[hex(size) for size in UNKNOWN])
def test_a_wav_of_unknown_length_is_whole(size: int, riff: int | None, tmp_path: Path) -> None:
    samples = files.noise(0.3)
    (tmp_path / "a.wav").write_bytes(chunked_wav(samples, size, riff, b"LIST\x04\0\0\0INFO"))
    assert np.array_equal(files.read(tmp_path / "a.wav")[1], exactly(samples))


@pytest.mark.parametrize("silent", [True, False])
def test_a_wav_of_length_0_is_whole_unless_it_is_empty(silent: bool, tmp_path: Path) -> None:
    samples = files.noise(0.3) * (not silent)
    (tmp_path / "a.wav").write_bytes(chunked_wav(samples, 0))
    assert np.array_equal(files.read(tmp_path / "a.wav")[1], exactly(samples))
    (tmp_path / "a.wav").write_bytes(chunked_wav(samples[:0], 0) + b"LIST\x04\0\0\0INFO")
    with pytest.raises(MediaError, match="holds no samples"):
        probe(tmp_path / "a.wav", files.ffmpeg)


@pytest.mark.parametrize("short", [1, 44, 1000, 20000])
def test_a_wav_that_is_a_little_short_is_refused(short: int, tmp_path: Path) -> None:
    samples = files.noise(0.3)
    (tmp_path / "a.wav").write_bytes(chunked_wav(samples, 4 * len(samples))[:-short])
    with pytest.raises(MediaError, match="truncated.*set damaged: keep on the AudioSource"):
        probe(tmp_path / "a.wav", files.ffmpeg)


@pytest.mark.parametrize("length", [-1, 0])
def test_rf64_of_unknown_length_is_whole(length: int, tmp_path: Path) -> None:
    samples = files.noise(0.3)
    ds64 = b"ds64" + struct.pack("<Iqqqi", 28, -1, length, length, 0)
    data = chunked_wav(samples, 0xFFFFFFFF, 0xFFFFFFFF)
    (tmp_path / "a.wav").write_bytes(b"RF64" + data[4:12] + ds64 + data[12:])
    assert np.array_equal(files.read(tmp_path / "a.wav")[1], exactly(samples))


def replaced(data: bytes, *fixes: tuple[int, bytes]) -> bytes:
    new = bytearray(data)
    for at, field in fixes:
        new[at : at + len(field)] = field
    return bytes(new)


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("AIFF", [[(b"SSND", 4, ">I", 0)], [(b"SSND", 4, ">I", 0xFFFFFFFF)], [(b"SSND", 4, ">I", 0x7FFFFFFF)],
                  [(b"SSND", 4, ">I", 0xFFFFFFFF), (b"COMM", 10, ">I", 0), (b"FORM", 4, ">I", 0)],
                  [(b"SSND", 4, ">I", 0), (b"COMM", 10, ">I", 0xFFFFFFFF), (b"FORM", 4, ">I", 0xFFFFFFFF)]]),
        ("CAF", [[(b"data", 4, ">q", -1)], [(b"data", 4, ">q", 0)]]),
        ("W64", [[(b"data\xf3", 16, "<q", -1)], [(b"data\xf3", 16, "<q", 24)],
                 [(b"data\xf3", 16, "<q", 0x7FFFFFFFFFFFFFFF)],
                 [(b"data\xf3", 16, "<q", 0), (b"riff", 16, "<q", 0)]]),
        ("AU", [[(b".snd", 8, ">I", 0xFFFFFFFF)], [(b".snd", 8, ">I", 0)]]),
    ],
)  # fmt: skip
def test_other_chunks_of_unknown_length_are_whole(form: str, fields: list, tmp_path: Path) -> None:
    samples = files.noise(0.3)
    soundfile.write(tmp_path / "whole", samples, RATE, subtype="PCM_16", format=form)
    data = (tmp_path / "whole").read_bytes()
    wanted = files.read(tmp_path / "whole")[1]
    assert len(wanted) == len(samples)
    for unknown in fields:
        fixes = [(data.index(mark) + offset, struct.pack(code, value)) for mark, offset, code, value in unknown]
        (tmp_path / "a").write_bytes(replaced(data, *fixes))
        assert np.array_equal(files.read(tmp_path / "a")[1], wanted), unknown
    (tmp_path / "a").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(MediaError, match="truncated"):
        probe(tmp_path / "a", files.ffmpeg)


# What else there is

ODD = {
    "a.wav": ["-c:a", "libmp3lame"], "b.wav": ["-c:a", "adpcm_ms"], "c.wav": ["-c:a", "adpcm_ima_wav"],
    "d.wav": ["-c:a", "pcm_alaw"], "e.wav": ["-c:a", "pcm_mulaw"], "f.wav": ["-c:a", "pcm_s24le"],
    "a.m4b": ["-c:a", "aac"], "a.webm": ["-c:a", "libopus"], "b.webm": ["-c:a", "libvorbis"], "a.mka": ["-c:a", "flac"],
    "a.mov": ["-c:a", "pcm_s16le"], "a.3gp": ["-c:a", "aac"], "a.wma": ["-c:a", "wmav2"], "a.ac3": [], "a.eac3": [],
    "a.wv": ["-c:a", "wavpack"], "a.tta": [],
    "a.au": [], "a.w64": [], "a.mp2": [], "a.aac": [], "a.ts": ["-c:a", "aac"],
    "a.avi": ["-c:a", "libmp3lame"], "a.flv": ["-c:a", "aac"], "a.dts": ["-c:a", "dca", "-strict", "-2"],
    "a.amr": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"], "a.voc": [], "a.oga": ["-c:a", "flac"],
    "a.thd": ["-c:a", "truehd", "-strict", "-2"], "a.mkv": ["-c:a", "ac3"], "a.caf": ["-c:a", "alac"], "a.sox": [],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_other_containers_hold_what_ffmpeg_finds_in_them(name: str, tmp_path: Path) -> None:
    """FFmpeg is the referee: as many samples, and the same."""
    path = files.encode(tmp_path / name, files.noise(1.2), *ODD[name])
    info, samples = files.read(path)
    command = [files.ffmpeg(), "-v", "error", "-i", path, "-map", "0:a:0", "-f", "f32le", "pipe:1"]
    wanted = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4").reshape(
        -1, info.channels
    )
    assert samples.shape == wanted.shape and info.samples > 1.1 * info.rate
    np.testing.assert_allclose(samples, wanted, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in ODD if name not in ("a.mp2", "a.thd", "a.ts")])
def test_other_containers_that_are_cut_are_refused(name: str, tmp_path: Path) -> None:
    path = files.encode(tmp_path / name, files.noise(2.0), *ODD[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5 - 1])
    lists_at_the_end = name in ("a.m4b", "a.mov", "a.3gp")
    with pytest.raises(MediaError, match="is cut short: the list" if lists_at_the_end else "truncated|damaged"):
        probe(path, files.ffmpeg)
