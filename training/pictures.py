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
        return _colours(image if turn is None else image.transpose(turn), image.info.get("transparency"))


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
