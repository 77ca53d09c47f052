"""Pictures that are cut short or damaged are refused, whatever their format; whole ones are read as they are."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from PIL import Image

from n2s.graph.errors import MediaError
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.readiness import input_problems, picture_problem

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("RGB", {"format": "JPEG", "quality": 90}),
    "progressive JPEG": ("RGB", {"format": "JPEG", "quality": 70, "progressive": True}),
    "JPEG of inks": ("CMYK", {"format": "JPEG", "quality": 90}),
    "grey JPEG": ("L", {"format": "JPEG", "quality": 90}),
    "GIF": ("P", {"format": "GIF"}),
    "interlaced GIF": ("P", {"format": "GIF", "interlace": 1}),
    "WebP": ("RGB", {"format": "WEBP", "quality": 90}),
    "lossless WebP": ("RGB", {"format": "WEBP", "lossless": True}),
    "PNG": ("RGB", {"format": "PNG"}),
    "TIFF of LZW": ("RGB", {"format": "TIFF", "compression": "tiff_lzw"}),
    "TIFF of deflate": ("RGB", {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
    "TIFF of packed bits": ("RGB", {"format": "TIFF", "compression": "packbits"}),
    "BMP": ("RGB", {"format": "BMP"}),
}
ZEROED = ("JPEG", "progressive JPEG", "GIF", "interlaced GIF", "PNG", "TIFF of LZW", "TIFF of deflate")
EXACT = (
    "GIF",
    "interlaced GIF",
    "lossless WebP",
    "PNG",
    "TIFF of LZW",
    "TIFF of deflate",
    "TIFF of packed bits",
    "BMP",
)


def noise(kind: str = "RGB") -> Image.Image:
    codes = np.random.default_rng(3).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    return Image.fromarray(codes).convert(kind)


def saved(way: str) -> bytes:
    kind, how = WAYS[way]
    data = io.BytesIO()
    noise(kind).save(data, **how)
    return data.getvalue()


def zeroed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(200) + data[middle + 200 :]


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_picture_is_read_and_one_cut_in_half_is_refused(way: str, tmp_path: Path) -> None:
    path, data = tmp_path / "picture", saved(way)
    path.write_bytes(data)
    found = read_picture(path)
    assert found.shape == (3, 100, 120)
    if way in EXACT:
        codes = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        np.testing.assert_array_equal(np.round(found * 255).astype(np.uint8), codes.transpose(2, 0, 1))
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"cannot be read as a picture|is cut short or damaged: FFmpeg says “\w"):
        read_picture(path)


@pytest.mark.parametrize("way", ZEROED)
def test_a_picture_with_bytes_that_were_lost_is_refused(way: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(zeroed(saved(way)))
    assert re.search("cannot be read as a picture|is cut short or damaged", picture_problem(path))


def jpeg_with(segment: bytes) -> bytes:
    """Return a JPEG with another segment behind its first mark."""
    data = saved("JPEG")
    return data[:2] + segment + data[2:]


def tiff_with_a_tag_of_its_own() -> bytes:
    data = io.BytesIO()
    noise().save(data, "TIFF", tiffinfo={65000: "of a camera"})
    return data.getvalue()


ODD = {
    "EXIF that is none": lambda: jpeg_with(b"\xff\xe1\x00\x12Exif\0\0garbage!!!"),
    "a short application segment": lambda: jpeg_with(b"\xff\xe0\x00\x04JF"),
    "a colour profile that is none": lambda: jpeg_with(b"\xff\xe2\x00\x13ICC_PROFILE\0\x01\x02abc"),
    "a second JPEG behind it": lambda: saved("JPEG") * 2,
    "text behind it": lambda: saved("JPEG") + b"text" * 50,
    "fill bytes": lambda: jpeg_with(b"\xff\xff\xff"),
    "a PNG without its end": lambda: saved("PNG")[:-12],
    "a TIFF with a tag of its own": tiff_with_a_tag_of_its_own,
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_beside_the_pixels_refuses_no_picture(case: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(ODD[case]())
    assert not picture_problem(path)


@pytest.mark.parametrize("kind", ["RGB", "L", "YCbCr"])
def test_a_jpeg_in_a_tiff_is_refused(kind: str, tmp_path: Path) -> None:
    """FFmpeg makes other colours of it."""
    noise(kind).save(tmp_path / "a.tif", compression="jpeg")
    with pytest.raises(MediaError, match=r"a\.tif is a TIFF whose pixels are a JPEG.*Save it again"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("data", [b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x03\x01"])
def test_a_tiff_that_ends_at_once_is_no_picture(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(MediaError, match="a.tif cannot be read as a picture"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["take [error] 1.png", "[fatal] x.png", "[png @ 0x1] [panic] .png"])
def test_a_picture_may_be_called_as_damage_is(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(saved("PNG"))
    assert not picture_problem(tmp_path / name)


@pytest.mark.parametrize("setting", ["path", "cover"])
def test_check_tells_where_a_damaged_picture_is_named(setting: str, studio: Any, tmp_path: Path) -> None:
    data = saved("JPEG")
    (tmp_path / "file.jpg").write_bytes(data[: len(data) // 2])
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(2, channels=2))
    (tmp_path / "picture.png").write_bytes((studio.folder / "picture.png").read_bytes())
    nodes = harness.surroundings(studio.folder / "model")
    if setting == "path":
        nodes["bad"] = {"node": "ImageSource", "path": "file.jpg"}
    cover = {"cover": "file.jpg"} if setting == "cover" else {}
    nodes["out"] = {"node": "FFmpegSink", "frames": "decoded", "audio": "track", "path": "film.mp4"} | cover
    problems = input_problems(harness.load({"n2s": 1, "size": [64, 36], "nodes": nodes}, tmp_path))
    assert any(re.search(rf"{setting}: .*file.jpg cannot be read as a picture", str(each)) for each in problems)
