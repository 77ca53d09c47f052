"""Colours of videos: from the planes that FFmpeg gives to red, green, blue and a matte.

FFmpeg's own conversion from YUV is off by up to 0.4 %, so it only enlarges the planes of colour to the size of the
frame (bicubic), in 16 bits; the matrix and the range are applied here. With codes of d bits, limited range has
y = (Y - 16 k) / (219 k), u, v = (U, V - 128 k) / (224 k), k = 2**(d - 8); full range divides by 2**d - 1. Then

    r = y + 2 (1 - kr) v,  b = y + 2 (1 - kb) u,  g = (y - kr r - kb b) / (1 - kr - kb),  held within 0..1

with kr and kb as ITU-R BT.601, BT.709 and BT.2020 state them.
"""

from __future__ import annotations

import re
from typing import cast

import numpy as np

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
MATRICES = {  # kr and kb by FFmpeg's names of colour spaces
    "bt709": BT709, "smpte170m": BT601, "bt470bg": BT601, "smpte240m": (0.212, 0.087), "fcc": (0.30, 0.11),
    "bt2020nc": (0.2627, 0.0593), "bt2020c": (0.2627, 0.0593),
}  # fmt: skip
ROWS_OF_HD = 720  # from here on, a video that does not say its matrix is taken for BT.709
TRANSPARENT = re.compile(r"yuva|rgba|bgra|argb|abgr|gbrap|ya\d|ayuv|vuya|pal8")
SCALING = "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact+bicubic"
ROWS = 32  # that are converted at a time, so that they stay in the processor's cache
_DEPTH = re.compile(r"(?:p0?|gray|ya|rgb|bgr|y[234]|xv)(9|10|12|14|16)(?!\d)")


def matrix_of(space: str, rows: int) -> tuple[float, float]:
    """Return kr and kb of a colour space in FFmpeg's words; of one that is not known, by the rows of the frame."""
    return MATRICES.get(space, BT709 if rows >= ROWS_OF_HD else BT601)


class Conversion:
    """How the frames of a video become colours.

    Attributes
    ----------
    filters : str
        What FFmpeg has to do to give the planes.
    kind : numpy.dtype
        Of their codes.
    planes : int
        How many there are: 3, or 4 with a matte.

    Parameters
    ----------
    form : str
        FFmpeg's name of its pixels.
    matrix : (float, float)
        kr and kb.
    full : bool
        Whether YUV has the full range.
    """

    def __init__(self, form: str, matrix: tuple[float, float], full: bool):
        self.has_matte = TRANSPARENT.match(form) is not None
        self.planes, self._matrix, self._full = 3 + self.has_matte, matrix, full
        self._is_yuv = re.match(r"(?!gray|ya|gbr|rgb|bgr|argb|abgr|0|pal|mono|x2)", form) is not None
        self._depth = depth_of(form)
        narrow = not self._is_yuv and self._depth == 8
        self.kind = np.dtype("u1" if narrow else "<u2")
        self._shift = 0 if narrow else 16 - self._depth
        alpha = "a" if self.has_matte else ""
        planar = f"yuv{alpha}444p16le" if self._is_yuv else f"gbr{alpha}p{'' if narrow else '16le'}"
        both = "pc" if form.startswith("yuvj") or not self._is_yuv else "tv"  # the same: it must not convert the range
        self.filters = f"scale=in_range={both}:out_range={both}:flags={SCALING},format={planar}"

    def convert(self, planes: np.ndarray, colours: np.ndarray, matte: np.ndarray | None) -> None:
        """Turn the planes (3 or 4, H, W) of a frame into colours (3, H, W) and a matte (1, H, W), float32, 0..1."""
        for top in range(0, planes.shape[1], ROWS):
            rows = slice(top, top + ROWS)
            (self._from_yuv if self._is_yuv else self._from_rgb)(planes[:, rows], colours[:, rows])
            if self.has_matte:
                cast(np.ndarray, matte)[0, rows] = self._codes(planes[3, rows]) / np.float32(2**self._depth - 1)

    def _codes(self, plane: np.ndarray) -> np.ndarray:
        """Return the codes of the file; below them, FFmpeg leaves zeros or repeats the highest bits."""
        return (plane >> self._shift).astype(np.float32)

    def _from_rgb(self, planes: np.ndarray, colours: np.ndarray) -> None:
        for colour, source in zip(colours, (2, 0, 1)):
            np.divide(self._codes(planes[source]), np.float32(2**self._depth - 1), out=colour)

    def _from_yuv(self, planes: np.ndarray, colours: np.ndarray) -> None:
        unit, white = 2 ** (self._depth - 8), 2**self._depth - 1
        black, high, wide = (0, white, white) if self._full else (16 * unit, 219 * unit, 224 * unit)
        (kr, kb), fine = self._matrix, 2**self._shift  # planes of colour have bits below the file's codes
        y = (self._codes(planes[0]) - np.float32(black)) / np.float32(high)
        u, v = (plane.astype(np.float32) - np.float32(1 << 15) for plane in planes[1:3])
        kg, across = 1 - kr - kb, wide * fine
        red, blue = 2 * (1 - kr) / across, 2 * (1 - kb) / across
        np.clip(y + v * np.float32(red), 0, 1, out=colours[0])
        np.clip(y - u * np.float32(kb * blue / kg) - v * np.float32(kr * red / kg), 0, 1, out=colours[1])
        np.clip(y + u * np.float32(blue), 0, 1, out=colours[2])


def depth_of(form: str) -> int:
    """Return how many bits a code of some pixels has, from FFmpeg's name of them."""
    if match := _DEPTH.search(form):
        return max(int(match[1]), 8)
    return 16 if re.search(r"48|64|f32|f16", form) else 8
