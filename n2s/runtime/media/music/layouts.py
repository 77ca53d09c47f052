"""Speakers: which channel is for which, what codecs have room for, and how channels are mixed into another layout.

A layout is the names of its channels in the order of the samples, joined by "+": "FL+FR+FC". F is front, B back,
S side; L left, R right, C centre; LFE is the low-frequency channel. The names are FFmpeg's.
"""

from __future__ import annotations

import numpy as np

# In the order of the bits of a wav file's channel mask.
NAMES = (
    "FL",
    "FR",
    "FC",
    "LFE",
    "BL",
    "BR",
    "FLC",
    "FRC",
    "BC",
    "SL",
    "SR",
    "TC",
    "TFL",
    "TFC",
    "TFR",
    "TBL",
    "TBC",
    "TBR",
)

# What is taken where a file does not say: the order that wav and flac share.
USUAL = {
    1: "FC",
    2: "FL+FR",
    3: "FL+FR+FC",
    4: "FL+FR+BL+BR",
    5: "FL+FR+FC+BL+BR",
    6: "FL+FR+FC+LFE+BL+BR",
    7: "FL+FR+FC+LFE+BC+SL+SR",
    8: "FL+FR+FC+LFE+BL+BR+SL+SR",
}

# The layouts that films may have, by FFmpeg's name; smallest first.
PLACES = {
    "mono": "FC",
    "stereo": "FL+FR",
    "3.0": "FL+FR+FC",
    "4.0": "FL+FR+FC+BC",
    "5.0": "FL+FR+FC+BL+BR",
    "5.1": "FL+FR+FC+LFE+BL+BR",
    "6.1(back)": "FL+FR+FC+LFE+BL+BR+BC",
    "7.1": "FL+FR+FC+LFE+BL+BR+SL+SR",
    "7.1(wide)": "FL+FR+FC+LFE+BL+BR+FLC+FRC",
}

# Those that each codec of sound keeps, smallest first. AAC has a number for its ones, which every player knows. The
# four channels of FLAC and Opus are those of two pairs of speakers.
LAYOUTS = {
    "aac": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1"),
    "opus": ("mono", "stereo", "3.0", "5.0", "5.1", "7.1"),
    "flac": ("mono", "stereo", "3.0", "5.0", "5.1", "7.1"),
    "alac": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.1(wide)"),
    "pcm": ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1"),
}
# PCM in Matroska says how many channels there are, and not whose: of three and four, players think differently.
COUNTED = ("mono", "stereo", "5.0", "5.1", "7.1")

# Where a channel goes that a layout has no place for: the first of these that the layout has.
HALF = 0.70710678  # the gain that halves the power
ELSEWHERE = {
    "FC": (("FL", "FR"),),
    "LFE": (("FL", "FR"),),
    "BL": (("SL",), ("FL",)),
    "BR": (("SR",), ("FR",)),
    "SL": (("BL",), ("FL",)),
    "SR": (("BR",), ("FR",)),
    "FLC": (("FL",),),
    "FRC": (("FR",),),
    "BC": (("BL", "BR"), ("SL", "SR"), ("FL", "FR")),
    "TC": (("FL", "FR"),),
    "TFL": (("FL",),),
    "TFC": (("FL", "FR"),),
    "TFR": (("FR",),),
    "TBL": (("BL",), ("SL",), ("FL",)),
    "TBC": (("BL", "BR"), ("SL", "SR"), ("FL", "FR")),
    "TBR": (("BR",), ("SR",), ("FR",)),
}
QUIETER = {"LFE": 0.5, "BC": 0.5, "TC": 0.5, "TBC": 0.5}  # gains into stereo; all others but the front pair have HALF
SAME_PLACE = {"BL": "SL", "BR": "SR", "SL": "BL", "SR": "BR"}  # in a layout with one pair of surrounds


def layout_of_mask(mask: int, channels: int) -> str:
    """Return the layout of a channel mask; "" where it does not name as many speakers as there are channels."""
    names = [name for bit, name in enumerate(NAMES) if mask >> bit & 1]
    return "+".join(names) if len(names) == channels else ""


def known_layout(layout: str, channels: int) -> str:
    """Return a layout that is sure to have so many channels: the file's, or the usual one.

    One channel is mono and two are stereo, whatever the file says.
    """
    names = layout.split("+")
    if channels <= 2 or len(names) != channels or len(set(names)) != channels or not set(names) <= set(NAMES):
        return USUAL[channels]
    return layout


def layouts_of(codec: str, ending: str) -> tuple[str, ...]:
    """Return FFmpeg's names of the layouts that sound of a codec keeps in a kind of file, smallest first."""
    return COUNTED if (codec, ending) == ("pcm", ".mkv") else LAYOUTS[codec]


def fitting_layout(layout: str, known: tuple[str, ...]) -> str:
    """Return which of the layouts of its codec a film's sound gets.

    It is the smallest in which no two channels share a place; where there is none, 7.1, or 5.1 where there is no 7.1.
    """
    names = layout.split("+")
    for name in known:
        places = PLACES[name]
        matrix = mixing_matrix(layout, places)
        if len(places.split("+")) >= len(names) and ((matrix > 0).sum(axis=1) <= 1).all() and _placed(names, matrix):
            return name
    return "7.1" if "7.1" in known else "5.1"


def _placed(names: list[str], matrix: np.ndarray) -> bool:
    """Say whether every channel has a place of its own; the centre at the back may be shared by the two beside it."""
    return all((matrix[:, i] == 1).any() or name == "BC" for i, name in enumerate(names))


def mixing_matrix(layout: str, target: str) -> np.ndarray:
    """Return the gains that mix one layout into another, float32 (channels of the target, channels of the layout).

    A channel whose place the target has goes there alone. Another goes to the nearest places there are, at 0.7071; into
    stereo at 0.5, if it is the low-frequency channel or one behind or above the middle. No channel is left out. Mono
    goes to both sides of stereo at 1. Where a place gets more than one channel, all gains are divided by one number, so
    that nothing clips.
    """
    names, places = layout.split("+"), target.split("+")
    matrix = np.zeros((len(places), len(names)), np.float64)
    for column, name in enumerate(names):
        if name in places:
            matrix[places.index(name), column] = 1
        elif len(names) == 1:
            for place in places[:2]:
                matrix[places.index(place), column] = 1
        elif len(places) == 1:
            matrix[0, column] = 1
        elif SAME_PLACE.get(name) in places and SAME_PLACE[name] not in names:
            matrix[places.index(SAME_PLACE[name]), column] = 1
        else:
            near = next(group for group in ELSEWHERE[name] if set(group) <= set(places))
            gain = QUIETER.get(name, HALF) if near == ("FL", "FR") else HALF
            for place in near:
                matrix[places.index(place), column] = gain
    loudest = matrix.sum(axis=1).max()
    return (matrix / max(1.0, loudest)).astype(np.float32)


def mix(samples: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return samples (channels, n) mixed by gains (places, channels), float32, summed in the order of the channels."""
    if matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix), dtype=np.float32)):
        return samples
    mixed = np.zeros((len(matrix), samples.shape[1]), np.float32)
    for row, gains in zip(mixed, matrix):
        for channel, gain in zip(samples, gains):
            if gain:
                row += gain * channel
    return mixed
