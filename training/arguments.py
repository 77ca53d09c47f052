"""Kinds of arguments that commands share; what cannot be is told by argparse, before any work."""

from __future__ import annotations

import argparse
import math

from .models import SCALE


def minutes(text: str) -> float:
    """Read how long to train."""
    value = some_minutes(text)
    if not value:
        raise argparse.ArgumentTypeError("0: more than 0 minutes are wanted")
    return value


def some_minutes(text: str) -> float:
    """Read how long to train where that may be left out, by 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: a number of minutes is wanted")
    return value


def count(text: str) -> int:
    """Read a number of things of which there must be one at least."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number of 1 or more is wanted")
    return value


def crop(text: str) -> int:
    """Read the size of a crop, which cells fill."""
    value = count(text)
    if value % SCALE:
        raise argparse.ArgumentTypeError(
            f"{text}: a multiple of {SCALE} is wanted, such as {-(-value // SCALE) * SCALE}"
        )
    return value
