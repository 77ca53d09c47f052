"""Kinds of arguments that commands share; what cannot be is told by argparse, before any work.

What asks the nets is imported inside functions: torch takes seconds, and commands without nets share the other kinds.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence

from .errors import TrainingError


def minutes(text: str) -> float:
    """Read how long to train."""
    value = some_minutes(text)
    if not value:
        raise argparse.ArgumentTypeError("0: more than 0 minutes are wanted")
    return value


def some_minutes(text: str) -> float:
    """Read how long to train where that may be left out, by 0."""
    return _number(text, 0, math.inf, "a number of minutes")


def at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number from ``least`` on, and up to ``most``."""

    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            wanted = f"of {least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text}: a whole number {wanted} is wanted")
        return value

    return whole


count = at_least(1)  # of things of which there must be one
seed = at_least(0, 2**32 - 1)  # what numpy and torch both take


def weight(text: str) -> float:
    """Read a weight, which 0 leaves out."""
    return _number(text, 0, math.inf, "a number of 0 or more")


def part(text: str) -> float:
    """Read a part of a whole."""
    return _number(text, 0, 1, "a number from 0 to 1")


def rate(text: str) -> float:
    """Read a learning rate."""
    return _number(text, sys.float_info.min, math.inf, "a number above 0")


def _number(text: str, least: float, most: float, wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (least <= value <= most and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"{text}: {wanted} is wanted")
    return value


def width(text: str) -> int:
    """Read the width of a layer whose norms divide it into groups."""
    from .models import Config

    value, group = count(text), Config.group
    if value % max(1, value // group):
        raise argparse.ArgumentTypeError(
            f"{text}: a multiple of {group} is wanted, such as {-(-value // group) * group}"
        )
    return value


def crop(text: str) -> int:
    """Read the size of a crop, which cells fill."""
    from .models import SCALE

    value = count(text)
    if value % SCALE:
        raise argparse.ArgumentTypeError(
            f"{text}: a multiple of {SCALE} is wanted, such as {-(-value // SCALE) * SCALE}"
        )
    return value


def need(args: argparse.Namespace, name: str, others: Sequence[str], why: str) -> None:
    """Refuse an option that was given without any of others that give it its meaning.

    Raises
    ------
    TrainingError
        With ``why``, which says what to do.
    """
    if _given(args, name) and not any(_given(args, other) for other in others):
        raise TrainingError(f"--{name} needs {' or '.join(f'--{other}' for other in others)}: {why}")


def exclude(args: argparse.Namespace, name: str, others: Sequence[str], why: str) -> None:
    """Refuse an option that was given beside another of which it would undo the meaning.

    Raises
    ------
    TrainingError
        With ``why``, which says what to do.
    """
    for other in others:
        if _given(args, name) and _given(args, other):
            raise TrainingError(f"--{name} and --{other} exclude each other: {why}")


def _given(args: argparse.Namespace, name: str) -> bool:
    value = getattr(args, name)
    return value is not None and value is not False  # 0 was given
