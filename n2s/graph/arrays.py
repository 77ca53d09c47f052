"""Files of several named arrays are read in one place."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from n2s.graph.code.syntax import undisturbed


def read_arrays(file: BinaryIO) -> dict[str, np.ndarray]:
    """Return the arrays of an open ``.npz`` file by their names; nothing in it can run code.

    Raises
    ------
    Exception
        Of many kinds, when the file is damaged: numpy and zipfile raise what they please.
    """
    with undisturbed(), np.load(file, allow_pickle=False) as arrays:  # the header of an array is read as a syntax tree
        return dict(arrays)
