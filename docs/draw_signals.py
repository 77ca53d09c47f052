"""Draw what every signal node makes of four bars of drums, as docs/images/signals/NAME.svg.

python docs/draw_signals.py
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.landmarks import Landmarks
from n2s.graph.time import Clock
from n2s.nodes import (
    EMA,
    LFO,
    CameraPath,
    Crossfade,
    Delay,
    Envelope,
    Gate,
    Handheld,
    Integrate,
    Keyframes,
    Normalise,
    Quantise,
    Random,
    Relative,
    Remap,
    Select,
    Sequence,
    Smooth,
    Spring,
    Threshold,
)  # fmt: skip
from n2s.runtime.seeing.drawn import write_drawing
from n2s.runtime.seeing.plots import plot

FOLDER = Path(__file__).with_name("images") / "signals"
FPS, BEAT, SECONDS = Fraction(44100, 512), 0.5, 8.0
KICKS = {
    0: 1.0,
    1.5: 0.6,
    2: 0.9,
    4: 1.0,
    5.5: 0.6,
    6: 0.9,
    7: 0.4,
    8: 1.0,
    9.5: 0.6,
    10: 0.9,
    12: 1.0,
    14: 0.9,
}  # beats
SIZE = 960, 240


def clock() -> Clock:
    """Return eight seconds in fours at 120 beats per minute: two bars A, two bars B, which begin with a drop."""
    made = Clock(FPS, round(SECONDS * float(FPS)))
    times = made.times(0, made.frames)
    marks = Landmarks(times, times / BEAT, times / BEAT / 4, ((0.0, "A"), (4.0, "B")), (4.0,))
    return replace(made, landmarks=marks)


def pictures() -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return by the name of a node the names of some signals and the signals, (T, K); the first is what it reads."""
    scene = Scene(clock(), 1, (96, 64), None, Path("."))
    times = scene.clock.times(0, scene.clock.frames)

    def even(value: float) -> np.ndarray:
        return np.full(len(times), value, np.float32)

    kick = even(0)
    for beat, height in KICKS.items():
        kick[max(round(beat * BEAT * float(FPS)), 1)] = height
    loud = EMA(attack=0.03, release=0.25).compute(scene, kick * 4).astype(np.float32)
    swell = (0.3 + 0.25 * np.sin(times * 0.8) + 0.2 * loud).astype(np.float32)
    ramp = (times / SECONDS).astype(np.float32)
    waves = (0.5 + 0.5 * np.sin(2.3 * times) * np.cos(0.7 * times)).astype(np.float32)
    zero, one = even(0), even(1)

    def made(read: np.ndarray | None, *given: np.ndarray, names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
        columns = ([] if read is None else [read]) + list(given)
        return names, np.stack(columns, axis=1)

    return {
        "Spring": made(kick, *(Spring(period=0.6, damping=d).compute(scene, kick, zero, one) for d in (0.15, 1.0)),
                       names=("kick", "damping 0.15", "damping 1")),
        "Integrate": made(swell, Integrate(per="2 bars").compute(scene, swell * 2), names=("speed", "way")),
        "Envelope": made(kick, Envelope(attack=0.05, hold=0.1, decay=0.3).compute(scene, kick),
                         names=("trigger", "attack 0.05, hold 0.1, decay 0.3")),
        "Smooth": made(loud, *(Smooth(width=0.2, ahead=a).compute(scene, loud) for a in (0, 1)),
                       names=("signal", "ahead 0", "ahead 1")),
        "EMA": made(kick, EMA(attack=0.004, release=0.25).compute(scene, kick), names=("signal", "release 0.25")),
        "Relative": made(swell, Relative().compute(scene, swell), names=("signal", "over its slow mean")),
        "Normalise": made(kick * 0.3, Normalise().compute(scene, kick * 0.3), names=("soft kicks", "brought to 1")),
        "Remap": made(ramp, *(Remap(ease=e).compute(scene, ramp, zero, one, zero, one)
                              for e in ("in_cubic", "out_back", "out_bounce")),
                      names=("signal", "in_cubic", "out_back", "out_bounce")),
        "Quantise": made(waves, Quantise().compute(scene, waves, even(0.25)), names=("signal", "step 0.25")),
        "Threshold": made(waves, Threshold(on=0.6, off=0.4).compute(scene, waves), names=("signal", "on 0.6, off 0.4")),
        "Gate": made(waves, Gate(on=0.6, off=0.4).compute(scene, waves), names=("signal", "on 0.6, off 0.4")),
        "Delay": made(kick, *(Delay(time=t).compute(scene, kick) for t in ("0.5 beat", "-0.25 beat")),
                      names=("signal", "0.5 beat", "-0.25 beat")),
        "Select": made(waves, ramp, Select().compute(scene, waves, ramp, (times > 4).astype(np.float32)),
                       names=("a", "b", "index 0, then 1")),
        "Crossfade": made(waves, ramp, Crossfade().compute(scene, waves, ramp, ramp),
                          names=("a", "b", "amount 0 to 1")),
        "LFO": made(None, *(LFO(period="1 bar", shape=s).compute(scene, zero, one)
                            for s in ("sine", "triangle", "saw", "square", "noise")),
                    names=("sine", "triangle", "saw", "square", "noise")),
        "Random": made(None, Random(every="1 beat").compute(scene, zero, one),
                       Random(every="1 bar", glide=0.5, seed=3).compute(scene, zero, one),
                       names=("every 1 beat", "every 1 bar, glide 0.5")),
        "Sequence": made(None, Sequence(values=[0.1, 0.8, 0.4, 1], every="1 beat").compute(scene),
                         Sequence(values=[0.2, 0.9], every="section", glide=0.2).compute(scene),
                         names=("four values by beats", "two by sections")),
        "Keyframes": made(None, *(Keyframes(points=[[0, 0.1], [2, 1], ["at B", 0.3], [7, 0.8]], interpolate=i)
                                  .compute(scene) for i in ("linear", "smooth", "spline", "hold")),
                          names=("linear", "smooth", "spline", "hold")),
        "Handheld": made(None, *handheld(scene, kick).T, names=("x", "y", "turn / 100")),
        "CameraPath": made(None, *path(scene).T, names=("x", "y", "zoom - 1")),
    }  # fmt: skip


def handheld(scene: Scene, kick: np.ndarray) -> np.ndarray:
    """Return what a hand does that is hit by kicks, (T, 3), its turn so small that it fits beside the others."""
    numbers = {"amount": 0.006, "turn": 0.3, "speed": 0.3, "strength": 4.0}
    even = {name: np.full(len(kick), value, np.float32) for name, value in numbers.items()}
    return Handheld().compute(scene, hits=kick, **even) / [1, 1, 100]


def path(scene: Scene) -> np.ndarray:
    """Return the way of a camera through four places, one for each bar, (T, 3)."""
    moved = CameraPath(points=[[0, 0, 1], [0.3, 0, 1.4], [0.2, -0.2, 1.2], [-0.2, 0.1, 1.6]], every="1 bar").compute(
        scene
    )
    return moved[:, :3] - [0, 0, 1]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    beats = [beat * BEAT for beat in range(0, 17, 4)]
    for name, (names, signals) in pictures().items():
        times = np.arange(len(signals)) / float(FPS)
        write_drawing(FOLDER / f"{name}.svg", plot(signals, times, name, beats, names, SIZE))


if __name__ == "__main__":
    main()
