"""A whole film by n2s, and by the script that one would write without it: the first time, and after a small edit.

    python bench/script.py                        a song of 4 minutes, 512x512, 30 frames/s, median of 3
    python bench/script.py --seconds 80 --repeats 1

Both make the same kind of film with the same int8 decoder: `plain_script.py` says how without n2s. Every row is a
process of its own, from starting Python to its end, both held to the same two processors, in turns. The edit makes six
seconds a little brighter: the script then makes the whole film again, n2s what changed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import soundfile
from plain_script import FPS, GLOWS, NAMES, SIZE
from run import RATE, ROOT, empty, music
from timed import hold_to, in_turns, median, ratio, table, timed, versions

CORES = 2
COLD, EDIT = 2.5, 50.0  # targets: so many times as fast as the script
GRAPH = """\
n2s: 1
title: Bench
seed: 7
fps: {fps}
size: [{size}, {size}]
model: {model}
nodes:
  track: {{node: AudioSource, path: music.wav}}
  features: {{node: Features, audio: track}}
  level: {{node: EMA, signal: features.rms, half_life: 0.3}}
  pulse: {{node: EMA, signal: features.onset, half_life: 0.1}}
  weights: {{node: Weights, signal: level, count: 3}}
  anchors: {{node: Anchors, weights: weights, names: [{names}]}}
  drift: {{node: Wander, latents: anchors, amount: 0.35, period: 6}}
  film: {{node: VAEDecode, latents: drift, grid: [16, 16], provider: cpu{cache}}}
  tone:
    node: Tone
    frames: film
    exposure: "= 0.5 * pulse + {{glow}} * (time >= {begin:g}) * (time < {end:g})"
    contrast: = 1 + 0.2 * level
  vignette: {{node: Vignette, frames: tone, amount: 0.35}}
  grain: {{node: Grain, frames: vignette, amount: 0.04}}
  out: {{node: FFmpegSink, frames: grain, audio: track, path: film.mp4}}
"""
ROWS = {  # name: what is compared with which row of the script, by which target
    "n2s": COLD,
    "n2s, kernels compiled too": None,
    "n2s, edit": EDIT,
    "n2s, edit, with cache: frames": None,
    "n2s, nothing changed": None,
}


def write_graph(folder: Path, model: Path, name: str = "film.yaml", glow: float = 0.1, cache: str = "") -> None:
    text = GRAPH.format(fps=FPS, size=SIZE, model=json.dumps(str(model)), names=", ".join(NAMES), cache=cache,
                        begin=GLOWS[0], end=GLOWS[1])  # fmt: skip
    (folder / name).write_text(text.replace("{glow}", f"{glow:g}"))


class Bench:
    """The rows, each of which returns what it took."""

    def __init__(self, folder: Path, model: Path):
        self.folder, self.model, self.turn = folder, model, 0

    def script(self) -> dict[str, float]:
        command = [sys.executable, ROOT / "bench" / "plain_script.py", "music.wav", "plain.mp4", "--model", self.model]
        return timed(command, cwd=self.folder)

    def n2s(self, store: str = "store") -> dict[str, float]:
        command = [sys.executable, "-m", "n2s", "run", "film.yaml", "--jobs", CORES, "--store", store, "--out", "out"]
        return timed(command, cwd=self.folder)

    def cold(self) -> dict[str, float]:
        """The whole film from an empty store, of which only the compiled kernels are kept."""
        empty(self.folder / "store")
        write_graph(self.folder, self.model)
        return self.n2s()

    def all_cold(self) -> dict[str, float]:
        shutil.rmtree(self.folder / "fresh", ignore_errors=True)
        write_graph(self.folder, self.model)
        return self.n2s("fresh")

    def edit(self, cache: str = "") -> dict[str, float]:
        """A film that is kept, but for a glow that was never seen before."""
        self.turn += 1
        if cache:  # its decoded frames have to be there before
            write_graph(self.folder, self.model, cache=cache)
            self.n2s("cached")
        write_graph(self.folder, self.model, glow=0.1 + 0.01 * self.turn, cache=cache)
        return self.n2s("cached" if cache else "store")

    def measure(self, repeats: int) -> dict[str, list[dict[str, float]]]:
        write_graph(self.folder, self.model)
        self.n2s()  # compiles the kernels, and reads all files once
        return in_turns(
            {
                "script": self.script,
                "n2s": self.cold,
                "n2s, edit": self.edit,
                "n2s, nothing changed": self.n2s,
                "n2s, edit, with cache: frames": lambda: self.edit(", cache: frames"),
                "n2s, kernels compiled too": self.all_cold,
            },
            repeats,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=240, help="length of the song, more than 66")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    hold_to(CORES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / "music.wav", music(options.seconds), RATE, subtype="PCM_16")
        found = Bench(folder, ROOT / "models").measure(options.repeats)
    frames, script, rows = round(options.seconds * FPS), found["script"], []
    for name, taken in found.items():
        wanted = ROWS.get(name)
        rows.append([
            name, f"{median(taken, 'wall_s'):.1f}", f"{frames / median(taken, 'wall_s'):.1f}",
            f"{median(taken, 'cpu_s'):.1f}", f"{ratio(script, taken, 'wall_s'):.1f}",
            f"{ratio(script, taken, 'cpu_s'):.1f}", f"at least {wanted:g}" if wanted else "",
        ])  # fmt: skip
    about = versions("librosa", "onnxruntime", "numpy", "imageio-ffmpeg")
    print(f"{frames} frames of {SIZE}x{SIZE}, {', '.join(f'{name} {version}' for name, version in about.items())}\n")
    header = ["", "s", "frames/s", "CPU s", "times as fast as the script", "by CPU time", "target"]
    print(table(header, rows))
    if options.json:
        options.json.write_text(json.dumps({"frames": frames, "versions": about, "all": found}, indent=1))


if __name__ == "__main__":
    main()
