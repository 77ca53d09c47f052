"""The text of a first graph for a piece of music: a whole film that follows it, with comments, to be changed by hand.

What a film does is decided by what was heard: its mood chooses a look, its sections the scenes, its bars the steps from
place to place, its drums the camera, its builds and drops how the picture closes and opens.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from n2s.graph.describe.song import Song

SCENES, PLACES = 3, 3  # of a film, and of a scene
MOST_STRENGTH = 4.0  # of a spring, for drums that are hardly heard
# What is gone of a bar since the last step of the beat: a picture that grows does so in the first part of each beat.
LATE = "(beat_phase - smoothstep(0, 0.4, beat_phase)) / features.beats_in_bar"


@dataclass(frozen=True)
class Look:
    """How a film looks and moves: its scenes, each of three places; how it goes from one to the next; what hits do."""

    scenes: tuple[tuple[str, str, str], ...]  # of which a song gets three
    bars: int  # from one place to the next
    morph: str  # the mask, by which one place grows into the next
    begins: float  # share of these bars after which it does
    punch: float  # how much nearer a kick pulls the camera
    twist: float  # degrees that a snare turns it
    flash: float  # stops of light on an attack
    drift: float
    pan: float  # heights that the camera sways to each side
    swing: str  # period and damping of the springs
    warmth: float
    contrast: float
    saturation: float
    bloom: float
    vignette: float


LOOKS = {
    "warm": Look(
        (("dawn", "amber", "ember"), ("velvet", "melt", "coral"), ("reed", "fan", "opal"),
         ("hearth", "flare", "lava"), ("agate", "sakura", "panes")),
        4, "mask: noise, scale: 4, softness: 5", 0.55, 0.14, 2.5, 0.6, 0.18, 0.08, "period: 0.4, damping: 0.6",
        0.15, 1.06, 1.08, 0.25, 0.3),
    "calm": Look(
        (("fern", "moss", "grove"), ("opal", "sakura", "dawn"), ("echo", "tide", "kelp"),
         ("dusk", "monolith", "reed"), ("borealis", "medusa", "bloom")),
        4, "mask: noise, scale: 6, softness: 9", 0.4, 0.06, 0.6, 0.3, 0.28, 0.08, "period: 1.0, damping: 0.6",
        0.0, 1.03, 1.02, 0.3, 0.3),
    "night": Look(
        (("dusk", "monolith", "prism"), ("neon", "feedback", "echo"), ("ink", "lava", "melt"),
         ("tide", "borealis", "abyss"), ("vortex", "aurora", "velvet")),
        2, "mask: radial, softness: 6", 0.5, 0.2, 4.0, 0.7, 0.16, 0.09, "period: 0.3, damping: 0.6",
        -0.1, 1.1, 1.15, 0.45, 0.35),
    "bright": Look(
        (("sakura", "shard", "reed"), ("streak", "echo", "neon"), ("fan", "panes", "opal"),
         ("coral", "amber", "fern"), ("agate", "grove", "feedback")),
        2, "mask: wipe, softness: 5, angle: 20", 0.6, 0.18, 3.5, 0.5, 0.14, 0.09, "period: 0.32, damping: 0.6",
        0.0, 1.05, 1.15, 0.25, 0.2),
}  # fmt: skip

TEMPLATE = """\
# {heading}. Composed by n2s new, for you to change: n2s check finds mistakes, n2s run renders,
# n2s preview {file} --strip shows the hardest kicks, n2s nodes NAME explains a node.
n2s: 1
title: {title}
{artist}seed: {seed}  # another seed changes everything random
fps: 30
size: [640, 360]  # [1280, 720] or more for the final film: the same picture, slower
nodes:
  track: {{node: AudioSource, path: {music}}}

{heard}  # docs/hearing.md tells how to correct it, with {labels} for instance.
  features: {{node: Features, audio: track}}

  # Hits. A kick and a snare push a spring each, which swings back; light jumps at an attack and fades.
  punch: {{node: Spring, kick: features.kick, strength: {kick}, {look.swing}}}
  twist: {{node: Spring, kick: features.snare, strength: {snare}, {look.swing}}}
  flash: {{node: EMA, signal: features.onset, attack: 0.004, release: 0.2}}
  glow: {{node: EMA, signal: features.rms, half_life: 0.5}}
  # How far the camera has travelled: always on, in a leap with each kick.
  hit: {{node: EMA, signal: features.kick, attack: 0.004, release: 0.1}}
  travel: {{node: Integrate, speed: = 0.2 + 0.3 * glow + {leap} * hit, per: 1 bar}}

  # Scenes. {about_scenes}
  scene: {{node: Sequence, values: {scenes}, {by}}}
  # Within a scene the film holds a place for {look.bars} bars, and in their last part it grows into the next one,
  # a step with each beat.
{others}  stride:
    node: Value
    value: = {stride}
  here:
    node: LatentPath
    names: [{places}]
    place: = scene + floor(stride) % {per_scene}
  next:
    node: LatentPath
    names: [{places}]
    place: = scene + (floor(stride) + 1) % {per_scene}
  grown:
    node: LatentMask
    a: here
    b: next
    amount: = smoothstep({look.begins}, 1, fract(stride)){until}
    {morph}

  # Motion. The picture drifts, more while the music builds up; it closes in on a drop, and opens there.
  drift:
    node: Wander
    latents: grown
    amount: = {look.drift} + {look.drift} * glow + 0.25 * features.build
    period: {look.bars} bars
  view:
    node: LatentCamera
    latents: drift
    shift_x: = {look.pan} * sin(0.5 * travel)
    turn: = 3 * sin(0.2 * travel)
    zoom: = 1 + 0.25 * features.build
  film: {{node: VAEDecode, latents: view}}

  # The camera: nearer with each kick, turned by each snare.
  camera:
    node: Camera
    frames: film
    zoom: = 1.06 + {look.punch} * punch + 0.1 * features.drop
    turn: = {look.twist} * twist
  # Light: evened over the film, then thrown by attacks.
  exposed: {{node: Exposure, frames: camera}}
  tone:
    node: Tone
    frames: exposed
    exposure: = {look.flash} * flash + 0.2 * features.drop - 0.2 * features.build
    warmth: {look.warmth}
    contrast: {look.contrast}
    saturation: = {look.saturation} + 0.2 * features.drop - 0.2 * features.build
  bloom: {{node: Bloom, frames: tone, amount: = {look.bloom} * (0.6 + flash)}}
  vignette: {{node: Vignette, frames: bloom, amount: {look.vignette}, radius: 0.4}}
  grain: {{node: Grain, frames: vignette, amount: 0.025}}
  out: {{node: FFmpegSink, frames: grain, audio: track, path: {film}}}
"""


def starter(
    music: str, title: str, artist: str, song: Song, known: list[str], look: str, seed: int, film: str, file: str,
    labels: str,
) -> str:  # fmt: skip
    """Return the text of a graph.

    Parameters
    ----------
    music : str
        The path of the music, relative to the graph.
    song : Song
        What was heard.
    known : list of str
        The anchors of the model.
    look : str
        One of `LOOKS`.
    film, file, labels : str
        The names of the film, of the graph, and of the file with its beats.
    """
    chosen = LOOKS[look]
    places = choose_places(chosen, known, seed)
    per_scene = min(PLACES, len(places))
    starts = list(range(0, len(places) - per_scene + 1, per_scene))
    several = len(set(song.letters)) > 1
    about = (
        "Each letter of the sections has places of its own; where a section begins, the film cuts to them."
        if several
        else "No sections were heard, so the film cuts to other places every 16 bars."
    )
    return TEMPLATE.format(
        heading=title or "A film",
        title=yaml_text(title),
        artist=f"artist: {yaml_text(artist)}\n" if artist else "",
        seed=seed,
        music=yaml_text(music),
        heard=f"  # Heard: {song.told}.\n".replace("; sections", ".\n  # Sections:"),
        labels=labels,
        look=chosen,
        kick=_strength(song.kick),
        snare=_strength(song.snare),
        leap=round(4 * _strength(song.kick), 1),
        about_scenes=about,
        scenes=starts,
        stride=f"-max(bars_left + {LATE}, 0.01) / {chosen.bars}" if several else f"(bar - {LATE}) / {chosen.bars}",
        until=f" * (bars_left > {chosen.bars})" if several else "",
        by="every: section, alike: true" if several else "every: 16 bars",
        per_scene=per_scene,
        others=_others([name for name in known if name not in places]),
        places=", ".join(map(yaml_text, places)),
        morph=chosen.morph.replace(", ", "\n    "),
        film=yaml_text(film),
        file=yaml_text(file),
    )


def _strength(hard: float) -> float:
    """Return by how much a spring must be stronger, so that the harder ones of a drum swing it out by 1."""
    return round(min(max(1 / max(hard, 0.01), 1.0), MOST_STRENGTH), 1)


def choose_places(look: Look, known: list[str], seed: int) -> list[str]:
    """Return the places of a film, three for each of three scenes; of another model, as many from all over its list.

    The seed draws the scenes from those of the look, so that two songs of one mood differ.
    """
    names = {name for scene in look.scenes for name in scene}
    if not names <= set(known):
        count = min(PLACES * SCENES, max(len(known), 2))
        return [known[i * len(known) // count] for i in range(count)]
    left, chosen = list(look.scenes), []
    for _ in range(SCENES):
        seed, drawn = divmod(seed, len(left))
        chosen += left.pop(drawn)
    return chosen


def yaml_text(text: str) -> str:
    """Return a text as YAML: plain where that cannot be misread, else quoted."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9 _./()'-]*[A-Za-z0-9_)]", text)
    if plain and not re.fullmatch(r"(?i)true|false|yes|no|on|off|null", text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def _others(names: list[str]) -> str:
    if not 0 < len(names) <= 60:
        return ""
    lines, line = [], "  # More places:"
    for name in names:
        if len(line) + len(name) > 110:
            lines.append(line)
            line = "  #"
        line += f" {name},"
    return "\n".join([*lines, line.rstrip(",") + "."]) + "\n"
