"""Small letters for pictures: a bitmap alphabet, five columns wide."""

from __future__ import annotations

import numpy as np

# Five columns per letter, from the left, two hexadecimal digits each; bit 0 is the top row, bit 7 hangs below the line.
_COLUMNS = {
    "0": "3e4141413e", "1": "00427f4000", "2": "6251494946", "3": "2241494936", "4": "1814127f10", "5": "2745454539",
    "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e", "a": "2054545478", "b": "7f48444438",
    "c": "3844444428", "d": "384444487f", "e": "3854545418", "f": "08087e0902", "g": "18a4a4a47c", "h": "7f08040478",
    "i": "00447d4000", "j": "4080847d00", "k": "7f10284400", "l": "00417f4000", "m": "7c04780478", "n": "7c08040478",
    "o": "3844444438", "p": "fc24242418", "q": "18242424fc", "r": "7c08040408", "s": "4854545420", "t": "04043f4424",
    "u": "3c4040207c", "v": "1c2040201c", "w": "3c4030403c", "x": "4428102844", "y": "1ca0a0a07c", "z": "4464544c44",
    ".": "0060600000", ":": "0036360000", "-": "0008080800", "+": "08083e0808", "/": "2010080402", "_": "4040404040",
    ",": "00a0600000", "'": "0000070000", "&": "3649552250", "*": "14083e0814", "#": "147f147f14", "!": "00005f0000",
    "=": "1414141414", "(": "001c224100", ")": "0041221c00", "%": "2313086462", "[": "007f414100", "]": "0041417f00",
    "A": "7c1211127c", "B": "7f49494936", "C": "3e41414122", "D": "7f4141413e", "E": "7f49494941", "F": "7f09090901",
    "G": "3e41415173", "H": "7f0808087f", "I": "00417f4100", "J": "2040413f01", "K": "7f08142241", "L": "7f40404040",
    "M": "7f021c027f", "N": "7f0408107f", "O": "3e4141413e", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946",
    "S": "2649494932", "T": "03017f0103", "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463",
    "Y": "0304780403", "Z": "6159494d43",
}  # fmt: skip
_UNKNOWN = "7f4141417f"
HEIGHT = 7


def width(text: str, scale: int = 2) -> int:
    """Return the width of a line of text in pixels."""
    return max(0, 6 * len(text) - 1) * scale


def letter(pixels: np.ndarray, x: int, y: int, text: str, colour: tuple[int, int, int], scale: int = 2) -> None:
    """Write a line of text into uint8 pixels (H, W, 3), its upper left corner at (x, y), clipped to the picture."""
    for i, character in enumerate(text):
        if character == " ":
            continue
        columns = np.frombuffer(bytes.fromhex(_COLUMNS.get(character, _UNKNOWN)), np.uint8)
        dots = np.unpackbits(columns[None, :], axis=0, bitorder="little").astype(bool)
        dots = dots.repeat(scale, axis=0).repeat(scale, axis=1)
        left = x + 6 * scale * i
        if left < 0 or y < 0:
            continue
        place = pixels[y : y + dots.shape[0], left : left + dots.shape[1]]
        place[dots[: place.shape[0], : place.shape[1]]] = colour
