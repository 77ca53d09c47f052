"""The named anchors: the latents of pictures that were chosen because they look good and blend well.

Grid 16 rows x 32 columns, from pictures of 512 x 1024; the library crops or mirrors them to other grids.
"""

from __future__ import annotations

import numpy as np
import torch

from .procedural import render

SIZE = (512, 1024)

# name: style, composition, palette, seed
ANCHORS = {
    # warm, fire
    "ember": ("noise", "marble", "ember", 13),
    "lava": ("noise", "nebula", "lava", 13),
    "dawn": ("color-field", "horizon", "ember", 16),
    "amber": ("organic", "current", "saffron", 14),
    "velvet": ("noise", "silk", "rosewood", 15),
    # forest, organic
    "moss": ("noise", "marble", "moss", 14),
    "fern": ("organic", "current", "fern", 16),
    "bloom": ("organic", "bloom", "fern", 13),
    "grove": ("organic", "skin", "moss", 16),
    # sea, night
    "tide": ("noise", "silk", "tide", 12),
    "abyss": ("noise", "nebula", "abyss", 12),
    "aurora": ("noise", "nebula", "aurora", 14),
    "dusk": ("color-field", "horizon", "dusk", 16),
    "moon": ("abstract", "sphere", "violet", 14),
    # graphic
    "neon": ("abstract", "ribbons", "neon", 14),
    "ink": ("organic", "current", "ink", 14),
    "vortex": ("abstract", "vortex", "aurora", 2),
    "monolith": ("abstract", "monoliths", "dusk", 3),
    "knot": ("abstract", "knot", "peacock", 3),
    "fan": ("abstract", "fan", "lava", 2),
    "panes": ("abstract", "panes", "saffron", 3),
    "crystal": ("abstract", "facets", "tide", 2),
    # fields of colour and light
    "hearth": ("color-field", "slabs", "rosewood", 2),
    "eclipse": ("color-field", "eclipse", "nocturne", 3),
    "borealis": ("color-field", "curtains", "aurora", 2),
    "opal": ("color-field", "veil", "opal", 2),
    "sakura": ("color-field", "meeting", "sakura", 3),
    "flare": ("color-field", "leaks", "ember", 2),
    "prism": ("color-field", "bars", "dusk", 1),
    # broken signals
    "echo": ("glitch", "echo", "neon", 1),
    "melt": ("glitch", "melt", "lava", 1),
    "signal": ("glitch", "scan", "abyss", 2),
    "streak": ("glitch", "streaks", "neon", 3),
    "shard": ("glitch", "mosaic", "peacock", 3),
    "reed": ("glitch", "reeded", "dusk", 3),
    "feedback": ("glitch", "feedback", "violet", 1),
    # grown things
    "agate": ("organic", "agate", "rosewood", 2),
    "kelp": ("organic", "kelp", "tide", 2),
    "medusa": ("organic", "medusa", "abyss", 3),
    "coral": ("organic", "coral", "copper", 2),
    "shell": ("organic", "shell", "opal", 2),
}


def picture(name: str, size=SIZE) -> np.ndarray:
    style, composition, palette, seed = ANCHORS[name]
    return render(style, seed, 0, size, palette=palette, composition=composition)


@torch.no_grad()
def encode(encoder, mean, std) -> dict[str, np.ndarray]:
    """Return every anchor as float32 (8, 16, 32), normalised per channel and scaled to a spread within 0.8..1.25."""
    points = {}
    for name in ANCHORS:
        frame = torch.from_numpy(picture(name).transpose(2, 0, 1).copy())[None]
        latents = ((encoder(frame)[0] - mean) / std)[0].numpy()
        spread = float(np.sqrt((latents**2).mean()))
        points[name] = (latents * (np.clip(spread, 0.8, 1.25) / spread)).astype(np.float32)
    return points
