"""How much of a frame is burnt or in bands, from the codes that are encoded."""

from __future__ import annotations

import numpy as np

from n2s.graph.format import Pixels

NAMES = ("burnt", "banded")
SHORTEST = 64  # a band is at least this part of the width
SHOWN = 20  # the least code of a band that is seen, of 8 bits in limited range
ROWS = 48  # of a frame that are looked at
EVERY = 8  # frames, in one of which bands are sought


def light_planes(codes: np.ndarray, pixels: Pixels, size: tuple[int, int]) -> np.ndarray:
    """Return what of some frames tells their light, a view (B, H, W, 1) of luma, or (B, H, W, 3) of RGB."""
    width, height = size
    count = 3 if pixels.layout == "rgb" else 1
    return codes[:, : width * height * count].reshape(len(codes), height, width, count)


def measure_flaws(codes: np.ndarray, pixels: Pixels, size: tuple[int, int], first: int = 0) -> np.ndarray:
    """Return the shares of some frames that are burnt and in bands, float32 (B, 2).

    Burnt is luma at white or above. A band is a run of one code over at least 1/64 of the
    width, of 8 bits, beside another that is one code apart: what a soft gradient becomes without dither. Bands are
    sought in each eighth frame of a chunk; in others the share is NaN. Of RGB, green stands for luma.

    Parameters
    ----------
    codes : array (B, codes of a frame), uint8 or uint16
    pixels : Pixels
        What these are.
    size : (int, int)
        Width and height of a frame.
    first : int
        The number of the first frame in its chunk.
    """
    height, is_rgb = size[1], pixels.layout == "rgb"
    reading = (2 * np.arange(min(ROWS, height)) + 1) * height // (2 * min(ROWS, height))
    rows = light_planes(codes, pixels, size)[:, reading][..., 1 if is_rgb else 0]
    white = 2**pixels.bits - 1 if is_rgb else 235 << pixels.bits - 8
    found = np.empty((len(codes), len(NAMES)), np.float32)
    for k, frame in enumerate(rows):  # one by one: NumPy counts a whole array many times faster than along axes
        found[k, 0] = np.count_nonzero(frame >= white) / frame.size
    found[:, 1] = 0 if pixels.bits > 8 else np.nan
    for k in range(-first % EVERY, len(codes), EVERY) if pixels.bits == 8 else ():
        found[k, 1] = _banded(rows[k])
    return found


def _banded(rows: np.ndarray) -> float:
    """Return the share of some rows that lies in bands."""
    shortest = max(8, rows.shape[1] // SHORTEST)
    steps = np.diff(rows.astype(np.int16), axis=1, append=-1000)  # a row ends with a step that is none of a band
    ends = np.flatnonzero(steps)
    lengths = np.diff(ends, prepend=-1)
    long = (lengths >= shortest) & (rows.ravel()[ends] >= SHOWN)
    # Two long runs, a code apart; long runs between single pixels are dither.
    meets = np.append(long[:-1] & long[1:] & (np.abs(steps.ravel()[ends[:-1]]) == 1), False)
    banded = meets | np.append(False, meets[:-1])
    return float(lengths[banded].sum() / rows.size)
