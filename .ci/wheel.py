"""Build the packages and use the wheel like a stranger: in an empty environment, elsewhere, without a network.

python .ci/wheel.py [--out dist]

The wheel is built from the sdist, so that the sdist is whole. What is installed must know its nodes, looks and schema,
and render a film of one look with the model that it brings. The example packages are installed beside it.
Needs `build` (the extra `dev`). Works on Linux, macOS and Windows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import venv
import wave
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {"n2s-lenses": "RibbedGlass", "n2s-scanlines": "Scanlines"}
IN_WHEEL = ("n2s/py.typed", "n2s/models/meta.json", "n2s/models/anchors.npz", "n2s/lettering/fonts/OFL.txt")
IN_SDIST = ("pyproject.toml", "constraints.txt", "graphs/album.yaml", "audio/tide.mp3", "tests/conftest.py")
GRAPH = """
n2s: 1
title: Stranger
fps: 12
size: [128, 72]
nodes:
  track: {node: AudioSource, path: music.wav}
  look: {node: Graph, look: liquid, audio: track}
  scanlines: {node: Scanlines, frames: look.frames}
  glass: {node: RibbedGlass, frames: scanlines}
  out: {node: FFmpegSink, frames: glass, audio: track, path: film.mp4}
"""
# Python runs this before anything else, in every process of the environment: whoever asks for the network fails loudly.
OFFLINE = """
import socket
def refused(*_, **__):
    raise OSError("the network is off in this test")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refused
"""


def run(*command: object, folder: Path, **variables: str) -> str:
    """Run a command in a folder, with no trace of the environment around; return what it prints."""
    words = [str(word) for word in command]
    print("+", " ".join(words), flush=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "N2S_"))}
    done = subprocess.run(
        words, cwd=folder, env=kept | {"PYTHONUTF8": "0"} | variables, text=True, encoding="utf-8", errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{done.stdout[-4000:]}\nExit status {done.returncode}.")
    return done.stdout


def build(out: Path) -> tuple[Path, Path]:
    """Build the sdist, and from it the wheel; return both."""
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, folder=ROOT)
    (wheel,), (sdist,) = out.glob("n2s-*.whl"), out.glob("n2s-*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        looks = ROOT / "graphs" / "looks"
        wanted = [f"n2s/looks/{path.relative_to(looks).as_posix()}" for path in looks.rglob("*.yaml")]
        lacks(wheel, [*IN_WHEEL, *wanted], set(archive.namelist()))
    with tarfile.open(sdist) as archive:
        lacks(sdist, IN_SDIST, {name.partition("/")[2] for name in archive.getnames()})
    return wheel, sdist


def lacks(package: Path, wanted: list[str] | tuple[str, ...], there: set[str]) -> None:
    if missing := sorted(set(wanted) - there):
        raise SystemExit(f"{package.name} lacks {', '.join(missing)}.")
    print(f"{package.name}: {len(there)} files, {package.stat().st_size / 2**20:.1f} MiB")


def write_music(path: Path, seconds: float = 2.0, rate: int = 22050) -> None:
    """Write a tone that beats twice a second."""
    count = int(seconds * rate)
    tone = (0.6 * math.exp(-6 * (i / rate % 0.5)) * math.sin(2 * math.pi * 220 * i / rate) for i in range(count))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(32767 * value)) for value in tone))


def use(wheel: Path, folder: Path) -> None:
    """Install a wheel and the example packages into an empty environment, take the network away, and render."""
    environment = folder / "empty"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python, n2s = scripts / "python", scripts / "n2s"
    # The constraints name versions, not places; the examples bring no requirement that is not there already.
    run(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", f"{wheel}[cpu]", folder=folder)
    run(python, "-m", "pip", "install", "-q", *(ROOT / "examples" / name for name in EXAMPLES), folder=folder)

    (site,) = (environment / "Lib" if os.name == "nt" else environment / "lib").rglob("site-packages")
    (site / "offline.py").write_text(OFFLINE, encoding="utf-8")
    (site / "offline.pth").write_text("import offline\n", encoding="utf-8")
    # A folder and a file whose names are not ASCII: paths and output must not depend on the machine's encoding.
    place = folder / "füße 音"
    place.mkdir()
    write_music(place / "music.wav")
    (place / "film.yaml").write_text(GRAPH, encoding="utf-8")

    nodes = run(n2s, "nodes", folder=place)
    for name, node in EXAMPLES.items():
        if node not in nodes:
            raise SystemExit(f"n2s nodes does not list {node} of {name}.")
    if "liquid" not in run(n2s, "looks", folder=place):
        raise SystemExit("n2s looks does not list liquid.")
    json.loads(run(n2s, "schema", folder=place))
    run(n2s, "check", "film.yaml", folder=place)
    store = {"N2S_STORE": str(folder / "store")}
    print(run(n2s, "run", "film.yaml", "--out", "films", folder=place, **store))
    again = run(n2s, "run", "film.yaml", "--out", "films", folder=place, **store)
    if "Rendered 0 chunks" not in again or not (place / "films" / "film.mp4").stat().st_size:
        raise SystemExit(f"The second run rendered again:\n{again}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="keep the packages in this folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="n2s-wheel-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        out = chosen.out.resolve() if chosen.out else folder / "dist"
        out.mkdir(parents=True, exist_ok=True)
        if any(out.glob("n2s-*")):
            raise SystemExit(f"{out} holds packages already; choose another folder.")
        wheel, _ = build(out)
        use(wheel, folder)
    print("The wheel installs, renders without a network, and brings model, looks, schema and fonts.")


if __name__ == "__main__":
    main()
