"""The text of a first graph for a piece of music: a whole film with comments, to be changed by hand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Where a film begins: its places in the model, how fast it follows the music, its light."""

    anchors: tuple[str, ...]
    pulse: str
    glow: float
    amount: str
    period: str
    scale: int
    exposure: str
    warmth: float
    contrast: float
    vignette: float


LOOKS = {
    "warm": Look(("dawn", "ember", "lava", "amber"), "attack: 0.004, release: 0.22", 0.6,
                 "0.22 + 0.3 * glow + 0.3 * pulse", "8 beats", 5,
                 "-0.15 + 0.45 * glow + 1.0 * pulse", 0.2, 1.08, 0.45),
    "calm": Look(("grove", "moss", "fern", "bloom"), "attack: 0.012, release: 0.6", 1.2,
                 "0.35 + 0.3 * glow + 0.25 * pulse", "8 bars", 6, "-0.1 + 0.5 * glow + 0.75 * pulse", 0.0, 1.04, 0.42),
    "night": Look(("abyss", "tide", "neon", "aurora", "moon"), "attack: 0.002, release: 0.14", 0.5,
                  "0.25 + 0.25 * glow + 0.4 * pulse", "4 beats", 4,
                  "-0.25 + 0.4 * glow + 1.05 * pulse", -0.2, 1.12, 0.5),
}  # fmt: skip

TEMPLATE = """\
# {heading}. Made by n2s new, for you to change:
# n2s check finds mistakes, n2s run renders, n2s nodes NAME explains a node.
n2s: 1
title: {title}
{artist}seed: {seed}  # another seed changes everything random
fps: 30
size: [640, 360]  # [1280, 720] or more for the final film: the same picture, slower
nodes:
  track: {{node: AudioSource, path: {music}}}
  features: {{node: Features, audio: track}}

  # What the music does, smoothed to what an eye can follow: its attacks, its loudness, its treble.
  pulse: {{node: EMA, signal: features.onset, {look.pulse}}}
  glow: {{node: EMA, signal: features.rms, half_life: {look.glow}}}
  shine: {{node: EMA, signal: features.high, half_life: 0.3}}

  # The way through places of the model, as [second, how far]: move the points to where the music changes.
{others}  travel: {{node: Keyframes, points: {points}}}
  weights: {{node: Weights, signal: travel, count: {count}}}
  anchors: {{node: Anchors, weights: weights, names: [{anchors}]}}

  # Drift around that way, in the tempo of the music, farther when it is loud.
  drift:
    node: Wander
    latents: anchors
    amount: = {look.amount}
    period: {look.period}
    scale: {look.scale}

  # Pictures, and light on the attacks.
  film: {{node: VAEDecode, latents: drift}}
  tone:
    node: Tone
    frames: film
    exposure: = {look.exposure}
    warmth: {look.warmth}
    contrast: {look.contrast}
    saturation: = 1.05 + 0.2 * shine
  vignette: {{node: Vignette, frames: tone, amount: {look.vignette}, radius: 0.35}}
  grain: {{node: Grain, frames: vignette, amount: = 0.018 + 0.02 * shine}}
  out: {{node: FFmpegSink, frames: grain, audio: track, path: {film}}}
"""


def starter(
    music: str, title: str, artist: str, seconds: float, known: list[str], look: str, seed: int, film: str
) -> str:
    """Return the text of a graph.

    Parameters
    ----------
    music : str
        The path of the music, relative to the graph.
    seconds : float
        How long it is.
    known : list of str
        The anchors of the model.
    look : str
        One of `LOOKS`.
    film : str
        The name of the film's file.
    """
    chosen = LOOKS[look]
    anchors = places(chosen, known)
    return TEMPLATE.format(
        heading=title or "A film",
        title=yaml_text(title),
        artist=f"artist: {yaml_text(artist)}\n" if artist else "",
        seed=seed,
        music=yaml_text(music),
        look=chosen,
        others=_others([name for name in known if name not in anchors]),
        points=way(seconds, len(anchors)),
        count=len(anchors),
        anchors=", ".join(map(yaml_text, anchors)),
        film=yaml_text(film),
    )


def places(look: Look, known: list[str]) -> list[str]:
    """Return a look's anchors, or as many of another model's, from all over its list."""
    if set(look.anchors) <= set(known):
        return list(look.anchors)
    count = min(len(look.anchors), len(known))
    return [known[i * len(known) // count] for i in range(count)]


def way(seconds: float, count: int) -> str:
    """Return points that lead from the first place to the last over the piece; fewer where it is short."""
    digits = 1 if seconds >= 10 else 3
    steps = max(1, min(count - 1, int(seconds)))
    points = [(round(seconds * i / steps, digits), round(i / steps, 3)) for i in range(steps + 1)]
    # A piece shorter than a millisecond has a way of one point.
    return f"[{', '.join(f'[{second:g}, {far:g}]' for second, far in points if not far or second > 0)}]"


def yaml_text(text: str) -> str:
    """Return a text as YAML: plain where that cannot be misread, else quoted."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 _./()'-]*[A-Za-z0-9_)]", text)
    if plain and not re.fullmatch(r"(?i)true|false|yes|no|on|off|null", text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _others(names: list[str]) -> str:
    return f"  # More places: {', '.join(names)}.\n" if 0 < len(names) <= 24 else ""
