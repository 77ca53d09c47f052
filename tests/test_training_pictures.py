"""Pictures to train on look as they do in a viewer: deep grey, transparency, cameras that were held upright."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from training import filter  # noqa: E402
from training.dataset import read_png  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.pictures import read_pixels  # noqa: E402

SIZE = (6, 9)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def colours(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(channels).integers(0, 256, (*SIZE, channels), np.uint8)


@pytest.fixture(params=["training", "filter"])
def read(request: pytest.FixtureRequest, tmp_path: Path):
    """What training reads of the bytes of a file, and what the filter does."""

    def by_training(data: bytes) -> np.ndarray:
        (tmp_path / "a.png").write_bytes(data)
        return read_png(tmp_path / "a.png")

    return by_training if request.param == "training" else filter.decode


def test_8_bit_pictures_stay_as_they_are(read) -> None:
    rgb = colours()
    assert np.array_equal(read(saved(Image.fromarray(rgb))), rgb)
    grey = read(saved(Image.fromarray(rgb[..., 0])))
    assert np.array_equal(grey, np.repeat(rgb[..., :1], 3, 2))
    lossy = saved(Image.fromarray(rgb), "JPEG")
    assert np.array_equal(read(lossy), np.asarray(Image.open(io.BytesIO(lossy)).convert("RGB")))
    few = Image.fromarray(rgb).quantize(7)
    assert np.array_equal(read(saved(few)), np.asarray(few.convert("RGB")))


def test_grey_of_16_bits_is_scaled(read) -> None:
    levels = np.array([[0, 128, 129, 257, 32768, 65278, 65279, 65535]], np.uint16)
    wanted = [0, 0, 1, 1, 128, 254, 254, 255]
    for kind in ("PNG", "TIFF"):
        assert read(saved(Image.fromarray(levels), kind))[0].tolist() == [[level] * 3 for level in wanted]
    assert read(saved(Image.fromarray(levels), transparency=65535))[0, -1].tolist() == [0, 0, 0]


def test_what_is_transparent_lies_over_black(read) -> None:
    rgba = colours(4)
    rgba[0, 0], rgba[0, 1], rgba[0, 2] = (200, 100, 50, 0), (200, 100, 50, 255), (200, 100, 50, 51)
    got = read(saved(Image.fromarray(rgba)))
    assert got[0, :3].tolist() == [[0, 0, 0], [200, 100, 50], [40, 20, 10]]
    assert np.array_equal(got, np.rint(rgba[..., :3] * (rgba[..., 3:] / 255)).astype(np.uint8))
    grey = read(saved(Image.fromarray(rgba[..., [0, 3]], "LA")))
    assert np.array_equal(grey, np.repeat(got[..., :1], 3, 2))


def test_a_transparent_colour_is_black(read) -> None:
    rgb = colours()
    rgb[0, 0] = rgb[3, 3] = 10, 20, 30
    got = read(saved(Image.fromarray(rgb), transparency=(10, 20, 30)))
    assert not got[0, 0].any() and not got[3, 3].any() and np.array_equal(got[1], rgb[1])
    few = Image.fromarray(rgb).quantize(4)
    indices, got = np.asarray(few), read(saved(few, transparency=2))
    assert not got[indices == 2].any() and np.array_equal(
        got[indices != 2], np.asarray(few.convert("RGB"))[indices != 2]
    )


@pytest.mark.parametrize("orientation", range(1, 10))  # 9 is none
def test_pictures_are_turned_as_their_camera_was_held(read, orientation: int) -> None:
    rgb, exif = colours(), Image.Exif()
    exif[0x0112] = orientation
    upright = {2: rgb[:, ::-1], 3: rgb[::-1, ::-1], 4: rgb[::-1], 5: rgb.transpose(1, 0, 2), 6: np.rot90(rgb, -1),
               7: rgb[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(rgb)}  # fmt: skip
    assert np.array_equal(read(saved(Image.fromarray(rgb), exif=exif)), upright.get(orientation, rgb))


def test_damaged_exif_hides_no_picture(read) -> None:
    rgb = colours()
    assert np.array_equal(read(saved(Image.fromarray(rgb), exif=b"Exif\0\0no tiff at all")), rgb)


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "F", "I"])
def test_unknown_kinds_of_pixels_are_refused_by_name(tmp_path, mode: str) -> None:
    image = Image.fromarray(np.full(SIZE, 70000, np.int32)) if mode == "I" else Image.new(mode, SIZE)
    (tmp_path / "a.png").write_bytes(saved(image, "TIFF"))
    with pytest.raises(TrainingError, match=r"a\.png cannot be read \(its .*; save it as 8-bit RGB\)"):
        read_png(tmp_path / "a.png")
    assert filter.decode((tmp_path / "a.png").read_bytes()) is None
    with pytest.raises(ValueError, match="save it as 8-bit RGB"):
        read_pixels((tmp_path / "a.png").read_bytes())


def raw_png(depth: int, kind: int, rows: list[bytes], width: int, transparent: bytes) -> bytes:
    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), (b"tRNS", transparent), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(part(*each) for each in parts if each != (b"tRNS", b""))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_grey_is_black_at_every_depth(depth: int) -> None:
    most = 2**depth - 1
    greys = list(range(8 // depth))[: most + 1]
    value = sum(grey << (8 - depth * (k + 1)) for k, grey in enumerate(greys))
    data = raw_png(depth, 0, [bytes([value])], len(greys), struct.pack(">H", 1))
    shown = [0 if grey == 1 else grey * 255 // most for grey in greys]
    assert read_pixels(data)[0, :, 0].tolist() == shown


def test_a_transparent_colour_of_16_bits_is_refused() -> None:
    row = struct.pack(">6H", 1000, 2000, 3000, 40000, 50000, 60000)
    assert read_pixels(raw_png(16, 2, [row], 2, b"")).shape == (1, 2, 3)
    with pytest.raises(ValueError, match="save it as 8-bit RGB"):
        read_pixels(raw_png(16, 2, [row], 2, struct.pack(">3H", 1000, 2000, 3000)))
