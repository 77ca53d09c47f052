"""Pictures as they look: files of any kind as 8-bit RGB, the right way up."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # the Exif tag that says how a camera was held
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
OPAQUE = ("1", "L", "P", "RGB", "YCbCr")
CLEAR = ("LA", "PA", "RGBA")
NOTES = (b"eXIf", b"Raw profile type exif", b"adobe.xmp")  # where a PNG says how it was held


def read_pixels(data: bytes) -> np.ndarray:
    """Return the picture of a file as uint8 (H, W, 3).

    Grey of 16 bits is scaled, a picture with an Exif orientation is turned, and what is transparent lies over black.

    Raises
    ------
    ValueError
        When its pixels are of a kind that this does not know. Damaged files raise what Pillow raises for them.
    """
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        turn = TURNS.get(_orientation(image))
        transparent = _transparent(data, image)
        if transparent is not None:
            image.info["transparency"] = transparent
        return _colours(image if turn is None else image.transpose(turn), transparent)


def _transparent(data: bytes, image: Image.Image) -> object:
    """Return what of a picture is transparent, as a value of its pixels: those of PNGs are not scaled by Pillow."""
    transparent, depth = image.info.get("transparency"), data[24] if image.format == "PNG" else 8
    if image.mode == "L" and depth in (2, 4) and isinstance(transparent, int):
        return transparent * 255 // (2**depth - 1)
    if image.mode == "RGB" and depth == 16 and transparent is not None:
        raise ValueError("one of its colours of 16 bits is transparent; save it as 8-bit RGB")
    return transparent


def lies_on_its_side(data: bytes) -> bool:
    """Say whether the rows of a PNG's pixels are the columns of what `read_pixels` returns."""
    if not any(note in data for note in NOTES):  # without decoding the picture, as looking for notes at its end does
        return False
    try:
        with Image.open(io.BytesIO(data)) as image:
            return _orientation(image) in (5, 6, 7, 8)
    except (OSError, SyntaxError, ValueError):  # whoever reads its pixels tells
        return False


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ORIENTATION, 1)
    except (KeyError, OSError, SyntaxError, TypeError, ValueError, struct.error):  # the picture itself is whole
        return 1


def _colours(image: Image.Image, transparent: object) -> np.ndarray:
    if image.mode.startswith("I"):  # how Pillow names 16 bits, of either order of bytes, and a few files of 32 bits
        return _of_deep_grey(np.asarray(image).astype(np.int64), transparent)
    if image.mode in CLEAR or (image.mode in OPAQUE and transparent is not None):
        pixels = np.asarray(image.convert("RGBA")).astype(np.uint16)
        return ((pixels[..., :3] * pixels[..., 3:] + 127) // 255).astype(np.uint8)
    if image.mode in OPAQUE:
        return np.asarray(image.convert("RGB"))
    raise ValueError(f"its pixels are {image.mode}; save it as 8-bit RGB")


def _of_deep_grey(grey: np.ndarray, transparent: object) -> np.ndarray:
    if grey.min() < 0 or grey.max() > 65535:
        raise ValueError("its grey has more than 16 bits; save it as 8-bit RGB")
    shown = np.where(grey == transparent, 0, grey) if isinstance(transparent, int) else grey
    return np.repeat(((shown * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, 2)
