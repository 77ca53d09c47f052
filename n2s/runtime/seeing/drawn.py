"""Drawings as files: what a file's ending says is what is written."""

from __future__ import annotations

from pathlib import Path

from n2s.runtime.media.png import encode_png
from n2s.runtime.seeing.drawing import Drawing
from n2s.runtime.seeing.painting import paint
from n2s.runtime.seeing.svg import to_svg
from n2s.runtime.store import publish

FORMS = {".png": lambda drawing: encode_png(paint(drawing)), ".svg": to_svg}


def write_drawing(path: Path, drawing: Drawing) -> None:
    """Write a drawing, whole or not at all, in the form of the path's ending."""
    data = FORMS[path.suffix.lower()](drawing)
    publish(path, lambda temporary: temporary.write_bytes(data))
