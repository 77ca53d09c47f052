"""What is heard in the music, as signals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.graph.context import AudioHandle, Scene
from n2s.graph.declare import Output, Resident, port
from n2s.graph.types import SIGNAL, Audio
from n2s.nodes.hearing import analyse, beat_count, beat_phase, normalise, pool

# name: (how it is pooled to film frames, unit, columns, what it is)
MEASURES = {
    "rms": ("mean", "full scale", 0, "loudness: root mean square of the samples"),
    "centroid": ("mean", "Hz", 0, "brightness: mean frequency, weighted by magnitude"),
    "flatness": ("mean", "0..1", 0, "noisiness: geometric over arithmetic mean of the power spectrum"),
    "onset": ("max", "dB", 0, "attacks: rise of the log-mel spectrum, mean over the bands"),
    "low": ("mean", "full scale", 0, "amplitude below 200 Hz"),
    "mid": ("mean", "full scale", 0, "amplitude from 200 to 2000 Hz"),
    "high": ("mean", "full scale", 0, "amplitude above 2000 Hz"),
    "mfcc": ("mean", "dB", 13, "timbre: mel-frequency cepstral coefficients"),
}


class Features(Resident):
    """Hear the music: loudness, brightness, noisiness, attacks, bands, timbre, tempo and beats.

    One short-time spectrum of about 46 ms at a fixed hop, whatever the frame rate, pooled to film frames (the maximum
    for attacks, the mean for the rest) in windows centred on each frame's exact time. ``features.rms`` and its like lie
    in 0..1, between the 2nd and the 98th percentile of the track; ``features.rms_raw`` is in its physical unit.

    ``beat_phase`` runs from 0 to 1 within each beat, ``beat`` counts beats, ``tempo`` is in beats per minute; music
    without a tempo is taken at 120.
    """

    audio: Audio = port("the music")

    outputs = (
        {name: Output(SIGNAL, what, "0..1", columns) for name, (_, _, columns, what) in MEASURES.items()}
        | {f"{name}_raw": Output(SIGNAL, what, unit, columns) for name, (_, unit, columns, what) in MEASURES.items()}
        | {
            "beat_phase": Output(SIGNAL, "position within the beat", "0..1"),
            "beat": Output(SIGNAL, "beats since the first one", "beats"),
            "tempo": Output(SIGNAL, "tempo of the whole track", "beats per minute"),
        }
    )

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return self.outputs[output].columns

    def compute(self, scene: Scene, audio: AudioHandle) -> dict[str, np.ndarray]:
        fps, frames = scene.clock.fps, scene.clock.frames
        heard = scene.context.keep("analysis", {"audio": audio.digest}, lambda: analyse(audio))
        hop, rate = int(heard["hop"]), int(heard["rate"])
        found = {}
        for name, (how, _, _, _) in MEASURES.items():
            raw = pool(heard[name], hop, rate, fps, frames, how)
            found[f"{name}_raw"] = raw
            found[name] = normalise(raw)
        tempo, beats = float(heard["tempo"]), heard["beats"]
        if not tempo:
            scene.context.say("No tempo was found in the music: 120 beats per minute are assumed.")
            tempo = 120.0
        found["beat_phase"] = beat_phase(beats, tempo, fps, frames)
        found["beat"] = beat_count(beats, tempo, fps, frames)
        found["tempo"] = np.full(frames, tempo)
        return found
