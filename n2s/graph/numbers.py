"""Numbers as other libraries have them."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np


def plain_number(value: Any) -> Any:
    """Return a number of NumPy, a fraction or the like as Python's own int or float; anything else as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Real) and not isinstance(value, int | float):
        return float(value)
    return value
