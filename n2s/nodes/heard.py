"""What was heard in a piece, as signals at the frames of a film."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.landmarks import LETTERS
from n2s.hearing.beat_frames import count_at_frames
from n2s.hearing.beats import Beats
from n2s.hearing.form import Form
from n2s.hearing.grid import Grid, phase
from n2s.hearing.harmony import harmonic_change
from n2s.hearing.loudness import SHORT, momentary
from n2s.hearing.pooling import normalise, normalise_peaks, pool
from n2s.hearing.rows import STEP
from n2s.hearing.strikes import attacks, impulses, strikes
from n2s.hearing.tension import NAMES, find_tension

# name: (unit, columns, what it is)
MEASURES = {
    "rms": ("full scale", 0, "loudness: root mean square of the samples"),
    "centroid": ("Hz", 0, "brightness: mean frequency, weighted by magnitude"),
    "flatness": ("0..1", 0, "noisiness: geometric over arithmetic mean of the power spectrum"),
    "onset": ("loudness", 0, "attacks: rise of loudness, summed over 24 mel bands"),
    "low": ("full scale", 0, "amplitude below 200 Hz"),
    "mid": ("full scale", 0, "amplitude from 200 to 2000 Hz"),
    "high": ("full scale", 0, "amplitude above 2000 Hz"),
    "mfcc": ("dB", 13, "timbre: mel-frequency cepstral coefficients"),
}
DRUMS = {"kick": 0, "hat": 2, "snare": 1}  # where each strikes among the columns of ``struck``
TONES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")  # s for sharp


def levels(scene: Scene, heard: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return how loud, bright, wide and noisy the music is, and its harmony, at the frames of a film."""
    found, at_frames = {}, _pooling(scene, heard)
    for name in MEASURES:
        if name != "onset":
            found[f"{name}_raw"] = raw = at_frames(heard[name])
            found[name] = normalise(raw)
    of = heard["weighted"], int(heard["channels"]), int(heard["hop"]), int(heard["rate"])
    found["loudness"] = at_frames(momentary(*of))
    found["loudness_short"] = at_frames(momentary(*of, seconds=SHORT))
    found["loudness_whole"] = np.full(scene.clock.frames, heard["integrated"])
    found["width"] = at_frames(heard["width"])
    found["peak"] = pool(
        heard["peak"], int(heard["hop"]), int(heard["rate"]), scene.clock.fps, scene.clock.frames, "max"
    )
    times = scene.clock.times(0, scene.clock.frames)
    steps = np.arange(len(heard["tones"])) * STEP
    found["harmonic_change"] = np.interp(times, steps, harmonic_change(heard["tones"]))
    found["percussive"] = np.interp(times, steps, heard["percussive"])
    found["bass"] = normalise(np.interp(times, steps, heard["bass"]))
    chroma = np.stack([np.interp(times, steps, tone) for tone in heard["tones"].T], axis=1)
    largest = chroma.max(axis=1, keepdims=True)
    found["chroma"] = np.where(largest > 0, chroma / np.where(largest > 0, largest, 1), 0)
    return found


def attacks_and_drums(scene: Scene, heard: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what begins and which drums are struck, as impulses in their frames."""
    hop, rate, clock = int(heard["hop"]), int(heard["rate"]), scene.clock

    def at_frames(rows: np.ndarray, hard: np.ndarray) -> np.ndarray:
        return impulses(rows, hard, heard["sharp"], hop, rate, clock.fps, clock.frames)

    found = {}
    for drum, column in DRUMS.items():
        found[drum] = at_frames(*strikes(heard[drum], heard["onset"], heard["struck"][:, column], hop, rate))
    rows = attacks(heard["onset"])
    found["onset_raw"] = at_frames(rows, heard["onset"][rows])
    found["onset"] = normalise_peaks(found["onset_raw"])
    return found


def musical_time(
    scene: Scene, grid: Grid, found: Beats | None, drums: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return beats and bars; ``found`` is None where the user has said them. ``drums`` are impulses in their frames."""
    times = scene.clock.times(0, scene.clock.frames)
    struck = np.zeros(len(times)) if found is None else np.maximum(drums["kick"], drums["snare"])
    count = count_at_frames(grid, scene.clock.fps, times, struck)
    bars = grid.bars(count)
    return {
        "beat_phase": phase(count),
        "beat": count,
        "beat_began": grid.times(np.floor(count + 1e-9)),
        "bar_phase": phase(bars),
        "bar": bars,
        "beat_in_bar": grid.starts(count),
        "beats_in_bar": np.full(len(times), grid.bar),
        "tempo": grid.tempo_at(times),
        "sure": np.ones(len(times)) if found is None else found.sureness(times),
    }


def sections(bars: np.ndarray, form: Form) -> dict[str, np.ndarray]:
    """Return which section each frame lies in, and where; ``bars`` have gone by at each."""
    edges = np.append(form.starts, form.bars).astype(np.float64)
    which = np.clip(np.searchsorted(edges, bars + 1e-6, side="right") - 1, 0, len(form.letters) - 1)
    begin, end = edges[which], edges[which + 1]
    letters = np.array([min(ord(letter) - ord("A"), len(LETTERS) - 1) for letter in form.letters])
    return {
        "section": which,
        "section_count": np.full(len(bars), len(form.letters)),
        "section_phase": np.clip((bars - begin) / np.maximum(end - begin, 1e-9), 0, 1),
        "section_is": (letters[which][:, None] == np.arange(len(LETTERS))).astype(np.float64),
        "bars_left": np.maximum(end - bars, 0),
    }


def tension(bars: np.ndarray, grid: Grid, form: Form, heard: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of what builds up, drops, rests and goes on; ``bars`` have gone by at each frame."""
    hop, rate, channels = int(heard["hop"]), int(heard["rate"]), int(heard["channels"])
    edges = grid.bar_times(form.bars)
    loud = momentary(heard["weighted"], channels, hop, rate)
    middles = np.linspace(0.05, 0.95, 10)
    inside = edges[:-1, None] + middles * np.diff(edges)[:, None]
    loudness = np.interp(inside, np.arange(len(loud)) * hop / rate, loud).mean(axis=1)
    rows, _ = strikes(heard["kick"], heard["onset"], heard["struck"][:, DRUMS["kick"]], hop, rate)
    kicks, _ = np.histogram(rows * hop / rate, edges)
    return dict(zip(NAMES, find_tension(loudness, kicks, form.starts).weights(bars).T))


def _pooling(scene: Scene, heard: Mapping[str, np.ndarray]) -> Callable[..., np.ndarray]:
    """Return what brings rows to the film's frames."""
    hop, rate = int(heard["hop"]), int(heard["rate"])
    return lambda rows: pool(rows, hop, rate, scene.clock.fps, scene.clock.frames)
