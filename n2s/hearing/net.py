"""A small net that hears where beats, bars and drums are: its weights are read from a file and run with numpy.

A temporal convolutional net in the manner of Böck and Davies, "Deconstruct, analyse, reconstruct", ISMIR 2020: dilated
convolutions over what `n2s.hearing.rows` heard, which see 47 s around each moment. `training/hearing` trains it on
songs that it makes itself.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from n2s.graph.arrays import read_arrays
from n2s.graph.code.loaded import Stamp, stamp
from n2s.graph.errors import MediaError
from n2s.hearing.rows import STEP

HEARD = ("beat", "downbeat", "kick", "snare", "hat")  # what each output says the likelihood of
WEIGHTS = Path(__file__).with_name("net.npz")
AROUND = 4.0  # s on both sides, over which loudness is judged
QUIET = 0.02  # of the loudest moment: what is added to it, so that silence stays silent
TAPS, BLOCKS = 5, 9
EDGE = 2**BLOCKS * (TAPS - 1) // 2  # rows that the net sees on each side, at most
AT_ONCE = 8192  # rows
LAYERS = ("in", "out", *(f"{kind} {block}" for kind in ("conv", "mix") for block in range(BLOCKS)))
NAMES = {name + part for name in LAYERS for part in ("", " bias")}  # of the weights of a state


def inputs(heard: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what the net sees, float32 (K, 60): levels, rises, pitch classes, each relative to the seconds around."""
    return Seen(heard).rows(0, len(heard["levels"]))


class Seen:
    """What a net sees of what was heard, a stretch at a time."""

    def __init__(self, heard: Mapping[str, np.ndarray]):
        self._heard = heard
        self._loud, self._tonal = (_around(_means(heard[name])) for name in ("levels", "chroma"))

    def rows(self, start: int, stop: int) -> np.ndarray:
        levels, rises, chroma = (
            self._heard[name][start:stop].astype(np.float64) for name in ("levels", "rises", "chroma")
        )
        loud, tonal = self._loud[start:stop, None], self._tonal[start:stop, None]
        return np.concatenate([levels / loud - 1, 4 * rises / loud, chroma / tonal - 1], axis=1).astype(np.float32)


def _means(rows: np.ndarray) -> np.ndarray:
    return np.einsum("kb->k", rows.astype(np.float64)) / rows.shape[1]


def _around(values: np.ndarray) -> np.ndarray:
    """Return the means of the seconds around each row, never less than a share of the largest."""
    reach = round(AROUND / STEP)
    total = np.concatenate([[0], np.cumsum(values)])
    place = np.arange(len(values))
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, len(values))
    mean = (total[high] - total[low]) / (high - low)
    return mean + QUIET * max(float(mean.max(initial=0.0)), 1e-6)


class Ears:
    """Several states of the trained net, which are heard together: the mean of what they say errs less than each."""

    def __init__(self, nets: Sequence[Net]):
        self._nets = nets

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Ears:
        """Read the states of a file, in which their weights have their number before their name: "0 in", "1 in".

        Raises
        ------
        MediaError
            When the file is not there, or does not hold the weights of nets.
        """
        return cls(_read(path, stamp(str(path))))

    def listen(self, heard: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the likelihood of each of `HEARD` at each step of `n2s.hearing.rows.analyse`, float32 (K,), 0..1."""
        seen, count = Seen(heard), len(heard["levels"])
        found = np.zeros((len(HEARD), count), np.float32)
        for start in range(0, count, AT_ONCE):
            stop = min(start + AT_ONCE, count)
            low, high = max(start - EDGE, 0), min(stop + EDGE, count)
            rows = seen.rows(low, high)
            odds = self._nets[0].odds(rows)
            for net in self._nets[1:]:
                odds = odds + net.odds(rows)
            with np.errstate(over="ignore"):  # odds against it that exceed all floats are a likelihood of 0
                found[:, start:stop] = 1 / (1 + np.exp(-odds[:, start - low : stop - low] / len(self._nets)))
        return dict(zip(HEARD, found))


@lru_cache(maxsize=1)
def _read(path: Path, state: Stamp | None) -> tuple[Net, ...]:
    """Return the nets of a file, which is read once as long as its state is the same: each track asks for them."""
    states: dict[str, dict[str, np.ndarray]] = {}
    try:
        with path.open("rb") as file:
            for name, array in read_arrays(file).items():
                number, _, weight = name.partition(" ")
                states.setdefault(number, {})[weight] = array
    except FileNotFoundError:
        raise MediaError(f"{path} is not there.") from None
    except (OSError, EOFError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise MediaError(f"{path} cannot be read as the weights of a net: {error}.") from None
    if not states or any(set(weights) != NAMES for weights in states.values()):
        raise MediaError(f"{path} does not hold the weights of a net of {BLOCKS} blocks.")
    return tuple(Net(weights) for weights in states.values())


class Net:
    """One state of the trained net.

    Parameters
    ----------
    weights : mapping
        "in" (C, 60, 3), for each block i "conv i" (C, C, 5) and "mix i" (C, C), "out" (5, C), each with its "bias".
    """

    def __init__(self, weights: Mapping[str, np.ndarray]):
        self._weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}

    def odds(self, seen: np.ndarray) -> np.ndarray:
        """Return the logarithm of the odds of each of `HEARD` at each row, float32 (5, K)."""
        found = _elu(self._convolve(seen.T, "in", 1))
        for block in range(BLOCKS):
            inner = _elu(self._convolve(found, f"conv {block}", 2**block))
            found = found + np.einsum("oc,ct->ot", self._weights[f"mix {block}"], inner) + self._bias(f"mix {block}")
        return np.einsum("oc,ct->ot", self._weights["out"], _elu(found)) + self._bias("out")

    def _bias(self, name: str) -> np.ndarray:
        return self._weights[f"{name} bias"][:, None]

    def _convolve(self, values: np.ndarray, name: str, dilation: int) -> np.ndarray:
        weights = self._weights[name]
        taps = weights.shape[2]
        reach, count = dilation * (taps // 2), values.shape[1]
        padded = np.pad(values, ((0, 0), (reach, reach)))
        total = self._bias(name) + np.zeros((len(weights), count), np.float32)
        for tap in range(taps):
            total += np.einsum("oc,ct->ot", weights[:, :, tap], padded[:, tap * dilation : tap * dilation + count])
        return total


def _elu(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))
