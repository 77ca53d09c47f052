"""Draw docs/gallery.md: a contact sheet and a strip for each look, a picture for each node of frames.

python docs/draw_gallery.py                # all of it
python docs/draw_gallery.py liquid Bloom   # the pictures of these alone
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from n2s.graph.declare import Node
from n2s.graph.describe.looks import describe_look, films
from n2s.graph.describe.page import subject
from n2s.graph.describe.words import summary
from n2s.graph.graph import Graph
from n2s.graph.registry import node_types
from n2s.graph.types import FRAMES
from n2s.runtime.media.png import write_picture
from n2s.runtime.seeing.contact import GAP, PAPER, to_pixels
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

DOCS = Path(__file__).resolve().parent
FOLDER, AUDIO = DOCS / "images" / "gallery", DOCS.parent / "audio"
MUSIC = {"fields": "moss.ogg", "aurora": "tide.mp3", "ink": "moss.ogg", "tunnel": "tide.mp3", "glitch": "tide.mp3"}
SHEET, STRIP, WIDE = 12, "scale=1400:-2", 320
MOMENT, STEP = 150, 6  # the frame at which nodes are shown, and frames between the pictures of one that needs time
"""What nodes are shown with, where their defaults show little: settings, and whether it takes time to see them."""
SHOWN: dict[str, dict[str, Any]] = {
    "Camera": {"zoom": 1.4, "turn": 20},
    "Curves": {"points": [[0, 0.1], [0.3, 0.1], [0.6, 0.9], [1, 1]]},
    "Displace": {"by": "other"},
    "Fade": {"amount": 0.6, "colour": "#4a1020"},
    "Hue": {"turn": 120},
    "Invert": {},
    "LiftGammaGain": {"lift": 0.1, "gamma": 1.4},
    "Mirror": {"angle": 180},
    "Mix": {"a": "film", "b": "other", "mode": "difference", "amount": 1},
    "Over": {"back": "film", "front": "other", "matte": "circle"},
    "Palette": {"strength": 0.9},
    "Tone": {"exposure": 0.6, "contrast": 1.4, "saturation": 1.3},
    "Warp": {"zoom": 1.1, "waves": 14},
    "ChromaShift": {"amount": 0.03},
    "Sharpen": {"amount": 2},
    "Blur": {"radius": 0.03},
}
BESIDE = """\
  wave: {node: LFO, period: 1.6}
  track: {node: AudioSource, path: MUSIC}
  features: {node: Features, audio: track}
  here: {node: LatentPath, names: [PLACE], place: 0}
  drift: {node: Wander, latents: here, amount: 0.15}
  film: {node: VAEDecode, latents: drift}
  there: {node: LatentPath, names: [OTHER], place: 0}
  other: {node: VAEDecode, latents: there}
  circle: {node: RadialMatte, radius: 0.3}
"""


def convert(made: Path, drawn: str, *options: str) -> None:
    """Write a picture as JPEG into the folder of the gallery."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(made)]
    subprocess.run([*ffmpeg, *options, "-q:v", "5", str(FOLDER / drawn)], check=True)


def draw_look(name: str, folder: Path) -> None:
    """Draw the contact sheet of a whole film, and what moves around its hardest kicks."""
    graph, picture = folder / f"{name}.yaml", folder / "picture.png"
    music = AUDIO / MUSIC.get(name, "ember.flac")
    graph.write_text(
        "n2s: 1\nseed: 4\nsize: [480, 270]\nnodes:\n"
        f"  track: {{node: AudioSource, path: {json.dumps(str(music))}}}\n"
        f"  look: {{node: Graph, look: {name}, audio: track}}\n"
        "  out: {node: FFmpegSink, frames: look, audio: track, path: film.mp4}\n"
    )
    for drawn, options, scale in (("sheet", [f"--sheet={SHEET}"], "scale=1200:-2"), ("strip", ["--strip"], STRIP)):
        subprocess.run(["n2s", "preview", graph, *options, "-o", picture], check=True)
        convert(picture, f"{name}-{drawn}.jpg", "-vf", scale)
