"""Hearing a piece: what Features hears, and the same from librosa's functions.

    python bench/analysis.py                   three minutes of generated music, median of 5
    python bench/analysis.py --music song.flac --repeats 3

Both read samples that are in memory, and give loudness, brightness, noisiness, attacks, three bands, timbre, pitch
classes, what is struck and what is held, and beats. n2s hears both channels, and beside this kick, snare and hats,
bars, sections, peaks, loudness by BS.1770 and the width of the stereo sound, which librosa does not know. librosa hears
the mean of the channels: once as its pages show it, each function by itself, and once, in parentheses, with one
spectrum for all that can share it, and with what is struck told apart in 64 bands and not in 1,025 bins, which is less.
Imports and the first, compiling calls are not counted; how long they take stands below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from run import RATE, ROOT, music
from timed import hold_to, in_turns, median, ratio, table, timed, versions

sys.path.insert(0, str(ROOT))

FASTER = 3.0  # target: so many times as fast as librosa
HOP, WINDOW = 512, 2048
STARTS = {
    "n2s": "from n2s.hearing.song import hear; from training.hearing.samples import Samples; import soundfile as s; "
    "x, r = s.read({path!r}, dtype='float32'); hear(Samples(x.T, r))",
    "librosa": "import librosa; x, r = librosa.load({path!r}, sr=None); librosa.beat.beat_track(y=x, sr=r)",
}


def by_n2s(samples: np.ndarray, rate: int) -> dict[str, Any]:
    from n2s.hearing.beats import find_beats
    from n2s.hearing.form import find_form
    from n2s.hearing.grid import Grid
    from n2s.hearing.song import hear
    from training.hearing.samples import Samples

    heard = hear(Samples(samples, rate))
    beats = find_beats(heard, heard["begins"])
    form = find_form(heard, Grid.of(beats), samples.shape[1] / rate)
    return heard | {"beats": beats, "form": form}


def by_librosa(samples: np.ndarray, rate: int) -> dict[str, Any]:
    """Each function by itself, on the samples."""
    import librosa

    y, common = samples.mean(axis=0), {"hop_length": HOP, "n_fft": WINDOW}
    magnitude = np.abs(librosa.stft(y, **common))
    percussive = librosa.decompose.hpss(magnitude)[1]
    tempo, beats = librosa.beat.beat_track(y=y, sr=rate, hop_length=HOP)
    return {
        "rms": librosa.feature.rms(y=y, hop_length=HOP),
        "centroid": librosa.feature.spectral_centroid(y=y, sr=rate, **common),
        "flatness": librosa.feature.spectral_flatness(y=y, **common),
        "onset": librosa.onset.onset_strength(y=y, sr=rate, hop_length=HOP),
        "mfcc": librosa.feature.mfcc(y=y, sr=rate, n_mfcc=13, **common),
        "chroma": librosa.feature.chroma_stft(y=y, sr=rate, **common),
        "bands": bands(magnitude, rate),
        "percussive": percussive.sum(axis=0) / np.maximum(magnitude.sum(axis=0), 1e-9),
        "beats": beats,
    }


def by_librosa_at_once(samples: np.ndarray, rate: int) -> dict[str, Any]:
    """One spectrum for all that can share it; struck and held are told apart in mel bands."""
    import librosa

    magnitude = np.abs(librosa.stft(samples.mean(axis=0), hop_length=HOP, n_fft=WINDOW))
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=rate)
    decibel = librosa.power_to_db(mel)
    onset = librosa.onset.onset_strength(S=decibel, sr=rate, hop_length=HOP)
    few = librosa.feature.melspectrogram(S=power, sr=rate, n_mels=64)
    tempo, beats = librosa.beat.beat_track(onset_envelope=onset, sr=rate, hop_length=HOP)
    return {
        "rms": librosa.feature.rms(S=magnitude),
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=rate),
        "flatness": librosa.feature.spectral_flatness(S=magnitude),
        "onset": onset,
        "mfcc": librosa.feature.mfcc(S=decibel, sr=rate, n_mfcc=13),
        "chroma": librosa.feature.chroma_stft(S=power, sr=rate),
        "bands": bands(magnitude, rate),
        "percussive": librosa.decompose.hpss(few)[1].sum(axis=0) / np.maximum(few.sum(axis=0), 1e-9),
        "beats": beats,
    }


def bands(magnitude: np.ndarray, rate: int) -> list[np.ndarray]:
    edges = [0, *np.searchsorted(np.fft.rfftfreq(WINDOW, 1 / rate), (200, 2000)), None]
    return [np.sqrt((magnitude[low:high] ** 2).sum(axis=0)) for low, high in zip(edges, edges[1:])]


def clocked(work: Callable[..., Any], *arguments: Any) -> dict[str, float]:
    began = time.perf_counter(), time.process_time()
    work(*arguments)
    return {"wall_s": time.perf_counter() - began[0], "cpu_s": time.process_time() - began[1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--music", type=Path, help="a file in place of generated music")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    hold_to(options.cores)
    if options.music:
        samples, rate = soundfile.read(options.music, dtype="float32", always_2d=True)
    else:
        samples, rate = music(options.seconds), RATE
    samples = np.ascontiguousarray(samples.T)
    works = {"n2s": by_n2s, "librosa": by_librosa, "(librosa, one spectrum)": by_librosa_at_once}
    for work in works.values():
        work(samples[:, : 20 * rate], rate)  # compiled before the clock starts
    found = in_turns({name: partial(clocked, work, samples, rate) for name, work in works.items()}, options.repeats)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "short.wav")
        soundfile.write(path, samples[:, : 10 * rate].T, rate)
        starts = {}
        for who, code in STARTS.items():
            cold = {"NUMBA_CACHE_DIR": str(Path(name, f"cache-{who}")), "PYTHONPATH": str(ROOT)}
            starts[who] = timed([sys.executable, "-c", code.format(path=str(path))], env=dict(os.environ) | cold)
    minutes, rows = samples.shape[1] / rate / 60, []
    for name, taken in found.items():
        rows.append([
            name, f"{median(taken, 'wall_s') / minutes:.2f}", f"{median(taken, 'cpu_s') / minutes:.2f}",
            f"{ratio(taken, found['n2s'], 'wall_s'):.1f}", f"{ratio(taken, found['n2s'], 'cpu_s'):.1f}",
        ])  # fmt: skip
    about = versions("librosa", "numpy", "scipy", "numba")
    print(f"{minutes:.1f} minutes, {', '.join(f'{name} {version}' for name, version in about.items())}\n")
    print(table(["", "s a minute", "CPU s a minute", "to n2s", "CPU to n2s"], rows))
    print(f"\ntarget: librosa takes at least {FASTER:g} times as long")
    for who, took in starts.items():
        print(f"the first ten seconds in a new process, imports included, {who}: {took['wall_s']:.1f} s")
    if options.json:
        options.json.write_text(json.dumps({"versions": about, "all": found, "starts": starts}, indent=1))


if __name__ == "__main__":
    main()
