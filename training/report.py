"""The parity report: how well each export decodes held-out pictures, and how far it is from the float32 decoder.

training/outputs/parity.json holds the figures, parity.png a few pictures as every export decodes them, with the
differences enlarged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from . import metrics
from .card import session
from .dataset import Pictures
from .files import write_whole
from .look import page, save
from .models import SCALE as CELL

SHOWN = 6
ENLARGED = 8  # factor of the differences in parity.png


def stretch(frame: np.ndarray, factor: int) -> np.ndarray:
    """Return a frame (3, H, W) as many times as large, by Catmull-Rom, as films stretch what is too small for them."""
    size = factor * frame.shape[2], factor * frame.shape[1]
    return np.stack([np.asarray(Image.fromarray(plane).resize(size, Image.BICUBIC)) for plane in frame])


def compare_exports(
    decoders: Mapping[str, Path], encoder: Path, pictures: Pictures, distance: Any, most: int = 50, detail: int = 1
) -> dict[str, Any]:
    """Measure decoders on held-out pictures.

    Parameters
    ----------
    decoders : mapping of name to file
        The first is the reference that the others are compared with; "norms fp32" is what a folded decoder was made
        from. Frames that are smaller than the pictures are stretched.
    detail : int
        How many times as large the pictures are as those that the encoder knows; it sees them shrunk.

    Returns
    -------
    dict
        ``pictures``: how many; ``distance``: its name; ``to_pictures``: name -> group -> measure, against the
        originals; ``lattice``: name -> how visible the latent grid is, "pictures" for the originals
        (`metrics.lattice`); ``to_reference``: name -> max error, PSNR in dB and distance, against the first decoder;
        ``folded_to_norms`` likewise, of the reference against "norms fp32"; ``shown``: what `write` draws.
    """
    numbers = pictures.some(held_out=True, most=most)
    encode = session(encoder)
    sessions = {name: session(path) for name, path in decoders.items()}
    reference, cell = next(iter(decoders)), CELL * detail
    pairs: dict[str, list] = {name: [] for name in decoders}
    for k in numbers:
        frame = pictures.frame(k)
        latents = encode.run(None, {"frames": F.avg_pool2d(frame[None], detail).numpy()})[0]
        for name, decoder in sessions.items():
            decoded = decoder.run(None, {"latents": latents})[0][0]
            if (factor := frame.shape[1] // decoded.shape[1]) > 1:
                decoded = stretch(decoded, factor)
            pairs[name].append((pictures.styles[k], frame, torch.from_numpy(decoded)))
    shown = range(0, len(numbers), max(1, len(numbers) // SHOWN))[:SHOWN]
    found = {
        "pictures": len(numbers),
        "distance": getattr(distance, "name", None),
        "to_pictures": {name: metrics.compare(found, distance) for name, found in pairs.items()},
        "lattice": {
            "pictures": round(metrics.lattice([frame for _, frame, _ in pairs[reference]], cell), 4),
            **{
                name: round(metrics.lattice([decoded for *_, decoded in found], cell), 4)
                for name, found in pairs.items()
            },
        },
        "to_reference": {
            name: _apart(pairs[name], pairs[reference], distance) for name in decoders if name != reference
        },
        "shown": {"picture": [pairs[reference][k][1] for k in shown]}
        | {name: [pairs[name][k][2] for k in shown] for name in decoders},
    }
    if "norms fp32" in decoders:
        found["folded_to_norms"] = _apart(pairs[reference], pairs["norms fp32"], distance)
    return found


@torch.no_grad()
def _apart(ours: list, theirs: list, distance: Any) -> dict[str, float]:
    both = [(a[2].clamp(0, 1)[None], b[2].clamp(0, 1)[None]) for a, b in zip(ours, theirs)]
    found = {
        "max_error": round(max(float((a - b).abs().max()) for a, b in both), 5),
        "psnr_db": round(float(np.mean([metrics.psnr(a, b) for a, b in both])), 2),
        "psnr_db_worst": round(min(metrics.psnr(a, b) for a, b in both), 2),
    }
    if distance is not None:
        found[distance.name] = round(float(np.mean([float(distance(a, b)) for a, b in both])), 5)
    return found


def write(found: dict[str, Any], folder: Path, name: str = "parity") -> None:
    """Write parity.json, and parity.png: the originals, the frames of each decoder, and the enlarged differences.

    ``name`` may be another one than parity.
    """
    shown = found["shown"]
    figures = {what: value for what, value in found.items() if what != "shown"}
    write_whole(folder / f"{name}.json", lambda partial: partial.write_text(json.dumps(figures, indent=1) + "\n"))
    names = list(shown)
    first = shown[names[1]]
    rows = [*shown.values()] + [[0.5 + ENLARGED * (a - b) for a, b in zip(shown[name], first)] for name in names[2:]]
    image: Image.Image = page([frame for row in rows for frame in row], len(first))
    save(image, folder / f"{name}.png")
