"""Looks: figures of the films that they make, beside which the films are looked at.

    python bench/looks.py --out /tmp/looks                          # all looks, on the music of the album
    python bench/looks.py --look ink --music song.mp3 --size 640x360

Every film is rendered by the command line, decoded by FFmpeg at 160 columns, and told of in one row:

- black: share of pixels with luma below 10 of 255, over the whole film; under 25 % unless the look is a night
- burnt: share of pixels with a colour from 254 on; under 2 %
- kicks, snares, sections: how far the picture follows them, as run.json has it; kicks 0.4 or more where there are some
- flashes: the most in any second, before and after the guard; at most 3 after it
- still: flicker in silence: how far the mean luminance of a frame is, on average, from the middle of the two frames
  beside it, in codes of 8 bits; under 0.3
- bands: what is left of rounding to 8 bits in dark squares of 32 x 32 pixels, rms in codes; under 0.07
- fps: frames per second of the whole run, the first time
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from n2s.graph.describe.looks import films
from n2s.graph.graph import Graph
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

AUDIO = Path(__file__).resolve().parent.parent / "audio"
ALBUM = [AUDIO / "ember.flac", AUDIO / "moss.ogg", AUDIO / "tide.mp3"]
SILENCE = 8  # seconds
SQUARE, DARK = 32, 0.16  # pixels; a square is dark below this display value
COLUMNS = ("black", "burnt", "kicks", "snares", "sections", "flashes", "still", "bands", "fps")
GRAPH = """\
n2s: 1
title: {title}
size: {size}
seed: 5
nodes:
  track: {{node: AudioSource, path: {music}}}
  look: {{node: Graph, look: {look}, audio: track{preset}}}
  out: {{node: FFmpegSink, frames: look, audio: track, path: {name}.mp4}}
"""


def write_graph(folder: Path, look: str, preset: str, music: Path, size: list[int]) -> Path:
    """Write the graph of a film, and return its path."""
    name = "-".join(filter(None, [look, preset, music.stem.replace(" ", "_")]))
    path = folder / f"{name}.yaml"
    chosen = f", preset: {preset}" if preset else ""
    path.write_text(GRAPH.format(title=name, size=size, music=json.dumps(str(music.resolve())), look=look,
                                 preset=chosen, name=name))  # fmt: skip
    return path


def render(graph: Path, out: Path, *more: str) -> dict[str, Any]:
    """Render a film and return what the record of its run says of it, with the frames per second."""
    before = set(out.glob("*/run.json"))
    done = subprocess.run(
        [sys.executable, "-m", "n2s", "run", graph, "--out", out, *more], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr + done.stdout)
    (record,) = set(out.glob("*/run.json")) - before
    run = json.loads(record.read_text())
    return run["films"][0] | {"rate": run["frames_per_second"]}


def pixels(film: Path) -> np.ndarray:
    """Return some of the pixels of a film as it is played, uint8 (T, H, 160, 3)."""
    # A player doubles the film's colours first; picked as they are stored, they would be those of other pixels.
    played = "scale=iw:ih:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24,scale=160:-2:flags=neighbor"
    arguments = ["-v", "error", "-i", str(film), "-vf", played, "-f", "rawvideo", "-pix_fmt",
                 "rgb24", "-"]  # fmt: skip
    done = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *arguments], capture_output=True, check=True)
    width, height = size_of(film)
    rows = 2 * round(height * 160 / width / 2)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, rows, 160, 3)


def size_of(film: Path) -> tuple[int, int]:
    """Return the width and height of a film."""
    reader = imageio_ffmpeg.read_frames(str(film))
    size = next(reader)["size"]
    reader.close()
    return size


def shares(film: Path) -> tuple[float, float]:
    """Return the shares of black and of burnt pixels, in percent."""
    rgb = pixels(film)
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return 100 * float(np.mean(luma < 10)), 100 * float(np.mean(rgb.max(axis=-1) >= 254))


def flicker(film: Path) -> float:
    """Return how far the mean luminance of a frame is from the middle of its neighbours', in codes of 8 bits."""
    means = (pixels(film) @ np.array([0.2126, 0.7152, 0.0722], np.float32)).mean(axis=(1, 2), dtype=np.float64)
    return float(np.abs(np.diff(means, 2)).mean() / 2)


def bands(graph: Path, folder: Path) -> float:
    """Return what dither leaves of rounding to 8 bits where a frame is dark: rms over squares, in codes.

    The frame of the look, and that of a folder of pictures that is made of it, at one moment.
    """
    text = (
        graph.read_text(encoding="utf-8")
        .replace("FFmpegSink", "PNGSink")
        .replace(".mp4}", "}")
        .replace(", audio: track, path", ", path")
    )
    path = graph.with_suffix(".png.yaml")
    path.write_text(text)
    made = Path(render(path, folder, "--from", "2", "--to", "2.2")["path"]) / "000000.png"
    reader = imageio_ffmpeg.read_frames(str(made), pix_fmt="rgb24")
    width, height = next(reader)["size"]
    codes = np.frombuffer(next(reader), np.uint8).reshape(height, width, 3).astype(np.float64)
    reader.close()
    with Session(Graph.load(path)) as session:
        moment = round(2 * float(session.values.clock.fps))
        exact = next(iter(View(session).blocks([moment])))[0].transpose(1, 2, 0).astype(np.float64)
    rows, columns = height // SQUARE, width // SQUARE

    def squares(values: np.ndarray) -> np.ndarray:
        cut = values[: rows * SQUARE, : columns * SQUARE]
        return cut.reshape(rows, SQUARE, columns, SQUARE, 3).mean(axis=(1, 3))

    wanted = squares(np.clip(exact, 0, 1))
    left = (squares(codes) - 255 * wanted)[(wanted < DARK) & (wanted > 1 / 255)]
    return float(np.sqrt(np.mean(left**2))) if left.size else 0.0


def silence(folder: Path) -> Path:
    """Return a piece of music in which nothing is heard."""
    path = folder / "silence.wav"
    source = ["-f", "lavfi", "-i", "anullsrc=r=44100:cl=mono", "-t", str(SILENCE)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *source, str(path)], check=True)
    return path


def measure(look: str, preset: str, music: Path, size: list[int], out: Path) -> dict[str, Any]:
    """Return the figures of one film."""
    film = render(graph := write_graph(out, look, preset, music, size), out)
    path = Path(film["path"])
    black, burnt = shares(path)
    follows = film.get("following", [{}])[0]
    flashes = film.get("flashes", [{}])[0]
    return {
        "film": graph.stem,
        "black": black,
        "burnt": burnt,
        **{f"{name}s": follows.get(name, {}).get("r") for name in ("kick", "snare", "section")},
        "flashes": _flashes(flashes) if flashes else None,
        "still": None,
        "bands": bands(graph, out),
        "fps": film["rate"],
    }


def _flashes(found: dict[str, Any]) -> str:
    """Return the most flashes in a second, of light or of red, before and after the guard: "5>3"."""
    return ">".join(
        str(max(found[kind][when] for kind in ("light", "red"))) for when in ("most_in_a_second", "most_left")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="append", help="one look, may be repeated; default: all")
    parser.add_argument("--preset", default="", help="one of its presets")
    parser.add_argument("--music", action="append", type=Path, help="a piece of music, may be repeated")
    parser.add_argument("--size", default="480x270")
    parser.add_argument("--out", type=Path, help="folder of the films; default: one that is removed")
    parser.add_argument("--json", type=Path, help="write all figures there")
    chosen = parser.parse_args()
    size = [int(side) for side in chosen.size.split("x")]
    with tempfile.TemporaryDirectory() as spare:
        out = chosen.out or Path(spare)
        out.mkdir(parents=True, exist_ok=True)
        rows = []
        print(f"{'':<34}" + "".join(f"{name:>10}" for name in COLUMNS), flush=True)
        for look in chosen.look or films():
            quiet = write_graph(out, look, chosen.preset, silence(out), size)
            still = flicker(Path(render(quiet, out)["path"]))
            for music in chosen.music or ALBUM:
                rows.append(measure(look, chosen.preset, music, size, out) | {"still": still})
                print(
                    f"{rows[-1]['film']:<34}" + "".join(f"{told(rows[-1][name]):>10}" for name in COLUMNS), flush=True
                )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


def told(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    main()
