"""Reading music: exact samples wherever they are asked for, and a clear word about every kind of broken file."""

import hashlib
import os
import subprocess

import numpy as np
import pytest

from n2s.graph.errors import MediaError
from n2s.runtime.media.audio import BLOCK, AudioReader, probe

sf = pytest.importorskip("soundfile")
RATE = 44100


def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


def no_ffmpeg():
    raise RuntimeError("No ffmpeg exe could be found")


def music(samples=3 * RATE, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * 330 * np.arange(samples) / RATE)[:, None]
    return (0.4 * tone + 0.1 * rng.standard_normal((samples, channels))).astype(np.float32)


def write(path, samples, rate=RATE, **kind):
    with sf.SoundFile(path, "w", rate, samples.shape[1], **kind) as file:
        for at in range(0, len(samples), 4096):
            file.write(samples[at : at + 4096])
    return path


def convert(source, target, *options):
    subprocess.run([ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", source, *options, target], check=True)
    return target


def cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def spoil(path, share=0.5, count=64):
    data = bytearray(path.read_bytes())
    at = int(share * len(data))
    data[at : at + count] = bytes(count)
    path.write_bytes(data)
    return path


KINDS = {
    "wav": dict(subtype="PCM_16"),
    "flac": dict(subtype="PCM_24"),
    "ogg": dict(subtype="VORBIS"),
    "opus": dict(format="OGG", subtype="OPUS"),
    "mp3": {},
    "aiff": dict(subtype="PCM_24"),
    "caf": dict(subtype="FLOAT"),
}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """One piece in every kind of file."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, kind in KINDS.items():
        write(folder / f"piece.{name}", music(), 48000 if name == "opus" else RATE, **kind)
    convert(folder / "piece.wav", folder / "piece.m4a", "-c:a", "aac", "-movflags", "+faststart")
    convert(folder / "piece.wav", folder / "alac.m4a", "-c:a", "alac")
    convert(folder / "piece.wav", folder / "bare.mp3", "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0")
    return folder


NAMES = [f"piece.{name}" for name in KINDS] + ["piece.m4a", "alac.m4a", "bare.mp3"]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_reads_the_same_from_anywhere(shelf, name):
    info = probe(shelf / name, ffmpeg)
    assert (info.rate, info.channels) == (48000 if "opus" in name else RATE, 2)
    assert abs(info.samples - 3 * RATE) <= (0 if name != "bare.mp3" else 3 * 1152)
    with AudioReader(shelf / name, info, ffmpeg) as reader:
        whole = reader.read(0, info.samples)
        assert whole.shape == (2, info.samples) and whole.dtype == np.float32
        again = reader.read(0, info.samples)
        assert np.array_equal(whole, again)
        for start in (90_000, 1000, 1500, 120_000, 60_000, 3):  # forwards, a little back, far back
            assert np.array_equal(reader.read(start, 700), whole[:, start : start + 700]), start
        edges = reader.read(-50, info.samples + 100)
        assert np.array_equal(edges[:, 50:-50], whole) and not edges[:, :50].any() and not edges[:, -50:].any()
        assert reader.read(info.samples, 10).shape == (2, 10) and not reader.read(-10, 10).any()
        assert reader.read(5, 0).shape == (2, 0)
    pcm = hashlib.sha256(f"{info.rate} 2\n".encode() + np.ascontiguousarray(whole.T, "<f4").tobytes())
    assert info.digest == pcm.hexdigest()


@pytest.mark.parametrize("name", ["alac.m4a", "piece.wav"])
def test_lossless_is_exact(shelf, name):
    info = probe(shelf / name, ffmpeg)
    with AudioReader(shelf / name, info, ffmpeg) as reader:
        assert np.array_equal(reader.read(0, info.samples).T, sf.read(shelf / "piece.wav", dtype="float32")[0])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", ["mp3", "bare.mp3", "m4a", "ogg", "opus", "flac"])
def test_blocks_make_no_difference(name, channels, tmp_path):
    """libmpg123 rounds mono otherwise where it is asked for other numbers of samples."""
    path, rate = tmp_path / f"piece.{name}", 48000 if name == "opus" else RATE
    if name in KINDS:
        write(path, music(channels=channels), rate, **KINDS[name])
    else:
        wav = write(tmp_path / "piece.wav", music(channels=channels), subtype="PCM_16")
        convert(wav, path, *(["-write_xing", "0"] if name == "bare.mp3" else []))
    info = probe(path, ffmpeg)
    read = []
    for size in (info.samples, 1237, 700, 1 << 15):
        with AudioReader(path, info, ffmpeg) as reader:
            blocks = [reader.read(at, size) for at in range(0, info.samples, size)]
        read.append(np.concatenate(blocks, 1)[:, : info.samples])
    assert all(np.array_equal(read[0], other) for other in read[1:])


def test_digest_is_of_the_samples_not_of_the_file(tmp_path):
    samples = np.round(music() * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16)
    digests = set()
    for name, kind in (("a.wav", {}), ("b.flac", dict(subtype="PCM_16")), ("c.wav", dict(subtype="FLOAT"))):
        data = samples if kind != dict(subtype="FLOAT") else (samples / 2**15).astype(np.float32)
        digests.add(probe(write(tmp_path / name, data, **kind), no_ffmpeg).digest)
    assert len(digests) == 1
    assert probe(write(tmp_path / "d.wav", samples, 48000), no_ffmpeg).digest not in digests


@pytest.mark.parametrize("rate,channels", [(8000, 1), (22050, 1), (96000, 2), (48000, 6), (192000, 8)])
def test_rates_and_channels(tmp_path, rate, channels):
    info = probe(write(tmp_path / "a.wav", music(1000, channels), rate), no_ffmpeg)
    assert (info.rate, info.channels, info.samples) == (rate, channels, 1000)


def test_one_sample_and_silence_are_music(tmp_path):
    assert probe(write(tmp_path / "one.wav", np.zeros((1, 1), np.float32)), no_ffmpeg).samples == 1
    assert probe(write(tmp_path / "silence.flac", np.zeros((RATE, 2), np.float32)), no_ffmpeg).samples == RATE


def refused(path, *words, find=no_ffmpeg):
    with pytest.raises(MediaError) as caught:
        probe(path, find)
    message = str(caught.value)
    assert os.fspath(path) in message and message.endswith(".")
    for word in words:
        assert word in message, message
    return message


def test_missing_folder_empty(tmp_path):
    refused(tmp_path / "nowhere.wav", "does not exist")
    refused(tmp_path, "is a folder")
    (tmp_path / "empty.wav").touch()
    refused(tmp_path / "empty.wav", "empty (0 bytes)")
    with pytest.raises(MediaError, match="folder"):
        AudioReader(tmp_path, None, no_ffmpeg)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "not a regular file")


@pytest.mark.parametrize("address", ["http://x.org/a.mp3", "concat:a.wav|b.wav", "file:a.wav", "data:audio/wav,xx"])
def test_addresses_are_refused(address):
    refused(address, "a local file is wanted")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.vox", "a.raw", "a.flac", "a.m4a"])
def test_not_audio(tmp_path, name):
    (tmp_path / name).write_bytes(b"This is a letter, not a song.\n" * 300)
    refused(tmp_path / name, "is a text file, and no music", "wanted", find=ffmpeg)


def test_playlists_do_not_open_other_files(tmp_path, shelf):
    for name, text in (("a.m3u8", "#EXTM3U\n#EXTINF:3,\n{}\n"), ("a.ffconcat", "ffconcat version 1.0\nfile '{}'\n")):
        (tmp_path / name).write_text(text.format(shelf / "piece.m4a"))
        refused(tmp_path / name, "no music", find=ffmpeg)


def test_a_film_without_sound(tmp_path):
    path = tmp_path / "mute.mp4"
    subprocess.run([ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "color=s=16x16:d=0.2", path], check=True)
    refused(path, "no sound", find=ffmpeg)


def test_no_samples(tmp_path):
    refused(write(tmp_path / "none.wav", np.zeros((0, 2), np.float32)), "no samples")


@pytest.mark.parametrize("name", NAMES)
def test_truncated(shelf, tmp_path, name):
    if name == "bare.mp3":
        pytest.skip("an mp3 without a header does not say how long it is")
    path = tmp_path / name
    path.write_bytes((shelf / name).read_bytes())
    if name == "alac.m4a":
        refused(cut(path), "not audio, or too damaged", find=ffmpeg)  # its index is at the end
    else:
        refused(cut(path), "truncated", find=ffmpeg)


def test_truncated_flac_says_where(shelf, tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes((shelf / "piece.flac").read_bytes())
    refused(cut(path, 0.99), "after")
    refused(cut(path, 20 / path.stat().st_size), "truncated")


def test_a_wav_of_unknown_length_is_whole(shelf, tmp_path):
    made = subprocess.run(
        [ffmpeg(), "-v", "error", "-i", shelf / "piece.wav", "-f", "wav", "pipe:1"], capture_output=True, check=True
    ).stdout
    (tmp_path / "piped.wav").write_bytes(made)
    assert probe(tmp_path / "piped.wav", no_ffmpeg).samples == 3 * RATE


@pytest.mark.parametrize("name", ["piece.flac", "piece.ogg", "piece.opus", "piece.m4a", "alac.m4a"])
def test_damaged_in_the_middle(shelf, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((shelf / name).read_bytes())
    refused(spoil(path), "damaged", find=ffmpeg)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, value):
    samples = music(BLOCK + RATE)
    samples[BLOCK + 100, 1] = value
    refused(write(tmp_path / "a.wav", samples, subtype="FLOAT"), "NaN or infinity", f"{(BLOCK + 100) / RATE:.3f} s")


def test_too_many_channels(tmp_path):
    refused(write(tmp_path / "a.wav", music(100, 9)), "9 channels", "1 to 8")


def test_without_ffmpeg_the_cure_is_named(shelf):
    refused(shelf / "piece.m4a", "pip install imageio-ffmpeg")
    refused(shelf / "piece.m4a", "pip install imageio-ffmpeg", find=lambda: "/nowhere/ffmpeg")


def test_a_file_that_changed_is_noticed(tmp_path):
    path = write(tmp_path / "a.wav", music(2000))
    info = probe(path, no_ffmpeg)
    write(path, music(1000))
    with AudioReader(path, info, no_ffmpeg) as reader, pytest.raises(MediaError, match="changed"):
        reader.read(0, 2000)
    write(path, music(2000, 1))
    with AudioReader(path, info, no_ffmpeg) as reader, pytest.raises(MediaError, match="changed"):
        reader.read(0, 2000)


def test_no_process_is_left(shelf):
    info = probe(shelf / "piece.m4a", ffmpeg)
    with AudioReader(shelf / "piece.m4a", info, ffmpeg) as reader:
        reader.read(0, 10)
        process = reader._source._process
        assert process.poll() is None or process.returncode == 0
    assert process.poll() is not None
