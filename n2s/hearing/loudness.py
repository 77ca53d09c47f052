"""Loudness as broadcasters measure it: ITU-R BS.1770-4 and EBU Tech 3341, from the rows of an analysis."""

from __future__ import annotations

import numpy as np

OFFSET = -0.691  # dB, by which a full-scale sine of 1 kHz in one channel reads -3.01
MOMENT, SHORT = 0.4, 3.0  # s
SILENT, RELATIVE = -70.0, -10.0  # LUFS and LU: gates of the integrated loudness
QUIETEST = -120.0  # LUFS, what silence reads


def k_weighting(frequency: np.ndarray, rate: int) -> np.ndarray:
    """Return by how much the K-weighting scales the power of each frequency in hertz.

    A shelf lifts what lies above 1.7 kHz by 4 dB, as a head does, and a high-pass takes what lies below 38 Hz. Both are
    the second-order sections whose coefficients the recommendation lists for 48 kHz, at any rate by the bilinear
    transform.
    """
    z = np.exp(-2j * np.pi * frequency / rate)
    gain, root, pitch = 10 ** (3.999843853973347 / 20), 0.7071752369554196, np.tan(np.pi * 1681.974450955533 / rate)
    middle = gain**0.4996667741545416
    shelf = _section(
        (gain + middle * pitch / root + pitch**2, 2 * (pitch**2 - gain), gain - middle * pitch / root + pitch**2),
        (1 + pitch / root + pitch**2, 2 * (pitch**2 - 1), 1 - pitch / root + pitch**2),
        z,
    )
    root, pitch = 0.5003270373238773, np.tan(np.pi * 38.13547087602444 / rate)
    below = (1 + pitch / root + pitch**2, 2 * (pitch**2 - 1), 1 - pitch / root + pitch**2)
    high = _section((1, -2, 1), tuple(part / below[0] for part in below), z)
    return np.abs(shelf * high) ** 2


def _section(above: tuple, below: tuple, z: np.ndarray) -> np.ndarray:
    return (above[0] + above[1] * z + above[2] * z**2) / (below[0] + below[1] * z + below[2] * z**2)


def momentary(weighted: np.ndarray, channels: int, hop: int, rate: int, seconds: float = MOMENT) -> np.ndarray:
    """Return the loudness around each row, LUFS, float64 (J,): over ``seconds``, centred.

    ``weighted`` are mean squares of the channels; all count alike, as those of stereo do.
    """
    reach = max(1, round(seconds * rate / hop / 2))
    total = np.concatenate([[0], np.cumsum(weighted.astype(np.float64))])
    place = np.arange(len(weighted))
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach, len(weighted))
    power = (total[high] - total[low]) / (2 * reach)
    return _lufs(power * channels)


def integrated(weighted: np.ndarray, channels: int, hop: int, rate: int) -> float:
    """Return the loudness of a whole piece, LUFS, of blocks of 0.4 s a tenth of a second apart that pass both gates."""
    total = np.concatenate([[0], np.cumsum(weighted.astype(np.float64))]) * channels
    block, step = MOMENT * rate / hop, MOMENT / 4 * rate / hop
    starts = np.arange(0, max(len(weighted) - block, 0) + 1e-9, step)
    power = np.interp(starts + block, np.arange(len(total)), total) - np.interp(starts, np.arange(len(total)), total)
    power /= block
    heard = power[_lufs(power) > SILENT]
    if not len(heard):
        return QUIETEST
    loud = heard[_lufs(heard) > _lufs(heard.mean()) + RELATIVE]
    return float(_lufs(loud.mean()))


def _lufs(power: np.ndarray) -> np.ndarray:
    return np.maximum(OFFSET + 10 * np.log10(np.maximum(power, 1e-30)), QUIETEST)
