"""A dict that forgets what was not used for long."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np


class Recent(OrderedDict):
    """A dict of the most recently used items: at most so many, and so many bytes of arrays in them, but always one."""

    def __init__(self, most: int, limit: int):
        super().__init__()
        self.most, self.limit = most, limit
        self._sizes: dict[Any, int] = {}

    def __getitem__(self, key: Any) -> Any:
        self.move_to_end(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._sizes[key] = _bytes_of(value)
        while len(self) > 1 and (len(self) > self.most or sum(self._sizes.values()) > self.limit):
            gone, _ = self.popitem(last=False)
            del self._sizes[gone]

    def clear(self) -> None:
        super().clear()
        self._sizes.clear()


def _bytes_of(value: Any) -> int:
    """Return the bytes of the arrays in a value, where it is an array or holds arrays."""
    if isinstance(value, dict | tuple | list):
        return sum(map(_bytes_of, value.values() if isinstance(value, dict) else value))
    is_one_number = isinstance(value, np.ndarray) and not any(value.strides)  # repeated, it takes no memory
    return value.nbytes if isinstance(value, np.ndarray) and not is_one_number else 0
