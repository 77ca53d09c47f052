"""Runs that change little: n2s beside a Makefile with the same steps as files.

    python bench/make.py                         a song of 68 s, 512x512, median of 3
    python bench/make.py --repeats 1

The steps are hearing, what drives the film, chunks of two seconds, and joining; `make_steps.py` has them. Two Makefiles
are tried. In "make" a chunk needs what drives the film, as one writes it at first. In "make, cut by hand" this is cut
into a file for each chunk, and files that would be the same are left as they are, so that only those chunks are made
again that an edit changes. Both run two steps at the same time; n2s has two jobs. Each row is the whole command, from
start to end, on the same two processors, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import soundfile
from make_steps import CHUNK
from plain_script import FPS
from run import RATE, ROOT, music
from script import CORES, write_graph
from timed import hold_to, in_turns, median, ratio, table, timed, versions

COMMON = """\
PYTHON := {python} {steps}
NUMBERS := {numbers}
film.mp4: $(NUMBERS:%=chunk%.mp4) music.wav
	$(PYTHON) join music.wav $@ $(NUMBERS:%=chunk%.mp4)
heard.npz: music.wav
	$(PYTHON) hear $< $@
driven.npz: heard.npz glow.txt
	$(PYTHON) drive heard.npz glow.txt $@
"""
PLAIN = """\
chunk%.mp4: driven.npz
	$(PYTHON) render $< $* {model} $@
"""
CUT = """\
cuts.done: driven.npz
	$(PYTHON) cut $< cuts {count}
	touch $@
cuts/%.npz: cuts.done
	@true
.PRECIOUS: cuts/%.npz
chunk%.mp4: cuts/%.npz
	$(PYTHON) render $< $* {model} $@
"""
KINDS = {"make": PLAIN, "make, cut by hand": CUT}


class Bench:
    """One folder for n2s and one for each Makefile."""

    def __init__(self, folder: Path, seconds: float):
        self.folder, self.turn = folder, 0
        count = -(-round(seconds * FPS) // CHUNK)
        about = {
            "python": sys.executable, "steps": ROOT / "bench" / "make_steps.py", "model": ROOT / "models",
            "count": count, "numbers": " ".join(f"{number:03}" for number in range(count)),
        }  # fmt: skip
        for kind in ("n2s", *KINDS):
            (folder / kind).mkdir()
            soundfile.write(folder / kind / "music.wav", music(seconds), RATE, subtype="PCM_16")
            if kind in KINDS:
                (folder / kind / "Makefile").write_text((COMMON + KINDS[kind]).format(**about))

    def run(self, kind: str) -> dict[str, float]:
        place = self.folder / kind
        if kind == "n2s":
            command = [sys.executable, "-m", "n2s", "run", "film.yaml", "--jobs", CORES, "--store", "store"]
            return timed([*command, "--out", "out"], cwd=place)
        made = self._chunks(place)
        took = timed(["make", "-s", f"-j{CORES}", "film.mp4"], cwd=place)
        return took | {"chunks": len(self._chunks(place) - made)}

    @staticmethod
    def _chunks(place: Path) -> set[tuple[str, int]]:
        return {(path.name, path.stat().st_mtime_ns) for path in place.glob("chunk*.mp4")}

    def set_glow(self, kind: str, glow: float) -> None:
        place = self.folder / kind
        if kind == "n2s":
            write_graph(place, ROOT / "models", glow=glow)
        else:
            (place / "glow.txt").write_text(f"{glow:g}")

    def nothing(self, kind: str) -> dict[str, float]:
        return self.run(kind)

    def touched(self, kind: str) -> dict[str, float]:
        """The music is saved again, with the same bytes."""
        path = self.folder / kind / "music.wav"
        shutil.copy(path, path.with_suffix(".copy"))
        os.replace(path.with_suffix(".copy"), path)
        return self.run(kind)

    def edited(self, kind: str) -> dict[str, float]:
        self.turn += 1
        self.set_glow(kind, 0.1 + 0.01 * self.turn)
        return self.run(kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=68, help="length of the song, more than 66")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    if not shutil.which("make"):
        sys.exit("There is no make on this machine.")
    hold_to(CORES)
    kinds, found = ("n2s", *KINDS), {}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), options.seconds)
        for kind in kinds:
            bench.set_glow(kind, 0.1)
            bench.run(kind)  # all of it is there
        for what in (bench.nothing, bench.edited, bench.touched):
            works = {kind: lambda kind=kind, what=what: what(kind) for kind in kinds}
            found[what.__name__] = in_turns(works, options.repeats)
    words = {"nothing": "nothing changed", "edited": "six seconds edited", "touched": "the music saved again"}
    rows = []
    for what, measured in found.items():
        for kind in kinds:
            taken = measured[kind]
            rows.append([
                words[what], kind, f"{median(taken, 'wall_s'):.2f}", f"{median(taken, 'cpu_s'):.2f}",
                f"{ratio(taken, measured['n2s'], 'cpu_s'):.2f}",
                "" if kind == "n2s" else f"{median(taken, 'chunks'):g}",
            ])  # fmt: skip
    about = versions("librosa", "onnxruntime", "numpy", "imageio-ffmpeg")
    print(f"{', '.join(f'{name} {version}' for name, version in about.items())}\n")
    print(table(["", "by", "s", "CPU s", "CPU to n2s", "chunks made"], rows))
    if options.json:
        options.json.write_text(json.dumps({"versions": about, "all": found}, indent=1))


if __name__ == "__main__":
    main()
