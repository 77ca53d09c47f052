"""Amounts of memory and disk, in words and back."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def parse_amount(text: str) -> int:
    """Read "5GB", "500 MB", "1.5 GiB" or a plain number of bytes; ValueError for anything else."""
    match = re.fullmatch(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*(?:([kmgt]i?)?b?)\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f'a size like 5GB or 500 MB was wanted, not "{text}"')
    return int(float(match[1]) * _UNITS[(match[2] or "").lower()])


def amount_text(count: float) -> str:
    """Return a number of bytes in words: "812.0 MB", "1.4 GB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count = count / 1000
    return ""
